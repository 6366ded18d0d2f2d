/* sweep.csv: a row a network with the values of its cell, for those who plot and fit themselves. */
#include "run.h"

#include <math.h>

/* ---- the columns of a site ------------------------------------------------------------------ */

/* What a network shows at a site beside the measures; sites that were not measured give NaN. */
typedef struct site_column {
  const char *name;
  double (*value)(const layout *g, const site_result *trained, const site_result *untrained);
} site_column;

static double units_of(const layout *g, const site_result *t, const site_result *u) {
  (void)t;
  (void)u;
  return (double)g->rows * g->cols;
}

static double fraction(const layout *g, const site_result *t, const site_result *u) {
  (void)u;
  return t ? t->measured[MEASURE_VARIANCE].value / g->uniform : NAN;
}

static double null_z(const layout *g, const site_result *t, const site_result *u) {
  (void)g;
  (void)u;
  return t ? t->null.z : NAN;
}

static double null_p(const layout *g, const site_result *t, const site_result *u) {
  (void)g;
  (void)u;
  return t ? t->null.p : NAN;
}

static double before(const layout *g, const site_result *t, const site_result *u) {
  (void)g;
  (void)t;
  return u ? u->measured[MEASURE_VARIANCE].value : NAN;
}

static const site_column more[] = {
    {"units", units_of},         {"variance_fraction", fraction}, {"variance_null_z", null_z},
    {"variance_null_p", null_p}, {"variance_untrained", before},
};
enum { N_MORE = sizeof more / sizeof *more };

/* ---- the table ------------------------------------------------------------------------------ */

static void column(FILE *f, const char *site, const char *name) {
  char text[300];
  snprintf(text, sizeof text, "%s.%s", site, name);
  fputc(',', f);
  lp_csv_field(f, text);
}

static void head(FILE *f, const analysis *a) {
  fputs("arm,cell", f);
  for (uint32_t i = 0; i < a->folder->n_axes; i++) {
    fputc(',', f);
    lp_csv_field(f, a->folder->axis[i].key);
  }
  fputs(",seed,status,epochs,accuracy,top5,loss", f);
  for (uint32_t site = 0; site < a->n_sites; site++) {
    for (uint32_t k = 0; k < a->n_measures; k++) column(f, a->site_name[site], a->measure[k].name);
    for (int k = 0; k < N_MORE; k++) column(f, a->site_name[site], more[k].name);
  }
  fputc('\n', f);
}

static void row(FILE *f, const analysis *a, uint32_t arm, uint32_t seed) {
  const lp_run_arm *cell = &a->folder->arm[arm];
  const arm_info *info = &a->arm[arm];
  const run_info *run = &info->run[seed];
  lp_csv_field(f, cell->base);
  fputc(',', f);
  lp_csv_field(f, cell->name);
  for (uint32_t i = 0; i < a->folder->n_axes; i++) {
    fputc(',', f);
    if (cell->cell[i] >= 0) lp_csv_field(f, a->folder->axis[i].value[cell->cell[i]]);
  }
  fprintf(f, ",%llu,%s,%u", (unsigned long long)a->seed[seed], run->status, run->n_epochs);
  lp_csv_value(f, run->accuracy);
  lp_csv_value(f, run->top5);
  lp_csv_value(f, run->loss);
  for (uint32_t site = 0; site < a->n_sites; site++) {
    const uint32_t at = info->geometry[site];
    const site_result *trained = lp_trained_site(a, run, site, at),
                      *untrained = lp_untrained_site(a, run, site, at);
    for (uint32_t k = 0; k < a->n_measures; k++)
      lp_csv_value(f, trained ? trained->measured[k].value : NAN);
    for (int k = 0; k < N_MORE; k++)
      lp_csv_value(f,
                   at == NO_GEOMETRY ? NAN : more[k].value(&a->geometry[at], trained, untrained));
  }
  fputc('\n', f);
}

static void rows(FILE *f, const analysis *a) {
  head(f, a);
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++) row(f, a, i, k);
}

lp_status lp_write_sweep(const analysis *a) {
  return a->folder->n_axes ? lp_csv_write(a, LP_RUN_SWEEP, rows) : LP_OK;
}
