/* "imagefolder:PATH", "cifar10:DIR" and loaders: layouts, splits, order, what is broken. */
#include "pictures.h"
#include "support.h"

#include <locality/data.h>
#include <locality/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 8, BYTES = 3 * SIZE * SIZE };

/* The k-th colour; images of one colour tell which they are whatever crop is taken. */
static void colour_of(uint32_t k, uint8_t c[3]) {
  for (uint32_t i = 0; i < 3; i++) c[i] = (uint8_t)(20 + (k * (40 + 31 * i) + 60 * i) % 220);
}

static blob image(uint32_t k) {
  uint8_t c[3];
  colour_of(k, c);
  return plain_jpeg(20 + k % 7, 30 - k % 5, c);
}

static void put_blob(const char *path, blob f) {
  put(path, f.bytes, f.n);
  free(f.bytes);
}

static void make_dirs(const char *path) {
  assert_int_equal(lp_make_dirs(path), LP_OK);
}

static void put_image(const char *dir, const char *name, uint32_t k) {
  put_blob(in(dir, name), image(k));
}

/* Sample i must be image k of class `label`. */
static void expect(const lp_dataset *d, uint32_t i, uint32_t k, int32_t label) {
  uint8_t pixels[BYTES], c[3];
  int32_t got;
  lp_status s = lp_dataset_batch(d, &i, 1, 1, 0, pixels, &got);
  if (s != LP_OK) fail_msg("%s", lp_error_message());
  colour_of(k, c);
  for (uint32_t p = 0; p < BYTES; p++)
    if (abs(pixels[p] - c[p / (SIZE * SIZE)]) > 3)
      fail_msg("sample %u is not image %u: %u at %u", i, k, pixels[p], p);
  assert_int_equal(got, label);
}

static lp_status open_path(const char *path, const char *options, lp_split split,
                           lp_dataset **out) {
  char spec[700];
  snprintf(spec, sizeof spec, "imagefolder:%s,size=%d%s", path, SIZE, options);
  return lp_dataset_open(spec, split, out);
}

static lp_dataset *opened(const char *path, const char *options, lp_split split) {
  lp_dataset *d;
  lp_status s = open_path(path, options, split, &d);
  if (s != LP_OK) fail_msg("%s", lp_error_message());
  return d;
}

/* ---- layouts ------------------------------------------------------------------------------- */

/* Names in their order: class a has 0, 1, 2 (in a sub-folder), class b has 3, 4. */
static const char *const member[] = {"a/1.JPEG", "a/10.jpg", "a/sub/0.Png", "b/x.jpeg", "b/y.jpg"};
static const int32_t member_label[] = {0, 0, 0, 1, 1};

static void make_members(const char *folder, uint32_t first) {
  char *dir = strdup(folder); /* `in` forgets */
  for (uint32_t i = 0; i < 5; i++) {
    char *path = strdup(in(dir, member[(i * 3) % 5])), *slash = strrchr(path, '/');
    *slash = 0;
    make_dirs(path);
    *slash = '/';
    put_image(dir, member[(i * 3) % 5], first + (i * 3) % 5);
    free(path);
  }
  free(dir);
}

static void expect_members(const lp_dataset *d, uint32_t first) {
  const lp_dataset_info *info = lp_dataset_get_info(d);
  assert_int_equal(info->count, 5);
  assert_int_equal(info->classes, 2);
  assert_string_equal(info->class_names[0], "a");
  assert_string_equal(info->class_names[1], "b");
  assert_int_equal(info->channels, 3);
  assert_int_equal(info->height, SIZE);
  assert_int_equal(info->width, SIZE);
  assert_true(info->mean[1] == 0.456f && info->sd[2] == 0.225f);
  assert_int_equal(info->n_files, 1);
  assert_int_equal(strlen(info->sha256[0]), 64);
  for (uint32_t i = 0; i < 5; i++) expect(d, i, first + i, member_label[i]);
  assert_int_equal(lp_dataset_broken(d), 0);
}

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

