/* Superclasses: clusters by average linkage, patches of classes inside those of superclasses, the
 * order of a nested matrix. */
#include "support.h"

/* Five points on a line, 0 1 5 6.5 20: by hand 0-1, 5-6.5, then both pairs, then all. */
static void linkage(void **state) {
  (void)state;
  enum { POINTS = 5 };
  const double at[POINTS] = {6.5, 0, 20, 1, 5};
  double d[POINTS * POINTS];
  for (int k = 0; k < POINTS * POINTS; k++) d[k] = fabs(at[k / POINTS] - at[k % POINTS]);
  static const uint32_t want[POINTS][POINTS] = {
      {0, 0, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 1, 2, 1, 0}, {0, 1, 2, 1, 3}, {0, 1, 2, 3, 4}};
  uint32_t group[POINTS];
  for (uint32_t n = 1; n <= POINTS; n++) {
    assert_ok(lp_average_linkage(d, POINTS, n, group));
    assert_memory_equal(group, want[n - 1], sizeof group);
  }
  /* the mean of distances decides, not the nearest pair: {0, 2} joins 3.5 rather than 7 */
  const double four[4] = {0, 2, 7, 3.6};
  for (int k = 0; k < 16; k++) d[k] = fabs(four[k / 4] - four[k % 4]);
  assert_ok(lp_average_linkage(d, 4, 2, group));
  assert_memory_equal(group, ((const uint32_t[]){0, 0, 1, 0}), 4 * sizeof *group);
  for (int k = 0; k < 16; k++) /* what is not known joins last */
    if (k / 4 == 1 || k % 4 == 1) d[k] = NAN;
  assert_ok(lp_average_linkage(d, 4, 2, group));
  assert_memory_equal(group, ((const uint32_t[]){0, 1, 0, 0}), 4 * sizeof *group);
  assert_int_equal(lp_average_linkage(d, 4, 0, group), LP_ERR_ARG);
  assert_int_equal(lp_average_linkage(d, 4, 5, group), LP_ERR_ARG);
}

enum { SUPER = 4, TIMES = 8, MANY = SUPER * TIMES, SIX = 6 };

/* Unit i of six is active for the classes in `to[i]`, with a little that differs by image. */
static void drive(const uint32_t to[SIX], double *x, int32_t *labels) {
  for (int m = 0; m < MANY; m++) {
    labels[m] = m % SUPER;
    for (int i = 0; i < SIX; i++)
      x[m * SIX + i] = (to[i] >> labels[m] & 1) + 0.01 * ((m * 7 + i * 3) % 11);
  }
}

static void inside(void **state) {
  (void)state;
  double x[MANY * SIX] = {0}, each[SUPER];
  int32_t labels[MANY];
  lp_responses r = lp_responses_f64(x, MANY, SIX);
  const lp_containment_options o = {.threshold = 2, .replacements = 99, .seed = 3};
  const uint32_t group[SUPER] = {0, 0, 1, 1};
  lp_containment c, again;
  /* classes 0 and 1 share units 0 and 1, 2 and 3 share 2 to 4; unit 5 is of class 0 alone, and of
   * its superclass still */
  const uint32_t nested[SIX] = {3, 3, 12, 12, 12, 1};
  drive(nested, x, labels);
  assert_ok(lp_containment_of(&r, labels, SUPER, group, 2, &o, each, &c));
  assert_close(c.inside, 1, 0);
  for (int k = 0; k < SUPER; k++) assert_close(each[k], 1, 0);
  assert_true(c.mean < 0.7 && c.sd > 0 && c.p > 1.0 / 3 - 0.15 && c.p < 1.0 / 3 + 0.15);
  assert_ok(lp_containment_of(&r, labels, SUPER, group, 2, &o, NULL, &again));
  assert_memory_equal(&c, &again, sizeof c);
  /* unit 5 for class 0 and both of the other superclass: outside the patch of its own */
  const uint32_t crossed[SIX] = {3, 3, 12, 12, 12, 13};
  drive(crossed, x, labels);
  assert_ok(lp_containment_of(&r, labels, SUPER, group, 2, &o, each, &c));
  double t[SUPER * SIX], of_super[2 * SIX];
  int32_t super[MANY];
  for (int m = 0; m < MANY; m++) super[m] = (int32_t)group[labels[m]];
  assert_ok(lp_selectivity_of(&r, labels, SUPER, &(lp_selectivity){.t = t}));
  assert_ok(lp_selectivity_of(&r, super, 2, &(lp_selectivity){.t = of_super}));
  double sum = 0;
  for (int k = 0; k < SUPER; k++) {
    double units = 0, held = 0;
    for (int i = 0; i < SIX; i++)
      if (t[k * SIX + i] > 2) units++, held += of_super[group[k] * SIX + (uint32_t)i] > 2;
    assert_close(each[k], held / units, 1e-12);
    sum += held / units;
  }
  assert_close(c.inside, sum / SUPER, 1e-12);
  /* alone in its superclass: says nothing */
  const uint32_t alone[SUPER] = {0, 1, 2, 3};
  assert_ok(lp_containment_of(&r, labels, SUPER, alone, SUPER, &o, each, &c));
  assert_true(isnan(c.inside) && isnan(c.p) && isnan(each[0]));
  const uint32_t wrong[SUPER] = {0, 0, 1, 2};
  assert_int_equal(lp_containment_of(&r, labels, SUPER, wrong, 2, &o, NULL, &c), LP_ERR_ARG);
  labels[3] = SUPER;
  assert_int_equal(lp_containment_of(&r, labels, SUPER, group, 2, &o, NULL, &c), LP_ERR_ARG);
}

static void order(void **state) {
  (void)state;
  const double t[3 * 4] = {0, 3, 0, 0, 3, 3, 3, 0, 0, 3, 3, NAN};
  uint32_t rows[3], columns[4];
  assert_ok(lp_nested_order(t, 3, 4, 2, rows, columns));
  assert_memory_equal(rows, ((const uint32_t[]){1, 2, 0}), sizeof rows);
  assert_memory_equal(columns, ((const uint32_t[]){1, 2, 0, 3}), sizeof columns);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(linkage), cmocka_unit_test(inside),
                                     cmocka_unit_test(order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
