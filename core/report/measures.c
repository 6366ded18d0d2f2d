/* measures.c: what a reader is told of each measure (name, unit, which way it points), and the
 * table of all of them. */
#include "report/report_internal.h"

#include <locality/plugin.h>
#include <locality/registry.h>

#include <math.h>
#include <string.h>

/* What is no row of the table of measures, and V, which has a short name and unit. A difference of
 * percentages is in points. direction: what more of it means. */
static const struct {
  const char *key;
  measure m;
} measures[] = {
    {"variance", {"spatial variance V", "spacings²", "spacings²", "less: closer together"}},
    {"variance_torus", {"V with axes wrapped", "spacings²", "spacings²", "less: closer together"}},
    {"permutation.z", {"z of V against shuffled units", "", "", "below 0: closer than chance"}},
    {"chance.neighbour_correlation",
     {"correlation of all pairs", "", "", "what neighbours show by chance"}},
    {"accuracy", {"test accuracy", "%", "points", "more: better"}},
    {"top5", {"top-5 accuracy", "%", "points", "more: better"}},
    {"loss", {"test loss", "", "", "less: better"}},
};

/* "patches" of "patches:threshold=3". */
static shorttext measure_name(const char *key) {
  shorttext name;
  snprintf(name.s, sizeof name.s, "%.*s", (int)strcspn(key, ":"), key);
  return name;
}

measure lp_report_measure(const char *key) {
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
    if (strcmp(measures[i].key, key) == 0) return measures[i].m;
  for (uint32_t i = 0; lp_registry_load() == LP_OK && i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind != LP_KIND_MEASURE || strcmp(e->name, measure_name(key).s) != 0) continue;
    const lp_measure *row = e->descriptor;
    const char *unit = row->unit ? row->unit : "";
    return (measure){row->label && !strchr(key, ':') ? row->label : key, unit, unit,
                     row->direction ? row->direction : ""};
  }
  return (measure){key, "", "", ""};
}

/* ---- all measures, mean over networks ------------------------------------------------------- */

/* Every numeric field of the sites, in the order of first appearance, but not counts. */
static json_t *measure_names(const report_run *run) {
  json_t *names = json_array(), *arm, *r, *v;
  const char *arm_name, *key;
  size_t i, k;
  json_object_foreach(lp_jobj(run->summary, "arms"), arm_name, arm) {
    json_array_foreach(lp_jobj(arm, "runs"), i, r) {
      for (uint32_t s = 0; s < run->n_sites; s++) {
        json_object_foreach(lp_jobj(lp_jobj(r, "sites"), run->sites[s]), key, v) {
          bool shuffled = strcmp(key, "permutation") == 0;
          bool known = strcmp(key, "variance_n") == 0 || strcmp(key, "variance_undefined") == 0;
          known |= !json_is_number(v) && !json_is_null(v) && !shuffled;
          const char *name = shuffled ? "permutation.z" : key;
          for (k = 0; k < json_array_size(names); k++)
            known |= strcmp(json_string_value(json_array_get(names, k)), name) == 0;
          if (known) continue;
          json_array_append_new(names, json_string(name));
          /* its chance differs from network to network: a column of its own */
          if (strcmp(key, "neighbour_correlation") == 0)
            json_array_append_new(names, json_string("chance.neighbour_correlation"));
        }
      }
    }
  }
  return names;
}

/* A number of a site; "permutation.z" and "chance.neighbour_correlation" are inside an object. */
static double site_value(const json_t *site, const char *key) {
  const char *dot = strchr(key, '.');
  if (!dot) return lp_jnum(site, key);
  char outer[64];
  snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
  return lp_jnum(lp_jobj(site, outer), dot + 1);
}

