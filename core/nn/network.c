/* A network's text built into a graph, layer by layer. */
#include "netspec.h"

#include "../base/text.h"

#include "../base/numbers.h"

#include <locality/nn.h>
#include <locality/registry.h>
#include <locality/rng.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The output of a layer, the sheet that its units stand on (units 0: none), and the layer that has
 * these units. */
typedef struct node {
  lp_val val;
  lp_sheet sheet;
  const char *units_of;
} node;

typedef struct builder {
  const lp_netspec *n;
  const lp_net_spec *spec;
  lp_graph *g;
  lp_mode mode;
  node input, *node; /* of every layer */
  lp_net *net;
} builder;

/* ---- shapes -------------------------------------------------------------------------------- */

/* "(N, 20, 4, 4)" without N's number, which is the batch. */
static const char *shape_text(const lp_desc *d, char out[96]) {
  size_t used = (size_t)snprintf(out, 96, "(N");
  for (uint32_t i = 1; i < d->ndim; i++)
    used += (size_t)snprintf(out + used, 96 - used, ", %lld", (long long)d->dim[i]);
  snprintf(out + used, 96 - used, ")");
  return out;
}

/* What stands on a sheet: units, of maps the channels, of sequences the units of a step. */
static int64_t unit_count(const lp_desc *d) {
  return d->dim[d->ndim == 3 ? 2 : 1];
}

static uint32_t shape_flag(const lp_desc *d) {
  return d->ndim == 2 ? LP_LAYER_FLAT : d->ndim == 3 ? LP_LAYER_STEPS : LP_LAYER_MAPS;
}

/* Does the layer take what it is given? */
static lp_status check_input(const lp_layer *row, uint32_t flags, const char *from,
                             const lp_desc *d, uint32_t n_inputs) {
  char shape[96];
  if (n_inputs > 1 && !(flags & LP_LAYER_JOIN))
    return lp_fail(LP_ERR_ARG, "from: %s takes one input, not %u", row->name, n_inputs);
  if (flags & shape_flag(d)) return LP_OK;
  bool flat = flags & LP_LAYER_FLAT;
  const char *steps = !(flags & LP_LAYER_STEPS)                 ? ""
                      : flags & (LP_LAYER_FLAT | LP_LAYER_MAPS) ? " or steps (N, T, I)"
                                                                : "steps (N, T, I)";
  return lp_fail(
      LP_ERR_SHAPE, "%s takes %s%s%s; its input %s is %s%s", row->name, flat ? "units (N, I)" : "",
      flags & LP_LAYER_MAPS ? flat ? " or maps (N, C, H, W)" : "maps (N, C, H, W)" : "", steps,
      from, shape_text(d, shape), flat && d->ndim > 2 ? ": put flatten before it" : "");
}

/* ---- one layer ----------------------------------------------------------------------------- */

static const node *find_node(const builder *b, const char *name, uint32_t end) {
  for (uint32_t k = 0; k < end; k++)
    if (strcmp(b->n->layer[k].name, name) == 0) return &b->node[k];
  return &b->input; /* the text was checked */
}

static const node *input_of(const builder *b, uint32_t i, uint32_t k, const char **name) {
  const lp_layerspec *l = &b->n->layer[i];
  *name = l->n_from ? l->from[k] : i ? b->n->layer[i - 1].name : "input";
  return l->n_from ? find_node(b, l->from[k], i) : i ? &b->node[i - 1] : &b->input;
}

/* The sheet of a layer's output: its own, else its input's where units correspond, else that of the
 * pixels of one channel. */
static lp_status sheet_of(const builder *b, uint32_t i, uint32_t flags, const node *in,
                          const lp_desc *out, lp_sheet *sheet) {
  const lp_layerspec *l = &b->n->layer[i];
  lp_desc d;
  *sheet = (lp_sheet){0};
  if (l->sheet) return lp_sheet_parse(l->sheet, sheet);
  lp_status status = lp_graph_shape(b->g, in->val, &d);
  if (status != LP_OK) return status;
  if (flags & LP_LAYER_SAME) {
    *sheet = in->sheet;
  } else if (d.ndim == 4 && d.dim[1] == 1 && out->ndim == 2 && out->dim[1] == d.dim[2] * d.dim[3]) {
    *sheet = (lp_sheet){2, {(uint32_t)d.dim[2], (uint32_t)d.dim[3]}, (uint32_t)out->dim[1]};
  }
  return LP_OK;
}

