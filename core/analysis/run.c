/* The analysis of a run folder, step by step. */
#include "run.h"

#include "../base/numbers.h"

#include <stdlib.h>

static void free_sites(const analysis *a, site_result *site) {
  for (uint32_t i = 0; site && i < a->n_geometries * a->n_sites; i++) free(site[i].image_variance);
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
  free(a->geometry);
  lp_run_folder_close(a->folder);
}

lp_status lp_analyze_run(const char *dir) {
  LP_POINT_NUMBERS;
  analysis a = {.dir = dir};
  lp_status s = read_run(&a);
  if (s == LP_OK) s = measure_runs(&a);
  if (s == LP_OK) s = write_summary(&a);
  if (s == LP_OK) s = write_sweep(&a);
  clear(&a);
  return s;
}
