/* Order in space: Moran's I, preference over distance, spectrum, pairs of units, TGI. */
#include "support.h"

#include <locality/rng.h>

static void moran(void **state) {
  (void)state;
  /* len(x) / W.sum() * (z @ W @ z) / (z @ z): rook 0/1, queen with rows of sum 1 */
  static const double want[2][2] = {{-0.049024429472900387, -0.042989127747467541},
                                    {-0.076343734760217663, -0.056953382395979038}};
  double t[CLASSES * UNITS];
  t_maps(t);
  for (int wrap = 0; wrap < 2; wrap++) {
    lp_places *p;
    assert_ok(lp_places_sheet(ROWS, COLS, wrap, &p));
    for (int queen = 0; queen < 2; queen++) {
      lp_neighbours *w;
      lp_moran m, again;
      assert_ok(lp_neighbours_of(p, (lp_contiguity)queen, &w));
      assert_ok(lp_moran_of(t, w, queen, 199, 1, &m));
      assert_close(m.i, want[wrap][queen], 1e-12);
      assert_close(m.expected, -1.0 / 34, 1e-15);
      assert_true(m.p > 0.05 && m.p <= 0.5); /* these values are in no order */
      assert_ok(lp_moran_of(t, w, queen, 199, 1, &again));
      assert_true(again.p == m.p);
      double ramp[UNITS];
      for (int i = 0; i < UNITS; i++) ramp[i] = i % COLS;
      assert_ok(lp_moran_of(ramp, w, queen, 199, 1, &m));
      assert_close(m.p, 1.0 / 200, 1e-15); /* none of the 199 is as large */
      for (int i = 0; i < UNITS; i++) ramp[i] = 0.1;
      assert_ok(lp_moran_of(ramp, w, queen, 9, 1, &m));
      assert_true(isnan(m.i) && isnan(m.p));
      ramp[3] = INFINITY;
      assert_ok(lp_moran_of(ramp, w, queen, 0, 1, &m));
      assert_true(isnan(m.i));
      lp_neighbours_free(w);
    }
    lp_places_free(p);
  }
}

/* np.abs(t[0][i] - t[0][j])[bin == k].mean(), bins of np.linspace(0, d.max(), 9) */
static void preference(void **state) {
  (void)state;
  static const double want[] = {NAN,
                                1.2297544733493737,
                                1.2083561695833214,
                                1.2288952261599968,
                                1.2523814486838323,
                                1.2223939065853118,
                                1.4461754029100067,
                                1.213985805693949};
  double t[CLASSES * UNITS];
  t_maps(t);
  lp_places *p;
  lp_preference got;
  assert_ok(lp_places_sheet(ROWS, COLS, false, &p));
  assert_ok(lp_preference_over_distance(t, p, &got));
  assert_all_close(got.mean, want, LP_BINS, 1e-12);
  assert_close(got.edge[8], sqrt(52), 1e-15);
  assert_close(got.s, 1 - 1.2297544733493737 / 1.4461754029100067, 1e-12);
  for (int i = 0; i < UNITS; i++) t[i] = 3;
  assert_ok(lp_preference_over_distance(t, p, &got));
  assert_true(isnan(got.s) && got.mean[1] == 0);
  lp_places_free(p);
}

/* One wave of k cycles over 9 x 5: all power at radius k. np.fft.fft2, np.polyfit of t. */
static void spectrum(void **state) {
  (void)state;
  double map[45], radial[2], slope, t[CLASSES * UNITS];
  for (int k = 1; k <= 2; k++) {
    for (int i = 0; i < 45; i++) map[i] = 7 + cos(2 * acos(-1) * k * (i / 5) / 9 + 0.3);
    assert_ok(lp_spectrum(map, 9, 5, radial, &slope));
    /* two frequencies of (45/2)^2; at radius 1 stand 8, at 2 stand 12 */
    assert_close(radial[k - 1], 2 * 22.5 * 22.5 / (k == 1 ? 8 : 12), 1e-12);
    assert_true(fabs(radial[2 - k]) < 1e-20);
  }
  t_maps(t);
  assert_ok(lp_spectrum(t, ROWS, COLS, radial, &slope));
  assert_close(radial[0], 40.905761364008399, 1e-12);
  assert_close(radial[1], 29.71908039914651, 1e-12);
  assert_close(slope, -0.46091457848858475, 1e-11);
  assert_ok(lp_spectrum(t, 1, 1, radial, &slope));
  assert_true(isnan(slope));
  for (int i = 0; i < 45; i++) map[i] = 0.1;
  assert_ok(lp_spectrum(map, 9, 5, radial, &slope));
  assert_true(isnan(slope) && radial[0] == 0);
}