static lp_status check_sheet(const lp_layerspec *l, const lp_sheet *sheet, const lp_desc *out) {
  if (!l->sheet || unit_count(out) == (int64_t)sheet->units) return LP_OK;
  return lp_fail(LP_ERR_SHAPE, "sheet %s holds %u units, the layer has %lld", l->sheet,
                 sheet->units, (long long)unit_count(out));
}

/* x gain + offset, unit by unit: batch normalisation of mean 0 and variance 1, without an epsilon,
 * is that, so no backend knows of it. */
static lp_status steer(builder *b, const lp_layerspec *l, node *out, const lp_desc *d) {
  if (!l->record || !b->spec->steer || b->mode != LP_EVAL) return LP_OK;
  const uint32_t units = (uint32_t)unit_count(d);
  const lp_desc each = lp_f32(units);
  static const char *const name[4] = {"gain", "offset", "zero", "one"};
  lp_val in[5] = {out->val};
  for (int k = 0; k < 4; k++) {
    char path[300];
    snprintf(path, sizeof path, "%s.%s", l->name, name[k]);
    const lp_init init = {.kind = LP_INIT_CONST, .value = k == 0 || k == 3};
    in[k + 1] = lp_graph_leaf(b->g, LP_ROLE_SCRATCH, path, &each, &init);
  }
  const uint32_t n = (uint32_t)d->dim[0], rows = (uint32_t)(lp_numel(d) / units);
  const lp_op_params flat = {.shape = {2, {rows, units}}},
                     back = {.shape = {3, {n, rows / n, units}}}, plain = {.batchnorm = {0, 0}};
  if (d->ndim > 2) in[0] = lp_apply(b->g, LP_OP_RESHAPE, &flat, in, 1);
  out->val = lp_apply(b->g, LP_OP_BATCHNORM_EVAL, &plain, in, 5);
  if (d->ndim > 2) out->val = lp_apply(b->g, LP_OP_RESHAPE, &back, &out->val, 1);
  return lp_graph_shape(b->g, out->val, &(lp_desc){0});
}

static lp_status add_site(builder *b, const lp_layerspec *l, const node *out, const lp_desc *d) {
  if (!l->record) return LP_OK;
  char shape[96];
  if (d->ndim != 2 && d->ndim != 3)
    return lp_fail(LP_ERR_UNSUPPORTED,
                   "record: %s is %s; only units (N, I), once or at every step (N, T, I), can be "
                   "recorded",
                   l->name, shape_text(d, shape));
  lp_site *s = &b->net->site[b->net->n_sites++];
  *s = (lp_site){.name = l->record,
                 .layer = l->name,
                 .units_of = out->units_of,
                 .units = (uint32_t)unit_count(d),
                 .steps = d->ndim == 3 ? (uint32_t)d->dim[1] : 1,
                 .val = out->val};
  s->ndim = out->sheet.ndim;
  memcpy(s->extent, out->sheet.extent, sizeof s->extent);
  return LP_OK;
}

/* The priors that the layer which was just built put into the graph. */
static lp_status add_priors(builder *b, const lp_layerspec *l, const node *in, const lp_desc *d) {
  lp_net *net = b->net;
  uint32_t n;
  const lp_prior_note *note = lp_graph_priors(b->g, &n);
  if (n == net->n_priors) return LP_OK;
  lp_net_prior *grown = realloc(net->prior, n * sizeof *grown);
  if (!grown) return lp_fail(LP_ERR_MEMORY, "out of memory");
  net->prior = grown;
  for (; net->n_priors < n; net->n_priors++)
    grown[net->n_priors] =
        (lp_net_prior){note[net->n_priors], d->ndim == 3 ? l->name : in->units_of};
  return LP_OK;
}

