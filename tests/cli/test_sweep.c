/* Sweeps: what is crossed with what, that a cell is the arm that it stands for, and sweep.csv. */
#include "cli_test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS                                                                                   \
  "--data idx:data --epochs 1 --batch 4 --images 48 --checkpoint-seconds 0 --quiet --no-report "   \
  "--backend cpu --measures none "
#define GRID "--sweep lp.cost=linear,sqrt --sweep decay=0,0.1 "

static int make_whole(void **state) {
  (void)state;
  test_make_images("data", 64, 48);
  return test_run("experiment mnist " SETTINGS GRID "--seeds 3 --out whole");
}

static json_t *json_of(const char *dir, const char *file) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, file);
  json_t *m = json_load_file(path, 0, NULL);
  assert_non_null(m);
  return m;
}

static void assert_text(const json_t *o, const char *key, const char *wanted) {
  const char *text = json_string_value(json_object_get(o, key));
  if (!text || strcmp(text, wanted) != 0)
    print_error("%s is %s, not %s\n", key, text ? text : "absent", wanted);
  assert_true(text && strcmp(text, wanted) == 0);
}

/* A plain layer has no cost; each cell has its own reference. */
static void test_cells(void **state) {
  (void)state;
  static const struct {
    const char *name, *base, *cost, *decay, *reference;
  } row[] = {
      {"control+decay=0", "control", NULL, "0", "control+decay=0"},
      {"control+decay=0.1", "control", NULL, "0.1", "control+decay=0.1"},
      {"linear+cost=linear+decay=0", "linear", "linear", "0", "control+decay=0"},
      {"linear+cost=linear+decay=0.1", "linear", "linear", "0.1", "control+decay=0.1"},
      {"linear+cost=sqrt+decay=0", "linear", "sqrt", "0", "control+decay=0"},
      {"linear+cost=sqrt+decay=0.1", "linear", "sqrt", "0.1", "control+decay=0.1"},
  };
  json_t *m = json_of("whole", "manifest.json"), *arms = json_object_get(m, "arms");
  assert_int_equal(json_array_size(arms), 6);
  for (size_t i = 0; i < 6; i++) {
    const json_t *arm = json_array_get(arms, i), *cell = json_object_get(arm, "cell");
    assert_text(arm, "name", row[i].name);
    assert_text(arm, "base", row[i].base);
    assert_text(arm, "reference", row[i].reference);
    assert_text(cell, "decay", row[i].decay);
    if (row[i].cost)
      assert_text(cell, "lp.cost", row[i].cost);
    else
      assert_null(json_object_get(cell, "lp.cost"));
  }
  const json_t *axis = json_array_get(json_object_get(m, "sweep"), 0);
  assert_text(axis, "key", "lp.cost");
  assert_text(axis, "label", "cost");
  assert_int_equal(json_array_size(json_object_get(axis, "values")), 2);
  json_decref(m);

  /* The same from a file. */
  static const char text[] = "data: idx:data\narms: [control, linear]\nepochs: 1\nbatch: 4\n"
                             "images: 48\nbackend: cpu\nseeds: 3\n"
                             "sweep: {lp.cost: [linear, sqrt], decay: [0, 0.1]}\n";
  test_write("grid.yaml", text, strlen(text));
  assert_int_equal(test_run("experiment grid.yaml --measures none --quiet --no-report --out file"),
                   0);
  test_same_run("whole", "file");
}

/* The cell's networks are those of an arm that says the same by hand, to the bit. */
static void test_by_hand(void **state) {
  (void)state;
  assert_int_equal(test_run("experiment mnist " SETTINGS
                            "--arms 'a=(decay=0.1),b=(lp=(locality:cost=sqrt),decay=0.1)' "
                            "--seeds 3 --out hand"),
                   0);
  static const char *const name[] = {"control+decay=0.1", "linear+cost=sqrt+decay=0.1"};
  for (int i = 0; i < 2; i++)
    for (int seed = 1; seed <= 3; seed++) {
      char a[128], b[128];
      snprintf(a, sizeof a, "whole/activations/%s-seed%d.safetensors", name[i], seed);
      snprintf(b, sizeof b, "hand/activations/%c-seed%d.safetensors", "ab"[i], seed);
      test_same_file(a, b);
    }
  /* and other values are other networks */
  size_t n, k;
  char *x = test_read("whole/activations/control+decay=0-seed1.safetensors", &n);
  char *y = test_read("whole/activations/control+decay=0.1-seed1.safetensors", &k);
  assert_true(n != k || memcmp(x, y, n) != 0);
  free(x);
  free(y);
}

