/* The archives of ILSVRC2012, in small: their layout, stopping and going on, damage. */
#include "pictures.h"
#include "support.h"

#include <locality/data.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLASSES = 4, PER_CLASS = 3, VAL = 6 };

/* In the order of the development kit, which is not that of the names. */
static const char *const synset[CLASSES] = {"n03", "n01", "n04", "n02"};
static const int truth[VAL] = {2, 1, 4, 4, 3, 2}; /* counted from 1 */

static const uint8_t colour[3] = {10, 200, 90};

typedef struct sources {
  char train[300], val[300], numbers[300], names[300], synsets[300], out[300];
} sources;

static void make_train(const char *dir, const char *path) {
  tar_file *outer = tar_begin(path, NULL);
  for (int k = 0; k < CLASSES; k++) {
    const char *inner = in(dir, "inner.tar");
    char name[64];
    tar_file *t = tar_begin(inner, NULL);
    for (int i = 0; i < PER_CLASS; i++) {
      blob f = plain_jpeg(10 + (uint32_t)k, 10 + (uint32_t)i, colour);
      snprintf(name, sizeof name, "%s_%d.JPEG", synset[k], i);
      tar_add(t, name, f.bytes, f.n);
      free(f.bytes);
    }
    tar_end(t);
    size_t n;
    void *bytes = get(inner, &n);
    snprintf(name, sizeof name, "%s.tar", synset[k]);
    tar_add(outer, name, bytes, n);
    free(bytes);
    unlink(inner);
  }
  tar_end(outer);
}

static void make_sources(const char *dir, sources *s) {
  char numbers[100] = "", names[100] = "", list[100] = "";
  snprintf(s->train, sizeof s->train, "%s/train.tar", dir);
  snprintf(s->val, sizeof s->val, "%s/val.tar", dir);
  snprintf(s->numbers, sizeof s->numbers, "%s/numbers.txt", dir);
  snprintf(s->names, sizeof s->names, "%s/names.txt", dir);
  snprintf(s->synsets, sizeof s->synsets, "%s/synsets.txt", dir);
  snprintf(s->out, sizeof s->out, "%s/out", dir);
  make_train(dir, s->train);
  tar_file *t = tar_begin(s->val, NULL);
  for (int i = VAL - 1; i >= 0; i--) { /* not in the order of their names */
    char name[64];
    blob f = plain_jpeg(20 + (uint32_t)i, 9, colour);
    snprintf(name, sizeof name, "ILSVRC2012_val_%08d.JPEG", i + 1);
    tar_add(t, name, f.bytes, f.n);
    free(f.bytes);
  }
  tar_end(t);
  for (int i = 0; i < VAL; i++) {
    sprintf(numbers + strlen(numbers), "%d\n", truth[i]);
    sprintf(names + strlen(names), "%s\r\n", synset[truth[i] - 1]);
  }
  for (int k = 0; k < CLASSES; k++) sprintf(list + strlen(list), "%s some words\n", synset[k]);
  put(s->numbers, numbers, strlen(numbers));
  put(s->names, names, strlen(names));
  put(s->synsets, list, strlen(list));
}

/* Everything must be in its place, and nothing else. */
static void check_layout(const sources *s) {
  assert_int_equal(entries(s->out), 2);
  assert_int_equal(entries(in(s->out, "train")), CLASSES);
  for (int k = 0; k < CLASSES; k++) {
    char name[80];
    snprintf(name, sizeof name, "train/%s", synset[k]);
    assert_int_equal(entries(in(s->out, name)), PER_CLASS);
    for (int i = 0; i < PER_CLASS; i++) {
      size_t n;
      blob f = plain_jpeg(10 + (uint32_t)k, 10 + (uint32_t)i, colour);
      snprintf(name, sizeof name, "train/%s/%s_%d.JPEG", synset[k], synset[k], i);
      void *got = get(in(s->out, name), &n);
      assert_int_equal(n, f.n);
      assert_memory_equal(got, f.bytes, n);
      free(got);
      free(f.bytes);
    }
  }
  for (int i = 0; i < VAL; i++) {
    char name[80];
    snprintf(name, sizeof name, "val/%s/ILSVRC2012_val_%08d.JPEG", synset[truth[i] - 1], i + 1);
    assert_int_equal(access(in(s->out, name), F_OK), 0);
  }
  char spec[400];
  lp_dataset *d;
  snprintf(spec, sizeof spec, "imagefolder:%s,strict,size=8", s->out);
  for (int split = 0; split < 2; split++) {
    assert_int_equal(lp_dataset_open(spec, (lp_split)split, &d), LP_OK);
    assert_int_equal(lp_dataset_get_info(d)->count, split ? VAL : CLASSES * PER_CLASS);
    assert_int_equal(lp_dataset_get_info(d)->classes, CLASSES);
    assert_string_equal(lp_dataset_get_info(d)->class_names[0], "n01");
    lp_dataset_close(d);
  }
}

typedef struct watch {
  uint64_t train, val, total, stop_at;
} watch;

static bool count(void *user, const char *what, uint64_t done, uint64_t total) {
  watch *w = user;
  *(strcmp(what, "train") == 0 ? &w->train : &w->val) = done;
  w->total += total;
  return !(w->stop_at && w->train == w->stop_at);
}

