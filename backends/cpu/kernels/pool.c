/* Max pooling, one (sample, channel) plane at a time. */
#include "vec.h"

#include <math.h>

enum { MAX_WIDTH = 4096 }; /* outputs of a row that are worked on at a time */

/* One row of outputs. The first maximum wins; a NaN counts as larger than any number. */
INLINE void pool_row(const float *x, int64_t pitch, int k, int64_t stride, int64_t n, float *y,
                     uint8_t *which) {
  for (int64_t o = 0; o < n; o++) {
    y[o] = x[o * stride];
    which[o] = 0;
  }
  for (int t = 1; t < k * k; t++) {
    const float *row = x + t / k * pitch + t % k;
    for (int64_t o = 0; o < n; o++) {
      float v = row[o * stride];
      bool more = v > y[o] || v != v;
      y[o] = more ? v : y[o];
      which[o] = more ? (uint8_t)t : which[o];
    }
  }
}

void ISA(k_maxpool)(const cpu_call *c, cpu_worker *w);
void ISA(k_maxpool)(const cpu_call *c, cpu_worker *w) {
  const lp_desc *in = &c->in[0].desc, *out = &c->out[0].desc;
  int64_t h = out->dim[2], width = out->dim[3], planes = out->dim[0] * out->dim[1];
  int64_t pitch = in->dim[3], plane = in->dim[2] * pitch, stride = c->params.pool.stride;
  int k = (int)c->params.pool.k;
  uint8_t unused[MAX_WIDTH], *which = cpu_has_out(c, 1) ? c->out[1].p : NULL;
  for (int64_t unit; cpu_next(w, planes, &unit);) {
    for (int64_t i = 0; i < h; i++) {
      for (int64_t o = 0; o < width; o += MAX_WIDTH) {
        int64_t n = min64(MAX_WIDTH, width - o), at = (unit * h + i) * width + o;
        const float *x = cpu_in(c, 0) + unit * plane + i * stride * pitch + o * stride;
        float *y = cpu_out(c, 0) + at;
        uint8_t *code = which ? which + at : unused;
        if (stride == 2 && k == 2)
          pool_row(x, pitch, 2, 2, n, y, code);
        else if (stride == 2)
          pool_row(x, pitch, k, 2, n, y, code);
        else
          pool_row(x, pitch, k, stride, n, y, code);
      }
    }
    cpu_finish(c, unit * h * width, h * width);
  }
}

void ISA(k_maxpool_dx)(const cpu_call *c, cpu_worker *w);
void ISA(k_maxpool_dx)(const cpu_call *c, cpu_worker *w) {
  const lp_desc *in = &c->in[0].desc, *out = &c->out[0].desc;
  int64_t h = in->dim[2], width = in->dim[3], planes = in->dim[0] * in->dim[1];
  int64_t pitch = out->dim[3], plane = out->dim[2] * pitch, stride = c->params.pool.stride;
  int k = (int)c->params.pool.k;
  int64_t offset[256];
  for (int t = 0; t < k * k; t++) offset[t] = t / k * pitch + t % k;
  for (int64_t unit; cpu_next(w, planes, &unit);) {
    float *dx = cpu_out(c, 0) + unit * plane;
    memset(dx, 0, sizeof(float) * (size_t)plane);
    for (int64_t i = 0; i < h; i++) {
      const float *dy = cpu_in(c, 0) + (unit * h + i) * width;
      const uint8_t *which = (const uint8_t *)c->in[1].p + (unit * h + i) * width;
      float *row = dx + i * stride * pitch;
      for (int64_t o = 0; o < width; o++) row[o * stride + offset[which[o]]] += dy[o];
    }
    cpu_finish(c, unit * plane, plane);
  }
}
