/* Experiment files: a YAML mapping from option names to values. */
#include "experiment_internal.h"

#include "../base/numbers.h"
#include "../io/yaml.h"

#include <locality/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct yaml_file {
  const char *path;
  yaml_document_t doc;
  const yaml_node_t *published; /* the block, or NULL */
  uint32_t taken;               /* nodes of it */
} yaml_file;

/* "FILE:LINE: " before this thread's error. */
static lp_status fail_at(const yaml_file *f, const yaml_node_t *node, lp_status status) {
  return lp_yaml_fail(f->path, node, status);
}

/* Appends "," unless first, then "name=" unless NULL, then the item, in parentheses when it holds
 * a comma, a parenthesis or has a name. */
static lp_status add_item(FILE *text, bool first, const char *name, const char *item) {
  bool wrap = name || strpbrk(item, ",()");
  fprintf(text, "%s%s%s%s%s%s", first ? "" : ",", name ? name : "", name ? "=" : "",
          wrap ? "(" : "", item, wrap ? ")" : "");
  return ferror(text) ? lp_fail(LP_ERR_MEMORY, "out of memory") : LP_OK;
}

static lp_status write_sequence(yaml_file *f, const yaml_node_t *node, const char *name,
                                FILE *text) {
  lp_status status = LP_OK;
  yaml_node_item_t *start = node->data.sequence.items.start;
  for (yaml_node_item_t *i = start; i < node->data.sequence.items.top && status == LP_OK; i++) {
    const yaml_node_t *item = yaml_document_get_node(&f->doc, *i);
    const char *value = lp_yaml_text(item);
    status = value ? add_item(text, i == start, NULL, value)
                   : fail_at(f, item, lp_fail(LP_ERR_FORMAT, "%s: an item is not text", name));
  }
  return status;
}

/* KEY: [VALUE, VALUE] or KEY: VALUE, of a grid. */
static lp_status write_axis(yaml_file *f, const yaml_node_pair_t *p, const char *name, FILE *text,
                            bool first) {
  const yaml_node_t *values = yaml_document_get_node(&f->doc, p->value);
  const char *key = lp_yaml_text(yaml_document_get_node(&f->doc, p->key)),
             *value = lp_yaml_text(values);
  if (!key || values->type == YAML_MAPPING_NODE)
    return fail_at(f, values, lp_fail(LP_ERR_FORMAT, "%s: not KEY: [VALUE, VALUE]", name));
  if (strpbrk(key, ",()="))
    return fail_at(
        f, values,
        lp_fail(LP_ERR_FORMAT, "%s: '%s' cannot be a key: it holds one of , ( ) and =", name, key));
  fprintf(text, "%s%s=(", first ? "" : ",", key);
  lp_status status =
      value ? add_item(text, true, NULL, value) : write_sequence(f, values, name, text);
  fputc(')', text);
  return status;
}

/* NAME: SPEC, or NAME: {KEY: VALUE, ...}. */
static lp_status write_named(yaml_file *f, const yaml_node_pair_t *p, const char *name, FILE *text,
                             bool first) {
  const yaml_node_t *item = yaml_document_get_node(&f->doc, p->value);
  const char *key = lp_yaml_text(yaml_document_get_node(&f->doc, p->key)),
             *value = lp_yaml_text(item);
  if (!key || (!value && item->type != YAML_MAPPING_NODE))
    return fail_at(f, item,
                   lp_fail(LP_ERR_FORMAT, "%s: not NAME: SPEC or NAME: {KEY: VALUE}", name));
  if (strpbrk(key, ",()=:"))
    return fail_at(f, item,
                   lp_fail(LP_ERR_FORMAT,
                           "%s: '%s' cannot be a name: it holds one of , ( ) = and :", name, key));
  bool bare = value && item->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (bare && (!*value || strcmp(value, "~") == 0 || strcmp(value, "null") == 0))
    return fail_at(f, item,
                   lp_fail(LP_ERR_FORMAT, "%s: %s has no value; {} stands for the network as it is",
                           name, key));
  if (value) return add_item(text, first, key, value);
  fprintf(text, "%s%s=(", first ? "" : ",", key);
  lp_status status = LP_OK;
  yaml_node_pair_t *start = item->data.mapping.pairs.start;
  for (yaml_node_pair_t *c = start; c < item->data.mapping.pairs.top && status == LP_OK; c++) {
    const yaml_node_t *node = yaml_document_get_node(&f->doc, c->value);
    const char *what = lp_yaml_text(yaml_document_get_node(&f->doc, c->key)),
               *to = lp_yaml_text(node);
    status = what && to
                 ? add_item(text, c == start, what, to)
                 : fail_at(f, node, lp_fail(LP_ERR_FORMAT, "%s: %s: not KEY: VALUE", name, key));
  }
  fputc(')', text);
  return status;
}

