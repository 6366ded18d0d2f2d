/* activations/: what the units of both sites did on the test images that are analysed. */
#include "run_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

const char *const lp_run_site_name[LP_RUN_SITES] = {"lp_in", "lp_out"};

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

static lp_status take_site(const char *path, lp_run_maps *m, int site) {
  const lp_tensor_view *v = lp_safetensors_find(m->file, lp_run_site_name[site]);
  if (!v || v->desc.dtype != LP_F32 || v->desc.ndim != 2 || v->desc.dim[0] != m->n ||
      v->desc.dim[1] != m->units)
    return lp_fail(LP_ERR_FORMAT, "%s: needs \"%s\", F32 of %u images x %u units", path,
                   lp_run_site_name[site], m->n, m->units);
  m->site[site] = v->data;
  return LP_OK;
}

lp_status lp_run_maps_read(const lp_run_folder *r, lp_run_file file, uint32_t arm, uint32_t seed,
                           lp_run_maps *out) {
  *out = (lp_run_maps){.units = r->rows * r->cols};
  char *path = lp_run_path(r->dir, file, r->arm[arm].name, r->seed[seed]);
  if (!path) return run_out_of_memory(r->dir);
  lp_status s = access(path, F_OK) == 0
                    ? lp_safetensors_read(path, &out->file)
                    : lp_fail(LP_ERR_NOT_FOUND, "%s: there are no activations", path);
  if (s == LP_OK) s = take_labels(r, path, out);
  for (int k = 0; k < LP_RUN_SITES && s == LP_OK; k++) s = take_site(path, out, k);
  free(path);
  if (s != LP_OK) lp_run_maps_free(out);
  return s;
}

void lp_run_maps_free(lp_run_maps *m) {
  lp_safetensors_free(m->file);
  *m = (lp_run_maps){0};
}

lp_status lp_run_maps_write(const char *path, const lp_run_maps *m) {
  lp_tensor_view view[LP_RUN_SITES + 1];
  for (int k = 0; k < LP_RUN_SITES; k++)
    view[k] = (lp_tensor_view){lp_run_site_name[k], lp_f32(m->n, m->units), m->site[k]};
  view[LP_RUN_SITES] = (lp_tensor_view){"labels", LP_DESC(LP_I32, m->n), m->labels};
  const char *key[] = {"format"}, *value[] = {"locality activations 1"};
  return lp_safetensors_write(path, view, LP_RUN_SITES + 1, key, value, 1);
}
