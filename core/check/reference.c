/* The reference's ops: one small function each, in double precision. */
#include "reference.h"

#include <locality/rng.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t count(const lp_desc *d) {
  return lp_numel(d);
}

/* ---- images ---------------------------------------------------------------------------------- */

static void normalize(const ref_call *c) {
  const lp_normalize_params *p = &c->p->normalize;
  const lp_desc *d = c->in_desc[0];
  int64_t plane = d->dim[2] * d->dim[3];
  for (int64_t i = 0; i < count(d); i++) {
    int64_t channel = i / plane % d->dim[1];
    c->out[0][i] =
        (c->in[0][i] * (double)p->scale - (double)p->mean[channel]) / (double)p->sd[channel];
  }
}

/* Visits every (output element, input element, weight element) triple of a convolution. */
typedef void (*conv_visit)(const ref_call *c, int64_t y, int64_t x, int64_t w);
static void conv_loop(const ref_call *c, const lp_desc *y, const lp_desc *x, const lp_desc *w,
                      conv_visit visit) {
  const lp_conv_params *p = &c->p->conv;
  int64_t C = x->dim[1], H = x->dim[2], W = x->dim[3], O = w->dim[0], K = w->dim[2];
  int64_t yi = 0;
  for (int64_t n = 0; n < y->dim[0]; n++)
    for (int64_t o = 0; o < O; o++)
      for (int64_t r = 0; r < y->dim[2]; r++)
        for (int64_t s = 0; s < y->dim[3]; s++, yi++)
          for (int64_t ch = 0; ch < C; ch++)
            for (int64_t ky = 0; ky < K; ky++) {
              int64_t h = r * p->stride + ky - p->pad;
              if (h < 0 || h >= H) continue;
              for (int64_t kx = 0; kx < K; kx++) {
                int64_t v = s * p->stride + kx - p->pad;
                if (v < 0 || v >= W) continue;
                visit(c, yi, ((n * C + ch) * H + h) * W + v, ((o * C + ch) * K + ky) * K + kx);
              }
            }
}

static void visit_forward(const ref_call *c, int64_t y, int64_t x, int64_t w) {
  c->out[0][y] += c->in[0][x] * c->in[1][w];
}
static void visit_dx(const ref_call *c, int64_t y, int64_t x, int64_t w) {
  c->out[0][x] += c->in[0][y] * c->in[1][w];
}
static void visit_dw(const ref_call *c, int64_t y, int64_t x, int64_t w) {
  c->out[0][w] += c->in[0][y] * c->in[1][x];
}

static void clear(const ref_call *c, uint32_t i) {
  memset(c->out[i], 0, (size_t)count(&c->out_desc[i]) * sizeof(double));
}

/* Index of the second axis (channel or column) of element i. */
static int64_t channel_of(const lp_desc *d, int64_t i) {
  return i / (lp_inner(d) / d->dim[1]) % d->dim[1];
}

static void conv2d(const ref_call *c) {
  const lp_desc *y = &c->out_desc[0];
  for (int64_t i = 0; i < count(y); i++) c->out[0][i] = c->in[2] ? c->in[2][channel_of(y, i)] : 0.0;
  conv_loop(c, y, c->in_desc[0], c->in_desc[1], visit_forward);
}

static void conv2d_dx(const ref_call *c) {
  clear(c, 0);
  conv_loop(c, c->in_desc[0], &c->out_desc[0], c->in_desc[1], visit_dx);
}

/* Sums of dy over everything but its second axis. */
static void channel_sums(const ref_call *c, uint32_t out) {
  clear(c, out);
  for (int64_t i = 0; i < count(c->in_desc[0]); i++)
    c->out[out][channel_of(c->in_desc[0], i)] += c->in[0][i];
}

static void conv2d_dw(const ref_call *c) {
  clear(c, 0);
  conv_loop(c, c->in_desc[0], c->in_desc[1], &c->out_desc[0], visit_dw);
  channel_sums(c, 1);
}

