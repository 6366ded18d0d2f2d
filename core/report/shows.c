/* shows.c: what the statistics show, and what they do not; and where each method was published.
 * Every sentence stands only where a number of summary.json calls for it. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void open_item(FILE *f, uint32_t *n, const char *title) {
  if (!(*n)++) lp_report_html(f, "<h3>%s</h3>\n<ul>\n", title);
  fputs("<li>", f);
}

static void close_items(FILE *f, uint32_t n) {
  if (n) fputs("</ul>\n", f);
}

static bool has_verdict(const json_t *c, const char *verdict) {
  return strcmp(lp_jstr(c, "verdict"), verdict) == 0;
}

/* "in linear spatial variance V at lp_out" */
static void subject_of(FILE *f, const char *in, const json_t *c) {
  const char *site = lp_jstr(c, "site");
  lp_report_html(f, "%s <strong>%s</strong> %s%s%s", in, lp_jstr(c, "arm"),
                 lp_report_measure(lp_jstr(c, "measure")).label, *site ? " at " : "", site);
}

static void interval(FILE *f, const json_t *c) {
  const json_t *d = lp_jobj(c, "difference");
  const int decimals = lp_comparison_decimals(c);
  const char *unit = lp_report_fraction(c)
                         ? "of its uniform value"
                         : lp_report_measure(lp_jstr(c, "measure")).difference_unit;
  lp_report_html(f, "%s%s%s, interval [%s, %s]", lp_report_num(lp_jnum(d, "mean"), decimals).s,
                 *unit ? " " : "", unit, lp_report_num(lp_jnum(d, "low"), decimals).s,
                 lp_report_num(lp_jnum(d, "high"), decimals).s);
}

/* ---- shown --------------------------------------------------------------------------------- */

static void found(FILE *f, const json_t *c, uint32_t *n) {
  if (has_verdict(c, "different")) {
    const bool less = lp_jnum(lp_jobj(c, "difference"), "mean") < 0;
    open_item(f, n, "Shown");
    subject_of(f, "In", c);
    lp_report_html(f, " is %s than in %s: ", less ? "lower" : "higher", lp_jstr(c, "reference"));
    interval(f, c);
    lp_report_html(f, ".</li>\n");
  } else if (has_verdict(c, "equivalent")) {
    open_item(f, n, "Shown");
    subject_of(f, "In", c);
    lp_report_html(
        f, " is as in %s, within the margin of %s that was set before: ", lp_jstr(c, "reference"),
        lp_report_num(lp_jnum(c, "margin"), lp_comparison_decimals(c)).s);
    interval(f, c);
    lp_report_html(f, ".</li>\n");
  }
}

/* Units of one side of a comparison of V against units in any order; alpha: of all arms together,
 * shared. */
static void against_chance(FILE *f, const json_t *c, const char *arm, const json_t *side,
                           double alpha, uint32_t *n) {
  const double z = lp_jnum(side, "z"), p = lp_jnum(side, "p");
  if (isnan(p) || p >= alpha) return;
  open_item(f, n, "Shown");
  lp_report_html(f,
                 "At %s activity of <strong>%s</strong> lies %s than the same units in any order "
                 "would have it: Z = %s over %s networks, p %s%s.</li>\n",
                 lp_jstr(c, "site"), arm, z < 0 ? "closer together" : "further apart",
                 lp_report_num(z, 1).s, lp_report_num(lp_jnum(side, "n"), 0).s,
                 *lp_p_value(p).s == '<' ? "" : "= ", lp_p_value(p).s);
}

static void order(const report_run *run, FILE *f, uint32_t *n) {
  const json_t *list = lp_jobj(run->summary, "comparisons");
  const double alpha = lp_jnum(lp_jobj(run->summary, "plan"), "alpha") / run->n_arms;
  bool reference = false;
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    if (!json_is_true(lp_jobj(c, "primary")) || strcmp(lp_jstr(c, "measure"), "variance") != 0)
      continue;
    const json_t *chance = lp_jobj(c, "chance");
    if (!reference)
      against_chance(f, c, lp_jstr(c, "reference"), lp_jobj(chance, "reference"), alpha, n);
    reference = true;
    against_chance(f, c, lp_jstr(c, "arm"), lp_jobj(chance, "arm"), alpha, n);
  }
}

