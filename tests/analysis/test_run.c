/* lp_analyze_run: run folders made here, and summary.json against direct computation. */
#include "support.h"

#include <jansson.h>
#include <locality/rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 60, ROWS = 5, COLS = 4, UNITS = 20, CLASSES = 3, SEEDS = 3 };

static char dir[64];

/* ---- the folder ---------------------------------------------------------------------------- */

static int make_folder(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/test-analysis-XXXXXX");
  char path[128];
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/activations", dir);
  return lp_make_dirs(path) == LP_OK ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}

static void write_text(const char *name, const char *text) {
  char *path = lp_path_join(dir, name);
  assert_ok(lp_write_file(path, text, strlen(text)));
  free(path);
}

static void write_manifest(const char *preset, const char *seeds, const char *arms) {
  char text[2048];
  snprintf(text, sizeof text,
           "{\"schema\": 1, \"title\": \"A test\", \"preset\": \"%s\",\n \"arms\": [%s],\n"
           " \"reference\": \"control\", \"seeds\": %s, \"epochs\": 2, \"sheet\": [%d, %d],\n"
           " \"classes\": [\"a\", \"b\", \"c\"], \"data\": {\"name\": \"mnist\"}}\n",
           preset, arms, seeds, ROWS, COLS);
  write_text("manifest.json", text);
}

static const char *const two_arms =
    "{\"name\": \"control\", \"layer\": \"plain\"},"
    "{\"name\": \"linear\", \"layer\": \"locality:cost=linear,topology=grid\"}";

/* Activations that depend on arm and seed; image 3 of lp_out is silent. With seed_effect the seed
 * moves V as well, in every arm. */
static double seed_effect;

static void fill(const char *arm, int seed, float *lp_in, float *lp_out) {
  lp_rng r = lp_rng_make((uint64_t)seed, arm);
  double shrink = strcmp(arm, "linear") == 0 ? 0.2 : 1;
  shrink *= 1 - seed_effect * (seed - 1);
  for (int i = 0; i < N * UNITS; i++) {
    int column = i % UNITS % COLS;
    double edge = column == 0 || column == COLS - 1 ? shrink : 1;
    lp_in[i] = (float)lp_rng_double(&r);
    lp_out[i] = (float)(edge * fmax(0, lp_rng_double(&r) - 0.3));
    if (i / UNITS == 3) lp_out[i] = 0;
  }
}

static void write_activations(const char *arm, int seed, int n_images, int first_label) {
  float lp_in[N * UNITS], lp_out[N * UNITS];
  int32_t labels[N];
  fill(arm, seed, lp_in, lp_out);
  for (int m = 0; m < N; m++) labels[m] = (m + first_label) % CLASSES;
  char name[128];
  snprintf(name, sizeof name, "%s/activations/%s-seed%d.safetensors", dir, arm, seed);
  const lp_tensor_view tensors[] = {{"lp_in", lp_f32(n_images, UNITS), lp_in},
                                    {"lp_out", lp_f32(n_images, UNITS), lp_out},
                                    {"labels", LP_DESC(LP_I32, n_images), labels}};
  assert_ok(lp_safetensors_write(name, tensors, 3, NULL, NULL, 0));
}

static double accuracy_of(const char *arm, int seed) {
  return (strcmp(arm, "linear") == 0 ? 97.25 : 98) + 0.125 * (seed * seed % 5);
}

/* Lines of a run of two epochs that ended well. */
static void complete_lines(FILE *f, const char *arm, int seed) {
  fprintf(f,
          "{\"event\": \"train\", \"arm\": \"%s\", \"seed\": %d, \"epoch\": 1, \"step\": 100,"
          " \"loss\": 0.5, \"lr\": 0.01}\n",
          arm, seed);
  for (int e = 1; e <= 2; e++)
    fprintf(f,
            "{\"event\": \"epoch\", \"arm\": \"%s\", \"seed\": %d, \"epoch\": %d, \"steps\": 9,"
            " \"loss\": %.17g, \"accuracy\": %.17g, \"top5\": 100, \"seconds\": %d.5}\n",
            arm, seed, e, 0.5 / e, accuracy_of(arm, seed) - 2 + e, e);
  fprintf(f, "{\"event\": \"end\", \"arm\": \"%s\", \"seed\": %d, \"status\": \"complete\"}\n", arm,
          seed);
}

