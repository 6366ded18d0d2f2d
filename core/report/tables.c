/* tables.c: accuracy, spatial variance and the tests, as tables. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void lp_open_table(FILE *f, const char *caption) {
  lp_report_html(f, "<div class=\"scroll\"><table>\n<caption><span>%s</span></caption>\n", caption);
}

void lp_close_table(FILE *f) {
  lp_report_html(f, "</tbody>\n</table></div>\n");
}

void lp_table_head(FILE *f, const char *const *names, size_t n) {
  lp_report_html(f, "<thead><tr>");
  for (size_t i = 0; i < n; i++) {
    bool text = *names[i] == '<';
    lp_report_html(f,
                   text ? "<th scope=\"col\" class=\"text\">%s</th>" : "<th scope=\"col\">%s</th>",
                   names[i] + text);
  }
  lp_report_html(f, "</tr></thead>\n<tbody>\n");
}
#define HEAD(f, ...)                                                                               \
  lp_table_head(f, (const char *const[]){__VA_ARGS__},                                             \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void cell(FILE *f, shorttext text) {
  lp_html_cell(f, text.s, NULL);
}

static void count_cell(FILE *f, double n) {
  cell(f, lp_report_num(n, 0));
}

/* ---- accuracy ------------------------------------------------------------------------------- */

/* Among few classes the right one is nearly always one of five. */
static bool shows_top5(const report_run *run) {
  return run->n_classes > 10;
}

static void accuracy_row(const report_run *run, FILE *f, uint32_t i, const json_t *published) {
  const report_arm *arm = &run->arms[i];
  const json_t *a = lp_jobj(lp_jobj(run->summary, "arms"), arm->name);
  const json_t *acc = lp_jobj(a, "accuracy"), *top5 = lp_jobj(a, "top5"),
               *loss = lp_jobj(a, "loss");
  lp_report_html(f, "<tr><th scope=\"row\">%s%s</th><td class=\"text spec\"><code>", arm->name,
                 arm->reference == i ? " (reference)" : "");
  lp_html_spec(f, arm->what);
  lp_report_html(f, "</code></td>");
  count_cell(f, lp_jnum(acc, "n"));
  cell(f, lp_mean_sd(lp_jnum(acc, "mean"), lp_jnum(acc, "sd"), 2));
  const json_t *p = lp_jobj(published, arm->name);
  if (published) cell(f, lp_report_num(lp_jnum(p, "accuracy"), 1));
  if (shows_top5(run)) cell(f, lp_mean_sd(lp_jnum(top5, "mean"), lp_jnum(top5, "sd"), 2));
  cell(f, lp_mean_sd(lp_jnum(loss, "mean"), lp_jnum(loss, "sd"), 3));
  if (published) cell(f, lp_report_num(lp_jnum(p, "loss"), 3));
  lp_report_html(f, "</tr>\n");
}

/* Published values by arm; NULL where they say nothing of accuracy. */
static const json_t *published_accuracies(const report_run *run) {
  const json_t *all = lp_jobj(lp_jobj(run->summary, "published"), "arms");
  const char *name;
  json_t *arm;
  json_object_foreach((json_t *)all, name, arm) if (!isnan(lp_jnum(arm, "accuracy"))) return all;
  return NULL;
}

void lp_table_accuracy(const report_run *run, FILE *f) {
  const char *source = lp_jstr(lp_jobj(run->summary, "published"), "source");
  const json_t *published = published_accuracies(run);
  lp_open_table(f, "Test accuracy and loss: mean \xc2\xb1 sd over n networks (seeds)");
  const char *name[8] = {"Arm", "<Layer, or changes", "n", "Accuracy,\xc2\xa0%"};
  size_t names = 4;
  if (published) name[names++] = "published,\xc2\xa0%";
  if (shows_top5(run)) name[names++] = "Top-5,\xc2\xa0%";
  name[names++] = "Loss";
  if (published) name[names++] = "published";
  lp_table_head(f, name, names);
  for (uint32_t i = 0; i < run->n_arms; i++) accuracy_row(run, f, i, published);
  lp_close_table(f);
  if (published)
    lp_report_html(
        f,
        "<p class=\"note\">Published: as reported%s%s, one network each. The values stand here for "
        "comparison; nothing was tuned to meet them.</p>\n",
        *source ? " in " : "", source);

  lp_comparison_table(run, f, (wanted){"accuracy", "", true, true},
                      "Accuracy against the reference, over networks");
  lp_comparison_table(run, f, (wanted){"loss", "", true, true},
                      "Loss against the reference, over networks (exploratory)");
}

