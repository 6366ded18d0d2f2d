/* Layer `batchnorm`: each unit or channel is brought to mean 0 and variance 1 over the batch, then
 * scaled and shifted by trained parameters (Ioffe & Szegedy, ICML 2015). In evaluation it uses the
 * running statistics of training. */
#include "weights.h"

enum { EPS, MOMENTUM };
static const lp_param params[] = {
    [EPS] = {"eps", LP_PARAM_REAL, 1e-5, 0, 1, NULL, "added to the variance"},
    [MOMENTUM] = {"momentum", LP_PARAM_REAL, 0.1, 0, 1, NULL,
                  "share of a batch in the running statistics"},
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  const lp_host *host = self;
  lp_desc d;
  lp_status s = host->shape(g, in, &d);
  if (s != LP_OK) return s;
  lp_desc c = lp_f32(d.dim[1]);
  const lp_init zero = {LP_INIT_CONST, 0.0f, NULL}, one = {LP_INIT_CONST, 1.0f, NULL};
  lp_val operands[] = {in, make_leaf(host, g, req, LP_ROLE_NORM, "weight", &c, one),
                       make_leaf(host, g, req, LP_ROLE_NORM, "bias", &c, zero),
                       make_leaf(host, g, req, LP_ROLE_RUNNING, "running_mean", &c, zero),
                       make_leaf(host, g, req, LP_ROLE_RUNNING, "running_var", &c, one)};
  lp_op_params op = {.batchnorm = {(float)args[EPS].value, (float)args[MOMENTUM].value}};
  *out = host->apply(g, req->mode == LP_TRAIN ? LP_OP_BATCHNORM : LP_OP_BATCHNORM_EVAL, &op,
                     operands, 5);
  return host->shape(g, *out, &d);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layer = {
      .struct_size = sizeof layer,
      .name = "batchnorm",
      .summary = "normalised over the batch, unit by unit or channel by channel",
      .source = "Ioffe & Szegedy, Batch normalization, ICML 2015",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
      .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_SAME,
  };
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-batchnorm", "1.0", "Apache-2.0", "batch normalisation", init, NULL)