static void measure_cell(FILE *f, const json_t *arm, const char *site, const char *key) {
  double sum = 0, sq = 0, n = 0;
  size_t i;
  json_t *r;
  for (int pass = 0; pass < 2; pass++) {
    json_array_foreach(lp_jobj(arm, "runs"), i, r) {
      double x = site_value(lp_jobj(lp_jobj(r, "sites"), site), key);
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
  lp_html_cell(f, lp_mean_sd_auto(n > 0 ? sum / n : NAN, sd).s, tip.s);
}

/* ---- by chance ------------------------------------------------------------------------------ */

/* The first arm whose units stand as those of `arm` do: chance is the same for them. */
static uint32_t first_alike(const report_run *run, uint32_t arm, uint32_t site) {
  const char *name = run->sites[site];
  const lp_run_site *own = lp_report_sheet(run, arm, site);
  for (uint32_t a = 0; a < arm; a++) {
    const lp_run_site *sheet = lp_report_sheet(run, a, site);
    if (sheet->rows == own->rows && sheet->cols == own->cols &&
        strcmp(lp_report_topology(run, a, name), lp_report_topology(run, arm, name)) == 0)
      return a;
  }
  return arm;
}

/* Is that the name of an arm whose units stand as those of `arm`, the first such? */
static bool names_alike(const report_run *run, const char *name, uint32_t arm, uint32_t site) {
  for (uint32_t a = 0; a < run->n_arms; a++)
    if (strcmp(run->arms[a].name, name) == 0) return first_alike(run, a, site) == arm;
  return false;
}

/* What units without spatial order give where those of `arm` stand; NaN where the analysis does not
 * say. V alone depends on the topology; what is compared is the other measures' chance. */
static double chance_of(const report_run *run, uint32_t arm, uint32_t site, const char *key) {
  size_t i;
  json_t *c;
  if (strcmp(key, "variance") == 0) return lp_report_uniform(run, arm, run->sites[site]);
  if (strcmp(key, "permutation.z") == 0) return 0;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    if (strcmp(lp_jstr(c, "measure"), key) == 0 &&
        strcmp(lp_jstr(c, "site"), run->sites[site]) == 0 &&
        (names_alike(run, lp_jstr(c, "arm"), arm, site) ||
         names_alike(run, lp_jstr(c, "reference"), arm, site)))
      return lp_jnum(lp_jobj(c, "chance"), "value");
  }
  return NAN;
}

/* A row for each way in which units stand at the site. */
static void chance_rows(const report_run *run, FILE *f, uint32_t site, json_t *names, size_t from,
                        size_t to) {
  uint32_t ways = 0;
  for (uint32_t a = 0; a < run->n_arms; a++)
    ways += lp_report_sheet(run, a, site)->units && first_alike(run, a, site) == a;
  for (uint32_t a = 0; a < run->n_arms; a++) {
    const lp_run_site *sheet = lp_report_sheet(run, a, site);
    if (!sheet->units || first_alike(run, a, site) != a) continue;
    lp_report_html(f, "<tr class=\"chance\"><th scope=\"row\">by chance");
    if (ways > 1)
      lp_report_html(f, ", %s of %u\xc2\xa0\xc3\x97\xc2\xa0%u",
                     lp_report_topology(run, a, run->sites[site]), sheet->rows, sheet->cols);
    lp_report_html(f, "</th>");
    for (size_t k = from; k < to; k++)
      lp_html_cell(
          f, lp_num_auto(chance_of(run, a, site, json_string_value(json_array_get(names, k)))).s,
          "what units without spatial order give");
    lp_report_html(f, "</tr>\n");
  }
}

/* An arm a row, so that any number of them fits the page; at most six measures side by side. */
enum { ACROSS = 6 };

static void site_table(const report_run *run, FILE *f, uint32_t index, json_t *names, size_t from,
                       size_t to) {
  const char *site = run->sites[index];
  char caption[128];
  snprintf(caption, sizeof caption, "Measures at %s: mean \xc2\xb1 sd over networks", site);
  lp_open_table(f, caption);
  lp_report_html(f, "<thead><tr><th scope=\"col\">Arm</th>");
  for (size_t k = from; k < to; k++) {
    const measure m = lp_report_measure(json_string_value(json_array_get(names, k)));
    lp_report_html(f, "<th scope=\"col\">%s%s%s<br /><small>%s</small></th>", m.label,
                   *m.unit ? ", " : "", m.unit, m.direction);
  }
  lp_report_html(f, "</tr></thead>\n<tbody>\n");
  for (uint32_t a = 0; a < run->n_arms; a++) {
    lp_report_html(f, "<tr><th scope=\"row\">%s</th>", run->arms[a].name);
    for (size_t k = from; k < to; k++)
      measure_cell(f, lp_jobj(lp_jobj(run->summary, "arms"), run->arms[a].name), site,
                   json_string_value(json_array_get(names, k)));
    lp_report_html(f, "</tr>\n");
  }
  chance_rows(run, f, index, names, from, to);
  lp_close_table(f);
}

void lp_table_measures(const report_run *run, FILE *f) {
  json_t *names = measure_names(run);
  size_t n = json_array_size(names), parts = (n + ACROSS - 1) / ACROSS;
  for (uint32_t s = 0; s < run->n_sites; s++)
    for (size_t k = 0; k < parts; k++) /* parts of equal width */
      site_table(run, f, s, names, k * n / parts, (k + 1) * n / parts);
  json_decref(names);
  if (!n) {
    lp_report_html(f, "<p class=\"note\">No measures were computed.</p>\n");
    return;
  }
  /* folded away: so many tests find something by chance */
  lp_report_html(
      f, "<details>\n<summary>Exploratory tests of these measures over networks</summary>\n");
  lp_report_html(
      f,
      "<p class=\"note\">q: p adjusted by Benjamini and Hochberg over the exploratory tests; the "
      "verdict is that of each test alone.</p>\n");
  lp_comparison_table(run, f, (wanted){NULL, NULL, false, true},
                      "Measures against the reference, over networks");
  lp_report_html(f, "</details>\n");
}
