/* The bits of every result are the same on one thread and on three. */
#include "support.h"

#ifdef _OPENMP
#include <omp.h>
#endif

static void set_threads(int n) {
#ifdef _OPENMP
  omp_set_num_threads(n);
#else
  (void)n;
#endif
}

enum { RESULTS = 4096, MANY = 300, SIDE_R = 11, SIDE_C = 13, ALL = SIDE_R * SIDE_C, CLASSES_2 = 5 };

typedef struct results {
  double at[RESULTS];
  size_t n;
} results;

static void keep(results *r, const double *x, size_t n) {
  assert_true(r->n + n <= RESULTS);
  memcpy(r->at + r->n, x, sizeof *x * n);
  r->n += n;
}

static void measure(results *r, bool wrap) {
  static double x[MANY * ALL], y[MANY * ALL], t[CLASSES_2 * ALL], p[CLASSES_2 * ALL], out[ALL],
      square[ALL * ALL];
  static int32_t labels[MANY];
  static uint8_t graph[ALL * ALL];
  for (int m = 0; m < MANY; m++)
    for (int i = 0; i < ALL; i++) {
      x[m * ALL + i] = (m * m * 7 + i * i * 3 + m * i * 5 + 11 * m + 17 * i) % 1009 / 1009.0;
      y[m * ALL + i] = sin(x[m * ALL + i] * m + i);
    }
  for (int m = 0; m < MANY; m++) labels[m] = m % CLASSES_2;
  lp_responses a = lp_responses_f64(x, MANY, ALL), b = lp_responses_f64(y, MANY, ALL);
  lp_places *places;
  lp_neighbours *w;
  lp_pairs *pairs;
  double value;
  assert_ok(lp_places_sheet(SIDE_R, SIDE_C, wrap, &places));
  assert_ok(lp_neighbours_of(places, LP_QUEEN, &w));
  assert_ok(lp_selectivity_of(&a, labels, CLASSES_2, &(lp_selectivity){.t = t, .p = p}));
  keep(r, t, CLASSES_2 * ALL);
  keep(r, p, CLASSES_2 * ALL);
  lp_moran moran;
  assert_ok(lp_moran_of(t, w, true, 99, 1, &moran));
  keep(r, &moran.i, 1);
  keep(r, &moran.p, 1);
  lp_preference preference;
  assert_ok(lp_preference_over_distance(t, places, &preference));
  keep(r, preference.mean, LP_BINS);
  assert_ok(lp_smooth(t, places, 2, out));
  keep(r, out, ALL);
  assert_ok(lp_pairs_correlate(&a, 1, &pairs));
  lp_curve curve;
  assert_ok(lp_correlation_over_distance(pairs, places, 39, 1, &curve));
  keep(r, curve.mean, LP_BINS);
  keep(r, curve.null_mean, LP_BINS);
  keep(r, curve.low, LP_BINS);
  assert_ok(lp_tgi(pairs, places, &value));
  keep(r, &value, 1);
  assert_ok(lp_alignment(pairs, places, &value));
  keep(r, &value, 1);
  assert_ok(lp_cka(&a, &b, &value)); /* by features; of 50 images by images */
  keep(r, &value, 1);
  a.n = b.n = 50;
  assert_ok(lp_cka(&a, &b, &value));
  keep(r, &value, 1);
  assert_ok(lp_spectrum(t, SIDE_R, SIDE_C, out, &value));
  keep(r, out, SIDE_R / 2);
  lp_nestedness nested;
  assert_ok(lp_nodf(t, CLASSES_2, ALL, 0.5, 20, 1, &nested));
  keep(r, &nested.nodf, 1);
  keep(r, &nested.sd, 1);
  assert_ok(lp_communicability(x, ALL, square));
  keep(r, square, ALL);
  lp_graph_measures g;
  assert_ok(lp_strongest_graph(x, ALL, 0.05, graph));
  assert_ok(lp_graph_measure(graph, ALL, 8, 1, &g));
  keep(r, &g.clustering, 1);
  keep(r, &g.sigma, 1);
  lp_places_free(places);
  lp_neighbours_free(w);
  lp_pairs_free(pairs);
}

static void same_bits(void **state) {
  (void)state;
  static results one, three;
  for (int wrap = 0; wrap < 2; wrap++) {
    one.n = three.n = 0;
    set_threads(1);
    measure(&one, wrap);
    set_threads(3);
    measure(&three, wrap);
    assert_true(one.n > 1000 && one.n == three.n);
    assert_memory_equal(one.at, three.at, sizeof *one.at * one.n);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
