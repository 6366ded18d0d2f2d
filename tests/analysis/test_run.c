/* lp_analyze_run: summary.json against direct computation. */
#include "folder.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    const char *of = text(c, "site"); /* null for the accuracy of a network */
    if (strcmp(text(c, "arm"), arm) == 0 && strcmp(of ? of : "", site) == 0 &&
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
  assert_true(number(o, "arms.linear.top5.mean") == 100);
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
  assert_ok(lp_neighbour_correlation(lp_out, N, ROWS, COLS, false, &smooth));
  assert_close(number(site, "participation_ratio"), pr, 1e-12);
  assert_close(number(site, "neighbour_correlation"), smooth, 1e-12);
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
  lp_test t = lp_ttest_paired(d.mean[1], d.mean[0], SEEDS);
  /* Two primary measures of one arm share .05; t(.0125, 2) = 6.2053 (tables). */
  assert_close(number(c, "difference.alpha"), 0.025, 1e-12);
  assert_close(number(c, "difference.mean"), t.mean_difference, 1e-12);
  assert_close(number(c, "difference.low"), t.mean_difference - 6.205346817 * t.error, 1e-8);
  assert_close(number(c, "difference.high"), t.mean_difference + 6.205346817 * t.error, 1e-8);
  assert_close(number(c, "p"), t.p, 1e-12);
  assert_string_equal(text(c, "verdict"), number(c, "difference.high") < 0 ? "different" : "");
  assert_string_equal(text(c, "analysis"), "paired");
  assert_true(json_is_true(at(c, "primary")) && json_is_null(at(c, "q")));
  assert_true(json_is_null(at(c, "sign_flip.p"))); /* no p reaches .05 below 6 pairs */
  assert_false(json_is_true(at(comparison(o, "linear", "lp_in", "variance"), "primary")));
  assert_close(number(c, "hedges_g"), lp_hedges_g(d.mean[1], SEEDS, d.mean[0], SEEDS), 1e-12);
  assert_true(json_is_null(at(c, "bootstrap"))); /* of 3 networks it would not hold its level */
  assert_true(number(c, "n") == SEEDS && number(c, "decimals") == 3);
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

  int called = 0;
  for (int i = 0; i < SEEDS; i++)
    for (int k = 0; k < i; k++)
      called += lp_ttest_paired(d.image[0][i], d.image[0][k], N).p < 0.001;
  assert_true(number(o, "control_pairs.pairs") == 3);
  assert_true(number(o, "control_pairs.significant.lp_out") == called);
  json_decref(o);
}

static void uniform_null(void **state) {
  (void)state;
  write_whole_run("mnist");
  json_t *o = analyzed();
  assert_close(number(o, "null.uniform"), lp_spatial_variance_uniform(ROWS, COLS), 1e-13);
  assert_close(number(o, "null.uniform_of_arm.linear"), number(o, "null.uniform"), 1e-13);
  assert_true(json_is_null(at(o, "null.untrained.linear.lp_out.mean"))); /* no files of them */
  json_decref(o);
}

/* A value goes with the layer that it was published for: not with a name, a place among the arms or
 * the reference. */
