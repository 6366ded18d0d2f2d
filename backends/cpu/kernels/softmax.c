/* Log-softmax and cross-entropy over the last axis of (N, C). */
#include "kernels.h"

#include <math.h>

/* log(sum exp(x)), computed from the maximum so that nothing overflows. */
static float log_sum_exp(const float *x, int64_t n) {
  float top = x[0], sum = 0;
  for (int64_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
  if (!isfinite(top)) top = 0;
  for (int64_t i = 0; i < n; i++) sum += expf(x[i] - top);
  return top + logf(sum);
}

static int64_t classes(const lp_desc *d) {
  return d->dim[d->ndim - 1];
}

KERNEL(log_softmax) {
  int64_t n = classes(&c->in[0].desc), rows = lp_numel(&c->in[0].desc) / n;
  for (int64_t unit; cpu_next(w, rows, &unit);) {
    const float *x = cpu_in(c, 0) + unit * n;
    float *y = cpu_out(c, 0) + unit * n, l = log_sum_exp(x, n);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - l;
    cpu_finish(c, unit * n, n);
  }
}

KERNEL(log_softmax_dx) {
  int64_t n = classes(&c->in[0].desc), rows = lp_numel(&c->in[0].desc) / n;
  for (int64_t unit; cpu_next(w, rows, &unit);) {
    const float *dy = cpu_in(c, 0) + unit * n, *y = cpu_in(c, 1) + unit * n;
    float *dx = cpu_out(c, 0) + unit * n, sum = cpu_sum(dy, n);
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] - expf(y[i]) * sum;
    cpu_finish(c, unit * n, n);
  }
}

typedef struct row_result {
  float loss, top1, top5;
} row_result;

/* Hits count the classes that come before the label; of equal ones the first wins. */
static row_result score(const float *x, int64_t n, int32_t label, float lse) {
  if (label < 0 || label >= n) return (row_result){NAN, 0, 0};
  float own = x[label];
  int64_t before = own == own ? 0 : n;
  for (int64_t i = 0; i < n; i++) before += !(x[i] < own) && (x[i] != own || i < label);
  return (row_result){lse - own, before < 1, before < 5};
}

WORKSPACE(cross_entropy) {
  return sizeof(row_result) * (size_t)c->in[0].desc.dim[0];
}

KERNEL(cross_entropy) {
  int64_t rows = c->in[0].desc.dim[0], n = classes(&c->in[0].desc);
  const int32_t *labels = c->in[1].p;
  row_result *result = c->ws;
  float *logp = cpu_out(c, 1);
  for (int64_t unit; cpu_next(w, rows, &unit);) {
    const float *x = cpu_in(c, 0) + unit * n;
    float l = log_sum_exp(x, n);
    for (int64_t i = 0; logp && i < n; i++) logp[unit * n + i] = x[i] - l;
    result[unit] = score(x, n, labels[unit], l);
  }
  cpu_barrier(w);
  if (w->id) return;
  double loss = 0, top1 = 0, top5 = 0;
  for (int64_t i = 0; i < rows; i++) {
    loss += result[i].loss;
    top1 += result[i].top1;
    top5 += result[i].top5;
  }
  float mean = (float)(loss / (double)rows);
  float *history = c->n_in > 2 && c->in[2].given ? c->in[2].p : NULL;
  if (history) {
    float *row = history + 4 * c->env->row;
    row[0] = mean;
    row[1] = (float)top1;
    row[2] = (float)top5;
    row[3] = (float)rows;
  }
  if (!cpu_has_out(c, 0)) return;
  *cpu_out(c, 0) = mean;
  cpu_finish(c, 0, 1);
}

KERNEL(cross_entropy_dx) {
  int64_t rows = c->in[1].desc.dim[0], n = classes(&c->in[1].desc);
  const int32_t *labels = c->in[2].p;
  float scale = *cpu_in(c, 0) / (float)rows;
  for (int64_t unit; cpu_next(w, rows, &unit);) {
    const float *logp = cpu_in(c, 1) + unit * n;
    float *dx = cpu_out(c, 0) + unit * n;
    for (int64_t i = 0; i < n; i++) dx[i] = scale * (expf(logp[i]) - (float)(i == labels[unit]));
    cpu_finish(c, unit * n, n);
  }
}
