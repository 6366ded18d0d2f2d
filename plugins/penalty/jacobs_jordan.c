/* Penalty `jacobs_jordan`: long wires cost, and the more the larger their weight, up to a bound:
 * the sum of d^2 w^2 / (1 + w^2), d the distance of the units that w connects (Jacobs & Jordan,
 * Computational consequences of a bias toward short connections, J Cogn Neurosci 4(4), 1992; as in
 * Blauch, Behrmann & Plaut, PNAS 2022). Time: as much as reading the weights a few times. */
#include "build.h"

enum { REDUCE, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [REDUCE] = REDUCE_PARAM,
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const builder b = {self, g, req};
  wires w;
  lp_status s = wires_of(&b, weight, &args[REDUCE], &args[TOPOLOGY], &args[METRIC], &w);
  if (s != LP_OK) return s;
  const lp_val square = one(&b, LP_OP_SQUARE, weight);
  const lp_val bounded = two(&b, LP_OP_DIV, square, affine(&b, 1, square, 1));
  const lp_val cost = times_distance(&b, &w.d, times_distance(&b, &w.d, bounded));
  *scalar = affine(&b, w.factor, one(&b, LP_OP_SUM, cost), 0);
  return finish(&b, *scalar);
}

PENALTY(jacobs_jordan, "jacobs-jordan", "long wires of large weights: sum of d^2 w^2 / (1 + w^2)",
        "Jacobs & Jordan, J Cogn Neurosci, 1992", NULL)
