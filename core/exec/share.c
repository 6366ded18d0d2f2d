/* From which share of its weights down a layer is computed by these alone: what was measured on the
 * device and kept in the cache folder, else what devices of its kind gave. */
#include "exec_internal.h"

#include "../base/clock.h"
#include "../base/numbers.h"

#include <locality/io.h>
#include <locality/registry.h>
#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a measurement can say: beyond these, one of both ways is the faster at any share. */
static const double least_share = 0.002, most_share = 0.9;

static double usual_share(const lp_session *s) {
  /* Where forward pass and both gradients of 64 samples take as long either way (lp-bench sparse).
   * That of GPUs is a guess on the safe side: their products of matrices are the faster. */
  static const double by_type[] = {
      [LP_DEVICE_CPU] = 0.2,    [LP_DEVICE_DISCRETE] = 0.03, [LP_DEVICE_INTEGRATED] = 0.05,
      [LP_DEVICE_CL_CPU] = 0.2, [LP_DEVICE_DUMMY] = 0.2,     [LP_DEVICE_ACCELERATOR] = 0.03,
  };
  const double f32 = s->info.type < sizeof by_type / sizeof *by_type ? by_type[s->info.type] : 0.03;
  /* Lower precision speeds up matrices alone. */
  return strcmp(lp_device_precision(s->dev), "f32") == 0 ? f32 : f32 / 4;
}

/* ---- the file ---------------------------------------------------------------------------------
 */

/* sparse/HASH.txt in the cache folder, of all that decides times. */
static lp_status share_file(const lp_session *s, char *out, size_t cap) {
  char key[800], hex[65], name[48];
  snprintf(key, sizeof key, "%s|%s|%s|%s", s->info.name, s->info.driver,
           lp_device_kernels(s->dev, &s->info), lp_device_precision(s->dev));
  lp_status status = lp_sha256(key, strlen(key), hex);
  snprintf(name, sizeof name, "sparse/%.16s.txt", hex);
  return status == LP_OK ? lp_cache_path(name, out, cap) : status;
}

static lp_status keep_share(const lp_session *s, double share) {
  char path[4096], text[700];
  lp_status status = share_file(s, path, sizeof path);
  snprintf(
      text, sizeof text,
      "%.3g\n# up to this share of its weights, a layer is faster by these alone\n# %s; %s; %s\n",
      share, s->info.name, s->info.driver, lp_device_precision(s->dev));
  return status == LP_OK ? lp_write_file(path, text, strlen(text)) : status;
}

double lp_sparse_share(const lp_session *s) {
  LP_POINT_NUMBERS;
  char path[4096], line[64];
  double share = 0;
  FILE *f = share_file(s, path, sizeof path) == LP_OK ? fopen(path, "r") : NULL;
  if (f && fgets(line, sizeof line, f)) share = strtod(line, NULL);
  if (f) fclose(f);
  return share >= least_share && share <= most_share ? share : usual_share(s);
}

/* ---- measuring ---------------------------------------------------------------------------------
 */

typedef struct layer {
  uint32_t n_out, n_in, batch;
} layer;

static lp_val leaf(lp_graph *g, const char *name, lp_desc d, lp_init_kind kind) {
  const lp_init init = {kind, 1, NULL};
  return lp_graph_leaf(g, LP_ROLE_SCRATCH, name, &d, &init);
}

/* A pass of training of the layer (output, gradients of input and weights): of a pattern, or of a
 * matrix whose gradient is multiplied by a mask. */
static lp_status make_plan(lp_session *s, const layer *l, const lp_pattern *p, lp_plan **out) {
  lp_graph *g;
  lp_status status = lp_graph_new(p ? "sparse" : "dense", &g);
  if (status != LP_OK) return status;
  const uint32_t n = p ? LP_SPARSE_INPUTS : LP_LINEAR_INPUTS;
  const lp_desc weight = p ? lp_f32(p->n) : lp_f32(l->n_out, l->n_in);
  const lp_val x = leaf(g, "x", lp_f32(l->batch, l->n_in), LP_INIT_UNIFORM),
               dy = leaf(g, "dy", lp_f32(l->batch, l->n_out), LP_INIT_UNIFORM),
               w = leaf(g, p ? "wires" : "weight", weight, LP_INIT_UNIFORM);
  lp_val in[LP_LINEAR_INPUTS + LP_SPARSE_INPUTS] = {x, w}, target[3];
  if (p) status = lp_pattern_operands(p, g, "pattern", in);
  target[0] = lp_apply(g, p ? LP_OP_SPARSE_LINEAR : LP_OP_LINEAR, NULL, in, n);
  in[0] = dy;
  target[1] = lp_apply(g, p ? LP_OP_SPARSE_LINEAR_DX : LP_OP_LINEAR_DX, NULL, in, n);
  in[1] = x;
  target[2] = lp_apply(g, p ? LP_OP_SPARSE_LINEAR_DW : LP_OP_LINEAR_DW, NULL, in, n);
  if (!p) {
    const lp_val masked[] = {target[2], leaf(g, "mask", weight, LP_INIT_CONST)};
    target[2] = lp_apply(g, LP_OP_MUL, NULL, masked, 2);
  }
  if (status == LP_OK) status = lp_graph_status(g);
  if (status == LP_OK) status = lp_plan_create(s, g, target, 3, NULL, out);
  lp_graph_free(g);
  return status;
}

