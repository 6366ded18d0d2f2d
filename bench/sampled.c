/* Checking large products: single elements by their definition, in double precision. */
#include "bench.h"

#include <locality/rng.h>

#include <math.h>

enum { SAMPLES = 192 };

static const case_leaf *leaf_of(const case_program *p, uint32_t value) {
  for (uint32_t i = 0; i < p->n_leaves; i++)
    if (p->leaf[i].val.id == value) return &p->leaf[i];
  return NULL;
}

/* Operand i of the case's only step, element k; `absent` where there is no such operand. */
static double at(const case_program *p, uint32_t i, int64_t k, double absent) {
  const case_step *s = &p->step[0];
  const case_leaf *l = i < s->n_in && s->in[i] ? leaf_of(p, s->in[i]) : NULL;
  return l ? ref_element(l->desc.dtype, l->data, (size_t)k) : absent;
}

static double prior(const case_program *p, int64_t i, int64_t j, int64_t n_in) {
  const case_step *s = &p->step[0];
  if (s->n_in <= LP_PRIOR_DENSE) return 1;
  if (s->in[LP_PRIOR_DENSE]) return at(p, LP_PRIOR_DENSE, i * n_in + j, 1);
  if (!s->in[LP_PRIOR_TABLE]) return 1;
  double entry = at(p, LP_PRIOR_OFF_OUT, i, 0) + at(p, LP_PRIOR_OFF_IN, j, 0);
  return at(p, LP_PRIOR_TABLE, (int64_t)entry, 0) * at(p, LP_PRIOR_ROW_SCALE, i, 1) *
         at(p, LP_PRIOR_COL_SCALE, j, 1);
}

static double linear_element(const case_program *p, int64_t k) {
  const case_step *s = &p->step[0];
  const lp_desc *a = &p->desc[s->in[0]], *b = &p->desc[s->in[1]];
  double sum = 0;
  if (s->op == LP_OP_LINEAR) { /* a: x, b: w */
    int64_t I = a->dim[1], O = b->dim[0], n = k / O, i = k % O;
    for (int64_t j = 0; j < I; j++)
      sum += prior(p, i, j, I) * at(p, 1, i * I + j, 0) * at(p, 0, n * I + j, 0);
    return sum + at(p, 2, i, 0);
  }
  if (s->op == LP_OP_LINEAR_DX) { /* a: dy, b: w */
    int64_t O = a->dim[1], I = b->dim[1], n = k / I, j = k % I;
    for (int64_t i = 0; i < O; i++)
      sum += prior(p, i, j, I) * at(p, 1, i * I + j, 0) * at(p, 0, n * O + i, 0);
    return sum;
  }
  int64_t O = a->dim[1], I = b->dim[1], i = k / I, j = k % I; /* a: dy, b: x */
  for (int64_t n = 0; n < a->dim[0]; n++) sum += at(p, 0, n * O + i, 0) * at(p, 1, n * I + j, 0);
  return prior(p, i, j, I) * sum;
}

/* The sum over one axis quadruple of a convolution: y[n,o,r,s] = sum x[n,c,h,w] w[o,c,ky,kx]. */
static double conv_element(const case_program *p, int64_t k) {
  const case_step *s = &p->step[0];
  const lp_conv_params *cp = &s->params.conv;
  const lp_desc *out = &p->desc[s->out], *a = &p->desc[s->in[0]], *b = &p->desc[s->in[1]];
  int64_t d3 = k % out->dim[3], d2 = k / out->dim[3] % out->dim[2];
  int64_t d1 = k / (out->dim[3] * out->dim[2]) % out->dim[1], d0 = k / lp_inner(out);
  int64_t K = s->op == LP_OP_CONV2D_DW ? out->dim[2] : b->dim[2];
  int64_t stride = cp->stride, pad = cp->pad;
  double sum = 0;
  if (s->op == LP_OP_CONV2D) { /* a: x, b: w */
    for (int64_t c = 0; c < a->dim[1]; c++)
      for (int64_t t = 0; t < K * K; t++) {
        int64_t h = d2 * stride + t / K - pad, w = d3 * stride + t % K - pad;
        if (h < 0 || w < 0 || h >= a->dim[2] || w >= a->dim[3]) continue;
        sum += at(p, 0, ((d0 * a->dim[1] + c) * a->dim[2] + h) * a->dim[3] + w, 0) *
               at(p, 1, (d1 * b->dim[1] + c) * K * K + t, 0);
      }
    return sum + at(p, 2, d1, 0);
  }
  if (s->op == LP_OP_CONV2D_DX) { /* a: dy, b: w; out: dx */
    for (int64_t o = 0; o < a->dim[1]; o++)
      for (int64_t t = 0; t < K * K; t++) {
        int64_t r = d2 + pad - t / K, v = d3 + pad - t % K;
        if (r < 0 || v < 0 || r % stride || v % stride) continue;
        r /= stride, v /= stride;
        if (r >= a->dim[2] || v >= a->dim[3]) continue;
        sum += at(p, 0, ((d0 * a->dim[1] + o) * a->dim[2] + r) * a->dim[3] + v, 0) *
               at(p, 1, (o * b->dim[1] + d1) * K * K + t, 0);
      }
    return sum;
  }
  for (int64_t n = 0; n < a->dim[0]; n++) /* a: dy, b: x; out: dw */
    for (int64_t r = 0; r < a->dim[2]; r++)
      for (int64_t v = 0; v < a->dim[3]; v++) {
        int64_t h = r * stride + d2 - pad, w = v * stride + d3 - pad;
        if (h < 0 || w < 0 || h >= b->dim[2] || w >= b->dim[3]) continue;
        sum += at(p, 0, ((n * a->dim[1] + d0) * a->dim[2] + r) * a->dim[3] + v, 0) *
               at(p, 1, ((n * b->dim[1] + d1) * b->dim[2] + h) * b->dim[3] + w, 0);
      }
  return sum;
}

double bench_sampled_error(const case_program *p, const case_result *result) {
  if (p->n_steps != 1 || result->n == 0) return -1;
  uint32_t op = p->step[0].op;
  bool linear = op >= LP_OP_LINEAR && op <= LP_OP_LINEAR_DW;
  if (!linear && !(op >= LP_OP_CONV2D && op <= LP_OP_CONV2D_DW)) return -1;
  const case_item *item = &result->item[0];
  int64_t n = lp_numel(&item->desc);
  lp_rng rng = lp_rng_make(p->seed, "sampled");
  double difference = 0, scale = 0;
  for (uint32_t i = 0; i < SAMPLES; i++) {
    int64_t k = i == 0 ? 0 : i == 1 ? n - 1 : lp_rng_below(&rng, (uint32_t)n);
    double truth = linear ? linear_element(p, k) : conv_element(p, k);
    double ours = ref_element(item->desc.dtype, item->data, (size_t)k);
    if (!isfinite(ours)) return INFINITY;
    difference = fmax(difference, fabs(ours - truth));
    scale = fmax(scale, fabs(truth));
  }
  return scale > 0 ? difference / scale : difference;
}
