/* summary.json: every number of the analysis. */
#include "run.h"

#include <locality/io.h>
#include <math.h>
#include <stdlib.h>

json_t *json_number(double x) {
  return isfinite(x) ? json_real(x) : json_null();
}

/* json_pack's "o" takes a value over even when packing fails, and refuses NULL: so a lack of memory
 * anywhere inside makes the whole NULL. The same holds for the *_set_new and *_append_new calls,
 * whose failures are gathered in `bad`. */
static json_t *checked(json_t *value, int bad) {
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
  for (uint32_t k = 0; k < a->n_seeds; k++) x[k] = run_outcome(&arm->run[k], which);
  lp_moments m = lp_moments_of(x, a->n_seeds);
  free(x);
  return json_pack("{s:o, s:o, s:I}", "mean", json_number(m.mean), "sd", json_number(m.sd), "n",
                   (json_int_t)m.n);
}

static json_t *test_json(const lp_test *t) {
  return json_pack("{s:o, s:o, s:o}", "t", json_number(t->statistic), "df", json_number(t->df), "p",
                   json_number(t->p));
}

/* ---- arms ---------------------------------------------------------------------------------- */

static json_t *site_json(const site_result *site) {
  json_t *o = json_object();
  int bad = 0;
  for (int k = 0; k < N_MEASURES; k++) {
    bad |= json_object_set_new(o, measure_table[k].name, json_number(site->value[k]));
    if (k != MEASURE_VARIANCE) continue;
    bad |= json_object_set_new(o, "variance_n", json_integer(site->defined));
    bad |= json_object_set_new(o, "variance_undefined", json_integer(site->undefined));
  }
  const lp_null_result *null = &site->null;
  bad |= json_object_set_new(o, "permutation",
                             json_pack("{s:o, s:o, s:o, s:o, s:I}", "mean", json_number(null->mean),
                                       "sd", json_number(null->sd), "z", json_number(null->z), "p",
                                       json_number(null->p), "permutations",
                                       (json_int_t)null->permutations));
  return checked(o, bad);
}

static json_t *run_json(const analysis *a, const run_info *run, uint32_t seed) {
  json_t *seconds = json_array(), *sites = json_object();
  int bad = 0;
  for (uint32_t e = 0; e < run->n_epochs; e++)
    bad |= json_array_append_new(seconds, json_number(run->epoch[e].seconds));
  for (int k = 0; run->measured && k < N_SITES; k++)
    bad |= json_object_set_new(sites, site_name[k], site_json(&run->site[k]));
  json_t *o = json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:o}", "seed", a->seed[seed], "status",
                        run->status, "accuracy", json_number(run->accuracy), "top5",
                        json_number(run->top5), "loss", json_number(run->loss), "epochs",
                        (json_int_t)run->n_epochs, "seconds_per_epoch", seconds, "sites", sites);
  if (run->message) bad |= json_object_set_new(o, "message", json_string(run->message));
  return checked(o, bad);
}

static json_t *arms_json(const analysis *a) {
  json_t *o = json_object();
  int bad = 0;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const arm_info *arm = &a->arm[i];
    json_t *runs = json_array();
    for (uint32_t k = 0; k < a->n_seeds; k++)
      bad |= json_array_append_new(runs, run_json(a, &arm->run[k], k));
    json_t *accuracy = moments_json(a, arm, (outcome){.kind = OUTCOME_ACCURACY}, &bad);
    json_t *top5 = moments_json(a, arm, (outcome){.kind = OUTCOME_TOP5}, &bad);
    json_t *loss = moments_json(a, arm, (outcome){.kind = OUTCOME_LOSS}, &bad);
    bad |=
        json_object_set_new(o, arm->name,
                            json_pack("{s:s, s:o, s:o, s:o, s:o}", "layer", arm->layer, "accuracy",
                                      accuracy, "top5", top5, "loss", loss, "runs", runs));
  }
  return checked(o, bad);
}

/* ---- comparisons --------------------------------------------------------------------------- */

