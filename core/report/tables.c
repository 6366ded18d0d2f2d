/* tables.c: accuracy, spatial variance and the tests, as tables. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void open_table(FILE *f, const char *caption) {
  html(f, "<div class=\"scroll\"><table>\n<caption><span>%s</span></caption>\n", caption);
}

static void close_table(FILE *f) {
  html(f, "</tbody>\n</table></div>\n");
}

/* A name that starts with "<" stands over a column of text. */
static void head(FILE *f, const char *const *names, size_t n) {
  html(f, "<thead><tr>");
  for (size_t i = 0; i < n; i++) {
    bool text = *names[i] == '<';
    html(f, text ? "<th scope=\"col\" class=\"text\">%s</th>" : "<th scope=\"col\">%s</th>",
         names[i] + text);
  }
  html(f, "</tr></thead>\n<tbody>\n");
}
#define HEAD(f, ...)                                                                               \
  head(f, (const char *const[]){__VA_ARGS__},                                                      \
       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void cell(FILE *f, shorttext text) {
  html_cell(f, text.s, NULL);
}

static void count_cell(FILE *f, double n) {
  cell(f, num(n, 0));
}

/* "3", or "3, 2" when the reference has another number of networks. */
static void pair_count_cell(FILE *f, const json_t *c) {
  double n = jnum(c, "n"), reference = jnum(c, "reference_n");
  shorttext text = num(n, 0);
  if (!isnan(reference) && reference != n)
    snprintf(text.s, sizeof text.s, "%.40s, %.40s", num(n, 0).s, num(reference, 0).s);
  cell(f, text);
}

static void p_cell(FILE *f, double p) {
  shorttext tip = {""};
  if (!isnan(p)) snprintf(tip.s, sizeof tip.s, "p = %.70s", exact(p).s);
  html_cell(f, p_value(p).s, tip.s);
}

/* ---- tests over networks -------------------------------------------------------------------- */

#define TEST_HEADS                                                                                 \
  "Welch t (df)", "p", "Paired t (df)", "p", "Interval of the difference", "Hedges\xe2\x80\x99 g"

static void test_cells(FILE *f, const json_t *c) {
  static const char *const kind[] = {"welch", "paired"};
  for (int i = 0; i < 2; i++) {
    const json_t *t = jobj(c, kind[i]);
    cell(f, t_test(jnum(t, "t"), jnum(t, "df")));
    p_cell(f, jnum(t, "p"));
  }
  const json_t *b = jobj(c, "bootstrap");
  double low = jnum(b, "low"), high = jnum(b, "high");
  shorttext interval = num(NAN, 0);
  if (!isnan(low) && !isnan(high))
    snprintf(interval.s, sizeof interval.s, "[%.36s, %.36s]", num_auto(low).s, num_auto(high).s);
  cell(f, interval);
  cell(f, num(jnum(c, "hedges_g"), 2));
}

/* "95 % bootstrap interval, 10000 resamples" from the first entry that says so. */
static void test_note(FILE *f, const json_t *list) {
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    double level = jnum(jobj(c, "bootstrap"), "level");
    double resamples = jnum(jobj(c, "bootstrap"), "resamples");
    if (isnan(level) || isnan(resamples)) continue;
    html(f,
         "<p class=\"note\">Interval: %s %% bootstrap of the difference of means, %s resamples of "
         "networks. Hedges\xe2\x80\x99 g: difference in units of the pooled sd, corrected for "
         "small n. Paired: networks with one seed share initial weights, batch order and dropout "
         "masks.</p>\n",
         num(100 * level, 0).s, num(resamples, 0).s);
    return;
  }
}

/* ---- accuracy ------------------------------------------------------------------------------- */

/* Among few classes the right one is nearly always one of five. */
static bool shows_top5(const report_run *run) {
  return run->n_classes > 10;
}

