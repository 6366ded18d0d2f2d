/* Many arms against one: Dunnett's test, with seeds as blocks. */
#include <locality/analysis.h>

#include <math.h>

/* P(|X - z| > w) of a standard normal X. */
static double outside(double z, double w) {
  return 0.5 * (erfc((z + w) / sqrt(2)) + erfc((w - z) / sqrt(2)));
}

/* P(any of k independent X_j is further than w from X_0). Given X_0 = z it is 1 - (1 - outside)^k,
 * here without its cancellation. In z the integrand is smooth and falls off like a normal density,
 * where the trapezoidal rule converges geometrically (Trefethen & Weideman, SIAM Review 2014). */
static double beyond(double w, uint32_t k) {
  const double reach = 9, h = 0.125;
  double sum = 0, mass = 0;
  for (double z = -reach; z <= reach; z += h) {
    const double density = exp(-z * z / 2);
    mass += density;
    sum += density * -expm1(k * log1p(-fmin(outside(z, w), 1)));
  }
  return sum / mass;
}

/* Over the scale S = sqrt(chi^2 / df), x = ln S, as in quantiles.c: ln of its density less the
 * value at the peak. */
static double log_density(double x, double df) {
  return df * (x - expm1(2 * x) / 2);
}

double lp_dunnett_p(double t, uint32_t k, double df) {
  if (isnan(t) || k < 1 || !(df > 0)) return NAN;
  t = fabs(t);
  if (t == 0) return 1;
  if (isinf(t)) return 0;
  if (isinf(df)) return beyond(t * sqrt(2), k);
  /* t_j = (X_j - X_0) / (S sqrt 2). Small p come from small S: the range leaves out 1e-30. */
  const double negligible = -75;
  double low = 0, high = 0;
  for (const double step = fmin(1, 8 / sqrt(df)); log_density(low, df) > negligible;) low -= step;
  for (const double step = fmin(0.25, 8 / sqrt(df)); log_density(high, df) > negligible;)
    high += step;
  const double n = ceil((high - low) / fmin(1 / sqrt(2 * df) / 3, 0.1)), h = (high - low) / n;
  double sum = 0, mass = 0;
  for (double i = 0; i <= n; i++) {
    const double x = low + i * h, weight = exp(log_density(x, df));
    mass += weight;
    sum += weight * beyond(t * exp(x) * sqrt(2), k);
  }
  return fmin(1, sum / mass);
}

double lp_dunnett_critical(double alpha, uint32_t k, double df) {
  if (!(alpha > 0 && alpha < 1) || k < 1 || !(df > 0)) return NAN;
  /* p falls in t: between one comparison's and Bonferroni's. */
  double low = lp_student_t_critical(alpha, df), high = lp_student_t_critical(alpha / k, df);
  for (int i = 0; i < 60 && high - low > 1e-12 * high; i++) {
    const double mid = low + (high - low) / 2;
    *(lp_dunnett_p(mid, k, df) > alpha ? &low : &high) = mid;
  }
  return high;
}

/* ---- seeds as blocks ------------------------------------------------------------------------ */

/* The mean of the arms in block k; NaN where one of them has no value. */
static double block_mean(const double *x, uint32_t arms, size_t seeds, size_t k) {
  double mean = 0;
  for (uint32_t i = 0; i < arms; i++)
    mean += isfinite(x[i * seeds + k]) ? x[i * seeds + k] / arms : NAN;
  return mean;
}

lp_blocks lp_blocks_of(const double *x, uint32_t arms, size_t seeds) {
  lp_blocks b = {.arms = arms, .f = NAN, .p = NAN, .df = NAN, .df_error = NAN, .error = NAN};
  double grand = 0, largest = 0, between = 0, residual = 0;
  for (size_t k = 0; k < seeds; k++) {
    const double mean = block_mean(x, arms, seeds, k);
    if (isnan(mean)) continue;
    b.n++;
    grand += mean;
    for (uint32_t i = 0; i < arms; i++) largest = fmax(largest, fabs(x[i * seeds + k]));
  }
  if (b.n < 2 || arms < 2) return b;
  grand /= b.n;
  for (uint32_t i = 0; i < arms; i++) {
    double effect = 0;
    for (int pass = 0; pass < 2; pass++)
      for (size_t k = 0; k < seeds; k++) {
        const double mean = block_mean(x, arms, seeds, k);
        if (isnan(mean)) continue;
        const double own = x[i * seeds + k] - mean;
        if (pass)
          residual += (own - effect) * (own - effect);
        else
          effect += own / b.n;
      }
    between += b.n * effect * effect;
  }
  b.df = arms - 1.0;
  b.df_error = b.df * (b.n - 1.0);
  residual /= b.df_error;
  if (!(sqrt(residual) > 1e-14 * largest)) return b; /* what is left is rounding */
  b.error = sqrt(2 * residual / b.n);
  b.f = between / b.df / residual;
  b.p = lp_f_p(b.f, b.df, b.df_error);
  return b;
}

double lp_blocks_difference(const double *x, uint32_t arms, size_t seeds, uint32_t arm,
                            uint32_t other) {
  double sum = 0, n = 0;
  for (size_t k = 0; k < seeds; k++)
    if (!isnan(block_mean(x, arms, seeds, k)))
      sum += x[arm * seeds + k] - x[other * seeds + k], n++;
  return sum / n;
}
