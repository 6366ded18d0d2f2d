/* Order of a map in space: Moran's I, preference over distance, spectrum. */
#include "measure_internal.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Moran's I ----------------------------------------------------------------------------- */

/* sum w_ij z_i z_j with unit i holding z[at[i]] (at NULL: z[i]). */
static double neighbour_product(const double *z, const uint32_t *at, const lp_neighbours *w,
                                bool row_standardised) {
  double sum = 0;
  for (uint32_t i = 0; i < w->n; i++) {
    uint32_t n = w->first[i + 1] - w->first[i];
    double near = 0;
    for (uint32_t e = w->first[i]; e < w->first[i + 1]; e++)
      near += z[at ? at[w->other[e]] : w->other[e]];
    if (n) sum += z[at ? at[i] : i] * (row_standardised ? near / n : near);
  }
  return sum;
}

lp_status lp_moran_of(const double *map, const lp_neighbours *w, bool row_standardised,
                      uint32_t permutations, uint64_t seed, lp_moran *out) {
  *out = (lp_moran){NAN, w->n > 1 ? -1 / (w->n - 1.0) : NAN, NAN};
  double mean = 0, square = 0, weights = 0, low = INFINITY, high = -INFINITY;
  if (!lp_all_finite(map, w->n)) return LP_OK;
  for (uint32_t i = 0; i < w->n; i++) {
    uint32_t n = w->first[i + 1] - w->first[i];
    mean += map[i] / w->n;
    weights += row_standardised ? n > 0 : n;
    low = fmin(low, map[i]);
    high = fmax(high, map[i]);
  }
  if (!(low < high) || weights == 0) return LP_OK;
  double *z = malloc(sizeof *z * w->n);
  if (!z) return lp_no_memory("a map");
  for (uint32_t i = 0; i < w->n; i++) {
    z[i] = map[i] - mean;
    square += z[i] * z[i];
  }
  double seen = neighbour_product(z, NULL, w, row_standardised);
  out->i = w->n / weights * seen / square;
  uint32_t as_large = 0;
  bool memory = true;
  const uint32_t stream = lp_rng_stream("measure/moran");
#pragma omp parallel if (permutations > 0)
  {
    uint32_t *at = malloc(sizeof *at * w->n);
    if (!at) {
#pragma omp atomic write
      memory = false;
    }
#pragma omp for reduction(+ : as_large) schedule(static)
    for (uint32_t k = 0; k < permutations; k++) {
      if (!at) continue;
      lp_rng_permutation(seed, stream, k, at, w->n);
      as_large += neighbour_product(z, at, w, row_standardised) >= seen;
    }
    free(at);
  }
  free(z);
  uint32_t other = permutations - as_large, nearer = other < as_large ? other : as_large;
  if (permutations) out->p = (nearer + 1.0) / (permutations + 1.0);
  return memory ? LP_OK : lp_no_memory("permutations of a map");
}

/* ---- preference over distance -------------------------------------------------------------- */

lp_status lp_preference_over_distance(const double *t, const lp_places *p, lp_preference *out) {
  distance_bins b = bins_of(p);
  memcpy(out->edge, b.edge, sizeof out->edge);
  for (int k = 0; k < LP_BINS; k++) out->mean[k] = NAN;
  out->s = NAN;
  if (!lp_all_finite(t, p->n)) return LP_OK;
  double *sum = calloc((size_t)p->n * LP_BINS, sizeof *sum); /* a row a unit: added up in order */
  uint32_t *count = calloc((size_t)p->n * LP_BINS, sizeof *count);
  if (!sum || !count) {
    free(sum);
    free(count);
    return lp_no_memory("differences of units");
  }
#pragma omp parallel for schedule(dynamic, 16)
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < i; j++) {
      int k = bin_of(&b, lp_places_distance(p, i, j));
      sum[(size_t)i * LP_BINS + k] += fabs(t[i] - t[j]);
      count[(size_t)i * LP_BINS + k]++;
    }
  double max = 0, nearest = NAN;
  for (int k = 0; k < LP_BINS; k++) {
    double all = 0, n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
      all += sum[(size_t)i * LP_BINS + k];
      n += count[(size_t)i * LP_BINS + k];
    }
    if (n > 0) out->mean[k] = all / n;
    if (isnan(nearest)) nearest = out->mean[k];
    max = fmax(max, out->mean[k]);
  }
  if (max > 0) out->s = (max - nearest) / max;
  free(sum);
  free(count);
  return LP_OK;
}

/* ---- spectrum ------------------------------------------------------------------------------ */

/* Adds |DFT|^2 of z = re + i im (im NULL: 0) to power, by sums over rows and then columns: any
 * sides, and fast enough for sheets. */