/* Fields of a line of CSV without quotes, in place. */
static int cut(char *line, char *field[400]) {
  int n = 0;
  for (char *p = line; p; n++) {
    char *comma = strchr(p, ',');
    if (comma) *comma++ = '\0';
    assert_true(n < 400);
    field[n] = p;
    p = comma;
  }
  return n;
}

static int column(char **head, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(head[i], name) == 0) return i;
  fail_msg("no column %s", name);
  return -1;
}

/* Every row against summary.json. */
static void test_table(void **state) {
  (void)state;
  assert_int_equal(test_run("analyze whole"), 0);
  json_t *s = json_of("whole", "summary.json"), *c;
  char *text = test_read("whole/sweep.csv", NULL), *save, *head[400], *field[400];
  const int n = cut(strtok_r(text, "\n", &save), head);
  int rows = 0;
  for (char *line; (line = strtok_r(NULL, "\n", &save)); rows++) {
    assert_int_equal(cut(line, field), n);
    const json_t *arm = json_object_get(json_object_get(s, "arms"), field[1]);
    const int seed = atoi(field[column(head, n, "seed")]);
    const json_t *run = json_array_get(json_object_get(arm, "runs"), (size_t)seed - 1);
    const json_t *site = json_object_get(json_object_get(run, "sites"), "lp_out");
    assert_int_equal(json_integer_value(json_object_get(run, "seed")), seed);
    assert_string_equal(field[column(head, n, "status")], "complete");
    static const char *const of_run[] = {"accuracy", "loss"};
    for (int i = 0; i < 2; i++)
      assert_true(atof(field[column(head, n, of_run[i])]) ==
                  json_number_value(json_object_get(run, of_run[i])));
    const double v = json_number_value(json_object_get(site, "variance"));
    assert_true(atof(field[column(head, n, "lp_out.variance")]) == v);
    assert_true(atof(field[column(head, n, "lp_out.moran_i")]) ==
                json_number_value(json_object_get(site, "moran_i")));
    /* the uniform map on 7 x 7: 8.1667 */
    assert_true(fabs(atof(field[column(head, n, "lp_out.variance_fraction")]) - v * 6 / 49) <
                1e-12);
    assert_int_equal(atoi(field[column(head, n, "lp_out.units")]), 49);
    const char *cost = field[column(head, n, "lp.cost")];
    assert_true(strcmp(field[0], "control") == 0 ? !*cost : *cost);
  }
  assert_int_equal(rows, 18);
  free(text);

  /* 4 cells x 2 measures are tested, each against its own reference. */
  assert_int_equal(json_integer_value(json_object_get(json_object_get(s, "plan"), "tests")), 8);
  size_t i;
  json_array_foreach(json_object_get(s, "comparisons"), i, c) {
    const char *arm = json_string_value(json_object_get(c, "arm"));
    const bool none = strstr(arm, "decay=0.1") == NULL;
    assert_text(c, "reference", none ? "control+decay=0" : "control+decay=0.1");
    const json_t *theirs = json_object_get(
        json_object_get(json_object_get(s, "arms"), none ? "control+decay=0" : "control+decay=0.1"),
        "accuracy");
    if (strcmp(json_string_value(json_object_get(c, "measure")), "accuracy") == 0)
      assert_true(json_number_value(json_object_get(theirs, "mean")) ==
                  json_number_value(json_object_get(c, "reference_mean")));
  }
  json_decref(s);
}