static void write_whole_run(const char *preset) {
  static const char *const arm[] = {"control", "linear"};
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  for (int i = 0; i < 2; i++) {
    for (int seed = 1; seed <= SEEDS; seed++) {
      complete_lines(f, arm[i], seed);
      write_activations(arm[i], seed, N, 0);
    }
  }
  fclose(f);
  write_manifest(preset, "[1, 2, 3]", two_arms);
  write_text("metrics.jsonl", text);
  free(text);
}

/* ---- reading the summary ------------------------------------------------------------------- */

static json_t *summary(void) {
  char *path = lp_path_join(dir, "summary.json");
  json_error_t error;
  json_t *o = json_load_file(path, 0, &error);
  if (!o) fail_msg("%s:%d: %s", path, error.line, error.text);
  free(path);
  return o;
}

static json_t *analyzed(void) {
  assert_ok(lp_analyze_run(dir));
  return summary();
}

/* at(o, "a.b.2.c"): a member of an object or an item of an array at each step. */
static const json_t *at(const json_t *o, const char *path) {
  char copy[128], *rest = copy, *key;
  snprintf(copy, sizeof copy, "%s", path);
  while ((key = strsep(&rest, "."))) {
    o = json_is_array(o) ? json_array_get(o, (size_t)atoi(key)) : json_object_get(o, key);
    if (!o) fail_msg("no %s in %s", key, path);
  }
  return o;
}

static double number(const json_t *o, const char *path) {
  const json_t *v = at(o, path);
  return json_is_null(v) ? NAN : json_number_value(v);
}

static const char *text(const json_t *o, const char *path) {
  return json_string_value(at(o, path));
}

/* The comparison of an arm's measure at a site. */
static const json_t *comparison(const json_t *o, const char *arm, const char *site,
                                const char *measure) {
  const json_t *list = at(o, "comparisons");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *c = json_array_get(list, i);
    if (strcmp(text(c, "arm"), arm) == 0 && strcmp(text(c, "site"), site) == 0 &&
        strcmp(text(c, "measure"), measure) == 0)
      return c;
  }
  fail_msg("no comparison of %s %s %s", arm, site, measure);
  return NULL;
}

static void same_test(const json_t *o, const char *path, const lp_test *t) {
  o = at(o, path);
  assert_close(number(o, "t"), t->statistic, 1e-12);
  assert_close(number(o, "df"), t->df, 1e-12);
  assert_close(number(o, "p"), t->p, 1e-12);
}

/* ---- a whole run --------------------------------------------------------------------------- */

/* V of every image of every run, and its mean of a run. */
typedef struct direct {
  double image[2][SEEDS][N], mean[2][SEEDS], accuracy[2][SEEDS];
} direct;

static void compute(direct *d) {
  static const char *const arm[] = {"control", "linear"};
  for (int i = 0; i < 2; i++) {
    for (int k = 0; k < SEEDS; k++) {
      float lp_in[N * UNITS], lp_out[N * UNITS];
      fill(arm[i], k + 1, lp_in, lp_out);
      d->mean[i][k] = 0;
      for (int m = 0; m < N; m++) {
        double map[UNITS];
        for (int u = 0; u < UNITS; u++) map[u] = lp_out[m * UNITS + u];
        d->image[i][k][m] = lp_spatial_variance(map, ROWS, COLS);
        if (m != 3) d->mean[i][k] += d->image[i][k][m] / (N - 1);
      }
      d->accuracy[i][k] = accuracy_of(arm[i], k + 1);
    }
  }
}

