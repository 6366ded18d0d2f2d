/* An arm against the reference at the level of trained networks, and the reference against itself
 * at the level of images. */
#include "run.h"

#include "../base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool lp_run_complete(const run_info *run) {
  return strcmp(run->status, "complete") == 0;
}

bool lp_is_reference(const analysis *a, uint32_t arm) {
  return a->arm[arm].reference == arm;
}

uint32_t lp_arm_complete(const analysis *a, const arm_info *arm) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < a->n_seeds; k++) n += lp_run_complete(&arm->run[k]);
  return n;
}

double lp_run_outcome(const analysis *a, const run_info *run, outcome which, uint32_t geometry) {
  if (!lp_run_complete(run)) return NAN;
  if (which.kind == OUTCOME_ACCURACY) return run->accuracy;
  if (which.kind == OUTCOME_TOP5) return run->top5;
  if (which.kind == OUTCOME_LOSS) return run->loss;
  if (run->apart) return NAN;
  const site_result *site = lp_trained_site(a, run, which.site, geometry);
  return site ? site->measured[which.measure].value : NAN;
}

/* Does the size of the sheet decide it? */
bool lp_is_variance(outcome which) {
  return which.kind == OUTCOME_MEASURE &&
         (which.measure == MEASURE_VARIANCE || which.measure == MEASURE_VARIANCE_TORUS);
}

/* What an outcome is where position, or the image, says nothing, for all networks alike. */
static double chance_of(const analysis *a, outcome which, uint32_t geometry) {
  if (which.kind == OUTCOME_ACCURACY) return 100.0 / a->n_classes;
  if (which.kind != OUTCOME_MEASURE) return NAN;
  const layout *g = &a->geometry[geometry];
  const uint32_t units = g->rows * g->cols;
  switch (which.measure) {
  case MEASURE_VARIANCE:
    return g->uniform;
  case MEASURE_VARIANCE_TORUS:
    return g->places ? NAN : lp_spatial_variance_torus_uniform(g->rows, g->cols);
  case MEASURE_MORAN_I:
    return units > 1 ? -1.0 / (units - 1) : NAN;
  case MEASURE_GEARY_C:
    return 1;
  default:
    return NAN; /* that of its networks, where it is the same for all */
  }
}

/* The chance value that all complete networks of an arm share; NaN: they do not. */
static double shared_chance(const analysis *a, const comparison *c) {
  double chance = NAN;
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    const run_info *run = &a->arm[c->arm].run[k];
    const site_result *site = lp_trained_site(a, run, c->which.site, c->own_geometry);
    if (!lp_run_complete(run) || !site || isnan(site->measured[c->which.measure].value)) continue;
    const double own = site->measured[c->which.measure].chance;
    if (!isnan(chance) && own != chance) return NAN;
    chance = own;
  }
  return chance;
}

double lp_compared_value(const analysis *a, const comparison *c, const run_info *run,
                         uint32_t geometry) {
  double x = lp_run_outcome(a, run, c->which, geometry);
  return c->fraction && lp_is_variance(c->which) ? x / chance_of(a, c->which, geometry) : x;
}

/* z of the networks of `arm` that are in the test: x[k] is theirs. */
static lp_moments null_z(const analysis *a, uint32_t arm, uint32_t geometry, const comparison *c,
                         const double *x, double *z) {
  uint32_t n = 0;
  if (c->which.kind == OUTCOME_MEASURE && c->which.measure == MEASURE_VARIANCE)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      const site_result *site = lp_trained_site(a, &a->arm[arm].run[k], c->which.site, geometry);
      if (isfinite(x[k]) && site) z[n++] = site->null.z;
    }
  return lp_moments_of(z, n);
}

/* Does an end of the interval, which is not 0, read as 0? Then the line would not show on which
 * side of 0 it ends, which is the verdict. */
static bool reads_as_zero(double x, int decimals) {
  return isfinite(x) && x != 0 && strtod(lp_fixed(x, decimals).text, NULL) == 0;
}

/* Decimals for everything in the unit of an outcome: as its level has them (percentages 2), and
 * more where half an interval or the side of an end would vanish. */
static int decimals_of(const comparison *c) {
  double level = fmax(fabs(c->own.mean), fabs(c->reference.mean)),
         half = (c->result.high - c->result.low) / 2;
  int decimals = c->which.kind == OUTCOME_ACCURACY ? 2 : lp_decimals(level);
  while (decimals < 6 && half > 0 && half < pow(10, -decimals)) decimals++;
  while (decimals < 6 &&
         (reads_as_zero(c->result.low, decimals) || reads_as_zero(c->result.high, decimals)))
    decimals++;
  return decimals;
}

/* Were there networks enough, but of some the measure has no value? x, y: as lp_infer had them. */
static bool lacks_values(const analysis *a, const comparison *c, const double *x, const double *y) {
  const arm_info *own = &a->arm[c->arm], *other = &a->arm[c->other];
  bool lacks = false;
  for (uint32_t k = 0; k < a->n_seeds; k++)
    lacks |= (lp_run_complete(&own->run[k]) && !isfinite(x[k])) ||
             (lp_run_complete(&other->run[k]) && !isfinite(y[k]));
  return lacks && lp_arm_complete(a, own) > 2 && lp_arm_complete(a, other) > 2;
}

