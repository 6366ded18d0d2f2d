/* Samples nN/a and nN/b: welch and paired (statistic, df, p), their 95 % intervals, exact sign-flip
 * and permutation p; adjust/p with Holm's and Benjamini & Hochberg's; anova/groupI with (F, p) and
 * Kruskal & Wallis's (H, p). */
#include "golden.h"

#include <locality/analysis.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-8;

/* Every number relative to itself: a p-value is far smaller than its statistic. But an end of an
 * interval may lie near 0 by chance: those are measured by the larger one. */
static void check(golden *g, const char *name, const double *ours, size_t n,
                  const lp_tensor_view *ref) {
  bool interval = strstr(name, "interval") != NULL;
  double *theirs = golden_doubles(ref), worst = 0;
  if (!theirs || (size_t)lp_numel(&ref->desc) != n) {
    golden_failed(g, name, "not %zu numbers", n);
  } else {
    for (size_t i = 0; i < n; i++) worst = fmax(worst, golden_error(&ours[i], &theirs[i], 1));
    if (interval) worst = golden_error(ours, theirs, n);
    golden_verdict(g, name, worst, tolerance);
  }
  free(theirs);
}

static void check_test(golden *g, const char *prefix, const char *kind, const lp_test *t) {
  char name[160];
  snprintf(name, sizeof name, "%s/%s", prefix, kind);
  if (golden_has(g, "%s", name))
    check(g, name, (double[]){t->statistic, t->df, t->p}, 3, golden_take(g, "%s", name));
  snprintf(name, sizeof name, "%s/%s_interval95", prefix, kind);
  double half = lp_student_t_critical(0.05, t->df) * t->error;
  if (golden_has(g, "%s", name))
    check(g, name, (double[]){t->mean_difference - half, t->mean_difference + half}, 2,
          golden_take(g, "%s", name));
}

static void check_exact(golden *g, const char *prefix, const char *kind, lp_status s, double p) {
  char name[160];
  snprintf(name, sizeof name, "%s/%s", prefix, kind);
  if (!golden_has(g, "%s", name)) return;
  const lp_tensor_view *ref = golden_take(g, "%s", name);
  if (s == LP_OK)
    check(g, name, &p, 1, ref);
  else
    golden_failed(g, name, "%s", lp_error_message());
}

/* lp_infer must say what its parts say. */
static void check_whole(golden *g, const char *prefix, const double *a, const double *b, size_t n) {
  char name[160];
  snprintf(name, sizeof name, "%s/paired_interval95", prefix);
  if (n < 3 || !golden_has(g, "%s", name)) return;
  lp_inference r;
  if (lp_infer(a, b, n, 0.05, NAN, &r) != LP_OK) {
    golden_failed(g, name, "%s", lp_error_message());
    return;
  }
  const lp_tensor_view *ref = golden_take(g, "%s", name);
  snprintf(name, sizeof name, "%s/interval of lp_infer", prefix);
  check(g, name, (double[]){r.low, r.high}, 2, ref);
}

static void check_samples(golden *g, const char *prefix, const lp_tensor_view *view_a) {
  const lp_tensor_view *view_b = golden_take(g, "%s/b", prefix);
  double *a = golden_doubles(view_a), *b = view_b ? golden_doubles(view_b) : NULL, p = NAN;
  if (a && b) {
    size_t na = (size_t)lp_numel(&view_a->desc), nb = (size_t)lp_numel(&view_b->desc);
    lp_test welch = lp_ttest_welch(a, na, b, nb);
    check_test(g, prefix, "welch", &welch);
    lp_status s = lp_permutation_p(a, na, b, nb, &p);
    check_exact(g, prefix, "permutation_p", s, p);
    if (na == nb) {
      lp_test paired = lp_ttest_paired(a, b, na);
      check_test(g, prefix, "paired", &paired);
      s = lp_sign_flip_p(a, b, na, &p);
      check_exact(g, prefix, "sign_flip_p", s, p);
      check_whole(g, prefix, a, b, na);
    }
  } else {
    golden_failed(g, prefix, "a or b is missing");
  }
  free(a);
  free(b);
}

static void check_adjusted(golden *g, const char *name,
                           lp_status (*adjust)(const double *, size_t, double *)) {
  if (!golden_has(g, "%s", name)) return;
  const lp_tensor_view *ref = golden_take(g, "%s", name), *given = golden_take(g, "adjust/p");
  double *p = given ? golden_doubles(given) : NULL;
  if (p && adjust(p, (size_t)lp_numel(&given->desc), p) == LP_OK)
    check(g, name, p, (size_t)lp_numel(&given->desc), ref);
  else
    golden_failed(g, name, "adjust/p is missing");
  free(p);
}

static void check_groups(golden *g) {
  double *x = NULL;
  uint32_t *group = NULL, groups = 0;
  size_t n = 0;
  bool memory = true;
  for (; memory && golden_has(g, "anova/group%u", groups); groups++) {
    const lp_tensor_view *view = golden_take(g, "anova/group%u", groups);
    size_t more = (size_t)lp_numel(&view->desc);
    double *own = golden_doubles(view), *grown = realloc(x, sizeof *x * (n + more + 1));
    uint32_t *grown_group = realloc(group, sizeof *group * (n + more + 1));
    x = grown ? grown : x;
    group = grown_group ? grown_group : group;
    memory = own && grown && grown_group;
    for (size_t i = 0; memory && i < more; i++) {
      x[n] = own[i];
      group[n++] = groups;
    }
    free(own);
  }
  lp_test kruskal = {.p = NAN}, f = {.p = NAN};
  if (groups && memory && lp_kruskal_wallis(x, group, n, groups, &kruskal) == LP_OK)
    f = lp_anova(x, group, n, groups);
  if (groups && golden_has(g, "anova/f_p"))
    check(g, "anova/f_p", (double[]){f.statistic, f.p}, 2, golden_take(g, "anova/f_p"));
  if (groups && golden_has(g, "anova/kruskal_p"))
    check(g, "anova/kruskal_p", (double[]){kruskal.statistic, kruskal.p}, 2,
          golden_take(g, "anova/kruskal_p"));
  free(x);
  free(group);
}

void golden_inference(golden *g) {
  char prefix[128];
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    if (g->used[i] || !golden_prefix(g, i, "a", prefix, sizeof prefix)) continue;
    if (!golden_has(g, "%s/b", prefix)) continue;
    check_samples(g, prefix, golden_at(g, i));
  }
  check_adjusted(g, "adjust/holm", lp_adjust_holm);
  check_adjusted(g, "adjust/bh", lp_adjust_bh);
  check_groups(g);
}
