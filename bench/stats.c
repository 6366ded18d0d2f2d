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

bench_summary bench_summarise(const bench_samples *s) {
  return summarise(s->x, s->n);
}

bench_summary bench_ratio(const bench_samples *a, const bench_samples *b) {
  uint32_t n = a->n < b->n ? a->n : b->n;
  double *x = n ? malloc(n * sizeof *x) : NULL;
  for (uint32_t i = 0; x && i < n; i++) x[i] = a->x[i] / b->x[i];
  bench_summary s = summarise(x, x ? n : 0);
  free(x);
  return s;
}
