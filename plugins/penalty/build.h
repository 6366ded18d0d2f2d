/* Short names for the graph functions of which penalties are made. x, y ...: values of graph g. */
#ifndef LOCALITY_PENALTY_BUILD_H
#define LOCALITY_PENALTY_BUILD_H

#include <locality/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct builder {
  const lp_host *host;
  lp_graph *g;
  const lp_layer_request *req;
} builder;

static inline lp_val one(const builder *b, lp_op op, lp_val x) {
  return b->host->apply(b->g, op, NULL, &x, 1);
}

static inline lp_val two(const builder *b, lp_op op, lp_val x, lp_val y) {
  const lp_val in[] = {x, y};
  return b->host->apply(b->g, op, NULL, in, 2);
}

/* alpha x + beta; x itself where that is the same. */
static inline lp_val affine(const builder *b, double alpha, lp_val x, double beta) {
  if (alpha == 1 && beta == 0) return x;
  const lp_op_params p = {.scale = {(float)alpha, (float)beta}};
  return b->host->apply(b->g, LP_OP_SCALE, &p, &x, 1);
}

static inline lp_val reshape(const builder *b, lp_val x, uint32_t rows, uint32_t cols) {
  const lp_op_params p = {.shape = {2, {rows, cols}}};
  return b->host->apply(b->g, LP_OP_RESHAPE, &p, &x, 1);
}

/* Entries begin .. begin + length - 1 of an axis. */
static inline lp_val slice(const builder *b, lp_val x, uint32_t axis, uint32_t begin,
                           uint32_t length) {
  const lp_op_params p = {.slice = {axis, begin, length}};
  return b->host->apply(b->g, LP_OP_SLICE, &p, &x, 1);
}

/* A scalar in every place of (rows, cols). */
static inline lp_val expand(const builder *b, lp_val scalar, uint32_t rows, uint32_t cols) {
  const lp_op_params p = {.shape = {2, {rows, cols}}};
  return b->host->apply(b->g, LP_OP_EXPAND, &p, &scalar, 1);
}

/* A matrix that does not learn; `part` tells those of one penalty apart. */
static inline lp_val matrix(const builder *b, const char *part, uint32_t rows, uint32_t cols,
                            const float *data) {
  const lp_desc d = lp_f32(rows, cols);
  char name[320];
  snprintf(name, sizeof name, "%s.%s", b->req->path, part);
  return b->host->constant(b->g, name, &d, data);
}

/* Made of one number, so that a penalty's constants do not change with the size of a batch. */
static inline lp_val number_one(const builder *b) {
  const float value = 1;
  const lp_desc scalar = {LP_F32, 0, {0}};
  char name[320];
  snprintf(name, sizeof name, "%s.one", b->req->path);
  return b->host->constant(b->g, name, &scalar, &value);
}

static inline lp_val ones(const builder *b, uint32_t rows, uint32_t cols) {
  return expand(b, number_one(b), rows, cols);
}

/* So many ones, of a number that a batch does not change: kept, so that no step makes them. */
static inline lp_val kept_ones(const builder *b, uint32_t rows, uint32_t cols) {
  char part[40];
  float *data = malloc((size_t)rows * cols * sizeof *data);
  if (!data) {
    b->host->graph_fail(b->g, LP_ERR_MEMORY, "out of memory");
    return LP_NO_VAL;
  }
  for (size_t i = 0; i < (size_t)rows * cols; i++) data[i] = 1;
  snprintf(part, sizeof part, "ones%ux%u", rows, cols);
  const lp_val v = matrix(b, part, rows, cols, data);
  free(data);
  return v;
}

/* The identity of n x n. */
static inline lp_val kept_identity(const builder *b, uint32_t n) {
  float *data = calloc((size_t)n * n, sizeof *data);
  if (!data) {
    b->host->graph_fail(b->g, LP_ERR_MEMORY, "out of memory");
    return LP_NO_VAL;
  }
  for (size_t i = 0; i < n; i++) data[i * n + i] = 1;
  const lp_val v = matrix(b, "identity", n, n, data);
  free(data);
  return v;
}

/* Sums over the columns of x (rows, cols): (rows, 1). */
static inline lp_val row_sums(const builder *b, lp_val x, uint32_t cols) {
  return two(b, LP_OP_LINEAR, x, kept_ones(b, 1, cols));
}

/* A column (rows, 1) beside itself: (rows, cols). */
static inline lp_val beside(const builder *b, lp_val column, uint32_t cols) {
  return two(b, LP_OP_LINEAR, column, kept_ones(b, cols, 1));
}

