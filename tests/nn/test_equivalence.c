/* Decay of weights under a prior, and the penalty on a plain layer's weights that equals it: both
 * trained for 100 steps. V = P o W moves by P^2 times its gradient in one, so that is what the
 * other is moved by. LOCALITY_TEST_DEVICES names the device. */
#include <locality/exec.h>
#include <locality/graph.h>
#include <locality/nn.h>
#include <locality/prior.h>
#include <locality/registry.h>
#include <locality/rng.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

enum { ROWS = 3, COLS = 5, N = ROWS * COLS, BATCH = 20, STEPS = 100 };
#define RATE  0.05
#define DECAY 0.02

static void ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s", lp_error_message());
}

static const struct {
  const char *cost, *topology, *normalize;
  lp_decay decay;
  const char *penalty;
} cases[] = {
    {"linear", "grid", "none", LP_DECAY_L2, "prior_decay"},
    {"linear", "grid", "none", LP_DECAY_L1, "wiring_l1"}, /* 1 / P = 1 + d: the length of wires */
    {"linear", "grid", "none", LP_DECAY_L1, "prior_decay:order=1"},
    {"power:p=2", "torus", "fan_in", LP_DECAY_L2,
     "prior_decay:cost=(power:p=2),topology=torus,normalize=fan_in"},
    {"exponential:lambda=0.3", "hex", "none", LP_DECAY_L2,
     "prior_decay:cost=(exponential:lambda=0.3),topology=hex"},
    {"gaussian:sigma=2", "ring", "total", LP_DECAY_L1,
     "prior_decay:order=1,cost=(gaussian:sigma=2),topology=ring,normalize=total"},
    {"uniform", "grid", "none", LP_DECAY_L2, "prior_decay:cost=uniform"},
};

static float x[BATCH * N], wanted[BATCH * N], w0[N * N];

static void make_problem(void) {
  lp_rng r = lp_rng_make(5, "test/equivalence");
  for (int i = 0; i < BATCH * N; i++) x[i] = (float)(2 * lp_rng_double(&r) - 1);
  for (int i = 0; i < BATCH * N; i++) wanted[i] = (float)(2 * lp_rng_double(&r) - 1);
  for (int i = 0; i < N * N; i++) w0[i] = (float)(lp_rng_double(&r) - 0.5);
}

static lp_prior *prior_of(size_t k) {
  const lp_prior_spec spec = {.n_out = N,
                              .n_in = N,
                              .extent_out = {ROWS, COLS},
                              .extent_in = {ROWS, COLS},
                              .cost = cases[k].cost,
                              .topology = cases[k].topology,
                              .normalize = cases[k].normalize};
  lp_prior_spec in_a_row = spec;
  if (strcmp(spec.topology, "ring") == 0) { /* of one axis */
    memset(in_a_row.extent_out, 0, sizeof spec.extent_out);
    memset(in_a_row.extent_in, 0, sizeof spec.extent_in);
  }
  lp_prior *p;
  ok(lp_prior_build(&in_a_row, &p));
  return p;
}

/* Mean squared error of the layer with these operands. */
static lp_val loss_of(lp_graph *g, const lp_val operands[LP_LINEAR_INPUTS],
                      const lp_op_params *params) {
  const lp_desc d = lp_f32(BATCH, N);
  const lp_val y = lp_apply(g, LP_OP_LINEAR, params, operands, LP_LINEAR_INPUTS);
  const lp_val pair[] = {y, lp_graph_constant(g, "wanted", &d, wanted)};
  lp_val e = lp_apply(g, LP_OP_SUB, NULL, pair, 2);
  e = lp_apply(g, LP_OP_SQUARE, NULL, &e, 1);
  e = lp_apply(g, LP_OP_SUM, NULL, &e, 1);
  const lp_op_params mean = {.scale = {1.0f / BATCH, 0}};
  return lp_apply(g, LP_OP_SCALE, &mean, &e, 1);
}

static lp_val with_penalty(lp_graph *g, const char *text, double weight, lp_val v, lp_val loss) {
  const lp_layer_request req = {.struct_size = sizeof req,
                                .n_in = N,
                                .n_out = N,
                                .extent_in = {ROWS, COLS},
                                .extent_out = {ROWS, COLS},
                                .path = "l.penalty",
                                .mode = LP_TRAIN};
  lp_layer_request in_a_row = req;
  if (strstr(text, "ring")) {
    memset(in_a_row.extent_out, 0, sizeof req.extent_out);
    memset(in_a_row.extent_in, 0, sizeof req.extent_in);
  }
  lp_spec spec;
  lp_val term;
  ok(lp_spec_parse(LP_KIND_PENALTY, text, &spec));
  const lp_penalty *row = spec.entry->descriptor;
  ok(row->build(row->self, spec.args + LP_PENALTY_PARAMS, g, &in_a_row, v, LP_NO_VAL, &term));
  lp_spec_free(&spec);
  const lp_op_params scale = {.scale = {(float)weight, 0}};
  const lp_val sum[] = {loss, lp_apply(g, LP_OP_SCALE, &scale, &term, 1)};
  return lp_apply(g, LP_OP_ADD, NULL, sum, 2);
}

