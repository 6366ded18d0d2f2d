/* Every preset: a dry run, and some steps of training on made-up data in the format that it asks
 * for. The presets are the files of their folder, so that a new one is tested without a word here.
 */
#include "../data/pictures.h"
#include "cli_test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 32, CLASSES = 4 };
static char *preset[MOST]; /* paths of the files */
static size_t presets;

/* ---- data ----------------------------------------------------------------------------------- */

static void make_cifar(void) {
  enum { RECORDS = 8, BYTES = 3073 };
  static uint8_t records[RECORDS * BYTES];
  uint32_t noise = 7;
  for (size_t i = 0; i < sizeof records; i++) {
    noise = noise * 1664525u + 1013904223u;
    records[i] = (uint8_t)(i % BYTES ? noise >> 24 : i / BYTES % 10);
  }
  assert_int_equal(mkdir("cifar10", 0777), 0);
  char path[64];
  for (int k = 1; k <= 6; k++) {
    snprintf(path, sizeof path, k < 6 ? "cifar10/data_batch_%d.bin" : "cifar10/test_batch.bin", k);
    test_write(path, records, sizeof records);
  }
}

/* DIR/train and DIR/val with a folder a class; the sizes of real images differ, if not all the
 * same. */
static void make_folder(const char *dir, uint32_t width, uint32_t height, uint32_t more) {
  char path[128];
  assert_int_equal(mkdir(dir, 0777), 0);
  for (int split = 0; split < 2; split++) {
    snprintf(path, sizeof path, "%s/%s", dir, split ? "val" : "train");
    assert_int_equal(mkdir(path, 0777), 0);
    for (uint32_t c = 0; c < CLASSES; c++) {
      snprintf(path, sizeof path, "%s/%s/n%08u", dir, split ? "val" : "train", c);
      assert_int_equal(mkdir(path, 0777), 0);
      for (uint32_t i = 0; i < 2; i++) {
        const uint8_t colour[3] = {(uint8_t)(60 * c), (uint8_t)(100 * i),
                                   (uint8_t)(split ? 200 : 90)};
        blob b = plain_jpeg(width + i * more, height + c * more, colour);
        snprintf(path, sizeof path, "%s/%s/n%08u/%u.JPEG", dir, split ? "val" : "train", c, i);
        test_write(path, b.bytes, b.n);
        free(b.bytes);
      }
    }
  }
}

static int make_data(void **state) {
  (void)state;
  test_make_images("idx", 8, 8);
  make_cifar();
  make_folder("small", 64, 64, 0);
  make_folder("large", 240, 180, 33);
  return 0;
}

/* ---- presets -------------------------------------------------------------------------------- */

/* The value of a line "key: value" of a preset, without quotes. */
static void setting(const char *path, const char *key, char out[64]) {
  char *text = test_read(path, NULL), want[32];
  snprintf(want, sizeof want, "\n%s:", key);
  char *at = strstr(text, want);
  if (!at) print_error("%s has no %s\n", path, key);
  assert_non_null(at);
  at += strlen(want) + strspn(at + strlen(want), " \"");
  snprintf(out, 64, "%.*s", (int)strcspn(at, "\"\n"), at);
  free(text);
}

/* --data for what the preset reads. */
static const char *data_for(const char *path) {
  char data[64], model[64];
  setting(path, "data", data);
  setting(path, "model", model);
  if (strncmp(data, "cifar10:", 8) == 0) return "cifar10:cifar10";
  if (strncmp(data, "imagefolder:", 12) == 0)
    return strcmp(model, "alexnet") == 0 ? "imagefolder:large" : "imagefolder:small";
  if (strcmp(data, "one-choice") == 0) return "one-choice:train=8,test=8";
  if (strcmp(data, "mnist") == 0 || strcmp(data, "fashion-mnist") == 0) return "idx:idx";
  fail_msg("%s: no data is made for %s", path, data);
  return NULL;
}

static const char *name_of(const char *path) {
  static char name[64];
  const char *slash = strrchr(path, '/') + 1;
  snprintf(name, sizeof name, "%.*s", (int)strcspn(slash, "."), slash);
  return name;
}

