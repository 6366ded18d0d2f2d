/* page.c: report.html from top to bottom. */
#include "report/report_internal.h"

#include "../base/numbers.h"

#include <locality/io.h>
#include <locality/report.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- sections ------------------------------------------------------------------------------- */

static void gnuplot_note(const report_run *run, FILE *f) {
  if (!run->gnuplot_missing) return;
  lp_report_html(
      f,
      "<p class=\"warn\"><strong>No figures.</strong> %s. Install it (Debian and Ubuntu: "
      "<code>apt install gnuplot-nox</code>; Fedora: <code>dnf install gnuplot</code>; macOS: "
      "<code>brew install gnuplot</code>) and run <code>locality report DIR</code> again; "
      "nothing has to be trained or analysed again.</p>\n",
      run->gnuplot_missing);
}

static lp_status emit(const report_run *run, const char *name, FILE *f) {
  return lp_figures_emit(run, PER_RUN, &name, 1, f);
}

/* What was found: a few sentences, the intervals, a line a verdict. */
static lp_status answer(const report_run *run, FILE *f) {
  size_t i;
  json_t *sentence;
  const json_t *list = lp_jobj(run->summary, "answer");
  if (json_array_size(list)) {
    lp_report_html(f, "<div class=\"answer\">\n");
    json_array_foreach(list, i, sentence) {
      if (!json_is_string(sentence)) continue;
      fputs("<p>", f);
      lp_html_sentence(f, json_string_value(sentence));
      fputs("</p>\n", f);
    }
    lp_report_html(f, "</div>\n");
  }
  if (!run->analysed)
    lp_report_html(
        f, "<p class=\"warn\">summary.json is missing: run <code>locality analyze DIR</code>, "
           "then <code>locality report DIR</code>.</p>\n");
  lp_reservations(run, f);
  lp_status st = emit(run, "differences", f);
  if (st == LP_OK) lp_verdicts(run, f);
  if (st == LP_OK) lp_worst_cases(run, f);
  return st;
}

/* Of activations made elsewhere nothing is known of training. */
static bool was_trained(const report_run *run) {
  return !run->folder->imported;
}

static lp_status results(const report_run *run, FILE *f) {
  lp_facts_status(run, f);
  lp_table_networks(run, f);
  lp_table_accuracy(run, f);
  lp_table_penalties(run, f);
  lp_table_matched(run, f);
  lp_table_placements(run, f);
  return emit(run, "learning", f);
}

static void no_sites(const report_run *run, FILE *f) {
  if (!run->n_sites)
    lp_report_html(
        f, "<p class=\"note\">The networks record no site (<code>record:</code> of a layer), so "
           "that nothing is known of where their units are active.</p>\n");
}

static lp_status variance(const report_run *run, FILE *f) {
  if (!run->n_sites) {
    no_sites(run, f);
    return LP_OK;
  }
  lp_report_html(
      f, "<p>An activation map is read as a distribution over the sheet; its spatial variance is "
         "the mean squared distance of activity from its centre, corrected for the number of "
         "active units. A smaller variance means activity that lies closer together. The unit of "
         "replication is the trained network.</p>\n");
  lp_table_variance(run, f);
  lp_status st = emit(run, "variance", f);
  if (st == LP_OK) lp_table_nulls(run, f);
  return st;
}

static bool has_steps(const report_run *run) {
  for (uint32_t s = 0; s < run->n_sites; s++)
    if (lp_report_steps(run, s) > 1) return true;
  return false;
}

static lp_status steps(const report_run *run, FILE *f) {
  static const char *const names[] = {"steps_%s"};
  lp_report_html(
      f, "<p>These networks read a sequence, and what their units do is kept after every step. All "
         "other sections show the last one.</p>\n");
  return lp_figures_emit(run, PER_STEPS, names, 1, f);
}

static lp_status per_image(const report_run *run, FILE *f) {
  if (!run->n_sites) {
    no_sites(run, f);
    return LP_OK;
  }
  lp_table_per_image(run, f);
  lp_report_html(f, "<h3>Leaving one class out</h3>\n");
  return emit(run, "leave_one_out", f);
}

static lp_status priors(const report_run *run, FILE *f) {
  static const char *const names[] = {"prior_maps%s", "prior_distance%s", "connections%s"};
  bool any = false;
  for (uint32_t a = 0; a < run->n_arms; a++) any |= run->arms[a].n_priors > 0;
  if (!any) lp_report_html(f, "<p class=\"note\">No arm has a prior.</p>\n");
  return lp_figures_emit(run, PER_PRIOR, names, 3, f);
}

