/* Many tests and many arms: adjusted p-values, analysis of variance, Kruskal-Wallis. */
#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>

/* A number and where it stood. */
typedef struct ranked {
  double value;
  size_t at;
} ranked;

static int by_value(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->value != y->value) return (x->value > y->value) - (x->value < y->value);
  return (x->at > y->at) - (x->at < y->at);
}

/* The finite ones of n numbers in ascending order; *m of them. */
static ranked *sorted(const double *x, size_t n, size_t *m) {
  ranked *r = malloc(sizeof *r * (n + 1));
  *m = 0;
  for (size_t i = 0; r && i < n; i++)
    if (isfinite(x[i])) r[(*m)++] = (ranked){x[i], i};
  if (r) qsort(r, *m, sizeof *r, by_value);
  return r;
}

static lp_status no_memory(size_t n) {
  return lp_fail(LP_ERR_MEMORY, "out of memory for %zu p-values", n);
}

lp_status lp_adjust_holm(const double *p, size_t n, double *out) {
  size_t m;
  ranked *r = sorted(p, n, &m);
  if (!r) return no_memory(n);
  double worst = 0;
  for (size_t i = 0; i < n; i++) out[i] = NAN;
  for (size_t k = 0; k < m; k++) {
    worst = fmax(worst, fmin(1, (double)(m - k) * r[k].value));
    out[r[k].at] = worst;
  }
  free(r);
  return LP_OK;
}

lp_status lp_adjust_bh(const double *p, size_t n, double *out) {
  size_t m;
  ranked *r = sorted(p, n, &m);
  if (!r) return no_memory(n);
  double best = 1;
  for (size_t i = 0; i < n; i++) out[i] = NAN;
  for (size_t k = m; k-- > 0;) {
    best = fmin(best, r[k].value * (double)m / (double)(k + 1));
    out[r[k].at] = best;
  }
  free(r);
  return LP_OK;
}

/* ---- many groups --------------------------------------------------------------------------- */

lp_test lp_anova(const double *x, const uint32_t *group, size_t n, uint32_t groups) {
  lp_test t = {.statistic = NAN, .df = NAN, .p = NAN, .mean_difference = NAN};
  double grand = 0, between = 0, within = 0, largest = 0;
  uint32_t used = 0, filled = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i]) || group[i] >= groups) continue;
    grand += x[i];
    largest = fmax(largest, fabs(x[i]));
    used++;
  }
  t.n = used;
  if (used == 0) return t;
  grand /= used;
  for (uint32_t g = 0; g < groups; g++) {
    double mean = 0;
    uint32_t m = 0;
    for (size_t i = 0; i < n; i++)
      if (isfinite(x[i]) && group[i] == g) mean += x[i], m++;
    if (m == 0) continue;
    mean /= m;
    filled++;
    between += m * (mean - grand) * (mean - grand);
    for (size_t i = 0; i < n; i++)
      if (isfinite(x[i]) && group[i] == g) within += (x[i] - mean) * (x[i] - mean);
  }
  if (filled < 2 || used <= filled || sqrt(within / used) <= 1e-14 * largest) return t;
  t.df = filled - 1.0;
  t.statistic = between / t.df / (within / (used - filled));
  t.p = lp_f_p(t.statistic, t.df, used - filled);
  return t;
}

lp_status lp_kruskal_wallis(const double *x, const uint32_t *group, size_t n, uint32_t groups,
                            lp_test *out) {
  *out = (lp_test){.statistic = NAN, .df = NAN, .p = NAN, .mean_difference = NAN};
  size_t m = 0, j;
  ranked *r = sorted(x, n, &m);
  double *sum = calloc((size_t)groups + 1, sizeof *sum),
         *count = calloc((size_t)groups + 1, sizeof *count);
  lp_status s = r && sum && count ? LP_OK : no_memory(n);
  double ties = 0, N = (double)m, h = 0, filled = 0;
  for (size_t i = 0; s == LP_OK && i < m; i = j) {
    for (j = i + 1; j < m && r[j].value == r[i].value;) j++;
    double same = (double)(j - i), rank = (double)(i + 1 + j) / 2;
    ties += same * same * same - same;
    for (size_t k = i; k < j; k++) {
      uint32_t g = group[r[k].at] < groups ? group[r[k].at] : groups;
      sum[g] += rank;
      count[g]++;
    }
  }
  for (uint32_t g = 0; s == LP_OK && g < groups; g++) {
    if (count[g] == 0) continue;
    h += sum[g] * sum[g] / count[g];
    filled++;
  }
  double correction = 1 - ties / (N * N * N - N);
  if (s == LP_OK && filled > 1 && correction > 0) {
    out->n = (uint32_t)m;
    out->df = filled - 1;
    out->statistic = (12 / (N * (N + 1)) * h - 3 * (N + 1)) / correction;
    out->p = lp_chi_square_p(out->statistic, out->df);
  }
  free(r);
  free(sum);
  free(count);
  return s;
}

/* ---- counts -------------------------------------------------------------------------------- */

static double ln_choose(uint32_t n, uint32_t k) {
  int sign;
  return lgamma_r(n + 1.0, &sign) - lgamma_r(k + 1.0, &sign) - lgamma_r(n - k + 1.0, &sign);
}

double lp_fisher_p(uint32_t a, uint32_t n_a, uint32_t b, uint32_t n_b) {
  if (a > n_a || b > n_b || n_a == 0 || n_b == 0) return NAN;
  uint32_t k = a + b, first = k > n_b ? k - n_b : 0, last = k < n_a ? k : n_a;
  double whole = ln_choose(n_a + n_b, k);
  double seen = ln_choose(n_a, a) + ln_choose(n_b, b) - whole, p = 0;
  for (uint32_t i = first; i <= last; i++) { /* tables as likely as this one, or less */
    double l = ln_choose(n_a, i) + ln_choose(n_b, k - i) - whole;
    if (l <= seen + 1e-7) p += exp(l);
  }
  return fmin(1, p);
}
