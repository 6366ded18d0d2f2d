/* Activations A and B (images x units), labels and a sheet; maps of t with a row a class, what is
 * made of them, curves over distance, TGI, CKA, RDM, nestedness. A key may name its own parameters:
 * smoothed_t_fwhmX, patches_tX_minN_KIND/{count,units}, iou_classes_IJ_topXpct. */
#include "golden.h"

#include <locality/measure.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-9;

typedef struct topography {
  golden *g;
  uint32_t n, units, classes, rows, cols;
  double *a, *b, *t, *d, *p, *q, *mean_a, *mean_b;
  int32_t *labels;
  lp_places *places;
  lp_neighbours *touching[2]; /* by lp_contiguity */
  lp_pairs *pairs;
} topography;

static double *room(const topography *t) {
  return calloc((size_t)t->classes * t->units + 1, sizeof(double));
}

static lp_status selectivity(topography *t) {
  t->t = room(t), t->d = room(t), t->p = room(t), t->q = room(t);
  t->mean_a = room(t), t->mean_b = room(t);
  if (!t->t || !t->d || !t->p || !t->q || !t->mean_a || !t->mean_b) return LP_ERR_MEMORY;
  lp_responses a = lp_responses_f64(t->a, t->n, t->units),
               b = lp_responses_f64(t->b ? t->b : t->a, t->n, t->units);
  lp_status s = lp_selectivity_of(&a, t->labels, t->classes,
                                  &(lp_selectivity){t->t, t->d, t->p, t->q, t->mean_a});
  if (s == LP_OK)
    s = lp_selectivity_of(&b, t->labels, t->classes, &(lp_selectivity){.mean = t->mean_b});
  return s == LP_OK ? lp_pairs_correlate(&a, 1, &t->pairs) : s;
}

/* Takes the inputs. False when they are not there, or do not fit, which is reported. */
static bool open_inputs(topography *t, golden *g) {
  *t = (topography){.g = g};
  if (!golden_has(g, "A") || !golden_has(g, "labels") || !golden_has(g, "sheet")) return false;
  const lp_tensor_view *a = golden_take(g, "A"), *b = golden_take(g, "B"),
                       *labels = golden_take(g, "labels"), *sheet = golden_take(g, "sheet");
  double *side = golden_doubles(sheet);
  bool fits = a->desc.ndim == 2 && (!b || lp_desc_equal(&a->desc, &b->desc)) && side &&
              lp_numel(&sheet->desc) == 2 && lp_numel(&labels->desc) == a->desc.dim[0];
  if (fits) {
    t->n = (uint32_t)a->desc.dim[0];
    t->units = (uint32_t)a->desc.dim[1];
    t->rows = (uint32_t)side[0];
    t->cols = (uint32_t)side[1];
    t->a = golden_doubles(a);
    t->b = b ? golden_doubles(b) : NULL;
    t->labels = golden_convert(labels, LP_I32);
    fits = t->a && t->labels && t->rows * t->cols == t->units;
  }
  for (uint32_t m = 0; fits && m < t->n; m++)
    if (t->labels[m] >= (int32_t)t->classes) t->classes = (uint32_t)t->labels[m] + 1;
  free(side);
  lp_status s = fits ? lp_places_sheet(t->rows, t->cols, false, &t->places) : LP_OK;
  for (int k = 0; fits && s == LP_OK && k < 2; k++)
    s = lp_neighbours_of(t->places, (lp_contiguity)k, &t->touching[k]);
  if (fits && s == LP_OK) s = selectivity(t);
  if (!fits) golden_failed(g, "A", "A, B, labels and sheet do not fit together");
  if (s != LP_OK) golden_failed(g, "A", "%s", lp_error_message());
  return fits && s == LP_OK;
}

static void close_inputs(topography *t) {
  double *own[] = {t->a, t->b, t->t, t->d, t->p, t->q, t->mean_a, t->mean_b};
  for (size_t k = 0; k < sizeof own / sizeof *own; k++) free(own[k]);
  free(t->labels);
  lp_places_free(t->places);
  lp_neighbours_free(t->touching[0]);
  lp_neighbours_free(t->touching[1]);
  lp_pairs_free(t->pairs);
}

/* Compares with the key, where the file has it. */
static void check(const topography *t, const char *key, lp_status s, const double *ours, size_t n) {
  if (!golden_has(t->g, "%s", key)) return;
  const lp_tensor_view *ref = golden_take(t->g, "%s", key);
  if (s == LP_OK)
    golden_compare(t->g, key, ours, n, ref, tolerance);
  else
    golden_failed(t->g, key, "%s", lp_error_message());
}

/* ---- a row a class ------------------------------------------------------------------------- */

static void check_rows(const topography *t) {
  size_t n = (size_t)t->classes * t->units;
  check(t, "selectivity_t", LP_OK, t->t, n);
  check(t, "dprime", LP_OK, t->d, n);
  check(t, "welch_p_greater", LP_OK, t->p, n);
  check(t, "bh_q", LP_OK, t->q, n);
  static const char *const key[] = {"moran_t_rook_binary", "moran_t_queen_row"};
  double *i = room(t);
  for (int k = 0; k < 2; k++) {
    lp_status s = LP_OK;
    lp_moran m = {0};
    for (uint32_t c = 0; s == LP_OK && c < t->classes; c++) {
      s = lp_moran_of(t->t + (size_t)c * t->units, t->touching[k], k == 1, 0, 1, &m);
      i[c] = m.i;
    }
    check(t, key[k], s, i, t->classes);
  }
  free(i);
}

