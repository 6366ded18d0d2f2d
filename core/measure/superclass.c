/* Coarse to fine: superclasses of classes, and whether the patches of classes lie inside theirs. */
#include "measure_internal.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- clusters ------------------------------------------------------------------------------- */

/* Numbers groups by their first member. */
static void renumber(uint32_t *group, uint32_t n, uint32_t *name) {
  uint32_t next = 0;
  for (uint32_t i = 0; i < n; i++) name[i] = UINT32_MAX;
  for (uint32_t i = 0; i < n; i++) {
    if (name[group[i]] == UINT32_MAX) name[group[i]] = next++;
    group[i] = name[group[i]];
  }
}

lp_status lp_average_linkage(const double *dissimilarity, uint32_t n, uint32_t groups,
                             uint32_t *group) {
  if (groups < 1 || groups > n)
    return lp_fail(LP_ERR_ARG, "%u items cannot be in %u groups", n, groups);
  double *d = malloc(sizeof *d * n * n), *size = malloc(sizeof *size * n);
  uint32_t *room = malloc(sizeof *room * n);
  lp_status s = d && size && room ? LP_OK : lp_no_memory("clusters");
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    size[i] = 1;
    group[i] = i;
    for (uint32_t j = 0; j < n; j++) {
      const double own = dissimilarity[(size_t)i * n + j];
      d[(size_t)i * n + j] = isnan(own) ? INFINITY : own;
    }
  }
  for (uint32_t left = n; s == LP_OK && left > groups; left--) {
    uint32_t a = 0, b = 0;
    for (uint32_t i = 0; i < n; i++)
      for (uint32_t j = i + 1; j < n; j++)
        if (size[i] > 0 && size[j] > 0 && (a == b || d[(size_t)i * n + j] < d[(size_t)a * n + b]))
          a = i, b = j;
    for (uint32_t k = 0; k < n; k++) { /* b joins a */
      double *own = &d[(size_t)a * n + k], other = d[(size_t)b * n + k];
      *own = (size[a] * *own + size[b] * other) / (size[a] + size[b]);
      d[(size_t)k * n + a] = *own;
    }
    size[a] += size[b];
    size[b] = 0;
    for (uint32_t i = 0; i < n; i++)
      if (group[i] == b) group[i] = a;
  }
  if (s == LP_OK) renumber(group, n, room);
  free(d);
  free(size);
  free(room);
  return s;
}

/* ---- moments of classes ---------------------------------------------------------------------- */

/* About the mean of each unit: sums and squares, classes x units, and their totals. */
typedef struct class_sums {
  uint32_t classes, units;
  double *n, *sum, *square, *all, *all_square;
  double images;
} class_sums;

static void free_sums(class_sums *s) {
  free(s->n);
  free(s->sum);
  free(s->square);
  free(s->all);
  free(s->all_square);
}

static void add_rows(class_sums *s, const double *rows, const int32_t *labels, uint32_t count,
                     const double *mean) {
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < s->units; i++)
    for (uint32_t m = 0; m < count; m++) {
      const size_t at = (size_t)labels[m] * s->units + i;
      const double x = rows[(size_t)m * s->units + i] - mean[i];
      s->sum[at] += x;
      s->square[at] += x * x;
      s->all[i] += x;
      s->all_square[i] += x * x;
    }
}

static lp_status sum_classes(const lp_responses *x, const int32_t *labels, uint32_t classes,
                             class_sums *s) {
  const size_t maps = (size_t)classes * x->units + 1;
  *s = (class_sums){.classes = classes,
                    .units = x->units,
                    .n = calloc((size_t)classes + 1, sizeof(double)),
                    .sum = calloc(maps, sizeof(double)),
                    .square = calloc(maps, sizeof(double)),
                    .all = calloc((size_t)x->units + 1, sizeof(double)),
                    .all_square = calloc((size_t)x->units + 1, sizeof(double)),
                    .images = x->n};
  double *rows = malloc(sizeof *rows * ((size_t)BLOCK_ROWS * x->units + 1));
  unit_scan scan;
  lp_status status = lp_scan_units(x, &scan);
  if (status == LP_OK && (!rows || !s->n || !s->sum || !s->square || !s->all || !s->all_square))
    status = lp_no_memory("maps of classes");
  for (uint32_t m = 0; status == LP_OK && m < x->n; m++) {
    if (labels[m] < 0 || (uint32_t)labels[m] >= classes)
      status = lp_fail(LP_ERR_ARG, "label %d of image %u is not one of %u classes", labels[m], m,
                       classes);
    else
      s->n[labels[m]]++;
  }
  for (uint32_t first = 0; status == LP_OK && first < x->n; first += BLOCK_ROWS) {
    const uint32_t count = x->n - first < BLOCK_ROWS ? x->n - first : BLOCK_ROWS;
    status = x->read(x, first, count, rows);
    if (status == LP_OK) add_rows(s, rows, labels + first, count, scan.mean);
  }
  lp_scan_free(&scan);
  free(rows);
  return status;
}

