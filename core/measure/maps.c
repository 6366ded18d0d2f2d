/* One map: smoothing, patches, grown clusters, islands, cluster radius. */
#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- smoothing ----------------------------------------------------------------------------- */

/* Of a sheet, the units in the square about i that holds all within reach; else all. Each once:
 * where the square is wider than a wrapped side, all of that side. */
static double smoothed(const double *map, const lp_places *p, double s, uint32_t i) {
  double sum = 0, weight = 0, reach = 3 * s;
  bool sheet = p->extent[0] && p->ndim == 2;
  int64_t rows = sheet ? p->extent[0] : p->n, cols = sheet ? p->extent[1] : 1;
  int64_t r = i / cols, c = i % cols, half = sheet ? (int64_t)reach : rows;
  int64_t r0 = r - half, r1 = r + half, c0 = c - half, c1 = c + half;
  bool wrap_r = sheet && p->period[0] > 0 && 2 * half + 1 < rows,
       wrap_c = sheet && p->period[1] > 0 && 2 * half + 1 < cols;
  if (!wrap_r && (r0 < 0 || p->period[0] > 0)) r0 = 0;
  if (!wrap_r && (r1 >= rows || p->period[0] > 0)) r1 = rows - 1;
  if (!wrap_c && (c0 < 0 || p->period[1] > 0)) c0 = 0;
  if (!wrap_c && (c1 >= cols || p->period[1] > 0)) c1 = cols - 1;
  for (int64_t y = r0; y <= r1; y++)
    for (int64_t x = c0; x <= c1; x++) {
      uint32_t j = (uint32_t)((y + rows) % rows * cols + (x + cols) % cols);
      double d = lp_places_distance(p, i, j);
      if (d > reach) continue;
      double w = exp(-d * d / (2 * s * s));
      sum += w * map[j];
      weight += w;
    }
  return sum / weight;
}

lp_status lp_smooth(const double *map, const lp_places *p, double fwhm, double *out) {
  if (!(fwhm > 0)) return lp_fail(LP_ERR_ARG, "smoothing with a width of %g", fwhm);
  double s = fwhm / sqrt(8 * log(2));
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < p->n; i++) out[i] = smoothed(map, p, s, i);
  return LP_OK;
}

/* ---- components ---------------------------------------------------------------------------- */

/* Numbers the connected units that are `in`: those of components of at least `least` units by
 * their first unit from 0, all others -1. stack: n. */
static uint32_t components(const bool *in, const lp_neighbours *w, uint32_t least, int32_t *number,
                           uint32_t *stack) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < w->n; i++) number[i] = in[i] ? -2 : -1;
  for (uint32_t i = 0; i < w->n; i++) {
    if (number[i] != -2) continue;
    uint32_t n = 0;
    stack[n++] = i;
    number[i] = (int32_t)count;
    for (uint32_t k = 0; k < n; k++) /* the stack keeps the whole component */
      for (uint32_t e = w->first[stack[k]]; e < w->first[stack[k] + 1]; e++) {
        uint32_t j = w->other[e];
        if (number[j] != -2) continue;
        number[j] = (int32_t)count;
        stack[n++] = j;
      }
    if (n >= least)
      count++;
    else
      for (uint32_t k = 0; k < n; k++) number[stack[k]] = -1;
  }
  return count;
}

typedef struct component_room {
  bool *in;
  int32_t *number;
  uint32_t *stack;
} component_room;

static lp_status room_for(uint32_t n, component_room *r) {
  *r = (component_room){calloc((size_t)n + 1, 1), malloc(sizeof(int32_t) * ((size_t)n + 1)),
                        malloc(sizeof(uint32_t) * ((size_t)n + 1))};
  return r->in && r->number && r->stack ? LP_OK : lp_no_memory("patches of a map");
}

static void room_free(component_room *r) {
  free(r->in);
  free(r->number);
  free(r->stack);
}

