/* "one-choice": what is shown, what is right, noise, options. */
#include "support.h"

#include <locality/data.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 50, COLUMNS = 8, SIZE = STEPS * COLUMNS, OFF = 64, ON = 192 };

static lp_dataset *opened(const char *spec, lp_split split) {
  lp_dataset *d;
  assert_int_equal(lp_dataset_open(spec, split, &d), LP_OK);
  return d;
}

/* Places of the goals (up left, up right, down left, down right), and steps of the directions
 * (left, up, right, down), x to the right and y upwards. */
static const int goal_at[4][2] = {{-1, 1}, {1, 1}, {-1, -1}, {1, -1}};
static const int step_of[4][2] = {{-1, 0}, {0, 1}, {1, 0}, {0, -1}};

static bool nearer(int direction, int goal) {
  return step_of[direction][0] * goal_at[goal][0] + step_of[direction][1] * goal_at[goal][1] > 0;
}

/* Rows first .. end - 1 show the columns of `bits` and nothing else. */
static void shows(const uint8_t *image, int first, int end, unsigned bits) {
  for (int t = first; t < end; t++)
    for (int c = 0; c < COLUMNS; c++)
      assert_int_equal(image[t * COLUMNS + c], bits >> c & 1 ? ON : OFF);
}

static unsigned bits_of(const uint8_t *row) {
  unsigned bits = 0;
  for (int c = 0; c < COLUMNS; c++) bits |= (unsigned)(row[c] == ON) << c;
  return bits;
}

static void one_choice_leads_to_the_goal(void **state) {
  (void)state;
  lp_dataset *d = opened("one-choice", LP_SPLIT_TEST);
  const lp_dataset_info *info = lp_dataset_get_info(d);
  assert_int_equal(info->count, 2560);
  assert_int_equal(info->height, STEPS);
  assert_int_equal(info->width, COLUMNS);
  assert_int_equal(info->classes, 4);
  /* What a network gets: 0 where nothing is shown, 1 where something is. */
  assert_float_equal((OFF / 255.0 - (double)info->mean[0]) / (double)info->sd[0], 0, 1e-6);
  assert_float_equal((ON / 255.0 - (double)info->mean[0]) / (double)info->sd[0], 1, 1e-6);
  uint8_t image[SIZE];
  int32_t label;
  int drawn[256] = {0}, kinds = 0;
  for (uint32_t i = 0; i < info->count; i++) {
    assert_int_equal(lp_dataset_batch(d, &i, 1, 5, 3, image, &label), LP_OK);
    const unsigned first = bits_of(image), last = bits_of(image + SIZE - COLUMNS);
    shows(image, 0, 20, first);
    shows(image, 20, 30, 0);
    shows(image, 30, STEPS, last);
    int goal = 0, right = 0, choices = 0;
    while (first != 1u << goal && goal < 4) goal++;
    assert_true(goal < 4 && (last & 15) == 0);
    for (int k = 0; k < 4; k++) {
      if (!(last >> (4 + k) & 1)) continue;
      choices++;
      right += nearer(k, goal);
      assert_int_equal(nearer(k, goal), label == k);
    }
    assert_int_equal(choices, 2);
    assert_int_equal(right, 1);
    drawn[first | last]++;
  }
  for (int k = 0; k < 256; k++) {
    if (!drawn[k]) continue;
    kinds++;
    assert_true(abs(drawn[k] - 320) < 5 * 17); /* binomial: sd 16.7 */
  }
  assert_int_equal(kinds, 8);
  lp_dataset_close(d);
}

static void noise_is_of_seed_epoch_and_sample(void **state) {
  (void)state;
  enum { N = 256 };
  static uint8_t a[N][SIZE], b[N][SIZE], clean[N][SIZE];
  uint32_t index[N];
  int32_t labels[N];
  for (uint32_t i = 0; i < N; i++) index[i] = i;
  lp_dataset *d = opened("one-choice", LP_SPLIT_TRAIN);
  lp_dataset *plain = opened("one-choice:noise=0", LP_SPLIT_TRAIN);
  assert_int_equal(lp_dataset_get_info(d)->count, 5120);
  assert_int_equal(lp_dataset_batch(d, index, N, 7, 2, *a, labels), LP_OK);
  assert_int_equal(lp_dataset_batch(plain, index, N, 7, 2, *clean, labels), LP_OK);
  double sum = 0, square = 0, fourth = 0;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < SIZE; k++) {
      const double x = ((double)a[i][k] - clean[i][k]) / (ON - OFF);
      sum += x, square += x * x, fourth += x * x * x * x;
    }
  const double n = (double)N * SIZE, variance = square / n;
  assert_float_equal(sum / n, 0, 5 * 0.05 / sqrt(n));
  /* Rounding to 1/128 adds a twelfth of its square. */
  assert_float_equal(sqrt(variance - 1 / (12.0 * 128 * 128)), 0.05, 5 * 0.05 / sqrt(2 * n));
  assert_float_equal(fourth / n / (variance * variance), 3, 0.1); /* the kurtosis of a normal */
  for (uint32_t i = 0; i < N; i++)                                /* one at a time, the same */
    assert_int_equal(lp_dataset_batch(d, &i, 1, 7, 2, b[i], labels), LP_OK);
  assert_memory_equal(a, b, sizeof a);
  assert_int_equal(lp_dataset_batch(d, index, N, 7, 3, *b, labels), LP_OK);
  assert_memory_not_equal(a, b, sizeof a);
  assert_int_equal(lp_dataset_batch(d, index, N, 8, 2, *b, labels), LP_OK);
  assert_memory_not_equal(a, b, sizeof a);
  lp_dataset_close(plain);
  lp_dataset_close(d);
}

