/* Experiments with networks of one's own: three sheets, one site, none, arms of different sheets,
 * steps of a sequence; and a folder that version 0.1 wrote. */
#include "cli_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS                                                                                   \
  "--data idx:data --epochs 1 --batch 16 --images 24 --seeds 1 --quiet --backend cpu:threads=1 "

#define HEAD "input: {size: 28}\nlayers:\n  - flatten\n"
static const char three[] = HEAD "  - fc1: {layer: plain, sheet: 16x16}\n  - batchnorm\n"
                                 "  - relu: {record: h1}\n"
                                 "  - fc2: {layer: plain, sheet: 10x10}\n  - batchnorm\n"
                                 "  - relu: {record: h2}\n"
                                 "  - fc3: {layer: plain, sheet: 7x7}\n  - relu: {record: h3}\n"
                                 "  - linear:units=$classes\n";
static const char one[] = HEAD "  - fc: {layer: plain, sheet: 5x3, record: a/b}\n  - relu\n"
                               "  - linear:units=$classes\n";
static const char none[] = HEAD "  - fc: {layer: plain, sheet: 5x3}\n  - relu\n"
                                "  - linear:units=$classes\n";

static const char sequence[] = "input: {size: 28}\nlayers:\n  - sequence\n"
                               "  - rec: {layer: 'recurrent:cell=relu,output=all', sheet: 3x5, "
                               "record: h}\n  - last\n  - linear:units=$classes\n";

static int make_data(void **state) {
  (void)state;
  test_make_images("data", 64, 24);
  test_write("three.yaml", three, sizeof three - 1);
  test_write("one.yaml", one, sizeof one - 1);
  test_write("none.yaml", none, sizeof none - 1);
  test_write("sequence.yaml", sequence, sizeof sequence - 1);
  return 0;
}

static json_t *json_of(const char *path) {
  json_t *m = json_load_file(path, 0, NULL);
  if (!m) fail_msg("%s: not there, or no JSON", path);
  return m;
}

static void assert_holds(const char *path, const char *text, bool wanted) {
  char *all = test_read(path, NULL);
  if (!strstr(all, text) == wanted)
    fail_msg("%s: %s\"%s\"", path, wanted ? "lacks " : "has ", text);
  free(all);
}

static void run_it(const char *args) {
  if (test_run("experiment mnist " SETTINGS "%s", args) != 0) fail_msg("%s: %s", args, test_err);
}

static void test_three(void **state) {
  (void)state;
  run_it("--model three.yaml --arms "
         "'control,both=(fc1=locality,fc2=(locality:topology=torus))' --out run");
  json_t *m = json_of("run/manifest.json"), *s = json_of("run/summary.json");
  assert_int_equal(json_array_size(json_object_get(m, "sites")), 3);
  /* behind the last layer with a prior, which is fc2 */
  assert_string_equal(json_string_value(json_object_get(m, "headline")), "h2");
  assert_string_equal(json_string_value(json_object_get(json_object_get(s, "plan"), "site")), "h2");
  const json_t *both = json_object_get(json_object_get(s, "arms"), "both");
  static const char *const topology[][2] = {{"h1", "grid"}, {"h2", "torus"}, {"h3", "grid"}};
  for (int i = 0; i < 3; i++) {
    const json_t *site = json_object_get(json_object_get(both, "sites"), topology[i][0]);
    assert_string_equal(json_string_value(json_object_get(site, "topology")), topology[i][1]);
  }
  json_decref(m);
  json_decref(s);
  static const char *const part[] = {
      "Class maps at h1",
      "Class maps at h2",
      "Class maps at h3",
      "Measures at h3",
      "layer fc1",
      "layer fc2",
      "sheets h1 16 \xc3\x97 16, h2 10 \xc3\x97 10, h3 7 \xc3\x97 7"};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    assert_holds("run/report.html", part[i], true);
  assert_holds("run/report.html", "corner unit: layer fc3", false);
  assert_int_equal(access("run/figures/maps_h2_centred.csv", F_OK), 0);
  assert_int_equal(access("run/figures/prior_maps_fc1.csv", F_OK), 0);

  /* another site, by name */
  run_it(
      "--model three.yaml --site h1 --arms control,both='(fc2=locality)' --out chosen --no-report");
  m = json_of("chosen/manifest.json");
  assert_string_equal(json_string_value(json_object_get(m, "headline")), "h1");
  json_decref(m);
  assert_int_not_equal(
      test_run("experiment mnist " SETTINGS "--model three.yaml --arms control --site h4 --out x"),
      0);
  test_one_error("site: the networks of arm control record no site 'h4'; did you mean 'h1'?");

  /* the network's file changed: what is there is not gone on with */
  char changed[sizeof three + 20];
  const char *last = strstr(three, "record: h3");
  snprintf(changed, sizeof changed, "%.*srecord: other%s", (int)(last - three), three,
           last + strlen("record: h3"));
  test_write("three.yaml", changed, strlen(changed));
  assert_int_not_equal(test_run("experiment --resume chosen --quiet"), 0);
  test_one_error("records other sites than chosen has");
  test_write("three.yaml", three, sizeof three - 1);
}

