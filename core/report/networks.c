/* networks.c: networks that were lost, arm by arm, and what else a reader must know of the run
 * before the numbers: torn lines, seeds that came after the plan, another reference than planned.
 */
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

static void count(FILE *f, double n) {
  html_cell(f, num(n, 0).s, NULL);
}

/* Nothing where every network that ended became what was planned. */
void table_networks(const report_run *run, FILE *f) {
  double lost = 0;
  for (uint32_t i = 0; i < run->n_arms; i++) {
    const json_t *arm = jobj(jobj(run->summary, "arms"), run->arms[i].name);
    double n = jnum(jobj(arm, "networks"), "lost");
    if (!isnan(n)) lost += n;
  }
  if (lost == 0) return;
  static const char *const names[] = {"Arm",        "Planned", "Ended", "At chance",
                                      "Not finite", "Failed",  "Lost",  "Fisher\xe2\x80\x99s p"};
  open_table(f, "Networks that were lost, against the reference\xe2\x80\x99s");
  table_head(f, names, sizeof names / sizeof *names);
  for (uint32_t i = 0; i < run->n_arms; i++) {
    const json_t *n = jobj(jobj(jobj(run->summary, "arms"), run->arms[i].name), "networks");
    static const char *const key[] = {"planned",   "ended",  "collapsed",
                                      "nonfinite", "failed", "lost"};
    html(f, "<tr><th scope=\"row\">%s</th>", run->arms[i].name);
    for (size_t k = 0; k < sizeof key / sizeof *key; k++) count(f, jnum(n, key[k]));
    p_cell(f, jnum(n, "fisher_p"));
    html(f, "</tr>\n");
  }
  close_table(f);
  html(f, "<p class=\"note\">At chance: finished, with a test accuracy that guessing reaches or "
          "with no unit active. Comparisons say what the worst values for lost networks would "
          "change.</p>\n");
}

static void worst_rows(FILE *f, const json_t *list) {
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    const json_t *worst = jobj(c, "worst_case"), *d = jobj(worst, "difference");
    if (!json_is_true(jobj(c, "primary")) || !json_is_object(worst)) continue;
    int decimals = comparison_decimals(c);
    html(f, "<li>%s of %s: %s; with the worst values for %s lost networks %s, %s [%s, %s]</li>\n",
         report_measure(jstr(c, "measure")).label, jstr(c, "arm"), jstr(c, "verdict"),
         num(jnum(c, "lost") + jnum(c, "reference_lost"), 0).s, jstr(worst, "verdict"),
         num(jnum(d, "mean"), decimals).s, num(jnum(d, "low"), decimals).s,
         num(jnum(d, "high"), decimals).s);
  }
}

void worst_cases(const report_run *run, FILE *f) {
  const json_t *list = jobj(run->summary, "comparisons");
  size_t i, n = 0;
  json_t *c;
  json_array_foreach(list, i, c) n +=
      json_is_true(jobj(c, "primary")) && json_is_object(jobj(c, "worst_case"));
  if (!n) return;
  html(f, "<ul class=\"note\">\n");
  worst_rows(f, list);
  html(f, "</ul>\n");
}

void reservations(const report_run *run, FILE *f) {
  const json_t *plan = jobj(run->summary, "plan"), *added = jobj(plan, "seeds_added"), *seed;
  double damaged = run->folder->damaged;
  size_t i;
  if (damaged > 0)
    html(f,
         "<p class=\"warn\">%s line%s of metrics.jsonl %s not whole, as a full disk or a killed "
         "program leaves them; what was torn is left out.</p>\n",
         num(damaged, 0).s, damaged == 1 ? "" : "s", damaged == 1 ? "is" : "are");
  if (json_array_size(added)) {
    html(f, "<p class=\"warn\">Seeds added after the plan was made: ");
    json_array_foreach(added, i, seed)
        html(f, "%s%s", i ? ", " : "", num(json_number_value(seed), 0).s);
    html(f, ". Who adds seeds after a look finds a difference more often than alpha says.</p>\n");
  }
  if (*jstr(plan, "reference") && strcmp(jstr(plan, "reference"), run->reference) != 0)
    html(f, "<p class=\"warn\">The plan compared with %s; this page compares with %s.</p>\n",
         jstr(plan, "reference"), run->reference);
}
