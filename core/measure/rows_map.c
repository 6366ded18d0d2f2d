/* Rows of the table: measures of maps of t, of one class or of all, and of orientation. */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one class ----------------------------------------------------------------------------- */

static lp_status touching(const lp_arg *arg, const lp_measure_request *req,
                          const lp_neighbours **out) {
  bool queen = strcmp(arg->text, "queen") == 0;
  if (!queen && strcmp(arg->text, "rook") != 0)
    return lp_fail(LP_ERR_ARG, "touch=%s: it is rook or queen", arg->text);
  return lp_context_neighbours(req, queen ? LP_QUEEN : LP_ROOK, out);
}

static const lp_param moran_params[] = {
    {"touch", LP_PARAM_STRING, 0, 0, 0, "queen",
     "neighbours: queen (rows of weights sum to 1) or rook (weights of 1)"},
    {"permutations", LP_PARAM_INT, 999, 0, 1e6, NULL, "random placements that p comes from"},
};

static lp_status moran(void *self, const lp_arg *args, const lp_measure_request *req,
                       lp_measured *out) {
  (void)self;
  const lp_neighbours *w;
  lp_moran m;
  lp_status s = touching(&args[0], req, &w);
  if (s == LP_OK)
    s = lp_moran_of(req->t, w, strcmp(args[0].text, "queen") == 0, (uint32_t)args[1].value,
                    req->seed, &m);
  if (s == LP_OK) out->value = m.i, out->chance = m.expected, out->p = m.p;
  return s;
}

static lp_status smoothness(void *self, const lp_arg *args, const lp_measure_request *req,
                            lp_measured *out) {
  (void)self, (void)args;
  lp_preference p;
  lp_status s = lp_preference_over_distance(req->t, context_of(req)->places, &p);
  if (s != LP_OK) return s;
  out->value = p.s;
  out->n_curve = LP_BINS;
  for (int k = 0; k < LP_BINS; k++) {
    out->x[k] = (p.edge[k] + p.edge[k + 1]) / 2;
    out->y[k] = p.mean[k];
  }
  return LP_OK;
}

static lp_status spectrum(void *self, const lp_arg *args, const lp_measure_request *req,
                          lp_measured *out) {
  (void)self, (void)args;
  uint32_t rows = req->extent[0], cols = req->extent[1], radii = (rows < cols ? rows : cols) / 2;
  double *radial = malloc(sizeof *radial * (radii + 1));
  if (!radial) return lp_no_memory("a spectrum");
  lp_status s = lp_spectrum(req->t, rows, cols, radial, &out->value);
  out->n_curve = radii < LP_MEASURE_CURVE ? radii : LP_MEASURE_CURVE;
  for (uint32_t k = 0; k < out->n_curve; k++) out->x[k] = k + 1, out->y[k] = radial[k];
  free(radial);
  return s;
}

enum { PATCH_THRESHOLD, PATCH_LEAST, PATCH_TOUCH };
static const lp_param patch_params[] = {
    {"threshold", LP_PARAM_REAL, 2, -1e9, 1e9, NULL, "t above which a unit is in a patch"},
    {"least", LP_PARAM_INT, 3, 1, 1e9, NULL, "units of the smallest patch that counts"},
    {"touch", LP_PARAM_STRING, 0, 0, 0, "rook",
     "neighbours: rook (an edge) or queen (a corner too)"},
};

static lp_status patches_of(const lp_arg *args, const lp_measure_request *req, lp_patches *p) {
  const lp_neighbours *w;
  lp_status s = touching(&args[PATCH_TOUCH], req, &w);
  return s == LP_OK ? lp_patches_of(req->t, w, args[PATCH_THRESHOLD].value,
                                    (uint32_t)args[PATCH_LEAST].value, NULL, p)
                    : s;
}

static lp_status patches(void *self, const lp_arg *args, const lp_measure_request *req,
                         lp_measured *out) {
  (void)self;
  lp_patches p;
  lp_status s = patches_of(args, req, &p);
  if (s == LP_OK) out->value = p.count;
  return s;
}

