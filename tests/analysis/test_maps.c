/* Measures of activation maps against golden values, closed forms and direct sums. */
#include "support.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 7, COLS = 7, UNITS = 49 };

/* ---- golden values ------------------------------------------------------------------------- */

static void golden_rows(lp_map_fn fn, const char *maps, const char *want, bool all_rows) {
  int64_t n_maps, n_rows, n_want;
  const double *map = golden(maps, &n_maps), *value = golden(want, &n_want);
  const int64_t *row = golden_indices("ok_rows", &n_rows);
  assert_int_equal(n_want, all_rows ? n_maps / UNITS : n_rows);
  for (int64_t i = 0; i < n_want; i++) {
    int64_t m = all_rows ? i : row[i];
    assert_close(fn(map + m * UNITS, ROWS, COLS), value[i], 1e-10);
  }
}

static void golden_maps(void **state) {
  (void)state;
  golden_rows(lp_spatial_variance, "A", "variance/A", false);
  golden_rows(lp_spatial_variance, "B", "variance/B", false);
  golden_rows(lp_spatial_variance_torus, "A", "variance_torus/A", false);
  golden_rows(lp_moran_i, "B", "moran/B", true);
  golden_rows(lp_geary_c, "B", "geary/B", true);
}

static void golden_undefined(void **state) {
  (void)state;
  int64_t n;
  const double *A = golden("A", &n);
  for (int row = 5; row <= 6; row++) { /* all zero, one unit */
    assert_true(isnan(lp_spatial_variance(A + row * UNITS, ROWS, COLS)));
    assert_true(isnan(lp_spatial_variance_torus(A + row * UNITS, ROWS, COLS)));
  }
  assert_true(isnan(lp_centroid_offset(A + 5 * UNITS, ROWS, COLS)));
  assert_true(isnan(lp_moran_i(A + 5 * UNITS, ROWS, COLS)));
  assert_true(isnan(lp_geary_c(A + 3 * UNITS, ROWS, COLS))); /* uniform */
}

static void golden_participation(void **state) {
  (void)state;
  int64_t n_want, n;
  double want = *golden("participation_ratio/B", &n_want), got;
  const double *B = golden("B", &n);
  assert_ok(lp_participation_ratio_f64(B, (uint32_t)(n / UNITS), UNITS, &got));
  assert_close(got, want, 1e-10);
}

/* ---- closed forms -------------------------------------------------------------------------- */

static void uniform_maps(void **state) {
  (void)state;
  static const struct {
    uint32_t rows, cols;
    double want;
  } sheet[] = {{7, 7, 49.0 / 6}, {64, 64, 2048.0 / 3}, {1, 2, 0.5}, {3, 5, 20.0 / 7}, {1, 1, NAN}};
  double *map = malloc(sizeof *map * 4096);
  for (int i = 0; i < 4096; i++) map[i] = 0.3;
  for (size_t i = 0; i < sizeof sheet / sizeof *sheet; i++) {
    assert_close(lp_spatial_variance_uniform(sheet[i].rows, sheet[i].cols), sheet[i].want, 1e-14);
    assert_close(lp_spatial_variance(map, sheet[i].rows, sheet[i].cols), sheet[i].want, 1e-12);
  }
  assert_close(lp_spatial_variance_uniform(7, 7), 8.1667, 1e-5);
  assert_close(lp_spatial_variance_uniform(64, 64), 682.667, 1e-6);
  free(map);
}

static void random_map(uint64_t seed, double *map, uint32_t n) {
  lp_rng r = lp_rng_make(seed, "test/map");
  for (uint32_t i = 0; i < n; i++) {
    double u = lp_rng_double(&r);
    map[i] = u < 0.4 ? 0 : u * u;
  }
}

/* V as half the weighted mean squared distance between distinct units, over all pairs. */
static double variance_by_pairs(const double *a, uint32_t rows, uint32_t cols, bool wrap) {
  double sum = 0, weight = 0;
  for (uint32_t i = 0; i < rows * cols; i++) {
    for (uint32_t k = 0; k < rows * cols; k++) {
      double dr = fabs((double)(i / cols) - k / cols), dc = fabs((double)(i % cols) - k % cols);
      if (wrap) dr = fmin(dr, rows - dr), dc = fmin(dc, cols - dc);
      if (i == k) continue;
      sum += a[i] * a[k] * (dr * dr + dc * dc) / 2;
      weight += a[i] * a[k];
    }
  }
  return sum / weight;
}

