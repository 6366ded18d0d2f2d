/* Penalty `sernn`: long wires cost, and the more the better they can be reached in the network: the
 * sum of |w| d C over the connections of a recurrent layer, with the weighted communicability
 * C = expm(S^-1/2 |W| S^-1/2), S the row sums of |W|, through which the gradient flows (Achterberg,
 * Akarca, Strouse, Duncan & Astle, Nature Machine Intelligence, 2023). C's diagonal does not count,
 * as no unit is at a distance from itself.
 *
 * S^-1/2 |W| S^-1/2 has the powers of S^-1 |W|, a matrix of probabilities, between diagonal
 * matrices: no power grows, so the series of expm is as exact as f32 after 11 terms. It is
 * evaluated in groups of three (Paterson & Stockmeyer, SIAM J Comput 2(1), 1973): 5 products of n x
 * n. Time: O(n^3) a step, which suits layers of hundreds of units. */
#include "build.h"

enum { REDUCE, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [REDUCE] = REDUCE_PARAM,
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
};

enum { GROUP = 3, GROUPS = 4 };

static lp_val product(const builder *b, lp_val x, lp_val y) {
  return two(b, LP_OP_LINEAR_DX, x, y);
}

/* x v + a */
static lp_val add_scaled(const builder *b, double x, lp_val v, lp_val a) {
  return two(b, LP_OP_ADD, affine(b, x, v, 0), a);
}

/* expm(m) - I: the diagonal counts for nothing here. */
static lp_val exponential(const builder *b, lp_val m) {
  const lp_val power2 = product(b, m, m), power3 = product(b, power2, m);
  double c[GROUP * GROUPS] = {1}; /* 1 / k! */
  for (int k = 1; k < GROUP * GROUPS; k++) c[k] = c[k - 1] / k;
  /* Horner in m^3. A sum follows the step that makes its first operand, so that a plan can do both
   * in one; that is why the last coefficient is taken out of a group. */
  const int last = GROUP * (GROUPS - 1);
  lp_val sum = add_scaled(b, c[last + 1], m, affine(b, c[last + 2], power2, 0));
  for (int k = last - GROUP; k >= 0; k -= GROUP) {
    const lp_val two_powers = add_scaled(b, c[k + 2] / c[k + 3], power2, power3);
    const lp_val terms = affine(b, c[k + 3], add_scaled(b, c[k + 1] / c[k + 3], m, two_powers), 0);
    sum = two(b, LP_OP_ADD, product(b, power3, sum), terms);
  }
  return sum;
}

/* |W| d C summed, of one n x n block. */
static lp_val block_cost(const builder *b, const distances *d, lp_val w, uint32_t n) {
  const lp_val size = one(b, LP_OP_ABS, w);
  /* A unit without wires has row sum 0: the bound keeps 0 / 0 away. */
  const lp_val root = one(b, LP_OP_SQRT, affine(b, 1, row_sums(b, size, n), 1e-12));
  const lp_val inverse = two(b, LP_OP_DIV, ones(b, n, 1), root);
  const lp_val both = two(b, LP_OP_LINEAR, inverse, inverse); /* (i, j): of i times of j */
  const lp_val reached = exponential(b, two(b, LP_OP_MUL, size, both));
  return one(b, LP_OP_SUM, times_distance(b, d, two(b, LP_OP_MUL, size, reached)));
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const builder b = {self, g, req};
  wires all;
  lp_status s = wires_of(&b, weight, &args[REDUCE], &args[TOPOLOGY], &args[METRIC], &all);
  if (s != LP_OK) return s;
  const uint32_t rows = all.rows, cols = all.cols;
  if (rows % cols || req->n_in != cols || req->n_out != cols)
    return b.host->fail(LP_ERR_ARG,
                        "it is about wires among the units of one sheet; the weights are "
                        "%u x %u between %u and %u units",
                        rows, cols, req->n_in, req->n_out);
  lp_val sum = LP_NO_VAL; /* over the gates of a GRU; else there is one block */
  for (uint32_t begin = 0; begin < rows; begin += cols) {
    const lp_val w = rows == cols ? weight : slice(&b, weight, 0, begin, cols);
    const lp_val cost = block_cost(&b, &all.d, w, cols);
    sum = sum.id ? two(&b, LP_OP_ADD, sum, cost) : cost;
  }
  *scalar = affine(&b, all.factor, sum, 0);
  return finish(&b, *scalar);
}

PENALTY(sernn, "sernn", "long wires between units that communicate well: sum of |w| d C",
        "Achterberg et al., Nature Machine Intelligence, 2023", NULL)