lp_status lp_patches_of(const double *map, const lp_neighbours *w, double threshold, uint32_t least,
                        int32_t *patch, lp_patches *out) {
  *out = (lp_patches){0};
  component_room r;
  lp_status s = room_for(w->n, &r);
  if (s == LP_OK) {
    for (uint32_t i = 0; i < w->n; i++) r.in[i] = map[i] > threshold;
    out->count = components(r.in, w, least, r.number, r.stack);
    uint32_t *size = r.stack;
    memset(size, 0, sizeof *size * w->n);
    for (uint32_t i = 0; i < w->n; i++) {
      if (r.number[i] < 0) continue;
      out->units++;
      uint32_t own = ++size[r.number[i]];
      if (own > out->largest) out->largest = own;
    }
    if (patch) memcpy(patch, r.number, sizeof *patch * w->n);
  }
  room_free(&r);
  return s;
}

void lp_patch_centroid(const int32_t *patch, int32_t which, const lp_places *p,
                       double centroid[3]) {
  const double turn = 2 * acos(-1);
  for (uint32_t k = 0; k < 3; k++) {
    double sum = 0, sine = 0, cosine = 0, n = 0, period = k < p->ndim ? p->period[k] : 0;
    for (uint32_t i = 0; k < p->ndim && i < p->n; i++) {
      if (patch[i] != which) continue;
      double x = p->at[(size_t)i * p->ndim + k];
      n++;
      sum += x;
      if (period > 0) sine += sin(turn * x / period), cosine += cos(turn * x / period);
    }
    centroid[k] = n > 0 ? sum / n : NAN;
    if (period <= 0 || n == 0) continue;
    double angle = atan2(sine, cosine);
    centroid[k] =
        hypot(sine, cosine) < 1e-9 * n ? NAN : (angle < 0 ? angle + turn : angle) / turn * period;
  }
}

lp_status lp_grown_cluster(const double *map, const lp_neighbours *w, double threshold, bool *in,
                           uint32_t *units) {
  *units = 0;
  enum { OUT = 0, EDGE = 1, IN = 2 };
  uint8_t *state = calloc((size_t)w->n + 1, 1);
  uint32_t *edge = malloc(sizeof *edge * ((size_t)w->n + 1)), n_edge = 0;
  lp_status s = state && edge ? LP_OK : lp_no_memory("a cluster of units");
  uint32_t best = w->n;
  for (uint32_t i = 0; s == LP_OK && i < w->n; i++)
    if (!isnan(map[i]) && (best == w->n || map[i] > map[best])) best = i;
  if (s == LP_OK && best < w->n && map[best] > threshold) {
    edge[n_edge++] = best;
    state[best] = EDGE;
  }
  while (n_edge) { /* of equal values the lower unit */
    uint32_t k = 0;
    for (uint32_t e = 1; e < n_edge; e++) {
      double gain = map[edge[e]] - map[edge[k]];
      if (gain > 0 || (gain == 0 && edge[e] < edge[k])) k = e;
    }
    uint32_t i = edge[k];
    edge[k] = edge[--n_edge];
    state[i] = IN;
    ++*units;
    for (uint32_t e = w->first[i]; e < w->first[i + 1]; e++) {
      uint32_t j = w->other[e];
      if (state[j] != OUT || !(map[j] > threshold)) continue;
      state[j] = EDGE;
      edge[n_edge++] = j;
    }
  }
  for (uint32_t i = 0; s == LP_OK && in && i < w->n; i++) in[i] = state[i] == IN;
  free(state);
  free(edge);
  return s;
}

/* ---- islands ------------------------------------------------------------------------------- */