static void accuracy_row(const report_run *run, FILE *f, uint32_t i, const json_t *published) {
  const report_arm *arm = &run->arms[i];
  const json_t *a = jobj(jobj(run->summary, "arms"), arm->name);
  const json_t *acc = jobj(a, "accuracy"), *top5 = jobj(a, "top5"), *loss = jobj(a, "loss");
  html(f, "<tr><th scope=\"row\">%s%s</th><td class=\"text spec\"><code>%s</code></td>", arm->name,
       strcmp(arm->name, run->reference) == 0 ? " (reference)" : "", arm->layer);
  count_cell(f, jnum(acc, "n"));
  cell(f, mean_sd(jnum(acc, "mean"), jnum(acc, "sd"), 2));
  const json_t *p = jobj(published, arm->name);
  if (published) cell(f, num(jnum(p, "accuracy"), 1));
  if (shows_top5(run)) cell(f, mean_sd(jnum(top5, "mean"), jnum(top5, "sd"), 2));
  cell(f, mean_sd(jnum(loss, "mean"), jnum(loss, "sd"), 3));
  if (published) cell(f, num(jnum(p, "loss"), 3));
  html(f, "</tr>\n");
}

void table_accuracy(const report_run *run, FILE *f) {
  const json_t *published = jobj(jobj(run->summary, "published"), "arms");
  if (!json_object_size(published)) published = NULL;
  open_table(f, "Test accuracy and loss: mean \xc2\xb1 sd over n networks (seeds)");
  const char *name[8] = {"Arm", "<Layer", "n", "Accuracy,\xc2\xa0%"};
  size_t names = 4;
  if (published) name[names++] = "published,\xc2\xa0%";
  if (shows_top5(run)) name[names++] = "Top-5,\xc2\xa0%";
  name[names++] = "Loss";
  if (published) name[names++] = "published";
  head(f, name, names);
  for (uint32_t i = 0; i < run->n_arms; i++) accuracy_row(run, f, i, published);
  close_table(f);
  if (published)
    html(f, "<p class=\"note\">Published: as reported by Sax (2017), one network each. The values "
            "stand here for comparison; nothing was tuned to meet them.</p>\n");

  const json_t *list = jobj(run->summary, "accuracy_comparisons");
  if (!json_array_size(list)) return;
  open_table(f, "Accuracy against the reference, tests over networks");
  HEAD(f, "Arm", "<Reference", "n", TEST_HEADS);
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>", jstr(c, "arm"),
         jstr(c, "reference"));
    pair_count_cell(f, c);
    test_cells(f, c);
    html(f, "</tr>\n");
  }
  close_table(f);
  test_note(f, list);
}

/* ---- variance and other measures ------------------------------------------------------------ */

static bool is_for(const json_t *c, const char *site, const char *measure) {
  return strcmp(jstr(c, "site"), site) == 0 && strcmp(jstr(c, "measure"), measure) == 0;
}

static void comparison_cells(FILE *f, const json_t *c) {
  pair_count_cell(f, c);
  cell(f, mean_sd_auto(jnum(c, "mean"), jnum(c, "sd")));
  html(f, "<td>%s<br /><small>%s</small></td>",
       mean_sd_auto(jnum(c, "reference_mean"), jnum(c, "reference_sd")).s, jstr(c, "reference"));
  test_cells(f, c);
}

/* What was published for a site, as a last row: one network each. */
static void published_row(const report_run *run, FILE *f, const char *site) {
  const json_t *published = jobj(run->summary, "published");
  size_t i;
  json_t *c;
  json_array_foreach(jobj(published, "variance"), i, c) {
    if (strcmp(jstr(c, "site"), site) != 0) continue;
    const char *what = jstr(published, "what");
    html(f, "<tr><th scope=\"row\">published%s%s</th><td>1</td><td>%s</td><td>%s</td>",
         *what ? " for " : "", what, num_auto(jnum(c, "lp")).s, num_auto(jnum(c, "control")).s);
    for (int k = 0; k < 6; k++) cell(f, num(NAN, 0));
    html(f, "</tr>\n");
  }
}

static bool comparison_table(const report_run *run, FILE *f, const char *site, const char *measure,
                             const char *caption) {
  const json_t *list = jobj(run->summary, "comparisons");
  bool any = false;
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    if (!is_for(c, site, measure)) continue;
    if (!any) {
      open_table(f, caption);
      HEAD(f, "Arm", "n", "Mean \xc2\xb1 sd", "Reference", TEST_HEADS);
      any = true;
    }
    html(f, "<tr><th scope=\"row\">%s</th>", jstr(c, "arm"));
    comparison_cells(f, c);
    html(f, "</tr>\n");
  }
  if (any && strcmp(measure, "variance") == 0) published_row(run, f, site);
  if (any) close_table(f);
  return any;
}