static lp_status class_maps(const report_run *run, FILE *f) {
  static const char *const names[] = {"maps_%s", "maps_%s_centred"};
  no_sites(run, f);
  return lp_figures_emit(run, PER_SITE, names, 2, f);
}

static lp_status order_in_space(const report_run *run, FILE *f) {
  static const char *const names[] = {"distance_%s"};
  no_sites(run, f);
  return lp_figures_emit(run, PER_SITE, names, 1, f);
}

static lp_status selectivity(const report_run *run, FILE *f) {
  static const char *const names[] = {"selectivity_%s", "preference_%s", "nested_%s",
                                      "orientation_%s"};
  no_sites(run, f);
  return lp_figures_emit(run, PER_SITE, names, lp_orientation_any(run) ? 4 : 3, f);
}

static lp_status single_images(const report_run *run, FILE *f) {
  static const char *const names[] = {"images_%s", "images_%s_centred"};
  no_sites(run, f);
  return lp_figures_emit(run, PER_SITE, names, 2, f);
}

/* The analysis' tables in the folder, where it has written them. */
static lp_status tidy_tables(const report_run *run, FILE *f) {
  static const char *const name[] = {LP_RUN_NETWORKS, LP_RUN_IMAGES,   LP_RUN_COMPARISONS,
                                     LP_RUN_NULLS,    LP_RUN_MEASURES, LP_RUN_CURVES,
                                     LP_RUN_PENALTIES};
  uint32_t n = 0;
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    char *path = lp_path_join(run->dir, name[i]);
    if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory for %s", name[i]);
    if (access(path, F_OK) == 0) {
      fputs(n++ ? "," : "<p>A row an observation, to plot and test for yourself:", f);
      lp_report_html(f, " <a href=\"%s\">%s</a>", name[i], name[i]);
    }
    free(path);
  }
  if (n) lp_report_html(f, ".</p>\n");
  return LP_OK;
}

static lp_status measures(const report_run *run, FILE *f) {
  no_sites(run, f);
  lp_table_many(run, f);
  if (run->n_sites) lp_table_measures(run, f);
  return tidy_tables(run, f);
}

static lp_status facts(const report_run *run, FILE *f) {
  lp_facts_run(run, f);
  return LP_OK;
}

static lp_status restyle(const report_run *run, FILE *f) {
  (void)run;
  lp_report_html(
      f, "<p>Every figure is drawn by gnuplot from four files in <code>figures/</code>: "
         "<code>NAME.csv</code> (its numbers), <code>NAME.var</code> (names and sizes), "
         "<code>NAME.gp</code> (the script; <code>style.gp</code> holds fonts and colours of all "
         "of them) and <code>NAME.svg</code> (the picture). Edit a <code>.gp</code> file, then run"
         "</p>\n<pre><code>locality report DIR</code></pre>\n"
         "<p>The page and the pictures are made again. An edited script is kept: its first line "
         "holds a hash of the rest, and a script that no longer fits its hash is never "
         "overwritten. Delete it to get the original back. To draw one picture alone: "
         "<code>cd DIR/figures &amp;&amp; gnuplot NAME.gp &gt; NAME.svg</code>. A gnuplot script "
         "can run programs: look at the edited scripts of a folder that came from someone else "
         "before you run the command on it.</p>\n");
  return LP_OK;
}

