/* Spatial statistics of one activation map: variance, autocorrelation, centroid. */
#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>

/* The largest of n values, and how many are above 0; 0 when one is negative or not finite. */
static double largest(const double *map, size_t n, size_t *active) {
  double max = 0;
  *active = 0;
  for (size_t i = 0; i < n; i++) {
    if (!(map[i] >= 0) || isinf(map[i])) return 0;
    if (map[i] > max) max = map[i];
    *active += map[i] > 0;
  }
  return max;
}

double lp_spatial_variance(const double *map, uint32_t rows, uint32_t cols) {
  size_t active;
  double max = largest(map, (size_t)rows * cols, &active);
  if (max == 0 || active < 2) return NAN;
  /* Every sum grows by positive terms only (West, Commun ACM 1979), so a map that is almost one
   * unit loses no digits: 1 - sum p^2 is 2 sum_{i<j} p_i p_j. */
  double total = 0, pairs = 0, moment = 0, mean_row = 0, mean_col = 0;
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t c = 0; c < cols; c++) {
      double w = map[(size_t)r * cols + c] / max;
      if (w == 0) continue;
      double sum = total + w, dr = r - mean_row, dc = c - mean_col;
      pairs += w * total;
      moment += w * (total / sum) * (dr * dr + dc * dc);
      mean_row += dr * (w / sum);
      mean_col += dc * (w / sum);
      total = sum;
    }
  }
  return moment * total / (2 * pairs);
}

/* The lines of a map across one axis: their number, and how to walk along one. */
typedef struct axis {
  uint32_t lines, length;
  size_t line_step, step;
} axis;

static double line_sum(const double *map, double max, const axis *a, uint32_t line) {
  double sum = 0;
  for (uint32_t k = 0; k < a->length; k++) sum += map[line * a->line_step + k * a->step] / max;
  return sum;
}

/* sum_{i<j} w_i w_j d^2 of one axis. Squared distance is a sum over axes, so that the pairwise form
 * needs the sums of the lines only; they are held a block at a time. */
static double wrapped_moment(const double *map, double max, const axis *a) {
  enum { BLOCK = 512 };
  double held[BLOCK], moment = 0;
  for (uint32_t first = 0; first < a->lines; first += BLOCK) {
    uint32_t count = a->lines - first < BLOCK ? a->lines - first : BLOCK;
    for (uint32_t k = 0; k < count; k++) held[k] = line_sum(map, max, a, first + k);
    for (uint32_t j = first + 1; j < a->lines; j++) {
      double w = line_sum(map, max, a, j);
      for (uint32_t k = 0; k < count && first + k < j; k++) {
        double d = j - (first + k);
        if (d > a->lines - d) d = a->lines - d;
        moment += w * held[k] * d * d;
      }
    }
  }
  return moment;
}

double lp_spatial_variance_torus(const double *map, uint32_t rows, uint32_t cols) {
  size_t active, n = (size_t)rows * cols;
  double max = largest(map, n, &active);
  if (max == 0 || active < 2) return NAN;
  axis by_row = {rows, cols, cols, 1}, by_col = {cols, rows, 1, cols};
  double moment = wrapped_moment(map, max, &by_row) + wrapped_moment(map, max, &by_col);
  double total = 0, pairs = 0;
  for (size_t i = 0; i < n; i++) {
    pairs += map[i] / max * total;
    total += map[i] / max;
  }
  return moment / (2 * pairs);
}

double lp_spatial_variance_uniform(uint32_t rows, uint32_t cols) {
  double r = rows, c = cols, n = r * c;
  if (n < 2) return NAN;
  return (r * r - 1 + c * c - 1) / 12 / (1 - 1 / n);
}

double lp_spatial_variance_torus_uniform(uint32_t rows, uint32_t cols) {
  double n = (double)rows * cols, square[2] = {0}; /* mean squared distance on each axis */
  if (n < 2) return NAN;
  for (int k = 0; k < 2; k++) {
    uint32_t length = k ? cols : rows;
    for (uint32_t at = 0; at < length; at++) {
      double d = at < length - at ? at : length - at;
      square[k] += d * d / length;
    }
  }
  return (square[0] + square[1]) / 2 / (1 - 1 / n);
}

