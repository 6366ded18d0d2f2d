/* lp_analyze_run of networks with other sites than two of one sheet: three sheets, topologies of
 * their own, an arm of other sheets, one site, none. */
#include "folder.h"

#include <jansson.h>
#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 30, N_SEEDS = 4 };

typedef struct sheet {
  const char *name;
  uint32_t rows, cols;
} sheet;

/* ---- a folder ------------------------------------------------------------------------------- */

static void maps_of(const char *arm, int seed, const sheet *s, float *out) {
  char stream[64];
  snprintf(stream, sizeof stream, "%s/%s", arm, s->name);
  lp_rng r = lp_rng_make((uint64_t)seed, stream);
  for (uint32_t i = 0; i < IMAGES * s->rows * s->cols; i++) out[i] = (float)lp_rng_double(&r);
}

static void write_maps(const char *arm, int seed, const sheet *s, uint32_t n) {
  float *maps[4];
  int32_t labels[IMAGES];
  lp_tensor_view v[5];
  for (uint32_t k = 0; k < n; k++) {
    const int64_t units = (int64_t)s[k].rows * s[k].cols;
    maps[k] = malloc((size_t)(IMAGES * units) * sizeof **maps);
    maps_of(arm, seed, &s[k], maps[k]);
    v[k] = (lp_tensor_view){s[k].name, lp_f32(IMAGES, units), maps[k]};
  }
  for (int i = 0; i < IMAGES; i++) labels[i] = i % CLASSES;
  v[n] = (lp_tensor_view){"labels", LP_DESC(LP_I32, IMAGES), labels};
  char path[128];
  snprintf(path, sizeof path, "%s/activations/%s-seed%d.safetensors", dir, arm, seed);
  assert_ok(lp_safetensors_write(path, v, n + 1, NULL, NULL, 0));
  for (uint32_t k = 0; k < n; k++) free(maps[k]);
}

typedef struct test_arm {
  const char *name, *rest; /* of its entry in the manifest */
  const sheet *site;
  uint32_t n_sites;
} test_arm;

static void write_run(const char *sites, const char *headline, const test_arm *all, uint32_t n) {
  char *text;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  fprintf(f, "{\"schema\": 2, \"sites\": %s, %s \"arms\": [", sites, headline);
  for (uint32_t i = 0; i < n; i++)
    fprintf(f, "%s{\"name\": \"%s\", \"layer\": \"plain\"%s}", i ? ", " : "", all[i].name,
            all[i].rest);
  fputs("], \"reference\": \"control\", \"seeds\": [1, 2, 3, 4], \"epochs\": 2,"
        " \"classes\": [\"a\", \"b\", \"c\"]}\n",
        f);
  fclose(f);
  write_text("manifest.json", text);
  free(text);
  f = open_memstream(&text, &size);
  for (uint32_t i = 0; i < n; i++)
    for (int seed = 1; seed <= N_SEEDS; seed++) {
      complete_lines(f, all[i].name, seed);
      if (all[i].n_sites) write_maps(all[i].name, seed, all[i].site, all[i].n_sites);
    }
  fclose(f);
  write_text("metrics.jsonl", text);
  free(text);
}

/* ---- what is wanted, and what there is ------------------------------------------------------- */

/* Mean V over the images of a network, and over networks. */
static double variance(const char *arm, int seed, const sheet *s, lp_map_fn fn) {
  const uint32_t units = s->rows * s->cols;
  float *maps = malloc(IMAGES * units * sizeof *maps);
  double sum = 0, map[64];
  maps_of(arm, seed, s, maps);
  for (int i = 0; i < IMAGES; i++) {
    for (uint32_t u = 0; u < units; u++) map[u] = (double)maps[(uint32_t)i * units + u];
    sum += fn(map, s->rows, s->cols) / IMAGES;
  }
  free(maps);
  return sum;
}

