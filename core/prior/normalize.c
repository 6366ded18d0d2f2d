/* Checks of a prior's values, and the normalisations as scales of its rows or columns. */
#include "prior_internal.h"

#include <math.h>
#include <stdlib.h>

static lp_status check_finite(const lp_prior *p, const char *name) {
  size_t n = p->table ? p->n_table : (size_t)p->sheets.n_out * p->sheets.n_in;
  const double *v = p->table ? p->table : p->dense;
  for (size_t k = 0; k < n; k++)
    if (!isfinite(v[k])) {
      const char *what = isnan(v[k]) ? "NaN" : "infinite";
      if (p->table) return lp_fail(LP_ERR_PLUGIN, "prior %s: a signal is %s", name, what);
      return lp_fail(LP_ERR_PLUGIN, "prior %s: P[%zu][%zu] is %s", name, k / p->sheets.n_in,
                     k % p->sheets.n_in, what);
    }
  return LP_OK;
}

static bool zero_row(const lp_prior *p, uint32_t i) {
  for (uint32_t j = 0; j < p->sheets.n_in; j++)
    if (lp_prior_raw(p, i, j) != 0) return false;
  return true;
}

static double row_sum(const lp_prior *p, uint32_t i) {
  double sum = 0;
  for (uint32_t j = 0; j < p->sheets.n_in; j++) sum += fabs(lp_prior_raw(p, i, j));
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
  for (uint32_t i = 0; i < n_out; i++)
    for (uint32_t j = 0; j < n_in; j++) col[j] += fabs(lp_prior_raw(p, i, j));
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
  lp_status s = check_finite(p, name);
  if (s != LP_OK) return s;
  for (uint32_t i = 0; i < p->sheets.n_out; i++)
    if (zero_row(p, i))
      return lp_fail(LP_ERR_PLUGIN, "prior %s: output unit %u receives nothing (a row of zeros)",
                     name, i);
  if (mode == LP_NORMALIZE_FAN_OUT) return scale_columns(p, name);
  return mode == LP_NORMALIZE_NONE ? LP_OK : scale_rows(p, mode == LP_NORMALIZE_TOTAL);
}
