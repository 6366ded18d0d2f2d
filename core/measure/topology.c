/* Places of units that a topology lays out, found by asking it for distances alone. */
#include "measure_internal.h"

#include <lapacke.h>
#include <locality/prior.h>
#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lattices ------------------------------------------------------------------------------ */

/* An axis of p's sheet: does it wrap around? Its ends are 1 apart then, else its length less 1. An
 * axis of up to two units does not tell. False when it is neither. */
static bool axis_wraps(const lp_prior *p, uint32_t axis, bool *wrap, bool *told) {
  const uint32_t *extent = p->sheets.extent_out;
  uint32_t step = 1;
  for (uint32_t k = axis + 1; k < p->sheets.ndim; k++) step *= extent[k];
  *told = extent[axis] > 2;
  if (!*told) return true;
  double d = lp_prior_distance(p, 0, step * (extent[axis] - 1));
  *wrap = d == 1;
  return *wrap || d == extent[axis] - 1.0;
}

/* Is p's sheet a lattice of one or two axes, all wrapped or none? */
static bool is_sheet(const lp_prior *p, bool *wrap) {
  const uint32_t ndim = p->sheets.ndim;
  bool known = false;
  *wrap = false;
  if (ndim < 1 || ndim > 2 || !p->sheets.extent_out[0]) return false;
  for (uint32_t axis = 0; axis < ndim; axis++) {
    bool around = false, told = false;
    if (!axis_wraps(p, axis, &around, &told)) return false;
    if (!told) continue;
    if (known && around != *wrap) return false;
    *wrap = around;
    known = true;
  }
  return true;
}

/* ---- anything else ------------------------------------------------------------------------- */

/* The lengths of the axes, squared, with which coordinates give these distances from unit 0, as
 * near as they can. */
static lp_status axis_lengths(const lp_prior *p, double square[LP_MAX_AXES]) {
  const uint32_t n = p->sheets.n_out, ndim = p->sheets.ndim, rows = n > ndim ? n : ndim;
  const double *at = p->sheets.pos_out;
  double *gap = calloc((size_t)rows * ndim, sizeof *gap), *d2 = calloc(rows, sizeof *d2);
  lp_status s = gap && d2 ? LP_OK : lp_no_memory("distances of units");
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    const double d = lp_prior_distance(p, 0, i);
    d2[i] = d * d;
    for (uint32_t k = 0; k < ndim; k++)
      gap[(size_t)i * ndim + k] = pow(at[(size_t)i * ndim + k] - at[k], 2);
  }
  lapack_int pivot[LP_MAX_AXES] = {0}, rank;
  if (s == LP_OK && LAPACKE_dgelsy(LAPACK_ROW_MAJOR, (lapack_int)rows, (lapack_int)ndim, 1, gap,
                                   (lapack_int)ndim, d2, 1, pivot, 1e-12, &rank) != 0)
    s = lp_no_memory("distances of units");
  for (uint32_t k = 0; k < ndim; k++) square[k] = s == LP_OK ? fmax(d2[k], 0) : 0;
  free(gap);
  free(d2);
  return s;
}

/* Are the distances of these places those of the topology? Of all pairs, or of many places the
 * pairs of a few units with all, and random ones. */
static bool holds(const lp_prior *p, const lp_places *places) {
  enum { ALL = 2048, ROWS = 16, DRAWS = 1 << 20 };
  const uint32_t n = places->n, rows = n <= ALL ? n : ROWS;
  double most = 0, wrong = 0;
  lp_rng r = lp_rng_make(0, "places/check");
  for (uint64_t k = 0, end = (uint64_t)rows * n + (n <= ALL ? 0 : DRAWS); k < end; k++) {
    const bool drawn = k >= (uint64_t)rows * n;
    const uint32_t i = drawn ? lp_rng_below(&r, n) : (uint32_t)(k / n * n / rows),
                   j = drawn ? lp_rng_below(&r, n) : (uint32_t)(k % n);
    const double d = lp_prior_distance(p, i, j);
    most = fmax(most, d);
    wrong = fmax(wrong, fabs(lp_places_distance(places, i, j) - d));
  }
  return wrong <= 1e-6 * most;
}

/* Places on a sphere, if that gives their distances; NULL: it does not. */
static lp_status sphere_of(const lp_prior *p, lp_places **out) {
  const uint32_t n = p->sheets.n_out;
  const double *at = p->sheets.pos_out;
  uint32_t far = 0; /* the unit farthest from the first */
  *out = NULL;
  if (p->sheets.ndim != 3) return LP_OK;
  for (uint32_t i = 1; i < n; i++)
    if (lp_prior_distance(p, 0, i) > lp_prior_distance(p, 0, far)) far = i;
  const double angle = lp_arc(at, at + 3 * (size_t)far);
  if (!(angle > 0)) return LP_OK;
  lp_status s = lp_places_sphere(at, n, lp_prior_distance(p, 0, far) / angle, out);
  if (s == LP_OK && !holds(p, *out)) {
    lp_places_free(*out);
    *out = NULL;
  }
  return s;
}

static lp_status apart_of(const lp_prior *p, lp_places **out) {
  const uint32_t n = p->sheets.n_out;
  double *d = malloc(sizeof *d * n * n);
  for (size_t k = 0; d && k < (size_t)n * n; k++)
    d[k] = lp_prior_distance(p, (uint32_t)(k / n), (uint32_t)(k % n));
  lp_status s = d ? lp_places_apart(p->sheets.pos_out, n, p->sheets.ndim, d, out)
                  : lp_no_memory("distances of units");
  free(d);
  return s;
}

/* Points of a plane or of space where coordinates give the distances, or of a sphere; else with all
 * distances. */
static lp_status points_of(const lp_prior *p, lp_places **out) {
  const uint32_t n = p->sheets.n_out, ndim = p->sheets.ndim;
  double square[LP_MAX_AXES], *at = malloc(sizeof *at * n * ndim);
  lp_status s = at ? axis_lengths(p, square) : lp_no_memory("places of units");
  for (size_t i = 0; s == LP_OK && i < (size_t)n * ndim; i++)
    at[i] = p->sheets.pos_out[i] * sqrt(square[i % ndim]);
  *out = NULL;
  if (s == LP_OK) s = lp_places_points(at, n, ndim, NULL, out);
  if (s == LP_OK && holds(p, *out)) {
    free(at);
    return LP_OK;
  }
  free(at);
  lp_places_free(*out);
  *out = NULL;
  lp_status round = sphere_of(p, out);
  return round == LP_OK && *out ? LP_OK : apart_of(p, out);
}

lp_status lp_places_topology(const char *topology, uint32_t n, const uint32_t extent[LP_MAX_AXES],
                             uint64_t seed, lp_places **out) {
  lp_prior_spec spec = {.n_out = n, .n_in = n, .topology = topology, .seed = seed};
  *out = NULL;
  if (extent) {
    memcpy(spec.extent_out, extent, sizeof spec.extent_out);
    memcpy(spec.extent_in, extent, sizeof spec.extent_in);
  }
  lp_prior *p = NULL;
  bool wrap;
  lp_status s = lp_prior_lay_out(&spec, &p);
  if (s != LP_OK) return s;
  const lp_sheets *sheets = &p->sheets;
  s = is_sheet(p, &wrap) ? lp_places_sheet(sheets->ndim == 1 ? 1 : sheets->extent_out[0],
                                           sheets->extent_out[sheets->ndim - 1], wrap, out)
                         : points_of(p, out);
  lp_prior_free(p);
  return s;
}
