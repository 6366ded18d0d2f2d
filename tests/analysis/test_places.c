/* Measures of units off the sheet: a sheet given as points, great circles, every placement. */
#include "support.h"

#include <locality/rng.h>
#include <math.h>
#include <string.h>

enum { MAPS = 9, MOST = 60 };

/* Maps with structure, silent units and one silent map. */
static void make_maps(uint32_t units, float *maps) {
  lp_rng r = lp_rng_make(units, "test/places");
  for (uint32_t m = 0; m < MAPS; m++)
    for (uint32_t i = 0; i < units; i++) {
      double v = lp_rng_double(&r) - 0.3 + 0.02 * i;
      maps[m * units + i] = m == 4 || v < 0 ? 0 : (float)(v * v);
    }
}

/* Great circles between the units of a Fibonacci lattice, on a sphere of radius 2. */
static lp_places *ball(uint32_t n, double *d) {
  double at[3 * MOST];
  for (uint32_t k = 0; k < n; k++) {
    const double z = 1 - (2 * k + 1.0) / n, r = sqrt(1 - z * z), turn = M_PI * (3 - sqrt(5)) * k;
    at[3 * k] = r * cos(turn), at[3 * k + 1] = r * sin(turn), at[3 * k + 2] = z;
  }
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++) {
      double cosine = 0;
      for (uint32_t a = 0; a < 3; a++) cosine += at[3 * i + a] * at[3 * j + a];
      d[i * n + j] = i == j ? 0 : 2 * acos(cosine);
    }
  lp_places *p;
  assert_ok(lp_places_apart(at, n, 3, d, &p));
  return p;
}

/* Half the mean squared distance of two different units drawn by the map. */
static double by_definition(const double *map, const double *d, uint32_t n) {
  double moment = 0, pairs = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++) {
      if (i == j) continue;
      moment += map[i] * map[j] * d[i * n + j] * d[i * n + j] / 2;
      pairs += map[i] * map[j];
    }
  return moment / pairs;
}

/* A grid and a torus whose lattice is not told: everything is what it is on the sheet. */
static void sheets(void **state) {
  (void)state;
  static const struct {
    uint32_t rows, cols;
    bool wrap;
  } sheet[] = {{5, 7, false}, {5, 7, true}, {1, 9, false}, {1, 9, true}, {4, 3, false}};
  for (size_t k = 0; k < sizeof sheet / sizeof *sheet; k++) {
    const uint32_t rows = sheet[k].rows, cols = sheet[k].cols, n = rows * cols;
    const bool wrap = sheet[k].wrap;
    lp_places *whole, *p;
    lp_neighbours *w;
    float maps[MAPS * MOST];
    make_maps(n, maps);
    assert_ok(lp_places_sheet(rows, cols, wrap, &whole));
    assert_ok(lp_places_points(whole->at, n, 2, whole->period, &p));
    assert_ok(lp_neighbours_of(p, LP_ROOK, &w));
    for (uint32_t m = 0; m < MAPS; m++) {
      double map[MOST];
      for (uint32_t i = 0; i < n; i++) map[i] = (double)maps[m * n + i];
      assert_close(lp_places_variance(map, p),
                   (wrap ? lp_spatial_variance_torus : lp_spatial_variance)(map, rows, cols),
                   1e-12);
      assert_close(lp_places_moran_i(map, w),
                   (wrap ? lp_moran_i_torus : lp_moran_i)(map, rows, cols), 1e-12);
      assert_close(lp_places_geary_c(map, w),
                   (wrap ? lp_geary_c_torus : lp_geary_c)(map, rows, cols), 1e-12);
      assert_close(lp_places_centroid_offset(map, p),
                   wrap ? NAN : lp_centroid_offset(map, rows, cols), 1e-10);
    }
    assert_close(lp_places_variance_uniform(p),
                 wrap ? lp_spatial_variance_torus_uniform(rows, cols)
                      : lp_spatial_variance_uniform(rows, cols),
                 1e-12);
    lp_null_result exact, shuffled, known;
    assert_ok(lp_places_variance_nulls(maps, MAPS, p, 99, 7, &exact, &shuffled));
    assert_ok(lp_spatial_variance_exact_null(maps, MAPS, rows, cols, wrap, &known));
    assert_int_equal(exact.n, MAPS - 1);
    assert_close(exact.mean, known.mean, 1e-12);
    assert_close(exact.sd, known.sd, 1e-9);
    assert_close(exact.p, known.p, 1e-8);
    if (!wrap) { /* the same shuffles */
      assert_ok(lp_spatial_variance_null(maps, MAPS, rows, cols, 99, 7, &known));
      assert_close(shuffled.mean, known.mean, 1e-12);
      assert_close(shuffled.sd, known.sd, 1e-9);
      assert_close(shuffled.p, known.p, 0);
    }
    lp_neighbours_free(w);
    lp_places_free(p);
    lp_places_free(whole);
  }
}

