/* Reading a network's YAML: what was written, with the line of every layer. */
#include "netspec.h"

#include "../base/text.h"
#include "../io/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in the file we are. */
typedef struct reader {
  lp_netspec *n;
  yaml_document_t *doc;
} reader;

static lp_status fail_at(const reader *r, const yaml_node_t *node, lp_status status) {
  return lp_yaml_fail(r->n->where, node, status);
}

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "network: out of memory");
}

static const yaml_node_t *node_of(const reader *r, int id) {
  return yaml_document_get_node(r->doc, id);
}

static lp_status take_text(const reader *r, const char *key, const yaml_node_t *value, char **out) {
  const char *text = lp_yaml_text(value);
  if (!text) return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "%s: not a single value", key));
  if (*out) return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "%s: given twice", key));
  *out = strdup(text);
  return *out ? LP_OK : no_memory();
}

/* ---- mappings with known keys -------------------------------------------------------------- */

typedef lp_status (*take_fn)(reader *r, void *into, const char *key, const yaml_node_t *value);
typedef struct field {
  const char *key;
  take_fn take;
} field;

static lp_status unknown_field(const field *fields, uint32_t n, const char *what, const char *key) {
  const char *names[16];
  for (uint32_t i = 0; i < n; i++) names[i] = fields[i].key;
  return lp_fail(LP_ERR_NOT_FOUND, "%s has no '%s'%s", what, key,
                 lp_did_you_mean_or(key, names, n).text);
}

/* Every pair of a mapping goes to the field of its key. */
static lp_status read_mapping(reader *r, const yaml_node_t *node, const char *what,
                              const field *fields, uint32_t n, void *into) {
  if (node->type != YAML_MAPPING_NODE)
    return fail_at(r, node, lp_fail(LP_ERR_FORMAT, "%s is not a list of 'key: value'", what));
  bool seen[16] = {false};
  for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
       p++) {
    const yaml_node_t *key_node = node_of(r, p->key);
    const char *key = lp_yaml_text(key_node);
    if (!key) return fail_at(r, key_node, lp_fail(LP_ERR_FORMAT, "%s: a key is not text", what));
    uint32_t i = 0;
    while (i < n && strcmp(fields[i].key, key) != 0) i++;
    if (i == n) return fail_at(r, key_node, unknown_field(fields, n, what, key));
    if (seen[i])
      return fail_at(r, key_node, lp_fail(LP_ERR_FORMAT, "%s: %s is given twice", what, key));
    seen[i] = true;
    lp_status status = fields[i].take(r, into, key, node_of(r, p->value));
    if (status != LP_OK) return status;
  }
  return LP_OK;
}

/* ---- layers -------------------------------------------------------------------------------- */

static lp_status take_spec(reader *r, void *into, const char *key, const yaml_node_t *value) {
  return take_text(r, key, value, &((lp_layerspec *)into)->spec);
}

static lp_status take_sheet(reader *r, void *into, const char *key, const yaml_node_t *value) {
  return take_text(r, key, value, &((lp_layerspec *)into)->sheet);
}

static lp_status take_record(reader *r, void *into, const char *key, const yaml_node_t *value) {
  return take_text(r, key, value, &((lp_layerspec *)into)->record);
}

/* SPEC, or [SPEC, SPEC], which becomes "(SPEC),(SPEC)". */
static lp_status take_penalty(reader *r, void *into, const char *key, const yaml_node_t *value) {
  char **out = &((lp_layerspec *)into)->penalty;
  if (value->type != YAML_SEQUENCE_NODE) return take_text(r, key, value, out);
  const yaml_node_item_t *item = value->data.sequence.items.start,
                         *end = value->data.sequence.items.top;
  if (item == end) return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "penalty: names none"));
  size_t size;
  lp_status status = LP_OK;
  FILE *f = open_memstream(out, &size);
  if (!f) return no_memory();
  for (bool first = true; item < end && status == LP_OK; item++, first = false) {
    char *text = NULL;
    status = take_text(r, key, node_of(r, *item), &text);
    fprintf(f, "%s(%s)", first ? "" : ",", text ? text : "");
    free(text);
  }
  return fclose(f) == 0 || status != LP_OK ? status : no_memory();
}

/* NAME, or [NAME, NAME]. */
static lp_status take_from(reader *r, void *into, const char *key, const yaml_node_t *value) {
  lp_layerspec *l = into;
  bool list = value->type == YAML_SEQUENCE_NODE;
  size_t n = list ? (size_t)(value->data.sequence.items.top - value->data.sequence.items.start) : 1;
  if (!n) return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "from: names no layer"));
  l->from = calloc(n, sizeof *l->from);
  if (!l->from) return no_memory();
  for (size_t i = 0; i < n; i++) {
    const yaml_node_t *item = list ? node_of(r, value->data.sequence.items.start[i]) : value;
    lp_status status = take_text(r, key, item, &l->from[i]);
    if (status != LP_OK) return status;
    l->n_from++;
  }
  return LP_OK;
}

static const field layer_fields[] = {{"layer", take_spec},
                                     {"sheet", take_sheet},
                                     {"record", take_record},
                                     {"penalty", take_penalty},
                                     {"from", take_from}};

