/* Layers `maxpool` and `avgpool`: the largest value, or the mean, of each window of a map.
 *
 * maxpool's `pad` puts a border of minus infinity around the map, which no window takes its maximum
 * from; that copies the map once an axis. */
#include "weights.h"

enum { KERNEL, STRIDE, PAD };
static const lp_param max_params[] = {
    [KERNEL] = {"kernel", LP_PARAM_INT, 2, 1, 15, NULL, "side of the window, in pixels"},
    [STRIDE] = {"stride", LP_PARAM_INT, 0, 0, 255, NULL, "pixels from window to window; 0: kernel"},
    [PAD] = {"pad", LP_PARAM_INT, 0, 0, 7, NULL,
             "rows and columns around the map, at most kernel / 2"},
};
static const lp_param average_params[] = {
    [KERNEL] = {"kernel", LP_PARAM_INT, 2, 0, 255, NULL,
                "side of the window, in pixels; 0: the whole map"},
    [STRIDE] = {"stride", LP_PARAM_INT, 0, 0, 255, NULL, "pixels from window to window; 0: kernel"},
};

static lp_status build(const lp_host *host, lp_op op, lp_pool_params pool, lp_graph *g, lp_val in,
                       lp_val *out) {
  if (!pool.stride) pool.stride = pool.k;
  lp_op_params params = {.pool = pool};
  lp_desc y;
  *out = host->apply(g, op, &params, &in, 1);
  return host->shape(g, *out, &y);
}

/* The map between `pad` rows (axis 2) or columns (axis 3) of minus infinity on both sides. */
static lp_val bordered(const lp_host *host, lp_graph *g, lp_val border, uint32_t axis, uint32_t pad,
                       lp_val in) {
  lp_desc d;
  if (host->shape(g, in, &d) != LP_OK) return LP_NO_VAL; /* the graph keeps the failure */
  lp_op_params edge = {.shape = {.ndim = 4}}, join = {.slice = {.axis = axis}};
  for (uint32_t i = 0; i < 4; i++) edge.shape.dim[i] = i == axis ? pad : (uint32_t)d.dim[i];
  lp_val e = host->apply(g, LP_OP_EXPAND, &edge, &border, 1);
  return host->apply(g, LP_OP_CONCAT, &join, (const lp_val[]){e, in, e}, 3);
}

static lp_status build_max(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                           lp_val in, lp_val *out) {
  const lp_host *host = self;
  const uint32_t pad = (uint32_t)args[PAD].value;
  lp_pool_params pool = {.k = (uint32_t)args[KERNEL].value, .stride = (uint32_t)args[STRIDE].value};
  if (2 * pad > pool.k)
    return host->fail(LP_ERR_ARG, "maxpool: pad=%u is more than half of kernel=%u", pad, pool.k);
  if (pad) {
    const lp_desc scalar = {LP_F32, 0, {0}};
    const float none = -INFINITY;
    lp_val border = make_constant(host, g, req, "border", &scalar, &none);
    for (uint32_t axis = 2; axis < 4; axis++) in = bordered(host, g, border, axis, pad, in);
  }
  return build(host, LP_OP_MAXPOOL2D, pool, g, in, out);
}

static lp_status build_average(void *self, const lp_arg *args, lp_graph *g,
                               const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)req;
  const lp_host *host = self;
  lp_pool_params pool = {.k = (uint32_t)args[KERNEL].value, .stride = (uint32_t)args[STRIDE].value};
  if (!pool.k) {
    lp_desc x;
    lp_status s = host->shape(g, in, &x);
    if (s != LP_OK) return s;
    pool.k = (uint32_t)x.dim[2], pool.columns = (uint32_t)x.dim[3];
  }
  return build(host, LP_OP_AVGPOOL2D, pool, g, in, out);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layers[] = {
      {
          .struct_size = sizeof *layers,
          .name = "maxpool",
          .summary = "largest value of each window",
          .self = (void *)(uintptr_t)h,
          .params = max_params,
          .n_params = sizeof max_params / sizeof *max_params,
          .build = build_max,
          .flags = LP_LAYER_MAPS | LP_LAYER_SAME,
      },
      {
          .struct_size = sizeof *layers,
          .name = "avgpool",
          .summary = "mean of each window, or of the whole map",
          .self = (void *)(uintptr_t)h,
          .params = average_params,
          .n_params = sizeof average_params / sizeof *average_params,
          .build = build_average,
          .flags = LP_LAYER_MAPS | LP_LAYER_SAME,
      },
  };
  lp_status s = h->add_layer(r, &layers[0]);
  return s == LP_OK ? h->add_layer(r, &layers[1]) : s;
}

LP_PLUGIN("layer-pool", "1.1", "Apache-2.0", "pooling of maps", init, NULL)