static double mean_variance(const char *arm, const sheet *s, lp_map_fn fn) {
  double sum = 0;
  for (int seed = 1; seed <= N_SEEDS; seed++) sum += variance(arm, seed, s, fn) / N_SEEDS;
  return sum;
}

static json_t *analyzed(void) {
  assert_ok(lp_analyze_run(dir));
  char *path = lp_path_join(dir, "summary.json");
  json_t *o = json_load_file(path, 0, NULL);
  assert_non_null(o);
  free(path);
  return o;
}

/* NULL where there is none. */
static const json_t *comparison(const json_t *o, const char *arm, const char *site,
                                const char *measure) {
  size_t i;
  const json_t *c;
  json_array_foreach(json_object_get(o, "comparisons"), i, c) {
    const char *at = json_string_value(json_object_get(c, "site"));
    if (strcmp(json_string_value(json_object_get(c, "arm")), arm) == 0 &&
        strcmp(json_string_value(json_object_get(c, "measure")), measure) == 0 &&
        (at ? site && strcmp(at, site) == 0 : !site))
      return c;
  }
  return NULL;
}

static const json_t *of_site(const json_t *o, const char *arm, const char *site) {
  const json_t *a = json_object_get(json_object_get(o, "arms"), arm);
  return json_object_get(json_object_get(a, "sites"), site);
}

static double number(const json_t *o, const char *key) {
  return json_number_value(json_object_get(o, key));
}

static const char *text_of(const json_t *o, const char *key) {
  return json_string_value(json_object_get(o, key));
}

static const char *answer(const json_t *o) {
  return json_string_value(json_array_get(json_object_get(o, "answer"), 0));
}

/* ---- tests ----------------------------------------------------------------------------------- */

#define THREE                                                                                      \
  "[{\"name\": \"h1\", \"layer\": \"fc1\", \"sheet\": [4, 6]}, {\"name\": \"h2\", \"layer\": "     \
  "\"fc2\", \"sheet\": [9]}, {\"name\": \"h3\", \"layer\": \"fc3\", \"sheet\": [3, 1]}]"
#define PRIOR(layer, from, topology, out, in, extents)                                             \
  "{\"layer\": \"" layer "\", \"from\": \"" from "\", \"topology\": \"" topology                   \
  "\", \"cost\": \"linear\", \"units\": {\"out\": " out ", \"in\": " in "}, \"extents\": " extents \
  "}"
/* On a torus at fc1 of 4 x 6 units, which takes an image of 8 x 12; in a ring at fc2. */
#define ROUND                                                                                      \
  ", \"priors\": [" PRIOR(                                                                         \
      "fc1", "flatten1", "torus", "24", "96",                                                      \
      "{\"out\": [4, 6], \"in\": [8, 12]}") ", " PRIOR("fc2", "fc1", "ring", "9", "24",            \
                                                       "{\"out\": [9], \"in\": [24]}") "]"
#define SMALL                                                                                      \
  ", \"sites\": [{\"name\": \"h1\", \"layer\": \"fc1\", \"sheet\": [2, 3]}, {\"name\": \"h3\", "   \
  "\"layer\": \"fc3\", \"sheet\": [3, 1]}]"

static const sheet three[] = {{"h1", 4, 6}, {"h2", 1, 9}, {"h3", 3, 1}};
static const sheet small[] = {{"h1", 2, 3}, {"h3", 3, 1}};
static const test_arm arms[] = {
    {"control", "", three, 3}, {"round", ROUND, three, 3}, {"small", SMALL, small, 2}};

