/* The prior of a layer, from the layer's spec. */
#include "prior_internal.h"

#include <string.h>

static const char *argument(const lp_spec *layer, const char *name) {
  for (uint32_t i = 0; i < layer->entry->n_params; i++)
    if (strcmp(layer->entry->params[i].name, name) == 0) return layer->args[i].text;
  return NULL;
}

lp_status lp_prior_of_layer(const char *layer, const uint32_t sheet[2], const char *topology,
                            uint64_t seed, lp_prior **out) {
  *out = NULL;
  lp_spec spec = {0};
  lp_status s = lp_registry_load();
  if (s == LP_OK) s = lp_spec_parse(LP_KIND_LAYER, layer, &spec);
  if (s != LP_OK) return s;
  const char *cost = argument(&spec, "cost");
  if (cost && *cost) {
    /* As a network gives them to the layer. */
    lp_prior_spec p = {.n_out = sheet[0] * sheet[1],
                       .n_in = sheet[0] * sheet[1],
                       .extent_out = {sheet[0], sheet[1]},
                       .extent_in = {sheet[0], sheet[1]},
                       .topology = topology ? topology : argument(&spec, "topology"),
                       .cost = cost,
                       .metric = argument(&spec, "metric"),
                       .normalize = topology ? NULL : argument(&spec, "normalize"),
                       .seed = seed};
    s = lp_prior_build(&p, out);
  } else {
    s = lp_fail(LP_ERR_NOT_FOUND, "layer %s has no prior", layer);
  }
  lp_spec_free(&spec);
  return s;
}
