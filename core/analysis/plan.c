/* What is compared, and what the manifest planned: primary measures, alpha, margins. */
#include "run.h"

#include <math.h>
#include <string.h>

enum { N_OUTCOMES = N_SITES * N_MEASURES + 2 };
_Static_assert(N_OUTCOMES <= 32, "plan.primary has one bit an outcome");

bool outcome_at(uint32_t i, outcome *out) {
  const uint32_t measures = N_SITES * N_MEASURES;
  if (i >= N_OUTCOMES) return false;
  *out = i < measures ? (outcome){OUTCOME_MEASURE, (int)(i % N_SITES), (measure_id)(i / N_SITES)}
                      : (outcome){.kind = i == measures ? OUTCOME_ACCURACY : OUTCOME_LOSS};
  return true;
}

static uint32_t outcome_index(outcome which) {
  outcome o;
  uint32_t i = 0;
  while (outcome_at(i, &o) &&
         (o.kind != which.kind || o.site != which.site || o.measure != which.measure))
    i++;
  return i;
}

const char *outcome_name(outcome which) {
  static const char *const name[] = {"accuracy", "top5", "loss"};
  return which.kind == OUTCOME_MEASURE ? measure_table[which.measure].name : name[which.kind];
}

bool plan_primary(const plan *p, outcome which) {
  uint32_t i = outcome_index(which);
  return i < N_OUTCOMES && (p->primary >> i & 1);
}

double plan_margin(const plan *p, outcome which) {
  return plan_primary(p, which) ? p->margin[outcome_index(which)] : NAN;
}

double plan_alpha(const plan *p, outcome which) {
  return plan_primary(p, which) && p->tests ? p->alpha / p->tests : p->alpha;
}

/* Index of the outcome of that name that can be primary: at the headline site, or of the whole
 * network. N_OUTCOMES when there is none. */
static uint32_t by_name(const char *name) {
  outcome o;
  uint32_t i = 0;
  while (outcome_at(i, &o) && ((o.kind == OUTCOME_MEASURE && o.site != HEADLINE_SITE) ||
                               strcmp(outcome_name(o), name) != 0))
    i++;
  return i;
}

lp_status read_plan(analysis *a) {
  const json_t *given = json_object_get(a->folder->manifest, "plan"), *v;
  const json_t *primary = json_object_get(given, "primary"),
               *margin = json_object_get(given, "margin");
  plan *p = &a->plan;
  *p = (plan){.alpha = 0.05};
  for (uint32_t i = 0; i < N_OUTCOMES; i++) p->margin[i] = NAN;
  if ((v = json_object_get(given, "alpha"))) p->alpha = json_number_value(v);
  if (!(p->alpha > 0 && p->alpha < 0.5))
    return lp_fail(LP_ERR_FORMAT,
                   "%s/" LP_RUN_MANIFEST ": \"alpha\" of the plan is not between 0 and 0.5",
                   a->dir);
  static const char *const usual[] = {"variance", "accuracy"};
  size_t n = primary ? json_array_size(primary) : 2;
  uint32_t measures = 0;
  for (size_t k = 0; k < n; k++) {
    const char *name = primary ? json_string_value(json_array_get(primary, k)) : usual[k];
    uint32_t i = by_name(name ? name : "");
    if (i == N_OUTCOMES)
      return lp_fail(LP_ERR_FORMAT,
                     "%s/" LP_RUN_MANIFEST ": primary measure \"%s\" of the plan is not known",
                     a->dir, name ? name : "?");
    measures += !(p->primary >> i & 1);
    p->primary |= UINT32_C(1) << i;
    if ((v = json_object_get(margin, name))) p->margin[i] = json_number_value(v);
    if (p->margin[i] <= 0)
      return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": the margin of \"%s\" is not above 0",
                     a->dir, name);
  }
  for (uint32_t i = 0; i < a->n_arms; i++) p->tests += is_reference(a, i) ? 0 : measures;
  return LP_OK;
}

json_t *plan_json(const analysis *a) {
  const plan *p = &a->plan;
  json_t *primary = json_array(), *margin = json_object();
  outcome o;
  int bad = 0;
  for (uint32_t i = 0; outcome_at(i, &o); i++) {
    if (!(p->primary >> i & 1)) continue;
    bad |= json_array_append_new(primary, json_string(outcome_name(o)));
    if (p->margin[i] > 0)
      bad |= json_object_set_new(margin, outcome_name(o), json_real(p->margin[i]));
  }
  return json_checked(json_pack("{s:f, s:I, s:f, s:f, s:s, s:o, s:o}", "alpha", p->alpha, "tests",
                                (json_int_t)p->tests, "alpha_each",
                                p->alpha / (p->tests ? p->tests : 1), "power", LP_POWER, "site",
                                site_name[HEADLINE_SITE], "primary", primary, "margin", margin),
                      bad);
}