/* Lines of a figure's CSV whose fields 1 and `at` + 1 are these; their y, and low and high. */
static int rows_with(const char *path, const char *first, int at, const char *wanted, int y,
                     double out[16][3]) {
  char *text = test_read(path, NULL), *save, *field[400];
  int n = 0;
  for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
    for (char *p = l; (p = strchr(p, '"'));) { /* "control, cost sqrt" has a comma */
      char *end = strchr(p + 1, '"');
      for (char *c = p + 1; c < end; c++)
        if (*c == ',') *c = ';';
      p = end + 1;
    }
    const int fields = *l == '#' ? 0 : cut(l, field);
    if (fields <= y || strcmp(field[0], first) != 0 || strcmp(field[at], wanted) != 0) continue;
    assert_true(n < 16);
    for (int i = 0; i < 3; i++) out[n][i] = y + i < fields ? atof(field[y + i]) : NAN;
    n++;
  }
  free(text);
  return n;
}

/* The figures hold the networks of sweep.csv, their means and intervals. */
static void test_report(void **state) {
  (void)state;
  assert_int_equal(test_run("report whole"), 0);
  char *page = test_read("whole/report.html", NULL);
  static const char *const part[] = {"<section id=\"sweep\">", "<a href=\"sweep.csv\">",
                                     "<figure id=\"sweep_lines_1\">", "<figure id=\"sweep_map\">",
                                     "Cells of the sweep"};
  for (int i = 0; i < 5; i++) {
    if (!strstr(page, part[i])) print_error("no %s\n", part[i]);
    assert_non_null(strstr(page, part[i]));
  }
  assert_null(strstr(page, "sweep_lines_2"));
  free(page);

  json_t *s = json_of("whole", "summary.json");
  const json_t *runs = json_object_get(
      json_object_get(json_object_get(s, "arms"), "linear+cost=sqrt+decay=0.1"), "runs");
  double x[3], mean = 0, squares = 0, found[16][3];
  for (size_t i = 0; i < 3; i++) {
    x[i] = json_number_value(json_object_get(json_array_get(runs, i), "accuracy"));
    mean += x[i] / 3;
  }
  for (size_t i = 0; i < 3; i++) squares += (x[i] - mean) * (x[i] - mean);
  const double half = 4.302653 * sqrt(squares / 2 / 3); /* t of 2 degrees of freedom at 97.5 % */
  json_decref(s);
  const char *csv = "whole/figures/sweep_lines_1.csv";
  const int n = rows_with(csv, "3", 2, "\"linear; cost sqrt\"", 6, found);
  assert_int_equal(n, 2 * 3 + 2); /* networks, then means, of two values of decay */
  for (int i = 0; i < 3; i++) assert_true(fabs(found[3 + i][0] - x[i]) < 1e-3);
  assert_true(fabs(found[7][0] - mean) < 1e-3 && fabs(found[7][1] - (mean - half)) < 1e-3 &&
              fabs(found[7][2] - (mean + half)) < 1e-3);
  assert_int_equal(rows_with(csv, "3", 5, "mean", 6, found), 6);
  /* 3 rows (the control has no cost) x 2 columns of a map */
  csv = "whole/figures/sweep_map.csv";
  assert_int_equal(rows_with(csv, "3", 3, "\"0.1\"", 5, found), 3);
  assert_true(fabs(found[2][0] - mean) < 1e-3);
  assert_int_equal(rows_with(csv, "3", 3, "\"0\"", 5, found), 3);

  /* A run without a sweep has none of it. */
  assert_int_equal(test_run("analyze hand"), 0);
  assert_int_equal(test_run("report hand"), 0);
  page = test_read("hand/report.html", NULL);
  assert_null(strstr(page, "sweep"));
  free(page);
}

/* Sheets of other sizes: V as a fraction of its own uniform value, each paired with its own size.
 */
