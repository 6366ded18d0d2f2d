/* Layers that change how values are laid out, or bring several together: `flatten`,
 * `sequence`, `last`, `add`, `concat`. */
#include <locality/plugin.h>

/* One row a sample. */
static lp_status build_flatten(void *self, const lp_arg *args, lp_graph *g,
                               const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)args;
  const lp_host *host = self;
  lp_desc d;
  lp_status s = host->shape(g, in, &d);
  if (s != LP_OK) return s;
  lp_op_params op = {.shape = {2, {(uint32_t)d.dim[0], req->n_in}}};
  *out = host->apply(g, LP_OP_RESHAPE, &op, &in, 1);
  return host->shape(g, *out, &d);
}

/* The sum of all inputs, which have equal shapes: a residual connection (He et al., CVPR 2016). */
static lp_status build_add(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                           lp_val in, lp_val *out) {
  (void)args;
  const lp_host *host = self;
  if (req->n_inputs < 2)
    return host->fail(LP_ERR_ARG, "add needs two inputs or more: from: [NAME, NAME]");
  *out = in;
  for (uint32_t i = 1; i < req->n_inputs; i++)
    *out = host->apply(g, LP_OP_ADD, NULL, (const lp_val[]){*out, req->inputs[i]}, 2);
  lp_desc y;
  return host->shape(g, *out, &y);
}

/* One behind the other along the second axis: units behind units, channels behind channels. */
static lp_status build_concat(void *self, const lp_arg *args, lp_graph *g,
                              const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)args, (void)in;
  const lp_host *host = self;
  if (req->n_inputs < 2)
    return host->fail(LP_ERR_ARG, "concat needs two inputs or more: from: [NAME, NAME]");
  lp_op_params op = {.slice = {.axis = 1}};
  lp_desc y;
  *out = host->apply(g, LP_OP_CONCAT, &op, req->inputs, req->n_inputs);
  return host->shape(g, *out, &y);
}

/* The rows of an image, from top to bottom, as the steps of a sequence: (N, C, H, W) -> (N, H,
 * C*W). */
static lp_status build_sequence(void *self, const lp_arg *args, lp_graph *g,
                                const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)args, (void)req;
  enum { MAX_CHANNELS = 16 };
  const lp_host *host = self;
  lp_desc d, y;
  lp_status s = host->shape(g, in, &d);
  if (s != LP_OK) return s;
  const uint32_t n = (uint32_t)d.dim[0], h = (uint32_t)d.dim[2], w = (uint32_t)d.dim[3];
  if (d.dim[1] > MAX_CHANNELS)
    return host->fail(LP_ERR_SHAPE, "sequence: maps of %lld channels; images have at most %d",
                      (long long)d.dim[1], MAX_CHANNELS);
  lp_val channel[MAX_CHANNELS];
  lp_op_params rows = {.shape = {3, {n, h, w}}};
  for (uint32_t i = 0; i < (uint32_t)d.dim[1]; i++) {
    lp_op_params op = {.slice = {1, i, 1}};
    channel[i] = d.dim[1] > 1 ? host->apply(g, LP_OP_SLICE, &op, &in, 1) : in;
    channel[i] = host->apply(g, LP_OP_RESHAPE, &rows, &channel[i], 1);
  }
  lp_op_params op = {.slice = {.axis = 2}};
  *out = d.dim[1] > 1 ? host->apply(g, LP_OP_CONCAT, &op, channel, (uint32_t)d.dim[1]) : channel[0];
  return host->shape(g, *out, &y);
}

/* The last step of a sequence: (N, T, I) -> (N, I). What has no steps stays as it is, so that a
 * network may have its recurrent layer give all steps or the last one. */
static lp_status build_last(void *self, const lp_arg *args, lp_graph *g,
                            const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)args;
  const lp_host *host = self;
  lp_desc d, y;
  lp_status s = host->shape(g, in, &d);
  if (s != LP_OK) return s;
  *out = in;
  if (d.ndim == 2) return LP_OK;
  const uint32_t units = (uint32_t)d.dim[2];
  lp_op_params flat = {.shape = {2, {(uint32_t)d.dim[0], req->n_in}}};
  lp_op_params end = {.slice = {1, req->n_in - units, units}};
  *out = host->apply(g, LP_OP_RESHAPE, &flat, &in, 1);
  *out = host->apply(g, LP_OP_SLICE, &end, out, 1);
  return host->shape(g, *out, &y);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layers[] = {
      {
          .struct_size = sizeof *layers,
          .name = "flatten",
          .summary = "one row of numbers a sample",
          .self = (void *)(uintptr_t)h,
          .build = build_flatten,
          .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_STEPS | LP_LAYER_OWN,
      },
      {
          .struct_size = sizeof *layers,
          .name = "sequence",
          .summary = "the rows of an image as time steps",
          .self = (void *)(uintptr_t)h,
          .build = build_sequence,
          .flags = LP_LAYER_MAPS | LP_LAYER_OWN,
      },
      {
          .struct_size = sizeof *layers,
          .name = "last",
          .summary = "the last step of a sequence",
          .self = (void *)(uintptr_t)h,
          .build = build_last,
          .flags = LP_LAYER_FLAT | LP_LAYER_STEPS | LP_LAYER_SAME,
      },
      {
          .struct_size = sizeof *layers,
          .name = "concat",
          .summary = "several layers one behind the other (from: [NAME, NAME])",
          .self = (void *)(uintptr_t)h,
          .build = build_concat,
          .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_JOIN | LP_LAYER_OWN,
      },
      {
          .struct_size = sizeof *layers,
          .name = "add",
          .summary = "sum of several layers (from: [NAME, NAME])",
          .source = "He et al., Deep residual learning, CVPR 2016",
          .self = (void *)(uintptr_t)h,
          .build = build_add,
          .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_STEPS | LP_LAYER_JOIN | LP_LAYER_SAME,
      },
  };
  lp_status s = LP_OK;
  for (size_t i = 0; s == LP_OK && i < sizeof layers / sizeof *layers; i++)
    s = h->add_layer(r, &layers[i]);
  return s;
}

LP_PLUGIN("layer-shape", "1.0", "Apache-2.0", "layers without parameters that join and reshape",
          init, NULL)
