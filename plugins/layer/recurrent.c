/* Layer `recurrent`: a recurrent layer unrolled over the steps of a sequence, from a state of 0:
 *
 * relu, tanh (Elman, Cognitive Science 1990): h_t = f(W_ih x_t + b_ih + V h_(t-1) + b_hh)
 *
 * gru (Cho et al., EMNLP 2014): r, z = sigmoid of the same with their own blocks of rows,
 * n = tanh(W_in x_t + b_in + r * (V_n h_(t-1) + b_hn)), h_t = (1 - z) * n + z * h_(t-1)
 *
 * V = P o W_hh: the prior is between the units of the layer's sheet, the same in each of a GRU's
 * three blocks. Names, the order r, z, n of the blocks and the start, uniform within 1/sqrt(units),
 * are PyTorch's; init=orthogonal starts as Keras does, with orthogonal recurrent weights, uniform
 * input weights within sqrt(6 / (units + inputs)) (Glorot & Bengio, AISTATS 2010) and biases of 0.
 * The input's part of all steps is one product; P o W_hh is made once a pass. Memory
 * and time are linear in the number of steps. */
#include "weights.h"

#include <stdlib.h>
#include <string.h>

enum { CELL, OUTPUT, INIT, TOPOLOGY, COST, METRIC, NORMALIZE };
static const lp_param params[] = {
    [CELL] = {"cell", LP_PARAM_STRING, 0, 0, 0, "tanh", "what a unit computes: relu, tanh or gru"},
    [OUTPUT] = {"output", LP_PARAM_STRING, 0, 0, 0, "last",
                "last: the state after the last step (N, units); all: of every step"},
    [INIT] = {"init", LP_PARAM_STRING, 0, 0, 0, "uniform",
              "uniform within 1/sqrt(units), or orthogonal recurrent weights"},
    PRIOR_PARAM_ROWS(TOPOLOGY, COST, METRIC, NORMALIZE),
};

typedef struct cell {
  const lp_host *host;
  lp_graph *g;
  uint32_t units;
  lp_val inputs;       /* (N, T * rows): what the input adds at every step */
  uint32_t rows;       /* of the weights: units, 3 units for a GRU */
  lp_val weight, bias; /* recurrent */
  lp_op function;
} cell;

static lp_val two(const cell *c, lp_op op, lp_val a, lp_val b) {
  return c->host->apply(c->g, op, NULL, (const lp_val[]){a, b}, 2);
}

static lp_val one(const cell *c, lp_op op, lp_val x) {
  return c->host->apply(c->g, op, NULL, &x, 1);
}

/* Columns begin .. begin + n - 1 of a matrix. */
static lp_val columns(const cell *c, lp_val x, uint32_t begin, uint32_t n) {
  lp_op_params op = {.slice = {1, begin, n}};
  return c->host->apply(c->g, LP_OP_SLICE, &op, &x, 1);
}

static lp_val elman_step(const cell *c, uint32_t t, lp_val h, lp_val from_h) {
  (void)h;
  lp_val from_x = columns(c, c->inputs, t * c->rows, c->units);
  return one(c, c->function, two(c, LP_OP_ADD, from_h, from_x));
}

static lp_val gru_step(const cell *c, uint32_t t, lp_val h, lp_val from_h) {
  const uint32_t u = c->units, x = t * c->rows;
  lp_val gates = two(c, LP_OP_ADD, columns(c, from_h, 0, 2 * u), columns(c, c->inputs, x, 2 * u));
  gates = one(c, LP_OP_SIGMOID, gates);
  lp_val r = columns(c, gates, 0, u), z = columns(c, gates, u, u);
  lp_val n = two(c, LP_OP_MUL, columns(c, from_h, 2 * u, u), r);
  n = one(c, LP_OP_TANH, two(c, LP_OP_ADD, n, columns(c, c->inputs, x + 2 * u, u)));
  /* (1 - z) n + z h */
  return two(c, LP_OP_ADD, two(c, LP_OP_MUL, two(c, LP_OP_SUB, h, n), z), n);
}

/* A state of zeros (N, units). */
static lp_val zero_state(const cell *c, const lp_layer_request *req, uint32_t n) {
  const float zero = 0;
  const lp_desc scalar = {LP_F32, 0, {0}};
  lp_val start = make_constant(c->host, c->g, req, "start", &scalar, &zero);
  lp_op_params op = {.shape = {2, {n, c->units}}};
  return c->host->apply(c->g, LP_OP_EXPAND, &op, &start, 1);
}

