/* "imagefolder:PATH" and loaders: layouts, splits, order. */
#include "members.h"
#include "support.h"

#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- layouts ------------------------------------------------------------------------------- */

static void folders_with_splits(void **state) {
  const char *dir = *state;
  make_members(in(dir, "train"), 0);
  make_members(in(dir, "val"), 10);
  put(in(dir, "train/a/notes.txt"), "x", 1); /* no image by name */
  put(in(dir, "train/readme.jpg"), "x", 1);  /* in no class */
  for (int split = 0; split < 2; split++) {
    lp_dataset *d = opened(dir, split ? "" : ",strict", (lp_split)split);
    expect_members(d, split ? 10 : 0);
    lp_dataset_close(d);
  }
}

static void folders_without_splits(void **state) {
  const char *dir = *state;
  make_members(dir, 3);
  for (int split = 0; split < 2; split++) {
    lp_dataset *d = opened(dir, "", (lp_split)split);
    expect_members(d, 3);
    lp_dataset_close(d);
  }
}

static void a_missing_split_is_the_other(void **state) {
  const char *dir = *state;
  make_members(in(dir, "train"), 0);
  lp_dataset *d = opened(dir, "", LP_SPLIT_TEST);
  expect_members(d, 0);
  lp_dataset_close(d);
}

