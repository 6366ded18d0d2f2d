/* inference.c: comparisons of arms with the reference and named contrasts of two arms, a line each:
 * the verdicts at the top of the page and the tables of a measure. */
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

static void cell(FILE *f, shorttext text) {
  lp_html_cell(f, text.s, NULL);
}

/* "3", or "3, 2" when the reference has another number of networks. */
static void count_cell(FILE *f, const json_t *c) {
  double n = lp_jnum(c, "n"), reference = lp_jnum(c, "reference_n");
  shorttext text = lp_report_num(n, 0);
  if (!isnan(reference) && reference != n)
    snprintf(text.s, sizeof text.s, "%.40s, %.40s", lp_report_num(n, 0).s,
             lp_report_num(reference, 0).s);
  cell(f, text);
}

void lp_p_cell(FILE *f, double p) {
  shorttext tip = {""};
  /* below it doubles end: the analysis writes it for "less than" (core/DESIGN.md) */
  if (!isnan(p))
    snprintf(tip.s, sizeof tip.s, "p %s %.70s", p <= 1e-300 ? "<" : "=",
             lp_report_exact(p <= 1e-300 ? 1e-300 : p).s);
  lp_html_cell(f, lp_p_value(p).s, tip.s);
}

int lp_comparison_decimals(const json_t *c) {
  double decimals = lp_jnum(c, "decimals");
  return isnan(decimals) ? lp_decimals(lp_jnum(c, "mean")) : (int)decimals;
}

static shorttext interval(double low, double high, int decimals) {
  shorttext out = lp_report_num(NAN, 0);
  if (isnan(low) || isnan(high)) return out;
  snprintf(out.s, sizeof out.s, "[%.36s, %.36s]", lp_report_num(low, decimals).s,
           lp_report_num(high, decimals).s);
  return out;
}

static void difference_cells(FILE *f, const json_t *c) {
  const json_t *d = lp_jobj(c, "difference");
  int decimals = lp_comparison_decimals(c);
  cell(f, lp_report_num(lp_jnum(d, "mean"), decimals));
  double alpha = lp_jnum(d, "alpha");
  shorttext tip = {""};
  if (!isnan(alpha))
    snprintf(tip.s, sizeof tip.s, "%.36s %% interval", lp_num_auto(100 * (1 - alpha)).s);
  lp_html_cell(f, interval(lp_jnum(d, "low"), lp_jnum(d, "high"), decimals).s, tip.s);
}

/* Why a comparison was not tested stands in the cell. */
static void verdict_cell(FILE *f, const json_t *c) {
  const char *verdict = lp_jstr(c, "verdict");
  double d = lp_jnum(lp_jobj(c, "difference"), "mean");
  bool found = strcmp(verdict, "different") == 0, tested = strcmp(verdict, "untestable") != 0;
  lp_report_html(f, "<td class=\"verdict verdict-%s\" title=\"%s\">%s</td>", verdict,
                 lp_jstr(c, "reason"),
                 !tested  ? lp_jstr(c, "reason")
                 : !found ? verdict
                 : d < 0  ? "lower"
                          : "higher");
}

bool lp_report_fraction(const json_t *c) {
  return json_is_true(lp_jobj(c, "fraction_of_uniform")) &&
         strncmp(lp_jstr(c, "measure"), "variance", 8) == 0;
}

/* Which arm, of a contrast against which other, and that its numbers are not in the unit of the
 * table's head. */
static void arm_text(FILE *f, const json_t *c) {
  const bool contrast = *lp_jstr(c, "contrast") != 0;
  lp_report_html(f, "%s%s%s", lp_jstr(c, "arm"), contrast ? " against " : "",
                 contrast ? lp_jstr(c, "reference") : "");
}

static void arm_cell(FILE *f, const json_t *c) {
  fputs("<th scope=\"row\">", f);
  arm_text(f, c);
  if (lp_report_fraction(c)) fputs(" (of its sheet\xe2\x80\x99s uniform V)", f);
  fputs("</th>", f);
}

/* Comparisons with the reference come before contrasts. */
static const char *const lists[] = {"comparisons", "contrasts"};
enum { N_LISTS = sizeof lists / sizeof *lists };

static bool fits(const json_t *c, wanted w) {
  bool primary = json_is_true(lp_jobj(c, "primary"));
  if (primary ? !w.primary : !w.exploratory) return false;
  return !w.measure ||
         (strcmp(lp_jstr(c, "measure"), w.measure) == 0 && strcmp(lp_jstr(c, "site"), w.site) == 0);
}

/* ---- tables --------------------------------------------------------------------------------- */

static void note(const report_run *run, FILE *f, bool paired, bool welch) {
  lp_report_html(
      f,
      "<p class=\"note\">Difference: arm less reference, with its interval over networks%s%s. A "
      "difference is found exactly where the interval excludes 0.",
      !paired ? ""
      : run->folder->imported
          ? ", paired by seed: whoever imported them gave two networks one seed for what they share"
          : ", paired by seed: networks of one seed share initial weights, batches and dropout "
            "masks",
      welch ? paired ? "; by Welch\xe2\x80\x99s test where arms share no seed"
                     : ", by Welch\xe2\x80\x99s test, for the arms share no seed"
            : "");
  double alpha = lp_jnum(lp_jobj(run->summary, "plan"), "alpha_each");
  double tests = lp_jnum(lp_jobj(run->summary, "plan"), "tests");
  if (!isnan(alpha))
    lp_report_html(f, " Primary tests: %s shared over %s, %s %% intervals.",
                   lp_report_exact(lp_jnum(lp_jobj(run->summary, "plan"), "alpha")).s,
                   lp_report_num(tests, 0).s, lp_num_auto(100 * (1 - alpha)).s);
  lp_report_html(
      f, " Detectable: the least true difference that this many networks would find with 80 %% "
         "power.</p>\n");
}

