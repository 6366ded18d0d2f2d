/* activations/: the measures of every network. */
#include "run.h"

#include <inttypes.h>
#include <locality/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const site_name[N_SITES] = {"lp_in", "lp_out"};

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
static lp_status check_labels(analysis *a, const char *path, const lp_tensor_view *v) {
  if (!v || v->desc.dtype != LP_I32 || v->desc.ndim != 1 || v->desc.dim[0] < 1 ||
      v->desc.dim[0] > UINT32_MAX / 2)
    return lp_fail(LP_ERR_FORMAT, "%s: needs \"labels\", I32 of one axis", path);
  uint32_t n = (uint32_t)v->desc.dim[0];
  const int32_t *labels = v->data;
  for (uint32_t m = 0; m < n; m++)
    if (labels[m] < 0 || (uint32_t)labels[m] >= a->n_classes)
      return lp_fail(LP_ERR_FORMAT, "%s: label %" PRId32 " of image %u is not one of %u classes",
                     path, labels[m], m, a->n_classes);
  if (!a->labels) {
    a->labels = malloc(sizeof *labels * n);
    if (!a->labels) return lp_fail(LP_ERR_MEMORY, "out of memory for %u labels", n);
    memcpy(a->labels, labels, sizeof *labels * n);
    a->n_images = n;
  }
  if (a->n_images != n || memcmp(a->labels, labels, sizeof *labels * n) != 0)
    return lp_fail(LP_ERR_FORMAT, "%s: its labels are not those of the other networks", path);
  return LP_OK;
}

static lp_status measure_file(analysis *a, const char *path, run_info *run) {
  lp_safetensors *f = NULL;
  lp_status s = lp_safetensors_read(path, &f);
  if (s == LP_OK) s = check_labels(a, path, lp_safetensors_find(f, "labels"));
  for (int k = 0; s == LP_OK && k < N_SITES; k++) {
    const lp_tensor_view *v = lp_safetensors_find(f, site_name[k]);
    if (!v || v->desc.dtype != LP_F32 || v->desc.ndim != 2 || v->desc.dim[0] != a->n_images ||
        v->desc.dim[1] != a->units)
      s = lp_fail(LP_ERR_FORMAT, "%s: needs \"%s\", F32 of %u images x %u units", path,
                  site_name[k], a->n_images, a->units);
    else
      s = measure_site(a, v->data, a->n_images, &run->site[k]);
  }
  lp_safetensors_free(f);
  run->measured = s == LP_OK;
  return s;
}

lp_status measure_runs(analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++) {
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      char *path = NULL;
      if (asprintf(&path, "%s/activations/%s-seed%" PRIu64 ".safetensors", a->dir, a->arm[i].name,
                   (uint64_t)a->seed[k]) < 0)
        return lp_fail(LP_ERR_MEMORY, "out of memory");
      lp_status s = LP_OK;
      if (access(path, F_OK) == 0) s = measure_file(a, path, &a->arm[i].run[k]);
      free(path);
      if (s != LP_OK) return s;
    }
  }
  return LP_OK;
}