static void published(void **state) {
  (void)state;
  write_whole_run("mnist");
  json_t *o = analyzed();
  assert_true(json_is_null(at(o, "published"))); /* the name of a preset alone says nothing */
  json_decref(o);
  more_of_manifest =
      ", \"published\": {\"source\": \"Sax\", \"arms\": [{\"layer\": \"plain\", \"accuracy\": 98.1,"
      " \"variance\": {\"lp_out\": 8.667}}, {\"layer\": \"locality:cost=linear,topology=grid\","
      " \"variance\": {\"lp_out\": 8.458}}, {\"layer\": \"locality:cost=sqrt\", \"loss\": 1}],"
      " \"tests\": [{\"layer\": \"locality:cost=linear,topology=grid\", \"reference\": \"plain\","
      " \"site\": \"lp_out\", \"t\": -6.49, \"p\": 1.35e-10},"
      " {\"layer\": \"locality:cost=sqrt\", \"reference\": \"plain\", \"site\": \"lp_out\","
      " \"t\": 1, \"p\": 0.5}]}";
  write_manifest("mine.yaml", "[1, 2, 3]", two_arms);
  for (int k = 0; k < 2; k++) { /* whichever arm is the reference */
    assert_ok(lp_analyze_run_with(dir, &(lp_analysis_options){.reference = k ? "linear" : NULL}));
    o = summary();
    assert_string_equal(text(o, "published.source"), "Sax");
    assert_int_equal(json_object_size(at(o, "published.arms")), 2);
    assert_close(number(o, "published.arms.control.variance.lp_out"), 8.667, 1e-12);
    assert_close(number(o, "published.arms.linear.variance.lp_out"), 8.458, 1e-12);
    assert_close(number(o, "published.arms.control.accuracy"), 98.1, 1e-12);
    assert_int_equal(json_array_size(at(o, "published.tests")), 1);
    assert_string_equal(text(o, "published.tests.0.arm"), "linear");
    assert_string_equal(text(o, "published.tests.0.reference"), "control");
    json_decref(o);
  }
  /* Names mean nothing, and an arm that changes more than its layer is another one. */
  write_manifest("mine.yaml", "[1, 2, 3]",
                 "{\"name\": \"linear\", \"layer\": \"plain\"},"
                 "{\"name\": \"control\", \"layer\": \"locality:cost=sqrt\", \"set\": \"lr=1\"}");
  o = analyzed();
  assert_int_equal(json_object_size(at(o, "published.arms")), 1);
  assert_close(number(o, "published.arms.linear.variance.lp_out"), 8.667, 1e-12);
  assert_int_equal(json_array_size(at(o, "published.tests")), 0);
  json_decref(o);
  more_of_manifest = "";
}

static void other_reference(void **state) {
  (void)state;
  write_whole_run("mnist");
  json_t *o = analyzed();
  double forth = number(comparison(o, "linear", "lp_out", "variance"), "difference.mean");
  assert_string_equal(text(o, "plan.reference"), "control");
  json_decref(o);
  assert_ok(lp_analyze_run_with(dir, &(lp_analysis_options){.reference = "linear"}));
  o = summary();
  assert_string_equal(text(o, "reference"), "linear");
  assert_string_equal(text(o, "plan.reference"), "control");
  const json_t *c = comparison(o, "control", "lp_out", "variance");
  assert_string_equal(text(c, "reference"), "linear");
  assert_close(number(c, "difference.mean"), -forth, 1e-12);
  assert_non_null(strstr(text(c, "text"), "V at lp_out: control higher than linear, 0."));
  json_decref(o);
  assert_int_equal(lp_analyze_run_with(dir, &(lp_analysis_options){.reference = "liner"}),
                   LP_ERR_ARG);
  assert_non_null(strstr(lp_error_message(), "has no arm 'liner'; did you mean 'linear'?"));
  o = analyzed(); /* the folder's again */
  assert_string_equal(text(o, "reference"), "control");
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
  assert_string_equal(text(o, "answer.0"),
                      "linear against control on mnist, 2 epochs, 3 seeds: V at lp_out (5 x 4 "
                      "units), test accuracy. All networks finished.");
  /* fill() moves V of linear by many standard deviations; accuracy_of() differs by 0.75. */
  assert_non_null(strstr(text(o, "answer.1"), "V of linear (lower)"));
  assert_non_null(strstr(text(o, "answer.2"), "paired by seed, n = 3; 97.50 % intervals"));
  /* accuracy_of() differs by 0.75 for every seed alike: nothing to estimate a spread from. */
  assert_non_null(strstr(text(o, "answer.1"), "1 not tested: accuracy of linear (no spread)."));
  const json_t *c = comparison(o, "linear", "", "accuracy");
  assert_string_equal(text(c, "verdict"), "untestable");
  assert_string_equal(text(c, "reason"), "no spread");
  assert_string_equal(text(c, "text"),
                      "accuracy: linear not tested against control (no spread), -0.75 points");
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
  assert_non_null(strstr(text(o, "answer.0"), "2 of 4 networks finished."));
  assert_non_null(strstr(text(o, "answer.2"), "Nothing can be concluded"));
  assert_true(json_is_null(at(o, "comparisons.0.p")));
  assert_true(number(o, "comparisons.0.n") == 1);
  json_decref(o);

  write_manifest("mnist", "[1]", "{\"name\": \"control\", \"layer\": \"plain\"}");
  write_text("metrics.jsonl", "");
  o = analyzed();
  assert_non_null(strstr(text(o, "answer.0"), "control alone on mnist"));
  assert_non_null(strstr(text(o, "answer.2"), "without another"));
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
  assert_non_null(strstr(text(o, "answer.1"), "No difference from control was found."));
  assert_non_null(strstr(text(o, "answer.2"), "Inconclusive is not equal."));
  json_decref(o);
}

