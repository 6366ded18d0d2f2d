/* Resampling: bootstrap intervals and the unit-permutation null of spatial variance. */
#include "null.h"

#include <locality/rng.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* ---- bootstrap ----------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Quantile of n sorted values, interpolated between the two nearest. */
static double quantile(const double *sorted, uint32_t n, double q) {
  double at = q * (n - 1.0), below = floor(at);
  uint32_t i = (uint32_t)below;
  return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* Mean and squared standard error of n values redrawn by index. */
typedef struct drawn {
  double mean, error2;
} drawn;

static drawn draw(lp_rng *r, const double *x, const double *less, uint32_t n) {
  double sum = 0, squares = 0, shift = x[0] - (less ? less[0] : 0);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t j = lp_rng_below(r, n);
    double v = x[j] - (less ? less[j] : 0) - shift; /* loses no digits to a large mean */
    sum += v;
    squares += v * v;
  }
  double mean = sum / n;
  return (drawn){shift + mean, fmax(0, squares / n - mean * mean) / (n - 1)};
}

/* The same of the values as they are. */
static drawn whole(const double *x, const double *less, uint32_t n) {
  double mean = 0, squares = 0;
  for (uint32_t i = 0; i < n; i++) mean += (x[i] - (less ? less[i] : 0)) / n;
  for (uint32_t i = 0; i < n; i++) {
    double v = x[i] - (less ? less[i] : 0) - mean;
    squares += v * v;
  }
  return (drawn){mean, squares / n / (n - 1)};
}

lp_status lp_bootstrap_t(const double *a, size_t n_a, const double *b, size_t n_b, bool paired,
                         double alpha, uint32_t resamples, uint64_t seed, lp_interval *out) {
  *out = (lp_interval){1 - alpha, NAN, NAN, resamples};
  if (!(alpha > 0 && alpha < 1) || resamples == 0 || n_a > UINT32_MAX || n_b > UINT32_MAX)
    return lp_fail(LP_ERR_ARG, "a bootstrap interval needs 0 < alpha < 1 (got %g) and resamples",
                   alpha);
  if (paired && n_a != n_b)
    return lp_fail(LP_ERR_ARG, "a paired bootstrap needs samples of one size, not %zu and %zu", n_a,
                   n_b);
  if (n_a < LP_BOOTSTRAP_LEAST || n_b < LP_BOOTSTRAP_LEAST) return LP_OK;
  uint32_t na = (uint32_t)n_a, nb = (uint32_t)n_b, kept = 0;
  double *t = malloc(sizeof *t * resamples);
  if (!t) return lp_fail(LP_ERR_MEMORY, "out of memory for %u resamples", resamples);
  drawn x = whole(a, paired ? b : NULL, na), y = paired ? (drawn){0} : whole(b, NULL, nb);
  double difference = x.mean - y.mean, error = sqrt(x.error2 + y.error2);
  lp_rng r = lp_rng_make(seed, "analysis/bootstrap");
  for (uint32_t k = 0; k < resamples; k++) {
    drawn u = draw(&r, a, paired ? b : NULL, na), v = paired ? (drawn){0} : draw(&r, b, NULL, nb);
    double own = sqrt(u.error2 + v.error2);
    if (own > 1e-12 * error) t[kept++] = (u.mean - v.mean - difference) / own;
  }
  if (error > 0 && kept > resamples / 2) {
    qsort(t, kept, sizeof *t, ascending);
    out->low = difference - quantile(t, kept, 1 - alpha / 2) * error;
    out->high = difference - quantile(t, kept, alpha / 2) * error;
  }
  free(t);
  return LP_OK;
}

/* ---- permutation null ---------------------------------------------------------------------- */

/* Shuffled sheets are done LANES at a time: one read of the activations serves them all. */
enum { LANES = 8 };

typedef struct shuffle {
  uint32_t n, units, rows, cols;
  const float *maps;
  double *total;  /* n: sum of a map */
  double *weight; /* n: 1 / (n' total^2 (1 - sum p^2)), 0 where V is undefined */
  double *second; /* units: sum over maps of weight total a, the factor of |x|^2 in mean V */
  double *at;     /* units x 2 x LANES: coordinates */
  uint32_t *order;
} shuffle;

