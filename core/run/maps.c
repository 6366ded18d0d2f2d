/* activations/: what the units of every site did on the test images that are analysed. */
#include "run_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static lp_status take_labels(const lp_run_folder *r, const char *path, lp_run_maps *m) {
  const lp_tensor_view *v = lp_safetensors_find(m->file, "labels");
  if (!v || v->desc.dtype != LP_I32 || v->desc.ndim != 1 || v->desc.dim[0] < 1 ||
      v->desc.dim[0] > UINT32_MAX / 2)
    return lp_fail(LP_ERR_FORMAT, "%s: needs \"labels\", I32 of one axis", path);
  m->n = (uint32_t)v->desc.dim[0];
  m->labels = v->data;
  for (uint32_t i = 0; i < m->n; i++)
    if (m->labels[i] < 0 || (uint32_t)m->labels[i] >= r->n_classes)
      return lp_fail(LP_ERR_FORMAT, "%s: label %" PRId32 " of image %u is not one of %u classes",
                     path, m->labels[i], i, r->n_classes);
  return LP_OK;
}

static lp_status take_sites(const lp_run_folder *r, const char *path, const lp_run_arm *arm,
                            lp_run_maps *m) {
  m->site = calloc(r->n_sites + 1, sizeof *m->site);
  if (!m->site) return run_out_of_memory(r->dir);
  for (uint32_t k = 0; k < r->n_sites; k++) {
    const uint32_t units = arm->site[k].units;
    if (!units) continue;
    const lp_tensor_view *v = lp_safetensors_find(m->file, r->site_name[k]);
    if (!v || v->desc.dtype != LP_F32 || v->desc.ndim != 2 || v->desc.dim[0] != m->n ||
        v->desc.dim[1] != units)
      return lp_fail(LP_ERR_FORMAT, "%s: needs \"%s\", F32 of %u images x %u units", path,
                     r->site_name[k], m->n, units);
    m->site[k] = v->data;
  }
  return LP_OK;
}

lp_status lp_run_maps_read(const lp_run_folder *r, lp_run_file file, uint32_t arm, uint32_t seed,
                           lp_run_maps *out) {
  *out = (lp_run_maps){0};
  char *path = lp_run_path(r->dir, file, r->arm[arm].name, r->seed[seed]);
  if (!path) return run_out_of_memory(r->dir);
  lp_status s = access(path, F_OK) == 0
                    ? lp_safetensors_read(path, &out->file)
                    : lp_fail(LP_ERR_NOT_FOUND, "%s: there are no activations", path);
  if (s == LP_OK) s = take_labels(r, path, out);
  if (s == LP_OK) s = take_sites(r, path, &r->arm[arm], out);
  free(path);
  if (s != LP_OK) lp_run_maps_free(out);
  return s;
}

void lp_run_maps_free(lp_run_maps *m) {
  free(m->site);
  lp_safetensors_free(m->file);
  *m = (lp_run_maps){0};
}

lp_status lp_run_maps_write(const char *path, const char *const *name, const uint32_t *units,
                            float *const *maps, uint32_t n_sites, const int32_t *labels,
                            uint32_t n) {
  lp_tensor_view *view = calloc(n_sites + 1, sizeof *view);
  if (!view) return run_out_of_memory(path);
  for (uint32_t k = 0; k < n_sites; k++)
    view[k] = (lp_tensor_view){name[k], lp_f32(n, units[k]), maps[k]};
  view[n_sites] = (lp_tensor_view){"labels", LP_DESC(LP_I32, n), labels};
  const char *key[] = {"format"}, *value[] = {"locality activations 1"};
  lp_status s = lp_safetensors_write(path, view, n_sites + 1, key, value, 1);
  free(view);
  return s;
}
