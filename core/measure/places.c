/* Places of units, distances, neighbours. */
#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool lp_all_finite(const double *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

lp_status lp_no_memory(const char *what) {
  return lp_fail(LP_ERR_MEMORY, "out of memory for %s", what);
}

/* ---- making them --------------------------------------------------------------------------- */

lp_status lp_places_sheet(uint32_t rows, uint32_t cols, bool wrap, lp_places **out) {
  *out = NULL;
  if (rows == 0 || cols == 0 || (uint64_t)rows * cols > UINT32_MAX)
    return lp_fail(LP_ERR_ARG, "a sheet of %u x %u units", rows, cols);
  lp_places *p = malloc(sizeof *p);
  double *at = malloc(sizeof *at * 2 * rows * cols);
  if (!p || !at) {
    free(p);
    free(at);
    return lp_no_memory("places of units");
  }
  for (size_t i = 0; i < (size_t)rows * cols; i++) {
    at[2 * i] = (double)(i / cols);
    at[2 * i + 1] = (double)(i % cols);
  }
  *p = (lp_places){.n = rows * cols, .ndim = 2, .at = at, .extent = {rows, cols}};
  if (wrap) p->period[0] = rows, p->period[1] = cols;
  *out = p;
  return LP_OK;
}

/* Order by coordinates, to find two units at one place. */
typedef struct spot {
  const double *at;
  uint32_t ndim, index;
} spot;

static int by_place(const void *a, const void *b) {
  const spot *x = a, *y = b;
  for (uint32_t k = 0; k < x->ndim; k++)
    if (x->at[k] != y->at[k]) return x->at[k] < y->at[k] ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

static lp_status check_apart(const double *at, uint32_t n, uint32_t ndim) {
  spot *s = malloc(sizeof *s * ((size_t)n + 1));
  if (!s) return lp_no_memory("places of units");
  for (uint32_t i = 0; i < n; i++) s[i] = (spot){at + (size_t)i * ndim, ndim, i};
  qsort(s, n, sizeof *s, by_place);
  lp_status status = LP_OK;
  for (uint32_t i = 1; i < n && status == LP_OK; i++)
    if (memcmp(s[i].at, s[i - 1].at, sizeof *at * ndim) == 0)
      status =
          lp_fail(LP_ERR_ARG, "units %u and %u stand at one place", s[i - 1].index, s[i].index);
  free(s);
  return status;
}

lp_status lp_places_points(const double *at, uint32_t n, uint32_t ndim, const double *period,
                           lp_places **out) {
  *out = NULL;
  if (n == 0 || ndim < 1 || ndim > 3)
    return lp_fail(LP_ERR_ARG, "places of %u units with %u coordinates (1 to 3)", n, ndim);
  for (size_t i = 0; i < (size_t)n * ndim; i++)
    if (!isfinite(at[i]))
      return lp_fail(LP_ERR_ARG, "a coordinate of unit %zu is not finite", i / ndim);
  lp_status s = check_apart(at, n, ndim);
  if (s != LP_OK) return s;
  lp_places *p = malloc(sizeof *p);
  double *copy = malloc(sizeof *copy * n * ndim);
  if (!p || !copy) {
    free(p);
    free(copy);
    return lp_no_memory("places of units");
  }
  memcpy(copy, at, sizeof *copy * n * ndim);
  *p = (lp_places){.n = n, .ndim = ndim, .at = copy};
  for (uint32_t k = 0; period && k < ndim; k++) p->period[k] = period[k] > 0 ? period[k] : 0;
  *out = p;
  return LP_OK;
}

lp_status lp_places_apart(const double *at, uint32_t n, uint32_t ndim, const double *apart,
                          lp_places **out) {
  const size_t pairs = (size_t)n * n;
  *out = NULL;
  for (size_t i = 0; i < pairs; i++)
    if (!isfinite(apart[i]))
      return lp_fail(LP_ERR_ARG, "the distance of units %zu and %zu is not finite", i / n, i % n);
  lp_status s = lp_places_points(at, n, ndim, NULL, out);
  if (s != LP_OK) return s;
  double *copy = malloc(sizeof *copy * pairs);
  if (copy) {
    (*out)->apart = memcpy(copy, apart, sizeof *copy * pairs);
    return LP_OK;
  }
  lp_places_free(*out);
  *out = NULL;
  return lp_no_memory("distances of units");
}

lp_status lp_places_sphere(const double *at, uint32_t n, double radius, lp_places **out) {
  *out = NULL;
  for (uint32_t i = 0; i < n; i++) {
    const double *a = at + 3 * (size_t)i;
    if (!(fabs(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] - 1) <= 1e-9))
      return lp_fail(LP_ERR_ARG, "the direction of unit %u is not of length 1", i);
  }
  if (!(radius > 0) || !isfinite(radius))
    return lp_fail(LP_ERR_ARG, "a sphere of radius %g", radius);
  lp_status s = lp_places_points(at, n, 3, NULL, out);
  if (s == LP_OK) (*out)->radius = radius;
  return s;
}

void lp_places_free(lp_places *p) {
  if (!p) return;
  free((void *)(uintptr_t)p->at);
  free((void *)(uintptr_t)p->apart);
  free(p);
}