/* Moran's I over the units of one island, neighbours outside it left out. */
static double island_moran(const double *t, const lp_neighbours *w, const int32_t *number,
                           int32_t which) {
  double n = 0, mean = 0, square = 0, product = 0, weights = 0;
  for (uint32_t i = 0; i < w->n; i++)
    if (number[i] == which) n++, mean += t[i];
  mean /= n;
  for (uint32_t i = 0; i < w->n; i++) {
    if (number[i] != which) continue;
    double near = 0, sum = 0;
    for (uint32_t e = w->first[i]; e < w->first[i + 1]; e++) {
      if (number[w->other[e]] != which) continue;
      near++;
      sum += t[w->other[e]] - mean;
    }
    square += (t[i] - mean) * (t[i] - mean);
    if (near > 0) product += (t[i] - mean) * sum / near, weights++;
  }
  return square > 0 && weights > 0 ? n / weights * product / square : NAN;
}

lp_status lp_islands_of(const double *t, const double *q, const lp_neighbours *w, lp_islands *out) {
  *out = (lp_islands){.mean = NAN, .weighted = NAN};
  component_room r;
  lp_status s = room_for(w->n, &r);
  if (s == LP_OK) {
    for (uint32_t i = 0; i < w->n; i++) r.in[i] = q[i] < 0.05 && t[i] > 0;
    out->count = components(r.in, w, 8, r.number, r.stack);
    double n = 0, sum = 0, weight = 0, weighted = 0;
    for (uint32_t k = 0; k < out->count; k++) {
      uint32_t size = 0;
      for (uint32_t i = 0; i < w->n; i++) size += r.number[i] == (int32_t)k;
      out->units += size;
      double moran = island_moran(t, w, r.number, (int32_t)k);
      if (isnan(moran)) continue;
      n++;
      sum += moran;
      weight += size;
      weighted += size * moran;
    }
    if (n > 0) out->mean = sum / n, out->weighted = weighted / weight;
  }
  room_free(&r);
  return s;
}

/* ---- cluster radius ------------------------------------------------------------------------ */

static double shortest_side(const lp_places *p) {
  double shortest = INFINITY;
  for (uint32_t k = 0; k < p->ndim; k++) {
    if (p->extent[k] == 1) continue; /* a line has one side */
    double low = INFINITY, high = -INFINITY;
    for (uint32_t i = 0; i < p->n; i++) {
      low = fmin(low, p->at[(size_t)i * p->ndim + k]);
      high = fmax(high, p->at[(size_t)i * p->ndim + k]);
    }
    shortest = fmin(shortest, p->period[k] > 0 ? p->period[k] : high - low + 1);
  }
  return shortest;
}

lp_status lp_cluster_radius(const int32_t *preferred, uint32_t classes, const lp_places *p,
                            double *out) {
  for (uint32_t i = 0; i < p->n; i++)
    if (preferred[i] < 0 || (uint32_t)preferred[i] >= classes)
      return lp_fail(LP_ERR_ARG, "unit %u prefers class %d of %u", i, preferred[i], classes);
  double side = shortest_side(p);
  bool memory = true;
#pragma omp parallel
  {
    double *nearest = malloc(sizeof *nearest * ((size_t)classes + 1));
    if (!nearest) {
#pragma omp atomic write
      memory = false;
    }
#pragma omp for schedule(static)
    for (uint32_t i = 0; i < p->n; i++) {
      if (!nearest) continue;
      for (uint32_t c = 0; c < classes; c++) nearest[c] = -1;
      for (uint32_t j = 0; j < p->n; j++) {
        const double *a = p->at + (size_t)i * p->ndim, *b = p->at + (size_t)j * p->ndim;
        double d = 0, *own = nearest + preferred[j];
        for (uint32_t k = 0; k < p->ndim; k++) d = fmax(d, axis_gap(a[k], b[k], p->period[k]));
        if (*own < 0 || d < *own) *own = d;
      }
      double radius = 0;
      for (uint32_t c = 0; c < classes; c++) radius = fmax(radius, nearest[c]);
      out[i] = 2 * radius + 1 > side ? NAN : radius;
    }
    free(nearest);
  }
  return memory ? LP_OK : lp_no_memory("radii of clusters");
}
