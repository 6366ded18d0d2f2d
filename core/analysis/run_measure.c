/* activations/: the measures of every network. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PERMUTATIONS = 199, PERMUTATION_SEED = 1, MEASURE_SEED = 1 };

static const site_result *measured_at(const analysis *a, const site_result *sites, uint32_t site,
                                      uint32_t geometry) {
  if (!sites || geometry == NO_GEOMETRY) return NULL;
  const site_result *r = &sites[site * a->n_geometries + geometry];
  return r->image_variance ? r : NULL;
}

const site_result *lp_trained_site(const analysis *a, const run_info *run, uint32_t site,
                                   uint32_t geometry) {
  return measured_at(a, run->site, site, geometry);
}

const site_result *lp_untrained_site(const analysis *a, const run_info *run, uint32_t site,
                                     uint32_t geometry) {
  return measured_at(a, run->untrained, site, geometry);
}

/* V of each image, which tests over images pair. */
static lp_status measure_images(const layout *g, const float *maps, uint32_t n, site_result *out) {
  const uint32_t units = g->rows * g->cols;
  double *map = malloc(sizeof *map * units);
  out->image_variance = malloc(sizeof *out->image_variance * n);
  lp_status s =
      map && out->image_variance ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u images", n);
  for (uint32_t m = 0; s == LP_OK && m < n; m++) {
    for (uint32_t i = 0; i < units; i++) map[i] = maps[(size_t)m * units + i];
    out->image_variance[m] = g->places ? lp_places_variance(map, g->places)
                             : g->wrap ? lp_spatial_variance_torus(map, g->rows, g->cols)
                                       : lp_spatial_variance(map, g->rows, g->cols);
  }
  free(map);
  if (s != LP_OK) return s;
  out->defined = lp_moments_of(out->image_variance, n).n;
  out->undefined = n - out->defined;
  return LP_OK;
}

/* Has every image a value below 0? Measures that forbid them are means over the others. */
static bool all_negative(const float *maps, uint32_t n, uint32_t units) {
  for (uint32_t m = 0; m < n; m++) {
    bool negative = false;
    for (uint32_t i = 0; i < units; i++) negative |= maps[(size_t)m * units + i] < 0;
    if (!negative) return false;
  }
  return true;
}

/* Which measures are taken of what: of images those whose labels are the classes, of gratings those
 * whose labels are orientations. Imported activations may have orientations for classes. */
static bool taken(const analysis *a, measure_id k, bool gratings) {
  const bool asked = a->measure[k].row->flags & LP_MEASURE_ASKED;
  return gratings ? asked : !asked || !a->gratings;
}

/* Those of the first n_wanted measures between commas, and their numbers. malloc'ed. */
static char *names_of(const analysis *a, uint32_t n_wanted, bool gratings, measure_id *number) {
  size_t length = 1;
  for (uint32_t k = 0; k < n_wanted; k++) length += strlen(a->measure[k].name) + 3;
  char *text = calloc(length, 1), *at = text;
  uint32_t n = 0;
  for (uint32_t k = 0; text && k < n_wanted; k++) {
    if (!taken(a, k, gratings)) continue;
    at += sprintf(at, "%s(%s)", n ? "," : "", a->measure[k].name);
    number[n++] = k;
  }
  return text;
}

static lp_measured nothing(void) {
  return (lp_measured){.struct_size = sizeof(lp_measured),
                       .value = NAN,
                       .chance = NAN,
                       .low = NAN,
                       .high = NAN,
                       .p = NAN,
                       .sd = NAN};
}