static void the_layout_is_made(void **state) {
  sources s;
  make_sources(*state, &s);
  for (int named = 0; named < 2; named++) {
    lp_ilsvrc from = {s.train, s.val, named ? s.names : s.numbers, named ? NULL : s.synsets};
    for (int again = 0; again < 2; again++) { /* the second run has nothing to do */
      watch w = {0};
      lp_status status = lp_dataset_prepare_ilsvrc(&from, s.out, count, &w);
      if (status != LP_OK) fail_msg("%s", lp_error_message());
      assert_int_equal(w.train, CLASSES);
      assert_int_equal(w.val, again ? 0 : VAL);
      check_layout(&s);
    }
    char command[400];
    snprintf(command, sizeof command, "rm -r '%s'", s.out);
    assert_int_equal(system(command), 0);
  }
}

static void a_stopped_run_goes_on(void **state) {
  sources s;
  make_sources(*state, &s);
  const lp_ilsvrc from = {s.train, s.val, s.numbers, s.synsets};
  watch w = {.stop_at = 2};
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, s.out, count, &w), LP_ERR_INTERRUPTED);
  assert_int_equal(entries(in(s.out, "train")), 2);
  /* What a killed run leaves, and a class that is there, which must be left alone. */
  assert_int_equal(lp_make_dirs(in(s.out, ".train-partial/x")), LP_OK);
  put(in(s.out, ".train-partial/n04_0.JPEG"), "half", 4);
  assert_int_equal(lp_make_dirs(in(s.out, ".val-partial/n01")), LP_OK);
  put(in(s.out, ".val-partial/n01/ILSVRC2012_val_00000001.JPEG"), "half", 4);
  struct stat before, after;
  assert_int_equal(stat(in(s.out, "train/n03"), &before), 0);
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, s.out, NULL, NULL), LP_OK);
  assert_int_equal(stat(in(s.out, "train/n03"), &after), 0);
  assert_int_equal(before.st_ino, after.st_ino);
  check_layout(&s);
}

static void damage_is_found(void **state) {
  sources s;
  make_sources(*state, &s);
  lp_ilsvrc from = {s.train, NULL, NULL, NULL};
  size_t n, m;
  char *bytes = get(s.train, &n), *val = get(s.val, &m);
  put(s.train, bytes, 9000); /* within an inner archive */
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, s.out, NULL, NULL), LP_ERR_FORMAT);
  error_says("train.tar is damaged or cut short");
  assert_int_equal(access(s.out, F_OK), -1);

  /* The second inner archive loses its end: a size that its own header does not keep. */
  tar_file *t = tar_begin(s.train, NULL);
  for (int k = 0; k < 2; k++) {
    const size_t inner = k ? 700 : 10240;
    tar_add(t, k ? "n01.tar" : "n03.tar", bytes + 512, inner);
  }
  tar_end(t);
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, s.out, NULL, NULL), LP_ERR_FORMAT);
  error_says("n01.tar in the training archive is damaged or cut short");
  assert_int_equal(entries(in(s.out, "train")), 1); /* the first class is kept */
  assert_int_equal(entries(s.out), 1);              /* nothing half done */
  put(s.train, bytes, n);

  from = (lp_ilsvrc){NULL, s.val, s.numbers, s.synsets};
  put(s.val, val, 3000);
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, in(*state, "v"), NULL, NULL), LP_ERR_FORMAT);
  error_says("val.tar is damaged or cut short");
  put(s.val, val, m);
  free(bytes);
  free(val);

  static const struct {
    const char *text, *says;
  } bad[] = {{"1\n2\n3\n", "holds 6 images"},
             {"1\n2\n3\n4\n5\n1\n", "line 5 is '5', expected a number from 1 to 4"},
             {"1\n2\n0\n4\n1\n1\n", "line 3 is '0'"},
             {"1\nx\n3\n4\n1\n1\n", "line 2 is 'x'"},
             {"1\n\n3\n4\n1\n1\n", "line 2 does not begin with"},
             {"n01\n../x\nn01\nn01\nn01\nn01\n", "line 2 does not begin with"},
             {"", "numbers.txt is empty"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put(s.numbers, bad[i].text, strlen(bad[i].text));
    assert_int_equal(lp_dataset_prepare_ilsvrc(&from, in(*state, "v"), NULL, NULL), LP_ERR_FORMAT);
    error_says(bad[i].says);
    assert_int_equal(access(in(*state, "v"), F_OK), -1);
  }
  from.synsets = NULL;
  put(s.numbers, "1\n", 2);
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, in(*state, "v"), NULL, NULL), LP_ERR_ARG);
  error_says("the list of synsets");
  from.ground_truth = NULL;
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, in(*state, "v"), NULL, NULL), LP_ERR_ARG);
  from.val = NULL;
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, in(*state, "v"), NULL, NULL), LP_ERR_ARG);
}

static void validation_images_need_their_class(void **state) {
  sources s;
  make_sources(*state, &s);
  const char *text = "n01\nn02\nn03\nn04\nn05\nn01\n";
  put(s.names, text, strlen(text));
  const lp_ilsvrc from = {s.train, s.val, s.names, NULL};
  assert_int_equal(lp_dataset_prepare_ilsvrc(&from, s.out, NULL, NULL), LP_ERR_FORMAT);
  error_says("line 5 is of n05, of which there are no training images");
  assert_int_equal(entries(s.out), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_layout_is_made),
      TEST(a_stopped_run_goes_on),
      TEST(damage_is_found),
      TEST(validation_images_need_their_class),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
