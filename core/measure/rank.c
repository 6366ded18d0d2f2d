/* Order, ranks and correlations of samples. */
#include "measure_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Unsigned numbers in the order of the doubles. -0 is 0. */
static uint64_t key_of(double x) {
  uint64_t bits;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* A number's key and where it stood, side by side: looking up x again would miss the caches. */
typedef struct keyed {
  uint64_t key;
  uint32_t at;
} keyed;

/* Least significant digits first: stable, and linear in n. */
uint32_t *lp_ascending(const double *x, size_t n) {
  enum { BITS = 11, DIGITS = 1 << BITS };
  uint32_t *order = malloc(sizeof *order * (n + 1));
  keyed *from = malloc(sizeof *from * (n + 1)), *to = malloc(sizeof *to * (n + 1));
  size_t *count = malloc(sizeof *count * DIGITS);
  bool memory = order && from && to && count;
  for (size_t i = 0; memory && i < n; i++) from[i] = (keyed){key_of(x[i]), (uint32_t)i};
  for (int shift = 0; memory && shift < 64; shift += BITS) {
    memset(count, 0, sizeof *count * DIGITS);
    for (size_t i = 0; i < n; i++) count[from[i].key >> shift & (DIGITS - 1)]++;
    size_t at = 0;
    for (int d = 0; d < DIGITS; d++) {
      size_t c = count[d];
      count[d] = at;
      at += c;
    }
    for (size_t i = 0; i < n; i++) to[count[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
    keyed *t = from;
    from = to;
    to = t;
  }
  for (size_t i = 0; memory && i < n; i++) order[i] = from[i].at;
  free(from);
  free(to);
  free(count);
  if (memory) return order;
  free(order);
  return NULL;
}

void lp_mean_ranks(const double *x, const uint32_t *order, size_t n, double *rank) {
  for (size_t i = 0, j; i < n; i = j) {
    for (j = i + 1; j < n && x[order[j]] == x[order[i]];) j++;
    for (size_t k = i; k < j; k++) rank[order[k]] = (double)(i + 1 + j) / 2;
  }
}

double lp_scale_to_one(double x) {
  int exponent = 0;
  frexp(x, &exponent);
  return ldexp(1, -exponent > 1000 ? 1000 : -exponent);
}

double lp_pearson(const double *a, const double *b, size_t n) {
  double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0, large_a = 0, large_b = 0;
  for (size_t i = 0; i < n; i++) {
    mean_a += a[i];
    mean_b += b[i];
    large_a = fmax(large_a, fabs(a[i]));
    large_b = fmax(large_b, fabs(b[i]));
  }
  mean_a /= (double)n;
  mean_b /= (double)n;
  double scale_a = lp_scale_to_one(large_a), scale_b = lp_scale_to_one(large_b);
  for (size_t i = 0; i < n; i++) {
    double x = (a[i] - mean_a) * scale_a, y = (b[i] - mean_b) * scale_b;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  double size = sqrt((double)n) * 16 * DBL_EPSILON;
  if (!(sqrt(aa) > size * large_a * scale_a) || !(sqrt(bb) > size * large_b * scale_b)) return NAN;
  return within_one(ab / (sqrt(aa) * sqrt(bb)));
}

lp_status lp_spearman(const double *a, const double *b, size_t n, double *out) {
  *out = NAN;
  if (n < 2 || !lp_all_finite(a, n) || !lp_all_finite(b, n)) return LP_OK;
  if (n > UINT32_MAX) return lp_fail(LP_ERR_ARG, "%zu values to rank", n);
  double *rank = malloc(sizeof *rank * 2 * n);
  uint32_t *x = lp_ascending(a, n), *y = lp_ascending(b, n);
  lp_status s = rank && x && y ? LP_OK : lp_no_memory("ranks");
  if (s == LP_OK) {
    lp_mean_ranks(a, x, n, rank);
    lp_mean_ranks(b, y, n, rank + n);
    *out = lp_pearson(rank, rank + n, n);
  }
  free(rank);
  free(x);
  free(y);
  return s;
}

/* ---- Kendall ------------------------------------------------------------------------------- */

/* Merge sort of v that counts exchanges: pairs i < j with v[i] > v[j]. */
static uint64_t inversions(double *v, double *room, size_t n) {
  uint64_t swaps = 0;
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t from = 0; from < n; from += 2 * width) {
      size_t mid = from + width < n ? from + width : n,
             end = from + 2 * width < n ? from + 2 * width : n, i = from, j = mid;
      for (size_t k = from; k < end; k++) {
        bool left = i < mid && (j >= end || v[i] <= v[j]);
        if (!left) swaps += mid - i;
        room[k] = left ? v[i++] : v[j++];
      }
    }
    memcpy(v, room, sizeof *v * n);
  }
  return swaps;
}

static double pairs_of(size_t n) {
  return (double)n * (double)(n - 1) / 2;
}

/* Knight's method (J Am Stat Assoc 1966). */
lp_status lp_kendall(const double *a, const double *b, size_t n, double *out) {
  *out = NAN;
  if (n < 2 || !lp_all_finite(a, n) || !lp_all_finite(b, n)) return LP_OK;
  if (n > UINT32_MAX) return lp_fail(LP_ERR_ARG, "%zu values to rank", n);
  double *v = malloc(sizeof *v * 3 * n);
  uint32_t *by_b = lp_ascending(b, n), *by_a = NULL;
  if (v && by_b) { /* by a, and by b among equal ones */
    for (size_t k = 0; k < n; k++) v[k] = a[by_b[k]];
    by_a = lp_ascending(v, n);
  }
  lp_status s = by_a ? LP_OK : lp_no_memory("ranks");
  double ties_a = 0, ties_both = 0, ties_b = 0;
  if (s == LP_OK) {
    double *x = v + n, *y = v + 2 * n;
    for (size_t k = 0; k < n; k++) {
      x[k] = v[by_a[k]];
      y[k] = b[by_b[by_a[k]]];
    }
    for (size_t i = 0, j, l; i < n; i = j) {
      for (j = i + 1; j < n && x[j] == x[i];) j++;
      ties_a += pairs_of(j - i);
      for (size_t k = i; k < j; k = l) {
        for (l = k + 1; l < j && y[l] == y[k];) l++;
        ties_both += pairs_of(l - k);
      }
    }
    double swaps = (double)inversions(y, v, n);
    for (size_t i = 0, j; i < n; i = j) {
      for (j = i + 1; j < n && y[j] == y[i];) j++;
      ties_b += pairs_of(j - i);
    }
    double all = pairs_of(n), below = (all - ties_a) * (all - ties_b);
    if (below > 0) *out = (all - ties_a - ties_b + ties_both - 2 * swaps) / sqrt(below);
  }
  free(v);
  free(by_a);
  free(by_b);
  return s;
}
