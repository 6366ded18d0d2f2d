/* The table of functions that plugins get instead of linking the library, and loading modules with
 * it. It stands above all that it hands out. */
#include "../registry/host.h"
#include "../measure/builtin.h"

#include <locality/graph.h>
#include <locality/io.h>
#include <locality/prior.h>
#include <locality/registry.h>

#include <string.h>

/* What a layer asks for, and the store that lends priors: the request's, or *own, to be freed. */
static lp_prior_store *begin(const lp_layer_request *req, const char *const text[4],
                             lp_prior_spec *spec, lp_prior_store **own) {
  *spec = (lp_prior_spec){.n_out = req->n_out,
                          .n_in = req->n_in,
                          .topology = text[0],
                          .cost = text[1],
                          .metric = text[2],
                          .normalize = text[3],
                          .seed = req->seed};
  memcpy(spec->extent_out, req->extent_out, sizeof spec->extent_out);
  memcpy(spec->extent_in, req->extent_in, sizeof spec->extent_in);
  *own = req->core ? NULL : lp_prior_store_new();
  return req->core ? (lp_prior_store *)(uintptr_t)req->core : *own;
}

static lp_status end(lp_graph *g, const lp_layer_request *req, lp_prior_store *own, lp_status s) {
  lp_prior_store_free(own);
  if (s != LP_OK && lp_graph_status(g) == LP_OK)
    s = lp_graph_fail(g, s, "layer %s: %s", req->path, lp_error_message());
  return s;
}

static lp_status host_prior(lp_graph *g, const lp_layer_request *req, const char *topology,
                            const char *cost, const char *metric, const char *normalize,
                            lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params) {
  lp_prior_spec spec;
  lp_prior_store *own,
      *lent = begin(req, (const char *const[]){topology, cost, metric, normalize}, &spec, &own);
  if (!lent) return lp_graph_fail(g, LP_ERR_MEMORY, "layer %s: out of memory", req->path);
  return end(g, req, own, lp_prior_store_operands(lent, &spec, g, req->path, operands, params));
}

static lp_status host_linear_prior(lp_graph *g, const lp_layer_request *req, const char *topology,
                                   const char *cost, const char *metric, const char *normalize,
                                   lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params) {
  lp_prior_spec spec;
  if (req->matrix) return host_prior(g, req, topology, cost, metric, normalize, operands, params);
  lp_prior_store *own,
      *lent = begin(req, (const char *const[]){topology, cost, metric, normalize}, &spec, &own);
  if (!lent) return lp_graph_fail(g, LP_ERR_MEMORY, "layer %s: out of memory", req->path);
  return end(g, req, own, lp_prior_store_linear(lent, &spec, g, req->path, operands, params));
}

static lp_status host_wires(lp_graph *g, const lp_layer_request *req, const char *topology,
                            const char *cost, const char *metric, const char *normalize,
                            lp_val operands[LP_SPARSE_INPUTS], bool *local) {
  lp_prior_spec spec;
  *local = false;
  if (req->matrix) return LP_OK;
  lp_prior_store *own,
      *lent = begin(req, (const char *const[]){topology, cost, metric, normalize}, &spec, &own);
  if (!lent) return lp_graph_fail(g, LP_ERR_MEMORY, "layer %s: out of memory", req->path);
  return end(g, req, own, lp_prior_store_wires(lent, &spec, g, req->path, operands, local));
}

static const lp_host table = {
    .struct_size = sizeof(lp_host),
    .abi_major = LP_ABI_MAJOR,
    .abi_minor = LP_ABI_MINOR,
    .version = LP_VERSION,
    .log = lp_log,
    .fail = lp_fail,
    .add_topology = lp_add_topology,
    .add_cost = lp_add_cost,
    .add_prior = lp_add_prior,
    .add_layer = lp_add_layer,
    .add_backend = lp_add_backend,
    .apply = lp_apply,
    .param = lp_graph_param,
    .state = lp_graph_state,
    .constant = lp_graph_constant,
    .shape = lp_graph_shape,
    .graph_fail = lp_graph_fail,
    .prior = host_prior,
    .cache_path = lp_cache_path,
    .write_file = lp_write_file,
    .error_message = lp_error_message,
    .leaf = lp_graph_leaf,
    .add_penalty = lp_add_penalty,
    .add_measure = lp_add_measure,
    .wires = host_wires,
    .constant_data = lp_graph_constant_data,
    .linear_prior = host_linear_prior,
};

lp_status lp_registry_load(void) {
  return lp_modules_load(&table, lp_measures_register);
}