/* Mean V = sum_i second_i |x_i|^2 - sum_m weight_m |sum_i a_mi x_i|^2 for each lane. */
static void mean_variances(const shuffle *s, double out[LANES]) {
  double sum[LANES] = {0};
  for (uint32_t i = 0; i < s->units; i++) {
    const double *x = s->at + (size_t)i * 2 * LANES;
    for (int l = 0; l < LANES; l++)
      sum[l] += s->second[i] * (x[l] * x[l] + x[LANES + l] * x[LANES + l]);
  }
  for (uint32_t m = 0; m < s->n; m++) {
    if (s->weight[m] == 0) continue;
    const float *a = s->maps + (size_t)m * s->units;
    double first[2 * LANES] = {0};
    for (uint32_t i = 0; i < s->units; i++)
      for (int l = 0; l < 2 * LANES; l++) first[l] += a[i] * s->at[(size_t)i * 2 * LANES + l];
    for (int l = 0; l < LANES; l++)
      sum[l] -= s->weight[m] * (first[l] * first[l] + first[LANES + l] * first[LANES + l]);
  }
  for (int l = 0; l < LANES; l++) out[l] = sum[l];
}

/* Coordinates from the sheet's centre, where they are smallest and lose no digits. */
static void shuffle_lane(const shuffle *s, uint64_t seed, uint32_t round, int lane) {
  lp_rng_permutation(seed, lp_rng_stream("analysis/permutation"), round, s->order, s->units);
  for (uint32_t i = 0; i < s->units; i++) {
    double *x = s->at + (size_t)i * 2 * LANES;
    x[lane] = s->order[i] / s->cols - (s->rows - 1) / 2.0;
    x[LANES + lane] = s->order[i] % s->cols - (s->cols - 1) / 2.0;
  }
}

void lp_null_from_shuffles(const double *value, uint32_t permutations, lp_null_result *out) {
  lp_moments m = lp_moments_of(value, permutations);
  out->mean = m.mean;
  out->sd = m.sd;
  double far = fabs(out->observed - m.mean), rounding = 1e-12 * fabs(m.mean);
  uint32_t as_far = 0;
  for (uint32_t k = 0; k < permutations; k++) as_far += fabs(value[k] - m.mean) >= far - rounding;
  out->p = (1.0 + as_far) / (1.0 + permutations);
  if (m.sd > rounding) out->z = (out->observed - m.mean) / m.sd;
}

static void null_of(const shuffle *s, uint32_t permutations, uint64_t seed, double *value,
                    lp_null_result *out) {
  for (uint32_t k = 0; k < permutations; k += LANES) {
    double lane[LANES];
    for (int l = 0; l < LANES; l++) shuffle_lane(s, seed, k + (uint32_t)l, l);
    mean_variances(s, lane);
    for (uint32_t l = 0; l < LANES && k + l < permutations; l++) value[k + l] = lane[l];
  }
  lp_null_from_shuffles(value, permutations, out);
}

lp_status lp_spatial_variance_null(const float *maps, uint32_t n, uint32_t rows, uint32_t cols,
                                   uint32_t permutations, uint64_t seed, lp_null_result *out) {
  *out = (lp_null_result){NAN, NAN, NAN, NAN, NAN, 0, permutations};
  if (permutations < 2) return lp_fail(LP_ERR_ARG, "a permutation null needs 2 permutations");
  uint32_t units = rows * cols;
  shuffle s = {n,
               units,
               rows,
               cols,
               maps,
               calloc((size_t)n + 1, sizeof(double)),
               calloc((size_t)n + 1, sizeof(double)),
               calloc((size_t)units + 1, sizeof(double)),
               calloc((size_t)units + 1, sizeof(double) * 2 * LANES),
               calloc((size_t)units + 1, sizeof(uint32_t))};
  double *value = calloc((size_t)(n > permutations ? n : permutations) + 1, sizeof *value);
  lp_status status = LP_OK;
  if (!s.total || !s.weight || !s.second || !s.at || !s.order || !value)
    status = lp_fail(LP_ERR_MEMORY, "out of memory for shuffled sheets of %u units", units);
  if (status == LP_OK) status = lp_map_values(lp_spatial_variance, maps, n, rows, cols, value);
  if (status == LP_OK) {
    lp_moments observed = lp_moments_of(value, n);
    out->n = observed.n;
    out->observed = observed.mean;
    for (uint32_t m = 0; m < n; m++) {
      if (isnan(value[m])) continue;
      const float *a = maps + (size_t)m * units;
      double pairs = 0;
      for (uint32_t i = 0; i < units; i++) {
        pairs += 2.0 * a[i] * s.total[m];
        s.total[m] += a[i];
      }
      s.weight[m] = pairs > 0 ? 1 / (out->n * pairs) : 0;
      for (uint32_t i = 0; i < units; i++) s.second[i] += s.weight[m] * s.total[m] * a[i];
    }
    if (out->n) null_of(&s, permutations, seed, value, out);
  }
  free(s.total);
  free(s.weight);
  free(s.second);
  free(s.at);
  free(s.order);
  free(value);
  return status;
}
