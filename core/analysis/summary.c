/* summary.json: every number of the analysis. */
#include "run.h"

#include "../io/json.h"

#include <locality/io.h>
#include <math.h>
#include <stdlib.h>

json_t *lp_json_p(double p) {
  return lp_json_number(p < LEAST_P ? LEAST_P : p);
}

/* json_pack's "o" takes a value over even when packing fails, and refuses NULL: so a lack of memory
 * anywhere inside makes the whole NULL. The same holds for the *_set_new and *_append_new calls,
 * whose failures are gathered in `bad`. */
json_t *lp_json_checked(json_t *value, int bad) {
  if (!bad) return value;
  json_decref(value);
  return NULL;
}

static json_t *moments_json(const analysis *a, const arm_info *arm, outcome which, int *bad) {
  double *x = malloc(sizeof *x * a->n_seeds);
  if (!x) {
    *bad = 1;
    return NULL;
  }
  for (uint32_t k = 0; k < a->n_seeds; k++)
    x[k] = lp_run_outcome(a, &arm->run[k], which, NO_GEOMETRY);
  lp_moments m = lp_moments_of(x, a->n_seeds);
  free(x);
  return json_pack("{s:o, s:o, s:I}", "mean", lp_json_number(m.mean), "sd", lp_json_number(m.sd),
                   "n", (json_int_t)m.n);
}

/* ---- arms ---------------------------------------------------------------------------------- */

static json_t *null_json(const lp_null_result *null) {
  json_t *o =
      json_pack("{s:o, s:o, s:o, s:o}", "mean", lp_json_number(null->mean), "sd",
                lp_json_number(null->sd), "z", lp_json_number(null->z), "p", lp_json_p(null->p));
  int bad = !o;
  if (null->permutations)
    bad |= json_object_set_new(o, "permutations", json_integer(null->permutations));
  return lp_json_checked(o, bad);
}

/* The measures after each step of a sequence. */
static json_t *steps_json(const analysis *a, const site_result *site) {
  json_t *all = json_array();
  int bad = 0;
  for (uint32_t t = 0; t < site->n_steps; t++) {
    json_t *o = json_pack("{s:I}", "step", (json_int_t)t + 1);
    for (int k = 0; k < N_STANDARD; k++)
      bad |= json_object_set_new(o, a->measure[k].name, lp_json_number(site->step[t][k]));
    bad |= json_array_append_new(all, o);
  }
  return lp_json_checked(all, bad);
}

static json_t *site_json(const analysis *a, const site_result *site) {
  json_t *o = json_object(), *chance = json_object();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_measures; k++) {
    const lp_measured *m = &site->measured[k];
    if (k >= N_STANDARD && isnan(m->value)) continue;
    bad |= json_object_set_new(o, a->measure[k].name, lp_json_number(m->value));
    if (!isnan(m->chance))
      bad |= json_object_set_new(chance, a->measure[k].name, lp_json_number(m->chance));
    if (k != MEASURE_VARIANCE) continue;
    bad |= json_object_set_new(o, "variance_n", json_integer(site->defined));
    bad |= json_object_set_new(o, "variance_undefined", json_integer(site->undefined));
  }
  bad |= json_object_set_new(o, "chance", chance);
  bad |= json_object_set_new(o, "null", null_json(&site->null));
  bad |= json_object_set_new(o, "permutation", null_json(&site->permutation));
  if (site->n_steps) bad |= json_object_set_new(o, "steps", steps_json(a, site));
  return lp_json_checked(o, bad);
}

/* The sites of a network in its own geometry: {"lp_in": {...}, ...}. */
static json_t *sites_json(const analysis *a, const arm_info *arm, const run_info *run,
                          bool untrained) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_sites; k++) {
    const site_result *site =
        (untrained ? lp_untrained_site : lp_trained_site)(a, run, k, arm->geometry[k]);
    if (site) bad |= json_object_set_new(o, a->site_name[k], site_json(a, site));
  }
  return lp_json_checked(o, bad);
}

