/* lp_infer and what it rests on: quantiles and noncentral t against independent values, exact tests
 * against enumeration, verdicts, and the coverage of the interval by simulation. */
#include "support.h"

#include <locality/rng.h>
#include <math.h>
#include <string.h>

/* ---- distributions ------------------------------------------------------------------------- */

/* Roots of the incomplete beta function by mpmath, 30 digits. */
static void critical_values(void **state) {
  (void)state;
  static const double row[][3] = {{0.05, 1, 12.706204736174705},
                                  {0.05, 2, 4.3026527297494639},
                                  {0.05, 4, 2.7764451051977944},
                                  {0.01, 9, 3.2498355415921263},
                                  {0.05, INFINITY, 1.9599639845400542}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    assert_close(lp_student_t_critical(row[i][0], row[i][1]), row[i][2], 1e-12);
  for (double alpha = 1e-200; alpha < 1; alpha *= 1e7)
    for (double df = 0.7; df < 1e5; df *= 9)
      assert_close(lp_student_t_p(lp_student_t_critical(alpha, df), df), alpha, 1e-9);
  assert_true(lp_student_t_critical(1, 3) == 0);
  assert_true(isnan(lp_student_t_critical(0, 3)) && isnan(lp_student_t_critical(0.05, 0)));
}

/* By quadrature over the chi density with mpmath, 30 digits. */
static void noncentral_t(void **state) {
  (void)state;
  static const double row[][4] = {
      {2, 4, 0.5, 0.87367591997866809},    {-1.5, 2, 1, 0.024421666319565596},
      {6.2, 2, 5.6, 0.44895606947459303},  {40, 3, 35, 0.51322599958229314},
      {30, 20, 50, 4.4532970797583076e-5}, {3, 1, 2, 0.52485716173368785},
      {0, 5, 1.5, 0.066807201268858066},   {120, 2, 100, 0.49936527008153907},
      {-50, 7, -40, 0.27738596492862026},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    assert_close(lp_noncentral_t_below(row[i][0], row[i][1], row[i][2]), row[i][3], 1e-9);
  for (double t = -40; t < 50; t += 7) /* without noncentrality it is Student's */
    for (double df = 1; df < 1000; df *= 5) {
      double tail = lp_student_t_p(t, df) / 2;
      assert_true(fabs(lp_noncentral_t_below(t, df, 0) - (t < 0 ? tail : 1 - tail)) < 1e-11);
    }
  /* Both ways to integrate agree where one takes over from the other. */
  for (double df = 2; df < 100; df *= 3)
    assert_true(fabs(lp_noncentral_t_below(31, df, 29.999999) -
                     lp_noncentral_t_below(31, df, 30.000001)) < 1e-6);
}

static void f_and_chi_square(void **state) {
  (void)state;
  for (double x = 0.1; x < 300; x *= 2.3) {
    assert_close(lp_chi_square_p(x, 2), exp(-x / 2), 1e-12);
    assert_close(lp_chi_square_p(x, 1), erfc(sqrt(x / 2)), 1e-11);
    assert_close(lp_chi_square_p(x, 4), exp(-x / 2) * (1 + x / 2), 1e-12);
    assert_close(lp_f_p(x * x, 1, 7.5), lp_student_t_p(x, 7.5), 1e-12);
    assert_close(lp_f_p(x, 2, 6), pow(1 + x / 3, -3), 1e-12);
  }
  assert_true(lp_f_p(0, 2, 3) == 1 && lp_chi_square_p(-1, 3) == 1);
  assert_true(isnan(lp_f_p(1, 0, 3)) && isnan(lp_chi_square_p(1, -1)));
}

/* ---- power --------------------------------------------------------------------------------- */

/* d_z found with 80 % power at alpha .05 (tables of paired t tests). */
static void detectable(void **state) {
  (void)state;
  static const double row[][2] = {{3, 3.26}, {5, 1.68}, {10, 1.00}, {20, 0.66}};
  for (int i = 0; i < 4; i++) {
    double n = row[i][0], dz = lp_t_detectable(0.8, n - 1, 0.05) / sqrt(n);
    assert_true(fabs(dz - row[i][1]) < 0.006);
    assert_close(lp_t_power(dz * sqrt(n), n - 1, 0.05), 0.8, 1e-9);
    assert_true(lp_pairs_needed(dz * 1.0001, 0.8, 0.05) == n);
    assert_true(lp_pairs_needed(dz * 0.9999, 0.8, 0.05) == n + 1);
    assert_true(lp_pairs_needed(-dz * 1.0001, 0.8, 0.05) == n);
  }
  assert_close(lp_t_power(0, 4, 0.05), 0.05, 1e-10);
  assert_true(isnan(lp_pairs_needed(0, 0.8, 0.05)) && isnan(lp_pairs_needed(1e-9, 0.8, 0.05)));
}

static void noncentrality(void **state) {
  (void)state;
  for (double t = -2000; t < 3000; t = t < 0 ? t / 7 + 0.01 : 3 * t)
    for (double df = 2; df < 200; df *= 6) {
      lp_interval i = lp_noncentrality_interval(t, df, 0.05);
      assert_true(i.low < i.high && i.level == 0.95);
      assert_true(fabs(lp_noncentral_t_below(t, df, i.low) - 0.975) < 1e-7);
      assert_true(fabs(lp_noncentral_t_below(t, df, i.high) - 0.025) < 1e-7);
      assert_true((i.low > 0 || i.high < 0) == (lp_student_t_p(t, df) < 0.05));
    }
}

/* ---- exact tests --------------------------------------------------------------------------- */

static void sign_flips(void **state) {
  (void)state;
  lp_rng r = lp_rng_make(3, "test/flips");
  for (uint32_t n = 1; n <= 11; n++) {
    double a[11], b[11], total = 0, p;
    for (uint32_t i = 0; i < n; i++) {
      a[i] = floor(8 * lp_rng_double(&r)); /* ties */
      b[i] = floor(6 * lp_rng_double(&r));
      total += a[i] - b[i];
    }
    uint32_t as_far = 0;
    for (uint32_t signs = 0; signs < 1u << n; signs++) {
      double sum = 0;
      for (uint32_t i = 0; i < n; i++) sum += signs >> i & 1 ? a[i] - b[i] : b[i] - a[i];
      as_far += fabs(sum) >= fabs(total) - 1e-9;
    }
    assert_ok(lp_sign_flip_p(a, b, n, &p));
    assert_close(p, as_far / ldexp(1, (int)n), 1e-14);
  }
  double a[41], b[41] = {0}, p;
  for (int i = 0; i < 41; i++) a[i] = 0.1;
  assert_ok(lp_sign_flip_p(a, b, 40, &p));
  assert_close(p, ldexp(1, -39), 1e-14);
  assert_ok(lp_sign_flip_p(a, b, 41, &p)); /* too many, but not with one left out */
  assert_true(isnan(p));
  a[7] = NAN;
  assert_ok(lp_sign_flip_p(a, b, 41, &p));
  assert_close(p, ldexp(1, -39), 1e-14);
  assert_ok(lp_sign_flip_p(a, b, 0, &p));
  assert_true(isnan(p));
}

static void exchanges(void **state) {
  (void)state;
  double p;
  assert_ok(lp_permutation_p((double[]){5, 6, 7}, 3, (double[]){1, 2, NAN, 3}, 4, &p));
  assert_close(p, 2.0 / 20, 1e-14); /* the most extreme way of C(6, 3), and its mirror */
  assert_ok(lp_permutation_p((double[]){1, 1}, 2, (double[]){1, 1, 1}, 3, &p));
  assert_close(p, 1, 1e-14);
  assert_ok(lp_permutation_p((double[]){1}, 1, NULL, 0, &p));
  assert_true(isnan(p));
}

static void fisher(void **state) {
  (void)state;
  assert_close(lp_fisher_p(3, 3, 1, 5), 1.0 / 7, 1e-12); /* (C(4,3) + C(4,3)) / C(8,3) */
  assert_close(lp_fisher_p(0, 5, 5, 5), 2.0 / 252, 1e-12);
  assert_close(lp_fisher_p(2, 5, 2, 5), 1, 1e-12);
  assert_close(lp_fisher_p(0, 5, 0, 5), 1, 1e-12);
  assert_true(isnan(lp_fisher_p(4, 3, 0, 5)) && isnan(lp_fisher_p(0, 0, 0, 5)));
}

/* ---- verdicts ------------------------------------------------------------------------------ */

static lp_inference infer(const double *a, const double *b, size_t n, double alpha, double margin) {
  lp_inference r;
  assert_ok(lp_infer(a, b, n, alpha, margin, &r));
  return r;
}

static void verdicts(void **state) {
  (void)state;
  /* Differences 1, 2, 3: mean 2, error 1/sqrt 3, t = 3.4641; interval at .05: 2 -+ 2.4841. */
  const double a[] = {2, 4, 6, 8}, b[] = {1, 2, 3, NAN};
  lp_inference r = infer(a, b, 4, 0.05, NAN);
  assert_int_equal(r.verdict, LP_VERDICT_INCONCLUSIVE);
  assert_true(r.paired && r.n == 3 && r.n_b == 3);
  assert_close(r.low, 2 - 4.3026527297494639 / sqrt(3), 1e-12);
  assert_close(r.high, 2 + 4.3026527297494639 / sqrt(3), 1e-12);
  assert_close(r.dz, 2, 1e-12);
  assert_true(r.dz_low < 0 && r.dz_high > 2 && isnan(r.exact_p) && isnan(r.equivalence_p));
  assert_true(r.n_needed == lp_pairs_needed(2, 0.8, 0.05) && r.n_needed > 3);
  r = infer(a, b, 4, 0.1, NAN); /* t(.05, 2) = 2.92 */
  assert_int_equal(r.verdict, LP_VERDICT_DIFFERENT);
  assert_true(r.low > 0 && r.dz_low > 0);
  r = infer(b, a, 4, 0.1, NAN);
  assert_int_equal(r.verdict, LP_VERDICT_DIFFERENT);
  assert_true(r.high < 0 && r.dz_high < 0);

  /* Equal to within 0.02 where 0.2 does not matter; not where 0.01 does. */
  const double c[] = {1, 2, 3, 4, 5}, d[] = {1.01, 1.99, 3.02, 3.98, 5};
  r = infer(c, d, 5, 0.05, 0.2);
  assert_int_equal(r.verdict, LP_VERDICT_EQUIVALENT);
  lp_test t = lp_ttest_paired(c, d, 5);
  assert_close(r.equivalence_p, lp_student_t_p((0.2 - fabs(t.mean_difference)) / t.error, 4) / 2,
               1e-9);
  assert_int_equal(infer(c, d, 5, 0.05, 0.01).verdict, LP_VERDICT_INCONCLUSIVE);
  assert_int_equal(infer(c, d, 5, 0.05, NAN).verdict, LP_VERDICT_INCONCLUSIVE);

  /* No seed has both: Welch. */
  const double e[] = {1, 2, 4, NAN, NAN, NAN}, f[] = {NAN, NAN, NAN, 8, 9, 11};
  r = infer(e, f, 6, 0.05, NAN);
  assert_true(!r.paired && r.n == 3 && r.n_b == 3 && isnan(r.dz));
  assert_int_equal(r.verdict, LP_VERDICT_DIFFERENT);
  assert_close(r.exact_p, 0.1, 1e-12);
  t = lp_ttest_welch(e, 3, f + 3, 3);
  assert_close(r.test.p, t.p, 1e-14);
}

static void untestable(void **state) {
  (void)state;
  const double a[] = {1, 2, 3}, b[] = {2, 3.5, NAN}, shifted[] = {2, 3, 4};
  lp_inference r = infer(a, b, 3, 0.05, NAN);
  assert_int_equal(r.verdict, LP_VERDICT_UNTESTABLE);
  assert_true(r.n == 2 && isnan(r.low) && isnan(r.detectable));
  r = infer(a, shifted, 3, 0.05, NAN);
  assert_int_equal(r.verdict, LP_VERDICT_UNTESTABLE);
  assert_string_equal(r.reason, "no spread");
  r = infer(a, a, 3, 0.05, 1);
  assert_string_equal(r.reason, "equal networks: no spread");
  assert_int_equal(infer(a, a, 1, 0.05, 1).verdict, LP_VERDICT_UNTESTABLE);
  assert_int_equal(infer(NULL, NULL, 0, 0.05, 1).verdict, LP_VERDICT_UNTESTABLE);
  assert_int_equal(lp_infer(a, b, 3, 0, NAN, &r), LP_ERR_ARG);
  assert_int_equal(lp_infer(a, b, 3, 0.05, -1, &r), LP_ERR_ARG);
  assert_string_equal(lp_verdict_name(LP_VERDICT_EQUIVALENT), "equivalent");
}

/* ---- coverage ------------------------------------------------------------------------------ */

static double normal(lp_rng *r) {
  double u = 1 - lp_rng_double(r), v = lp_rng_double(r);
  return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* Networks of one seed share most of what they are (correlation .8): V = 8 + .8 seed + .4 own. The
 * interval must hold the true difference in 95 % of experiments, the verdict "different" fall in
 * 5 % of those without one, and the two agree in each. */
static void coverage(void **state) {
  (void)state;
  enum { TRIALS = 4000 };
  const double effect[] = {0, 0.3};
  lp_rng r = lp_rng_make(11, "test/coverage");
  for (uint32_t n = 3; n <= 10; n = n == 3 ? 5 : n + 5) {
    for (int e = 0; e < 2; e++) {
      uint32_t held = 0, different = 0;
      for (int k = 0; k < TRIALS; k++) {
        double a[10], b[10];
        for (uint32_t i = 0; i < n; i++) {
          double seed = 8 + 0.8 * normal(&r);
          a[i] = seed + 0.4 * normal(&r) + effect[e];
          b[i] = seed + 0.4 * normal(&r);
        }
        lp_inference f = infer(a, b, n, 0.05, NAN);
        bool found = f.verdict == LP_VERDICT_DIFFERENT;
        assert_true(found == (f.low > 0 || f.high < 0) && found == (f.test.p < 0.05));
        held += f.low <= effect[e] && effect[e] <= f.high;
        different += found;
      }
      print_message("n = %u, difference %.1f: held %.3f, different %.3f\n", n, effect[e],
                    (double)held / TRIALS, (double)different / TRIALS);
      assert_true(held > 0.94 * TRIALS && held < 0.96 * TRIALS);
      if (e == 0) assert_true(different > 0.04 * TRIALS && different < 0.06 * TRIALS);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(critical_values),  cmocka_unit_test(noncentral_t),
      cmocka_unit_test(f_and_chi_square), cmocka_unit_test(detectable),
      cmocka_unit_test(noncentrality),    cmocka_unit_test(sign_flips),
      cmocka_unit_test(exchanges),        cmocka_unit_test(fisher),
      cmocka_unit_test(verdicts),         cmocka_unit_test(untestable),
      cmocka_unit_test(coverage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