static void whole_run(void **state) {
  (void)state;
  static direct d;
  compute(&d);
  write_whole_run("mnist");
  json_t *o = analyzed();
  assert_string_equal(text(o, "title"), "A test");
  assert_string_equal(text(o, "reference"), "control");
  assert_string_equal(text(o, "arms.control.layer"), "plain");
  assert_true(number(o, "arms.linear.accuracy.n") == SEEDS);
  lp_moments m = lp_moments_of(d.accuracy[1], SEEDS);
  assert_close(number(o, "arms.linear.accuracy.mean"), m.mean, 1e-13);
  assert_close(number(o, "arms.linear.accuracy.sd"), m.sd, 1e-13);
  assert_close(number(o, "arms.linear.loss.mean"), 0.25, 1e-13);
  assert_string_equal(text(o, "arms.linear.runs.2.status"), "complete");
  assert_close(number(o, "arms.linear.runs.2.accuracy"), d.accuracy[1][2], 1e-13);
  assert_close(number(o, "arms.linear.runs.2.seconds_per_epoch.1"), 2.5, 0);

  const json_t *site = at(o, "arms.linear.runs.1.sites.lp_out");
  assert_close(number(site, "variance"), d.mean[1][1], 1e-12);
  assert_true(number(site, "variance_n") == N - 1 && number(site, "variance_undefined") == 1);
  float lp_in[N * UNITS], lp_out[N * UNITS];
  fill("linear", 2, lp_in, lp_out);
  double pr, smooth, value[N];
  assert_ok(lp_participation_ratio(lp_out, N, UNITS, &pr));
  assert_ok(lp_smoothness(lp_out, N, ROWS, COLS, &smooth));
  assert_close(number(site, "participation_ratio"), pr, 1e-12);
  assert_close(number(site, "smoothness"), smooth, 1e-12);
  static const struct {
    const char *name;
    lp_map_fn fn;
  } mean_of[] = {{"moran_i", lp_moran_i},
                 {"geary_c", lp_geary_c},
                 {"centroid_offset", lp_centroid_offset},
                 {"variance_torus", lp_spatial_variance_torus}};
  for (int i = 0; i < 4; i++) {
    assert_ok(lp_map_values(mean_of[i].fn, lp_out, N, ROWS, COLS, value));
    assert_close(number(site, mean_of[i].name), lp_moments_of(value, N).mean, 1e-12);
  }
  assert_true(number(o, "arms.linear.runs.1.sites.lp_in.variance_undefined") == 0);
  json_decref(o);
}

static void whole_run_comparisons(void **state) {
  (void)state;
  static direct d;
  compute(&d);
  write_whole_run("mnist");
  json_t *o = analyzed();
  const json_t *c = comparison(o, "linear", "lp_out", "variance");
  lp_test t = lp_ttest_welch(d.mean[1], SEEDS, d.mean[0], SEEDS);
  same_test(c, "welch", &t);
  t = lp_ttest_paired(d.mean[1], d.mean[0], SEEDS);
  same_test(c, "paired", &t);
  assert_close(number(c, "hedges_g"), lp_hedges_g(d.mean[1], SEEDS, d.mean[0], SEEDS), 1e-12);
  lp_interval interval;
  assert_ok(
      lp_bootstrap_difference(d.mean[1], SEEDS, d.mean[0], SEEDS, true, 0.95, 10000, 1, &interval));
  assert_close(number(c, "bootstrap.low"), interval.low, 1e-10);
  assert_close(number(c, "bootstrap.high"), interval.high, 1e-10);
  assert_true(number(c, "bootstrap.resamples") == 10000 && number(c, "n") == SEEDS);
  lp_moments reference = lp_moments_of(d.mean[0], SEEDS);
  assert_close(number(c, "reference_sd"), reference.sd, 1e-10);
  assert_int_equal(json_array_size(at(c, "per_image")), SEEDS);
  t = lp_ttest_paired(d.image[1][2], d.image[0][2], N);
  same_test(c, "per_image.2", &t);
  assert_true(number(c, "per_image.2.n") == N - 1 && number(c, "per_image.2.seed") == 3);
  assert_close(number(c, "per_image.2.mean_difference"), t.mean_difference, 1e-12);
  assert_int_equal(json_array_size(at(c, "leave_one_class_out")), SEEDS * CLASSES);
  assert_string_equal(text(c, "leave_one_class_out.4.class"), "b");
  double rest[N];
  for (int m = 0; m < N; m++) rest[m] = m % CLASSES == 1 ? NAN : d.image[1][1][m];
  t = lp_ttest_paired(rest, d.image[0][1], N);
  same_test(c, "leave_one_class_out.4", &t);

  t = lp_ttest_welch(d.accuracy[1], SEEDS, d.accuracy[0], SEEDS);
  same_test(o, "accuracy_comparisons.0.welch", &t);
  int called = 0;
  for (int i = 0; i < SEEDS; i++)
    for (int k = 0; k < i; k++)
      called += lp_ttest_paired(d.image[0][i], d.image[0][k], N).p < 0.001;
  assert_true(number(o, "control_pairs.pairs") == 3);
  assert_true(number(o, "control_pairs.significant.lp_out") == called);
  json_decref(o);
}