/* What the analysis keeps of the results. */
static lp_status keep(const lp_measurements *m, const measure_id *number, uint32_t n_measures,
                      uint32_t classes, site_result *out) {
  uint32_t many = 0;
  for (uint32_t i = 0; i < m->n; i++) many += m->item[i].of_class >= 0;
  if (classes > MOST_CLASSES) many = 0;
  out->measured = malloc(sizeof *out->measured * ((size_t)n_measures + 1));
  out->of_class = malloc(sizeof *out->of_class * ((size_t)many + 1));
  if (!out->measured || !out->of_class)
    return lp_fail(LP_ERR_MEMORY, "out of memory for %u measures", n_measures);
  for (uint32_t k = 0; k < n_measures; k++) out->measured[k] = nothing();
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    const lp_measured *r = &v->result;
    if (v->of_class < 0)
      out->measured[number[v->asked]] = *r;
    else if (many)
      out->of_class[out->n_of_class++] = (class_value){number[v->asked],
                                                       (uint32_t)v->of_class,
                                                       r->value,
                                                       r->chance,
                                                       r->sd,
                                                       r->low,
                                                       r->high,
                                                       r->p};
  }
  return LP_OK;
}

/* A site of a network, in one geometry. */
typedef struct subject {
  const layout *g;
  const float *maps;
  const int32_t *labels;
  uint32_t n; /* images */
  site_weights weights;
} subject;

static lp_status measure_values(const analysis *a, const subject *of, uint32_t n_measures,
                                site_result *out) {
  const layout *g = of->g;
  const uint32_t units = g->rows * g->cols;
  lp_responses x = lp_responses_f32(of->maps, of->n, units);
  lp_places *places = NULL; /* of a sheet */
  lp_measurements m = {0};
  measure_id *number = malloc(sizeof *number * ((size_t)n_measures + 1));
  char *names = number ? names_of(a, n_measures, false, number) : NULL;
  lp_status s = names ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u measures", n_measures);
  if (s == LP_OK && !g->places) s = lp_places_sheet(g->rows, g->cols, g->wrap, &places);
  lp_measure_input in = {.places = g->places ? g->places : places,
                         .x = &x,
                         .labels = of->labels,
                         .classes = a->n_classes,
                         .negative = all_negative(of->maps, of->n, units),
                         .w = of->weights.w,
                         .p = of->weights.p,
                         .d = of->weights.d,
                         .n_out = of->weights.n_out,
                         .n_in = of->weights.n_in,
                         .superclass = a->superclass,
                         .superclasses = a->n_superclasses,
                         .seed = MEASURE_SEED,
                         .effort = a->effort};
  if (s == LP_OK) s = lp_measure_site(&in, names, &m);
  if (s == LP_OK) s = keep(&m, number, n_measures, a->n_classes, out);
  lp_measurements_free(&m);
  lp_places_free(places);
  free(names);
  free(number);
  return s;
}

static lp_status measure_site(const analysis *a, const subject *of, site_result *out) {
  const layout *g = of->g;
  lp_status s = measure_images(g, of->maps, of->n, out);
  if (s == LP_OK) s = measure_values(a, of, a->n_measures, out);
  if (s == LP_OK && g->places)
    return lp_places_variance_nulls(of->maps, of->n, g->places, PERMUTATIONS, PERMUTATION_SEED,
                                    &out->null, &out->permutation);
  if (s == LP_OK)
    s = lp_spatial_variance_exact_null(of->maps, of->n, g->rows, g->cols, g->wrap, &out->null);
  if (s == LP_OK) /* shuffled on the flat sheet */
    s = lp_spatial_variance_null(of->maps, of->n, g->rows, g->cols, PERMUTATIONS, PERMUTATION_SEED,
                                 &out->permutation);
  return s;
}

/* The standard measures after each step of a sequence; out has those of the last one. */
static lp_status measure_steps(const analysis *a, const subject *last, const float *all,
                               uint32_t steps, site_result *out) {
  const uint32_t units = last->g->rows * last->g->cols;
  float *maps = malloc(sizeof *maps * last->n * units);
  out->step = malloc(sizeof *out->step * steps);
  lp_status s =
      maps && out->step ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for %u steps", steps);
  for (uint32_t t = 0; t < steps && s == LP_OK; t++) {
    site_result one = {0};
    const subject at = {.g = last->g, .maps = maps, .labels = last->labels, .n = last->n};
    lp_run_maps_step(all, last->n, steps, units, t, maps);
    if (t + 1 < steps) s = measure_values(a, &at, N_STANDARD, &one);
    for (int k = 0; s == LP_OK && k < N_STANDARD; k++)
      out->step[t][k] = (t + 1 < steps ? &one : out)->measured[k].value;
    free(one.measured);
    free(one.of_class);
  }
  if (s == LP_OK) out->n_steps = steps;
  free(maps);
  return s;
}

