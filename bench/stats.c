/* The clock, medians, quartiles and bootstrap intervals. */
#include "bench.h"

#include <locality/rng.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RESAMPLES = 400 };

double bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_resolution(void) {
  double best = 1;
  for (int i = 0; i < 50; i++) {
    double a = bench_now(), b = a;
    while (b == a) b = bench_now();
    best = fmin(best, b - a);
  }
  return best;
}

bool bench_samples_add(bench_samples *s, double x) {
  if (s->n == s->cap) {
    uint32_t cap = s->cap ? 2 * s->cap : 64;
    double *grown = realloc(s->x, cap * sizeof *grown);
    if (!grown) return false;
    s->x = grown;
    s->cap = cap;
  }
  s->x[s->n++] = x;
  return true;
}

bool bench_samples_join(bench_samples *s, const bench_samples *pass) {
  if (s->passes < BENCH_MAX_PASSES) s->end[s->passes++] = s->n;
  for (uint32_t i = 0; i < pass->n; i++)
    if (!bench_samples_add(s, pass->x[i])) return false;
  return true;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Quantile of sorted values by linear interpolation. */
static double quantile(const double *x, uint32_t n, double q) {
  double at = q * (n - 1);
  uint32_t k = (uint32_t)at;
  return k + 1 < n ? x[k] + (at - k) * (x[k + 1] - x[k]) : x[n - 1];
}

static bench_summary summarise(const double *x, uint32_t n) {
  bench_summary s = {NAN, NAN, NAN, NAN, NAN, n};
  double *sorted = n ? malloc(((size_t)n * 2 + RESAMPLES) * sizeof *sorted) : NULL;
  if (!sorted) return s;
  double *draw = sorted + n, *median = draw + n;
  memcpy(sorted, x, n * sizeof *x);
  qsort(sorted, n, sizeof *sorted, ascending);
  s.median = quantile(sorted, n, 0.5);
  s.q1 = quantile(sorted, n, 0.25);
  s.q3 = quantile(sorted, n, 0.75);
  lp_rng rng = lp_rng_make(1, "bench");
  for (uint32_t r = 0; r < RESAMPLES; r++) {
    for (uint32_t i = 0; i < n; i++) draw[i] = sorted[lp_rng_below(&rng, n)];
    qsort(draw, n, sizeof *draw, ascending);
    median[r] = quantile(draw, n, 0.5);
  }
  qsort(median, RESAMPLES, sizeof *median, ascending);
  s.low = quantile(median, RESAMPLES, 0.025);
  s.high = quantile(median, RESAMPLES, 0.975);
  free(sorted);
  return s;
}

double bench_pass_median(const bench_samples *s, uint32_t k) {
  if (k > s->passes) return NAN;
  uint32_t first = k ? s->end[k - 1] : 0, end = k < s->passes ? s->end[k] : s->n;
  double *sorted = end > first ? malloc((end - first) * sizeof *sorted) : NULL;
  if (!sorted) return NAN;
  memcpy(sorted, s->x + first, (end - first) * sizeof *sorted);
  qsort(sorted, end - first, sizeof *sorted, ascending);
  double median = quantile(sorted, end - first, 0.5);
  free(sorted);
  return median;
}

bench_summary bench_summarise(const bench_samples *s) {
  bench_summary out = summarise(s->x, s->n);
  for (uint32_t k = 0; s->passes && k <= s->passes; k++) {
    double median = bench_pass_median(s, k); /* fmin and fmax pass over NaN */
    out.low = fmin(out.low, median);
    out.high = fmax(out.high, median);
  }
  return out;
}

bench_summary bench_ratio(const bench_samples *a, const bench_samples *b) {
  bench_samples q = *a; /* its passes; they take as many samples of both */
  q.n = a->n < b->n ? a->n : b->n;
  q.x = q.n ? malloc(q.n * sizeof *q.x) : NULL;
  if (!q.x) q.n = 0;
  for (uint32_t i = 0; i < q.n; i++) q.x[i] = a->x[i] / b->x[i];
  for (uint32_t k = 0; k < q.passes; k++)
    if (q.end[k] > q.n) q.end[k] = q.n;
  bench_summary s = bench_summarise(&q);
  free(q.x);
  return s;
}