/* Networks whose nestedness is above what as many units at random give. */
static void nested(const report_run *run, FILE *f, uint32_t *n, bool shown) {
  const double alpha = /* of all arms and sites together, shared */
      lp_jnum(lp_jobj(run->summary, "plan"), "alpha") / (run->n_arms * run->n_sites);
  for (uint32_t a = 0; a < run->n_arms; a++)
    for (uint32_t s = 0; s < run->n_sites; s++) {
      double above = 0, all = 0, sum = 0, chance = 0;
      size_t i;
      json_t *r;
      json_array_foreach(lp_jobj(lp_jobj(lp_jobj(run->summary, "arms"), run->arms[a].name), "runs"),
                         i, r) {
        const json_t *site = lp_jobj(lp_jobj(r, "sites"), run->sites[s]);
        const double v = lp_jnum(site, "nestedness"),
                     by_chance = lp_jnum(lp_jobj(site, "chance"), "nestedness");
        if (isnan(v) || isnan(by_chance)) continue;
        above += v > by_chance;
        all++;
        sum += v;
        chance += by_chance;
      }
      /* a sign test: half of them are above where there is nothing */
      const bool nested_ = all > 0 && above == all && pow(0.5, all - 1) < alpha;
      if (all == 0 || nested_ != shown) continue;
      open_item(f, n, shown ? "Shown" : "Not shown");
      lp_report_html(
          f,
          "%s at %s in <strong>%s</strong>: NODF %s, where units at random give %s; above "
          "it in %s of %s networks.</li>\n",
          shown ? "The classes\xe2\x80\x99 units are nested"
                : "That the classes\xe2\x80\x99 units are nested",
          run->sites[s], run->arms[a].name, lp_num_auto(sum / all).s, lp_num_auto(chance / all).s,
          lp_report_num(above, 0).s, lp_report_num(all, 0).s);
    }
}

static void shown(const report_run *run, FILE *f) {
  uint32_t n = 0;
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    if (json_is_true(lp_jobj(c, "primary"))) found(f, c, &n);
  }
  order(run, f, &n);
  nested(run, f, &n, true);
  close_items(f, n);
  if (!n) lp_report_html(f, "<p>Nothing that was planned to be tested was found.</p>\n");
}

/* ---- not shown ----------------------------------------------------------------------------- */

static void not_found(FILE *f, const json_t *c, uint32_t *n) {
  if (has_verdict(c, "inconclusive")) {
    open_item(f, n, "Not shown");
    subject_of(f, "That in", c);
    lp_report_html(f, " differs from %s, nor that it does not: ", lp_jstr(c, "reference"));
    interval(f, c);
    lp_report_html(
        f,
        ". A true difference of %s would have been found four times in five; smaller ones need "
        "more networks.</li>\n",
        lp_report_num(lp_jnum(c, "detectable"), lp_comparison_decimals(c)).s);
  } else if (has_verdict(c, "untestable")) {
    open_item(f, n, "Not shown");
    subject_of(f, "What in", c);
    lp_report_html(f, " is against %s: %s.</li>\n", lp_jstr(c, "reference"), lp_jstr(c, "reason"));
  }
}

/* What an arm that has more order pays, or seems to. */
static void price(const report_run *run, FILE *f, uint32_t *n) {
  size_t i, k;
  json_t *c, *other;
  const json_t *list = lp_jobj(run->summary, "comparisons");
  json_array_foreach(list, i, c) {
    if (!json_is_true(lp_jobj(c, "primary")) || !has_verdict(c, "different") ||
        !*lp_jstr(c, "site"))
      continue;
    json_array_foreach(list, k, other) {
      if (strcmp(lp_jstr(other, "measure"), "accuracy") != 0 ||
          strcmp(lp_jstr(other, "arm"), lp_jstr(c, "arm")) != 0 ||
          !has_verdict(other, "different") || lp_jnum(lp_jobj(other, "difference"), "mean") >= 0)
        continue;
      open_item(f, n, "Not shown");
      lp_report_html(f,
                     "That order comes without a price in <strong>%s</strong>: its accuracy is "
                     "lower, so part of the difference may be that it learned less.</li>\n",
                     lp_jstr(c, "arm"));
    }
  }
}

/* How many exploratory tests stand out. */
static void leads(const report_run *run, FILE *f, uint32_t *n) {
  double tests = 0, low = 0;
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    const double q = lp_jnum(c, "q");
    tests += !isnan(q);
    low += q < 0.05;
  }
  if (tests == 0) return;
  open_item(f, n, "Not shown");
  lp_report_html(f,
                 "Any of the exploratory differences: of %s tests that were not planned %s have q "
                 "&lt; .05. They are leads for a run of their own.</li>\n",
                 lp_report_num(tests, 0).s, lp_report_num(low, 0).s);
}

/* Two-sided, the least p of signs flipped is 2^(1 - n). */
static void few_networks(const report_run *run, FILE *f, uint32_t *n) {
  double fewest = INFINITY;
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    if (json_is_true(lp_jobj(c, "primary")) && !has_verdict(c, "untestable"))
      fewest = fmin(fewest, lp_jnum(c, "n"));
  }
  if (!(fewest < LP_SIGN_FLIP_LEAST)) return;
  open_item(f, n, "Not shown");
  lp_report_html(f,
                 "What does not lean on a normal distribution: with %s networks an arm no exact "
                 "test can reach p = .05.</li>\n",
                 lp_report_num(fewest, 0).s);
}

