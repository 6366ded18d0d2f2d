/* Experiments with penalties: what the folder and the page tell of them, and what is refused. */
#include "cli_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS                                                                                   \
  "--data idx:data --epochs 2 --batch 16 --images 24 --seeds 1 --quiet --backend cpu:threads=1 "

static int make_data(void **state) {
  (void)state;
  static const char text[] = "x,y\n1,2\n3,north\n", few[] = "1,2\n2,3\n";
  test_make_images("data", 64, 24);
  test_write("text.csv", text, sizeof text - 1);
  test_write("few.csv", few, sizeof few - 1);
  return 0;
}

static double number(const json_t *o, const char *key) {
  return json_number_value(json_object_get(o, key));
}

/* The line of an epoch of arm `both` in metrics.jsonl. */
static json_t *epoch_line(int epoch) {
  char *all = test_read("run/metrics.jsonl", NULL), *rest = all, *line;
  json_t *found = NULL;
  while (!found && (line = strsep(&rest, "\n"))) {
    json_t *o = json_loads(line, 0, NULL);
    const char *event = json_string_value(json_object_get(o, "event")),
               *arm = json_string_value(json_object_get(o, "arm"));
    if (event && arm && strcmp(event, "epoch") == 0 && strcmp(arm, "both") == 0 &&
        (int)number(o, "epoch") == epoch)
      found = json_incref(o);
    json_decref(o);
  }
  free(all);
  assert_non_null(found);
  return found;
}

/* Values, strengths and shares of what is minimised: in metrics.jsonl, penalties.csv and on the
 * page. */
static void test_told(void **state) {
  (void)state;
  if (test_run("experiment mnist " SETTINGS "--out run --arms 'control,both=(penalty.lp=(wiring_l1:"
               "weight=0.001,schedule=linear,last=0.5),penalty.fc1=(jacobs_jordan:weight=1e-7))'"))
    fail_msg("%s", test_err);
  char *csv = test_read("run/penalties.csv", NULL), *rest = csv;
  assert_string_equal(strsep(&rest, "\n"),
                      "arm,cell,seed,status,epoch,layer,penalty,strength,value,share");
  for (int epoch = 1; epoch <= 2; epoch++) {
    json_t *line = epoch_line(epoch);
    const json_t *all = json_object_get(line, "penalties");
    assert_int_equal(json_array_size(all), 2);
    const json_t *fc1 = json_array_get(all, 0), *lp = json_array_get(all, 1);
    assert_string_equal(json_string_value(json_object_get(lp, "layer")), "lp");
    assert_true(number(lp, "strength") == (epoch == 1 ? 0.001 : 0.0005));
    const double a = number(fc1, "strength") * number(fc1, "value"),
                 b = number(lp, "strength") * number(lp, "value"),
                 total = number(line, "train_loss") + a + b;
    assert_true(a > 0 && b > 0);
    assert_true(fabs(number(fc1, "share") - a / total) < 1e-12);
    assert_true(fabs(number(lp, "share") - b / total) < 1e-12);
    for (int i = 0; i < 2; i++) { /* the same, a row each */
      char begin[100];
      const json_t *p = i ? lp : fc1;
      snprintf(begin, sizeof begin, "both,both,1,complete,%d,%s,\"", epoch, i ? "lp" : "fc1");
      char *row = strsep(&rest, "\n"), *end = strrchr(row, '"');
      assert_true(strncmp(row, begin, strlen(begin)) == 0);
      double strength, value, share;
      assert_int_equal(sscanf(end + 2, "%lf,%lf,%lf", &strength, &value, &share), 3);
      assert_true(strength == number(p, "strength") && value == number(p, "value") &&
                  share == number(p, "share"));
    }
    json_decref(line);
  }
  assert_int_equal(*rest, 0);
  free(csv);
  char *page = test_read("run/report.html", NULL);
  assert_non_null(strstr(page, "Penalties: means over the steps of an epoch"));
  assert_non_null(strstr(page, "wiring_l1:weight=0.001"));
  free(page);
}

/* One line each, and nothing is left behind. */
static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *arm, *says;
  } bad[] = {
      {"penalty.bn=wiring_l1", "bn: penalty wiring_l1: the layer has no weights"},
      {"penalty.lp_out=sernn", "penalty sernn: the layer has no weights"},
      {"penalty.fc2=cosine_neighbour", "stand on no sheet; give it a `sheet:`"},
      {"penalty.fc2=laplacian_pyramid", "stand on no sheet; give it a `sheet:`"},
      {"penalty.lp=(wiring_l1:topology=(points:file=few.csv))", "few.csv has 2 places for 49"},
      {"penalty.lp=(wiring_l1:topology=(points:file=text.csv))", "text.csv:3: not one to three"},
      {"penalty.lp=(tdann:topology=(points:file=none.csv))", "cannot open none.csv"},
      {"penalty.lp=(tdann:topology=hex,window=3)", "topology=hex: windows are cut from a grid"},
      {"penalty.lp=(tdann:topology=torus,window=5)", "with window=7 or more it is the whole sheet"},
      {"penalty.lp=(sernn,weight=0.1)", "parameters stand behind a colon: 'sernn:weight=0.1'"},
      {"penalty.lp=(sernn weight=0.1)", "parameters stand behind a colon: 'sernn:weight=0.1'"},
      {"penalty.lp=(sern:weight=1)", "did you mean 'sernn'?"},
      {"penalty.lp=(sernn:wight=1)", "did you mean 'weight'?"},
      {"penalty.lp=(sernn:weight=nan)", "weight"},
      {"penalty.lp=(sernn:metric=l3)", "did you mean 'l2'?"},
      {"penalty.lp=(wiring_l1:reduce=median)", "reduce=median: it is sum or mean"},
      {"penalty.lpp=sernn", "did you mean 'lp'?"},
  };
  const int before = test_count_files();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_not_equal(
        test_run("experiment mnist " SETTINGS "--out bad --arms 'control,a=(%s)'", bad[i].arm), 0);
    test_one_error(bad[i].says);
  }
  assert_int_equal(test_count_files(), before);
}

/* A schedule that reaches nothing is said, once; a strength that no network stands is named. */
static void test_warned(void **state) {
  (void)state;
  assert_int_equal(test_run("experiment mnist " SETTINGS "--no-report --out far --seeds 2 --arms "
                            "'control,a=(penalty.lp=(wiring_l1:schedule=steps,every=5,weight=0))'"),
                   0);
  test_one_error("lp: penalty wiring_l1: schedule=steps changes nothing within 2 epochs");
  test_run("experiment mnist " SETTINGS "--no-report --out strong --arms "
           "'control,a=(penalty.fc2=(wiring_l1:weight=1e9,k=1e9))'");
  char *metrics = test_read("strong/metrics.jsonl", NULL);
  assert_non_null(strstr(metrics, "strength 1e+09 of penalty wiring_l1 on fc2; lower one of them"));
  free(metrics);
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_told), cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_warned)};
  int failed = cmocka_run_group_tests_name("penalties", tests, make_data, NULL);
  test_end();
  return failed;
}
