/* locality orientation and locality intervene on small trained networks: two sites of units, and a
 * site of a sequence. */
#include "cli_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS                                                                                   \
  "--data idx:data --epochs 2 --batch 8 --images 40 --seeds 1 --quiet --no-report "                \
  "--backend cpu:threads=1 "

static const char units[] = "input: {size: 28}\nlayers:\n  - flatten\n"
                            "  - fc1: {layer: plain, sheet: 6x5}\n  - relu: {record: h1}\n"
                            "  - fc2: {layer: plain, sheet: 4x4}\n  - relu: {record: h2}\n"
                            "  - linear:units=$classes\n";
static const char sequence[] = "input: {size: 28}\nlayers:\n  - sequence\n"
                               "  - rec: {layer: 'recurrent:cell=relu,output=all', sheet: 3x5, "
                               "record: h}\n  - last\n  - linear:units=$classes\n";

static int make_runs(void **state) {
  (void)state;
  test_make_images("data", 96, 40);
  test_write("units.yaml", units, sizeof units - 1);
  test_write("sequence.yaml", sequence, sizeof sequence - 1);
  if (test_run("experiment mnist " SETTINGS "--model units.yaml --arms "
               "'control,ring=(fc1=(locality:topology=torus))' --out run") != 0 ||
      test_run("experiment mnist " SETTINGS "--model sequence.yaml --arms control --out steps") !=
          0 ||
      test_run("analyze run") != 0 || test_run("analyze steps") != 0)
    fail_msg("%s", test_err);
  return 0;
}

/* A row of interventions.csv, whose fields hold no commas here. */
typedef struct row {
  char arm[32], kind[32], how[32], target[32], of_class[32];
  double amount, images, before, after, target_before, target_after, changed, next;
} row;

static double value(char **at) {
  char *field = strsep(at, ",");
  return field && *field ? strtod(field, NULL) : NAN;
}

static void word(char **at, char out[32]) {
  snprintf(out, 32, "%s", strsep(at, ","));
}

static row *read_rows(const char *path, size_t *n) {
  char *text = test_read(path, NULL), *rest = text, *line, skipped[32];
  row *all = NULL;
  *n = 0;
  strsep(&rest, "\n");
  while ((line = strsep(&rest, "\n")) && *line) {
    all = realloc(all, (*n + 1) * sizeof *all);
    row *r = &all[(*n)++];
    word(&line, r->arm);
    word(&line, skipped); /* seed */
    word(&line, skipped); /* site */
    word(&line, r->kind);
    word(&line, r->how);
    word(&line, r->target);
    r->amount = value(&line);
    word(&line, r->of_class);
    r->images = value(&line);
    r->before = value(&line);
    r->after = value(&line);
    r->target_before = value(&line);
    r->target_after = value(&line);
    r->changed = value(&line);
    r->next = value(&line);
  }
  free(text);
  return all;
}

static double accuracy_of(const char *folder, const char *arm) {
  char path[64];
  snprintf(path, sizeof path, "%s/summary.json", folder);
  json_t *s = json_load_file(path, 0, NULL);
  assert_non_null(s);
  const json_t *runs = json_object_get(json_object_get(json_object_get(s, "arms"), arm), "runs");
  const double x = json_number_value(json_object_get(json_array_get(runs, 0), "accuracy"));
  json_decref(s);
  return x;
}

static void close_to(double got, double want) {
  if (!(fabs(got - want) < 1e-4)) fail_msg("got %.9g, want %.9g", got, want);
}

/* Before anything is done a steered network is the one that was trained. With a whole site at 0
 * outputs are the same for every image: one class is right, the others are wrong. Classes add up.
 */
static void test_lesions(void **state) {
  (void)state;
  size_t n, whole = 0, rest = 0;
  assert_int_equal(test_run("intervene run --site h1 --share 0.1,1 --noise 1e-7 --quiet"), 0);
  row *all = read_rows("run/interventions.csv", &n);
  for (size_t i = 0; i < n; i++) {
    const row *r = &all[i];
    if (!*r->of_class) {
      close_to(r->before, accuracy_of("run", r->arm));
      double right = 0, images = 0;
      for (size_t k = i + 1; k < n && *all[k].of_class; k++) {
        right += all[k].after * all[k].images / 100;
        images += all[k].images;
      }
      close_to(images, 40);
      close_to(100 * right / images, r->after);
    }
    if (strcmp(r->kind, "lesion") == 0 && r->amount == 1) {
      whole++;
      if (*r->of_class) assert_true(r->after == 0 || r->after == 100);
      assert_true(*r->of_class || r->target_after == 0 || r->target_after == 100);
    }
    if (strcmp(r->kind, "lesion") == 0 && r->amount < 1 && !*r->of_class) {
      rest++;
      assert_true(r->next >= 0 && r->next < 5);
    }
    if (strcmp(r->kind, "noise") == 0) close_to(r->changed, 0); /* too little to tell */
  }
  assert_true(whole == 2 * 3 * 10 * 11 && rest == 2 * 3 * 10);
  free(all);
}