/* Labels must not depend on the split. */
static void classes_are_those_of_both_splits(void **state) {
  const char *dir = *state;
  make_members(in(dir, "train"), 0);
  make_dirs(in(dir, "val/b"));
  make_dirs(in(dir, "val/c"));
  put_image(in(dir, "val"), "b/1.jpg", 20);
  put_image(in(dir, "val"), "c/1.jpg", 21);
  lp_dataset *d = opened(dir, "", LP_SPLIT_TEST);
  assert_int_equal(lp_dataset_get_info(d)->classes, 3);
  assert_int_equal(lp_dataset_get_info(d)->count, 2);
  expect(d, 0, 20, 1);
  expect(d, 1, 21, 2);
  lp_dataset_close(d);
  d = opened(dir, "", LP_SPLIT_TRAIN);
  assert_int_equal(lp_dataset_get_info(d)->classes, 3);
  lp_dataset_close(d);
  assert_int_equal(open_path(dir, ",strict", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("no images of 1 class: c");
}

static void archives(void **state) {
  static const char *const compress[] = {NULL, "gzip"}, *const prefix[] = {"", "./", "set/",
                                                                           "x/y/"};
  const char *file = in(*state, "images.tar");
  for (int c = 0; c < 2; c++)
    for (int p = 0; p < 4; p++)
      for (int split = 0; split < 2; split++) {
        write_archive(file, compress[c], prefix[p], split);
        for (int s = 0; s < 2; s++) {
          lp_dataset *d = opened(file, s ? "" : ",strict", (lp_split)s);
          expect_members(d, split && s ? 10 : 0);
          char hex[65];
          assert_int_equal(lp_sha256_file(file, hex), LP_OK);
          assert_string_equal(lp_dataset_get_info(d)->sha256[0], hex);
          lp_dataset_close(d);
        }
      }
}

/* A path with a comma, odd names, and names that are too long for a plain tar header. */
static void names_with_everything_in_them(void **state) {
  char class[200], name[460];
  const char *dir = in(*state, "a,b"), *file = in(*state, "long,part=3.tar");
  snprintf(class, sizeof class, "new\nline %0120d", 7);
  snprintf(name, sizeof name, "%s/\xc3\xa4\n\x01%0150d.jpg", class, 8);
  make_dirs(in(dir, class));
  put_image(dir, name, 4);
  tar_file *t = tar_begin(file, NULL);
  blob f = image(4);
  tar_add(t, name, f.bytes, f.n);
  tar_add(t, "../outside/escape.jpg", f.bytes, f.n);
  tar_end(t);
  free(f.bytes);
  for (int i = 0; i < 2; i++) {
    lp_dataset *d = opened(i ? file : dir, ",strict=1", LP_SPLIT_TRAIN);
    assert_int_equal(lp_dataset_get_info(d)->count, 1);
    assert_string_equal(lp_dataset_get_info(d)->class_names[0], class);
    expect(d, 0, 4, 0);
    lp_dataset_close(d);
  }
  put(in(dir, name), "x", 1);
  lp_dataset *d = opened(dir, ",strict", LP_SPLIT_TRAIN);
  uint8_t pixels[BYTES];
  int32_t label;
  uint32_t index = 0;
  assert_int_equal(lp_dataset_batch(d, &index, 1, 0, 0, pixels, &label), LP_ERR_FORMAT);
  error_says("new\\x0aline"); /* and the message is one line */
  lp_dataset_close(d);
}

static const char *transform_of(int size, int resize, const char *area) {
  static char text[100];
  snprintf(text, sizeof text, "size=%d resize=%d area=%s augment=1", size, resize, area);
  return text;
}

static void options_are_checked(void **state) {
  const char *dir = *state;
  make_members(dir, 0);
  static const char *const bad[] = {",size=0",    ",size=",    ",size=5000",   ",size=8x",
                                    ",resize=-1", ",strict=2", ",augment=yes", ",resize=7",
                                    ",area=0",    ",area=1.5", ",area=nan",    ",size=8.5"};
  lp_dataset *d = (void *)1;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(open_path(dir, bad[i], LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
    assert_null(d);
  }
  assert_int_equal(open_path(dir, ",sise=8", LP_SPLIT_TRAIN, &d), LP_ERR_NOT_FOUND);
  error_says("options are size=, resize=, area=, strict, augment=");
  assert_int_equal(lp_dataset_open("imagefolder:", LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
  char spec[600];
  snprintf(spec, sizeof spec, "imagefolder:%s", dir);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &d), LP_OK);
  assert_int_equal(lp_dataset_get_info(d)->height, 224);
  assert_string_equal(lp_dataset_get_info(d)->transform, transform_of(224, 256, "0.08"));
  lp_dataset_close(d);
}

/* A network's usual size of images holds where the spec names none; its resize goes with it. */
static void spec_goes_before_defaults(void **state) {
  const char *dir = *state;
  make_members(dir, 0);
  const lp_image_defaults usual = {.size = 64, .resize = 64, .crop_area = 0.5};
  static const struct {
    const char *options;
    int size, resize;
    const char *area;
  } row[] = {{"", 64, 64, "0.5"},
             {",resize=70", 64, 70, "0.5"},
             {",size=56", 56, 64, "0.5"},
             {",size=64", 64, 73, "0.5"},
             {",area=0.25,size=7,resize=7", 7, 7, "0.25"}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char spec[600];
    snprintf(spec, sizeof spec, "imagefolder:%s%s", dir, row[i].options);
    lp_dataset *d;
    assert_int_equal(lp_dataset_open_for(spec, LP_SPLIT_TRAIN, &usual, &d), LP_OK);
    assert_int_equal(lp_dataset_get_info(d)->width, row[i].size);
    assert_string_equal(lp_dataset_get_info(d)->transform,
                        transform_of(row[i].size, row[i].resize, row[i].area));
    lp_dataset_close(d);
  }
}

/* Images that lie in the order of their classes are chosen evenly, all of them in their order. */
static void selection_is_spread(void **state) {
  const char *dir = *state;
  make_members(dir, 0);
  lp_dataset *d = opened(dir, "", LP_SPLIT_TRAIN);
  const uint32_t count = lp_dataset_get_info(d)->count;
  uint32_t index[100];
  assert_in_range(count, 3, 100);
  assert_true(lp_dataset_get_info(d)->by_class);
  lp_dataset_selection(d, count, index);
  for (uint32_t i = 0; i < count; i++) assert_int_equal(index[i], i);
  lp_dataset_selection(d, 2, index);
  assert_int_equal(index[0], 0);
  assert_int_equal(index[1], count / 2);
  lp_dataset_close(d);
}

/* Random crops differ from epoch to epoch and from seed to seed, centres do not. */
static void augmentation_follows_seed_and_epoch(void **state) {
  const char *dir = *state;
  make_members(dir, 0);
  uint8_t pixels[40 * 30 * 3], a[BYTES], b[BYTES];
  for (uint32_t i = 0; i < sizeof pixels; i++) pixels[i] = picture(i / 3 % 40, i / 120, i % 3);
  put_blob(in(dir, "a/1.JPEG"), jpeg_file(JPEG_444, 40, 30, pixels, 90));
  const uint32_t index = 0;
  int32_t label;
  for (int augmented = 0; augmented < 2; augmented++) {
    lp_dataset *d = opened(dir, augmented ? "" : ",augment=0", LP_SPLIT_TRAIN);
    assert_int_equal(lp_dataset_batch(d, &index, 1, 1, 0, a, &label), LP_OK);
    const uint32_t other[][2] = {{1, 0}, {1, 1}, {2, 0}};
    for (int i = 0; i < 3; i++) {
      assert_int_equal(lp_dataset_batch(d, &index, 1, other[i][0], other[i][1], b, &label), LP_OK);
      if (augmented && i > 0)
        assert_memory_not_equal(a, b, BYTES);
      else
        assert_memory_equal(a, b, BYTES);
    }
    lp_dataset_close(d);
  }
}

/* ---- loaders ------------------------------------------------------------------------------- */

static void loaders_may_end_early(void **state) {
  const char *dir = *state;
  make_members(dir, 0);
  lp_dataset *d = opened(dir, "", LP_SPLIT_TRAIN);
  static uint32_t order[3000];
  uint8_t pixels[4 * BYTES];
  int32_t labels[4];
  uint32_t n;
  for (uint32_t round = 0; round < 20; round++) {
    lp_loader *l;
    assert_int_equal(lp_loader_new(d, order, 3000, 4, 0, 0, 3, &l), LP_OK);
    for (uint32_t i = 0; i < round; i++)
      assert_int_equal(lp_loader_next(l, 4, pixels, labels, &n), LP_OK);
    lp_loader_free(l);
  }
  lp_loader *l = (void *)1;
  order[5] = 5;
  assert_int_equal(lp_loader_new(d, order, 6, 4, 0, 0, 1, &l), LP_ERR_ARG);
  error_says("sample 5 of imagefolder:");
  assert_null(l);
  assert_int_equal(lp_loader_new(d, order, 5, 0, 0, 0, 1, &l), LP_ERR_ARG);
  assert_int_equal(lp_loader_new(d, order, 0, 4, 0, 0, 1, &l), LP_OK);
  assert_int_equal(lp_loader_next(l, 4, pixels, labels, &n), LP_OK);
  assert_int_equal(n, 0);
  lp_loader_free(l);
  lp_loader_free(NULL);
  lp_dataset_close(d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void) {
  lp_log_set_level(LP_LOG_ERROR); /* hundreds of warnings are expected */
  const struct CMUnitTest tests[] = {
      TEST(folders_with_splits),
      TEST(folders_without_splits),
      TEST(a_missing_split_is_the_other),
      TEST(classes_are_those_of_both_splits),
      TEST(archives),
      TEST(names_with_everything_in_them),
      TEST(options_are_checked),
      TEST(spec_goes_before_defaults),
      TEST(selection_is_spread),
      TEST(augmentation_follows_seed_and_epoch),
      TEST(loaders_may_end_early),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
