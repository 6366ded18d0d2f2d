/* What is compared, and what the manifest planned: primary measures, alpha, margins. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What can be primary: a measure at the headline site, or accuracy or loss. */
static uint32_t n_keys(const analysis *a) {
  return a->n_measures + 3;
}

bool lp_outcome_at(const analysis *a, uint32_t i, outcome *out) {
  const uint32_t measures = a->n_sites * a->n_measures;
  if (i >= measures + (a->folder->imported ? 0 : 2)) return false;
  *out = i < measures ? (outcome){OUTCOME_MEASURE, i % a->n_sites, (measure_id)(i / a->n_sites)}
                      : (outcome){.kind = i == measures ? OUTCOME_ACCURACY : OUTCOME_LOSS};
  return true;
}

static uint32_t outcome_key(const analysis *a, outcome which) {
  return which.kind == OUTCOME_MEASURE ? which.measure : a->n_measures + (uint32_t)which.kind;
}

/* The outcome of a key, at the headline site; false for top-5 accuracy, which is never primary. */
static bool by_key(const analysis *a, uint32_t key, outcome *out) {
  *out = key < a->n_measures ? (outcome){OUTCOME_MEASURE, a->headline, key}
                             : (outcome){.kind = (outcome_kind)(key - a->n_measures)};
  return out->kind != OUTCOME_TOP5;
}

static const char *const whole[] = {"accuracy", "top5", "loss"}; /* by outcome_kind */

const char *lp_outcome_name(const analysis *a, outcome which) {
  return which.kind == OUTCOME_MEASURE ? a->measure[which.measure].name : whole[which.kind];
}

bool lp_plan_primary(const analysis *a, outcome which) {
  if (which.kind == OUTCOME_MEASURE && which.site != a->headline) return false;
  return a->plan.primary[outcome_key(a, which)];
}

double lp_plan_margin(const analysis *a, outcome which) {
  return lp_plan_primary(a, which) ? a->plan.margin[outcome_key(a, which)] : NAN;
}

double lp_plan_alpha(const analysis *a, outcome which, bool primary) {
  const plan *p = &a->plan;
  return primary && lp_plan_primary(a, which) && p->tests ? p->alpha / p->tests : p->alpha;
}

/* Key of the outcome of that name that can be primary; n_keys when there is none. */
static uint32_t key_named(const analysis *a, const char *name) {
  outcome o;
  uint32_t key = 0;
  while (key < n_keys(a) && (!by_key(a, key, &o) || strcmp(lp_outcome_name(a, o), name) != 0))
    key++;
  return key;
}

/* Primary tests of an arm: those of space only where it has the headline site. */
static uint32_t tests_of(const analysis *a, uint32_t arm) {
  uint32_t n = 0;
  outcome o;
  const bool has = a->headline < a->n_sites && a->folder->arm[arm].site[a->headline].units;
  for (uint32_t key = 0; key < n_keys(a); key++)
    n += a->plan.primary[key] && by_key(a, key, &o) && (o.kind != OUTCOME_MEASURE || has);
  return n;
}

const char *lp_primary_measure(uint32_t i) {
  if (i < 2) return whole[i ? OUTCOME_LOSS : OUTCOME_ACCURACY];
  const lp_entry *e = lp_measure_entry(i - 2);
  return e ? e->name : NULL;
}

lp_status lp_read_plan(analysis *a) {
  const json_t *given = json_object_get(a->folder->manifest, "plan"), *v;
  const json_t *primary = json_object_get(given, "primary"),
               *margin = json_object_get(given, "margin");
  plan *p = &a->plan;
  *p = (plan){.alpha = 0.05,
              .primary = calloc(n_keys(a), sizeof *p->primary),
              .margin = malloc(sizeof *p->margin * n_keys(a))};
  if (!p->primary || !p->margin)
    return lp_fail(LP_ERR_MEMORY, "out of memory for %u measures", a->n_measures);
  for (uint32_t i = 0; i < n_keys(a); i++) p->margin[i] = NAN;
  if ((v = json_object_get(given, "alpha"))) p->alpha = json_number_value(v);
  if ((v = json_object_get(given, "least_accuracy"))) p->least_accuracy = json_number_value(v);
  if (!(p->alpha > 0 && p->alpha < 0.5))
    return lp_fail(LP_ERR_FORMAT,
                   "%s/" LP_RUN_MANIFEST ": \"alpha\" of the plan is not between 0 and 0.5",
                   a->dir);
  static const char *const usual[] = {"variance", "accuracy"};
  size_t n = primary ? json_array_size(primary) : 2;
  for (size_t k = 0; k < n; k++) {
    const char *name = primary ? json_string_value(json_array_get(primary, k)) : usual[k];
    uint32_t i = key_named(a, name ? name : "");
    if (i == n_keys(a))
      return lp_fail(LP_ERR_FORMAT,
                     "%s/" LP_RUN_MANIFEST ": primary measure \"%s\" of the plan is not known",
                     a->dir, name ? name : "?");
    if (i < a->n_measures && !a->n_sites) continue; /* networks that record nothing */
    p->primary[i] = true;
    if ((v = json_object_get(margin, name))) p->margin[i] = json_number_value(v);
    if (p->margin[i] <= 0)
      return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": the margin of \"%s\" is not above 0",
                     a->dir, name);
  }
  for (uint32_t i = 0; i < a->n_pairs; i++)
    p->tests += a->pair[i].planned ? tests_of(a, a->pair[i].arm) : 0;
  return LP_OK;
}

/* Seeds of the run that the plan does not have: they were added after it was made. */
json_t *lp_seeds_added_json(const analysis *a) {
  const json_t *planned = json_object_get(json_object_get(a->folder->manifest, "plan"), "seeds");
  json_t *added = json_array();
  int bad = 0;
  for (uint32_t k = 0; planned && k < a->n_seeds; k++) {
    size_t i = 0;
    while (i < json_array_size(planned) &&
           (uint64_t)json_integer_value(json_array_get(planned, i)) != a->seed[k])
      i++;
    if (i == json_array_size(planned))
      bad |= json_array_append_new(added, json_integer((json_int_t)a->seed[k]));
  }
  return lp_json_checked(added, bad);
}

json_t *lp_plan_json(const analysis *a) {
  const plan *p = &a->plan;
  json_t *primary = json_array(), *margin = json_object();
  outcome o;
  int bad = 0;
  for (uint32_t i = 0; i < n_keys(a); i++) {
    if (!p->primary[i] || !by_key(a, i, &o)) continue;
    bad |= json_array_append_new(primary, json_string(lp_outcome_name(a, o)));
    if (p->margin[i] > 0)
      bad |= json_object_set_new(margin, lp_outcome_name(a, o), json_real(p->margin[i]));
  }
  return lp_json_checked(
      json_pack("{s:f, s:I, s:f, s:f, s:s, s:s, s:o, s:o, s:o}", "alpha", p->alpha, "tests",
                (json_int_t)p->tests, "alpha_each", p->alpha / (p->tests ? p->tests : 1), "power",
                LP_POWER, "site", a->headline < a->n_sites ? a->site_name[a->headline] : "",
                "reference", a->folder->arm[a->folder->reference].name, "primary", primary,
                "margin", margin, "seeds_added", lp_seeds_added_json(a)),
      bad);
}
