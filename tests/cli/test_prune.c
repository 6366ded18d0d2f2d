/* locality prune: tables, sparse model files, fine-tuning, the report's section, bad input. */
#include "cli_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS                                                                                   \
  "--data idx:data --epochs 1 --batch 16 --images 24 --seeds 1 --quiet --backend cpu:threads=1 "
#define WIRES 2401 /* 49 x 49 */

static int make_run(void **state) {
  (void)state;
  test_make_images("data", 64, 24);
  /* A disk of radius 1 has 5 wires a unit, fewer at the border: 49 + 4 x 7 x 6 in all. */
  if (test_run("experiment mnist " SETTINGS
               "--arms control,linear,disk='(locality:cost=(disk:r=1))' --no-report --out run") !=
      0)
    fail_msg("%s", test_err);
  return 0;
}

static void prune(const char *args) {
  if (test_run("prune %s --quiet --backend cpu:threads=1", args) != 0)
    fail_msg("%s: %s", args, test_err);
}

static json_t *json_of(const char *path) {
  json_t *m = json_load_file(path, 0, NULL);
  if (!m) fail_msg("%s: not there, or no JSON", path);
  return m;
}

/* ---- model files ----------------------------------------------------------------------------- */

typedef struct tensor {
  char *file;
  const void *data;
  size_t n;
} tensor;

/* A tensor of a safetensors file, of 4-byte numbers; data NULL: there is none. */
static tensor tensor_of(const char *path, const char *name) {
  tensor t = {.file = test_read(path, NULL)};
  uint64_t size;
  memcpy(&size, t.file, sizeof size);
  json_t *head = json_loadb(t.file + 8, size, 0, NULL);
  json_t *at = json_object_get(json_object_get(head, name), "data_offsets");
  if (at) {
    const size_t first = (size_t)json_integer_value(json_array_get(at, 0)),
                 end = (size_t)json_integer_value(json_array_get(at, 1));
    t.data = t.file + 8 + size + first;
    t.n = (end - first) / 4;
  }
  json_decref(head);
  return t;
}

static const json_t *row_of(const json_t *all, const char *arm, const char *rank, double keep,
                            int tuned) {
  size_t i;
  json_t *r;
  json_array_foreach(json_object_get(all, "rows"), i, r) {
    if (strcmp(json_string_value(json_object_get(r, "arm")), arm) == 0 &&
        strcmp(json_string_value(json_object_get(r, "rank")), rank) == 0 &&
        json_number_value(json_object_get(r, "keep")) == keep &&
        json_integer_value(json_object_get(r, "finetuned")) == tuned)
      return r;
  }
  fail_msg("no row of %s, %s, %g, %d", arm, rank, keep, tuned);
  return NULL;
}

static double number(const json_t *row, const char *key) {
  return json_number_value(json_object_get(row, key));
}

/* What eval says of a file is what the row says. */
static void evaluates_as(const char *path, const json_t *row) {
  assert_int_equal(test_run("eval %s --json --backend cpu:threads=1", path), 0);
  json_t *e = json_loads(test_out, 0, NULL);
  assert_true(number(e, "accuracy") == number(row, "accuracy"));
  assert_true(number(e, "loss") == number(row, "loss"));
  json_decref(e);
}

