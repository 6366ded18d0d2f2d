/* Layer `dropout`: in training, drops units, or whole channels, at random and scales the others up
 * (Srivastava et al., JMLR 2014; channels: Tompson et al., CVPR 2015). The layer's name is its
 * random stream: networks of one seed drop the same units. */
#include <locality/plugin.h>

#include <string.h>

enum { P, OF };
static const lp_param params[] = {
    [P] = {"p", LP_PARAM_REAL, 0.5, 0, 0.99, NULL, "probability of being dropped"},
    [OF] = {"of", LP_PARAM_STRING, 0, 0, 0, "units", "what is dropped: units or channels"},
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  const lp_host *host = self;
  bool channels = strcmp(args[OF].text, "channels") == 0;
  if (!channels && strcmp(args[OF].text, "units") != 0)
    return host->fail(LP_ERR_ARG, "of=%s: there are units and channels", args[OF].text);
  *out = in;
  if (req->mode == LP_EVAL || args[P].value <= 0.0) return LP_OK;
  lp_desc d;
  lp_status s = host->shape(g, in, &d);
  if (s != LP_OK) return s;
  uint32_t group = 1;
  for (uint32_t i = 2; channels && i < d.ndim; i++) group *= (uint32_t)d.dim[i];
  lp_op_params op = {.dropout = {(float)args[P].value, req->stream, group}};
  *out = host->apply(g, LP_OP_DROPOUT, &op, &in, 1);
  return host->shape(g, *out, &d);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layer = {
      .struct_size = sizeof layer,
      .name = "dropout",
      .summary = "drops units or channels at random while training",
      .source = "Srivastava et al., Dropout, JMLR 2014",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
      .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_STEPS | LP_LAYER_SAME,
  };
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-dropout", "1.0", "Apache-2.0", "dropout", init, NULL)
