/* Orientation: preferred angles against NumPy, pinwheels that are drawn. */
#include "support.h"

enum { K = 5 };

static double pi(void) {
  return acos(-1);
}

static void tuning(void **state) {
  (void)state;
  double x[N * UNITS], r[UNITS * K], theta[K], preferred[UNITS], variance[UNITS], h[UNITS];
  fill_x(x, UNITS);
  for (int k = 0; k < K; k++) theta[k] = k * pi() / K;
  for (int i = 0; i < UNITS; i++) /* |X| of the first five images */
    for (int k = 0; k < K; k++) r[i * K + k] = fabs(x[k * UNITS + i]);
  lp_orientation(r, theta, UNITS, K, preferred, variance);
  /* z = (r * exp(2j theta)).sum(1); mod(angle(z) / 2, pi), 1 - abs(z) / r.sum(1) */
  static const double angle[] = {1.9824596434691104, 1.6349856535431515, 0.94247779607693793},
                      cv[] = {0.51387875266775374, 0.69388395824648408, 0.4929883293890106},
                      entropy[] = {1.5229550675313184, 1.5229550675313184, 1.4270610433807247};
  static const uint32_t unit[] = {0, 17, 34};
  for (int k = 0; k < 3; k++) {
    assert_close(preferred[unit[k]], angle[k], 1e-12);
    assert_close(variance[unit[k]], cv[k], 1e-12);
  }
  /* 6 classes of angle, 3 x 3 wrapped windows, -(p log p).sum() */
  assert_ok(lp_local_entropy(preferred, ROWS, COLS, 3, 6, h));
  for (int k = 0; k < 3; k++) assert_close(h[unit[k]], entropy[k], 1e-12);
  for (int i = 0; i < UNITS; i++) preferred[i] = i == 3 ? NAN : 1;
  assert_ok(lp_local_entropy(preferred, ROWS, COLS, 1, 6, h));
  assert_true(isnan(h[3]) && h[4] == 0);
  assert_int_equal(lp_local_entropy(preferred, ROWS, COLS, 4, 6, h), LP_ERR_ARG);
}

static void untuned(void **state) {
  (void)state;
  double theta[4], angle, variance;
  for (int k = 0; k < 4; k++) theta[k] = k * pi() / 4;
  double flat[] = {2, 2, 2, 2}, negative[] = {1, 2, -1, 2}, silent[4] = {0}, one[] = {0, 0, 0, 5};
  lp_orientation(flat, theta, 1, 4, &angle, &variance);
  assert_true(isnan(angle) && fabs(variance - 1) < 1e-15);
  lp_orientation(negative, theta, 1, 4, &angle, &variance);
  assert_true(isnan(angle) && isnan(variance));
  lp_orientation(silent, theta, 1, 4, &angle, &variance);
  assert_true(isnan(angle) && isnan(variance));
  lp_orientation(one, theta, 1, 4, &angle, &variance);
  assert_close(angle, 3 * pi() / 4, 1e-15);
  assert_true(fabs(variance) < 1e-15);
}

/* theta = angle about a centre / 2: one pinwheel of +1/2 there, and with the sign turned -1/2. */
static void pinwheels(void **state) {
  (void)state;
  enum { R = 9, C = 11 };
  double a[R * C], winding[R * C];
  for (int sign = -1; sign <= 1; sign += 2) {
    for (int i = 0; i < R * C; i++) {
      double y = i / C - 4.5, x = i % C - 5.5, half = sign * atan2(-y, x) / 2;
      a[i] = half < 0 ? half + pi() : half;
    }
    lp_pinwheels p;
    assert_ok(lp_pinwheels_of(a, R, C, false, winding, &p));
    assert_int_equal(p.pinwheels, 1);
    assert_int_equal(p.units, 4); /* those whose neighbours enclose the centre */
    for (int i = 0; i < R * C; i++) {
      int y = i / C, x = i % C;
      bool about = (y == 4 || y == 5) && (x == 5 || x == 6);
      assert_true(fabs(winding[i]) == (about ? 0.5 : 0));
    }
    assert_true(winding[4 * C + 5] == winding[5 * C + 6]);
  }
}

/* e^{2 i theta} = cos(2 pi x / 12) + i cos(2 pi y / 12) on a torus of 24 x 24: zeros, and so
 * pinwheels, where both vanish, 4 x 4 of them; columns 12 apart. */
static void density(void **state) {
  (void)state;
  enum { SIDE = 24 };
  double a[SIDE * SIDE];
  for (int i = 0; i < SIDE * SIDE; i++) {
    double y = i / SIDE + 0.5, x = i % SIDE + 0.5;
    double half = atan2(cos(2 * pi() * y / 12), cos(2 * pi() * x / 12)) / 2;
    a[i] = half < 0 ? half + pi() : half;
  }
  lp_pinwheels p;
  assert_ok(lp_pinwheels_of(a, SIDE, SIDE, true, NULL, &p));
  assert_int_equal(p.pinwheels, 16);
  assert_close(p.spacing, 12, 1e-14);
  assert_close(p.density, 4, 1e-14);
  for (int i = 0; i < SIDE * SIDE; i++) a[i] = 1;
  assert_ok(lp_pinwheels_of(a, SIDE, SIDE, false, NULL, &p));
  assert_true(p.pinwheels == 0 && isnan(p.spacing) && isnan(p.density));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tuning), cmocka_unit_test(untuned),
                                     cmocka_unit_test(pinwheels), cmocka_unit_test(density)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