static json_t *per_image_json(const analysis *a, uint32_t arm, int site) {
  json_t *list = json_array();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    const run_info *own = &a->arm[arm].run[k], *other = &a->arm[a->reference].run[k];
    if (!run_complete(own) || !run_complete(other) || !own->measured || !other->measured) continue;
    lp_test t = lp_ttest_paired(own->site[site].image_variance, other->site[site].image_variance,
                                a->n_images);
    bad |= json_array_append_new(
        list, json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "seed", a->seed[k], "n", (json_int_t)t.n,
                        "mean_difference", json_number(t.mean_difference), "t",
                        json_number(t.statistic), "df", json_number(t.df), "p", json_number(t.p)));
  }
  return checked(list, bad);
}

static json_t *leave_one_out_json(const analysis *a, uint32_t arm, int site) {
  json_t *list = json_array();
  lp_test *t = calloc(a->n_classes, sizeof *t);
  int bad = !t;
  for (uint32_t k = 0; k < a->n_seeds && !bad; k++) {
    const run_info *own = &a->arm[arm].run[k], *other = &a->arm[a->reference].run[k];
    if (!run_complete(own) || !run_complete(other) || !own->measured || !other->measured) continue;
    bad |= lp_leave_one_class_out(own->site[site].image_variance, other->site[site].image_variance,
                                  a->labels, a->n_images, a->n_classes, t) != LP_OK;
    for (uint32_t c = 0; c < a->n_classes && !bad; c++)
      bad |= json_array_append_new(
          list, json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "class", a->class_name[c], "seed",
                          a->seed[k], "n", (json_int_t)t[c].n, "t", json_number(t[c].statistic),
                          "df", json_number(t[c].df), "p", json_number(t[c].p)));
  }
  free(t);
  return checked(list, bad);
}

/* What a comparison of any outcome holds, after arm and reference. */
static int set_comparison(json_t *o, const comparison *c) {
  int bad = 0;
  bad |= json_object_set_new(o, "mean", json_number(c->own.mean));
  bad |= json_object_set_new(o, "sd", json_number(c->own.sd));
  bad |= json_object_set_new(o, "reference_mean", json_number(c->reference.mean));
  bad |= json_object_set_new(o, "reference_sd", json_number(c->reference.sd));
  bad |= json_object_set_new(o, "n", json_integer(c->own.n));
  bad |= json_object_set_new(o, "reference_n", json_integer(c->reference.n));
  bad |= json_object_set_new(o, "pairs", json_integer(c->pairs));
  bad |= json_object_set_new(o, "welch", test_json(&c->welch));
  bad |= json_object_set_new(o, "paired", test_json(&c->paired));
  bad |= json_object_set_new(o, "bootstrap",
                             json_pack("{s:f, s:o, s:o, s:I}", "level", c->bootstrap.level, "low",
                                       json_number(c->bootstrap.low), "high",
                                       json_number(c->bootstrap.high), "resamples",
                                       (json_int_t)c->bootstrap.resamples));
  bad |= json_object_set_new(o, "hedges_g", json_number(c->hedges_g));
  return bad;
}

static json_t *comparison_json(const analysis *a, const comparison *c) {
  json_t *o = json_object();
  int bad = 0;
  bad |= json_object_set_new(o, "arm", json_string(a->arm[c->arm].name));
  bad |= json_object_set_new(o, "reference", json_string(a->reference_name));
  if (c->which.kind == OUTCOME_MEASURE) {
    const char *measure = measure_table[c->which.measure].name;
    bad |= json_object_set_new(o, "site", json_string(site_name[c->which.site]));
    bad |= json_object_set_new(o, "measure", json_string(measure));
  }
  bad |= set_comparison(o, c);
  if (c->which.kind == OUTCOME_MEASURE && c->which.measure == MEASURE_VARIANCE) {
    bad |= json_object_set_new(o, "per_image", per_image_json(a, c->arm, c->which.site));
    bad |=
        json_object_set_new(o, "leave_one_class_out", leave_one_out_json(a, c->arm, c->which.site));
  }
  return checked(o, bad);
}

