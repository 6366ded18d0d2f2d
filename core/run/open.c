/* Opening and closing a run folder, and the paths in it. */
#include "run_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_run_out_of_memory(const char *dir) {
  return lp_fail(LP_ERR_MEMORY, "%s: out of memory", dir);
}

lp_status lp_run_bad_manifest(const lp_run_folder *r, const char *fmt, ...) {
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": %s", r->dir, text);
}

const char *lp_run_text(const json_t *object, const char *key, const char *otherwise) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : otherwise;
}

char *lp_run_path(const char *dir, lp_run_file file, const char *arm, uint64_t seed) {
  static const char *const folder[] = {"models", "activations", "checkpoints", "activations",
                                       "activations"};
  const char *ending = file == LP_RUN_UNTRAINED  ? "-untrained"
                       : file == LP_RUN_GRATINGS ? "-gratings"
                                                 : "";
  char *name = NULL, *path = NULL;
  if (asprintf(&name, "%s/%s-seed%llu%s.safetensors", folder[file], arm, (unsigned long long)seed,
               ending) < 0)
    return NULL;
  path = lp_path_join(dir, name);
  free(name);
  return path;
}

char *lp_run_frame_path(const char *dir, const char *arm, uint64_t seed, uint32_t epoch) {
  char *name = NULL, *path = NULL;
  if (asprintf(&name, "activations/%s-seed%llu-epoch%u.safetensors", arm, (unsigned long long)seed,
               epoch) < 0)
    return NULL;
  path = lp_path_join(dir, name);
  free(name);
  return path;
}

lp_status lp_run_json(const char *dir, const char *name, json_t **out) {
  *out = NULL;
  char *path = lp_path_join(dir, name);
  if (!path) return lp_run_out_of_memory(dir);
  void *text = NULL;
  size_t n = 0;
  lp_status s = lp_read_file(path, &text, &n);
  json_error_t error;
  if (s == LP_OK && !(*out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error)))
    s = lp_fail(LP_ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
  if (s == LP_OK && !json_is_object(*out)) {
    s = lp_fail(LP_ERR_FORMAT, "%s: not a JSON object", path);
    json_decref(*out);
    *out = NULL;
  }
  free(text);
  free(path);
  return s;
}

lp_status lp_run_folder_open(const char *dir, lp_run_folder **out) {
  *out = NULL;
  lp_run_folder *r = calloc(1, sizeof *r);
  if (!r || !(r->dir = strdup(dir))) {
    free(r);
    return lp_run_out_of_memory(dir);
  }
  lp_status s = lp_run_read_manifest(r);
  if (s == LP_OK) s = lp_run_read_networks(r);
  if (s != LP_OK) {
    lp_run_folder_close(r);
    return s;
  }
  *out = r;
  return LP_OK;
}

void lp_run_folder_close(lp_run_folder *r) {
  if (!r) return;
  for (uint32_t i = 0; r->network && i < r->n_arms * r->n_seeds; i++) {
    json_decref(r->network[i].end);
    for (uint32_t k = 0; k < r->network[i].n_epochs; k++)
      lp_run_drop_epoch(&r->network[i].epoch[k]);
    free(r->network[i].epoch);
  }
  free(r->network);
  lp_run_free_sweep(r);
  free(r->class_name);
  free(r->seed);
  lp_run_free_arms(r);
  json_decref(r->manifest);
  free(r->dir);
  free(r);
}