static void test_tables(void **state) {
  (void)state;
  prune("run --rank pw,random --keep 0.1,0.5 --out a");
  json_t *all = json_of("a/prune.json");
  assert_int_equal(json_array_size(json_object_get(all, "rows")), 3 * 2 * 3);
  static const char *const arm[] = {"control", "linear", "disk"};
  for (int i = 0; i < 3; i++) {
    const double wires = i == 2 ? 49 + 4 * 7 * 6 : WIRES;
    const json_t *whole = row_of(all, arm[i], "pw", 1, 0), *some = row_of(all, arm[i], "pw", .1, 0);
    assert_true(number(whole, "wires") == wires && number(whole, "kept") == wires);
    assert_true(number(some, "kept") == round(.1 * wires));
    assert_true(number(some, "length") > 0 && number(some, "length") < number(whole, "length"));
    char path[100];
    snprintf(path, sizeof path, "run/models/%s-seed1.safetensors", arm[i]);
    evaluates_as(path, whole);
    snprintf(path, sizeof path, "a/models/%s-seed1-pw-0.1.safetensors", arm[i]);
    evaluates_as(path, some);
    tensor values = tensor_of(path, "lp.weight.values"), rows = tensor_of(path, "lp.weight.rows");
    assert_true((double)values.n == round(.1 * wires));
    assert_int_equal(rows.n, 50);
    assert_int_equal(((const int32_t *)rows.data)[49], values.n);
    free(values.file);
    free(rows.file);
    tensor dense = tensor_of(path, "lp.weight");
    assert_null(dense.data);
    free(dense.file);
  }
  /* What is kept by |P W| has the largest |P W|, which a mean length below chance shows. */
  assert_true(number(row_of(all, "linear", "pw", .1, 0), "mean_length") <
              number(row_of(all, "linear", "random", .1, 0), "mean_length"));
  json_decref(all);
  /* a row a network, rank and fraction, and the same to the bit the next time */
  char *csv = test_read("a/prune.csv", NULL);
  int lines = 0;
  for (const char *c = csv; *c; c++) lines += *c == '\n';
  assert_int_equal(lines, 1 + 3 * 2 * 3);
  free(csv);
  prune("run --rank pw,random --keep 0.1,0.5 --out b");
  test_same_file("a/prune.csv", "b/prune.csv");
  test_same_file("a/models/linear-seed1-random-0.5.safetensors",
                 "b/models/linear-seed1-random-0.5.safetensors");
}

/* What is pruned of a layer stays so while the network trains. */
static void test_finetune(void **state) {
  (void)state;
  prune("run --rank w --keep 0.2 --finetune 1 --settings optimizer=adamw,lr=0.01 --out tuned");
  prune("run --rank w --keep 0.2 --out cut");
  static const char *const arm[] = {"control", "disk"};
  json_t *all = json_of("tuned/prune.json");
  for (int i = 0; i < 2; i++) {
    char a[100], b[100];
    snprintf(a, sizeof a, "tuned/models/%s-seed1-w-0.2.safetensors", arm[i]);
    snprintf(b, sizeof b, "cut/models/%s-seed1-w-0.2.safetensors", arm[i]);
    tensor x = tensor_of(a, "lp.weight.columns"), y = tensor_of(b, "lp.weight.columns");
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.data, y.data, 4 * x.n);
    free(x.file);
    free(y.file);
    x = tensor_of(a, "lp.weight.values"), y = tensor_of(b, "lp.weight.values");
    assert_memory_not_equal(x.data, y.data, 4 * x.n);
    free(x.file);
    free(y.file);
    evaluates_as(a, row_of(all, arm[i], "w", .2, 1)); /* the file has nothing but what is kept */
  }
  json_decref(all);
}

/* Computed by what is kept alone or by the matrix, a network is the same but for rounding, which on
 * some devices is none. */
static void test_both_ways(void **state) {
  (void)state;
  static const char *const way[] = {"0", "1"};
  json_t *all[2];
  for (int k = 0; k < 2; k++) {
    char path[40];
    snprintf(path, sizeof path, "way%d", k);
    test_run("prune run --rank w,random --keep 0.3 --finetune 1 --layers fc1,lp --sparse %s -q "
             "--backend cpu:threads=1 --out %s",
             way[k], path);
    snprintf(path, sizeof path, "way%d/prune.json", k);
    all[k] = json_of(path);
    assert_true(json_number_value(json_object_get(all[k], "sparse")) == k);
  }
  const size_t n = json_array_size(json_object_get(all[0], "rows"));
  assert_int_equal(n, 3 * 2 * 3);
  for (size_t i = 0; i < n; i++) {
    const json_t *a = json_array_get(json_object_get(all[0], "rows"), i),
                 *b = json_array_get(json_object_get(all[1], "rows"), i);
    static const char *const same[] = {"wires", "kept", "mean_length"};
    for (int k = 0; k < 3; k++) assert_true(number(a, same[k]) == number(b, same[k]));
    assert_true(fabs(number(a, "loss") / number(b, "loss") - 1) < 1e-3);
  }
  for (int k = 0; k < 2; k++) json_decref(all[k]);
  /* a pruned file is evaluated in either way, too */
  double loss[2];
  for (int k = 0; k < 2; k++) {
    assert_int_equal(test_run("eval way0/models/linear-seed1-w-0.3.safetensors --json --sparse %s "
                              "--backend cpu:threads=1",
                              way[k]),
                     0);
    json_t *e = json_loads(test_out, 0, NULL);
    loss[k] = number(e, "loss");
    json_decref(e);
  }
  assert_true(fabs(loss[0] - loss[1]) < 1e-5 * loss[0]);
}

