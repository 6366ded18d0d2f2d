/* Layers `relu` and those like it: a function of each unit alone. */
#include <locality/plugin.h>

static lp_status build_relu(void *self, const lp_arg *args, lp_graph *g,
                            const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)args, (void)req;
  const lp_host *host = self;
  lp_desc y;
  *out = host->apply(g, LP_OP_RELU, NULL, &in, 1);
  return host->shape(g, *out, &y);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer relu = {
      .struct_size = sizeof relu,
      .name = "relu",
      .summary = "max(x, 0)",
      .self = (void *)(uintptr_t)h,
      .build = build_relu,
      .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_STEPS | LP_LAYER_SAME,
  };
  return h->add_layer(r, &relu);
}

LP_PLUGIN("layer-activation", "1.0", "Apache-2.0", "functions of each unit", init, NULL)