static void test_one(void **state) {
  (void)state;
  run_it("--model one.yaml --arms 'control,lp=(fc=(locality:topology=torus))' --out one");
  json_t *s = json_of("one/summary.json");
  const json_t *lp = json_object_get(json_object_get(s, "arms"), "lp");
  const json_t *site = json_object_get(json_object_get(lp, "sites"), "a/b");
  assert_string_equal(json_string_value(json_object_get(site, "topology")), "torus");
  json_decref(s);
  assert_holds("one/report.html", "Class maps at a/b", true);
  assert_holds("one/report.html", "What to know about the measures", false);
  assert_holds("one/report.html", "<code>fc=(locality:topology=torus)</code>", true);
  /* Chance is that of the arm's own topology: 15/14 of the variance of all units, 2 + 2/3 on a
   * grid; half the mean square of wrapped distances, 1 + 1/3, on a torus. */
#define TIMES   "\xc2\xa0\xc3\x97\xc2\xa0" /* in spaces that do not break */
#define MEANING "</th><td title=\"what units without spatial order give\">"
  assert_holds("one/report.html", "by chance, grid of 5" TIMES "3" MEANING "2.857</td>", true);
  assert_holds("one/report.html", "by chance, torus of 5" TIMES "3" MEANING "1.429</td>", true);
#undef MEANING
#undef TIMES
  assert_int_equal(access("one/figures/maps_a.b.csv", F_OK), 0);
}

/* Field k, from 0, of a line of a CSV file without quotes; NaN where it is empty. */
static double field(const char *line, int k) {
  for (; k > 0; k--) line = strchr(line, ',') + 1;
  char *end;
  const double x = strtod(line, &end);
  return end == line ? NAN : x;
}

static void close_to(double a, double b) { /* cmocka compares in single precision */
  if (!(fabs(a - b) <= 1e-10 * (1 + fabs(b)))) fail_msg("%.17g should be %.17g", a, b);
}

/* The line of a table that begins so, behind `from`. */
static const char *line_of(const char *from, const char *begin) {
  char text[200];
  snprintf(text, sizeof text, "\n%s", begin);
  const char *line = strstr(from, text);
  if (!line) fail_msg("no line begins with %s", begin);
  return line ? line + 1 : from;
}

/* Units on a sphere; and at places whose file is gone, which the summary and the page say. */
static void test_off_lattice(void **state) {
  (void)state;
  char places[49 * 8] = "";
  for (int i = 0; i < 49; i++) snprintf(places + strlen(places), 8, "%d,%d\n", i / 7, i % 7 * 2);
  test_write("places.csv", places, strlen(places));
  run_it("--arms 'control,ball=(locality:topology=sphere),map=(locality:topology=(points:file="
         "places.csv))' --out ball");
  assert_holds("ball/report.html", "by chance, sphere", true);
  assert_holds("ball/report.html", "by chance, points", true);
  assert_holds("ball/report.html", "What to know about the measures", false);
  assert_int_equal(rename("places.csv", "moved.csv"), 0);
  assert_int_equal(test_run("analyze ball --quiet"), 0);
  assert_int_equal(test_run("report ball --quiet"), 0);
  json_t *s = json_of("ball/summary.json");
  size_t i, found = 0;
  json_t *said;
  json_array_foreach(json_object_get(s, "warnings"), i, said) found +=
      strstr(json_string_value(said), "arm map: V at lp_out is taken on the 7 x 7 sheet: ") != NULL;
  assert_int_equal(found, 1);
  json_decref(s);
  assert_holds("ball/report.html", "What to know about the measures", true);
  assert_holds("ball/report.html", "is taken on the 7", true);
}