static void check_smoothed(const topography *t, const char *key) {
  double fwhm = strtod(key + strlen("smoothed_t_fwhm"), NULL), *out = room(t);
  lp_status s = LP_OK;
  for (uint32_t c = 0; s == LP_OK && c < t->classes; c++)
    s = lp_smooth(t->t + (size_t)c * t->units, t->places, fwhm, out + (size_t)c * t->units);
  check(t, key, s, out, (size_t)t->classes * t->units);
  free(out);
}

static void check_patches(const topography *t, const char *key) {
  double threshold, *out = room(t);
  unsigned least;
  char kind[16], what[16];
  if (sscanf(key, "patches_t%lf_min%u_%15[a-z]/%15s", &threshold, &least, kind, what) != 4) {
    free(out);
    return;
  }
  lp_status s = LP_OK;
  lp_patches found = {0};
  const lp_neighbours *w = t->touching[strcmp(kind, "queen") == 0];
  for (uint32_t c = 0; s == LP_OK && c < t->classes; c++) {
    s = lp_patches_of(t->t + (size_t)c * t->units, w, threshold, least, NULL, &found);
    out[c] = strcmp(what, "count") == 0 ? found.count : found.units;
  }
  check(t, key, s, out, t->classes);
  free(out);
}

static void check_iou(const topography *t, const char *key) {
  char first, second;
  double percent, out = NAN;
  if (sscanf(key, "iou_classes_%c%c_top%lfpct", &first, &second, &percent) != 3) return;
  uint32_t a = (uint32_t)(first - '0'), b = (uint32_t)(second - '0');
  lp_status s = a < t->classes && b < t->classes
                    ? lp_iou(t->t + (size_t)a * t->units, t->t + (size_t)b * t->units, t->units,
                             percent / 100, &out)
                    : lp_fail(LP_ERR_ARG, "there are %u classes", t->classes);
  check(t, key, s, &out, 1);
}

static void check_parameters(const topography *t) {
  for (uint32_t i = 0; i < lp_safetensors_count(t->g->file); i++) {
    const char *key = lp_safetensors_get(t->g->file, i)->name;
    if (strncmp(key, "smoothed_t_fwhm", 15) == 0) check_smoothed(t, key);
    if (strncmp(key, "patches_t", 9) == 0) check_patches(t, key);
    if (strncmp(key, "iou_classes_", 12) == 0) check_iou(t, key);
  }
}

/* ---- one number or curve ------------------------------------------------------------------- */

static void check_distance(const topography *t) {
  lp_curve curve;
  lp_preference preference;
  double value = NAN;
  lp_status s = lp_correlation_over_distance(t->pairs, t->places, 0, 1, &curve);
  check(t, "correlation_distance/edges", s, curve.edge, LP_BINS + 1);
  check(t, "correlation_distance/mean", s, curve.mean, LP_BINS);
  s = lp_preference_over_distance(t->t, t->places, &preference); /* of the first class */
  check(t, "preference_distance/mean", s, preference.mean, LP_BINS);
  check(t, "smoothness_S", s, &preference.s, 1);
  s = lp_alignment(t->pairs, t->places, &value);
  check(t, "alignment", s, &value, 1);
  s = lp_tgi(t->pairs, t->places, &value);
  check(t, "tgi", s, &value, 1);
}

static void check_representation(const topography *t) {
  double value = NAN, spearman = NAN, tau = NAN, *map = room(t);
  size_t square = (size_t)t->classes * t->classes;
  double *rdm = calloc(2 * square + 1, sizeof *rdm);
  lp_responses a = lp_responses_f64(t->a, t->n, t->units),
               b = lp_responses_f64(t->b ? t->b : t->a, t->n, t->units);
  check(t, "cka_linear", lp_cka(&a, &b, &value), &value, 1);
  lp_status s = lp_rdm(t->mean_a, t->classes, t->units, rdm);
  if (s == LP_OK) s = lp_rdm(t->mean_b, t->classes, t->units, rdm + square);
  check(t, "rdm_A", s, rdm, square);
  check(t, "rdm_B", s, rdm + square, square);
  if (s == LP_OK) s = lp_rsa(rdm, rdm + square, t->classes, &spearman, &tau);
  check(t, "rdm_spearman", s, &spearman, 1);
  check(t, "rdm_kendall_tau_b", s, &tau, 1);
  lp_nestedness nested;
  s = lp_nodf(t->t, t->classes, t->units, 2, 0, 1, &nested);
  check(t, "nodf", s, &nested.nodf, 1);
  for (size_t k = 0; map && k < (size_t)t->n * t->units; k++) map[k % t->units] += t->a[k] / t->n;
  check(t, "activity_mean", LP_OK, map, t->units);
  s = lp_spectrum(t->t, t->rows, t->cols, map, &value); /* of the first class */
  check(t, "spectrum/radial", s, map, (t->rows < t->cols ? t->rows : t->cols) / 2);
  check(t, "spectrum/slope", s, &value, 1);
  free(map);
  free(rdm);
}

void golden_topography(golden *g) {
  topography t;
  if (open_inputs(&t, g)) {
    check_rows(&t);
    check_parameters(&t);
    check_distance(&t);
    check_representation(&t);
  }
  close_inputs(&t);
}
