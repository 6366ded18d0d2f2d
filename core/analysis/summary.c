/* summary.json: every number of the analysis. */
#include "run.h"

#include <locality/io.h>
#include <math.h>
#include <stdlib.h>

json_t *json_number(double x) {
  return isfinite(x) ? json_real(x) : json_null();
}

json_t *json_p(double p) {
  return json_number(p < LEAST_P ? LEAST_P : p);
}

/* json_pack's "o" takes a value over even when packing fails, and refuses NULL: so a lack of memory
 * anywhere inside makes the whole NULL. The same holds for the *_set_new and *_append_new calls,
 * whose failures are gathered in `bad`. */
json_t *json_checked(json_t *value, int bad) {
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
  for (uint32_t k = 0; k < a->n_seeds; k++) x[k] = run_outcome(&arm->run[k], which, arm->geometry);
  lp_moments m = lp_moments_of(x, a->n_seeds);
  free(x);
  return json_pack("{s:o, s:o, s:I}", "mean", json_number(m.mean), "sd", json_number(m.sd), "n",
                   (json_int_t)m.n);
}

/* ---- arms ---------------------------------------------------------------------------------- */

static json_t *null_json(const lp_null_result *null) {
  json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "mean", json_number(null->mean), "sd",
                        json_number(null->sd), "z", json_number(null->z), "p", json_p(null->p));
  int bad = !o;
  if (null->permutations)
    bad |= json_object_set_new(o, "permutations", json_integer(null->permutations));
  return json_checked(o, bad);
}

static json_t *site_json(const site_result *site) {
  json_t *o = json_object(), *chance = json_object();
  int bad = 0;
  for (int k = 0; k < N_MEASURES; k++) {
    bad |= json_object_set_new(o, measure_table[k].name, json_number(site->value[k]));
    if (!isnan(site->chance[k]))
      bad |= json_object_set_new(chance, measure_table[k].name, json_number(site->chance[k]));
    if (k != MEASURE_VARIANCE) continue;
    bad |= json_object_set_new(o, "variance_n", json_integer(site->defined));
    bad |= json_object_set_new(o, "variance_undefined", json_integer(site->undefined));
  }
  bad |= json_object_set_new(o, "chance", chance);
  bad |= json_object_set_new(o, "null", null_json(&site->null));
  bad |= json_object_set_new(o, "permutation", null_json(&site->permutation));
  return json_checked(o, bad);
}

/* The sites of a network in its own geometry: {"lp_in": {...}, ...}. */
static json_t *sites_json(const arm_info *arm, const site_result *sites) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t k = 0; sites && k < N_SITES; k++)
    bad |= json_object_set_new(o, site_name[k], site_json(&sites[arm->geometry * N_SITES + k]));
  return json_checked(o, bad);
}

static json_t *run_json(const analysis *a, const arm_info *arm, uint32_t seed) {
  const run_info *run = &arm->run[seed];
  json_t *seconds = json_array(), *sites = sites_json(arm, run->site);
  int bad = 0;
  for (uint32_t e = 0; e < run->n_epochs; e++)
    bad |= json_array_append_new(seconds, json_number(run->epoch[e].seconds));
  json_t *o =
      json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:o}", "seed", (json_int_t)a->seed[seed],
                "status", run->status, "accuracy", json_number(run->accuracy), "top5",
                json_number(run->top5), "loss", json_number(run->loss), "epochs",
                (json_int_t)run->n_epochs, "seconds_per_epoch", seconds, "sites", sites);
  bad |= json_object_set_new(o, "untrained", sites_json(arm, run->untrained));
  if (run->message) bad |= json_object_set_new(o, "message", json_string(run->message));
  return json_checked(o, bad);
}

static json_t *arms_json(const analysis *a) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const arm_info *arm = &a->arm[i];
    json_t *runs = json_array();
    for (uint32_t k = 0; k < a->n_seeds; k++)
      bad |= json_array_append_new(runs, run_json(a, arm, k));
    json_t *accuracy = moments_json(a, arm, (outcome){.kind = OUTCOME_ACCURACY}, &bad);
    json_t *top5 = moments_json(a, arm, (outcome){.kind = OUTCOME_TOP5}, &bad);
    json_t *loss = moments_json(a, arm, (outcome){.kind = OUTCOME_LOSS}, &bad);
    bad |= json_object_set_new(o, arm->name,
                               json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "layer", arm->layer,
                                         "topology", a->geometry[arm->geometry].name, "accuracy",
                                         accuracy, "top5", top5, "loss", loss, "runs", runs));
  }
  return json_checked(o, bad);
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Mean V of an arm's networks before any training. */
static json_t *untrained_json(const analysis *a, const arm_info *arm, int site) {
  double sum = 0, squares = 0;
  uint32_t n = 0;
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      const site_result *sites = arm->run[k].untrained;
      double v =
          sites ? sites[arm->geometry * N_SITES + (uint32_t)site].value[MEASURE_VARIANCE] : NAN;
      if (isnan(v)) continue;
      if (pass)
        squares += (v - sum / n) * (v - sum / n);
      else
        sum += v, n++;
    }
  return json_pack("{s:o, s:o, s:I}", "mean", json_number(n ? sum / n : NAN), "sd",
                   json_number(n > 1 ? sqrt(squares / (n - 1)) : NAN), "n", (json_int_t)n);
}

