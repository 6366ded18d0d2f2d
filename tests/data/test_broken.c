/* Image folders and archives with faults. */
#include "members.h"
#include "support.h"

#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
  assert_int_equal(lp_dataset_note_broken(d), LP_OK);
  const lp_data_note *note, *last = NULL;
  for (uint32_t i = 0; (note = lp_dataset_note(d, i)); i++) last = note;
  assert_true(last && last->warning && strstr(last->text, "6 of 10 images are broken"));
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
  assert_int_equal(lp_dataset_note_broken(d), LP_OK);
  const lp_data_note *note, *last = NULL;
  for (uint32_t i = 0; (note = lp_dataset_note(d, i)); i++) last = note;
  assert_true(last && strstr(last->text, "all 2 images of class 'a' are broken"));
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void) {
  lp_log_set_level(LP_LOG_ERROR); /* hundreds of warnings are expected */
  const struct CMUnitTest tests[] = {
      TEST(broken_images_are_replaced),       TEST(strict_makes_errors_of_faults),
      TEST(nothing_usable_is_an_error),       TEST(archives_cut_short),
      TEST(loaders_do_not_depend_on_workers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