/* ---- variance ------------------------------------------------------------------------------- */

void lp_table_variance(const report_run *run, FILE *f) {
  uint32_t n = 0;
  for (uint32_t s = 0; s < run->n_sites; s++) {
    char caption[160];
    snprintf(caption, sizeof caption,
             "Spatial variance V at %s against the reference, over networks", run->sites[s]);
    n += lp_comparison_table(run, f, (wanted){"variance", run->sites[s], true, true}, caption);
  }
  if (!n)
    lp_report_html(f, "<p class=\"note\">No two arms with finished networks to compare yet.</p>\n");
}

/* Undefined maps, summed over the networks of an arm. */
static void undefined_note(const report_run *run, FILE *f) {
  double undefined = 0, total = 0;
  const char *name;
  json_t *arm, *r;
  size_t i;
  json_object_foreach(lp_jobj(run->summary, "arms"), name, arm) {
    json_array_foreach(lp_jobj(arm, "runs"), i, r) {
      for (uint32_t s = 0; s < run->n_sites; s++) {
        const json_t *site = lp_jobj(lp_jobj(r, "sites"), run->sites[s]);
        double u = lp_jnum(site, "variance_undefined"), n = lp_jnum(site, "variance_n");
        if (!isnan(u)) undefined += u, total += u + (isnan(n) ? 0 : n);
      }
    }
  }
  if (total > 0)
    lp_report_html(
        f,
        "<p class=\"note\">Maps without a variance (all zero, or one active unit): %s; they are "
        "counted, never averaged in.</p>\n",
        lp_report_num(undefined, 0).s);
}

/* How often the per-image test calls a pair of networks different, and in which direction. */
static uint32_t per_image_counts(const json_t *list, FILE *f) {
  size_t i, k;
  json_t *c, *t;
  uint32_t total = 0;
  json_array_foreach(list, i, c) {
    uint32_t n = 0, larger = 0, smaller = 0;
    if (strcmp(lp_jstr(c, "measure"), "variance") != 0) continue;
    json_array_foreach(lp_jobj(c, "per_image"), k, t) {
      bool called = lp_jnum(t, "p") < 0.001;
      n++;
      larger += called && lp_jnum(t, "t") > 0;
      smaller += called && lp_jnum(t, "t") < 0;
    }
    if (n && !total) {
      lp_open_table(f,
                    "Pairs of networks (arm and reference with one seed) that the per-image paired "
                    "t test calls different at p < 0.001");
      HEAD(f, "Arm", "<Site", "Pairs", "arm larger", "arm smaller", "neither");
    }
    if (n)
      lp_report_html(f,
                     "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td>%u</td><td>%u</td>"
                     "<td>%u</td><td>%u</td></tr>\n",
                     lp_jstr(c, "arm"), lp_jstr(c, "site"), n, larger, smaller,
                     n - larger - smaller);
    total += n;
  }
  if (total) lp_close_table(f);
  return total;
}

static void per_image_rows(const json_t *list, FILE *f) {
  size_t i, k;
  json_t *c, *t;
  lp_open_table(f, "Paired t test over images within one pair of networks (the published test)");
  HEAD(f, "Arm", "<Site", "Seed", "Images", "Mean difference", "t (df)", "p");
  json_array_foreach(list, i, c) {
    if (strcmp(lp_jstr(c, "measure"), "variance") != 0) continue;
    json_array_foreach(lp_jobj(c, "per_image"), k, t) {
      lp_report_html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>",
                     lp_jstr(c, "arm"), lp_jstr(c, "site"));
      cell(f, lp_report_seed(lp_jseed(t)));
      count_cell(f, lp_jnum(t, "n"));
      cell(f, lp_num_auto(lp_jnum(t, "mean_difference")));
      cell(f, lp_report_t_test(lp_jnum(t, "t"), lp_jnum(t, "df")));
      lp_p_cell(f, lp_jnum(t, "p"));
      lp_report_html(f, "</tr>\n");
    }
  }
  lp_close_table(f);
}

