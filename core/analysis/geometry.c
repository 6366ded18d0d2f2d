/* Where the units of each arm stand: a measure of space follows the arm's own topology. */
#include "run.h"

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

/* False for a sheet that is no lattice of one or two axes, all wrapped or none. */
static bool geometry_of(const lp_prior *p, lattice *out) {
  uint32_t ndim = p->sheets.ndim;
  const uint32_t *extent = p->sheets.extent_out;
  if (ndim < 1 || ndim > 2 || !extent[0]) return false;
  *out = (lattice){.rows = ndim == 1 ? 1 : extent[0], .cols = extent[ndim - 1]};
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

double lp_lattice_uniform(const lattice *g) {
  if (g->points) return NAN;
  return g->wrap ? lp_spatial_variance_torus_uniform(g->rows, g->cols)
                 : lp_spatial_variance_uniform(g->rows, g->cols);
}

static bool same_points(const lp_run_site *x, const lp_run_site *y) {
  if (!x || !y) return x == y;
  return x->at && y->at && x->units == y->units && x->ndim == y->ndim &&
         memcmp(x->at, y->at, sizeof *x->at * x->units * x->ndim) == 0;
}

/* n_geometries: it is not there. */
static uint32_t find_geometry(const analysis *a, const lattice *g) {
  uint32_t i = 0;
  while (i < a->n_geometries &&
         (a->geometry[i].rows != g->rows || a->geometry[i].cols != g->cols ||
          a->geometry[i].wrap != g->wrap || !same_points(a->geometry[i].points, g->points)))
    i++;
  return i;
}

static lp_status add_geometry(analysis *a, lattice g, uint32_t *index) {
  *index = find_geometry(a, &g);
  if (*index < a->n_geometries) return LP_OK;
  lattice *grown = realloc(a->geometry, (*index + 1) * sizeof *grown);
  if (!grown) return lp_fail(LP_ERR_MEMORY, "out of memory for %u geometries", *index + 1);
  a->geometry = grown;
  grown[a->n_geometries++] = g;
  return LP_OK;
}

/* The sheet without wrapping, or its points. */
static lattice flat(const lp_run_site *site) {
  return (lattice){.rows = site->rows,
                   .cols = site->cols,
                   .name = site->at         ? "points"
                           : site->rows > 1 ? "grid"
                                            : "line",
                   .points = site->at ? site : NULL};
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
  spec.normalize = NULL;
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

/* Where the topology cannot be asked any more, or is no lattice, the sheet itself is measured. */
static lp_status place_units(analysis *a, uint32_t arm, uint32_t k) {
  const lp_run_arm *own = &a->folder->arm[arm];
  const lp_run_site *site = &own->site[k];
  uint32_t *index = &a->arm[arm].geometry[k];
  *index = NO_GEOMETRY;
  if (!site->units) return LP_OK;
  lattice g = flat(site), made;
  bool reads;
  const lp_run_prior *p = lp_run_site_prior(own, site, &reads);
  lp_prior *prior = NULL;
  lp_status s = p ? ask_topology(p, reads, a->seed[0], &prior) : LP_OK;
  if (s == LP_ERR_MEMORY) return s;
  if (s != LP_OK)
    warn(a, "arm %s: V at %s is taken on the %u x %u sheet: %s", own->name, a->site_name[k],
         site->rows, site->cols, lp_error_message());
  else if (prior && geometry_of(prior, &made))
    g = made;
  else if (prior)
    warn(a, "arm %s: the topology at %s is no lattice; V is taken on the %u x %u sheet", own->name,
         a->site_name[k], site->rows, site->cols);
  lp_prior_free(prior);
  return add_geometry(a, g, index);
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
  lattice g = flat(theirs);
  g.wrap = a->geometry[own].wrap && !g.points;
  return find_geometry(a, &g);
}

lp_status lp_find_geometries(analysis *a) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++)
    for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++) s = place_units(a, i, k);
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++)
    for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++) {
      if (lp_reference_geometry(a, i, k) != a->n_geometries) continue;
      lattice g = flat(&a->folder->arm[a->arm[i].reference].site[k]);
      uint32_t index;
      g.wrap = a->geometry[a->arm[i].geometry[k]].wrap && !g.points;
      if (g.wrap) g.name = g.rows > 1 ? "torus" : "ring";
      s = add_geometry(a, g, &index);
    }
  return s;
}
