/* Replays a recorded case through the reference. */
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double ref_element(uint32_t dtype, const void *data, size_t i) {
  switch (dtype) {
  case LP_F32:
    return (double)((const float *)data)[i];
  case LP_F64:
    return ((const double *)data)[i];
  case LP_I32:
    return ((const int32_t *)data)[i];
  case LP_I64:
    return (double)((const int64_t *)data)[i];
  case LP_U8:
    return ((const uint8_t *)data)[i];
  default:
    return 0.0;
  }
}

static void load_leaf(const case_leaf *l, double *to) {
  size_t n = (size_t)lp_numel(&l->desc);
  for (size_t i = 0; i < n; i++) to[i] = ref_element(l->desc.dtype, l->data, i);
}

lp_status ref_load(const case_program *p, ref_values *v) {
  memset(v, 0, sizeof *v);
  for (uint32_t id = 1; id < CASE_MAX_VALUES; id++) {
    const lp_desc *d = &p->desc[id];
    if (d->dtype == LP_TOKEN) continue;
    v->value[id] = calloc((size_t)lp_numel(d), sizeof(double));
    if (!v->value[id]) {
      ref_free(v);
      return lp_fail(LP_ERR_MEMORY, "reference: out of memory");
    }
  }
  for (uint32_t i = 0; i < p->n_leaves; i++) load_leaf(&p->leaf[i], v->value[p->leaf[i].val.id]);
  return LP_OK;
}

void ref_reset(const case_program *p, ref_values *v) {
  for (uint32_t i = 0; i < p->n_leaves; i++)
    if (p->leaf[i].role == ROLE_STATE) load_leaf(&p->leaf[i], v->value[p->leaf[i].val.id]);
}

void ref_replay(const case_program *p, ref_values *v, uint32_t runs) {
  lp_run run = p->run;
  for (uint32_t r = 0; r < runs; r++, run.iteration++)
    for (uint32_t k = 0; k < p->n_steps; k++) {
      const case_step *s = &p->step[k];
      double *in[CASE_MAX_IN] = {0};
      const lp_desc *in_desc[CASE_MAX_IN] = {0};
      for (uint32_t i = 0; i < s->n_in; i++) {
        in[i] = v->value[s->in[i]];
        in_desc[i] = &p->desc[s->in[i]];
      }
      ref_call call = {&s->params,       in,   in_desc, s->n_in, &v->value[s->out],
                       &p->desc[s->out], &run, p->seed};
      ref_op_get(s->op)(&call);
    }
}

/* Of one plane of windows: the least distance of a largest element from the next below it. */
static double pool_gap(const case_step *s, const lp_desc *x, const lp_desc *y,
                       const double *value) {
  uint32_t k = s->params.pool.k, stride = s->params.pool.stride;
  double least = INFINITY;
  for (int64_t i = 0; i < lp_numel(y); i++) {
    int64_t plane = i / (y->dim[2] * y->dim[3]);
    int64_t h = i / y->dim[3] % y->dim[2] * stride, w = i % y->dim[3] * stride;
    const double *corner = value + (plane * x->dim[2] + h) * x->dim[3] + w;
    double best = -INFINITY, next = -INFINITY;
    for (uint32_t e = 0; e < k * k; e++) {
      double v = corner[(int64_t)(e / k) * x->dim[3] + e % k];
      if (v > best)
        next = best, best = v;
      else if (v < best)
        next = fmax(next, v);
    }
    least = fmin(least, best - next);
  }
  return least;
}

static double relu_gap(const lp_desc *x, const double *value) {
  double least = INFINITY;
  for (int64_t i = 0; i < lp_numel(x); i++)
    if (value[i] != 0) least = fmin(least, fabs(value[i]));
  return least;
}

double ref_gap(const case_program *p, const ref_values *v) {
  double least = INFINITY;
  for (uint32_t i = 0; i < p->n_steps; i++) {
    const case_step *s = &p->step[i];
    const lp_desc *x = &p->desc[s->in[0]];
    const double *value = v->value[s->in[0]];
    bool leaf = false; /* no engine computes it: it is the same for all */
    for (uint32_t k = 0; k < p->n_leaves; k++) leaf |= p->leaf[k].val.id == s->in[0];
    if (leaf || (s->op != LP_OP_MAXPOOL2D && s->op != LP_OP_RELU)) continue;
    double largest = 0,
           gap = s->op == LP_OP_RELU ? relu_gap(x, value) : pool_gap(s, x, &p->desc[s->out], value);
    for (int64_t k = 0; k < lp_numel(x); k++) largest = fmax(largest, fabs(value[k]));
    if (largest > 0) least = fmin(least, gap / largest);
  }
  return least;
}

void ref_free(ref_values *v) {
  for (uint32_t id = 0; id < CASE_MAX_VALUES; id++) {
    free(v->value[id]);
    v->value[id] = NULL;
  }
}
