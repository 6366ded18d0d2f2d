/* Many arms: Dunnett's test with seeds as blocks, contrasts by name, arms that share no seed. */
#include "folder.h"

#include <jansson.h>
#include <locality/run.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Two-sided 5 % points, correlation 1/2 (Dunnett, Biometrics 1964, tables II); k = 1 .. 9. */
static void test_table(void **state) {
  (void)state;
  static const double df[] = {5, 10, 20, INFINITY};
  static const double point[4][9] = {{2.57, 3.03, 3.29, 3.48, 3.62, 3.73, 3.82, 3.90, 3.97},
                                     {2.23, 2.57, 2.76, 2.89, 2.99, 3.07, 3.14, 3.19, 3.24},
                                     {2.09, 2.38, 2.54, 2.65, 2.73, 2.80, 2.86, 2.90, 2.95},
                                     {1.96, 2.21, 2.35, 2.44, 2.51, 2.57, 2.61, 2.65, 2.69}};
  for (int i = 0; i < 4; i++)
    for (uint32_t k = 1; k <= 9; k++) {
      double c = lp_dunnett_critical(0.05, k, df[i]);
      assert_true(fabs(c - point[i][k - 1]) < 0.0056); /* the tables have two decimals */
      assert_close(lp_dunnett_p(-c, k, df[i]), 0.05, 1e-9);
    }
  /* one arm: Student's t; none is further out than Bonferroni's */
  assert_close(lp_dunnett_p(25, 1, 4), lp_student_t_p(25, 4), 1e-12);
  assert_close(lp_dunnett_p(2, 1, 2.5), lp_student_t_p(2, 2.5), 1e-12);
  assert_close(lp_dunnett_p(200, 1, 3), lp_student_t_p(200, 3), 1e-12);
  assert_true(lp_dunnett_p(3, 5, 8) < 5 * lp_student_t_p(3, 8));
  assert_true(lp_dunnett_p(3, 5, 8) > lp_student_t_p(3, 8));
  assert_true(lp_dunnett_p(0, 3, 8) == 1 && lp_dunnett_p(INFINITY, 3, 8) == 0);
  assert_true(isnan(lp_dunnett_p(NAN, 3, 8)) && isnan(lp_dunnett_p(1, 0, 8)) &&
              isnan(lp_dunnett_p(1, 3, 0)) && isnan(lp_dunnett_critical(0, 3, 8)));
}

static void test_blocks(void **state) {
  (void)state;
  /* two arms: F is the square of the paired t; a seed that one arm lacks is no block */
  const double two[] = {3, 5, 4, 9, NAN, 2.5, 4.1, 4.2, 7, 1};
  lp_blocks b = lp_blocks_of(two, 2, 5);
  lp_test t = lp_ttest_paired(two, two + 5, 4);
  assert_int_equal(b.n, 4);
  assert_close(b.f, t.statistic * t.statistic, 1e-12);
  assert_close(b.p, t.p, 1e-12);
  assert_close(b.error, t.error, 1e-12);
  assert_close(lp_blocks_difference(two, 2, 5, 0, 1), t.mean_difference, 1e-12);
  /* 3 arms x 4 blocks, by the definition */
  const double three[] = {1.5, 1.5, 3.5, 3.5, 3.5, 4.5, 5.5, 6.5, 7, 8, 9, 10};
  b = lp_blocks_of(three, 3, 4);
  double residual = 0, between = 0;
  const double arm[] = {2.5, 5, 8.5}, block[] = {4, 14 / 3.0, 6, 20 / 3.0}, grand = 16 / 3.0;
  for (int i = 0; i < 3; i++) {
    between += 4 * pow(arm[i] - grand, 2);
    for (int k = 0; k < 4; k++) residual += pow(three[i * 4 + k] - arm[i] - block[k] + grand, 2);
  }
  assert_close(b.df_error, 6, 0);
  assert_close(b.f, between / 2 / (residual / 6), 1e-12);
  assert_close(b.error, sqrt(2 * residual / 6 / 4), 1e-12);
  /* no spread, too little */
  const double same[] = {1, 2, 3, 1.5, 2.5, 3.5};
  assert_true(isnan(lp_blocks_of(same, 2, 3).f));
  assert_true(isnan(lp_blocks_of(same, 1, 3).f) && isnan(lp_blocks_of(same, 2, 1).f));
}

