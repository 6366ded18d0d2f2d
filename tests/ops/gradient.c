/* Gradients against central finite differences of the double-precision reference. */
#include "execute.h"

#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Sum of projection times y, for the leaves as they stand in v. */
static double projected(const case_program *p, ref_values *v) {
  ref_reset(p, v);
  ref_replay(p, v, 1);
  const double *y = v->value[p->y.id], *dy = v->value[p->leaf[p->dy_leaf].val.id];
  double sum = 0;
  for (int64_t i = 0; i < lp_numel(&p->desc[p->y.id]); i++) sum += dy[i] * y[i];
  return sum;
}

static double difference_of_element(const case_program *p, ref_values *v, double *x) {
  const double h = 1e-5, old = *x;
  *x = old + h;
  double up = projected(p, v);
  *x = old - h;
  double down = projected(p, v);
  *x = old;
  return (up - down) / (2 * h);
}

/* Along sign[0..n-1]; x is restored from `old`. A shorter step than for one element: many elements
 * move at once and none of them should cross a kink. */
static double difference_along(const case_program *p, ref_values *v, double *x, const double *old,
                               const double *sign, size_t n) {
  const double h = 1e-7;
  double side[2];
  for (int k = 0; k < 2; k++) {
    for (size_t i = 0; i < n; i++) x[i] = old[i] + (k ? -h : h) * sign[i];
    side[k] = projected(p, v);
  }
  for (size_t i = 0; i < n; i++) x[i] = old[i];
  return (side[0] - side[1]) / (2 * h);
}

static const case_item *find_item(const case_result *r, lp_val v) {
  for (uint32_t i = 0; i < r->n; i++)
    if (r->item[i].value == v.id) return &r->item[i];
  return NULL;
}

static double check_leaf(const case_program *p, ref_values *v, const case_leaf *l,
                         const case_item *gradient, uint32_t samples) {
  size_t n = (size_t)lp_numel(&l->desc);
  double *x = v->value[l->val.id], *old = calloc(2 * n, sizeof *old), *sign = old + n;
  if (!old) return INFINITY;
  const float *g = gradient->data;
  lp_rng rng = lp_rng_make(p->seed, gradient->name);
  double largest = 0, norm = 0, dot = 0, error = 0;
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
    double truth = difference_of_element(p, v, &x[i]);
    double scale = fmax(largest, fabs(truth));
    if (scale > 0) error = fmax(error, fabs((double)g[i] - truth) / scale);
  }
  if (isfinite(error)) {
    double truth = difference_along(p, v, x, old, sign, n);
    double scale = fmax(sqrt(norm), fabs(truth));
    if (scale > 0) error = fmax(error, fabs(dot - truth) / scale);
  }
  free(old);
  return error;
}

lp_status case_gradient_error(const case_program *p, const case_result *r, double *error,
                              char where[64]) {
  ref_values v;
  lp_status s = ref_load(p, &v);
  if (s != LP_OK) return s;
  *error = 0;
  snprintf(where, 64, "none");
  /* As many single elements as about 4e8 operations of the reference allow. */
  double allowed = 4e8 / (2 * (case_flops(p) + 1e4) * fmax(1, p->n_wrt));
  uint32_t samples = allowed > 12 ? 12 : (uint32_t)allowed;
  for (uint32_t i = 0; i < p->n_wrt; i++) {
    const case_leaf *l = &p->leaf[p->wrt_leaf[i]];
    const case_item *gradient = find_item(r, p->dwrt[i]);
    double e = gradient ? check_leaf(p, &v, l, gradient, samples) : INFINITY;
    if (e > *error) {
      *error = e;
      snprintf(where, 64, "%s", l->name);
    }
  }
  ref_free(&v);
  return LP_OK;
}
