/* The analysis of a run folder, step by step. */
#include "run.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <stdlib.h>
#include <string.h>

static void free_sites(const analysis *a, site_result *site) {
  for (uint32_t i = 0; site && i < a->n_geometries * a->n_sites; i++) {
    free(site[i].image_variance);
    free(site[i].step);
    free(site[i].measured);
    free(site[i].of_class);
  }
  free(site);
}

static void clear(analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++) {
    for (uint32_t k = 0; a->arm[i].run && k < a->n_seeds; k++) {
      run_info *run = &a->arm[i].run[k];
      free_sites(a, run->site);
      free_sites(a, run->untrained);
    }
    free(a->arm[i].run);
    free(a->arm[i].geometry);
  }
  free(a->arm);
  free(a->labels);
  for (uint32_t i = 0; i < a->n_geometries; i++) lp_layout_free(&a->geometry[i]);
  free(a->geometry);
  free(a->comparison);
  free(a->omnibus);
  free(a->superclass);
  lp_forget_pairs(a);
  free(a->plan.primary);
  free(a->plan.margin);
  lp_deselect_measures(a);
  json_decref(a->warnings);
  lp_run_folder_close(a->folder);
}

/* Is cell `other` of a sweep the one that `arm` is compared with: of the same values, wherever they
 * change it? */
static bool same_values(const analysis *a, uint32_t arm, uint32_t other) {
  const lp_run_arm *cells = a->folder->arm;
  for (uint32_t i = 0; i < a->folder->n_axes; i++)
    if (cells[other].cell[i] >= 0 && cells[other].cell[i] != cells[arm].cell[i]) return false;
  return true;
}

/* Compares with another arm than the folder's, or, of a sweep, with that arm's cells. NULL or "":
 * as the folder says. */
static lp_status set_reference(analysis *a, const char *name) {
  if (!name || !*name) return LP_OK;
  uint32_t found = a->n_arms;
  const char **names = malloc(sizeof *names * a->n_arms);
  if (!names) return lp_fail(LP_ERR_MEMORY, "out of memory for %u arms", a->n_arms);
  for (uint32_t i = a->n_arms; i-- > 0;) {
    names[i] = a->folder->n_axes ? a->folder->arm[i].base : a->arm[i].name;
    if (strcmp(names[i], name) == 0) found = i;
  }
  lp_status s = LP_OK;
  if (found == a->n_arms)
    s = lp_fail(LP_ERR_ARG, "reference: %s has no arm '%s'%s", a->dir, name,
                lp_did_you_mean_or(name, names, a->n_arms).text);
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++) {
    uint32_t other = 0;
    while (other < a->n_arms && (strcmp(names[other], name) != 0 || !same_values(a, i, other)))
      other++;
    if (other == a->n_arms)
      s = lp_fail(LP_ERR_ARG, "reference: %s has no cell of '%s' with the values of %s", a->dir,
                  name, a->arm[i].name);
    else
      a->arm[i].reference = other;
  }
  if (s == LP_OK) {
    a->reference = found;
    a->reference_name = a->arm[found].name;
  }
  free(names);
  return s;
}

lp_status lp_analyze_run(const char *dir) {
  return lp_analyze_run_with(dir, &(lp_analysis_options){0});
}

lp_status lp_analyze_run_with(const char *dir, const lp_analysis_options *o) {
  LP_POINT_NUMBERS;
  analysis a = {.dir = dir};
  lp_status s = lp_read_run(&a);
  if (s == LP_OK) s = set_reference(&a, o->reference);
  if (s == LP_OK) s = lp_find_pairs(&a, o->contrasts);
  if (s == LP_OK) s = lp_select_measures(&a, o->measures);
  if (s == LP_OK) s = lp_find_superclasses(&a, o->superclasses);
  if (s == LP_OK) s = lp_read_plan(&a);
  if (s == LP_OK) s = lp_measure_runs(&a);
  if (s == LP_OK) lp_find_collapsed(&a);
  if (s == LP_OK) s = lp_compare_all(&a);
  if (s == LP_OK) s = lp_write_summary(&a);
  if (s == LP_OK) s = lp_write_tidy(&a);
  if (s == LP_OK) s = lp_write_measures(&a);
  if (s == LP_OK) s = lp_write_sweep(&a);
  if (s == LP_OK) s = lp_write_steps(&a);
  clear(&a);
  return s;
}