/* A sphere: V by its definition; of a uniform map; no centroid. */
static void sphere(void **state) {
  (void)state;
  double d[MOST * MOST], map[MOST], ones[MOST], sum = 0;
  lp_places *p = ball(MOST, d);
  lp_neighbours *w;
  assert_ok(lp_neighbours_of(p, LP_ROOK, &w));
  for (uint32_t i = 0; i < MOST; i++) {
    map[i] = i % 5 ? fabs(sin(1.3 * i)) : 0;
    ones[i] = 0.7;
    assert_true(w->first[i + 1] - w->first[i] >= 2 && w->first[i + 1] - w->first[i] <= 6);
    for (uint32_t j = 0; j < MOST; j++) sum += d[i * MOST + j] * d[i * MOST + j];
  }
  assert_close(lp_places_variance(map, p), by_definition(map, d, MOST), 1e-12);
  assert_close(lp_places_variance(ones, p), sum / 2 / MOST / (MOST - 1), 1e-12);
  assert_close(lp_places_variance_uniform(p), sum / 2 / MOST / (MOST - 1), 1e-12);
  assert_close(lp_places_centroid_offset(map, p), NAN, 0);
  assert_close(lp_places_moran_i(ones, w), NAN, 0);
  map[3] = -1;
  assert_close(lp_places_variance(map, p), NAN, 0);
  map[3] = NAN;
  assert_close(lp_places_moran_i(map, w), NAN, 0);
  lp_neighbours_free(w);
  lp_places_free(p);
}

static bool next_permutation(uint32_t *p, uint32_t n) {
  uint32_t i = n - 1, j = n - 1;
  while (i > 0 && p[i - 1] >= p[i]) i--;
  if (i == 0) return false;
  while (p[j] <= p[i - 1]) j--;
  uint32_t kept = p[i - 1];
  p[i - 1] = p[j];
  p[j] = kept;
  for (j = n - 1; i < j; i++, j--) {
    kept = p[i];
    p[i] = p[j];
    p[j] = kept;
  }
  return true;
}

/* All 5040 placements of 7 units on a sphere: mean and variance of mean V. */
static void every_placement(void **state) {
  (void)state;
  enum { N = 7 };
  double d[N * N], count = 0, sum = 0, squares = 0;
  float maps[MAPS * N];
  uint32_t order[N];
  lp_places *p = ball(N, d);
  make_maps(N, maps);
  for (uint32_t i = 0; i < N; i++) order[i] = i;
  do {
    double mean = 0, map[N];
    for (uint32_t m = 0; m < MAPS; m++) {
      if (m == 4) continue; /* the silent one */
      for (uint32_t i = 0; i < N; i++) map[order[i]] = (double)maps[m * N + i];
      mean += by_definition(map, d, N) / (MAPS - 1);
    }
    count++, sum += mean, squares += mean * mean;
  } while (next_permutation(order, N));
  lp_null_result exact, shuffled;
  assert_ok(lp_places_variance_nulls(maps, MAPS, p, 4999, 3, &exact, &shuffled));
  assert_close(exact.mean, sum / count, 1e-12);
  assert_close(exact.mean, lp_places_variance_uniform(p), 1e-12);
  assert_close(exact.sd, sqrt(squares / count - exact.mean * exact.mean), 1e-7);
  assert_close(exact.z, (exact.observed - exact.mean) / exact.sd, 1e-12);
  assert_int_equal(shuffled.permutations, 4999);
  assert_true(fabs(shuffled.mean - exact.mean) < 4 * exact.sd / sqrt(4999));
  assert_true(fabs(shuffled.sd / exact.sd - 1) < 0.05);
  lp_places_free(p);
}

static void bad(void **state) {
  (void)state;
  const double at[] = {0, 1, 2}, d[] = {0, 1, NAN, 1, 0, 1, NAN, 1, 0};
  const float maps[3] = {1, 2, 3};
  lp_places *p;
  lp_null_result exact, shuffled;
  assert_int_equal(lp_places_apart(at, 3, 1, d, &p), LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "the distance of units 0 and 2 is not finite");
  assert_null(p);
  assert_ok(lp_places_points(at, 3, 1, NULL, &p));
  assert_int_equal(lp_places_variance_nulls(maps, 1, p, 1, 1, &exact, &shuffled), LP_ERR_ARG);
  assert_ok(lp_places_variance_nulls(maps, 1, p, 9, 1, &exact, &shuffled));
  assert_true(isnan(exact.sd) && exact.mean == 1); /* mean of 1, 1 and 4, halved */
  lp_places_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sheets), cmocka_unit_test(sphere),
                                     cmocka_unit_test(every_placement), cmocka_unit_test(bad)};
  return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
