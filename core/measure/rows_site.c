/* Rows of the table: measures of a site's activations, image by image or over pairs of units. */
#include "rows.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- pairs of units ------------------------------------------------------------------------ */

static const lp_param curve_params[] = {
    {"replacements", LP_PARAM_INT, 199, 0, 1e5, NULL, "random placements of the units"}};

static lp_status over_distance(void *self, const lp_arg *args, const lp_measure_request *req,
                               lp_measured *out) {
  (void)self;
  const lp_pairs *pairs;
  lp_curve c;
  lp_status s = lp_context_pairs(req, &pairs);
  if (s == LP_OK)
    s = lp_correlation_over_distance(pairs, context_of(req)->places, (uint32_t)args[0].value,
                                     req->seed, &c);
  if (s != LP_OK) return s;
  out->n_curve = LP_BINS;
  for (int k = LP_BINS - 1; k >= 0; k--) {
    out->x[k] = (c.edge[k] + c.edge[k + 1]) / 2;
    out->y[k] = c.mean[k];
    out->y_low[k] = c.low[k];
    out->y_high[k] = c.high[k];
    if (isnan(c.mean[k])) continue; /* the nearest bin with pairs is the value */
    out->value = c.mean[k];
    out->chance = c.null_mean[k];
    out->low = c.low[k];
    out->high = c.high[k];
  }
  return LP_OK;
}

static lp_status alignment(void *self, const lp_arg *args, const lp_measure_request *req,
                           lp_measured *out) {
  (void)self, (void)args;
  const lp_pairs *pairs;
  lp_status s = lp_context_pairs(req, &pairs);
  if (s == LP_OK) s = lp_alignment(pairs, context_of(req)->places, &out->value);
  out->chance = 0; /* the mean over all ways to place the units, exactly */
  return s;
}

static lp_status tgi(void *self, const lp_arg *args, const lp_measure_request *req,
                     lp_measured *out) {
  (void)self, (void)args;
  const lp_pairs *pairs;
  lp_status s = lp_context_pairs(req, &pairs);
  return s == LP_OK ? lp_tgi(pairs, context_of(req)->places, &out->value) : s;
}

/* (trace C)^2 / trace(C C) of the covariance of units that vary. */
static lp_status participation(void *self, const lp_arg *args, const lp_measure_request *req,
                               lp_measured *out) {
  (void)self, (void)args;
  const lp_pairs *pairs;
  lp_status s = lp_context_pairs(req, &pairs);
  if (s != LP_OK) return s;
  if (pairs->units > LP_ALL_PAIRS) { /* only a sample of the pairs is there */
    double size, squares;
    s = lp_gram_squares(context_of(req)->x, &size, &squares);
    if (s == LP_OK && squares > 0) out->value = size * size / squares;
    return s;
  }
  double trace = 0, squares = 0;
  for (uint32_t i = 0; i < pairs->units; i++) {
    trace += pairs->square[i];
    squares += pairs->square[i] * pairs->square[i];
  }
  for (size_t k = 0; k < pairs->count; k++)
    squares +=
        2 * pairs->r[k] * pairs->r[k] * pairs->square[pairs->i[k]] * pairs->square[pairs->j[k]];
  if (squares > 0) out->value = trace * trace / squares;
  return LP_OK;
}

static lp_status neighbours(void *self, const lp_arg *args, const lp_measure_request *req,
                            lp_measured *out) {
  (void)self, (void)args;
  const lp_neighbours *w;
  const lp_pairs *pairs = NULL;
  lp_pairs *near = NULL;
  lp_status s = lp_context_neighbours(req, LP_ROOK, &w);
  if (s == LP_OK) s = lp_context_pairs(req, &pairs);
  if (s == LP_OK) s = lp_neighbour_pairs(context_of(req)->x, w, &near);
  double sum = 0, all = 0;
  for (size_t k = 0; s == LP_OK && k < near->count; k++) sum += near->r[k];
  for (size_t k = 0; s == LP_OK && k < pairs->count; k++) all += pairs->r[k];
  if (s == LP_OK && near->count) out->value = sum / (double)near->count;
  if (s == LP_OK && pairs->count) out->chance = all / (double)pairs->count;
  lp_pairs_free(near);
  return s;
}

/* ---- image by image ------------------------------------------------------------------------ */

/* A measure of one image's map, and what units in any order give. */
typedef struct image_measure {
  lp_map_fn of, on_torus; /* on_torus: where the axes wrap; NULL: without meaning there */
  double (*chance)(uint32_t rows, uint32_t cols, bool wrap);
  double (*placed)(const double *map, const lp_places *p, const lp_neighbours *w); /* off a sheet */
} image_measure;

static double chance_variance(uint32_t rows, uint32_t cols, bool wrap) {
  return wrap ? lp_spatial_variance_torus_uniform(rows, cols)
              : lp_spatial_variance_uniform(rows, cols);
}

static double chance_torus(uint32_t rows, uint32_t cols, bool wrap) {
  (void)wrap;
  return lp_spatial_variance_torus_uniform(rows, cols);
}

static double chance_moran(uint32_t rows, uint32_t cols, bool wrap) {
  (void)wrap;
  return (double)rows * cols > 1 ? -1 / ((double)rows * cols - 1) : NAN;
}

static double chance_geary(uint32_t rows, uint32_t cols, bool wrap) {
  (void)rows, (void)cols, (void)wrap;
  return 1;
}

static double placed_variance(const double *map, const lp_places *p, const lp_neighbours *w) {
  (void)w;
  return lp_places_variance(map, p);
}

static double placed_moran(const double *map, const lp_places *p, const lp_neighbours *w) {
  (void)p;
  return lp_places_moran_i(map, w);
}

