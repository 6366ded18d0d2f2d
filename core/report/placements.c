/* placements.c: units that exchanged places in training, and strengths that were found at matched
 * accuracy: what was done to arms before they are compared. */
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

/* ---- places -----------------------------------------------------------------------------------
 */

enum { WIRING, ALIGNMENT, VARIANCE, QUANTITIES };
static const char *const quantity[QUANTITIES] = {"wiring", "alignment", "variance"};

/* The placements of one layer in an arm: sums over its networks of what was before the first one
 * and after the last. */
typedef struct placed {
  const char *layer, *by;
  double value[QUANTITIES][2];
  double swaps;
  uint32_t n;
} placed;

static bool same(const json_t *p, const placed *c) {
  return strcmp(lp_jstr(p, "layer"), c->layer) == 0 && strcmp(lp_jstr(p, "by"), c->by) == 0;
}

/* Adds a network's. */
static void add(placed *c, const lp_run_network *w) {
  const json_t *first = NULL, *last = NULL, *p;
  size_t i;
  for (uint32_t e = 0; e < w->n_epochs; e++)
    json_array_foreach(w->epoch[e].placements, i, p) if (same(p, c)) {
      if (!first) first = p;
      last = p;
      c->swaps += lp_jnum(p, "swaps");
    }
  if (!first) return;
  c->n++;
  for (int q = 0; q < QUANTITIES; q++)
    for (int end = 0; end < 2; end++) {
      const json_t *pair = lp_jobj(end ? last : first, quantity[q]);
      const json_t *v = json_array_get(pair, (size_t)end);
      c->value[q][end] += json_is_number(v) ? json_number_value(v) : NAN;
    }
}

static void placed_row(const report_run *run, FILE *f, uint32_t arm, const placed *c) {
  lp_report_html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>", run->arms[arm].name,
                 c->layer);
  lp_report_html(f, "<td class=\"text\">%s</td><td>%u</td><td>%s</td>", c->by, c->n,
                 lp_report_num(c->swaps / c->n, 0).s);
  for (int q = 0; q < QUANTITIES; q++)
    for (int end = 0; end < 2; end++)
      lp_report_html(f, "<td>%s</td>", lp_num_auto(c->value[q][end] / c->n).s);
  fputs("</tr>\n", f);
}

/* Is it the first placement of its layer and kind in the arm? */
static bool is_new(const report_run *run, uint32_t arm, uint32_t seed, uint32_t epoch, size_t item,
                   const placed *c) {
  for (uint32_t k = 0; k <= seed; k++) {
    const lp_run_network *w = &run->folder->network[arm * run->n_seeds + k];
    const uint32_t end = k < seed ? w->n_epochs : epoch + 1;
    for (uint32_t e = 0; e < end; e++) {
      size_t i;
      const json_t *p;
      json_array_foreach(w->epoch[e].placements, i, p) {
        if (k == seed && e == epoch && i >= item) return true;
        if (same(p, c)) return false;
      }
    }
  }
  return true;
}

void lp_table_placements(const report_run *run, FILE *f) {
  static const char *const name[] = {"Arm",       "<Layer",        "<By",   "n",
                                     "Exchanges", "Wires, before", "after", "Alignment, before",
                                     "after",     "V, before",     "after"};
  uint32_t rows = 0;
  for (uint32_t arm = 0; arm < run->n_arms; arm++)
    for (uint32_t k = 0; k < run->n_seeds; k++) {
      const lp_run_network *w = &run->folder->network[arm * run->n_seeds + k];
      for (uint32_t e = 0; e < w->n_epochs; e++) {
        size_t i;
        const json_t *p;
        json_array_foreach(w->epoch[e].placements, i, p) {
          placed c = {.layer = lp_jstr(p, "layer"), .by = lp_jstr(p, "by")};
          if (!is_new(run, arm, k, e, i, &c)) continue;
          for (uint32_t s = 0; s < run->n_seeds; s++)
            add(&c, &run->folder->network[arm * run->n_seeds + s]);
          if (!rows++) {
            lp_open_table(f, "Units that exchanged places: before the first time and after the "
                             "last, means over n networks");
            lp_table_head(f, name, sizeof name / sizeof *name);
          }
          placed_row(run, f, arm, &c);
        }
      }
    }
  if (!rows) return;
  lp_close_table(f);
  lp_report_html(f, "<p class=\"note\">Wires: the sum of |w| d to and from sheets; what networks "
                    "learnt between two placements is in it. The network computes the same before "
                    "and after.</p>\n");
}

/* ---- matched arms -----------------------------------------------------------------------------
 */

void lp_table_matched(const report_run *run, FILE *f) {
  const json_t *match = lp_jobj(run->folder->manifest, "match"), *arms = lp_jobj(match, "arms"), *a;
  static const char *const name[] = {"Arm", "Strength", "Accuracy on held-out images,\xc2\xa0%"};
  const char *arm;
  if (!json_object_size(arms)) return;
  lp_open_table(f, "Strengths found at matched accuracy");
  lp_table_head(f, name, sizeof name / sizeof *name);
  json_object_foreach((json_t *)arms, arm, a) {
    lp_report_html(f, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>\n", arm,
                   lp_jstr(a, "value"), lp_report_num(lp_jnum(a, "accuracy"), 2).s);
  }
  lp_close_table(f);
  lp_report_html(
      f,
      "<p class=\"note\">The strongest of the values tried that costs at most %s points "
      "against %s&nbsp;%% of %s, on %s training images that were held out; &ndash;: none "
      "did, and the weakest stands.</p>\n",
      lp_num_auto(lp_jnum(match, "within")).s, lp_report_num(lp_jnum(match, "reference"), 2).s,
      run->reference, lp_report_num(lp_jnum(match, "validation"), 0).s);
}
