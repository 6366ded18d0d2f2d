/* Where the units of each arm stand: a measure of space follows the arm's own topology. */
#include "run.h"

#include <lapacke.h>
#include <locality/prior.h>
#include <locality/registry.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* False for units that stand on no lattice of one or two axes, all wrapped or none. */
static bool lattice_of(const lp_prior *p, layout *out) {
  uint32_t ndim = p->sheets.ndim;
  const uint32_t *extent = p->sheets.extent_out;
  if (ndim < 1 || ndim > 2 || !extent[0]) return false;
  *out = (layout){.rows = ndim == 1 ? 1 : extent[0], .cols = extent[ndim - 1]};
  bool known = false;
  for (uint32_t axis = 0; axis < ndim; axis++) {
    bool wrap = false, told = false;
    if (!axis_wraps(p, axis, &wrap, &told)) return false;
    if (!told) continue;
    if (known && wrap != out->wrap) return false;
    out->wrap = wrap;
    known = true;
  }
  bool lone = out->rows == 1 || out->cols == 1;
  out->name = out->wrap ? (lone ? "ring" : "torus") : ndim == 1 ? "line" : "grid";
  return true;
}

/* ---- units on no lattice ------------------------------------------------------------------- */

/* The lengths of the axes, squared, with which coordinates give these distances from unit 0, as
 * near as they can. */
static lp_status axis_lengths(const lp_prior *p, double square[LP_MAX_AXES]) {
  const uint32_t n = p->sheets.n_out, ndim = p->sheets.ndim, rows = n > ndim ? n : ndim;
  const double *at = p->sheets.pos_out;
  double *gap = calloc((size_t)rows * ndim, sizeof *gap), *d2 = calloc(rows, sizeof *d2);
  lp_status s = gap && d2 ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u units", n);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    const double d = lp_prior_distance(p, 0, i);
    d2[i] = d * d;
    for (uint32_t k = 0; k < ndim; k++)
      gap[(size_t)i * ndim + k] = pow(at[(size_t)i * ndim + k] - at[k], 2);
  }
  lapack_int pivot[LP_MAX_AXES] = {0}, rank;
  if (s == LP_OK && LAPACKE_dgelsy(LAPACK_ROW_MAJOR, (lapack_int)rows, (lapack_int)ndim, 1, gap,
                                   (lapack_int)ndim, d2, 1, pivot, 1e-12, &rank) != 0)
    s = lp_fail(LP_ERR_MEMORY, "out of memory for %u units", n);
  for (uint32_t k = 0; k < ndim; k++) square[k] = s == LP_OK ? fmax(d2[k], 0) : 0;
  free(gap);
  free(d2);
  return s;
}

/* Places at which distances are those of p, which has two equal sheets: by their coordinates, in
 * unit spacings, where distance is Euclidean, else by all distances. */
static lp_status places_of(const lp_prior *p, lp_places **out) {
  const uint32_t n = p->sheets.n_out, ndim = p->sheets.ndim;
  double square[LP_MAX_AXES], *d = malloc(sizeof *d * n * n), *at = malloc(sizeof *at * n * ndim);
  *out = NULL;
  lp_status s = d && at ? axis_lengths(p, square)
                        : lp_fail(LP_ERR_MEMORY, "out of memory for the distances of %u units", n);
  for (size_t i = 0; s == LP_OK && i < (size_t)n * ndim; i++)
    at[i] = p->sheets.pos_out[i] * sqrt(square[i % ndim]);
  bool euclidean = true;
  double most = 0;
  for (uint32_t i = 0; s == LP_OK && i < n; i++)
    for (uint32_t j = 0; j < n; j++) {
      double *own = &d[(size_t)i * n + j], gap = 0;
      *own = lp_prior_distance(p, i, j);
      for (uint32_t k = 0; k < ndim; k++)
        gap += pow(at[(size_t)i * ndim + k] - at[(size_t)j * ndim + k], 2);
      most = fmax(most, *own);
      euclidean &= fabs(sqrt(gap) - *own) <= 1e-6 * most;
    }
  if (s == LP_OK)
    s = euclidean ? lp_places_points(at, n, ndim, NULL, out)
                  : lp_places_apart(p->sheets.pos_out, n, ndim, d, out);
  free(d);
  free(at);
  return s;
}

