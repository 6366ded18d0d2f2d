/* networks.c: networks that were lost, arm by arm, and what else a reader must know of the run
 * before the numbers: torn lines, seeds that came after the plan, another reference than planned.
 */
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

static void count(FILE *f, double n) {
  lp_html_cell(f, lp_report_num(n, 0).s, NULL);
}

/* Nothing where every network that ended became what was planned. */
void lp_table_networks(const report_run *run, FILE *f) {
  double lost = 0;
  for (uint32_t i = 0; i < run->n_arms; i++) {
    const json_t *arm = lp_jobj(lp_jobj(run->summary, "arms"), run->arms[i].name);
    double n = lp_jnum(lp_jobj(arm, "networks"), "lost");
    if (!isnan(n)) lost += n;
  }
  if (lost == 0) return;
  static const char *const names[] = {"Arm",        "Planned", "Ended", "At chance",
                                      "Not finite", "Failed",  "Lost",  "Fisher\xe2\x80\x99s p"};
  lp_open_table(f, "Networks that were lost, against the reference\xe2\x80\x99s");
  lp_table_head(f, names, sizeof names / sizeof *names);
  for (uint32_t i = 0; i < run->n_arms; i++) {
    const json_t *n =
        lp_jobj(lp_jobj(lp_jobj(run->summary, "arms"), run->arms[i].name), "networks");
    static const char *const key[] = {"planned",   "ended",  "collapsed",
                                      "nonfinite", "failed", "lost"};
    lp_report_html(f, "<tr><th scope=\"row\">%s</th>", run->arms[i].name);
    for (size_t k = 0; k < sizeof key / sizeof *key; k++) count(f, lp_jnum(n, key[k]));
    lp_p_cell(f, lp_jnum(n, "fisher_p"));
    lp_report_html(f, "</tr>\n");
  }
  lp_close_table(f);
  lp_report_html(
      f, "<p class=\"note\">At chance: finished, with a test accuracy that guessing reaches or "
         "with no unit active. Comparisons say what the worst values for lost networks would "
         "change.</p>\n");
}

static void worst_rows(FILE *f, const json_t *list) {
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    const json_t *worst = lp_jobj(c, "worst_case"), *d = lp_jobj(worst, "difference");
    if (!json_is_true(lp_jobj(c, "primary")) || !json_is_object(worst)) continue;
    int decimals = lp_comparison_decimals(c);
    lp_report_html(
        f, "<li>%s of %s: %s; with the worst values for %s lost networks %s, %s [%s, %s]</li>\n",
        lp_report_measure(lp_jstr(c, "measure")).label, lp_jstr(c, "arm"), lp_jstr(c, "verdict"),
        lp_report_num(lp_jnum(c, "lost") + lp_jnum(c, "reference_lost"), 0).s,
        lp_jstr(worst, "verdict"), lp_report_num(lp_jnum(d, "mean"), decimals).s,
        lp_report_num(lp_jnum(d, "low"), decimals).s,
        lp_report_num(lp_jnum(d, "high"), decimals).s);
  }
}

void lp_worst_cases(const report_run *run, FILE *f) {
  const json_t *list = lp_jobj(run->summary, "comparisons");
  size_t i, n = 0;
  json_t *c;
  json_array_foreach(list, i, c) n +=
      json_is_true(lp_jobj(c, "primary")) && json_is_object(lp_jobj(c, "worst_case"));
  if (!n) return;
  lp_report_html(f, "<ul class=\"note\">\n");
  worst_rows(f, list);
  lp_report_html(f, "</ul>\n");
}

void lp_reservations(const report_run *run, FILE *f) {
  const json_t *plan = lp_jobj(run->summary, "plan"), *added = lp_jobj(plan, "seeds_added"), *seed;
  double damaged = run->folder->damaged;
  size_t i;
  if (damaged > 0)
    lp_report_html(
        f,
        "<p class=\"warn\">%s line%s of metrics.jsonl %s not whole, as a full disk or a killed "
        "program leaves them; what was torn is left out.</p>\n",
        lp_report_num(damaged, 0).s, damaged == 1 ? "" : "s", damaged == 1 ? "is" : "are");
  if (json_array_size(added)) {
    lp_report_html(f, "<p class=\"warn\">Seeds added after the plan was made: ");
    json_array_foreach(added, i, seed)
        lp_report_html(f, "%s%s", i ? ", " : "", lp_report_num(json_number_value(seed), 0).s);
    lp_report_html(
        f, ". Who adds seeds after a look finds a difference more often than alpha says.</p>\n");
  }
  if (*lp_jstr(plan, "reference") && strcmp(lp_jstr(plan, "reference"), run->reference) != 0)
    lp_report_html(f,
                   "<p class=\"warn\">The plan compared with %s; this page compares with %s.</p>\n",
                   lp_jstr(plan, "reference"), run->reference);
}
