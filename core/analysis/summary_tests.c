/* The comparisons of summary.json. Text, tables and figures print these numbers and no others. */
#include "run.h"

#include <math.h>
#include <stdlib.h>

/* What both networks of a seed showed of each image, on one sheet; false: they cannot be paired. */
static bool images_of(const analysis *a, const comparison *c, uint32_t seed, const double **own,
                      const double **other) {
  const run_info *x = &a->arm[c->arm].run[seed], *y = &a->arm[c->other].run[seed];
  if (c->fraction || !lp_run_complete(x) || !lp_run_complete(y) || x->apart || y->apart)
    return false;
  const site_result *at = lp_trained_site(a, x, c->which.site, c->own_geometry),
                    *there = lp_trained_site(a, y, c->which.site, c->reference_geometry);
  if (!at || !there) return false;
  *own = at->image_variance;
  *other = there->image_variance;
  return true;
}

static json_t *per_image_json(const analysis *a, const comparison *c) {
  json_t *list = json_array();
  int bad = 0;
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    const double *own, *other;
    if (!images_of(a, c, k, &own, &other)) continue;
    lp_test t = lp_ttest_paired(own, other, a->n_images);
    bad |= json_array_append_new(
        list,
        json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "seed", (json_int_t)a->seed[k], "n",
                  (json_int_t)t.n, "mean_difference", lp_json_number(t.mean_difference), "t",
                  lp_json_number(t.statistic), "df", lp_json_number(t.df), "p", lp_json_p(t.p)));
  }
  return lp_json_checked(list, bad);
}

static json_t *leave_one_out_json(const analysis *a, const comparison *c) {
  json_t *list = json_array();
  lp_test *t = calloc(a->n_classes, sizeof *t);
  int bad = !t;
  for (uint32_t k = 0; k < a->n_seeds && !bad; k++) {
    const double *own, *other;
    if (!images_of(a, c, k, &own, &other)) continue;
    bad |= lp_leave_one_class_out(own, other, a->labels, a->n_images, a->n_classes, t) != LP_OK;
    for (uint32_t i = 0; i < a->n_classes && !bad; i++)
      bad |= json_array_append_new(
          list, json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "class", a->class_name[i], "seed",
                          (json_int_t)a->seed[k], "n", (json_int_t)t[i].n, "t",
                          lp_json_number(t[i].statistic), "df", lp_json_number(t[i].df), "p",
                          lp_json_p(t[i].p)));
  }
  free(t);
  return lp_json_checked(list, bad);
}

static json_t *difference_json(const lp_inference *r) {
  return json_pack("{s:o, s:o, s:o, s:f, s:o, s:o, s:o}", "mean",
                   lp_json_number(r->test.mean_difference), "low", lp_json_number(r->low), "high",
                   lp_json_number(r->high), "alpha", r->alpha, "error",
                   lp_json_number(r->test.error), "t", lp_json_number(r->test.statistic), "df",
                   lp_json_number(r->test.df));
}

/* The result of lp_infer. A comparison that could not be tested has no p. */
static int set_result(json_t *o, const comparison *c) {
  const lp_inference *r = &c->result;
  bool tested = r->verdict != LP_VERDICT_UNTESTABLE;
  int bad = 0;
  bad |= json_object_set_new(o, "analysis", json_string(r->paired ? "paired" : "welch"));
  bad |= json_object_set_new(o, "n", json_integer(r->n));
  bad |= json_object_set_new(o, "reference_n", json_integer(r->n_b));
  bad |= json_object_set_new(o, "difference", difference_json(r));
  bad |= json_object_set_new(o, "p", lp_json_p(tested ? r->test.p : NAN));
  bad |= json_object_set_new(o, "q", lp_json_p(c->q));
  bad |= json_object_set_new(o, "verdict", json_string(lp_verdict_name(r->verdict)));
  bad |= json_object_set_new(o, "reason", json_string(r->reason));
  bad |= json_object_set_new(o, "equivalence_p", lp_json_p(r->equivalence_p));
  bad |= json_object_set_new(o, "detectable", lp_json_number(r->detectable));
  bad |= json_object_set_new(o, "n_needed", lp_json_number(r->n_needed));
  bad |=
      json_object_set_new(o, "dz",
                          json_pack("{s:o, s:o, s:o}", "value", lp_json_number(r->dz), "low",
                                    lp_json_number(r->dz_low), "high", lp_json_number(r->dz_high)));
  bad |= json_object_set_new(o, r->paired ? "sign_flip" : "permutation_test",
                             json_pack("{s:o}", "p", lp_json_p(r->exact_p)));
  return bad;
}

