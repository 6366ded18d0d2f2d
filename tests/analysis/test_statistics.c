/* Distribution functions and tests against golden values, tables, enumeration and known examples.
 */
#include "support.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- golden values ------------------------------------------------------------------------- */

static void golden_tests(void **state) {
  (void)state;
  int64_t n, m, two;
  const double *a = golden("variance/A", &n), *b = golden("variance/B", &m);
  assert_int_equal(n, m);
  const double *paired = golden("ttest_rel", &two), *welch = golden("welch", &two);
  const double *wilcoxon = golden("wilcoxon", &two);
  lp_test t = lp_ttest_paired(a, b, (size_t)n);
  assert_close(t.statistic, paired[0], 1e-8);
  assert_close(t.p, paired[1], 1e-8);
  t = lp_ttest_welch(a, (size_t)n, b, (size_t)m);
  assert_close(t.statistic, welch[0], 1e-8);
  assert_close(t.p, welch[1], 1e-8);
  assert_ok(lp_wilcoxon(a, b, (size_t)n, &t));
  assert_close(t.statistic, wilcoxon[0], 1e-8);
  assert_close(t.p, wilcoxon[1], 1e-8);
}

static void golden_student(void **state) {
  (void)state;
  int64_t n;
  const double *t = golden("student_t/t", &n), *df = golden("student_t/df", &n);
  const double *p = golden("student_t/p_two_sided", &n);
  for (int64_t i = 0; i < n; i++) {
    assert_close(lp_student_t_p(t[i], df[i]), p[i], 1e-10);
    assert_close(lp_student_t_p(-t[i], df[i]), p[i], 1e-10);
  }
}

/* ---- distributions ------------------------------------------------------------------------- */