/* t of a set of images of which these are number, sum and squares, against all others. */
static double selectivity(double n, double sum, double square, double rest, double rest_sum,
                          double rest_square) {
  if (n == 0 || rest == 0) return NAN;
  const double m1 = sum / n, m0 = rest_sum / rest, v1 = fmax(square / n - m1 * m1, 0),
               v0 = fmax(rest_square / rest - m0 * m0, 0), error = sqrt(v1 / n + v0 / rest);
  return error > 0 ? (m1 - m0) / error : 0;
}

/* ---- containment ----------------------------------------------------------------------------- */

/* For each unit, which groups it is selective for; in: groups x units. */
static void patches_of_groups(const class_sums *s, const uint32_t *group, uint32_t groups,
                              double threshold, double *room, bool *in) {
  double *n = room, *sum = n + groups, *square = sum + groups;
  for (uint32_t i = 0; i < s->units; i++) {
    memset(room, 0, sizeof *room * 3 * groups);
    for (uint32_t c = 0; c < s->classes; c++) {
      const size_t at = (size_t)c * s->units + i;
      n[group[c]] += s->n[c];
      sum[group[c]] += s->sum[at];
      square[group[c]] += s->square[at];
    }
    for (uint32_t g = 0; g < groups; g++)
      in[(size_t)g * s->units + i] =
          selectivity(n[g], sum[g], square[g], s->images - n[g], s->all[i] - sum[g],
                      s->all_square[i] - square[g]) > threshold;
  }
}

/* The mean over classes of the share of their units that their group's patch holds. of_class: own
 * patches, classes x units. */
static double share_inside(const class_sums *s, const uint32_t *group, const bool *of_class,
                           const bool *of_group, double *each) {
  double total = 0, counted = 0;
  for (uint32_t c = 0; c < s->classes; c++) {
    double units = 0, inside = 0, members = 0;
    for (uint32_t d = 0; d < s->classes; d++) members += group[d] == group[c] && s->n[d] > 0;
    for (uint32_t i = 0; i < s->units; i++) {
      if (!of_class[(size_t)c * s->units + i]) continue;
      units++;
      inside += of_group[(size_t)group[c] * s->units + i];
    }
    const bool counts = units > 0 && members > 1;
    if (each) each[c] = counts ? inside / units : NAN;
    if (counts) total += inside / units, counted++;
  }
  return counted > 0 ? total / counted : NAN;
}

static lp_status null_of(const class_sums *s, const uint32_t *group, uint32_t groups,
                         const lp_containment_options *o, const bool *of_class, bool *in,
                         double *room, lp_containment *out) {
  uint32_t *order = malloc(sizeof *order * 2 * ((size_t)s->classes + 1)),
           *drawn = order + s->classes;
  double *null = malloc(sizeof *null * ((size_t)o->replacements + 1)), sum = 0, n = 0, square = 0,
         as_large = 0;
  lp_status status = order && null ? LP_OK : lp_no_memory("superclasses");
  const uint32_t stream = lp_rng_stream("measure/superclasses");
  for (uint32_t k = 0; status == LP_OK && k < o->replacements; k++) {
    lp_rng_permutation(o->seed, stream, k, order, s->classes);
    for (uint32_t c = 0; c < s->classes; c++) drawn[order[c]] = group[c];
    patches_of_groups(s, drawn, groups, o->threshold, room, in);
    null[k] = share_inside(s, drawn, of_class, in, NULL);
    if (isnan(null[k])) continue;
    sum += null[k];
    as_large += null[k] >= out->inside;
    n++;
  }
  if (status == LP_OK && n > 0) {
    out->mean = sum / n;
    out->p = (1 + as_large) / (1 + n);
    for (uint32_t k = 0; k < o->replacements; k++)
      if (!isnan(null[k])) square += (null[k] - out->mean) * (null[k] - out->mean);
    if (n > 1) out->sd = sqrt(square / (n - 1));
  }
  free(order);
  free(null);
  return status;
}

lp_status lp_containment_of(const lp_responses *x, const int32_t *labels, uint32_t classes,
                            const uint32_t *group, uint32_t groups, const lp_containment_options *o,
                            double *each, lp_containment *out) {
  *out = (lp_containment){NAN, NAN, NAN, NAN};
  for (uint32_t c = 0; c < classes; c++)
    if (group[c] >= groups)
      return lp_fail(LP_ERR_ARG, "superclass %u of class %u is not one of %u", group[c], c, groups);
  class_sums s;
  bool *of_class = malloc((size_t)classes * x->units + 1),
       *in = malloc((size_t)groups * x->units + 1);
  uint32_t *alone = malloc(sizeof *alone * ((size_t)classes + 1));
  double *room = malloc(sizeof *room * 3 * ((size_t)classes + groups + 1));
  lp_status status = sum_classes(x, labels, classes, &s);
  if (status == LP_OK && (!of_class || !in || !alone || !room))
    status = lp_no_memory("superclasses");
  for (uint32_t c = 0; status == LP_OK && c < classes; c++) alone[c] = c;
  if (status == LP_OK) {
    patches_of_groups(&s, alone, classes, o->threshold, room, of_class);
    patches_of_groups(&s, group, groups, o->threshold, room, in);
    out->inside = share_inside(&s, group, of_class, in, each);
    if (o->replacements && !isnan(out->inside))
      status = null_of(&s, group, groups, o, of_class, in, room, out);
  }
  free_sums(&s);
  free(of_class);
  free(in);
  free(alone);
  free(room);
  return status;
}