/* Each weight is there with that probability. */
static lp_status random_pattern(const layer *l, double share, lp_pattern **out) {
  const size_t all = (size_t)l->n_out * l->n_in;
  int32_t *rows = calloc((size_t)l->n_out + 1, sizeof *rows),
          *columns = malloc(all * sizeof *columns);
  lp_status status =
      rows && columns ? LP_OK : lp_fail(LP_ERR_MEMORY, "tune: out of memory for a pattern");
  lp_rng r = lp_rng_make(1, "pattern");
  const uint32_t below = (uint32_t)(share * (1 << 24));
  int32_t n = 0;
  for (uint32_t o = 0; status == LP_OK && o < l->n_out; o++) {
    for (uint32_t i = 0; i < l->n_in; i++)
      if (lp_rng_below(&r, 1 << 24) < below) columns[n++] = (int32_t)i;
    rows[o + 1] = n;
  }
  if (status == LP_OK && !n) columns[n++] = 0, rows[l->n_out] = 1;
  if (status == LP_OK) status = lp_pattern_new(l->n_out, l->n_in, rows, columns, out);
  free(rows);
  free(columns);
  return status;
}

static lp_status time_run(lp_session *s, lp_plan *p, double *seconds) {
  const lp_run run = {.iteration = 0};
  const double begin = lp_seconds();
  lp_status status = lp_plan_run(p, &run);
  if (status == LP_OK) status = lp_session_sync(s);
  *seconds = lp_seconds() - begin;
  return status;
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Time of the pattern over that of the matrix: the median over pairs of runs, each side by side. */
static lp_status time_ratio(lp_session *s, lp_plan *sparse, lp_plan *dense, double most,
                            double *ratio) {
  enum { WARM = 2, LEAST = 5, MOST = 31 };
  double all[MOST], a = 0, b = 0;
  uint32_t n = 0;
  const double begin = lp_seconds();
  lp_status status = LP_OK;
  for (uint32_t i = 0; status == LP_OK && n < MOST; i++) {
    status = time_run(s, sparse, &a);
    if (status == LP_OK) status = time_run(s, dense, &b);
    if (i >= WARM && b > 0) all[n++] = a / b;
    if (n >= LEAST && lp_seconds() - begin > most) break;
  }
  qsort(all, n, sizeof *all, rising);
  *ratio = n ? all[n / 2] : 1;
  return status;
}

static lp_status ratio_at(const char *device, const layer *l, double share, double most,
                          double *ratio) {
  lp_session *s = NULL;
  lp_pattern *p = NULL;
  lp_plan *sparse = NULL, *dense = NULL;
  lp_status status = random_pattern(l, share, &p);
  if (status == LP_OK) status = lp_session_open(device, 1, &s);
  if (status == LP_OK) status = make_plan(s, l, p, &sparse);
  if (status == LP_OK) status = make_plan(s, l, NULL, &dense);
  if (status == LP_OK) status = time_ratio(s, sparse, dense, most, ratio);
  lp_plan_free(sparse);
  lp_plan_free(dense);
  lp_session_close(s);
  lp_pattern_free(p);
  return status;
}

lp_status lp_sparse_tune(const char *device, uint32_t n_out, uint32_t n_in, uint32_t batch,
                         double seconds, double *share) {
  LP_POINT_NUMBERS;
  enum { STEPS = 8 }; /* halvings of the logarithm of 450: to 8 % */
  const layer l = {n_out, n_in, batch};
  double low = least_share, high = most_share, ratio = 1;
  lp_session *s;
  lp_status status = LP_OK;
  for (int i = 0; i < STEPS && status == LP_OK; i++) {
    const double at = sqrt(low * high);
    status = ratio_at(device, &l, at, seconds / STEPS, &ratio);
    if (status == LP_OK)
      lp_log(LP_LOG_INFO,
             "%s: %u x %u, %u samples, %.3g %% of the weights: %.2f "
             "of the matrix's time",
             device, n_out, n_in, batch, 100 * at, ratio);
    if (ratio < 1)
      low = at;
    else
      high = at;
  }
  if (status == LP_OK) status = lp_session_open(device, 1, &s);
  if (status != LP_OK) return status;
  status = keep_share(s, sqrt(low * high));
  *share = lp_sparse_share(s);
  lp_session_close(s);
  return status;
}
