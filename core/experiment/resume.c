/* Where the runs of a folder stand, and its metrics rewound to there. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A run is finished when its last line says so and what it should have left is there. */
static void note_end(lp_run_state *r, const lp_run_network *w) {
  bool records = json_array_size(r->arm->sites) > 0;
  bool complete = w && strcmp(w->status, "complete") == 0 && access(r->model, R_OK) == 0 &&
                  (!records || access(r->activations, R_OK) == 0);
  r->nonfinite = w && strcmp(w->status, "nonfinite") == 0;
  r->finished = r->nonfinite || complete;
}

/* Epochs finished at a checkpoint; one that cannot be read is an error, not a fresh start. */
static lp_status read_checkpoint(lp_run_state *r) {
  if (access(r->checkpoint, F_OK) != 0) return LP_OK;
  lp_safetensors *f;
  lp_status status = lp_safetensors_read(r->checkpoint, &f);
  if (status != LP_OK) return status;
  const char *epoch = lp_safetensors_meta(f, "epoch");
  uint64_t n = 0;
  r->has_checkpoint = epoch && lp_whole(epoch, 0, UINT32_MAX, &n);
  r->epoch = (uint32_t)n;
  if (!r->has_checkpoint)
    status =
        lp_fail(LP_ERR_FORMAT, "%s: metadata 'epoch' is missing or not a number", r->checkpoint);
  lp_safetensors_free(f);
  return status;
}

typedef struct lp_run_states {
  const lp_run_state *run;
  uint32_t n;
} lp_run_states;

/* Lines up to the checkpoint stay; the rest of the run is trained, and written, again. */
static bool keep(void *user, const json_t *line) {
  const lp_run_states *all = user;
  const char *arm = json_string_value(json_object_get(line, "arm"));
  const char *event = json_string_value(json_object_get(line, "event"));
  uint64_t seed = (uint64_t)json_integer_value(json_object_get(line, "seed"));
  uint32_t i = 0;
  if (!arm || !event) return true;
  while (i < all->n && (strcmp(all->run[i].arm->name, arm) != 0 || all->run[i].seed != seed)) i++;
  if (i == all->n || all->run[i].finished) return true;
  json_int_t epoch = json_integer_value(json_object_get(line, "epoch"));
  return strcmp(event, "end") != 0 && all->run[i].has_checkpoint &&
         epoch <= (json_int_t)all->run[i].epoch;
}

lp_status lp_runs_rewind(const char *dir, lp_run_state *run, uint32_t n) {
  lp_run_folder *folder;
  lp_status status = lp_run_folder_open(dir, &folder);
  for (uint32_t i = 0; i < n && status == LP_OK; i++) {
    note_end(&run[i], lp_run_find(folder, run[i].arm->name, run[i].seed));
    if (!run[i].finished) status = read_checkpoint(&run[i]);
  }
  lp_run_states all = {run, n};
  if (status == LP_OK) status = lp_run_metrics_keep(dir, keep, &all);
  lp_run_folder_close(folder);
  return status;
}
