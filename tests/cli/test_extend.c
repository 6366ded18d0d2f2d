/* Runs that get more seeds and arms than they had: as if made in one go, to the bit. */
#include "cli_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS                                                                                   \
  "--data idx:data --epochs 2 --batch 4 --images 48 --checkpoint-seconds 0 --quiet --no-report "   \
  "--backend cpu --measures none "

static int make_whole(void **state) {
  (void)state;
  test_make_images("data", 128, 48);
  return test_run("experiment mnist " SETTINGS
                  "--arms 'control,linear,sqrt,slow=(lp=locality,lr=0.003)' --seeds 3 "
                  "--out whole");
}

static json_t *manifest_of(const char *dir) {
  char path[256];
  snprintf(path, sizeof path, "%s/manifest.json", dir);
  json_t *m = json_load_file(path, 0, NULL);
  assert_non_null(m);
  return m;
}

/* "a b c" of a list of text or numbers. */
static void assert_list(const json_t *list, const char *wanted) {
  char text[512] = "";
  size_t i;
  json_t *v;
  json_array_foreach(list, i, v) {
    size_t used = strlen(text);
    if (json_is_string(v))
      snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", json_string_value(v));
    else
      snprintf(text + used, sizeof text - used, "%s%lld", i ? " " : "",
               (long long)json_integer_value(v));
  }
  assert_string_equal(text, wanted);
}

static void test_more(void **state) {
  (void)state;
  assert_int_equal(test_run("experiment mnist " SETTINGS "--arms control,linear --out more"), 0);
  json_t *before = manifest_of("more");
  assert_int_equal(test_run("experiment --resume more --seeds 2 --quiet --no-report --jobs 2"), 0);
  assert_int_equal(test_run("experiment --resume more --seeds 3 --add-arms "
                            "'sqrt, slow=(lp=locality,lr=0.003)' --quiet --no-report"),
                   0);
  test_same_run("whole", "more");

  json_t *summary = json_load_file("more/summary.json", 0, NULL);
  assert_list(json_object_get(json_object_get(summary, "plan"), "seeds_added"), "2 3");
  json_decref(summary);

  /* What was written stays, but for what there is now; and it says what came when. */
  json_t *now = manifest_of("more"), *all = json_object_get(now, "extended"), *value;
  assert_int_equal(json_array_size(all), 2);
  assert_list(json_object_get(json_array_get(all, 0), "arms"), "");
  assert_list(json_object_get(json_array_get(all, 0), "seeds"), "2");
  assert_list(json_object_get(json_array_get(all, 1), "arms"), "sqrt slow");
  assert_list(json_object_get(json_array_get(all, 1), "seeds"), "3");
  assert_int_equal(json_string_length(json_object_get(json_array_get(all, 1), "time")), 20);
  assert_int_equal(json_array_size(json_object_get(json_array_get(all, 0), "command")), 10);
  assert_list(json_object_get(now, "seeds"), "1 2 3");
  const char *key;
  json_object_foreach(before, key, value) {
    if (strcmp(key, "arms") != 0 && strcmp(key, "seeds") != 0 && strcmp(key, "options") != 0)
      assert_true(json_equal(value, json_object_get(now, key)));
  }
  for (size_t i = 0; i < 2; i++)
    assert_true(json_equal(json_array_get(json_object_get(before, "arms"), i),
                           json_array_get(json_object_get(now, "arms"), i)));
  json_object_foreach(json_object_get(before, "options"), key, value) {
    if (strcmp(key, "arms") != 0 && strcmp(key, "seeds") != 0)
      assert_true(json_equal(value, json_object_get(json_object_get(now, "options"), key)));
  }
  json_decref(before);
  json_decref(now);

  /* The same once more, as after an interrupt, adds nothing. */
  char *text = test_read("more/manifest.json", NULL);
  assert_int_equal(test_run("experiment --resume more --seeds 3 --add-arms sqrt --quiet "
                            "--no-report"),
                   0);
  char *again = test_read("more/manifest.json", NULL);
  assert_string_equal(text, again);
  free(text);
  free(again);
}

