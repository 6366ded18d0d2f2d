/* Penalty `cosine_neighbour`: neighbours should have like weights: (1 - mean cosine of the incoming
 * weights of neighbouring units) / 2, over pairs along each axis of the sheet (Lu et al., Nature
 * Human Behaviour, 2025). 0 where all neighbours agree, 1/2 where they have nothing in common.
 * Time: as much as reading the weights a few times. */
#include "build.h"

enum { TOPOLOGY };
static const lp_param params[] = {
    [TOPOLOGY] = {"topology", LP_PARAM_STRING, 0, 0, 0, "grid",
                  "grid, or torus: ends are neighbours"},
};

/* The sum of products of `length` units from place `from` of axis 1 and those from place `to`. */
static lp_val pairs(const builder *b, lp_val x, uint32_t from, uint32_t to, uint32_t length) {
  const lp_val mul = two(b, LP_OP_MUL, slice(b, x, 1, from, length), slice(b, x, 1, to, length));
  return one(b, LP_OP_SUM, mul);
}

static lp_val added(const builder *b, lp_val sum, lp_val term) {
  return sum.id ? two(b, LP_OP_ADD, sum, term) : term;
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const builder b = {self, g, req};
  uint32_t rows = 0, cols = 0;
  lp_status s = weight_shape(&b, weight, &rows, &cols);
  if (s != LP_OK) return s;
  const bool torus = strcmp(args[TOPOLOGY].text, "torus") == 0;
  if (!torus && strcmp(args[TOPOLOGY].text, "grid") != 0)
    return b.host->fail(LP_ERR_ARG, "topology=%s: it is grid or torus", args[TOPOLOGY].text);
  if (!req->extent_out[0])
    return b.host->fail(LP_ERR_ARG, "the layer's units stand on no sheet; give it a `sheet:`");
  const lp_val w = unit_rows(&b, reshape(&b, weight, rows, cols), cols);
  lp_val sum = LP_NO_VAL;
  double n = 0;
  uint32_t outer = rows / req->n_out, inner = req->n_out; /* blocks of a GRU count one by one */
  for (uint32_t a = 0; a < LP_MAX_AXES && req->extent_out[a]; a++) {
    const uint32_t extent = req->extent_out[a];
    inner /= extent;
    const lp_op_params shape = {.shape = {3, {outer, extent, inner * cols}}};
    const lp_val x = b.host->apply(g, LP_OP_RESHAPE, &shape, &w, 1);
    const double lines = (double)outer * inner;
    if (extent > 1) {
      sum = added(&b, sum, pairs(&b, x, 0, 1, extent - 1));
      n += lines * (extent - 1);
    }
    if (torus && extent > 2) { /* two places have one pair */
      sum = added(&b, sum, pairs(&b, x, extent - 1, 0, 1));
      n += lines;
    }
    outer *= extent;
  }
  if (!sum.id) return b.host->fail(LP_ERR_ARG, "one unit has no neighbours");
  *scalar = affine(&b, -0.5 / n, sum, 0.5);
  return finish(&b, *scalar);
}

PENALTY(cosine_neighbour, "cosine-neighbour",
        "neighbours with unlike weights: (1 - mean cosine) / 2",
        "Lu et al., Nature Human Behaviour, 2025", NULL)
