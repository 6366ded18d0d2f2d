/* Penalty `quiet`: activity costs, the mean of |y| over the units of a layer and the images. */
#include <locality/plugin.h>

static const lp_host *host;

/* What a user may set besides weight and schedule, which every penalty has: "quiet:floor=0.1".
 * Values are checked before they get here. */
static const lp_param params[] = {
    {"floor", LP_PARAM_REAL, 0, 0, 1e6, NULL, "activity that is free"},
};

static lp_val one(lp_graph *g, lp_op op, lp_val x) {
  return host->apply(g, op, NULL, &x, 1);
}

static lp_val linear(lp_graph *g, double alpha, double beta, lp_val x) {
  lp_op_params p = {.scale = {(float)alpha, (float)beta}};
  return host->apply(g, LP_OP_SCALE, &p, &x, 1);
}

/* One number, made of weight, y or both by ops of locality/op.h; gradients follow from the ops. */
static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)self, (void)req, (void)weight;
  lp_desc d;
  lp_status s = host->shape(g, y, &d);
  if (s != LP_OK) return s;
  lp_val above = one(g, LP_OP_RELU, linear(g, 1, -args[0].value, one(g, LP_OP_ABS, y)));
  *scalar = linear(g, 1.0 / (double)lp_numel(&d), 0, one(g, LP_OP_SUM, above));
  return host->shape(g, *scalar, &d); /* the graph's first error, if there is one */
}

static const lp_penalty penalty = {
    .struct_size = sizeof penalty,
    .name = "quiet",
    .summary = "mean of |y| above a floor",
    .source = "", /* author, venue, year, if it is published */
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .build = build,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_penalty(r, &penalty);
}

LP_PLUGIN("penalty-quiet", "1.0", "Apache-2.0", "penalty: activity above a floor", init, NULL)
