/* Maps A, B, ...; variance/X, variance_torus/X over ok_rows; moran/X, geary/X,
 * participation_ratio/X over all rows; tests of variance/A against variance/B; student_t. */
#include "golden.h"

#include <locality/analysis.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double map_tolerance = 1e-10, test_tolerance = 1e-8;

/* Sheet of a tensor of maps: (n, units) on the squarest sheet, or (n, rows, columns). */
static bool sheet_of(const lp_tensor_view *t, uint32_t *n, uint32_t *rows, uint32_t *cols) {
  if (!t || t->desc.ndim < 2 || t->desc.ndim > 3) return false;
  uint32_t units = (uint32_t)lp_inner(&t->desc);
  *n = (uint32_t)t->desc.dim[0];
  *rows = (uint32_t)sqrt((double)units);
  while (*rows > 1 && units % *rows) --*rows;
  if (t->desc.ndim == 3) *rows = (uint32_t)t->desc.dim[1];
  *cols = units / *rows;
  return units > 0;
}

/* Values of fn for the rows listed (all when rows is NULL), as a new array. */
static double *map_values(const lp_tensor_view *t, lp_map_fn fn, const int32_t *row, uint32_t n_row,
                          uint32_t *count) {
  uint32_t n, r, c;
  if (!sheet_of(t, &n, &r, &c)) return NULL;
  double *maps = golden_doubles(t);
  *count = row ? n_row : n;
  double *out = calloc((size_t)*count + 1, sizeof *out);
  for (uint32_t i = 0; maps && out && i < *count; i++) {
    uint32_t k = row ? (uint32_t)row[i] : i;
    out[i] = k < n ? fn(maps + (size_t)k * r * c, r, c) : NAN;
  }
  free(maps);
  return out;
}

/* The rows that ok_rows lists; without it NULL: all. */
static int32_t *ok_rows(golden *g, uint32_t *n) {
  const lp_tensor_view *t = golden_take(g, "ok_rows");
  *n = t ? (uint32_t)lp_numel(&t->desc) : 0;
  return t ? golden_convert(t, LP_I32) : NULL;
}

/* Each row that ok_rows leaves out must be undefined in A or in B. */
static void check_left_out(golden *g) {
  uint32_t n_ok, n_a = 0, n_b = 0;
  int32_t *ok = ok_rows(g, &n_ok);
  if (!ok) return;
  double *a = map_values(golden_take(g, "A"), lp_spatial_variance, NULL, 0, &n_a);
  double *b = map_values(golden_take(g, "B"), lp_spatial_variance, NULL, 0, &n_b);
  bool right = a != NULL;
  for (uint32_t i = 0; right && i < n_a; i++) {
    bool listed = false, undefined = isnan(a[i]) || (b && i < n_b && isnan(b[i]));
    for (uint32_t k = 0; k < n_ok; k++) listed |= ok[k] == (int32_t)i;
    right = listed != undefined;
  }
  if (right)
    golden_verdict(g, "ok_rows", 0, 0);
  else
    golden_failed(g, "ok_rows", "a row is undefined where it should not be, or the reverse");
  free(ok);
  free(a);
  free(b);
}

static const struct {
  const char *name;
  lp_map_fn fn;
  bool ok_rows_only;
} measures[] = {
    {"variance", lp_spatial_variance, true},
    {"variance_torus", lp_spatial_variance_torus, true},
    {"moran", lp_moran_i, false},
    {"geary", lp_geary_c, false},
};

static void check_measures(golden *g, uint32_t i) {
  const lp_tensor_view *t = lp_safetensors_get(g->file, i);
  for (size_t k = 0; k < sizeof measures / sizeof *measures; k++) {
    size_t n = strlen(measures[k].name);
    if (strncmp(t->name, measures[k].name, n) != 0 || t->name[n] != '/') continue;
    golden_at(g, i);
    const lp_tensor_view *maps = golden_take(g, "%s", t->name + n + 1);
    uint32_t n_rows = 0, count = 0;
    int32_t *rows = measures[k].ok_rows_only ? ok_rows(g, &n_rows) : NULL;
    double *v = map_values(maps, measures[k].fn, rows, n_rows, &count);
    if (v)
      golden_compare(g, t->name, v, count, t, map_tolerance);
    else
      golden_failed(g, t->name, "there are no maps %s", t->name + n + 1);
    free(rows);
    free(v);
  }
}