/* Tables of the folder of test_three, against each other: V of a network is the mean of its
 * images', z follows from the null, a difference from the means. */
static void test_tables(void **state) {
  (void)state;
  char *networks = test_read("run/networks.csv", NULL), *images = test_read("run/images.csv", NULL),
       *comparisons = test_read("run/comparisons.csv", NULL),
       *nulls = test_read("run/nulls.csv", NULL);
  static const char *const arm[] = {"control", "both"};
  for (int i = 0; i < 2; i++) {
    char begin[100];
    snprintf(begin, sizeof begin, "%s,%s,1,complete,h2,trained,variance,", arm[i], arm[i]);
    const double v = field(line_of(networks, begin), 7);
    snprintf(begin, sizeof begin, "%s,%s,1,complete,h2,", arm[i], arm[i]);
    double sum = 0, n = 0;
    uint32_t rows = 0;
    for (const char *at = line_of(images, begin); at && strncmp(at, begin, strlen(begin)) == 0;
         at = strchr(at, '\n') + 1, rows++) {
      assert_int_equal((int)field(at, 5), rows);
      if (!isnan(field(at, 7))) sum += field(at, 7), n++;
    }
    assert_true(rows == 24 && n > 0);
    close_to(sum / n, v);
    snprintf(begin, sizeof begin, "%s,%s,1,complete,h2,trained,variance,exact,0,", arm[i], arm[i]);
    const char *null = line_of(nulls, begin);
    close_to(field(null, 10), v);
    close_to(field(null, 13), (v - field(null, 11)) / field(null, 12));
    snprintf(begin, sizeof begin, "%s,%s,1,complete,,trained,accuracy,", arm[i], arm[i]);
    assert_true(field(line_of(networks, begin), 7) >= 0);
  }
  const char *c = line_of(comparisons, "both,control,h2,variance,primary,paired,");
  close_to(field(c, 12), field(c, 8) - field(c, 10));
  assert_holds("run/report.html", "<a href=\"networks.csv\">", true);
  free(networks);
  free(images);
  free(comparisons);
  free(nulls);
}

/* No site: accuracy only, and it says so. */
static void test_none(void **state) {
  (void)state;
  run_it("--model none.yaml --arms 'control,lp=(fc=locality)' --out none");
  assert_non_null(strstr(test_out, "the networks record no site"));
  json_t *m = json_of("none/manifest.json"), *s = json_of("none/summary.json");
  assert_int_equal(json_array_size(json_object_get(m, "sites")), 0);
  assert_null(json_object_get(m, "headline"));
  assert_int_equal(json_array_size(json_object_get(s, "comparisons")), 2);
  json_decref(m);
  json_decref(s);
  assert_holds("none/report.html", "The networks record no site", true);
  assert_holds("none/report.html", "Accuracy against the reference", true);
  assert_int_equal(access("none/figures/prior_maps.csv", F_OK), 0);
  /* finished: nothing is trained again */
  char *before = test_read("none/metrics.jsonl", NULL);
  if (test_run("experiment --resume none --quiet --no-report") != 0) fail_msg("%s", test_err);
  char *after = test_read("none/metrics.jsonl", NULL);
  assert_string_equal(after, before);
  free(before);
  free(after);
}

/* Arms of other sheets: each site on its own, V as a fraction. */
static void test_sheets(void **state) {
  (void)state;
  run_it("--arms 'control,small=(lp=locality,sheet=3x5)' --out sheets");
  json_t *m = json_of("sheets/manifest.json"), *s = json_of("sheets/summary.json");
  const json_t *small = json_array_get(json_object_get(m, "arms"), 1);
  assert_int_equal(json_array_size(json_object_get(small, "sites")), 2);
  assert_null(json_object_get(json_array_get(json_object_get(m, "arms"), 0), "sites"));
  size_t i, fractions = 0;
  json_t *c;
  json_array_foreach(json_object_get(s, "comparisons"), i, c) fractions +=
      json_is_true(json_object_get(c, "fraction_of_uniform"));
  assert_true(fractions > 0);
  json_decref(m);
  json_decref(s);
  assert_holds("sheets/report.html", "Class maps at lp_out, 3 \xc3\x97 5 units", true);
  assert_holds("sheets/report.html", "Class maps at lp_out, 7 \xc3\x97 7 units", true);
  assert_holds("sheets/report.html", "uniform V)", true);
  assert_int_equal(access("sheets/figures/maps_lp_in_3x5.csv", F_OK), 0);
  assert_int_equal(access("sheets/figures/maps_lp_in_7x7.csv", F_OK), 0);
}

