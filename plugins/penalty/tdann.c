/* Penalty `tdann`: near units should respond alike: (1 - r) / 2 with r the Pearson correlation,
 * over pairs of units, between the correlation of their responses to the images of a batch and 1 /
 * (1 + d) (Margalit et al., Neuron, 2024). Pairs are those within windows of the sheet, `samples`
 * of them, or the whole sheet where it is no larger; the terms of windows are averaged. As
 * published, windows are drawn anew for each batch, here by the network's seed and the step.
 *
 * Windows are cut out by a product that the graph has for any place: a convolution of the sheet
 * with a kernel that is 1 in one place and 0 elsewhere, or, of units in a row, a matrix with one 1
 * a row. These kernels are the state that the trainer writes.
 *
 * Responses are the layer's output, so put it on the layer whose output is rectified. With
 * `accumulate`, correlations are over the images of a pass. Time: (window^2)^2 x batch a window. */
#include "../random.h"
#include "build.h"

enum { WINDOW, SAMPLES, TOPOLOGY, METRIC };
static const lp_param params[] = {
    [WINDOW] = {"window", LP_PARAM_INT, 16, 2, 64, NULL, "places along each axis of a window"},
    [SAMPLES] = {"samples", LP_PARAM_INT, 4, 1, 64, NULL, "windows"},
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
};

/* Correlations (k, k) of the columns of x (n, k); of one that does not vary, 0. mean: (n, n) of 1 /
 * n.
 */
static lp_val correlations(const builder *b, lp_val x, lp_val mean, uint32_t n) {
  const lp_val free = two(b, LP_OP_SUB, x, two(b, LP_OP_LINEAR_DX, mean, x));
  const lp_val variance = two(b, LP_OP_LINEAR_DX, mean, one(b, LP_OP_SQUARE, free));
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
  uint32_t sheet[2];         /* of one axis: 1 x units */
  uint32_t units, extent[2]; /* of a window */
  bool whole;                /* the sheet */
  lp_val pairs;              /* (units, units): 1, and 0 on the diagonal */
  lp_val near, near_norm;    /* 1 / (1 + d), centred; its sum of squares */
} window;

/* `units` units that stand as req says. */
static window window_of(const lp_arg *args, const lp_layer_request *req, uint32_t units) {
  const uint32_t *e = req->extent_out, side = (uint32_t)args[WINDOW].value;
  window w = {.sheet = {e[1] ? e[0] : 1, e[1] ? e[1] : units}};
  for (int a = 0; a < 2; a++) w.extent[a] = w.sheet[a] < side ? w.sheet[a] : side;
  w.units = w.extent[0] * w.extent[1];
  /* Where units are not on a lattice of two axes at most, all of them. */
  w.whole = !e[0] || (uint64_t)w.sheet[0] * w.sheet[1] != units || w.units == units;
  if (w.whole) w.units = units;
  return w;
}

/* Windows have the distances of a grid: so they have on one, and on a torus that no window is more
 * than half way round. */
