/* Exact nulls over all ways to place the units, against enumeration and against 20,000 shuffles. */
#include "support.h"

#include <locality/rng.h>
#include <math.h>
#include <string.h>

enum { MAPS = 12, MOST = 49 };

typedef struct sheet {
  uint32_t rows, cols;
  bool wrap;
} sheet;

/* Maps with structure, silent units and one silent map: far from uniform. */
static void make_maps(uint32_t units, float maps[MAPS * MOST]) {
  lp_rng r = lp_rng_make(units, "test/nulls");
  for (uint32_t m = 0; m < MAPS; m++)
    for (uint32_t i = 0; i < units; i++) {
      double v = lp_rng_double(&r) - 0.3 + 0.02 * i;
      maps[m * units + i] = m == 3 || v < 0 ? 0 : (float)(v * v);
    }
}

static double mean_of(lp_map_fn fn, const float *maps, const sheet *s) {
  double v[MAPS];
  assert_ok(lp_map_values(fn, maps, MAPS, s->rows, s->cols, v));
  return lp_moments_of(v, MAPS).mean;
}

static void place(const float *maps, const uint32_t *order, uint32_t units, float *out) {
  for (uint32_t m = 0; m < MAPS; m++)
    for (uint32_t i = 0; i < units; i++) out[m * units + order[i]] = maps[m * units + i];
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

/* All 5040 and 720 placements of small sheets: mean and variance to the last digits. */
static void enumerated(void **state) {
  (void)state;
  static const sheet sheets[] = {{1, 7, false}, {2, 3, false}, {1, 7, true}, {3, 2, true}};
  for (int k = 0; k < 4; k++) {
    const sheet *s = &sheets[k];
    uint32_t units = s->rows * s->cols, order[MOST];
    float maps[MAPS * MOST], placed[MAPS * MOST];
    make_maps(units, maps);
    lp_map_fn fn = s->wrap ? lp_spatial_variance_torus : lp_spatial_variance;
    double count = 0, sum = 0, squares = 0;
    for (uint32_t i = 0; i < units; i++) order[i] = i;
    do {
      place(maps, order, units, placed);
      double v = mean_of(fn, placed, s);
      count++;
      sum += v;
      squares += v * v;
    } while (next_permutation(order, units));
    lp_null_result r;
    assert_ok(lp_spatial_variance_exact_null(maps, MAPS, s->rows, s->cols, s->wrap, &r));
    assert_true(r.n == MAPS - 1);
    assert_close(r.mean, sum / count, 1e-12);
    assert_close(r.mean,
                 s->wrap ? lp_spatial_variance_torus_uniform(s->rows, s->cols)
                         : lp_spatial_variance_uniform(s->rows, s->cols),
                 1e-12);
    assert_close(r.sd, sqrt(squares / count - r.mean * r.mean), 1e-7);
    assert_close(r.observed, mean_of(fn, maps, s), 1e-12);
    assert_close(r.z, (r.observed - r.mean) / r.sd, 1e-12);
    assert_close(r.p, erfc(fabs(r.z) / sqrt(2)), 1e-12);
  }
}

/* Chance values and the variance of V on 7 x 7, flat and wrapped, in 20,000 shuffles: means within
 * 4.5 standard errors, sd within 3 %. */
static void shuffled(void **state) {
  (void)state;
  enum { SHUFFLES = 20000, UNITS = 49, VALUES = 8 };
  static const sheet s = {7, 7, false};
  static const lp_map_fn fn[] = {lp_spatial_variance, lp_spatial_variance_torus,
                                 lp_moran_i,          lp_moran_i_torus,
                                 lp_geary_c,          lp_geary_c_torus};
  float maps[MAPS * MOST], placed[MAPS * MOST];
  make_maps(UNITS, maps);
  double sum[VALUES] = {0}, squares[VALUES] = {0};
  for (uint32_t k = 0; k < SHUFFLES; k++) {
    uint32_t order[UNITS];
    lp_rng_permutation(5, lp_rng_stream("test/shuffled"), k, order, UNITS);
    place(maps, order, UNITS, placed);
    for (int i = 0; i < VALUES; i++) {
      double v;
      if (i < 6)
        v = mean_of(fn[i], placed, &s);
      else
        assert_ok(lp_neighbour_correlation(placed, MAPS, 7, 7, i == 7, &v));
      sum[i] += v;
      squares[i] += v * v;
    }
  }
  double correlation;
  assert_ok(lp_mean_correlation(maps, MAPS, UNITS, &correlation));
  lp_null_result flat, wrapped;
  assert_ok(lp_spatial_variance_exact_null(maps, MAPS, 7, 7, false, &flat));
  assert_ok(lp_spatial_variance_exact_null(maps, MAPS, 7, 7, true, &wrapped));
  assert_close(flat.mean, 49.0 / 6, 1e-12);
  const double chance[VALUES] = {flat.mean, wrapped.mean, -1.0 / 48,  -1.0 / 48, 1,
                                 1,         correlation,  correlation};
  static const char *const name[VALUES] = {"V",           "V torus",         "Moran",
                                           "Moran torus", "Geary",           "Geary torus",
                                           "neighbours",  "neighbours torus"};
  for (int i = 0; i < VALUES; i++) {
    double mean = sum[i] / SHUFFLES, sd = sqrt(squares[i] / SHUFFLES - mean * mean);
    double exact_sd = i == 0 ? flat.sd : i == 1 ? wrapped.sd : NAN;
    print_message("%s: exactly %.6f, in shuffles %.6f (sd %.6f, exactly %.6f)\n", name[i],
                  chance[i], mean, sd, exact_sd);
    assert_true(fabs(mean - chance[i]) < 4.5 * sd / sqrt(SHUFFLES));
    if (!isnan(exact_sd)) assert_true(fabs(sd / exact_sd - 1) < 0.03);
  }
}

static void without_a_null(void **state) {
  (void)state;
  float maps[MAPS * MOST] = {0};
  lp_null_result r;
  assert_ok(lp_spatial_variance_exact_null(maps, MAPS, 3, 3, false, &r));
  assert_true(r.n == 0 && isnan(r.mean) && isnan(r.z));
  for (int i = 0; i < MAPS * 9; i++) maps[i] = 0.3f; /* uniform: all placements are alike */
  assert_ok(lp_spatial_variance_exact_null(maps, MAPS, 3, 3, false, &r));
  assert_true(r.sd == 0 && isnan(r.z) && isnan(r.p));
  assert_close(r.observed, r.mean, 1e-12);
  assert_ok(lp_spatial_variance_exact_null(maps, MAPS, 1, 3, false, &r));
  assert_true(isnan(r.sd) && !isnan(r.mean));
}

/* A ring of N: the pair (0, N - 1) is one of neighbours. */
static void wrapped_neighbours(void **state) {
  (void)state;
  const double map[] = {1, 0, 0, 0, 1};
  /* mean .4; z = .6 -.4 -.4 -.4 .6; sum z^2 = 1.2; neighbours: -.24 .16 .16 -.24 and .36 */
  assert_close(lp_moran_i(map, 1, 5), 5 / 4.0 * -0.16 / 1.2, 1e-12);
  assert_close(lp_moran_i_torus(map, 1, 5), 5 / 5.0 * 0.2 / 1.2, 1e-12);
  assert_close(lp_geary_c_torus(map, 1, 5), 4 / 10.0 * 2 / 1.2, 1e-12);
  assert_close(lp_moran_i_torus(map, 5, 1), lp_moran_i_torus(map, 1, 5), 1e-12);
  const double two[] = {1, 0, 3, 2}; /* an axis of two wraps onto itself */
  assert_close(lp_moran_i_torus(two, 2, 2), lp_moran_i(two, 2, 2), 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(enumerated), cmocka_unit_test(shuffled),
                                     cmocka_unit_test(without_a_null),
                                     cmocka_unit_test(wrapped_neighbours)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
