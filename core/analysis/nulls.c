/* The exact null of spatial variance: mean and variance of V over all ways to place the units. */
#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>

/* Sums over ordered pairs of different units of a symmetric matrix M: M, 2 M^2, and over units
 * 4 (sum_j M_ij)^2 (Mantel, Cancer Research 1967). */
typedef struct pair_sums {
  double total, squares, rows;
} pair_sums;

/* Of squared distances on a lattice: each is a sum over the two axes. */
static void axis_sums(uint32_t length, bool wrap, uint32_t at, double *d2, double *d4) {
  *d2 = *d4 = 0;
  for (uint32_t k = 0; k < length; k++) {
    double d = k > at ? k - at : at - k;
    if (wrap) d = fmin(d, length - d);
    *d2 += d * d;
    *d4 += d * d * d * d;
  }
}

static pair_sums distance_sums(uint32_t rows, uint32_t cols, bool wrap) {
  pair_sums s = {0};
  for (uint32_t r = 0; r < rows; r++) {
    double r2, r4;
    axis_sums(rows, wrap, r, &r2, &r4);
    for (uint32_t c = 0; c < cols; c++) {
      double c2, c4, row;
      axis_sums(cols, wrap, c, &c2, &c4);
      row = r2 * cols + c2 * rows;
      s.total += row;
      s.rows += 4 * row * row;
      s.squares += 2 * (r4 * cols + 2 * r2 * c2 + c4 * rows); /* (dr^2 + dc^2)^2 */
    }
  }
  return s;
}

/* What V weighs distances with: A = mean over maps of p p' / (2 (1 - sum p^2)), diagonal 0. x: n x
 * units, row m is p_m times the root of its factor. */
static lp_status weight_sums(double *x, const double *factor, uint32_t n, uint32_t units,
                             pair_sums *out) {
  *out = (pair_sums){0};
  double *row = calloc((size_t)units + 1, sizeof *row),
         *diagonal = calloc((size_t)units + 1, sizeof *row);
  /* sum A^2 over all pairs, the diagonal too, is that of x x': take the smaller matrix. */
  bool by_unit = units < n;
  size_t side = by_unit ? units : n, length = by_unit ? n : units;
  double *y = by_unit ? malloc(sizeof *y * n * units) : x;
  lp_status s =
      row && diagonal && y ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u units", units);
  for (uint32_t m = 0; s == LP_OK && m < n; m++) {
    for (uint32_t i = 0; i < units; i++) {
      double v = x[(size_t)m * units + i], p = factor[m] > 0 ? v / sqrt(factor[m]) : 0;
      row[i] += factor[m] * p * (1 - p);
      diagonal[i] += v * v;
      if (by_unit) y[(size_t)i * n + m] = v;
    }
  }
  double squares = 0;
  for (size_t i = 0; s == LP_OK && i < side; i++)
    for (size_t j = 0; j <= i; j++) {
      double sum = 0;
      const double *a = y + i * length, *b = y + j * length;
      for (size_t k = 0; k < length; k++) sum += a[k] * b[k];
      squares += (i == j ? 1 : 2) * sum * sum;
    }
  for (uint32_t i = 0; s == LP_OK && i < units; i++) {
    squares -= diagonal[i] * diagonal[i];
    out->total += row[i];
    out->rows += 4 * row[i] * row[i];
  }
  out->squares = 2 * squares;
  if (by_unit) free(y);
  free(row);
  free(diagonal);
  return s;
}

static double mantel_variance(pair_sums a, pair_sums b, double n) {
  double both = n * (n - 1), three = both * (n - 2), four = three * (n - 3);
  double mean = a.total * b.total / both;
  return a.squares * b.squares / (2 * both) +
         (a.rows - 2 * a.squares) * (b.rows - 2 * b.squares) / (4 * three) +
         (a.total * a.total + a.squares - a.rows) * (b.total * b.total + b.squares - b.rows) /
             four -
         mean * mean;
}

lp_status lp_spatial_variance_exact_null(const float *maps, uint32_t n, uint32_t rows,
                                         uint32_t cols, bool wrap, lp_null_result *out) {
  *out = (lp_null_result){NAN, NAN, NAN, NAN, NAN, 0, 0};
  uint32_t units = rows * cols, k = 0;
  double *value = malloc(sizeof *value * ((size_t)n + 1));
  double *factor = calloc((size_t)n + 1, sizeof *factor);
  double *x = calloc((size_t)n * units + 1, sizeof *x);
  lp_status s =
      value && factor && x ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u maps", n);
  if (s == LP_OK)
    s = lp_map_values(wrap ? lp_spatial_variance_torus : lp_spatial_variance, maps, n, rows, cols,
                      value);
  if (s == LP_OK) {
    lp_moments m = lp_moments_of(value, n);
    out->n = m.n;
    out->observed = m.mean;
  }
  for (uint32_t m = 0; s == LP_OK && m < n; m++) {
    const float *a = maps + (size_t)m * units;
    if (isnan(value[m])) continue;
    double total = 0, pairs = 0, *row = x + (size_t)k * units;
    for (uint32_t i = 0; i < units; i++) {
      pairs += 2 * a[i] * total; /* ends as total^2 (1 - sum p^2), without its cancellation */
      total += a[i];
    }
    factor[k] = total * total / (2 * pairs * out->n);
    for (uint32_t i = 0; i < units; i++) row[i] = sqrt(factor[k]) * a[i] / total;
    k++;
  }
  pair_sums a;
  if (s == LP_OK) s = weight_sums(x, factor, k, units, &a);
  if (s == LP_OK && k > 0) {
    pair_sums b = distance_sums(rows, cols, wrap);
    out->mean = b.total / 2 / ((double)units * (units - 1.0));
    double variance = units > 3 ? mantel_variance(a, b, units) : NAN;
    /* Uniform maps have none; what is left of the differences is rounding. */
    out->sd = variance > 1e-20 * out->mean * out->mean ? sqrt(variance) : 0;
    if (isnan(variance)) out->sd = NAN;
    if (out->sd > 0) {
      out->z = (out->observed - out->mean) / out->sd;
      out->p = erfc(fabs(out->z) / sqrt(2));
    }
  }
  free(value);
  free(factor);
  free(x);
  return s;
}
