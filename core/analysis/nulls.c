/* The exact null of spatial variance: mean and variance of V over all ways to place the units; and
 * shuffled ones of units off a sheet. */
#include "null.h"

#include <locality/rng.h>

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

/* The weights of maps with a defined V (value: n, from which out's n and observed are): x, n x
 * units, and factor, n. Returns how many those are. */
static uint32_t weigh(const float *maps, uint32_t n, uint32_t units, const double *value, double *x,
                      double *factor, lp_null_result *out) {
  uint32_t k = 0;
  lp_moments moments = lp_moments_of(value, n);
  out->n = moments.n;
  out->observed = moments.mean;
  for (uint32_t m = 0; m < n; m++) {
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
  return k;
}

/* b: of squared distances. */
static void exact(pair_sums a, pair_sums b, double units, lp_null_result *out) {
  out->mean = b.total / 2 / (units * (units - 1));
  double variance = units > 3 ? mantel_variance(a, b, units) : NAN;
  /* Uniform maps have none; what is left of the differences is rounding. */
  out->sd = variance > 1e-20 * out->mean * out->mean ? sqrt(variance) : 0;
  if (isnan(variance)) out->sd = NAN;
  if (out->sd > 0) {
    out->z = (out->observed - out->mean) / out->sd;
    out->p = erfc(fabs(out->z) / sqrt(2));
  }
}

static const lp_null_result nothing = {NAN, NAN, NAN, NAN, NAN, 0, 0};

lp_status lp_spatial_variance_exact_null(const float *maps, uint32_t n, uint32_t rows,
                                         uint32_t cols, bool wrap, lp_null_result *out) {
  *out = nothing;
  uint32_t units = rows * cols, k = 0;
  double *value = malloc(sizeof *value * ((size_t)n + 1));
  double *factor = calloc((size_t)n + 1, sizeof *factor);
  double *x = calloc((size_t)n * units + 1, sizeof *x);
  lp_status s =
      value && factor && x ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u maps", n);
  if (s == LP_OK)
    s = lp_map_values(wrap ? lp_spatial_variance_torus : lp_spatial_variance, maps, n, rows, cols,
                      value);
  if (s == LP_OK) k = weigh(maps, n, units, value, x, factor, out);
  pair_sums a;
  if (s == LP_OK) s = weight_sums(x, factor, k, units, &a);
  if (s == LP_OK && k > 0) exact(a, distance_sums(rows, cols, wrap), units, out);
  free(value);
  free(factor);
  free(x);
  return s;
}

/* ---- units at any places ------------------------------------------------------------------- */

static void squared_distances(const lp_places *p, double *square) {
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < p->n; j++) {
      const double d = i == j ? 0 : lp_places_distance(p, i, j);
      square[(size_t)i * p->n + j] = d * d;
    }
}

static pair_sums matrix_sums(const double *matrix, uint32_t units) {
  pair_sums s = {0};
  for (uint32_t i = 0; i < units; i++) {
    double row = 0;
    for (uint32_t j = 0; j < units; j++) {
      const double v = matrix[(size_t)i * units + j];
      row += v;
      s.squares += 2 * v * v;
    }
    s.total += row;
    s.rows += 4 * row * row;
  }
  return s;
}

/* The matrix A of weight_sums. */
static void weight_matrix(const double *x, uint32_t n, uint32_t units, double *weight) {
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < units; i++) {
    double *row = weight + (size_t)i * units;
    for (uint32_t j = 0; j < units; j++) row[j] = 0;
    for (uint32_t m = 0; m < n; m++) {
      const double *at = x + (size_t)m * units, own = at[i];
      for (uint32_t j = 0; j < units && own > 0; j++) row[j] += own * at[j];
    }
    row[i] = 0;
  }
}

/* Mean V with unit i at the place of unit order[i]. */
static double placed_variance(const double *weight, const double *square, const uint32_t *order,
                              uint32_t units) {
  double sum = 0;
  for (uint32_t i = 0; i < units; i++) {
    const double *own = weight + (size_t)i * units, *at = square + (size_t)order[i] * units;
    for (uint32_t j = 0; j < i; j++) sum += own[j] * at[order[j]];
  }
  return 2 * sum;
}

/* value: of each shuffle. */
static lp_status shuffle(const double *weight, const double *square, uint32_t units,
                         uint32_t permutations, uint64_t seed, double *value) {
  const uint32_t stream = lp_rng_stream("analysis/permutation");
  bool memory = true;
#pragma omp parallel
  {
    uint32_t *order = malloc(sizeof *order * ((size_t)units + 1));
    if (!order) {
#pragma omp atomic write
      memory = false;
    }
#pragma omp for schedule(static)
    for (uint32_t k = 0; k < permutations; k++) {
      if (!order) continue;
      lp_rng_permutation(seed, stream, k, order, units);
      value[k] = placed_variance(weight, square, order, units);
    }
    free(order);
  }
  return memory ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u units", units);
}

lp_status lp_places_variance_nulls(const float *maps, uint32_t n, const lp_places *p,
                                   uint32_t permutations, uint64_t seed, lp_null_result *exactly,
                                   lp_null_result *shuffled) {
  const uint32_t units = p->n, most = n > permutations ? n : permutations;
  *exactly = *shuffled = nothing;
  shuffled->permutations = permutations;
  if (permutations < 2) return lp_fail(LP_ERR_ARG, "a permutation null needs 2 permutations");
  double *value = malloc(sizeof *value * ((size_t)most + 1));
  double *factor = calloc((size_t)n + 1, sizeof *factor), *map = calloc(units, sizeof *map);
  double *x = calloc((size_t)n * units + 1, sizeof *x);
  double *weight = malloc(sizeof *weight * units * units);
  double *square = malloc(sizeof *square * units * units);
  lp_status s =
      value && factor && map && x && weight && square
          ? LP_OK
          : lp_fail(LP_ERR_MEMORY, "out of memory for shuffled places of %u units", units);
  uint32_t k = 0;
  for (uint32_t m = 0; s == LP_OK && m < n; m++) {
    for (uint32_t i = 0; i < units; i++) map[i] = maps[(size_t)m * units + i];
    value[m] = lp_places_variance(map, p);
  }
  if (s == LP_OK) k = weigh(maps, n, units, value, x, factor, exactly);
  if (s == LP_OK && k > 0) {
    weight_matrix(x, k, units, weight);
    squared_distances(p, square);
    exact(matrix_sums(weight, units), matrix_sums(square, units), units, exactly);
    s = shuffle(weight, square, units, permutations, seed, value);
    shuffled->n = exactly->n;
    shuffled->observed = exactly->observed;
    if (s == LP_OK) lp_null_from_shuffles(value, permutations, shuffled);
  }
  free(value);
  free(factor);
  free(map);
  free(x);
  free(weight);
  free(square);
  return s;
}
