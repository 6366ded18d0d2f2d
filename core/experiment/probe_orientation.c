/* Gratings shown to the trained networks of a run folder. */
#include "probe_internal.h"

#include "../base/numbers.h"

#include <stdlib.h>
#include <string.h>

typedef struct shown {
  uint32_t n, rows, n_sites; /* gratings; without their phases */
  float **maps, **mean;      /* of each site: n x steps x units; rows x units */
  int32_t *labels;
  uint32_t *units, *one;
  const char **name;
} shown;

static void free_shown(shown *x) {
  for (uint32_t k = 0; k < x->n_sites; k++) {
    if (x->maps) free(x->maps[k]);
    if (x->mean) free(x->mean[k]);
  }
  free(x->maps);
  free(x->mean);
  free(x->labels);
  free(x->units);
  free(x->one);
  free(x->name);
}

static lp_status new_shown(const probe_network *p, const lp_gratings *g, shown *x) {
  const uint32_t k = p->n_sites;
  *x = (shown){.n = g->orientations * g->frequencies * g->phases,
               .rows = g->orientations * g->frequencies,
               .n_sites = k};
  x->maps = calloc((size_t)k + 1, sizeof *x->maps);
  x->mean = calloc((size_t)k + 1, sizeof *x->mean);
  x->labels = malloc(sizeof *x->labels * x->n);
  x->units = calloc((size_t)k + 1, sizeof *x->units);
  x->one = calloc((size_t)k + 1, sizeof *x->one);
  x->name = calloc((size_t)k + 1, sizeof *x->name);
  bool ok = x->maps && x->mean && x->labels && x->units && x->one && x->name;
  for (uint32_t i = 0; ok && i < k; i++) {
    const lp_site *site = &p->site[i];
    x->units[i] = site->units;
    x->one[i] = 1;
    x->name[i] = site->name;
    x->maps[i] = malloc(sizeof **x->maps * x->n * site->steps * site->units);
    x->mean[i] = calloc((size_t)x->rows * site->units, sizeof **x->mean);
    ok = x->maps[i] && x->mean[i];
  }
  return ok ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for responses to %u gratings", x->n);
}

/* Over phases; of a sequence after its last step. */
static void average(const probe_network *p, uint32_t phases, shown *x) {
  for (uint32_t k = 0; k < x->n_sites; k++) {
    const uint32_t units = p->site[k].units, steps = p->site[k].steps;
    for (uint32_t i = 0; i < x->n; i++) {
      const float *row = x->maps[k] + ((size_t)i * steps + steps - 1) * units;
      float *mean = x->mean[k] + (size_t)(i / phases) * units;
      for (uint32_t u = 0; u < units; u++) mean[u] += row[u] / (float)phases;
    }
  }
}

static lp_status show(const lp_run_folder *r, uint32_t arm, uint32_t seed,
                      const lp_orientation_spec *spec, bool *shown_any) {
  probe_network p;
  lp_status s = lp_probe_open(r, arm, seed, spec->backend, false, &p);
  *shown_any = s == LP_OK && p.trainer;
  if (!*shown_any) return s;
  const lp_net_spec *net = lp_model_spec(p.model);
  const lp_gratings g = {net->in_channels,   net->in_h,         net->in_w,
                         spec->orientations, spec->frequencies, spec->phases};
  lp_dataset *data = NULL;
  shown x = {0};
  char *path = lp_run_path(r->dir, LP_RUN_GRATINGS, r->arm[arm].name, r->seed[seed]);
  s = path ? lp_dataset_gratings(&g, &data) : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (s == LP_OK) s = new_shown(&p, &g, &x);
  if (s == LP_OK) s = lp_activations(p.trainer, data, NULL, x.n, x.maps, x.labels);
  if (s == LP_OK) {
    average(&p, g.phases, &x);
    for (uint32_t i = 0; i < x.rows; i++) x.labels[i] = (int32_t)(i / g.frequencies);
    s = lp_run_maps_write(path, x.name, x.units, x.one, x.mean, x.n_sites, x.labels, x.rows);
  }
  free_shown(&x);
  if (data) lp_dataset_close(data);
  free(path);
  lp_probe_close(&p);
  return s;
}

lp_status lp_probe_orientation(const char *dir, const lp_orientation_spec *spec,
                               lp_probe_fn progress, void *user) {
  LP_POINT_NUMBERS;
  lp_orientation_spec usual = *spec;
  if (!usual.orientations) usual.orientations = 8;
  if (!usual.frequencies) usual.frequencies = 8;
  if (!usual.phases) usual.phases = 5;
  lp_run_folder *r;
  lp_status s = lp_run_folder_open(dir, &r);
  if (s != LP_OK) return s;
  uint32_t n = 0, all = r->n_arms * r->n_seeds;
  for (uint32_t i = 0; s == LP_OK && i < all; i++) {
    const uint32_t arm = i / r->n_seeds, seed = i % r->n_seeds;
    bool any;
    s = show(r, arm, seed, &usual, &any);
    n += any;
    if (s == LP_OK && any && progress &&
        !progress(user, r->arm[arm].name, r->seed[seed], i + 1, all))
      s = lp_fail(LP_ERR_INTERRUPTED, "orientation: interrupted");
  }
  if (s == LP_OK && !n)
    s = lp_fail(LP_ERR_NOT_FOUND, "%s has no complete network with a model file", dir);
  lp_run_folder_close(r);
  return s;
}