/* Compares one outcome in every arm but the reference, appends to list and leaves the results in
 * `kept` (one an arm) for the answer when it is not NULL. */
static lp_status compare_all(const analysis *a, outcome which, json_t *list, comparison *kept,
                             int *bad) {
  for (uint32_t i = 0; i < a->n_arms; i++) {
    comparison c;
    if (i == a->reference) continue;
    lp_status s = compare_arms(a, i, which, &c);
    if (s != LP_OK) return s;
    *bad |= json_array_append_new(list, comparison_json(a, &c));
    if (kept) kept[i] = c;
  }
  return LP_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static lp_status null_json(const analysis *a, json_t **out) {
  json_t *border = json_object();
  int bad = 0;
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++) {
    double v;
    bool has_prior;
    s = border_null(a, i, &has_prior, &v);
    if (s == LP_OK && has_prior) bad |= json_object_set_new(border, a->arm[i].name, json_number(v));
  }
  *out = json_pack("{s:o, s:o}", "uniform",
                   json_number(lp_spatial_variance_uniform(a->rows, a->cols)), "border", border);
  *out = checked(*out, bad);
  return s;
}

static json_t *controls_json(const control_pairs *c) {
  return json_pack("{s:I, s:{s:I, s:I}, s:f}", "pairs", (json_int_t)c->pairs, "significant",
                   site_name[SITE_IN], (json_int_t)c->significant[SITE_IN], site_name[SITE_OUT],
                   (json_int_t)c->significant[SITE_OUT], "alpha", c->alpha);
}

static lp_status build(const analysis *a, comparison *variance, comparison *accuracy, json_t *o) {
  json_t *comparisons = json_array(), *accuracies = json_array(), *null = NULL;
  int bad = 0;
  lp_status s = LP_OK;
  for (int k = 0; s == LP_OK && k < N_MEASURES; k++)
    for (int site = 0; s == LP_OK && site < N_SITES; site++) {
      bool headline = site == SITE_OUT && k == MEASURE_VARIANCE;
      s = compare_all(a, (outcome){OUTCOME_MEASURE, site, (measure_id)k}, comparisons,
                      headline ? variance : NULL, &bad);
    }
  if (s == LP_OK)
    s = compare_all(a, (outcome){.kind = OUTCOME_ACCURACY}, accuracies, accuracy, &bad);
  if (s == LP_OK) s = null_json(a, &null);
  control_pairs controls = compare_controls(a);
  bad |= json_object_set_new(o, "schema", json_integer(1));
  bad |= json_object_set_new(o, "title", json_string(a->title));
  bad |= json_object_set_new(o, "reference", json_string(a->reference_name));
  bad |= json_object_set_new(o, "arms", arms_json(a));
  bad |= json_object_set_new(o, "comparisons", comparisons);
  bad |= json_object_set_new(o, "accuracy_comparisons", accuracies);
  bad |= json_object_set_new(o, "control_pairs", controls_json(&controls));
  bad |= json_object_set_new(o, "null", null);
  bad |= json_object_set_new(o, "published", published_json(a));
  if (s == LP_OK)
    bad |= json_object_set_new(o, "answer", answer_json(a, variance, accuracy, &controls));
  if (s == LP_OK && bad) s = lp_fail(LP_ERR_MEMORY, "out of memory for the summary of %s", a->dir);
  return s;
}

lp_status write_summary(const analysis *a) {
  json_t *o = json_object();
  comparison *kept = calloc(2 * (size_t)a->n_arms, sizeof *kept);
  char *path = lp_path_join(a->dir, "summary.json"), *text = NULL;
  lp_status s = LP_OK;
  if (!o || !kept || !path) s = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (s == LP_OK) s = build(a, kept, kept + a->n_arms, o);
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
  free(kept);
  json_decref(o);
  return s;
}
