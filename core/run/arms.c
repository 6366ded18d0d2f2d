/* Arms of manifest.json: each with the sites that its networks record and the priors in them. */
#include "run_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_UNITS = 1 << 24, MOST_STEPS = 1 << 20, MOST_SITES = 4096, MOST_PRIORS = 4096 };

/* ---- sites --------------------------------------------------------------------------------- */

/* An arm's own list, where its sites are not those of the run. */
static const json_t *sites_of(const lp_run_folder *r, const json_t *arm) {
  const json_t *own = json_object_get(arm, "sites");
  return own ? own : json_object_get(r->manifest, "sites");
}

uint32_t lp_run_site_index(const lp_run_folder *r, const char *name) {
  uint32_t i = 0;
  while (i < r->n_sites && strcmp(r->site_name[i], name) != 0) i++;
  return i;
}

/* Names that the list has besides those that are known. */
static lp_status add_names(lp_run_folder *r, const json_t *sites) {
  size_t i;
  const json_t *site;
  if (!json_is_array(sites)) return lp_run_bad_manifest(r, "\"sites\" is not a list of sites");
  const size_t most = r->n_sites + json_array_size(sites);
  if (most > MOST_SITES) return lp_run_bad_manifest(r, "more than %d sites", MOST_SITES);
  const char **grown = realloc(r->site_name, (most + 1) * sizeof *grown);
  if (!grown) return lp_run_out_of_memory(r->dir);
  r->site_name = grown;
  json_array_foreach(sites, i, site) {
    const char *name = lp_run_text(site, "name", "");
    if (!*name) return lp_run_bad_manifest(r, "site %zu has no \"name\"", i + 1);
    if (lp_run_site_index(r, name) == r->n_sites) r->site_name[r->n_sites++] = name;
  }
  return LP_OK;
}

static lp_status name_sites(lp_run_folder *r) {
  const json_t *arms = json_object_get(r->manifest, "arms"), *arm;
  lp_status s = add_names(r, sites_of(r, json_array_get(arms, r->reference)));
  size_t i;
  json_array_foreach(arms, i, arm) {
    if (s == LP_OK && json_object_get(arm, "sites")) s = add_names(r, sites_of(r, arm));
  }
  if (s != LP_OK) return s;
  const char *headline = json_string_value(json_object_get(r->manifest, "headline"));
  r->headline = headline ? lp_run_site_index(r, headline) : r->n_sites ? r->n_sites - 1 : 0;
  if (headline && r->headline == r->n_sites)
    return lp_run_bad_manifest(r, "the headline site \"%s\" is not one of the sites", headline);
  return LP_OK;
}

/* Units in a row stand as the arm's prior has laid out as many; sites and priors are read. */
static void lay_out(const lp_run_arm *arm, lp_run_site *site) {
  bool reads;
  const lp_run_prior *p = lp_run_site_prior(arm, site, &reads);
  if (!p) return;
  const uint32_t *extent = reads ? p->extent_in : p->extent_out;
  if (!extent[1] || extent[2] || (uint64_t)extent[0] * extent[1] != site->units) return;
  site->rows = extent[0];
  site->cols = extent[1];
}

/* [[x, y], ...], a row a unit. */
static lp_status read_points(lp_run_folder *r, const json_t *points, const char *name,
                             lp_run_site *site) {
  const size_t ndim = json_array_size(json_array_get(points, 0));
  bool good = json_array_size(points) == site->units && ndim >= 1 && ndim <= 3;
  site->at = good ? malloc(sizeof *site->at * site->units * ndim) : NULL;
  if (good && !site->at) return lp_run_out_of_memory(r->dir);
  for (size_t i = 0; good && i < site->units; i++) {
    const json_t *place = json_array_get(points, i);
    good = json_array_size(place) == ndim;
    for (size_t k = 0; good && k < ndim; k++) {
      const json_t *v = json_array_get(place, k);
      good = json_is_number(v);
      site->at[i * ndim + k] = json_number_value(v);
    }
  }
  site->ndim = (uint32_t)ndim;
  return good ? LP_OK
              : lp_run_bad_manifest(
                    r, "\"positions\" of site \"%s\" are not 1 to 3 numbers for each of %u units",
                    name, site->units);
}

/* Units of a box, row-major, are points one apart. */
static lp_status fill_box(const lp_run_folder *r, const json_int_t extent[3], lp_run_site *site) {
  site->at = malloc(sizeof *site->at * site->units * 3);
  if (!site->at) return lp_run_out_of_memory(r->dir);
  site->ndim = 3;
  for (uint32_t i = 0; i < site->units; i++) {
    uint32_t left = i;
    for (int axis = 2; axis >= 0; axis--) {
      site->at[i * 3 + (uint32_t)axis] = left % (uint32_t)extent[axis];
      left /= (uint32_t)extent[axis];
    }
  }
  return LP_OK;
}

