/* lp_analyze_run of networks that read sequences: measures after each step against their
 * definitions, everything else as of the last step alone. */
#include "folder.h"

#include <jansson.h>
#include <locality/rng.h>
#include <locality/run.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 13, R = 3, C = 5, CELLS = R * C, STEPS = 4, NETWORKS = 3 };

/* ---- definitions ----------------------------------------------------------------------------- */

static double apart(int a, int b, int n, bool wrap) {
  const int d = abs(a - b);
  return wrap && n - d < d ? n - d : d;
}

/* Half the mean squared distance of two different units, drawn by their activity. */
static double v_of(const double *p, bool wrap) {
  double sum = 0, pairs = 0;
  for (int i = 0; i < CELLS; i++)
    for (int j = 0; j < CELLS; j++) {
      if (i == j) continue;
      const double dr = apart(i / C, j / C, R, wrap), dc = apart(i % C, j % C, C, wrap);
      sum += p[i] * p[j] * (dr * dr + dc * dc) / 2;
      pairs += p[i] * p[j];
    }
  return sum / pairs; /* 0 / 0 where nothing is active */
}

static double moran_of(const double *a, bool wrap) {
  double mean = 0, squares = 0, products = 0, weights = 0;
  for (int i = 0; i < CELLS; i++) mean += a[i] / CELLS;
  for (int i = 0; i < CELLS; i++) squares += (a[i] - mean) * (a[i] - mean);
  for (int i = 0; i < CELLS; i++)
    for (int j = 0; j < CELLS; j++) {
      if (apart(i / C, j / C, R, wrap) + apart(i % C, j % C, C, wrap) != 1) continue;
      products += (a[i] - mean) * (a[j] - mean);
      weights++;
    }
  return CELLS / weights * products / squares;
}

/* ---- a folder ------------------------------------------------------------------------------- */

typedef float maps[IMAGES][STEPS][CELLS];

/* Nothing is active after the first step; of one image, nothing after the third. */
static void fill_maps(const char *arm, int seed, const char *state, maps out) {
  char stream[64];
  snprintf(stream, sizeof stream, "%s/%s", arm, state);
  lp_rng r = lp_rng_make((uint64_t)seed, stream);
  for (int i = 0; i < IMAGES; i++)
    for (int t = 0; t < STEPS; t++)
      for (int u = 0; u < CELLS; u++) {
        const double x = fmax(0, lp_rng_double(&r) - 0.3);
        out[i][t][u] = t == 0 || (t == 2 && i == 4) ? 0 : (float)x;
      }
}

/* The mean over the images that have one. */
static double expected(double (*measure)(const double *map, bool wrap), maps all, int t,
                       bool wrap) {
  double sum = 0, n = 0;
  for (int i = 0; i < IMAGES; i++) {
    double map[CELLS];
    for (int u = 0; u < CELLS; u++) map[u] = (double)all[i][t][u];
    const double x = measure(map, wrap);
    if (isfinite(x)) sum += x, n++;
  }
  return n > 0 ? sum / n : NAN;
}

/* from: the first step that is kept, all behind it are. */
static void write_network(const char *arm, int seed, const char *ending, int from) {
  maps all;
  float kept[IMAGES * STEPS * CELLS], *next = kept;
  int32_t labels[IMAGES];
  fill_maps(arm, seed, *ending ? "untrained" : "trained", all);
  for (int i = 0; i < IMAGES; i++)
    for (int t = from; t < STEPS; t++, next += CELLS) memcpy(next, all[i][t], sizeof all[i][t]);
  for (int i = 0; i < IMAGES; i++) labels[i] = i % CLASSES;
  const lp_desc shape =
      from == STEPS - 1 ? lp_f32(IMAGES, CELLS) : lp_f32(IMAGES, STEPS - from, CELLS);
  const lp_tensor_view v[] = {{"h", shape, kept}, {"labels", LP_DESC(LP_I32, IMAGES), labels}};
  char path[128];
  snprintf(path, sizeof path, "%s/activations/%s-seed%d%s.safetensors", dir, arm, seed, ending);
  assert_ok(lp_safetensors_write(path, v, 2, NULL, NULL, 0));
}

#define SITE(steps) "[{\"name\": \"h\", \"layer\": \"rec\", \"sheet\": [3, 5]" steps "}]"
#define PRIOR                                                                                      \
  "[{\"layer\": \"rec\", \"from\": \"rec\", \"topology\": \"torus\", \"cost\": \"linear\", "       \
  "\"units\": {\"out\": 15, \"in\": 15}, \"extents\": {\"out\": [3, 5], \"in\": [3, 5]}}]"

/* Arm `round` stands on a torus. steps: of the manifest; from: as above. */
static json_t *analyzed(const char *sites, int from) {
  static const char *const arm[] = {"control", "round"};
  char *text, *path;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  fprintf(f,
          "{\"schema\": 2, \"sites\": %s, \"arms\": [{\"name\": \"control\", \"layer\": \"plain\"},"
          " {\"name\": \"round\", \"layer\": \"plain\", \"priors\": " PRIOR "}], "
          "\"reference\": \"control\", \"seeds\": [1, 2, 3], \"epochs\": 2, "
          "\"classes\": [\"a\", \"b\", \"c\"]}\n",
          sites);
  fclose(f);
  write_text("manifest.json", text);
  free(text);
  f = open_memstream(&text, &size);
  for (int i = 0; i < 2; i++)
    for (int seed = 1; seed <= NETWORKS; seed++) {
      complete_lines(f, arm[i], seed);
      write_network(arm[i], seed, "", from);
      if (seed == 2) write_network(arm[i], seed, "-untrained", from);
    }
  fclose(f);
  write_text("metrics.jsonl", text);
  free(text);
  assert_ok(lp_analyze_run(dir));
  path = lp_path_join(dir, LP_RUN_SUMMARY);
  json_t *o = json_load_file(path, 0, NULL);
  assert_non_null(o);
  free(path);
  return o;
}

