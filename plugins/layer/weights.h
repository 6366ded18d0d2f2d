/* The parameters of a fully connected layer, the same for every layer here, so that arms with one
 * seed start equal. */
#ifndef LAYER_WEIGHTS_H
#define LAYER_WEIGHTS_H

#include <locality/plugin.h>

#include <math.h>
#include <stdio.h>

/* "path.part" in name; fails the graph where it does not fit. */
static inline bool make_name(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                             const char *part, char name[256]) {
  if (snprintf(name, 256, "%s.%s", req->path, part) < 256) return true;
  host->graph_fail(g, LP_ERR_ARG, "layer %s: its name is too long", req->path);
  return false;
}

/* A constant named path.part. */
static inline lp_val make_constant(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                                   const char *part, const lp_desc *desc, const void *data) {
  char name[256];
  if (!make_name(host, g, req, part, name)) return LP_NO_VAL;
  return host->constant(g, name, desc, data);
}

/* A leaf named path.part that starts as init says. */
static inline lp_val make_leaf(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                               lp_role role, const char *part, const lp_desc *desc, lp_init init) {
  char name[256];
  if (!make_name(host, g, req, part, name)) return LP_NO_VAL;
  return host->leaf(g, role, name, desc, &init);
}

/* A trained leaf named path.part, uniform within 1/sqrt(n_in); a prior does not count. */
static inline lp_val make_param(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                                lp_role role, const char *part, const lp_desc *desc) {
  lp_init init = {LP_INIT_UNIFORM, (float)(1 / sqrt(req->n_in)), NULL};
  return make_leaf(host, g, req, role, part, desc, init);
}

/* Parameters of layers that may carry a prior: see make_prior. */
#define PRIOR_PARAM_ROWS(topology, cost, metric, normalize)                                        \
  [topology] = {"topology", LP_PARAM_STRING, 0, 0, 0, "grid", "where the units stand"},            \
  [cost] = {"cost", LP_PARAM_STRING, 0, 0, 0, "", "wiring cost or prior; empty: none"},            \
  [metric] = {"metric", LP_PARAM_STRING, 0, 0, 0, "l2", "distance: l2, l1 or linf"},               \
  [normalize] = {                                                                                  \
      "normalize", LP_PARAM_STRING, 0, 0, 0, "none", "scale of P: none, fan_in, fan_out or total"}

/* P o w for a prior over (n_out, n_in) between the request's sheets; w itself where the cost is
 * empty or P is 1 everywhere. args: topology, cost, metric, normalize, in this order. */
static inline lp_val make_prior(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                                uint32_t n_out, uint32_t n_in, const lp_arg *args, lp_val w) {
  if (!args[1].text[0]) return w;
  lp_layer_request sheets = *req;
  sheets.n_out = n_out, sheets.n_in = n_in;
  lp_val in[LP_LINEAR_INPUTS] = {w};
  lp_op_params op = {0};
  if (host->prior(g, &sheets, args[0].text, args[1].text, args[2].text, args[3].text, in,
                  &op.linear) != LP_OK)
    return LP_NO_VAL; /* the graph keeps the failure */
  if (!in[LP_PRIOR_TABLE].id && !in[LP_PRIOR_DENSE].id) return w;
  return host->apply(g, LP_OP_PRIOR, &op, in, LP_LINEAR_INPUTS);
}

/* y = x W^T + b with `units` outputs. */
static inline lp_status make_dense(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                                   uint32_t units, lp_val in, lp_val *out) {
  lp_desc weight = lp_f32(units, req->n_in), bias = lp_f32(units), y;
  lp_val operands[] = {in, make_param(host, g, req, LP_ROLE_WEIGHT, "weight", &weight),
                       make_param(host, g, req, LP_ROLE_BIAS, "bias", &bias)};
  *out = host->apply(g, LP_OP_LINEAR, NULL, operands, 3);
  return host->shape(g, *out, &y); /* the graph's first error, if there is one */
}

#endif
