/* Penalty `wiring_l1`: the total length of wires, the sum of |w| (k d + l0) over the connections of
 * a layer, where d is the distance of the units that a weight connects (Liu, Gan & Tegmark, Seeing
 * is believing, arXiv 2305.08746, 2023). Its gradient is sign(w) (k d + l0).
 *
 * d comes as the prior `distance`, P = d: on lattices a table of offsets, else a matrix. Filters
 * and a GRU's blocks are summed over. Time: as much as reading the weights a few times. */
#include <locality/plugin.h>

enum { K, L0, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [K] = {"k", LP_PARAM_REAL, 1, 0, 1e9, NULL, "cost of a wire per unit of its length"},
    [L0] = {"l0", LP_PARAM_REAL, 1, 0, 1e9, NULL, "cost of a wire of length 0"},
    [TOPOLOGY] = {"topology", LP_PARAM_STRING, 0, 0, 0, "grid", "where the units stand"},
    [METRIC] = {"metric", LP_PARAM_STRING, 0, 0, 0, "l2", "distance: l2, l1 or linf"},
};

static lp_val one(const lp_host *host, lp_graph *g, lp_op op, lp_val x) {
  return host->apply(g, op, NULL, &x, 1);
}

static lp_val scaled_sum(const lp_host *host, lp_graph *g, double factor, lp_val x) {
  lp_op_params op = {.scale = {(float)factor, 0}};
  lp_val sum = one(host, g, LP_OP_SUM, x);
  return host->apply(g, LP_OP_SCALE, &op, &sum, 1);
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const lp_host *host = self;
  lp_desc d;
  if (!weight.id) return host->fail(LP_ERR_ARG, "the layer has no weights whose wires could cost");
  lp_val in[LP_LINEAR_INPUTS] = {one(host, g, LP_OP_ABS, weight)};
  lp_op_params op = {0};
  lp_status s = host->prior(g, req, args[TOPOLOGY].text, "distance", args[METRIC].text, "none", in,
                            &op.linear);
  if (s != LP_OK) return s;
  const bool all_one = !in[LP_PRIOR_TABLE].id && !in[LP_PRIOR_DENSE].id; /* every distance */
  lp_val length = all_one ? in[0] : host->apply(g, LP_OP_PRIOR, &op, in, LP_LINEAR_INPUTS);
  const lp_val terms[] = {scaled_sum(host, g, args[K].value, length),
                          scaled_sum(host, g, args[L0].value, in[0])};
  *scalar = host->apply(g, LP_OP_ADD, NULL, terms, 2);
  return host->shape(g, *scalar, &d); /* the graph's first error, if there is one */
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_penalty penalty = {
      .struct_size = sizeof penalty,
      .name = "wiring_l1",
      .summary = "length of wires: sum of |w| (k d + l0)",
      .source = "Liu, Gan & Tegmark, Seeing is believing, arXiv 2305.08746, 2023",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
  };
  return h->add_penalty(r, &penalty);
}

LP_PLUGIN("penalty-wiring-l1", "1.0", "Apache-2.0", "penalty: length of wires", init, NULL)
