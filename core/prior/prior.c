/* Building a prior from its specification, and asking it for values. */
#include "prior_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS 64 /* rows asked of a prior source at a time */

/* ---- names --------------------------------------------------------------------------------- */

static const char *const metric_name[] = {"l2", "l1", "linf"};
static const char *const normalize_name[] = {"none", "fan_in", "fan_out", "total"};

static lp_status parse_name(const char *what, const char *text, const char *const *names,
                            uint32_t n, uint32_t *out) {
  for (*out = 0; *out < n; ++*out)
    if (strcmp(text, names[*out]) == 0) return LP_OK;
  *out = 0;
  return lp_fail(LP_ERR_ARG, "no %s is called '%s'%s", what, text,
                 lp_did_you_mean_or(text, names, n).text);
}

static lp_status parse_metric(const char *text, lp_metric *out) {
  uint32_t i;
  lp_status s = parse_name("metric", text, metric_name, 3, &i);
  *out = (lp_metric)i;
  return s;
}

static lp_status parse_normalize(const char *text, lp_normalize *out) {
  uint32_t i;
  lp_status s = parse_name("normalization", text, normalize_name, 4, &i);
  *out = (lp_normalize)i;
  return s;
}

/* Parses a cost or a prior source: they share one set of names. */
static lp_status parse_cost(const char *text, lp_spec *out) {
  size_t len = strcspn(text, ":");
  lp_kind kind = LP_KIND_COST;
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind == LP_KIND_PRIOR && strlen(e->name) == len && memcmp(e->name, text, len) == 0)
      kind = LP_KIND_PRIOR;
  }
  return lp_spec_parse(kind, text, out);
}

/* ---- values -------------------------------------------------------------------------------- */

double lp_prior_distance(const lp_prior *p, uint32_t i, uint32_t j) {
  return lp_prior_gap(p, p->sheets.pos_out + (size_t)i * p->sheets.ndim,
                      p->sheets.pos_in + (size_t)j * p->sheets.ndim);
}

double lp_prior_at(const lp_prior *p, uint32_t i, uint32_t j) {
  double v = lp_prior_raw(p, i, j);
  if (p->row_scale) v *= p->row_scale[i];
  if (p->col_scale) v *= p->col_scale[j];
  return v;
}

lp_status lp_prior_measure(const lp_prior *p, uint32_t i, uint32_t j, double *d) {
  *d = lp_prior_distance(p, i, j);
  if (*d >= 0) return LP_OK;
  return lp_fail(LP_ERR_PLUGIN,
                 "topology %s: the distance of output unit %u and input unit %u is %g; no distance "
                 "is below 0 or NaN",
                 p->impl->topology.text, i, j, lp_prior_shown(*d));
}

lp_status lp_prior_signal(const lp_prior *p, const lp_cost *cost, double d, double *signal) {
  *signal = cost->signal(cost->self, p->impl->cost.args, &p->sheets, d);
  if (fabs(*signal) <= FLT_MAX) return LP_OK;
  return lp_fail(LP_ERR_PLUGIN,
                 "prior %s: the signal over a distance of %.9g is %g; layers compute in single "
                 "precision, which ends at 3.4e38",
                 p->impl->cost.text, d, lp_prior_shown(*signal));
}

static double request_distance(const lp_prior_request *req, uint32_t i, uint32_t j) {
  double d = lp_prior_distance(req->core, i, j);
  struct lp_prior_impl *impl = ((const lp_prior *)req->core)->impl;
  if (!(d >= 0) && !impl->bad_distance) {
    impl->bad_distance = true;
    impl->bad_out = i;
    impl->bad_in = j;
  }
  return d;
}

static lp_status fill_from_source(lp_prior *p, const lp_prior_source *source) {
  const lp_sheets *sh = &p->sheets;
  lp_prior_request req = {sizeof req, p->impl->metric, sh, request_distance, p};
  for (uint32_t i = 0; i < sh->n_out; i += BLOCK_ROWS) {
    uint32_t rows = sh->n_out - i < BLOCK_ROWS ? sh->n_out - i : BLOCK_ROWS;
    lp_status s = source->build(source->self, p->impl->cost.args, &req, i, rows,
                                p->dense + (size_t)i * sh->n_in);
    double d;
    if (p->impl->bad_distance) return lp_prior_measure(p, p->impl->bad_out, p->impl->bad_in, &d);
    if (s != LP_OK) return lp_fail_in(s, "prior %s", source->name);
  }
  return LP_OK;
}

