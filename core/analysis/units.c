/* Statistics of many activation maps: class maps, participation ratio, correlations. */
#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_class_maps(const float *activations, const int32_t *labels, uint32_t n, uint32_t units,
                        uint32_t classes, bool subtract_mean, double *out) {
  uint32_t *count = calloc((size_t)classes + 1, sizeof *count);
  double *mean = calloc((size_t)units + 1, sizeof *mean);
  lp_status s = LP_OK;
  if (!count || !mean) s = lp_fail(LP_ERR_MEMORY, "out of memory for maps of %u classes", classes);
  if (s == LP_OK) memset(out, 0, sizeof *out * classes * units);
  for (uint32_t m = 0; s == LP_OK && m < n; m++) {
    if (labels[m] < 0 || (uint32_t)labels[m] >= classes) {
      s = lp_fail(LP_ERR_ARG, "label %d of image %u is not one of %u classes", labels[m], m,
                  classes);
      break;
    }
    const float *a = activations + (size_t)m * units;
    double *sum = out + (size_t)labels[m] * units;
    count[labels[m]]++;
    for (uint32_t i = 0; i < units; i++) {
      sum[i] += a[i];
      mean[i] += a[i];
    }
  }
  for (uint32_t c = 0; s == LP_OK && c < classes; c++) {
    double *map = out + (size_t)c * units;
    for (uint32_t i = 0; i < units; i++) {
      map[i] = count[c] ? map[i] / count[c] : NAN;
      if (subtract_mean) map[i] -= mean[i] / n;
    }
  }
  free(count);
  free(mean);
  return s;
}

/* Activations (of floats, or of doubles where those are given) with each unit's mean over images
 * taken away, as n x units or transposed. NULL when memory is exhausted; *finite says whether every
 * value is. */
static double *centred(const float *floats, const double *doubles, uint32_t n, uint32_t units,
                       bool transposed, bool *finite) {
  double *x = malloc(sizeof *x * n * units), *mean = calloc(units, sizeof *mean);
  if (!x || !mean) {
    free(x);
    free(mean);
    return NULL;
  }
  for (uint32_t m = 0; m < n; m++)
    for (uint32_t i = 0; i < units; i++) {
      size_t k = (size_t)m * units + i;
      mean[i] += doubles ? doubles[k] : floats[k];
    }
  *finite = true;
  for (uint32_t i = 0; i < units; i++) {
    *finite &= isfinite(mean[i]) != 0;
    mean[i] /= n;
  }
  for (uint32_t m = 0; m < n; m++)
    for (uint32_t i = 0; i < units; i++) {
      size_t k = (size_t)m * units + i;
      x[transposed ? (size_t)i * n + m : k] = (doubles ? doubles[k] : floats[k]) - mean[i];
    }
  free(mean);
  return x;
}

static double dot(const double *a, const double *b, size_t n) {
  double part[8] = {0}, sum = 0; /* independent sums, so that they can share a vector register */
  size_t k = 0;
  for (; k + 8 <= n; k += 8)
    for (int l = 0; l < 8; l++) part[l] += a[k + l] * b[k + l];
  for (; k < n; k++) sum += a[k] * b[k];
  for (int l = 0; l < 8; l++) sum += part[l];
  return sum;
}

static lp_status participation_ratio(const float *floats, const double *doubles, uint32_t n,
                                     uint32_t units, double *out) {
  *out = NAN;
  if (n < 2 || units == 0) return LP_OK;
  /* X X' and X' X have the same eigenvalues but for zeros: take the smaller. Their N - 1 cancels.
   */
  bool by_unit = units < n, finite = true;
  double *x = centred(floats, doubles, n, units, by_unit, &finite);
  if (!x)
    return lp_fail(LP_ERR_MEMORY, "out of memory for activations of %u images x %u units", n,
                   units);
  size_t side = by_unit ? units : n, length = by_unit ? n : units;
  double trace = 0, squares = 0;
  for (size_t i = 0; finite && i < side; i++) {
    double d = dot(x + i * length, x + i * length, length);
    trace += d;
    squares += d * d;
    for (size_t j = 0; j < i; j++) {
      double c = dot(x + i * length, x + j * length, length);
      squares += 2 * c * c;
    }
  }
  if (finite && squares > 0) *out = trace * trace / squares;
  free(x);
  return LP_OK;
}

lp_status lp_participation_ratio(const float *activations, uint32_t n, uint32_t units,
                                 double *out) {
  return participation_ratio(activations, NULL, n, units, out);
}

lp_status lp_participation_ratio_f64(const double *activations, uint32_t n, uint32_t units,
                                     double *out) {
  return participation_ratio(NULL, activations, n, units, out);
}

/* Units' courses over the images, centred and of length 1; 0 for one that does not vary. *usable is
 * false when there is nothing to correlate. */
static lp_status unit_courses(const float *activations, uint32_t n, uint32_t units, double **out,
                              bool *usable) {
  *usable = n > 1 && units > 0;
  *out = NULL;
  if (!*usable) return LP_OK;
  double *x = centred(activations, NULL, n, units, true, usable);
  if (!x)
    return lp_fail(LP_ERR_MEMORY, "out of memory for activations of %u images x %u units", n,
                   units);
  for (uint32_t i = 0; i < units; i++) {
    double *course = x + (size_t)i * n, length = sqrt(dot(course, course, n));
    for (uint32_t m = 0; length > 0 && m < n; m++) course[m] /= length;
  }
  *out = x;
  return LP_OK;
}

static bool varies(const double *course, uint32_t n) {
  for (uint32_t m = 0; m < n; m++)
    if (course[m] != 0) return true;
  return false;
}

lp_status lp_neighbour_correlation(const float *activations, uint32_t n, uint32_t rows,
                                   uint32_t cols, bool wrap, double *out) {
  *out = NAN;
  uint32_t units = rows * cols;
  double *x, sum = 0;
  bool usable;
  size_t pairs = 0;
  lp_status s = unit_courses(activations, n, units, &x, &usable);
  for (uint32_t i = 0; s == LP_OK && usable && i < units; i++) {
    uint32_t r = i / cols, c = i % cols;
    if (!varies(x + (size_t)i * n, n)) continue;
    for (int k = 0; k < 2; k++) {
      uint32_t j = i, length = k ? rows : cols, at = k ? r : c;
      if (at + 1 < length)
        j = k ? i + cols : i + 1;
      else if (wrap && length > 2)
        j = k ? c : r * cols;
      if (j == i || !varies(x + (size_t)j * n, n)) continue;
      sum += dot(x + (size_t)i * n, x + (size_t)j * n, n);
      pairs++;
    }
  }
  if (pairs) *out = sum / (double)pairs;
  free(x);
  return s;
}

lp_status lp_mean_correlation(const float *activations, uint32_t n, uint32_t units, double *out) {
  *out = NAN;
  double *x, *total = calloc((size_t)n + 1, sizeof *total);
  bool usable;
  if (!total) return lp_fail(LP_ERR_MEMORY, "out of memory for %u images", n);
  lp_status s = unit_courses(activations, n, units, &x, &usable);
  double varying = 0;
  for (uint32_t i = 0; s == LP_OK && usable && i < units; i++) {
    const double *course = x + (size_t)i * n;
    varying += varies(course, n);
    for (uint32_t m = 0; m < n; m++) total[m] += course[m];
  }
  /* |sum of unit vectors|^2 = their number + 2 x the sum over pairs */
  if (varying > 1) *out = (dot(total, total, n) - varying) / (varying * (varying - 1));
  free(x);
  free(total);
  return s;
}