/* x: room for 7 n_seeds doubles. */
static lp_status compare(const analysis *a, double *x, comparison *c) {
  enum { BOOTSTRAP_SEED = 1 };
  uint32_t seeds = a->n_seeds, n_own = 0, n_reference = 0, other = c->other;
  double *y = x + seeds, *own = y + seeds, *reference = own + seeds, *z = reference + seeds;
  for (uint32_t k = 0; k < seeds; k++) {
    x[k] = lp_compared_value(a, c, &a->arm[c->arm].run[k], c->own_geometry);
    y[k] = lp_compared_value(a, c, &a->arm[other].run[k], c->reference_geometry);
  }
  c->chance = c->fraction && lp_is_variance(c->which) ? 1 : chance_of(a, c->which, c->own_geometry);
  if (c->which.kind == OUTCOME_MEASURE && c->which.measure >= N_STANDARD)
    c->chance = shared_chance(a, c);
  c->q = NAN;
  lp_status s = lp_infer(x, y, seeds, lp_plan_alpha(a, c->which, c->primary),
                         c->primary ? lp_plan_margin(a, c->which) : NAN, &c->result);
  if (c->result.verdict == LP_VERDICT_UNTESTABLE && lacks_values(a, c, x, y))
    c->result.reason = lp_is_variance(c->which)
                           ? "too few networks have a value: no unit was active, or only one"
                           : "too few networks have a value of this measure";
  if (s == LP_OK) s = lp_worst_case(a, c, x, y, z + seeds);
  for (uint32_t k = 0; k < seeds; k++) { /* a paired test has the seeds that both have */
    if (c->result.paired && !(isfinite(x[k]) && isfinite(y[k]))) x[k] = y[k] = NAN;
    if (isfinite(x[k])) own[n_own++] = x[k];
    if (isfinite(y[k])) reference[n_reference++] = y[k];
  }
  c->own_z = null_z(a, c->arm, c->own_geometry, c, x, z);
  c->reference_z = null_z(a, other, c->reference_geometry, c, y, z);
  c->own = lp_moments_of(own, n_own);
  c->reference = lp_moments_of(reference, n_reference);
  c->decimals = decimals_of(c);
  c->hedges_g = lp_hedges_g(own, n_own, reference, n_reference);
  if (s == LP_OK)
    s = lp_bootstrap_t(own, n_own, reference, n_reference, c->result.paired,
                       lp_plan_alpha(a, c->which, c->primary), BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED,
                       &c->bootstrap);
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

/* Has any network of the arm, or of its reference, a value? */
static bool has_values(const analysis *a, const comparison *c) {
  const arm_info *own = &a->arm[c->arm], *other = &a->arm[c->other];
  for (uint32_t k = 0; k < a->n_seeds; k++)
    if (isfinite(lp_compared_value(a, c, &own->run[k], c->own_geometry)) ||
        isfinite(lp_compared_value(a, c, &other->run[k], c->reference_geometry)))
      return true;
  return false;
}

/* The comparison of a pair in outcome i; false where there is none. */
static bool begin(const analysis *a, uint32_t i, const arm_pair *pair, comparison *c) {
  *c = (comparison){.arm = pair->arm, .other = pair->other, .contrast = pair->name};
  lp_outcome_at(a, i, &c->which);
  c->primary = pair->planned && lp_plan_primary(a, c->which);
  if (c->which.kind != OUTCOME_MEASURE) return true;
  c->own_geometry = a->arm[pair->arm].geometry[c->which.site];
  c->reference_geometry = lp_geometry_against(a, pair->arm, pair->other, c->which.site);
  c->fraction = c->own_geometry != c->reference_geometry;
  if (c->reference_geometry == NO_GEOMETRY) return false;
  return c->which.measure < N_STANDARD || c->primary || has_values(a, c);
}

lp_status lp_compare_all(analysis *a) {
  outcome which;
  uint32_t outcomes = 0, n = 0;
  while (lp_outcome_at(a, outcomes, &which)) outcomes++;
  double *values = calloc(7 * (size_t)a->n_seeds, sizeof *values);
  comparison *c = calloc((size_t)outcomes * a->n_pairs + 1, sizeof *c);
  a->comparison = c;
  lp_status s = values && c ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for comparisons");
  for (int contrasts = 0; contrasts < 2; contrasts++) {
    for (uint32_t i = 0; i < outcomes; i++)
      for (uint32_t k = 0; s == LP_OK && k < a->n_pairs; k++) {
        if ((*a->pair[k].name != 0) != contrasts || !begin(a, i, &a->pair[k], &c[n])) continue;
        s = compare(a, values, &c[n++]);
      }
    *(contrasts ? &a->n_contrasts : &a->n_comparisons) = n - a->n_comparisons;
  }
  if (s == LP_OK) s = adjust(c, n);
  if (s == LP_OK) s = lp_compare_many(a);
  free(values);
  return s;
}

static void compare_seeds(const analysis *a, const arm_info *arm, control_pairs *c) {
  for (uint32_t i = 0; i < a->n_seeds; i++) {
    for (uint32_t k = 0; k < i; k++) {
      const run_info *own = &arm->run[i], *other = &arm->run[k];
      if (!lp_run_complete(own) || !lp_run_complete(other) || !own->measured || !other->measured)
        continue;
      c->pairs++;
      for (uint32_t site = 0; site < a->n_sites; site++) {
        const site_result *x = lp_trained_site(a, own, site, arm->geometry[site]),
                          *y = lp_trained_site(a, other, site, arm->geometry[site]);
        if (!x || !y) continue;
        lp_test t = lp_ttest_paired(x->image_variance, y->image_variance, a->n_images);
        c->significant[site] += t.p < c->alpha;
      }
    }
  }
}

lp_status lp_compare_controls(const analysis *a, control_pairs *out) {
  *out = (control_pairs){.alpha = 0.001,
                         .significant = calloc(a->n_sites + 1, sizeof *out->significant)};
  if (!out->significant) return lp_fail(LP_ERR_MEMORY, "out of memory for %u sites", a->n_sites);
  for (uint32_t i = 0; i < a->n_arms; i++)
    if (lp_is_reference(a, i)) compare_seeds(a, &a->arm[i], out);
  return LP_OK;
}