/* Over the pairs of neighbours, each counted once: sum of z_i z_j and of (a_i - a_j)^2. */
typedef struct neighbours {
  double n, pairs, square, product, difference; /* square: sum of z^2 over units */
} neighbours;

static void add_pair(neighbours *s, double a, double b, double mean) {
  s->product += (a - mean) * (b - mean);
  s->difference += (a - b) * (a - b);
  s->pairs++;
}

/* Mean of a map; false when there is no spread to compare with. */
static bool spread(const double *map, size_t n, double *mean) {
  if (n < 2) return false;
  double low = map[0], high = map[0];
  *mean = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(map[i])) return false;
    *mean += map[i] / (double)n;
    if (map[i] < low) low = map[i];
    if (map[i] > high) high = map[i];
  }
  return low < high;
}

/* Wrapped, an axis of two joins its ends once. False: no spread. */
static bool neighbour_sums(const double *map, uint32_t rows, uint32_t cols, bool wrap,
                           neighbours *out) {
  size_t n = (size_t)rows * cols;
  double mean;
  if (!spread(map, n, &mean)) return false;
  *out = (neighbours){.n = (double)n};
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t c = 0; c < cols; c++) {
      const double *a = map + (size_t)r * cols + c;
      double z = *a - mean;
      out->square += z * z;
      if (c + 1 < cols) add_pair(out, *a, a[1], mean);
      if (r + 1 < rows) add_pair(out, *a, a[cols], mean);
      if (wrap && c == 0 && cols > 2) add_pair(out, *a, a[cols - 1], mean);
      if (wrap && r == 0 && rows > 2) add_pair(out, *a, map[n - cols + c], mean);
    }
  }
  return true;
}

static double moran_of(const neighbours *s) {
  return s->n / s->pairs * s->product / s->square;
}

static double geary_of(const neighbours *s) {
  return (s->n - 1) / (2 * s->pairs) * s->difference / s->square;
}

static double moran(const double *map, uint32_t rows, uint32_t cols, bool wrap) {
  neighbours s;
  return neighbour_sums(map, rows, cols, wrap, &s) ? moran_of(&s) : NAN;
}

static double geary(const double *map, uint32_t rows, uint32_t cols, bool wrap) {
  neighbours s;
  return neighbour_sums(map, rows, cols, wrap, &s) ? geary_of(&s) : NAN;
}

double lp_moran_i(const double *map, uint32_t rows, uint32_t cols) {
  return moran(map, rows, cols, false);
}

double lp_moran_i_torus(const double *map, uint32_t rows, uint32_t cols) {
  return moran(map, rows, cols, true);
}

double lp_geary_c(const double *map, uint32_t rows, uint32_t cols) {
  return geary(map, rows, cols, false);
}

double lp_geary_c_torus(const double *map, uint32_t rows, uint32_t cols) {
  return geary(map, rows, cols, true);
}

double lp_centroid_offset(const double *map, uint32_t rows, uint32_t cols) {
  size_t active;
  double max = largest(map, (size_t)rows * cols, &active);
  if (max == 0) return NAN;
  double total = 0, row = 0, col = 0;
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t c = 0; c < cols; c++) {
      double w = map[(size_t)r * cols + c] / max;
      total += w;
      row += w * (r - (rows - 1) / 2.0);
      col += w * (c - (cols - 1) / 2.0);
    }
  }
  return hypot(row / total, col / total);
}

/* ---- units at any places ------------------------------------------------------------------- */