static void test_sheets(void **state) {
  (void)state;
  assert_int_equal(
      test_run("experiment mnist " SETTINGS "--sweep sheet=5x5,7x7,6x4 --seeds 3 --out sheets"), 0);
  assert_int_equal(test_run("analyze sheets"), 0);
  assert_int_equal(test_run("report sheets"), 0);
  char *text = test_read("sheets/sweep.csv", NULL), *save, *head[400], *field[400];
  const int n = cut(strtok_r(text, "\n", &save), head);
  double mean = 0, found[16][3];
  int rows = 0;
  for (char *line; (line = strtok_r(NULL, "\n", &save)); rows++) {
    assert_int_equal(cut(line, field), n);
    const char *sheet = field[column(head, n, "sheet")];
    double r, c;
    assert_int_equal(sscanf(sheet, "%lfx%lf", &r, &c), 2);
    /* V of a uniform map: (r^2 + c^2 - 2) / 12, corrected by 1 - 1/(r c) */
    const double uniform = (r * r + c * c - 2) / 12 / (1 - 1 / (r * c));
    const double fraction = atof(field[column(head, n, "lp_out.variance_fraction")]);
    assert_true(fabs(fraction - atof(field[column(head, n, "lp_out.variance")]) / uniform) < 1e-12);
    assert_true(atof(field[column(head, n, "lp_out.units")]) == r * c);
    if (strcmp(field[0], "linear") == 0 && r == 6) mean += fraction / 3;
  }
  assert_int_equal(rows, 18);
  free(text);
  /* The line goes over the number of units: 24, 25, 49. */
  const char *csv = "sheets/figures/sweep_lines_1.csv";
  assert_int_equal(rows_with(csv, "1", 3, "\"6x4\"", 6, found), 2 * (3 + 1));
  assert_true(fabs(found[7][0] - mean) < 1e-5);
  text = test_read("sheets/figures/sweep_lines_1.var", NULL);
  assert_non_null(strstr(text, "array place[3] = [4, 100, 0]"));
  free(text);
  json_t *s = json_of("sheets", "summary.json"), *c;
  size_t i;
  json_array_foreach(json_object_get(s, "comparisons"), i, c) {
    const char *arm = json_string_value(json_object_get(c, "arm"));
    const char *reference = json_string_value(json_object_get(c, "reference"));
    assert_string_equal(strchr(arm, '+'), strchr(reference, '+'));
  }
  json_decref(s);
}

/* Killed, interrupted, resumed, extended: the same networks and the same table. */
static void test_resumed(void **state) {
  (void)state;
  pid_t pid = test_start("experiment mnist " SETTINGS GRID "--out part");
  test_wait_for("part/metrics.jsonl", "\"status\":\"complete\"");
  kill(pid, SIGKILL);
  assert_int_equal(test_wait(pid), 128 + SIGKILL);
  pid = test_start("experiment --resume part --quiet --no-report --seeds 3");
  test_wait_for("part/metrics.jsonl", "linear+cost=linear+decay=0.1");
  kill(pid, SIGINT);
  test_wait(pid);
  assert_int_equal(test_run("experiment --resume part --quiet --no-report --jobs 2"), 0);
  test_same_run("whole", "part");
  test_same_file("whole/sweep.csv", "part/sweep.csv");

  assert_int_equal(test_run("experiment --resume part --add-arms 'wide=(lp.topology=torus,"
                            "lp=locality)' --quiet --no-report --dry-run"),
                   1);
  test_one_error("topology");
  assert_int_equal(test_run("experiment --resume part --add-arms "
                            "'flat=(lp=(locality:normalize=fan_in))' --quiet --no-report"),
                   0);
  assert_int_equal(test_run("experiment mnist " SETTINGS GRID "--seeds 3 --out all --arms "
                            "'control,linear,flat=(lp=(locality:normalize=fan_in))'"),
                   0);
  test_same_run("all", "part");
  test_same_file("all/sweep.csv", "part/sweep.csv");
}

/* A sweep that gets values, and an arm beside its only one. */
static void test_grows(void **state) {
  (void)state;
  assert_int_equal(test_run("experiment mnist " SETTINGS
                            "--arms linear --sweep lp.cost=linear,sqrt --out small"),
                   0);
  assert_int_equal(test_run("experiment --resume small --quiet --no-report --seeds 2 "
                            "--sweep lp.cost=linear,sqrt,quadratic"),
                   0);
  assert_int_equal(test_run("experiment --resume small --quiet --no-report --add-arms control"), 0);
  assert_int_equal(test_run("experiment mnist " SETTINGS "--arms linear,control --seeds 2 "
                            "--reference linear+cost=linear "
                            "--sweep lp.cost=linear,sqrt,quadratic --out large"),
                   0);
  test_same_run("large", "small");
  test_same_file("large/sweep.csv", "small/sweep.csv");
  json_t *m = json_of("small", "manifest.json"), *all = json_object_get(m, "extended");
  assert_int_equal(json_array_size(all), 2);
  const json_t *arms = json_object_get(json_array_get(all, 0), "arms");
  assert_int_equal(json_array_size(arms), 1);
  assert_string_equal(json_string_value(json_array_get(arms, 0)), "linear+cost=quadratic");
  json_decref(m);
}

