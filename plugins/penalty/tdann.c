/* Penalty `tdann`: near units should respond alike: (1 - r) / 2 with r the Pearson correlation,
 * over pairs of units, between the correlation of their responses to the images of a batch and 1 /
 * (1 + d) (Margalit et al., Neuron, 2024). Pairs are those within windows of the sheet, `samples`
 * of them at places drawn by the network's seed, or the whole sheet where it is no larger; the
 * terms of windows are averaged. As published, windows are drawn anew for each batch; here they
 * stay.
 *
 * Responses are the layer's output, so put it on the layer whose output is rectified. With
 * `accumulate`, correlations are over the images of a pass. Time: (window^2)^2 x batch a window. */
#include "build.h"

enum { WINDOW, SAMPLES, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [WINDOW] = {"window", LP_PARAM_INT, 16, 2, 64, NULL, "places along each axis of a window"},
    [SAMPLES] = {"samples", LP_PARAM_INT, 4, 1, 64, NULL, "windows"},
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
};

/* A number below n: splitmix64 (Steele, Lea & Flood, OOPSLA 2014). */
static uint32_t draw(uint64_t *state, uint32_t n) {
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return (uint32_t)((z ^ z >> 31) % n);
}

/* Sums over the rows of x (n, k), divided by n, in every row again. */
static lp_val column_means(const builder *b, lp_val x, uint32_t n) {
  const lp_val sums = two(b, LP_OP_LINEAR_DX, ones(b, 1, n), x);
  return two(b, LP_OP_LINEAR_DX, ones(b, n, 1), affine(b, 1.0 / n, sums, 0));
}

/* Correlations (k, k) of the columns of x (n, k); of one that does not vary, 0. */
static lp_val correlations(const builder *b, lp_val x, uint32_t n) {
  const lp_val free = two(b, LP_OP_SUB, x, column_means(b, x, n));
  const lp_val variance = column_means(b, one(b, LP_OP_SQUARE, free), n);
  const lp_val sd = one(b, LP_OP_SQRT, affine(b, n, variance, 1e-12));

  const lp_val z = two(b, LP_OP_DIV, free, sd);
  return two(b, LP_OP_LINEAR_DW, z, z);
}

/* x (k, k) without its mean over the pairs, 0 on the diagonal. */
static lp_val centred(const builder *b, lp_val x, lp_val pairs, uint32_t k) {
  const lp_val off = two(b, LP_OP_MUL, x, pairs);
  const lp_val mean = affine(b, 1.0 / ((double)k * (k - 1)), one(b, LP_OP_SUM, off), 0);
  return two(b, LP_OP_SUB, off, two(b, LP_OP_MUL, expand(b, mean, k, k), pairs));
}

/* The sum of squares and, against `other`, of products. */
static lp_val dot(const builder *b, lp_val x, lp_val other) {
  return one(b, LP_OP_SUM, two(b, LP_OP_MUL, x, other));
}

typedef struct window {
  uint32_t units, extent[2]; /* of one axis: 1 x units */
  bool whole;                /* the sheet */
  lp_val pairs;              /* (units, units): 1, and 0 on the diagonal */
  lp_val near, near_norm;    /* 1 / (1 + d), centred; its sum of squares */
} window;

