/* Training on image files: the number of threads that decode them changes nothing, nor does an
 * interruption inside an epoch; faults arrive. */
#include <locality/io.h>
#include <locality/train.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

enum { CLASSES = 3, PER_CLASS = 9, SIZE = 28, FILE_SIZE = 40 };

static char folder[] = "/tmp/locality-train-images-XXXXXX";
static lp_dataset *train_set, *test_set;

static lp_status open_split(const char *options, lp_split split, lp_dataset **out) {
  char spec[120];
  snprintf(spec, sizeof spec, "imagefolder:%s,size=%d%s", folder, SIZE, options);
  return lp_dataset_open(spec, split, out);
}

static int set_up(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  static uint8_t pixels[FILE_SIZE * FILE_SIZE * 3];
  for (uint32_t i = 0; i < CLASSES * PER_CLASS; i++) {
    char path[120];
    for (uint32_t p = 0; p < sizeof pixels; p++)
      pixels[p] = (uint8_t)(p * (i + 3) + p / 100 * 7 + (p % 3 == i / PER_CLASS ? 100 : 0));
    for (int split = 0; split < 2; split++) {
      snprintf(path, sizeof path, "%s/%s/%u", folder, split ? "val" : "train", i / PER_CLASS);
      assert_int_equal(lp_make_dirs(path), LP_OK);
      snprintf(path + strlen(path), 20, "/%u.png", i);
      assert_int_equal(lp_png_write(path, FILE_SIZE, FILE_SIZE, 3, pixels), LP_OK);
    }
  }
  assert_int_equal(open_split("", LP_SPLIT_TRAIN, &train_set), LP_OK);
  assert_int_equal(open_split("", LP_SPLIT_TEST, &test_set), LP_OK);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lp_dataset_close(train_set);
  lp_dataset_close(test_set);
  unsetenv("LOCALITY_WORKERS");
  char command[200];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static lp_trainer *new_trainer(const lp_dataset *data, const char *accumulate) {
  lp_settings *settings;
  assert_int_equal(lp_settings_new(&settings), LP_OK);
  const char *const setting[][2] = {{"backend", "cpu"}, {"seed", "3"},
                                    {"epochs", "2"},    {"batch", "7"}, /* 4 steps, the last of 6 */
                                    {"momentum", "0"},  {"decay", "0"},
                                    {"lr", "0.01"},     {"accumulate", accumulate}};
  for (size_t i = 0; i < sizeof setting / sizeof *setting; i++)
    assert_int_equal(lp_settings_set(settings, setting[i][0], setting[i][1]), LP_OK);
  lp_train_spec s = {.net = {.model = "lenet",
                             .layer = "locality:cost=linear",
                             .classes = CLASSES,
                             .in_channels = 3,
                             .in_h = SIZE,
                             .in_w = SIZE,
                             .pixels = {3, 1 / 255.0f, {0.5f, 0.5f, 0.5f}, {0.3f, 0.3f, 0.3f}},
                             .dropout = -1,
                             .dropout2d = -1},
                     .settings = settings};
  lp_trainer *t;
  lp_status status = lp_trainer_new(&s, data, &t);
  if (status != LP_OK) fail_msg("%s", lp_error_message());
  lp_settings_free(settings); /* a trainer has its own */
  return t;
}

typedef struct result {
  lp_epoch_result train, test;
  float *in, *out;
} result;

static bool stop_at(void *user, const lp_progress *p) {
  return p->step != *(const uint32_t *)user;
}

/* Two epochs; interrupted in the first before step `stop`, if there is one, and resumed. */
static result run(const char *workers, const char *accumulate, uint32_t stop) {
  enum { N = CLASSES * PER_CLASS, UNITS = 49 };
  result r = {0};
  setenv("LOCALITY_WORKERS", workers, 1);
  lp_trainer *t = new_trainer(train_set, accumulate);
  if (stop < 4) {
    char path[120];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    assert_int_equal(lp_train_epoch(t, stop_at, &stop, &r.train), LP_ERR_INTERRUPTED);
    assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
    lp_trainer_free(t);
    t = new_trainer(train_set, accumulate);
    assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
  }
  for (int epoch = 0; epoch < 2; epoch++)
    assert_int_equal(lp_train_epoch(t, NULL, NULL, &r.train), LP_OK);
  assert_int_equal(lp_evaluate(t, test_set, &r.test), LP_OK);
  uint32_t index[N];
  int32_t labels[N];
  lp_dataset_selection(test_set, N, index);
  r.in = calloc(N * UNITS, sizeof *r.in);
  r.out = calloc(N * UNITS, sizeof *r.out);
  assert_int_equal(lp_activations(t, test_set, index, N, (float *const[]){r.in, r.out}, labels),
                   LP_OK);
  for (int i = 0; i < N; i++) assert_int_equal(labels[i], i / PER_CLASS);
  lp_trainer_free(t);
  return r;
}

static void assert_equal_and_free(result a, result *b) {
  enum { BYTES = CLASSES * PER_CLASS * 49 * sizeof(float) };
  assert_true(a.train.loss == b->train.loss && a.test.loss == b->test.loss);
  assert_true(a.test.accuracy == b->test.accuracy);
  assert_memory_equal(a.in, b->in, BYTES);
  assert_memory_equal(a.out, b->out, BYTES);
  free(b->in);
  free(b->out);
}

static void workers_and_interruptions_change_nothing(void **state) {
  (void)state;
  /* In 3 passes of 3 samples a single one would be left over: they have 3, 2 and 2. */
  static const char *const passes[] = {"1", "3"};
  for (int p = 0; p < 2; p++) {
    result plain = run("0", passes[p], 4);
    assert_true(plain.train.loss > 0 && plain.test.loss > 0);
    static const char *const workers[] = {"1", "3"};
    for (int w = 0; w < 2; w++)
      for (uint32_t stop = 1; stop <= 4; stop++) {
        result other = run(workers[w], passes[p], stop);
        assert_equal_and_free(plain, &other);
      }
    free(plain.in);
    free(plain.out);
  }
}

/* A model file keeps the names of its classes; of classes without names it has none. */
static void a_model_has_its_classes(void **state) {
  (void)state;
  char path[120];
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  lp_trainer *t = new_trainer(train_set, "1");
  assert_int_equal(lp_model_save(t, path), LP_OK);
  lp_trainer_free(t);
  lp_model *m;
  assert_int_equal(lp_model_load(path, &m), LP_OK);
  const char *const *name = lp_model_class_names(m);
  assert_non_null(name);
  for (int k = 0; k < CLASSES; k++) {
    snprintf(path, sizeof path, "%d", k);
    assert_string_equal(name[k], path);
  }
  lp_model_free(m);
}

/* A checkpoint is of its images and of what is done to them, wherever they lie. */
static void checkpoint_belongs_to_its_data(void **state) {
  (void)state;
  static const struct {
    const char *options, *change; /* a command in the copy of the folder */
    lp_status status;
  } row[] = {
      {"", "true", LP_OK},
      {",area=0.5", "true", LP_ERR_ARG},
      {",augment=0", "true", LP_ERR_ARG},
      {",resize=40", "true", LP_ERR_ARG},
      {"", "mv train/1/9.png train/1/09.png", LP_ERR_ARG},
      {"", "mv train/1/9.png train/2/9.png", LP_ERR_ARG},
      {"", "printf x | dd of=train/1/9.png bs=1 seek=70 conv=notrunc 2>/dev/null", LP_ERR_ARG},
  };
  char path[120], command[400], spec[200];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  setenv("LOCALITY_WORKERS", "1", 1);
  lp_trainer *t = new_trainer(train_set, "1");
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  lp_trainer_free(t);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    snprintf(command, sizeof command,
             "rm -rf %s/copy && mkdir %s/copy && cp -r %s/train %s/val %s/copy && cd %s/copy && %s",
             folder, folder, folder, folder, folder, folder, row[i].change);
    assert_int_equal(system(command), 0);
    snprintf(spec, sizeof spec, "imagefolder:%s/copy,size=%d%s", folder, SIZE, row[i].options);
    lp_dataset *other;
    assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &other), LP_OK);
    t = new_trainer(other, "1");
    assert_int_equal(lp_checkpoint_load(t, path), row[i].status);
    lp_trainer_free(t);
    lp_dataset_close(other);
  }
}

static void faults_end_the_epoch(void **state) {
  (void)state;
  char path[120];
  lp_dataset *strict;
  snprintf(path, sizeof path, "%s/train/1/broken.png", folder);
  assert_int_equal(lp_write_file(path, "no image", 8), LP_OK);
  assert_int_equal(open_split(",strict", LP_SPLIT_TRAIN, &strict), LP_OK);
  setenv("LOCALITY_WORKERS", "2", 1);
  lp_trainer *t = new_trainer(strict, "1");
  lp_epoch_result r;
  assert_int_equal(lp_train_epoch(t, NULL, NULL, &r), LP_ERR_FORMAT);
  assert_non_null(strstr(lp_error_message(), "train/1/broken.png"));
  lp_trainer_free(t);
  lp_dataset_close(strict);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(workers_and_interruptions_change_nothing),
      cmocka_unit_test(a_model_has_its_classes),
      cmocka_unit_test(checkpoint_belongs_to_its_data),
      cmocka_unit_test(faults_end_the_epoch),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
