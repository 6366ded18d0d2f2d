/* Figures of selectivity and of correlation over distance: their tables against numbers taken here
 * from the activations and from the analysis' tables. */
#include "page.h"
#include "sample_run.h"

#include <locality/io.h>
#include <locality/registry.h>
#include <locality/report.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 7, COLS = 7, UNITS = ROWS * COLS, CLASSES = 10, IMAGES = 60 };
static const sample_run small = {.title = "Selective",
                                 .rows = ROWS,
                                 .cols = COLS,
                                 .classes = CLASSES,
                                 .seeds = 2,
                                 .epochs = 2,
                                 .images = IMAGES};

static char root[] = "/tmp/locality-selective-XXXXXX", dir[64];

static char *read_in(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  static void *data; /* static: gcc takes the result for a pointer to a local */
  size_t n;
  if (lp_read_file(path, &data, &n) != LP_OK) fail_msg("%s", lp_error_message());
  return data;
}

/* Numbers of the block behind `what`; n of them. */
static void block(const char *csv, const char *what, double *out, uint32_t n) {
  const char *s = strstr(csv, what);
  if (!s) fail_msg("no %s", what);
  s = strchr(s, '\n') + 1;
  for (uint32_t i = 0; i < n; i++) {
    char *end;
    out[i] = strtod(s, &end);
    assert_ptr_not_equal(s, end);
    s = end + 1;
  }
}

/* (m1 - m0) / sqrt(v1 / n1 + v0 / n0), v with 1 / n */
static void welch(const char *arm, double t[CLASSES][UNITS]) {
  char path[256];
  snprintf(path, sizeof path, "%s/activations/%s-seed1.safetensors", dir, arm);
  lp_safetensors *f = NULL;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  const float *x = lp_safetensors_find(f, "lp_out")->data;
  const int32_t *label = lp_safetensors_find(f, "labels")->data;
  for (int c = 0; c < CLASSES; c++)
    for (int u = 0; u < UNITS; u++) {
      double n[2] = {0}, sum[2] = {0}, square[2] = {0};
      for (int i = 0; i < IMAGES; i++) n[label[i] == c]++, sum[label[i] == c] += x[i * UNITS + u];
      for (int i = 0; i < IMAGES; i++) {
        const int in = label[i] == c;
        square[in] += pow(x[i * UNITS + u] - sum[in] / n[in], 2);
      }
      const double error = sqrt(square[0] / n[0] / n[0] + square[1] / n[1] / n[1]);
      t[c][u] = error > 0 ? (sum[1] / n[1] - sum[0] / n[0]) / error : 0;
    }
  lp_safetensors_free(f);
}

static void test_t(void **state) {
  (void)state;
  static double want[CLASSES][UNITS], got[UNITS], most[UNITS];
  char *csv = read_in("figures/selectivity_lp_out.csv"),
       *preferred = read_in("figures/preference_lp_out.csv");
  welch("linear", want);
  for (int c = 0; c < CLASSES; c++) {
    char what[64];
    snprintf(what, sizeof what, "# arm linear, class %d\n", c);
    block(csv, what, got, UNITS);
    for (int u = 0; u < UNITS; u++) assert_float_equal(got[u], want[c][u], 1e-4);
  }
  block(preferred, "# arm linear: ", got, UNITS);
  for (int u = 0; u < UNITS; u++) {
    int best = -1;
    most[u] = 0;
    for (int c = 0; c < CLASSES; c++)
      if (want[c][u] > most[u]) most[u] = want[best = c][u];
    assert_int_equal((int)got[u], best + 1);
  }
  free(csv);
  free(preferred);
}

/* Sides of units in patches: each patch is closed, so its left sides are as many as its right ones.
 */
