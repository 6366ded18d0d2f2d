/* Gradients against central finite differences of the double-precision reference. */
#include "execute.h"

#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* y for the leaves as they stand in v, copied to `to`. */
static void evaluate(const case_program *p, ref_values *v, double *to) {
  ref_reset(p, v);
  ref_replay(p, v, 1);
  memcpy(to, v->value[p->y.id], (size_t)lp_numel(&p->desc[p->y.id]) * sizeof *to);
}

/* Sum of projection times (up - down): differences first, so that a large sum hides nothing. */
static double projected(const case_program *p, const ref_values *v, const double *up,
                        const double *down) {
  const double *dy = v->value[p->leaf[p->dy_leaf].val.id];
  double sum = 0;
  for (int64_t i = 0; i < lp_numel(&p->desc[p->y.id]); i++) sum += dy[i] * (up[i] - down[i]);
  return sum;
}

/* What a check works with: y on either side, and the size below which a gradient counts as 0. */
typedef struct checker {
  const case_program *p;
  ref_values v;
  double *up, *down;
  double floor;
} checker;

static double difference_of_element(checker *c, double *x) {
  const double h = 1e-5, old = *x;
  *x = old + h;
  evaluate(c->p, &c->v, c->up);
  *x = old - h;
  evaluate(c->p, &c->v, c->down);
  *x = old;
  return projected(c->p, &c->v, c->up, c->down) / (2 * h);
}

/* Along sign[0..n-1]; x is restored from `old`. A shorter step than for one element: many elements
 * move at once and none of them should cross a kink. */
static double difference_along(checker *c, double *x, const double *old, const double *sign,
                               size_t n) {
  const double h = 1e-7;
  for (size_t i = 0; i < n; i++) x[i] = old[i] + h * sign[i];
  evaluate(c->p, &c->v, c->up);
  for (size_t i = 0; i < n; i++) x[i] = old[i] - h * sign[i];
  evaluate(c->p, &c->v, c->down);
  memcpy(x, old, n * sizeof *x);
  return projected(c->p, &c->v, c->up, c->down) / (2 * h);
}

/* Where the gradient by leaf number i is: a target, or the projection itself (of a sum, say). */
static const float *find_gradient(const case_program *p, const case_result *r, uint32_t i) {
  if (p->dwrt[i].id == p->leaf[p->dy_leaf].val.id) return p->leaf[p->dy_leaf].data;
  for (uint32_t k = 0; k < r->n; k++)
    if (r->item[k].value == p->dwrt[i].id) return r->item[k].data;
  return NULL;
}

static double check_leaf(checker *c, const case_leaf *l, const float *g, uint32_t samples) {
  size_t n = (size_t)lp_numel(&l->desc);
  double *x = c->v.value[l->val.id], *old = calloc(2 * n, sizeof *old), *sign = old + n;
  if (!old) return INFINITY;
  lp_rng rng = lp_rng_make(c->p->seed, l->name);
  double largest = c->floor, norm = 0, dot = 0, error = 0;
  for (size_t i = 0; i < n; i++) {
    old[i] = x[i];
    sign[i] = lp_rng_below(&rng, 2) ? 1.0 : -1.0;
    largest = fmax(largest, fabs((double)g[i]));
    norm += (double)g[i] * (double)g[i];
    dot += (double)g[i] * sign[i];
    if (!isfinite(g[i])) error = INFINITY;
  }
  if (samples > n) samples = (uint32_t)n;
  for (uint32_t k = 0; k < samples && isfinite(error); k++) {
    /* First and last always, the rest at random. */
    size_t i = k == 0 ? 0 : k == 1 ? n - 1 : lp_rng_below(&rng, (uint32_t)n);
    double truth = difference_of_element(c, &x[i]);
    double scale = fmax(largest, fabs(truth));
    if (scale > 0) error = fmax(error, fabs((double)g[i] - truth) / scale);
  }
  if (isfinite(error)) {
    double truth = difference_along(c, x, old, sign, n);
    double scale = fmax(fmax(sqrt(norm), c->floor * sqrt((double)n)), fabs(truth));
    if (scale > 0) error = fmax(error, fabs(dot - truth) / scale);
  }
  free(old);
  return error;
}

lp_status case_gradient_error(const case_program *p, const case_result *r, double *error,
                              char where[64]) {
  checker c = {.p = p};
  size_t n_y = (size_t)lp_numel(&p->desc[p->y.id]);
  lp_status s = ref_load(p, &c.v);
  if (s != LP_OK) return s;
  c.up = calloc(2 * n_y, sizeof *c.up);
  c.down = c.up + n_y;
  *error = c.up ? 0 : INFINITY;
  snprintf(where, 64, "none");
  /* A gradient that is 0 in truth (of a bias before batch normalisation) is rounding: nothing
   * below a hundredth of the case's largest gradient is judged by its own size. */
  for (uint32_t i = 0; i < p->n_wrt; i++) {
    const float *g = find_gradient(p, r, i);
    for (int64_t k = 0; g && k < lp_numel(&p->leaf[p->wrt_leaf[i]].desc); k++)
      if (isfinite(g[k])) c.floor = fmax(c.floor, 0.01 * fabs((double)g[k]));
  }
  /* As many single elements as about 2e8 operations of the reference allow. */
  double allowed = 2e8 / (2 * (case_flops(p) + 1e4) * fmax(1, p->n_wrt));
  uint32_t samples = allowed > 12 ? 12 : (uint32_t)allowed;
  for (uint32_t i = 0; i < p->n_wrt && isfinite(*error); i++) {
    const case_leaf *l = &p->leaf[p->wrt_leaf[i]];
    const float *gradient = find_gradient(p, r, i);
    double e = gradient ? check_leaf(&c, l, gradient, samples) : INFINITY;
    if (e > *error) {
      *error = e;
      snprintf(where, 64, "%s", l->name);
    }
  }
  free(c.up);
  ref_free(&c.v);
  return LP_OK;
}
