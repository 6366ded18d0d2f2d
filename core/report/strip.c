/* strip.c: data of the strip plot: the spatial variance of every network. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where an arm stands: a row each, from 1 downwards. */
static double place(uint32_t arm) {
  return arm + 1;
}

/* Panels are the sites, each sheet of a site by itself: V of other sheets is another number. */
typedef struct panels {
  const subject *of;
  uint32_t n;
} panels;

static void strip_line(FILE *f, const report_run *run, uint32_t panel, uint32_t arm,
                       const char *what, double row, double variance, double extra) {
  fprintf(f, "%u,%u,", panel + 1, arm + 1);
  lp_csv_text(f, arm < run->n_arms ? run->arms[arm].name : "");
  fprintf(f, ",%s,", what);
  lp_csv_num(f, row);
  fputc(',', f);
  lp_csv_num(f, variance);
  fputc(',', f);
  lp_csv_num(f, extra);
  fputc('\n', f);
}

/* Variances of the networks of an arm at a site; returns how many there are. */
static uint32_t values(const report_run *run, const subject *p, uint32_t arm, double *v,
                       uint64_t *seed) {
  const json_t *a = lp_jobj(lp_jobj(run->summary, "arms"), run->arms[arm].name);
  uint32_t n = 0;
  if (!lp_stands_in(run, p, arm)) return 0;
  size_t i;
  json_t *r;
  json_array_foreach(lp_jobj(a, "runs"), i, r) {
    double x = lp_jnum(lp_jobj(lp_jobj(r, "sites"), run->sites[p->site]), "variance");
    if (isnan(x) || n == run->n_seeds) continue;
    seed[n] = lp_jseed(r);
    v[n++] = x;
  }
  return n;
}

static uint32_t strip_networks(const report_run *run, const panels *p, figure_out *out, double *v,
                               uint64_t *seed) {
  uint32_t total = 0;
  for (uint32_t s = 0; s < p->n; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      uint32_t n = values(run, &p->of[s], a, v, seed);
      for (uint32_t i = 0; i < n; i++) {
        double spread = n > 1 ? 0.36 * ((double)i / (n - 1) - 0.5) : 0;
        strip_line(out->csv, run, s, a, lp_report_seed(seed[i]).s, place(a) + spread, v[i], NAN);
      }
      total += n;
    }
  }
  return total;
}

static void strip_means(const report_run *run, const panels *p, figure_out *out, double *v,
                        uint64_t *seed) {
  for (uint32_t s = 0; s < p->n; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      uint32_t n = values(run, &p->of[s], a, v, seed);
      double mean = 0, sq = 0;
      for (uint32_t i = 0; i < n; i++) mean += v[i] / n;
      for (uint32_t i = 0; i < n; i++) sq += (v[i] - mean) * (v[i] - mean);
      if (n)
        strip_line(out->csv, run, s, a, "mean", place(a), mean, n > 1 ? sqrt(sq / (n - 1)) : 0);
    }
  }
}

/* Lines across an arm's row: what its networks show untrained. Returns how many. */
static uint32_t strip_nulls(const report_run *run, const panels *p, figure_out *out) {
  const json_t *untrained = lp_jobj(lp_jobj(run->summary, "null"), "untrained");
  uint32_t n = 0;
  for (uint32_t s = 0; s < p->n; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      const char *site = run->sites[p->of[s].site];
      double b = lp_jnum(lp_jobj(lp_jobj(untrained, run->arms[a].name), site), "mean");
      if (isnan(b) || !lp_stands_in(run, &p->of[s], a)) continue;
      strip_line(out->csv, run, s, a, "untrained", place(a), b, 0.42);
      n++;
    }
  }
  if (!n) strip_line(out->csv, run, 0, 0, "untrained", 0, NAN, NAN);
  return n;
}

/* Mean over an arm's networks of a number in their site's object `what`; NaN: there is none. */
static double mean_of(const report_run *run, const char *site, uint32_t arm, const char *what,
                      const char *key) {
  double sum = 0, n = 0;
  size_t i;
  json_t *r;
  json_array_foreach(lp_jobj(lp_jobj(lp_jobj(run->summary, "arms"), run->arms[arm].name), "runs"),
                     i, r) {
    double x = lp_jnum(lp_jobj(lp_jobj(lp_jobj(r, "sites"), site), what), key);
    if (isnan(x)) continue;
    sum += x;
    n++;
  }
  return n > 0 ? sum / n : NAN;
}