static void three_sheets(void **state) {
  (void)state;
  write_run(THREE, "\"headline\": \"h1\",", arms, 3);
  json_t *o = analyzed();
  /* each site where its own layer's units stand */
  assert_string_equal(text_of(of_site(o, "control", "h1"), "topology"), "grid");
  assert_string_equal(text_of(of_site(o, "control", "h2"), "topology"), "line");
  assert_string_equal(text_of(of_site(o, "round", "h1"), "topology"), "torus");
  assert_string_equal(text_of(of_site(o, "round", "h2"), "topology"), "ring");
  assert_string_equal(text_of(of_site(o, "round", "h3"), "topology"), "grid");
  assert_close(number(of_site(o, "round", "h2"), "uniform"),
               lp_spatial_variance_torus_uniform(1, 9), 1e-12);
  assert_null(of_site(o, "small", "h2"));

  const json_t *run = json_array_get(
      json_object_get(json_object_get(json_object_get(o, "arms"), "round"), "runs"), 2);
  const json_t *sites = json_object_get(run, "sites");
  assert_int_equal(json_object_size(sites), 3);
  assert_close(number(json_object_get(sites, "h1"), "variance"),
               variance("round", 3, &three[0], lp_spatial_variance_torus), 1e-9);
  assert_close(number(json_object_get(sites, "h2"), "variance"),
               variance("round", 3, &three[1], lp_spatial_variance_torus), 1e-9);
  assert_close(number(json_object_get(sites, "h3"), "variance"),
               variance("round", 3, &three[2], lp_spatial_variance), 1e-9);

  /* the reference is measured where the arm's units stand */
  const json_t *c = comparison(o, "round", "h1", "variance");
  assert_close(number(c, "mean"), mean_variance("round", &three[0], lp_spatial_variance_torus),
               1e-9);
  assert_close(number(c, "reference_mean"),
               mean_variance("control", &three[0], lp_spatial_variance_torus), 1e-9);
  assert_true(json_is_true(json_object_get(c, "primary")));
  assert_null(json_object_get(c, "fraction_of_uniform"));
  assert_int_equal(json_array_size(json_object_get(c, "per_image")), N_SEEDS);
  assert_close(number(comparison(o, "round", "h3", "variance"), "reference_mean"),
               mean_variance("control", &three[2], lp_spatial_variance), 1e-9);
  assert_false(json_is_true(json_object_get(comparison(o, "round", "h2", "variance"), "primary")));

  assert_string_equal(text_of(json_object_get(o, "plan"), "site"), "h1");
  assert_int_equal((int)number(json_object_get(o, "plan"), "tests"), 4);
  assert_non_null(strstr(answer(o), "V at h1 (each arm's own sheet)"));
  const json_t *pairs = json_object_get(json_object_get(o, "control_pairs"), "significant");
  assert_int_equal(json_object_size(pairs), 3);
  json_decref(o);
}

/* V over sheets of two sizes: each as a fraction of what units in any order give on its own. */
static void other_sheets(void **state) {
  (void)state;
  write_run(THREE, "\"headline\": \"h1\",", arms, 3);
  json_t *o = analyzed();
  const json_t *c = comparison(o, "small", "h1", "variance");
  assert_true(json_is_true(json_object_get(c, "fraction_of_uniform")));
  assert_close(number(c, "mean"),
               mean_variance("small", &small[0], lp_spatial_variance) /
                   lp_spatial_variance_uniform(2, 3),
               1e-9);
  assert_close(number(c, "reference_mean"),
               mean_variance("control", &three[0], lp_spatial_variance) /
                   lp_spatial_variance_uniform(4, 6),
               1e-9);
  assert_close(number(json_object_get(c, "chance"), "value"), 1, 0);
  assert_non_null(strstr(text_of(c, "text"), "fraction"));
  assert_int_equal(json_array_size(json_object_get(c, "per_image")), 0);
  assert_null(comparison(o, "small", "h2", "variance"));
  assert_non_null(comparison(o, "small", "h3", "variance"));
  assert_null(json_object_get(comparison(o, "small", "h3", "variance"), "fraction_of_uniform"));
  json_decref(o);

  /* an arm without the headline site has no primary test of V */
  write_run(THREE, "\"headline\": \"h2\",", arms, 3);
  o = analyzed();
  assert_int_equal((int)number(json_object_get(o, "plan"), "tests"), 3);
  assert_true(json_is_true(json_object_get(comparison(o, "round", "h2", "variance"), "primary")));
  json_decref(o);
}

