/* Layers `plain` and `linear`: an ordinary fully connected layer, y = x W^T + b. `plain` has the
 * units of its sheet and is the control arm: its parameters have the names and the initial values
 * of the locality layer's. `linear` is told how many units it has. */
#include "weights.h"

enum { UNITS };
static const lp_param params[] = {
    [UNITS] = {"units", LP_PARAM_INT, 10, 1, 1 << 24, NULL, "how many units it has"},
};

static lp_status build_plain(void *self, const lp_arg *args, lp_graph *g,
                             const lp_layer_request *req, lp_val in, lp_val *out) {
  (void)args;
  return make_dense(self, g, req, req->n_out, in, out);
}

static lp_status build_linear(void *self, const lp_arg *args, lp_graph *g,
                              const lp_layer_request *req, lp_val in, lp_val *out) {
  return make_dense(self, g, req, (uint32_t)args[UNITS].value, in, out);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer plain = {
      .struct_size = sizeof plain,
      .name = "plain",
      .summary = "fully connected, no prior (control)",
      .self = (void *)(uintptr_t)h,
      .build = build_plain,
  };
  const lp_layer linear = {
      .struct_size = sizeof linear,
      .name = "linear",
      .summary = "fully connected, with a given number of units",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build_linear,
      .flags = LP_LAYER_FLAT | LP_LAYER_OWN,
  };
  lp_status s = h->add_layer(r, &plain);
  return s == LP_OK ? h->add_layer(r, &linear) : s;
}

LP_PLUGIN("layer-plain", "1.1", "Apache-2.0", "fully connected layers without a prior", init, NULL)