static void null_and_published(void **state) {
  (void)state;
  write_whole_run("mnist");
  json_t *o = analyzed();
  assert_close(number(o, "null.uniform"), lp_spatial_variance_uniform(ROWS, COLS), 1e-13);
  double sum[UNITS] = {0};
  for (int i = 0; i < UNITS; i++)
    for (int j = 0; j < UNITS; j++)
      sum[i] += 1 / (1 + hypot(i / COLS - j / COLS, i % COLS - j % COLS));
  assert_close(number(o, "null.border.linear"), lp_spatial_variance(sum, ROWS, COLS), 1e-9);
  assert_null(json_object_get(at(o, "null.border"), "control"));
  assert_close(number(o, "published.arms.linear.loss"), 0.122, 1e-12);
  assert_close(number(o, "published.variance.0.p"), 1.35e-10, 1e-12);
  json_decref(o);
  write_whole_run("imagenet-rmsprop");
  o = analyzed();
  assert_int_equal(json_array_size(at(o, "published.variance")), 2);
  assert_int_equal(json_object_size(at(o, "published.arms")), 0);
  json_decref(o);
  write_whole_run("mnistlike");
  o = analyzed();
  assert_true(json_is_null(at(o, "published")));
  json_decref(o);
}

static void same_bytes_again(void **state) {
  (void)state;
  write_whole_run("mnist");
  char *path = lp_path_join(dir, "summary.json");
  void *first, *second;
  size_t n, k;
  assert_ok(lp_analyze_run(dir));
  assert_ok(lp_read_file(path, &first, &n));
  assert_ok(lp_analyze_run(dir));
  assert_ok(lp_read_file(path, &second, &k));
  assert_int_equal(n, k);
  assert_memory_equal(first, second, n);
  free(first);
  free(second);
  free(path);
}

static void answers(void **state) {
  (void)state;
  write_whole_run("mnist");
  json_t *o = analyzed();
  assert_int_equal(json_array_size(at(o, "answer")), 3);
  assert_non_null(strstr(text(o, "answer.0"), "linear (3 of 3 networks finished)"));
  /* fill() moves V of linear by many standard deviations; accuracy_of() differs by 0.75. */
  assert_non_null(strstr(text(o, "answer.1"), "V is lower"));
  assert_non_null(strstr(text(o, "answer.1"), "accuracy is lower"));
  assert_non_null(strstr(text(o, "answer.2"), "n = 3 an arm"));
  json_decref(o);

  write_manifest("mnist", "[1, 4]", two_arms); /* one seed has finished */
  char *lines;
  size_t n;
  FILE *f = open_memstream(&lines, &n);
  complete_lines(f, "control", 1);
  complete_lines(f, "linear", 1);
  fclose(f);
  write_text("metrics.jsonl", lines);
  free(lines);
  o = analyzed();
  assert_non_null(strstr(text(o, "answer.0"), "linear (1 of 2 networks finished)"));
  assert_non_null(strstr(text(o, "answer.2"), "Nothing can be concluded"));
  assert_true(json_is_null(at(o, "comparisons.0.welch.p")));
  assert_true(json_is_null(at(o, "comparisons.0.bootstrap.low")));
  assert_true(number(o, "comparisons.0.n") == 1);
  json_decref(o);

  write_manifest("mnist", "[1]", "{\"name\": \"control\", \"layer\": \"plain\"}");
  write_text("metrics.jsonl", "");
  o = analyzed();
  assert_non_null(strstr(text(o, "answer.0"), "Only the reference control (0 of 1"));
  assert_non_null(strstr(text(o, "answer.2"), "no other arm"));
  json_decref(o);
}