/* Units off the plane lattice stand where their topology has them: V, its null and its chance by
 * distances in closed form, for the arm and for the reference beside it. */
static double in_box(uint32_t i, uint32_t j) { /* 4 x 3 x 2 */
  const double a = i / 6, b = i / 2 % 3, c = i % 2;
  return hypot(hypot(a - j / 6, b - j / 2 % 3), c - j % 2);
}

static double in_hex(uint32_t i, uint32_t j) { /* rows of 6 */
  const double y = sqrt(3) / 2 * ((double)(i / 6) - j / 6);
  return hypot(y, i % 6 - (double)(j % 6) + (i / 6 % 2 - (double)(j / 6 % 2)) / 2);
}

static double on_ball(uint32_t i, uint32_t j) { /* of area 24 */
  const double turn = M_PI * (3 - sqrt(5)), n = 24, zi = 1 - (2 * i + 1) / n,
               zj = 1 - (2 * j + 1) / n;
  const double cosine = zi * zj + sqrt((1 - zi * zi) * (1 - zj * zj)) * cos(turn * i - turn * j);
  return i == j ? 0 : sqrt(n / (4 * M_PI)) * acos(cosine);
}

static double on_curve(uint32_t i, uint32_t j) { /* of the file */
  return hypot((double)i - j, (double)(i * i) - j * j);
}

static double placed(const char *arm, double (*distance)(uint32_t i, uint32_t j)) {
  float maps[IMAGES * 24];
  double sum = 0;
  for (int seed = 1; seed <= N_SEEDS; seed++) {
    maps_of(arm, seed, &three[0], maps);
    for (int m = 0; m < IMAGES; m++) {
      double moment = 0, pairs = 0;
      for (uint32_t i = 0; i < 24; i++)
        for (uint32_t j = 0; j < i; j++) {
          const double w = (double)maps[m * 24 + i] * (double)maps[m * 24 + j];
          moment += w * pow(distance(i, j), 2);
          pairs += w;
        }
      sum += moment / (2 * pairs) / IMAGES / N_SEEDS;
    }
  }
  return sum;
}

