/* activations/: the measures of every network. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double placed_variance(const double *map, const layout *g) {
  return lp_places_variance(map, g->places);
}

static double placed_moran(const double *map, const layout *g) {
  return lp_places_moran_i(map, g->touching);
}

static double placed_geary(const double *map, const layout *g) {
  return lp_places_geary_c(map, g->touching);
}

static double placed_centroid(const double *map, const layout *g) {
  return lp_places_centroid_offset(map, g->places);
}

const measure_row lp_measure_table[N_MEASURES] = {
    [MEASURE_VARIANCE] = {"variance", lp_spatial_variance, lp_spatial_variance_torus,
                          placed_variance},
    [MEASURE_VARIANCE_TORUS] = {"variance_torus", lp_spatial_variance_torus,
                                lp_spatial_variance_torus, NULL},
    [MEASURE_MORAN_I] = {"moran_i", lp_moran_i, lp_moran_i_torus, placed_moran},
    [MEASURE_GEARY_C] = {"geary_c", lp_geary_c, lp_geary_c_torus, placed_geary},
    [MEASURE_PARTICIPATION_RATIO] = {"participation_ratio", NULL, NULL, NULL},
    [MEASURE_CENTROID_OFFSET] = {"centroid_offset", lp_centroid_offset, NULL, placed_centroid},
    [MEASURE_NEIGHBOUR_CORRELATION] = {"neighbour_correlation", NULL, NULL, NULL},
};

enum { PERMUTATIONS = 199, PERMUTATION_SEED = 1 };

static const site_result *measured_at(const analysis *a, const site_result *sites, uint32_t site,
                                      uint32_t geometry) {
  if (!sites || geometry == NO_GEOMETRY) return NULL;
  const site_result *r = &sites[site * a->n_geometries + geometry];
  return r->image_variance ? r : NULL;
}

const site_result *lp_trained_site(const analysis *a, const run_info *run, uint32_t site,
                                   uint32_t geometry) {
  return measured_at(a, run->site, site, geometry);
}

const site_result *lp_untrained_site(const analysis *a, const run_info *run, uint32_t site,
                                     uint32_t geometry) {
  return measured_at(a, run->untrained, site, geometry);
}

/* One value a map; false: measure k is no average over images in this geometry. map: room for
 * one. */
static bool map_values(const layout *g, int k, const float *maps, uint32_t n, double *map,
                       double *value) {
  const measure_row *row = &lp_measure_table[k];
  const uint32_t units = g->rows * g->cols;
  lp_map_fn fn = g->wrap ? row->wrapped : row->flat;
  if (g->places ? !row->placed : !fn) return false;
  for (uint32_t m = 0; m < n; m++) {
    for (uint32_t i = 0; i < units; i++) map[i] = maps[(size_t)m * units + i];
    value[m] = g->places ? row->placed(map, g) : fn(map, g->rows, g->cols);
  }
  return true;
}

/* The measures that are averages over images; V of each image is kept. */
static lp_status measure_maps(const layout *g, const float *maps, uint32_t n, site_result *out) {
  double *value = malloc(sizeof *value * n);
  double *map = malloc(sizeof *map * g->rows * g->cols);
  out->image_variance = malloc(sizeof *value * n);
  lp_status s = LP_OK;
  if (!value || !map || !out->image_variance)
    s = lp_fail(LP_ERR_MEMORY, "out of memory for %u images", n);
  for (int k = 0; s == LP_OK && k < N_MEASURES; k++) {
    if (!map_values(g, k, maps, n, map, value)) continue;
    lp_moments m = lp_moments_of(value, n);
    out->value[k] = m.mean;
    if (k != MEASURE_VARIANCE) continue;
    out->defined = m.n;
    out->undefined = n - m.n;
    memcpy(out->image_variance, value, sizeof *value * n);
  }
  free(value);
  free(map);
  return s;
}

/* What each measure is on average over all ways to place the same units. */
static lp_status measure_chance(const layout *g, const float *maps, uint32_t n, site_result *out) {
  double units = (double)g->rows * g->cols, *chance = out->chance;
  if (!g->places)
    chance[MEASURE_VARIANCE_TORUS] = lp_spatial_variance_torus_uniform(g->rows, g->cols);
  chance[MEASURE_VARIANCE] = g->uniform;
  chance[MEASURE_MORAN_I] = units > 1 ? -1 / (units - 1) : NAN;
  chance[MEASURE_GEARY_C] = 1;
  return lp_mean_correlation(maps, n, g->rows * g->cols, &chance[MEASURE_NEIGHBOUR_CORRELATION]);
}

static lp_status measure_values(const layout *g, const float *maps, uint32_t n, site_result *out) {
  for (int k = 0; k < N_MEASURES; k++) out->value[k] = out->chance[k] = NAN;
  lp_status s = measure_maps(g, maps, n, out);
  if (s == LP_OK)
    s = lp_participation_ratio(maps, n, g->rows * g->cols,
                               &out->value[MEASURE_PARTICIPATION_RATIO]);
  double *near = &out->value[MEASURE_NEIGHBOUR_CORRELATION];
  if (s == LP_OK)
    s = g->places ? lp_places_neighbour_correlation(maps, n, g->touching, near)
                  : lp_neighbour_correlation(maps, n, g->rows, g->cols, g->wrap, near);
  return s;
}