static const struct {
  const char *id, *title;
  lp_status (*write)(const report_run *run, FILE *f);
  bool (*wanted)(const report_run *run); /* NULL: always */
} sections[] = {
    {"answer", "What was found", answer, NULL},
    {"shows", "What this shows and does not show", lp_shows_section, NULL},
    {"sweep", "The sweep", lp_sweep_section, lp_sweep_any},
    {"results", "Accuracy and loss", results, was_trained},
    {"spatial-variance", "Spatial variance", variance, NULL},
    {"steps", "Step by step", steps, has_steps},
    {"per-image", "The per-image test", per_image, NULL},
    {"measures", "All measures", measures, NULL},
    {"order", "Order in space", order_in_space, NULL},
    {"wiring", "Wiring", lp_wiring_section, lp_wiring_any},
    {"selectivity", "Selectivity and nestedness", selectivity, NULL},
    {"film", "Film of the training", lp_film_section, lp_film_any},
    {"priors", "The prior", priors, was_trained},
    {"pruning", "Pruning", lp_prune_section, lp_prune_any},
    {"class-maps", "Class maps", class_maps, NULL},
    {"single-images", "Single images", single_images, NULL},
    {"methods", "Methods", lp_methods_section, NULL},
    {"facts", "How it was run", facts, NULL},
    {"restyle", "Changing the figures", restyle, NULL},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static bool is_wanted(const report_run *run, int k) {
  return !sections[k].wanted || sections[k].wanted(run);
}

/* ---- the page ------------------------------------------------------------------------------- */

/* The sheet of all sites, or that of each; the reference's, where arms have others. */
static void page_sheets(const report_run *run, FILE *f) {
  uint32_t rows, cols, listed = 0, reference = lp_report_arm_index(run, run->reference);
  if (lp_report_one_sheet(run, &rows, &cols)) {
    if (rows) lp_report_html(f, " \xc2\xb7 sheet %u \xc3\x97 %u", rows, cols);
    return;
  }
  for (uint32_t s = 0; s < run->n_sites; s++) {
    const lp_run_site *sheet = lp_report_sheet(run, reference, s);
    if (sheet->units)
      lp_report_html(f, "%s%s %u \xc3\x97 %u", listed++ ? ", " : " \xc2\xb7 sheets ", run->sites[s],
                     sheet->rows, sheet->cols);
  }
}

static void page_head(const report_run *run, FILE *f) {
  const char *title = *run->title ? run->title : "Locality report";
  fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
        "<meta charset=\"utf-8\" />\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; img-src data:",
        f);
  if (lp_film_any(run)) lp_film_policy(f);
  fputs("\" />\n", f);
  lp_report_html(f, "<title>%s</title>\n", title);
  fprintf(f, "<style>\n%s</style>\n</head>\n<body>\n", lp_report_asset_find("page.css"));
  lp_report_html(f, "<header>\n<h1>%s</h1>\n", title);
  const json_t *m = run->manifest, *data = lp_jobj(m, "data");
  lp_report_html(f, "<p class=\"sub\">%s %s", lp_jstr(m, "program"), lp_jstr(m, "version"));
  if (*lp_jstr(m, "model")) lp_report_html(f, " \xc2\xb7 %s", lp_jstr(m, "model"));
  if (*lp_jstr(data, "name")) lp_report_html(f, " on %s", lp_jstr(data, "name"));
  lp_report_html(f, " \xc2\xb7 %u arms \xc3\x97 %u seeds", run->n_arms, run->n_seeds);
  page_sheets(run, f);
  if (*lp_jstr(m, "created")) lp_report_html(f, " \xc2\xb7 %s", lp_jstr(m, "created"));
  lp_report_html(f, "</p>\n");
  lp_facts_data_warnings(run, f);
  lp_report_html(f, "<nav aria-label=\"Contents\"><ul>\n");
  for (int k = 0; k < SECTIONS; k++)
    if (is_wanted(run, k))
      lp_report_html(f, "<li><a href=\"#%s\">%s</a></li>\n", sections[k].id, sections[k].title);
  lp_report_html(f, "</ul></nav>\n</header>\n<main>\n");
  gnuplot_note(run, f);
}

static lp_status page(const report_run *run, FILE *f) {
  page_head(run, f);
  for (int k = 0; k < SECTIONS; k++) {
    if (!is_wanted(run, k)) continue;
    lp_report_html(f, "<section id=\"%s\">\n<h2>%s</h2>\n", sections[k].id, sections[k].title);
    lp_status st = sections[k].write(run, f);
    if (st != LP_OK) return st;
    lp_report_html(f, "</section>\n");
  }
  lp_report_html(
      f,
      "</main>\n<footer><p>Made by %s %s from manifest.json, metrics.jsonl, summary.json and "
      "activations/ of this folder.</p></footer>\n</body>\n</html>\n",
      "locality", LP_VERSION);
  return LP_OK;
}

static lp_status write_page(const report_run *run) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status st = page(run, f);
  bool full = ferror(f) != 0;
  full |= fclose(f) != 0;
  if (st == LP_OK && full) st = lp_fail(LP_ERR_MEMORY, "out of memory");
  char *path = lp_path_join(run->dir, "report.html");
  if (st == LP_OK)
    st = path ? lp_write_file(path, text, n) : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(path);
  free(text);
  return st;
}

lp_status lp_report_write(const char *dir) {
  return lp_report_write_with(dir, &(lp_report_options){0});
}

lp_status lp_report_write_with(const char *dir, const lp_report_options *options) {
  LP_POINT_NUMBERS;
  report_run run;
  report_print print;
  lp_status st = lp_print_read(options->figures, options->width, &print);
  if (st == LP_OK) st = lp_print_check(&print);
  if (st != LP_OK) return st;
  st = lp_report_run_load(dir, &run);
  run.print = print;
  if (st == LP_OK) st = lp_maps_load(&run);
  if (st == LP_OK) st = lp_figures_begin(&run);
  if (st == LP_OK) st = write_page(&run);
  lp_report_run_free(&run);
  return st == LP_OK ? st : lp_fail_in(st, "report of %s", dir);
}
