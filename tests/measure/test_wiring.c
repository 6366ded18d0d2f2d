/* Wiring: lengths, pruning, energy, communicability, length between sheets. */
#include "support.h"

enum { U = 12 };

/* W[i][j] = ((13ii + 7jj + 5ij + 3i + j) mod 61) / 61 - .4, D = |i - j|, P = 1 / (1 + D). */
static double W[U * U], P[U * U], D[U * U], V[U * U];

static void fill(void) {
  for (int i = 0; i < U; i++)
    for (int j = 0; j < U; j++) {
      int at = i * U + j;
      W[at] = (13 * i * i + 7 * j * j + 5 * i * j + 3 * i + j) % 61 / 61.0 - 0.4;
      D[at] = abs(i - j);
      P[at] = 1 / (1 + D[at]);
      V[at] = P[at] * W[at];
    }
}

static void lengths(void **state) {
  (void)state;
  fill();
  lp_wiring_length l;
  lp_wiring_length_of(W, P, D, U * U, &l);
  /* (V * D).sum(), / V.sum(), (P * D).sum() / P.sum(), np.corrcoef(D.ravel(), V.ravel()) */
  assert_close(l.sum, 26.39773401461926, 1e-12);
  assert_close(l.mean, 2.1981948787094012, 1e-12);
  assert_close(l.prior_mean, 2.2226676979168856, 1e-12);
  assert_close(l.weight_over_distance, -0.57502676106680306, 1e-12);
  double zero[3] = {0}, d[3] = {1, 2, 6};
  lp_wiring_length_of(zero, NULL, d, 3, &l);
  assert_true(l.sum == 0 && isnan(l.mean) && l.prior_mean == 3 && isnan(l.weight_over_distance));
}

static void pruned(void **state) {
  (void)state;
  fill();
  /* D.ravel()[np.argsort(-x.ravel(), kind='stable')[:43]].mean() */
  static const double want[] = {1.5813953488372092, 3.8372093023255816, 1.5813953488372092};
  double mean;
  uint8_t kept[U * U];
  for (int k = 0; k < 3; k++) {
    assert_ok(lp_pruned_length(W, P, D, U * U, (lp_prune_rank)k, 0.3, 1, kept, &mean));
    assert_close(mean, want[k], 1e-13);
    uint32_t n = 0;
    for (int i = 0; i < U * U; i++) n += kept[i];
    assert_int_equal(n, 43);
  }
  assert_ok(lp_pruned_length(W, P, D, U * U, LP_PRUNE_RANDOM, 1, 1, NULL, &mean));
  assert_close(mean, 11.0 * 13 / 36, 1e-13); /* of all: (n^2 - 1) / 3n */
  assert_ok(lp_pruned_length(W, P, D, U * U, LP_PRUNE_RANDOM, 0, 1, kept, &mean));
  assert_true(isnan(mean) && kept[0] == 0);
  double same[4] = {2, -2, 2, 1}, d[4] = {1, 2, 4, 8};
  assert_ok(lp_pruned_length(same, NULL, d, 4, LP_PRUNE_PW, 0.5, 1, kept, &mean));
  assert_true(kept[0] && kept[1] && !kept[2] && mean == 1.5);
  assert_int_equal(lp_pruned_length(W, P, D, 4, LP_PRUNE_PW, 1.5, 1, NULL, &mean), LP_ERR_ARG);
}

static void energy(void **state) {
  (void)state;
  fill();
  /* np.abs(W[0]).sum() / 3 + 2 / 3 * (np.abs(V) @ np.abs(W[3])).sum() */
  assert_close(lp_energy(V, W + 3 * U, W, U, U), 3.6593850639591028, 1e-13);
}

static void communicability(void **state) {
  (void)state;
  fill();
  double c[U * U], sum = 0;
  assert_ok(lp_communicability(W, U, c));
  /* scipy.linalg.expm(np.abs(W) / sqrt(S)[:, None] / sqrt(S)[None]) */
  assert_close(c[1], 0.14531942719194091, 1e-12);
  assert_close(c[U], 0.1242670216193727, 1e-12);
  assert_close(c[11 * U + 3], 0.1427845328148219, 1e-12);
  for (int k = 0; k < U * U; k++) sum += c[k];
  assert_close(sum, 18.920112865871278, 1e-12);
  /* Two units that only reach each other: sinh(1). */
  assert_ok(lp_communicability((double[]){0, -4, 4, 0}, 2, c));
  assert_true(c[0] == 0 && c[3] == 0);
  assert_close(c[1], sinh(1), 1e-14);
  /* A row of zeros has nothing to send or to scale by. */
  assert_ok(lp_communicability((double[]){0, 0, 4, 0}, 2, c));
  assert_true(c[1] == 0 && c[2] == 0);
  assert_ok(lp_communicability((double[]){0, NAN, 4, 0}, 2, c));
  assert_true(isnan(c[0]) && isnan(c[2]));
  assert_ok(lp_communicability((double[]){5}, 1, c));
  assert_true(c[0] == 0);
}

/* 20 x 20: 400 units, 4 above the 99th percentile. Pairs two units apart in one map and moved by 3
 * rows in the other: two clusters (inertia 4 (1/2)^2 = 1 <= 4; one would have more), matched at
 * length 3 each. */
static void between(void **state) {
  (void)state;
  static double a[400], b[400];
  static const int at[] = {2 * 20 + 2, 2 * 20 + 3, 12 * 20 + 15, 12 * 20 + 16};
  for (int k = 0; k < 4; k++) a[at[k]] = b[at[k] + 60] = 1;
  lp_places *p;
  double length, null;
  assert_ok(lp_places_sheet(20, 20, false, &p));
  assert_ok(lp_length_between(a, p, b, p, 19, 1, &length, &null));
  assert_close(length, 6, 1e-12);
  assert_true(null > 6);
  assert_ok(lp_length_between(a, p, a, p, 0, 1, &length, &null));
  assert_true(length == 0 && isnan(null));
  a[0] = NAN;
  assert_ok(lp_length_between(a, p, b, p, 1, 1, &length, &null));
  assert_true(isnan(length));
  for (int i = 0; i < 400; i++) a[i] = 1; /* none is above */
  assert_ok(lp_length_between(a, p, b, p, 1, 1, &length, &null));
  assert_true(isnan(length));
  lp_places_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lengths), cmocka_unit_test(pruned),
                                     cmocka_unit_test(energy), cmocka_unit_test(communicability),
                                     cmocka_unit_test(between)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