/* A network that diverged and one at chance are counted, tested and shown at their worst. */
static void lost_networks(void **state) {
  (void)state;
  enum { ALL = 5 };
  write_manifest("mnist", "[1, 2, 3, 4, 5]", two_arms);
  char *lines;
  size_t n;
  FILE *f = open_memstream(&lines, &n);
  for (int seed = 1; seed <= ALL; seed++) {
    complete_lines(f, "control", seed);
    write_activations("control", seed, N, 0);
    write_activations("linear", seed, N, 0);
    if (seed < 4) complete_lines(f, "linear", seed);
  }
  fputs("{\"event\": \"end\", \"arm\": \"linear\", \"seed\": 4, \"status\": \"nonfinite\"}\n"
        "{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": 5, \"epoch\": 2, \"loss\": 1.1,"
        " \"accuracy\": 33.25, \"seconds\": 1}\n"
        "{\"event\": \"end\", \"arm\": \"linear\", \"seed\": 5, \"status\": \"complete\"}\n",
        f);
  fclose(f);
  write_text("metrics.jsonl", lines);
  free(lines);
  json_t *o = analyzed();
  const json_t *networks = at(o, "arms.linear.networks");
  assert_true(number(networks, "planned") == 5 && number(networks, "ended") == 5);
  assert_true(number(networks, "complete") == 4 && number(networks, "collapsed") == 1);
  assert_true(number(networks, "nonfinite") == 1 && number(networks, "failed") == 0);
  assert_true(number(networks, "lost") == 2 && number(o, "arms.control.networks.lost") == 0);
  assert_close(number(networks, "fisher_p"), 20.0 / 45, 1e-12); /* 2 of 5 against 0 of 5 */
  assert_true(json_is_null(at(o, "arms.control.networks.fisher_p")));
  assert_true(json_is_true(at(o, "arms.linear.runs.4.collapsed")));
  assert_non_null(strstr(text(o, "answer.0"),
                         "9 of 10 networks finished. linear lost 2 of 5 (1 not finite, 1 at "
                         "chance; control 0 of 5, Fisher's p = 0.444)."));

  /* Accuracy: four pairs in the test, and a fifth at chance in the worst case. */
  double own[ALL], reference[ALL];
  for (int k = 0; k < ALL; k++) {
    own[k] = k == 3 ? NAN : k == 4 ? 33.25 : accuracy_of("linear", k + 1);
    reference[k] = accuracy_of("control", k + 1);
  }
  const json_t *c = comparison(o, "linear", "", "accuracy");
  lp_test t = lp_ttest_paired(own, reference, ALL);
  assert_true(number(c, "n") == 4 && number(c, "lost") == 1 && number(c, "reference_lost") == 0);
  assert_close(number(c, "difference.mean"), t.mean_difference, 1e-12);
  assert_non_null(strstr(text(c, "text"), ", n = 4, "));
  own[3] = 100.0 / 3;
  t = lp_ttest_paired(own, reference, ALL);
  assert_close(number(c, "worst_case.difference.mean"), t.mean_difference, 1e-12);
  assert_close(number(c, "worst_case.p"), t.p, 1e-12);
  assert_non_null(strstr(text(c, "text"), "; 1 network lost, in the worst case inconclusive"));

  /* V is lower: in the worst case it is the highest that was seen, or chance. */
  double high = lp_spatial_variance_uniform(ROWS, COLS), v;
  c = comparison(o, "linear", "lp_out", "variance");
  assert_true(number(c, "difference.mean") < 0 && number(c, "n") == 4);
  for (int k = 0; k < ALL; k++) {
    char path[80];
    snprintf(path, sizeof path, "arms.linear.runs.%d.sites.lp_out.variance", k);
    own[k] = k == 3 ? NAN : number(o, path);
    snprintf(path, sizeof path, "arms.control.runs.%d.sites.lp_out.variance", k);
    reference[k] = v = number(o, path);
    high = fmax(high, v);
  }
  own[3] = high;
  t = lp_ttest_paired(own, reference, ALL);
  assert_close(number(c, "worst_case.difference.mean"), t.mean_difference, 1e-12);
  assert_close(number(c, "worst_case.difference.t"), t.statistic, 1e-10);
  json_decref(o);

  write_whole_run("mnist"); /* nothing lost: nothing is said of it */
  o = analyzed();
  c = comparison(o, "linear", "lp_out", "variance");
  assert_true(json_is_null(at(c, "worst_case")) && !strstr(text(o, "answer.0"), "lost"));
  json_decref(o);
}

