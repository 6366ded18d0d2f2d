/* Selectivity against SciPy, on units that vary little, never, or not at all in one class. */
#include "support.h"

static void against_scipy(void **state) {
  (void)state;
  double x[N * UNITS], t[CLASSES * UNITS], d[CLASSES * UNITS], p[CLASSES * UNITS],
      q[CLASSES * UNITS];
  int32_t labels[N];
  fill_x(x, UNITS);
  fill_labels(labels, CLASSES);
  lp_responses r = lp_responses_f64(x, N, UNITS);
  assert_ok(lp_selectivity_of(&r, labels, CLASSES, &(lp_selectivity){t, d, p, q, NULL}));
  /* (a.mean(0) - b.mean(0)) / sqrt(a.var(0) / len(a) + b.var(0) / len(b)), a = X[labels == c] */
  static const double want_t[] = {0.2037077390546724,  0.46950572214165148,  -0.6093784382085573,
                                  -1.1592618158652597, 0.19613323338193284,  -1.1623916542175001,
                                  0.99980004718686499, -0.74882793394246128, 2.2450785399787523};
  /* the same over sqrt((a.var(0) + b.var(0)) / 2) */
  static const double want_d[] = {0.089774097846655992, 0.21562940152696691,  -0.2582297936506226,
                                  -0.50514712950812524, 0.081144127396721444, -0.52646777687537849,
                                  0.44411143927718222,  -0.33375960613290295, 0.95414259423885317};
  /* scipy.stats.ttest_ind(a, b, equal_var=False, alternative='greater').pvalue */
  static const double want_p[] = {0.42509738738545244, 0.33363152585748257, 0.71460170210029772,
                                  0.85464034448265325, 0.42699570931986086, 0.85222774173008142,
                                  0.18282704052706672, 0.75242666811878567, 0.025510018639107072};
  static const uint32_t unit[] = {0, 17, 34};
  for (int c = 0; c < CLASSES; c++)
    for (int k = 0; k < 3; k++) {
      size_t at = (size_t)c * UNITS + unit[k];
      assert_close(t[at], want_t[3 * c + k], 1e-12);
      assert_close(d[at], want_d[3 * c + k], 1e-12);
      assert_close(p[at], want_p[3 * c + k], 1e-12);
      double below = 0; /* q >= p * N / rank */
      for (int i = 0; i < UNITS; i++) below += p[c * UNITS + i] <= p[at];
      assert_true(q[at] >= p[at] && q[at] <= p[at] * UNITS / below * (1 + 1e-12));
    }
}

/* Six images, three classes; the fourth is empty. */
static void edges(void **state) {
  (void)state;
  static const int32_t labels[] = {0, 0, 1, 1, 2, 2};
  float x[6][5] = {{0.1f, 1, 0, 1, 5}, {0.1f, 1, 1, 2, 5}, {0.1f, 0, 0, NAN, 5},
                   {0.1f, 0, 1, 0, 5}, {0.1f, 0, 0, 0, 5}, {0.1f, 0, 1, 0, 5}};
  double t[20], d[20], p[20], q[20], mean[20];
  lp_responses r = lp_responses_f32(x[0], 6, 5);
  assert_ok(lp_selectivity_of(&r, labels, 4, &(lp_selectivity){t, d, p, q, mean}));
  /* A unit that never varies. */
  assert_true(t[0] == 0 && d[0] == 0 && p[0] == 1 && mean[0] == 0.1f);
  /* One that only tells its class: no spread, the denominator is 0; p by its sign. */
  assert_true(t[1] == 0 && d[1] == 0 && p[1] == 0 && p[6] > 0.5);
  /* The same in every class. */
  assert_true(t[2] == 0 && p[2] == 0.5);
  assert_true(isnan(t[3]) && isnan(p[3]) && isnan(t[13]));
  for (int i = 15; i < 20; i++) assert_true(isnan(t[i]) && isnan(q[i]) && isnan(mean[i]));
  /* q counts the four units with a p: 0 of unit 1, .5, 1, 1. */
  assert_close(q[1], 0, 0);
  assert_close(q[2], 1, 1e-15);
}

static void one_image_of_a_class(void **state) {
  (void)state;
  static const int32_t labels[] = {0, 1, 1};
  double x[] = {3, 1, 2}, t[2], p[2];
  lp_responses r = lp_responses_f64(x, 3, 1);
  assert_ok(lp_selectivity_of(&r, labels, 2, &(lp_selectivity){.t = t, .p = p}));
  assert_close(t[0], 1.5 / sqrt(0.25 / 2), 1e-14); /* v1 = 0, v0 = 1/4 */
  assert_true(isnan(p[0]) && isnan(p[1]));
  r.n = 1; /* one image: there is no rest */
  assert_ok(lp_selectivity_of(&r, labels, 2, &(lp_selectivity){.t = t}));
  assert_true(isnan(t[0]) && isnan(t[1]));
}

static void bad_labels(void **state) {
  (void)state;
  double x[3] = {1, 2, 3}, t[6];
  lp_responses r = lp_responses_f64(x, 3, 1);
  assert_int_equal(lp_selectivity_of(&r, (int32_t[]){0, 2, 1}, 2, &(lp_selectivity){.t = t}),
                   LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "label 2 of image 1 is not one of 2 classes");
  assert_int_equal(lp_selectivity_of(&r, (int32_t[]){0, -1, 1}, 2, &(lp_selectivity){.t = t}),
                   LP_ERR_ARG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(against_scipy), cmocka_unit_test(edges),
                                     cmocka_unit_test(one_image_of_a_class),
                                     cmocka_unit_test(bad_labels)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