static lp_status call_layer(builder *b, uint32_t i, const lp_spec *spec, node *out) {
  const lp_layerspec *l = &b->n->layer[i];
  const lp_layer *row = spec->entry->descriptor;
  const uint32_t flags = row->flags ? row->flags : LP_LAYER_FLAT;
  const uint32_t n_inputs = l->n_from ? l->n_from : 1;
  lp_val *inputs = calloc(n_inputs, sizeof *inputs);
  if (!inputs) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status status = LP_OK;
  lp_desc d = {0}, first = {0};
  for (uint32_t k = 0; k < n_inputs && status == LP_OK; k++) {
    const char *from;
    inputs[k] = input_of(b, i, k, &from)->val;
    status = lp_graph_shape(b->g, inputs[k], &d);
    if (status == LP_OK) status = check_input(row, flags, from, &d, n_inputs);
    if (k == 0) first = d;
  }
  const char *from;
  const node *in = input_of(b, i, 0, &from);
  lp_sheet own = {0};
  if (status == LP_OK && l->sheet) status = lp_sheet_parse(l->sheet, &own);
  if (status == LP_OK && !(flags & (LP_LAYER_OWN | LP_LAYER_SAME)) && !l->sheet)
    status = lp_fail(LP_ERR_ARG, "%s needs a sheet: {layer: %s, sheet: ROWSxCOLUMNS}", row->name,
                     row->name);
  lp_layer_request req = {.struct_size = sizeof req,
                          .n_in = (uint32_t)lp_inner(&first),
                          .n_out = own.units,
                          .path = l->name,
                          .mode = b->mode,
                          .classes = b->spec->classes,
                          .stream = lp_rng_stream(l->name),
                          .n_inputs = n_inputs,
                          .inputs = inputs,
                          .core = b->spec->priors,
                          .matrix = l->penalty != NULL,
                          .seed = b->spec->seed};
  if (lp_sheet_is_lattice(&own)) memcpy(req.extent_out, own.extent, sizeof own.extent);
  if (lp_sheet_is_lattice(&in->sheet) && in->sheet.units == unit_count(&first))
    memcpy(req.extent_in, in->sheet.extent, sizeof in->sheet.extent);
  if (status == LP_OK) status = row->build(row->self, spec->args, b->g, &req, inputs[0], &out->val);
  if (status == LP_OK) status = add_priors(b, l, in, &first);
  out->units_of = flags & LP_LAYER_SAME ? in->units_of : l->name;
  if (status == LP_OK) status = lp_graph_shape(b->g, out->val, &d);
  if (status == LP_OK) status = sheet_of(b, i, flags, in, &d, &out->sheet);
  if (status == LP_OK) status = check_sheet(l, &out->sheet, &d);
  if (status == LP_OK) status = steer(b, l, out, &d);
  if (status == LP_OK) status = add_site(b, l, out, &d);
  if (status == LP_OK && l->penalty && b->mode == LP_TRAIN)
    status = lp_penalty_add(b->g, l, &req, &in->sheet, &out->sheet, b->net->layer[i].first,
                            out->val, flags == LP_LAYER_STEPS, b->net);
  free(inputs);
  return status;
}

