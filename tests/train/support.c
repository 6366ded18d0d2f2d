/* The data set, the training and the loop over devices that tests of training share. */
#include "support.h"

#include <locality/io.h>
#include <locality/registry.h>
#include <locality/rng.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char folder[] = "/tmp/locality-train-XXXXXX";
lp_dataset *train_set, *test_set;

static const char *device = "cpu";
/* Settings of the specs of a test. */
static lp_settings *pool[16];
static int pooled;

void put_u32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A separable problem: class k is a bright bar in row 2k+4, on noise. */
static void write_split(const char *prefix, uint32_t n, uint64_t seed) {
  uint8_t *images = malloc(16 + n * 784), *labels = malloc(8 + n);
  put_u32(images, 0x803), put_u32(images + 4, n), put_u32(images + 8, 28), put_u32(images + 12, 28);
  put_u32(labels, 0x801), put_u32(labels + 4, n);
  lp_rng r = lp_rng_make(seed, "images");
  for (uint32_t i = 0; i < n; i++) {
    uint32_t k = lp_rng_below(&r, 10);
    labels[8 + i] = (uint8_t)k;
    for (uint32_t p = 0; p < 784; p++) {
      bool bar = p / 28 == 2 * k + 4;
      images[16 + i * 784 + p] = (uint8_t)(lp_rng_below(&r, 120) + (bar ? 130 : 0));
    }
  }
  char path[200];
  snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, prefix);
  assert_int_equal(lp_write_file(path, images, 16 + n * 784), LP_OK);
  snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, prefix);
  assert_int_equal(lp_write_file(path, labels, 8 + n), LP_OK);
  free(images);
  free(labels);
}

static void free_settings(void) {
  while (pooled) lp_settings_free(pool[--pooled]);
}

static int set_up(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  write_split("train", 330, 1); /* 5 batches of 64 and one of 10 */
  write_split("t10k", 130, 2);
  char spec[120];
  snprintf(spec, sizeof spec, "idx:%s", folder);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &train_set), LP_OK);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TEST, &test_set), LP_OK);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free_settings();
  lp_dataset_close(train_set);
  lp_dataset_close(test_set);
  char command[200];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

lp_train_spec default_spec(void) {
  lp_train_spec s = {.net = {.model = "lenet",
                             .layer = "locality:cost=linear",
                             .classes = 10,
                             .in_channels = 1,
                             .in_h = 28,
                             .in_w = 28,
                             .pixels = {1, 1 / 255.0f, {0.3f}, {0.2f}},
                             .dropout = -1,
                             .dropout2d = -1}};
  static const char *const setting[][2] = {{"momentum", "0.5"}, {"decay", "0.001"}, {"seed", "7"},
                                           {"epochs", "3"},     {"batch", "64"},    {"lr", "0.05"}};
  if (pooled == sizeof pool / sizeof *pool) free_settings();
  assert_int_equal(lp_settings_new(&pool[pooled]), LP_OK);
  s.settings = pool[pooled++];
  for (size_t i = 0; i < sizeof setting / sizeof *setting; i++)
    set(&s, setting[i][0], setting[i][1]);
  set(&s, "backend", device);
  return s;
}

void set(lp_train_spec *s, const char *name, const char *text) {
  lp_settings *own = NULL;
  for (int i = 0; i < pooled; i++)
    if (pool[i] == s->settings) own = pool[i];
  assert_non_null(own);
  if (lp_settings_set(own, name, text) != LP_OK) fail_msg("%s", lp_error_message());
}

void set_number(lp_train_spec *s, const char *name, uint32_t number) {
  char text[16];
  snprintf(text, sizeof text, "%u", number);
  set(s, name, text);
}

lp_trainer *new_trainer(const lp_train_spec *s) {
  lp_trainer *t;
  lp_status status = lp_trainer_new(s, train_set, &t);
  if (status != LP_OK) print_error("%s\n", lp_error_message());
  assert_int_equal(status, LP_OK);
  return t;
}

void train_epochs(lp_trainer *t, uint32_t n, lp_epoch_result *last) {
  for (uint32_t i = 0; i < n; i++) {
    lp_status status = lp_train_epoch(t, NULL, NULL, last);
    if (status != LP_OK) print_error("%s\n", lp_error_message());
    assert_int_equal(status, LP_OK);
  }
}

size_t var_size(lp_trainer *t, const char *wanted) {
  lp_session *s = lp_trainer_session(t);
  const char *name;
  lp_var_kind kind;
  lp_desc d;
  for (uint32_t i = 0; i < lp_session_var_count(s); i++)
    if (lp_session_var(s, i, &name, &kind, &d) == LP_OK && strcmp(name, wanted) == 0)
      return (size_t)lp_numel(&d);
  fail_msg("no variable %s", wanted);
  return 0;
}

float *read_var(lp_trainer *t, const char *name) {
  const size_t n = var_size(t, name);
  float *x = malloc(n * sizeof *x);
  assert_int_equal(lp_session_read(lp_trainer_session(t), name, x, n * sizeof *x), LP_OK);
  return x;
}

/* All parameters and state, concatenated. */
static float *weights(lp_trainer *t, size_t *n) {
  lp_session *s = lp_trainer_session(t);
  float *all = NULL;
  *n = 0;
  for (uint32_t i = 0; i < lp_session_var_count(s); i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc d;
    assert_int_equal(lp_session_var(s, i, &name, &kind, &d), LP_OK);
    if (kind == LP_VAR_CONSTANT || lp_session_role(s, i) == LP_ROLE_SCRATCH) continue;
    size_t count = (size_t)lp_numel(&d);
    all = realloc(all, (*n + count) * sizeof *all);
    assert_int_equal(lp_session_read(s, name, all + *n, count * sizeof *all), LP_OK);
    *n += count;
  }
  return all;
}

void assert_same_weights(lp_trainer *a, lp_trainer *b) {
  size_t n, m;
  float *x = weights(a, &n), *y = weights(b, &m);
  assert_int_equal(n, m);
  assert_memory_equal(x, y, n * sizeof *x);
  free(x);
  free(y);
}

bool stop_at(void *user, const lp_progress *p) {
  const uint32_t *where = user;
  return !(p->epoch == where[0] && p->step == where[1]);
}

int run_tests_on_devices(const struct CMUnitTest *tests, size_t n) {
  char list[200];
  const char *env = getenv("LOCALITY_TEST_DEVICES");
  snprintf(list, sizeof list, "%s", env && *env ? env : "cpu");
  int failed = 0;
  for (char *save = NULL, *d = strtok_r(list, " ", &save); d; d = strtok_r(NULL, " ", &save)) {
    device = d;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    failed += _cmocka_run_group_tests(device, tests, n, set_up, tear_down);
  }
  lp_registry_shutdown();
  return failed;
}