/* Every network sees the same images, so that tests over images can pair them. */
static lp_status check_labels(analysis *a, const arm_info *arm, uint64_t seed,
                              const lp_run_maps *m) {
  if (!a->labels) {
    a->labels = malloc(sizeof *a->labels * m->n);
    if (!a->labels) return lp_fail(LP_ERR_MEMORY, "out of memory for %u labels", m->n);
    memcpy(a->labels, m->labels, sizeof *a->labels * m->n);
    a->n_images = m->n;
  }
  if (a->n_images == m->n && memcmp(a->labels, m->labels, sizeof *a->labels * m->n) == 0)
    return LP_OK;
  char *path = lp_run_path(a->dir, LP_RUN_ACTIVATIONS, arm->name, seed);
  lp_status s = lp_fail(LP_ERR_FORMAT, "%s: its labels are not those of the other networks",
                        path ? path : a->dir);
  free(path);
  return s;
}

/* Arms are measured where their units stand, and wherever those of arms do that are compared with
 * them. */
static bool needs(const analysis *a, uint32_t arm, uint32_t site, uint32_t geometry) {
  if (a->arm[arm].geometry[site] == geometry) return true;
  for (uint32_t i = 0; i < a->n_pairs; i++)
    if (a->pair[i].other == arm && lp_geometry_against(a, a->pair[i].arm, arm, site) == geometry)
      return true;
  return false;
}

static lp_status measure_network(analysis *a, uint32_t arm, uint32_t seed, lp_run_file file,
                                 site_result **out) {
  lp_run_maps m;
  lp_status s = lp_run_maps_read(a->folder, file, arm, seed, &m);
  if (s == LP_ERR_NOT_FOUND) return LP_OK;
  if (s == LP_OK) s = check_labels(a, &a->arm[arm], a->seed[seed], &m);
  if (s == LP_OK && !(*out = calloc((size_t)a->n_geometries * a->n_sites + 1, sizeof **out)))
    s = lp_fail(LP_ERR_MEMORY, "out of memory for the measures of %s", a->arm[arm].name);
  for (uint32_t k = 0; s == LP_OK && k < a->n_sites; k++)
    for (uint32_t g = 0; s == LP_OK && m.site[k] && g < a->n_geometries; g++) {
      site_result *at = &(*out)[k * a->n_geometries + g];
      const uint32_t steps = a->folder->arm[arm].site[k].steps;
      if (!needs(a, arm, k, g)) continue;
      subject of = {.g = &a->geometry[g], .maps = m.site[k], .labels = m.labels, .n = m.n};
      if (file == LP_RUN_ACTIVATIONS) s = lp_read_weights(a, arm, seed, k, g, &of.weights);
      if (s == LP_OK) s = measure_site(a, &of, at);
      if (s == LP_OK && steps > 1 && a->arm[arm].geometry[k] == g)
        s = measure_steps(a, &of, m.all[k], steps, at);
      lp_free_weights(&of.weights);
    }
  lp_run_maps_free(&m);
  return s;
}

/* ---- responses to gratings ------------------------------------------------------------------- */

typedef struct grating_file {
  lp_safetensors *file;
  const int32_t *labels;
  uint32_t n, orientations;
} grating_file;

