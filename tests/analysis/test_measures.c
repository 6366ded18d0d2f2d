/* lp_analyze_run: the table of measures at the sites of a run, with weights; selection by name. */
#include "folder.h"

#include <jansson.h>
#include <locality/measure.h>
#include <locality/prior.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a folder ------------------------------------------------------------------------------- */

static float weight_of(int arm, int seed, int k) {
  return (float)(((k * 31 + seed * 7 + arm) % 17) - 8);
}

static void write_models(void) {
  static const char *const arm[] = {"control", "linear"};
  char path[160];
  snprintf(path, sizeof path, "%s/models", dir);
  assert_ok(lp_make_dirs(path));
  for (int i = 0; i < 2; i++)
    for (int seed = 1; seed <= SEEDS; seed++) {
      float w[UNITS * UNITS];
      for (int k = 0; k < UNITS * UNITS; k++) w[k] = weight_of(i, seed, k);
      const lp_tensor_view v = {"lp.weight", lp_f32(UNITS, UNITS), w};
      snprintf(path, sizeof path, "%s/models/%s-seed%d.safetensors", dir, arm[i], seed);
      assert_ok(lp_safetensors_write(path, &v, 1, NULL, NULL, 0));
    }
}

/* write_whole_run with sites that name their layers, and a prior. */
static void write_run(const char *plan) {
  char text[2048];
  write_whole_run("p");
  write_models();
  snprintf(text, sizeof text,
           "{\"schema\": 2, \"reference\": \"control\", \"headline\": \"lp_out\", \"seeds\": "
           "[1, 2, 3], \"epochs\": 2, \"classes\": [\"a\", \"b\", \"c\"], \"sites\": [{\"name\": "
           "\"lp_in\", \"layer\": \"fc1\", \"sheet\": [%d, %d]}, {\"name\": \"lp_out\", "
           "\"layer\": \"lp\", \"sheet\": [%d, %d]}], %s \"arms\": [{\"name\": \"control\", "
           "\"layer\": \"plain\"}, {\"name\": \"linear\", \"layer\": \"locality\", \"priors\": "
           "[{\"layer\": \"lp\", \"from\": \"fc1\", \"topology\": \"grid\", \"cost\": \"linear\", "
           "\"metric\": \"l2\", \"normalize\": \"none\", \"units\": {\"out\": %d, \"in\": %d}, "
           "\"extents\": {\"out\": [%d, %d], \"in\": [%d, %d]}}]}]}",
           ROWS, COLS, ROWS, COLS, plan, UNITS, UNITS, ROWS, COLS, ROWS, COLS);
  write_text("manifest.json", text);
}

static json_t *summary(void) {
  char path[160];
  snprintf(path, sizeof path, "%s/summary.json", dir);
  json_t *o = json_load_file(path, 0, NULL);
  assert_non_null(o);
  return o;
}

static const json_t *site_of(const json_t *o, const char *arm, int seed, const char *site) {
  const json_t *runs = json_object_get(json_object_get(json_object_get(o, "arms"), arm), "runs");
  return json_object_get(json_object_get(json_array_get(runs, (size_t)seed - 1), "sites"), site);
}

