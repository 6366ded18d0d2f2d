/* Optimiser steps and accumulation, over any number of tensors at once. */
#include "kernels.h"

#include <math.h>

enum { CHUNK = 16384 };

/* Finds chunk `unit` of the operand groups: its group and the first element in it. */
static int64_t chunks_of(const cpu_call *c, uint32_t group) {
  int64_t n = 0;
  for (uint32_t g = 0; g + group <= c->n_in; g += group)
    n += ceil_div(lp_numel(&c->in[g].desc), CHUNK);
  return n;
}

static int64_t locate(const cpu_call *c, uint32_t group, int64_t unit, uint32_t *g, int64_t *n) {
  for (*g = 0;; *g += group) {
    int64_t total = lp_numel(&c->in[*g].desc), chunks = ceil_div(total, CHUNK);
    if (unit < chunks) {
      *n = min64(CHUNK, total - unit * CHUNK);
      return unit * CHUNK;
    }
    unit -= chunks;
  }
}

/* Where operand i of the group at g is, NULL when it is absent. */
static float *at(const cpu_call *c, uint32_t g, uint32_t i, int64_t first) {
  return c->in[g + i].given ? (float *)c->in[g + i].p + first : NULL;
}

static inline float decayed(float g, float p, const lp_optim_params *o) {
  if (o->decay_kind == LP_DECAY_L2) return g + o->decay * p;
  if (o->decay_kind == LP_DECAY_L1) return g + o->decay * ((float)(p > 0) - (float)(p < 0));
  return g;
}

/* Factor on the parameter before the update: decoupled decay. */
static float shrink(const lp_optim_params *o, double lr) {
  return o->decay_kind == LP_DECAY_DECOUPLED ? (float)(1.0 - lr * (double)o->decay) : 1.0f;
}

KERNEL(sgd) {
  const lp_optim_params o = c->params.optim;
  double rate = c->env->lr * (double)o.lr_scale;
  float lr = (float)rate, keep = shrink(&o, rate);
  for (int64_t unit; cpu_next(w, chunks_of(c, 3), &unit);) {
    uint32_t group;
    int64_t n, first = locate(c, 3, unit, &group, &n);
    float *p = at(c, group, 0, first), *m = at(c, group, 2, first);
    const float *g = at(c, group, 1, first);
    if (m) {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) {
        m[i] = o.momentum * m[i] + decayed(g[i], p[i], &o);
        p[i] = keep * p[i] - lr * m[i];
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) p[i] = keep * p[i] - lr * decayed(g[i], p[i], &o);
    }
  }
}

KERNEL(rmsprop) {
  const lp_optim_params o = c->params.optim;
  double rate = c->env->lr * (double)o.lr_scale;
  float lr = (float)rate, keep = shrink(&o, rate), fresh = 1.0f - o.alpha;
  for (int64_t unit; cpu_next(w, chunks_of(c, 4), &unit);) {
    uint32_t group;
    int64_t n, first = locate(c, 4, unit, &group, &n);
    float *p = at(c, group, 0, first), *s = at(c, group, 2, first), *m = at(c, group, 3, first);
    const float *g = at(c, group, 1, first);
    if (m) {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) {
        float d = decayed(g[i], p[i], &o);
        s[i] = o.alpha * s[i] + fresh * d * d;
        m[i] = o.momentum * m[i] + d / (sqrtf(s[i]) + o.eps);
        p[i] = keep * p[i] - lr * m[i];
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) {
        float d = decayed(g[i], p[i], &o);
        s[i] = o.alpha * s[i] + fresh * d * d;
        p[i] = keep * p[i] - lr * (d / (sqrtf(s[i]) + o.eps));
      }
    }
  }
}

KERNEL(adam) {
  const lp_optim_params o = c->params.optim;
  double rate = c->env->lr * (double)o.lr_scale, t = (double)c->env->iteration + 1;
  float keep = shrink(&o, rate), b1 = o.beta1, b2 = o.beta2;
  float step = (float)(rate / (1 - pow((double)b1, t)));
  float root = (float)(1 / sqrt(1 - pow((double)b2, t)));
  for (int64_t unit; cpu_next(w, chunks_of(c, 4), &unit);) {
    uint32_t group;
    int64_t n, first = locate(c, 4, unit, &group, &n);
    float *p = at(c, group, 0, first), *m = at(c, group, 2, first), *v = at(c, group, 3, first);
    const float *g = at(c, group, 1, first);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
      float d = decayed(g[i], p[i], &o);
      m[i] = b1 * m[i] + (1 - b1) * d;
      v[i] = b2 * v[i] + (1 - b2) * d * d;
      p[i] = keep * p[i] - step * (m[i] / (sqrtf(v[i]) * root + o.eps));
    }
  }
}

KERNEL(accumulate) {
  float alpha = c->params.scale.alpha, beta = c->params.scale.beta;
  for (int64_t unit; cpu_next(w, chunks_of(c, 2), &unit);) {
    uint32_t group;
    int64_t n, first = locate(c, 2, unit, &group, &n);
    float *s = at(c, group, 0, first);
    const float *g = at(c, group, 1, first);
    if (beta == 0) /* overwrites: what was there may be anything, even NaN */
      for (int64_t i = 0; i < n; i++) s[i] = alpha * g[i];
    else
      for (int64_t i = 0; i < n; i++) s[i] = beta * s[i] + alpha * g[i];
  }
}