static lp_status patch_area(void *self, const lp_arg *args, const lp_measure_request *req,
                            lp_measured *out) {
  (void)self;
  lp_patches p;
  lp_status s = patches_of(args, req, &p);
  if (s == LP_OK) out->value = p.units;
  return s;
}

static const lp_param grown_params[] = {
    {"threshold", LP_PARAM_REAL, 2, -1e9, 1e9, NULL, "t above which the cluster grows"}};

static lp_status grown(void *self, const lp_arg *args, const lp_measure_request *req,
                       lp_measured *out) {
  (void)self;
  const lp_neighbours *w;
  uint32_t units = 0;
  lp_status s = lp_context_neighbours(req, LP_ROOK, &w);
  if (s == LP_OK) s = lp_grown_cluster(req->t, w, args[0].value, NULL, &units);
  if (s == LP_OK) out->value = units;
  return s;
}

static lp_status islands(void *self, const lp_arg *args, const lp_measure_request *req,
                         lp_measured *out) {
  (void)self, (void)args;
  const lp_neighbours *w;
  lp_islands found;
  lp_status s = lp_context_neighbours(req, LP_QUEEN, &w);
  if (s == LP_OK) s = lp_islands_of(req->t, req->q, w, &found);
  if (s == LP_OK) out->value = found.count;
  return s;
}

static lp_status island_moran(void *self, const lp_arg *args, const lp_measure_request *req,
                              lp_measured *out) {
  (void)self, (void)args;
  const lp_neighbours *w;
  lp_islands found;
  lp_status s = lp_context_neighbours(req, LP_QUEEN, &w);
  if (s == LP_OK) s = lp_islands_of(req->t, req->q, w, &found);
  if (s == LP_OK) out->value = found.weighted;
  return s;
}

/* ---- all classes --------------------------------------------------------------------------- */

static lp_status selective(void *self, const lp_arg *args, const lp_measure_request *req,
                           lp_measured *out) {
  (void)self, (void)args;
  double n = 0;
  for (uint32_t i = 0; i < req->units; i++)
    for (uint32_t c = 0; c < req->classes; c++) {
      size_t at = (size_t)c * req->units + i;
      if (!(req->q[at] < 0.05 && req->t[at] > 0)) continue;
      n++;
      break;
    }
  out->value = n / req->units;
  return LP_OK;
}

static lp_status radius(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  (void)self, (void)args;
  int32_t *preferred = calloc((size_t)req->units + 1, sizeof *preferred);
  double *r = malloc(sizeof *r * ((size_t)req->units + 1)), sum = 0, n = 0;
  lp_status s = preferred && r ? LP_OK : lp_no_memory("radii of clusters");
  for (uint32_t i = 0; s == LP_OK && i < req->units; i++)
    for (uint32_t c = 1; c < req->classes; c++)
      if (req->t[(size_t)c * req->units + i] > req->t[(size_t)preferred[i] * req->units + i])
        preferred[i] = (int32_t)c;
  if (s == LP_OK) s = lp_cluster_radius(preferred, req->classes, context_of(req)->places, r);
  for (uint32_t i = 0; s == LP_OK && i < req->units; i++)
    if (!isnan(r[i])) sum += r[i], n++;
  if (n > 0) out->value = sum / n;
  free(preferred);
  free(r);
  return s;
}

/* Mean over pairs of classes where it is defined. */
static lp_status over_pairs(const lp_measure_request *req, const lp_arg *args,
                            lp_status (*of)(const lp_measure_request *req, const lp_arg *args,
                                            const double *a, const double *b, double *value),
                            double *mean) {
  double sum = 0, n = 0, value;
  lp_status s = LP_OK;
  for (uint32_t c = 0; s == LP_OK && c < req->classes; c++)
    for (uint32_t d = 0; s == LP_OK && d < c; d++) {
      s = of(req, args, req->t + (size_t)c * req->units, req->t + (size_t)d * req->units, &value);
      if (s == LP_OK && !isnan(value)) sum += value, n++;
    }
  if (n > 0) *mean = sum / n;
  return s;
}

