/* inference.c: comparisons of arms with the reference, a line each: the verdicts at the top of the
 * page and the tables of a measure. */
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

static void cell(FILE *f, shorttext text) {
  html_cell(f, text.s, NULL);
}

/* "3", or "3, 2" when the reference has another number of networks. */
static void count_cell(FILE *f, const json_t *c) {
  double n = jnum(c, "n"), reference = jnum(c, "reference_n");
  shorttext text = num(n, 0);
  if (!isnan(reference) && reference != n)
    snprintf(text.s, sizeof text.s, "%.40s, %.40s", num(n, 0).s, num(reference, 0).s);
  cell(f, text);
}

void p_cell(FILE *f, double p) {
  shorttext tip = {""};
  /* below it doubles end: the analysis writes it for "less than" (core/DESIGN.md) */
  if (!isnan(p))
    snprintf(tip.s, sizeof tip.s, "p %s %.70s", p <= 1e-300 ? "<" : "=",
             exact(p <= 1e-300 ? 1e-300 : p).s);
  html_cell(f, p_value(p).s, tip.s);
}

int comparison_decimals(const json_t *c) {
  double decimals = jnum(c, "decimals");
  return isnan(decimals) ? lp_decimals(jnum(c, "mean")) : (int)decimals;
}

static shorttext interval(double low, double high, int decimals) {
  shorttext out = num(NAN, 0);
  if (isnan(low) || isnan(high)) return out;
  snprintf(out.s, sizeof out.s, "[%.36s, %.36s]", num(low, decimals).s, num(high, decimals).s);
  return out;
}

static void difference_cells(FILE *f, const json_t *c) {
  const json_t *d = jobj(c, "difference");
  int decimals = comparison_decimals(c);
  cell(f, num(jnum(d, "mean"), decimals));
  double alpha = jnum(d, "alpha");
  shorttext tip = {""};
  if (!isnan(alpha))
    snprintf(tip.s, sizeof tip.s, "%.36s %% interval", num_auto(100 * (1 - alpha)).s);
  html_cell(f, interval(jnum(d, "low"), jnum(d, "high"), decimals).s, tip.s);
}

/* Why a comparison was not tested stands in the cell. */
static void verdict_cell(FILE *f, const json_t *c) {
  const char *verdict = jstr(c, "verdict");
  double d = jnum(jobj(c, "difference"), "mean");
  bool found = strcmp(verdict, "different") == 0, tested = strcmp(verdict, "untestable") != 0;
  html(f, "<td class=\"verdict verdict-%s\" title=\"%s\">%s</td>", verdict, jstr(c, "reason"),
       !tested  ? jstr(c, "reason")
       : !found ? verdict
       : d < 0  ? "lower"
                : "higher");
}

bool report_fraction(const json_t *c) {
  return json_is_true(jobj(c, "fraction_of_uniform")) &&
         strncmp(jstr(c, "measure"), "variance", 8) == 0;
}

/* Which arm, and that its numbers are not in the unit of the table's head. */
static void arm_cell(FILE *f, const json_t *c) {
  html(f, "<th scope=\"row\">%s%s</th>", jstr(c, "arm"),
       report_fraction(c) ? " (of its sheet\xe2\x80\x99s uniform V)" : "");
}

static bool fits(const json_t *c, wanted w) {
  bool primary = json_is_true(jobj(c, "primary"));
  if (primary ? !w.primary : !w.exploratory) return false;
  return !w.measure ||
         (strcmp(jstr(c, "measure"), w.measure) == 0 && strcmp(jstr(c, "site"), w.site) == 0);
}

/* ---- tables --------------------------------------------------------------------------------- */

static void note(const report_run *run, FILE *f, bool paired, bool welch) {
  html(f,
       "<p class=\"note\">Difference: arm less reference, with its interval over networks%s%s. A "
       "difference is found exactly where the interval excludes 0.",
       paired ? ", paired by seed: networks of one seed share initial weights, batches and dropout "
                "masks"
              : "",
       welch ? paired ? "; by Welch\xe2\x80\x99s test where arms share no seed"
                      : ", by Welch\xe2\x80\x99s test, for the arms share no seed"
             : "");
  double alpha = jnum(jobj(run->summary, "plan"), "alpha_each");
  double tests = jnum(jobj(run->summary, "plan"), "tests");
  if (!isnan(alpha))
    html(f, " Primary tests: %s shared over %s, %s %% intervals.",
         exact(jnum(jobj(run->summary, "plan"), "alpha")).s, num(tests, 0).s,
         num_auto(100 * (1 - alpha)).s);
  html(f, " Detectable: the least true difference that this many networks would find with 80 %% "
          "power.</p>\n");
}