/* Two control arms that differ by nothing but their seeds: no difference, and the wording says so.
 */
static void answer_without_difference(void **state) {
  (void)state;
  write_manifest("mnist", "[1, 2, 3]",
                 "{\"name\": \"control\", \"layer\": \"plain\"},"
                 "{\"name\": \"twin\", \"layer\": \"plain\"}");
  char *lines;
  size_t n;
  FILE *f = open_memstream(&lines, &n);
  for (int seed = 1; seed <= SEEDS; seed++) {
    complete_lines(f, "control", seed);
    complete_lines(f, "twin", seed);
    write_activations("control", seed, N, 0);
    write_activations("twin", seed, N, 0);
  }
  fclose(f);
  write_text("metrics.jsonl", lines);
  free(lines);
  json_t *o = analyzed();
  assert_non_null(strstr(text(o, "answer.1"), "no difference in V was found"));
  assert_non_null(strstr(text(o, "answer.2"), "does not show that there is none"));
  json_decref(o);
}

/* Seeds alone move V far: the test over images calls the control networks different. */
static void answer_on_replicates(void **state) {
  (void)state;
  seed_effect = 0.48;
  write_whole_run("mnist");
  json_t *o = analyzed();
  seed_effect = 0;
  int called = (int)number(o, "control_pairs.significant.lp_out");
  assert_true(called >= 1);
  char want[64];
  snprintf(want, sizeof want, "called %d of 3 pairs of reference networks", called);
  assert_non_null(strstr(text(o, "answer.2"), want));
  json_decref(o);
}

/* ---- unfinished runs ----------------------------------------------------------------------- */

static void unfinished_run(void **state) {
  (void)state;
  write_whole_run("mnist");
  write_manifest("mnist", "[1, 2, 3, 4, 5, 6, 7]", two_arms);
  char *lines;
  size_t n;
  FILE *f = open_memstream(&lines, &n);
  complete_lines(f, "control", 1);
  /* Resumed after its end: the first epoch is trained again, so that the old second one is gone. */
  complete_lines(f, "control", 2);
  fputs("{\"event\": \"epoch\", \"arm\": \"control\", \"seed\": 2, \"epoch\": 1, \"loss\": 0.75,"
        " \"accuracy\": 50, \"seconds\": 9}\n",
        f);
  fputs("{\"event\": \"train\", \"arm\": \"linear\", \"seed\": 1, \"loss\": null}\n"
        "{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": 1, \"epoch\": 1, \"loss\": null,"
        " \"accuracy\": 9.5, \"seconds\": 1}\n"
        "{\"event\": \"end\", \"arm\": \"linear\", \"seed\": 1, \"status\": \"nonfinite\","
        " \"epoch\": 2, \"message\": \"loss is not finite\"}\n"
        "{\"event\": \"end\", \"arm\": \"linear\", \"seed\": 5, \"status\": \"interrupted\"}\n"
        "{\"event\": \"of a later version\", \"x\": 1}\n",
        f);
  complete_lines(f, "linear", 6);                    /* complete, but without activations */
  fputs("{\"event\": \"train\", \"arm\": \"lin", f); /* killed while it wrote */
  fclose(f);
  write_text("metrics.jsonl", lines);
  free(lines);
  lp_log_set_level(LP_LOG_ERROR);
  json_t *o = analyzed();
  lp_log_set_level(LP_LOG_WARNING);
  static const char *const control[] = {"complete", "unfinished", "missing", "missing"};
  for (int k = 0; k < 4; k++) {
    char path[64];
    snprintf(path, sizeof path, "arms.control.runs.%d.status", k);
    assert_string_equal(text(o, path), control[k]);
  }
  assert_close(number(o, "arms.control.runs.1.accuracy"), 50, 0);
  assert_int_equal(json_array_size(at(o, "arms.control.runs.1.seconds_per_epoch")), 1);
  assert_true(number(o, "arms.control.accuracy.n") == 1);
  assert_true(json_is_null(at(o, "arms.control.accuracy.sd")));
  assert_string_equal(text(o, "arms.linear.runs.0.status"), "nonfinite");
  assert_string_equal(text(o, "arms.linear.runs.0.message"), "loss is not finite");
  assert_true(json_is_null(at(o, "arms.linear.runs.0.loss")));
  assert_string_equal(text(o, "arms.linear.runs.4.status"), "interrupted");
  assert_int_equal(json_object_size(at(o, "arms.linear.runs.5.sites")), 0);
  assert_true(number(o, "arms.linear.accuracy.n") == 1);
  /* Measured activations of a run that is not complete are shown but not counted. */
  assert_false(json_is_null(at(o, "arms.linear.runs.0.sites.lp_out.variance")));
  const json_t *c = comparison(o, "linear", "lp_out", "variance");
  assert_true(number(c, "n") == 0 && number(c, "pairs") == 0 && json_is_null(at(c, "mean")));
  assert_int_equal(json_array_size(at(c, "per_image")), 0);
  json_decref(o);
}