/* A network that reads a sequence is kept after every step, unless an arm keeps the last one alone:
 * the same network, the same numbers. */
static void test_steps(void **state) {
  (void)state;
  run_it("--model sequence.yaml --arms 'control,short=(rec.output=last),lp=(rec.cost=linear)' "
         "--out steps");
  json_t *m = json_of("steps/manifest.json"), *s = json_of("steps/summary.json");
  const json_t *site = json_array_get(json_object_get(m, "sites"), 0);
  assert_int_equal(json_integer_value(json_object_get(site, "steps")), 28);
  const json_t *arms = json_object_get(s, "arms");
  json_t *h[3];
  static const char *const arm[] = {"control", "short", "lp"};
  for (int i = 0; i < 3; i++) {
    const json_t *runs = json_object_get(json_object_get(arms, arm[i]), "runs");
    h[i] = json_object_get(json_object_get(json_array_get(runs, 0), "sites"), "h");
    assert_int_equal(json_array_size(json_object_get(h[i], "steps")), i == 1 ? 0 : 28);
  }
  json_object_del(h[0], "steps");
  assert_true(json_equal(h[0], h[1]));
  json_decref(m);
  json_decref(s);
  char *table = test_read("steps/steps.csv", NULL);
  int lines = 0;
  for (const char *c = table; *c; c++) lines += *c == '\n';
  assert_int_equal(lines, 1 + 2 * 2 * 28);
  free(table);
  assert_holds("steps/report.html", "V and Moran\xe2\x80\x99s I by step at h", true);
  assert_holds("steps/report.html", "After the last of 28 steps.", true);
  assert_holds("steps/figures/steps_h.csv", "\"lp\",untrained,28,", true);
  assert_holds("steps/figures/steps_h.csv", "\"short\"", false);
  assert_holds("one/report.html", "by step", false);
  assert_int_not_equal(access("one/steps.csv", F_OK), 0);

  /* the file was changed to keep the last step: not gone on with */
  char changed[sizeof sequence + 1];
  const char *all = strstr(sequence, "output=all");
  snprintf(changed, sizeof changed, "%.*soutput=last%s", (int)(all - sequence), sequence,
           all + strlen("output=all"));
  test_write("sequence.yaml", changed, strlen(changed));
  assert_int_not_equal(test_run("experiment --resume steps --quiet"), 0);
  test_one_error("records other sites than steps has");
}

/* The manifest of a run as 0.1 wrote it. */
static void make_old(const char *dir) {
  char path[128];
  snprintf(path, sizeof path, "%s/manifest.json", dir);
  json_t *m = json_of(path), *arm;
  size_t i;
  json_object_set_new(m, "schema", json_integer(1));
  json_object_set_new(m, "sheet", json_pack("[i, i]", 7, 7));
  static const char *const key[] = {"sites", "headline", "plan", "published"};
  for (i = 0; i < sizeof key / sizeof *key; i++) json_object_del(m, key[i]);
  json_object_del(json_object_get(m, "options"), "site");
  json_array_foreach(json_object_get(m, "arms"), i, arm) {
    json_object_set(arm, "priors", json_object_get(arm, "constants"));
    json_object_del(arm, "constants");
  }
  assert_int_equal(json_dump_file(m, path, JSON_INDENT(2)), 0);
  json_decref(m);
}