void lp_table_per_image(const report_run *run, FILE *f) {
  const json_t *list = lp_jobj(run->summary, "comparisons");
  const uint32_t fold_above = 24; /* rows: a long table is folded away, not cut */
  uint32_t rows = per_image_counts(list, f);
  size_t i;
  json_t *c;
  if (rows == 0) {
    lp_report_html(f, "<p class=\"note\">The analysis has no such test.</p>\n");
    return;
  }
  lp_report_html(f, rows > fold_above ? "<details>\n" : "<details open=\"open\">\n");
  lp_report_html(f, "<summary>Every pair of networks (%u rows)</summary>\n", rows);
  per_image_rows(list, f);
  lp_report_html(f, "</details>\n");
  const json_t *published = lp_jobj(run->summary, "published");
  const char *what = lp_jstr(published, "what");
  const json_t *of = lp_jobj(published, "arms");
  json_array_foreach(lp_jobj(published, "tests"), i, c) {
    const char *site = lp_jstr(c, "site");
    lp_report_html(
        f, "<p>Published at %s%s%s: V %s in %s, %s in %s, t = %s, p = %s.</p>\n", site,
        *what ? " for " : "", what,
        lp_num_auto(lp_jnum(lp_jobj(lp_jobj(of, lp_jstr(c, "arm")), "variance"), site)).s,
        lp_jstr(c, "arm"),
        lp_num_auto(lp_jnum(lp_jobj(lp_jobj(of, lp_jstr(c, "reference")), "variance"), site)).s,
        lp_jstr(c, "reference"), lp_report_num(lp_jnum(c, "t"), 2).s,
        lp_report_exact(lp_jnum(c, "p")).s);
  }
  lp_report_html(
      f, "<p class=\"warn\"><strong>Images are not replicates.</strong> All images pass through "
         "the same two networks, so this test asks whether <em>these two</em> networks differ "
         "(any two do), not whether the layer makes a difference. Judge by the tests over "
         "networks above.</p>\n");

  const json_t *pairs = lp_jobj(run->summary, "control_pairs");
  if (!isnan(lp_jnum(pairs, "pairs"))) {
    lp_report_html(
        f,
        "<p>The same test between two <em>control</em> networks with different seeds, where "
        "there is nothing to find, gives p &lt; %s in ",
        lp_report_num(lp_jnum(pairs, "alpha"), 3).s);
    for (uint32_t s = 0; s < run->n_sites; s++)
      lp_report_html(f, "%s%s of %s pairs at %s",
                     s == 0                  ? ""
                     : s + 1 == run->n_sites ? " and "
                                             : ", ",
                     lp_report_num(lp_jnum(lp_jobj(pairs, "significant"), run->sites[s]), 0).s,
                     lp_report_num(lp_jnum(pairs, "pairs"), 0).s, run->sites[s]);
    lp_report_html(f, ".</p>\n");
  }
  undefined_note(run, f);
}

void lp_table_nulls(const report_run *run, FILE *f) {
  const json_t *null = lp_jobj(run->summary, "null");
  if (!json_object_size(null)) return;
  lp_open_table(f, "The variance without any learning");
  HEAD(f, "Arm", "<Site", "<Topology", "Exactly, of units in any order", "Untrained networks");
  for (uint32_t i = 0; i < run->n_arms; i++)
    for (uint32_t s = 0; s < run->n_sites; s++) {
      const json_t *untrained = lp_jobj(lp_jobj(null, "untrained"), run->arms[i].name);
      const json_t *site = lp_jobj(untrained, run->sites[s]);
      if (!lp_report_sheet(run, i, s)->units) continue;
      lp_report_html(
          f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td class=\"text\">%s</td>",
          run->arms[i].name, run->sites[s], lp_report_topology(run, i, run->sites[s]));
      cell(f, lp_num_auto(lp_report_uniform(run, i, run->sites[s])));
      cell(f, lp_mean_sd_auto(lp_jnum(site, "mean"), lp_jnum(site, "sd")));
      lp_report_html(f, "</tr>\n");
    }
  lp_close_table(f);
}