static lp_status check_windows(const builder *b, const lp_arg *args, const window *w) {
  const char *t = args[TOPOLOGY].text;
  const bool row = w->sheet[0] == 1;
  const bool flat = strcmp(t, "grid") == 0 || (row && strcmp(t, "line") == 0);
  bool round = strcmp(t, "torus") == 0 || (row && strcmp(t, "ring") == 0);
  for (int a = 0; a < 2; a++) round = round && 2 * (w->extent[a] - 1) <= w->sheet[a];
  if (flat || round) return LP_OK;
  return b->host->fail(LP_ERR_ARG,
                       "topology=%s: windows are cut from a grid, or from a torus of twice their "
                       "side; with window=%u or more it is the whole sheet",
                       t, w->sheet[0] > w->sheet[1] ? w->sheet[0] : w->sheet[1]);
}

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
  if (!w->whole) {
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
static lp_val minus_r(const builder *b, const window *w, lp_val x, lp_val mean, uint32_t n) {
  const lp_val r = centred(b, correlations(b, x, mean, n), w->pairs, w->units);
  const lp_val norm = two(b, LP_OP_MUL, w->near_norm, dot(b, r, r));
  const lp_val root = one(b, LP_OP_SQRT, affine(b, 1, norm, 1e-12));
  return affine(b, -1, two(b, LP_OP_DIV, dot(b, r, w->near), root), 0);
}

/* ---- windows at any place ------------------------------------------------------------------ */

/* Places at which a window can stand along an axis. */
static uint32_t places(const window *w, int axis) {
  return w->sheet[axis] - w->extent[axis] + 1;
}

/* Kernels are square, so that the shorter range of places is padded: by that much. */
static uint32_t padding(const window *w) {
  const uint32_t r = places(w, 0), c = places(w, 1);
  return r < c ? c - r : r - c;
}

static lp_desc kernel_shape(const window *w, uint32_t samples) {
  const uint32_t longer = places(w, 0) > places(w, 1) ? places(w, 0) : places(w, 1);
  const uint32_t side = longer + padding(w);
  return w->sheet[0] == 1 ? lp_f32(samples * w->units, w->sheet[1])
                          : lp_f32(samples, 1, side, side);
}

static void draw(void *self, const lp_arg *args, const lp_layer_request *req, uint64_t step,
                 const lp_desc *desc, float *values) {
  (void)self;
  const window w = window_of(args, req, req->n_out);
  const uint32_t pad = padding(&w), samples = (uint32_t)args[SAMPLES].value;
  uint64_t state = req->seed;
  state = splitmix64(&state) + step;
  memset(values, 0, (size_t)lp_nbytes(desc));
  for (uint32_t i = 0; i < samples; i++) {
    const uint32_t r = (uint32_t)(splitmix64(&state) % places(&w, 0));
    const uint32_t c = (uint32_t)(splitmix64(&state) % places(&w, 1));
    if (w.sheet[0] == 1) {
      for (uint32_t k = 0; k < w.units; k++)
        values[((size_t)i * w.units + k) * w.sheet[1] + c + k] = 1;
    } else {
      const size_t side = (size_t)desc->dim[2];
      values[i * side * side + (r + pad) * side + c + pad] = 1;
    }
  }
}

/* All windows of y (n, units): (n, samples x units of a window). */
static lp_status cut(const builder *b, const lp_arg *args, const window *w, lp_val y, uint32_t n,
                     lp_val *out) {
  const uint32_t samples = (uint32_t)args[SAMPLES].value, pad = padding(w);
  const lp_desc desc = kernel_shape(w, samples);
  float *first = malloc((size_t)lp_nbytes(&desc));
  if (!first) return b->host->fail(LP_ERR_MEMORY, "out of memory");
  lp_layer_request req = *b->req;
  req.n_out = w->sheet[0] * w->sheet[1];
  draw(NULL, args, &req, 0, &desc, first);
  const lp_init init = {LP_INIT_DATA, 0, first};
  char name[320];
  snprintf(name, sizeof name, "%s.draw", b->req->path);
  const lp_val kernel = b->host->leaf(b->g, LP_ROLE_SCRATCH, name, &desc, &init);
  free(first);
  if (w->sheet[0] == 1) {
    *out = two(b, LP_OP_LINEAR, y, kernel);
    return finish(b, *out);
  }
  const lp_op_params map = {.shape = {4, {n, 1, w->sheet[0], w->sheet[1]}}};
  const lp_op_params conv = {.conv = {.stride = 1, .pad = pad}};
  const lp_val in[] = {b->host->apply(b->g, LP_OP_RESHAPE, &map, &y, 1), kernel};
  lp_val x = b->host->apply(b->g, LP_OP_CONV2D, &conv, in, 2);
  if (places(w, 0) < places(w, 1)) /* the padding of the longer range */
    x = slice(b, x, 3, 0, w->extent[1]);
  else if (pad)
    x = slice(b, x, 2, 0, w->extent[0]);
  *out = reshape(b, x, n, samples * w->units);
  return finish(b, *out);
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
  window w = window_of(args, req, units);
  const uint32_t samples = w.whole ? 1 : (uint32_t)args[SAMPLES].value;
  lp_val all = y, sum = LP_NO_VAL;
  if (!w.whole) s = check_windows(&b, args, &w);
  if (s == LP_OK) s = open_window(&b, args, &w);
  if (s == LP_OK && !w.whole) s = cut(&b, args, &w, y, n, &all);
  if (s != LP_OK) return s;
  const lp_val mean = affine(&b, 1.0 / n, ones(&b, n, n), 0);
  for (uint32_t i = 0; i < samples; i++) {
    const lp_val x = samples == 1 ? all : slice(&b, all, 1, i * w.units, w.units);
    const lp_val term = minus_r(&b, &w, x, mean, n);
    sum = sum.id ? two(&b, LP_OP_ADD, sum, term) : term;
  }
  *scalar = affine(&b, 0.5 / samples, sum, 0.5);
  return finish(&b, *scalar);
}

PENALTY(tdann, "tdann", "near units that respond unlike: (1 - r(correlation, 1 / (1 + d))) / 2",
        "Margalit et al., Neuron, 2024", draw)