/* What all windows share: pairs and nearness. */
static lp_status open_window(const builder *b, const lp_arg *args, window *w) {
  const uint32_t k = w->units;
  float *mask = malloc((size_t)k * k * sizeof *mask);
  if (!mask) return b->host->fail(LP_ERR_MEMORY, "out of memory");
  for (size_t i = 0; i < (size_t)k * k; i++) mask[i] = i % (k + 1) ? 1 : 0;
  w->pairs = matrix(b, "pairs", k, k, mask);
  free(mask);
  lp_layer_request req = *b->req;
  req.n_in = req.n_out = k;
  if (!w->whole) { /* a part of a lattice is a grid; so is one of a torus' half or less */
    memset(req.extent_in, 0, sizeof req.extent_in);
    memcpy(req.extent_in, w->extent, sizeof w->extent);
  } else {
    memcpy(req.extent_in, req.extent_out, sizeof req.extent_in);
  }
  memcpy(req.extent_out, req.extent_in, sizeof req.extent_in);
  lp_val in[LP_LINEAR_INPUTS] = {w->pairs};
  lp_op_params op = {0};
  lp_status s = b->host->prior(b->g, &req, w->whole ? args[TOPOLOGY].text : "grid", "linear",
                               args[METRIC].text, "none", in, &op.linear);
  if (s != LP_OK) return s;
  const bool all_one = !in[LP_PRIOR_TABLE].id && !in[LP_PRIOR_DENSE].id;
  const lp_val near =
      all_one ? w->pairs : b->host->apply(b->g, LP_OP_PRIOR, &op, in, LP_LINEAR_INPUTS);
  w->near = centred(b, near, w->pairs, k);
  w->near_norm = dot(b, w->near, w->near);
  return finish(b, w->near_norm);
}

/* (1 - r) / 2 without the constant, of responses x (n, units): -r. */
static lp_val minus_r(const builder *b, const window *w, lp_val x, uint32_t n) {
  const lp_val r = centred(b, correlations(b, x, n), w->pairs, w->units);
  const lp_val norm = two(b, LP_OP_MUL, w->near_norm, dot(b, r, r));
  const lp_val root = one(b, LP_OP_SQRT, affine(b, 1, norm, 1e-12));
  return affine(b, -1, two(b, LP_OP_DIV, dot(b, r, w->near), root), 0);
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)weight;
  const builder b = {self, g, req};
  lp_desc d;
  lp_status s = b.host->shape(g, y, &d);
  if (s != LP_OK) return s;
  if (d.ndim != 2)
    return b.host->fail(LP_ERR_ARG, "it is about layers of units; the output has %u axes", d.ndim);
  const uint32_t n = (uint32_t)d.dim[0], units = (uint32_t)d.dim[1];
  if (units < 3) return b.host->fail(LP_ERR_ARG, "%u units have no two pairs to compare", units);
  const uint32_t *e = req->extent_out, side = (uint32_t)args[WINDOW].value;
  const uint32_t rows = e[1] ? e[0] : 1, cols = e[1] ? e[1] : units;
  window w = {.extent = {rows < side ? rows : side, cols < side ? cols : side}};
  w.units = w.extent[0] * w.extent[1];
  /* Where units are not on a lattice of two axes at most, all of them. */
  w.whole = !e[0] || (uint64_t)rows * cols != units || w.units == units;
  if (w.whole) w.units = units;
  s = open_window(&b, args, &w);
  if (s != LP_OK) return s;
  const uint32_t samples = w.whole ? 1 : (uint32_t)args[SAMPLES].value;
  uint64_t state = req->seed;
  lp_val sum = LP_NO_VAL;
  for (uint32_t i = 0; i < samples; i++) {
    lp_val x = y;
    if (!w.whole) {
      const lp_op_params sheet = {.shape = {3, {n, rows, cols}}};
      x = b.host->apply(g, LP_OP_RESHAPE, &sheet, &y, 1);
      x = slice(&b, x, 1, draw(&state, rows - w.extent[0] + 1), w.extent[0]);
      x = slice(&b, x, 2, draw(&state, cols - w.extent[1] + 1), w.extent[1]);
      x = reshape(&b, x, n, w.units);
    }
    const lp_val term = minus_r(&b, &w, x, n);
    sum = sum.id ? two(&b, LP_OP_ADD, sum, term) : term;
  }
  *scalar = affine(&b, 0.5 / samples, sum, 0.5);
  return finish(&b, *scalar);
}

PENALTY(tdann, "tdann", "near units that respond unlike: (1 - r(correlation, 1 / (1 + d))) / 2",
        "Margalit et al., Neuron, 2024")
