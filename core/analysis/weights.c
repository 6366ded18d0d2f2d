/* The weights of a trained network at a site, with the factor of their prior and their lengths. */
#include "run.h"

#include <locality/io.h>
#include <locality/prior.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lp_free_weights(site_weights *w) {
  free(w->w);
  free(w->p);
  free(w->d);
  *w = (site_weights){0};
}

/* The prior of a layer in an arm's networks; NULL: it has none. */
static const lp_run_prior *prior_of(const lp_run_arm *arm, const char *layer) {
  for (uint32_t i = 0; i < arm->n_priors; i++)
    if (strcmp(arm->prior[i].layer, layer) == 0) return &arm->prior[i];
  return NULL;
}

/* A matrix of that prior: its factor, or its distances. NULL where the memory is exhausted. */
static double *matrix_of(const lp_prior *p, double (*of)(const lp_prior *, uint32_t, uint32_t)) {
  const uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  double *m = malloc(sizeof *m * ((size_t)n_out * n_in + 1));
  for (uint32_t i = 0; m && i < n_out; i++)
    for (uint32_t j = 0; j < n_in; j++) m[(size_t)i * n_in + j] = of(p, i, j);
  return m;
}

static lp_status ask_prior(const lp_run_prior *p, uint64_t seed, const site_weights *w,
                           double (*of)(const lp_prior *, uint32_t, uint32_t), double **out) {
  if (!p || p->n_out != w->n_out || p->n_in != w->n_in) return LP_OK;
  const lp_prior_spec spec = lp_run_prior_spec(p, seed);
  lp_prior *prior;
  lp_status s = lp_prior_build(&spec, &prior);
  if (s != LP_OK) return s;
  *out = matrix_of(prior, of);
  lp_prior_free(prior);
  return *out ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for weights of %u units", w->n_out);
}

/* Whose units give a geometry its name: the arm's own, or those of an arm that is compared with it
 * there. */
static uint32_t owner(const analysis *a, uint32_t arm, uint32_t site, uint32_t geometry) {
  if (a->arm[arm].geometry[site] == geometry) return arm;
  for (uint32_t i = 0; i < a->n_pairs; i++)
    if (a->pair[i].other == arm && lp_geometry_against(a, a->pair[i].arm, arm, site) == geometry)
      return a->pair[i].arm;
  return arm;
}

enum { MOST_WEIGHTS = 1 << 28 }; /* of a matrix that a file has by its wires */

/* The weights of a layer with a local prior, which a file has by their rows (core/DESIGN.md). */
static lp_status read_wires(const lp_safetensors *file, const char *layer, uint32_t units,
                            uint32_t n_in, site_weights *out) {
  static const char *const part[] = {"values", "columns", "rows"};
  const lp_tensor_view *v[3];
  for (int i = 0; i < 3; i++) {
    char name[300];
    snprintf(name, sizeof name, "%s.weight.%s", layer, part[i]);
    v[i] = lp_safetensors_find(file, name);
    if (!v[i] || v[i]->desc.ndim != 1 || v[i]->desc.dtype != (i ? LP_I32 : LP_F32)) return LP_OK;
  }
  const int64_t n = lp_numel(&v[0]->desc);
  const int32_t *column = v[1]->data, *row = v[2]->data;
  if (lp_numel(&v[1]->desc) != n || lp_numel(&v[2]->desc) != (int64_t)units + 1 ||
      (uint64_t)units * n_in > MOST_WEIGHTS)
    return LP_OK;
  out->w = calloc((size_t)units * n_in + 1, sizeof *out->w);
  if (!out->w) return lp_fail(LP_ERR_MEMORY, "out of memory for weights of %u units", units);
  out->n_out = units;
  out->n_in = n_in;
  for (uint32_t r = 0; r < units; r++)
    for (int64_t k = row[r]; k >= 0 && k < row[r + 1] && k < n; k++)
      if (column[k] >= 0 && (uint32_t)column[k] < n_in)
        out->w[(size_t)r * n_in + (uint32_t)column[k]] = ((const float *)v[0]->data)[k];
  return LP_OK;
}

/* prior: of the layer, or NULL. */
static lp_status read_matrix(const char *path, const char *layer, uint32_t units,
                             const lp_run_prior *prior, site_weights *out) {
  static const char *const part[] = {"weight", "weight_hh"}; /* the latter of a recurrent layer */
  const lp_tensor_view *v = NULL;
  lp_safetensors *file;
  lp_status s = lp_safetensors_read(path, &file);
  if (s != LP_OK) return s;
  for (int i = 0; i < 2 && !v; i++) {
    char name[300];
    snprintf(name, sizeof name, "%s.%s", layer, part[i]);
    v = lp_safetensors_find(file, name);
  }
  if (v && v->desc.dtype == LP_F32 && v->desc.ndim == 2 && v->desc.dim[0] == units) {
    const size_t n = (size_t)units * (size_t)v->desc.dim[1];
    out->n_out = units;
    out->n_in = (uint32_t)v->desc.dim[1];
    out->w = malloc(sizeof *out->w * (n + 1));
    if (!out->w) s = lp_fail(LP_ERR_MEMORY, "out of memory for weights of %u units", units);
    for (size_t k = 0; s == LP_OK && k < n; k++) out->w[k] = ((const float *)v->data)[k];
  }
  if (!v && prior) s = read_wires(file, layer, units, prior->n_in, out);
  lp_safetensors_free(file);
  return s;
}

static bool wanted(const analysis *a) {
  for (uint32_t k = 0; k < a->n_measures; k++)
    if (a->measure[k].row->takes == LP_TAKES_WEIGHTS) return true;
  return false;
}

/* Square weights go between the places of the geometry, so that arms with and without a prior are
 * measured alike; others are as long as the prior's topology says, and without one there is no
 * saying. There are none where the prior cannot be built any more, of which geometry.c warns. */
lp_status lp_read_weights(const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                          uint32_t geometry, site_weights *out) {
  *out = (site_weights){0};
  const lp_run_arm *own = &a->folder->arm[arm];
  const lp_run_site *at = &own->site[site];
  char *path = lp_run_path(a->dir, LP_RUN_MODEL, own->name, a->seed[seed]);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory for %s", a->dir);
  lp_status s = LP_OK;
  if (*at->layer && wanted(a) && access(path, R_OK) == 0)
    s = read_matrix(path, at->layer, at->units, prior_of(own, at->layer), out);
  free(path);
  if (s != LP_OK || !out->w) return s;
  const lp_run_arm *there = &a->folder->arm[owner(a, arm, site, geometry)];
  s = ask_prior(prior_of(own, at->layer), a->seed[seed], out, lp_prior_at, &out->p);
  if (s == LP_OK && out->n_out != out->n_in)
    s = ask_prior(prior_of(there, there->site[site].layer), a->seed[seed], out, lp_prior_distance,
                  &out->d);
  const bool unknown = s == LP_OK && out->n_out != out->n_in && !out->d;
  if (s != LP_OK || unknown) lp_free_weights(out);
  return s == LP_ERR_MEMORY ? s : LP_OK;
}