/* What of the run narrows the conclusion. */
static void reach(const report_run *run, FILE *f, uint32_t *n) {
  const json_t *m = run->manifest, *data = lp_jobj(m, "data");
  const char *model = lp_jstr(m, "model");
  open_item(f, n, "Not shown");
  if (run->folder->imported)
    lp_report_html(f, "How these networks came to be, or how well they do their task: only their "
                      "activations are here.</li>\n");
  else
    lp_report_html(f,
                   "What happens in other networks, or with other data: all of this is %s%son "
                   "%s.</li>\n",
                   model, *model ? " " : "",
                   *lp_jstr(data, "name") ? lp_jstr(data, "name") : "one data set");
}

static void not_shown(const report_run *run, FILE *f) {
  uint32_t n = 0;
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    if (json_is_true(lp_jobj(c, "primary"))) not_found(f, c, &n);
  }
  price(run, f, &n);
  nested(run, f, &n, false);
  few_networks(run, f, &n);
  leads(run, f, &n);
  reach(run, f, &n);
  close_items(f, n);
}

lp_status lp_shows_section(const report_run *run, FILE *f) {
  if (!run->analysed) {
    lp_report_html(f, "<p class=\"note\">Nothing yet: the run is not analysed.</p>\n");
    return LP_OK;
  }
  shown(run, f);
  not_shown(run, f);
  return LP_OK;
}

/* ---- methods ------------------------------------------------------------------------------- */

/* Tests and nulls, and the key of a comparison that has their result. */
static const struct {
  const char *name, *what, *source;
} tests[] = {
    {"paired", "paired t test over networks of one seed", "Student, Biometrika 1908"},
    {"welch", "t test of networks that are no pairs", "Welch, Biometrika 1947"},
    {"dunnett", "all arms against one reference at once", "Dunnett, J Am Stat Assoc 1955"},
    {"equivalence_p", "two one-sided tests against a margin",
     "Schuirmann, J Pharmacokinet Biopharm 1987"},
    {"q", "false discovery rate of exploratory tests", "Benjamini & Hochberg, J R Stat Soc B 1995"},
    {"sign_flip", "exact test of signs flipped", "Fisher, The Design of Experiments, 1935"},
    {"permutation_test", "exact test of exchanges", "Pitman, J R Stat Soc Suppl 1937"},
    {"dz", "interval of the standardised difference", "Cumming & Finch, Educ Psychol Meas 2001"},
    {"bootstrap", "studentised bootstrap",
     "Efron & Tibshirani, An Introduction to the Bootstrap, 1993"},
    {"worst_case", "rate of lost networks: exact test", "Fisher, J R Stat Soc 1922"},
    {"chance", "mean and sd of V over all placements of the units", "Mantel, Cancer Research 1967"},
};

/* Has any comparison a result of that test? */
static bool was_used(const report_run *run, const char *name) {
  size_t i;
  json_t *c;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    const json_t *v = lp_jobj(c, name), *p = lp_jobj(v, "p"), *value = lp_jobj(v, "value"),
                 *low = lp_jobj(v, "low");
    if (strcmp(lp_jstr(c, "analysis"), name) == 0 || json_is_number(v) || json_is_number(p) ||
        json_is_number(value) || json_is_number(low) || json_is_string(lp_jobj(v, "verdict")))
      return true;
  }
  return false;
}

static void method_row(FILE *f, const char *name, const char *what, const char *source) {
  lp_report_html(f,
                 "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td "
                 "class=\"text\">%s</td></tr>\n",
                 name, what, *source ? source : "\xe2\x80\x93");
}

lp_status lp_methods_section(const report_run *run, FILE *f) {
  static const char *const head[] = {"Measure", "<What it is", "<Published"},
                           *const head_tests[] = {"Test", "<What it is", "<Published"};
  json_t *measures = lp_jobj(run->summary, "measures"), *m;
  const char *name;
  if (json_object_size(measures)) {
    lp_open_table(f, "What was measured");
    lp_table_head(f, head, 3);
    json_object_foreach(measures, name, m)
        method_row(f, name, lp_jstr(m, "title"), lp_jstr(m, "source"));
    lp_close_table(f);
  }
  bool any = false;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    if (!was_used(run, tests[i].name)) continue;
    if (!any) {
      lp_open_table(f, "How it was tested");
      lp_table_head(f, head_tests, 3);
    }
    any = true;
    method_row(f, tests[i].name, tests[i].what, tests[i].source);
  }
  if (any) lp_close_table(f);
  if (!any && !json_object_size(measures))
    lp_report_html(f, "<p class=\"note\">The summary does not say what was measured.</p>\n");
  return LP_OK;
}