static void test_parse(void **state) {
  (void)state;
  lp_contrast c;
  assert_ok(lp_contrast_parse("a=x=1:y=2", &c));
  assert_string_equal(c.name, "a");
  assert_string_equal(c.arm, "x=1");
  assert_string_equal(c.other, "y=2");
  lp_contrast_free(&c);
  static const char *const bad[] = {"", "a", "a=x", "=x:y", "a=:y", "a=x:", "a=x:y:z", "a=x:x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(lp_contrast_parse(bad[i], &c), LP_ERR_ARG);
}

/* ---- folders -------------------------------------------------------------------------------- */

static const char *const arms[] = {"control", "linear", "sqrt"};

/* first: the arm's first seed, of SEEDS; the manifest has all. */
static void write_run(const int first[3], int last) {
  char *text, seeds[64] = "[";
  size_t n;
  FILE *f = open_memstream(&text, &n);
  for (int i = 0; i < 3; i++)
    for (int seed = first[i]; seed < first[i] + SEEDS; seed++) {
      complete_lines(f, arms[i], seed);
      write_activations(arms[i], seed, N, 0);
    }
  fclose(f);
  for (int seed = 1; seed <= last; seed++)
    snprintf(seeds + strlen(seeds), sizeof seeds - strlen(seeds), "%s%d", seed > 1 ? ", " : "",
             seed);
  strcat(seeds, "]");
  write_manifest("p", seeds,
                 "{\"name\": \"control\", \"layer\": \"plain\"}, {\"name\": \"linear\", \"layer\": "
                 "\"plain\"}, {\"name\": \"sqrt\", \"layer\": \"plain\"}");
  write_text("metrics.jsonl", text);
  free(text);
}

static json_t *summary(void) {
  char path[160];
  snprintf(path, sizeof path, "%s/" LP_RUN_SUMMARY, dir);
  json_t *o = json_load_file(path, 0, NULL);
  assert_non_null(o);
  return o;
}

/* Entry of a list for a measure at lp_out, and an arm unless that is NULL. */
static const json_t *entry(const json_t *o, const char *list, const char *measure,
                           const char *arm) {
  size_t i;
  const json_t *c;
  json_array_foreach(json_object_get(o, list), i, c) {
    const char *site = json_string_value(json_object_get(c, "site")),
               *own = json_string_value(json_object_get(c, "arm"));
    if (site && strcmp(site, "lp_out") == 0 && (!arm || strcmp(own, arm) == 0) &&
        strcmp(json_string_value(json_object_get(c, "measure")), measure) == 0)
      return c;
  }
  fail_msg("%s has no %s", list, measure);
  return NULL;
}

static double number(const json_t *o, const char *key) {
  return json_number_value(json_object_get(o, key));
}

/* V by the networks' own results in the summary. */
static void values(const json_t *o, double *x) {
  for (int i = 0; i < 3; i++) {
    const json_t *runs =
        json_object_get(json_object_get(json_object_get(o, "arms"), arms[i]), "runs");
    for (size_t k = 0; k < SEEDS; k++)
      x[i * SEEDS + k] = number(
          json_object_get(json_object_get(json_array_get(runs, k), "sites"), "lp_out"), "variance");
  }
}

static void test_shared(void **state) {
  (void)state;
  double x[3 * SEEDS];
  more_of_manifest = ", \"options\": {\"contrasts\": \"order=linear:sqrt\"}, \"plan\": "
                     "{\"primary\": [\"variance\"], \"alpha\": 0.05, \"seeds\": [1, 2]}";
  write_run((const int[]){1, 1, 1}, SEEDS);
  more_of_manifest = "";
  assert_ok(lp_analyze_run_with(dir, &(lp_analysis_options){.contrasts = "late=sqrt:control"}));
  json_t *o = summary();
  values(o, x);
  const lp_blocks b = lp_blocks_of(x, 3, SEEDS);
  const json_t *c = entry(o, "comparisons", "variance", "sqrt");
  const json_t *d = json_object_get(c, "dunnett");
  const double difference = lp_blocks_difference(x, 3, SEEDS, 2, 0);
  assert_close(number(d, "t"), difference / b.error, 1e-9);
  assert_close(number(d, "p"), lp_dunnett_p(difference / b.error, 2, b.df_error), 1e-9);
  assert_close(number(d, "high"), difference + lp_dunnett_critical(0.05, 2, b.df_error) * b.error,
               1e-9);
  const json_t *all = entry(o, "many_arms", "variance", NULL);
  assert_string_equal(json_string_value(json_object_get(all, "analysis")), "blocks");
  assert_close(number(json_object_get(all, "f"), "statistic"), b.f, 1e-9);
  /* the planned contrast shares alpha with the two arms; the late one is exploratory */
  const json_t *plan = json_object_get(o, "plan");
  assert_int_equal(json_integer_value(json_object_get(plan, "tests")), 3);
  const json_t *order = entry(o, "contrasts", "variance", "linear"),
               *late = entry(o, "contrasts", "variance", "sqrt");
  assert_string_equal(json_string_value(json_object_get(order, "contrast")), "order");
  assert_true(json_is_true(json_object_get(order, "primary")));
  assert_true(json_is_false(json_object_get(late, "primary")));
  assert_close(number(json_object_get(order, "difference"), "mean"),
               (x[3] + x[4] + x[5] - x[6] - x[7] - x[8]) / 3, 1e-9);
  assert_close(number(json_object_get(order, "difference"), "alpha"), 0.05 / 3, 1e-12);
  assert_true(number(late, "q") > 0);
  const json_t *answer = json_object_get(o, "answer");
  assert_non_null(strstr(json_string_value(json_array_get(answer, 0)), "linear against sqrt"));
  assert_non_null(
      strstr(json_string_value(json_array_get(answer, 2)), "1 of 3 seeds were added after"));
  json_decref(o);
  assert_int_equal(lp_analyze_run_with(dir, &(lp_analysis_options){.contrasts = "x=linear:sqr"}),
                   LP_ERR_ARG);
  assert_non_null(strstr(lp_error_message(), "contrast x: "));
  assert_int_equal(
      lp_analyze_run_with(dir, &(lp_analysis_options){.contrasts = "order=linear:sqrt"}),
      LP_ERR_ARG);
}

/* No seed in two arms: one way, by F and by ranks. */
static void test_unshared(void **state) {
  (void)state;
  write_run((const int[]){1, 1 + SEEDS, 1 + 2 * SEEDS}, 3 * SEEDS);
  assert_ok(lp_analyze_run(dir));
  json_t *o = summary();
  double x[3 * SEEDS];
  uint32_t group[3 * SEEDS];
  for (int i = 0; i < 3 * SEEDS; i++) {
    const json_t *run = json_array_get(
        json_object_get(json_object_get(json_object_get(o, "arms"), arms[i / SEEDS]), "runs"),
        (size_t)i);
    x[i] = number(json_object_get(json_object_get(run, "sites"), "lp_out"), "variance");
    group[i] = (uint32_t)i / SEEDS;
  }
  lp_test f = lp_anova(x, group, 3 * SEEDS, 3), h;
  assert_ok(lp_kruskal_wallis(x, group, 3 * SEEDS, 3, &h));
  const json_t *all = entry(o, "many_arms", "variance", NULL);
  assert_string_equal(json_string_value(json_object_get(all, "analysis")), "one way");
  assert_close(number(json_object_get(all, "anova"), "p"), f.p, 1e-9);
  assert_close(number(json_object_get(all, "anova"), "df_within"), 3 * SEEDS - 3, 0);
  assert_close(number(json_object_get(all, "kruskal_wallis"), "p"), h.p, 1e-9);
  assert_true(
      json_is_null(json_object_get(entry(o, "comparisons", "variance", "sqrt"), "dunnett")));
  json_decref(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_blocks),
                                     cmocka_unit_test(test_parse), FOLDER_TEST(test_shared),
                                     FOLDER_TEST(test_unshared)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
