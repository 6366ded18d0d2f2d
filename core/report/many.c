/* many.c: tests of many arms at once: whether they are alike, and Dunnett's, each against their
 * reference. Of what was planned only: the verdicts are those of the planned intervals. */
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

static bool is_planned(const json_t *c) {
  return json_is_true(lp_jobj(c, "primary"));
}

/* Has a planned comparison that measure, site and reference? */
static bool of_planned(const report_run *run, const json_t *all) {
  static const char *const key[] = {"measure", "site", "reference"};
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    bool same = is_planned(c);
    for (size_t k = 0; k < sizeof key / sizeof *key; k++)
      same &= strcmp(lp_jstr(c, key[k]), lp_jstr(all, key[k])) == 0;
    if (same) return true;
  }
  return false;
}

static void begin_row(FILE *f, const json_t *of) {
  lp_report_html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>",
                 lp_report_measure(lp_jstr(of, "measure")).label,
                 *lp_jstr(of, "site") ? lp_jstr(of, "site") : "\xe2\x80\x93");
}

static void number(FILE *f, double x, int decimals) {
  lp_html_cell(f, lp_report_num(x, decimals).s, NULL);
}

/* ---- are they alike? ------------------------------------------------------------------------ */

static const struct {
  const char *key, *name;
} tests[] = {{"f", "F, seeds as blocks"},
             {"anova", "F, one way"},
             {"kruskal_wallis", "H of Kruskal and Wallis"}};

/* Of networks that share no seed the degrees of freedom say how many there are. */
static void sizes(const json_t *all, double *arms, double *networks) {
  const json_t *one_way = lp_jobj(all, "anova");
  *arms = lp_jnum(all, "arms");
  *networks = *arms * lp_jnum(all, "seeds");
  if (!one_way) return;
  *arms = lp_jnum(one_way, "df") + 1;
  *networks = *arms + lp_jnum(one_way, "df_within");
}

static void test_row(FILE *f, const json_t *all, size_t k, const json_t *test) {
  double arms, networks;
  sizes(all, &arms, &networks);
  begin_row(f, all);
  const double within = k == 0 ? (arms - 1) * (networks / arms - 1) : lp_jnum(test, "df_within");
  shorttext df = lp_report_num(lp_jnum(test, "df"), 0);
  if (!isnan(within))
    snprintf(df.s, sizeof df.s, "%.40s, %.40s", lp_report_num(lp_jnum(test, "df"), 0).s,
             lp_report_num(within, 0).s);
  lp_report_html(f, "<td class=\"text\">%s</td>", tests[k].name);
  number(f, arms, 0);
  number(f, networks, 0);
  lp_html_cell(f, df.s, NULL);
  number(f, lp_jnum(test, "statistic"), 2);
  lp_p_cell(f, lp_jnum(test, "p"));
  lp_report_html(f, "</tr>\n");
}

static uint32_t alike(const report_run *run, FILE *f) {
  static const char *const head[] = {"Measure", "<Site", "<Test",     "Arms",
                                     "n",       "df",    "Statistic", "p"};
  uint32_t n = 0;
  size_t i;
  json_t *all;
  json_array_foreach(lp_jobj(run->summary, "many_arms"), i, all) {
    if (!of_planned(run, all)) continue;
    for (size_t k = 0; k < sizeof tests / sizeof *tests; k++) {
      const json_t *test = lp_jobj(all, tests[k].key);
      if (!test) continue;
      if (!n++) {
        lp_open_table(f, "Many arms: are all of them alike?");
        lp_table_head(f, head, sizeof head / sizeof *head);
      }
      test_row(f, all, k, test);
    }
  }
  if (n) lp_close_table(f);
  return n;
}

/* ---- which one differs? --------------------------------------------------------------------- */

static void dunnett_row(FILE *f, const json_t *c, const json_t *d, double alpha) {
  const int decimals = lp_comparison_decimals(c);
  const double low = lp_jnum(d, "low"), high = lp_jnum(d, "high");
  shorttext interval = lp_report_num(NAN, 0), tip = {""};
  if (!isnan(low) && !isnan(high))
    snprintf(interval.s, sizeof interval.s, "[%.36s, %.36s]", lp_report_num(low, decimals).s,
             lp_report_num(high, decimals).s);
  if (!isnan(alpha))
    snprintf(tip.s, sizeof tip.s, "%.36s %% for all %.20s arms at once",
             lp_num_auto(100 * (1 - alpha)).s, lp_report_num(lp_jnum(d, "arms"), 0).s);
  begin_row(f, c);
  lp_report_html(f, "<td class=\"text\">%s against %s</td>", lp_jstr(c, "arm"),
                 lp_jstr(c, "reference"));
  number(f, lp_jnum(d, "seeds"), 0);
  lp_html_cell(f, interval.s, tip.s);
  lp_html_cell(f, lp_report_t_test(lp_jnum(d, "t"), lp_jnum(d, "df")).s, NULL);
  lp_p_cell(f, lp_jnum(d, "p"));
  lp_report_html(f, "</tr>\n");
}

static uint32_t against_reference(const report_run *run, FILE *f) {
  static const char *const head[] = {"Measure", "<Site", "<Arm", "n", "Interval", "t (df)", "p"};
  const double alpha = lp_jnum(lp_jobj(run->summary, "plan"), "alpha");
  uint32_t n = 0;
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    const json_t *d = lp_jobj(c, "dunnett");
    if (!is_planned(c) || !json_is_object(d)) continue;
    if (!n++) {
      lp_open_table(f, "Many arms: which differ from their reference? (Dunnett)");
      lp_table_head(f, head, sizeof head / sizeof *head);
    }
    dunnett_row(f, c, d, alpha);
  }
  if (n) lp_close_table(f);
  return n;
}

void lp_table_many(const report_run *run, FILE *f) {
  const uint32_t omnibus = alike(run, f), dunnett = against_reference(run, f);
  if (omnibus + dunnett)
    lp_report_html(
        f, "<p class=\"note\">F and H answer whether any arm differs from any other, and "
           "Dunnett\xe2\x80\x99s test which arms differ from their reference, its intervals and p "
           "adjusted for all arms of a measure; neither decides: the verdicts are those of the "
           "planned intervals, paired by seed where seeds are shared.</p>\n");
}