/* SPEC, NAME: SPEC, NAME: {layer: SPEC, ...} or SPEC: {...}. */
static lp_status read_layer(reader *r, const yaml_node_t *node, lp_layerspec *l) {
  l->line = (uint32_t)node->start_mark.line + 1;
  if (node->type == YAML_SCALAR_NODE) return take_text(r, "layers", node, &l->spec);
  const yaml_node_pair_t *p =
      node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
  if (!p || node->data.mapping.pairs.top - p != 1)
    return fail_at(r, node,
                   lp_fail(LP_ERR_FORMAT, "layers: an entry is SPEC, NAME: SPEC or NAME: {layer: "
                                          "SPEC, ...}"));
  const yaml_node_t *key = node_of(r, p->key), *value = node_of(r, p->value);
  if (!lp_yaml_text(key))
    return fail_at(r, key, lp_fail(LP_ERR_FORMAT, "layers: a layer's name is not text"));
  if (value->type == YAML_SCALAR_NODE) {
    lp_status status = take_text(r, "layers", key, &l->name);
    return status == LP_OK ? take_text(r, l->name, value, &l->spec) : status;
  }
  lp_status status = read_mapping(r, value, lp_yaml_text(key), layer_fields,
                                  (uint32_t)(sizeof layer_fields / sizeof *layer_fields), l);
  if (status != LP_OK) return status;
  return take_text(r, "layers", key, l->spec ? &l->name : &l->spec);
}

static lp_status take_layers(reader *r, void *into, const char *key, const yaml_node_t *value) {
  (void)into;
  if (value->type != YAML_SEQUENCE_NODE)
    return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "%s is not a list of layers", key));
  const yaml_node_item_t *item = value->data.sequence.items.start;
  size_t n = (size_t)(value->data.sequence.items.top - item);
  if (!n) return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "%s: the network has none", key));
  if (n > LP_MAX_LAYERS)
    return fail_at(
        r, value,
        lp_fail(LP_ERR_FORMAT, "%s: %zu of them, at most %d can be", key, n, LP_MAX_LAYERS));
  r->n->written = calloc(n, sizeof *r->n->written);
  if (!r->n->written) return no_memory();
  r->n->n_layers = (uint32_t)n;
  lp_status status = LP_OK;
  for (size_t i = 0; i < n && status == LP_OK; i++)
    status = read_layer(r, node_of(r, item[i]), &r->n->written[i]);
  return status;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static lp_status take_pixels(reader *r, void *into, const char *key, const yaml_node_t *value) {
  const char *text = lp_yaml_text(value);
  uint64_t v;
  if (!text || !lp_whole(text, 1, 65535, &v))
    return fail_at(
        r, value,
        lp_fail(LP_ERR_FORMAT, "input: %s is not a number of pixels from 1 to 65535", key));
  *(strcmp(key, "size") == 0 ? &((lp_netspec *)into)->size : &((lp_netspec *)into)->resize) =
      (uint32_t)v;
  return LP_OK;
}

static lp_status take_input(reader *r, void *into, const char *key, const yaml_node_t *value) {
  static const field fields[] = {{"size", take_pixels}, {"resize", take_pixels}};
  lp_netspec *n = into;
  lp_status status = read_mapping(r, value, key, fields, 2, into);
  if (status != LP_OK) return status;
  if (!n->size) return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "input: size is missing"));
  if (!n->resize) n->resize = n->size;
  if (n->resize < n->size)
    return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "input: resize is smaller than size"));
  return LP_OK;
}

/* Knobs have names of the user's own. */
static lp_status take_knobs(reader *r, void *into, const char *key, const yaml_node_t *value) {
  lp_netspec *n = into;
  if (value->type != YAML_MAPPING_NODE)
    return fail_at(r, value, lp_fail(LP_ERR_FORMAT, "%s is not a list of 'name: value'", key));
  const yaml_node_pair_t *p = value->data.mapping.pairs.start;
  size_t count = (size_t)(value->data.mapping.pairs.top - p);
  n->knob = calloc(count + 1, sizeof *n->knob);
  if (!n->knob) return no_memory();
  for (size_t i = 0; i < count; i++) {
    const yaml_node_t *name_node = node_of(r, p[i].key);
    const char *name = lp_yaml_text(name_node);
    if (!name || !*name ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(name))
      return fail_at(r, name_node,
                     lp_fail(LP_ERR_FORMAT, "knobs: a name has other characters than letters, "
                                            "digits and _"));
    if (lp_netspec_knob(n, name) || strcmp(name, "classes") == 0)
      return fail_at(r, name_node, lp_fail(LP_ERR_FORMAT, "knobs: %s is there already", name));
    lp_knob *knob = &n->knob[n->n_knobs];
    if (!(knob->name = strdup(name))) return no_memory();
    n->n_knobs++;
    lp_status status = take_text(r, name, node_of(r, p[i].value), &knob->value);
    if (status != LP_OK) return status;
  }
  return LP_OK;
}

static lp_status take_summary(reader *r, void *into, const char *key, const yaml_node_t *value) {
  return take_text(r, key, value, &((lp_netspec *)into)->summary);
}

static lp_status read_root(reader *r) {
  static const field fields[] = {{"summary", take_summary},
                                 {"input", take_input},
                                 {"knobs", take_knobs},
                                 {"layers", take_layers}};
  const yaml_node_t *root = yaml_document_get_root_node(r->doc);
  lp_status status = read_mapping(r, root, "a network", fields, 4, r->n);
  if (status != LP_OK) return status;
  if (!r->n->n_layers) return fail_at(r, root, lp_fail(LP_ERR_FORMAT, "it has no 'layers:'"));
  if (!r->n->size)
    return fail_at(r, root, lp_fail(LP_ERR_FORMAT, "it has no 'input: {size: PIXELS}'"));
  return LP_OK;
}

lp_status lp_netspec_read(lp_netspec *n, const char *text, size_t size) {
  yaml_document_t doc;
  lp_status status = lp_yaml_parse(text, size, n->where, &doc);
  if (status != LP_OK) return status;
  status = read_root(&(reader){n, &doc});
  yaml_document_delete(&doc);
  return status;
}