static json_t *run_json(const analysis *a, const arm_info *arm, uint32_t seed) {
  const run_info *run = &arm->run[seed];
  json_t *seconds = json_array(), *sites = sites_json(a, arm, run, false);
  int bad = 0;
  for (uint32_t e = 0; e < run->n_epochs; e++)
    bad |= json_array_append_new(seconds, lp_json_number(run->epoch[e].seconds));
  json_t *o =
      json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:o}", "seed", (json_int_t)a->seed[seed],
                "status", run->status, "accuracy", lp_json_number(run->accuracy), "top5",
                lp_json_number(run->top5), "loss", lp_json_number(run->loss), "epochs",
                (json_int_t)run->n_epochs, "seconds_per_epoch", seconds, "sites", sites);
  bad |= json_object_set_new(o, "collapsed", json_boolean(run->collapsed));
  bad |= json_object_set_new(o, "apart", json_boolean(run->apart));
  bad |= json_object_set_new(o, "untrained", sites_json(a, arm, run, true));
  if (run->message) bad |= json_object_set_new(o, "message", json_string(run->message));
  return lp_json_checked(o, bad);
}

/* What its networks record, and where the units stand: {"lp_in": {"layer": ..., "sheet": [7, 7],
 * "topology": "grid", "uniform": 8.1667}, ...}. */
static json_t *arm_sites_json(const analysis *a, uint32_t arm) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_sites; k++) {
    const uint32_t at = a->arm[arm].geometry[k];
    const lp_run_site *site = &a->folder->arm[arm].site[k];
    if (at == NO_GEOMETRY) continue;
    const layout *g = &a->geometry[at];
    json_t *at_site = json_pack("{s:s, s:[I, I], s:s, s:o}", "layer", site->layer, "sheet",
                                (json_int_t)site->rows, (json_int_t)site->cols, "topology", g->name,
                                "uniform", lp_json_number(g->uniform));
    if (at_site && site->steps > 1)
      bad |= json_object_set_new(at_site, "steps", json_integer(site->steps));
    bad |= json_object_set_new(o, a->site_name[k], at_site);
  }
  return lp_json_checked(o, bad);
}

/* Where an arm's units stand at the headline site; NULL: it has none. */
static const layout *headline_of(const analysis *a, uint32_t arm) {
  const uint32_t at = a->headline < a->n_sites ? a->arm[arm].geometry[a->headline] : NO_GEOMETRY;
  return at == NO_GEOMETRY ? NULL : &a->geometry[at];
}

static json_t *arms_json(const analysis *a) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const arm_info *arm = &a->arm[i];
    const layout *g = headline_of(a, i);
    json_t *runs = json_array();
    for (uint32_t k = 0; k < a->n_seeds; k++)
      bad |= json_array_append_new(runs, run_json(a, arm, k));
    json_t *accuracy = moments_json(a, arm, (outcome){.kind = OUTCOME_ACCURACY}, &bad);
    json_t *top5 = moments_json(a, arm, (outcome){.kind = OUTCOME_TOP5}, &bad);
    json_t *loss = moments_json(a, arm, (outcome){.kind = OUTCOME_LOSS}, &bad);
    bad |= json_object_set_new(o, arm->name,
                               json_pack("{s:s, s:s*, s:o, s:o, s:o, s:o, s:o, s:o}", "layer",
                                         arm->layer, "topology", g ? g->name : NULL, "sites",
                                         arm_sites_json(a, i), "networks", lp_fates_json(a, i),
                                         "accuracy", accuracy, "top5", top5, "loss", loss, "runs",
                                         runs));
  }
  return lp_json_checked(o, bad);
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Mean V of an arm's networks before any training. */
static json_t *untrained_json(const analysis *a, const arm_info *arm, uint32_t site) {
  double sum = 0, squares = 0;
  uint32_t n = 0;
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      const site_result *r = lp_untrained_site(a, &arm->run[k], site, arm->geometry[site]);
      double v = r ? r->measured[MEASURE_VARIANCE].value : NAN;
      if (isnan(v)) continue;
      if (pass)
        squares += (v - sum / n) * (v - sum / n);
      else
        sum += v, n++;
    }
  return json_pack("{s:o, s:o, s:I}", "mean", lp_json_number(n ? sum / n : NAN), "sd",
                   lp_json_number(n > 1 ? sqrt(squares / (n - 1)) : NAN), "n", (json_int_t)n);
}

/* What V is without learning: of uniform activation at the headline site, and measured before
 * training. */