static void moment_and_pairwise_forms(void **state) {
  (void)state;
  static const uint32_t sheet[][2] = {{1, 2}, {1, 9}, {8, 1}, {2, 3}, {5, 9}, {16, 11}};
  for (size_t i = 0; i < sizeof sheet / sizeof *sheet; i++) {
    uint32_t rows = sheet[i][0], cols = sheet[i][1];
    double map[176];
    random_map(i + 1, map, rows * cols);
    map[0] = 0.5, map[1] = 0.25; /* two active units at least */
    assert_close(lp_spatial_variance(map, rows, cols), variance_by_pairs(map, rows, cols, false),
                 1e-12);
    assert_close(lp_spatial_variance_torus(map, rows, cols),
                 variance_by_pairs(map, rows, cols, true), 1e-12);
  }
}

/* An axis longer than the block that the torus holds at once. */
static void torus_long_axis(void **state) {
  (void)state;
  static double map[1100];
  random_map(9, map, 1100);
  double want = variance_by_pairs(map, 1100, 1, true);
  assert_close(lp_spatial_variance_torus(map, 1100, 1), want, 1e-11);
  assert_close(lp_spatial_variance_torus(map, 1, 1100), want, 1e-11);
}

static void translation_and_scale(void **state) {
  (void)state;
  double patch[4][4], map[2][12 * 10] = {{0}}, torus[12 * 10] = {0};
  random_map(3, patch[0], 16);
  for (int r = 0; r < 4; r++) {
    for (int c = 0; c < 4; c++) {
      map[0][r * 10 + c] = patch[r][c];
      map[1][(r + 7) * 10 + c + 5] = 1e9 * patch[r][c];
      torus[(r + 10) % 12 * 10 + (c + 8) % 10] = patch[r][c]; /* over both edges */
    }
  }
  double v = lp_spatial_variance(map[0], 12, 10);
  assert_close(lp_spatial_variance(map[1], 12, 10), v, 1e-13);
  assert_close(lp_spatial_variance_torus(map[0], 12, 10), v, 1e-13);
  assert_close(lp_spatial_variance_torus(torus, 12, 10), v, 1e-13);
  assert_true(lp_spatial_variance(torus, 12, 10) > 2 * v);
}

/* Maps that would lose their digits, or overflow, in a careless sum. */
static void extreme_values(void **state) {
  (void)state;
  double map[49] = {0};
  map[0] = 1, map[48] = 1e-17; /* 1 - sum p^2 is below the rounding of 1 */
  assert_close(lp_spatial_variance(map, 7, 7), 36, 1e-12);
  map[0] = 1e308, map[48] = 1e308;
  assert_close(lp_spatial_variance(map, 7, 7), 36, 1e-12);
  map[0] = 5e-324, map[48] = 5e-324;
  assert_close(lp_spatial_variance(map, 7, 7), 36, 1e-12);
  assert_close(lp_spatial_variance_torus(map, 7, 7), 1, 1e-12);
  map[48] = -1;
  assert_true(isnan(lp_spatial_variance(map, 7, 7)));
  map[48] = NAN;
  assert_true(isnan(lp_spatial_variance(map, 7, 7)));
  assert_true(isnan(lp_moran_i(map, 7, 7)));
  map[48] = INFINITY;
  assert_true(isnan(lp_spatial_variance_torus(map, 7, 7)));
  assert_true(isnan(lp_geary_c(map, 7, 7)));
  assert_true(isnan(lp_centroid_offset(map, 7, 7)));
}

static void autocorrelation_of_patterns(void **state) {
  (void)state;
  double board[36], edge[36];
  for (int i = 0; i < 36; i++) {
    board[i] = (i / 6 + i % 6) % 2;
    edge[i] = i % 6 < 3 ? 2.0 : 5.0;
  }
  assert_close(lp_moran_i(board, 6, 6), -1, 1e-13);
  /* C of a board: every neighbour differs by 1, z^2 is 1/4: (35 / 2w) w 2 / (36 / 4) per pair. */
  assert_close(lp_geary_c(board, 6, 6), 35.0 / 18, 1e-13);
  /* Two halves: 60 pairs, 6 of them across the edge. */
  assert_close(lp_moran_i(edge, 6, 6), (54.0 - 6) / 60, 1e-13);
  assert_close(lp_geary_c(edge, 6, 6), 35.0 / (2 * 60) * 6 * 9 / (36 * 2.25), 1e-13);
}

static void centroid(void **state) {
  (void)state;
  double map[35] = {0};
  map[0] = 4; /* 5 x 7: the corner is (2, 3) from the centre */
  assert_close(lp_centroid_offset(map, 5, 7), sqrt(13), 1e-14);
  map[34] = 4;
  assert_close(lp_centroid_offset(map, 5, 7), 0, 1e-14);
  map[34] = 12; /* three quarters of the way to the other corner */
  assert_close(lp_centroid_offset(map, 5, 7), sqrt(13) / 2, 1e-14);
}

/* ---- many maps ----------------------------------------------------------------------------- */