static lp_status fill_dense(lp_prior *p) {
  const lp_sheets *sh = &p->sheets;
  const lp_entry *e = p->impl->cost.entry;
  p->dense = calloc((size_t)sh->n_out * sh->n_in, sizeof *p->dense);
  if (!p->dense)
    return lp_fail(LP_ERR_MEMORY, "prior %s: out of memory for a dense matrix of %u x %u", e->name,
                   sh->n_out, sh->n_in);
  if (e->kind == LP_KIND_PRIOR) return fill_from_source(p, e->descriptor);
  const lp_cost *c = e->descriptor;
  for (uint32_t i = 0; i < sh->n_out; i++)
    for (uint32_t j = 0; j < sh->n_in; j++) {
      double d;
      lp_status s = lp_prior_measure(p, i, j, &d);
      if (s == LP_OK) s = lp_prior_signal(p, c, d, &p->dense[(size_t)i * sh->n_in + j]);
      if (s != LP_OK) return s;
    }
  return LP_OK;
}

/* ---- permuted priors ----------------------------------------------------------------------- */

static bool is_permutation(const uint32_t *perm, uint32_t n) {
  bool *seen = calloc(n, sizeof *seen), ok = seen != NULL;
  for (uint32_t k = 0; k < n && ok; k++) {
    ok = perm[k] < n && !seen[perm[k]];
    if (ok) seen[perm[k]] = true;
  }
  free(seen);
  return ok;
}

static bool permute_offsets(int32_t **off, const uint32_t *perm, uint32_t n) {
  int32_t *moved = malloc(n * sizeof *moved);
  if (!moved) return false;
  for (uint32_t k = 0; k < n; k++) moved[k] = (*off)[perm[k]];
  free(*off);
  *off = moved;
  return true;
}

static bool permute_dense(lp_prior *p, const uint32_t *out, const uint32_t *in) {
  uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  double *moved = malloc((size_t)n_out * n_in * sizeof *moved);
  if (!moved) return false;
  for (uint32_t i = 0; i < n_out; i++)
    for (uint32_t j = 0; j < n_in; j++)
      moved[(size_t)i * n_in + j] = p->dense[(size_t)out[i] * n_in + in[j]];
  free(p->dense);
  p->dense = moved;
  return true;
}

/* If the cost is a permuting source, puts its base in its place; perm then holds the permutations
 * of the output and of the input units. */
static lp_status resolve_permuted(lp_prior *p, uint32_t **perm) {
  const lp_entry *e = p->impl->cost.entry;
  const lp_prior_source *source = e->kind == LP_KIND_PRIOR ? e->descriptor : NULL;
  if (!source || !source->permute) return LP_OK;
  uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  *perm = calloc((size_t)n_out + n_in, sizeof **perm);
  if (!*perm) return lp_fail(LP_ERR_MEMORY, "prior %s: out of memory", e->name);
  p->impl->permuted = p->impl->cost;
  p->impl->cost = (lp_spec){0};
  const char *base = NULL;
  lp_status s = source->permute(source->self, p->impl->permuted.args, &p->sheets, &base, *perm,
                                *perm + n_out);
  if (s == LP_OK &&
      (!base || !is_permutation(*perm, n_out) || !is_permutation(*perm + n_out, n_in)))
    s = lp_fail(LP_ERR_PLUGIN, "it gave no base cost, or something else than permutations");
  if (s == LP_OK) s = parse_cost(base, &p->impl->cost);
  if (s == LP_OK && p->impl->cost.entry->kind == LP_KIND_PRIOR &&
      ((const lp_prior_source *)p->impl->cost.entry->descriptor)->permute)
    s = lp_fail(LP_ERR_ARG, "its base %s is permuted itself", base);
  return s == LP_OK ? s : lp_fail_in(s, "prior %s", e->name);
}

