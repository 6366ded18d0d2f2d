/* One map: smoothing, patches, clusters, islands, overlap. */
#include "support.h"

static lp_places *places;
static lp_neighbours *rook, *queen;

static void stand(uint32_t rows, uint32_t cols, bool wrap) {
  assert_ok(lp_places_sheet(rows, cols, wrap, &places));
  assert_ok(lp_neighbours_of(places, LP_ROOK, &rook));
  assert_ok(lp_neighbours_of(places, LP_QUEEN, &queen));
}

static void leave(void) {
  lp_places_free(places);
  lp_neighbours_free(rook);
  lp_neighbours_free(queen);
}

static void smoothing(void **state) {
  (void)state;
  /* W = where(D <= 3 s, exp(-D ** 2 / 2 / s / s), 0), s = 3 / sqrt(8 log 2); W / rows @ t[0] */
  static const double want[2][3] = {
      {-0.34348352245198116, 0.29616858636261684, -0.030395258723914208},
      {-0.27208167794854637, 0.29616858636261684, -0.073655545078815249}};
  double t[CLASSES * UNITS], out[UNITS], same[UNITS];
  t_maps(t);
  for (int wrap = 0; wrap < 2; wrap++) {
    stand(ROWS, COLS, wrap);
    assert_ok(lp_smooth(t, places, 3, out));
    assert_close(out[0], want[wrap][0], 1e-12);
    assert_close(out[17], want[wrap][1], 1e-12);
    assert_close(out[34], want[wrap][2], 1e-12);
    lp_places *points;
    assert_ok(lp_places_points(places->at, UNITS, 2, places->period, &points));
    assert_ok(lp_smooth(t, points, 3, same));
    assert_all_close(same, out, UNITS, 1e-13);
    for (int i = 0; i < UNITS; i++) t[i + UNITS] = 2.5;
    assert_ok(lp_smooth(t + UNITS, places, 1, out)); /* 3 s = 1.27 */
    for (int i = 0; i < UNITS; i++) assert_close(out[i], 2.5, 1e-15);
    lp_places_free(points);
    leave();
  }
  assert_int_equal(lp_smooth(t, places, 0, out), LP_ERR_ARG);
}

/* Two squares that touch at a corner, one unit alone, and a pair over the border:
 *   3 3 . . 5
 *   3 3 . . .
 *   . . 4 4 .
 *   . . 4 n .
 *   . . . . 5 */
static const double squares[] = {3, 3, 0, 0, 5, 3, 3, 0, 0, 0, 0, 0, 4,
                                 4, 0, 0, 0, 4, 9, 0, 0, 0, 0, 0, 5};

static void patches(void **state) {
  (void)state;
  double map[25];
  memcpy(map, squares, sizeof map);
  map[18] = NAN;
  lp_patches p;
  int32_t patch[25];
  stand(5, 5, false);
  assert_ok(lp_patches_of(map, rook, 2, 3, patch, &p));
  assert_true(p.count == 2 && p.units == 7 && p.largest == 4);
  assert_true(patch[0] == 0 && patch[12] == 1 && patch[4] == -1 && patch[18] == -1);
  double at[3];
  lp_patch_centroid(patch, 0, places, at);
  assert_true(at[0] == 0.5 && at[1] == 0.5 && isnan(at[2]));
  assert_ok(lp_patches_of(map, queen, 2, 3, NULL, &p)); /* 18, a NaN, does not join 12 to 24 */
  assert_true(p.count == 1 && p.units == 7);
  assert_ok(lp_patches_of(map, rook, 2, 1, NULL, &p));
  assert_true(p.count == 4 && p.units == 9);
  assert_ok(lp_patches_of(map, rook, 5, 1, NULL, &p)); /* above, not at */
  assert_true(p.count == 0 && p.units == 0 && p.largest == 0);
  leave();
  stand(5, 5, true); /* 4 and 24 touch over the border, and 0 beside 4 */
  assert_ok(lp_patches_of(map, rook, 2, 3, patch, &p));
  assert_true(p.count == 2 && p.units == 9 && p.largest == 6 && patch[24] == 0);
  double corner[25] = {0};
  corner[4] = corner[24] = corner[0] = corner[20] = 1;
  assert_ok(lp_patches_of(corner, rook, 0, 3, patch, &p));
  lp_patch_centroid(patch, 0, places, at);
  assert_close(at[0], 4.5, 1e-14); /* half way between rows 4 and 0 */
  assert_close(at[1], 4.5, 1e-14);
  leave();
}

static void grown(void **state) {
  (void)state;
  bool in[25];
  uint32_t n;
  stand(5, 5, false);
  assert_ok(lp_grown_cluster(squares, rook, 2, in, &n));
  assert_int_equal(n, 4); /* from the 9: 4, 4, 4 */
  assert_true(in[18] && in[12] && !in[0]);
  assert_ok(lp_grown_cluster(squares, rook, 8, NULL, &n));
  assert_int_equal(n, 1);
  assert_ok(lp_grown_cluster(squares, rook, 9, NULL, &n));
  assert_int_equal(n, 0);
  leave();
}