static void random_maps(uint64_t seed, float *maps, uint32_t n, uint32_t units) {
  lp_rng r = lp_rng_make(seed, "test/maps");
  for (uint32_t i = 0; i < n * units; i++) maps[i] = (float)lp_rng_double(&r);
}

static void class_maps(void **state) {
  (void)state;
  enum { N = 5, K = 3, CLASSES = 4 };
  const float a[N * K] = {1, 2, 3, 5, 6, 7, 0, 0, 3, 3, 4, 5, 1, 3, 2};
  const int32_t label[N] = {0, 2, 0, 2, 3};
  double out[CLASSES * K];
  assert_ok(lp_class_maps(a, label, N, K, CLASSES, false, out));
  const double want[] = {0.5, 1, 3, NAN, NAN, NAN, 4, 5, 6, 1, 3, 2};
  for (int i = 0; i < CLASSES * K; i++) assert_close(out[i], want[i], 1e-14);
  assert_ok(lp_class_maps(a, label, N, K, CLASSES, true, out));
  const double mean[] = {2, 3, 4};
  for (int i = 0; i < CLASSES * K; i++) assert_close(out[i], want[i] - mean[i % K], 1e-14);
  assert_int_equal(lp_class_maps(a, label, N, K, 3, false, out), LP_ERR_ARG);
  assert_int_equal(lp_class_maps(a, (int32_t[]){0, 0, -1, 0, 0}, N, K, 3, false, out), LP_ERR_ARG);
}

/* Participation ratio by the covariance matrix itself, and whichever side is smaller. */
static void participation_direct(void **state) {
  (void)state;
  static const uint32_t shape[][2] = {{30, 9}, {9, 30}, {2, 4}, {12, 12}};
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
    uint32_t n = shape[s][0], units = shape[s][1];
    float a[360];
    random_maps(s + 1, a, n, units);
    double trace = 0, squares = 0, got;
    for (uint32_t i = 0; i < units; i++) {
      for (uint32_t j = 0; j < units; j++) {
        double mi = 0, mj = 0, c = 0;
        for (uint32_t m = 0; m < n; m++) mi += a[m * units + i], mj += a[m * units + j];
        for (uint32_t m = 0; m < n; m++)
          c += (a[m * units + i] - mi / n) * (a[m * units + j] - mj / n) / (n - 1);
        squares += c * c;
        if (i == j) trace += c;
      }
    }
    assert_ok(lp_participation_ratio(a, n, units, &got));
    assert_close(got, trace * trace / squares, 1e-10);
  }
  float same[6] = {2, 2, 2, 2, 2, 2}, rank_one[6] = {1, 2, 2, 4, 5, 10}, bad[4] = {1, NAN, 2, 3};
  double got;
  assert_ok(lp_participation_ratio(same, 3, 2, &got));
  assert_true(isnan(got));
  assert_ok(lp_participation_ratio(rank_one, 3, 2, &got));
  assert_close(got, 1, 1e-12);
  assert_ok(lp_participation_ratio(bad, 2, 2, &got));
  assert_true(isnan(got));
  assert_ok(lp_participation_ratio(rank_one, 1, 2, &got));
  assert_true(isnan(got));
}

static void neighbour_correlation(void **state) {
  (void)state;
  enum { N = 4 };
  /* 2 x 2 units: 0 and 1 together, 2 against 0, 3 constant. Pairs: 01 (+1), 02 (-1), 13, 23. */
  const float a[N * 4] = {1, 2, -1, 7, 2, 4, -2, 7, 4, 8, -4, 7, 8, 16, -8, 7};
  double got;
  assert_ok(lp_neighbour_correlation(a, N, 2, 2, false, &got));
  assert_close(got, 0, 1e-14);
  assert_ok(lp_neighbour_correlation(a, N, 1, 4, false,
                                     &got)); /* a line: 01 (+1), 12 (-1), 23 undefined */
  assert_close(got, 0, 1e-14);
  const float b[N * 2] = {1, 1, 2, 3, 3, 2, 4, 4};
  assert_ok(lp_neighbour_correlation(b, N, 2, 1, false, &got));
  assert_close(got, 0.8, 1e-14);
  assert_ok(lp_neighbour_correlation(b, 1, 2, 1, false, &got));
  assert_true(isnan(got));
}

static void values_of_maps(void **state) {
  (void)state;
  float maps[3 * 12];
  random_maps(4, maps, 3, 12);
  memset(maps + 12, 0, sizeof *maps * 12);
  double got[3], map[12];
  assert_ok(lp_map_values(lp_spatial_variance, maps, 3, 3, 4, got));
  for (int m = 0; m < 3; m++) {
    for (int i = 0; i < 12; i++) map[i] = maps[m * 12 + i];
    assert_close(got[m], lp_spatial_variance(map, 3, 4), 0);
  }
  assert_true(isnan(got[1]));
}

