/* networks.csv, images.csv, comparisons.csv, nulls.csv, and penalties.csv where there are any: what
 * the analysis found, a row an observation, for those who plot and test themselves. Numbers are
 * those of summary.json. */
#include "run.h"

#include <math.h>
#include <string.h>

/* ",site,state": trained, or before the first step; a network as a whole has no site. */
static void place(FILE *f, const analysis *a, uint32_t site, bool trained) {
  fputc(',', f);
  if (site < a->n_sites) lp_csv_field(f, a->site_name[site]);
  fputs(trained ? ",trained" : ",untrained", f);
}

typedef void (*site_rows)(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                          bool trained, const site_result *r);

/* Calls fn for every network, site and state that was measured. */
static void each_site(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, site_rows fn) {
  const run_info *run = &a->arm[arm].run[seed];
  for (uint32_t s = 0; s < a->n_sites; s++) {
    const uint32_t at = a->arm[arm].geometry[s];
    const site_result *trained = lp_trained_site(a, run, s, at),
                      *untrained = lp_untrained_site(a, run, s, at);
    if (trained) fn(f, a, arm, seed, s, true, trained);
    if (untrained) fn(f, a, arm, seed, s, false, untrained);
  }
}

static void each_network(FILE *f, const analysis *a, site_rows fn) {
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++) each_site(f, a, i, k, fn);
}

/* ---- networks.csv --------------------------------------------------------------------------- */

static void measured(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                     bool trained, const site_result *r) {
  for (uint32_t k = 0; k < a->n_measures; k++) {
    const lp_measured *m = &r->measured[k];
    if (isnan(m->value) && isnan(m->chance)) continue; /* has no meaning there */
    lp_csv_network(f, a, arm, seed);
    place(f, a, site, trained);
    fputc(',', f);
    lp_csv_field(f, a->measure[k].name);
    lp_csv_value(f, m->value);
    lp_csv_value(f, m->chance);
    fputc('\n', f);
  }
}

static void networks(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",site,state,measure,value,chance\n", f);
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      const run_info *run = &a->arm[i].run[k];
      const outcome_kind kind[] = {OUTCOME_ACCURACY, OUTCOME_TOP5, OUTCOME_LOSS};
      const double value[] = {run->accuracy, run->top5, run->loss};
      for (int m = 0; m < 3; m++) {
        lp_csv_network(f, a, i, k);
        place(f, a, a->n_sites, true);
        fprintf(f, ",%s", lp_outcome_name(a, (outcome){.kind = kind[m]}));
        lp_csv_value(f, value[m]);
        lp_csv_value(f, NAN);
        fputc('\n', f);
      }
      each_site(f, a, i, k, measured);
    }
}

/* ---- images.csv ----------------------------------------------------------------------------- */

static void images_of(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                      bool trained, const site_result *r) {
  for (uint32_t i = 0; trained && r->image_variance && i < a->n_images; i++) {
    lp_csv_network(f, a, arm, seed);
    fputc(',', f);
    lp_csv_field(f, a->site_name[site]);
    fprintf(f, ",%u,", i);
    if (a->labels && a->labels[i] >= 0 && (uint32_t)a->labels[i] < a->n_classes)
      lp_csv_field(f, a->class_name[a->labels[i]]);
    lp_csv_value(f, r->image_variance[i]);
    fputc('\n', f);
  }
}

static void images(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",site,image,class,variance\n", f);
  each_network(f, a, images_of);
}

/* ---- nulls.csv ------------------------------------------------------------------------------ */

static void null_rows(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                      bool trained, const site_result *r) {
  const lp_null_result *kind[] = {&r->null, &r->permutation};
  for (int k = 0; k < 2; k++) {
    if (isnan(kind[k]->mean) || (k && !kind[k]->permutations)) continue;
    lp_csv_network(f, a, arm, seed);
    place(f, a, site, trained);
    fprintf(f, ",variance,%s,%u,%u", k ? "shuffled" : "exact", kind[k]->permutations, kind[k]->n);
    lp_csv_value(f, kind[k]->observed);
    lp_csv_value(f, kind[k]->mean);
    lp_csv_value(f, kind[k]->sd);
    lp_csv_value(f, kind[k]->z);
    lp_csv_value(f, kind[k]->p);
    fputc('\n', f);
  }
}

static void nulls(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",site,state,measure,null,shuffles,images,value,mean,sd,z,p\n", f);
  each_network(f, a, null_rows);
}

/* ---- comparisons.csv ------------------------------------------------------------------------ */

