/* Batch normalisation over (N, C) and (N, C, ...).
 *
 * The unit of work is a block of channels, summed by one worker in the order of the samples: 16
 * neighbouring channels when a channel has one element a sample, else one channel. */
#include "kernels.h"

#include <math.h>

enum { BLOCK = 16, FAN = 2 };

typedef struct shape {
  int64_t n, channels, inner, block, blocks;
} shape;

static shape shape_of(const lp_desc *d) {
  shape s = {.n = d->dim[0], .channels = d->dim[1]};
  s.inner = lp_inner(d) / s.channels;
  s.block = s.inner == 1 ? BLOCK : 1;
  s.blocks = ceil_div(s.channels, s.block);
  return s;
}

/* Where the elements of sample n begin that belong to the block at channel c. */
static inline int64_t offset(const shape *s, int64_t n, int64_t c) {
  return (n * s->channels + c) * s->inner;
}

/* Sums over i of a[i] - s and (a[i] - s) * (b[i] - m), in a fixed order. */
static void run_sums(const float *a, float s, const float *b, float m, int64_t n, double *plain,
                     double *product) {
  vec u[FAN] = {{0}}, v[FAN] = {{0}}, vs = splat(s), vm = splat(m);
  int64_t i = 0;
  for (; i + FAN * LANES <= n; i += FAN * LANES)
    for (int k = 0; k < FAN; k++) {
      vec d = load(a + i + k * LANES) - vs;
      u[k] += d;
      v[k] += d * (load(b + i + k * LANES) - vm);
    }
  vec uu = u[0] + u[1], vv = v[0] + v[1];
  double p = 0, q = 0;
  for (int k = 0; k < LANES; k++) {
    p += uu[k];
    q += vv[k];
  }
  for (; i < n; i++) {
    float d = a[i] - s;
    p += d;
    q += d * (b[i] - m);
  }
  *plain += p;
  *product += q;
}

/* The same for every channel of a block; shift[j] belongs to channel c + j. */
static void block_sums(const shape *s, int64_t c, int64_t nc, const float *a, const float *shift_a,
                       const float *b, const float *shift_b, double *plain, double *product) {
  for (int64_t j = 0; j < nc; j++) plain[j] = product[j] = 0;
  for (int64_t n = 0; n < s->n; n++) {
    const float *x = a + offset(s, n, c), *y = b + offset(s, n, c);
    if (s->inner > 1) {
      run_sums(x, shift_a[0], y, shift_b[0], s->inner, plain, product);
      continue;
    }
    for (int64_t j = 0; j < nc; j++) {
      float d = x[j] - shift_a[j];
      plain[j] += d;
      product[j] += d * (y[j] - shift_b[j]);
    }
  }
}

/* out = (x - mean) * slope + base */
static void block_affine(const cpu_call *c, const shape *s, int64_t channel, int64_t nc,
                         const float *x, const float *mean, const float *slope, const float *base) {
  float *out = cpu_out(c, 0);
  for (int64_t n = 0; n < s->n; n++) {
    int64_t at = offset(s, n, channel), count = s->inner > 1 ? s->inner : nc;
    const float *from = x + at;
    float *to = out + at;
    if (s->inner > 1) {
      float m = mean[0], a = slope[0], b = base[0];
      for (int64_t i = 0; i < count; i++) to[i] = (from[i] - m) * a + b;
    } else {
      for (int64_t j = 0; j < count; j++) to[j] = (from[j] - mean[j]) * slope[j] + base[j];
    }
    cpu_finish(c, at, count);
  }
}

