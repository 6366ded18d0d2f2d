/* Where the units of one layer are in a network's variables: what changes when they change places.
 */
#include "netspec.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <stdlib.h>
#include <string.h>

typedef struct search {
  const lp_netspec *n;
  const lp_graph *g;
  const lp_net *net;
  lp_net_units *out;
  uint32_t layer; /* whose units they are */
} search;

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "network: out of memory");
}

/* LP_LAYER_* of the layer's kind. */
static lp_status flags_of(const search *s, uint32_t i, uint32_t *flags) {
  lp_spec spec;
  char *text = lp_layer_spec_text(&s->n->layer[i], 1); /* the number of classes changes no flag */
  lp_status status = text ? lp_spec_parse(LP_KIND_LAYER, text, &spec) : out_of_memory();
  free(text);
  if (status != LP_OK) return status;
  *flags = ((const lp_layer *)spec.entry->descriptor)->flags;
  if (!*flags) *flags = LP_LAYER_FLAT;
  lp_spec_free(&spec);
  return LP_OK;
}

static lp_status refuse(const search *s, uint32_t i, const char *why) {
  const char *own = s->net->layer[s->layer].name;
  return i == s->layer
             ? lp_fail(LP_ERR_UNSUPPORTED, "the units of layer %s cannot change places: %s", own,
                       why)
             : lp_fail(LP_ERR_UNSUPPORTED,
                       "the units of layer %s cannot change places: %s reads them, and %s", own,
                       s->net->layer[i].name, why);
}

/* Under a prior a place is part of the function. */
static bool has_prior(const search *s, uint32_t i) {
  for (uint32_t k = 0; k < s->net->n_priors; k++)
    if (strcmp(s->net->prior[k].note.layer, s->net->layer[i].name) == 0) return true;
  return false;
}

static lp_status add_axis(const search *s, const char *name, uint32_t axis) {
  lp_net_units *u = s->out;
  lp_unit_axis *grown = realloc(u->axis, (u->n_axes + 1) * sizeof *grown);
  if (!grown) return out_of_memory();
  u->axis = grown;
  grown[u->n_axes++] = (lp_unit_axis){name, axis};
  return LP_OK;
}

/* The wires of a weight whose rows (`incoming`) or columns are the units. */
static lp_status add_wires(const search *s, uint32_t i, const char *weight, uint32_t other,
                           bool incoming) {
  lp_net_units *u = s->out;
  const lp_net_layer *l = &s->net->layer[i];
  lp_unit_wires *grown = realloc(u->wires, (u->n_wires + 1) * sizeof *grown);
  if (!grown) return out_of_memory();
  u->wires = grown;
  lp_unit_wires *w = &grown[u->n_wires++];
  *w = (lp_unit_wires){.weight = weight, .incoming = incoming, .others = other};
  w->ndim = incoming ? l->in_ndim : l->ndim;
  memcpy(w->extent, incoming ? l->in_extent : l->extent, sizeof w->extent);
  return LP_OK;
}

/* The parameters and running statistics of layer i, of which `axis` runs over the units: every one,
 * or of a reader the weights alone. */
static lp_status add_variables(const search *s, uint32_t i, uint32_t axis, uint32_t *found) {
  const lp_net_layer *l = &s->net->layer[i];
  *found = 0;
  for (lp_val v = {l->first}; v.id < l->end; v.id++) {
    const char *name = lp_graph_value_name(s->g, v);
    const lp_role role = lp_graph_role(s->g, v);
    lp_desc d;
    if (!*name || role > LP_ROLE_RUNNING) continue;
    if (axis == 1 && role != LP_ROLE_WEIGHT) continue;
    lp_status status = lp_graph_shape(s->g, v, &d);
    if (status != LP_OK) return status;
    if (d.ndim <= axis || d.ndim > 2 || d.dim[axis] != s->out->units)
      return refuse(s, i, "its parameters have another shape");
    status = add_axis(s, name, axis);
    if (status == LP_OK && role == LP_ROLE_WEIGHT)
      status = add_wires(s, i, name, (uint32_t)d.dim[!axis], axis == 0);
    if (status != LP_OK) return status;
    ++*found;
  }
  return LP_OK;
}

