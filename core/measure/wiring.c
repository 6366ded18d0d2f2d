/* Wiring: lengths, what survives pruning, energy, communicability. */
#include "measure_internal.h"

#include <lapacke.h>
#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void lp_wiring_length_of(const double *w, const double *p, const double *d, size_t n,
                         lp_wiring_length *out) {
  double length = 0, weight = 0, prior_length = 0, prior = 0, mean_d = 0, dd = 0, vv = 0, dv = 0;
  for (size_t k = 0; k < n; k++) {
    double factor = p ? p[k] : 1, v = fabs(w[k] * factor);
    length += v * d[k];
    weight += v;
    prior_length += factor * d[k];
    prior += factor;
    mean_d += d[k] / (double)n;
  }
  for (size_t k = 0; k < n; k++) {
    double x = d[k] - mean_d, v = fabs(w[k] * (p ? p[k] : 1)) - weight / (double)n;
    dd += x * x;
    vv += v * v;
    dv += x * v;
  }
  double tiny = 1e-28 * (double)n; /* squares of what rounding leaves of equal values */
  double mean_v = weight / (double)n;
  bool spread = dd > tiny * mean_d * mean_d && vv > tiny * mean_v * mean_v;
  *out = (lp_wiring_length){length, weight > 0 ? length / weight : NAN,
                            prior != 0 ? prior_length / prior : NAN,
                            spread ? dv / (sqrt(dd) * sqrt(vv)) : NAN};
}

lp_status lp_pruned_length(const double *w, const double *p, const double *d, size_t n,
                           lp_prune_rank rank, double keep, uint64_t seed, uint8_t *kept,
                           double *mean) {
  *mean = NAN;
  if (!(keep >= 0 && keep <= 1) || n > UINT32_MAX || (unsigned)rank > LP_PRUNE_RANDOM)
    return lp_fail(LP_ERR_ARG, "keeping a share of %g of %zu connections", keep, n);
  double *value = malloc(sizeof *value * (n + 1));
  uint32_t *order = rank == LP_PRUNE_RANDOM ? malloc(sizeof *order * (n + 1)) : NULL;
  if (value && order) {
    lp_rng_permutation(seed, lp_rng_stream("measure/pruning"), 0, order, (uint32_t)n);
  } else if (value && rank != LP_PRUNE_RANDOM) {
    for (size_t k = 0; k < n; k++) { /* lp_ascending, with equal ones by index: the largest first */
      double size = fabs(w[k]);
      if (rank == LP_PRUNE_PW && p) size = fabs(w[k] * p[k]);
      if (rank == LP_PRUNE_W_OVER_D) size /= 1 + d[k];
      value[k] = -size;
    }
    order = lp_ascending(value, n);
  }
  if (!value || !order) {
    free(value);
    free(order);
    return lp_no_memory("an order of connections");
  }
  size_t count = (size_t)llround(keep * (double)n);
  double sum = 0;
  if (kept) memset(kept, 0, n);
  for (size_t k = 0; k < count; k++) {
    sum += d[order[k]];
    if (kept) kept[order[k]] = 1;
  }
  if (count) *mean = sum / (double)count;
  free(value);
  free(order);
  return LP_OK;
}

double lp_energy(const double *v, const double *x, const double *y, uint32_t n_out, uint32_t n_in) {
  double active = 0, sent = 0;
  for (uint32_t i = 0; i < n_out; i++) {
    active += fabs(y[i]);
    for (uint32_t j = 0; j < n_in; j++) sent += fabs(v[(size_t)i * n_in + j]) * fabs(x[j]);
  }
  return active / 3 + 2 * sent / 3;
}

/* ---- communicability ----------------------------------------------------------------------- */

/* c = a b, n x n. */
static void multiply(const double *a, const double *b, uint32_t n, double *c) {
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < n; i++) {
    double *row = c + (size_t)i * n;
    for (uint32_t j = 0; j < n; j++) row[j] = 0;
    for (uint32_t k = 0; k < n; k++) {
      double x = a[(size_t)i * n + k];
      const double *other = b + (size_t)k * n;
      for (uint32_t j = 0; x != 0 && j < n; j++) row[j] += x * other[j];
    }
  }
}

