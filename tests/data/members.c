/* Images of one colour, in folders and archives. */
#include "members.h"

#include "support.h"

#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void colour_of(uint32_t k, uint8_t c[3]) {
  for (uint32_t i = 0; i < 3; i++) c[i] = (uint8_t)(20 + (k * (40 + 31 * i) + 60 * i) % 220);
}

blob image(uint32_t k) {
  uint8_t c[3];
  colour_of(k, c);
  return plain_jpeg(20 + k % 7, 30 - k % 5, c);
}

void put_blob(const char *path, blob f) {
  put(path, f.bytes, f.n);
  free(f.bytes);
}

void make_dirs(const char *path) {
  assert_int_equal(lp_make_dirs(path), LP_OK);
}

void put_image(const char *dir, const char *name, uint32_t k) {
  put_blob(in(dir, name), image(k));
}

void expect(const lp_dataset *d, uint32_t i, uint32_t k, int32_t label) {
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

lp_status open_path(const char *path, const char *options, lp_split split, lp_dataset **out) {
  char spec[700];
  snprintf(spec, sizeof spec, "imagefolder:%s,size=%d%s", path, SIZE, options);
  return lp_dataset_open(spec, split, out);
}

lp_dataset *opened(const char *path, const char *options, lp_split split) {
  lp_dataset *d;
  lp_status s = open_path(path, options, split, &d);
  if (s != LP_OK) fail_msg("%s", lp_error_message());
  return d;
}

const char *const member[] = {"a/1.JPEG", "a/10.jpg", "a/sub/0.Png", "b/x.jpeg", "b/y.jpg"};
static const int32_t member_label[] = {0, 0, 0, 1, 1};

void make_members(const char *folder, uint32_t first) {
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

void expect_members(const lp_dataset *d, uint32_t first) {
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
void write_archive(const char *path, const char *compress, const char *prefix, bool split) {
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