static void maxpool2d(const ref_call *c) {
  const lp_pool_params *p = &c->p->pool;
  const lp_desc *x = c->in_desc[0], *y = &c->out_desc[0];
  for (int64_t i = 0; i < count(y); i++) {
    int64_t plane = i / (y->dim[2] * y->dim[3]);
    int64_t r = i / y->dim[3] % y->dim[2], s = i % y->dim[3];
    double best = -INFINITY;
    int64_t which = 0;
    for (int64_t k = 0; k < p->k * p->k; k++) {
      int64_t h = r * p->stride + k / p->k, w = s * p->stride + k % p->k;
      double v = c->in[0][(plane * x->dim[2] + h) * x->dim[3] + w];
      /* What is not a number counts as the maximum, so that it is never hidden. */
      if (!(v > best || isnan(v)) || isnan(best)) continue;
      best = v;
      which = k;
    }
    c->out[0][i] = best;
    c->out[1][i] = (double)which;
  }
}

static void maxpool2d_dx(const ref_call *c) {
  const lp_pool_params *p = &c->p->pool;
  const lp_desc *y = c->in_desc[0], *x = &c->out_desc[0];
  clear(c, 0);
  for (int64_t i = 0; i < count(y); i++) {
    int64_t plane = i / (y->dim[2] * y->dim[3]), k = (int64_t)c->in[1][i];
    int64_t h = i / y->dim[3] % y->dim[2] * p->stride + k / p->k;
    int64_t w = i % y->dim[3] * p->stride + k % p->k;
    c->out[0][(plane * x->dim[2] + h) * x->dim[3] + w] += c->in[0][i];
  }
}

/* Visits every (output element, input element) pair of a mean. */
static void average(const ref_call *c, const lp_desc *y, const lp_desc *x, bool backward) {
  const lp_pool_params *p = &c->p->pool;
  const int64_t columns = p->columns ? p->columns : p->k;
  clear(c, 0);
  for (int64_t i = 0; i < count(y); i++)
    for (int64_t k = 0; k < p->k * columns; k++) {
      int64_t h = i / y->dim[3] % y->dim[2] * p->stride + k / columns;
      int64_t w = i % y->dim[3] * p->stride + k % columns;
      int64_t at = (i / (y->dim[2] * y->dim[3]) * x->dim[2] + h) * x->dim[3] + w;
      double share = 1.0 / (double)(p->k * columns);
      c->out[0][backward ? at : i] += share * c->in[0][backward ? i : at];
    }
}

static void avgpool2d(const ref_call *c) {
  average(c, &c->out_desc[0], c->in_desc[0], false);
}
static void avgpool2d_dx(const ref_call *c) {
  average(c, c->in_desc[0], &c->out_desc[0], true);
}

/* ---- fully connected ------------------------------------------------------------------------- */

static double prior_at(const ref_call *c, int64_t i, int64_t j, int64_t n_in) {
  if (c->in[LP_PRIOR_DENSE]) return c->in[LP_PRIOR_DENSE][i * n_in + j];
  if (!c->in[LP_PRIOR_TABLE]) return 1.0;
  int64_t entry = (int64_t)(c->in[LP_PRIOR_OFF_OUT][i] + c->in[LP_PRIOR_OFF_IN][j]);
  double p = c->in[LP_PRIOR_TABLE][entry];
  if (c->in[LP_PRIOR_ROW_SCALE]) p *= c->in[LP_PRIOR_ROW_SCALE][i];
  if (c->in[LP_PRIOR_COL_SCALE]) p *= c->in[LP_PRIOR_COL_SCALE][j];
  return p;
}

static void prior(const ref_call *c) {
  const lp_desc *w = c->in_desc[0];
  const uint32_t rows = c->in[LP_PRIOR_TABLE] ? LP_PRIOR_OFF_OUT : LP_PRIOR_DENSE;
  int64_t n_out = c->in_desc[rows]->dim[0], n_in = w->dim[1], rest = lp_inner(w) / n_in;
  for (int64_t i = 0; i < count(w); i++)
    c->out[0][i] = c->in[0][i] * prior_at(c, i / rest / n_in % n_out, i / rest % n_in, n_in);
}