static void islands(void **state) {
  (void)state;
  /* Ten units in a row with t of 1 .. 10, and a second row of which 7 are too few. */
  enum { LENGTH = 24 };
  double t[LENGTH] = {0}, q[LENGTH];
  for (int i = 0; i < LENGTH; i++) q[i] = 1;
  for (int i = 0; i < 10; i++) t[i] = i + 1, q[i] = 0.01;
  for (int i = 12; i < 19; i++) t[i] = 1, q[i] = 0.01;
  q[20] = 0.01; /* significant, but not above 0 */
  lp_islands found;
  stand(1, LENGTH, false);
  assert_ok(lp_islands_of(t, q, queen, &found));
  /* sum over units of z times the mean z of its neighbours: the ends have one. */
  double product = 0, square = 0;
  for (int i = 0; i < 10; i++) {
    double z = i - 4.5, near = i == 0 ? -3.5 : i == 9 ? 3.5 : z;
    product += z * near;
    square += z * z;
  }
  assert_int_equal(found.count, 1);
  assert_int_equal(found.units, 10);
  assert_close(found.mean, product / square, 1e-14);
  assert_close(found.weighted, product / square, 1e-14);
  for (int i = 0; i < 10; i++) t[i] = 3; /* constant within: no I */
  assert_ok(lp_islands_of(t, q, queen, &found));
  assert_true(found.count == 1 && isnan(found.mean));
  leave();
}

static void radius(void **state) {
  (void)state;
  /* Columns of 9 in turn of classes 0 1 2 0 1 2 ..: within 1 column. */
  int32_t preferred[81];
  double out[81];
  for (int i = 0; i < 81; i++) preferred[i] = i % 9 % 3;
  stand(9, 9, true);
  assert_ok(lp_cluster_radius(preferred, 5, places, out)); /* classes 3 and 4 do not occur */
  for (int i = 0; i < 81; i++) assert_true(out[i] == 1);
  memset(preferred, 0, sizeof preferred);
  assert_ok(lp_cluster_radius(preferred, 1, places, out));
  assert_true(out[40] == 0);
  preferred[0] = 1; /* the farthest unit is 4 rows away: 2 r + 1 = 9 still fits */
  assert_ok(lp_cluster_radius(preferred, 2, places, out));
  assert_true(out[0] == 1 && out[40] == 4 && out[8] == 1);
  leave();
  stand(9, 9, false);
  assert_ok(lp_cluster_radius(preferred, 2, places, out));
  assert_true(out[40] == 4 && isnan(out[80]) && isnan(out[8]));
  preferred[3] = 7;
  assert_int_equal(lp_cluster_radius(preferred, 2, places, out), LP_ERR_ARG);
  leave();
}

static void overlap(void **state) {
  (void)state;
  static const double a[] = {1, 5, 3, 3, 9, 2, 2, 7, 8, 8, 8, 0, 4, 6, 5, 1, 3, 2, 9, 9},
                      b[] = {2, 5, 3, 1, 9, 2, 4, 7, 8, 1, 8, 0, 4, 6, 5, 1, 3, 9, 9, 0};
  double out;
  /* (A & B).sum() / (A | B).sum(), A = a >= np.percentile(a, 85) */
  assert_ok(lp_iou(a, b, 20, 0.15, &out));
  assert_close(out, 0.5, 1e-15);
  double same[20] = {0}; /* all equal: all are in the top */
  assert_ok(lp_iou(same, b, 20, 0.05, &out));
  assert_close(out, 3.0 / 20, 1e-15);
  same[3] = NAN;
  assert_ok(lp_iou(same, b, 20, 0.05, &out));
  assert_true(isnan(out));
  assert_int_equal(lp_iou(a, b, 20, 0, &out), LP_ERR_ARG);
}

static void colocalisation(void **state) {
  (void)state;
  /* Windows of 2 x 2 on 5 x 9: 8 of them; window k has k % 5 units above. */
  double a[45] = {0}, b[45] = {0}, out;
  for (int w = 0; w < 8; w++)
    for (int k = 0; k < 4; k++) {
      int at = (w / 4 * 2 + k / 2) * 9 + w % 4 * 2 + k % 2;
      a[at] = k < w % 5 ? 3 : 0;
      b[at] = k < 4 - w % 5 ? 3 : 0;
    }
  a[44] = 99; /* outside of all windows */
  assert_ok(lp_colocalisation(a, a, 5, 9, 2, 2, &out));
  assert_close(out, 1, 1e-15);
  assert_ok(lp_colocalisation(a, b, 5, 9, 2, 2, &out));
  assert_close(out, 0, 1e-15);
  assert_ok(lp_colocalisation(a, b, 5, 9, 2, 5, &out)); /* none above */
  assert_true(isnan(out));
  assert_ok(lp_colocalisation(a, b, 5, 9, 4, 2, &out)); /* two windows */
  assert_true(isnan(out));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(smoothing),     cmocka_unit_test(patches),
                                     cmocka_unit_test(grown),         cmocka_unit_test(islands),
                                     cmocka_unit_test(radius),        cmocka_unit_test(overlap),
                                     cmocka_unit_test(colocalisation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