void table_variance(const report_run *run, FILE *f) {
  bool any = false;
  for (int s = 0; s < REPORT_SITES; s++) {
    char caption[160];
    snprintf(caption, sizeof caption,
             "Spatial variance at %s, in squared unit spacings: mean \xc2\xb1 sd over n networks",
             report_site_name[s]);
    any |= comparison_table(run, f, report_site_name[s], "variance", caption);
  }
  if (any)
    test_note(f, jobj(run->summary, "comparisons"));
  else
    html(f, "<p class=\"note\">No two arms with finished networks to compare yet.</p>\n");
}

/* Undefined maps, summed over the networks of an arm. */
static void undefined_note(const report_run *run, FILE *f) {
  double undefined = 0, total = 0;
  const char *name;
  json_t *arm, *r;
  size_t i;
  json_object_foreach(jobj(run->summary, "arms"), name, arm) {
    json_array_foreach(jobj(arm, "runs"), i, r) {
      for (int s = 0; s < REPORT_SITES; s++) {
        const json_t *site = jobj(jobj(r, "sites"), report_site_name[s]);
        double u = jnum(site, "variance_undefined"), n = jnum(site, "variance_n");
        if (!isnan(u)) undefined += u, total += u + (isnan(n) ? 0 : n);
      }
    }
  }
  if (total > 0)
    html(f,
         "<p class=\"note\">Maps without a variance (all zero, or one active unit): %s; they are "
         "counted, never averaged in.</p>\n",
         num(undefined, 0).s);
}

/* How often the per-image test calls a pair of networks different, and in which direction. */
static uint32_t per_image_counts(const json_t *list, FILE *f) {
  size_t i, k;
  json_t *c, *t;
  uint32_t total = 0;
  json_array_foreach(list, i, c) {
    uint32_t n = 0, larger = 0, smaller = 0;
    if (strcmp(jstr(c, "measure"), "variance") != 0) continue;
    json_array_foreach(jobj(c, "per_image"), k, t) {
      bool called = jnum(t, "p") < 0.001;
      n++;
      larger += called && jnum(t, "t") > 0;
      smaller += called && jnum(t, "t") < 0;
    }
    if (n && !total) {
      open_table(f, "Pairs of networks (arm and reference with one seed) that the per-image paired "
                    "t test calls different at p < .001");
      HEAD(f, "Arm", "<Site", "Pairs", "arm larger", "arm smaller", "neither");
    }
    if (n)
      html(f,
           "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td>%u</td><td>%u</td>"
           "<td>%u</td><td>%u</td></tr>\n",
           jstr(c, "arm"), jstr(c, "site"), n, larger, smaller, n - larger - smaller);
    total += n;
  }
  if (total) close_table(f);
  return total;
}

static void per_image_rows(const json_t *list, FILE *f) {
  size_t i, k;
  json_t *c, *t;
  open_table(f, "Paired t test over images within one pair of networks (the published test)");
  HEAD(f, "Arm", "<Site", "Seed", "Images", "Mean difference", "t (df)", "p");
  json_array_foreach(list, i, c) {
    if (strcmp(jstr(c, "measure"), "variance") != 0) continue;
    json_array_foreach(jobj(c, "per_image"), k, t) {
      html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>", jstr(c, "arm"),
           jstr(c, "site"));
      count_cell(f, jnum(t, "seed"));
      count_cell(f, jnum(t, "n"));
      cell(f, num_auto(jnum(t, "mean_difference")));
      cell(f, t_test(jnum(t, "t"), jnum(t, "df")));
      p_cell(f, jnum(t, "p"));
      html(f, "</tr>\n");
    }
  }
  close_table(f);
}