static void linear(const ref_call *c) {
  int64_t N = c->in_desc[0]->dim[0], I = c->in_desc[0]->dim[1], O = c->in_desc[1]->dim[0];
  for (int64_t n = 0; n < N; n++)
    for (int64_t i = 0; i < O; i++) c->out[0][n * O + i] = c->in[2] ? c->in[2][i] : 0.0;
  for (int64_t i = 0; i < O; i++)
    for (int64_t j = 0; j < I; j++) {
      double v = prior_at(c, i, j, I) * c->in[1][i * I + j];
      for (int64_t n = 0; n < N; n++) c->out[0][n * O + i] += v * c->in[0][n * I + j];
    }
}

static void linear_dx(const ref_call *c) {
  int64_t N = c->in_desc[0]->dim[0], O = c->in_desc[0]->dim[1], I = c->in_desc[1]->dim[1];
  clear(c, 0);
  for (int64_t i = 0; i < O; i++)
    for (int64_t j = 0; j < I; j++) {
      double v = prior_at(c, i, j, I) * c->in[1][i * I + j];
      for (int64_t n = 0; n < N; n++) c->out[0][n * I + j] += v * c->in[0][n * O + i];
    }
}

static void linear_dw(const ref_call *c) {
  int64_t N = c->in_desc[0]->dim[0], O = c->in_desc[0]->dim[1], I = c->in_desc[1]->dim[1];
  for (int64_t i = 0; i < O; i++)
    for (int64_t j = 0; j < I; j++) {
      double sum = 0;
      for (int64_t n = 0; n < N; n++) sum += c->in[0][n * O + i] * c->in[1][n * I + j];
      c->out[0][i * I + j] = prior_at(c, i, j, I) * sum;
    }
  channel_sums(c, 1);
}

/* ---- batch normalisation --------------------------------------------------------------------- */

static void batchnorm(const ref_call *c) {
  const lp_batchnorm_params *p = &c->p->batchnorm;
  const lp_desc *x = c->in_desc[0];
  double m = (double)(count(x) / x->dim[1]);
  for (int64_t ch = 0; ch < x->dim[1]; ch++) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count(x); i++)
      if (channel_of(x, i) == ch) sum += c->in[0][i];
    double mean = sum / m;
    for (int64_t i = 0; i < count(x); i++)
      if (channel_of(x, i) == ch) squares += (c->in[0][i] - mean) * (c->in[0][i] - mean);
    double invstd = 1.0 / sqrt(squares / m + (double)p->eps), momentum = (double)p->momentum;
    for (int64_t i = 0; i < count(x); i++)
      if (channel_of(x, i) == ch)
        c->out[0][i] = (c->in[0][i] - mean) * invstd * c->in[1][ch] + c->in[2][ch];
    c->out[1][ch] = mean;
    c->out[2][ch] = invstd;
    c->in[3][ch] += momentum * (mean - c->in[3][ch]);
    c->in[4][ch] += momentum * (squares / (m - 1) - c->in[4][ch]);
  }
}

/* dx = gamma*invstd*(dy - mean(dy) - xhat*mean(dy*xhat)), dgamma = sum dy*xhat, dbeta = sum dy;
 * in evaluation mode the statistics are constants, and mean and invstd come from operands 3, 4. */
static void batchnorm_gradient(const ref_call *c, bool train) {
  const lp_desc *x = c->in_desc[1];
  double m = (double)(count(x) / x->dim[1]);
  clear(c, 1);
  clear(c, 2);
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < count(x); i++) {
      int64_t ch = channel_of(x, i);
      double invstd = train ? c->in[4][ch] : 1.0 / sqrt(c->in[4][ch] + (double)c->p->batchnorm.eps);
      double xhat = (c->in[1][i] - c->in[3][ch]) * invstd, dy = c->in[0][i];
      if (pass == 0) {
        c->out[1][ch] += dy * xhat;
        c->out[2][ch] += dy;
      } else {
        double inner = train ? dy - c->out[2][ch] / m - xhat * c->out[1][ch] / m : dy;
        c->out[0][i] = c->in[2][ch] * invstd * inner;
      }
    }
}

static void batchnorm_dx(const ref_call *c) {
  batchnorm_gradient(c, true);
}
static void batchnorm_eval_dx(const ref_call *c) {
  batchnorm_gradient(c, false);
}