/* The extents of a sheet, of three axes at most; false: it is something else, or too large. */
static bool read_sheet(const json_t *sheet, json_int_t extent[3], json_int_t *units) {
  const size_t axes = json_array_size(sheet);
  *units = 1;
  for (size_t i = 0; i < axes && i < 3; i++) {
    extent[i] = json_integer_value(json_array_get(sheet, i));
    if (extent[i] < 1 || extent[i] > MOST_UNITS / *units) return false;
    *units *= extent[i];
  }
  return axes >= 1 && axes <= 3;
}

static lp_status read_site(lp_run_folder *r, lp_run_arm *arm, const json_t *entry) {
  lp_run_site *site = &arm->site[lp_run_site_index(r, lp_run_text(entry, "name", ""))];
  const json_t *sheet = json_object_get(entry, "sheet");
  const size_t axes = json_array_size(sheet);
  json_int_t extent[3], units;
  if (!read_sheet(sheet, extent, &units))
    return lp_run_bad_manifest(
        r, "\"sheet\" of site \"%s\" is not [rows, columns], three axes or [units]",
        lp_run_text(entry, "name", ""));
  const json_t *given = json_object_get(entry, "steps");
  const json_int_t steps = given ? json_integer_value(given) : 1;
  if (steps < 1 || steps > MOST_STEPS)
    return lp_run_bad_manifest(r, "\"steps\" of site \"%s\" is not a number of steps",
                               lp_run_text(entry, "name", ""));
  if (site->units)
    return lp_run_bad_manifest(r, "arm \"%s\" has site \"%s\" twice", arm->name,
                               lp_run_text(entry, "name", ""));
  *site = (lp_run_site){.layer = lp_run_text(entry, "layer", ""),
                        .units = (uint32_t)units,
                        .steps = (uint32_t)steps,
                        .rows = axes == 2 ? (uint32_t)extent[0] : 1,
                        .cols = (uint32_t)(axes == 2 ? extent[1] : units)};
  const json_t *points = json_object_get(entry, "positions");
  if (points && axes == 1) return read_points(r, points, lp_run_text(entry, "name", ""), site);
  if (points)
    return lp_run_bad_manifest(r, "site \"%s\" has both a sheet and positions",
                               lp_run_text(entry, "name", ""));
  if (axes == 1) lay_out(arm, site);
  return axes == 3 ? fill_box(r, extent, site) : LP_OK;
}

static lp_status read_sites(lp_run_folder *r, lp_run_arm *arm, const json_t *entry) {
  size_t i;
  const json_t *site;
  arm->site = calloc(r->n_sites + 1, sizeof *arm->site);
  if (!arm->site) return lp_run_out_of_memory(r->dir);
  for (uint32_t k = 0; k < r->n_sites; k++) arm->site[k].layer = "";
  lp_status s = LP_OK;
  json_array_foreach(sites_of(r, entry), i, site) {
    if (s == LP_OK) s = read_site(r, arm, site);
  }
  return s;
}

/* ---- priors -------------------------------------------------------------------------------- */

/* [7, 7], and the number of units where its product is not that; false: it is something else. */
static bool read_extents(const json_t *list, uint32_t extent[LP_MAX_AXES]) {
  size_t i;
  const json_t *v;
  if (json_array_size(list) > LP_MAX_AXES) return false;
  json_array_foreach(list, i, v) {
    const json_int_t n = json_integer_value(v);
    if (n < 1 || n > MOST_UNITS) return false;
    extent[i] = (uint32_t)n;
  }
  return true;
}

static bool read_units(const json_t *units, const char *key, uint32_t *n) {
  const json_int_t v = json_integer_value(json_object_get(units, key));
  *n = (uint32_t)v;
  return v >= 1 && v <= MOST_UNITS;
}

static lp_status read_prior(const lp_run_folder *r, const lp_run_arm *arm, const json_t *entry,
                            lp_run_prior *p) {
  *p = (lp_run_prior){.layer = lp_run_text(entry, "layer", ""),
                      .from = lp_run_text(entry, "from", ""),
                      .topology = lp_run_text(entry, "topology", "grid"),
                      .cost = lp_run_text(entry, "cost", ""),
                      .metric = lp_run_text(entry, "metric", "l2"),
                      .normalize = lp_run_text(entry, "normalize", "none")};
  const json_t *units = json_object_get(entry, "units"),
               *extents = json_object_get(entry, "extents");
  if (*p->layer && *p->cost && read_units(units, "out", &p->n_out) &&
      read_units(units, "in", &p->n_in) &&
      read_extents(json_object_get(extents, "out"), p->extent_out) &&
      read_extents(json_object_get(extents, "in"), p->extent_in))
    return LP_OK;
  return lp_run_bad_manifest(
      r, "a prior of arm \"%s\" needs \"layer\", \"cost\", \"units\" and \"extents\"", arm->name);
}

