/* Sites and priors of arms, as manifests of schema 2 and of schema 1 have them, and the activations
 * that go with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locality/run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64];

static int make(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/test-manifest-XXXXXX");
  char path[128];
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/activations", dir);
  return lp_make_dirs(path) == LP_OK ? 0 : -1;
}

static int clear(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}

static void assert_ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s", lp_error_message());
}

static void write_manifest(const char *text) {
  char *path = lp_path_join(dir, LP_RUN_MANIFEST);
  assert_ok(lp_write_file(path, text, strlen(text)));
  free(path);
}

#define REST                  ", \"reference\": \"a\", \"seeds\": [1], \"epochs\": 1, \"classes\": [\"0\", \"1\"]}"
#define SCHEMA_2(sites, arms) "{\"schema\": 2, \"sites\": " sites ", \"arms\": [" arms "]" REST
#define SITE(name, layer, sheet)                                                                   \
  "{\"name\": \"" name "\", \"layer\": \"" layer "\", \"sheet\": " sheet "}"
#define ARM(name, rest) "{\"name\": \"" name "\", \"layer\": \"plain\"" rest "}"
#define PRIOR(layer, from, out, in, extents_out, extents_in)                                       \
  "{\"layer\": \"" layer "\", \"from\": \"" from "\", \"topology\": \"torus\", \"cost\": "         \
  "\"power:p=2\", \"metric\": \"l1\", \"normalize\": \"fan_in\", \"units\": {\"out\": " out        \
  ", \"in\": " in "}, \"extents\": {\"out\": " extents_out ", \"in\": " extents_in "}}"

/* Three sites of three sheets; an arm with another sheet, and one with a site of its own. */
static const char three[] = SCHEMA_2(
    "[" SITE("h1", "fc1", "[4, 6]") ", " SITE("h2", "fc2", "[9]") ", " SITE("h3", "fc3",
                                                                            "[3, 1]") "]",
    ARM("a", "") ", " ARM(
        "b", ", \"priors\": [" PRIOR(
                 "fc2", "fc1", "9", "24", "[3, 3]",
                 "[4, 6]") "]") ", " ARM("c",
                                         ", \"sites\": [" SITE("h0", "fc0", "[5]") ", " SITE(
                                             "h1", "fc1", "[2, 2]") "]"));

static void sites_and_priors(void **state) {
  (void)state;
  write_manifest(three);
  lp_run_folder *r;
  assert_ok(lp_run_folder_open(dir, &r));
  static const char *const name[] = {"h1", "h2", "h3", "h0"};
  static const uint32_t rows[3][4] = {{4, 1, 3, 0}, {4, 3, 3, 0}, {2, 0, 0, 1}};
  static const uint32_t cols[3][4] = {{6, 9, 1, 0}, {6, 3, 1, 0}, {2, 0, 0, 5}};
  assert_int_equal(r->n_sites, 4);
  assert_string_equal(r->site_name[r->headline], "h0"); /* the last, where none is named */
  for (uint32_t k = 0; k < 4; k++) {
    assert_string_equal(r->site_name[k], name[k]);
    assert_int_equal(lp_run_site_index(r, name[k]), k);
    for (uint32_t i = 0; i < 3; i++) {
      assert_int_equal(r->arm[i].site[k].rows, rows[i][k]);
      assert_int_equal(r->arm[i].site[k].cols, cols[i][k]);
      assert_int_equal(r->arm[i].site[k].units, rows[i][k] * cols[i][k]);
    }
  }
  assert_int_equal(lp_run_site_index(r, "h4"), 4);

  /* fc1's units stand as the prior that reads them has them, fc3's as nothing does */
  const lp_run_arm *b = &r->arm[1];
  bool reads;
  assert_ptr_equal(lp_run_site_prior(b, &b->site[0], &reads), b->prior);
  assert_true(reads);
  assert_ptr_equal(lp_run_site_prior(b, &b->site[1], &reads), b->prior);
  assert_false(reads);
  assert_null(lp_run_site_prior(b, &b->site[2], &reads));
  assert_null(lp_run_site_prior(&r->arm[0], &r->arm[0].site[0], &reads));
  lp_prior_spec spec = lp_run_prior_spec(b->prior, 7);
  assert_int_equal(spec.n_out, 9);
  assert_int_equal(spec.n_in, 24);
  assert_int_equal(spec.extent_out[1], 3);
  assert_int_equal(spec.extent_in[1], 6);
  assert_int_equal(spec.seed, 7);
  assert_string_equal(spec.topology, "torus");
  assert_string_equal(spec.cost, "power:p=2");
  assert_string_equal(spec.metric, "l1");
  assert_string_equal(spec.normalize, "fan_in");
  lp_run_folder_close(r);
}