/* file is NULL where the network was not shown any. */
static lp_status open_gratings(const analysis *a, uint32_t arm, uint32_t seed, grating_file *out) {
  *out = (grating_file){0};
  char *path = lp_run_path(a->dir, LP_RUN_GRATINGS, a->arm[arm].name, a->seed[seed]);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory for %s", a->dir);
  lp_status s = access(path, R_OK) == 0 ? lp_safetensors_read(path, &out->file) : LP_OK;
  const lp_tensor_view *v = out->file ? lp_safetensors_find(out->file, "labels") : NULL;
  bool good = v && v->desc.dtype == LP_I32 && v->desc.ndim == 1;
  if (good) {
    out->labels = v->data;
    out->n = (uint32_t)v->desc.dim[0];
    for (uint32_t i = 0; i < out->n; i++) {
      good &= out->labels[i] >= 0 && (uint32_t)out->labels[i] < out->n;
      if (good && (uint32_t)out->labels[i] >= out->orientations)
        out->orientations = (uint32_t)out->labels[i] + 1;
    }
  }
  if (s == LP_OK && out->file && !good)
    s = lp_fail(LP_ERR_FORMAT, "%s: needs \"labels\", I32, an orientation for each row", path);
  if (s != LP_OK && out->file) lp_safetensors_free(out->file);
  free(path);
  return s;
}

static lp_status measure_tuning(const analysis *a, const grating_file *f, const layout *g,
                                const float *maps, site_result *out) {
  const uint32_t units = g->rows * g->cols;
  lp_responses x = lp_responses_f32(maps, f->n, units);
  lp_places *places = NULL; /* of a sheet */
  lp_measurements m = {0};
  measure_id *number = malloc(sizeof *number * ((size_t)a->n_measures + 1));
  char *names = number ? names_of(a, a->n_measures, true, number) : NULL;
  lp_status s = names ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for measures");
  if (s == LP_OK && !g->places) s = lp_places_sheet(g->rows, g->cols, g->wrap, &places);
  bool negative = false;
  for (size_t i = 0; i < (size_t)f->n * units; i++) negative |= maps[i] < 0;
  lp_measure_input in = {.places = g->places ? g->places : places,
                         .x = &x,
                         .labels = f->labels,
                         .classes = f->orientations,
                         .negative = negative,
                         .seed = MEASURE_SEED,
                         .effort = LP_MEASURE_LENIENT};
  if (s == LP_OK && *names) s = lp_measure_site(&in, names, &m);
  for (uint32_t i = 0; s == LP_OK && i < m.n; i++)
    if (m.item[i].of_class < 0) out->measured[number[m.item[i].asked]] = m.item[i].result;
  lp_measurements_free(&m);
  lp_places_free(places);
  free(names);
  free(number);
  return s;
}

static lp_status measure_gratings(analysis *a, uint32_t arm, uint32_t seed, site_result *sites) {
  grating_file f;
  if (!sites) return LP_OK;
  lp_status s = open_gratings(a, arm, seed, &f);
  for (uint32_t k = 0; s == LP_OK && f.file && k < a->n_sites; k++) {
    const lp_tensor_view *v = lp_safetensors_find(f.file, a->site_name[k]);
    const lp_desc want = lp_f32(f.n, a->folder->arm[arm].site[k].units);
    for (uint32_t g = 0; s == LP_OK && v && lp_desc_equal(&v->desc, &want) && g < a->n_geometries;
         g++)
      if (needs(a, arm, k, g))
        s = measure_tuning(a, &f, &a->geometry[g], v->data, &sites[k * a->n_geometries + g]);
  }
  if (s == LP_OK && f.file) lp_safetensors_free(f.file);
  return s;
}

lp_status lp_measure_runs(analysis *a) {
  lp_status s = lp_find_geometries(a);
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++) {
    for (uint32_t k = 0; s == LP_OK && k < a->n_seeds; k++) {
      run_info *run = &a->arm[i].run[k];
      s = measure_network(a, i, k, LP_RUN_ACTIVATIONS, &run->site);
      run->measured = run->site != NULL;
      if (s == LP_OK) s = measure_gratings(a, i, k, run->site);
      if (s == LP_OK) s = measure_network(a, i, k, LP_RUN_UNTRAINED, &run->untrained);
    }
  }
  return s;
}