/* ---- pairs --------------------------------------------------------------------------------- */

static void curves(void **state) {
  (void)state;
  /* r[bin == k].mean() of np.corrcoef(X.T); np.corrcoef(r, 1 / (1 + d)) */
  static const double want[2][LP_BINS] = {
      {NAN, -0.011342669191556218, -0.0064659520216264173, 0.016766071966611177,
       -0.007364113771418419, -0.022916551616242852, 0.032482971538633575, 0.042745762401114162},
      {NAN, NAN, -0.0040035248389816425, -0.019109981270388737, 0.0050660277136869384, NAN,
       0.002643205874649533, -0.0039003259172486777}};
  static const double align[] = {-0.021605267971401915, -0.019479414198762545};
  double x[N * UNITS], value;
  fill_x(x, UNITS);
  lp_responses r = lp_responses_f64(x, N, UNITS);
  lp_pairs *pairs;
  assert_ok(lp_pairs_correlate(&r, 1, &pairs));
  assert_int_equal(pairs->count, UNITS * (UNITS - 1) / 2);
  for (int wrap = 0; wrap < 2; wrap++) {
    lp_places *p;
    lp_curve curve;
    assert_ok(lp_places_sheet(ROWS, COLS, wrap, &p));
    assert_ok(lp_correlation_over_distance(pairs, p, 199, 1, &curve));
    assert_all_close(curve.mean, want[wrap], LP_BINS, 1e-10);
    for (int k = 0; k < LP_BINS; k++) {
      assert_int_equal(isnan(curve.low[k]), isnan(curve.mean[k]));
      if (!isnan(curve.low[k]))
        assert_true(curve.low[k] < curve.null_mean[k] && curve.null_mean[k] < curve.high[k]);
    }
    assert_ok(lp_correlation_over_distance(pairs, p, 38, 1, &curve));
    assert_true(isnan(curve.low[4]));
    assert_ok(lp_alignment(pairs, p, &value));
    assert_close(value, align[wrap], 1e-10);
    /* Wrapped either way: -mean of scipy.stats.spearmanr over d / 7 <= D */
    assert_ok(lp_tgi(pairs, p, &value));
    assert_close(value, -0.0027100076317482812, 1e-10);
    lp_places_free(p);
  }
  lp_places *other;
  assert_ok(lp_places_sheet(3, 3, false, &other));
  assert_int_equal(lp_tgi(pairs, other, &value), LP_ERR_ARG);
  lp_places_free(other);
  lp_pairs_free(pairs);
}

/* Units that follow their place: r falls with distance, and no re-placement does as well. */
static void ordered(void **state) {
  (void)state;
  enum { SIDE = 9, IMAGES = 40 };
  static double x[IMAGES * SIDE * SIDE];
  for (int m = 0; m < IMAGES; m++)
    for (int i = 0; i < SIDE * SIDE; i++) {
      double dr = i / SIDE - m * 5 % SIDE, dc = i % SIDE - m * 7 % SIDE;
      x[m * SIDE * SIDE + i] = exp(-(dr * dr + dc * dc) / 8);
    }
  lp_responses r = lp_responses_f64(x, IMAGES, SIDE * SIDE);
  lp_pairs *pairs;
  lp_places *p;
  lp_curve curve;
  double value;
  assert_ok(lp_pairs_correlate(&r, 1, &pairs));
  assert_ok(lp_places_sheet(SIDE, SIDE, false, &p));
  assert_ok(lp_correlation_over_distance(pairs, p, 99, 1, &curve));
  assert_true(curve.mean[0] > curve.high[0] && curve.mean[0] > 0.7);
  assert_ok(lp_alignment(pairs, p, &value));
  assert_true(value > 0.7);
  lp_places_free(p);
  lp_pairs_free(pairs);
}

