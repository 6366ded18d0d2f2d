/* Penalty `wiring_l1`: the total length of wires, the sum of |w| (k d + l0) over the connections of
 * a layer, where d is the distance of the units that a weight connects (Liu, Gan & Tegmark, Seeing
 * is believing, arXiv 2305.08746, 2023). Its gradient is sign(w) (k d + l0).
 *
 * d comes as the prior `distance`, P = d: on lattices a table of offsets, else a matrix. Filters
 * and a GRU's blocks are summed over. Time: as much as reading the weights a few times. */
#include "build.h"

enum { K, L0, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [K] = {"k", LP_PARAM_REAL, 1, 0, 1e9, NULL, "cost of a wire per unit of its length"},
    [L0] = {"l0", LP_PARAM_REAL, 1, 0, 1e9, NULL, "cost of a wire of length 0"},
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
  distances d;
  uint32_t rows = 0, cols = 0;
  lp_status s = weight_shape(&b, weight, &rows, &cols);
  if (s == LP_OK) s = distances_of(&b, args[TOPOLOGY].text, args[METRIC].text, &d);
  if (s != LP_OK) return s;
  const lp_val size = one(&b, LP_OP_ABS, weight);
  const lp_val length = scaled_sum(&b, args[K].value, times_distance(&b, &d, size));
  *scalar = two(&b, LP_OP_ADD, length, scaled_sum(&b, args[L0].value, size));
  return finish(&b, *scalar);
}

PENALTY(wiring_l1, "wiring-l1", "length of wires: sum of |w| (k d + l0)",
        "Liu, Gan & Tegmark, Seeing is believing, arXiv 2305.08746, 2023")