KERNEL(batchnorm) {
  const lp_batchnorm_params p = c->params.batchnorm;
  shape s = shape_of(&c->in[0].desc);
  const float *x = cpu_in(c, 0), *gamma = cpu_in(c, 1), *beta = cpu_in(c, 2);
  float *running_mean = c->in[3].p, *running_var = c->in[4].p;
  float *mean_out = cpu_out(c, 1), *invstd_out = cpu_out(c, 2);
  double count = (double)(s.n * s.inner);
  for (int64_t unit; cpu_next(w, s.blocks, &unit);) {
    int64_t first = unit * s.block, nc = min64(s.block, s.channels - first);
    float mean[BLOCK] = {0}, slope[BLOCK], zero[BLOCK] = {0};
    double sum[BLOCK], square[BLOCK];
    block_sums(&s, first, nc, x, zero, x, zero, sum, square);
    for (int64_t j = 0; j < nc; j++) mean[j] = (float)(sum[j] / count);
    block_sums(&s, first, nc, x, mean, x, mean, sum, square);
    for (int64_t j = 0; j < nc; j++) {
      int64_t k = first + j;
      double var = square[j] / count, unbiased = square[j] / (count > 1 ? count - 1 : 1);
      double invstd = 1 / sqrt(var + (double)p.eps), m = p.momentum;
      slope[j] = (float)(invstd * (double)gamma[k]);
      running_mean[k] = (float)((1 - m) * (double)running_mean[k] + m * (double)mean[j]);
      running_var[k] = (float)((1 - m) * (double)running_var[k] + m * unbiased);
      if (mean_out) mean_out[k] = mean[j];
      if (invstd_out) invstd_out[k] = (float)invstd;
    }
    block_affine(c, &s, first, nc, x, mean, slope, beta + first);
  }
}

KERNEL(batchnorm_eval) {
  shape s = shape_of(&c->in[0].desc);
  const float *gamma = cpu_in(c, 1), *beta = cpu_in(c, 2), *mean = cpu_in(c, 3);
  const float *var = cpu_in(c, 4);
  for (int64_t unit; cpu_next(w, s.blocks, &unit);) {
    int64_t first = unit * s.block, nc = min64(s.block, s.channels - first);
    float slope[BLOCK];
    for (int64_t j = 0; j < nc; j++)
      slope[j] = gamma[first + j] / sqrtf(var[first + j] + c->params.batchnorm.eps);
    block_affine(c, &s, first, nc, cpu_in(c, 0), mean + first, slope, beta + first);
  }
}

/* Gradients. With batch statistics the mean and the deviation depend on x too, which takes the
 * components along 1 and along x out of dy; with running statistics they do not. */
static void gradients(const cpu_call *c, cpu_worker *w, bool batch) {
  shape s = shape_of(&c->in[0].desc);
  const float *dy = cpu_in(c, 0), *x = cpu_in(c, 1), *gamma = cpu_in(c, 2), *mean = cpu_in(c, 3);
  const float *spread = cpu_in(c, 4); /* invstd, or the running variance */
  float *dx = cpu_out(c, 0), *dgamma = cpu_out(c, 1), *dbeta = cpu_out(c, 2);
  double count = (double)(s.n * s.inner);
  for (int64_t unit; cpu_next(w, s.blocks, &unit);) {
    int64_t first = unit * s.block, nc = min64(s.block, s.channels - first);
    float slope[BLOCK] = {0}, k0[BLOCK] = {0}, k1[BLOCK] = {0}, zero[BLOCK] = {0};
    double sum[BLOCK], product[BLOCK];
    if (batch || dgamma || dbeta)
      block_sums(&s, first, nc, dy, zero, x, mean + first, sum, product);
    for (int64_t j = 0; j < nc; j++) {
      int64_t k = first + j;
      float invstd = batch ? spread[k] : 1 / sqrtf(spread[k] + c->params.batchnorm.eps);
      slope[j] = gamma[k] * invstd;
      if (dgamma) dgamma[k] = (float)(product[j] * (double)invstd);
      if (dbeta) dbeta[k] = (float)sum[j];
      if (!batch) continue;
      k0[j] = (float)(sum[j] / count);
      k1[j] = (float)(product[j] * (double)invstd * (double)invstd / count);
    }
    if (!dx) continue;
    for (int64_t n = 0; n < s.n; n++) {
      int64_t at = offset(&s, n, first), len = s.inner > 1 ? s.inner : nc;
      if (s.inner > 1) {
        float a = slope[0], b0 = k0[0], b1 = k1[0], m = mean[first];
        for (int64_t i = at; i < at + len; i++) dx[i] = a * (dy[i] - b0 - (x[i] - m) * b1);
      } else {
        for (int64_t j = 0; j < len; j++)
          dx[at + j] = slope[j] * (dy[at + j] - k0[j] - (x[at + j] - mean[first + j]) * k1[j]);
      }
      cpu_finish(c, at, len);
    }
  }
}

KERNEL(batchnorm_dx) {
  gradients(c, w, true);
}

KERNEL(batchnorm_eval_dx) {
  gradients(c, w, false);
}