/* Trains; out: the weights after the last step. penalty: NULL for decay under the prior. */
static void train(size_t k, const lp_prior *p, const char *penalty, double weight, float *out) {
  const char *device = getenv("LOCALITY_TEST_DEVICES");
  float start[N * N];
  for (uint32_t i = 0; i < N * N; i++)
    start[i] = penalty ? (float)(lp_prior_at(p, i / N, i % N) * (double)w0[i]) : w0[i];
  lp_session *s;
  lp_graph *g;
  lp_plan *plan;
  ok(lp_session_open(device ? device : "cpu", 1, &s));
  ok(lp_graph_new("equivalence", &g));
  const lp_desc dx = lp_f32(BATCH, N), dw = lp_f32(N, N);
  const lp_init init = {LP_INIT_DATA, 0, start};
  const lp_val w = lp_graph_leaf(g, LP_ROLE_WEIGHT, "w", &dw, &init);
  lp_val prior[LP_LINEAR_INPUTS] = {lp_graph_constant(g, "x", &dx, x), w}, plain[LP_LINEAR_INPUTS];
  memcpy(plain, prior, sizeof plain);
  lp_op_params params = {0}, none = {0};
  ok(lp_prior_operands(p, g, "l", prior, &params.linear));
  lp_val token[2];
  uint32_t n = 1;
  if (!penalty) {
    lp_optim_spec optim = lp_optim_defaults(LP_OPT_SGD);
    optim.decay = (float)weight;
    optim.decay_kind = cases[k].decay;
    ok(lp_optim_build(&optim, g, loss_of(g, prior, &params), token, 2, &n));
  } else {
    const lp_val loss = with_penalty(g, penalty, weight, w, loss_of(g, plain, &none));
    lp_val grad;
    ok(lp_grad(g, loss, &w, 1, &grad));
    for (int twice = 0; twice < 2 && strcmp(cases[k].cost, "uniform") != 0; twice++) {
      lp_val in[LP_LINEAR_INPUTS];
      memcpy(in, prior, sizeof in);
      in[0] = grad, in[1] = in[2] = LP_NO_VAL;
      grad = lp_apply(g, LP_OP_PRIOR, &params, in, LP_LINEAR_INPUTS);
    }
    const lp_op_params sgd = {.optim = {.lr_scale = 1}};
    token[0] = lp_apply(g, LP_OP_SGD, &sgd, (const lp_val[]){w, grad, LP_NO_VAL}, 3);
  }
  ok(lp_graph_status(g));
  ok(lp_plan_create(s, g, token, n, NULL, &plan));
  for (uint64_t i = 0; i < STEPS; i++)
    ok(lp_plan_run(plan, &(lp_run){.iteration = i, .scalars = {[LP_SCALAR_LR] = RATE}}));
  ok(lp_session_read(s, "w", out, sizeof start));
  lp_plan_free(plan);
  lp_graph_free(g);
  lp_session_close(s);
}

/* The largest difference of V from P o W, in the largest of V. */
static double apart(const lp_prior *p, const float *w, const float *v) {
  double most = 0, largest = 0;
  for (uint32_t i = 0; i < N * N; i++) {
    const double own = lp_prior_at(p, i / N, i % N) * (double)w[i];
    most = fmax(most, fabs(own - (double)v[i]));
    largest = fmax(largest, fabs(own));
  }
  return most / largest;
}

static void equivalent(void **state) {
  (void)state;
  make_problem();
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    float w[N * N], v[N * N], without[N * N];
    lp_prior *p = prior_of(k);
    train(k, p, NULL, DECAY, w);
    train(k, p, cases[k].penalty, DECAY, v);
    train(k, p, cases[k].penalty, 0, without);
    printf("%s on %s, %s: %.1e apart; without the penalty %.1e\n", cases[k].cost, cases[k].topology,
           cases[k].penalty, apart(p, w, v), apart(p, w, without));
    /* Of order 1, a weight crosses 0 a step sooner in one form where rounding has it so. */
    assert_true(apart(p, w, v) < (cases[k].decay == LP_DECAY_L1 ? 2 * RATE * DECAY : 1e-5));
    assert_true(apart(p, w, without) > 0.01);
    lp_prior_free(p);
  }
}

int main(void) {
  if (lp_registry_load() != LP_OK) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(equivalent)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
