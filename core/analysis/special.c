/* Distribution functions: the incomplete beta and gamma functions, Student's t, F, chi-square. */
#include <locality/analysis.h>

#include <float.h>
#include <math.h>

static double ln_gamma(double x) {
  int sign; /* lgamma would write a global */
  return lgamma_r(x, &sign);
}

/* ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2) for x >= 10: Stirling's series, DLMF 5.11.1. */
static double stirling_rest(double x) {
  static const double c[] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                             1.0 / 1188, -691.0 / 360360, 1.0 / 156};
  double y = 1 / (x * x), sum = 0;
  for (int k = 6; k >= 0; k--) sum = sum * y + c[k];
  return sum / x;
}

/* ln B(a, b). With a large argument the big terms of ln Gamma are cancelled on paper: their
 * difference would lose the digits that a tail probability needs. */
static double ln_beta(double a, double b) {
  double p = fmin(a, b), q = fmax(a, b);
  if (q < 10) return ln_gamma(p) + ln_gamma(q) - ln_gamma(p + q);
  double rest = stirling_rest(q) - stirling_rest(p + q);
  if (p < 10) return ln_gamma(p) + rest + p - p * log(p + q) + (q - 0.5) * log1p(-p / (p + q));
  const double half_ln_2pi = 0.918938533204672741780329736406;
  return half_ln_2pi - 0.5 * log(q) + stirling_rest(p) + rest + (p - 0.5) * log(p / (p + q)) +
         q * log1p(-p / (p + q));
}

/* The continued fraction of DLMF 8.17.22, evaluated by Lentz's method as modified by Thompson and
 * Barnett (J Comput Phys 1986). Converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  const int limit = 1000000; /* about sqrt(a) terms are needed */
  double f = 1, c = 1, d = 0;
  for (int k = 1; k <= limit; k++) {
    double m = k / 2, term; /* whole number of pairs */
    if (k % 2 == 0)
      term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    else
      term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + term * d;
    if (fabs(d) < tiny) d = tiny;
    d = 1 / d;
    c = 1 + term / c;
    if (fabs(c) < tiny) c = tiny;
    double step = c * d;
    f *= step;
    if (fabs(step - 1) < 2 * DBL_EPSILON) return f;
  }
  return NAN;
}

/* I_x(a, b) for x + y = 1, both given with their logarithms so that neither loses digits. */
static double incomplete_beta(double a, double b, double x, double y, double ln_x, double ln_y) {
  if (x == 0 || y == 0) return x == 0 ? 0 : 1;
  double front = exp(a * ln_x + b * ln_y - ln_beta(a, b));
  if (x <= (a + 1) / (a + b + 2)) return front / (a * beta_fraction(a, b, x));
  return 1 - front / (b * beta_fraction(b, a, y));
}

double lp_incomplete_beta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1) || isinf(a) || isinf(b)) return NAN;
  return incomplete_beta(a, b, x, 1 - x, log(x), log1p(-x));
}

double lp_student_t_p(double t, double df) {
  if (isnan(t) || !(df > 0)) return NAN;
  if (isinf(t)) return 0;
  if (isinf(df)) return erfc(fabs(t) / sqrt(2));
  if (t == 0) return 1;
  /* x = 1 / (1 + r^2), y = 1 - x; r^2 may overflow or vanish, its logarithms do not. */
  double r = fabs(t) / sqrt(df), square = r * r;
  double x = 1 / (1 + square), y = isinf(square) ? 1 : square / (1 + square);
  double ln_x = r > 1e10 ? -2 * log(r) : -log1p(square);
  double ln_y = r < 1e-10 ? 2 * log(r) : -log1p(1 / square);
  if (y == 0) return 1;
  if (x == 0) x = DBL_MIN; /* beyond 1e300 the fraction is 1 whatever x */
  return incomplete_beta(df / 2, 0.5, x, y, ln_x, ln_y);
}

double lp_f_p(double f, double df1, double df2) {
  if (isnan(f) || !(df1 > 0) || !(df2 > 0) || isinf(df1) || isinf(df2)) return NAN;
  if (f <= 0) return 1;
  if (isinf(f)) return 0;
  /* x = df2 / (df2 + df1 f) of I_x(df2 / 2, df1 / 2), y = 1 - x. */
  double r = df1 * f / df2, ln_x = -log1p(r), ln_y = -log1p(1 / r);
  return incomplete_beta(df2 / 2, df1 / 2, 1 / (1 + r), r / (1 + r), ln_x, ln_y);
}

double lp_chi_square_p(double x, double df) {
  if (isnan(x) || !(df > 0) || isinf(df)) return NAN;
  if (x <= 0) return 1;
  if (isinf(x)) return 0;
  double a = df / 2, z = x / 2, front = exp(a * log(z) - z - ln_gamma(a));
  const int limit = 1000000;
  if (z < a + 1) { /* 1 - P(a, z) by its series, DLMF 8.11.4 */
    double term = 1 / a, sum = term;
    for (int k = 1; k < limit && term > sum * DBL_EPSILON / 4; k++) sum += term *= z / (a + k);
    return 1 - front * sum;
  }
  /* Q(a, z) by its continued fraction, DLMF 8.9.2, evaluated as beta_fraction is. */
  const double tiny = 1e-300;
  double b = z + 1 - a, c = 1 / tiny, d = 1 / b, f = d;
  for (int k = 1; k < limit; k++) {
    double an = -k * (k - a);
    b += 2;
    d = an * d + b;
    if (fabs(d) < tiny) d = tiny;
    c = b + an / c;
    if (fabs(c) < tiny) c = tiny;
    d = 1 / d;
    f *= d * c;
    if (fabs(d * c - 1) < 2 * DBL_EPSILON) break;
  }
  return front * f;
}