static const lp_param iou_params[] = {
    {"top", LP_PARAM_REAL, 5, 0.01, 99, NULL, "per cent of the units of a map"}};

static lp_status iou_pair(const lp_measure_request *req, const lp_arg *args, const double *a,
                          const double *b, double *value) {
  return lp_iou(a, b, req->units, args[0].value / 100, value);
}

static lp_status iou(void *self, const lp_arg *args, const lp_measure_request *req,
                     lp_measured *out) {
  (void)self;
  return over_pairs(req, args, iou_pair, &out->value);
}

static const lp_param window_params[] = {
    {"threshold", LP_PARAM_REAL, 2, -1e9, 1e9, NULL, "t above which a unit counts"},
    {"window", LP_PARAM_INT, 7, 1, 1e6, NULL, "units of a window's side"}};

static lp_status colocal_pair(const lp_measure_request *req, const lp_arg *args, const double *a,
                              const double *b, double *value) {
  return lp_colocalisation(a, b, req->extent[0], req->extent[1], (uint32_t)args[1].value,
                           args[0].value, value);
}

static lp_status colocal(void *self, const lp_arg *args, const lp_measure_request *req,
                         lp_measured *out) {
  (void)self;
  out->chance = 0.5;
  return over_pairs(req, args, colocal_pair, &out->value);
}

static const lp_param nested_params[] = {
    {"threshold", LP_PARAM_REAL, 2, -1e9, 1e9, NULL, "t above which a unit has a class"},
    {"replacements", LP_PARAM_INT, 199, 0, 1e5, NULL, "random matrices with the same row sums"}};

static lp_status nested(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  (void)self;
  lp_nestedness n;
  lp_status s = lp_nodf(req->t, req->classes, req->units, args[0].value, (uint32_t)args[1].value,
                        req->seed, &n);
  if (s == LP_OK) out->value = n.nodf, out->chance = n.mean, out->sd = n.sd, out->p = n.p;
  return s;
}

static const lp_param coarse_params[] = {
    {"groups", LP_PARAM_INT, 0, 0, 1e6, NULL,
     "superclasses, where none are given; 0: the root of the number of classes, rounded"},
    {"threshold", LP_PARAM_REAL, 2, -1e9, 1e9, NULL, "t above which a unit counts"},
    {"replacements", LP_PARAM_INT, 199, 0, 1e5, NULL, "random superclasses of the same sizes"}};

/* Clusters of the classes by what they do to the units: average linkage of 1 - r of mean maps. */
static lp_status cluster(const lp_measure_request *req, uint32_t groups, uint32_t *group) {
  double *rdm = malloc(sizeof *rdm * ((size_t)req->classes * req->classes + 1));
  lp_status s = rdm ? lp_rdm(req->mean, req->classes, req->units, rdm) : lp_no_memory("an RDM");
  if (s == LP_OK) s = lp_average_linkage(rdm, req->classes, groups, group);
  free(rdm);
  return s;
}

static lp_status coarse(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  (void)self;
  const measure_context *c = context_of(req);
  const lp_containment_options o = {args[1].value, (uint32_t)args[2].value, req->seed};
  uint32_t groups = (uint32_t)args[0].value,
           *group = malloc(sizeof *group * ((size_t)req->classes + 1));
  if (!groups) groups = (uint32_t)lround(sqrt(req->classes));
  lp_status s = group ? LP_OK : lp_no_memory("superclasses");
  lp_containment found = {NAN, NAN, NAN, NAN};
  if (s == LP_OK && !c->superclass) s = cluster(req, groups, group);
  if (s == LP_OK)
    s = lp_containment_of(c->x, req->labels, req->classes, c->superclass ? c->superclass : group,
                          c->superclass ? c->superclasses : groups, &o, NULL, &found);
  if (s == LP_OK)
    out->value = found.inside, out->chance = found.mean, out->sd = found.sd, out->p = found.p;
  free(group);
  return s;
}

