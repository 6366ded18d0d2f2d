/* Exact tests of two samples by enumeration: sign flips of pairs, exchanges between samples. */
#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* ---- sign flips ---------------------------------------------------------------------------- */

/* The 2^n sums of +-d, sorted. */
static double *signed_sums(const double *d, uint32_t n) {
  size_t count = (size_t)1 << n;
  double *sum = malloc(sizeof *sum * count);
  if (!sum) return NULL;
  sum[0] = 0;
  for (uint32_t i = 0; i < n; i++)
    for (size_t k = (size_t)1 << i; k-- > 0;) {
      sum[k + ((size_t)1 << i)] = sum[k] + d[i];
      sum[k] -= d[i];
    }
  qsort(sum, count, sizeof *sum, ascending);
  return sum;
}

/* How many pairs x + y of two sorted lists are `bound` or more. */
static double pairs_above(const double *x, size_t nx, const double *y, size_t ny, double bound) {
  double count = 0;
  size_t k = ny; /* y[k ..] + x[i] reach the bound */
  for (size_t i = 0; i < nx; i++) {
    while (k > 0 && x[i] + y[k - 1] >= bound) k--;
    count += (double)(ny - k);
  }
  return count;
}

lp_status lp_sign_flip_p(const double *a, const double *b, size_t n, double *out) {
  *out = NAN;
  double d[LP_SIGN_FLIP_EXACT], total = 0, size = 0;
  uint32_t m = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(a[i]) || !isfinite(b[i])) continue;
    if (m == LP_SIGN_FLIP_EXACT) return LP_OK;
    d[m++] = a[i] - b[i];
    total += a[i] - b[i];
    size += fabs(a[i] - b[i]);
  }
  if (m == 0) return LP_OK;
  /* All sums are those of one half and one of the other (Horowitz & Sahni, J ACM 1974). They are
   * symmetric about 0, and sums that differ by rounding alone count as equal. */
  uint32_t half = m / 2;
  double *x = signed_sums(d, half), *y = signed_sums(d + half, m - half);
  lp_status s = LP_OK;
  if (x && y) {
    double bound = fabs(total) - 1e-12 * size;
    size_t nx = (size_t)1 << half, ny = (size_t)1 << (m - half);
    double above = pairs_above(x, nx, y, ny, bound);
    *out = bound <= 0 ? 1 : 2 * above / ldexp(1, (int)m);
  } else {
    s = lp_fail(LP_ERR_MEMORY, "out of memory for the sign flips of %u pairs", m);
  }
  free(x);
  free(y);
  return s;
}

/* ---- exchanges ----------------------------------------------------------------------------- */

/* The next way to choose k of n places, in lexicographic order; false after the last. */
static bool next_choice(uint32_t *place, uint32_t k, uint32_t n) {
  uint32_t i = k;
  while (i > 0 && place[i - 1] == n - k + i - 1) i--;
  if (i == 0) return false;
  place[i - 1]++;
  for (; i < k; i++) place[i] = place[i - 1] + 1;
  return true;
}

static double ln_factorial(uint32_t n) {
  int sign; /* lgamma would write a global */
  return lgamma_r(n + 1.0, &sign);
}

lp_status lp_permutation_p(const double *a, size_t n_a, const double *b, size_t n_b, double *out) {
  *out = NAN;
  double *x = malloc(sizeof *x * (n_a + n_b + 1)), sum = 0, own = 0, size = 0;
  uint32_t *place = malloc(sizeof *place * (n_a + 1)), k = 0, n = 0;
  lp_status s = x && place ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for a permutation test");
  for (size_t i = 0; s == LP_OK && i < n_a + n_b; i++) {
    double v = i < n_a ? a[i] : b[i - n_a];
    if (!isfinite(v)) continue;
    if (i < n_a) {
      k++;
      own += v;
    }
    x[n++] = v;
    sum += v;
    size += fabs(v);
  }
  double ways = exp(ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k));
  if (s == LP_OK && k > 0 && k < n && ways <= LP_PERMUTATION_EXACT + 0.5) {
    /* mean(a) - mean(b) grows with the sum of a alone: far is how far that is from its mean. */
    double middle = sum * k / n, far = fabs(own - middle) - 1e-12 * size, all = 0, as_far = 0;
    for (uint32_t i = 0; i < k; i++) place[i] = i;
    do {
      double chosen = 0;
      for (uint32_t i = 0; i < k; i++) chosen += x[place[i]];
      all++;
      as_far += fabs(chosen - middle) >= far;
    } while (next_choice(place, k, n));
    *out = as_far / all;
  }
  free(x);
  free(place);
  return s;
}
