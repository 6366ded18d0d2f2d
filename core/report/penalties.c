/* penalties.c: what the penalties of each arm were, and how much of the loss, over training. */
#include "report/report_internal.h"

#include <math.h>

/* Means over the networks of an arm: of the i-th penalty after the first and after the last epoch.
 */
typedef struct course {
  const json_t *first; /* one network's entry, for its texts; NULL: there is no such penalty */
  double value[2], strength[2], share[2];
  uint32_t n;
} course;

static void add(course *c, int end, const json_t *p) {
  c->value[end] += lp_jnum(p, "value");
  c->strength[end] += lp_jnum(p, "strength");
  c->share[end] += lp_jnum(p, "share");
}

static course course_of(const report_run *run, uint32_t arm, size_t i) {
  course c = {0};
  for (uint32_t k = 0; k < run->n_seeds; k++) {
    const lp_run_network *w = &run->folder->network[arm * run->n_seeds + k];
    const json_t *first = w->n_epochs ? json_array_get(w->epoch[0].penalties, i) : NULL,
                 *last = first ? json_array_get(w->epoch[w->n_epochs - 1].penalties, i) : NULL;
    if (!last) continue;
    c.first = first;
    c.n++;
    add(&c, 0, first);
    add(&c, 1, last);
  }
  return c;
}

static void cells(FILE *f, const double sum[2], uint32_t n) {
  for (int end = 0; end < 2; end++) lp_report_html(f, "<td>%s</td>", lp_num_auto(sum[end] / n).s);
}

static void row(const report_run *run, FILE *f, uint32_t arm, const course *c) {
  lp_report_html(
      f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td class=\"text spec\"><code>",
      run->arms[arm].name, lp_jstr(c->first, "layer"));
  lp_html_spec(f, lp_jstr(c->first, "penalty"));
  fputs("</code></td>", f);
  lp_report_html(f, "<td>%u</td>", c->n);
  cells(f, c->value, c->n);
  cells(f, c->strength, c->n);
  for (int end = 0; end < 2; end++)
    lp_report_html(f, "<td>%s</td>", lp_report_num(100 * c->share[end] / c->n, 1).s);
  fputs("</tr>\n", f);
}

void lp_table_penalties(const report_run *run, FILE *f) {
  static const char *const name[] = {"Arm",
                                     "<Layer",
                                     "<Penalty",
                                     "n",
                                     "Value, first epoch",
                                     "last",
                                     "Strength, first epoch",
                                     "last",
                                     "Share of the loss,\xc2\xa0%, first epoch",
                                     "last"};
  uint32_t rows = 0;
  for (uint32_t arm = 0; arm < run->n_arms; arm++)
    for (size_t i = 0;; i++) {
      const course c = course_of(run, arm, i);
      if (!c.first) break;
      if (!rows++) {
        lp_open_table(f, "Penalties: means over the steps of an epoch, and over n networks");
        lp_table_head(f, name, sizeof name / sizeof *name);
      }
      row(run, f, arm, &c);
    }
  if (!rows) return;
  lp_close_table(f);
  lp_report_html(f,
                 "<p class=\"note\">A penalty's value times its strength is what it adds to the "
                 "training loss; its share is of the sum that is minimised. Every epoch: "
                 "<a href=\"%s\">%s</a>.</p>\n",
                 LP_RUN_PENALTIES, LP_RUN_PENALTIES);
}
