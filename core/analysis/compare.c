/* An arm against the reference at the level of trained networks, and the reference against itself
 * at the level of images. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool run_complete(const run_info *run) {
  return strcmp(run->status, "complete") == 0;
}

uint32_t arm_complete(const analysis *a, const arm_info *arm) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < a->n_seeds; k++) n += run_complete(&arm->run[k]);
  return n;
}

double run_outcome(const run_info *run, outcome which) {
  if (!run_complete(run)) return NAN;
  if (which.kind == OUTCOME_ACCURACY) return run->accuracy;
  if (which.kind == OUTCOME_TOP5) return run->top5;
  if (which.kind == OUTCOME_LOSS) return run->loss;
  return run->measured ? run->site[which.site].value[which.measure] : NAN;
}

lp_status compare_arms(const analysis *a, uint32_t arm, outcome which, comparison *out) {
  enum { BOOTSTRAP_SEED = 1 };
  uint32_t seeds = a->n_seeds, n_own = 0, n_reference = 0;
  double *x = calloc(4 * (size_t)seeds, sizeof *x);
  if (!x) return lp_fail(LP_ERR_MEMORY, "out of memory for %u seeds", seeds);
  double *y = x + seeds, *own = y + seeds, *reference = own + seeds;
  *out = (comparison){.which = which, .arm = arm};
  for (uint32_t k = 0; k < seeds; k++) {
    x[k] = run_outcome(&a->arm[arm].run[k], which);
    y[k] = run_outcome(&a->arm[a->reference].run[k], which);
    if (isfinite(x[k])) own[n_own++] = x[k];
    if (isfinite(y[k])) reference[n_reference++] = y[k];
  }
  out->own = lp_moments_of(own, n_own);
  out->reference = lp_moments_of(reference, n_reference);
  out->paired = lp_ttest_paired(x, y, seeds);
  out->pairs = out->paired.n;
  out->welch = lp_ttest_welch(own, n_own, reference, n_reference);
  out->hedges_g = lp_hedges_g(own, n_own, reference, n_reference);
  /* With every seed in both arms, own and reference are in the order of the seeds. */
  bool matched = out->pairs == n_own && out->pairs == n_reference;
  lp_status s = lp_bootstrap_difference(own, n_own, reference, n_reference, matched, 0.95,
                                        BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED, &out->bootstrap);
  free(x);
  return s;
}

control_pairs compare_controls(const analysis *a) {
  control_pairs c = {.alpha = 0.001};
  const run_info *run = a->arm[a->reference].run;
  for (uint32_t i = 0; i < a->n_seeds; i++) {
    for (uint32_t k = 0; k < i; k++) {
      if (!run_complete(&run[i]) || !run_complete(&run[k]) || !run[i].measured || !run[k].measured)
        continue;
      c.pairs++;
      for (int site = 0; site < N_SITES; site++) {
        lp_test t = lp_ttest_paired(run[i].site[site].image_variance,
                                    run[k].site[site].image_variance, a->n_images);
        c.significant[site] += t.p < c.alpha;
      }
    }
  }
  return c;
}