/* out = x I + sum of c[k] m[k] over three matrices. */
static void combine(double x, const double c[3], double *const m[3], uint32_t n, double *out) {
  for (size_t k = 0; k < (size_t)n * n; k++)
    out[k] = c[0] * m[0][k] + c[1] * m[1][k] + c[2] * m[2][k];
  for (uint32_t i = 0; i < n; i++) out[(size_t)i * n + i] += x;
}

/* exp(a) in place. room: 7 matrices. */
static lp_status exponential(double *a, uint32_t n, double *room) {
  static const double b[] = {64764752532480000.,
                             32382376266240000.,
                             7771770303897600.,
                             1187353796428800.,
                             129060195264000.,
                             10559470521600.,
                             670442572800.,
                             33522128640.,
                             1323241920.,
                             40840800.,
                             960960.,
                             16380.,
                             182.,
                             1.};
  const double theta = 5.371920351148152; /* norm up to which degree 13 is exact in double */
  size_t size = (size_t)n * n;
  double *m[3] = {room, room + size, room + 2 * size}, *t = room + 3 * size, *u = room + 4 * size,
         *v = room + 5 * size, *q = room + 6 * size, norm = 0;
  for (uint32_t j = 0; j < n; j++) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += fabs(a[(size_t)i * n + j]);
    norm = fmax(norm, sum);
  }
  int halvings = norm > theta ? (int)ceil(log2(norm / theta)) : 0;
  for (size_t k = 0; k < size; k++) a[k] = ldexp(a[k], -halvings);
  multiply(a, a, n, m[0]);
  multiply(m[0], m[0], n, m[1]);
  multiply(m[1], m[0], n, m[2]);
  combine(0, (double[]){b[9], b[11], b[13]}, m, n, t);
  multiply(m[2], t, n, v);
  combine(b[1], (double[]){b[3], b[5], b[7]}, m, n, t);
  for (size_t k = 0; k < size; k++) t[k] += v[k];
  multiply(a, t, n, u);
  combine(0, (double[]){b[8], b[10], b[12]}, m, n, t);
  multiply(m[2], t, n, q);
  combine(b[0], (double[]){b[2], b[4], b[6]}, m, n, v);
  for (size_t k = 0; k < size; k++) {
    double even = v[k] + q[k];
    t[k] = even - u[k];
    a[k] = even + u[k];
  }
  lapack_int *pivot = malloc(sizeof *pivot * ((size_t)n + 1));
  if (!pivot) return lp_no_memory("a matrix exponential");
  lapack_int bad = LAPACKE_dgesv(LAPACK_ROW_MAJOR, (lapack_int)n, (lapack_int)n, t, (lapack_int)n,
                                 pivot, a, (lapack_int)n);
  free(pivot);
  if (bad) return lp_fail(LP_ERR_ARG, "a matrix exponential that cannot be solved for");
  for (; halvings > 0; halvings--) {
    multiply(a, a, n, t);
    memcpy(a, t, sizeof *a * size);
  }
  return LP_OK;
}

lp_status lp_communicability(const double *w, uint32_t n, double *out) {
  size_t size = (size_t)n * n;
  double *room = malloc(sizeof *room * (7 * size + n + 1)), *root = room + 7 * size;
  if (!room) return lp_no_memory("a matrix exponential");
  lp_status s = LP_OK;
  bool finite = lp_all_finite(w, size);
  for (uint32_t i = 0; i < n; i++) {
    double sum = 0;
    for (uint32_t j = 0; j < n; j++) sum += fabs(w[(size_t)i * n + j]);
    root[i] = sum > 0 ? 1 / sqrt(sum) : 0;
  }
  for (size_t k = 0; k < size; k++) out[k] = root[k / n] * fabs(w[k]) * root[k % n];
  if (finite && n) s = exponential(out, n, room);
  for (size_t k = 0; !finite && k < size; k++) out[k] = NAN;
  for (uint32_t i = 0; finite && i < n; i++) out[(size_t)i * n + i] = 0;
  free(room);
  return s;
}