/* Begun, killed, extended while it was not finished, killed and interrupted again. */
static void test_killed(void **state) {
  (void)state;
  pid_t pid = test_start("experiment mnist " SETTINGS "--arms control,linear --seeds 2 --out part");
  test_wait_for("part/metrics.jsonl", "\"event\":\"epoch\"");
  kill(pid, SIGKILL);
  assert_int_equal(test_wait(pid), 128 + SIGKILL);
  static const int signals[] = {SIGKILL, SIGINT};
  static const char *const until[] = {"\"arm\":\"sqrt\"", "\"arm\":\"slow\""};
  static const char extend[] = "experiment --resume part --seeds 3 --quiet --no-report --add-arms "
                               "'sqrt,slow=(lp=locality,lr=0.003)'";
  for (int i = 0; i < 2; i++) {
    pid = test_start(extend);
    test_wait_for("part/metrics.jsonl", until[i]);
    kill(pid, signals[i]);
    assert_int_equal(test_wait(pid), i ? 1 : 128 + SIGKILL);
  }
  test_one_error("go on with: locality experiment --resume part");
  assert_int_equal(test_run("experiment --resume part --quiet --no-report"), 0);
  test_same_run("whole", "part");
  json_t *now = manifest_of("part");
  assert_int_equal(json_array_size(json_object_get(now, "extended")), 1);
  json_decref(now);
}

static void test_refused(void **state) {
  (void)state;
  char *before = test_read("whole/manifest.json", NULL);
  static const struct {
    const char *args, *error;
    int code;
  } row[] = {
      {"--resume whole --seeds 2", "seeds: whole has 3, which stay; it can get more, but not 2", 1},
      {"--resume whole --add-arms sqrt=quadratic", "whole has an arm 'sqrt' already", 1},
      {"--resume whole --add-arms 'slow=(lp=locality,lr=0.3)'", "whole has an arm 'slow' already",
       1},
      {"--resume whole --add-arms control=linear", "whole has an arm 'control' already", 1},
      {"--resume whole --add-arms quadratc", "did you mean 'quadratic'?", 1},
      {"--resume whole --add-arms 'power:(p=2'", "parentheses do not match", 1},
      {"--resume whole --add-arms ''", "an item is empty", 1},
      {"--resume whole --add-arms quadratic,quadratic", "two are named 'quadratic'", 1},
      {"--resume whole --add-arms 'x=(no_layer=1)'", "no_layer", 1},
      {"--resume whole --add-arms quadratic --epochs 3", "epochs: whole was begun with", 1},
      {"--resume whole --seeds 4 --seed 2", "seed: whole was begun with", 1},
      {"mnist --add-arms sqrt", "--add-arms belongs to --resume", 2},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(test_run("experiment %s", row[i].args), row[i].code);
    test_one_error(row[i].error);
  }
  char *after = test_read("whole/manifest.json", NULL);
  assert_string_equal(before, after);
  free(before);
  free(after);
}

/* A plain arm that comes later is compared with the reference like any other. */
static void test_reference(void **state) {
  (void)state;
  assert_int_equal(
      test_run("experiment mnist " SETTINGS "--epochs 1 --arms linear,sqrt --out bare"), 0);
  assert_int_equal(
      test_run("experiment --resume bare --add-arms control --quiet --no-report --seeds 2"), 0);
  json_t *now = manifest_of("bare");
  assert_string_equal(json_string_value(json_object_get(now, "reference")), "linear");
  json_decref(now);
  assert_int_equal(test_run("experiment mnist " SETTINGS
                            "--epochs 1 --arms linear,sqrt,control --reference linear --seeds 2 "
                            "--out dressed"),
                   0);
  test_same_run("dressed", "bare");
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_more),
      cmocka_unit_test(test_killed),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_reference),
  };
  int failed = cmocka_run_group_tests(tests, make_whole, NULL);
  test_end();
  return failed;
}
