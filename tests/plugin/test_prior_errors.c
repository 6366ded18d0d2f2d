/* Priors that cannot be used are refused, and no others. */
#include "prior_support.h"

#include <stdio.h>
#include <string.h>

static void unusable_priors_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *topology, *cost, *metric, *normalize;
    lp_status status;
    const char *message;
  } cases[] = {
      {"grid", "nan", NULL, NULL, LP_ERR_PLUGIN, "prior nan: the signal over a distance of "},
      {"spiral", "nan", NULL, NULL, LP_ERR_PLUGIN, " is nan; layers compute in single"},
      {"grid", "infinite", NULL, NULL, LP_ERR_PLUGIN, " is inf; layers compute in single"},
      /* as devices use it, in single precision */
      {"grid", "huge", NULL, NULL, LP_ERR_PLUGIN, " is -1e+300; layers"},
      {"spiral", "huge", "l1", "fan_in", LP_ERR_PLUGIN, " is -1e+300; layers"},
      {"grid", "permuted:base=huge", NULL, "total", LP_ERR_PLUGIN, " is -1e+300; layers"},
      {"grid", "steps:rest=1e300,at=70", NULL, NULL, LP_ERR_PLUGIN, "P[70][0] is 1e+300; layers"},
      {"grid", "steps:rest=-4e38", NULL, "fan_in", LP_ERR_PLUGIN, "P[1][0] is -4e+38; layers"},
      {"grid", "tiny", NULL, NULL, LP_ERR_PLUGIN, "signal, 1e-300, is 0 in the single"},
      {"grid", "tiny", NULL, "fan_in", LP_ERR_PLUGIN, "signal, 1e-300, is 0 in the single"},
      {"spiral", "tiny", NULL, "fan_out", LP_ERR_PLUGIN, "signal, 1e-300, is 0 in the single"},
      {"grid", "permuted:base=tiny", NULL, NULL, LP_ERR_PLUGIN, "signal, 1e-300, is 0 in the"},
      {"grid", "steps:rest=1e-39,at=70", NULL, NULL, LP_ERR_PLUGIN,
       "unit 70 receives nothing: its"},
      {"grid", "steps:first=1e30,rest=1e-30,at=3", NULL, "fan_out", LP_ERR_PLUGIN,
       "unit 3 receives nothing: its largest signal, 1e-30 before normalisation"},
      {"grid", "steps:first=3e38,rest=3e38", NULL, "fan_in", LP_ERR_PLUGIN,
       "unit 0 receives nothing: its largest signal, 3e+38 before normalisation"},
      {"grid", "steps:first=2e-38,rest=2e-38,diagonal=1", NULL, "fan_in", LP_ERR_PLUGIN,
       "a factor of 2e+40 at output unit 0"},
      {"grid", "steps:first=2e-38,rest=2e-38,diagonal=1", NULL, "total", LP_ERR_PLUGIN,
       "a factor of 2e+40 at output unit 0"},
      {"negative", "linear", NULL, NULL, LP_ERR_PLUGIN, "topology negative: the distance of "},
      {"negative", "rows", NULL, NULL, LP_ERR_PLUGIN, "topology negative: the distance of "},
      {"negative", "permuted", NULL, NULL, LP_ERR_PLUGIN, "topology negative: the distance of "},
      {"negative_spiral", "linear", NULL, NULL, LP_ERR_PLUGIN, "no distance is below 0 or NaN"},
      {"undefined", "linear", NULL, NULL, LP_ERR_PLUGIN, " is nan; no distance is below 0"},
      {"grid", "rows:zero_row=7", NULL, NULL, LP_ERR_PLUGIN, "output unit 7 receives nothing"},
      {"grid", "failing_rows", NULL, NULL, LP_ERR_UNSUPPORTED, "failing_rows: row 64 is too far"},
      {"grid", "not_a_permutation", NULL, NULL, LP_ERR_PLUGIN, "something else than permutations"},
      {"grid", "not_a_permutation:how=beyond", NULL, NULL, LP_ERR_PLUGIN, "else than permutations"},
      {"grid", "not_a_permutation:how=twice", NULL, NULL, LP_ERR_PLUGIN, "else than permutations"},
      {"grid", "not_a_permutation:how=no_base", NULL, NULL, LP_ERR_PLUGIN, "gave no base cost"},
      {"grid", "permuted:base=permuted", NULL, NULL, LP_ERR_ARG, "permuted itself"},
      {"grid", "permuted:base=liner", NULL, NULL, LP_ERR_NOT_FOUND, "'linear'?"},
      {"grid", "permutd", NULL, NULL, LP_ERR_NOT_FOUND, "'permuted'?"},
      {"grid", "disk:r=0.1", NULL, NULL, LP_ERR_PLUGIN, "receives nothing"},
      {"misfit", "linear", NULL, NULL, LP_ERR_PLUGIN, "do not hold 100 units"},
      {"nowhere", "linear", NULL, NULL, LP_ERR_PLUGIN, "unit 1 of 100 has a position"},
      {"gird", "linear", NULL, NULL, LP_ERR_NOT_FOUND, "'grid'?"},
      {"grid", "linear", "l3", NULL, LP_ERR_ARG, "did you mean 'l2'?"},
      {"grid", "linear", NULL, "fanin", LP_ERR_ARG, "did you mean 'fan_in'?"},
      {"grid", "linear", NULL, "softmax", LP_ERR_ARG, "there are none, fan_in, fan_out, total"},
      {"grid", NULL, NULL, NULL, LP_ERR_ARG, "no wiring cost"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    lp_prior *p = (lp_prior *)&p;
    lp_prior_spec q = {.n_out = 100,
                       .n_in = 400,
                       .topology = cases[k].topology,
                       .cost = cases[k].cost,
                       .metric = cases[k].metric,
                       .normalize = cases[k].normalize};
    lp_status s = lp_prior_build(&q, &p);
    if (s != cases[k].status)
      fail_msg("case %zu: %s (%s)", k, lp_status_name(s), lp_error_message());
    HAS(lp_error_message(), cases[k].message);
    assert_null(p);
  }
}

