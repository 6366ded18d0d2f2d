/* Moments, t tests, Wilcoxon's signed rank test, effect size. */
#include <locality/analysis.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The finite values of a sample, or of the differences a - b. */
typedef struct sample {
  uint32_t n;
  double mean, squares; /* squares: sum of squared deviations */
  double largest;       /* of the values' magnitudes, before any difference */
} sample;

static bool used(const double *a, const double *b, size_t i) {
  return isfinite(a[i]) && (!b || isfinite(b[i]));
}

static sample sample_of(const double *a, const double *b, size_t n) {
  sample s = {0, NAN, 0, 0};
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    if (!used(a, b, i)) continue;
    s.n++;
    sum += a[i] - (b ? b[i] : 0);
    s.largest = fmax(s.largest, fmax(fabs(a[i]), b ? fabs(b[i]) : 0));
  }
  if (s.n == 0) return s;
  s.mean = sum / s.n;
  for (size_t i = 0; i < n; i++) {
    if (!used(a, b, i)) continue;
    double d = a[i] - (b ? b[i] : 0) - s.mean;
    s.squares += d * d;
  }
  return s;
}

/* Equal values, such as 98.1 - 98.0 and 97.3 - 97.2, differ by rounding, and a t test of rounding
 * would find anything significant. */
static bool has_spread(const sample *s) {
  return s->n > 1 && sqrt(s->squares / s->n) > 64 * DBL_EPSILON * s->largest;
}

lp_moments lp_moments_of(const double *x, size_t n) {
  sample s = sample_of(x, NULL, n);
  return (lp_moments){s.n, s.mean, s.n > 1 ? sqrt(s.squares / (s.n - 1)) : NAN};
}

lp_test lp_ttest_paired(const double *a, const double *b, size_t n) {
  sample s = sample_of(a, b, n);
  lp_test t = {NAN, NAN, NAN, s.mean, NAN, s.n};
  if (!has_spread(&s)) return t;
  t.df = s.n - 1.0;
  t.error = sqrt(s.squares / t.df / s.n);
  t.statistic = s.mean / t.error;
  t.p = lp_student_t_p(t.statistic, t.df);
  return t;
}

lp_test lp_ttest_welch(const double *a, size_t n_a, const double *b, size_t n_b) {
  sample x = sample_of(a, NULL, n_a), y = sample_of(b, NULL, n_b);
  lp_test t = {NAN, NAN, NAN, x.mean - y.mean, NAN, x.n + y.n};
  if (x.n < 2 || y.n < 2 || (!has_spread(&x) && !has_spread(&y))) return t;
  double u = x.squares / (x.n - 1.0) / x.n, v = y.squares / (y.n - 1.0) / y.n;
  t.error = sqrt(u + v);
  t.statistic = t.mean_difference / t.error;
  t.df = (u + v) * (u + v) / (u * u / (x.n - 1.0) + v * v / (y.n - 1.0));
  t.p = lp_student_t_p(t.statistic, t.df);
  return t;
}

double lp_hedges_g(const double *a, size_t n_a, const double *b, size_t n_b) {
  sample x = sample_of(a, NULL, n_a), y = sample_of(b, NULL, n_b);
  double m = (double)x.n + y.n - 2;
  if (x.n == 0 || y.n == 0 || m < 2 || (!has_spread(&x) && !has_spread(&y))) return NAN;
  int sign;
  double correction = exp(lgamma_r(m / 2, &sign) - lgamma_r((m - 1) / 2, &sign)) / sqrt(m / 2);
  return correction * (x.mean - y.mean) / sqrt((x.squares + y.squares) / m);
}

/* ---- Wilcoxon ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b) {
  double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
  return (x > y) - (x < y);
}

/* Twice the rank of each of n differences sorted by size: mean ranks are multiples of 1/2. Returns
 * sum (t^3 - t) over the groups of t equal ones. */