static void batchnorm_eval(const ref_call *c) {
  const lp_desc *x = c->in_desc[0];
  for (int64_t i = 0; i < count(x); i++) {
    int64_t ch = channel_of(x, i);
    double invstd = 1.0 / sqrt(c->in[4][ch] + (double)c->p->batchnorm.eps);
    c->out[0][i] = (c->in[0][i] - c->in[3][ch]) * invstd * c->in[1][ch] + c->in[2][ch];
  }
}

/* ---- element by element ---------------------------------------------------------------------- */

#define ELEMENTWISE(name, expression)                                                              \
  static void name(const ref_call *c) {                                                            \
    const double *a = c->in[0], *b = c->n_in > 1 ? c->in[1] : c->in[0];                            \
    (void)b;                                                                                       \
    for (int64_t i = 0; i < count(&c->out_desc[0]); i++) c->out[0][i] = (expression);              \
  }
ELEMENTWISE(copy, a[i])
ELEMENTWISE(relu, a[i] > 0 ? a[i] : 0.0)
ELEMENTWISE(relu_dx, b[i] > 0 ? a[i] : 0.0)
ELEMENTWISE(add, a[i] + b[i])
ELEMENTWISE(sub, a[i] - b[i])
ELEMENTWISE(mul, a[i] * b[i])
ELEMENTWISE(scale, (double)c->p->scale.alpha *a[i] + (double)c->p->scale.beta)
ELEMENTWISE(absolute, fabs(a[i]))
ELEMENTWISE(square, a[i] * a[i])
ELEMENTWISE(sign, a[i] > 0 ? 1.0 : a[i] < 0 ? -1.0 : 0.0)
ELEMENTWISE(expand, a[0])
ELEMENTWISE(hyperbolic, tanh(a[i]))
ELEMENTWISE(tanh_dx, a[i] * (1 - b[i] * b[i]))
ELEMENTWISE(sigmoid, 1 / (1 + exp(-a[i])))
ELEMENTWISE(sigmoid_dx, a[i] * b[i] * (1 - b[i]))
ELEMENTWISE(exponential, exp(a[i]))
ELEMENTWISE(root, sqrt(a[i]))
ELEMENTWISE(quotient, a[i] / b[i])

/* Place in a tensor of extents d of coordinates at[]. */
static int64_t place(const lp_desc *d, const int64_t at[]) {
  int64_t i = 0;
  for (uint32_t k = 0; k < d->ndim; k++) i = i * d->dim[k] + at[k];
  return i;
}

static void coordinates(const lp_desc *d, int64_t i, int64_t at[]) {
  for (uint32_t k = d->ndim; k-- > 0; i /= d->dim[k]) at[k] = i % d->dim[k];
}

static void slice(const ref_call *c) {
  int64_t at[LP_MAX_DIMS];
  for (int64_t i = 0; i < count(&c->out_desc[0]); i++) {
    coordinates(&c->out_desc[0], i, at);
    at[c->p->slice.axis] += c->p->slice.begin;
    c->out[0][i] = c->in[0][place(c->in_desc[0], at)];
  }
}

static void concat(const ref_call *c) {
  int64_t at[LP_MAX_DIMS], before = 0;
  for (uint32_t k = 0; k < c->n_in; k++) {
    for (int64_t i = 0; i < count(c->in_desc[k]); i++) {
      coordinates(c->in_desc[k], i, at);
      at[c->p->slice.axis] += before;
      c->out[0][place(&c->out_desc[0], at)] = c->in[k][i];
    }
    before += c->in_desc[k]->dim[c->p->slice.axis];
  }
}

static void dropout(const ref_call *c) {
  const lp_dropout_params *p = &c->p->dropout;
  int64_t inner = lp_inner(c->in_desc[0]);
  for (int64_t i = 0; i < count(c->in_desc[0]); i++) {
    uint32_t m = (uint32_t)(i % inner) / p->group, word[4];
    uint64_t n = c->run->sample_offset + (uint64_t)(i / inner);
    lp_rng_words(c->seed, p->stream, m / 4, (uint32_t)n, (uint32_t)c->run->iteration, word);
    double u = (word[m % 4] >> 8) * 0x1p-24;
    c->out[0][i] = u >= (double)p->p ? c->in[0][i] / (1.0 - (double)p->p) : 0.0;
  }
}

