/* Layers as graph nodes with their parameters. */
#include "nn_internal.h"

#include <locality/registry.h>
#include <locality/rng.h>

#include <math.h>
#include <stdio.h>

static lp_desc shape_of(lp_net_builder *b, lp_val v) {
  lp_desc d = {0};
  lp_graph_shape(b->g, v, &d); /* a failure sticks to the graph and is asked for at the end */
  return d;
}

static lp_val param(lp_net_builder *b, const char *path, const char *name, lp_desc d,
                    lp_init init) {
  char full[128];
  snprintf(full, sizeof full, "%s.%s", path, name);
  return lp_graph_param(b->g, full, &d, &init);
}

lp_val lp_nn_conv(lp_net_builder *b, const char *path, lp_val x, uint32_t channels, uint32_t k,
                  uint32_t stride, uint32_t pad) {
  int64_t in = shape_of(b, x).dim[1];
  lp_init init = {LP_INIT_UNIFORM, in ? 1.0f / sqrtf((float)(in * k * k)) : 0.0f, NULL};
  lp_init weight = {LP_INIT_UNIFORM, b->conv_gain * init.value, NULL};
  lp_val w = param(b, path, "weight", lp_f32(channels, in, k, k), weight);
  lp_val bias = param(b, path, "bias", lp_f32(channels), init);
  lp_op_params p = {.conv = {.stride = stride, .pad = pad}};
  return lp_apply(b->g, LP_OP_CONV2D, &p, (lp_val[]){x, w, bias}, 3);
}

lp_val lp_nn_pool(lp_net_builder *b, lp_val x, uint32_t k, uint32_t stride) {
  lp_op_params p = {.pool = {.k = k, .stride = stride}};
  return lp_apply(b->g, LP_OP_MAXPOOL2D, &p, &x, 1);
}

lp_val lp_nn_relu(lp_net_builder *b, lp_val x) {
  return lp_apply(b->g, LP_OP_RELU, NULL, &x, 1);
}

lp_val lp_nn_flatten(lp_net_builder *b, lp_val x) {
  lp_desc d = shape_of(b, x);
  lp_op_params p = {.shape = {2, {(uint32_t)d.dim[0], (uint32_t)lp_inner(&d)}}};
  return lp_apply(b->g, LP_OP_RESHAPE, &p, &x, 1);
}

lp_val lp_nn_dropout(lp_net_builder *b, const char *path, lp_val x, float p, bool per_channel) {
  if (b->mode == LP_EVAL || p <= 0.0f) return x;
  lp_desc d = shape_of(b, x);
  uint32_t group = 1;
  for (uint32_t i = 2; per_channel && i < d.ndim; i++) group *= (uint32_t)d.dim[i];
  lp_op_params params = {.dropout = {p, lp_rng_stream(path), group}};
  return lp_apply(b->g, LP_OP_DROPOUT, &params, &x, 1);
}

lp_val lp_nn_layer(lp_net_builder *b, const char *path, const char *layer, lp_val x,
                   const uint32_t sheet[2]) {
  if (lp_graph_status(b->g) != LP_OK) return LP_NO_VAL;
  lp_spec spec;
  lp_status status = lp_spec_parse(LP_KIND_LAYER, layer, &spec);
  lp_val y = LP_NO_VAL;
  if (status == LP_OK) {
    lp_layer_request req = {.struct_size = sizeof req,
                            .n_in = (uint32_t)shape_of(b, x).dim[1],
                            .n_out = sheet[0] * sheet[1],
                            .path = path};
    /* A lone axis says only how many units there are: the topology lays them out. */
    if (sheet[0] > 1 && sheet[1] > 1) {
      req.extent_out[0] = sheet[0], req.extent_out[1] = sheet[1];
      if (req.n_in == req.n_out) req.extent_in[0] = sheet[0], req.extent_in[1] = sheet[1];
    }
    const lp_layer *row = spec.entry->descriptor;
    status = row->build(row->self, spec.args, b->g, &req, x, &y);
    lp_spec_free(&spec);
  }
  if (status != LP_OK) {
    lp_graph_fail(b->g, status, "layer %s: %s", path, lp_error_message());
    return LP_NO_VAL;
  }
  return y;
}

lp_val lp_nn_linear(lp_net_builder *b, const char *path, lp_val x, uint32_t units) {
  return lp_nn_layer(b, path, "plain", x, (const uint32_t[2]){1, units});
}

lp_val lp_nn_batchnorm(lp_net_builder *b, const char *path, lp_val x) {
  lp_desc c = lp_f32(shape_of(b, x).dim[1]);
  lp_init zero = {LP_INIT_CONST, 0.0f, NULL}, one = {LP_INIT_CONST, 1.0f, NULL};
  char mean[128], var[128];
  snprintf(mean, sizeof mean, "%s.running_mean", path);
  snprintf(var, sizeof var, "%s.running_var", path);
  lp_val in[] = {x, param(b, path, "weight", c, one), param(b, path, "bias", c, zero),
                 lp_graph_state(b->g, mean, &c, &zero), lp_graph_state(b->g, var, &c, &one)};
  lp_op_params p = {.batchnorm = {.eps = 1e-5f, .momentum = 0.1f}};
  return lp_apply(b->g, b->mode == LP_TRAIN ? LP_OP_BATCHNORM : LP_OP_BATCHNORM_EVAL, &p, in, 5);
}
