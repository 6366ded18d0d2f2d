/* differences.c: data of the forest plot: the primary comparisons with their intervals. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PANELS = 8 };

typedef struct panel_kind {
  const char *site, *measure;
  bool fraction; /* of arms whose sheets are not the reference's: V over its uniform value */
  double margin;
  char title[96];
} panel_kind;

/* The panel of a comparison; n where it needs a new one. */
static uint32_t panel_of(const panel_kind *p, uint32_t n, const json_t *c) {
  uint32_t i = 0;
  while (i < n && (strcmp(p[i].site, lp_jstr(c, "site")) != 0 ||
                   strcmp(p[i].measure, lp_jstr(c, "measure")) != 0 ||
                   p[i].fraction != lp_report_fraction(c)))
    i++;
  return i;
}

static void name_panel(panel_kind *p, const json_t *c) {
  measure m = lp_report_measure(lp_jstr(c, "measure"));
  *p = (panel_kind){.site = lp_jstr(c, "site"),
                    .measure = lp_jstr(c, "measure"),
                    .fraction = lp_report_fraction(c),
                    .margin = lp_jnum(c, "margin")};
  const char *unit = p->fraction ? "of its uniform value" : m.difference_unit;
  snprintf(p->title, sizeof p->title, "%.40s%s%.16s%s%.24s", m.label, *p->site ? " at " : "",
           p->site, *unit ? ", " : "", unit);
}

static void line(const report_run *run, FILE *f, uint32_t panel, uint32_t arm, const json_t *c) {
  const json_t *d = lp_jobj(c, "difference");
  fprintf(f, "%u,", panel + 1);
  lp_csv_text(f, lp_jstr(c, "measure"));
  fputc(',', f);
  lp_csv_text(f, lp_jstr(c, "site"));
  fprintf(f, ",%u,", arm + 1);
  lp_csv_text(f, run->arms[arm].name);
  static const char *const key[] = {"mean", "low", "high"};
  for (int i = 0; i < 3; i++) {
    fputc(',', f);
    lp_csv_num(f, lp_jnum(d, key[i]));
  }
  fprintf(f, ",%d,", strcmp(lp_jstr(c, "verdict"), "different") == 0);
  lp_csv_text(f, lp_jstr(c, "verdict"));
  fputc('\n', f);
}

lp_status lp_differences_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)of, (void)arg;
  panel_kind p[MAX_PANELS];
  uint32_t n = 0, intervals = 0;
  bool *shown = calloc(run->n_arms, sizeof *shown);
  size_t i;
  json_t *c;
  if (!shown) return lp_fail(LP_ERR_MEMORY, "out of memory");
  fputs("# panel,measure,site,arm number,arm,difference,low,high,found,verdict\n", out->csv);
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    uint32_t arm = lp_report_arm_index(run, lp_jstr(c, "arm"));
    if (!json_is_true(lp_jobj(c, "primary")) || arm == run->n_arms) continue;
    uint32_t k = panel_of(p, n, c);
    if (k == MAX_PANELS) continue;
    if (k == n) name_panel(&p[n++], c);
    line(run, out->csv, k, arm, c);
    shown[arm] = true;
    intervals += !isnan(lp_jnum(lp_jobj(c, "difference"), "low"));
  }
  lp_gp_arms(out->var, run);
  lp_gp_numbers(out->var, "shown", shown, run->n_arms);
  free(shown);
  if (!intervals)
    return lp_fail(LP_ERR_NOT_FOUND,
                   run->analysed ? "no comparison has an interval" : "summary.json is missing");
  const char *title[MAX_PANELS];
  for (uint32_t k = 0; k < n; k++) title[k] = p[k].title;
  fprintf(out->var, "n_panel = %u\n", n);
  lp_gp_array(out->var, "panel", title, n, 64);
  fprintf(out->var, "array margin[%u] = [", n);
  for (uint32_t k = 0; k < n; k++) {
    if (k) fputs(", ", out->var);
    lp_csv_num(out->var, p[k].margin > 0 ? p[k].margin : NAN);
  }
  fputs("]\nreference = ", out->var);
  lp_gp_string(out->var, run->arms[run->folder->reference].base);
  fputc('\n', out->var);
  double alpha = lp_jnum(lp_jobj(run->summary, "plan"), "alpha_each");
  lp_report_html(out->caption,
                 "Each arm less %s, with the %s %% interval of the difference over networks. "
                 "Filled: the interval excludes 0, a difference; open: it does not.",
                 lp_report_reference(run), lp_num_auto(100 * (1 - alpha)).s);
  return LP_OK;
}
