/* measures.csv and curves.csv: every measure of every network, class by class, with what chance
 * gives, and the measures that are curves. */
#include "run.h"

#include <math.h>

typedef void (*site_rows)(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                          const char *state, const site_result *r);

static void each_site(FILE *f, const analysis *a, site_rows fn) {
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++)
      for (uint32_t s = 0; s < a->n_sites; s++) {
        const run_info *run = &a->arm[i].run[k];
        const uint32_t at = a->arm[i].geometry[s];
        const site_result *trained = lp_trained_site(a, run, s, at),
                          *untrained = lp_untrained_site(a, run, s, at);
        if (trained) fn(f, a, i, k, s, "trained", trained);
        if (untrained) fn(f, a, i, k, s, "untrained", untrained);
      }
}

static void begin(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                  const char *state, measure_id measure) {
  lp_csv_network(f, a, arm, seed);
  fputc(',', f);
  lp_csv_field(f, a->site_name[site]);
  fprintf(f, ",%s,", state);
  lp_csv_field(f, a->measure[measure].name);
}

/* class_: n_classes: all of them. */
static void measure_row_of(FILE *f, const analysis *a, uint32_t class_, const class_value *v) {
  const char *unit = a->measure[v->measure].row->unit;
  fputc(',', f);
  if (class_ < a->n_classes) lp_csv_field(f, a->class_name[class_]);
  lp_csv_value(f, v->value);
  fputc(',', f);
  lp_csv_field(f, unit ? unit : "");
  const double number[] = {v->chance, v->sd, v->low, v->high, v->p};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++) lp_csv_value(f, number[i]);
  fputc('\n', f);
}

static void measured(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                     const char *state, const site_result *r) {
  uint32_t next = 0; /* classes stand in the order of measures */
  for (measure_id k = 0; k < a->n_measures; k++) {
    const lp_measured *m = &r->measured[k];
    const class_value all = {k, a->n_classes, m->value, m->chance, m->sd, m->low, m->high, m->p};
    if (!isnan(m->value)) {
      begin(f, a, arm, seed, site, state, k);
      measure_row_of(f, a, a->n_classes, &all);
    }
    for (; next < r->n_of_class && r->of_class[next].measure == k; next++) {
      begin(f, a, arm, seed, site, state, k);
      measure_row_of(f, a, r->of_class[next].class_, &r->of_class[next]);
    }
  }
}

static void measures(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",site,state,measure,class,value,unit,null_mean,null_sd,null_low,null_high,"
                       "p\n",
        f);
  each_site(f, a, measured);
}

static void curved(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                   const char *state, const site_result *r) {
  for (measure_id k = 0; k < a->n_measures; k++) {
    const lp_measured *m = &r->measured[k];
    for (uint32_t i = 0; i < m->n_curve; i++) {
      begin(f, a, arm, seed, site, state, k);
      fprintf(f, ",%u", i + 1);
      lp_csv_value(f, m->x[i]);
      lp_csv_value(f, m->y[i]);
      lp_csv_value(f, m->y_low[i]);
      lp_csv_value(f, m->y_high[i]);
      fputc('\n', f);
    }
  }
}

static void curves(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",site,state,measure,point,x,value,null_low,null_high\n", f);
  each_site(f, a, curved);
}

lp_status lp_write_measures(const analysis *a) {
  lp_status s = lp_csv_write(a, LP_RUN_MEASURES, measures);
  return s == LP_OK ? lp_csv_write(a, LP_RUN_CURVES, curves) : s;
}
