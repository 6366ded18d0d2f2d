/* steps.csv: a row a network, a site with steps and a step, with the standard measures after that
 * step. */
#include "run.h"

static bool any_steps(const analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_sites; k++)
      if (a->folder->arm[i].site[k].steps > 1) return true;
  return false;
}

static void step_rows(FILE *f, const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                      const char *state, const site_result *r) {
  for (uint32_t t = 0; r && t < r->n_steps; t++) {
    lp_csv_network(f, a, arm, seed);
    fprintf(f, ",%s,", state);
    lp_csv_field(f, a->site_name[site]);
    fprintf(f, ",%u", t + 1);
    for (int k = 0; k < N_STANDARD; k++) lp_csv_value(f, r->step[t][k]);
    fputc('\n', f);
  }
}

static void rows(FILE *f, const analysis *a) {
  fputs(LP_CSV_NETWORK ",state,site,step", f);
  for (int k = 0; k < N_STANDARD; k++) fprintf(f, ",%s", a->measure[k].name);
  fputc('\n', f);
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++)
      for (uint32_t s = 0; s < a->n_sites; s++) {
        const run_info *run = &a->arm[i].run[k];
        const uint32_t at = a->arm[i].geometry[s];
        step_rows(f, a, i, k, s, "trained", lp_trained_site(a, run, s, at));
        step_rows(f, a, i, k, s, "untrained", lp_untrained_site(a, run, s, at));
      }
}

lp_status lp_write_steps(const analysis *a) {
  return any_steps(a) ? lp_csv_write(a, LP_RUN_STEPS, rows) : LP_OK;
}
