/* manifest.json: what was to be run. */
#include "run.h"

#include <locality/io.h>
#include <stdlib.h>
#include <string.h>

static lp_status bad(const char *path, const char *what) {
  return lp_fail(LP_ERR_FORMAT, "%s: %s", path, what);
}

static const char *text_or(const json_t *object, const char *key, const char *otherwise) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : otherwise;
}

static lp_status read_arms(analysis *a, const char *path) {
  const json_t *arms = json_object_get(a->manifest, "arms");
  size_t n = json_array_size(arms);
  if (n == 0 || n > 10000) return bad(path, "\"arms\" is not a list of arms");
  a->arm = calloc(n, sizeof *a->arm);
  if (!a->arm) return lp_fail(LP_ERR_MEMORY, "out of memory for %zu arms", n);
  for (size_t i = 0; i < n; i++) {
    const json_t *entry = json_array_get(arms, i);
    arm_info *arm = &a->arm[i];
    arm->name = text_or(entry, "name", "");
    arm->layer = text_or(entry, "layer", NULL);
    if (!*arm->name || strchr(arm->name, '/') || !arm->layer)
      return lp_fail(LP_ERR_FORMAT, "%s: arm %zu needs a \"name\" without '/' and a \"layer\"",
                     path, i + 1);
    for (size_t k = 0; k < i; k++)
      if (strcmp(a->arm[k].name, arm->name) == 0)
        return lp_fail(LP_ERR_FORMAT, "%s: arm \"%s\" is there twice", path, arm->name);
    arm->run = calloc(a->n_seeds, sizeof *arm->run);
    if (!arm->run) return lp_fail(LP_ERR_MEMORY, "out of memory for %u seeds", a->n_seeds);
    a->n_arms++;
  }
  for (a->reference = 0; a->reference < n; a->reference++)
    if (strcmp(a->arm[a->reference].name, a->reference_name) == 0) return LP_OK;
  return lp_fail(LP_ERR_FORMAT, "%s: the reference \"%s\" is not one of the arms", path,
                 a->reference_name);
}

static lp_status read_seeds(analysis *a, const char *path) {
  const json_t *seeds = json_object_get(a->manifest, "seeds");
  size_t n = json_array_size(seeds);
  if (n == 0 || n > 1000000) return bad(path, "\"seeds\" is not a list of seeds");
  a->seed = calloc(n, sizeof *a->seed);
  if (!a->seed) return lp_fail(LP_ERR_MEMORY, "out of memory for %zu seeds", n);
  for (size_t i = 0; i < n; i++) {
    const json_t *seed = json_array_get(seeds, i);
    if (!json_is_integer(seed)) return bad(path, "\"seeds\" holds something that is no integer");
    a->seed[i] = json_integer_value(seed);
    for (size_t k = 0; k < i; k++)
      if (a->seed[k] == a->seed[i])
        return lp_fail(LP_ERR_FORMAT, "%s: seed %" JSON_INTEGER_FORMAT " is there twice", path,
                       a->seed[i]);
  }
  a->n_seeds = (uint32_t)n;
  return LP_OK;
}

static lp_status read_sheet(analysis *a, const char *path) {
  const json_t *sheet = json_object_get(a->manifest, "sheet");
  json_int_t rows = json_integer_value(json_array_get(sheet, 0));
  json_int_t cols = json_integer_value(json_array_get(sheet, 1));
  const json_int_t most = 1 << 24;
  if (json_array_size(sheet) != 2 || rows < 1 || cols < 1 || rows > most || cols > most / rows)
    return bad(path, "\"sheet\" is not [rows, columns]");
  a->rows = (uint32_t)rows;
  a->cols = (uint32_t)cols;
  a->units = a->rows * a->cols;
  return LP_OK;
}

static lp_status read_classes(analysis *a, const char *path) {
  const json_t *classes = json_object_get(a->manifest, "classes");
  size_t n = json_array_size(classes);
  if (n == 0 || n > 1000000) return bad(path, "\"classes\" is not a list of names");
  a->class_name = calloc(n, sizeof *a->class_name);
  if (!a->class_name) return lp_fail(LP_ERR_MEMORY, "out of memory for %zu classes", n);
  for (size_t i = 0; i < n; i++) {
    a->class_name[i] = json_string_value(json_array_get(classes, i));
    if (!a->class_name[i]) return bad(path, "\"classes\" holds something that is no text");
  }
  a->n_classes = (uint32_t)n;
  return LP_OK;
}

static lp_status read_fields(analysis *a, const char *path) {
  const json_t *schema = json_object_get(a->manifest, "schema");
  if (!json_is_object(a->manifest)) return bad(path, "not a JSON object");
  if (json_integer_value(schema) != 1)
    return bad(path, "\"schema\" is not 1: written by another version of this program?");
  a->title = text_or(a->manifest, "title", "");
  a->preset = text_or(a->manifest, "preset", "");
  a->data = text_or(json_object_get(a->manifest, "data"), "name", "");
  a->reference_name = text_or(a->manifest, "reference", NULL);
  a->epochs = json_integer_value(json_object_get(a->manifest, "epochs"));
  if (!a->reference_name) return bad(path, "\"reference\" is missing");
  lp_status s = read_seeds(a, path);
  if (s == LP_OK) s = read_arms(a, path);
  if (s == LP_OK) s = read_sheet(a, path);
  if (s == LP_OK) s = read_classes(a, path);
  if (s == LP_OK) s = read_plan(a, path);
  return s;
}

lp_status read_manifest(analysis *a) {
  char *path = lp_path_join(a->dir, "manifest.json");
  void *text = NULL;
  size_t n = 0;
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status s = lp_read_file(path, &text, &n);
  if (s == LP_ERR_IO) s = lp_fail_in(s, "%s is not a run folder", a->dir);
  json_error_t error;
  if (s == LP_OK && !(a->manifest = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error)))
    s = lp_fail(LP_ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
  if (s == LP_OK) s = read_fields(a, path);
  free(text);
  free(path);
  return s;
}
