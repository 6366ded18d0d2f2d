/* The analysis of a run folder, step by step. */
#include "run.h"

#include "../base/numbers.h"

#include <stdlib.h>

static void clear(analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++) {
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      run_info *run = &a->arm[i].run[k];
      for (int site = 0; site < N_SITES; site++) free(run->site[site].image_variance);
    }
    free(a->arm[i].run);
  }
  free(a->arm);
  free(a->labels);
  lp_run_folder_close(a->folder);
}

lp_status lp_analyze_run(const char *dir) {
  LP_POINT_NUMBERS;
  analysis a = {.dir = dir};
  lp_status s = read_run(&a);
  if (s == LP_OK) s = measure_runs(&a);
  if (s == LP_OK) s = write_summary(&a);
  clear(&a);
  return s;
}