static double double_ranks(const double *d, uint32_t n, uint32_t *rank) {
  double ties = 0;
  for (uint32_t i = 0, j; i < n; i = j) {
    for (j = i + 1; j < n && fabs(d[j]) == fabs(d[i]);) j++;
    for (uint32_t k = i; k < j; k++) rank[k] = i + j + 1;
    double t = j - i;
    ties += t * t * t - t;
  }
  return ties;
}

/* P(W <= w) over all signs of the ranks, equally likely; ranks and w doubled. P[sum] is
 * the probability of that sum so far; a sum above w can never come back, so it is not kept. */
static lp_status rank_sum_tail(const uint32_t *rank, uint32_t n, uint32_t w, double *out) {
  double *P = calloc((size_t)w + 1, sizeof *P), tail = 0;
  if (!P) return lp_fail(LP_ERR_MEMORY, "out of memory for a rank test of %u pairs", n);
  P[0] = 1;
  uint64_t reached = 0;
  for (uint32_t k = 0; k < n; k++) {
    reached += rank[k];
    for (size_t sum = (reached < w ? reached : w) + 1; sum-- > 0;)
      P[sum] = 0.5 * (P[sum] + (sum >= rank[k] ? P[sum - rank[k]] : 0));
  }
  for (size_t sum = 0; sum <= w; sum++) tail += P[sum];
  free(P);
  *out = tail;
  return LP_OK;
}

lp_status lp_wilcoxon(const double *a, const double *b, size_t n, lp_test *out) {
  sample all = sample_of(a, b, n);
  *out = (lp_test){NAN, NAN, NAN, all.mean, NAN, 0};
  double *d = malloc(sizeof *d * (n + 1));
  uint32_t *rank = malloc(sizeof *rank * (n + 1)), k = 0;
  lp_status s = LP_OK;
  if (!d || !rank) s = lp_fail(LP_ERR_MEMORY, "out of memory for a rank test of %zu pairs", n);
  for (size_t i = 0; s == LP_OK && i < n; i++)
    if (used(a, b, i) && a[i] != b[i]) d[k++] = a[i] - b[i];
  if (s == LP_OK && k > 0) {
    qsort(d, k, sizeof *d, by_size);
    double ties = double_ranks(d, k, rank), plus = 0, minus = 0;
    for (uint32_t i = 0; i < k; i++) *(d[i] > 0 ? &plus : &minus) += 0.5 * rank[i];
    out->n = k;
    out->statistic = fmin(plus, minus);
    if (k <= LP_WILCOXON_EXACT) {
      double tail = 1;
      s = rank_sum_tail(rank, k, (uint32_t)(2 * out->statistic), &tail);
      out->p = fmin(1, 2 * tail);
    } else {
      double m = k, mean = m * (m + 1) / 4, var = (m * (m + 1) * (2 * m + 1) - ties / 2) / 24;
      double z = fmax(0, mean - out->statistic - 0.5) / sqrt(var);
      out->p = erfc(z / sqrt(2));
    }
  }
  free(d);
  free(rank);
  return s;
}

lp_status lp_leave_one_class_out(const double *a, const double *b, const int32_t *labels,
                                 uint32_t n, uint32_t classes, lp_test *out) {
  for (uint32_t m = 0; m < n; m++)
    if (labels[m] < 0 || (uint32_t)labels[m] >= classes)
      return lp_fail(LP_ERR_ARG, "label %d of image %u is not one of %u classes", labels[m], m,
                     classes);
  double *rest = malloc(sizeof *rest * ((size_t)n + 1));
  if (!rest) return lp_fail(LP_ERR_MEMORY, "out of memory for %u images", n);
  for (uint32_t c = 0; c < classes; c++) {
    for (uint32_t m = 0; m < n; m++) rest[m] = (uint32_t)labels[m] == c ? NAN : a[m];
    out[c] = lp_ttest_paired(rest, b, n);
  }
  free(rest);
  return LP_OK;
}
