/* Penalty `wiring_l1`: the total length of wires, the sum of |w| (k d + l0) over the connections of
 * a layer, where d is the distance of the units that a weight connects (Liu, Gan & Tegmark, Seeing
 * is believing, arXiv 2305.08746, 2023). Its gradient is sign(w) (k d + l0).
 *
 * The published code takes means over weights and over biases, each of which costs l0:
 * reduce=mean,bias=1.
 *
 * d comes as the prior `distance`, P = d: on lattices a table of offsets, else a matrix. Filters
 * and a GRU's blocks are summed over. Time: as much as reading the weights a few times. */
#include "build.h"

enum { K, L0, BIAS, REDUCE, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [K] = {"k", LP_PARAM_REAL, 1, 0, 1e9, NULL, "cost of a wire per unit of its length"},
    [L0] = {"l0", LP_PARAM_REAL, 1, 0, 1e9, NULL, "cost of a wire of length 0"},
    [BIAS] = {"bias", LP_PARAM_INT, 0, 0, 1, NULL, "1: a unit's bias costs l0, too"},
    [REDUCE] = REDUCE_PARAM,
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
};

static lp_val scaled_sum(const builder *b, double factor, lp_val x) {
  return affine(b, factor, one(b, LP_OP_SUM, x), 0);
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const builder b = {self, g, req};
  wires w;
  const double k = args[K].value, l0 = args[L0].value;
  double of_bias = 1;
  lp_desc biases;
  lp_status s = wires_of(&b, weight, &args[REDUCE], &args[TOPOLOGY], &args[METRIC], &w);
  if (s != LP_OK) return s;
  const lp_val size = one(&b, LP_OP_ABS, weight);
  const lp_val length = scaled_sum(&b, w.factor * k, times_distance(&b, &w.d, size));
  *scalar = two(&b, LP_OP_ADD, length, scaled_sum(&b, w.factor * l0, size));
  if (args[BIAS].value == 0) return finish(&b, *scalar);
  if (!req->bias.id) return b.host->fail(LP_ERR_ARG, "bias=1: the layer has no bias");
  s = b.host->shape(g, req->bias, &biases);
  if (s == LP_OK) s = reduction(&b, args[REDUCE].text, (double)lp_numel(&biases), &of_bias);
  if (s != LP_OK) return s;
  const lp_val cost = scaled_sum(&b, of_bias * l0, one(&b, LP_OP_ABS, req->bias));
  *scalar = two(&b, LP_OP_ADD, *scalar, cost);
  return finish(&b, *scalar);
}

PENALTY(wiring_l1, "wiring-l1", "length of wires: sum of |w| (k d + l0)",
        "Liu, Gan & Tegmark, Seeing is believing, arXiv 2305.08746, 2023", NULL)
