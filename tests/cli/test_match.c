/* Arms at matched accuracy: what is found, what is kept of the search, that it goes on, bad input.
 */
#include "cli_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN                                                                                        \
  "experiment sernn --data one-choice:goal=4,delay=2,choice=4 --epochs 6 --seeds 1 --images 8 "    \
  "--least-accuracy 0 "                                                                            \
  "--reference control --backend cpu --quiet --no-report "
#define ARMS                                                                                       \
  "--arms 'control=(),l1=(penalty.rec=(wiring_l1:weight=$match,k=0,l0=1,topology=grid3d))' "

static json_t *json_of(const char *path) {
  json_t *j = json_load_file(path, 0, NULL);
  if (!j) fail_msg("%s: not there, or no JSON", path);
  return j;
}

static const char *text_at(const json_t *j, const char *a, const char *b, const char *c) {
  return json_string_value(
      json_object_get(json_object_get(json_object_get(json_object_get(j, "match"), a), b), c));
}

/* Weights of 0.3 and more leave nothing of a network, 1e-3 and less almost all: of four values the
 * second is the last that serves, which two candidates show. */
static void test_search(void **state) {
  (void)state;
  if (test_run(RUN ARMS "--match 'of=accuracy,within=10,validation=500,over=(1e-6,1e-3,0.3,1)' "
                        "--out run") != 0)
    fail_msg("%s", test_err);
  json_t *m = json_of("run/manifest.json"), *tried = json_of("run/match.json");
  assert_string_equal(text_at(m, "arms", "l1", "value"), "1e-3");
  const json_t *match = json_object_get(m, "match"),
               *arm = json_array_get(json_object_get(m, "arms"), 1);
  assert_int_equal(json_integer_value(json_object_get(match, "validation")), 500);
  assert_true(json_real_value(json_object_get(match, "reference")) > 75);
  assert_int_equal(json_array_size(json_object_get(match, "tried")), 3);
  assert_true(json_equal(json_object_get(match, "tried"), json_object_get(tried, "tried")));
  assert_non_null(strstr(json_string_value(json_object_get(arm, "set")), "weight=1e-3,"));
  const json_t *options = json_object_get(m, "options");
  assert_null(strstr(json_string_value(json_object_get(options, "arms")), "$match"));
  /* A search that was stopped after its last candidate: nothing is trained again for it. */
  assert_int_equal(system("mkdir again && cp run/match.json again"), 0);
  if (test_run(RUN ARMS "--match 'of=accuracy,within=10,validation=500,over=(1e-6,1e-3,0.3,1)' "
                        "--out again") != 0)
    fail_msg("%s", test_err);
  json_t *again = json_of("again/manifest.json");
  assert_true(json_equal(match, json_object_get(again, "match")));
  test_same_file("run/models/l1-seed1.safetensors", "again/models/l1-seed1.safetensors");
  json_decref(again);
  /* More seeds come to what was found. */
  assert_int_equal(test_run("experiment --resume run --seeds 2 --quiet --no-report"), 0);
  json_decref(m);
  json_decref(tried);
  m = json_of("run/manifest.json");
  assert_string_equal(text_at(m, "arms", "l1", "value"), "1e-3");
  assert_int_equal(json_array_size(json_object_get(m, "seeds")), 2);
  json_decref(m);
  /* Where nothing serves the weakest is taken, and it is told. */
  if (test_run(RUN ARMS "--match 'within=0,validation=500,over=(2,3)' --out none") != 0)
    fail_msg("%s", test_err);
  assert_non_null(strstr(test_err, "not even 2 costs less than 0 points"));
  m = json_of("none/manifest.json");
  assert_string_equal(text_at(m, "arms", "l1", "value"), "2");
  json_decref(m);
}

static void test_refusals(void **state) {
  (void)state;
  const struct {
    const char *args, *says;
  } bad[] = {
      {RUN ARMS, "there is no `match:`"},
      {RUN ARMS "--match within=1", "over: the values to try"},
      {RUN ARMS "--match 'over=(1,2),withn=1'", "did you mean 'within'?"},
      {RUN ARMS "--match 'over=(1,2),of=loss'", "only accuracy can be matched"},
      {RUN ARMS "--match 'over=(1,2),within=x'", "within: one number from 0 to 100"},
      {RUN ARMS "--match 'over=(1,2)' --sweep lr=0.1,0.2", "together with a sweep"},
      {RUN ARMS "--match 'over=(one,2)'", "one"},
      {RUN "--arms 'control=(lr=$match)' --match 'over=(0.1,0.2)' --out bad", "holds $match"},
      {RUN ARMS "--match 'over=(0.1,0.2),validation=6000' --out bad2", "cannot be held out"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_not_equal(test_run("%s", bad[i].args), 0);
    if (!strstr(test_err, bad[i].says)) print_error("%s: %s", bad[i].args, test_err);
    assert_non_null(strstr(test_err, bad[i].says));
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_search),
                                     cmocka_unit_test(test_refusals)};
  test_begin(argc, argv);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  test_end();
  return failed;
}