static void test_patches(void **state) {
  (void)state;
  static double t[CLASSES][UNITS];
  char *csv = read_in("figures/selectivity_lp_out.csv");
  const char *s = strstr(csv, "# sides of units in patches");
  assert_non_null(s);
  welch("control", t);
  uint32_t lines = 0;
  for (s = strchr(s, '\n'); s && s[1]; s = strchr(s + 1, '\n')) {
    unsigned row, column, x, y, dx, dy;
    assert_int_equal(sscanf(s, "\n%u,%u,%u,%u,%u,%u", &row, &column, &x, &y, &dx, &dy), 6);
    assert_true((dx > 0) != (dy > 0));
    if (row != 1) continue; /* control stands first */
    lines++;
    /* one of the two units at the line is above the threshold */
    bool above = false;
    for (int k = 0; k < 2; k++) { /* at its beginning */
      const int r = (int)y - (dx ? k : 0), c = (int)x - (dy ? k : 0);
      above |= r >= 0 && r < ROWS && c >= 0 && c < COLS && t[column - 1][r * COLS + c] > 2;
    }
    assert_true(above);
  }
  assert_true(lines > 0);
  char *page = read_in("report.html");
  must_contain(page, "Black lines: patches, 3 or more touching units with t &gt; 2");
  free(page);
  free(csv);
}

static void test_nested(void **state) {
  (void)state;
  static double t[CLASSES][UNITS], matrix[CLASSES * UNITS];
  char *csv = read_in("figures/nested_lp_out.csv"), *var = read_in("figures/nested_lp_out.var");
  welch("control", t);
  int ones = 0, drawn = 0, before = UNITS + 1;
  for (int c = 0; c < CLASSES; c++)
    for (int u = 0; u < UNITS; u++) ones += t[c][u] > 2;
  block(csv, "# arm control: classes", matrix, CLASSES * UNITS);
  for (int c = 0; c < CLASSES; c++) {
    int row = 0;
    for (int u = 0; u < UNITS; u++) row += matrix[c * UNITS + u] == 1;
    assert_true(row <= before); /* sorted */
    before = row;
    drawn += row;
  }
  before = CLASSES + 1;
  for (int u = 0; u < UNITS; u++) {
    int column = 0;
    for (int c = 0; c < CLASSES; c++) column += matrix[c * UNITS + u] == 1;
    assert_true(column <= before);
    before = column;
  }
  assert_int_equal(drawn, ones);
  must_contain(var, "'NODF 31.25; chance 20.50, sd 1.250; p = 0.040'");
  free(csv);
  free(var);
}

static void test_distance(void **state) {
  (void)state;
  char *csv = read_in("figures/distance_lp_out.csv");
  must_contain(csv, "1,\"control\",1,0.5,0.4,-0.1,0.1\n1,\"control\",1,1.5,NaN,NaN,NaN\n"
                    "\n1,\"control\",2,0.5,0.2,-0.2,0.4\n");
  must_contain(csv, "1,\"control\",mean,0.5,0.30000000000000004,-0.15000000000000002,0.25\n");
  must_lack(csv, "0.9");
  must_lack(csv, "\"linear\",mean");
  free(csv);
}

static void test_wiring(void **state) {
  (void)state;
  char *csv = read_in("figures/wiring_lp_out.csv"), *page = read_in("report.html");
  must_contain(csv, "1,\"control\",1,2,0.25,0.125,0.125\n\n1,\"control\",2,2,0.75,0.375,0.375\n"
                    "\n\n1,\"control\",mean,2,0.5,0.25,0.25\n"
                    "\n\n1,\"control\",1,4,1,0.5,0.5\n\n\n1,\"control\",mean,4,1,0.5,0.5\n");
  must_contain(page, "<figure id=\"wiring_lp_out\">");
  must_contain(page, "share of the units over their degree");
  must_lack(page, "<figure id=\"wiring_lp_in\">");
  free(csv);
  free(page);
}

/* Angles that turn by half a circle round (3.4, 2.7), in one sense in one arm and in the other in
 * the other: so they do round the four units about that place, and nowhere else. */
