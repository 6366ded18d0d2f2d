/* Layers `relu`, `tanh` and `sigmoid`: a function of each unit alone. */
#include <locality/plugin.h>

static const lp_host *host;

static const struct function {
  const char *name, *summary;
  lp_op op;
} functions[] = {
    {"relu", "max(x, 0)", LP_OP_RELU},
    {"tanh", "hyperbolic tangent", LP_OP_TANH},
    {"sigmoid", "1 / (1 + exp(-x))", LP_OP_SIGMOID},
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  (void)args, (void)req;
  const struct function *f = self;
  lp_desc y;
  *out = host->apply(g, f->op, NULL, &in, 1);
  return host->shape(g, *out, &y);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  lp_status s = LP_OK;
  for (size_t i = 0; s == LP_OK && i < sizeof functions / sizeof *functions; i++) {
    const lp_layer layer = {
        .struct_size = sizeof layer,
        .name = functions[i].name,
        .summary = functions[i].summary,
        .self = (void *)(uintptr_t)&functions[i],
        .build = build,
        .flags = LP_LAYER_FLAT | LP_LAYER_MAPS | LP_LAYER_STEPS | LP_LAYER_SAME,
    };
    s = h->add_layer(r, &layer);
  }
  return s;
}

LP_PLUGIN("layer-activation", "1.0", "Apache-2.0", "functions of each unit", init, NULL)