static void test_schema_1(void **state) {
  (void)state;
  run_it("--arms 'control,linear,ring=(locality:topology=ring)' --out new");
  assert_int_equal(test_run("experiment mnist " SETTINGS
                            "--arms 'control,linear,ring=(locality:topology=ring)' --out old"),
                   0);
  make_old("old");
  if (test_run("analyze old") != 0 || test_run("report old") != 0) fail_msg("%s", test_err);
  json_t *a = json_of("new/summary.json"), *b = json_of("old/summary.json");
  static const char *const same[] = {"comparisons", "null", "control_pairs", "answer", "plan"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    assert_true(json_equal(json_object_get(a, same[i]), json_object_get(b, same[i])));
  json_decref(a);
  json_decref(b);
  assert_holds("old/report.html", "Class maps at lp_out.", true);
  static const char *const figure[] = {"prior_maps", "prior_distance", "maps_lp_in", "variance"};
  for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
    char new[64], old[64];
    snprintf(new, sizeof new, "new/figures/%s.csv", figure[i]);
    snprintf(old, sizeof old, "old/figures/%s.csv", figure[i]);
    test_same_file(new, old);
  }
  /* it goes on, and gets an arm, and is one of schema 2 then */
  if (test_run("experiment --resume old --add-arms torus='(locality:topology=torus)' --quiet "
               "--no-report") != 0)
    fail_msg("%s", test_err);
  json_t *m = json_of("old/manifest.json");
  assert_int_equal(json_integer_value(json_object_get(m, "schema")), 2);
  assert_int_equal(json_array_size(json_object_get(m, "arms")), 4);
  assert_int_equal(json_array_size(json_object_get(m, "sites")), 2);
  json_decref(m);
  if (test_run("analyze old") != 0) fail_msg("%s", test_err);
  json_t *s = json_of("old/summary.json");
  static const char *const topology[][2] = {{"ring", "ring"}, {"torus", "torus"}};
  for (int i = 0; i < 2; i++) {
    const json_t *arm = json_object_get(json_object_get(s, "arms"), topology[i][0]);
    const json_t *site = json_object_get(json_object_get(arm, "sites"), "lp_in");
    assert_string_equal(json_string_value(json_object_get(site, "topology")), topology[i][1]);
  }
  json_decref(s);
}

/* Units in a box of three axes, a recurrent layer's weights, and networks that are set apart: 1
 * step of training solves no task. */
static void test_box(void **state) {
  (void)state;
  if (test_run(
          "experiment sernn --data one-choice:train=64,test=32 --epochs 1 --batch 64 --seeds 3 "
          "--backend cpu --quiet --out box") != 0)
    fail_msg("%s", test_err);
  json_t *s = json_of("box/summary.json"), *c;
  const json_t *arm = json_object_get(json_object_get(s, "arms"), "sernn");
  const json_t *site = json_object_get(json_object_get(arm, "sites"), "state");
  /* Mean squared distances from the centre of 5, 5 and 4 places: 2 + 2 + 1.25, times 100 / 99. */
  assert_float_equal(json_real_value(json_object_get(site, "uniform")), 5.25 * 100 / 99, 1e-9);
  const json_t *networks = json_object_get(arm, "networks");
  assert_int_equal(json_integer_value(json_object_get(networks, "complete")), 3);
  assert_int_equal(json_integer_value(json_object_get(networks, "apart")), 3);
  size_t i, measures = 0;
  json_array_foreach(json_object_get(s, "comparisons"), i, c) {
    const bool space = json_is_string(json_object_get(c, "site"));
    assert_int_equal(json_integer_value(json_object_get(c, "n")), space ? 0 : 3);
    const char *name = json_string_value(json_object_get(c, "measure"));
    measures += strcmp(name, "modularity") == 0 || strcmp(name, "small_worldness") == 0;
  }
  assert_int_equal(measures, 4); /* of two arms */
  json_decref(s);
  assert_holds("box/summary.json", "Set apart, below 90.0", true);
  assert_holds("box/report.html", "Set apart, below 90.0", true);
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_three),  cmocka_unit_test(test_one),
      cmocka_unit_test(test_tables), cmocka_unit_test(test_off_lattice),
      cmocka_unit_test(test_none),   cmocka_unit_test(test_sheets),
      cmocka_unit_test(test_steps),  cmocka_unit_test(test_schema_1),
      cmocka_unit_test(test_box),
  };
  int failed = cmocka_run_group_tests_name("sites", tests, make_data, NULL);
  test_end();
  return failed;
}
