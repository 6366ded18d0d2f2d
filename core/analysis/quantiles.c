/* Quantiles of Student's t, the noncentral t distribution, and what follows from them: power, the
 * least detectable difference and the interval of a standardised effect. */
#include <locality/analysis.h>

#include <float.h>
#include <math.h>

/* The x in [low, high] where the monotonous f meets `target`, by Ridders' method (IEEE Trans
 * Circuits Syst 1979). */
typedef double (*curve)(double x, const void *user);
static double solve(curve f, const void *user, double target, double low, double high) {
  double at_low = f(low, user) - target, at_high = f(high, user) - target, last = NAN;
  if (at_low == 0) return low;
  for (int k = 0; k < 100 && at_high != 0; k++) {
    double mid = low + (high - low) / 2, at_mid = f(mid, user) - target;
    double root = sqrt(at_mid * at_mid - at_low * at_high);
    if (at_mid == 0 || root == 0) return mid;
    double x = mid + (mid - low) * (at_low > at_high ? at_mid : -at_mid) / root;
    double at_x = f(x, user) - target;
    if (at_x == 0 || fabs(x - last) <= 4 * DBL_EPSILON * fabs(x)) return x;
    if ((at_mid < 0) != (at_x < 0)) {
      low = fmin(mid, x);
      at_low = mid < x ? at_mid : at_x;
      high = fmax(mid, x);
      at_high = mid < x ? at_x : at_mid;
    } else if ((at_low < 0) != (at_x < 0)) {
      high = x;
      at_high = at_x;
    } else {
      low = x;
      at_low = at_x;
    }
    last = x;
  }
  return high;
}

/* ---- Student's t --------------------------------------------------------------------------- */

static double log_tails(double t, const void *df) {
  return log(lp_student_t_p(t, *(const double *)df));
}

double lp_student_t_critical(double alpha, double df) {
  if (!(alpha > 0 && alpha <= 1) || !(df > 0)) return NAN;
  if (alpha == 1) return 0;
  double high = 1;
  while (lp_student_t_p(high, df) > alpha && high < 1e300) high *= 2;
  return solve(log_tails, &df, log(alpha), high / 2 > 1 ? high / 2 : 0, high);
}

/* ---- noncentral t -------------------------------------------------------------------------- */

static double normal_below(double x) {
  return 0.5 * erfc(-x / sqrt(2));
}

/* ln of the density of x = ln(S / sigma), S^2 = chi^2 / df, less its value at the peak x = 0. */
static double log_density(double x, double df) {
  return df * (x - expm1(2 * x) / 2);
}

/* T <= t exactly where Z <= t S - delta, so P = E[Phi(t S - delta)] over S. In x = ln S the
 * integrand is smooth and falls off faster than exponentially, where the trapezoidal rule converges
 * geometrically (Trefethen & Weideman, SIAM Review 2014); its step follows the narrower of the
 * density (1 / sqrt(2 df)) and the edge of Phi (1 / |delta|). */
static double below_over_scale(double t, double df, double delta) {
  double low = 0, high = 0;
  const double negligible = -42;
  for (double step = fmin(1, 8 / sqrt(df)); log_density(low, df) > negligible;) low -= step;
  for (double step = fmin(0.25, 8 / sqrt(df)); log_density(high, df) > negligible;) high += step;
  double width = fmin(1 / sqrt(2 * df), 1 / (1 + fabs(delta)));
  double n = ceil((high - low) / fmin(width / 3, 0.1)), h = (high - low) / n, sum = 0, mass = 0;
  for (double k = 0; k <= n; k++) {
    double x = low + k * h, weight = exp(log_density(x, df));
    mass += weight;
    sum += weight * normal_below(t * exp(x) - delta);
  }
  return sum / mass;
}

/* The same over Z, for t > 0 and a large |delta|, where Phi's edge in S is narrow:
 * P = E[P(S >= (Z + delta) / t)]. */
static double below_over_normal(double t, double df, double delta) {
  const double reach = 9;
  double n = fmin(4000, ceil(2 * reach * fmax(8, 3 * sqrt(2 * df) / t))), sum = 0, mass = 0;
  for (double k = 0; k <= n; k++) {
    double z = reach * (2 * k / n - 1), weight = exp(-z * z / 2), s = (z + delta) / t;
    mass += weight;
    sum += s <= 0 ? weight : weight * lp_chi_square_p(df * s * s, df);
  }
  return sum / mass;
}

double lp_noncentral_t_below(double t, double df, double delta) {
  const double large = 30;
  if (isnan(t) || isnan(delta) || !(df > 0)) return NAN;
  if (isinf(t)) return t > 0 ? 1 : 0;
  if (isinf(df)) return normal_below(t - delta);
  if (t == 0) return normal_below(-delta);
  if (t < 0) return 1 - lp_noncentral_t_below(-t, df, -delta);
  return fabs(delta) > large ? below_over_normal(t, df, delta) : below_over_scale(t, df, delta);
}

typedef struct known_t {
  double t, df;
} known_t;

static double below_by_delta(double delta, const void *user) {
  const known_t *k = user;
  return lp_noncentral_t_below(k->t, k->df, delta);
}

lp_interval lp_noncentrality_interval(double t, double df, double alpha) {
  lp_interval out = {.level = 1 - alpha, .low = NAN, .high = NAN};
  if (!isfinite(t) || !(df > 0) || !(alpha > 0 && alpha < 1)) return out;
  known_t k = {t, df};
  /* Beyond these the probability is 0 or 1 to all digits that alpha could ask for. */
  double reach = 10 + 10 * fabs(t) / sqrt(df) + 2 * fabs(t);
  while (below_by_delta(t + reach, &k) > alpha / 4) reach *= 2;
  while (below_by_delta(t - reach, &k) < 1 - alpha / 4) reach *= 2;
  out.low = solve(below_by_delta, &k, 1 - alpha / 2, t - reach, t + reach);
  out.high = solve(below_by_delta, &k, alpha / 2, t - reach, t + reach);
  return out;
}

/* ---- power --------------------------------------------------------------------------------- */

double lp_t_power(double delta, double df, double alpha) {
  double c = lp_student_t_critical(alpha, df);
  return 1 - lp_noncentral_t_below(c, df, delta) + lp_noncentral_t_below(-c, df, delta);
}

typedef struct known_test {
  double critical, df;
} known_test;

static double power_by_delta(double delta, const void *user) {
  const known_test *k = user;
  return 1 - lp_noncentral_t_below(k->critical, k->df, delta) +
         lp_noncentral_t_below(-k->critical, k->df, delta);
}

double lp_t_detectable(double power, double df, double alpha) {
  if (!(power > alpha && power < 1) || !(alpha > 0 && alpha < 1) || !(df > 0)) return NAN;
  known_test k = {lp_student_t_critical(alpha, df), df};
  double high = 1;
  while (power_by_delta(high, &k) < power) high *= 2;
  return solve(power_by_delta, &k, power, 0, high);
}

double lp_pairs_needed(double dz, double power, double alpha) {
  const double most = 1e6;
  dz = fabs(dz);
  if (!(dz > 0) || !(power > alpha && power < 1) || !(alpha > 0)) return NAN;
  double low = 1, high = 2; /* too few, enough */
  while (lp_t_power(dz * sqrt(high), high - 1, alpha) < power) {
    if (high >= most) return NAN;
    low = high;
    high = fmin(2 * high, most);
  }
  while (high - low > 1) {
    double mid = floor((low + high) / 2);
    if (lp_t_power(dz * sqrt(mid), mid - 1, alpha) < power)
      low = mid;
    else
      high = mid;
  }
  return high;
}