/* ---- permutation null ---------------------------------------------------------------------- */

static void each_order(double *value, int n, int *order, int k, const float *maps, int n_maps,
                       size_t *count) {
  if (k < n) {
    for (int i = k; i < n; i++) {
      int t = order[k];
      order[k] = order[i], order[i] = t;
      each_order(value, n, order, k + 1, maps, n_maps, count);
      t = order[k], order[k] = order[i], order[i] = t;
    }
    return;
  }
  double sum = 0, map[6];
  for (int m = 0; m < n_maps; m++) {
    for (int i = 0; i < n; i++) map[order[i]] = maps[m * n + i];
    sum += lp_spatial_variance(map, 2, 3);
  }
  value[(*count)++] = sum / n_maps;
}

/* All 720 orders of 2 x 3 units give the exact mean and sd; 20000 random ones come close. */
static void null_against_all_orders(void **state) {
  (void)state;
  enum { MAPS = 3, DRAWS = 20000 };
  float maps[MAPS * 6];
  random_maps(11, maps, MAPS, 6);
  double value[720];
  int order[6] = {0, 1, 2, 3, 4, 5};
  size_t count = 0;
  each_order(value, 6, order, 0, maps, MAPS, &count);
  lp_moments exact = lp_moments_of(value, 720);
  lp_null_result got;
  assert_ok(lp_spatial_variance_null(maps, MAPS, 2, 3, DRAWS, 1, &got));
  assert_close(got.observed, value[0], 1e-13);
  assert_true(fabs(got.mean - exact.mean) < 4 * exact.sd / sqrt(DRAWS));
  assert_true(fabs(got.sd / exact.sd - 1) < 0.03);
  assert_close(got.z, (got.observed - got.mean) / got.sd, 1e-12);
  size_t far = 0;
  for (int i = 0; i < 720; i++)
    far += fabs(value[i] - exact.mean) >= fabs(value[0] - exact.mean) - 1e-12;
  double p = (double)far / 720;
  assert_true(fabs(got.p - p) < 5 * sqrt(p * (1 - p) / DRAWS) + 0.01);
  lp_null_result again, other;
  assert_ok(lp_spatial_variance_null(maps, MAPS, 2, 3, 99, 1, &again));
  assert_ok(lp_spatial_variance_null(maps, MAPS, 2, 3, 99, 2, &other));
  assert_true(again.mean != other.mean);
  assert_ok(lp_spatial_variance_null(maps, MAPS, 2, 3, 99, 1, &other));
  assert_memory_equal(&again, &other, sizeof again);
}

static void null_finds_clusters(void **state) {
  (void)state;
  float maps[20 * 64], flat[64];
  random_maps(5, maps, 20, 64);
  for (int m = 0; m < 20; m++)
    for (int i = 0; i < 64; i++) maps[m * 64 + i] *= i / 8 < 3 && i % 8 < 3 ? 1.0F : 0.01F;
  lp_null_result got;
  assert_ok(lp_spatial_variance_null(maps, 20, 8, 8, 199, 1, &got));
  assert_true(got.z < -3);
  assert_close(got.p, 1.0 / 200, 1e-12);
  for (int i = 0; i < 64; i++) flat[i] = 0.7F;
  assert_ok(lp_spatial_variance_null(flat, 1, 8, 8, 19, 1, &got)); /* nothing to shuffle */
  assert_true(isnan(got.z));
  assert_close(got.p, 1, 0);
  memset(flat, 0, sizeof flat);
  assert_ok(lp_spatial_variance_null(flat, 1, 8, 8, 19, 1, &got));
  assert_true(isnan(got.observed) && isnan(got.p) && got.n == 0);
  assert_int_equal(lp_spatial_variance_null(maps, 20, 8, 8, 0, 1, &got), LP_ERR_ARG);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_maps),
      cmocka_unit_test(golden_undefined),
      cmocka_unit_test(golden_participation),
      cmocka_unit_test(uniform_maps),
      cmocka_unit_test(moment_and_pairwise_forms),
      cmocka_unit_test(torus_long_axis),
      cmocka_unit_test(translation_and_scale),
      cmocka_unit_test(extreme_values),
      cmocka_unit_test(autocorrelation_of_patterns),
      cmocka_unit_test(centroid),
      cmocka_unit_test(class_maps),
      cmocka_unit_test(participation_direct),
      cmocka_unit_test(neighbour_correlation),
      cmocka_unit_test(values_of_maps),
      cmocka_unit_test(null_against_all_orders),
      cmocka_unit_test(null_finds_clusters),
  };
  return cmocka_run_group_tests_name("maps", tests, golden_open, golden_close);
}
