/* Layer `plain`: an ordinary fully connected layer, y = x W^T + b. The control arm: its parameters
 * have the names and the initial values of the locality layer's. */
#include "weights.h"

static const lp_host *host;

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  (void)self, (void)args;
  lp_desc weight = lp_f32(req->n_out, req->n_in), bias = lp_f32(req->n_out), y;
  lp_val operands[] = {in, make_param(host, g, req, "weight", &weight),
                       make_param(host, g, req, "bias", &bias)};
  lp_op_params op = {0};
  *out = host->apply(g, LP_OP_LINEAR, &op, operands, 3);
  return host->shape(g, *out, &y); /* the graph's first error, if there is one */
}

static const lp_layer layer = {
    .struct_size = sizeof layer,
    .name = "plain",
    .summary = "fully connected, no prior (control)",
    .source = "",
    .build = build,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-plain", "1.0", "Apache-2.0", "a fully connected layer without a prior", init, NULL)
