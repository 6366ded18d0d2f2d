/* activations/: the measures of every network. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const measure_row measure_table[N_MEASURES] = {
    [MEASURE_VARIANCE] = {"variance", lp_spatial_variance},
    [MEASURE_VARIANCE_TORUS] = {"variance_torus", lp_spatial_variance_torus},
    [MEASURE_MORAN_I] = {"moran_i", lp_moran_i},
    [MEASURE_GEARY_C] = {"geary_c", lp_geary_c},
    [MEASURE_PARTICIPATION_RATIO] = {"participation_ratio", NULL},
    [MEASURE_CENTROID_OFFSET] = {"centroid_offset", lp_centroid_offset},
    [MEASURE_SMOOTHNESS] = {"smoothness", NULL},
};

enum { PERMUTATIONS = 199, PERMUTATION_SEED = 1 };

/* The measures that are averages over images; V of each image is kept. */
static lp_status measure_maps(const analysis *a, const float *maps, uint32_t n, site_result *out) {
  double *value = malloc(sizeof *value * n);
  out->image_variance = malloc(sizeof *value * n);
  lp_status s = LP_OK;
  if (!value || !out->image_variance) s = lp_fail(LP_ERR_MEMORY, "out of memory for %u images", n);
  for (int k = 0; s == LP_OK && k < N_MEASURES; k++) {
    if (!measure_table[k].per_map) continue;
    s = lp_map_values(measure_table[k].per_map, maps, n, a->rows, a->cols, value);
    if (s != LP_OK) break;
    lp_moments m = lp_moments_of(value, n);
    out->value[k] = m.mean;
    if (k != MEASURE_VARIANCE) continue;
    out->defined = m.n;
    out->undefined = n - m.n;
    memcpy(out->image_variance, value, sizeof *value * n);
  }
  free(value);
  return s;
}

static lp_status measure_site(const analysis *a, const float *maps, uint32_t n, site_result *out) {
  lp_status s = measure_maps(a, maps, n, out);
  if (s == LP_OK)
    s = lp_spatial_variance_null(maps, n, a->rows, a->cols, PERMUTATIONS, PERMUTATION_SEED,
                                 &out->null);
  if (s == LP_OK)
    s = lp_participation_ratio(maps, n, a->units, &out->value[MEASURE_PARTICIPATION_RATIO]);
  if (s == LP_OK) s = lp_smoothness(maps, n, a->rows, a->cols, &out->value[MEASURE_SMOOTHNESS]);
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

static lp_status measure_run(analysis *a, uint32_t arm, uint32_t seed) {
  run_info *run = &a->arm[arm].run[seed];
  lp_run_maps m;
  lp_status s = lp_run_maps_read(a->folder, arm, seed, &m);
  if (s == LP_ERR_NOT_FOUND) return LP_OK;
  if (s == LP_OK) s = check_labels(a, &a->arm[arm], a->seed[seed], &m);
  for (int k = 0; s == LP_OK && k < N_SITES; k++)
    s = measure_site(a, m.site[k], m.n, &run->site[k]);
  run->measured = s == LP_OK;
  lp_run_maps_free(&m);
  return s;
}

lp_status measure_runs(analysis *a) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < a->n_arms && s == LP_OK; i++)
    for (uint32_t k = 0; k < a->n_seeds && s == LP_OK; k++) s = measure_run(a, i, k);
  return s;
}
