/* Where the units of each arm stand: a measure of space follows the arm's own topology. */
#include "run.h"

#include <locality/registry.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static layout sheet_of(uint32_t rows, uint32_t cols, bool wrap) {
  const bool row = rows == 1 || (wrap && cols == 1);
  return (layout){.rows = rows,
                  .cols = cols,
                  .wrap = wrap,
                  .name = wrap ? (row ? "ring" : "torus") : (row ? "line" : "grid")};
}

/* Of units that stand at p, which it takes. */
static layout layout_at(lp_places *p, const lp_run_site *site, const char *name) {
  if (!p->extent[0])
    return (layout){.rows = site->rows, .cols = site->cols, .name = name, .places = p};
  const layout sheet = sheet_of(p->extent[0], p->extent[1], p->period[0] > 0);
  lp_places_free(p);
  return sheet;
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
         a->radius == b->radius && same(a->at, b->at, sizeof *a->at * a->n * a->ndim) &&
         same(a->apart, b->apart, sizeof *a->apart * a->n * a->n);
}

void lp_layout_free(layout *g) {
  lp_places_free(g->places);
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

/* At points of their own, or where the prior's topology has them; NULL: neither. */
static lp_status own_places(const lp_run_prior *p, bool reads, const lp_run_site *site,
                            uint64_t seed, lp_places **out) {
  *out = NULL;
  if (!p) return site->at ? lp_places_points(site->at, site->units, site->ndim, NULL, out) : LP_OK;
  lp_status s = lp_registry_load();
  if (s != LP_OK) return s; /* the prior's other sheet may have another size */
  return lp_places_topology(p->topology, reads ? p->n_in : p->n_out,
                            reads ? p->extent_in : p->extent_out, seed, out);
}

lp_status lp_run_places(const lp_run_arm *arm, const lp_run_site *site, uint64_t seed,
                        lp_places **out) {
  bool reads;
  const lp_run_prior *p = lp_run_site_prior(arm, site, &reads);
  lp_status s = own_places(p, reads, site, seed, out);
  return s == LP_OK && !*out ? lp_places_sheet(site->rows, site->cols, false, out) : s;
}

/* The same with its name; a flat sheet where there is neither. */
static lp_status layout_of(const lp_run_arm *arm, const lp_run_site *site, uint64_t seed,
                           layout *out) {
  bool reads;
  const lp_run_prior *p = lp_run_site_prior(arm, site, &reads);
  lp_places *places;
  *out = sheet_of(site->rows, site->cols, false);
  lp_status s = own_places(p, reads, site, seed, &places);
  if (s == LP_OK && places) *out = layout_at(places, site, p ? topology_name(p) : "points");
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
    if (s == LP_ERR_MEMORY) return s;
    warn(a, "arm %s: V at %s is taken on the %u x %u sheet: %s", own->name, a->site_name[k],
         site->rows, site->cols, lp_error_message());
    g = sheet_of(site->rows, site->cols, false);
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

uint32_t lp_geometry_against(const analysis *a, uint32_t arm, uint32_t other, uint32_t site) {
  const uint32_t own = a->arm[arm].geometry[site];
  if (own == NO_GEOMETRY || a->arm[other].geometry[site] == NO_GEOMETRY) return NO_GEOMETRY;
  const lp_run_site *theirs = &a->folder->arm[other].site[site];
  if (same_sheet(&a->folder->arm[arm].site[site], theirs)) return own;
  if (theirs->at) return a->arm[other].geometry[site];
  return find_geometry(a, sheet_of(theirs->rows, theirs->cols, a->geometry[own].wrap));
}

lp_status lp_find_geometries(analysis *a) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++)
    for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++) s = place_units(a, i, k);
  for (uint32_t i = 0; s == LP_OK && i < a->n_pairs; i++)
    for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++) {
      const arm_pair *p = &a->pair[i];
      if (lp_geometry_against(a, p->arm, p->other, k) != a->n_geometries) continue;
      const lp_run_site *site = &a->folder->arm[p->other].site[k];
      const bool wrap = a->geometry[a->arm[p->arm].geometry[k]].wrap;
      uint32_t index;
      s = add_geometry(a, sheet_of(site->rows, site->cols, wrap), &index);
    }
  return s;
}
