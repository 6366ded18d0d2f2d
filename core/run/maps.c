/* activations/: what the units of every site did on the test images that are analysed. */
#include "run_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static lp_desc shape_of(uint32_t n, uint32_t steps, uint32_t units) {
  return steps > 1 ? lp_f32(n, steps, units) : lp_f32(n, units);
}

void lp_run_maps_step(const float *all, uint32_t n, uint32_t steps, uint32_t units, uint32_t step,
                      float *out) {
  for (uint32_t i = 0; i < n; i++)
    memcpy(out + (size_t)i * units, all + ((size_t)i * steps + step) * units, units * sizeof *out);
}

static lp_status take_site(const lp_run_folder *r, const char *path, const lp_run_site *site,
                           uint32_t k, lp_run_maps *m) {
  const lp_desc want = shape_of(m->n, site->steps, site->units);
  const lp_tensor_view *v = lp_safetensors_find(m->file, r->site_name[k]);
  if (!v || !lp_desc_equal(&v->desc, &want)) {
    char steps[32] = "";
    if (site->steps > 1) snprintf(steps, sizeof steps, " x %u steps", site->steps);
    return lp_fail(LP_ERR_FORMAT, "%s: needs \"%s\", F32 of %u images%s x %u units", path,
                   r->site_name[k], m->n, steps, site->units);
  }
  m->site[k] = m->all[k] = v->data;
  if (site->steps == 1) return LP_OK;
  m->last[k] = malloc((size_t)m->n * site->units * sizeof **m->last);
  if (!m->last[k]) return lp_run_out_of_memory(r->dir);
  lp_run_maps_step(m->all[k], m->n, site->steps, site->units, site->steps - 1, m->last[k]);
  m->site[k] = m->last[k];
  return LP_OK;
}

static lp_status take_sites(const lp_run_folder *r, const char *path, const lp_run_arm *arm,
                            lp_run_maps *m) {
  m->n_sites = r->n_sites;
  m->site = calloc(r->n_sites + 1, sizeof *m->site);
  m->all = calloc(r->n_sites + 1, sizeof *m->all);
  m->last = calloc(r->n_sites + 1, sizeof *m->last);
  lp_status s = m->site && m->all && m->last ? LP_OK : lp_run_out_of_memory(r->dir);
  for (uint32_t k = 0; k < r->n_sites && s == LP_OK; k++)
    if (arm->site[k].units) s = take_site(r, path, &arm->site[k], k, m);
  return s;
}

/* Takes path. */
static lp_status read_maps(const lp_run_folder *r, char *path, uint32_t arm, lp_run_maps *out) {
  *out = (lp_run_maps){0};
  if (!path) return lp_run_out_of_memory(r->dir);
  lp_status s = access(path, F_OK) == 0
                    ? lp_safetensors_read(path, &out->file)
                    : lp_fail(LP_ERR_NOT_FOUND, "%s: there are no activations", path);
  if (s == LP_OK) s = take_labels(r, path, out);
  if (s == LP_OK) s = take_sites(r, path, &r->arm[arm], out);
  free(path);
  if (s != LP_OK) lp_run_maps_free(out);
  return s;
}

lp_status lp_run_maps_read(const lp_run_folder *r, lp_run_file file, uint32_t arm, uint32_t seed,
                           lp_run_maps *out) {
  return read_maps(r, lp_run_path(r->dir, file, r->arm[arm].name, r->seed[seed]), arm, out);
}

lp_status lp_run_frame_read(const lp_run_folder *r, uint32_t arm, uint32_t seed, uint32_t epoch,
                            lp_run_maps *out) {
  return read_maps(r, lp_run_frame_path(r->dir, r->arm[arm].name, r->seed[seed], epoch), arm, out);
}

void lp_run_maps_free(lp_run_maps *m) {
  for (uint32_t k = 0; m->last && k < m->n_sites; k++) free(m->last[k]);
  free(m->last);
  free(m->all);
  free(m->site);
  lp_safetensors_free(m->file);
  *m = (lp_run_maps){0};
}

lp_status lp_run_maps_write(const char *path, const char *const *name, const uint32_t *units,
                            const uint32_t *steps, float *const *maps, uint32_t n_sites,
                            const int32_t *labels, uint32_t n) {
  lp_tensor_view *view = calloc(n_sites + 1, sizeof *view);
  if (!view) return lp_run_out_of_memory(path);
  for (uint32_t k = 0; k < n_sites; k++)
    view[k] = (lp_tensor_view){name[k], shape_of(n, steps[k], units[k]), maps[k]};
  view[n_sites] = (lp_tensor_view){"labels", LP_DESC(LP_I32, n), labels};
  const char *key[] = {"format"}, *value[] = {"locality activations 1"};
  lp_status s = lp_safetensors_write(path, view, n_sites + 1, key, value, 1);
  free(view);
  return s;
}