static void run_not_begun(void **state) {
  (void)state;
  write_manifest("mnist", "[1, 2]", two_arms);
  json_t *o = analyzed();
  assert_string_equal(text(o, "arms.linear.runs.1.status"), "missing");
  assert_true(json_is_null(at(o, "arms.linear.accuracy.mean")));
  assert_non_null(strstr(text(o, "answer.2"), "Nothing can be concluded"));
  json_decref(o);
}

/* A layer that no module knows any more takes away its border null and nothing else. */
static void unknown_layer(void **state) {
  (void)state;
  write_manifest("mnist", "[1]",
                 "{\"name\": \"control\", \"layer\": \"plain\"},"
                 "{\"name\": \"lost\", \"layer\": \"no-such-layer:cost=linear\"}");
  lp_log_set_level(LP_LOG_ERROR);
  json_t *o = analyzed();
  lp_log_set_level(LP_LOG_WARNING);
  assert_true(json_is_null(at(o, "null.border.lost")));
  json_decref(o);
}

/* ---- broken folders ------------------------------------------------------------------------ */

static void assert_refused(lp_status want, const char *part) {
  lp_status s = lp_analyze_run(dir);
  if (s != want || !strstr(lp_error_message(), part))
    fail_msg("want \"%s\" with \"%s\", got \"%s\": %s", lp_status_name(want), part,
             lp_status_name(s), s == LP_OK ? "" : lp_error_message());
  char *path = lp_path_join(dir, "summary.json");
  assert_int_not_equal(access(path, F_OK), 0); /* nothing is left behind */
  free(path);
}

static void broken_manifest(void **state) {
  (void)state;
  assert_refused(LP_ERR_IO, "manifest.json");
  write_text("manifest.json", "{\"schema\": 1,\n \"title\": }");
  assert_refused(LP_ERR_FORMAT, "manifest.json:2");
  write_text("manifest.json", "[1]");
  assert_refused(LP_ERR_FORMAT, "manifest.json");
  write_text("manifest.json", "{\"schema\": 2}");
  assert_refused(LP_ERR_FORMAT, "schema");
  write_manifest("mnist", "[]", two_arms);
  assert_refused(LP_ERR_FORMAT, "seeds");
  write_manifest("mnist", "[1, 1]", two_arms);
  assert_refused(LP_ERR_FORMAT, "seed 1 is there twice");
  write_manifest("mnist", "[1, \"x\"]", two_arms);
  assert_refused(LP_ERR_FORMAT, "seeds");
  write_manifest("mnist", "[1]", "{\"name\": \"linear\", \"layer\": \"plain\"}");
  assert_refused(LP_ERR_FORMAT, "reference \"control\"");
  write_manifest("mnist", "[1]", "{\"name\": \"../x\", \"layer\": \"plain\"}");
  assert_refused(LP_ERR_FORMAT, "arm 1");
  write_manifest("mnist", "[1]", "{\"name\": \"control\"}");
  assert_refused(LP_ERR_FORMAT, "layer");
}

