/* "cifar10:DIR". */
#include "support.h"

#include <locality/data.h>
#include <locality/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  assert_int_equal(lp_make_dirs(dir), LP_OK);
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

/* What else is downloaded under that name. */
static void other_downloads_are_named(void **state) {
  static const struct {
    const char *file, *says;
  } row[] = {{"data_batch_1", "Python version"},
             {"cifar-10-batches-py/data_batch_1", "Python version"},
             {"data_batch_1.mat", "Matlab version"},
             {"train.bin", "CIFAR-100"},
             {"cifar-100-python/train", "CIFAR-100"},
             {"cifar-10-binary.tar.gz", "not unpacked"}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char dir[600], path[700];
    snprintf(dir, sizeof dir, "%s/%zu", (char *)*state, i);
    snprintf(path, sizeof path, "%s/%s", dir, row[i].file);
    *strrchr(path, '/') = 0;
    assert_int_equal(lp_make_dirs(path), LP_OK);
    path[strlen(path)] = '/';
    put(path, "x", 1);
    for (int as_file = 0; as_file < 2; as_file++) {
      char spec[800];
      snprintf(spec, sizeof spec, "cifar10:%s", as_file ? path : dir);
      lp_dataset *d;
      assert_int_not_equal(lp_dataset_open(spec, LP_SPLIT_TEST, &d), LP_OK);
      error_says(as_file ? "is a file, not the folder" : row[i].says);
      error_says("the binary version of CIFAR-10");
    }
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(cifar10_is_read),
      TEST(damaged_cifar10_is_refused),
      TEST(other_downloads_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