static lp_status read_priors(const lp_run_folder *r, lp_run_arm *arm, const json_t *entry) {
  const json_t *list = json_object_get(entry, "priors"), *prior;
  size_t n = json_array_size(list), i;
  if (!list) return LP_OK;
  if (!json_is_array(list) || n > MOST_PRIORS)
    return lp_run_bad_manifest(r, "\"priors\" of arm \"%s\" is not a list", arm->name);
  arm->prior = calloc(n + 1, sizeof *arm->prior);
  if (!arm->prior) return lp_run_out_of_memory(r->dir);
  lp_status s = LP_OK;
  json_array_foreach(list, i, prior) {
    if (s == LP_OK) s = read_prior(r, arm, prior, &arm->prior[arm->n_priors++]);
  }
  return s;
}

const lp_run_prior *lp_run_site_prior(const lp_run_arm *arm, const lp_run_site *site, bool *reads) {
  for (int in = 0; in < 2; in++)
    for (uint32_t i = 0; i < arm->n_priors; i++) {
      const lp_run_prior *p = &arm->prior[i];
      *reads = in;
      if (strcmp(in ? p->from : p->layer, site->layer) == 0 &&
          (in ? p->n_in : p->n_out) == site->units)
        return p;
    }
  return NULL;
}

lp_prior_spec lp_run_prior_spec(const lp_run_prior *p, uint64_t seed) {
  lp_prior_spec spec = {.n_out = p->n_out,
                        .n_in = p->n_in,
                        .topology = p->topology,
                        .cost = p->cost,
                        .metric = p->metric,
                        .normalize = p->normalize,
                        .seed = seed};
  memcpy(spec.extent_out, p->extent_out, sizeof spec.extent_out);
  memcpy(spec.extent_in, p->extent_in, sizeof spec.extent_in);
  return spec;
}

/* ---- arms ---------------------------------------------------------------------------------- */

const char *lp_arm_what(const char *layer, const char *set) {
  if (!set || strncmp(set, "layer=(", 7) == 0) return layer; /* of cells, whose values are named */
  return *set ? set : "the network as it is";
}

static lp_status read_names(lp_run_folder *r, const json_t *arms) {
  size_t i;
  const json_t *entry;
  json_array_foreach(arms, i, entry) {
    lp_run_arm *arm = &r->arm[i];
    *arm = (lp_run_arm){.name = lp_run_text(entry, "name", ""),
                        .layer = lp_run_text(entry, "layer", NULL)};
    arm->what = lp_arm_what(arm->layer, lp_run_text(entry, "set", NULL));
    if (!*arm->name || strchr(arm->name, '/') || !arm->layer)
      return lp_run_bad_manifest(r, "arm %zu needs a \"name\" without '/' and a \"layer\"", i + 1);
    for (size_t k = 0; k < i; k++)
      if (strcmp(r->arm[k].name, arm->name) == 0)
        return lp_run_bad_manifest(r, "arm \"%s\" is there twice", arm->name);
  }
  const char *reference = lp_run_text(r->manifest, "reference", NULL);
  if (!reference) return lp_run_bad_manifest(r, "\"reference\" is missing");
  for (r->reference = 0; r->reference < r->n_arms; r->reference++)
    if (strcmp(r->arm[r->reference].name, reference) == 0) return LP_OK;
  return lp_run_bad_manifest(r, "the reference \"%s\" is not one of the arms", reference);
}

lp_status lp_run_read_arms(lp_run_folder *r) {
  const json_t *arms = json_object_get(r->manifest, "arms");
  const size_t n = json_array_size(arms);
  if (n == 0 || n > 10000) return lp_run_bad_manifest(r, "\"arms\" is not a list of arms");
  r->arm = calloc(n, sizeof *r->arm);
  if (!r->arm) return lp_run_out_of_memory(r->dir);
  r->n_arms = (uint32_t)n;
  lp_status s = read_names(r, arms);
  if (s == LP_OK) s = name_sites(r);
  for (size_t i = 0; i < n && s == LP_OK; i++) {
    s = read_priors(r, &r->arm[i], json_array_get(arms, i));
    if (s == LP_OK) s = read_sites(r, &r->arm[i], json_array_get(arms, i));
  }
  return s;
}

void lp_run_free_arms(lp_run_folder *r) {
  for (uint32_t i = 0; r->arm && i < r->n_arms; i++) {
    for (uint32_t k = 0; r->arm[i].site && k < r->n_sites; k++) free(r->arm[i].site[k].at);
    free(r->arm[i].site);
    free(r->arm[i].prior);
  }
  free(r->arm);
  free(r->site_name);
}
