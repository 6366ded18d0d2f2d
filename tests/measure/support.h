/* Data that the tests of the measures share, by formulas that a script can repeat: a sheet of 5 x 7
 * units, 23 images, image m of class m % 3.
 *   X[m][i] = ((7mm + 3ii + 5mi + 11m + 17i) mod 101) / 101 - .2     (negative values too)
 *   Y[m][i] = ((5mm + 2ii + 3mi + 7m + 13i) mod 89) / 89
 * Expected numbers named "NumPy", "SciPy" or "NetworkX" were computed from these formulas once, by
 * what stands beside them, with NumPy 1.24, SciPy 1.10, NetworkX 2.8. */
#ifndef TEST_MEASURE_SUPPORT_H
#define TEST_MEASURE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locality/measure.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 23, ROWS = 5, COLS = 7, UNITS = 35, CLASSES = 3 };

static inline void fill_x(double *x, uint32_t units) {
  for (uint32_t m = 0; m < N; m++)
    for (uint32_t i = 0; i < units; i++)
      x[m * units + i] = (7 * m * m + 3 * i * i + 5 * m * i + 11 * m + 17 * i) % 101 / 101.0 - 0.2;
}

static inline void fill_y(double *y, uint32_t units) {
  for (uint32_t m = 0; m < N; m++)
    for (uint32_t i = 0; i < units; i++)
      y[m * units + i] = (5 * m * m + 2 * i * i + 3 * m * i + 7 * m + 13 * i) % 89 / 89.0;
}

static inline void fill_labels(int32_t *labels, uint32_t classes) {
  for (uint32_t m = 0; m < N; m++) labels[m] = (int32_t)(m % classes);
}

static inline void assert_ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s: %s", lp_status_name(s), lp_error_message());
}

/* Relative; absolute where want is 0. NaN equals NaN. */
static inline void assert_close(double got, double want, double tolerance) {
  if (isnan(want) && isnan(got)) return;
  double error = fabs(got - want), scale = want != 0 ? fabs(want) : 1;
  if (!(error <= tolerance * scale)) fail_msg("got %.17g, want %.17g", got, want);
}

static inline void assert_all_close(const double *got, const double *want, size_t n,
                                    double tolerance) {
  for (size_t k = 0; k < n; k++) assert_close(got[k], want[k], tolerance);
}

/* t of the three classes on X: CLASSES x UNITS. */
static inline void t_maps(double *t) {
  double x[N * UNITS];
  int32_t labels[N];
  fill_x(x, UNITS);
  fill_labels(labels, CLASSES);
  lp_responses r = lp_responses_f64(x, N, UNITS);
  assert_ok(lp_selectivity_of(&r, labels, CLASSES, &(lp_selectivity){.t = t}));
}

#endif