static bool reads(const search *s, uint32_t j, uint32_t i) {
  const lp_layerspec *l = &s->n->layer[j];
  if (!l->n_from) return j == i + 1;
  for (uint32_t k = 0; k < l->n_from; k++)
    if (strcmp(l->from[k], s->n->layer[i].name) == 0) return true;
  return false;
}

static bool same_shape(const search *s, uint32_t i, uint32_t j) {
  lp_desc a, b;
  return lp_graph_shape(s->g, s->net->layer[i].out, &a) == LP_OK &&
         lp_graph_shape(s->g, s->net->layer[j].out, &b) == LP_OK && lp_desc_equal(&a, &b);
}

/* Follows the units from layer i to what mixes them; unit-by-unit layers go along. */
static lp_status follow(const search *s, uint32_t i, uint32_t *readers) {
  lp_status status = LP_OK;
  for (uint32_t j = i + 1; j < s->net->n_layers && status == LP_OK; j++) {
    if (!reads(s, j, i)) continue;
    uint32_t flags, found;
    ++*readers;
    status = flags_of(s, j, &flags);
    if (status != LP_OK) return status;
    if (flags & LP_LAYER_JOIN) return refuse(s, j, "it joins them with units of other layers");
    if (has_prior(s, j)) return refuse(s, j, "its prior knows their places");
    const bool along = flags & LP_LAYER_SAME;
    status = add_variables(s, j, along ? 0 : 1, &found);
    if (status != LP_OK) return status;
    if (!along && !found && !same_shape(s, i, j))
      return refuse(s, j, "it is not known which of its units are which");
    if (along || !found) status = follow(s, j, readers);
  }
  return status;
}

static lp_status check_layer(const search *s) {
  const lp_net_layer *l = &s->net->layer[s->layer];
  uint32_t flags;
  lp_desc d;
  lp_status status = flags_of(s, s->layer, &flags);
  if (status == LP_OK) status = lp_graph_shape(s->g, l->out, &d);
  if (status != LP_OK) return status;
  if (flags == LP_LAYER_STEPS)
    return refuse(s, s->layer, "it is recurrent, its units are on both sides of its weights");
  if (d.ndim != 2) return refuse(s, s->layer, "they are channels or steps, which share weights");
  if (flags & (LP_LAYER_SAME | LP_LAYER_JOIN))
    return refuse(s, s->layer, "it has no weights; name the layer whose units they are");
  if (!l->ndim) return refuse(s, s->layer, "they stand on no sheet; give it a `sheet:`");
  if (has_prior(s, s->layer)) return refuse(s, s->layer, "its prior knows their places");
  s->out->units = (uint32_t)d.dim[1];
  s->out->ndim = l->ndim;
  memcpy(s->out->extent, l->extent, sizeof l->extent);
  return LP_OK;
}

lp_status lp_net_units_of(const lp_netspec *n, const lp_graph *g, const lp_net *net,
                          const char *layer, lp_net_units *out) {
  search s = {n, g, net, out, 0};
  uint32_t found, readers = 0;
  *out = (lp_net_units){0};
  while (s.layer < net->n_layers && strcmp(net->layer[s.layer].name, layer) != 0) s.layer++;
  if (s.layer == net->n_layers) {
    const char **names = malloc((net->n_layers + 1) * sizeof *names);
    if (!names) return out_of_memory();
    for (uint32_t i = 0; i < net->n_layers; i++) names[i] = net->layer[i].name;
    lp_fail(LP_ERR_NOT_FOUND, "network %s has no layer '%s'%s", lp_netspec_name(n), layer,
            lp_did_you_mean(layer, names, net->n_layers).text);
    free(names);
    return LP_ERR_NOT_FOUND;
  }
  lp_status status = check_layer(&s);
  if (status == LP_OK) status = add_variables(&s, s.layer, 0, &found);
  if (status == LP_OK && !found) status = refuse(&s, s.layer, "it has no weights");
  if (status == LP_OK) status = follow(&s, s.layer, &readers);
  if (status == LP_OK && !readers) status = refuse(&s, s.layer, "they are the classes");
  if (status != LP_OK) lp_net_units_free(out);
  return status;
}

void lp_net_units_free(lp_net_units *u) {
  free(u->axis);
  free(u->wires);
  *u = (lp_net_units){0};
}