/* Rows may hold zeros, also by rounding; only rows of nothing else are refused. */
static void single_zeros_are_right(void **state) {
  (void)state;
  static const char *const topology[] = {"grid", "torus", "spiral"};
  static const char *const cost[] = {"gaussian:sigma=0.3", "cliff", "permuted:base=cliff"};
  static const char *const normalize[] = {"none", "fan_in", "total"};
  for (int k = 0; k < 27; k++) {
    lp_prior_spec q = {.n_out = 100,
                       .n_in = 100,
                       .topology = topology[k % 3],
                       .cost = cost[k / 3 % 3],
                       .normalize = normalize[k / 9]};
    lp_prior *p = prior_built(&q);
    uint32_t zero = 0;
    for (uint32_t j = 0; j < q.n_in; j++) zero += (float)lp_prior_at(p, 0, j) == 0;
    assert_true(zero > 0 && zero < q.n_in);
    lp_prior_free(p);
  }
  /* Three inputs, at 1, 4 and 7, leave out six of nine outputs. */
  lp_prior_spec q = {.n_out = 9, .n_in = 3, .topology = "line", .cost = "cliff"};
  lp_prior *p = NULL;
  assert_int_equal(lp_prior_build(&q, &p), LP_ERR_PLUGIN);
  HAS(lp_error_message(), "output unit 0 receives nothing: its largest signal, 1e-300,");
}

/* 2^30 units are never laid out here: the extents are refused first. */
static void extents_do_not_wrap(void **state) {
  (void)state;
  static const char *const topology[] = {"line", "ring", "wrapping", "grid", "torus"};
  for (size_t k = 0; k < sizeof topology / sizeof *topology; k++) {
    lp_prior_spec q = {.n_out = 1u << 30,
                       .n_in = 4,
                       .topology = topology[k],
                       .cost = "linear",
                       .extent_out = {1u << 30, 652805, 26317}};
    lp_prior *p = NULL;
    lp_status s = lp_prior_build(&q, &p);
    if (s != LP_ERR_SHAPE && s != LP_ERR_PLUGIN)
      fail_msg("%s: %s (%s)", topology[k], lp_status_name(s), lp_error_message());
    HAS(lp_error_message(), "1073741824");
    assert_null(p);
  }
}

static void bad_extents_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *topology;
    uint32_t n, extent[LP_MAX_AXES];
  } cases[] = {
      {"grid", 12, {5, 0, 0}}, {"grid", 12, {3, 5, 0}}, {"torus", 12, {0, 7, 0}},
      {"grid", 12, {2, 3, 2}}, {"line", 12, {3, 5, 0}}, {"ring", 12, {11, 0, 0}},
      {"grid", 0, {0, 0, 0}},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    lp_prior_spec q = {
        .n_out = cases[k].n, .n_in = 4, .topology = cases[k].topology, .cost = "linear"};
    memcpy(q.extent_out, cases[k].extent, sizeof q.extent_out);
    lp_prior *p = NULL;
    assert_int_not_equal(lp_prior_build(&q, &p), LP_OK);
    assert_null(p);
  }
}

static void zero_columns_matter_to_fan_out(void **state) {
  (void)state;
  /* 9 inputs, 3 outputs at 1, 4, 7: a disk of 0.5 leaves out six inputs but no output. */
  lp_prior_spec q = {.n_out = 3, .n_in = 9, .topology = "line", .cost = "disk:r=0.5"};
  lp_prior_free(prior_built(&q));
  q.normalize = "fan_in";
  lp_prior_free(prior_built(&q));
  q.normalize = "fan_out";
  lp_prior *p = NULL;
  assert_int_equal(lp_prior_build(&q, &p), LP_ERR_ARG);
  HAS(lp_error_message(), "input unit 0 sends to nobody");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unusable_priors_are_refused),
      cmocka_unit_test(single_zeros_are_right),
      cmocka_unit_test(extents_do_not_wrap),
      cmocka_unit_test(bad_extents_are_refused),
      cmocka_unit_test(zero_columns_matter_to_fan_out),
  };
  return cmocka_run_group_tests(tests, prior_tests_load, prior_tests_shut_down);
}