/* ---- classes are orientations -------------------------------------------------------------- */

/* Preferred angles and circular variances, class k of K being the orientation k pi / K. */
static lp_status tuning(const lp_measure_request *req, double **angle, double **variance) {
  size_t n = req->units, k = req->classes;
  double *r = malloc(sizeof *r * (n * k + k + 1)), *theta = r + n * k;
  *angle = malloc(sizeof **angle * (n + 1));
  *variance = malloc(sizeof **variance * (n + 1));
  lp_status s = r && *angle && *variance ? LP_OK : lp_no_memory("tuning of units");
  for (size_t c = 0; s == LP_OK && c < k; c++) {
    theta[c] = acos(-1) * (double)c / (double)k;
    for (size_t i = 0; i < n; i++) r[i * k + c] = req->mean[c * n + i];
  }
  if (s == LP_OK) lp_orientation(r, theta, (uint32_t)n, (uint32_t)k, *angle, *variance);
  free(r);
  return s;
}

static double mean_of(const double *x, size_t n) {
  double sum = 0, m = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(x[i])) sum += x[i], m++;
  return m > 0 ? sum / m : NAN;
}

/* self: which of the three. */
static char of_variance, of_entropy, of_pinwheels;

static const lp_param entropy_params[] = {
    {"window", LP_PARAM_INT, 9, 1, 999, NULL, "units of the window's side, odd"}};

static lp_status orientation(void *self, const lp_arg *args, const lp_measure_request *req,
                             lp_measured *out) {
  double *angle, *variance;
  lp_status s = tuning(req, &angle, &variance);
  uint32_t rows = req->extent[0], cols = req->extent[1];
  if (s == LP_OK && self == &of_variance) out->value = mean_of(variance, req->units);
  if (s == LP_OK && self == &of_entropy) {
    s = lp_local_entropy(angle, rows, cols, (uint32_t)args[0].value, req->classes, variance);
    if (s == LP_OK) out->value = mean_of(variance, req->units);
  }
  if (s == LP_OK && self == &of_pinwheels) {
    lp_pinwheels p;
    s = lp_pinwheels_of(angle, rows, cols, req->period[0] > 0, NULL, &p);
    if (s == LP_OK) out->value = p.density;
  }
  free(angle);
  free(variance);
  return s;
}

/* ---- the rows ------------------------------------------------------------------------------ */

#define HEAD(n, t, u, src, what)                                                                   \
  .struct_size = sizeof(lp_measure), .name = n, .summary = t, .unit = u, .source = src,            \
  .takes = what