static void check_participation(golden *g, uint32_t i) {
  const lp_tensor_view *t = lp_safetensors_get(g->file, i);
  static const char head[] = "participation_ratio/";
  if (strncmp(t->name, head, sizeof head - 1) != 0) return;
  golden_at(g, i);
  uint32_t n, rows, cols;
  const lp_tensor_view *maps = golden_take(g, "%s", t->name + sizeof head - 1);
  double *x = maps ? golden_doubles(maps) : NULL, ours = NAN;
  if (x && sheet_of(maps, &n, &rows, &cols) &&
      lp_participation_ratio_f64(x, n, rows * cols, &ours) == LP_OK)
    golden_compare(g, t->name, &ours, 1, t, map_tolerance);
  else
    golden_failed(g, t->name, "%s", x ? lp_error_message() : "its maps are missing");
  free(x);
}

static void check_tests(golden *g) {
  static const char *const name[] = {"ttest_rel", "welch", "wilcoxon"};
  uint32_t n_rows = 0, n_a = 0, n_b = 0;
  for (int k = 0; k < 3; k++) {
    if (!golden_has(g, "%s", name[k])) continue;
    const lp_tensor_view *ref = golden_take(g, "%s", name[k]);
    int32_t *rows = ok_rows(g, &n_rows);
    double *a = map_values(golden_take(g, "A"), lp_spatial_variance, rows, n_rows, &n_a);
    double *b = map_values(golden_take(g, "B"), lp_spatial_variance, rows, n_rows, &n_b);
    lp_test test = {.statistic = NAN, .p = NAN};
    lp_status s = a && b && n_a == n_b ? LP_OK : lp_fail(LP_ERR_NOT_FOUND, "A or B is missing");
    if (s == LP_OK && k == 0) test = lp_ttest_paired(a, b, n_a);
    if (s == LP_OK && k == 1) test = lp_ttest_welch(a, n_a, b, n_b);
    if (s == LP_OK && k == 2) s = lp_wilcoxon(a, b, n_a, &test);
    /* Statistic and p each relative to itself: one is far larger than the other. */
    double ours[2] = {test.statistic, test.p}, *theirs = golden_doubles(ref);
    if (s != LP_OK)
      golden_failed(g, name[k], "%s", lp_error_message());
    else if (!theirs || lp_numel(&ref->desc) != 2)
      golden_failed(g, name[k], "not two numbers");
    else
      golden_verdict(
          g, name[k],
          fmax(golden_error(&ours[0], &theirs[0], 1), golden_error(&ours[1], &theirs[1], 1)),
          test_tolerance);
    free(theirs);
    free(rows);
    free(a);
    free(b);
  }
}

static void check_student_t(golden *g) {
  static const char name[] = "student_t";
  if (!golden_has(g, "student_t/p_two_sided")) return;
  const lp_tensor_view *t[] = {golden_take(g, "student_t/t"), golden_take(g, "student_t/df"),
                               golden_take(g, "student_t/p_two_sided")};
  double *v[3] = {0}, worst = 0;
  bool fits = t[0] && t[1] && lp_desc_equal(&t[0]->desc, &t[2]->desc) &&
              lp_desc_equal(&t[1]->desc, &t[2]->desc);
  for (int k = 0; fits && k < 3; k++) fits = (v[k] = golden_doubles(t[k])) != NULL;
  for (int64_t i = 0; fits && i < lp_numel(&t[2]->desc); i++) {
    double p = lp_student_t_p(v[0][i], v[1][i]);
    worst = fmax(worst, golden_error(&p, &v[2][i], 1));
  }
  if (fits)
    golden_verdict(g, name, worst, map_tolerance);
  else
    golden_failed(g, name, "t, df and p_two_sided do not fit together");
  for (int k = 0; k < 3; k++) free(v[k]);
}

void golden_statistics(golden *g) {
  if (golden_has(g, "ok_rows") && golden_has(g, "A")) check_left_out(g);
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    if (g->used[i]) continue;
    check_measures(g, i);
    check_participation(g, i);
  }
  check_tests(g);
  check_student_t(g);
}