static json_t *nulls_json(const analysis *a) {
  json_t *uniform = json_object(), *untrained = json_object();
  double sheet = NAN;
  int bad = 0;
  if (a->headline < a->n_sites) {
    const lp_run_site *site = &a->folder->arm[a->reference].site[a->headline];
    sheet = lp_spatial_variance_uniform(site->rows, site->cols);
  }
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const arm_info *arm = &a->arm[i];
    const layout *g = headline_of(a, i);
    if (g) bad |= json_object_set_new(uniform, arm->name, lp_json_number(g->uniform));
    json_t *sites = json_object();
    for (uint32_t k = 0; k < a->n_sites; k++)
      if (arm->geometry[k] != NO_GEOMETRY)
        bad |= json_object_set_new(sites, a->site_name[k], untrained_json(a, arm, k));
    bad |= json_object_set_new(untrained, arm->name, sites);
  }
  json_t *o = json_pack("{s:o, s:o, s:o}", "uniform", lp_json_number(sheet), "uniform_of_arm",
                        uniform, "untrained", untrained);
  return lp_json_checked(o, bad);
}

static json_t *controls_json(const analysis *a, const control_pairs *c) {
  json_t *significant = json_object();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_sites; k++)
    bad |= json_object_set_new(significant, a->site_name[k], json_integer(c->significant[k]));
  return lp_json_checked(json_pack("{s:I, s:o, s:f}", "pairs", (json_int_t)c->pairs, "significant",
                                   significant, "alpha", c->alpha),
                         bad);
}

/* What each measure is, by name: label, title, unit, direction, source. */
static json_t *measures_json(const analysis *a) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_measures; k++) {
    const lp_measure *row = a->measure[k].row;
    bad |= json_object_set_new(
        o, a->measure[k].name,
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "label", row->label ? row->label : row->name,
                  "title", row->summary, "unit", row->unit ? row->unit : "", "direction",
                  row->direction ? row->direction : "", "source", row->source ? row->source : ""));
  }
  return lp_json_checked(o, bad);
}

static lp_status build(const analysis *a, json_t *o) {
  const comparison *c = a->comparison;
  const uint32_t n = a->n_comparisons;
  json_t *comparisons = json_array();
  int bad = 0;
  for (uint32_t i = 0; i < n; i++)
    bad |= json_array_append_new(comparisons, lp_comparison_json(a, &c[i]));
  json_t *contrasts = json_array();
  for (uint32_t i = 0; i < a->n_contrasts; i++)
    bad |= json_array_append_new(contrasts, lp_comparison_json(a, &c[n + i]));
  control_pairs controls;
  lp_status s = lp_compare_controls(a, &controls);
  bad |= s != LP_OK;
  bad |= json_object_set_new(o, "schema", json_integer(1));
  bad |= json_object_set_new(o, "title", json_string(a->title));
  bad |= json_object_set_new(o, "measures", measures_json(a));
  bad |= json_object_set_new(o, "contrasts", contrasts);
  bad |= json_object_set_new(o, "many_arms", lp_omnibus_json(a));
  bad |= json_object_set_new(o, "reference", json_string(a->reference_name));
  const json_t *data = json_object_get(a->folder->manifest, "data");
  json_t *warnings = json_object_get(data, "warnings");
  bad |=
      json_object_set_new(o, "data_warnings", warnings ? json_deep_copy(warnings) : json_array());
  bad |=
      json_object_set_new(o, "warnings", a->warnings ? json_deep_copy(a->warnings) : json_array());
  bad |= json_object_set_new(o, "damaged_lines", json_integer(a->folder->damaged));
  bad |= json_object_set_new(o, "plan", lp_plan_json(a));
  bad |= json_object_set_new(o, "arms", arms_json(a));
  bad |= json_object_set_new(o, "comparisons", comparisons);
  bad |= json_object_set_new(o, "control_pairs", controls_json(a, &controls));
  bad |= json_object_set_new(o, "null", nulls_json(a));
  bad |= json_object_set_new(o, "published", lp_published_json(a));
  bad |= json_object_set_new(o, "answer", lp_answer_json(a, c, n + a->n_contrasts, &controls));
  free(controls.significant);
  return bad ? lp_fail(LP_ERR_MEMORY, "out of memory for the summary of %s", a->dir) : LP_OK;
}

lp_status lp_write_summary(const analysis *a) {
  json_t *o = json_object();
  char *path = lp_path_join(a->dir, "summary.json"), *text = NULL;
  lp_status s = LP_OK;
  if (!o || !path) s = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (s == LP_OK) s = build(a, o);
  if (s == LP_OK) {
    text = lp_json_text(o, JSON_INDENT(1));
    char *whole = NULL;
    int n = text ? asprintf(&whole, "%s\n", text) : -1;
    s = n < 0 ? lp_fail(LP_ERR_MEMORY, "out of memory for %s", path)
              : lp_write_file(path, whole, (size_t)n);
    if (n >= 0) free(whole);
  }
  free(text);
  free(path);
  json_decref(o);
  return s;
}
