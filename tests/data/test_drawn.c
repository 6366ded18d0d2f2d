/* Data sets that are made: gratings, and noise on the pixels of another one. */
#include "support.h"

#include <locality/data.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const lp_gratings spec = {2, 20, 24, 4, 3, 4};
enum { SIZE = 2 * 20 * 24, PLANE = 20 * 24, COUNT = 4 * 3 * 4 };

static void gratings(void **state) {
  (void)state;
  lp_dataset *d;
  uint8_t image[SIZE];
  int32_t label;
  const double pi = acos(-1);
  assert_int_equal(lp_dataset_gratings(&spec, &d), LP_OK);
  const lp_dataset_info *info = lp_dataset_get_info(d);
  assert_int_equal(info->count, COUNT);
  assert_int_equal(info->classes, 4);
  assert_string_equal(info->class_names[1], "45");
  /* from 2 to 24 / 4 cycles, in equal ratios */
  assert_true(fabs(lp_grating_cycles(&spec, 0) - 2) < 1e-12);
  assert_true(fabs(lp_grating_cycles(&spec, 1) - sqrt(12)) < 1e-12);
  assert_true(fabs(lp_grating_cycles(&spec, 2) - 6) < 1e-12);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_int_equal(lp_dataset_batch(d, &i, 1, 1, 1, image, &label), LP_OK);
    assert_int_equal(label, i / 12);
    assert_memory_equal(image, image + PLANE, PLANE); /* channels are alike */
    const double angle = pi * label / 4, phase = 2 * pi * (i % 4) / 4,
                 k = 2 * pi * lp_grating_cycles(&spec, i / 4 % 3) / 24;
    for (int y = 0; y < 20; y++)
      for (int x = 0; x < 24; x++) {
        const double want =
            127.5 + 127.5 * sin(k * ((x - 11.5) * cos(angle) + (y - 9.5) * sin(angle)) + phase);
        assert_true(fabs(image[y * 24 + x] - want) <= 0.5 + 1e-9);
      }
  }
  lp_dataset_close(d);
  lp_gratings bad = spec;
  bad.orientations = 1;
  assert_int_equal(lp_dataset_gratings(&bad, &d), LP_ERR_ARG);
  bad = spec;
  bad.phases = 0;
  assert_int_equal(lp_dataset_gratings(&bad, &d), LP_ERR_ARG);
  assert_null(d);
}

static void noise(void **state) {
  (void)state;
  lp_dataset *d, *noisy;
  static uint8_t clean[COUNT * SIZE], one[COUNT * SIZE], other[COUNT * SIZE];
  int32_t labels[COUNT], same[COUNT];
  uint32_t index[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) index[i] = i;
  assert_int_equal(lp_dataset_gratings(&spec, &d), LP_OK);
  assert_int_equal(lp_dataset_batch(d, index, COUNT, 1, 1, clean, labels), LP_OK);
  assert_int_equal(lp_dataset_noisy(d, 0, 5, &noisy), LP_OK);
  assert_int_equal(lp_dataset_batch(noisy, index, COUNT, 1, 1, one, same), LP_OK);
  assert_memory_equal(one, clean, sizeof clean);
  assert_memory_equal(labels, same, sizeof same);
  lp_dataset_close(noisy);
  assert_int_equal(lp_dataset_noisy(d, 0.1, 5, &noisy), LP_OK);
  assert_int_equal(lp_dataset_batch(noisy, index, COUNT, 1, 1, one, same), LP_OK);
  /* a sample's noise is its own, in whatever batch and epoch */
  for (uint32_t i = COUNT; i-- > 0;)
    assert_int_equal(lp_dataset_batch(noisy, &i, 1, 2, 9, other + (size_t)i * SIZE, &same[i]),
                     LP_OK);
  assert_memory_equal(one, other, sizeof one);
  double n = 0, mean = 0, square = 0;
  for (size_t k = 0; k < sizeof clean; k++) {
    if (clean[k] < 110 || clean[k] > 145) continue; /* far from the ends */
    const double gap = one[k] - clean[k];
    n++;
    mean += gap;
    square += gap * gap;
  }
  assert_true(n > 2000 && fabs(mean / n) < 3 * 25.5 / sqrt(n));
  assert_true(fabs(sqrt(square / n) / 25.5 - 1) < 4 / sqrt(2 * n));
  assert_true(memcmp(one, one + SIZE, SIZE) != 0);
  lp_dataset_close(noisy);
  assert_int_equal(lp_dataset_noisy(d, -1, 5, &noisy), LP_ERR_ARG);
  assert_int_equal(lp_dataset_noisy(d, NAN, 5, &noisy), LP_ERR_ARG);
  lp_dataset_close(d);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gratings), cmocka_unit_test(noise)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