static lp_status write_mapping(yaml_file *f, const yaml_node_t *node, const lp_option *option,
                               FILE *text) {
  lp_status status = LP_OK;
  yaml_node_pair_t *start = node->data.mapping.pairs.start;
  for (yaml_node_pair_t *p = start; p < node->data.mapping.pairs.top && status == LP_OK; p++)
    status = option->use & LP_USE_GRID ? write_axis(f, p, option->name, text, p == start)
                                       : write_named(f, p, option->name, text, p == start);
  return status;
}

/* A list may be text, a sequence, or a mapping from names to items. */
static lp_status set_list(yaml_file *f, lp_settings *s, const lp_option *option,
                          const yaml_node_t *node) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  if (!stream) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", f->path);
  lp_status status = node->type == YAML_SEQUENCE_NODE
                         ? write_sequence(f, node, option->name, stream)
                         : write_mapping(f, node, option, stream);
  if (fclose(stream) != 0 && status == LP_OK)
    status = lp_fail(LP_ERR_MEMORY, "%s: out of memory", f->path);
  if (status == LP_OK) {
    status = lp_settings_set(s, option->name, text);
    if (status != LP_OK) fail_at(f, node, status);
  }
  free(text);
  return status;
}

/* A plain scalar that reads as a number is one. */
static json_t *scalar_json(const yaml_node_t *node) {
  const char *text = lp_yaml_text(node);
  char *end = NULL;
  double x = strtod(text, &end);
  bool number = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && end != text && !*end;
  return number && isfinite(x) ? json_real(x) : json_string(text);
}

/* An alias may lead back to its own node. */
enum { DEEPEST = 8, MOST_NODES = 10000 };

static json_t *node_json(yaml_file *f, const yaml_node_t *node, int depth) {
  if (lp_yaml_text(node)) return scalar_json(node);
  if (depth == DEEPEST || f->taken++ > MOST_NODES) return NULL;
  if (node->type == YAML_SEQUENCE_NODE) {
    json_t *list = json_array();
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++)
      json_array_append_new(list, node_json(f, yaml_document_get_node(&f->doc, *i), depth + 1));
    return list;
  }
  json_t *object = json_object();
  for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
       p++) {
    const char *key = lp_yaml_text(yaml_document_get_node(&f->doc, p->key));
    json_t *value = node_json(f, yaml_document_get_node(&f->doc, p->value), depth + 1);
    if (key && !json_object_get(object, key)) {
      json_object_set_new(object, key, value);
    } else {
      json_decref(value);
      json_decref(object);
      return NULL;
    }
  }
  return object;
}

/* What was published for the file's settings, with those that it depends on. */
static lp_status set_published(yaml_file *f, lp_settings *s) {
  const yaml_node_t *node = f->published;
  json_t *block = node_json(f, node, 0);
  lp_status status = block ? lp_published_check(block)
                           : lp_fail(LP_ERR_FORMAT, "published: a field is there twice, or none");
  if (status == LP_OK) {
    json_object_set_new(block, "model", json_string(lp_setting_text(s, "model")));
    json_object_set_new(block, "sheet", json_string(lp_setting_text(s, "sheet")));
    char *text = json_dumps(block, JSON_COMPACT);
    status = text ? lp_settings_set(s, "published", text)
                  : lp_fail(LP_ERR_MEMORY, "published: out of memory");
    free(text);
  }
  json_decref(block);
  return status == LP_OK ? LP_OK : fail_at(f, node, status);
}