void table_per_image(const report_run *run, FILE *f) {
  const json_t *list = jobj(run->summary, "comparisons");
  const uint32_t fold_above = 24; /* rows: a long table is folded away, not cut */
  uint32_t rows = per_image_counts(list, f);
  size_t i;
  json_t *c;
  if (rows == 0) {
    html(f, "<p class=\"note\">The analysis has no such test.</p>\n");
    return;
  }
  html(f, rows > fold_above ? "<details>\n" : "<details open=\"open\">\n");
  html(f, "<summary>Every pair of networks (%u rows)</summary>\n", rows);
  per_image_rows(list, f);
  html(f, "</details>\n");
  const json_t *published = jobj(run->summary, "published");
  const char *what = jstr(published, "what");
  json_array_foreach(jobj(published, "variance"), i, c) {
    html(f, "<p>Published at %s%s%s: %s with the prior, %s in the control, t = %s, p = %s.</p>\n",
         jstr(c, "site"), *what ? " for " : "", what, num_auto(jnum(c, "lp")).s,
         num_auto(jnum(c, "control")).s, num(jnum(c, "t"), 2).s, exact(jnum(c, "p")).s);
  }
  html(f, "<p class=\"warn\"><strong>Images are not replicates.</strong> All images pass through "
          "the same two networks, so this test asks whether <em>these two</em> networks differ "
          "(any two do), not whether the layer makes a difference. Judge by the tests over "
          "networks above.</p>\n");

  const json_t *pairs = jobj(run->summary, "control_pairs");
  if (!isnan(jnum(pairs, "pairs"))) {
    html(f,
         "<p>The same test between two <em>control</em> networks with different seeds, where "
         "there is nothing to find, gives p &lt; %s in ",
         num(jnum(pairs, "alpha"), 3).s);
    for (int s = 0; s < REPORT_SITES; s++)
      html(f, "%s%s of %s pairs at %s", s ? " and " : "",
           num(jnum(jobj(pairs, "significant"), report_site_name[s]), 0).s,
           num(jnum(pairs, "pairs"), 0).s, report_site_name[s]);
    html(f, ".</p>\n");
  }
  undefined_note(run, f);
}

void table_nulls(const report_run *run, FILE *f) {
  const json_t *null = jobj(run->summary, "null"), *uniform = jobj(null, "uniform_of_arm");
  if (!json_object_size(null)) return;
  open_table(f, "The variance without any learning");
  HEAD(f, "Arm", "Exactly, of units in any order", "Untrained networks, lp_in", "lp_out");
  for (uint32_t i = 0; i < run->n_arms; i++) {
    const json_t *untrained = jobj(jobj(null, "untrained"), run->arms[i].name);
    html(f, "<tr><th scope=\"row\">%s</th>", run->arms[i].name);
    cell(f, num_auto(jnum(uniform, run->arms[i].name)));
    for (int s = 0; s < REPORT_SITES; s++) {
      const json_t *site = jobj(untrained, report_site_name[s]);
      cell(f, mean_sd_auto(jnum(site, "mean"), jnum(site, "sd")));
    }
    html(f, "</tr>\n");
  }
  close_table(f);
}

/* ---- all measures, mean over networks ------------------------------------------------------- */

/* Every numeric field of the sites, in the order of first appearance, but not counts. */
static json_t *measure_names(const report_run *run) {
  json_t *names = json_array(), *arm, *r, *v;
  const char *arm_name, *key;
  size_t i, k;
  json_object_foreach(jobj(run->summary, "arms"), arm_name, arm) {
    json_array_foreach(jobj(arm, "runs"), i, r) {
      for (int s = 0; s < REPORT_SITES; s++) {
        json_object_foreach(jobj(jobj(r, "sites"), report_site_name[s]), key, v) {
          bool shuffled = strcmp(key, "permutation") == 0;
          bool known = strcmp(key, "variance_n") == 0 || strcmp(key, "variance_undefined") == 0;
          known |= !json_is_number(v) && !json_is_null(v) && !shuffled;
          const char *name = shuffled ? "permutation.z" : key;
          for (k = 0; k < json_array_size(names); k++)
            known |= strcmp(json_string_value(json_array_get(names, k)), name) == 0;
          if (!known) json_array_append_new(names, json_string(name));
        }
      }
    }
  }
  return names;
}