static void write_archive(const char *path, const char *compress, const char *prefix, bool split) {
  tar_file *t = tar_begin(path, compress);
  for (uint32_t s = 0; s <= split; s++)
    for (uint32_t i = 0; i < 5; i++) {
      char name[200];
      const uint32_t k = (i * 3) % 5;
      snprintf(name, sizeof name, "%s%s%s", prefix, !split ? "" : s ? "val/" : "train/", member[k]);
      blob f = image(10 * s + k);
      tar_add(t, name, f.bytes, f.n);
      free(f.bytes);
    }
  tar_end(t);
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

/* ---- what is broken ------------------------------------------------------------------------ */

/* Ten images of which some are broken in all ways; the class that is left without any stays. */
static void make_broken(const char *dir) {
  make_dirs(in(dir, "a"));
  make_dirs(in(dir, "b"));
  make_dirs(in(dir, "empty"));
  blob f = image(1);
  put_image(dir, "a/0.jpg", 0);
  put(in(dir, "a/1 truncated.jpg"), f.bytes, f.n - 3);
  put(in(dir, "a/2 empty.jpg"), "", 0);
  put(in(dir, "a/3 text.jpg"), "hello, world\n", 13);
  put_image(dir, "a/4.jpg", 4);
  static const uint8_t bomb[] = {0xff, 0xd8, 0xff, 0xc0, 0,    17, 8, 0x75, 0x30, 0x75, 0x30, 3,
                                 1,    0x11, 0,    2,    0x11, 0,  3, 0x11, 0,    0xff, 0xda, 0,
                                 12,   3,    1,    0,    2,    0,  3, 0,    0,    63,   0};
  put(in(dir, "b/5 bomb.jpg"), bomb, sizeof bomb);
  put_image(dir, "b/6.jpg", 6);
  uint8_t grey[25 * 25];
  memset(grey, 77, sizeof grey);
  blob png = png_file(0, 8, false, 25, 25, grey, 25); /* PNG by content, JPEG by name */
  put_blob(in(dir, "b/7 is a png.JPEG"), png);
  assert_int_equal(symlink("8 circle.jpg", in(dir, "b/8 circle.jpg")), 0);
  assert_int_equal(symlink("nowhere", in(dir, "b/9 dangling.jpg")), 0);
  assert_int_equal(symlink("..", in(dir, "b/loop")), 0); /* leads back to the root */
  assert_int_equal(symlink(".", in(dir, "loop")), 0);    /* would be a class */
  free(f.bytes);
}

static void broken_images_are_replaced(void **state) {
  const char *dir = *state;
  make_broken(dir);
  lp_dataset *d = opened(dir, "", LP_SPLIT_TRAIN);
  const lp_dataset_info *info = lp_dataset_get_info(d);
  assert_int_equal(info->count, 10);
  assert_int_equal(info->classes, 3);
  assert_string_equal(info->class_names[2], "empty");
  for (int round = 0; round < 2; round++) {
    expect(d, 0, 0, 0);
    for (uint32_t i = 1; i < 5; i++) expect(d, i, 4, 0);
    expect(d, 5, 6, 1);
    expect(d, 6, 6, 1);
    expect(d, 8, 0, 0); /* past the end it goes on at the beginning */
    expect(d, 9, 0, 0);
  }
  assert_int_equal(lp_dataset_broken(d), 6);
  uint8_t pixels[BYTES];
  int32_t label;
  const uint32_t index = 7;
  assert_int_equal(lp_dataset_batch(d, &index, 1, 0, 0, pixels, &label), LP_OK);
  for (uint32_t p = 0; p < BYTES; p++) assert_int_equal(pixels[p], 77);
  assert_int_equal(label, 1);
  lp_dataset_close(d);
}

static void strict_makes_errors_of_faults(void **state) {
  const char *dir = *state;
  make_broken(dir);
  lp_dataset *d;
  assert_int_equal(open_path(dir, ",strict", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("leads back");
  assert_int_equal(unlink(in(dir, "b/loop")), 0);
  assert_int_equal(unlink(in(dir, "loop")), 0);
  assert_int_equal(open_path(dir, ",strict", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("no images of 1 class: empty");
  assert_int_equal(rmdir(in(dir, "empty")), 0);
  d = opened(dir, ",strict", LP_SPLIT_TRAIN);
  static const struct {
    uint32_t i;
    const char *says;
  } fault[] = {{1, "image a/1 truncated.jpg: the JPEG data ends early"},
               {2, "image a/2 empty.jpg: the file is empty"},
               {3, "image a/3 text.jpg: neither JPEG nor PNG"},
               {5, "image b/5 bomb.jpg: 30000 x 30000 pixels"},
               {8, "image b/8 circle.jpg: cannot open it: Too many levels"},
               {9, "image b/9 dangling.jpg: cannot open it: No such file"}};
  uint8_t pixels[BYTES];
  int32_t label;
  expect(d, 0, 0, 0);
  for (size_t k = 0; k < sizeof fault / sizeof *fault; k++) {
    assert_int_not_equal(lp_dataset_batch(d, &fault[k].i, 1, 0, 0, pixels, &label), LP_OK);
    error_says(fault[k].says);
  }
  /* A loader hands out what comes before, then the first fault, whoever met which first. */
  const uint32_t order[] = {0, 4, 6, 5, 3, 2};
  for (uint32_t workers = 0; workers < 4; workers++) {
    lp_loader *l;
    uint8_t two[2 * BYTES];
    int32_t labels[2];
    uint32_t n;
    assert_int_equal(lp_loader_new(d, order, 6, 2, 0, 0, workers, &l), LP_OK);
    assert_int_equal(lp_loader_next(l, 2, two, labels, &n), LP_OK);
    assert_int_equal(n, 2);
    for (int again = 0; again < 2; again++) {
      assert_int_equal(lp_loader_next(l, 2, two, labels, &n), LP_ERR_FORMAT);
      error_says("image b/5 bomb.jpg");
    }
    lp_loader_free(l);
  }
  lp_dataset_close(d);
}

static void nothing_usable_is_an_error(void **state) {
  const char *dir = *state;
  lp_dataset *d;
  assert_int_equal(open_path(dir, "", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("holds no images");
  make_dirs(in(dir, "a"));
  assert_int_equal(open_path(dir, "", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  put(in(dir, "a/1.jpg"), "x", 1);
  put(in(dir, "a/2.png"), "", 0);
  d = opened(dir, "", LP_SPLIT_TRAIN);
  uint8_t pixels[2 * BYTES];
  int32_t labels[2];
  const uint32_t order[] = {0, 1};
  assert_int_equal(lp_dataset_batch(d, order, 2, 0, 0, pixels, labels), LP_ERR_FORMAT);
  error_says("all 2 images are broken");
  assert_int_equal(lp_dataset_broken(d), 2);
  for (uint32_t workers = 0; workers < 3; workers++) {
    lp_loader *l;
    uint32_t n;
    assert_int_equal(lp_loader_new(d, order, 2, 2, 0, 0, workers, &l), LP_OK);
    assert_int_equal(lp_loader_next(l, 2, pixels, labels, &n), LP_ERR_FORMAT);
    error_says("all 2 images are broken");
    lp_loader_free(l);
  }
  lp_dataset_close(d);
}

/* Cut anywhere, an archive gives what is whole in it, and the image that is cut is counted. */
static void archives_cut_short(void **state) {
  const char *file = in(*state, "whole.tar"), *cut = in(*state, "cut.tar");
  size_t n, begin[6], size[5];
  write_archive(file, NULL, "set/", false);
  uint8_t *bytes = get(file, &n);
  begin[0] = 0;
  for (uint32_t i = 0; i < 5; i++) { /* a header, then blocks of 512 bytes */
    blob f = image((i * 3) % 5);
    size[i] = f.n;
    begin[i + 1] = begin[i] + 512 + (f.n + 511) / 512 * 512;
    free(f.bytes);
  }
  for (size_t at = 0; at <= begin[5]; at += at < 1600 ? 100 : 256) {
    put(cut, bytes, at);
    uint32_t whole = 0, part = 0;
    for (uint32_t i = 0; i < 5; i++) {
      whole += begin[i] + 512 + size[i] <= at;
      part += begin[i] + 512 <= at && begin[i] + 512 + size[i] > at;
    }
    lp_dataset *d;
    assert_int_equal(open_path(cut, ",strict", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
    lp_status s = open_path(cut, "", LP_SPLIT_TRAIN, &d);
    if (whole + part == 0) {
      assert_int_equal(s, LP_ERR_FORMAT);
      continue;
    }
    assert_int_equal(s, LP_OK);
    const uint32_t count = lp_dataset_get_info(d)->count;
    assert_int_equal(count, whole + part);
    uint8_t pixels[BYTES];
    int32_t label;
    for (uint32_t i = 0; i < count; i++)
      assert_int_equal(lp_dataset_batch(d, &i, 1, 0, 0, pixels, &label),
                       whole ? LP_OK : LP_ERR_FORMAT);
    assert_int_equal(lp_dataset_broken(d), part);
    lp_dataset_close(d);
  }
  free(bytes);
  /* Of a compressed archive, only what comes before the cut is known of. */
  enum { SIDE = 200 };
  static uint8_t noise[SIDE * SIDE * 3];
  uint32_t random = 1;
  for (size_t i = 0; i < sizeof noise; i++) {
    random = random * 1664525 + 1013904223;
    noise[i] = (uint8_t)(random >> 24);
  }
  blob f = jpeg_file(JPEG_444, SIDE, SIDE, noise, 95);
  tar_file *t = tar_begin(file, "gzip");
  for (int i = 0; i < 8; i++) {
    char name[16];
    snprintf(name, sizeof name, "a/%d.jpg", i);
    tar_add(t, name, f.bytes, f.n);
  }
  tar_end(t);
  bytes = get(file, &n);
  put(cut, bytes, n / 2);
  lp_dataset *d;
  assert_int_equal(open_path(cut, ",strict", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("cut short after");
  d = opened(cut, "", LP_SPLIT_TRAIN);
  const uint32_t count = lp_dataset_get_info(d)->count;
  assert_in_range(count, 3, 5);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t pixels[BYTES];
    int32_t label;
    assert_int_equal(lp_dataset_batch(d, &i, 1, 0, 0, pixels, &label), LP_OK);
  }
  assert_in_range(lp_dataset_broken(d), 0, 1);
  lp_dataset_close(d);
  free(f.bytes);
  free(bytes);
  put(cut, "no archive", 10);
  assert_int_equal(open_path(cut, "", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("not a tar archive");
}

/* ---- loaders ------------------------------------------------------------------------------- */

static void loaders_do_not_depend_on_workers(void **state) {
  enum { N = 137, BATCH = 10 };
  const char *dir = *state;
  make_broken(dir);
  lp_dataset *d = opened(dir, "", LP_SPLIT_TRAIN);
  uint32_t order[N];
  for (uint32_t i = 0; i < N; i++) order[i] = i * 7 % 10;
  static uint8_t expected[N * BYTES], got[N * BYTES];
  int32_t expected_labels[N], labels[N];
  assert_int_equal(lp_dataset_batch(d, order, N, 3, 2, expected, expected_labels), LP_OK);
  lp_dataset_close(d);
  static const uint32_t worker_counts[] = {0, 1, 2, 7, 1000, LP_LOADER_AUTO};
  for (size_t w = 0; w < sizeof worker_counts / sizeof *worker_counts; w++) {
    d = opened(dir, "", LP_SPLIT_TRAIN); /* knows nothing of what is broken */
    lp_loader *l;
    uint32_t n, done = 0;
    assert_int_equal(lp_loader_new(d, order, N, BATCH, 3, 2, worker_counts[w], &l), LP_OK);
    memset(got, 0, sizeof got);
    for (uint32_t want = 1; done < N; want = want % BATCH + 1) { /* 1, 2, ..., 10, 1, ... */
      assert_int_equal(lp_loader_next(l, want, got + done * BYTES, labels + done, &n), LP_OK);
      assert_int_equal(n, want < N - done ? want : N - done);
      done += n;
    }
    assert_int_equal(lp_loader_next(l, BATCH, got, labels, &n), LP_OK);
    assert_int_equal(n, 0);
    assert_memory_equal(got, expected, sizeof got);
    assert_memory_equal(labels, expected_labels, sizeof labels);
    assert_int_equal(lp_loader_next(l, BATCH + 1, got, labels, &n), LP_ERR_ARG);
    assert_true(lp_loader_waited(l) >= 0);
    lp_loader_free(l);
    assert_int_equal(lp_dataset_broken(d), 6);
    lp_dataset_close(d);
  }
}

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

/* ---- CIFAR-10 ------------------------------------------------------------------------------ */

enum { RECORD = 3073 };

static uint8_t cifar_byte(uint32_t file, uint32_t i, uint32_t k) {
  return k == 0 ? (uint8_t)((file + i) % 10) : (uint8_t)(file * 50 + i * 13 + k * k % 251);
}

static void write_cifar(const char *dir) {
  for (uint32_t file = 0; file < 6; file++) {
    uint8_t bytes[3 * RECORD];
    const uint32_t n = file % 3 + 1;
    for (uint32_t i = 0; i < n * RECORD; i++) bytes[i] = cifar_byte(file, i / RECORD, i % RECORD);
    char name[40];
    snprintf(name, sizeof name, file < 5 ? "data_batch_%u.bin" : "test_batch.bin", file + 1);
    put(in(dir, name), bytes, (size_t)n * RECORD);
  }
}

static void cifar10_is_read(void **state) {
  const char *outer = *state, *dir = in(outer, "cifar-10-batches-bin");
  char spec[600];
  make_dirs(dir);
  write_cifar(dir);
  for (int inner = 0; inner < 2; inner++) {
    snprintf(spec, sizeof spec, "cifar10:%s", inner ? dir : outer);
    lp_dataset *d;
    double sum[3] = {0}, square[3] = {0}, pixels = 0;
    assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &d), LP_OK);
    const lp_dataset_info *info = lp_dataset_get_info(d);
    assert_int_equal(info->count, 1 + 2 + 3 + 1 + 2);
    assert_int_equal(info->n_files, 5);
    assert_int_equal(info->classes, 10);
    assert_string_equal(info->class_names[9], "truck");
    uint32_t index = 0;
    for (uint32_t file = 0; file < 5; file++)
      for (uint32_t i = 0; i < file % 3 + 1; i++, index++) {
        uint8_t got[RECORD - 1];
        int32_t label;
        assert_int_equal(lp_dataset_batch(d, &index, 1, 0, 0, got, &label), LP_OK);
        assert_int_equal(label, cifar_byte(file, i, 0));
        for (uint32_t k = 1; k < RECORD; k++) {
          const double v = cifar_byte(file, i, k) / 255.0;
          assert_int_equal(got[k - 1], cifar_byte(file, i, k));
          sum[(k - 1) / 1024] += v;
          square[(k - 1) / 1024] += v * v;
          pixels += k <= 1024;
        }
      }
    for (int split = 0; split < 2; split++) { /* both have the training images' statistics */
      for (int c = 0; c < 3; c++) {
        double mean = sum[c] / pixels;
        assert_true(fabs(info->mean[c] - mean) < 1e-6);
        assert_true(fabs(info->sd[c] - sqrt(square[c] / pixels - mean * mean)) < 1e-6);
      }
      lp_dataset_close(d);
      d = NULL;
      if (split) break;
      assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TEST, &d), LP_OK);
      info = lp_dataset_get_info(d);
      assert_int_equal(info->count, 3);
      assert_string_equal(strrchr(info->file[0], '/'), "/test_batch.bin");
    }
  }
}

static void damaged_cifar10_is_refused(void **state) {
  const char *dir = *state;
  char spec[600];
  lp_dataset *d;
  snprintf(spec, sizeof spec, "cifar10:%s", dir);
  assert_int_not_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &d), LP_OK);
  error_says("data_batch_1.bin");
  write_cifar(dir);
  size_t n;
  uint8_t *bytes = get(in(dir, "data_batch_3.bin"), &n);
  put(in(dir, "data_batch_3.bin"), bytes, n - 1);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TEST, &d), LP_ERR_FORMAT);
  error_says("data_batch_3.bin: 9218 bytes, expected a multiple of 3073");
  bytes[RECORD] = 10;
  put(in(dir, "data_batch_3.bin"), bytes, n);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("label 10 of image 1");
  free(bytes);
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
      TEST(broken_images_are_replaced),
      TEST(strict_makes_errors_of_faults),
      TEST(nothing_usable_is_an_error),
      TEST(archives_cut_short),
      TEST(loaders_do_not_depend_on_workers),
      TEST(loaders_may_end_early),
      TEST(cifar10_is_read),
      TEST(damaged_cifar10_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
