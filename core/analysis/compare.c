/* An arm against the reference at the level of trained networks, and the reference against itself
 * at the level of images. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool run_complete(const run_info *run) {
  return strcmp(run->status, "complete") == 0;
}

bool is_reference(const analysis *a, uint32_t arm) {
  return a->arm[arm].reference == arm;
}

uint32_t arm_complete(const analysis *a, const arm_info *arm) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < a->n_seeds; k++) n += run_complete(&arm->run[k]);
  return n;
}

double run_outcome(const run_info *run, outcome which, uint32_t geometry) {
  if (!run_complete(run)) return NAN;
  if (which.kind == OUTCOME_ACCURACY) return run->accuracy;
  if (which.kind == OUTCOME_TOP5) return run->top5;
  if (which.kind == OUTCOME_LOSS) return run->loss;
  const site_result *site = run_site(run, geometry, which.site);
  return site ? site->value[which.measure] : NAN;
}

/* What an outcome is where position, or the image, says nothing, for all networks alike. */
static double chance_of(const analysis *a, outcome which, uint32_t arm) {
  const lattice *g = &a->geometry[a->arm[arm].geometry];
  if (which.kind == OUTCOME_ACCURACY) return 100.0 / a->n_classes;
  if (which.kind != OUTCOME_MEASURE) return NAN;
  switch (which.measure) {
  case MEASURE_VARIANCE:
    return g->wrap ? lp_spatial_variance_torus_uniform(g->rows, g->cols)
                   : lp_spatial_variance_uniform(g->rows, g->cols);
  case MEASURE_VARIANCE_TORUS:
    return lp_spatial_variance_torus_uniform(g->rows, g->cols);
  case MEASURE_MORAN_I:
    return a->units > 1 ? -1.0 / (a->units - 1) : NAN;
  case MEASURE_GEARY_C:
    return 1;
  default:
    return NAN;
  }
}

/* z of the networks of `arm` that are in the test: x[k] is theirs. */
static lp_moments null_z(const analysis *a, uint32_t arm, const comparison *c, const double *x,
                         double *z) {
  uint32_t n = 0;
  if (c->which.kind == OUTCOME_MEASURE && c->which.measure == MEASURE_VARIANCE)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      const site_result *site =
          run_site(&a->arm[arm].run[k], a->arm[c->arm].geometry, c->which.site);
      if (isfinite(x[k]) && site) z[n++] = site->null.z;
    }
  return lp_moments_of(z, n);
}

/* x: room for 5 n_seeds doubles. */
static lp_status compare(const analysis *a, double *x, comparison *c) {
  enum { BOOTSTRAP_SEED = 1 };
  uint32_t seeds = a->n_seeds, n_own = 0, n_reference = 0, other = a->arm[c->arm].reference;
  double *y = x + seeds, *own = y + seeds, *reference = own + seeds, *z = reference + seeds;
  for (uint32_t k = 0; k < seeds; k++) {
    x[k] = run_outcome(&a->arm[c->arm].run[k], c->which, a->arm[c->arm].geometry);
    y[k] = run_outcome(&a->arm[other].run[k], c->which, a->arm[c->arm].geometry);
  }
  c->primary = plan_primary(&a->plan, c->which);
  c->chance = chance_of(a, c->which, c->arm);
  c->q = NAN;
  lp_status s = lp_infer(x, y, seeds, plan_alpha(&a->plan, c->which),
                         plan_margin(&a->plan, c->which), &c->result);
  for (uint32_t k = 0; k < seeds; k++) { /* a paired test has the seeds that both have */
    if (c->result.paired && !(isfinite(x[k]) && isfinite(y[k]))) x[k] = y[k] = NAN;
    if (isfinite(x[k])) own[n_own++] = x[k];
    if (isfinite(y[k])) reference[n_reference++] = y[k];
  }
  c->own_z = null_z(a, c->arm, c, x, z);
  c->reference_z = null_z(a, other, c, y, z);
  c->own = lp_moments_of(own, n_own);
  c->reference = lp_moments_of(reference, n_reference);
  c->paired = lp_ttest_paired(x, y, seeds);
  c->welch = lp_ttest_welch(own, n_own, reference, n_reference);
  c->hedges_g = lp_hedges_g(own, n_own, reference, n_reference);
  if (s == LP_OK)
    s = lp_bootstrap_difference(own, n_own, reference, n_reference, c->result.paired, 0.95,
                                BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED, &c->bootstrap);
  return s;
}

/* The false discovery rate among the exploratory comparisons. */
static lp_status adjust(comparison *c, uint32_t n) {
  double *p = malloc(sizeof *p * ((size_t)n + 1));
  if (!p) return lp_fail(LP_ERR_MEMORY, "out of memory for %u comparisons", n);
  for (uint32_t i = 0; i < n; i++)
    p[i] = c[i].primary || c[i].result.verdict == LP_VERDICT_UNTESTABLE ? NAN : c[i].result.test.p;
  lp_status s = lp_adjust_bh(p, n, p);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) c[i].q = p[i];
  free(p);
  return s;
}

lp_status compare_all(const analysis *a, comparison **out, uint32_t *n) {
  outcome which;
  uint32_t outcomes = 0;
  while (outcome_at(outcomes, &which)) outcomes++;
  double *values = calloc(5 * (size_t)a->n_seeds, sizeof *values);
  comparison *c = calloc((size_t)outcomes * a->n_arms, sizeof *c);
  lp_status s = values && c ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for comparisons");
  *n = 0;
  for (uint32_t i = 0; i < outcomes; i++)
    for (uint32_t arm = 0; s == LP_OK && arm < a->n_arms; arm++) {
      if (is_reference(a, arm)) continue;
      c[*n].arm = arm;
      outcome_at(i, &c[*n].which);
      s = compare(a, values, &c[(*n)++]);
    }
  if (s == LP_OK) s = adjust(c, *n);
  free(values);
  if (s != LP_OK) {
    free(c);
    c = NULL;
  }
  *out = c;
  return s;
}

static void compare_seeds(const analysis *a, const arm_info *arm, control_pairs *c) {
  for (uint32_t i = 0; i < a->n_seeds; i++) {
    for (uint32_t k = 0; k < i; k++) {
      const run_info *own = &arm->run[i], *other = &arm->run[k];
      if (!run_complete(own) || !run_complete(other) || !own->measured || !other->measured)
        continue;
      c->pairs++;
      for (int site = 0; site < N_SITES; site++) {
        lp_test t =
            lp_ttest_paired(run_site(own, arm->geometry, site)->image_variance,
                            run_site(other, arm->geometry, site)->image_variance, a->n_images);
        c->significant[site] += t.p < c->alpha;
      }
    }
  }
}

control_pairs compare_controls(const analysis *a) {
  control_pairs c = {.alpha = 0.001};
  for (uint32_t i = 0; i < a->n_arms; i++)
    if (is_reference(a, i)) compare_seeds(a, &a->arm[i], &c);
  return c;
}
