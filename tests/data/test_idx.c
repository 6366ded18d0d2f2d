/* "idx:DIR": every accepted layout of the folder, and every way in which its files can be wrong. */
#include "support.h"

#include <locality/data.h>
#include <locality/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN = 7, TEST_COUNT = 3, H = 3, W = 5 };

static const char *const name[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static const char *const dotted[4] = {"train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                                      "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"};

static uint8_t pixel(int split, uint32_t i, uint32_t k) {
  return (uint8_t)(split * 101 + i * 31 + k * 17);
}
static uint8_t label(int split, uint32_t i) {
  return (uint8_t)((i * 3 + 2 + (uint32_t)split) % 10);
}

/* An IDX header. */
static size_t header(uint8_t *p, uint32_t magic, uint32_t n, const uint32_t *dim) {
  for (uint32_t i = 0; i <= n; i++) {
    uint32_t v = i ? dim[i - 1] : magic;
    for (int k = 0; k < 4; k++) p[4 * i + (uint32_t)k] = (uint8_t)(v >> (24 - 8 * k));
  }
  return 4 + 4 * n;
}

/* The bytes of file i; returns their number. */
static size_t content(int i, uint8_t bytes[256]) {
  const int split = i / 2;
  const uint32_t count = split ? TEST_COUNT : TRAIN, dim[3] = {count, H, W};
  size_t n = i % 2 ? header(bytes, 0x801, 1, dim) : header(bytes, 0x803, 3, dim);
  for (uint32_t s = 0; s < count; s++) {
    if (i % 2) bytes[n++] = label(split, s);
    for (uint32_t k = 0; i % 2 == 0 && k < H * W; k++) bytes[n++] = pixel(split, s, k);
  }
  return n;
}

/* Writes the four files, gzip or raw. */
static void make_folder(const char *dir, const char *const names[4], bool gzip) {
  for (int i = 0; i < 4; i++) {
    uint8_t bytes[256];
    size_t n = content(i, bytes), packed;
    char file[64];
    snprintf(file, sizeof file, "%s%s", names[i], gzip ? ".gz" : "");
    void *gz = gzipped(bytes, n, &packed);
    put(in(dir, file), gzip ? gz : bytes, gzip ? packed : n);
    free(gz);
  }
}

static lp_status open_folder(const char *dir, const char *options, lp_split split,
                             lp_dataset **out) {
  char spec[600];
  snprintf(spec, sizeof spec, "idx:%s%s", dir, options);
  return lp_dataset_open(spec, split, out);
}

static void check_split(const char *dir, int split) {
  lp_dataset *d;
  assert_int_equal(open_folder(dir, "", (lp_split)split, &d), LP_OK);
  const lp_dataset_info *info = lp_dataset_get_info(d);
  assert_int_equal(info->count, split ? TEST_COUNT : TRAIN);
  assert_int_equal(info->channels, 1);
  assert_int_equal(info->height, H);
  assert_int_equal(info->width, W);
  assert_int_equal(info->classes, 10);
  for (int i = 0; i < 10; i++) {
    assert_int_equal(info->class_names[i][0], '0' + i);
    assert_int_equal(info->class_names[i][1], 0);
  }
  assert_string_equal(info->source, dir);
  /* Of the training split, whichever is open. */
  double mean = 0, square = 0;
  for (uint32_t i = 0; i < TRAIN; i++)
    for (uint32_t k = 0; k < H * W; k++) mean += pixel(0, i, k) / 255.0 / (TRAIN * H * W);
  for (uint32_t i = 0; i < TRAIN; i++)
    for (uint32_t k = 0; k < H * W; k++) square += pow(pixel(0, i, k) / 255.0 - mean, 2);
  assert_true(fabs(info->mean[0] - mean) < 1e-6);
  assert_true(fabs(info->sd[0] - sqrt(square / (TRAIN * H * W))) < 1e-6);
  assert_int_equal(info->n_files, 2);
  for (uint32_t f = 0; f < 2; f++) {
    uint8_t bytes[256];
    char hex[65];
    size_t n = content(split * 2 + (int)f, bytes);
    assert_int_equal(lp_sha256(bytes, n, hex), LP_OK); /* of the raw bytes, for gzip files too */
    assert_string_equal(info->sha256[f], hex);
    assert_int_equal(strncmp(info->file[f], dir, strlen(dir)), 0);
    assert_int_equal(access(info->file[f], R_OK), 0);
  }
  const uint32_t index[4] = {2, 0, 1, 2};
  uint8_t images[4 * H * W];
  int32_t labels[4];
  assert_int_equal(lp_dataset_batch(d, index, 4, 1, 2, images, labels), LP_OK);
  for (int b = 0; b < 4; b++) {
    assert_int_equal(labels[b], label(split, index[b]));
    for (uint32_t k = 0; k < H * W; k++)
      assert_int_equal(images[(uint32_t)b * H * W + k], pixel(split, index[b], k));
  }
  const uint32_t outside[2] = {0, split ? TEST_COUNT : TRAIN};
  assert_int_equal(lp_dataset_batch(d, outside, 2, 1, 2, images, labels), LP_ERR_ARG);
  assert_int_equal(lp_dataset_batch(d, NULL, 0, 1, 2, NULL, NULL), LP_OK);
  lp_dataset_close(d);
}

static void all_layouts_are_read(void **state) {
  for (int layout = 0; layout < 4; layout++) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/%d, with a comma", (char *)*state, layout);
    assert_int_equal(lp_make_dirs(dir), LP_OK);
    make_folder(dir, layout & 1 ? dotted : name, layout & 2);
    check_split(dir, 0);
    check_split(dir, 1);
  }
}

/* Compression is told by the content. */
static void names_do_not_tell_compression(void **state) {
  const char *dir = *state;
  make_folder(dir, name, true);
  for (int i = 0; i < 4; i++) {
    char file[64];
    snprintf(file, sizeof file, "%s.gz", name[i]);
    assert_int_equal(rename(in(dir, file), in(dir, name[i])), 0);
  }
  check_split(dir, 0);
  check_split(dir, 1);
}

static void the_number_of_classes_can_be_told(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  lp_dataset *d;
  assert_int_equal(open_folder(dir, ",classes=123", LP_SPLIT_TEST, &d), LP_OK);
  assert_int_equal(lp_dataset_get_info(d)->classes, 123);
  assert_string_equal(lp_dataset_get_info(d)->class_names[122], "122");
  assert_string_equal(lp_dataset_get_info(d)->source, dir);
  lp_dataset_close(d);
  assert_int_equal(open_folder(dir, ",classes=8", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("train-labels-idx1-ubyte: label 8 of sample 2, expected 0 to 7");
  static const char *const bad[] = {",classes=0", ",classes=257", ",classes=", ",classes=1x",
                                    ",classes=-1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(open_folder(dir, bad[i], LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
    error_says("expected 1 to 256");
  }
}

static void images_of_one_grey_have_a_deviation(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  uint8_t bytes[256];
  size_t n = content(0, bytes);
  memset(bytes + 16, 51, n - 16);
  put(in(dir, name[0]), bytes, n);
  lp_dataset *d;
  assert_int_equal(open_folder(dir, "", LP_SPLIT_TRAIN, &d), LP_OK);
  assert_true(lp_dataset_get_info(d)->mean[0] == 0.2f);
  assert_true(lp_dataset_get_info(d)->sd[0] == 1.0f);
  lp_dataset_close(d);
}

static void unknown_specs_are_refused(void **state) {
  lp_dataset *d = (void *)1;
  assert_int_equal(lp_dataset_open("minst", LP_SPLIT_TRAIN, &d), LP_ERR_NOT_FOUND);
  error_says(
      "no data set 'minst'; there are mnist, fashion-mnist, one-choice, idx:DIR, cifar10:DIR, "
      "imagefolder:PATH");
  assert_null(d);
  assert_int_equal(lp_dataset_open("", LP_SPLIT_TRAIN, &d), LP_ERR_NOT_FOUND);
  assert_int_equal(lp_dataset_open("mnist:x", LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
  assert_int_equal(lp_dataset_open("idx", LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
  error_says("write idx:DIR");
  assert_int_equal(lp_dataset_open("idx:", LP_SPLIT_TRAIN, &d), LP_ERR_ARG);
  assert_int_equal(open_folder(in(*state, "none"), "", LP_SPLIT_TRAIN, &d), LP_ERR_NOT_FOUND);
  error_says("no folder");
  assert_int_equal(open_folder(*state, "", (lp_split)2, &d), LP_ERR_ARG);
  const char *summary;
  for (uint32_t i = 0; i < 5; i++) {
    assert_non_null(lp_dataset_spec(i, &summary));
    assert_true(strlen(summary) > 10);
  }
  assert_null(lp_dataset_spec(6, &summary));
}

static void missing_files_are_named(void **state) {
  const char *dir = *state;
  lp_dataset *d;
  for (int i = 0; i < 4; i++) {
    make_folder(dir, name, false);
    assert_int_equal(unlink(in(dir, name[i])), 0);
    assert_int_equal(open_folder(dir, "", (lp_split)(i / 2), &d), LP_ERR_NOT_FOUND);
    error_says(name[i]);
    error_says(dotted[i]);
  }
}

/* Replaces file i and demands that opening its split fails and says so. */
static void refused(const char *dir, int i, const void *bytes, size_t n, const char *says) {
  put(in(dir, name[i]), bytes, n);
  lp_dataset *d = (void *)1;
  assert_int_equal(open_folder(dir, "", (lp_split)(i / 2), &d), LP_ERR_FORMAT);
  assert_null(d);
  error_says(name[i]);
  error_says(says);
  uint8_t good[256];
  put(in(dir, name[i]), good, content(i, good));
}

static void wrong_headers_are_refused(void **state) {
  static const struct {
    int file;
    uint32_t magic, dim[3];
    const char *says;
  } row[] = {
      {0, 0x801, {TRAIN, H, W}, "magic number 0x00000801, expected 0x00000803"},
      {0, 0x804, {TRAIN, H, W}, "expected 0x00000803 (unsigned bytes, 3 dimensions)"},
      {0, 0xd03, {TRAIN, H, W}, "magic number 0x00000d03"},
      {0, 0x03080000, {TRAIN, H, W}, "magic number 0x03080000"},
      {1, 0x803, {TRAIN, H, W}, "magic number 0x00000803, expected 0x00000801"},
      {0, 0x803, {0, H, W}, "extents 0 x 3 x 5, expected at least 1"},
      {2, 0x803, {TEST_COUNT, H, 0}, "extents 3 x 3 x 0"},
      {0,
       0x803,
       {TRAIN + 1, H, W},
       "121 bytes, expected 136 from its header (8 x 3 x 5): truncated"},
      {0, 0x803, {TRAIN, H, W - 1}, "expected 100 from its header (7 x 3 x 4): bytes follow"},
      {0, 0x803, {4294967295u, 4294967295u, 4294967295u}, "more than memory can be"},
      {0, 0x803, {4294967295u, 4294967295u, 1}, "more than memory can be"},
      {0, 0x803, {4294967295u, 1, 1}, "expected 4294967311"},
      {1, 0x801, {4294967295u, 0, 0}, "expected 4294967303"},
  };
  const char *dir = *state;
  make_folder(dir, name, false);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    uint8_t bytes[256];
    size_t n = content(row[i].file, bytes);
    header(bytes, row[i].magic, row[i].file % 2 ? 1 : 3, row[i].dim);
    refused(dir, row[i].file, bytes, n, row[i].says);
  }
  check_split(dir, 0);
  check_split(dir, 1);
}

static void every_truncation_is_refused(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  for (int i = 0; i < 4; i++) {
    uint8_t bytes[256];
    size_t n = content(i, bytes), packed;
    for (size_t k = 0; k < n; k++) refused(dir, i, bytes, k, "truncated");
    unsigned char *gz = gzipped(bytes, n, &packed);
    for (size_t k = 2; k < packed; k++) refused(dir, i, gz, k, "truncated");
    free(gz);
  }
}

static void trailing_bytes_are_refused(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  for (int i = 0; i < 4; i++) {
    uint8_t bytes[300] = {0};
    size_t n = content(i, bytes), packed;
    refused(dir, i, bytes, n + 1, "bytes follow the data");
    unsigned char *gz = gzipped(bytes, n, &packed);
    uint8_t longer[700] = {0};
    memcpy(longer, gz, packed);
    refused(dir, i, longer, packed + 1, "bytes follow the end of the gzip data");
    memcpy(longer + packed, gz, packed); /* a second gzip member */
    refused(dir, i, longer, 2 * packed, "bytes follow the end of the gzip data");
    free(gz);
  }
}

/* The last eight bytes are the checksum and the length. */
static void a_wrong_gzip_trailer_is_refused(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  uint8_t bytes[256];
  size_t n = content(0, bytes), packed;
  unsigned char *gz = gzipped(bytes, n, &packed);
  for (size_t k = packed - 8; k < packed; k++) {
    gz[k] ^= 0x10;
    refused(dir, 0, gz, packed, "damaged gzip data");
    gz[k] ^= 0x10;
  }
  gz[2] = 7; /* no such compression method */
  refused(dir, 0, gz, packed, "damaged gzip data");
  free(gz);
}

/* 64 MB of zeros behind a header that announces a few bytes: inflation stops at once. */
static void a_gzip_bomb_is_refused(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  size_t n = 64 << 20, packed;
  uint8_t *bytes = calloc(1, n);
  assert_non_null(bytes);
  const uint32_t small[3] = {TRAIN, H, W}, large[3] = {60000, 1024, 1024};
  header(bytes, 0x803, 3, small);
  void *gz = gzipped(bytes, n, &packed);
  refused(dir, 0, gz, packed, "inflates to more than the 121 bytes that its header announces");
  free(gz);
  /* The other way round: a small file that announces 60 GB gets no memory. */
  header(bytes, 0x803, 3, large);
  gz = gzipped(bytes, 100000, &packed);
  refused(dir, 0, gz, packed, "more than a gzip file of");
  free(gz);
  free(bytes);
}

static void labels_and_counts_are_checked(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  uint8_t bytes[256];
  size_t n = content(1, bytes);
  bytes[8 + 4] = 10;
  refused(dir, 1, bytes, n, "label 10 of sample 4, expected 0 to 9; with 11 classes, write ");
  bytes[8 + 5] = 46; /* EMNIST's balanced classes */
  refused(dir, 1, bytes, n, "label 10 of sample 4, expected 0 to 9; with 47 classes, write ");
  refused(dir, 1, bytes, n, "idx:DIR,classes=47");
  bytes[8 + 4] = 255;
  refused(dir, 1, bytes, n, "label 255 of sample 4");
  refused(dir, 1, bytes, n, "classes=256");
  n = content(1, bytes);
  const uint32_t fewer = TRAIN - 1;
  header(bytes, 0x801, 1, &fewer);
  refused(dir, 1, bytes, n - 1, "6 labels, expected 7, the images in");
  /* Test images of another size than the training images. */
  const uint32_t other[3] = {TEST_COUNT, W, H};
  n = content(2, bytes);
  header(bytes, 0x803, 3, other);
  refused(dir, 2, bytes, n, "images of 5 x 3, expected 3 x 5");
}

static void odd_files_are_refused(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  assert_int_equal(unlink(in(dir, name[0])), 0);
  assert_int_equal(lp_make_dirs(in(dir, name[0])), LP_OK);
  lp_dataset *d;
  assert_int_equal(open_folder(dir, "", LP_SPLIT_TRAIN, &d), LP_ERR_NOT_FOUND);
  error_says("train-images-idx3-ubyte is a folder, expected a file");
  /* A file of another form of the name is found beside it, dotted or compressed. */
  uint8_t bytes[256];
  size_t n = content(0, bytes), packed;
  put(in(dir, dotted[0]), bytes, n);
  assert_int_equal(open_folder(dir, "", LP_SPLIT_TRAIN, &d), LP_OK);
  lp_dataset_close(d);
  assert_int_equal(unlink(in(dir, dotted[0])), 0);
  void *gz = gzipped(bytes, n, &packed);
  char name_gz[64];
  snprintf(name_gz, sizeof name_gz, "%s.gz", name[0]);
  put(in(dir, name_gz), gz, packed);
  free(gz);
  assert_int_equal(open_folder(dir, "", LP_SPLIT_TRAIN, &d), LP_OK);
  lp_dataset_close(d);
}

/* count labels of `of(i)` as a test set beside any training set. */
static lp_dataset *with_labels(const char *dir, uint32_t count, uint32_t (*of)(uint32_t)) {
  uint8_t *images = calloc(16 + count, H * W), *labels = malloc(8 + count);
  assert_true(images && labels);
  const uint32_t shape[3] = {count, H, W};
  header(images, 0x803, 3, shape);
  header(labels, 0x801, 1, &count);
  for (uint32_t i = 0; i < count; i++) labels[8 + i] = (uint8_t)of(i);
  put(in(dir, name[2]), images, 16 + (size_t)count * H * W);
  put(in(dir, name[3]), labels, 8 + count);
  free(images);
  free(labels);
  lp_dataset *d;
  assert_int_equal(open_folder(dir, "", LP_SPLIT_TEST, &d), LP_OK);
  return d;
}

static uint32_t sorted(uint32_t i) {
  return i / 200;
}
static uint32_t blocks_down(uint32_t i) {
  return 9 - i % 1000 / 100;
}
static uint32_t rare_last(uint32_t i) { /* 0 and 1 by turns, then a tenth of 2 */
  return i < 1800 ? i % 2 : 2;
}
static uint32_t mixed(uint32_t i) {
  return i * 2654435761u >> 16 & 7;
}

/* What is analysed shows every class in its share, whatever the order of the files. */
static void selections_show_all_classes(void **state) {
  const char *dir = *state;
  make_folder(dir, name, false);
  static uint32_t (*const order[])(uint32_t) = {sorted, blocks_down, rare_last, mixed};
  static const uint32_t wanted[] = {1, 7, 100, 333, 1999, 2000};
  for (int o = 0; o < 4; o++) {
    lp_dataset *d = with_labels(dir, 2000, order[o]);
    const lp_dataset_info *info = lp_dataset_get_info(d);
    for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++) {
      const uint32_t n = wanted[w];
      uint32_t index[2000], seen[10] = {0};
      lp_dataset_selection(d, n, index);
      for (uint32_t i = 0; i < n; i++) {
        assert_true(index[i] < 2000 && (i == 0 || index[i] > index[i - 1]));
        seen[order[o](index[i])]++;
        if (order[o] == mixed) assert_int_equal(index[i], i); /* the first show all */
      }
      for (uint32_t k = 0; k < 10 && n >= 100 && order[o] != mixed; k++) {
        const double share = (double)n * info->class_count[k] / 2000;
        assert_true(seen[k] + 1 > share && seen[k] < share + 1);
      }
    }
    lp_dataset_close(d);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_layouts_are_read),
      TEST(names_do_not_tell_compression),
      TEST(the_number_of_classes_can_be_told),
      TEST(images_of_one_grey_have_a_deviation),
      TEST(unknown_specs_are_refused),
      TEST(missing_files_are_named),
      TEST(wrong_headers_are_refused),
      TEST(every_truncation_is_refused),
      TEST(trailing_bytes_are_refused),
      TEST(a_wrong_gzip_trailer_is_refused),
      TEST(a_gzip_bomb_is_refused),
      TEST(labels_and_counts_are_checked),
      TEST(odd_files_are_refused),
      TEST(selections_show_all_classes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