lp_status lp_add_power(const double *re, const double *im, uint32_t rows, uint32_t cols,
                       double *power) {
  const double turn = 2 * acos(-1);
  size_t n = (size_t)rows * cols;
  double *half = malloc(sizeof *half * 2 * n),
         *wave = malloc(sizeof *wave * 2 * ((size_t)rows + cols));
  if (!half || !wave) {
    free(half);
    free(wave);
    return lp_no_memory("a spectrum");
  }
  double *cr = wave, *sr = wave + rows, *cc = wave + 2 * rows, *sc = cc + cols;
  for (uint32_t k = 0; k < rows; k++) cr[k] = cos(turn * k / rows), sr[k] = -sin(turn * k / rows);
  for (uint32_t k = 0; k < cols; k++) cc[k] = cos(turn * k / cols), sc[k] = -sin(turn * k / cols);
#pragma omp parallel for schedule(static)
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t k = 0; k < cols; k++) {
      double a = 0, b = 0;
      for (uint32_t c = 0, w = 0; c < cols; c++, w += k, w -= w >= cols ? cols : 0) {
        size_t at = (size_t)r * cols + c;
        double x = re[at], y = im ? im[at] : 0;
        a += x * cc[w] - y * sc[w];
        b += x * sc[w] + y * cc[w];
      }
      half[2 * ((size_t)r * cols + k)] = a;
      half[2 * ((size_t)r * cols + k) + 1] = b;
    }
#pragma omp parallel for schedule(static)
  for (uint32_t q = 0; q < rows; q++)
    for (uint32_t k = 0; k < cols; k++) {
      double a = 0, b = 0;
      for (uint32_t r = 0, w = 0; r < rows; r++, w += q, w -= w >= rows ? rows : 0) {
        size_t at = 2 * ((size_t)r * cols + k);
        a += half[at] * cr[w] - half[at + 1] * sr[w];
        b += half[at] * sr[w] + half[at + 1] * cr[w];
      }
      power[(size_t)q * cols + k] += a * a + b * b;
    }
  free(half);
  free(wave);
  return LP_OK;
}

void lp_radial_mean(const double *power, uint32_t rows, uint32_t cols, double *radial) {
  uint32_t radii = (rows < cols ? rows : cols) / 2;
  for (uint32_t k = 0; k < radii; k++) {
    double sum = 0, n = 0;
    for (uint32_t r = 0; r < rows; r++)
      for (uint32_t c = 0; c < cols; c++) {
        double y = r <= rows - r ? r : rows - r, x = c <= cols - c ? c : cols - c;
        if ((uint32_t)lround(hypot(y, x)) != k + 1) continue;
        sum += power[(size_t)r * cols + c];
        n++;
      }
    radial[k] = n > 0 ? sum / n : NAN;
  }
}

/* Slope of the least squares line of log y over log 1 .. n. */
static double log_slope(const double *y, uint32_t n) {
  double mx = 0, my = 0, xx = 0, xy = 0;
  if (n < 2) return NAN;
  for (uint32_t k = 0; k < n; k++) {
    if (!(y[k] > 0)) return NAN;
    mx += log(k + 1.0) / n;
    my += log(y[k]) / n;
  }
  for (uint32_t k = 0; k < n; k++) {
    double x = log(k + 1.0) - mx;
    xx += x * x;
    xy += x * (log(y[k]) - my);
  }
  return xy / xx;
}

lp_status lp_spectrum(const double *map, uint32_t rows, uint32_t cols, double *radial,
                      double *slope) {
  size_t n = (size_t)rows * cols;
  uint32_t radii = (rows < cols ? rows : cols) / 2;
  *slope = NAN;
  double *z = malloc(sizeof *z * (n + 1)), *power = calloc(n + 1, sizeof *power),
         *own = malloc(sizeof *own * (radii + 1)), mean = 0, low = INFINITY, high = -INFINITY;
  lp_status s = z && power && own ? LP_OK : lp_no_memory("a spectrum");
  for (size_t i = 0; s == LP_OK && i < n; i++) {
    mean += map[i] / (double)n;
    low = fmin(low, map[i]);
    high = fmax(high, map[i]);
  }
  for (size_t i = 0; s == LP_OK && i < n; i++) z[i] = low < high ? map[i] - mean : map[i] * 0;
  if (s == LP_OK) s = lp_add_power(z, NULL, rows, cols, power);
  if (s == LP_OK) {
    lp_radial_mean(power, rows, cols, own);
    *slope = log_slope(own, radii);
    if (radial) memcpy(radial, own, sizeof *own * radii);
  }
  free(z);
  free(power);
  free(own);
  return s;
}