static void broken_metrics(void **state) {
  (void)state;
  static const struct {
    const char *lines, *part;
  } broken[] = {
      {"{\"event\": \"later\"}\n{\"event\": \n{}\n", "metrics.jsonl:2"},
      {"[1]\n", "metrics.jsonl:1"},
      {"\n", "metrics.jsonl:1"},
      {"{\"event\": \"train\"}\n", "\"arm\""},
      {"{\"event\": \"train\", \"arm\": \"x\", \"seed\": 1}\n", "arm \"x\", seed 1"},
      {"{\"event\": \"train\", \"arm\": \"linear\", \"seed\": 8}\n", "seed 8"},
      {"{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": 1}\n", "\"epoch\""},
      {"{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": 1, \"epoch\": 1, \"accuracy\": 1,"
       " \"loss\": \"low\", \"seconds\": 1}\n",
       "metrics.jsonl:1: \"loss\""},
      {"{\"event\": \"end\", \"arm\": \"linear\", \"seed\": 1}\n", "status"},
  };
  write_manifest("mnist", "[1]", two_arms);
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    write_text("metrics.jsonl", broken[i].lines);
    assert_refused(LP_ERR_FORMAT, broken[i].part);
  }
}

static void write_tensors(const char *arm, lp_desc in, lp_desc out, lp_desc labels, int32_t label) {
  static const float zero[N * (UNITS + 1)];
  int32_t all[N];
  for (int m = 0; m < N; m++) all[m] = label;
  char name[128];
  snprintf(name, sizeof name, "%s/activations/%s-seed1.safetensors", dir, arm);
  const lp_tensor_view tensors[] = {
      {"lp_in", in, zero}, {"lp_out", out, zero}, {"labels", labels, all}};
  assert_ok(lp_safetensors_write(name, tensors, 3, NULL, NULL, 0));
}

static void broken_activations(void **state) {
  (void)state;
  const char *part = "activations/linear-seed1.safetensors";
  lp_desc good = lp_f32(N, UNITS), labels = LP_DESC(LP_I32, N);
  write_manifest("mnist", "[1]", two_arms);
  write_activations("control", 1, N, 0);
  write_tensors("linear", good, lp_f32(N, UNITS + 1), labels, 0);
  assert_refused(LP_ERR_FORMAT, part);
  write_activations("linear", 1, N - 1, 0); /* fewer images than the other network */
  assert_refused(LP_ERR_FORMAT, part);
  write_activations("linear", 1, N, 1); /* other images */
  assert_refused(LP_ERR_FORMAT, "labels are not those");
  write_activations("linear", 1, N, 0);
  write_tensors("control", good, good, labels, 3);
  assert_refused(LP_ERR_FORMAT, "label 3 of image 0");
  write_tensors("control", good, good, lp_f32(N), 0);
  assert_refused(LP_ERR_FORMAT, "control-seed1.safetensors: needs \"labels\"");
  write_tensors("control", lp_f32(N * UNITS), good, labels, 0);
  assert_refused(LP_ERR_FORMAT, "control-seed1.safetensors: needs \"lp_in\"");
  write_text("activations/control-seed1.safetensors", "not tensors");
  assert_refused(LP_ERR_FORMAT, "control-seed1.safetensors");
}

#define FOLDER_TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(whole_run),
      FOLDER_TEST(whole_run_comparisons),
      FOLDER_TEST(null_and_published),
      FOLDER_TEST(same_bytes_again),
      FOLDER_TEST(answers),
      FOLDER_TEST(answer_without_difference),
      FOLDER_TEST(answer_on_replicates),
      FOLDER_TEST(unfinished_run),
      FOLDER_TEST(run_not_begun),
      FOLDER_TEST(unknown_layer),
      FOLDER_TEST(broken_manifest),
      FOLDER_TEST(broken_metrics),
      FOLDER_TEST(broken_activations),
  };
  return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
