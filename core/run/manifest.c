/* manifest.json: what was to be run. */
#include "run_internal.h"

#include <stdlib.h>
#include <string.h>

static lp_status bad(const lp_run_folder *r, const char *what) {
  return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": %s", r->dir, what);
}

static const char *text_or(const json_t *object, const char *key, const char *otherwise) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : otherwise;
}

static lp_status read_arms(lp_run_folder *r) {
  const json_t *arms = json_object_get(r->manifest, "arms");
  size_t n = json_array_size(arms);
  if (n == 0 || n > 10000) return bad(r, "\"arms\" is not a list of arms");
  r->arm = calloc(n, sizeof *r->arm);
  if (!r->arm) return run_out_of_memory(r->dir);
  for (size_t i = 0; i < n; i++) {
    const json_t *entry = json_array_get(arms, i);
    lp_run_arm *arm = &r->arm[i];
    *arm = (lp_run_arm){.name = text_or(entry, "name", ""), .layer = text_or(entry, "layer", NULL)};
    if (!*arm->name || strchr(arm->name, '/') || !arm->layer)
      return lp_fail(LP_ERR_FORMAT,
                     "%s/" LP_RUN_MANIFEST ": arm %zu needs a \"name\" without '/' and a \"layer\"",
                     r->dir, i + 1);
    for (size_t k = 0; k < i; k++)
      if (strcmp(r->arm[k].name, arm->name) == 0)
        return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": arm \"%s\" is there twice", r->dir,
                       arm->name);
  }
  r->n_arms = (uint32_t)n;
  const char *reference = text_or(r->manifest, "reference", NULL);
  if (!reference) return bad(r, "\"reference\" is missing");
  for (r->reference = 0; r->reference < n; r->reference++)
    if (strcmp(r->arm[r->reference].name, reference) == 0) return LP_OK;
  return lp_fail(LP_ERR_FORMAT,
                 "%s/" LP_RUN_MANIFEST ": the reference \"%s\" is not one of the arms", r->dir,
                 reference);
}

static lp_status read_seeds(lp_run_folder *r) {
  const json_t *seeds = json_object_get(r->manifest, "seeds");
  size_t n = json_array_size(seeds);
  if (n == 0 || n > 1000000) return bad(r, "\"seeds\" is not a list of seeds");
  r->seed = calloc(n, sizeof *r->seed);
  if (!r->seed) return run_out_of_memory(r->dir);
  for (size_t i = 0; i < n; i++) {
    const json_t *seed = json_array_get(seeds, i);
    if (!json_is_integer(seed)) return bad(r, "\"seeds\" holds something that is no integer");
    r->seed[i] = (uint64_t)json_integer_value(seed);
    for (size_t k = 0; k < i; k++)
      if (r->seed[k] == r->seed[i])
        return lp_fail(LP_ERR_FORMAT,
                       "%s/" LP_RUN_MANIFEST ": seed %" JSON_INTEGER_FORMAT " is there twice",
                       r->dir, (json_int_t)r->seed[i]);
  }
  r->n_seeds = (uint32_t)n;
  return LP_OK;
}

static lp_status read_sheet(lp_run_folder *r) {
  const json_t *sheet = json_object_get(r->manifest, "sheet");
  json_int_t rows = json_integer_value(json_array_get(sheet, 0));
  json_int_t cols = json_integer_value(json_array_get(sheet, 1));
  const json_int_t most = 1 << 24;
  if (json_array_size(sheet) != 2 || rows < 1 || cols < 1 || rows > most || cols > most / rows)
    return bad(r, "\"sheet\" is not [rows, columns]");
  r->rows = (uint32_t)rows;
  r->cols = (uint32_t)cols;
  return LP_OK;
}

static lp_status read_classes(lp_run_folder *r) {
  const json_t *classes = json_object_get(r->manifest, "classes");
  size_t n = json_array_size(classes);
  if (n == 0 || n > 1000000) return bad(r, "\"classes\" is not a list of names");
  r->class_name = calloc(n, sizeof *r->class_name);
  if (!r->class_name) return run_out_of_memory(r->dir);
  for (size_t i = 0; i < n; i++) {
    r->class_name[i] = json_string_value(json_array_get(classes, i));
    if (!r->class_name[i]) return bad(r, "\"classes\" holds something that is no text");
  }
  r->n_classes = (uint32_t)n;
  return LP_OK;
}

lp_status run_read_manifest(lp_run_folder *r) {
  lp_status s = lp_run_json(r->dir, LP_RUN_MANIFEST, &r->manifest);
  if (s == LP_ERR_IO) return lp_fail_in(s, "%s is not a run folder", r->dir);
  if (s != LP_OK) return s;
  if (json_integer_value(json_object_get(r->manifest, "schema")) != 1)
    return bad(r, "\"schema\" is not 1: written by another version of this program?");
  r->title = text_or(r->manifest, "title", "");
  r->preset = text_or(r->manifest, "preset", "");
  r->data = text_or(json_object_get(r->manifest, "data"), "name", "");
  json_int_t epochs = json_integer_value(json_object_get(r->manifest, "epochs"));
  r->epochs = epochs > 0 && epochs < UINT32_MAX ? (uint32_t)epochs : 0;
  s = read_seeds(r);
  if (s == LP_OK) s = read_arms(r);
  if (s == LP_OK) s = run_read_sweep(r);
  if (s == LP_OK) s = read_sheet(r);
  if (s == LP_OK) s = read_classes(r);
  return s;
}