/* Arms that placed units while they were trained are fine-tuned where these stand. */
static void test_placed(void **state) {
  (void)state;
  if (test_run("experiment mnist " SETTINGS "--model mlp --sheet 4x6 --no-report --out placed "
               "--arms 'control,moved=(place=(fc1))'") != 0)
    fail_msg("%s", test_err);
  prune("placed --rank w --keep 0.2 --finetune 1 --layers fc1");
  json_t *all = json_of("placed/pruned/prune.json");
  evaluates_as("placed/pruned/models/moved-seed1-w-0.2.safetensors",
               row_of(all, "moved", "w", .2, 1));
  json_decref(all);
}

static void test_model(void **state) {
  (void)state;
  /* of two layers together: one of them keeps more than its share */
  prune("run/models/linear-seed1.safetensors --scope global --layers fc1,lp --rank w --keep 0.1");
  const char *path = "run/models/linear-seed1-pruned/models/linear-seed1-seed1-w-0.1.safetensors";
  tensor fc = tensor_of(path, "fc1.weight.values"), lp = tensor_of(path, "lp.weight.values");
  assert_int_equal(fc.n + lp.n, (size_t)round(.1 * (WIRES + 49 * 320)));
  assert_true(fabs((double)lp.n - .1 * WIRES) > 10);
  free(fc.file);
  free(lp.file);
  /* a pruned file can be pruned again; a convolution has no distances */
  if (test_run("prune %s --rank random --keep 0.5 --layers conv2 --out again -q", path) != 0)
    fail_msg("%s", test_err);
  json_t *all = json_of("again/prune.json");
  const json_t *row = json_array_get(json_object_get(all, "rows"), 1);
  assert_true(number(row, "kept") == 2500);
  assert_true(json_is_null(json_object_get(row, "length")));
  json_decref(all);
}

/* A local layer of a large sheet has its wires alone, and is pruned as its matrix would be. */
static void test_local(void **state) {
  (void)state;
  static const char train[] = "train --data idx:data --epochs 1 --batch 16 --quiet --backend "
                              "cpu:threads=1 --model mlp --sheet 32x64 --layer "
                              "'locality:cost=(disk:r=2),normalize=fan_in' ";
  if (test_run("%s --out wires.safetensors", train) != 0) fail_msg("%s", test_err);
  if (test_run("%s --set 'penalty.lp=(wiring_l1:weight=0)' --out matrix.safetensors", train) != 0)
    fail_msg("%s", test_err);
  static const char *const file[] = {"wires", "matrix"};
  json_t *all[2];
  for (int i = 0; i < 2; i++) {
    char path[40];
    if (test_run("prune %s.safetensors --rank pw,random --keep 0.2 -q", file[i]) != 0)
      fail_msg("%s", test_err);
    snprintf(path, sizeof path, "%s-pruned/prune.json", file[i]);
    all[i] = json_of(path);
  }
  for (size_t k = 0; k < 4; k++) {
    const json_t *a = json_array_get(json_object_get(all[0], "rows"), k),
                 *b = json_array_get(json_object_get(all[1], "rows"), k);
    assert_true(number(a, "wires") == number(b, "wires") && number(a, "kept") == number(b, "kept"));
    assert_true(fabs(number(a, "length") / number(b, "length") - 1) < 1e-3);
    assert_true(fabs(number(a, "mean_length") - number(b, "mean_length")) < 1e-2);
  }
  json_decref(all[0]);
  json_decref(all[1]);
}

/* The analysis' measures of weights find them as a matrix. */
static void test_matrix(void **state) {
  (void)state;
  static const char settings[] =
      "--data idx:data --epochs 1 --batch 16 --images 24 --seeds 1 --quiet --backend cpu:threads=1 "
      "--model mlp --set sheet=32x64 --no-report";
  if (test_run("experiment mnist %s --arms disk='(locality:cost=(disk:r=2))' --out large",
               settings) != 0)
    fail_msg("%s", test_err);
  tensor wires = tensor_of("large/models/disk-seed1.safetensors", "lp.weight.values");
  assert_non_null(wires.data);
  free(wires.file);
  if (test_run("analyze large --measures wiring_length") != 0) fail_msg("%s", test_err);
  char *csv = test_read("large/networks.csv", NULL);
  assert_non_null(strstr(csv, ",wiring_length,"));
  free(csv);
}