const lp_measure lp_rows_map[] = {
    {HEAD("moran", "Moran's I of selectivity", "",
          "Moran, Biometrika 1950; Rathi et al., ICLR 2025", LP_TAKES_MAP),
     .label = "Moran’s I of selectivity", .direction = "more: neighbours alike",
     ROW_PARAMS(moran_params), .value = moran},
    {HEAD("smoothness", "S: how much closer units prefer alike", "", "Margalit et al., Neuron 2024",
          LP_TAKES_MAP),
     .label = "smoothness S", .direction = "more: near units prefer alike", .value = smoothness},
    {HEAD("spectrum", "slope of the log-log radial spectrum", "", "Lu et al., Nat Hum Behav 2025",
          LP_TAKES_MAP),
     .label = "spectral slope", .flags = LP_MEASURE_SHEET, .value = spectrum},
    {HEAD("patches", "connected patches of selective units", "patches",
          "after Margalit et al., Neuron 2024", LP_TAKES_MAP),
     .label = "patches", .direction = "more: more pieces", ROW_PARAMS(patch_params),
     .value = patches},
    {HEAD("patch_area", "units in patches", "units", "after Margalit et al., Neuron 2024",
          LP_TAKES_MAP),
     .label = "units in patches", ROW_PARAMS(patch_params), .value = patch_area},
    {HEAD("grown_cluster", "units of the cluster about the largest t", "units",
          "Rathi et al., ICLR 2025", LP_TAKES_MAP),
     .label = "grown cluster", ROW_PARAMS(grown_params), .value = grown},
    {HEAD("islands", "islands of at least 8 units with q < .05", "islands", "Topo-Omni, 2026",
          LP_TAKES_MAP),
     .label = "islands", .value = islands},
    {HEAD("island_moran", "Moran's I within islands, weighted by size", "", "Topo-Omni, 2026",
          LP_TAKES_MAP),
     .label = "Moran’s I within islands", .value = island_moran},
    {HEAD("selective_units", "share of units with q < .05, t > 0 for a class", "",
          "Benjamini & Hochberg, J R Stat Soc B 1995", LP_TAKES_MAPS),
     .label = "share of selective units", .direction = "more: more units have a class",
     .value = selective},
    {HEAD("cluster_radius", "least window that holds every preferred class", "units",
          "Lu et al., Nat Hum Behav 2025", LP_TAKES_MAPS),
     .label = "cluster radius", .direction = "more: classes further apart", .value = radius},
    {HEAD("iou", "overlap of the most selective units of two classes", "", "Jaccard, 1901",
          LP_TAKES_MAPS),
     .label = "overlap of classes (IoU)", .direction = "more: classes share units",
     .flags = LP_MEASURE_CLASS_PAIRS, ROW_PARAMS(iou_params), .value = iou},
    {HEAD("colocalisation", "co-localisation of two classes in windows", "",
          "Margalit et al., Neuron 2024", LP_TAKES_MAPS),
     .label = "co-localisation", .direction = "more: classes share places",
     .flags = LP_MEASURE_SHEET | LP_MEASURE_CLASS_PAIRS, ROW_PARAMS(window_params),
     .value = colocal},
    {HEAD("nestedness", "NODF of the class x unit matrix", "per cent",
          "Almeida-Neto et al., Oikos 2008", LP_TAKES_MAPS),
     .label = "nestedness (NODF)", .direction = "more: rarer classes inside commoner ones",
     ROW_PARAMS(nested_params), .value = nested},
    {HEAD("coarse_to_fine", "share of a class's units inside its superclass's patch", "", "",
          LP_TAKES_MAPS),
     .label = "patches inside superclasses", .direction = "more: nested, fine in coarse",
     .flags = LP_MEASURE_CLASS_PAIRS, ROW_PARAMS(coarse_params), .value = coarse},
    {HEAD("circular_variance", "of units' orientation tuning; classes are orientations", "",
          "Ringach et al., J Neurosci 2002", LP_TAKES_MAPS),
     .label = "circular variance", .self = &of_variance,
     .flags = LP_MEASURE_ASKED | LP_MEASURE_NONNEGATIVE, .value = orientation},
    {HEAD("orientation_entropy", "of preferred angles in windows; classes are orientations", "nats",
          "Lu et al., Nat Hum Behav 2025", LP_TAKES_MAPS),
     .label = "local entropy of orientation", .self = &of_entropy,
     .flags = LP_MEASURE_ASKED | LP_MEASURE_NONNEGATIVE | LP_MEASURE_SHEET,
     ROW_PARAMS(entropy_params), .value = orientation},
    {HEAD("pinwheel_density", "pinwheels a column, pi in cortex; classes are orientations", "",
          "Kaschube et al., Science 2010", LP_TAKES_MAPS),
     .label = "pinwheel density", .self = &of_pinwheels,
     .flags = LP_MEASURE_ASKED | LP_MEASURE_NONNEGATIVE | LP_MEASURE_SHEET, .value = orientation},
};
const uint32_t lp_n_rows_map = sizeof lp_rows_map / sizeof *lp_rows_map;