/* Which arm is compared with which. */
static void test_references(void **state) {
  (void)state;
  static const struct {
    const char *args;
    const char *reference[6]; /* of the arms in order */
  } row[] = {
      /* one arm: its first cell */
      {"--arms linear --sweep lp.cost=linear,sqrt", {"linear+cost=linear", "linear+cost=linear"}},
      /* the reference has an axis that another arm has not: its first value */
      {"--arms linear,control --reference linear --sweep lp.cost=linear,sqrt",
       {"linear+cost=linear", "linear+cost=sqrt", "linear+cost=linear"}},
      /* a cell for all */
      {"--sweep decay=0,0.1 --reference control+decay=0.1",
       {"control+decay=0.1", "control+decay=0.1", "control+decay=0.1", "control+decay=0.1"}},
      /* an arm that sets the key itself is not crossed with it */
      {"--arms 'control,own=(lp=locality,decay=0.5)' --sweep decay=0,0.1",
       {"control+decay=0", "control+decay=0.1", "control+decay=0"}},
      /* nor one whose name says it; the cost that its layer has by default is none of its own */
      {"--arms control,gaussian,linear --sweep lp.cost=linear,sqrt",
       {"control", "control", "control", "control"}},
      /* no file can tell these values apart */
      {"--arms linear --sweep 'lp.cost=power:p=2,(power:p=3,s=1)'",
       {"linear+cost=power-p=2", "linear+cost=power-p=2"}},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char dir[16];
    snprintf(dir, sizeof dir, "ref%zu", i);
    assert_int_equal(test_run("experiment mnist " SETTINGS "%s --out %s", row[i].args, dir), 0);
    json_t *m = json_of(dir, "manifest.json"), *arm;
    size_t k;
    json_array_foreach(json_object_get(m, "arms"), k, arm) {
      assert_non_null(row[i].reference[k]);
      assert_text(arm, "reference", row[i].reference[k]);
    }
    assert_true(k == 6 || !row[i].reference[k]);
    json_decref(m);
    assert_int_equal(test_run("analyze %s", dir), 0);
  }
}

/* What an axis passes over, and what a resumed run does not read, is said, and --quiet is quiet. */
static void test_said(void **state) {
  (void)state;
  static const struct {
    const char *args, *said;
  } row[] = {
      {"mnist --arms control,gaussian,linear --sweep lp.cost=linear,sqrt",
       "sweep: gaussian is not crossed with lp.cost: "},
      {"mnist --arms 'control,own=(lp=locality,lr=0.1)' --sweep decay=0,0.1 --sweep lr=0.01,0.02",
       "sweep: own is not crossed with lr: "},
      {"--resume whole mnist",
       "whole goes on with the options in its manifest; mnist is not read again"},
      {"--resume whole", "sweep: control is not crossed with lp.cost: "},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    const char *data = strstr(row[i].args, "--resume") ? "" : "--data idx:data --backend cpu";
    assert_int_equal(test_run("experiment %s %s --dry-run", row[i].args, data), 0);
    if (!strstr(test_err, row[i].said)) fail_msg("%s: %s", row[i].args, test_err);
    assert_null(strstr(test_err, "decay: "));
    assert_int_equal(test_run("experiment %s %s --dry-run --quiet", row[i].args, data), 0);
    assert_string_equal(test_err, "");
  }
}