static double placed_geary(const double *map, const lp_places *p, const lp_neighbours *w) {
  (void)p;
  return lp_places_geary_c(map, w);
}

static double placed_centroid(const double *map, const lp_places *p, const lp_neighbours *w) {
  (void)w;
  return lp_places_centroid_offset(map, p);
}

static double unknown(uint32_t rows, uint32_t cols, bool wrap) {
  (void)rows, (void)cols, (void)wrap;
  return NAN;
}

static const image_measure variance = {lp_spatial_variance, lp_spatial_variance_torus,
                                       chance_variance, placed_variance},
                           variance_torus = {lp_spatial_variance_torus, lp_spatial_variance_torus,
                                             chance_torus, NULL},
                           moran_i = {lp_moran_i, lp_moran_i_torus, chance_moran, placed_moran},
                           geary_c = {lp_geary_c, lp_geary_c_torus, chance_geary, placed_geary},
                           centroid = {lp_centroid_offset, NULL /* a torus has no middle */,
                                       unknown, placed_centroid};

/* The mean over images with a defined value. */
static lp_status over_images(void *self, const lp_arg *args, const lp_measure_request *req,
                             lp_measured *out) {
  (void)args;
  const image_measure *m = self;
  uint32_t rows = req->extent[0], cols = req->extent[1];
  bool wrap = req->period[0] > 0 || req->period[1] > 0, sheet = rows > 0;
  const lp_places *places = context_of(req)->places;
  const lp_neighbours *w = NULL;
  if (sheet && wrap && !m->on_torus) return LP_OK;
  double *block = malloc(sizeof *block * ((size_t)BLOCK_ROWS * req->units + 1)), sum = 0, n = 0;
  lp_status s = block ? LP_OK : lp_no_memory("blocks of activations");
  if (s == LP_OK && !sheet) s = lp_context_neighbours(req, LP_ROOK, &w);
  for (uint32_t first = 0; s == LP_OK && first < req->images; first += BLOCK_ROWS) {
    uint32_t count = req->images - first < BLOCK_ROWS ? req->images - first : BLOCK_ROWS;
    double value[BLOCK_ROWS];
    s = req->rows(req, first, count, block);
    if (s != LP_OK) break;
#pragma omp parallel for schedule(static)
    for (uint32_t k = 0; k < count; k++) {
      const double *map = block + (size_t)k * req->units;
      value[k] = sheet ? (wrap ? m->on_torus : m->of)(map, rows, cols) : m->placed(map, places, w);
    }
    for (uint32_t k = 0; k < count; k++)
      if (!isnan(value[k])) sum += value[k], n++;
  }
  free(block);
  if (n > 0) out->value = sum / n;
  if (sheet)
    out->chance = m->chance(rows, cols, wrap);
  else if (m == &variance)
    out->chance = lp_places_variance_uniform(places);
  else
    out->chance = m->chance(req->units, 1, wrap);
  return s;
}

/* ---- the rows ------------------------------------------------------------------------------ */

#define HEAD(n, t, u, src)                                                                         \
  .struct_size = sizeof(lp_measure), .name = n, .summary = t, .unit = u, .source = src,            \
  .takes = LP_TAKES_SITE
#define IMAGES(m) .self = (void *)(uintptr_t) & (m), .value = over_images

const lp_measure lp_rows_site[] = {
    {HEAD("correlation_distance", "correlation of the nearest units, and over distance", "",
          "Lee et al., bioRxiv 2020; Margalit et al., Neuron 2024"),
     .label = "correlation of the nearest units", .direction = "more: near units alike",
     ROW_PARAMS(curve_params), .value = over_distance},
    {HEAD("alignment", "correlation of r with 1 / (1 + distance)", "",
          "Margalit et al., Neuron 2024"),
     .label = "alignment", .direction = "more: near units alike", .value = alignment},
    {HEAD("tgi", "topographic generalisation index", "", "Binhuraib et al., 2025"), .label = "TGI",
     .direction = "more: near units alike", .value = tgi},
    {HEAD("neighbour_correlation", "correlation of neighbouring units over images", "", ""),
     .label = "neighbour correlation", .direction = "more: neighbours alike", .value = neighbours},
    {HEAD("participation_ratio", "dimensions that units' activity fills", "",
          "Gao et al., bioRxiv 2017"),
     .label = "participation ratio", .direction = "more: more dimensions", .value = participation},
    {HEAD("variance", "V: spatial variance of an image's map", "unit spacings squared",
          "Sax, 2017"),
     .label = "spatial variance V", .direction = "less: closer together",
     .flags = LP_MEASURE_NONNEGATIVE, IMAGES(variance)},
    {HEAD("variance_torus", "V with wrapped axes", "unit spacings squared", "Sax, 2017"),
     .label = "V with axes wrapped", .direction = "less: closer together",
     .flags = LP_MEASURE_SHEET | LP_MEASURE_NONNEGATIVE, IMAGES(variance_torus)},
    {HEAD("moran_i", "Moran's I of an image's map", "", "Moran, Biometrika 1950"),
     .label = "Moran’s I", .direction = "more: neighbours alike", IMAGES(moran_i)},
    {HEAD("geary_c", "Geary's C of an image's map", "", "Geary, Inc Statistician 1954"),
     .label = "Geary’s C", .direction = "less: neighbours alike", IMAGES(geary_c)},
    {HEAD("centroid_offset", "distance of an image's centroid from the centre", "unit spacings",
          ""),
     .label = "centroid offset", .direction = "more: off the middle",
     .flags = LP_MEASURE_NONNEGATIVE, IMAGES(centroid)},
};
const uint32_t lp_n_rows_site = sizeof lp_rows_site / sizeof *lp_rows_site;