/* Of units that stand at p, which it takes. */
static lp_status placed(lp_places *p, const lp_run_site *site, const char *name, layout *out) {
  *out = (layout){.rows = site->rows, .cols = site->cols, .name = name, .places = p};
  return lp_neighbours_of(p, LP_ROOK, &out->touching);
}

/* ---- all geometries ------------------------------------------------------------------------ */

static bool same(const void *a, const void *b, size_t n) {
  return !a == !b && (!a || memcmp(a, b, n) == 0);
}

/* Of one topology, and with the same parameters. */
static bool same_places(const layout *x, const layout *y) {
  const lp_places *a = x->places, *b = y->places;
  if (!a || !b) return a == b;
  return strcmp(x->name, y->name) == 0 && a->n == b->n && a->ndim == b->ndim &&
         same(a->at, b->at, sizeof *a->at * a->n * a->ndim) &&
         same(a->apart, b->apart, sizeof *a->apart * a->n * a->n);
}

void lp_layout_free(layout *g) {
  lp_places_free(g->places);
  lp_neighbours_free(g->touching);
}

/* n_geometries: it is not there. */
static uint32_t find_geometry(const analysis *a, layout g) {
  uint32_t i = 0;
  while (i < a->n_geometries &&
         (a->geometry[i].rows != g.rows || a->geometry[i].cols != g.cols ||
          a->geometry[i].wrap != g.wrap || !same_places(&a->geometry[i], &g)))
    i++;
  return i;
}

/* Takes g's places. */
static lp_status add_geometry(analysis *a, layout g, uint32_t *index) {
  *index = find_geometry(a, g);
  layout *grown =
      *index < a->n_geometries ? NULL : realloc(a->geometry, (*index + 1) * sizeof *grown);
  if (!grown) {
    lp_layout_free(&g);
    return *index < a->n_geometries
               ? LP_OK
               : lp_fail(LP_ERR_MEMORY, "out of memory for %u geometries", *index + 1);
  }
  a->geometry = grown;
  g.uniform = g.places ? lp_places_variance_uniform(g.places)
              : g.wrap ? lp_spatial_variance_torus_uniform(g.rows, g.cols)
                       : lp_spatial_variance_uniform(g.rows, g.cols);
  grown[a->n_geometries++] = g;
  return LP_OK;
}

static layout sheet_of(const lp_run_site *site, bool wrap) {
  static const char *const name[2][2] = {{"line", "grid"}, {"ring", "torus"}};
  return (layout){
      .rows = site->rows, .cols = site->cols, .wrap = wrap, .name = name[wrap][site->rows > 1]};
}

/* What the prior's topology makes of the site's units, asked on two such sheets: distances do not
 * depend on the cost, and the prior's other sheet may have another size. */
static lp_status ask_topology(const lp_run_prior *p, bool reads, uint64_t seed, lp_prior **out) {
  lp_prior_spec spec = lp_run_prior_spec(p, seed);
  if (reads) {
    spec.n_out = spec.n_in;
    memcpy(spec.extent_out, spec.extent_in, sizeof spec.extent_out);
  } else {
    spec.n_in = spec.n_out;
    memcpy(spec.extent_in, spec.extent_out, sizeof spec.extent_in);
  }
  spec.cost = "uniform";
  spec.metric = spec.normalize = NULL; /* V is of Euclidean distances, whatever the prior's are */
  lp_status s = lp_registry_load();
  return s == LP_OK ? lp_prior_build(&spec, out) : s;
}

/* Said in the log, in the summary and on the page. */
static void warn(analysis *a, const char *fmt, ...) LP_PRINTF(2, 3);
static void warn(analysis *a, const char *fmt, ...) {
  char text[500];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  lp_log(LP_LOG_WARNING, "%s", text);
  if (!a->warnings) a->warnings = json_array();
  json_array_append_new(a->warnings, json_string(text));
}

