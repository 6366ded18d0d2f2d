/* Two arms compared over networks: interval, verdict, and how much could have been found. */
#include <locality/analysis.h>

#include <math.h>

const char *lp_verdict_name(lp_verdict v) {
  static const char *const name[] = {"untestable", "different", "equivalent", "inconclusive"};
  return (unsigned)v < 4 ? name[v] : "";
}

/* P(T >= t) */
static double upper_tail(double t, double df) {
  double p = lp_student_t_p(t, df) / 2;
  return t > 0 ? p : 1 - p;
}

static lp_status untestable(lp_inference *r, const char *reason) {
  r->reason = reason;
  return LP_OK;
}

/* What follows from a difference, its standard error and its degrees of freedom. */
static void conclude(lp_inference *r, double margin) {
  double d = r->test.mean_difference, error = r->test.error, df = r->test.df,
         half = lp_student_t_critical(r->alpha, df) * error;
  r->low = d - half;
  r->high = d + half;
  r->detectable = lp_t_detectable(LP_POWER, df, r->alpha) * error;
  bool different = r->low > 0 || r->high < 0;
  if (margin > 0) /* two one-sided tests: the larger of both p (Schuirmann 1987) */
    r->equivalence_p =
        fmax(upper_tail((d + margin) / error, df), upper_tail((margin - d) / error, df));
  if (different) {
    r->verdict = LP_VERDICT_DIFFERENT;
    r->reason = "the interval excludes 0";
  } else if (r->equivalence_p < r->alpha) {
    r->verdict = LP_VERDICT_EQUIVALENT;
    r->reason = "both one-sided tests against the margin reject";
  } else {
    r->verdict = LP_VERDICT_INCONCLUSIVE;
    r->reason = margin > 0 ? "the interval holds 0, and equivalence within the margin is not shown"
                           : "the interval holds 0";
  }
}

static lp_status infer_paired(const double *a, const double *b, size_t n, double margin,
                              lp_inference *r) {
  lp_status s = LP_OK;
  r->test = lp_ttest_paired(a, b, n);
  r->n = r->n_b = r->test.n;
  if (r->n < 2) return untestable(r, "fewer than 2 pairs of networks");
  if (r->n == 2) return untestable(r, "2 pairs of networks give no interval");
  if (!isfinite(r->test.p))
    return untestable(r, r->test.mean_difference == 0 ? "equal networks: no spread" : "no spread");
  double df = r->test.df, root = sqrt(r->n);
  conclude(r, margin);
  r->dz = r->test.statistic / root;
  lp_interval delta = lp_noncentrality_interval(r->test.statistic, df, r->alpha);
  r->dz_low = delta.low / root;
  r->dz_high = delta.high / root;
  r->n_needed = lp_pairs_needed(r->dz, LP_POWER, r->alpha);
  if (r->n >= LP_SIGN_FLIP_LEAST) s = lp_sign_flip_p(a, b, n, &r->exact_p);
  return s;
}

/* Would n networks in either arm find a difference d between arms of these variances? */
static bool enough(double d, double var_a, double var_b, double alpha, double n) {
  double u = var_a / n, v = var_b / n, df = (u + v) * (u + v) / ((u * u + v * v) / (n - 1));
  return lp_t_power(fabs(d) / sqrt(u + v), df, alpha) >= LP_POWER;
}

static double networks_needed(double d, double var_a, double var_b, double alpha) {
  double few = 1, many = 2;
  const double most = 1e6;
  if (d == 0) return NAN;
  while (!enough(d, var_a, var_b, alpha, many)) {
    if (many >= most) return NAN;
    few = many;
    many = fmin(2 * many, most);
  }
  while (many - few > 1) {
    double mid = floor((few + many) / 2);
    *(enough(d, var_a, var_b, alpha, mid) ? &many : &few) = mid;
  }
  return many;
}

static lp_status infer_welch(const double *a, const double *b, size_t n, double margin,
                             lp_inference *r) {
  r->test = lp_ttest_welch(a, n, b, n);
  lp_moments x = lp_moments_of(a, n), y = lp_moments_of(b, n);
  r->n = x.n;
  r->n_b = y.n;
  if (x.n < 2 || y.n < 2) return untestable(r, "fewer than 2 networks in an arm");
  if (x.n == 2 || y.n == 2) return untestable(r, "2 networks in an arm give no interval");
  if (!isfinite(r->test.p)) return untestable(r, "no spread");
  conclude(r, margin);
  r->n_needed = networks_needed(r->test.mean_difference, x.sd * x.sd, y.sd * y.sd, r->alpha);
  return lp_permutation_p(a, n, b, n, &r->exact_p);
}

lp_status lp_infer(const double *a, const double *b, size_t n, double alpha, double margin,
                   lp_inference *out) {
  *out = (lp_inference){.alpha = alpha,
                        .low = NAN,
                        .high = NAN,
                        .equivalence_p = NAN,
                        .detectable = NAN,
                        .n_needed = NAN,
                        .dz = NAN,
                        .dz_low = NAN,
                        .dz_high = NAN,
                        .exact_p = NAN,
                        .verdict = LP_VERDICT_UNTESTABLE,
                        .reason = ""};
  if (!(alpha > 0 && alpha < 0.5) || !(margin >= 0 || isnan(margin)))
    return lp_fail(LP_ERR_ARG,
                   "a comparison needs 0 < alpha < 0.5 and a margin of 0 or more, not %g and %g",
                   alpha, margin);
  for (size_t i = 0; i < n; i++) out->paired |= isfinite(a[i]) && isfinite(b[i]);
  return out->paired ? infer_paired(a, b, n, margin, out) : infer_welch(a, b, n, margin, out);
}
