/* Layer `locality`: a fully connected layer whose weights carry the locality prior,
 * y = x (P o W)^T + b (Sax, "Locality Prior: a wiring cost for neural networks", 2017).
 *
 * What the prior costs beside a plain layer of n_out x n_in weights. On lattices, one side of each
 * axis a multiple of the other: memory for a table of at most (2R-1)(2S-1) numbers (R x S the finer
 * sheet) and n_out + n_in indices, 96 KiB on 64 x 64 units where the weights take 64 MiB; time, one
 * table look-up and multiplication a weight where the weights are read, and the same where their
 * gradient is written, against 2N multiplications a weight for a batch of N. P o W is never stored.
 * Anywhere else: P itself, as much memory as the weights, read once as often as they are. A prior
 * that is 1 everywhere costs nothing, a permuted one on a large layer what its table would cost
 * without the permutation, and the inputs in another order. Building it takes one distance a table
 * entry (or a pair), and n_out * n_in additions if it is normalised.
 *
 * A prior that is 0 for all but a tenth of the pairs of a large layer: weights, time and memory for
 * those wires alone, at any time, also where the cost tells its reach and the topology what is
 * near. */
#include "weights.h"

enum { TOPOLOGY, COST, METRIC, NORMALIZE };
static const lp_param params[] = {
    [TOPOLOGY] = {"topology", LP_PARAM_STRING, 0, 0, 0, "grid", "where the units stand"},
    [COST] = {"cost", LP_PARAM_STRING, 0, 0, 0, "linear", "wiring cost or prior: power:p=2"},
    [METRIC] = {"metric", LP_PARAM_STRING, 0, 0, 0, "l2", "distance: l2, l1 or linf"},
    [NORMALIZE] = {"normalize", LP_PARAM_STRING, 0, 0, 0, "none",
                   "scale of P: none, fan_in, fan_out or total"},
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  const lp_host *host = self;
  lp_desc weight = lp_f32(req->n_out, req->n_in), bias = lp_f32(req->n_out), y;
  lp_val wires[LP_SPARSE_INPUTS] = {in};
  bool local = false;
  lp_status s = host->wires(g, req, args[TOPOLOGY].text, args[COST].text, args[METRIC].text,
                            args[NORMALIZE].text, wires, &local);
  if (s == LP_OK && local) {
    lp_desc columns;
    s = host->shape(g, wires[LP_SPARSE_COLUMNS], &columns);
    if (s != LP_OK) return s;
    weight = lp_f32(columns.dim[0]);
    wires[1] = make_param(host, g, req, LP_ROLE_WEIGHT, "weight", &weight);
    wires[2] = make_param(host, g, req, LP_ROLE_BIAS, "bias", &bias);
    *out = host->apply(g, LP_OP_SPARSE_LINEAR, NULL, wires, LP_SPARSE_INPUTS);
    return host->shape(g, *out, &y);
  }
  if (s != LP_OK) return s;
  lp_val operands[LP_LINEAR_INPUTS] = {in,
                                       make_param(host, g, req, LP_ROLE_WEIGHT, "weight", &weight),
                                       make_param(host, g, req, LP_ROLE_BIAS, "bias", &bias)};
  lp_op_params op = {0};
  s = host->linear_prior(g, req, args[TOPOLOGY].text, args[COST].text, args[METRIC].text,
                         args[NORMALIZE].text, operands, &op.linear);
  if (s != LP_OK) return s;
  *out = host->apply(g, LP_OP_LINEAR, &op, operands, LP_LINEAR_INPUTS);
  return host->shape(g, *out, &y); /* the graph's first error, if there is one */
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layer = {
      .struct_size = sizeof layer,
      .name = "locality",
      .summary = "fully connected, weights multiplied by a prior that fades with distance",
      .source = "Sax, Locality Prior: a wiring cost for neural networks, 2017",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
  };
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-locality", "1.0", "Apache-2.0", "the locality prior layer", init, NULL)
