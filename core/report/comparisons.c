/* comparisons.c: data of the figure of the per-image test with one class left out. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct axis {
  uint32_t points;
  double df;         /* the least of the tests */
  bool *arm;         /* has points */
  uint32_t *panel;   /* of each site that has points, from 1; 0 of one that has none */
  const char **site; /* of each panel */
  uint32_t n_panels;
  uint32_t n;
  const char *class[REPORT_CLASSES];
} axis;

/* Position of a class on the axis: 0 is "none left out". Negative: not shown. */
static int class_place(const axis *ax, const char *name) {
  for (uint32_t i = 0; i < ax->n; i++)
    if (strcmp(ax->class[i], name) == 0) return (int)i + 1;
  return -1;
}

static void point(const report_run *run, FILE *f, axis *ax, const json_t *c, const char *left_out,
                  int place, const json_t *t) {
  uint32_t arm = lp_report_arm_index(run, lp_jstr(c, "arm"));
  uint32_t site = lp_report_site_index(run, lp_jstr(c, "site"));
  uint32_t seed = lp_report_seed_index(run, lp_jseed(t));
  if (arm == run->n_arms || site == run->n_sites || !ax->panel[site] || isnan(lp_jnum(t, "t")) ||
      place < 0)
    return;
  /* arms side by side, the seeds of an arm close together */
  double slot = 0.7 / run->n_arms;
  double in_slot = run->n_seeds > 1 ? (double)seed / (run->n_seeds - 1) - 0.5 : 0;
  double x = place + slot * (arm - (run->n_arms - 1) / 2.0 + 0.6 * in_slot);
  fprintf(f, "%u,%s,%u,", ax->panel[site], run->sites[site], arm + 1);
  lp_csv_text(f, run->arms[arm].name);
  fputc(',', f);
  lp_csv_text(f, left_out);
  fprintf(f, ",%s,", lp_report_seed(lp_jseed(t)).s);
  lp_csv_num(f, x);
  fputc(',', f);
  lp_csv_num(f, lp_jnum(t, "t"));
  fputc(',', f);
  lp_csv_num(f, lp_jnum(t, "p"));
  fputc('\n', f);
  ax->df = fmin(ax->df, lp_jnum(t, "df"));
  ax->points++;
  ax->arm[arm] = true;
}

/* Sites where images are paired, in the order of the sites. */
static void choose_panels(const report_run *run, axis *ax) {
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    const uint32_t site = lp_report_site_index(run, lp_jstr(c, "site"));
    if (strcmp(lp_jstr(c, "measure"), "variance") == 0 && site < run->n_sites &&
        json_array_size(lp_jobj(c, "leave_one_class_out")))
      ax->panel[site] = 1;
  }
  for (uint32_t s = 0; s < run->n_sites; s++) {
    if (!ax->panel[s]) continue;
    ax->site[ax->n_panels++] = run->sites[s];
    ax->panel[s] = ax->n_panels;
  }
}

static lp_status write_axis(const report_run *run, axis *ax, figure_out *out) {
  const json_t *list = lp_jobj(run->summary, "comparisons");
  uint32_t index[REPORT_CLASSES];
  ax->n = lp_report_shown_classes(run, index);
  for (uint32_t c = 0; c < ax->n; c++) ax->class[c] = run->classes[index[c]];
  uint32_t left_out = 0;
  choose_panels(run, ax);
  size_t i, k;
  json_t *c, *t;
  fputs("# site number,site,arm number,arm,class left out,seed,x,t,p\n", out->csv);
  json_array_foreach(list, i, c) {
    if (strcmp(lp_jstr(c, "measure"), "variance") != 0) continue;
    json_array_foreach(lp_jobj(c, "per_image"), k, t) point(run, out->csv, ax, c, "none", 0, t);
    json_array_foreach(lp_jobj(c, "leave_one_class_out"), k, t) {
      uint32_t before = ax->points;
      point(run, out->csv, ax, c, lp_jstr(t, "class"), class_place(ax, lp_jstr(t, "class")), t);
      left_out += ax->points - before;
    }
  }
  fputs("# arms with points\n", out->var);
  lp_gp_numbers(out->var, "shown", ax->arm, run->n_arms);
  if (!left_out) return lp_fail(LP_ERR_NOT_FOUND, "the analysis has no such test");
  lp_gp_arms(out->var, run);
  lp_gp_array(out->var, "class", ax->class, ax->n, 14);
  lp_gp_array(out->var, "site", ax->site, ax->n_panels, 36);
  const double critical = lp_student_t_critical(0.05, ax->df);
  fprintf(out->var, "n_class = %u\nn_site = %u\ncritical = ", ax->n, ax->n_panels);
  lp_csv_num(out->var, critical);
  fputc('\n', out->var);
  lp_report_html(
      out->caption,
      "t of the paired test over images, once with all images (\xe2\x80\x9cnone\xe2\x80\x9d) and "
      "once without the images of each class; one point a pair of networks (arm and reference with "
      "one seed). Dashed lines: p = .05 (|t| = %s). ",
      lp_report_num(critical, 2).s);
  if (run->n_classes > ax->n)
    lp_report_html(out->caption,
                   "Shown are %u of %u classes, evenly chosen; the text counts all of them. ",
                   ax->n, run->n_classes);
  lp_report_html(out->caption,
                 "Where the points of one arm spread as widely as those of different arms, "
                 "the pair of networks matters more than the layer.");
  return LP_OK;
}

lp_status lp_leave_one_out_write(const report_run *run, const subject *of, int arg,
                                 figure_out *out) {
  (void)of, (void)arg;
  axis ax = {.df = INFINITY,
             .arm = calloc(run->n_arms, sizeof *ax.arm),
             .panel = calloc(run->n_sites + 1, sizeof *ax.panel),
             .site = calloc(run->n_sites + 1, sizeof *ax.site)};
  lp_status st = ax.arm && ax.panel && ax.site ? write_axis(run, &ax, out)
                                               : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(ax.arm);
  free(ax.panel);
  free(ax.site);
  return st;
}