static lp_status build_layer(builder *b, uint32_t i) {
  const lp_layerspec *l = &b->n->layer[i];
  lp_net_layer *built = &b->net->layer[i];
  *built = (lp_net_layer){
      .name = l->name, .spec = l->spec, .site = l->record, .first = lp_graph_value_count(b->g) + 1};
  char *text = lp_layer_spec_text(l, b->spec->classes);
  if (!text) return lp_fail(LP_ERR_MEMORY, "network: out of memory");
  lp_spec spec;
  lp_status status = lp_spec_parse(LP_KIND_LAYER, text, &spec);
  free(text);
  if (status == LP_OK) {
    status = call_layer(b, i, &spec, &b->node[i]);
    lp_spec_free(&spec);
  }
  if (status != LP_OK) return lp_layer_fail(b->n, l, status);
  built->out = b->node[i].val;
  built->matrix = l->penalty != NULL;
  built->ndim = b->node[i].sheet.ndim;
  memcpy(built->extent, b->node[i].sheet.extent, sizeof built->extent);
  const char *from;
  const lp_sheet *in = &input_of(b, i, 0, &from)->sheet;
  built->in_ndim = in->ndim;
  memcpy(built->in_extent, in->extent, sizeof built->in_extent);
  built->end = lp_graph_value_count(b->g) + 1;
  return LP_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static lp_status build_layers(builder *b, lp_val x) {
  lp_net *net = b->net;
  const uint32_t n = b->n->n_layers;
  b->input = (node){.val = x, .units_of = "input"};
  b->node = calloc(n, sizeof *b->node);
  net->layer = calloc(n, sizeof *net->layer);
  net->site = calloc(n, sizeof *net->site);
  uint32_t terms = 0;
  for (uint32_t i = 0; i < n; i++) terms += b->n->layer[i].n_terms;
  net->penalty = calloc(terms + 1, sizeof *net->penalty);
  lp_status status = LP_OK;
  if (!b->node || !net->layer || !net->site || !net->penalty)
    status = lp_fail(LP_ERR_MEMORY, "network: out of memory");
  for (uint32_t i = 0; i < n && status == LP_OK; i++) {
    status = build_layer(b, i);
    net->n_layers += status == LP_OK;
  }
  if (status == LP_OK) {
    lp_desc d;
    char shape[96];
    net->logits = b->node[n - 1].val;
    status = lp_graph_shape(b->g, net->logits, &d);
    if (status == LP_OK && (d.ndim != 2 || d.dim[1] != (int64_t)b->spec->classes))
      status = lp_layer_fail(b->n, &b->n->layer[n - 1],
                             lp_fail(LP_ERR_SHAPE,
                                     "the last layer gives %s, the data have %u classes; end with "
                                     "linear:units=$classes",
                                     shape_text(&d, shape), b->spec->classes));
  }
  free(b->node);
  return status;
}

/* Replaces *n by the same network with a knob set. */
static lp_status set_knob(lp_netspec **n, const char *key, const char *value) {
  lp_netspec *changed;
  lp_status status = lp_netspec_with(*n, key, value, &changed);
  if (status != LP_OK) return status;
  lp_netspec_free(*n);
  *n = changed;
  return LP_OK;
}

/* Makes every change of "KEY=VALUE,KEY=VALUE"; the text is cut up. */
static lp_status apply_changes(lp_netspec **n, char *changes) {
  lp_status status = LP_OK;
  for (char *token; status == LP_OK && (token = lp_next_token(&changes));) {
    char *equals = strchr(token, '=');
    if (!equals)
      return lp_fail(LP_ERR_ARG, "network %s: '%s' is not KEY=VALUE", lp_netspec_name(*n), token);
    *equals = '\0';
    status = set_knob(n, lp_trim(token), lp_unwrap(lp_trim(equals + 1)));
  }
  return status;
}

lp_status lp_netspec_change(const lp_netspec *n, const char *changes, lp_netspec **out) {
  lp_status status = lp_netspec_copy(n, out);
  if (status != LP_OK) return status;
  char *text = strdup(changes);
  if (!text)
    status = lp_fail(LP_ERR_MEMORY, "network: out of memory");
  else if (!lp_balanced(changes))
    status = lp_fail(LP_ERR_ARG, "network %s: parentheses do not match in '%s'", lp_netspec_name(n),
                     changes);
  else
    status = apply_changes(out, text);
  free(text);
  if (status == LP_OK) return LP_OK;
  lp_netspec_free(*out);
  *out = NULL;
  return status;
}

lp_status lp_net_spec_network(const lp_net_spec *spec, lp_netspec **out) {
  if (spec->network) return lp_netspec_copy(spec->network, out);
  lp_status status = lp_netspec_load(spec->model, out);
  char text[64];
  if (status == LP_OK && spec->layer) status = set_knob(out, "layer", spec->layer);
  if (status == LP_OK && spec->sheet[0] && spec->sheet[1]) {
    snprintf(text, sizeof text, "%ux%u", spec->sheet[0], spec->sheet[1]);
    status = set_knob(out, "sheet", text);
  }
  const struct {
    const char *key;
    float value;
  } rate[] = {{"dropout", spec->dropout}, {"dropout2d", spec->dropout2d}};
  for (size_t i = 0; i < 2 && status == LP_OK; i++) {
    if (rate[i].value < 0) continue;
    snprintf(text, sizeof text, "%.9g", (double)rate[i].value);
    status = set_knob(out, rate[i].key, text);
  }
  if (status == LP_OK && spec->set && *spec->set) {
    lp_netspec *changed;
    status = lp_netspec_change(*out, spec->set, &changed);
    if (status == LP_OK) {
      lp_netspec_free(*out);
      *out = changed;
    }
  }
  if (status == LP_OK) return LP_OK;
  lp_netspec_free(*out);
  *out = NULL;
  return status;
}

lp_status lp_net_input(const char *model, uint32_t *size, uint32_t *resize) {
  LP_POINT_NUMBERS;
  lp_netspec *n;
  lp_status status = lp_netspec_load(model, &n);
  if (status != LP_OK) return status;
  lp_netspec_input(n, size, resize);
  lp_netspec_free(n);
  return LP_OK;
}

lp_status lp_net_build(const lp_net_spec *spec, lp_graph *g, uint32_t n, lp_mode mode,
                       uint32_t history, lp_net *out) {
  LP_POINT_NUMBERS;
  memset(out, 0, sizeof *out);
  lp_status status = spec->network ? LP_OK : lp_net_spec_network(spec, &out->own);
  if (status != LP_OK) return status;
  lp_desc images = LP_DESC(LP_U8, n, spec->in_channels, spec->in_h, spec->in_w);
  lp_desc labels = LP_DESC(LP_I32, n);
  out->images = lp_input(g, "images", &images);
  out->labels = lp_input(g, "labels", &labels);
  lp_op_params normalize = {.normalize = spec->pixels};
  lp_val x = lp_apply(g, LP_OP_NORMALIZE, &normalize, &out->images, 1);
  builder b = {
      .n = out->own ? out->own : spec->network, .spec = spec, .g = g, .mode = mode, .net = out};
  status = lp_graph_status(g);
  if (status == LP_OK) status = build_layers(&b, x);
  if (status != LP_OK) return status;

  lp_val in[3] = {out->logits, out->labels, LP_NO_VAL};
  if (history) {
    lp_desc rows = lp_f32(history, 4);
    lp_init zero = {LP_INIT_CONST, 0.0f, NULL};
    out->rows = mode == LP_TRAIN ? lp_graph_leaf(g, LP_ROLE_METRIC, "metrics.train", &rows, &zero)
                                 : lp_graph_leaf(g, LP_ROLE_SCRATCH, "metrics.eval", &rows, &zero);
    in[2] = out->rows;
  }
  out->loss = lp_apply(g, LP_OP_CROSS_ENTROPY, NULL, in, 3);
  out->log_probs = lp_output(out->loss, 1);
  return lp_penalty_sum(g, out);
}

void lp_net_free(lp_net *net) {
  free(net->site);
  free(net->layer);
  free(net->penalty);
  free(net->prior);
  lp_netspec_free(net->own);
  net->site = NULL;
  net->layer = NULL;
  net->penalty = NULL;
  net->prior = NULL;
  net->own = NULL;
  net->n_sites = net->n_layers = net->n_priors = net->n_penalties = 0;
}

const lp_site *lp_net_site(const lp_net *net, const char *name) {
  for (uint32_t i = 0; i < net->n_sites; i++)
    if (strcmp(net->site[i].name, name) == 0) return &net->site[i];
  return NULL;
}