/* The topology's name without its parameters, for as long as the registry. */
static const char *topology_name(const lp_run_prior *p) {
  lp_spec spec;
  if (lp_spec_parse(LP_KIND_TOPOLOGY, p->topology, &spec) != LP_OK) return p->topology;
  const char *name = spec.entry->name;
  lp_spec_free(&spec);
  return name;
}

/* Where an arm's units stand: where its prior's topology has them, at points of their own, or on
 * the flat sheet. */
static lp_status layout_of(const lp_run_arm *arm, const lp_run_site *site, uint64_t seed,
                           layout *out) {
  bool reads;
  const lp_run_prior *p = lp_run_site_prior(arm, site, &reads);
  lp_prior *prior = NULL;
  lp_places *places = NULL;
  *out = sheet_of(site, false);
  if (!p && !site->at) return LP_OK;
  lp_status s = p ? ask_topology(p, reads, seed, &prior) : LP_OK;
  if (s == LP_OK && !(prior && lattice_of(prior, out))) {
    s = prior ? places_of(prior, &places)
              : lp_places_points(site->at, site->units, site->ndim, NULL, &places);
    if (s == LP_OK) s = placed(places, site, prior ? topology_name(p) : "points", out);
  }
  lp_prior_free(prior);
  return s;
}

/* Where the topology cannot be asked any more the sheet itself is measured. */
static lp_status place_units(analysis *a, uint32_t arm, uint32_t k) {
  const lp_run_arm *own = &a->folder->arm[arm];
  const lp_run_site *site = &own->site[k];
  uint32_t *index = &a->arm[arm].geometry[k];
  *index = NO_GEOMETRY;
  if (!site->units) return LP_OK;
  layout g;
  lp_status s = layout_of(own, site, a->seed[0], &g);
  if (s != LP_OK) {
    lp_layout_free(&g);
    if (s == LP_ERR_MEMORY) return s;
    warn(a, "arm %s: V at %s is taken on the %u x %u sheet: %s", own->name, a->site_name[k],
         site->rows, site->cols, lp_error_message());
    g = sheet_of(site, false);
  }
  return add_geometry(a, g, index);
}

static bool same_points(const lp_run_site *x, const lp_run_site *y) {
  return x->at && y->at && x->units == y->units && x->ndim == y->ndim &&
         memcmp(x->at, y->at, sizeof *x->at * x->units * x->ndim) == 0;
}

/* Can the units of one stand where those of the other do? Units in a row can be laid out anyhow. */
static bool same_sheet(const lp_run_site *x, const lp_run_site *y) {
  if (x->at || y->at) return same_points(x, y);
  return x->units == y->units && (x->rows == y->rows || x->rows == 1 || y->rows == 1);
}

uint32_t lp_reference_geometry(const analysis *a, uint32_t arm, uint32_t site) {
  const uint32_t own = a->arm[arm].geometry[site], other = a->arm[arm].reference;
  if (own == NO_GEOMETRY || a->arm[other].geometry[site] == NO_GEOMETRY) return NO_GEOMETRY;
  const lp_run_site *theirs = &a->folder->arm[other].site[site];
  if (same_sheet(&a->folder->arm[arm].site[site], theirs)) return own;
  if (theirs->at) return a->arm[other].geometry[site];
  return find_geometry(a, sheet_of(theirs, a->geometry[own].wrap));
}

lp_status lp_find_geometries(analysis *a) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++)
    for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++) s = place_units(a, i, k);
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++)
    for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++) {
      if (lp_reference_geometry(a, i, k) != a->n_geometries) continue;
      uint32_t index;
      s = add_geometry(a,
                       sheet_of(&a->folder->arm[a->arm[i].reference].site[k],
                                a->geometry[a->arm[i].geometry[k]].wrap),
                       &index);
    }
  return s;
}
