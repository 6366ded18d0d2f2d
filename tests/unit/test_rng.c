/* Random draws: known answers, range, independence of order, permutations. */
#include <locality/rng.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

/* Known answers of Random123's own test vectors for philox4x32-10. */
static void known_answers(void **state) {
  (void)state;
  const struct {
    uint64_t seed;
    uint32_t c[4], expected[4];
  } kat[] = {
      {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {UINT64_MAX,
       {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {0x299f31d0a4093822,
       {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
    uint32_t out[4];
    lp_rng_words(kat[i].seed, kat[i].c[3], kat[i].c[0], kat[i].c[1], kat[i].c[2], out);
    assert_memory_equal(out, kat[i].expected, sizeof out);
  }
}

static void uniform_moments(void **state) {
  (void)state;
  enum { N = 100001 };
  float *x = malloc(N * sizeof *x), prefix[7];
  lp_rng_uniform(3, lp_rng_stream("init/a"), 0.25f, x, N);
  double sum = 0, square = 0;
  for (int i = 0; i < N; i++) {
    assert_true(x[i] > -0.25f && x[i] < 0.25f);
    sum += (double)x[i];
    square += (double)x[i] * (double)x[i];
  }
  /* Variance b^2/3; five standard errors. */
  assert_true(fabs(sum / N) < 5 * 0.25 / sqrt(3.0 * N));
  assert_true(fabs(square / N - 0.0625 / 3) < 5 * 0.0625 * sqrt(4.0 / 45) / sqrt(N));
  lp_rng_uniform(3, lp_rng_stream("init/a"), 0.25f, prefix, 7);
  assert_memory_equal(prefix, x, sizeof prefix); /* a draw does not depend on how many are made */
  lp_rng_uniform(3, lp_rng_stream("init/b"), 0.25f, prefix, 7);
  assert_memory_not_equal(prefix, x, sizeof prefix);
  free(x);
}

static void normal_moments(void **state) {
  (void)state;
  enum { N = 100001 };
  double *x = malloc(N * sizeof *x), prefix[7], sum[5] = {0}, lag = 0;
  lp_rng_normal(3, lp_rng_stream("noise"), 4, 5, x, N);
  for (int i = 0; i < N; i++) {
    double power = 1;
    for (int k = 0; k < 5; k++, power *= x[i]) sum[k] += power;
    if (i) lag += x[i] * x[i - 1];
  }
  /* Moments of a normal are 0, 1, 0 and 3, their variances 1, 2, 15 and 96; five standard errors.
   */
  assert_true(fabs(sum[1] / N) < 5 / sqrt(N));
  assert_true(fabs(sum[2] / N - 1) < 5 * sqrt(2.0 / N));
  assert_true(fabs(sum[3] / N) < 5 * sqrt(15.0 / N));
  assert_true(fabs(sum[4] / N - 3) < 5 * sqrt(96.0 / N));
  assert_true(fabs(lag / N) < 5 / sqrt(N));
  lp_rng_normal(3, lp_rng_stream("noise"), 4, 5, prefix, 7);
  assert_memory_equal(prefix, x, sizeof prefix);
  for (uint32_t k = 0; k < 2; k++) {
    lp_rng_normal(3, lp_rng_stream("noise"), 4 + k, 6 - k, prefix, 7);
    assert_memory_not_equal(prefix, x, sizeof prefix);
  }
  free(x);
}

static void permutations(void **state) {
  (void)state;
  enum { N = 1000 };
  uint32_t a[N], b[N];
  bool seen[N] = {0};
  lp_rng_permutation(1, 7, 0, a, N);
  for (int i = 0; i < N; i++) {
    assert_true(a[i] < N && !seen[a[i]]);
    seen[a[i]] = true;
  }
  lp_rng_permutation(1, 7, 0, b, N);
  assert_memory_equal(a, b, sizeof a);
  lp_rng_permutation(1, 7, 1, b, N);
  assert_memory_not_equal(a, b, sizeof a);
  lp_rng_permutation(2, 7, 0, b, N);
  assert_memory_not_equal(a, b, sizeof a);

  /* All 6 orders of 3 are equally likely: chi-squared with 5 degrees of freedom, p = 1e-5. */
  int count[27] = {0}, rounds = 6000;
  for (int r = 0; r < rounds; r++) {
    uint32_t p[3];
    lp_rng_permutation(9, 11, (uint32_t)r, p, 3);
    count[9 * p[0] + 3 * p[1] + p[2]]++;
  }
  double chi = 0, expected = rounds / 6.0;
  for (int i = 0; i < 27; i++)
    if (count[i]) chi += (count[i] - expected) * (count[i] - expected) / expected;
  assert_true(chi < 30.86);
}

static void sequential(void **state) {
  (void)state;
  lp_rng r = lp_rng_make(5, "bootstrap"), again = lp_rng_make(5, "bootstrap");
  double sum = 0;
  for (int i = 0; i < 10000; i++) {
    double u = lp_rng_double(&r);
    assert_true(u >= 0 && u < 1);
    assert_true(u == lp_rng_double(&again));
    sum += u;
  }
  assert_true(fabs(sum / 10000 - 0.5) < 5 * sqrt(1.0 / 12 / 10000));
  for (int i = 0; i < 1000; i++) assert_true(lp_rng_below(&r, 7) < 7);
  assert_int_equal(lp_rng_below(&r, 1), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),  cmocka_unit_test(uniform_moments),
      cmocka_unit_test(normal_moments), cmocka_unit_test(permutations),
      cmocka_unit_test(sequential),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