static void off_lattice(void **state) {
  (void)state;
  static const struct {
    const char *name, *topology;
    double (*distance)(uint32_t i, uint32_t j);
    bool centre; /* distance is Euclidean, and there is one */
  } off[] = {{"hex", "hex:rows=4", in_hex, true},
             {"grid3d", "grid3d", in_box, true},
             {"sphere", "sphere", on_ball, false},
             {"points", NULL, on_curve, true}};
  static const sheet site = {"h1", 4, 6};
  char rest[4][400], file[100], line[40], places[24 * sizeof line] = "x,y\n";
  test_arm all[5] = {{"control", "", &site, 1}};
  for (int i = 0; i < 24; i++) {
    snprintf(line, sizeof line, "%d,%d\n", i, i * i);
    strcat(places, line);
  }
  write_text("places.csv", places);
  snprintf(file, sizeof file, "points:file=%s/places.csv", dir);
  for (int k = 0; k < 4; k++) {
    snprintf(
        rest[k], sizeof rest[k],
        ", \"priors\": [{\"layer\": \"fc1\", \"from\": \"fc0\", \"topology\": \"%s\", \"cost\":"
        " \"linear\", \"metric\": \"l1\", \"units\": {\"out\": 24, \"in\": 24}, \"extents\": "
        "{\"out\": %s, \"in\": [24]}}]",
        off[k].topology ? off[k].topology : file, k == 1 ? "[4, 3, 2]" : "[]");
    all[k + 1] = (test_arm){off[k].name, rest[k], &site, 1};
  }
  write_run("[{\"name\": \"h1\", \"layer\": \"fc1\", \"sheet\": [4, 6]}]", "", all, 5);
  json_t *o = analyzed();
  assert_int_equal(json_array_size(json_object_get(o, "warnings")), 0);
  for (int k = 0; k < 4; k++) {
    const json_t *c = comparison(o, off[k].name, "h1", "variance"),
                 *at = of_site(o, off[k].name, "h1");
    double uniform = 0;
    for (uint32_t i = 0; i < 24; i++)
      for (uint32_t j = 0; j < i; j++) uniform += pow(off[k].distance(i, j), 2) / (24 * 23);
    assert_string_equal(text_of(at, "topology"), off[k].name);
    assert_string_equal(text_of(c, "topology"), off[k].name);
    assert_close(number(at, "uniform"), uniform, 1e-9);
    assert_close(number(json_object_get(c, "chance"), "value"), uniform, 1e-9);
    assert_close(number(c, "mean"), placed(off[k].name, off[k].distance), 1e-9);
    assert_close(number(c, "reference_mean"), placed("control", off[k].distance), 1e-9);
    const json_t *runs =
        json_object_get(json_object_get(json_object_get(o, "arms"), off[k].name), "runs");
    const json_t *own = json_object_get(json_object_get(json_array_get(runs, 0), "sites"), "h1");
    assert_close(number(json_object_get(own, "null"), "mean"), uniform, 1e-9);
    assert_true(json_is_null(json_object_get(own, "variance_torus")));
    assert_true(json_is_real(json_object_get(own, "moran_i")));
    assert_true(json_is_real(json_object_get(own, "neighbour_correlation")));
    assert_true(json_is_real(json_object_get(own, "centroid_offset")) == off[k].centre);
  }
  json_decref(o);

  /* places that are gone: the sheet, and a warning */
  char *path = lp_path_join(dir, "places.csv");
  assert_int_equal(remove(path), 0);
  free(path);
  o = analyzed();
  assert_string_equal(text_of(of_site(o, "points", "h1"), "topology"), "grid");
  assert_int_equal(json_array_size(json_object_get(o, "warnings")), 1);
  assert_non_null(strstr(json_string_value(json_array_get(json_object_get(o, "warnings"), 0)),
                         "arm points: V at h1 is taken on the 4 x 6 sheet: "));
  json_decref(o);
}

static void one_site(void **state) {
  (void)state;
  static const sheet only = {"a/b", 5, 3};
  static const test_arm two[] = {{"control", "", &only, 1}, {"linear", "", &only, 1}};
  write_run("[{\"name\": \"a/b\", \"layer\": \"x\", \"sheet\": [5, 3]}]", "", two, 2);
  json_t *o = analyzed();
  assert_string_equal(text_of(json_object_get(o, "plan"), "site"), "a/b");
  assert_close(number(comparison(o, "linear", "a/b", "variance"), "mean"),
               mean_variance("linear", &only, lp_spatial_variance), 1e-9);
  assert_non_null(strstr(answer(o), "V at a/b (5 x 3 units)"));
  json_decref(o);
}

static void no_site(void **state) {
  (void)state;
  static const test_arm two[] = {{"control", "", NULL, 0}, {"linear", "", NULL, 0}};
  write_run("[]", "\"plan\": {\"primary\": [\"variance\", \"accuracy\"]},", two, 2);
  json_t *o = analyzed();
  assert_non_null(strstr(answer(o), "the networks record no site"));
  const json_t *primary = json_object_get(json_object_get(o, "plan"), "primary");
  assert_int_equal(json_array_size(primary), 1);
  assert_string_equal(json_string_value(json_array_get(primary, 0)), "accuracy");
  assert_int_equal((int)number(json_object_get(o, "plan"), "tests"), 1);
  assert_int_equal(json_array_size(json_object_get(o, "comparisons")), 2);
  const json_t *c = comparison(o, "linear", NULL, "accuracy");
  assert_close(number(c, "reference_mean") - number(c, "mean"), 0.75, 1e-9);
  json_decref(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(three_sheets), FOLDER_TEST(other_sheets), FOLDER_TEST(off_lattice),
      FOLDER_TEST(one_site),     FOLDER_TEST(no_site),
  };
  return cmocka_run_group_tests_name("sites", tests, NULL, NULL);
}