static lp_status apply_permutation(lp_prior *p, const uint32_t *perm) {
  if (!perm) return LP_OK;
  const uint32_t *out = perm, *in = perm + p->sheets.n_out;
  bool ok = p->table ? permute_offsets(&p->off_out, out, p->sheets.n_out) &&
                           permute_offsets(&p->off_in, in, p->sheets.n_in)
                     : permute_dense(p, out, in);
  if (!ok) return lp_fail(LP_ERR_MEMORY, "prior: out of memory for a permutation");
  p->run = p->table ? lp_prior_runs(p->off_in, p->sheets.n_in) : 0;
  return LP_OK;
}

/* ---- building ------------------------------------------------------------------------------ */

static lp_status lay_out(lp_prior *p, const lp_prior_spec *spec) {
  lp_status s = parse_metric(spec->metric ? spec->metric : "l2", &p->impl->metric);
  if (s == LP_OK)
    s = lp_spec_parse(LP_KIND_TOPOLOGY, spec->topology ? spec->topology : "grid",
                      &p->impl->topology);
  return s == LP_OK ? lp_prior_place(p, spec) : s;
}

static lp_status build(lp_prior *p, const lp_prior_spec *spec) {
  lp_normalize mode;
  if (!spec->cost) return lp_fail(LP_ERR_ARG, "prior: no wiring cost is named");
  lp_status s = parse_normalize(spec->normalize ? spec->normalize : "none", &mode);
  if (s == LP_OK) s = parse_cost(spec->cost, &p->impl->cost);
  if (s == LP_OK) s = lay_out(p, spec);
  uint32_t *perm = NULL;
  if (s == LP_OK) s = resolve_permuted(p, &perm);
  const bool is_cost = s == LP_OK && p->impl->cost.entry->kind == LP_KIND_COST;
  if (is_cost) s = lp_prior_tabulate(p, p->impl->cost.entry->descriptor);
  if (s == LP_OK && is_cost && !p->table)
    s = lp_prior_find_near(p, p->impl->cost.entry->descriptor, perm);
  if (s == LP_OK && !p->table && !p->impl->wires) s = fill_dense(p);
  if (s == LP_OK && !p->impl->wires) s = apply_permutation(p, perm);
  free(perm);
  if (s == LP_OK && p->table) s = lp_prior_find_wires(p);
  return s == LP_OK ? lp_prior_normalize(p, mode, p->impl->cost.text) : s;
}

static lp_status make(const lp_prior_spec *spec,
                      lp_status (*fill)(lp_prior *p, const lp_prior_spec *spec), lp_prior **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  if (!spec->n_out || !spec->n_in || spec->n_out > INT32_MAX || spec->n_in > INT32_MAX)
    return lp_fail(LP_ERR_ARG, "prior: sheets of %u output and %u input units cannot be laid out",
                   spec->n_out, spec->n_in);
  lp_prior *p = calloc(1, sizeof *p);
  struct lp_prior_impl *impl = calloc(1, sizeof *impl);
  if (!p || !impl) {
    free(p);
    free(impl);
    return lp_fail(LP_ERR_MEMORY, "prior: out of memory");
  }
  p->impl = impl;
  lp_status s = fill(p, spec);
  if (s == LP_OK)
    *out = p;
  else
    lp_prior_free(p);
  return s;
}

lp_status lp_prior_build(const lp_prior_spec *spec, lp_prior **out) {
  return make(spec, build, out);
}

lp_status lp_prior_lay_out(const lp_prior_spec *spec, lp_prior **out) {
  return make(spec, lay_out, out);
}

void lp_prior_free(lp_prior *p) {
  if (!p) return;
  lp_spec_free(&p->impl->topology);
  lp_spec_free(&p->impl->cost);
  lp_spec_free(&p->impl->permuted);
  lp_pattern_free(p->impl->wires);
  free(p->impl->signal);
  free(p->impl->pos);
  free(p->impl);
  free(p->table);
  free(p->off_out);
  free(p->off_in);
  free(p->row_scale);
  free(p->col_scale);
  free(p->dense);
  free(p);
}
