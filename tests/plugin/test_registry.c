/* Loading of good and bad modules, look-up by name, specs, device names. */
#include <locality/registry.h>

#include <dlfcn.h>
#include <fenv.h>
#include <float.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HAS(text, part)                                                                            \
  do                                                                                               \
    if (!strstr(text, part)) fail_msg("\"%s\" is not in \"%s\"", part, text);                      \
  while (0)

static const lp_module_info *module_of(const char *file) {
  for (uint32_t i = 0; i < lp_module_count(); i++) {
    const char *base = strrchr(lp_module_get(i)->file, '/');
    if (base && strcmp(base + 1, file) == 0) return lp_module_get(i);
  }
  fail_msg("module %s was not found", file);
  return NULL;
}

/* ---- modules ------------------------------------------------------------------------------- */

static void refuses_unusable_modules(void **state) {
  (void)state;
  static const struct {
    const char *file, *reason;
  } refused[] = {
      {"abi_wrong_major.so", "ABI 2."},
      {"abi_newer_minor.so", "update the library"},
      {"abi_no_symbol.so", "lp_plugin_entry"},
      {"abi_failing_init.so", "init failed: the moon is full"},
      {"abi_silent_failure.so", "init failed: no reason given"},
      {"abi_short_plugin.so", "its descriptor has 16 bytes"},
      {"abi_unnamed_plugin.so", "lacks a name"},
      {"abi_short_cost.so", "shorter"},
      {"abi_unnamed_cost.so", "no name"},
      {"abi_colon_in_name.so", "other characters"},
      {"abi_no_callback.so", "lacks a required callback"},
      {"abi_bad_default.so", "default of parameter x"},
      {"abi_no_descriptor.so", "no descriptor"},
      {"abi_twin_b.so", "already registered by"},
      {"abi_takes_linear.so", "cost linear is already registered by /"},
      {"abi_takes_plain.so", "as a layer, which is the one used; rename one"},
      {"abi_twice.so", "abi_twice.so, as a cost, which is the one used; rename"},
      {"abi_takes_control.so", "cannot be called control"},
      {"abi_takes_auto.so", "a backend cannot be called auto, which has a meaning of its own"},
  };
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    const lp_module_info *m = module_of(refused[i].file);
    if (!m->refused) fail_msg("%s was not refused", refused[i].file);
    HAS(m->refused, refused[i].reason);
  }
  HAS(module_of("abi_twin_b.so")->refused, "abi_twin_a.so"); /* who has the name */
  const lp_entry *linear = lp_entry_find(LP_KIND_COST, "linear");
  HAS(module_of("abi_takes_linear.so")->refused, lp_module_get(linear->module)->file);
}

/* A layer of ABI 1.0 ends before lp_layer.flags; what lies behind it is not read. */
static void takes_older_descriptors(void **state) {
  (void)state;
  assert_null(module_of("abi_old_layer.so")->refused);
  const lp_entry *e = lp_entry_find(LP_KIND_LAYER, "old_layer");
  assert_non_null(e);
  assert_int_equal(((const lp_layer *)e->descriptor)->flags, 0);
}

static void keeps_usable_modules(void **state) {
  (void)state;
  static const char *const used[] = {"abi_twin_a.so", "abi_twin_ignoring.so", "probe.so"};
  for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
    const lp_module_info *m = module_of(used[i]);
    if (m->refused) fail_msg("%s was refused: %s", used[i], m->refused);
    assert_string_equal(m->version, "1.0");
    assert_string_equal(m->license, "Apache-2.0");
  }
  HAS(module_of("abi_twin_ignoring.so")->rejected, "cost twin is already registered by");
  assert_null(module_of("probe.so")->rejected);
  assert_string_equal(module_of("abi_wrong_major.so")->name, ""); /* it could not be read */
  assert_string_equal(module_of("abi_failing_init.so")->name, "failing_init");
}