static lp_status measure_site(const layout *g, const float *maps, uint32_t n, site_result *out) {
  lp_status s = measure_values(g, maps, n, out);
  if (s == LP_OK && g->places) {
    s = lp_places_variance_nulls(maps, n, g->places, PERMUTATIONS, PERMUTATION_SEED, &out->null,
                                 &out->permutation);
    return s == LP_OK ? measure_chance(g, maps, n, out) : s;
  }
  if (s == LP_OK)
    s = lp_spatial_variance_exact_null(maps, n, g->rows, g->cols, g->wrap, &out->null);
  if (s == LP_OK) /* shuffled on the flat sheet */
    s = lp_spatial_variance_null(maps, n, g->rows, g->cols, PERMUTATIONS, PERMUTATION_SEED,
                                 &out->permutation);
  return s == LP_OK ? measure_chance(g, maps, n, out) : s;
}

/* The values after each step of a sequence; out has those of the last one. */
static lp_status measure_steps(const layout *g, const float *all, uint32_t n, uint32_t steps,
                               site_result *out) {
  const uint32_t units = g->rows * g->cols;
  float *maps = malloc(sizeof *maps * n * units);
  out->step = malloc(sizeof *out->step * steps);
  lp_status s =
      maps && out->step ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u steps", steps);
  for (uint32_t t = 0; t + 1 < steps && s == LP_OK; t++) {
    site_result one = {0};
    lp_run_maps_step(all, n, steps, units, t, maps);
    s = measure_values(g, maps, n, &one);
    memcpy(out->step[t], one.value, sizeof one.value);
    free(one.image_variance);
  }
  if (s == LP_OK) {
    memcpy(out->step[steps - 1], out->value, sizeof out->value);
    out->n_steps = steps;
  }
  free(maps);
  return s;
}

/* Every network sees the same images, so that tests over images can pair them. */
static lp_status check_labels(analysis *a, const arm_info *arm, uint64_t seed,
                              const lp_run_maps *m) {
  if (!a->labels) {
    a->labels = malloc(sizeof *a->labels * m->n);
    if (!a->labels) return lp_fail(LP_ERR_MEMORY, "out of memory for %u labels", m->n);
    memcpy(a->labels, m->labels, sizeof *a->labels * m->n);
    a->n_images = m->n;
  }
  if (a->n_images == m->n && memcmp(a->labels, m->labels, sizeof *a->labels * m->n) == 0)
    return LP_OK;
  char *path = lp_run_path(a->dir, LP_RUN_ACTIVATIONS, arm->name, seed);
  lp_status s = lp_fail(LP_ERR_FORMAT, "%s: its labels are not those of the other networks",
                        path ? path : a->dir);
  free(path);
  return s;
}

/* Arms are measured where their units stand; a reference wherever those do that are compared
 * with it. */
static bool needs(const analysis *a, uint32_t arm, uint32_t site, uint32_t geometry) {
  if (a->arm[arm].geometry[site] == geometry) return true;
  for (uint32_t i = 0; i < a->n_arms; i++)
    if (a->arm[i].reference == arm && lp_reference_geometry(a, i, site) == geometry) return true;
  return false;
}

static lp_status measure_network(analysis *a, uint32_t arm, uint32_t seed, lp_run_file file,
                                 site_result **out) {
  lp_run_maps m;
  lp_status s = lp_run_maps_read(a->folder, file, arm, seed, &m);
  if (s == LP_ERR_NOT_FOUND) return LP_OK;
  if (s == LP_OK) s = check_labels(a, &a->arm[arm], a->seed[seed], &m);
  if (s == LP_OK && !(*out = calloc((size_t)a->n_geometries * a->n_sites + 1, sizeof **out)))
    s = lp_fail(LP_ERR_MEMORY, "out of memory for the measures of %s", a->arm[arm].name);
  for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++)
    for (uint32_t g = 0; s == LP_OK && m.site[k] && g < a->n_geometries; g++) {
      site_result *at = &(*out)[k * a->n_geometries + g];
      const uint32_t steps = a->folder->arm[arm].site[k].steps;
      if (needs(a, arm, k, g)) s = measure_site(&a->geometry[g], m.site[k], m.n, at);
      if (s == LP_OK && steps > 1 && a->arm[arm].geometry[k] == g)
        s = measure_steps(&a->geometry[g], m.all[k], m.n, steps, at);
    }
  lp_run_maps_free(&m);
  return s;
}

lp_status lp_measure_runs(analysis *a) {
  lp_status s = lp_find_geometries(a);
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++) {
    for (uint32_t k = 0; s == LP_OK && k < a->n_seeds; k++) {
      run_info *run = &a->arm[i].run[k];
      s = measure_network(a, i, k, LP_RUN_ACTIVATIONS, &run->site);
      run->measured = run->site != NULL;
      if (s == LP_OK) s = measure_network(a, i, k, LP_RUN_UNTRAINED, &run->untrained);
    }
  }
  return s;
}