/* Neumaier's sum: finite differences of a long sum would drown in plain rounding. */
static void sum(const ref_call *c) {
  double s = 0, lost = 0;
  for (int64_t i = 0; i < count(c->in_desc[0]); i++) {
    double x = c->in[0][i], t = s + x;
    lost += fabs(s) >= fabs(x) ? s - t + x : x - t + s;
    s = t;
  }
  c->out[0][0] = s + lost;
}

/* ---- softmax and losses ---------------------------------------------------------------------- */

static void log_softmax_rows(const double *x, double *y, int64_t n, int64_t classes) {
  for (int64_t r = 0; r < n; r++) {
    const double *a = x + r * classes;
    double top = a[0], total = 0;
    for (int64_t k = 1; k < classes; k++) top = fmax(top, a[k]);
    for (int64_t k = 0; k < classes; k++) total += exp(a[k] - top);
    for (int64_t k = 0; k < classes; k++) y[r * classes + k] = a[k] - top - log(total);
  }
}

static void log_softmax(const ref_call *c) {
  log_softmax_rows(c->in[0], c->out[0], c->in_desc[0]->dim[0], c->in_desc[0]->dim[1]);
}

static void log_softmax_dx(const ref_call *c) {
  int64_t classes = c->in_desc[0]->dim[1];
  for (int64_t r = 0; r < c->in_desc[0]->dim[0]; r++) {
    double total = 0;
    for (int64_t k = 0; k < classes; k++) total += c->in[0][r * classes + k];
    for (int64_t i = r * classes; i < (r + 1) * classes; i++)
      c->out[0][i] = c->in[0][i] - exp(c->in[1][i]) * total;
  }
}

static void cross_entropy(const ref_call *c) {
  int64_t n = c->in_desc[0]->dim[0], classes = c->in_desc[0]->dim[1];
  double loss = 0, top1 = 0, top5 = 0;
  log_softmax_rows(c->in[0], c->out[1], n, classes);
  for (int64_t r = 0; r < n; r++) {
    const double *y = c->out[1] + r * classes;
    int64_t label = (int64_t)c->in[1][r], above = 0;
    if (label < 0 || label >= classes) {
      loss = NAN;
      continue;
    }
    loss -= y[label];
    for (int64_t k = 0; k < classes; k++) above += y[k] > y[label];
    top1 += above < 1;
    top5 += above < 5;
  }
  c->out[0][0] = loss / (double)n;
  if (!c->in[2]) return;
  double *row = c->in[2] + 4 * (int64_t)c->run->scalars[LP_SCALAR_ROW];
  row[0] = c->out[0][0];
  row[1] = top1;
  row[2] = top5;
  row[3] = (double)n;
}

static void cross_entropy_dx(const ref_call *c) {
  const lp_desc *logp = c->in_desc[1];
  int64_t classes = logp->dim[1];
  for (int64_t i = 0; i < count(logp); i++) {
    double onehot = (int64_t)c->in[2][i / classes] == i % classes ? 1.0 : 0.0;
    c->out[0][i] = c->in[0][0] * (exp(c->in[1][i]) - onehot) / (double)logp->dim[0];
  }
}

/* ---- updates --------------------------------------------------------------------------------- */

/* Learning rate, and the gradient after decay; decoupled decay acts on *p. */
static double decayed(const ref_call *c, double *p, double g, double lr) {
  double decay = (double)c->p->optim.decay;
  switch (c->p->optim.decay_kind) {
  case LP_DECAY_L1:
    return g + decay * (*p > 0 ? 1.0 : *p < 0 ? -1.0 : 0.0);
  case LP_DECAY_DECOUPLED:
    *p *= 1.0 - lr * decay;
    return g;
  default:
    return g + decay * *p;
  }
}

static double rate(const ref_call *c) {
  return c->run->scalars[LP_SCALAR_LR] * (double)c->p->optim.lr_scale;
}

static void sgd(const ref_call *c) {
  for (uint32_t k = 0; k < c->n_in; k += 3)
    for (int64_t i = 0; i < count(c->in_desc[k]); i++) {
      double *p = &c->in[k][i], step = decayed(c, p, c->in[k + 1][i], rate(c));
      double *m = c->in[k + 2] ? &c->in[k + 2][i] : NULL;
      if (m) step = *m = (double)c->p->optim.momentum * *m + step;
      *p -= rate(c) * step;
    }
}