/* Computed with 60 digits from the hypergeometric form of the incomplete beta function. */
static void student_tails(void **state) {
  (void)state;
  static const double row[][3] = {
      {37.5, 1e5, 1.2430567807937671e-305}, {36, 999, 1.2525972736072247e-182},
      {400, 50, 2.6194319233120559e-89},    {1e20, 10, 2.4609375e-196},
      {1e160, 1, 6.3661977236758134e-161},  {60, 700, 3.873051351069173e-278},
      {6.49, 1e5, 8.6235793347181031e-11},  {3, 0.3, 0.50133768968761954},
      {1e-8, 3, 0.99999999264894806},       {1.7, 1, 0.33850605466066533},
      {2.5, 2.5, 0.10456996307815539},      {1.2345, 19.7, 0.23154016818322641},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    assert_close(lp_student_t_p(row[i][0], row[i][1]), row[i][2], 1e-10);
}

static void student_limits(void **state) {
  (void)state;
  for (double t = 0.25; t < 1e6; t *= 3) { /* closed forms of one and two degrees of freedom */
    assert_close(lp_student_t_p(t, 1), 2 / M_PI * atan(1 / t), 1e-12);
    double root = sqrt(2 + t * t);
    assert_close(lp_student_t_p(t, 2), 2 / (root * (root + t)), 1e-12);
  }
  assert_close(lp_student_t_p(1.959963984540054, INFINITY), 0.05, 1e-12);
  assert_close(lp_student_t_p(2, 1e9), erfc(sqrt(2)), 1e-7);
  assert_true(lp_student_t_p(INFINITY, 5) == 0 && lp_student_t_p(0, 5) == 1);
  assert_true(lp_student_t_p(1e300, 5000) == 0); /* below the smallest double */
  assert_true(isnan(lp_student_t_p(NAN, 5)) && isnan(lp_student_t_p(1, NAN)));
  assert_true(isnan(lp_student_t_p(1, 0)) && isnan(lp_student_t_p(1, -3)));
}

static void incomplete_beta(void **state) {
  (void)state;
  static const double row[][4] = {
      {2, 3, 0.25, 0.26171875},
      {0.5, 0.5, 0.1, 0.20483276469913346},
      {12, 15, 0.4, 0.32632071343693028},
      {12, 15, 0.9, 0.99999999737743},
      {1, 1, 0.3, 0.3},
      {30, 2, 0.999, 0.99954389628097832},
      {5, 20, 0.6, 0.99998275033381787},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    const double *r = row[i];
    assert_close(lp_incomplete_beta(r[0], r[1], r[2]), r[3], 1e-12);
    assert_true(fabs(lp_incomplete_beta(r[1], r[0], 1 - r[2]) - (1 - r[3])) < 1e-14);
  }
  assert_true(lp_incomplete_beta(3, 4, 0) == 0 && lp_incomplete_beta(3, 4, 1) == 1);
  assert_true(isnan(lp_incomplete_beta(0, 1, 0.5)) && isnan(lp_incomplete_beta(1, 1, 1.1)));
  assert_true(isnan(lp_incomplete_beta(1, NAN, 0.5)) && isnan(lp_incomplete_beta(1, 1, NAN)));
}

/* ---- moments and t tests ------------------------------------------------------------------- */

/* Extra sleep under two drugs: the example of Student's paper of 1908. */
static const double sleep_a[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double sleep_b[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

static void known_t_tests(void **state) {
  (void)state;
  lp_test t = lp_ttest_paired(sleep_a, sleep_b, 10);
  assert_close(t.statistic, -4.0621277, 1e-7);
  assert_close(t.p, 0.00283289, 1e-6);
  assert_close(t.mean_difference, -1.58, 1e-12);
  assert_true(t.df == 9 && t.n == 10);
  t = lp_ttest_welch(sleep_a, 10, sleep_b, 10);
  assert_close(t.statistic, -1.860813, 1e-6);
  assert_close(t.df, 17.776474, 1e-7);
  assert_close(t.p, 0.07939414, 1e-6);
  /* 1..4 against 2, 6: means 2.5 and 4, squared errors 5/12 and 4. */
  t = lp_ttest_welch((double[]){1, 2, 3, 4}, 4, (double[]){2, 6}, 2);
  double u = 5.0 / 12, v = 4;
  assert_close(t.statistic, -1.5 / sqrt(u + v), 1e-13);
  assert_close(t.df, (u + v) * (u + v) / (u * u / 3 + v * v), 1e-13);
}

static void assert_same(const lp_test *a, const lp_test *b) {
  assert_close(a->statistic, b->statistic, 0);
  assert_close(a->df, b->df, 0);
  assert_close(a->p, b->p, 0);
  assert_close(a->mean_difference, b->mean_difference, 0);
  assert_int_equal(a->n, b->n);
}

static void values_left_out(void **state) {
  (void)state;
  const double a[] = {1, NAN, 3, 7, INFINITY, 2, 9}, b[] = {2, 5, NAN, 4, 1, 8, 9.5};
  const double x[] = {1, 7, 2, 9}, y[] = {2, 4, 8, 9.5};
  lp_test got = lp_ttest_paired(a, b, 7), want = lp_ttest_paired(x, y, 4);
  assert_same(&got, &want);
  assert_int_equal(got.n, 4);
  const double p[] = {1, 3, 7, 2, 9}, q[] = {2, 5, 4, 1, 8, 9.5};
  got = lp_ttest_welch(a, 7, b, 7);
  want = lp_ttest_welch(p, 5, q, 6);
  assert_same(&got, &want);
  lp_moments m = lp_moments_of(a, 7);
  assert_true(m.n == 5);
  assert_close(m.mean, 4.4, 1e-14);
  assert_close(m.sd, sqrt(47.2 / 4), 1e-14);
}

static void undefined_tests(void **state) {
  (void)state;
  const double a[] = {98.1, 97.3, 95.9}, b[] = {98.0, 97.2, 95.8}, c[] = {5, 5, 5};
  lp_test t = lp_ttest_paired(a, b, 3); /* the differences differ by rounding only */
  assert_true(isnan(t.statistic) && isnan(t.df) && isnan(t.p));
  assert_close(t.mean_difference, 0.1, 1e-10);
  assert_true(isnan(lp_ttest_paired(a, a, 3).p));
  assert_true(isnan(lp_ttest_paired(a, b, 1).p) && isnan(lp_ttest_paired(a, b, 0).mean_difference));
  assert_true(isnan(lp_ttest_welch(a, 3, b, 1).p) && isnan(lp_ttest_welch(c, 3, c, 3).p));
  assert_false(isnan(lp_ttest_welch(a, 3, c, 3).p));
  lp_moments m = lp_moments_of(a, 1);
  assert_true(m.n == 1 && m.mean == a[0] && isnan(m.sd));
  assert_true(isnan(lp_moments_of(a, 0).mean));
}

static void effect_size(void **state) {
  (void)state;
  /* Both sds 1, m = 4: J = Gamma(2) / (sqrt(2) Gamma(3/2)). */
  const double a[] = {3, 4, 5}, b[] = {1, 2, 3};
  double J = 1 / (sqrt(2) * sqrt(M_PI) / 2);
  assert_close(lp_hedges_g(a, 3, b, 3), 2 * J, 1e-13);
  assert_close(lp_hedges_g(b, 3, a, 3), -2 * J, 1e-13);
  assert_close(1 - 3.0 / (4 * 98 - 1), exp(lgamma(49) - lgamma(48.5)) / 7, 1e-4);
  assert_true(isnan(lp_hedges_g(a, 2, b, 1)) && isnan(lp_hedges_g(a, 0, b, 3)));
  assert_true(isnan(lp_hedges_g((double[]){1, 1}, 2, (double[]){2, 2}, 2)));
}

/* ---- Wilcoxon ------------------------------------------------------------------------------ */

/* Over all 2^n signs of the differences: how many have a rank sum as far from its mean. */
static void enumerate(const double *d, uint32_t n, double *statistic, double *p) {
  double rank[16], total = 0, plus = 0;
  for (uint32_t i = 0; i < n; i++) {
    rank[i] = 0.5;
    for (uint32_t k = 0; k < n; k++)
      rank[i] += fabs(d[k]) < fabs(d[i]) ? 1 : fabs(d[k]) == fabs(d[i]) ? 0.5 : 0;
    total += rank[i];
    if (d[i] > 0) plus += rank[i];
  }
  *statistic = fmin(plus, total - plus);
  uint32_t as_far = 0;
  for (uint32_t signs = 0; signs < 1U << n; signs++) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
      if (signs >> i & 1) sum += rank[i];
    as_far += fabs(sum - total / 2) >= fabs(plus - total / 2);
  }
  *p = (double)as_far / (1U << n);
}

static void wilcoxon_by_enumeration(void **state) {
  (void)state;
  lp_rng r = lp_rng_make(1, "test/wilcoxon");
  for (int trial = 0; trial < 60; trial++) {
    uint32_t n = 1 + (uint32_t)trial % 12, kept = 0;
    double a[12], b[12], d[12], statistic, p;
    for (uint32_t i = 0; i < n; i++) { /* small whole numbers: ties and zeros */
      a[i] = trial % 2 ? lp_rng_below(&r, 6) : lp_rng_double(&r);
      b[i] = trial % 2 ? lp_rng_below(&r, 6) : lp_rng_double(&r) - 0.3;
      if (a[i] != b[i]) d[kept++] = a[i] - b[i];
    }
    lp_test got;
    assert_ok(lp_wilcoxon(a, b, n, &got));
    assert_int_equal(got.n, kept);
    if (kept == 0) continue;
    enumerate(d, kept, &statistic, &p);
    assert_close(got.statistic, statistic, 1e-14);
    assert_close(got.p, p, 1e-12);
  }
}

static void wilcoxon_limits(void **state) {
  (void)state;
  enum { N = LP_WILCOXON_EXACT };
  double *a = calloc(N + 1, sizeof *a), *b = calloc(N + 1, sizeof *b);
  lp_test exact, normal, none;
  for (int i = 0; i < 20; i++) a[i] = i + 1;
  assert_ok(lp_wilcoxon(a, b, 20, &exact)); /* one sign pattern of 2^20, and its mirror */
  assert_close(exact.p, ldexp(1, -19), 1e-12);
  /* Exact and approximate values meet where one takes over from the other. */
  lp_rng r = lp_rng_make(2, "test/wilcoxon");
  for (int i = 0; i <= N; i++) a[i] = lp_rng_double(&r) - 0.53;
  assert_ok(lp_wilcoxon(a, b, N, &exact));
  assert_ok(lp_wilcoxon(a, b, N + 1, &normal));
  assert_int_equal(normal.n, N + 1);
  assert_true(exact.p > 1e-6 && exact.p < 0.2);
  assert_true(fabs(log(exact.p / normal.p)) < 0.3);
  assert_ok(lp_wilcoxon(b, b, N, &none));
  assert_true(isnan(none.p) && isnan(none.statistic) && none.n == 0);
  a[0] = NAN, a[1] = 3, b[1] = 1;
  assert_ok(lp_wilcoxon(a, b, 2, &none));
  assert_true(none.n == 1 && none.p == 1);
  free(a);
  free(b);
}

/* ---- bootstrap, leave one class out -------------------------------------------------------- */

static void bootstrap_interval(void **state) {
  (void)state;
  enum { N = 200 };
  double a[N], b[N], d[N];
  lp_rng r = lp_rng_make(3, "test/bootstrap");
  for (int i = 0; i < N; i++) {
    b[i] = lp_rng_double(&r);
    a[i] = 0.9 * b[i] + 0.3 * lp_rng_double(&r);
    d[i] = a[i] - b[i];
  }
  lp_interval paired, unpaired;
  assert_ok(lp_bootstrap_t(a, N, b, N, true, 0.05, 10000, 1, &paired));
  assert_ok(lp_bootstrap_t(a, N, b, N, false, 0.05, 10000, 1, &unpaired));
  lp_moments m = lp_moments_of(d, N), x = lp_moments_of(a, N), y = lp_moments_of(b, N);
  double half = 1.96 * m.sd / sqrt(N); /* of the normal approximation, good at this size */
  assert_true(fabs(paired.low - (m.mean - half)) < 0.1 * half);
  assert_true(fabs(paired.high - (m.mean + half)) < 0.1 * half);
  half = 1.96 * sqrt((x.sd * x.sd + y.sd * y.sd) / N);
  assert_true(fabs(unpaired.low - (m.mean - half)) < 0.1 * half);
  assert_true(fabs(unpaired.high - (m.mean + half)) < 0.1 * half);

  lp_interval again, other;
  assert_ok(lp_bootstrap_t(a, N, b, N, true, 0.05, 10000, 1, &again));
  assert_true(again.low == paired.low && again.high == paired.high);
  assert_ok(lp_bootstrap_t(a, N, b, N, true, 0.05, 10000, 2, &other));
  assert_true(other.low != again.low);
}

static double normal(lp_rng *r) {
  double u = 1 - lp_rng_double(r), v = lp_rng_double(r);
  return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* Of 20 pairs the interval holds the true difference as often as it says. */
static void bootstrap_coverage(void **state) {
  (void)state;
  enum { N = LP_BOOTSTRAP_LEAST, TRIALS = 1500 };
  lp_rng r = lp_rng_make(8, "test/bootstrap coverage");
  uint32_t held = 0;
  for (uint32_t k = 0; k < TRIALS; k++) {
    double a[N], b[N];
    lp_interval i;
    for (int n = 0; n < N; n++) {
      b[n] = 8 + 0.8 * normal(&r);
      a[n] = b[n] + 0.3 + 0.5 * normal(&r);
    }
    assert_ok(lp_bootstrap_t(a, N, b, N, true, 0.05, 999, k, &i));
    held += i.low <= 0.3 && 0.3 <= i.high;
  }
  print_message("studentised, n = %d: held %.3f\n", N, (double)held / TRIALS);
  assert_true(held > 0.935 * TRIALS && held < 0.965 * TRIALS);
}

/* Too few values, or values without spread, have no interval. */
static void bootstrap_limits(void **state) {
  (void)state;
  enum { N = LP_BOOTSTRAP_LEAST };
  double a[N], b[N], same[N];
  for (int i = 0; i < N; i++) {
    a[i] = i * i % 7;
    b[i] = i % 3;
    same[i] = b[i] + 1;
  }
  lp_interval got;
  assert_ok(lp_bootstrap_t(a, N, b, N, true, 0.05, 999, 1, &got));
  assert_true(got.low < got.high && got.level == 0.95 && got.resamples == 999);
  assert_ok(lp_bootstrap_t(a, N - 1, b, N - 1, true, 0.05, 999, 1, &got));
  assert_true(isnan(got.low) && isnan(got.high));
  assert_ok(lp_bootstrap_t(a, N, b, N - 1, false, 0.05, 999, 1, &got));
  assert_true(isnan(got.low));
  assert_ok(lp_bootstrap_t(same, N, b, N, true, 0.05, 999, 1, &got));
  assert_true(isnan(got.low));
  assert_ok(lp_bootstrap_t(NULL, 0, NULL, 0, false, 0.05, 100, 1, &got));
  assert_true(isnan(got.low));
  assert_int_equal(lp_bootstrap_t(a, 2, b, 3, true, 0.05, 9, 1, &got), LP_ERR_ARG);
  assert_int_equal(lp_bootstrap_t(a, 2, b, 2, true, 0, 9, 1, &got), LP_ERR_ARG);
  assert_int_equal(lp_bootstrap_t(a, 2, b, 2, true, 0.1, 0, 1, &got), LP_ERR_ARG);
}

static void leave_one_class_out(void **state) {
  (void)state;
  const int32_t label[] = {0, 1, 0, 2, 1, 0, 2, 2, 1, 0};
  lp_test got[4];
  assert_ok(lp_leave_one_class_out(sleep_a, sleep_b, label, 10, 4, got));
  for (int32_t c = 0; c < 4; c++) {
    double a[10], b[10];
    size_t n = 0;
    for (int i = 0; i < 10; i++)
      if (label[i] != c) a[n] = sleep_a[i], b[n++] = sleep_b[i];
    lp_test want = lp_ttest_paired(a, b, n);
    assert_same(&got[c], &want);
  }
  assert_int_equal(got[3].n, 10); /* a class without images */
  assert_int_equal(lp_leave_one_class_out(sleep_a, sleep_b, label, 10, 2, got), LP_ERR_ARG);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_tests),        cmocka_unit_test(golden_student),
      cmocka_unit_test(student_tails),       cmocka_unit_test(student_limits),
      cmocka_unit_test(incomplete_beta),     cmocka_unit_test(known_t_tests),
      cmocka_unit_test(values_left_out),     cmocka_unit_test(undefined_tests),
      cmocka_unit_test(effect_size),         cmocka_unit_test(wilcoxon_by_enumeration),
      cmocka_unit_test(wilcoxon_limits),     cmocka_unit_test(bootstrap_interval),
      cmocka_unit_test(bootstrap_coverage),  cmocka_unit_test(bootstrap_limits),
      cmocka_unit_test(leave_one_class_out),
  };
  return cmocka_run_group_tests_name("statistics", tests, golden_open, golden_close);
}