static void test_report(void **state) {
  (void)state;
  prune("run --rank pw,w --keep 0.3,0.05");
  if (test_run("report run") != 0) fail_msg("%s", test_err);
  char *page = test_read("run/report.html", NULL);
  assert_non_null(strstr(page, "<h2>Pruning</h2>"));
  assert_non_null(strstr(page, "One point of accuracy is lost at"));
  assert_non_null(strstr(page, "<figure id=\"pruning\">"));
  free(page);
  char *csv = test_read("run/figures/pruning.csv", NULL);
  assert_non_null(strstr(csv, "\"linear\",pw,0.3,network,"));
  free(csv);
}

/* A file with a column where there is none. */
static void break_columns(const char *from, const char *to) {
  size_t n;
  char *all = test_read(from, &n);
  uint64_t size;
  memcpy(&size, all, sizeof size);
  tensor t = tensor_of(from, "lp.weight.columns");
  const size_t at = (size_t)((const char *)t.data - t.file);
  memcpy(all + at, &(int32_t){49}, 4);
  test_write(to, all, n);
  free(t.file);
  free(all);
}

static void test_bad(void **state) {
  (void)state;
  static const struct {
    const char *args, *says;
  } row[] = {
      {"run --keep 0 --out x", "--keep: '0' is not a fraction between 0 and 1"},
      {"run --keep 1.5 --out x", "--keep: '1.5' is not a fraction"},
      {"run --keep 0.1,0.1 --out x", "keep 0.1 stands there twice"},
      {"run --keep 0.0001 --out x", "of the 2401 wires of lp.weight none would be left"},
      {"run --rank pv --out x", "no rank is named 'pv'; did you mean 'pw'?"},
      {"run --rank w,w --out x", "rank w stands there twice"},
      {"run --sparse 2 --out x", "--sparse: '2' is not a share between 0 and 1"},
      {"run --scope all --out x", "--scope: 'all' is neither layer nor global"},
      {"run --layers lq --out x", "no layer with weights is named 'lq'; did you mean 'lp'?"},
      {"run --layers relu1 --out x", "no layer with weights is named 'relu1'"},
      {"run --layers conv1 --out x", "rank w-over-d: conv1.weight has no wires between units"},
      {"run --out data", "data: there is something of that name already"},
      {"run --data mnist --out x", "pruned on its own data"},
      {"run --finetune 1 --settings lrr=1 --out x",
       "settings: unknown option 'lrr'; did you mean 'lr'?"},
      {"run --finetune x --out x", "--finetune: 'x' is not a number of epochs"},
      {"nothing --out x", "nothing"},
      {"data --out x", "data"},
      {"no-lp.safetensors",
       "has no layer 'lp' and none with a prior; name --layers; there are a, b"},
  };
  static const char network[] = "input: {size: 28}\nlayers:\n  - flatten\n"
                                "  - a: {layer: plain, sheet: 2x3}\n  - b: linear:units=$classes\n";
  test_write("no-lp.yaml", network, sizeof network - 1);
  if (test_run(
          "train --data idx:data --epochs 1 --batch 16 --quiet --backend cpu:threads=1 --model "
          "no-lp.yaml --out no-lp.safetensors") != 0)
    fail_msg("%s", test_err);
  const int before = test_count_files();
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_not_equal(test_run("prune %s --quiet", row[i].args), 0);
    test_one_error(row[i].says);
  }
  assert_int_equal(test_count_files(), before);
  break_columns("a/models/linear-seed1-pw-0.1.safetensors", "broken.safetensors");
  assert_int_not_equal(test_run("eval broken.safetensors"), 0);
  test_one_error("broken.safetensors: lp.weight.values, .columns and .rows are no sparse tensor");
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),    cmocka_unit_test(test_finetune),
      cmocka_unit_test(test_both_ways), cmocka_unit_test(test_placed),
      cmocka_unit_test(test_model),     cmocka_unit_test(test_local),
      cmocka_unit_test(test_matrix),    cmocka_unit_test(test_report),
      cmocka_unit_test(test_bad),
  };
  int failed = cmocka_run_group_tests_name("prune", tests, make_run, NULL);
  test_end();
  return failed;
}
