/* Pairs of units: their correlations over images, and what these have to do with distance. */
#include "measure_internal.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void lp_pairs_free(lp_pairs *p) {
  if (!p) return;
  free((void *)(uintptr_t)p->i);
  free((void *)(uintptr_t)p->j);
  free((void *)(uintptr_t)p->r);
  free((void *)(uintptr_t)p->square);
  free(p);
}

static lp_status new_pairs(uint32_t units, size_t count, lp_pairs **out) {
  lp_pairs *p = calloc(1, sizeof *p);
  *out = p;
  if (!p) return lp_no_memory("pairs of units");
  *p = (lp_pairs){units,
                  count,
                  malloc(sizeof(uint32_t) * (count + 1)),
                  malloc(sizeof(uint32_t) * (count + 1)),
                  malloc(sizeof(double) * (count + 1)),
                  calloc((size_t)units + 1, sizeof(double))};
  return p->i && p->j && p->r && p->square ? LP_OK : lp_no_memory("pairs of units");
}

/* ---- all pairs ----------------------------------------------------------------------------- */

static lp_status correlate_all(const lp_responses *x, const unit_scan *scan, lp_pairs **out) {
  uint32_t units = x->units;
  size_t varying = 0, k = 0;
  for (uint32_t i = 0; i < units; i++) varying += scan->varies[i];
  lp_status s = new_pairs(units, varying ? varying * (varying - 1) / 2 : 0, out);
  double *c = s == LP_OK ? malloc(sizeof *c * ((size_t)units * units + 1)) : NULL;
  if (s == LP_OK && !c) s = lp_no_memory("correlations of units");
  if (s == LP_OK) s = lp_centred_products(x, scan, c);
  if (s == LP_OK) {
    uint32_t *pi = (uint32_t *)(uintptr_t)(*out)->i, *pj = (uint32_t *)(uintptr_t)(*out)->j;
    double *r = (double *)(uintptr_t)(*out)->r, *square = (double *)(uintptr_t)(*out)->square;
    for (uint32_t i = 0; i < units; i++) {
      square[i] = c[(size_t)i * units + i] / scan->scale[i] / scan->scale[i];
      for (uint32_t j = i + 1; scan->varies[i] && j < units; j++) {
        if (!scan->varies[j]) continue;
        double size = sqrt(c[(size_t)i * units + i]) * sqrt(c[(size_t)j * units + j]);
        pi[k] = i;
        pj[k] = j;
        r[k++] = within_one(c[(size_t)i * units + j] / size);
      }
    }
  }
  free(c);
  return s;
}

/* ---- a sample ------------------------------------------------------------------------------ */

/* Rows of a block by unit: to[unit][row], centred and scaled; 0 for units that do not vary. */
static void by_unit(const double *rows, uint32_t count, const unit_scan *scan, uint32_t units,
                    double *to) {
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < units; i++)
    for (uint32_t m = 0; m < count; m++)
      to[(size_t)i * BLOCK_ROWS + m] =
          scan->varies[i] ? (rows[(size_t)m * units + i] - scan->mean[i]) * scan->scale[i] : 0;
}

