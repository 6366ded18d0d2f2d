/* CKA, RDM, RSA, rank correlations, nestedness. */
#include "support.h"

static void cka(void **state) {
  (void)state;
  double x[N * UNITS], y[N * UNITS], value, turned[N * UNITS], few[N * 13];
  fill_x(x, UNITS);
  fill_y(y, UNITS);
  lp_responses a = lp_responses_f64(x, N, UNITS), b = lp_responses_f64(y, N, UNITS);
  /* norm(B.T @ A) ** 2 / norm(A.T @ A) / norm(B.T @ B), columns centred */
  assert_ok(lp_cka(&a, &b, &value));
  assert_close(value, 0.64252825327580876, 1e-12);
  /* The first 9 and 4 units, which is done by features. */
  for (int m = 0; m < N; m++)
    for (int i = 0; i < 13; i++)
      few[i < 9 ? m * 9 + i : N * 9 + m * 4 + i - 9] =
          i < 9 ? x[m * UNITS + i] : y[m * UNITS + i - 9];
  a = lp_responses_f64(few, N, 9);
  b = lp_responses_f64(few + N * 9, N, 4);
  assert_ok(lp_cka(&a, &b, &value));
  assert_close(value, 0.14546722886592345, 1e-12);
  /* The same turned, scaled and moved: 1. */
  for (int m = 0; m < N; m++) {
    for (int i = 0; i < 9; i++) turned[m * 9 + i] = 3 * few[m * 9 + i] - 7;
    double p = turned[m * 9], q = turned[m * 9 + 1];
    turned[m * 9] = 0.6 * p - 0.8 * q;
    turned[m * 9 + 1] = 0.8 * p + 0.6 * q;
  }
  b = lp_responses_f64(turned, N, 9);
  assert_ok(lp_cka(&a, &b, &value));
  assert_close(value, 1, 1e-12);
  b.n = N - 1;
  assert_int_equal(lp_cka(&a, &b, &value), LP_ERR_ARG);
  b.n = N;
  turned[5] = NAN;
  assert_ok(lp_cka(&a, &b, &value));
  assert_true(isnan(value));
  for (int k = 0; k < N * 9; k++) turned[k] = 0.1;
  assert_ok(lp_cka(&a, &b, &value));
  assert_true(isnan(value));
}

static void rdm_and_rsa(void **state) {
  (void)state;
  double x[N * UNITS], y[N * UNITS], mean[2][5 * UNITS], rdm[2][25], rho, tau;
  int32_t labels[N];
  fill_x(x, UNITS);
  fill_y(y, UNITS);
  fill_labels(labels, 5);
  for (int k = 0; k < 2; k++) {
    lp_responses r = lp_responses_f64(k ? y : x, N, UNITS);
    assert_ok(lp_selectivity_of(&r, labels, 5, &(lp_selectivity){.mean = mean[k]}));
    assert_ok(lp_rdm(mean[k], 5, UNITS, rdm[k]));
  }
  /* 1 - np.corrcoef of class means; spearmanr and kendalltau of the lower triangles */
  assert_close(rdm[0][5], 0.7731316872564713, 1e-12);
  assert_close(rdm[0][10], 0.8849058445548551, 1e-12);
  assert_true(rdm[0][0] == 0 && rdm[0][1] == rdm[0][5]);
  assert_ok(lp_rsa(rdm[0], rdm[1], 5, &rho, &tau));
  assert_close(rho, -0.2, 1e-12);
  assert_close(tau, -1.0 / 15, 1e-12);
  /* A class with the same mean everywhere has no place in it. */
  for (int i = 0; i < UNITS; i++) mean[0][UNITS + i] = 0.1;
  assert_ok(lp_rdm(mean[0], 5, UNITS, rdm[0]));
  assert_true(isnan(rdm[0][6]) && isnan(rdm[0][1]) && rdm[0][0] == 0);
  assert_ok(lp_rsa(rdm[0], rdm[0], 5, &rho, &tau));
  assert_true(rho == 1 && tau == 1);
  assert_ok(lp_rsa(rdm[0], rdm[0], 1, &rho, &tau));
  assert_true(isnan(rho) && isnan(tau));
}

