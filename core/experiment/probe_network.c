/* A trained network of a run folder, ready to be run. */
#include "probe_internal.h"

#include <locality/registry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lp_probe_close(probe_network *p) {
  lp_trainer_free(p->trainer);
  lp_model_free(p->model);
  lp_settings_free(p->settings);
  *p = (probe_network){0};
}

lp_status lp_probe_open(const lp_run_folder *r, uint32_t arm, uint32_t seed, const char *backend,
                        bool steer, probe_network *out) {
  *out = (probe_network){0};
  const lp_run_network *w = &r->network[arm * r->n_seeds + seed];
  char *path = lp_run_path(r->dir, LP_RUN_MODEL, r->arm[arm].name, r->seed[seed]);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory for %s", r->dir);
  if (strcmp(w->status, "complete") != 0 || access(path, R_OK) != 0) {
    free(path);
    return LP_OK;
  }
  lp_status s = lp_registry_load();
  if (s == LP_OK) s = lp_settings_new(&out->settings);
  if (s == LP_OK && backend && *backend) s = lp_settings_set(out->settings, "backend", backend);
  if (s == LP_OK) s = lp_model_load(path, &out->model);
  free(path);
  if (s == LP_OK) {
    lp_train_spec spec = {.net = *lp_model_spec(out->model), .settings = out->settings};
    spec.net.steer = steer;
    spec.n_masks = lp_model_masks(out->model, &spec.masks);
    s = lp_trainer_new(&spec, NULL, &out->trainer);
  }
  if (s == LP_OK) s = lp_model_apply(out->model, out->trainer);
  if (s == LP_OK) s = lp_trainer_sites(out->trainer, &out->site, &out->n_sites);
  if (s != LP_OK) lp_probe_close(out);
  return s;
}
