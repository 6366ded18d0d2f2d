/* Mean pooling and its gradient, one (sample, channel) plane at a time. */
#include "kernels.h"

typedef struct window {
  int64_t in_h, in_w, out_h, out_w, stride, rows, columns;
  float share; /* of one element in its mean */
} window;

static window describe(const lp_pool_params *p, const lp_desc *small) {
  const int64_t columns = p->columns ? p->columns : p->k;
  return (window){.in_h = p->in_h,
                  .in_w = p->in_w,
                  .out_h = small->dim[2],
                  .out_w = small->dim[3],
                  .stride = p->stride,
                  .rows = p->k,
                  .columns = columns,
                  .share = 1.0f / (float)(p->k * columns)};
}

KERNEL(avgpool) {
  const lp_desc *out = &c->out[0].desc;
  const window v = describe(&c->params.pool, out);
  const int64_t n = v.out_h * v.out_w;
  for (int64_t plane; cpu_next(w, out->dim[0] * out->dim[1], &plane);) {
    const float *x = cpu_in(c, 0) + plane * v.in_h * v.in_w;
    float *y = cpu_out(c, 0) + plane * n;
    for (int64_t o = 0; o < n; o++) {
      const float *corner = x + (o / v.out_w * v.in_w + o % v.out_w) * v.stride;
      float sum = 0;
      for (int64_t r = 0; r < v.rows; r++)
        for (int64_t k = 0; k < v.columns; k++) sum += corner[r * v.in_w + k];
      y[o] = sum * v.share;
    }
    cpu_finish(c, plane * n, n);
  }
}

KERNEL(avgpool_dx) {
  const lp_desc *small = &c->in[0].desc;
  const window v = describe(&c->params.pool, small);
  const int64_t n = v.in_h * v.in_w;
  for (int64_t plane; cpu_next(w, small->dim[0] * small->dim[1], &plane);) {
    const float *dy = cpu_in(c, 0) + plane * v.out_h * v.out_w;
    float *dx = cpu_out(c, 0) + plane * n;
    memset(dx, 0, sizeof(float) * (size_t)n);
    for (int64_t o = 0; o < v.out_h * v.out_w; o++) {
      float *corner = dx + (o / v.out_w * v.in_w + o % v.out_w) * v.stride;
      for (int64_t r = 0; r < v.rows; r++)
        for (int64_t k = 0; k < v.columns; k++) corner[r * v.in_w + k] += dy[o] * v.share;
    }
    cpu_finish(c, plane * n, n);
  }
}