static void modules_are_sorted_and_once(void **state) {
  (void)state;
  uint32_t own = 0, mine = 0;
  for (uint32_t i = 0; i < lp_module_count(); i++) {
    const char *file = lp_module_get(i)->file;
    assert_int_equal(file[0], '/');
    if (strncmp(file, getenv("TEST_MODULES"), strlen(getenv("TEST_MODULES"))) == 0) {
      if (mine++) assert_true(strcmp(lp_module_get(i - 1)->file, file) < 0);
    } else {
      own++;
      assert_int_equal(mine, 0); /* the plugin path comes last */
    }
    for (uint32_t k = 0; k < i; k++) assert_string_not_equal(lp_module_get(k)->file, file);
  }
  assert_true(mine > 10 && own > 10);
  assert_null(lp_module_get(lp_module_count()));
}

static void rolls_registrations_back(void **state) {
  (void)state;
  uint32_t twins = 0;
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    assert_null(lp_module_get(e->module)->refused);
    assert_string_not_equal(e->name, "failing_init");
    assert_string_not_equal(e->name, "silent_failure");
    twins += strcmp(e->name, "twin") == 0;
  }
  assert_int_equal(twins, 1);
  assert_null(lp_entry_get(lp_entry_count()));
}

/* How this thread computes: the rounding, and whether subnormal numbers are 0. */
static int mode_now(void) {
  volatile float least = FLT_MIN, half = 0.5f;
  volatile float product = least * half;
  volatile float many = 1e30f, back = product * many;
  return 10 * fegetround() + (product > 0) + 2 * (back > 0);
}

static void *mode_of_thread(void *out) {
  *(int *)out = mode_now();
  return NULL;
}

static int mode_at_start;

static void modules_leave_the_mode(void **state) {
  (void)state;
  assert_int_equal(mode_now(), mode_at_start);
  int theirs = -1; /* a new thread starts in its maker's mode */
  pthread_t t;
  assert_int_equal(pthread_create(&t, NULL, mode_of_thread, &theirs), 0);
  pthread_join(t, NULL);
  assert_int_equal(theirs, mode_at_start);
  assert_null(module_of("mode_constructor.so")->refused); /* both did run */
  assert_null(module_of("mode_init.so")->refused);
  lp_device *dev;
  assert_int_equal(lp_device_open("fake:upward", &dev), LP_OK);
  lp_device_table(dev)->close(dev);
  assert_int_equal(mode_now(), mode_at_start);
}

/* Without care the module does change the mode. */
static void the_module_is_harmful(void) {
  char file[8192];
  snprintf(file, sizeof file, "%s/mode_constructor.so", getenv("TEST_MODULES"));
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  assert_non_null(handle);
  assert_int_not_equal(mode_now(), mode_at_start);
  fesetenv(FE_DFL_ENV);
  assert_int_equal(mode_now(), mode_at_start);
  dlclose(handle); /* so that loading it again runs its constructor again */
}

static void second_load_does_nothing(void **state) {
  (void)state;
  uint32_t modules = lp_module_count(), entries = lp_entry_count();
  assert_int_equal(lp_registry_load(), LP_OK);
  assert_int_equal(lp_module_count(), modules);
  assert_int_equal(lp_entry_count(), entries);
}

/* ---- names --------------------------------------------------------------------------------- */

static void finds_by_kind_and_name(void **state) {
  (void)state;
  const lp_entry *e = lp_entry_find(LP_KIND_TOPOLOGY, "spiral");
  assert_non_null(e);
  assert_int_equal(((const lp_topology *)e->descriptor)->ndim, 2);
  assert_string_equal(e->source, ""); /* the module gives none */
  assert_null(lp_entry_find(LP_KIND_COST, "spiral"));
  for (int k = 0; k < LP_KIND_COUNT; k++) assert_true(strlen(lp_kind_name((lp_kind)k)) > 3);
}