/* What V is without learning: of uniform activation, and measured before training. */
static json_t *nulls_json(const analysis *a) {
  json_t *uniform = json_object(), *untrained = json_object();
  int bad = 0;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const arm_info *arm = &a->arm[i];
    const lattice *g = &a->geometry[arm->geometry];
    double v = g->wrap ? lp_spatial_variance_torus_uniform(g->rows, g->cols)
                       : lp_spatial_variance_uniform(g->rows, g->cols);
    bad |= json_object_set_new(uniform, arm->name, json_number(v));
    json_t *sites = json_object();
    for (int k = 0; k < N_SITES; k++)
      bad |= json_object_set_new(sites, site_name[k], untrained_json(a, arm, k));
    bad |= json_object_set_new(untrained, arm->name, sites);
  }
  json_t *o = json_pack("{s:o, s:o, s:o}", "uniform",
                        json_number(lp_spatial_variance_uniform(a->rows, a->cols)),
                        "uniform_of_arm", uniform, "untrained", untrained);
  return json_checked(o, bad);
}

static json_t *controls_json(const control_pairs *c) {
  return json_pack("{s:I, s:{s:I, s:I}, s:f}", "pairs", (json_int_t)c->pairs, "significant",
                   site_name[SITE_IN], (json_int_t)c->significant[SITE_IN], site_name[SITE_OUT],
                   (json_int_t)c->significant[SITE_OUT], "alpha", c->alpha);
}

static lp_status build(const analysis *a, const comparison *c, uint32_t n, json_t *o) {
  json_t *comparisons = json_array(), *accuracies = json_array();
  int bad = 0;
  for (uint32_t i = 0; i < n; i++) {
    json_t *one = comparison_json(a, &c[i]);
    if (c[i].which.kind == OUTCOME_ACCURACY) bad |= json_array_append(accuracies, one);
    bad |= json_array_append_new(comparisons, one);
  }
  control_pairs controls = compare_controls(a);
  bad |= json_object_set_new(o, "schema", json_integer(1));
  bad |= json_object_set_new(o, "title", json_string(a->title));
  bad |= json_object_set_new(o, "reference", json_string(a->reference_name));
  const json_t *data = json_object_get(a->folder->manifest, "data");
  json_t *warnings = json_object_get(data, "warnings");
  bad |=
      json_object_set_new(o, "data_warnings", warnings ? json_deep_copy(warnings) : json_array());
  bad |= json_object_set_new(o, "plan", plan_json(a));
  bad |= json_object_set_new(o, "arms", arms_json(a));
  bad |= json_object_set_new(o, "comparisons", comparisons);
  bad |= json_object_set_new(o, "accuracy_comparisons", accuracies);
  bad |= json_object_set_new(o, "control_pairs", controls_json(&controls));
  bad |= json_object_set_new(o, "null", nulls_json(a));
  bad |= json_object_set_new(o, "published", published_json(a));
  bad |= json_object_set_new(o, "answer", answer_json(a, c, n, &controls));
  return bad ? lp_fail(LP_ERR_MEMORY, "out of memory for the summary of %s", a->dir) : LP_OK;
}

lp_status write_summary(const analysis *a) {
  json_t *o = json_object();
  comparison *c = NULL;
  uint32_t n_comparisons = 0;
  char *path = lp_path_join(a->dir, "summary.json"), *text = NULL;
  lp_status s = LP_OK;
  if (!o || !path) s = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (s == LP_OK) s = compare_all(a, &c, &n_comparisons);
  if (s == LP_OK) s = build(a, c, n_comparisons, o);
  if (s == LP_OK) {
    text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    char *whole = NULL;
    int n = text ? asprintf(&whole, "%s\n", text) : -1;
    s = n < 0 ? lp_fail(LP_ERR_MEMORY, "out of memory for %s", path)
              : lp_write_file(path, whole, (size_t)n);
    if (n >= 0) free(whole);
  }
  free(text);
  free(path);
  free(c);
  json_decref(o);
  return s;
}
