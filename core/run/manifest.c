/* manifest.json: what was to be run. */
#include "run_internal.h"

#include <stdlib.h>
#include <string.h>

#define bad(r, ...) lp_run_bad_manifest((r), __VA_ARGS__)

static lp_status read_seeds(lp_run_folder *r) {
  const json_t *seeds = json_object_get(r->manifest, "seeds");
  size_t n = json_array_size(seeds);
  if (n == 0 || n > 1000000) return bad(r, "\"seeds\" is not a list of seeds");
  r->seed = calloc(n, sizeof *r->seed);
  if (!r->seed) return lp_run_out_of_memory(r->dir);
  for (size_t i = 0; i < n; i++) {
    const json_t *seed = json_array_get(seeds, i);
    if (!json_is_integer(seed)) return bad(r, "\"seeds\" holds something that is no integer");
    r->seed[i] = (uint64_t)json_integer_value(seed);
    for (size_t k = 0; k < i; k++)
      if (r->seed[k] == r->seed[i])
        return bad(r, "seed %" JSON_INTEGER_FORMAT " is there twice", (json_int_t)r->seed[i]);
  }
  r->n_seeds = (uint32_t)n;
  return LP_OK;
}

static lp_status read_classes(lp_run_folder *r) {
  const json_t *classes = json_object_get(r->manifest, "classes");
  size_t n = json_array_size(classes);
  if (n == 0 || n > 1000000) return bad(r, "\"classes\" is not a list of names");
  r->class_name = calloc(n, sizeof *r->class_name);
  if (!r->class_name) return lp_run_out_of_memory(r->dir);
  for (size_t i = 0; i < n; i++) {
    r->class_name[i] = json_string_value(json_array_get(classes, i));
    if (!r->class_name[i]) return bad(r, "\"classes\" holds something that is no text");
  }
  r->n_classes = (uint32_t)n;
  return LP_OK;
}

lp_status lp_run_read_manifest(lp_run_folder *r) {
  lp_status s = lp_run_json(r->dir, LP_RUN_MANIFEST, &r->manifest);
  if (s == LP_ERR_IO) return lp_fail_in(s, "%s is not a run folder", r->dir);
  if (s != LP_OK) return s;
  const json_int_t schema = json_integer_value(json_object_get(r->manifest, "schema"));
  if (schema < 1 || schema > LP_RUN_SCHEMA)
    return bad(r, "\"schema\" is not 1 to %d: written by a later version of this program?",
               LP_RUN_SCHEMA);
  r->title = lp_run_text(r->manifest, "title", "");
  r->preset = lp_run_text(r->manifest, "preset", "");
  r->data = lp_run_text(json_object_get(r->manifest, "data"), "name", "");
  json_int_t epochs = json_integer_value(json_object_get(r->manifest, "epochs"));
  r->imported = json_object_get(r->manifest, "imported") != NULL;
  r->epochs = epochs > 0 && epochs < UINT32_MAX ? (uint32_t)epochs : 0;
  s = schema == 1 ? lp_run_from_schema_1(r) : LP_OK;
  if (s == LP_OK) s = read_seeds(r);
  if (s == LP_OK) s = lp_run_read_arms(r);
  if (s == LP_OK) s = lp_run_read_sweep(r);
  if (s == LP_OK) s = read_classes(r);
  return s;
}