static void test_errors(void **state) {
  (void)state;
  static const struct {
    const char *args, *error;
  } row[] = {
      {"--sweep decya=0,1", "sweep: nothing is named 'decya'; did you mean 'decay'?"},
      {"--sweep lp.cots=linear", "did you mean 'cost'?"},
      {"--sweep lq.cost=linear", "no layer named 'lq'; did you mean 'lp'?"},
      {"--sweep nothing=1", "no layer or knob named 'nothing'"},
      {"--sweep lp.cost=linear,linaer", "did you mean 'linear'?"},
      {"--arms control,gaussian --sweep lp.cost=linear,sqrt", "every arm sets lp.cost itself"},
      {"--sweep decay=0,-0", "would be the same networks"},
      {"--arms linear --sweep 'lp.cost=(power:p=2),(power:p=2.0)'", "would be the same networks"},
      {"--arms linear --sweep 'lp.cost=gaussian,(gaussian:sigma=2)'", "would be the same networks"},
      {"--arms linear --sweep 'lp.cost=(permuted:base=(power:p=2)),(permuted:base=(power:p=2.0))'",
       "would be the same networks"},
      {"--sweep sheet=7x7,07x7", "would be the same networks"},
      {"--sweep lr=fast", "lr: 'fast' is not a number"},
      {"--sweep epochs=1,2", "sweep: epochs is the same for all arms"},
      {"--sweep decay=", "sweep: decay has no values"},
      {"--sweep 'decay=()'", "sweep: decay has no values"},
      {"--sweep decay=0,,1", "sweep: a value of decay is empty"},
      {"--sweep decay", "sweep: 'decay' is not KEY=VALUE"},
      {"--sweep =1", "sweep: a key is empty"},
      {"--sweep decay=0,0.1,0", "sweep: decay has the value 0 twice"},
      {"--sweep decay=0.001,1e-3", "would be the same networks"},
      {"--sweep decay=0,1 --sweep decay=2", "sweep: decay is there twice"},
      {"--sweep 'decay=(0'", "sweep: parentheses do not match"},
      {"--sweep lr=1,2,3,4,5,6,7,8,9,10 --sweep decay=1,2,3,4,5,6,7,8,9,10 "
       "--sweep momentum=0,0.1,0.2,0.3,0.4,0.5",
       "more than 1000 cells"},
      {"--sweep decay=0,0.1 --reference nobody", "reference: no arm is named 'nobody'"},
      {"--arms 'a=(lr=1),b=(lr=2)' --sweep lr=3,4", "every arm sets lr itself"},
  };
  const int files = test_count_files();
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(test_run("experiment mnist " SETTINGS "%s --out bad", row[i].args), 1);
    test_one_error(row[i].error);
  }
  assert_int_equal(test_count_files(), files);
  static const struct {
    const char *args, *error;
  } more[] = {
      {"--sweep decay=0", "sweep: whole has a cell 'control+decay=0.1', which stays"},
      {"--sweep lp.cost=linear --sweep decay=0,0.1", "a cell 'linear+cost=sqrt+decay=0', which"},
      {"--sweep lp.cost=linear,sqrt --sweep decay=0,0.10", "a cell 'control+decay=0.1', which"},
      {"--sweep lp.cost=linear,sqrt --sweep decay=0.2,0,0.1", "come after those that it has"},
      {"--sweep lp.cost=linear,sqrt --sweep decay=0,0.1,0", "has the value 0 twice"},
      {"--sweep ''", "which stays"},
  };
  char *before = test_read("whole/manifest.json", NULL);
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
    assert_int_equal(test_run("experiment --resume whole %s", more[i].args), 1);
    test_one_error(more[i].error);
  }
  char *after = test_read("whole/manifest.json", NULL);
  assert_string_equal(before, after);
  free(before);
  free(after);

  static const struct {
    const char *text, *error;
  } file[] = {
      {"sweep: {decay: []}\n", "sweep: decay has no values"},
      {"sweep: {decay: {a: 1}}\n", "bad.yaml:1: sweep: not KEY: [VALUE, VALUE]"},
      {"sweep: {decay: [[1, 2], 3]}\n", "bad.yaml:1: sweep: an item is not text"},
      {"sweep: [1, 2]\n", "sweep: '1' is not KEY=VALUE"},
  };
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    test_write("bad.yaml", file[i].text, strlen(file[i].text));
    assert_int_equal(test_run("experiment bad.yaml --data idx:data --backend cpu"), 1);
    test_one_error(file[i].error);
  }
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cells),  cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_table),  cmocka_unit_test(test_report),
      cmocka_unit_test(test_sheets), cmocka_unit_test(test_resumed),
      cmocka_unit_test(test_grows),  cmocka_unit_test(test_references),
      cmocka_unit_test(test_said),   cmocka_unit_test(test_errors),
  };
  int failed = cmocka_run_group_tests(tests, make_whole, NULL);
  test_end();
  return failed;
}