/* Many arms with one fate make one clause each, not one for every arm. */
static void answer_of_many_arms(void **state) {
  (void)state;
  static const char *const arm[] = {"control", "a", "b", "c", "d"};
  char *lines, *arms;
  size_t n, m;
  FILE *f = open_memstream(&lines, &n), *g = open_memstream(&arms, &m);
  for (int i = 0; i < 5; i++) {
    fprintf(g, "%s{\"name\": \"%s\", \"layer\": \"%s\"}", i ? "," : "", arm[i],
            i ? "locality:cost=linear" : "plain");
    for (int seed = 1; seed <= 2; seed++) {
      bool lost = seed == 2 && i >= 1 && i <= 3;
      write_activations(arm[i], seed, N, 0);
      if (lost)
        fprintf(f,
                "{\"event\": \"end\", \"arm\": \"%s\", \"seed\": 2, \"status\": \"nonfinite\"}\n",
                arm[i]);
      else
        complete_lines(f, arm[i], seed);
    }
  }
  fclose(f);
  fclose(g);
  write_manifest("mnist", "[1, 2]", arms);
  write_text("metrics.jsonl", lines);
  free(lines);
  free(arms);
  json_t *o = analyzed();
  assert_non_null(
      strstr(text(o, "answer.0"),
             ". 7 of 10 networks finished. 3 arms lost 3 of their 6 networks (not finite, "
             "failed or at chance)."));
  assert_string_equal(text(o, "answer.1"),
                      "Nothing could be tested: 6 comparisons (fewer than 2 pairs of networks), "
                      "V of d, accuracy of d (2 pairs of networks give no interval).");
  json_decref(o);
}

static void silence(const char *arm, int seed) {
  static const float lp_in[N * UNITS], lp_out[N * UNITS];
  int32_t labels[N];
  for (int m = 0; m < N; m++) labels[m] = m % CLASSES;
  char name[128];
  snprintf(name, sizeof name, "%s/activations/%s-seed%d.safetensors", dir, arm, seed);
  const lp_tensor_view tensors[] = {{"lp_in", lp_f32(N, UNITS), lp_in},
                                    {"lp_out", lp_f32(N, UNITS), lp_out},
                                    {"labels", LP_DESC(LP_I32, N), labels}};
  assert_ok(lp_safetensors_write(name, tensors, 3, NULL, NULL, 0));
}

