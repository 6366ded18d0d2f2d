/* locality place, and the option: what is said, that the network stays what it was, bad input. */
#include "cli_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRAIN                                                                                      \
  "--data idx:data --model mlp --layer plain --sheet 4x6 --epochs 1 --batch 16 --backend cpu "     \
  "--quiet "

static int make_model(void **state) {
  (void)state;
  test_make_images("data", 64, 24);
  if (test_run("train " TRAIN "--out model.safetensors") != 0) fail_msg("%s", test_err);
  return 0;
}

static json_t *result(void) {
  json_t *j = json_loads(test_out, 0, NULL);
  if (!j) fail_msg("no JSON: %s", test_out);
  return j;
}

static double number(const json_t *j, const char *key, size_t i) {
  const json_t *v = json_object_get(j, key);
  return json_number_value(json_is_array(v) ? json_array_get(v, i) : v);
}

static void test_command(void **state) {
  (void)state;
  json_t *loss[2], *placed;
  assert_int_equal(test_run("eval model.safetensors --json"), 0);
  loss[0] = result();
  if (test_run("place model.safetensors --layer fc1 --out placed.safetensors --json --quiet") != 0)
    fail_msg("%s", test_err);
  placed = result();
  assert_true(number(placed, "wiring", 1) < number(placed, "wiring", 0));
  assert_true(fabs(number(placed, "alignment", 0)) <= 1);
  assert_true(number(placed, "moved", 0) > 1 && number(placed, "units", 0) == 24);
  json_decref(placed);
  assert_int_equal(test_run("eval placed.safetensors --json"), 0);
  loss[1] = result();
  assert_float_equal(number(loss[0], "loss", 0), number(loss[1], "loss", 0), 1e-5);
  assert_true(number(loss[0], "accuracy", 0) == number(loss[1], "accuracy", 0));
  for (int i = 0; i < 2; i++) json_decref(loss[i]);
  /* Nothing is left to exchange. */
  assert_int_equal(
      test_run("place placed.safetensors --layer fc1 --out again.safetensors --json --quiet"), 0);
  placed = result();
  assert_true(number(placed, "moved", 0) == 0);
  json_decref(placed);
  assert_int_equal(test_run("place model.safetensors --layer fc1 --by alignment --out "
                            "placed.safetensors"),
                   0);
  assert_non_null(strstr(test_out, "by alignment"));
}

static bool says(const char *file, const char *text) {
  size_t n;
  char *all = test_read(file, &n);
  const bool found = memmem(all, n, text, strlen(text));
  free(all);
  return found;
}

/* Pruned, placed, pruned again: the file stays sparse, and tells all that was done. */
static void test_pruned(void **state) {
  (void)state;
  static const char *const file[] = {"cut/models/model-seed1-w-0.2.safetensors",
                                     "moved.safetensors",
                                     "again/models/moved-seed1-w-0.5.safetensors"};
  static const char *const command[] = {
      "prune model.safetensors --layers fc1 --rank w --keep 0.2 --out cut",
      "place cut/models/model-seed1-w-0.2.safetensors --layer fc1 --out moved.safetensors",
      "prune moved.safetensors --layers lp --rank w --keep 0.5 --out again"};
  double loss[3];
  for (int i = 0; i < 3; i++) {
    if (test_run("%s --quiet --backend cpu", command[i]) != 0) fail_msg("%s", test_err);
    if (test_run("eval %s --json", file[i]) != 0) fail_msg("%s", test_err);
    json_t *o = result();
    loss[i] = number(o, "loss", 0);
    json_decref(o);
    assert_true(says(file[i], "fc1.weight.values") && !says(file[i], "\"fc1.weight\""));
    assert_true(says(file[i], "lp.weight.values") == (i == 2));
    assert_true(says(file[i], i < 2 ? "rank=w keep=0.2" : "rank=w keep=0.5"));
    assert_true(says(file[i], "fc1=(every=last") == (i > 0));
  }
  assert_float_equal(loss[0], loss[1], 1e-5);
}

/* Option and an arm's own; metrics.jsonl tells them. */
static void test_option(void **state) {
  (void)state;
  if (test_run("experiment mnist --data idx:data --model mlp --sheet 4x6 --epochs 2 --batch 16 "
               "--seeds 1 --images 8 --backend cpu --quiet --measures none --out run "
               "--arms 'control,placed=(place=(fc1=(by=wiring,every=2)))'") != 0)
    fail_msg("%s", test_err);
  char *text = test_read("run/metrics.jsonl", NULL), *save = NULL;
  int seen = 0;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    json_t *j = json_loads(line, 0, NULL);
    const json_t *all = json_object_get(j, "placements"), *p = json_array_get(all, 0);
    if (p) {
      assert_string_equal(json_string_value(json_object_get(j, "arm")), "placed");
      assert_int_equal(json_integer_value(json_object_get(j, "epoch")), 2);
      assert_string_equal(json_string_value(json_object_get(p, "layer")), "fc1");
      assert_true(number(p, "wiring", 1) < number(p, "wiring", 0));
      seen++;
    }
    json_decref(j);
  }
  free(text);
  assert_int_equal(seen, 1);
  char *page = test_read("run/report.html", NULL);
  assert_non_null(strstr(page, "Units that exchanged places"));
  assert_non_null(strstr(page, "<th scope=\"row\">placed</th><td class=\"text\">fc1</td>"));
  free(page);
}

static void test_refusals(void **state) {
  (void)state;
  const struct {
    const char *args, *says;
  } bad[] = {
      {"place model.safetensors", "--out FILE is missing"},
      {"place model.safetensors --layer fc9 --out x.safetensors", "no layer 'fc9'"},
      {"place model.safetensors --layer fc2 --out x.safetensors", "stand on no sheet"},
      {"place model.safetensors --by length --out x.safetensors", "expected wiring or alignment"},
      {"train " TRAIN "--place 'lp=(every=2)' --out x.safetensors", "1 to the 1 of the training"},
      {"train --data idx:data --model rnn --layer plain --place rec --quiet --out x.safetensors",
       "it is recurrent"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_not_equal(test_run("%s", bad[i].args), 0);
    if (!strstr(test_err, bad[i].says)) print_error("%s: %s", bad[i].args, test_err);
    assert_non_null(strstr(test_err, bad[i].says));
    assert_int_not_equal(access("x.safetensors", F_OK), 0);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_command), cmocka_unit_test(test_pruned),
                                     cmocka_unit_test(test_option),
                                     cmocka_unit_test(test_refusals)};
  test_begin(argc, argv);
  int failed = cmocka_run_group_tests(tests, make_model, NULL);
  test_end();
  return failed;
}