static void options_say_what_is_generated(void **state) {
  (void)state;
  lp_dataset *d = opened("one-choice:goal=2, delay=0,choice=1,train=9,seed=3", LP_SPLIT_TRAIN);
  const lp_dataset_info *info = lp_dataset_get_info(d);
  assert_int_equal(info->height, 3);
  assert_int_equal(info->count, 9);
  lp_dataset *other = opened("one-choice:train=9,seed=4", LP_SPLIT_TRAIN);
  assert_string_not_equal(info->sha256[0], lp_dataset_get_info(other)->sha256[0]);
  assert_string_not_equal(info->transform, lp_dataset_get_info(other)->transform);
  lp_dataset_close(other);
  lp_dataset_close(d);
  static const char *const wrong[][2] = {
      {"one-choice:delai=3", "unknown option 'delai'; did you mean 'delay'?"},
      {"one-choice:delay", "delay is a whole number from 0 to 1000"},
      {"one-choice:delay=2.5", "delay is a whole number from 0 to 1000"},
      {"one-choice:goal=0", "goal is a whole number from 1 to 1000"},
      {"one-choice:noise=1", "noise is a number from 0 to 0.4"},
      {"one-choice:noise=nan", "noise is a number from 0 to 0.4"},
      {"one-choice:seed=1,seed=2", "seed"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(lp_dataset_open(wrong[i][0], LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
    error_says(wrong[i][1]);
    assert_null(d);
  }
}

/* Both parts together are the whole, each sample once and as it is there; always the same ones. */
static void held_out_parts_are_the_whole(void **state) {
  (void)state;
  enum { ALL = 41, OUT = 7 };
  lp_dataset *d = opened("one-choice:goal=1,delay=0,choice=1,train=41", LP_SPLIT_TRAIN);
  lp_dataset *part[2], *again[2];
  uint8_t whole[ALL][2 * COLUMNS], one[2 * COLUMNS];
  int32_t labels[ALL], label;
  int seen[ALL] = {0};
  uint32_t all[ALL];
  for (uint32_t i = 0; i < ALL; i++) all[i] = i;
  assert_int_equal(lp_dataset_batch(d, all, ALL, 3, 1, *whole, labels), LP_OK);
  assert_int_equal(lp_dataset_hold_out(d, OUT, part), LP_OK);
  assert_int_equal(lp_dataset_hold_out(d, OUT, again), LP_OK);
  for (int k = 0; k < 2; k++) {
    const lp_dataset_info *info = lp_dataset_get_info(part[k]);
    uint32_t of_class[4] = {0}, at = 0;
    assert_int_equal(info->count, k ? OUT : ALL - OUT);
    for (uint32_t i = 0; i < info->count; i++, at++) {
      assert_int_equal(lp_dataset_batch(part[k], &i, 1, 3, 1, one, &label), LP_OK);
      while (at < ALL && memcmp(whole[at], one, sizeof one) != 0) at++; /* in the whole's order */
      assert_true(at < ALL);
      seen[at]++;
      assert_int_equal(label, labels[at]);
      of_class[label]++;
      assert_int_equal(lp_dataset_batch(again[k], &i, 1, 3, 1, whole[at], &label), LP_OK);
      assert_memory_equal(whole[at], one, sizeof one);
    }
    assert_memory_equal(info->class_count, of_class, sizeof of_class);
    lp_dataset_close(again[k]);
    lp_dataset_close(part[k]);
  }
  for (int i = 0; i < ALL; i++) assert_int_equal(seen[i], 1); /* noise tells samples apart */
  assert_int_equal(lp_dataset_hold_out(d, ALL, part), LP_ERR_ARG);
  error_says("41 of its 41 samples cannot be held out");
  assert_int_equal(lp_dataset_hold_out(d, 0, part), LP_ERR_ARG);
  assert_null(part[0]);
  lp_dataset_close(d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_choice_leads_to_the_goal),
      cmocka_unit_test(noise_is_of_seed_epoch_and_sample),
      cmocka_unit_test(options_say_what_is_generated),
      cmocka_unit_test(held_out_parts_are_the_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