static double number(const json_t *o, const char *key) {
  const json_t *v = json_object_get(o, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

static const json_t *comparison(const json_t *o, const char *measure, const char *site) {
  size_t i;
  const json_t *c;
  json_array_foreach(json_object_get(o, "comparisons"), i, c) {
    const char *at = json_string_value(json_object_get(c, "site"));
    if (strcmp(json_string_value(json_object_get(c, "measure")), measure) == 0 && at &&
        strcmp(at, site) == 0)
      return c;
  }
  return NULL;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* What lp_measure_site says of the same arrays. */
static double direct(const char *arm, int seed, const char *measure, int32_t class_) {
  float in_maps[N * UNITS], maps[N * UNITS];
  int32_t labels[N];
  fill(arm, seed, in_maps, maps);
  for (int m = 0; m < N; m++) labels[m] = m % CLASSES;
  lp_places *p;
  assert_ok(lp_places_sheet(ROWS, COLS, false, &p));
  lp_responses x = lp_responses_f32(maps, N, UNITS);
  lp_measure_input in = {.places = p, .x = &x, .labels = labels, .classes = CLASSES, .seed = 1};
  lp_measurements m;
  assert_ok(lp_measure_site(&in, measure, &m));
  double value = NAN;
  for (uint32_t i = 0; i < m.n; i++)
    if (m.item[i].of_class == class_) value = m.item[i].result.value;
  lp_measurements_free(&m);
  lp_places_free(p);
  return value;
}

static void test_values(void **state) {
  (void)state;
  write_run("");
  assert_ok(lp_analyze_run(dir));
  json_t *o = summary();
  static const char *const name[] = {"moran", "smoothness", "tgi", "nestedness", "alignment"};
  for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
    double own[SEEDS];
    for (int seed = 1; seed <= SEEDS; seed++) {
      own[seed - 1] = number(site_of(o, "linear", seed, "lp_out"), name[k]);
      assert_close(own[seed - 1], direct("linear", seed, name[k], -1), 1e-12);
    }
    const json_t *c = comparison(o, name[k], "lp_out");
    assert_non_null(c);
    assert_true(json_is_false(json_object_get(c, "primary")));
    assert_close(number(c, "mean"), (own[0] + own[1] + own[2]) / 3, 1e-12);
    assert_non_null(json_object_get(json_object_get(o, "measures"), name[k]));
  }
  assert_close(number(json_object_get(comparison(o, "moran", "lp_out"), "chance"), "value"),
               -1.0 / (UNITS - 1), 1e-12);
  json_decref(o);
}

/* sum |P W| d / sum |P W| with P = 1 / (1 + d): the grid prior of the cost `linear`. */
static void test_weights(void **state) {
  (void)state;
  write_run("");
  assert_ok(lp_analyze_run(dir));
  json_t *o = summary();
  for (int i = 0; i < 2; i++) {
    const lp_prior_spec spec = {.n_out = UNITS,
                                .n_in = UNITS,
                                .extent_out = {ROWS, COLS},
                                .extent_in = {ROWS, COLS},
                                .cost = i ? "linear" : "uniform"};
    lp_prior *p;
    double sum = 0, length = 0, prior = 0, prior_length = 0;
    assert_ok(lp_prior_build(&spec, &p));
    for (int k = 0; k < UNITS * UNITS; k++) {
      const uint32_t to = (uint32_t)(k / UNITS), from = (uint32_t)(k % UNITS);
      const double f = lp_prior_at(p, to, from), v = fabs(f * weight_of(i, 2, k)),
                   d = hypot((double)(to / COLS) - (double)(from / COLS),
                             (double)(to % COLS) - (double)(from % COLS));
      sum += v;
      length += v * d;
      prior += f;
      prior_length += f * d;
    }
    lp_prior_free(p);
    const json_t *site = site_of(o, i ? "linear" : "control", 2, "lp_out");
    assert_close(number(site, "wiring_length"), length / sum, 1e-12);
    assert_close(number(json_object_get(site, "chance"), "wiring_length"), prior_length / prior,
                 1e-12);
    /* fc1 is no layer of the model file: nothing is known of its weights */
    assert_true(isnan(number(site_of(o, "linear", 2, "lp_in"), "wiring_length")));
  }
  assert_null(comparison(o, "wiring_length", "lp_in"));
  json_decref(o);
}

static void test_tables(void **state) {
  (void)state;
  char path[160], *text, line[400];
  write_run("");
  assert_ok(lp_analyze_run(dir));
  static const char *const file[] = {"measures.csv", "curves.csv"};
  for (int k = 0; k < 2; k++) {
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, file[k]);
    assert_ok(lp_read_file(path, (void **)&text, &n));
    snprintf(line, sizeof line, "%s",
             k ? "linear,linear,2,complete,lp_out,trained,correlation_distance,2,"
               : "linear,linear,2,complete,lp_out,trained,patches,b,");
    const char *at = strstr(text, line);
    assert_non_null(at);
    if (!k) assert_close(strtod(at + strlen(line), NULL), direct("linear", 2, "patches", 1), 1e-12);
    free(text);
  }
}

static void test_selection(void **state) {
  (void)state;
  write_run("");
  assert_ok(lp_analyze_run_with(dir, &(lp_analysis_options){.measures = "none"}));
  json_t *o = summary();
  assert_true(isnan(number(site_of(o, "linear", 1, "lp_out"), "moran")));
  assert_false(isnan(number(site_of(o, "linear", 1, "lp_out"), "geary_c")));
  json_decref(o);
  const lp_analysis_options two = {.measures = "tgi,patches:threshold=1,(patches:threshold=1)"};
  assert_ok(lp_analyze_run_with(dir, &two));
  o = summary();
  const json_t *site = site_of(o, "linear", 1, "lp_out");
  assert_close(number(site, "patches:threshold=1"), direct("linear", 1, "patches:threshold=1", -1),
               1e-12);
  assert_true(isnan(number(site, "moran")) && !isnan(number(site, "tgi")));
  json_decref(o);
  assert_int_equal(lp_analyze_run_with(dir, &(lp_analysis_options){.measures = "tgy"}),
                   LP_ERR_NOT_FOUND);
  assert_non_null(strstr(lp_error_message(), "did you mean 'tgi'"));
  /* the plan's primary measures are taken in any case */
  write_run("\"plan\": {\"primary\": [\"smoothness\"], \"alpha\": 0.05},");
  assert_ok(lp_analyze_run_with(dir, &(lp_analysis_options){.measures = "none"}));
  o = summary();
  assert_true(json_is_true(json_object_get(comparison(o, "smoothness", "lp_out"), "primary")));
  assert_true(json_is_false(json_object_get(comparison(o, "smoothness", "lp_in"), "primary")));
  json_decref(o);
}

/* a and b are one superclass, c stands alone: as lp_containment_of has it. */
static void test_superclasses(void **state) {
  (void)state;
  char path[160];
  float in_maps[N * UNITS], maps[N * UNITS];
  int32_t labels[N];
  write_run("\"superclasses\": {\"a\": \"x\", \"b\": \"x\", \"c\": \"y\"},");
  snprintf(path, sizeof path, "%s/super.csv", dir);
  const lp_analysis_options given = {.measures = "coarse_to_fine", .superclasses = path},
                            kept = {.measures = "coarse_to_fine"};
  fill("linear", 2, in_maps, maps);
  for (int m = 0; m < N; m++) labels[m] = m % CLASSES;
  lp_responses x = lp_responses_f32(maps, N, UNITS);
  const lp_containment_options o = {.threshold = 2, .replacements = 199, .seed = 1};
  for (int k = 0; k < 2; k++) {
    const uint32_t group[2][CLASSES] = {{0, 0, 1}, {0, 1, 1}};
    lp_containment want;
    assert_ok(lp_containment_of(&x, labels, CLASSES, group[k], 2, &o, NULL, &want));
    write_text("super.csv", "\"a\",p\n\n b , q r\nc,q r\n");
    assert_ok(lp_analyze_run_with(dir, k ? &given : &kept));
    json_t *s = summary();
    const json_t *site = site_of(s, "linear", 2, "lp_out");
    assert_close(number(site, "coarse_to_fine"), want.inside, 1e-12);
    assert_close(number(json_object_get(site, "chance"), "coarse_to_fine"), want.mean, 1e-12);
    json_decref(s);
  }
  static const struct {
    const char *text, *said;
  } bad[] = {{"a,p\nb,q\n", "class 'c' is missing"},
             {"a,p\nb,q\nc,q\nc,p\n", "super.csv:4: class 'c' is there twice"},
             {"a,p\nzz,q\nc,q\n", "super.csv:2: the data have no class 'zz'"},
             {"a,p\nb\nc,q\n", "super.csv:2: a line is class,superclass"},
             {"a,\nb,q\nc,q\n", "super.csv:1: there is no superclass"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_text("super.csv", bad[i].text);
    assert_int_equal(lp_analyze_run_with(dir, &given), LP_ERR_FORMAT);
    assert_non_null(strstr(lp_error_message(), bad[i].said));
  }
}

/* Measures of tuning come from responses to gratings, where the folder has them. */
static void test_gratings(void **state) {
  (void)state;
  enum { ORIENTATIONS = 4, ROWS_OF = 8 };
  float x[ROWS_OF * UNITS];
  int32_t labels[ROWS_OF];
  char path[160];
  for (int k = 0; k < ROWS_OF * UNITS; k++) x[k] = (float)((k * 37) % 23);
  for (int i = 0; i < ROWS_OF; i++) labels[i] = i / 2;
  write_run("");
  const lp_tensor_view v[] = {{"lp_out", lp_f32(ROWS_OF, UNITS), x},
                              {"labels", LP_DESC(LP_I32, ROWS_OF), labels}};
  snprintf(path, sizeof path, "%s/activations/linear-seed2-gratings.safetensors", dir);
  assert_ok(lp_safetensors_write(path, v, 2, NULL, NULL, 0));
  assert_ok(lp_analyze_run(dir));
  json_t *o = summary();
  lp_places *p;
  assert_ok(lp_places_sheet(ROWS, COLS, false, &p));
  lp_responses r = lp_responses_f32(x, ROWS_OF, UNITS);
  lp_measure_input in = {
      .places = p, .x = &r, .labels = labels, .classes = ORIENTATIONS, .seed = 1};
  lp_measurements m;
  assert_ok(lp_measure_site(&in, "circular_variance,orientation_entropy", &m));
  const json_t *site = site_of(o, "linear", 2, "lp_out");
  assert_close(number(site, "circular_variance"), m.item[0].result.value, 1e-12);
  assert_close(number(site, "orientation_entropy"), m.item[1].result.value, 1e-12);
  assert_true(isnan(number(site_of(o, "linear", 1, "lp_out"), "circular_variance")));
  assert_true(isnan(number(site_of(o, "linear", 2, "lp_in"), "circular_variance")));
  lp_measurements_free(&m);
  lp_places_free(p);
  json_decref(o);
  labels[0] = -1;
  assert_ok(lp_safetensors_write(path, v, 2, NULL, NULL, 0));
  assert_int_equal(lp_analyze_run(dir), LP_ERR_FORMAT);
}

int main(void) {
  const struct CMUnitTest tests[] = {FOLDER_TEST(test_values),       FOLDER_TEST(test_weights),
                                     FOLDER_TEST(test_tables),       FOLDER_TEST(test_selection),
                                     FOLDER_TEST(test_superclasses), FOLDER_TEST(test_gratings)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