static void maps(void **state) {
  (void)state;
  write_manifest(three);
  lp_run_folder *r;
  lp_run_maps m;
  assert_ok(lp_run_folder_open(dir, &r));
  float own[2 * 5], h1[2 * 4];
  const int32_t labels[] = {1, 0};
  for (int i = 0; i < 10; i++) own[i] = (float)i;
  for (int i = 0; i < 8; i++) h1[i] = -(float)i;
  char *path = lp_run_path(dir, LP_RUN_ACTIVATIONS, "c", 1);
  const char *name[] = {"h1", "h0"};
  assert_int_equal(lp_run_maps_read(r, LP_RUN_ACTIVATIONS, 2, 0, &m), LP_ERR_NOT_FOUND);
  assert_ok(lp_run_maps_write(path, name, (const uint32_t[]){4, 5}, (const uint32_t[]){1, 1},
                              (float *const[]){h1, own}, 2, labels, 2));
  assert_ok(lp_run_maps_read(r, LP_RUN_ACTIVATIONS, 2, 0, &m));
  assert_int_equal(m.n, 2);
  assert_memory_equal(m.site[0], h1, sizeof h1);
  assert_null(m.site[1]);
  assert_null(m.site[2]);
  assert_memory_equal(m.site[3], own, sizeof own);
  assert_int_equal(m.labels[0], 1);
  lp_run_maps_free(&m);

  /* a site that is missing, and one of other units */
  assert_ok(lp_run_maps_write(path, name, (const uint32_t[]){4}, (const uint32_t[]){1},
                              (float *const[]){h1}, 1, labels, 2));
  assert_int_equal(lp_run_maps_read(r, LP_RUN_ACTIVATIONS, 2, 0, &m), LP_ERR_FORMAT);
  assert_non_null(strstr(lp_error_message(), "\"h0\", F32 of 2 images x 5 units"));
  assert_ok(lp_run_maps_write(path, name, (const uint32_t[]){4, 4}, (const uint32_t[]){1, 1},
                              (float *const[]){h1, own}, 2, labels, 2));
  assert_int_equal(lp_run_maps_read(r, LP_RUN_ACTIVATIONS, 2, 0, &m), LP_ERR_FORMAT);
  free(path);
  lp_run_folder_close(r);
}

#define STEPS(name, layer, sheet, steps)                                                           \
  "{\"name\": \"" name "\", \"layer\": \"" layer "\", \"sheet\": " sheet ", \"steps\": " steps "}"