static void comparison_row(FILE *f, const analysis *a, const comparison *c) {
  const bool tested = c->result.verdict != LP_VERDICT_UNTESTABLE;
  lp_csv_field(f, a->arm[c->arm].name);
  fputc(',', f);
  lp_csv_field(f, a->arm[c->other].name);
  fputc(',', f);
  if (c->which.kind == OUTCOME_MEASURE) lp_csv_field(f, a->site_name[c->which.site]);
  fputc(',', f);
  lp_csv_field(f, lp_outcome_name(a, c->which));
  fprintf(f, ",%s,%s,%u,%u", c->primary ? "primary" : "exploratory",
          c->result.paired ? "paired" : "welch", c->result.n, c->result.n_b);
  const double number[] = {c->own.mean,
                           c->own.sd,
                           c->reference.mean,
                           c->reference.sd,
                           c->result.test.mean_difference,
                           c->result.low,
                           c->result.high,
                           c->result.alpha,
                           c->result.test.statistic,
                           c->result.test.df,
                           tested ? c->result.test.p : NAN,
                           c->q,
                           c->result.exact_p,
                           c->result.dz,
                           c->result.detectable,
                           c->primary ? lp_plan_margin(a, c->which) : NAN,
                           c->result.equivalence_p,
                           c->chance};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++) lp_csv_value(f, number[i]);
  fprintf(f, ",%u,%u,%s,", c->lost, c->reference_lost, lp_verdict_name(c->result.verdict));
  lp_csv_field(f, c->result.reason ? c->result.reason : "");
  const bool many = c->blocks.n > 0;
  const double adjusted[] = {c->dunnett_t, c->blocks.df_error, c->dunnett_p, c->dunnett_low,
                             c->dunnett_high};
  for (size_t i = 0; i < sizeof adjusted / sizeof *adjusted; i++)
    lp_csv_value(f, many ? adjusted[i] : NAN);
  fputc(',', f);
  lp_csv_field(f, c->contrast);
  fputc('\n', f);
}

static void comparisons(FILE *f, const analysis *a) {
  fputs("arm,reference,site,measure,plan,analysis,n,reference_n,mean,sd,reference_mean,"
        "reference_sd,difference,low,high,alpha,t,df,p,q,exact_p,dz,detectable,margin,"
        "equivalence_p,chance,lost,reference_lost,verdict,reason,dunnett_t,"
        "dunnett_df,dunnett_p,dunnett_low,dunnett_high,contrast\n",
        f);
  for (uint32_t i = 0; i < a->n_comparisons + a->n_contrasts; i++)
    comparison_row(f, a, &a->comparison[i]);
}

/* ---- penalties.csv -------------------------------------------------------------------------- */

static void penalty_rows(FILE *f, const analysis *a, uint32_t arm, uint32_t seed) {
  static const char *const key[] = {"strength", "value", "share"};
  const run_info *run = &a->arm[arm].run[seed];
  for (uint32_t e = 0; e < run->n_epochs; e++) {
    size_t i;
    json_t *p;
    json_array_foreach(run->epoch[e].penalties, i, p) {
      const char *layer = json_string_value(json_object_get(p, "layer")),
                 *penalty = json_string_value(json_object_get(p, "penalty"));
      lp_csv_network(f, a, arm, seed);
      fprintf(f, ",%u,", run->epoch[e].epoch);
      lp_csv_field(f, layer ? layer : "");
      fputc(',', f);
      lp_csv_field(f, penalty ? penalty : "");
      for (int k = 0; k < 3; k++) {
        const json_t *v = json_object_get(p, key[k]);
        lp_csv_value(f, json_is_number(v) ? json_number_value(v) : NAN);
      }
      fputc('\n', f);
    }
  }
}

static void penalties(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",epoch,layer,penalty,strength,value,share\n", f);
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++) penalty_rows(f, a, i, k);
}

static bool any_penalty(const analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++) {
      const run_info *run = &a->arm[i].run[k];
      if (run->n_epochs && run->epoch[0].penalties) return true;
    }
  return false;
}

lp_status lp_write_tidy(const analysis *a) {
  static const struct {
    const char *name;
    void (*fill)(FILE *f, const analysis *a);
  } tables[] = {{LP_RUN_NETWORKS, networks},
                {LP_RUN_IMAGES, images},
                {LP_RUN_COMPARISONS, comparisons},
                {LP_RUN_NULLS, nulls}};
  lp_status s = LP_OK;
  for (size_t i = 0; i < sizeof tables / sizeof *tables && s == LP_OK; i++)
    s = lp_csv_write(a, tables[i].name, tables[i].fill);
  return s == LP_OK && any_penalty(a) ? lp_csv_write(a, LP_RUN_PENALTIES, penalties) : s;
}