static json_t *site_of(const json_t *o, const char *arm, int seed, const char *state) {
  const json_t *runs = json_object_get(json_object_get(json_object_get(o, "arms"), arm), "runs");
  const json_t *sites = json_object_get(json_array_get(runs, (size_t)seed - 1), state);
  return json_object_get(sites, "h");
}

static void assert_number(const json_t *o, const char *key, double want) {
  const json_t *v = json_object_get(o, key);
  assert_non_null(v);
  if (isnan(want))
    assert_true(json_is_null(v));
  else
    assert_close(json_number_value(v), want, 1e-9);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void each_step(void **state) {
  (void)state;
  static const char *const arm[] = {"control", "round"};
  static const char *const when[] = {"sites", "untrained"}, *const name[] = {"trained",
                                                                             "untrained"};
  json_t *o = analyzed(SITE(", \"steps\": 4"), 0);
  for (int i = 0; i < 2; i++)
    for (int seed = 1; seed <= NETWORKS; seed++)
      for (int w = 0; w < 2; w++) {
        const json_t *site = site_of(o, arm[i], seed, when[w]);
        if (w && seed != 2) {
          assert_null(site);
          continue;
        }
        maps all;
        fill_maps(arm[i], seed, name[w], all);
        const json_t *steps = json_object_get(site, "steps");
        assert_int_equal(json_array_size(steps), STEPS);
        for (int t = 0; t < STEPS; t++) {
          const json_t *one = json_array_get(steps, (size_t)t);
          assert_int_equal(json_integer_value(json_object_get(one, "step")), t + 1);
          assert_number(one, "variance", expected(v_of, all, t, i));
          assert_number(one, "moran_i", expected(moran_of, all, t, i));
        }
        assert_number(site, "variance", expected(v_of, all, STEPS - 1, i));
        assert_true(json_equal(json_object_get(site, "geary_c"),
                               json_object_get(json_array_get(steps, STEPS - 1), "geary_c")));
      }
  json_decref(o);
}

/* A row a network, whether before or after its training, and step. */
static void table(void **state) {
  (void)state;
  json_decref(analyzed(SITE(", \"steps\": 4"), 0));
  char *path = lp_path_join(dir, LP_RUN_STEPS), line[400];
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  assert_non_null(fgets(line, sizeof line, f));
  assert_string_equal(line, "arm,cell,seed,status,state,site,step,variance,variance_torus,moran_i,"
                            "geary_c,participation_ratio,centroid_offset,neighbour_correlation\n");
  int rows = 0;
  for (; fgets(line, sizeof line, f); rows++) {
    char arm[16], cell[16], when[16], rest[300];
    int seed, step;
    assert_int_equal(sscanf(line, "%15[^,],%15[^,],%d,complete,%15[^,],h,%d,%299s", arm, cell,
                            &seed, when, &step, rest),
                     6);
    assert_string_equal(arm, cell);
    maps all;
    const bool round = strcmp(arm, "round") == 0;
    fill_maps(arm, seed, when, all);
    if (step == 1) {
      assert_string_equal(rest, ",,,,,,"); /* nothing is defined of silent units */
      continue;
    }
    char *second = strchr(strchr(rest, ',') + 1, ',') + 1;
    assert_close(atof(rest), expected(v_of, all, step - 1, round), 1e-9);
    assert_close(atof(second), expected(moran_of, all, step - 1, round), 1e-9);
  }
  assert_int_equal(rows, 2 * (NETWORKS + 1) * STEPS);
  fclose(f);
  free(path);
}

static bool there(const char *name) {
  char *path = lp_path_join(dir, name);
  FILE *f = fopen(path, "r");
  free(path);
  if (f) fclose(f);
  return f != NULL;
}

/* A folder that keeps the last step alone has the same numbers but for those of the steps; one step
 * is no sequence. */
static void last_step(void **state) {
  (void)state;
  json_t *last = analyzed(SITE(""), STEPS - 1), *one = analyzed(SITE(", \"steps\": 1"), STEPS - 1);
  assert_true(json_equal(last, one));
  assert_false(there(LP_RUN_STEPS));
  json_t *all = analyzed(SITE(", \"steps\": 4"), 0), *three = analyzed(SITE(", \"steps\": 3"), 1);
  static const char *const arm[] = {"control", "round"}, *const when[] = {"sites", "untrained"};
  json_t *const with_steps[] = {all, three};
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < 2; i++) {
      for (int seed = 1; seed <= NETWORKS; seed++)
        for (int w = 0; w < 2; w++) {
          json_t *site = site_of(with_steps[k], arm[i], seed, when[w]);
          if (site) assert_int_equal(json_object_del(site, "steps"), 0);
        }
      json_t *sites =
          json_object_get(json_object_get(json_object_get(with_steps[k], "arms"), arm[i]), "sites");
      assert_int_equal(json_object_del(json_object_get(sites, "h"), "steps"), 0);
    }
  assert_true(json_equal(all, last));
  assert_true(json_equal(three, last));
  json_decref(all);
  json_decref(three);
  json_decref(last);
  json_decref(one);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(each_step),
      FOLDER_TEST(table),
      FOLDER_TEST(last_step),
  };
  return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