static double turning(int u, int way) {
  return way * atan2(u / COLS - 2.7, u % COLS - 3.4) / 2;
}

static void write_gratings(const char *arm, int way) {
  enum { ORIENTATIONS = 6, FREQUENCIES = 2, ROWS_OF = ORIENTATIONS * FREQUENCIES };
  static float x[ROWS_OF * UNITS];
  static int32_t label[ROWS_OF];
  char path[256];
  for (int i = 0; i < ROWS_OF; i++) {
    label[i] = i / FREQUENCIES;
    for (int u = 0; u < UNITS; u++)
      x[i * UNITS + u] =
          (float)((1 + i % FREQUENCIES) *
                  (1 + cos(2 * (acos(-1) * label[i] / ORIENTATIONS - turning(u, way)))));
    x[i * UNITS + 6] = 0; /* a corner, silent */
  }
  const lp_tensor_view t[] = {{"lp_out", lp_f32(ROWS_OF, UNITS), x},
                              {"lp_in", lp_f32(ROWS_OF, UNITS), x},
                              {"labels", LP_DESC(LP_I32, ROWS_OF), label}};
  snprintf(path, sizeof path, "%s/activations/%s-seed1-gratings.safetensors", dir, arm);
  assert_int_equal(lp_safetensors_write(path, t, 3, NULL, NULL, 0), LP_OK);
}

static void check_orientation(const char *csv, const char *arm, int way) {
  char what[64];
  int inside = 0;
  snprintf(what, sizeof what, "# arm %s: ", arm);
  const char *s = strstr(csv, what);
  assert_non_null(s);
  for (int u = 0; u < UNITS; u++) {
    int column, row, used;
    double angle, strength, winding;
    s = strchr(s, '\n');
    assert_true(
        sscanf(s, " %d,%d,%lf,%lf,%lf%n", &column, &row, &angle, &strength, &winding, &used) == 5);
    s += used;
    assert_int_equal(row * COLS + column, u);
    if (u == 6) {
      assert_true(isnan(angle) && isnan(strength));
      continue;
    }
    const double off = (angle - turning(u, way) * 180 / acos(-1)) / 180;
    assert_float_equal(off, round(off), 1e-5);
    assert_float_equal(strength, 0.5, 1e-5);
    const bool about = (column == 3 || column == 4) && (row == 2 || row == 3);
    if (!isnan(winding)) assert_true(winding == (about ? way * 0.5 : 0));
    inside += about && !isnan(winding);
  }
  assert_int_equal(inside, 4);
}

static void test_orientation(void **state) {
  (void)state;
  char *page = read_in("report.html");
  must_lack(page, "Preferred orientations");
  free(page);
  write_gratings("control", 1);
  write_gratings("linear", -1);
  assert_int_equal(lp_report_write(dir), LP_OK);
  page = read_in("report.html");
  must_contain(page, "Preferred orientations and pinwheels at lp_out");
  must_contain(page, "touching units of one sign being one: control 1, linear 1.");
  must_lack(page, "Not drawn. "); /* as where gnuplot fails */
  char *csv = read_in("figures/orientation_lp_out.csv");
  check_orientation(csv, "control", 1);
  check_orientation(csv, "linear", -1);
  free(csv);
  free(page);
}

static char *replaced(const char *text, const char *old, const char *now) {
  const char *at = strstr(text, old);
  static char *out; /* static: gcc takes the result for a pointer to a local */
  assert_non_null(at);
  assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, now, at + strlen(old)) > 0);
  return out;
}

/* Sentences follow the verdicts: what was found stands under "Shown", what was not with the least
 * difference that would have been. */