static void unknown_names_are_explained(void **state) {
  (void)state;
  assert_null(lp_entry_find(LP_KIND_COST, "liner"));
  HAS(lp_error_message(), "no cost is called 'liner'; did you mean 'linear'?");
  HAS(lp_error_message(), "quadratic");
  assert_null(lp_entry_find(LP_KIND_COST, "permutde")); /* a prior, but chosen like a cost */
  HAS(lp_error_message(), "'permuted'?");
  assert_null(lp_entry_find(LP_KIND_BACKEND, "fkae"));
  HAS(lp_error_message(), "did you mean 'fake'?");
  HAS(lp_error_message(), "abi_bad_default.so is not used: ");
}

/* ---- specs --------------------------------------------------------------------------------- */

static void specs_in_canonical_form(void **state) {
  (void)state;
  static const struct {
    const char *text, *canonical;
  } cases[] = {
      {"typed", "typed:x=0.1,count=3,base=linear"},
      {" typed : count = 7 , x = -1 ", "typed:x=-1,count=7,base=linear"},
      {"typed:x=1e-3", "typed:x=0.001,count=3,base=linear"},
      {"typed:x=0.3333333333333333", "typed:x=0.3333333333333333,count=3,base=linear"},
      {"typed:base=(power:p=2,s=1)", "typed:x=0.1,count=3,base=(power:p=2,s=1)"},
      {"typed:base=power:p=2", "typed:x=0.1,count=3,base=power:p=2"},
      {"typed:base=(a),x=2", "typed:x=2,count=3,base=a"},
      {"typed:base=((a)),x=2", "typed:x=2,count=3,base=((a))"},
      {"typed:base=(a)(b,c)", "typed:x=0.1,count=3,base=((a)(b,c))"},
      {"typed:base=", "typed:x=0.1,count=3,base="},
      {"half", "half"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lp_spec spec, again;
    if (lp_spec_parse(LP_KIND_COST, cases[i].text, &spec) != LP_OK)
      fail_msg("%s: %s", cases[i].text, lp_error_message());
    assert_string_equal(spec.text, cases[i].canonical);
    assert_int_equal(lp_spec_parse(LP_KIND_COST, spec.text, &again), LP_OK);
    assert_string_equal(again.text, cases[i].canonical);
    lp_spec_free(&again);
    lp_spec_free(&spec);
    assert_null(spec.text);
  }
}

/* Specs inside values too, down to where a value is no spec. */
static void specs_in_full(void **state) {
  (void)state;
  static const struct {
    const char *text, *full;
  } cases[] = {
      {"typed", "typed:x=0.1,count=3,base=linear"}, /* no cost is named linear here */
      {"typed:base=half", "typed:x=0.1,count=3,base=half"},
      {"typed:base=typed,x=2.0", "typed:x=2,count=3,base=(typed:x=0.1,count=3,base=linear)"},
      {"typed:base=(typed:x=2.0,base=(typed:x=1e0))",
       "typed:x=0.1,count=3,base=(typed:x=2,count=3,base=(typed:x=1,count=3,base=linear))"},
      {"typed:x=no", "typed:x=no"},
      {"", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *full = lp_spec_full_text(LP_KIND_COST, cases[i].text);
    assert_string_equal(full, cases[i].full);
    free(full);
  }
}

static void specs_carry_values(void **state) {
  (void)state;
  lp_spec spec;
  assert_int_equal(lp_spec_parse(LP_KIND_COST, "typed:base=(a:b=1,c),count=10,x=1.5", &spec),
                   LP_OK);
  assert_true(spec.args[0].value == 1.5);
  assert_true(spec.args[1].value == 10);
  assert_string_equal(spec.args[2].text, "a:b=1,c");
  assert_string_equal(spec.entry->name, "typed");
  lp_spec_free(&spec);
}

static void bad_specs_are_explained(void **state) {
  (void)state;
  static const struct {
    const char *text;
    lp_status status;
    const char *message;
  } cases[] = {
      {"typde", LP_ERR_NOT_FOUND, "did you mean 'typed'?"},
      {"", LP_ERR_NOT_FOUND, "no cost is called ''"},
      {"typed:xx=1", LP_ERR_ARG, "no parameter 'xx'; did you mean 'x'?; it has x, count, base"},
      {"typed:cuont=1", LP_ERR_ARG, "did you mean 'count'?"},
      {"typed:", LP_ERR_ARG, "no parameter ''"},
      {"typed:x=1,", LP_ERR_ARG, "no parameter ''"},
      {"typed:x", LP_ERR_ARG, "x needs a value"},
      {"typed:x=", LP_ERR_ARG, "x= is not a number"},
      {"typed:x=one", LP_ERR_ARG, "x=one is not a number"},
      {"typed:x=1.0.0", LP_ERR_ARG, "not a number"},
      {"typed:x=nan", LP_ERR_ARG, "not a number"},
      {"typed:x=inf", LP_ERR_ARG, "outside -1 .. 2"},
      {"typed:x=1e999", LP_ERR_ARG, "not a number"},
      {"typed:x=2.1", LP_ERR_ARG, "x=2.1 is outside -1 .. 2 (a number)"},
      {"typed:count=1.5", LP_ERR_ARG, "count=1.5 is not a whole number"},
      {"typed:count=-1", LP_ERR_ARG, "outside 0 .. 10"},
      {"typed:count=99999999999999999999", LP_ERR_ARG, "not a whole number"},
      {"typed:x=1,x=1", LP_ERR_ARG, "x is given twice"},
      {"typed:base=(a", LP_ERR_ARG, "parentheses"},
      {"typed:base=a)(", LP_ERR_ARG, "parentheses"},
      {"half:x=1", LP_ERR_ARG, "no parameter 'x'; it has none"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lp_spec spec;
    lp_status s = lp_spec_parse(LP_KIND_COST, cases[i].text, &spec);
    if (s != cases[i].status) fail_msg("\"%s\" gives %s", cases[i].text, lp_status_name(s));
    HAS(lp_error_message(), cases[i].message);
    assert_null(spec.args);
    assert_null(spec.text);
  }
}

/* ---- devices ------------------------------------------------------------------------------- */

static void devices_best_first(void **state) {
  (void)state;
  static const uint32_t rank[] = {
      [LP_DEVICE_DISCRETE] = 0, [LP_DEVICE_INTEGRATED] = 1,  [LP_DEVICE_CPU] = 2,
      [LP_DEVICE_CL_CPU] = 3,   [LP_DEVICE_ACCELERATOR] = 4, [LP_DEVICE_DUMMY] = 5};
  uint32_t n, again;
  assert_int_equal(lp_devices(NULL, 0, &n), LP_OK);
  assert_true(n >= 11);
  lp_device_info *info = calloc(n, sizeof *info);
  assert_int_equal(lp_devices(info, n, &again), LP_OK);
  assert_int_equal(n, again);
  for (uint32_t i = 1; i < n; i++) assert_true(rank[info[i - 1].type] <= rank[info[i].type]);
  uint32_t third = 0, fifth = 0; /* devices of one type stay in the backend's order */
  for (uint32_t i = 0; i < n; i++) {
    if (strcmp(info[i].id, "fake:3") == 0) third = i;
    if (strcmp(info[i].id, "fake:5") == 0) fifth = i;
  }
  assert_true(third < fifth);
  lp_device_info two[2];
  assert_int_equal(lp_devices(two, 2, &again), LP_OK);
  assert_int_equal(again, n);
  assert_string_equal(two[1].id, info[1].id);
  free(info);
}

static void opens_devices_by_name(void **state) {
  (void)state;
  static const struct {
    const char *device, *how;
  } cases[] = {
      {"fake", "[]"},
      {"fake:1", "[1]"},
      {"fake:NVIDIA", "[NVIDIA]"},
      {"fake:threads=2", "[] threads=2"},
      {"fake:threads=2,tune", "[] threads=2 tune="},
      {"fake:1,threads=2,tune", "[1] threads=2 tune="},
      {"fake,tune,threads=2", "[] tune= threads=2"},
      {"fake:(Radeon, Pro)", "[Radeon, Pro]"},
      {"fake:1,list=(a,b)", "[1] list=a,b"},
      {" fake : 1 , x = 2 ", "[1] x=2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lp_device *dev = NULL;
    lp_device_info info;
    if (lp_device_open(cases[i].device, &dev) != LP_OK)
      fail_msg("%s: %s", cases[i].device, lp_error_message());
    assert_int_equal(lp_device_table(dev)->info(dev, &info), LP_OK);
    assert_string_equal(info.name, cases[i].how);
    lp_device_table(dev)->close(dev);
  }
}

static void auto_opens_the_best(void **state) {
  (void)state;
  lp_device_info best, opened;
  uint32_t n;
  assert_int_equal(lp_devices(&best, 1, &n), LP_OK);
  assert_int_equal(best.type, LP_DEVICE_DISCRETE);
  lp_device *dev = NULL;
  assert_int_equal(lp_device_open("auto", &dev), LP_OK);
  assert_int_equal(lp_device_table(dev)->info(dev, &opened), LP_OK);
  if (strncmp(best.id, "fake:", 5) == 0) assert_string_equal(opened.name, "[3]");
  assert_string_equal(lp_device_precision(dev), "f32");
  lp_device_table(dev)->close(dev);
  /* The best of those that can do it. */
  assert_int_equal(lp_device_open("auto:precision=bf16", &dev), LP_OK);
  assert_int_equal(lp_device_table(dev)->info(dev, &opened), LP_OK);
  if (strncmp(best.id, "fake:", 5) == 0) assert_string_equal(opened.name, "[5] precision=bf16");
  lp_device_table(dev)->close(dev);
}

static void bad_devices_are_explained(void **state) {
  (void)state;
  static const struct {
    const char *device;
    lp_status status;
    const char *message;
  } cases[] = {
      {"fakee", LP_ERR_NOT_FOUND, "did you mean 'fake'?"},
      {"fake:broken", LP_ERR_DEVICE, "device fake:broken: smoke"},
      {"fake:nothing", LP_ERR_PLUGIN, "opened nothing"},
      {"fake:(1", LP_ERR_ARG, "parentheses"},
      {"auto:colour=red", LP_ERR_ARG, "device fake:3,colour=red: no colours"},
      {"", LP_ERR_NOT_FOUND, "no backend is called ''"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lp_device *dev = (lp_device *)&dev;
    assert_int_equal(lp_device_open(cases[i].device, &dev), cases[i].status);
    HAS(lp_error_message(), cases[i].message);
    assert_null(dev);
  }
}

/* The modules under test, twice, among folders that are missing or not absolute. */
static int load(void **state) {
  (void)state;
  char path[8192];
  const char *modules = getenv("TEST_MODULES");
  if (!modules || chdir(modules) != 0) return -1;
  snprintf(path, sizeof path, ".::modules:/nonexistent/folder:%s:%s/../modules", modules, modules);
  setenv("LOCALITY_PLUGIN_PATH", path, 1);
  lp_log_set_level(LP_LOG_ERROR);
  mode_at_start = mode_now();
  the_module_is_harmful();
  return lp_registry_load() == LP_OK ? 0 : -1;
}

static int shut_down(void **state) {
  (void)state;
  lp_registry_shutdown();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_unusable_modules),
      cmocka_unit_test(takes_older_descriptors),
      cmocka_unit_test(keeps_usable_modules),
      cmocka_unit_test(modules_are_sorted_and_once),
      cmocka_unit_test(rolls_registrations_back),
      cmocka_unit_test(modules_leave_the_mode),
      cmocka_unit_test(second_load_does_nothing),
      cmocka_unit_test(finds_by_kind_and_name),
      cmocka_unit_test(unknown_names_are_explained),
      cmocka_unit_test(specs_in_canonical_form),
      cmocka_unit_test(specs_in_full),
      cmocka_unit_test(specs_carry_values),
      cmocka_unit_test(bad_specs_are_explained),
      cmocka_unit_test(devices_best_first),
      cmocka_unit_test(opens_devices_by_name),
      cmocka_unit_test(auto_opens_the_best),
      cmocka_unit_test(bad_devices_are_explained),
  };
  return cmocka_run_group_tests(tests, load, shut_down);
}
