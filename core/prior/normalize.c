/* Checks of a prior's values, and the normalisations as scales of its rows or columns. */
#include "prior_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* As devices see it: beyond single precision's range there is nothing, and below its normal numbers
 * many count as 0. */
static double single(double v) {
  return fabs(v) < FLT_MIN ? 0 : v;
}

static double single_at(const lp_prior *p, uint32_t i, uint32_t j) {
  double v = single(lp_prior_raw(p, i, j));
  if (p->row_scale) v *= single(p->row_scale[i]);
  if (p->col_scale) v *= single(p->col_scale[j]);
  return single(v);
}

static lp_status fail_zero_row(const lp_prior *p, uint32_t i, const char *name) {
  double most = 0;
  for (uint32_t j = 0; j < p->sheets.n_in; j++) most = fmax(most, fabs(lp_prior_raw(p, i, j)));
  if (most == 0)
    return lp_fail(LP_ERR_PLUGIN, "prior %s: output unit %u receives nothing (a row of zeros)",
                   name, i);
  return lp_fail(LP_ERR_PLUGIN,
                 "prior %s: output unit %u receives nothing: its largest signal, %g%s, is 0 in the "
                 "single precision in which layers compute",
                 name, i, most, p->row_scale || p->col_scale ? " before normalisation" : "");
}

/* The values, with the scales there are. A cost's own were checked when they were asked for, so a
 * row of a table without scales has to be read up to its first signal only. */
static lp_status check_rows(const lp_prior *p, const char *name) {
  bool checked = p->table && !p->row_scale && !p->col_scale;
  for (uint32_t i = 0; i < p->sheets.n_out; i++) {
    bool any = false;
    const int32_t *at;
    const uint32_t n = lp_prior_row(p, i, &at);
    for (uint32_t k = 0; k < n && !(any && checked); k++) {
      const uint32_t j = at ? (uint32_t)at[k] : k;
      double v = single_at(p, i, j);
      if (!(fabs(v) <= FLT_MAX))
        return lp_fail(LP_ERR_PLUGIN,
                       "prior %s: P[%u][%u] is %g; layers compute in single precision, which ends "
                       "at 3.4e38",
                       name, i, j, lp_prior_shown(v));
      any = any || v != 0;
    }
    if (!any) return fail_zero_row(p, i, name);
  }
  return LP_OK;
}

static lp_status check_scales(const double *scale, uint32_t n, const char *side, const char *name) {
  for (uint32_t k = 0; scale && k < n; k++)
    if (!(fabs(scale[k]) <= FLT_MAX))
      return lp_fail(
          LP_ERR_PLUGIN,
          "prior %s: normalisation needs a factor of %g at %s unit %u; layers compute in "
          "single precision, which ends at 3.4e38",
          name, scale[k], side, k);
  return LP_OK;
}

static double row_sum(const lp_prior *p, uint32_t i) {
  double sum = 0;
  const int32_t *at;
  const uint32_t n = lp_prior_row(p, i, &at);
  for (uint32_t k = 0; k < n; k++) sum += fabs(lp_prior_raw(p, i, at ? (uint32_t)at[k] : k));
  return sum;
}

static double *ones(uint32_t n) {
  double *v = malloc(n * sizeof *v);
  for (uint32_t k = 0; v && k < n; k++) v[k] = 1;
  return v;
}

/* A scale of exactly 1 everywhere is none. */
static void drop_ones(double **scale, uint32_t n) {
  for (uint32_t k = 0; k < n; k++)
    if ((*scale)[k] != 1) return;
  free(*scale);
  *scale = NULL;
}

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "prior: out of memory for normalisation");
}

static lp_status scale_rows(lp_prior *p, bool total) {
  uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  double *row = p->row_scale = ones(n_out), all = 0;
  if (!row) return no_memory();
  for (uint32_t i = 0; i < n_out; i++) {
    double sum = row_sum(p, i); /* not zero: such rows were refused */
    all += sum;
    row[i] = n_in / sum;
  }
  for (uint32_t i = 0; total && i < n_out; i++) row[i] = (double)n_out * n_in / all;
  drop_ones(&p->row_scale, n_out);
  return LP_OK;
}

static lp_status scale_columns(lp_prior *p, const char *name) {
  uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  double *col = p->col_scale = ones(n_in);
  if (!col) return no_memory();
  for (uint32_t j = 0; j < n_in; j++) col[j] = 0;
  for (uint32_t i = 0; i < n_out; i++) {
    const int32_t *at;
    const uint32_t n = lp_prior_row(p, i, &at);
    for (uint32_t k = 0; k < n; k++) {
      const uint32_t j = at ? (uint32_t)at[k] : k;
      col[j] += fabs(lp_prior_raw(p, i, j));
    }
  }
  for (uint32_t j = 0; j < n_in; j++) {
    if (col[j] == 0)
      return lp_fail(LP_ERR_ARG,
                     "prior %s: input unit %u sends to nobody, so normalize=fan_out is not defined",
                     name, j);
    col[j] = n_out / col[j];
  }
  drop_ones(&p->col_scale, n_in);
  return LP_OK;
}

lp_status lp_prior_normalize(lp_prior *p, lp_normalize mode, const char *name) {
  lp_status s = check_rows(p, name);
  if (s != LP_OK || mode == LP_NORMALIZE_NONE) return s;
  s = mode == LP_NORMALIZE_FAN_OUT ? scale_columns(p, name)
                                   : scale_rows(p, mode == LP_NORMALIZE_TOTAL);
  if (s == LP_OK) s = check_scales(p->row_scale, p->sheets.n_out, "output", name);
  if (s == LP_OK) s = check_scales(p->col_scale, p->sheets.n_in, "input", name);
  return s == LP_OK ? check_rows(p, name) : s;
}
