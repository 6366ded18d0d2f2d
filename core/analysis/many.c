/* Many arms at once: whether they are alike, and each against their reference, adjusted for how
 * many there are. Arms go together where the reference is measured in one way for all of them. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool together(const comparison *x, const comparison *y) {
  return x->which.kind == y->which.kind && x->which.site == y->which.site &&
         x->which.measure == y->which.measure && x->other == y->other &&
         x->reference_geometry == y->reference_geometry && !x->fraction && !y->fraction;
}

/* Values of the reference, then of the arms of comparisons[member[.]]: rows of n_seeds. */
static void values_of(const analysis *a, const uint32_t *member, uint32_t n, double *x) {
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    const comparison *first = &a->comparison[member[0]];
    x[k] = lp_compared_value(a, first, &a->arm[first->other].run[k], first->reference_geometry);
    for (uint32_t i = 0; i < n; i++) {
      const comparison *c = &a->comparison[member[i]];
      x[(i + 1) * (size_t)a->n_seeds + k] =
          lp_compared_value(a, c, &a->arm[c->arm].run[k], c->own_geometry);
    }
  }
}

static void dunnett(const analysis *a, const double *x, const omnibus *o, uint32_t arm,
                    comparison *c) {
  const uint32_t k = o->blocks.arms - 1;
  const double d = lp_blocks_difference(x, o->blocks.arms, a->n_seeds, arm, 0),
               half = lp_dunnett_critical(a->plan.alpha, k, o->blocks.df_error) * o->blocks.error;
  c->blocks = o->blocks;
  c->dunnett_t = d / o->blocks.error;
  c->dunnett_p = lp_dunnett_p(c->dunnett_t, k, o->blocks.df_error);
  c->dunnett_low = d - half;
  c->dunnett_high = d + half;
}

static lp_status one_way(const analysis *a, const double *x, uint32_t arms, omnibus *o) {
  const size_t n = (size_t)arms * a->n_seeds;
  uint32_t *group = malloc(sizeof *group * (n + 1));
  if (!group) return lp_fail(LP_ERR_MEMORY, "out of memory for %u arms", arms);
  for (size_t i = 0; i < n; i++) group[i] = (uint32_t)(i / a->n_seeds);
  o->anova = lp_anova(x, group, n, arms);
  o->anova_df_within = o->anova.n - o->anova.df - 1;
  lp_status s = lp_kruskal_wallis(x, group, n, arms, &o->kruskal);
  free(group);
  return s;
}

static lp_status compare_group(analysis *a, const uint32_t *member, uint32_t n, double *x) {
  omnibus *o = &a->omnibus[a->n_omnibus];
  const comparison *first = &a->comparison[member[0]];
  *o = (omnibus){.which = first->which, .reference = first->other};
  values_of(a, member, n, x);
  for (uint32_t i = 0; i < n; i++) o->shared |= a->comparison[member[i]].result.paired;
  a->n_omnibus++;
  if (!o->shared) return one_way(a, x, n + 1, o);
  o->blocks = lp_blocks_of(x, n + 1, a->n_seeds);
  for (uint32_t i = 0; i < n && isfinite(o->blocks.error); i++)
    dunnett(a, x, o, i + 1, &a->comparison[member[i]]);
  return LP_OK;
}

lp_status lp_compare_many(analysis *a) {
  const uint32_t n = a->n_comparisons;
  uint32_t *member = malloc(sizeof *member * ((size_t)n + 1));
  bool *done = calloc((size_t)n + 1, sizeof *done);
  double *x = malloc(sizeof *x * ((size_t)a->n_arms + 1) * a->n_seeds);
  a->omnibus = calloc((size_t)n + 1, sizeof *a->omnibus);
  lp_status s = member && done && x && a->omnibus
                    ? LP_OK
                    : lp_fail(LP_ERR_MEMORY, "out of memory for %u comparisons", n);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    uint32_t members = 0;
    for (uint32_t k = i; k < n && !done[i]; k++)
      if (together(&a->comparison[i], &a->comparison[k])) member[members++] = k;
    for (uint32_t k = 0; k < members; k++) done[member[k]] = true;
    if (members > 1) s = compare_group(a, member, members, x);
  }
  free(member);
  free(done);
  free(x);
  return s;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *test_json(double statistic, double df, double within, double p) {
  json_t *o = json_pack("{s:o, s:o, s:o}", "statistic", lp_json_number(statistic), "df",
                        lp_json_number(df), "p", lp_json_p(p));
  int bad = !o;
  if (!isnan(within)) bad |= json_object_set_new(o, "df_within", lp_json_number(within));
  return lp_json_checked(o, bad);
}

json_t *lp_omnibus_json(const analysis *a) {
  json_t *list = json_array();
  int bad = 0;
  for (uint32_t i = 0; i < a->n_omnibus; i++) {
    const omnibus *m = &a->omnibus[i];
    const bool measure = m->which.kind == OUTCOME_MEASURE;
    const lp_blocks *b = &m->blocks;
    json_t *o = json_pack("{s:s, s:s, s:o, s:s}", "measure", lp_outcome_name(a, m->which),
                          "reference", a->arm[m->reference].name, "site",
                          measure ? json_string(a->site_name[m->which.site]) : json_null(),
                          "analysis", m->shared ? "blocks" : "one way");
    bad |= !o;
    if (m->shared) {
      bad |= json_object_set_new(o, "arms", json_integer(b->arms));
      bad |= json_object_set_new(o, "seeds", json_integer(b->n));
      bad |= json_object_set_new(o, "f", test_json(b->f, b->df, b->df_error, b->p));
    } else {
      bad |= json_object_set_new(
          o, "anova", test_json(m->anova.statistic, m->anova.df, m->anova_df_within, m->anova.p));
      bad |= json_object_set_new(o, "kruskal_wallis",
                                 test_json(m->kruskal.statistic, m->kruskal.df, NAN, m->kruskal.p));
    }
    bad |= json_array_append_new(list, o);
  }
  return lp_json_checked(list, bad);
}

json_t *lp_dunnett_json(const comparison *c) {
  if (!c->blocks.n) return json_null();
  return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "arms", (json_int_t)c->blocks.arms - 1,
                   "seeds", (json_int_t)c->blocks.n, "t", lp_json_number(c->dunnett_t), "df",
                   lp_json_number(c->blocks.df_error), "p", lp_json_p(c->dunnett_p), "low",
                   lp_json_number(c->dunnett_low), "high", lp_json_number(c->dunnett_high));
}