#define FEW "--epochs 1 --seeds 1 --batch 4 --images 4 --backend cpu --quiet"

/* The program's list and the folder hold the same presets. */
static void test_list(void **state) {
  (void)state;
  assert_int_equal(test_run("models --json"), 0);
  json_t *j = json_loads(test_out, 0, NULL), *model, *name;
  size_t i, k, found = 0;
  json_array_foreach(json_object_get(j, "models"), i, model) {
    json_array_foreach(json_object_get(model, "presets"), k, name) {
      bool there = false;
      for (size_t p = 0; p < presets; p++)
        there |= strcmp(name_of(preset[p]), json_string_value(name)) == 0;
      if (!there) print_error("no file of preset %s\n", json_string_value(name));
      assert_true(there);
      found++;
    }
  }
  json_decref(j);
  assert_int_equal(found, presets);
}

static void test_dry_run(void **state) {
  (void)state;
  for (size_t i = 0; i < presets; i++) {
    int code = test_run("experiment %s --data %s --dry-run --json " FEW, name_of(preset[i]),
                        data_for(preset[i]));
    if (code) print_error("%s: %s", name_of(preset[i]), test_err);
    assert_int_equal(code, 0);
    json_t *j = json_loads(test_out, 0, NULL);
    assert_true(json_array_size(json_object_get(j, "arms")) >= 2);
    assert_true(json_number_value(json_object_get(j, "seconds_per_epoch")) > 0);
    json_decref(j);
  }
}

/* Each network of the run ended as it should, after every step that its images give. */
static void check_run(const char *dir, const char *name) {
  char path[128];
  snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
  char *text = test_read(path, NULL), *save = NULL;
  size_t ends = 0, epochs = 0;
  snprintf(path, sizeof path, "%s/manifest.json", dir);
  json_t *manifest = json_load_file(path, 0, NULL);
  const size_t arms = json_array_size(json_object_get(manifest, "arms"));
  json_decref(manifest);
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    json_t *j = json_loads(line, 0, NULL);
    const char *event = json_string_value(json_object_get(j, "event"));
    assert_non_null(event);
    if (strcmp(event, "epoch") == 0) {
      assert_true(json_integer_value(json_object_get(j, "steps")) >= 2);
      epochs++;
    }
    if (strcmp(event, "end") == 0) {
      const char *status = json_string_value(json_object_get(j, "status"));
      if (strcmp(status, "complete") != 0) print_error("%s: %s\n", name, line);
      assert_string_equal(status, "complete");
      ends++;
    }
    json_decref(j);
  }
  free(text);
  assert_true(arms >= 2);
  assert_int_equal(ends, arms);
  assert_int_equal(epochs, arms);
}

static void test_training(void **state) {
  (void)state;
  for (size_t i = 0; i < presets; i++) {
    const char *name = name_of(preset[i]);
    char dir[80], model[64];
    snprintf(dir, sizeof dir, "run-%s", name);
    setting(preset[i], "model", model);
    /* at this rate no few steps diverge: what a preset's own does is no matter of its format; the
     * small sheet makes small files */
    int code =
        test_run("experiment %s --data %s --lr 1e-5 %s --no-report --out %s " FEW, name,
                 data_for(preset[i]), strncmp(model, "alexnet", 7) == 0 ? "--sheet 8x8" : "", dir);
    if (code) print_error("%s: %s", name, test_err);
    assert_int_equal(code, 0);
    check_run(dir, name);
  }
}

int main(int argc, char **argv) {
  char pattern[4096];
  glob_t g;
  snprintf(pattern, sizeof pattern, "%s/core/experiment/presets/*.yaml", argc > 2 ? argv[2] : ".");
  if (glob(pattern, 0, NULL, &g) != 0 || g.gl_pathc > MOST) return 1;
  for (presets = 0; presets < g.gl_pathc; presets++) preset[presets] = g.gl_pathv[presets];
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_list), cmocka_unit_test(test_dry_run),
                                     cmocka_unit_test(test_training)};
  test_begin(argc, argv);
  int failed = cmocka_run_group_tests(tests, make_data, NULL);
  test_end();
  globfree(&g);
  return failed;
}
