/* Penalty `laplacian_pyramid`: weights should be smooth on the sheet: 1 - the mean over units of
 * the cosine between a unit's incoming weights and the same after the sheet was shrunk by `factor`
 * and enlarged again, both by bilinear interpolation between the centres of places (Deb, Deb &
 * Murty, TopoNets, ICLR 2025; as its published code has it). Along each axis both steps are one
 * product with a constant matrix, extent x extent. Time: that of the layer at a batch of both
 * extents together. */
#include "build.h"

#include <math.h>

enum { FACTOR };
static const lp_param params[] = {
    [FACTOR] = {"factor", LP_PARAM_REAL, 3, 1, 1e6, NULL, "how many times the sheet is shrunk"},
};

/* The weights (to, from) with which `to` places are made of `from`; `scale` is the extent of a new
 * place in old ones. Centres of places are matched, not the ends of the sheet. */
static void interpolation(uint32_t from, uint32_t to, double scale, double *m) {
  for (uint32_t i = 0; i < to; i++) {
    const double at = fmax(0, (i + 0.5) * scale - 0.5);
    const uint32_t left = (uint32_t)fmin(floor(at), from - 1.0);
    const uint32_t right = left + 1 < from ? left + 1 : left;
    const double part = fmin(at - left, 1);
    m[(size_t)i * from + left] += 1 - part;
    m[(size_t)i * from + right] += part;
  }
}

/* Shrunk and enlarged again along one axis: n x n. */
static bool blur(uint32_t n, double factor, double *out) {
  if (n == 1) factor = 1; /* nothing to shrink */
  const uint32_t small = (uint32_t)floor(n / factor);
  double *down = calloc(2 * (size_t)n * small, sizeof *down);
  if (!down) return false;
  double *up = down + (size_t)n * small;
  interpolation(n, small, factor, down);
  interpolation(small, n, (double)small / n, up);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++) {
      double sum = 0;
      for (uint32_t k = 0; k < small; k++)
        sum += up[(size_t)i * small + k] * down[(size_t)k * n + j];
      out[(size_t)i * n + j] = sum;
    }
  free(down);
  return true;
}

/* Both steps along an axis of n places, as a matrix n x n of the name `part`. */
static lp_status smooth(const builder *b, const char *part, uint32_t n, double factor,
                        lp_val *out) {
  const size_t count = (size_t)n * n;
  double *exact = calloc(count, sizeof *exact);
  float *m = malloc(count * sizeof *m);
  const bool ok = exact && m && blur(n, factor, exact);
  for (size_t i = 0; ok && i < count; i++) m[i] = (float)exact[i];
  if (ok) *out = matrix(b, part, n, n, m);
  free(m);
  free(exact);
  return ok ? LP_OK : b->host->fail(LP_ERR_MEMORY, "out of memory");
}

/* x (height x width, cols), its rows blurred along both axes of the sheet; m: the matrices, of an
 * axis of 1 place none. Along the second axis it is a convolution of 1 x 1, to which each row of
 * the sheet is an image whose channels are the places of the row. */
static lp_val blurred(const builder *b, lp_val x, const lp_val m[2], uint32_t height,
                      uint32_t width, uint32_t cols) {
  if (height > 1) x = two(b, LP_OP_LINEAR_DX, m[0], reshape(b, x, height, width * cols));
  if (height == 1) return two(b, LP_OP_LINEAR_DX, m[1], x);
  if (width > 1) {
    const lp_op_params images = {.shape = {4, {height, width, cols, 1}}};
    const lp_op_params filters = {.shape = {4, {width, width, 1, 1}}};
    const lp_op_params conv = {.conv = {.stride = 1}};
    const lp_val in[] = {b->host->apply(b->g, LP_OP_RESHAPE, &images, &x, 1),
                         b->host->apply(b->g, LP_OP_RESHAPE, &filters, &m[1], 1)};
    x = b->host->apply(b->g, LP_OP_CONV2D, &conv, in, 2);
  }
  return reshape(b, x, height * width, cols);
}

/* Of the rows of x with those of y (rows, cols): (rows, 1); of a row of zeros, 0. */
static lp_val cosines(const builder *b, lp_val x, lp_val y, uint32_t cols) {
  const lp_val xx = one(b, LP_OP_SQUARE, x), yy = one(b, LP_OP_SQUARE, y),
               xy = two(b, LP_OP_MUL, x, y); /* neighbours: one launch */
  const lp_val own = row_sums(b, xx, cols), other = row_sums(b, yy, cols),
               both = row_sums(b, xy, cols);
  const lp_val lengths = one(b, LP_OP_SQRT, affine(b, 1, two(b, LP_OP_MUL, own, other), 1e-24));
  return two(b, LP_OP_DIV, both, lengths);
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const builder b = {self, g, req};
  const double factor = args[FACTOR].value;
  uint32_t rows = 0, cols = 0;
  lp_val m[2] = {LP_NO_VAL, LP_NO_VAL};
  lp_status s = weight_shape(&b, weight, &rows, &cols);
  if (s != LP_OK) return s;
  const uint32_t *e = req->extent_out, n = req->n_out;
  if (!e[0])
    return b.host->fail(LP_ERR_ARG, "the layer's units stand on no sheet; give it a `sheet:`");
  if (e[1] && (uint64_t)e[0] * e[1] != n)
    return b.host->fail(LP_ERR_UNSUPPORTED, "it knows sheets of one or two axes");
  const uint32_t width = e[1] ? e[1] : e[0], height = e[1] ? e[0] : 1;
  if ((width > 1 && factor > width) || (height > 1 && factor > height))
    return b.host->fail(LP_ERR_ARG, "factor=%g: a sheet of %u x %u cannot be shrunk so far", factor,
                        height, width);
  if (height > 1) s = smooth(&b, "rows", height, factor, &m[0]);
  if (s == LP_OK) s = smooth(&b, "columns", width, factor, &m[1]);
  if (s != LP_OK) return s;
  const lp_val w = reshape(&b, weight, rows, cols);
  lp_val sum = LP_NO_VAL;
  for (uint32_t begin = 0; begin < rows; begin += n) { /* the gates of a GRU; else one block */
    const lp_val block = rows == n ? w : slice(&b, w, 0, begin, n);
    const lp_val smoothed = blurred(&b, block, m, height, width, cols);
    const lp_val term = one(&b, LP_OP_SUM, cosines(&b, block, smoothed, cols));
    sum = sum.id ? two(&b, LP_OP_ADD, sum, term) : term;
  }
  *scalar = affine(&b, -1.0 / rows, sum, 1);
  return finish(&b, *scalar);
}

PENALTY(laplacian_pyramid, "laplacian-pyramid",
        "weights that are not smooth on the sheet: 1 - cosine with their blurred copy",
        "Deb, Deb & Murty, TopoNets, ICLR 2025", NULL)