/* Z = sum z / sqrt n of independent networks is a normal deviate where units have no order. */
static json_t *z_json(const lp_moments *z) {
  double sum = z->n ? z->mean * sqrt(z->n) : NAN;
  return json_pack("{s:o, s:o, s:I}", "z", lp_json_number(sum), "p",
                   lp_json_p(erfc(fabs(sum) / sqrt(2))), "n", (json_int_t)z->n);
}

static json_t *chance_json(const comparison *c) {
  json_t *o = json_object();
  int bad = json_object_set_new(o, "value", lp_json_number(c->chance));
  if (c->which.kind == OUTCOME_MEASURE && c->which.measure == MEASURE_VARIANCE) {
    bad |= json_object_set_new(o, "arm", z_json(&c->own_z));
    bad |= json_object_set_new(o, "reference", z_json(&c->reference_z));
  }
  return lp_json_checked(o, bad);
}

/* null where there are too few networks, or no spread. */
static json_t *bootstrap_json(const lp_interval *i) {
  if (isnan(i->low)) return json_null();
  return json_pack("{s:f, s:f, s:I}", "low", i->low, "high", i->high, "resamples",
                   (json_int_t)i->resamples);
}

/* null where no network was lost. */
static json_t *worst_json(const comparison *c) {
  if (!c->lost && !c->reference_lost) return json_null();
  return json_pack("{s:o, s:o, s:s}", "difference", difference_json(&c->worst), "p",
                   lp_json_p(c->worst.verdict == LP_VERDICT_UNTESTABLE ? NAN : c->worst.test.p),
                   "verdict", lp_verdict_name(c->worst.verdict));
}

json_t *lp_comparison_json(const analysis *a, const comparison *c) {
  json_t *o = json_object();
  bool measure = c->which.kind == OUTCOME_MEASURE;
  char *text = lp_verdict_line(a, c);
  int bad = !text;
  bad |= json_object_set_new(o, "arm", json_string(a->arm[c->arm].name));
  bad |= json_object_set_new(o, "reference", json_string(a->arm[c->other].name));
  bad |= json_object_set_new(o, "site",
                             measure ? json_string(a->site_name[c->which.site]) : json_null());
  bad |= json_object_set_new(o, "measure", json_string(lp_outcome_name(a, c->which)));
  if (measure)
    bad |= json_object_set_new(o, "topology", json_string(a->geometry[c->own_geometry].name));
  if (c->fraction) bad |= json_object_set_new(o, "fraction_of_uniform", json_true());
  bad |= json_object_set_new(o, "primary", json_boolean(c->primary));
  bad |= json_object_set_new(o, "text", json_string(text ? text : ""));
  bad |= json_object_set_new(o, "mean", lp_json_number(c->own.mean));
  bad |= json_object_set_new(o, "sd", lp_json_number(c->own.sd));
  bad |= json_object_set_new(o, "reference_mean", lp_json_number(c->reference.mean));
  bad |= json_object_set_new(o, "reference_sd", lp_json_number(c->reference.sd));
  bad |= set_result(o, c);
  bad |= json_object_set_new(o, "margin",
                             lp_json_number(c->primary ? lp_plan_margin(a, c->which) : NAN));
  bad |= json_object_set_new(o, "hedges_g", lp_json_number(c->hedges_g));
  bad |= json_object_set_new(o, "chance", chance_json(c));
  bad |= json_object_set_new(o, "decimals", json_integer(c->decimals));
  bad |= json_object_set_new(o, "dunnett", lp_dunnett_json(c));
  if (*c->contrast) bad |= json_object_set_new(o, "contrast", json_string(c->contrast));
  bad |= json_object_set_new(o, "bootstrap", bootstrap_json(&c->bootstrap));
  bad |= json_object_set_new(o, "lost", json_integer(c->lost));
  bad |= json_object_set_new(o, "reference_lost", json_integer(c->reference_lost));
  bad |= json_object_set_new(o, "worst_case", worst_json(c));
  if (measure && c->which.measure == MEASURE_VARIANCE) {
    bad |= json_object_set_new(o, "per_image", per_image_json(a, c));
    bad |= json_object_set_new(o, "leave_one_class_out", leave_one_out_json(a, c));
  }
  free(text);
  return lp_json_checked(o, bad);
}
