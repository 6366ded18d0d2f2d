/* Places, distances and neighbours: sheets, tori, points in three dimensions. */
#include "support.h"

static lp_places *sheet(uint32_t rows, uint32_t cols, bool wrap) {
  lp_places *p;
  assert_ok(lp_places_sheet(rows, cols, wrap, &p));
  return p;
}

static void distances(void **state) {
  (void)state;
  lp_places *grid = sheet(5, 7, false), *torus = sheet(5, 7, true);
  assert_close(lp_places_distance(grid, 0, 34), sqrt(16 + 36), 1e-15);
  assert_close(lp_places_distance(torus, 0, 34), sqrt(1 + 1), 1e-15);
  assert_close(lp_places_distance(torus, 0, 3), 3, 1e-15);
  assert_close(lp_places_largest(grid), sqrt(52), 1e-15);
  assert_close(lp_places_largest(torus), sqrt(4 + 9), 1e-15);
  double corner[] = {0, 0, 0, 3, 4, 12, 1, 0, 0}, period[] = {0, 0, 14};
  lp_places *points, *wrapped;
  assert_ok(lp_places_points(corner, 3, 3, NULL, &points));
  assert_ok(lp_places_points(corner, 3, 3, period, &wrapped));
  assert_close(lp_places_distance(points, 0, 1), 13, 1e-15);
  assert_close(lp_places_distance(wrapped, 0, 1), sqrt(9 + 16 + 4), 1e-15);
  assert_close(lp_places_largest(points), 13, 1e-15);
  lp_places_free(grid);
  lp_places_free(torus);
  lp_places_free(points);
  lp_places_free(wrapped);
}

static void count(const lp_places *p, lp_contiguity kind, uint32_t least, uint32_t most,
                  uint32_t all) {
  lp_neighbours *w;
  assert_ok(lp_neighbours_of(p, kind, &w));
  uint32_t low = UINT32_MAX, high = 0;
  for (uint32_t i = 0; i < w->n; i++) {
    uint32_t n = w->first[i + 1] - w->first[i];
    low = n < low ? n : low;
    high = n > high ? n : high;
    for (uint32_t e = w->first[i] + 1; e < w->first[i + 1]; e++)
      assert_true(w->other[e - 1] < w->other[e]);
  }
  assert_int_equal(low, least);
  assert_int_equal(high, most);
  assert_int_equal(w->first[w->n], all);
  lp_neighbours_free(w);
}

/* Ends of pairs: 2 (R (C - 1) + C (R - 1)) on a grid, 4 N on a torus with sides above 2. */
static void neighbours(void **state) {
  (void)state;
  static const struct {
    uint32_t rows, cols;
    bool wrap;
    uint32_t least[2], most[2], all[2]; /* rook, queen */
  } want[] = {
      {5, 7, false, {2, 3}, {4, 8}, {116, 212}}, {5, 7, true, {4, 8}, {4, 8}, {140, 280}},
      {1, 9, false, {1, 1}, {2, 2}, {16, 16}},   {1, 9, true, {2, 2}, {2, 2}, {18, 18}},
      {2, 3, true, {3, 5}, {3, 5}, {18, 30}},    {1, 1, false, {0, 0}, {0, 0}, {0, 0}},
      {2, 2, true, {2, 3}, {2, 3}, {8, 12}},
  };
  for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
    lp_places *p = sheet(want[k].rows, want[k].cols, want[k].wrap), *same;
    assert_ok(lp_places_points(p->at, p->n, p->ndim, p->period, &same)); /* no lattice is known */
    for (int q = 0; q < 2; q++) {
      count(p, (lp_contiguity)q, want[k].least[q], want[k].most[q], want[k].all[q]);
      if (p->n > 1)
        count(same, (lp_contiguity)q, want[k].least[q], want[k].most[q], want[k].all[q]);
    }
    lp_places_free(p);
    lp_places_free(same);
  }
}

/* Rows of hexagons, each second one half a unit to the right: an inner unit touches 6. */
static void hexagons(void **state) {
  (void)state;
  double at[2 * 49];
  for (int k = 0; k < 49; k++) {
    at[2 * k] = k / 7 * sqrt(3) / 2;
    at[2 * k + 1] = k % 7 + (k / 7 % 2) * 0.5;
  }
  lp_places *p;
  lp_neighbours *w;
  assert_ok(lp_places_points(at, 49, 2, NULL, &p));
  assert_ok(lp_neighbours_of(p, LP_ROOK, &w));
  for (uint32_t r = 1; r < 6; r++)
    for (uint32_t c = 1; c < 6; c++)
      assert_int_equal(w->first[r * 7 + c + 1] - w->first[r * 7 + c], 6);
  lp_neighbours_free(w);
  lp_places_free(p);
}

static void bad_places(void **state) {
  (void)state;
  lp_places *p;
  double at[] = {0, 1, 2, 3, 0, 1};
  assert_int_equal(lp_places_points(at, 3, 2, NULL, &p), LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "units 0 and 2 stand at one place");
  at[3] = NAN;
  assert_int_equal(lp_places_points(at, 3, 2, NULL, &p), LP_ERR_ARG);
  assert_int_equal(lp_places_points(at, 1, 4, NULL, &p), LP_ERR_ARG);
  assert_int_equal(lp_places_sheet(0, 4, false, &p), LP_ERR_ARG);
  assert_int_equal(lp_places_sheet(70000, 70000, false, &p), LP_ERR_ARG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(distances), cmocka_unit_test(neighbours),
                                     cmocka_unit_test(hexagons), cmocka_unit_test(bad_places)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