/* The pairwise form, for distances of any kind. */
static double pairwise_variance(const double *map, double max, const lp_places *p) {
  double moment = 0, pairs = 0, total = 0;
  for (uint32_t i = 0; i < p->n; i++) {
    const double w = map[i] / max;
    double sum = 0;
    if (w == 0) continue;
    for (uint32_t j = 0; j < i; j++) {
      const double d = map[j] > 0 ? lp_places_distance(p, i, j) : 0;
      sum += map[j] / max * d * d;
    }
    moment += w * sum;
    pairs += w * total;
    total += w;
  }
  return moment / (2 * pairs);
}

static bool euclidean(const lp_places *p) {
  return !p->apart && !(p->radius > 0) &&
         !(p->period[0] > 0 || p->period[1] > 0 || p->period[2] > 0);
}

double lp_places_variance(const double *map, const lp_places *p) {
  size_t active;
  double max = largest(map, p->n, &active), total = 0, pairs = 0, moment = 0, mean[3] = {0};
  if (max == 0 || active < 2) return NAN;
  if (!euclidean(p)) return pairwise_variance(map, max, p);
  for (uint32_t i = 0; i < p->n; i++) { /* as lp_spatial_variance */
    const double w = map[i] / max, sum = total + w, *at = p->at + (size_t)i * p->ndim;
    double square = 0;
    if (w == 0) continue;
    for (uint32_t k = 0; k < p->ndim; k++) {
      const double d = at[k] - mean[k];
      square += d * d;
      mean[k] += d * (w / sum);
    }
    pairs += w * total;
    moment += w * (total / sum) * square;
    total = sum;
  }
  return moment * total / (2 * pairs);
}

double lp_places_variance_uniform(const lp_places *p) {
  double sum = 0;
  if (p->n < 2) return NAN;
  for (uint32_t i = 0; i < p->n; i++) {
    double row = 0;
    for (uint32_t j = 0; j < i; j++) {
      const double d = lp_places_distance(p, i, j);
      row += d * d;
    }
    sum += row;
  }
  return sum / p->n / (p->n - 1.0);
}

static bool sums_over(const double *map, const lp_neighbours *w, neighbours *out) {
  double mean;
  if (!spread(map, w->n, &mean)) return false;
  *out = (neighbours){.n = w->n};
  for (uint32_t i = 0; i < w->n; i++) {
    out->square += (map[i] - mean) * (map[i] - mean);
    for (uint32_t e = w->first[i]; e < w->first[i + 1]; e++)
      if (w->other[e] > i) add_pair(out, map[i], map[w->other[e]], mean);
  }
  return out->pairs > 0;
}

double lp_places_moran_i(const double *map, const lp_neighbours *w) {
  neighbours s;
  return sums_over(map, w, &s) ? moran_of(&s) : NAN;
}

double lp_places_geary_c(const double *map, const lp_neighbours *w) {
  neighbours s;
  return sums_over(map, w, &s) ? geary_of(&s) : NAN;
}

double lp_places_centroid_offset(const double *map, const lp_places *p) {
  size_t active;
  double max = largest(map, p->n, &active), total = 0, mean[3] = {0}, square = 0;
  if (max == 0 || !euclidean(p)) return NAN;
  for (uint32_t i = 0; i < p->n; i++) total += map[i] / max;
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t k = 0; k < p->ndim; k++)
      mean[k] += (map[i] / max / total - 1.0 / p->n) * p->at[(size_t)i * p->ndim + k];
  for (uint32_t k = 0; k < p->ndim; k++) square += mean[k] * mean[k];
  return sqrt(square);
}

/* ---- many maps ----------------------------------------------------------------------------- */

lp_status lp_map_values(lp_map_fn fn, const float *maps, uint32_t n, uint32_t rows, uint32_t cols,
                        double *out) {
  size_t units = (size_t)rows * cols;
  double *map = malloc(sizeof *map * (units ? units : 1));
  if (!map) return lp_fail(LP_ERR_MEMORY, "out of memory for a map of %zu units", units);
  for (uint32_t m = 0; m < n; m++) {
    for (size_t i = 0; i < units; i++) map[i] = maps[m * units + i];
    out[m] = fn(map, rows, cols);
  }
  free(map);
  return LP_OK;
}