static void test_shows(void **state) {
  (void)state;
  char path[256], *page = read_in("report.html"), *summary = read_in("summary.json");
  must_contain(page, "<h3>Shown</h3>\n<ul>\n<li>In <strong>linear</strong> test accuracy is higher "
                     "than in control: 0.61 points, interval [0.21, 1.01].</li>");
  must_contain(page,
               "<li>That in <strong>linear</strong> spatial variance V at lp_out differs from "
               "control, nor that it does not: 0.015 spacings\xc2\xb2");
  must_contain(page, "with 2 networks an arm no exact test can reach p = .05");
  must_contain(page, "<td class=\"text\">Student, Biometrika 1908</td>");
  must_lack(page, "Welch, Biometrika 1947");
  free(page);
  char *other = replaced(summary, "\"different\"", "\"inconclusive\""),
       *welch = replaced(other, "\"analysis\": \"paired\"", "\"analysis\": \"welch\"");
  snprintf(path, sizeof path, "%s/summary.json", dir);
  assert_int_equal(lp_write_file(path, welch, strlen(welch)), LP_OK);
  assert_int_equal(lp_report_write(dir), LP_OK);
  page = read_in("report.html");
  must_contain(page, "Nothing that was planned to be tested was found.");
  must_contain(page, "<li>That in <strong>linear</strong> test accuracy differs from control");
  must_contain(page, "<td class=\"text\">Welch, Biometrika 1947</td>");
  assert_int_equal(lp_write_file(path, summary, strlen(summary)), LP_OK);
  free(page);
  free(summary);
  free(other);
  free(welch);
}

static int set_up(void **state) {
  (void)state;
  static const char curves[] =
      "arm,cell,seed,status,site,state,measure,point,x,value,null_low,null_high\n"
      "control,control,1,complete,lp_out,trained,correlation_distance,1,0.5,0.4,-0.1,0.1\n"
      "control,control,1,complete,lp_out,trained,correlation_distance,2,1.5,,,\n"
      "control,control,1,complete,lp_out,untrained,correlation_distance,1,0.5,0.9,0,0.1\n"
      "\"control\",control,2,complete,lp_out,trained,correlation_distance,1,0.5,0.2,-0.2,0.4\n"
      "linear,linear,1,complete,lp_in,trained,correlation_distance,1,0.5,0.9,0,0.1\n"
      "control,control,1,complete,lp_out,trained,wiring_length,1,2,0.25,0.125,0.125\n"
      "control,control,1,complete,lp_out,trained,degree,1,4,1,0.5,0.5\n"
      "control,control,2,complete,lp_out,trained,wiring_length,1,2,0.75,0.375,0.375\n"
      "linear,linear,1,complete,lp_out,trained,spectrum,1,0.5,0.9,0,0.1\n";
  static const char measures[] =
      "arm,cell,seed,status,site,state,measure,class,value,unit,null_mean,null_sd,null_low,"
      "null_high,p\n"
      "control,control,2,complete,lp_out,trained,nestedness,,99,per cent,1,1,,,1\n"
      "control,control,1,complete,lp_out,trained,nestedness,,31.25,per cent,20.5,1.25,,,0.04\n";
  char path[256];
  lp_log_set_level(LP_LOG_ERROR);
  if (!mkdtemp(root)) return -1;
  snprintf(dir, sizeof dir, "%s/run", root);
  sample_run_make(dir, &small);
  snprintf(path, sizeof path, "%s/curves.csv", dir);
  if (lp_write_file(path, curves, strlen(curves)) != LP_OK) return -1;
  snprintf(path, sizeof path, "%s/measures.csv", dir);
  if (lp_write_file(path, measures, strlen(measures)) != LP_OK) return -1;
  return lp_report_write(dir) == LP_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[64];
  lp_registry_shutdown();
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_t),           cmocka_unit_test(test_patches),
      cmocka_unit_test(test_nested),      cmocka_unit_test(test_distance),
      cmocka_unit_test(test_shows),       cmocka_unit_test(test_wiring),
      cmocka_unit_test(test_orientation),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