static lp_status set_field(yaml_file *f, lp_settings *s, const yaml_node_pair_t *pair, bool *seen) {
  const yaml_node_t *key = yaml_document_get_node(&f->doc, pair->key);
  const yaml_node_t *node = yaml_document_get_node(&f->doc, pair->value);
  if (!lp_yaml_text(key))
    return fail_at(f, key, lp_fail(LP_ERR_FORMAT, "a field's name is not text"));
  if (strcmp(lp_yaml_text(key), "published") == 0) {
    if (f->published) return fail_at(f, key, lp_fail(LP_ERR_FORMAT, "published: given twice"));
    f->published = node;
    return LP_OK;
  }
  const lp_option *option = lp_option_find(lp_yaml_text(key), LP_USE_EXPERIMENT);
  if (!option) return fail_at(f, key, LP_ERR_NOT_FOUND);
  bool *twice = &seen[option - lp_option_get(0)];
  if (*twice) return fail_at(f, key, lp_fail(LP_ERR_FORMAT, "%s: given twice", option->name));
  *twice = true;
  if (option->type == LP_OPTION_LIST && node->type != YAML_SCALAR_NODE)
    return set_list(f, s, option, node);
  if (!lp_yaml_text(node))
    return fail_at(f, node, lp_fail(LP_ERR_FORMAT, "%s: not a single value", option->name));
  lp_status status = lp_settings_set(s, option->name, lp_yaml_text(node));
  return status == LP_OK ? LP_OK : fail_at(f, node, status);
}

static lp_status set_fields(yaml_file *f, lp_settings *s) {
  const yaml_node_t *root = yaml_document_get_root_node(&f->doc);
  if (root->type != YAML_MAPPING_NODE)
    return fail_at(f, root, lp_fail(LP_ERR_FORMAT, "not a list of 'field: value'"));
  bool *seen = calloc(lp_option_count(), sizeof *seen);
  if (!seen) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", f->path);
  lp_status status = lp_settings_set(s, "published", ""); /* another file's */
  yaml_node_pair_t *p = root->data.mapping.pairs.start;
  for (; p < root->data.mapping.pairs.top && status == LP_OK; p++)
    status = set_field(f, s, p, seen);
  free(seen);
  return status == LP_OK && f->published ? set_published(f, s) : status;
}

static lp_status open_file(const char *path, yaml_file *f) {
  void *text;
  size_t size;
  *f = (yaml_file){.path = path};
  lp_status status = lp_read_file(path, &text, &size);
  if (status != LP_OK) return status;
  status = lp_yaml_parse(text, size, path, &f->doc);
  free(text);
  return status;
}

/* The file of a preset, or the file that is named. */
static lp_status path_of(const char *preset_or_file, char *out, size_t cap) {
  const char *dot = strrchr(preset_or_file, '.');
  if (!strchr(preset_or_file, '/') &&
      (!dot || (strcmp(dot, ".yaml") != 0 && strcmp(dot, ".yml") != 0)))
    return lp_preset_path(preset_or_file, out, cap);
  if (snprintf(out, cap, "%s", preset_or_file) < (int)cap) return LP_OK;
  return lp_fail(LP_ERR_ARG, "%s: the path is too long", preset_or_file);
}

lp_status lp_settings_load(lp_settings *s, const char *preset_or_file) {
  LP_POINT_NUMBERS;
  char path[4096];
  yaml_file f;
  lp_status status = path_of(preset_or_file, path, sizeof path);
  if (status == LP_OK) status = open_file(path, &f);
  if (status != LP_OK) return status;
  status = set_fields(&f, s);
  yaml_document_delete(&f.doc);
  return status;
}

/* ---- where something was said ---------------------------------------------------------------- */

/* The pair of a mapping whose key is `name`, or NULL. */
static const yaml_node_pair_t *find_pair(yaml_document_t *doc, const yaml_node_t *map,
                                         const char *name) {
  if (!map || map->type != YAML_MAPPING_NODE) return NULL;
  for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
    const char *key = lp_yaml_text(yaml_document_get_node(doc, p->key));
    if (key && strcmp(key, name) == 0) return p;
  }
  return NULL;
}

lp_status lp_settings_point(const lp_settings *s, const char *preset_or_file, const char *option,
                            const char *item, lp_status status) {
  char path[4096], why[1024];
  yaml_file f;
  if (status == LP_OK || !preset_or_file || !*preset_or_file || lp_settings_given(s, option))
    return status;
  snprintf(why, sizeof why, "%s", lp_error_message());
  const bool opened =
      path_of(preset_or_file, path, sizeof path) == LP_OK && open_file(path, &f) == LP_OK;
  lp_fail(status, "%s", why);
  if (!opened) return status;
  const yaml_node_pair_t *at = find_pair(&f.doc, yaml_document_get_root_node(&f.doc), option);
  const yaml_node_t *list = at ? yaml_document_get_node(&f.doc, at->value) : NULL;
  if (*item && list && list->type == YAML_MAPPING_NODE) at = find_pair(&f.doc, list, item);
  if (at) fail_at(&f, yaml_document_get_node(&f.doc, at->key), status);
  yaml_document_delete(&f.doc);
  return status;
}