/* What units in any order give where the arm's own units stand, with the sd of a network's V over
 * all orders. Returns how many arms have it. */
static uint32_t strip_chance(const report_run *run, const panels *p, figure_out *out) {
  uint32_t n = 0;
  for (uint32_t s = 0; s < p->n; s++)
    for (uint32_t a = 0; a < run->n_arms; a++) {
      const char *site = run->sites[p->of[s].site];
      double v = mean_of(run, site, a, "chance", "variance"),
             sd = mean_of(run, site, a, "null", "sd");
      if (isnan(v) || !lp_stands_in(run, &p->of[s], a)) continue;
      strip_line(out->csv, run, s, a, "any order", place(a), v, isnan(sd) ? 0 : sd);
      n++;
    }
  if (!n) strip_line(out->csv, run, 0, 0, "any order", 0, NAN, NAN);
  return n;
}

/* A value stands beside the arm that it was published for. */
static uint32_t strip_published(const report_run *run, const panels *p, figure_out *out) {
  const json_t *known = lp_jobj(lp_jobj(run->summary, "published"), "arms");
  uint32_t n = 0;
  for (uint32_t s = 0; s < p->n; s++)
    for (uint32_t a = 0; a < run->n_arms; a++) {
      const char *site = run->sites[p->of[s].site];
      double v = lp_jnum(lp_jobj(lp_jobj(known, run->arms[a].name), "variance"), site);
      if (isnan(v) || !lp_stands_in(run, &p->of[s], a)) continue;
      strip_line(out->csv, run, s, a, "published", place(a) + 0.3, v, NAN);
      n++;
    }
  if (!n) strip_line(out->csv, run, 0, 0, "published", 0, NAN, NAN);
  return n;
}

static lp_status write_panels(const report_run *run, const panels *p, figure_out *out, double *v,
                              uint64_t *seed) {
  fputs("# panel,arm number,arm,seed or kind,row,variance,sd or half width\n", out->csv);
  uint32_t total = strip_networks(run, p, out, v, seed);
  fputs("\n\n", out->csv);
  strip_means(run, p, out, v, seed);
  fputs("\n\n", out->csv);
  uint32_t untrained_lines = strip_nulls(run, p, out);
  fputs("\n\n", out->csv);
  uint32_t published = strip_published(run, p, out);
  fputs("\n\n", out->csv);
  uint32_t chance = strip_chance(run, p, out);
  if (!total)
    return lp_fail(LP_ERR_NOT_FOUND,
                   run->analysed ? "no network has a variance yet" : "summary.json is missing");
  const char **title = calloc(p->n, sizeof *title);
  if (!title) return lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t s = 0; s < p->n; s++) title[s] = p->of[s].title;
  lp_gp_arms(out->var, run);
  fprintf(out->var, "n_panel = %u\n", p->n);
  lp_gp_array(out->var, "panel", title, p->n, 36);
  free(title);
  fprintf(out->var, "n_untrained = %u\nn_published = %u\n", untrained_lines, published);
  fprintf(out->var, "n_chance = %u\n", chance);
  lp_report_html(out->caption,
                 "One point a network (%u in all, each the mean over its images), in squared unit "
                 "spacings. Bars: mean \xc2\xb1 sd over the networks of an arm. ",
                 total);
  if (p->n > run->n_sites)
    lp_report_html(out->caption, "Where arms have sheets of their own, each has its panel. ");
  if (chance)
    lp_report_html(
        out->caption,
        "Dashed line: units in any order, on the sheet and topology of the arm itself; band: 95 %% "
        "of all orders of one network\xe2\x80\x99s units. ");
  if (untrained_lines)
    lp_report_html(out->caption,
                   "Dotted lines: the mean of the same networks before any training. ");
  if (published) lp_report_html(out->caption, "Open diamonds: the published values.");
  return LP_OK;
}

lp_status lp_strip_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)of, (void)arg;
  panels p;
  subject *all = lp_report_subjects(run, PER_SITE, &p.n);
  double *v = malloc(run->n_seeds * sizeof *v);
  uint64_t *seed = malloc(run->n_seeds * sizeof *seed);
  p.of = all;
  lp_status st = all && v && seed ? write_panels(run, &p, out, v, seed)
                                  : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(all);
  free(v);
  free(seed);
  return st;
}