/* The same seed, the same file; another seed moves random lesions alone. Means leave more than 0.
 * Stimulation about a unit changes what follows. */
static void test_seeds(void **state) {
  (void)state;
  size_t n, m, moved = 0, stimulated = 0;
  assert_int_equal(test_run("intervene run --site h2 --share 0.25 --noise 0.5 --quiet"), 0);
  char *first = test_read("run/interventions.csv", NULL);
  row *a = read_rows("run/interventions.csv", &n);
  assert_int_equal(test_run("intervene run --site h2 --share 0.25 --noise 0.5 --quiet"), 0);
  char *again = test_read("run/interventions.csv", NULL);
  assert_string_equal(first, again);
  assert_int_equal(
      test_run("intervene run --site h2 --share 0.25 --noise 0.5 --seed 2 --strength 50 --quiet"),
      0);
  row *b = read_rows("run/interventions.csv", &m);
  assert_int_equal(n, m);
  for (size_t i = 0; i < n; i++) {
    const bool differs = a[i].after != b[i].after || a[i].changed != b[i].changed;
    if (strcmp(a[i].how, "nearest") == 0 || strcmp(a[i].how, "selective") == 0)
      assert_false(differs);
    if (strcmp(a[i].how, "random") == 0) moved += differs;
    if (strcmp(a[i].kind, "stimulation") == 0 && !*a[i].of_class) {
      stimulated += b[i].changed > 0;
      assert_true(isnan(a[i].next)); /* h2 is the last site */
    }
  }
  assert_true(moved > 0 && stimulated > 0);
  free(first);
  free(again);
  free(a);
  free(b);
}

static void test_sequence(void **state) {
  (void)state;
  size_t n;
  assert_int_equal(test_run("intervene steps --share 1 --noise 0.1 --quiet"), 0);
  row *all = read_rows("steps/interventions.csv", &n);
  for (size_t i = 0; i < n; i++) {
    if (!*all[i].of_class) close_to(all[i].before, accuracy_of("steps", "control"));
    if (strcmp(all[i].kind, "lesion") == 0 && *all[i].of_class)
      assert_true(all[i].after == 0 || all[i].after == 100);
  }
  free(all);
}

static void test_orientation(void **state) {
  (void)state;
  assert_int_equal(test_run("orientation run --gratings 4x3x2 --quiet"), 0);
  assert_int_equal(access("run/activations/ring-seed1-gratings.safetensors", R_OK), 0);
  char *text = test_read("run/measures.csv", NULL);
  assert_non_null(strstr(text, "ring,ring,1,complete,h1,trained,circular_variance,,"));
  assert_non_null(strstr(text, "control,control,1,complete,h2,trained,orientation_entropy,,"));
  free(text);
  text = test_read("run/comparisons.csv", NULL);
  assert_non_null(strstr(text, "ring,control,h1,circular_variance,exploratory,"));
  free(text);
  assert_int_equal(test_run("orientation steps --gratings 2x1x1 --quiet"), 0);
}

static void test_refused(void **state) {
  (void)state;
  assert_int_equal(test_run("intervene run --site h3 --quiet"), 1);
  test_one_error("has no site 'h3'");
  assert_int_equal(test_run("intervene run --share 2 --quiet"), 1);
  test_one_error("a share of 2 units");
  assert_int_equal(test_run("intervene run --noise x --quiet"), 2);
  test_one_error("'x' is not a list of numbers");
  assert_int_equal(test_run("intervene run --to one --quiet"), 2);
  test_one_error("'one' is neither zero nor mean");
  assert_int_equal(test_run("orientation run --gratings 8x8 --quiet"), 2);
  test_one_error("'8x8' is not ORIENTATIONSxFREQUENCIESxPHASES");
  assert_int_equal(test_run("orientation run --gratings 1x8x5 --quiet"), 1);
  test_one_error("gratings of 1 orientations");
  assert_int_equal(test_run("orientation nowhere --quiet"), 1);
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lesions), cmocka_unit_test(test_seeds), cmocka_unit_test(test_sequence),
      cmocka_unit_test(test_orientation), cmocka_unit_test(test_refused)};
  int failed = cmocka_run_group_tests(tests, make_runs, NULL);
  test_end();
  return failed;
}