/* After the last of three steps, and after each. */
static void maps_of_steps(void **state) {
  (void)state;
  write_manifest(SCHEMA_2(
      "[" STEPS("h", "rec", "[1, 2]", "3") ", " STEPS("one", "fc", "[3]", "1") "]", ARM("a", "")));
  lp_run_folder *r;
  lp_run_maps m;
  assert_ok(lp_run_folder_open(dir, &r));
  assert_int_equal(r->arm[0].site[0].steps, 3);
  assert_int_equal(r->arm[0].site[0].units, 2);
  assert_int_equal(r->arm[0].site[1].steps, 1);
  float h[2][3][2], one[2][3], got[4];
  const int32_t labels[] = {1, 0};
  for (int i = 0; i < 2; i++)
    for (int t = 0; t < 3; t++) {
      one[i][t] = (float)(10 * i + t);
      for (int u = 0; u < 2; u++) h[i][t][u] = (float)(100 * i + 10 * t + u);
    }
  char *path = lp_run_path(dir, LP_RUN_ACTIVATIONS, "a", 1);
  const char *name[] = {"h", "one"};
  float *const all[] = {&h[0][0][0], &one[0][0]};
  assert_ok(lp_run_maps_write(path, name, (const uint32_t[]){2, 3}, (const uint32_t[]){3, 1}, all,
                              2, labels, 2));
  assert_ok(lp_run_maps_read(r, LP_RUN_ACTIVATIONS, 0, 0, &m));
  for (int t = 0; t < 3; t++) {
    const float want[] = {(float)(10 * t), (float)(10 * t + 1), (float)(100 + 10 * t),
                          (float)(101 + 10 * t)};
    lp_run_maps_step(m.all[0], 2, 3, 2, (uint32_t)t, got);
    assert_memory_equal(got, want, sizeof want);
    if (t == 2) assert_memory_equal(m.site[0], want, sizeof want);
  }
  assert_memory_equal(m.site[1], one, sizeof one);
  assert_ptr_equal(m.all[1], m.site[1]);
  lp_run_maps_free(&m);

  /* other steps than the manifest says, and none */
  for (uint32_t steps = 1; steps <= 2; steps++) {
    assert_ok(lp_run_maps_write(path, name, (const uint32_t[]){2, 3}, (const uint32_t[]){steps, 1},
                                all, 2, labels, 2));
    assert_int_equal(lp_run_maps_read(r, LP_RUN_ACTIVATIONS, 0, 0, &m), LP_ERR_FORMAT);
    assert_non_null(strstr(lp_error_message(), "\"h\", F32 of 2 images x 3 steps x 2 units"));
  }
  free(path);
  lp_run_folder_close(r);
  static const char *const wrong[] = {
      SCHEMA_2("[" STEPS("h", "rec", "[1, 2]", "0") "]", ARM("a", "")),
      SCHEMA_2("[" STEPS("h", "rec", "[1, 2]", "-3") "]", ARM("a", "")),
      SCHEMA_2("[" STEPS("h", "rec", "[1, 2]", "2.5") "]", ARM("a", "")),
      SCHEMA_2("[" STEPS("h", "rec", "[1, 2]", "4294967297") "]", ARM("a", "")),
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    write_manifest(wrong[i]);
    assert_int_equal(lp_run_folder_open(dir, &r), LP_ERR_FORMAT);
    assert_non_null(strstr(lp_error_message(), "\"steps\" of site \"h\""));
  }
}

static void no_site(void **state) {
  (void)state;
  write_manifest(SCHEMA_2("[]", ARM("a", "")));
  lp_run_folder *r;
  assert_ok(lp_run_folder_open(dir, &r));
  assert_int_equal(r->n_sites, 0);
  assert_int_equal(r->headline, 0);
  lp_run_folder_close(r);
}

/* What 0.1 wrote: one sheet, and priors in the text of the layer. */
static void schema_1(void **state) {
  (void)state;
  write_manifest("{\"schema\": 1, \"sheet\": [7, 5], \"arms\": [" ARM(
      "a", ", \"priors\": {}") ", "
                               "{\"name\": \"b\", \"priors\": {\"lp\": \"12ab\"}, \"layer\": "
                               "\"locality:topology=ring,cost=(power:s=1,p=2),metric=l2,normalize="
                               "total\"}, "
                               "{\"name\": \"c\", \"layer\": \"other:depth=3\"}]" REST);
  lp_run_folder *r;
  assert_ok(lp_run_folder_open(dir, &r));
  assert_int_equal(r->n_sites, 2);
  assert_string_equal(r->site_name[0], "lp_in");
  assert_string_equal(r->site_name[1], "lp_out");
  assert_int_equal(r->headline, 1);
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 2; k++) {
      assert_int_equal(r->arm[i].site[k].rows, 7);
      assert_int_equal(r->arm[i].site[k].cols, 5);
    }
  assert_int_equal(r->arm[0].n_priors, 0);
  assert_int_equal(r->arm[2].n_priors, 0);
  assert_int_equal(r->arm[1].n_priors, 1);
  const lp_run_prior *p = r->arm[1].prior;
  assert_string_equal(p->topology, "ring");
  assert_string_equal(p->cost, "power:s=1,p=2");
  assert_string_equal(p->normalize, "total");
  assert_int_equal(p->n_out, 35);
  bool reads;
  assert_ptr_equal(lp_run_site_prior(&r->arm[1], &r->arm[1].site[0], &reads), p);
  assert_true(reads);
  assert_ptr_equal(lp_run_site_prior(&r->arm[1], &r->arm[1].site[1], &reads), p);
  assert_false(reads);
  lp_run_folder_close(r);
}