static lp_status unroll(const cell *c, const lp_layer_request *req, uint32_t n, uint32_t steps,
                        bool all, lp_val *out) {
  lp_val *state = calloc(steps, sizeof *state), h = zero_state(c, req, n);
  if (!state) return c->host->fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t t = 0; t < steps; t++) {
    const lp_val in[] = {h, c->weight, c->bias};
    lp_val from_h = c->host->apply(c->g, LP_OP_LINEAR, NULL, in, 3);
    h = state[t] = (c->rows > c->units ? gru_step : elman_step)(c, t, h, from_h);
  }
  *out = h;
  if (all) {
    lp_op_params join = {.slice = {.axis = 1}};
    lp_op_params op = {.shape = {3, {n, steps, c->units}}};
    *out = c->host->apply(c->g, LP_OP_CONCAT, &join, state, steps);
    *out = c->host->apply(c->g, LP_OP_RESHAPE, &op, out, 1);
  }
  free(state);
  return LP_OK;
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  const lp_host *host = self;
  const char *kind = args[CELL].text, *output = args[OUTPUT].text;
  const bool gru = strcmp(kind, "gru") == 0, tanh = strcmp(kind, "tanh") == 0;
  const bool all = strcmp(output, "all") == 0;
  if (!gru && !tanh && strcmp(kind, "relu") != 0)
    return host->fail(LP_ERR_ARG, "cell=%s: there are relu, tanh and gru", kind);
  if (!all && strcmp(output, "last") != 0)
    return host->fail(LP_ERR_ARG, "output=%s: there are last and all", output);
  lp_desc x;
  lp_status s = host->shape(g, in, &x);
  if (s != LP_OK) return s;
  const uint32_t n = (uint32_t)x.dim[0], steps = (uint32_t)x.dim[1], n_in = (uint32_t)x.dim[2];
  const uint32_t units = req->n_out, rows = gru ? 3 * units : units;
  const bool orthogonal = strcmp(args[INIT].text, "orthogonal") == 0;
  if (!orthogonal && strcmp(args[INIT].text, "uniform") != 0)
    return host->fail(LP_ERR_ARG, "init=%s: there are uniform and orthogonal", args[INIT].text);
  lp_init from_input = {LP_INIT_UNIFORM, 1.0f / sqrtf((float)units), NULL}, recurrent = from_input,
          bias = from_input;
  if (orthogonal) {
    from_input.value = sqrtf(6.0f / (float)(rows + n_in));
    recurrent = (lp_init){LP_INIT_ORTHOGONAL, 1, NULL};
    bias = (lp_init){LP_INIT_CONST, 0, NULL};
  }
  const lp_desc w_ih = lp_f32(rows, n_in), w_hh = lp_f32(rows, units), b = lp_f32(rows);

  lp_op_params flat = {.shape = {2, {n * steps, n_in}}}, beside = {.shape = {2, {n, steps * rows}}};
  lp_val product[] = {host->apply(g, LP_OP_RESHAPE, &flat, &in, 1),
                      make_leaf(host, g, req, LP_ROLE_WEIGHT, "weight_ih", &w_ih, from_input),
                      LP_NO_VAL};
  lp_val weight = make_leaf(host, g, req, LP_ROLE_WEIGHT, "weight_hh", &w_hh, recurrent);
  product[2] = make_leaf(host, g, req, LP_ROLE_BIAS, "bias_ih", &b, bias);
  cell c = {.host = host,
            .g = g,
            .units = units,
            .rows = rows,
            .bias = make_leaf(host, g, req, LP_ROLE_BIAS, "bias_hh", &b, bias),
            .function = tanh ? LP_OP_TANH : LP_OP_RELU};
  c.inputs = host->apply(g, LP_OP_LINEAR, NULL, product, 3);
  c.inputs = host->apply(g, LP_OP_RESHAPE, &beside, &c.inputs, 1);
  lp_layer_request among = *req; /* from the layer's units to the layer's units */
  memcpy(among.extent_in, req->extent_out, sizeof among.extent_in);
  c.weight = make_prior(host, g, &among, units, units, &args[TOPOLOGY], weight);
  s = unroll(&c, req, n, steps, all, out);
  return s == LP_OK ? host->shape(g, *out, &x) : s;
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layer = {
      .struct_size = sizeof layer,
      .name = "recurrent",
      .summary = "recurrent, with a prior between its units if it has a cost",
      .source = "Elman, Finding structure in time, 1990; Cho et al., EMNLP 2014",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
      .flags = LP_LAYER_STEPS,
  };
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-recurrent", "1.0", "Apache-2.0", "recurrent layers", init, NULL)