static void row(FILE *f, const json_t *c, bool of_any) {
  lp_report_html(f, "<tr>");
  if (of_any) {
    lp_report_html(f, "<th scope=\"row\">%s%s</th><td class=\"text\">%s</td><td class=\"text\">",
                   lp_report_measure(lp_jstr(c, "measure")).label,
                   lp_report_fraction(c) ? ", of its uniform value" : "",
                   *lp_jstr(c, "site") ? lp_jstr(c, "site") : "\xe2\x80\x93");
    arm_text(f, c);
    fputs("</td>", f);
  } else {
    arm_cell(f, c);
  }
  count_cell(f, c);
  int decimals = lp_comparison_decimals(c);
  cell(f, lp_mean_sd(lp_jnum(c, "mean"), lp_jnum(c, "sd"), decimals));
  cell(f, lp_mean_sd(lp_jnum(c, "reference_mean"), lp_jnum(c, "reference_sd"), decimals));
  difference_cells(f, c);
  const json_t *d = lp_jobj(c, "difference");
  cell(f, lp_report_t_test(lp_jnum(d, "t"), lp_jnum(d, "df")));
  lp_p_cell(f, lp_jnum(c, "p"));
  if (of_any)
    lp_p_cell(f, lp_jnum(c, "q"));
  else
    cell(f, lp_report_num(lp_jnum(c, "detectable"), lp_comparison_decimals(c)));
  verdict_cell(f, c);
  lp_report_html(f, "</tr>\n");
}

uint32_t lp_comparison_table(const report_run *run, FILE *f, wanted w, const char *caption) {
  uint32_t n = 0;
  size_t i;
  json_t *c;
  for (int k = 0; k < N_LISTS; k++) json_array_foreach(lp_jobj(run->summary, lists[k]), i, c) {
      if (!fits(c, w)) continue;
      if (!n++) {
        lp_open_table(f, caption);
        const measure m = lp_report_measure(w.measure ? w.measure : "");
        char mean[64], difference[64];
        snprintf(mean, sizeof mean, "Mean \xc2\xb1 sd%s%.24s", *m.unit ? ", " : "", m.unit);
        snprintf(difference, sizeof difference, "Difference%s%.24s", *m.difference_unit ? ", " : "",
                 m.difference_unit);
        const char *names[12] = {"Arm"};
        size_t count = 1;
        if (!w.measure) {
          names[0] = "Measure";
          names[count++] = "<Site";
          names[count++] = "<Arm";
        }
        const char *const more[] = {"n", mean, "Reference", difference, "Interval", "t (df)", "p"};
        for (size_t j = 0; j < sizeof more / sizeof *more; j++) names[count++] = more[j];
        names[count++] = w.measure ? "Detectable" : "q";
        names[count++] = "<Verdict";
        lp_table_head(f, names, count);
      }
      row(f, c, !w.measure);
    }
  if (!n) return 0;
  lp_close_table(f);
  return n;
}

/* ---- the top of the page -------------------------------------------------------------------- */

static void verdict_row(FILE *f, const json_t *c) {
  lp_report_html(f, "<tr>");
  arm_cell(f, c);
  verdict_cell(f, c);
  difference_cells(f, c);
  lp_p_cell(f, lp_jnum(c, "p"));
  count_cell(f, c);
  cell(f, lp_report_num(lp_jnum(c, "detectable"), lp_comparison_decimals(c)));
  cell(f, lp_report_num(lp_jnum(c, "n_needed"), 0));
  lp_report_html(f, "</tr>\n");
}

static void begin_verdicts(const report_run *run, FILE *f) {
  static const char *const names[] = {"Arm", "<Verdict", "Difference", "Interval",
                                      "p",   "n",        "Detectable", "n for this difference"};
  char caption[200];
  snprintf(caption, sizeof caption, "Verdicts: each arm against %.100s", lp_report_reference(run));
  lp_open_table(f, caption);
  lp_table_head(f, names, sizeof names / sizeof *names);
}

static void begin_group(FILE *f, const json_t *c) {
  const measure m = lp_report_measure(lp_jstr(c, "measure"));
  lp_report_html(f,
                 "<tr class=\"group\"><th colspan=\"8\" scope=\"rowgroup\">%s%s%s%s%s</th></tr>\n",
                 m.label, *lp_jstr(c, "site") ? " at " : "", lp_jstr(c, "site"),
                 *m.difference_unit ? ", " : "", m.difference_unit);
}

/* Line by line in the order of the measures of the plan. */
void lp_verdicts(const report_run *run, FILE *f) {
  bool any = false, paired = false, welch = false;
  size_t i, k;
  json_t *c, *m;
  json_array_foreach(lp_jobj(lp_jobj(run->summary, "plan"), "primary"), k, m) {
    bool group = false;
    for (int l = 0; l < N_LISTS; l++) json_array_foreach(lp_jobj(run->summary, lists[l]), i, c) {
        if (!json_is_true(lp_jobj(c, "primary")) || !json_is_string(m) ||
            strcmp(lp_jstr(c, "measure"), json_string_value(m)) != 0)
          continue;
        if (!any) begin_verdicts(run, f);
        if (!group) begin_group(f, c);
        any = group = true;
        *(strcmp(lp_jstr(c, "analysis"), "welch") == 0 ? &welch : &paired) = true;
        verdict_row(f, c);
      }
  }
  if (!any) return;
  lp_close_table(f);
  note(run, f, paired, welch);
}