/* ---- distances ----------------------------------------------------------------------------- */

double lp_arc(const double *a, const double *b) {
  const double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2],
               z = a[0] * b[1] - a[1] * b[0];
  return atan2(sqrt(x * x + y * y + z * z), a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

double lp_places_distance(const lp_places *p, uint32_t i, uint32_t j) {
  if (p->apart) return p->apart[(size_t)i * p->n + j];
  const double *a = p->at + (size_t)i * p->ndim, *b = p->at + (size_t)j * p->ndim;
  if (p->radius > 0) return p->radius * lp_arc(a, b);
  double sum = 0;
  for (uint32_t k = 0; k < p->ndim; k++) {
    double d = axis_gap(a[k], b[k], p->period[k]);
    sum += d * d;
  }
  return sqrt(sum);
}

double lp_places_largest(const lp_places *p) {
  double largest = 0;
  if (p->extent[0]) {
    for (uint32_t k = 0; k < p->ndim; k++) {
      double d = p->period[k] > 0 ? p->extent[k] / 2 : p->extent[k] - 1.0;
      largest += d * d;
    }
    return sqrt(largest);
  }
#pragma omp parallel for reduction(max : largest) schedule(dynamic, 64)
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < i; j++) largest = fmax(largest, lp_places_distance(p, i, j));
  return largest;
}

/* ---- neighbours ---------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median over units of the distance to the nearest other one; NaN when memory is exhausted. */
static double median_spacing(const lp_places *p) {
  double *nearest = malloc(sizeof *nearest * p->n);
  if (!nearest) return NAN;
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < p->n; i++) {
    nearest[i] = INFINITY;
    for (uint32_t j = 0; j < p->n; j++)
      if (j != i) nearest[i] = fmin(nearest[i], lp_places_distance(p, i, j));
  }
  qsort(nearest, p->n, sizeof *nearest, by_size);
  double median = nearest[(p->n - 1) / 2];
  free(nearest);
  return median;
}

/* Units that could touch unit i: on a sheet those around it (at most 9, lp_ascending, each once),
 * else all. */
typedef struct candidates {
  uint32_t n, at[9];
} candidates;

static candidates around(const lp_places *p, uint32_t i) {
  candidates c = {0};
  uint32_t rows = p->extent[0], cols = p->extent[1], r = i / cols, q = i % cols;
  for (int dr = -1; dr <= 1; dr++)
    for (int dq = -1; dq <= 1; dq++) {
      int64_t y = (int64_t)r + dr, x = (int64_t)q + dq;
      if (p->period[0] > 0) y = (y + rows) % rows;
      if (p->period[1] > 0) x = (x + cols) % cols;
      if (y < 0 || x < 0 || y >= rows || x >= cols) continue;
      uint32_t u = (uint32_t)(y * cols + x), k = c.n;
      bool known = false;
      for (uint32_t l = 0; l < c.n; l++) known |= c.at[l] == u;
      if (known) continue;
      for (; k > 0 && c.at[k - 1] > u; k--) c.at[k] = c.at[k - 1];
      c.at[k] = u;
      c.n++;
    }
  return c;
}

/* Writes the neighbours of unit i to `other` (NULL: only counts them). */
static uint32_t touching(const lp_places *p, uint32_t i, double reach, uint32_t *other) {
  bool sheet = p->extent[0] && p->ndim == 2;
  candidates c = {0};
  if (sheet) c = around(p, i);
  uint32_t n = sheet ? c.n : p->n, found = 0;
  for (uint32_t k = 0; k < n; k++) {
    uint32_t j = sheet ? c.at[k] : k;
    if (j == i || lp_places_distance(p, i, j) > reach) continue;
    if (other) other[found] = j;
    found++;
  }
  return found;
}

lp_status lp_neighbours_of(const lp_places *p, lp_contiguity contiguity, lp_neighbours **out) {
  *out = NULL;
  double spacing = p->extent[0] ? 1 : median_spacing(p);
  double reach = spacing * (contiguity == LP_QUEEN ? 1.5 : 1.25);
  uint32_t *first = calloc((size_t)p->n + 1, sizeof *first), *other = NULL;
  lp_neighbours *w = malloc(sizeof *w);
  bool memory = first && w && !isnan(spacing);
  if (memory) {
#pragma omp parallel for schedule(static)
    for (uint32_t i = 0; i < p->n; i++) first[i + 1] = touching(p, i, reach, NULL);
    for (uint32_t i = 0; i < p->n; i++) first[i + 1] += first[i];
    other = malloc(sizeof *other * ((size_t)first[p->n] + 1));
    memory = other != NULL;
  }
  if (!memory) {
    free(first);
    free(w);
    return lp_no_memory("neighbours of units");
  }
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < p->n; i++) touching(p, i, reach, other + first[i]);
  *w = (lp_neighbours){p->n, first, other};
  *out = w;
  return LP_OK;
}

void lp_neighbours_free(lp_neighbours *w) {
  if (!w) return;
  free((void *)(uintptr_t)w->first);
  free((void *)(uintptr_t)w->other);
  free(w);
}