static void rmsprop(const ref_call *c) {
  double alpha = (double)c->p->optim.alpha;
  for (uint32_t k = 0; k < c->n_in; k += 4)
    for (int64_t i = 0; i < count(c->in_desc[k]); i++) {
      double *p = &c->in[k][i], *s = &c->in[k + 2][i];
      double *m = c->in[k + 3] ? &c->in[k + 3][i] : NULL;
      double g = decayed(c, p, c->in[k + 1][i], rate(c));
      *s = alpha * *s + (1 - alpha) * g * g;
      double step = g / (sqrt(*s) + (double)c->p->optim.eps);
      if (m) step = *m = (double)c->p->optim.momentum * *m + step;
      *p -= rate(c) * step;
    }
}

static void adam(const ref_call *c) {
  double b1 = (double)c->p->optim.beta1, b2 = (double)c->p->optim.beta2;
  double t = (double)c->run->iteration + 1;
  for (uint32_t k = 0; k < c->n_in; k += 4)
    for (int64_t i = 0; i < count(c->in_desc[k]); i++) {
      double *p = &c->in[k][i], *m = &c->in[k + 2][i], *v = &c->in[k + 3][i];
      double g = decayed(c, p, c->in[k + 1][i], rate(c));
      *m = b1 * *m + (1 - b1) * g;
      *v = b2 * *v + (1 - b2) * g * g;
      double unbiased = sqrt(*v / (1 - pow(b2, t))) + (double)c->p->optim.eps;
      *p -= rate(c) * *m / (1 - pow(b1, t)) / unbiased;
    }
}

static void accumulate(const ref_call *c) {
  double alpha = (double)c->p->scale.alpha, beta = (double)c->p->scale.beta;
  for (uint32_t k = 0; k < c->n_in; k += 2)
    for (int64_t i = 0; i < count(c->in_desc[k]); i++) {
      double old = beta == 0 ? 0.0 : beta * c->in[k][i];
      c->in[k][i] = old + alpha * c->in[k + 1][i];
    }
}

/* ---- patterns of weights -----------------------------------------------------------------------
 */

/* Visits every (output, input, wire), in the order of the outputs. */
typedef void (*wire_visit)(const ref_call *c, int64_t o, int64_t i, int64_t k, double prior);
static void wire_loop(const ref_call *c, wire_visit visit) {
  const double *rows = c->in[LP_SPARSE_ROWS];
  for (int64_t o = 0; o + 1 < count(c->in_desc[LP_SPARSE_ROWS]); o++)
    for (int64_t k = (int64_t)rows[o]; k < (int64_t)rows[o + 1]; k++)
      visit(c, o, (int64_t)c->in[LP_SPARSE_COLUMNS][k], k,
            c->in[LP_SPARSE_PRIOR] ? c->in[LP_SPARSE_PRIOR][k] : 1);
}

static void wire_forward(const ref_call *c, int64_t o, int64_t i, int64_t k, double prior) {
  const int64_t n_out = c->out_desc[0].dim[1], n_in = c->in_desc[0]->dim[1];
  for (int64_t n = 0; n < c->in_desc[0]->dim[0]; n++)
    c->out[0][n * n_out + o] += c->in[0][n * n_in + i] * c->in[1][k] * prior;
}

static void wire_dx(const ref_call *c, int64_t o, int64_t i, int64_t k, double prior) {
  const int64_t n_out = c->in_desc[0]->dim[1], n_in = c->out_desc[0].dim[1];
  for (int64_t n = 0; n < c->in_desc[0]->dim[0]; n++)
    c->out[0][n * n_in + i] += c->in[0][n * n_out + o] * c->in[1][k] * prior;
}

static void wire_dw(const ref_call *c, int64_t o, int64_t i, int64_t k, double prior) {
  const int64_t n_out = c->in_desc[0]->dim[1], n_in = c->in_desc[1]->dim[1];
  for (int64_t n = 0; n < c->in_desc[0]->dim[0]; n++)
    c->out[0][k] += c->in[0][n * n_out + o] * c->in[1][n * n_in + i] * prior;
}