/* Silent units, and units with NaN, are in no pair; without two units or images there is none. */
static void left_out(void **state) {
  (void)state;
  double x[4][4] = {{1, 0.1, 3, 1}, {2, 0.1, 1, 2}, {4, 0.1, 2, NAN}, {3, 0.1, 2, 5}}, value;
  lp_responses r = lp_responses_f64(x[0], 4, 4);
  lp_pairs *pairs;
  lp_places *p;
  lp_curve curve;
  assert_ok(lp_places_sheet(2, 2, false, &p));
  assert_ok(lp_pairs_correlate(&r, 1, &pairs));
  assert_int_equal(pairs->count, 1);
  assert_true(pairs->i[0] == 0 && pairs->j[0] == 2);
  assert_close(pairs->r[0], -1 / (sqrt(5) * sqrt(2)), 1e-14);
  assert_ok(lp_alignment(pairs, p, &value));
  assert_true(isnan(value));
  lp_pairs_free(pairs);
  r.n = 1;
  assert_ok(lp_pairs_correlate(&r, 1, &pairs));
  assert_int_equal(pairs->count, 0);
  assert_ok(lp_correlation_over_distance(pairs, p, 39, 1, &curve));
  assert_true(isnan(curve.mean[0]) && isnan(curve.low[0]));
  assert_ok(lp_tgi(pairs, p, &value));
  assert_true(isnan(value));
  lp_pairs_free(pairs);
  lp_places_free(p);
}

/* Correlations do not depend on the units of measurement, be they far from 1. */
static void scales(void **state) {
  (void)state;
  static const double scale[] = {1e300, 1e-300, 1};
  double x[N * 3];
  lp_pairs *pairs[3];
  for (int k = 0; k < 3; k++) {
    for (int m = 0; m < N; m++)
      for (int i = 0; i < 3; i++) x[m * 3 + i] = ((m * m * (i + 2) + 5 * i) % 11 - 3.5) * scale[k];
    lp_responses r = lp_responses_f64(x, N, 3);
    assert_ok(lp_pairs_correlate(&r, 1, &pairs[k]));
    assert_int_equal(pairs[k]->count, 3);
  }
  for (int p = 0; p < 3; p++) {
    assert_true(fabs(pairs[2]->r[p]) < 0.9);
    assert_close(pairs[0]->r[p], pairs[2]->r[p], 1e-12);
    assert_close(pairs[1]->r[p], pairs[2]->r[p], 1e-12);
  }
  for (int k = 0; k < 3; k++) lp_pairs_free(pairs[k]);
  const double b[] = {1, 5, 2}, large[] = {1e300, -1e300, 5e299}, same[] = {2, -2, 1};
  assert_close(lp_pearson(large, b, 3), lp_pearson(same, b, 3), 1e-14);
}

/* Beyond LP_ALL_PAIRS units a sample; r of each pair is that of the sums. */
static void sampled(void **state) {
  (void)state;
  enum { MANY = 4099, IMAGES = 5 };
  float *x = malloc(sizeof *x * MANY * IMAGES);
  lp_rng_uniform(7, 1, 1, x, (size_t)MANY * IMAGES);
  for (int m = 0; m < IMAGES; m++) x[m * MANY + 11] = 2;
  lp_responses r = lp_responses_f32(x, IMAGES, MANY);
  lp_pairs *pairs;
  assert_ok(lp_pairs_correlate(&r, 3, &pairs));
  assert_int_equal(pairs->count, LP_SAMPLED_PAIRS);
  double mean = 0;
  for (size_t k = 0; k < pairs->count; k++) {
    uint32_t i = pairs->i[k], j = pairs->j[k];
    assert_true(i < j && j < MANY && i != 11 && j != 11);
    mean += (i + j) / 2.0 / (double)pairs->count;
    if (k % 1000) continue;
    double a[IMAGES], b[IMAGES];
    for (int m = 0; m < IMAGES; m++) a[m] = x[m * MANY + i], b[m] = x[m * MANY + j];
    assert_close(pairs->r[k], lp_pearson(a, b, IMAGES), 1e-11);
  }
  assert_true(fabs(mean - MANY / 2.0) < 5 * MANY / sqrt(24.0 * LP_SAMPLED_PAIRS));
  lp_pairs_free(pairs);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(moran),    cmocka_unit_test(preference),
                                     cmocka_unit_test(spectrum), cmocka_unit_test(curves),
                                     cmocka_unit_test(ordered),  cmocka_unit_test(left_out),
                                     cmocka_unit_test(scales),   cmocka_unit_test(sampled)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