/* Networks that finished are not "fewer": V has no value where no unit is active. */
static void measures_without_values(void **state) {
  (void)state;
  static const struct {
    const char *arm;
    int silent, n;
  } cases[] = {{"linear", 3, 0}, {"control", 2, 1}, {"linear", 1, 2}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_whole_run("mnist");
    for (int seed = 1; seed <= cases[i].silent; seed++) silence(cases[i].arm, seed);
    json_t *o = analyzed();
    const json_t *c = comparison(o, "linear", "lp_out", "variance");
    assert_string_equal(text(c, "verdict"), "untestable");
    assert_string_equal(text(c, "reason"),
                        "too few networks have a value: no unit was active, or only one");
    assert_true(number(c, "n") == cases[i].n || cases[i].n == 1); /* without a pair, Welch's */
    assert_non_null(
        strstr(text(c, "text"), "not tested against control (too few networks have a value"));
    json_decref(o);
  }
}

/* An end of an interval near 0 is printed so that its side of 0, which is the verdict, shows. */
static void ends_near_zero(void **state) {
  (void)state;
  const double t = lp_student_t_critical(0.025, 2); /* two primary tests share .05 */
  static const struct {
    double end;
    const char *verdict, *interval;
  } cases[] = {{0.003, "different", "[0.003, 1.997]"},
               {-0.003, "inconclusive", "[-0.003, 2.003]"},
               {0.00004, "different", "[0.00004, 1.99996]"},
               {-0.4, "inconclusive", "[-0.40, 2.40]"}};
  write_whole_run("mnist");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *lines;
    size_t n;
    FILE *f = open_memstream(&lines, &n);
    for (int seed = 1; seed <= 3; seed++) {
      const double step = (1 - cases[i].end) * sqrt(3) / t;
      complete_lines(f, "control", seed);
      fprintf(
          f,
          "{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": %d, \"epoch\": 2, \"loss\": 0.5,"
          " \"accuracy\": %.17g, \"seconds\": 1}\n"
          "{\"event\": \"end\", \"arm\": \"linear\", \"seed\": %d, \"status\": \"complete\"}\n",
          seed, accuracy_of("control", seed) + 1 + step * (seed - 2), seed);
    }
    fclose(f);
    write_text("metrics.jsonl", lines);
    free(lines);
    json_t *o = analyzed();
    const json_t *c = comparison(o, "linear", "", "accuracy");
    assert_string_equal(text(c, "verdict"), cases[i].verdict);
    if (!strstr(text(c, "text"), cases[i].interval)) fail_msg("%s", text(c, "text"));
    json_decref(o);
  }
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
  snprintf(want, sizeof want, "calls %d of 3 pairs of reference networks", called);
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
  assert_true(number(c, "n") == 0 && number(c, "reference_n") == 1 && json_is_null(at(c, "mean")));
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
  assert_string_equal(text(o, "arms.lost.topology"), "grid"); /* the sheet as it is */
  json_decref(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(whole_run),
      FOLDER_TEST(whole_run_comparisons),
      FOLDER_TEST(uniform_null),
      FOLDER_TEST(published),
      FOLDER_TEST(other_reference),
      FOLDER_TEST(same_bytes_again),
      FOLDER_TEST(answers),
      FOLDER_TEST(answer_without_difference),
      FOLDER_TEST(answer_on_replicates),
      FOLDER_TEST(lost_networks),
      FOLDER_TEST(answer_of_many_arms),
      FOLDER_TEST(measures_without_values),
      FOLDER_TEST(ends_near_zero),
      FOLDER_TEST(unfinished_run),
      FOLDER_TEST(run_not_begun),
      FOLDER_TEST(unknown_layer),
  };
  return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
