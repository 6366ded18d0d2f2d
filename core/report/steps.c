/* steps.c: what the units of a site do step by step, of networks that read sequences: V and Moran's
 * I of every network, and the mean of an arm with its interval. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURES = 2 };
#define ALPHA 0.05
static const char *const measure_key[MEASURES] = {"variance", "moran_i"};

uint32_t lp_report_steps(const report_run *run, uint32_t site) {
  uint32_t most = 1;
  for (uint32_t a = 0; a < run->n_arms; a++) {
    const lp_run_site *s = lp_report_sheet(run, a, site);
    if (s->units && s->steps > most) most = s->steps;
  }
  return most;
}

/* The measures of a network by step; NULL where it has none. state: "sites" or "untrained". */
static const json_t *steps_of(const report_run *run, uint32_t arm, uint32_t seed, const char *site,
                              const char *state) {
  const json_t *runs = lp_jobj(lp_jobj(lp_jobj(run->summary, "arms"), run->arms[arm].name), "runs"),
               *r;
  size_t i;
  json_array_foreach(runs, i, r) {
    if (lp_jseed(r) == run->seeds[seed])
      return strcmp(lp_jstr(r, "status"), "complete") == 0
                 ? lp_jobj(lp_jobj(lp_jobj(r, state), site), "steps")
                 : NULL;
  }
  return NULL;
}

typedef struct picture {
  const report_run *run;
  const subject *of;
  const char *site;
  FILE *csv;
  uint32_t n_blocks, steps;
  double *y; /* n_seeds */
} picture;

static bool on_this_sheet(const picture *p, uint32_t arm) {
  const lp_run_site *s = lp_report_sheet(p->run, arm, p->of->site);
  return s->units && s->steps > 1 && s->rows == p->of->rows && s->cols == p->of->cols;
}

/* Blocks are told from one another by two empty lines. */
static void line(picture *p, bool first, uint32_t arm, const char *seed, uint32_t step,
                 const double y[MEASURES], const double half[MEASURES]) {
  if (first && p->n_blocks++) fputs("\n\n", p->csv);
  fprintf(p->csv, "%u,", arm + 1);
  lp_csv_text(p->csv, p->run->arms[arm].name);
  fprintf(p->csv, ",%s,%u", seed, step);
  for (int m = 0; m < MEASURES; m++) {
    const double value[] = {y[m], y[m] - half[m], y[m] + half[m]};
    for (int k = 0; k < 3; k++) {
      fputc(',', p->csv);
      lp_csv_num(p->csv, value[k]);
    }
  }
  fputc('\n', p->csv);
}

static void network_lines(picture *p, uint32_t arm, uint32_t seed) {
  static const double none[MEASURES] = {NAN, NAN};
  const json_t *steps = steps_of(p->run, arm, seed, p->site, "sites"), *one;
  size_t t;
  json_array_foreach(steps, t, one) {
    const double y[MEASURES] = {lp_jnum(one, measure_key[0]), lp_jnum(one, measure_key[1])};
    line(p, t == 0, arm, lp_report_seed(p->run->seeds[seed]).s, (uint32_t)t + 1, y, none);
    if (t >= p->steps) p->steps = (uint32_t)t + 1;
  }
}

/* Means over the networks of an arm, with the interval of the mean where there are three or more of
 * them. False: it has no network. */
static bool mean_lines(picture *p, uint32_t arm, const char *state) {
  uint32_t written = 0;
  for (uint32_t t = 0; t < lp_report_sheet(p->run, arm, p->of->site)->steps; t++) {
    double mean[MEASURES], half[MEASURES];
    uint32_t networks = 0;
    for (int m = 0; m < MEASURES; m++) {
      uint32_t n = 0;
      for (uint32_t k = 0; k < p->run->n_seeds; k++) {
        const json_t *one = json_array_get(steps_of(p->run, arm, k, p->site, state), t);
        if (one) p->y[n++] = lp_jnum(one, measure_key[m]);
      }
      const lp_moments of = lp_moments_of(p->y, n);
      mean[m] = of.mean;
      half[m] = of.n > 2 ? lp_student_t_critical(ALPHA, of.n - 1) * of.sd / sqrt(of.n) : NAN;
      networks = n;
    }
    if (networks)
      line(p, written++ == 0, arm, strcmp(state, "sites") ? "untrained" : "mean", t + 1, mean,
           half);
  }
  return written > 0;
}

/* V of units in any order, where that is one number for all arms of the figure. */
static double uniform(const picture *p) {
  double v = NAN;
  bool any = false;
  for (uint32_t a = 0; a < p->run->n_arms; a++) {
    if (!on_this_sheet(p, a)) continue;
    const double own = lp_report_uniform(p->run, a, p->site);
    if (any && own != v) return NAN;
    v = own;
    any = true;
  }
  return v;
}

static void write_var(const picture *p, FILE *f, const bool *mean, const bool *untrained,
                      uint32_t networks) {
  const double units = (double)p->of->rows * p->of->cols;
  lp_gp_arms(f, p->run);
  fprintf(f, "n_run = %u # blocks of single networks, then those of means, then untrained ones:\n",
          networks);
  lp_gp_numbers(f, "mean", mean, p->run->n_arms);
  lp_gp_numbers(f, "untrained", untrained, p->run->n_arms);
  fprintf(f, "steps = %u\narray chance[%d] = [", p->steps, MEASURES);
  lp_csv_num(f, uniform(p));
  fprintf(f, ", ");
  lp_csv_num(f, units > 1 ? -1 / (units - 1) : NAN);
  fputs("]\n", f);
}

static lp_status draw(picture *p, bool *mean, bool *untrained, figure_out *out) {
  const report_run *run = p->run;
  fputs("# arm number,arm,seed or mean,step,V,low,high,Moran's I,low,high\n", p->csv);
  for (uint32_t a = 0; a < run->n_arms; a++)
    for (uint32_t k = 0; k < run->n_seeds && on_this_sheet(p, a); k++) network_lines(p, a, k);
  const uint32_t networks = p->n_blocks;
  if (!networks)
    return lp_fail(LP_ERR_NOT_FOUND,
                   run->analysed ? "no network is complete" : "summary.json is missing");
  for (uint32_t a = 0; a < run->n_arms; a++)
    mean[a] = on_this_sheet(p, a) && mean_lines(p, a, "sites");
  for (uint32_t a = 0; a < run->n_arms; a++)
    untrained[a] = on_this_sheet(p, a) && mean_lines(p, a, "untrained");
  write_var(p, out->var, mean, untrained, networks);
  lp_report_html(
      out->caption,
      "Spatial variance and Moran\xe2\x80\x99s I of the maps after each step, means over images "
      "(of V, those in which it is defined). Thin lines: single networks (%u of them); thick "
      "lines: mean over the networks of an arm, with the 95 %% interval of the mean where there "
      "are 3 or more; dotted: the mean before training. Grey: units without spatial order. All "
      "measures by step are in <code>" LP_RUN_STEPS "</code>.",
      networks);
  return LP_OK;
}

lp_status lp_steps_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  picture p = {.run = run,
               .of = of,
               .site = run->sites[of->site],
               .csv = out->csv,
               .y = calloc(run->n_seeds, sizeof *p.y)};
  bool *mean = calloc(run->n_arms, sizeof *mean), *untrained = calloc(run->n_arms, sizeof *mean);
  lp_status st = p.y && mean && untrained ? draw(&p, mean, untrained, out)
                                          : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(p.y);
  free(mean);
  free(untrained);
  return st;
}