static void refused(void **state) {
  (void)state;
  static const struct {
    const char *manifest, *reason;
  } wrong[] = {
      {"{\"schema\": 3, \"sites\": []}", "\"schema\" is not 1 to 2"},
      {"{\"schema\": 1, \"arms\": []}", "\"sheet\" is not [rows, columns]"},
      {"{\"schema\": 1, \"sheet\": [7], \"arms\": []}", "\"sheet\" is not [rows, columns]"},
      {"{\"schema\": 2, \"arms\": [" ARM("a", "") "]" REST, "\"sites\" is not a list"},
      {SCHEMA_2("[{\"layer\": \"x\", \"sheet\": [2]}]", ARM("a", "")), "site 1 has no \"name\""},
      {SCHEMA_2("[" SITE("h", "x", "[]") "]", ARM("a", "")), "\"sheet\" of site \"h\""},
      {SCHEMA_2("[" SITE("h", "x", "[2, 2, 2, 2]") "]", ARM("a", "")), "\"sheet\" of site \"h\""},
      {SCHEMA_2("[" SITE("h", "x", "[2, 0]") "]", ARM("a", "")), "\"sheet\" of site \"h\""},
      {SCHEMA_2("[" SITE("h", "x", "[65536, 65536]") "]", ARM("a", "")), "\"sheet\" of site \"h\""},
      {SCHEMA_2("[" SITE("h", "x", "[2]") ", " SITE("h", "x", "[2]") "]", ARM("a", "")), "twice"},
      {SCHEMA_2("[]", ARM("a", ", \"priors\": {\"lp\": \"12ab\"}")), "\"priors\" of arm \"a\""},
      {SCHEMA_2("[]", ARM("a", ", \"priors\": [{\"layer\": \"fc\"}]")),
       "a prior of arm \"a\" needs"},
      {SCHEMA_2("[]", ARM("a", ", \"priors\": [" PRIOR("f", "g", "0", "2", "[]", "[]") "]")),
       "a prior of arm \"a\" needs"},
      {SCHEMA_2("[]",
                ARM("a", ", \"priors\": [" PRIOR("f", "g", "2", "2", "[1, 1, 1, 1, 2]", "[]") "]")),
       "a prior of arm \"a\" needs"},
      {"{\"schema\": 2, \"headline\": \"h\", \"sites\": [], \"arms\": [" ARM("a", "") "]" REST,
       "headline site \"h\""},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    write_manifest(wrong[i].manifest);
    lp_run_folder *r;
    if (lp_run_folder_open(dir, &r) != LP_ERR_FORMAT) fail_msg("taken: %s", wrong[i].manifest);
    if (!strstr(lp_error_message(), wrong[i].reason) ||
        !strstr(lp_error_message(), LP_RUN_MANIFEST))
      fail_msg("%s: %s", wrong[i].reason, lp_error_message());
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(sites_and_priors, make, clear),
      cmocka_unit_test_setup_teardown(maps, make, clear),
      cmocka_unit_test_setup_teardown(maps_of_steps, make, clear),
      cmocka_unit_test_setup_teardown(no_site, make, clear),
      cmocka_unit_test_setup_teardown(schema_1, make, clear),
      cmocka_unit_test_setup_teardown(refused, make, clear),
  };
  return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
