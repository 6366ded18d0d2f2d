/* Networks that ended without becoming what was planned. They are counted and compared as
 * proportions, and a comparison without their values is repeated with the worst ones. */
#include "run.h"

#include <math.h>
#include <string.h>

/* An accuracy that guessing reaches once in a thousand times is no sign of learning. */
#define GUESSING_SDS 3.09

static double guessing_bound(const analysis *a) {
  const json_t *data = json_object_get(a->folder->manifest, "data");
  double images = json_number_value(json_object_get(data, "test")), p = 1.0 / a->n_classes;
  return 100 * (p + (images > 0 ? GUESSING_SDS * sqrt(p * (1 - p) / images) : 0));
}

/* No unit of the headline site is active for any image. */
static bool silent(const analysis *a, const arm_info *arm, const run_info *run) {
  if (a->headline == a->n_sites || arm->geometry[a->headline] == NO_GEOMETRY) return false;
  const site_result *site = lp_trained_site(a, run, a->headline, arm->geometry[a->headline]);
  return site && a->n_images > 0 && site->defined == 0 &&
         isnan(site->measured[MEASURE_PARTICIPATION_RATIO].value);
}

void lp_find_collapsed(analysis *a) {
  double bound = guessing_bound(a);
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      run_info *run = &a->arm[i].run[k];
      run->collapsed =
          lp_run_complete(run) && (run->accuracy <= bound || silent(a, &a->arm[i], run));
      run->apart = lp_run_complete(run) && run->accuracy < a->plan.least_accuracy;
    }
}

static bool is(const run_info *run, const char *status) {
  return strcmp(run->status, status) == 0;
}

fates lp_fates_of(const analysis *a, uint32_t arm) {
  fates f = {.planned = a->n_seeds};
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    const run_info *run = &a->arm[arm].run[k];
    f.complete += lp_run_complete(run);
    f.collapsed += run->collapsed;
    f.apart += run->apart;
    f.nonfinite += is(run, "nonfinite");
    f.failed += is(run, "failed");
  }
  f.ended = f.complete + f.nonfinite + f.failed;
  f.lost = f.collapsed + f.nonfinite + f.failed;
  return f;
}

double lp_lost_p(const analysis *a, uint32_t arm) {
  fates own = lp_fates_of(a, arm), reference = lp_fates_of(a, a->arm[arm].reference);
  return lp_fisher_p(own.lost, own.ended, reference.lost, reference.ended);
}

json_t *lp_fates_json(const analysis *a, uint32_t arm) {
  fates f = lp_fates_of(a, arm);
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "planned",
                   (json_int_t)f.planned, "ended", (json_int_t)f.ended, "complete",
                   (json_int_t)f.complete, "collapsed", (json_int_t)f.collapsed, "nonfinite",
                   (json_int_t)f.nonfinite, "failed", (json_int_t)f.failed, "lost",
                   (json_int_t)f.lost, "apart", (json_int_t)f.apart, "fisher_p",
                   lp_json_p(lp_is_reference(a, arm) ? NAN : lp_lost_p(a, arm)));
}

/* ---- the worst case ------------------------------------------------------------------------ */

/* Ended, and without a value of the outcome: for a complete network, that of none of its maps. What
 * was planned to be set apart is not lost. */
static bool lost_here(const run_info *run, double x) {
  return isnan(x) && !run->apart &&
         ((lp_run_complete(run) && run->measured) || is(run, "nonfinite") || is(run, "failed"));
}

/* What a network without a value gets: of accuracy and loss what guessing gives, of measures the
 * end of what was seen that speaks against the verdict. `up`: the high end. */
static double worst_value(const analysis *a, const comparison *c, double low, double high,
                          bool up) {
  if (c->which.kind == OUTCOME_ACCURACY) return 100.0 / a->n_classes;
  if (c->which.kind == OUTCOME_LOSS) return fmax(log(a->n_classes), high);
  return up ? high : low;
}

lp_status lp_worst_case(const analysis *a, comparison *c, const double *x, const double *y,
                        double *room) {
  const arm_info *arm = &a->arm[c->arm], *reference = &a->arm[c->other];
  double low = c->chance, high = c->chance, *own = room, *other = room + a->n_seeds;
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    low = fmin(low, fmin(x[k], y[k])); /* fmin and fmax pass over NaN */
    high = fmax(high, fmax(x[k], y[k]));
    c->lost += lost_here(&arm->run[k], x[k]);
    c->reference_lost += lost_here(&reference->run[k], y[k]);
  }
  if (!c->lost && !c->reference_lost) return LP_OK;
  /* against a difference its other sign, against equivalence the sign that it has */
  bool up = (c->result.test.mean_difference < 0) != (c->result.verdict == LP_VERDICT_EQUIVALENT);
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    bool here = lost_here(&arm->run[k], x[k]), there = lost_here(&reference->run[k], y[k]);
    own[k] = here ? worst_value(a, c, low, high, up) : x[k];
    other[k] = there ? worst_value(a, c, low, high, !up) : y[k];
  }
  return lp_infer(own, other, a->n_seeds, lp_plan_alpha(a, c->which, c->primary),
                  c->primary ? lp_plan_margin(a, c->which) : NAN, &c->worst);
}