static void sparse_linear(const ref_call *c) {
  const int64_t n_out = c->out_desc[0].dim[1];
  for (int64_t e = 0; e < count(&c->out_desc[0]); e++)
    c->out[0][e] = c->in[2] ? c->in[2][e % n_out] : 0;
  wire_loop(c, wire_forward);
}

static void sparse_linear_dx(const ref_call *c) {
  clear(c, 0);
  wire_loop(c, wire_dx);
}

static void sparse_linear_dw(const ref_call *c) {
  clear(c, 0);
  wire_loop(c, wire_dw);
  channel_sums(c, 1);
}

static void permute(const ref_call *c) {
  const int64_t n = c->in_desc[0]->dim[1];
  for (int64_t e = 0; e < count(&c->out_desc[0]); e++)
    c->out[0][e] = c->in[0][e - e % n + (int64_t)c->in[1][e % n]];
}

ref_op ref_op_get(uint32_t op) {
  static const ref_op ops[LP_OP_COUNT] = {
      [LP_OP_RESHAPE] = copy,
      [LP_OP_NORMALIZE] = normalize,
      [LP_OP_CONV2D] = conv2d,
      [LP_OP_CONV2D_DX] = conv2d_dx,
      [LP_OP_CONV2D_DW] = conv2d_dw,
      [LP_OP_MAXPOOL2D] = maxpool2d,
      [LP_OP_MAXPOOL2D_DX] = maxpool2d_dx,
      [LP_OP_LINEAR] = linear,
      [LP_OP_LINEAR_DX] = linear_dx,
      [LP_OP_LINEAR_DW] = linear_dw,
      [LP_OP_BATCHNORM] = batchnorm,
      [LP_OP_BATCHNORM_DX] = batchnorm_dx,
      [LP_OP_BATCHNORM_EVAL] = batchnorm_eval,
      [LP_OP_BATCHNORM_EVAL_DX] = batchnorm_eval_dx,
      [LP_OP_RELU] = relu,
      [LP_OP_RELU_DX] = relu_dx,
      [LP_OP_DROPOUT] = dropout,
      [LP_OP_ADD] = add,
      [LP_OP_SUB] = sub,
      [LP_OP_MUL] = mul,
      [LP_OP_SCALE] = scale,
      [LP_OP_ABS] = absolute,
      [LP_OP_SQUARE] = square,
      [LP_OP_SIGN] = sign,
      [LP_OP_SUM] = sum,
      [LP_OP_EXPAND] = expand,
      [LP_OP_LOG_SOFTMAX] = log_softmax,
      [LP_OP_LOG_SOFTMAX_DX] = log_softmax_dx,
      [LP_OP_CROSS_ENTROPY] = cross_entropy,
      [LP_OP_CROSS_ENTROPY_DX] = cross_entropy_dx,
      [LP_OP_SGD] = sgd,
      [LP_OP_RMSPROP] = rmsprop,
      [LP_OP_ADAM] = adam,
      [LP_OP_ACCUMULATE] = accumulate,
      [LP_OP_TANH] = hyperbolic,
      [LP_OP_TANH_DX] = tanh_dx,
      [LP_OP_SIGMOID] = sigmoid,
      [LP_OP_SIGMOID_DX] = sigmoid_dx,
      [LP_OP_EXP] = exponential,
      [LP_OP_SQRT] = root,
      [LP_OP_DIV] = quotient,
      [LP_OP_SLICE] = slice,
      [LP_OP_CONCAT] = concat,
      [LP_OP_PERMUTE] = permute,
      [LP_OP_PRIOR] = prior,
      [LP_OP_AVGPOOL2D] = avgpool2d,
      [LP_OP_AVGPOOL2D_DX] = avgpool2d_dx,
      [LP_OP_SPARSE_LINEAR] = sparse_linear,
      [LP_OP_SPARSE_LINEAR_DX] = sparse_linear_dx,
      [LP_OP_SPARSE_LINEAR_DW] = sparse_linear_dw,
  };
  return op < LP_OP_COUNT ? ops[op] : NULL;
}
