/* The memory planner: nothing that is alive together may overlap. */
#include "exec/exec_internal.h"

#include <locality/rng.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h> /* needs the headers above */

static void check_placement(const lp_block *b, uint32_t n, const uint64_t *size, uint32_t arenas,
                            uint64_t alignment) {
  for (uint32_t i = 0; i < n; i++) {
    assert_true(b[i].arena < arenas);
    assert_int_equal(b[i].offset % alignment, 0);
    assert_true(b[i].offset + b[i].size <= size[b[i].arena]);
    for (uint32_t j = 0; j < i; j++) {
      bool together = b[i].first <= b[j].last && b[j].first <= b[i].last;
      bool apart = b[i].arena != b[j].arena || b[i].offset + b[i].size <= b[j].offset ||
                   b[j].offset + b[j].size <= b[i].offset;
      assert_true(!together || apart);
    }
  }
}

static void random_blocks(void **state) {
  (void)state;
  lp_rng r = lp_rng_make(1, "blocks");
  for (int round = 0; round < 50; round++) {
    lp_block b[60];
    uint32_t n = 1 + lp_rng_below(&r, 60);
    for (uint32_t i = 0; i < n; i++) {
      uint32_t first = lp_rng_below(&r, 40);
      b[i] =
          (lp_block){128 * (1 + lp_rng_below(&r, 50)), first, first + lp_rng_below(&r, 20), 0, 0};
    }
    uint64_t *size;
    uint32_t arenas;
    uint64_t limit = round % 2 ? 128 * 64 : 0;
    assert_int_equal(lp_memory_place(b, n, 128, limit, &size, &arenas), LP_OK);
    check_placement(b, n, size, arenas, 128);
    for (uint32_t a = 0; limit && a < arenas; a++) assert_true(size[a] <= limit);
    if (!limit) assert_int_equal(arenas, 1);
    free(size);
  }
}

static void dead_memory_is_reused(void **state) {
  (void)state;
  /* A chain: each value dies when the next but one is made, so two sizes are enough. */
  lp_block b[20];
  for (uint32_t i = 0; i < 20; i++) b[i] = (lp_block){1024, i, i + 1, 0, 0};
  uint64_t *size;
  uint32_t arenas;
  assert_int_equal(lp_memory_place(b, 20, 64, 0, &size, &arenas), LP_OK);
  assert_int_equal(size[0], 2048);
  free(size);
}

static void too_large_is_an_error(void **state) {
  (void)state;
  lp_block b = {4096, 0, 1, 0, 0};
  uint64_t *size;
  uint32_t arenas;
  assert_int_equal(lp_memory_place(&b, 1, 64, 1024, &size, &arenas), LP_ERR_MEMORY);
  assert_null(size);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_blocks),
      cmocka_unit_test(dead_memory_is_reused),
      cmocka_unit_test(too_large_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