static double dot(const double *a, const double *b, uint32_t n) {
  double part[4] = {0};
  uint32_t k = 0;
  for (; k + 4 <= n; k += 4)
    for (int l = 0; l < 4; l++) part[l] += a[k + l] * b[k + l];
  for (; k < n; k++) part[0] += a[k] * b[k];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

static lp_status draw_pairs(const unit_scan *scan, uint32_t units, uint64_t seed, lp_pairs *p) {
  uint32_t n = 0, *pi = (uint32_t *)(uintptr_t)p->i, *pj = (uint32_t *)(uintptr_t)p->j,
           *chosen = malloc(sizeof *chosen * units);
  if (!chosen) return lp_no_memory("pairs of units");
  for (uint32_t i = 0; i < units; i++)
    if (scan->varies[i]) chosen[n++] = i;
  if (n < 2) p->count = 0;
  lp_rng rng = lp_rng_make(seed, "measure/pairs");
  for (size_t k = 0; k < p->count; k++) {
    uint32_t a = lp_rng_below(&rng, n), b = lp_rng_below(&rng, n - 1);
    b += b >= a;
    pi[k] = chosen[a < b ? a : b];
    pj[k] = chosen[a < b ? b : a];
  }
  free(chosen);
  return LP_OK;
}

/* The correlations of the pairs that p lists. */
static lp_status correlate_listed(const lp_responses *x, const unit_scan *scan, lp_pairs *p) {
  uint32_t units = x->units;
  double *rows = malloc(sizeof *rows * BLOCK_ROWS * units),
         *turned = malloc(sizeof *turned * BLOCK_ROWS * units), *r = (double *)(uintptr_t)p->r,
         *square = (double *)(uintptr_t)p->square;
  lp_status s = rows && turned ? LP_OK : lp_no_memory("blocks of activations");
  for (size_t k = 0; k < p->count; k++) r[k] = 0;
  for (uint32_t first = 0; s == LP_OK && first < x->n; first += BLOCK_ROWS) {
    uint32_t count = x->n - first < BLOCK_ROWS ? x->n - first : BLOCK_ROWS;
    s = x->read(x, first, count, rows);
    if (s != LP_OK) break;
    by_unit(rows, count, scan, units, turned);
#pragma omp parallel for schedule(static)
    for (uint32_t i = 0; i < units; i++) {
      const double *own = turned + (size_t)i * BLOCK_ROWS;
      square[i] += dot(own, own, count);
    }
#pragma omp parallel for schedule(static)
    for (size_t k = 0; k < p->count; k++)
      r[k] +=
          dot(turned + (size_t)p->i[k] * BLOCK_ROWS, turned + (size_t)p->j[k] * BLOCK_ROWS, count);
  }
  for (size_t k = 0; s == LP_OK && k < p->count; k++)
    r[k] = within_one(r[k] / (sqrt(square[p->i[k]]) * sqrt(square[p->j[k]])));
  for (uint32_t i = 0; s == LP_OK && i < units; i++)
    square[i] = square[i] / scan->scale[i] / scan->scale[i];
  free(rows);
  free(turned);
  return s;
}

static lp_status correlate_sample(const lp_responses *x, const unit_scan *scan, uint64_t seed,
                                  lp_pairs **out) {
  lp_status s = new_pairs(x->units, LP_SAMPLED_PAIRS, out);
  if (s == LP_OK) s = draw_pairs(scan, x->units, seed, *out);
  return s == LP_OK ? correlate_listed(x, scan, *out) : s;
}

/* What s came to: pairs, or none. */
static lp_status pairs_done(lp_status s, unit_scan *scan, lp_pairs **out) {
  lp_scan_free(scan);
  if (s == LP_OK) return LP_OK;
  lp_pairs_free(*out);
  *out = NULL;
  return s;
}

lp_status lp_neighbour_pairs(const lp_responses *x, const lp_neighbours *w, lp_pairs **out) {
  unit_scan scan;
  *out = NULL;
  lp_status s = lp_scan_units(x, &scan);
  if (s != LP_OK) return s;
  s = new_pairs(x->units, w->first[w->n] / 2, out);
  size_t n = 0;
  for (uint32_t i = 0; s == LP_OK && i < w->n; i++)
    for (uint32_t e = w->first[i]; e < w->first[i + 1]; e++) {
      uint32_t j = w->other[e];
      if (j <= i || !scan.varies[i] || !scan.varies[j]) continue;
      ((uint32_t *)(uintptr_t)(*out)->i)[n] = i;
      ((uint32_t *)(uintptr_t)(*out)->j)[n++] = j;
    }
  if (s == LP_OK) {
    (*out)->count = n;
    s = correlate_listed(x, &scan, *out);
  }
  return pairs_done(s, &scan, out);
}

lp_status lp_pairs_correlate(const lp_responses *x, uint64_t seed, lp_pairs **out) {
  unit_scan scan;
  *out = NULL;
  lp_status s = lp_scan_units(x, &scan);
  if (s != LP_OK) return s;
  s = x->units <= LP_ALL_PAIRS ? correlate_all(x, &scan, out)
                               : correlate_sample(x, &scan, seed, out);
  return pairs_done(s, &scan, out);
}

/* ---- correlation over distance ------------------------------------------------------------- */

/* Means of r by bin with unit i at the place of unit at[i] (NULL: its own). Four sums a bin, so
 * that one pair need not wait for the last. */
static void mean_by_bin(const lp_pairs *pairs, const lp_places *p, const distance_bins *b,
                        const uint8_t *table, const uint32_t *at, double mean[LP_BINS]) {
  enum { LANES = 4 };
  double sum[LANES][LP_BINS] = {{0}};
  uint64_t count[LANES][LP_BINS] = {{0}};
  for (size_t k = 0; k < pairs->count; k++) {
    uint32_t i = at ? at[pairs->i[k]] : pairs->i[k], j = at ? at[pairs->j[k]] : pairs->j[k];
    int bin = table ? table[(size_t)i * p->n + j] : bin_of(b, lp_places_distance(p, i, j));
    sum[k % LANES][bin] += pairs->r[k];
    count[k % LANES][bin]++;
  }
  for (int k = 0; k < LP_BINS; k++) {
    double all = 0, n = 0;
    for (int l = 0; l < LANES; l++) all += sum[l][k], n += (double)count[l][k];
    mean[k] = n > 0 ? all / n : NAN;
  }
}

/* The bin of every pair of places, where that is not too much memory; else NULL. */
static uint8_t *bin_table(const lp_places *p, const distance_bins *b) {
  uint8_t *table = p->n <= LP_ALL_PAIRS ? malloc((size_t)p->n * p->n) : NULL;
  if (!table) return NULL;
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < p->n; j++)
      table[(size_t)i * p->n + j] = (uint8_t)bin_of(b, lp_places_distance(p, i, j));
  return table;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* null: replacements x LP_BINS. */
static void summarise_null(double *null, uint32_t replacements, lp_curve *out) {
  uint32_t tail = (replacements + 1) / 40; /* 2.5 % at each end */
  double *column = null;                   /* sorted in place, a bin at a time */
  for (int k = 0; k < LP_BINS; k++, column += replacements) {
    double sum = 0;
    for (uint32_t m = 0; m < replacements; m++) sum += column[m];
    if (isnan(sum)) continue;
    qsort(column, replacements, sizeof *column, by_value);
    out->null_mean[k] = sum / replacements;
    out->low[k] = column[tail - 1];
    out->high[k] = column[replacements - tail];
  }
}

lp_status lp_correlation_over_distance(const lp_pairs *pairs, const lp_places *p,
                                       uint32_t replacements, uint64_t seed, lp_curve *out) {
  if (pairs->units != p->n) return lp_fail(LP_ERR_ARG, "%u units at %u places", pairs->units, p->n);
  distance_bins b = bins_of(p);
  memcpy(out->edge, b.edge, sizeof out->edge);
  for (int k = 0; k < LP_BINS; k++) out->null_mean[k] = out->low[k] = out->high[k] = NAN;
  uint8_t *table = replacements ? bin_table(p, &b) : NULL;
  double *null = malloc(sizeof *null * ((size_t)replacements * LP_BINS + 1));
  mean_by_bin(pairs, p, &b, table, NULL, out->mean);
  bool memory = null != NULL;
  const uint32_t stream = lp_rng_stream("measure/places");
#pragma omp parallel if (replacements > 1)
  {
    uint32_t *at = malloc(sizeof *at * ((size_t)p->n + 1));
    if (!at || !null) {
#pragma omp atomic write
      memory = false;
    }
#pragma omp for schedule(dynamic)
    for (uint32_t m = 0; m < replacements; m++) {
      if (!at || !null) continue;
      double mean[LP_BINS];
      lp_rng_permutation(seed, stream, m, at, p->n);
      mean_by_bin(pairs, p, &b, table, at, mean);
      for (int k = 0; k < LP_BINS; k++) null[(size_t)k * replacements + m] = mean[k];
    }
    free(at);
  }
  if (memory && replacements >= 39) summarise_null(null, replacements, out);
  free(table);
  free(null);
  return memory ? LP_OK : lp_no_memory("re-placed units");
}

/* ---- alignment, TGI ------------------------------------------------------------------------ */

lp_status lp_alignment(const lp_pairs *pairs, const lp_places *p, double *out) {
  *out = NAN;
  if (pairs->units != p->n) return lp_fail(LP_ERR_ARG, "%u units at %u places", pairs->units, p->n);
  if (pairs->count < 2) return LP_OK;
  double *near = malloc(sizeof *near * pairs->count);
  if (!near) return lp_no_memory("distances of units");
#pragma omp parallel for schedule(static)
  for (size_t k = 0; k < pairs->count; k++)
    near[k] = 1 / (1 + lp_places_distance(p, pairs->i[k], pairs->j[k]));
  *out = lp_pearson(pairs->r, near, pairs->count);
  free(near);
  return LP_OK;
}

/* The places as TGI has them, and what a distance of 1 is. */
static double tgi_frame(const lp_places *p, lp_places *frame) {
  double side = 0;
  *frame = *p;
  for (uint32_t k = 0; k < p->ndim; k++) {
    if (p->extent[0]) frame->period[k] = p->extent[k];
    side = fmax(side, frame->period[k]);
  }
  for (uint32_t k = 0; side == 0 && k < p->ndim; k++) {
    double low = INFINITY, high = -INFINITY, longest = 0;
    for (uint32_t axis = 0; axis < p->ndim; axis++, low = INFINITY, high = -INFINITY) {
      for (uint32_t i = 0; i < p->n; i++) {
        low = fmin(low, p->at[(size_t)i * p->ndim + axis]);
        high = fmax(high, p->at[(size_t)i * p->ndim + axis]);
      }
      longest = fmax(longest, high - low);
    }
    side = longest;
  }
  return side;
}

/* Spearman's correlation of r and d over the pairs with d <= limit, from the orders of all. */
static double spearman_within(const double *r, const double *d, const uint32_t *by_r,
                              const uint32_t *by_d, size_t n, double limit, uint32_t *order,
                              double *rank, double *a, double *b) {
  size_t m = 0, k = 0;
  for (size_t i = 0; i < n; i++)
    if (d[by_r[i]] <= limit) order[m++] = by_r[i];
  if (m < 2) return NAN;
  lp_mean_ranks(r, order, m, rank);
  for (size_t i = 0; i < n; i++)
    if (d[i] <= limit) a[k++] = rank[i];
  lp_mean_ranks(d, by_d, m, rank); /* the m nearest are those within the limit */
  k = 0;
  for (size_t i = 0; i < n; i++)
    if (d[i] <= limit) b[k++] = rank[i];
  return lp_pearson(a, b, m);
}

lp_status lp_tgi(const lp_pairs *pairs, const lp_places *p, double *out) {
  *out = NAN;
  if (pairs->units != p->n) return lp_fail(LP_ERR_ARG, "%u units at %u places", pairs->units, p->n);
  size_t n = pairs->count;
  lp_places frame;
  double side = tgi_frame(p, &frame), *room = malloc(sizeof *room * (4 * n + 1));
  uint32_t *by_r = lp_ascending(pairs->r, n), *by_d = NULL,
           *order = malloc(sizeof *order * (n + 1));
  lp_status s = room && by_r && order ? LP_OK : lp_no_memory("ranks of pairs");
  if (s == LP_OK) {
#pragma omp parallel for schedule(static)
    for (size_t k = 0; k < n; k++)
      room[k] = lp_places_distance(&frame, pairs->i[k], pairs->j[k]) / side;
    by_d = lp_ascending(room, n);
    if (!by_d) s = lp_no_memory("ranks of pairs");
  }
  double sum = 0, used = 0;
  for (int step = 0; s == LP_OK && step < 8; step++) {
    double limit = step == 7 ? 0.8 : 0.1 + step * (0.7 / 7); /* NumPy's linspace(.1, .8, 8) */
    double rho = spearman_within(pairs->r, room, by_r, by_d, n, limit, order, room + n,
                                 room + 2 * n, room + 3 * n);
    if (isnan(rho)) continue;
    sum -= rho;
    used++;
  }
  if (used > 0) *out = sum / used;
  free(room);
  free(by_r);
  free(by_d);
  free(order);
  return s;
}
