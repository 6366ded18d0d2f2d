/* Penalty `sernn`: long wires cost, and the more the better they can be reached in the network: the
 * sum of |w| d C over the connections of a recurrent layer, with the weighted communicability
 * C = expm(S^-1/2 |W| S^-1/2), S the row sums of |W|, through which the gradient flows (Achterberg,
 * Akarca, Strouse, Duncan & Astle, Nature Machine Intelligence, 2023). C's diagonal does not count,
 * as no unit is at a distance from itself.
 *
 * S^-1/2 |W| S^-1/2 has the powers of S^-1 |W|, a matrix of probabilities, between diagonal
 * matrices: no power grows, so the series of expm is as exact as f32 after 12 terms. That
 * polynomial takes 4 products of n x n (Bader, Blanes & Casas, Mathematics 7(12), 2019). Time:
 * O(n^3) a step, which suits layers of hundreds of units. */
#include "build.h"

enum { REDUCE, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [REDUCE] = REDUCE_PARAM,
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
};

static lp_val product(const builder *b, lp_val x, lp_val y) {
  return two(b, LP_OP_LINEAR_DX, x, y);
}

/* The sum of the powers m^0 .. m^3, each times its factor. */
static lp_val combined(const builder *b, const lp_val power[4], const double factor[4]) {
  lp_val sum = affine(b, factor[3], power[3], 0);
  for (int k = 2; k >= 0; k--)
    if (factor[k] != 0) sum = two(b, LP_OP_ADD, sum, affine(b, factor[k], power[k], 0));
  return sum;
}

/* expm(m): the sum of m^k / k! to k = 12 as B1 + (B2 + B3 + B4^2) (B3 + B4^2), B of degree 3. */
static lp_val exponential(const builder *b, lp_val m, lp_val identity) {
  static const double factor[4][4] = {
      {-0.0186023205146205532, -0.00500702322573317731, -0.573420122960522264,
       -0.133399693943892060},
      {4.6, 0.992875103538486836, -0.132445561052799639, 0.0017299},
      {0.211693118299809443, 0.158224384715726725, 0.165635169436727415, 0.0107862779315792425},
      {0, -0.131810610138301840, -0.0202785554058925908, -0.00675951846863086360}};
  const lp_val square = product(b, m, m);
  const lp_val power[4] = {identity, m, square, product(b, square, m)};
  lp_val part[4];
  for (int i = 0; i < 4; i++) part[i] = combined(b, power, factor[i]);
  const lp_val six = two(b, LP_OP_ADD, product(b, part[3], part[3]), part[2]);
  return two(b, LP_OP_ADD, product(b, two(b, LP_OP_ADD, six, part[1]), six), part[0]);
}

/* |W| d C summed, of one n x n block. */
static lp_val block_cost(const builder *b, const distances *d, lp_val w, lp_val identity,
                         uint32_t n) {
  const lp_val size = one(b, LP_OP_ABS, w);
  /* A unit without wires has row sum 0: the bound keeps 0 / 0 away. */
  const lp_val strength = affine(b, 1, row_sums(b, size, n), 1e-12);
  const lp_val both = two(b, LP_OP_LINEAR, strength, strength); /* (i, j): of i times of j */
  const lp_val m = two(b, LP_OP_DIV, size, one(b, LP_OP_SQRT, both));
  const lp_val reached = exponential(b, m, identity);
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
  const lp_val identity = kept_identity(&b, cols);
  lp_val sum = LP_NO_VAL; /* over the gates of a GRU; else there is one block */
  for (uint32_t begin = 0; begin < rows; begin += cols) {
    const lp_val w = rows == cols ? weight : slice(&b, weight, 0, begin, cols);
    const lp_val cost = block_cost(&b, &all.d, w, identity, cols);
    sum = sum.id ? two(&b, LP_OP_ADD, sum, cost) : cost;
  }
  *scalar = affine(&b, all.factor, sum, 0);
  return finish(&b, *scalar);
}

PENALTY(sernn, "sernn", "long wires between units that communicate well: sum of |w| d C",
        "Achterberg et al., Nature Machine Intelligence, 2023", NULL)
