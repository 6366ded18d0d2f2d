/* Element-wise operations, on their own and as chains behind other operations. */
#include "kernels.h"

#include <math.h>

enum { CHUNK = 8192 };

/* y may be x. first is the position of x[0] in its tensor. */
static void apply(uint32_t op, const lp_op_params *p, const cpu_call *c, int64_t first, int64_t n,
                  const float *x, const float *extra, float *y) {
  switch (op) {
  case LP_OP_RELU:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* a NaN stays */
    break;
  case LP_OP_RELU_DX:
    for (int64_t i = 0; i < n; i++) y[i] = extra[i] > 0 ? x[i] : 0;
    break;
  case LP_OP_DROPOUT:
    cpu_dropout(c->env, &p->dropout, c->post_inner, first, n, x, y);
    break;
  case LP_OP_ADD:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] + extra[i];
    break;
  case LP_OP_SUB:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - extra[i];
    break;
  case LP_OP_MUL:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * extra[i];
    break;
  case LP_OP_SCALE: {
    float alpha = p->scale.alpha, beta = p->scale.beta;
    for (int64_t i = 0; i < n; i++) y[i] = alpha * x[i] + beta;
    break;
  }
  case LP_OP_ABS:
    for (int64_t i = 0; i < n; i++) y[i] = fabsf(x[i]);
    break;
  case LP_OP_SQUARE:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * x[i];
    break;
  case LP_OP_TANH:
    for (int64_t i = 0; i < n; i++) y[i] = tanhf(x[i]);
    break;
  case LP_OP_TANH_DX:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * (1 - extra[i] * extra[i]);
    break;
  case LP_OP_SIGMOID:
    for (int64_t i = 0; i < n; i++) y[i] = 1 / (1 + expf(-x[i]));
    break;
  case LP_OP_SIGMOID_DX:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * extra[i] * (1 - extra[i]);
    break;
  case LP_OP_EXP:
    for (int64_t i = 0; i < n; i++) y[i] = expf(x[i]);
    break;
  case LP_OP_SQRT:
    for (int64_t i = 0; i < n; i++) y[i] = sqrtf(x[i]);
    break;
  case LP_OP_DIV:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] / extra[i];
    break;
  case LP_OP_SIGN:
    for (int64_t i = 0; i < n; i++) y[i] = (float)(x[i] > 0) - (float)(x[i] < 0);
    break;
  }
}

void cpu_post_apply(const cpu_call *c, int64_t first, int64_t n) {
  float *y = (float *)c->out[0].p + first;
  for (uint32_t i = 0; i < c->n_post; i++) {
    const cpu_post *p = &c->post[i];
    apply(p->op, &p->params, c, first, n, y, p->extra ? (const float *)p->extra + first : NULL, y);
  }
}

KERNEL(elementwise) {
  const float *x = cpu_in(c, 0), *extra = cpu_in(c, 1);
  float *y = cpu_out(c, 0);
  int64_t total = lp_numel(&c->out[0].desc);
  for (int64_t unit; cpu_next(w, ceil_div(total, CHUNK), &unit);) {
    int64_t first = unit * CHUNK, n = min64(CHUNK, total - first);
    apply(c->op, &c->params, c, first, n, x + first, extra ? extra + first : NULL, y + first);
    cpu_finish(c, first, n);
  }
}

KERNEL(expand) {
  float s = *cpu_in(c, 0), *y = cpu_out(c, 0);
  int64_t total = lp_numel(&c->out[0].desc);
  for (int64_t unit; cpu_next(w, ceil_div(total, CHUNK), &unit);) {
    int64_t first = unit * CHUNK, n = min64(CHUNK, total - first);
    for (int64_t i = first; i < first + n; i++) y[i] = s;
    cpu_finish(c, first, n);
  }
}

KERNEL(normalize) {
  const lp_desc *d = &c->out[0].desc;
  const lp_normalize_params *p = &c->params.normalize;
  int64_t plane = d->dim[2] * d->dim[3], channels = d->dim[1], planes = d->dim[0] * channels;
  bool bytes = c->in[0].desc.dtype == LP_U8;
  for (int64_t unit; cpu_next(w, planes, &unit);) {
    float mean = p->mean[unit % channels], sd = p->sd[unit % channels], scale = p->scale;
    float *y = cpu_out(c, 0) + unit * plane;
    if (bytes) {
      const uint8_t *x = (const uint8_t *)c->in[0].p + unit * plane;
      for (int64_t i = 0; i < plane; i++) y[i] = ((float)x[i] * scale - mean) / sd;
    } else {
      const float *x = cpu_in(c, 0) + unit * plane;
      for (int64_t i = 0; i < plane; i++) y[i] = (x[i] * scale - mean) / sd;
    }
    cpu_finish(c, unit * plane, plane);
  }
}
