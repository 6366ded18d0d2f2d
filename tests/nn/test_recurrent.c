/* Recurrent layers: gradients through time against finite differences, and what unrolling costs.
 * LOCALITY_TEST_DEVICES names the device. */
#include "gradient.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

static const char *device(void) {
  const char *name = getenv("LOCALITY_TEST_DEVICES");
  return name ? name : "cpu";
}

/* A network with one recurrent layer: output=all feeds every step to the classes. */
static lp_netspec *network(const char *cell, const char *cost, bool all, const char *sheet) {
  char text[400];
  lp_netspec *n;
  snprintf(text, sizeof text,
           "input: {size: 9}\nlayers:\n  - sequence\n"
           "  - rec: {layer: 'recurrent:cell=%s,cost=%s,output=%s', sheet: %s}\n%s"
           "  - out: linear:units=$classes\n",
           cell, cost, all ? "all" : "last", sheet, all ? "  - flatten\n" : "");
  ok(lp_netspec_parse(text, "recurrent.yaml", &n));
  return n;
}

/* Nine steps of nine pixels and two channels, into a sheet of odd sides: without a prior, of which
 * the classes see the last step, and with one, of which they see all. A ReLU's kinks are what its
 * tolerance allows for. */
static void gradient_through_time(void **state) {
  (void)state;
  static const char *const cell[] = {"relu", "tanh", "gru"};
  for (int k = 0; k < 3; k++)
    for (int prior = 0; prior < 2; prior++) {
      model m;
      lp_netspec *n = network(cell[k], prior ? "linear" : "", prior, "3x5");
      printf("%s, %s: ", cell[k], prior ? "prior, all steps" : "no prior, last step");
      open_model(&m, device(), n, 9, 2, 7);
      check_gradients(&m, k ? 8e-3f : 3e-4f, k ? 5e-4 : 5e-3);
      close_model(&m);
      lp_netspec_free(n);
    }
}

/* What a training step of the network takes on images of `steps` rows. */
static void cost_of(const lp_netspec *n, uint32_t steps, uint32_t *values, lp_plan_info *info) {
  lp_net_spec spec = {.network = n,
                      .classes = CLASSES,
                      .in_channels = 1,
                      .in_h = steps,
                      .in_w = 28,
                      .pixels = {1, 1, {0}, {1}},
                      .dropout = -1,
                      .dropout2d = -1};
  const lp_optim_spec sgd = lp_optim_defaults(LP_OPT_SGD);
  lp_session *s;
  lp_graph *g;
  lp_net net;
  lp_val token[LP_OPTIM_TOKENS];
  uint32_t n_tokens;
  lp_plan *plan;
  ok(lp_session_open(device(), 1, &s));
  ok(lp_graph_new("unrolled", &g));
  ok(lp_net_build(&spec, g, 32, LP_TRAIN, 0, &net));
  ok(lp_optim_build(&sgd, g, net.loss, token, LP_OPTIM_TOKENS, &n_tokens));
  ok(lp_plan_create(s, g, token, n_tokens, &(lp_plan_options){.dry_run = true}, &plan));
  *values = lp_graph_value_count(g);
  lp_plan_get_info(plan, info);
  lp_plan_free(plan);
  lp_net_free(&net);
  lp_graph_free(g);
  lp_session_close(s);
}

/* Each step adds the same number of values and of steps of the plan, and as much memory: what 14
 * more of them take is twice what 7 more do. Where dead memory is used again, how well that goes
 * varies with the sizes; the square of the steps would give 4. */
static void linear_in_steps(void **state) {
  (void)state;
  static const char *const cell[] = {"tanh", "gru"};
  for (int k = 0; k < 2; k++)
    for (int all = 0; all < 2; all++) {
      lp_netspec *n = network(cell[k], "linear", all, "8x8");
      uint32_t values[3];
      lp_plan_info i[3];
      double more[2], packed[2];
      for (uint32_t t = 0; t < 3; t++) cost_of(n, 7u << t, &values[t], &i[t]);
      for (int t = 0; t < 2; t++) {
        more[t] = (double)i[t + 1].transient_unplanned - (double)i[t].transient_unplanned;
        packed[t] = (double)i[t + 1].transient_bytes - (double)i[t].transient_bytes;
      }
      assert_int_equal(values[2] - values[1], 2 * (values[1] - values[0]));
      assert_int_equal(i[2].steps - i[1].steps, 2 * (i[1].steps - i[0].steps));
      assert_true(more[0] > 0 && packed[0] > 0);
      assert_float_equal(more[1] / more[0], 2, 0.05);
      assert_true(packed[1] / packed[0] < 2.5);
      lp_netspec_free(n);
    }
}

/* init=orthogonal: W'W is the unit matrix; input weights are within Glorot's bound and reach
 * towards it; biases are 0. */
static void orthogonal_start(void **state) {
  (void)state;
  enum { UNITS = 15, IN = 9 };
  static float w[3 * UNITS * UNITS], in[3 * UNITS * IN], bias[3 * UNITS];
  for (int gru = 0; gru < 2; gru++) {
    const uint32_t rows = gru ? 3 * UNITS : UNITS;
    lp_netspec *n = network(gru ? "gru" : "relu", "", false, "3x5"), *orthogonal;
    model m;
    ok(lp_netspec_with(n, "rec.init", "orthogonal", &orthogonal));
    open_model(&m, device(), orthogonal, 9, 1, 2);
    ok(lp_session_read(m.session, "rec.weight_hh", w, rows * UNITS * sizeof *w));
    ok(lp_session_read(m.session, "rec.weight_ih", in, rows * IN * sizeof *in));
    ok(lp_session_read(m.session, "rec.bias_hh", bias, rows * sizeof *bias));
    close_model(&m);
    for (uint32_t a = 0; a < UNITS; a++)
      for (uint32_t b = 0; b < UNITS; b++) {
        double sum = 0;
        for (uint32_t r = 0; r < rows; r++)
          sum += (double)w[r * UNITS + a] * (double)w[r * UNITS + b];
        assert_float_equal(sum, a == b, 1e-6);
      }
    const float bound = sqrtf(6.0f / (float)(rows + IN));
    float most = 0;
    for (uint32_t i = 0; i < rows * IN; i++) most = fmaxf(most, fabsf(in[i]));
    assert_true(most < bound && most > 0.9f * bound);
    for (uint32_t i = 0; i < rows; i++) assert_true(bias[i] == 0);
    lp_netspec_free(orthogonal);
    lp_netspec_free(n);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradient_through_time),
      cmocka_unit_test(linear_in_steps),
      cmocka_unit_test(orthogonal_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