/* A number of a site; "permutation.z" is one inside an object. */
static double site_value(const json_t *site, const char *key) {
  const char *dot = strchr(key, '.');
  if (!dot) return jnum(site, key);
  char outer[64];
  snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
  return jnum(jobj(site, outer), dot + 1);
}

static void measure_label(const char *key, char out[64]) {
  static const char *const names[][2] = {
      {"variance", "spatial variance"},
      {"variance_torus", "spatial variance, axes wrapped"},
      {"permutation.z", "z of the variance against shuffled units"},
      {"moran_i", "Moran\xe2\x80\x99s I"},
      {"geary_c", "Geary\xe2\x80\x99s C"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i][0], key) != 0) continue;
    snprintf(out, 64, "%s", names[i][1]);
    return;
  }
  snprintf(out, 64, "%s", key);
  for (char *c = out; *c; c++)
    if (*c == '_') *c = ' ';
}

static void measure_cell(FILE *f, const json_t *arm, const char *site, const char *key) {
  double sum = 0, sq = 0, n = 0;
  size_t i;
  json_t *r;
  for (int pass = 0; pass < 2; pass++) {
    json_array_foreach(jobj(arm, "runs"), i, r) {
      double x = site_value(jobj(jobj(r, "sites"), site), key);
      if (isnan(x)) continue;
      if (pass == 0)
        sum += x, n++;
      else
        sq += (x - sum / n) * (x - sum / n);
    }
  }
  double sd = n > 1 ? sqrt(sq / (n - 1)) : NAN;
  shorttext tip;
  snprintf(tip.s, sizeof tip.s, "n = %.0f", n);
  html_cell(f, mean_sd_auto(n > 0 ? sum / n : NAN, sd).s, tip.s);
}

/* Tests of everything but the variance, folded away: so many tests find something by chance. */
static void measure_tests(const report_run *run, FILE *f) {
  const json_t *list = jobj(run->summary, "comparisons");
  uint32_t n = 0;
  size_t i;
  json_t *c;
  json_array_foreach(list, i, c) {
    if (strcmp(jstr(c, "measure"), "variance") == 0) continue;
    if (!n++) {
      html(f, "<details>\n<summary>Tests of these measures over networks</summary>\n"
              "<p class=\"note\">Exploratory: p values are not corrected for the number of tests "
              "in this table.</p>\n");
      open_table(f, "Measures against the reference");
      HEAD(f, "Measure", "<Site", "<Arm", "n", "Mean \xc2\xb1 sd", "Reference", TEST_HEADS);
    }
    char label[64];
    measure_label(jstr(c, "measure"), label);
    html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td class=\"text\">%s</td>",
         label, jstr(c, "site"), jstr(c, "arm"));
    comparison_cells(f, c);
    html(f, "</tr>\n");
  }
  if (!n) return;
  close_table(f);
  html(f, "</details>\n");
}

void table_measures(const report_run *run, FILE *f) {
  json_t *names = measure_names(run);
  if (json_array_size(names) == 0) {
    json_decref(names);
    html(f, "<p class=\"note\">No measures were computed.</p>\n");
    return;
  }
  open_table(f, "Measures per network: mean \xc2\xb1 sd over networks");
  html(f, "<thead><tr><th scope=\"col\">Measure</th><th scope=\"col\" class=\"text\">Site</th>");
  for (uint32_t a = 0; a < run->n_arms; a++)
    html(f, "<th scope=\"col\">%s</th>", run->arms[a].name);
  html(f, "</tr></thead>\n<tbody>\n");
  for (size_t k = 0; k < json_array_size(names); k++) {
    const char *key = json_string_value(json_array_get(names, k));
    char label[64];
    measure_label(key, label);
    for (int s = 0; s < REPORT_SITES; s++) {
      html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>", label,
           report_site_name[s]);
      for (uint32_t a = 0; a < run->n_arms; a++)
        measure_cell(f, jobj(jobj(run->summary, "arms"), run->arms[a].name), report_site_name[s],
                     key);
      html(f, "</tr>\n");
    }
  }
  close_table(f);
  json_decref(names);
  measure_tests(run, f);
}
