/* Layer `maxpool`: the largest value of each window of a map. */
#include <locality/plugin.h>

enum { KERNEL, STRIDE };
static const lp_param params[] = {
    [KERNEL] = {"kernel", LP_PARAM_INT, 2, 1, 15, NULL, "side of the window, in pixels"},
    [STRIDE] = {"stride", LP_PARAM_INT, 0, 0, 255, NULL, "pixels from window to window; 0: kernel"},
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  (void)req;
  const lp_host *host = self;
  uint32_t k = (uint32_t)args[KERNEL].value, stride = (uint32_t)args[STRIDE].value;
  lp_op_params op = {.pool = {.k = k, .stride = stride ? stride : k}};
  lp_desc y;
  *out = host->apply(g, LP_OP_MAXPOOL2D, &op, &in, 1);
  return host->shape(g, *out, &y);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layer = {
      .struct_size = sizeof layer,
      .name = "maxpool",
      .summary = "largest value of each window",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
      .flags = LP_LAYER_MAPS | LP_LAYER_SAME,
  };
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-pool", "1.0", "Apache-2.0", "pooling of maps", init, NULL)