static void row(FILE *f, const json_t *c, bool of_any) {
  html(f, "<tr>");
  if (of_any)
    html(f, "<th scope=\"row\">%s%s</th><td class=\"text\">%s</td><td class=\"text\">%s</td>",
         report_measure(jstr(c, "measure")).label,
         report_fraction(c) ? ", of its uniform value" : "",
         *jstr(c, "site") ? jstr(c, "site") : "\xe2\x80\x93", jstr(c, "arm"));
  else
    arm_cell(f, c);
  count_cell(f, c);
  int decimals = comparison_decimals(c);
  cell(f, mean_sd(jnum(c, "mean"), jnum(c, "sd"), decimals));
  cell(f, mean_sd(jnum(c, "reference_mean"), jnum(c, "reference_sd"), decimals));
  difference_cells(f, c);
  const json_t *d = jobj(c, "difference");
  cell(f, t_test(jnum(d, "t"), jnum(d, "df")));
  p_cell(f, jnum(c, "p"));
  if (of_any)
    p_cell(f, jnum(c, "q"));
  else
    cell(f, num(jnum(c, "detectable"), comparison_decimals(c)));
  verdict_cell(f, c);
  html(f, "</tr>\n");
}

uint32_t comparison_table(const report_run *run, FILE *f, wanted w, const char *caption) {
  uint32_t n = 0;
  size_t i;
  json_t *c;
  json_array_foreach(jobj(run->summary, "comparisons"), i, c) {
    if (!fits(c, w)) continue;
    if (!n++) {
      open_table(f, caption);
      const measure m = report_measure(w.measure ? w.measure : "");
      char mean[64], difference[64];
      snprintf(mean, sizeof mean, "Mean \xc2\xb1 sd%s%.24s", *m.unit ? ", " : "", m.unit);
      snprintf(difference, sizeof difference, "Difference%s%.24s", *m.difference_unit ? ", " : "",
               m.difference_unit);
      const char *names[12] = {"Arm"};
      size_t k = 1;
      if (!w.measure) {
        names[0] = "Measure";
        names[k++] = "<Site";
        names[k++] = "<Arm";
      }
      const char *const more[] = {"n", mean, "Reference", difference, "Interval", "t (df)", "p"};
      for (size_t j = 0; j < sizeof more / sizeof *more; j++) names[k++] = more[j];
      names[k++] = w.measure ? "Detectable" : "q";
      names[k++] = "<Verdict";
      table_head(f, names, k);
    }
    row(f, c, !w.measure);
  }
  if (!n) return 0;
  close_table(f);
  return n;
}

/* ---- the top of the page -------------------------------------------------------------------- */

static void verdict_row(FILE *f, const json_t *c) {
  html(f, "<tr>");
  arm_cell(f, c);
  verdict_cell(f, c);
  difference_cells(f, c);
  p_cell(f, jnum(c, "p"));
  count_cell(f, c);
  cell(f, num(jnum(c, "detectable"), comparison_decimals(c)));
  cell(f, num(jnum(c, "n_needed"), 0));
  html(f, "</tr>\n");
}

static void begin_verdicts(const report_run *run, FILE *f) {
  static const char *const names[] = {"Arm", "<Verdict", "Difference", "Interval",
                                      "p",   "n",        "Detectable", "n for this difference"};
  char caption[200];
  snprintf(caption, sizeof caption, "Verdicts: each arm against %.100s", report_reference(run));
  open_table(f, caption);
  table_head(f, names, sizeof names / sizeof *names);
}

static void begin_group(FILE *f, const json_t *c) {
  const measure m = report_measure(jstr(c, "measure"));
  html(f, "<tr class=\"group\"><th colspan=\"8\" scope=\"rowgroup\">%s%s%s%s%s</th></tr>\n",
       m.label, *jstr(c, "site") ? " at " : "", jstr(c, "site"), *m.difference_unit ? ", " : "",
       m.difference_unit);
}

/* Line by line in the order of the measures of the plan. */
void verdicts(const report_run *run, FILE *f) {
  const json_t *list = jobj(run->summary, "comparisons");
  bool any = false, paired = false, welch = false;
  size_t i, k;
  json_t *c, *m;
  json_array_foreach(jobj(jobj(run->summary, "plan"), "primary"), k, m) {
    bool group = false;
    json_array_foreach(list, i, c) {
      if (!json_is_true(jobj(c, "primary")) || !json_is_string(m) ||
          strcmp(jstr(c, "measure"), json_string_value(m)) != 0)
        continue;
      if (!any) begin_verdicts(run, f);
      if (!group) begin_group(f, c);
      any = group = true;
      *(strcmp(jstr(c, "analysis"), "welch") == 0 ? &welch : &paired) = true;
      verdict_row(f, c);
    }
  }
  if (!any) return;
  close_table(f);
  note(run, f, paired, welch);
}
