/* Length between layers: clusters of the most active units, matched from sheet to sheet. */
#include "measure_internal.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- k-means ------------------------------------------------------------------------------- */

typedef struct cloud { /* points of up to three coordinates, the others 0 */
  uint32_t n;
  double (*at)[3];
} cloud;

static double gap2(const double a[3], const double b[3]) {
  double sum = 0;
  for (int k = 0; k < 3; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

static uint32_t nearest(const double (*centre)[3], uint32_t k, const double at[3], double *d2) {
  uint32_t best = 0;
  *d2 = INFINITY;
  for (uint32_t c = 0; c < k; c++) {
    double d = gap2(centre[c], at);
    if (d < *d2) *d2 = d, best = c;
  }
  return best;
}

/* k-means++: each next centre is a point drawn by its squared distance from those there are. */
static void first_centres(const cloud *p, uint32_t k, lp_rng *rng, double (*centre)[3]) {
  memcpy(centre[0], p->at[lp_rng_below(rng, p->n)], sizeof *centre);
  for (uint32_t c = 1; c < k; c++) {
    double sum = 0, d2;
    for (uint32_t i = 0; i < p->n; i++)
      nearest((const double(*)[3])centre, c, p->at[i], &d2), sum += d2;
    double left = lp_rng_double(rng) * sum;
    uint32_t chosen = p->n - 1;
    for (uint32_t i = 0; i < p->n; i++) {
      nearest((const double(*)[3])centre, c, p->at[i], &d2);
      if (d2 > 0) chosen = i;
      if ((left -= d2) < 0) break;
    }
    memcpy(centre[c], p->at[chosen], sizeof *centre);
  }
}

/* Lloyd's iterations; returns the inertia. sum: k of (x, y, z, n). */
static double settle(const cloud *p, uint32_t k, double (*centre)[3], double (*sum)[4]) {
  double inertia = INFINITY;
  for (int round = 0; round < 100; round++) {
    double now = 0, d2;
    memset(sum, 0, sizeof *sum * k);
    for (uint32_t i = 0; i < p->n; i++) {
      uint32_t c = nearest((const double(*)[3])centre, k, p->at[i], &d2);
      now += d2;
      for (int a = 0; a < 3; a++) sum[c][a] += p->at[i][a];
      sum[c][3]++;
    }
    if (!(now < inertia)) break;
    inertia = now;
    for (uint32_t c = 0; c < k; c++)
      for (int a = 0; sum[c][3] > 0 && a < 3; a++) centre[c][a] = sum[c][a] / sum[c][3];
  }
  return inertia;
}

/* Best of 10. centre: k; room: 2 k. */
static double k_means(const cloud *p, uint32_t k, lp_rng *rng, double (*centre)[3],
                      double (*room)[4]) {
  double best = INFINITY, (*own)[3] = (double(*)[3])(room + k);
  for (int try = 0; try < 10; try++) {
    first_centres(p, k, rng, own);
    double inertia = settle(p, k, own, room);
    if (inertia >= best) continue;
    best = inertia;
    memcpy(centre, own, sizeof *own * k);
  }
  return best;
}

/* ---- matching ------------------------------------------------------------------------------ */

/* The least sum of cost[i][m(i)] over matchings m of k to k: the Hungarian method with potentials
 * (Kuhn, Nav Res Logist 1955). room: 3 (k + 1) doubles and 2 (k + 1) whole numbers. */
static double match(const double *cost, uint32_t k, double *room, uint32_t *whole) {
  double *u = room, *v = room + k + 1, *least = room + 2 * (k + 1);
  uint32_t *row = whole, *way = whole + k + 1; /* row[j]: matched to column j; 0: none */
  for (uint32_t j = 0; j <= k; j++) u[j] = v[j] = 0, row[j] = 0;
  for (uint32_t i = 1; i <= k; i++) {
    uint32_t at = 0;
    row[0] = i;
    for (uint32_t j = 0; j <= k; j++) least[j] = INFINITY, way[j] = UINT32_MAX;
    bool *reached = calloc((size_t)k + 1, 1);
    if (!reached) return NAN;
    do {
      uint32_t r = row[at], next = 0;
      double step = INFINITY;
      reached[at] = true;
      for (uint32_t j = 1; j <= k; j++) {
        if (reached[j]) continue;
        double c = cost[(size_t)(r - 1) * k + j - 1] - u[r] - v[j];
        if (c < least[j]) least[j] = c, way[j] = at;
        if (least[j] < step) step = least[j], next = j;
      }
      for (uint32_t j = 0; j <= k; j++) {
        if (reached[j])
          u[row[j]] += step, v[j] -= step;
        else
          least[j] -= step;
      }
      at = next;
    } while (row[at]);
    while (at) {
      row[at] = row[way[at]];
      at = way[at];
    }
    free(reached);
  }
  double sum = 0;
  for (uint32_t j = 1; j <= k; j++) sum += cost[(size_t)(row[j] - 1) * k + j - 1];
  return sum;
}

/* ---- one image ----------------------------------------------------------------------------- */

/* The units above the 99th percentile (NumPy's, linear between values), at the places of at[i]. */
static lp_status brightest(const double *map, const lp_places *p, cloud *out) {
  *out = (cloud){0, malloc(sizeof *out->at * ((size_t)p->n + 1))};
  uint32_t *order = lp_ascending(map, p->n);
  if (!out->at || !order) {
    free(order);
    return lp_no_memory("clusters of units");
  }
  double at = 0.99 * (p->n - 1.0);
  uint32_t k = (uint32_t)at;
  double low = map[order[k]], high = map[order[k + 1 < p->n ? k + 1 : k]];
  double threshold = low + (high - low) * (at - k);
  for (uint32_t i = 0; i < p->n; i++) {
    if (!(map[i] > threshold)) continue;
    for (uint32_t a = 0; a < 3; a++)
      out->at[out->n][a] = a < p->ndim ? p->at[(size_t)i * p->ndim + a] : 0;
    out->n++;
  }
  free(order);
  return LP_OK;
}

static lp_status length_once(const cloud *a, const cloud *b, lp_rng *rng, double *out) {
  uint32_t most = a->n < b->n ? a->n : b->n, k = 0;
  *out = NAN;
  if (!most) return LP_OK;
  double(*centre)[3] = malloc(sizeof *centre * 2 * most),
  (*room)[4] = malloc(sizeof *room * 2 * most),
  *cost = malloc(sizeof *cost * ((size_t)most * most + 3 * ((size_t)most + 1)));
  uint32_t *whole = malloc(sizeof *whole * 2 * ((size_t)most + 1));
  lp_status s = centre && room && cost && whole ? LP_OK : lp_no_memory("clusters of units");
  if (s == LP_OK) {
    do k++;
    while (k < most && k_means(a, k, rng, centre, room) > a->n);
    if (k == most) k_means(a, k, rng, centre, room);
    k_means(b, k, rng, centre + most, room);
    for (uint32_t i = 0; i < k; i++)
      for (uint32_t j = 0; j < k; j++)
        cost[(size_t)i * k + j] = sqrt(gap2(centre[i], centre[most + j]));
    *out = match(cost, k, cost + (size_t)k * k, whole);
    if (isnan(*out)) s = lp_no_memory("clusters of units");
  }
  free(centre);
  free(room);
  free(cost);
  free(whole);
  return s;
}

/* As many units, at random places. */
static void re_place(cloud *c, const lp_places *p, uint32_t *order, uint64_t seed, const char *path,
                     uint32_t round) {
  lp_rng_permutation(seed, lp_rng_stream(path), round, order, p->n);
  for (uint32_t i = 0; i < c->n; i++)
    for (uint32_t a = 0; a < 3; a++)
      c->at[i][a] = a < p->ndim ? p->at[(size_t)order[i] * p->ndim + a] : 0;
}

lp_status lp_length_between(const double *a, const lp_places *pa, const double *b,
                            const lp_places *pb, uint32_t replacements, uint64_t seed,
                            double *length, double *null_mean) {
  *length = *null_mean = NAN;
  if (!lp_all_finite(a, pa->n) || !lp_all_finite(b, pb->n)) return LP_OK;
  cloud x = {0}, y = {0};
  uint32_t *order = malloc(sizeof *order * ((size_t)(pa->n > pb->n ? pa->n : pb->n) + 1));
  lp_status s = order ? brightest(a, pa, &x) : lp_no_memory("clusters of units");
  if (s == LP_OK) s = brightest(b, pb, &y);
  lp_rng rng = lp_rng_make(seed, "measure/clusters");
  if (s == LP_OK) s = length_once(&x, &y, &rng, length);
  double sum = 0;
  for (uint32_t k = 0; s == LP_OK && k < replacements; k++) {
    double own;
    re_place(&x, pa, order, seed, "measure/places a", k);
    re_place(&y, pb, order, seed, "measure/places b", k);
    s = length_once(&x, &y, &rng, &own);
    sum += own;
  }
  if (s == LP_OK && replacements) *null_mean = sum / replacements;
  free(x.at);
  free(y.at);
  free(order);
  return s;
}