/* Rows of x (.., cols) divided by their lengths; a row of zeros stays one. */
static inline lp_val unit_rows(const builder *b, lp_val x, uint32_t cols) {
  const lp_val squares = row_sums(b, one(b, LP_OP_SQUARE, x), cols);
  const lp_val length = one(b, LP_OP_SQRT, affine(b, 1, squares, 1e-12));
  return two(b, LP_OP_DIV, x, beside(b, length, cols));
}

/* The distances of the units that a weight's elements connect: the prior P = d. */
typedef struct distances {
  lp_val in[LP_LINEAR_INPUTS];
  lp_op_params op;
  bool all_one; /* every distance is 1: nothing to do */
} distances;

static inline lp_status distances_of(const builder *b, const char *topology, const char *metric,
                                     distances *d) {
  *d = (distances){.all_one = true};
  lp_status s =
      b->host->prior(b->g, b->req, topology, "distance", metric, "none", d->in, &d->op.linear);
  d->all_one = !d->in[LP_PRIOR_TABLE].id && !d->in[LP_PRIOR_DENSE].id;
  return s;
}

/* x d, element by element. */
static inline lp_val times_distance(const builder *b, const distances *d, lp_val x) {
  lp_val in[LP_LINEAR_INPUTS];
  if (d->all_one) return x;
  for (uint32_t i = 0; i < LP_LINEAR_INPUTS; i++) in[i] = i ? d->in[i] : x;
  return b->host->apply(b->g, LP_OP_PRIOR, &d->op, in, LP_LINEAR_INPUTS);
}

/* What build gives back: the graph's first error, if there is one. */
static inline lp_status finish(const builder *b, lp_val scalar) {
  lp_desc d;
  return b->host->shape(b->g, scalar, &d);
}

/* The weight's shape as a matrix: filters are columns of their channel. Fails without a weight. */
static inline lp_status weight_shape(const builder *b, lp_val weight, uint32_t *rows,
                                     uint32_t *cols) {
  lp_desc d;
  if (!weight.id)
    return b->host->fail(LP_ERR_ARG, "the layer has no weights, which this penalty is about");
  lp_status s = b->host->shape(b->g, weight, &d);
  if (s != LP_OK) return s;
  *rows = (uint32_t)d.dim[0];
  *cols = (uint32_t)(lp_numel(&d) / d.dim[0]);
  return LP_OK;
}

/* The factor of a sum over n terms: 1 or 1/n. */
static inline lp_status reduction(const builder *b, const char *reduce, double n, double *factor) {
  const bool mean = strcmp(reduce, "mean") == 0;
  if (!mean && strcmp(reduce, "sum") != 0)
    return b->host->fail(LP_ERR_ARG, "reduce=%s: it is sum or mean", reduce);
  *factor = mean ? 1 / n : 1;
  return LP_OK;
}

/* What a penalty on wires has of a layer: the shape of its weight as a matrix, the lengths of its
 * elements, and the factor of a sum over them. */
typedef struct wires {
  uint32_t rows, cols;
  double factor;
  distances d;
} wires;

static inline lp_status wires_of(const builder *b, lp_val weight, const lp_arg *reduce,
                                 const lp_arg *topology, const lp_arg *metric, wires *out) {
  lp_status s = weight_shape(b, weight, &out->rows, &out->cols);
  if (s == LP_OK) s = reduction(b, reduce->text, (double)out->rows * out->cols, &out->factor);
  return s == LP_OK ? distances_of(b, topology->text, metric->text, &out->d) : s;
}

/* Parameters that several penalties have. */
#define REDUCE_PARAM                                                                               \
  { "reduce", LP_PARAM_STRING, 0, 0, 0, "sum", "over connections: sum or mean" }
#define TOPOLOGY_PARAM                                                                             \
  { "topology", LP_PARAM_STRING, 0, 0, 0, "grid", "where the units stand" }
#define METRIC_PARAM                                                                               \
  { "metric", LP_PARAM_STRING, 0, 0, 0, "l2", "distance: l2, l1 or linf" }

/* The module of the penalty `name_`, which has `params` and `build`; draw_: lp_penalty.draw. */
#define PENALTY(name_, module_, summary_, source_, draw_)                                          \
  static lp_status init(const lp_host *h, lp_registrar *r) {                                       \
    const lp_penalty penalty = {.struct_size = sizeof penalty,                                     \
                                .name = #name_,                                                    \
                                .summary = summary_,                                               \
                                .source = source_,                                                 \
                                .self = (void *)(uintptr_t)h,                                      \
                                .params = params,                                                  \
                                .n_params = sizeof params / sizeof *params,                        \
                                .build = build,                                                    \
                                .draw = draw_};                                                    \
    return h->add_penalty(r, &penalty);                                                            \
  }                                                                                                \
  LP_PLUGIN("penalty-" module_, "1.0", "Apache-2.0", "penalty: " summary_, init, NULL)

#endif