static void ties(void **state) {
  (void)state;
  double a[40], b[40], rho, tau;
  for (int k = 0; k < 40; k++) a[k] = k * k * 7 % 11, b[k] = k * 5 % 9 + k / 8;
  assert_ok(lp_spearman(a, b, 40, &rho));
  assert_ok(lp_kendall(a, b, 40, &tau));
  assert_close(rho, 0.36360996690875214, 1e-13); /* scipy.stats.spearmanr */
  assert_close(tau, 0.26667083958608429, 1e-13); /* scipy.stats.kendalltau */
  for (int k = 0; k < 40; k++) b[k] = -a[k];
  assert_ok(lp_kendall(a, b, 40, &tau));
  assert_close(tau, -1, 1e-14);
  a[0] = -0.0, a[1] = 0.0; /* equal */
  b[0] = 1, b[1] = 2;
  assert_ok(lp_kendall(a, b, 2, &tau));
  assert_ok(lp_spearman(a, b, 2, &rho));
  assert_true(isnan(tau) && isnan(rho));
  b[1] = NAN;
  assert_ok(lp_kendall(a, b, 2, &tau));
  assert_true(isnan(tau));
}

static void nestedness(void **state) {
  (void)state;
  lp_nestedness n;
  double t[CLASSES * UNITS];
  t_maps(t);
  /* Sums over pairs with more ones than the other; t > .5 */
  assert_ok(lp_nodf(t, CLASSES, UNITS, 0.5, 199, 1, &n));
  assert_close(n.nodf, 17.856491334752203, 1e-12);
  assert_close(n.rows, 26.060606060606066, 1e-12);
  assert_close(n.columns, 17.815126050420169, 1e-12);
  assert_true(n.p > 1.0 / 200 && n.p < 1 && n.sd > 0);
  /* Row c has the first 5 - c units: 100 by rows, and by columns but for those alike. */
  double stairs[25];
  for (int k = 0; k < 25; k++) stairs[k] = k % 5 < 5 - k / 5 ? 3 : 0;
  assert_ok(lp_nodf(stairs, 5, 5, 2, 99, 1, &n));
  assert_close(n.nodf, 100, 1e-14);
  assert_true(n.mean < 100 && n.p < 0.1);
  /* Rows of equal numbers of ones are not nested in each other. */
  for (int k = 0; k < 25; k++) stairs[k] = k / 5 == k % 5 ? 3 : NAN;
  assert_ok(lp_nodf(stairs, 5, 5, 2, 0, 1, &n));
  assert_true(n.nodf == 0 && isnan(n.p) && isnan(n.mean));
  /* Turned, rows are columns; 70 rows are more than a word of bits. */
  double wide[70 * 9], tall[70 * 9];
  lp_nestedness turned;
  for (int r = 0; r < 70; r++)
    for (int c = 0; c < 9; c++)
      wide[r * 9 + c] = tall[c * 70 + r] = (r * r * 7 + c * c * 3 + r * c * 5) % 11 > c ? 3 : 1;
  assert_ok(lp_nodf(wide, 70, 9, 2, 0, 1, &n));
  assert_ok(lp_nodf(tall, 9, 70, 2, 0, 1, &turned));
  assert_true(n.rows > 20 && n.columns > 20 && n.rows != n.columns);
  assert_close(n.rows, turned.columns, 1e-13);
  assert_close(n.columns, turned.rows, 1e-13);
  assert_close(n.nodf, turned.nodf, 1e-13);
  /* Of rows with as many ones each the null has them too: 0 by rows, whatever the draw. */
  double even[4 * 40];
  for (int k = 0; k < 4 * 40; k++) even[k] = (k % 40 + k / 40 * 3) % 8 < 2 ? 3 : 0;
  assert_ok(lp_nodf(even, 4, 40, 2, 99, 1, &n));
  assert_true(n.rows == 0 && n.mean > 0 && n.mean < n.columns + 100);
  assert_ok(lp_nodf(stairs, 1, 1, 2, 9, 1, &n));
  assert_true(isnan(n.nodf));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(cka), cmocka_unit_test(rdm_and_rsa),
                                     cmocka_unit_test(ties), cmocka_unit_test(nestedness)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
