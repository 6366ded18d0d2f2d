/* figures.c: the table of figures and the files of each: NAME.csv, NAME.var, NAME.gp, NAME.svg.
 *
 * A script (.gp) starts with a line that holds the hash of its other lines. Where the two agree the
 * script is ours and is replaced by today's; where they do not, someone restyled it and it stays.
 */
#include "report/report_internal.h"

#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const figure figures[] = {
    {"differences", "differences.gp", "Differences from the reference", PER_RUN,
     lp_differences_write, 0, false},
    {"sweep_lines_1", "sweep_lines.gp", "The sweep, over an axis of numbers", PER_RUN,
     lp_sweep_lines_write, 0, false},
    {"sweep_lines_2", "sweep_lines.gp", "The sweep, over another axis of numbers", PER_RUN,
     lp_sweep_lines_write, 1, false},
    {"sweep_lines_3", "sweep_lines.gp", "The sweep, over a third axis of numbers", PER_RUN,
     lp_sweep_lines_write, 2, false},
    {"sweep_map", "sweep_map.gp", "The sweep, over two axes", PER_RUN, lp_sweep_map_write, 0,
     false},
    {"learning", "learning.gp", "Learning curves", PER_RUN, lp_curves_write, 0, false},
    {"pruning", "pruning.gp", "Accuracy of pruned networks", PER_RUN, lp_prune_figure, 0, false},
    {"variance", "variance.gp", "Spatial variance of every network", PER_RUN, lp_strip_write, 0,
     false},
    {"steps_%s", "steps.gp", "V and Moran’s I by step at %s", PER_STEPS, lp_steps_write, 0, false},
    {"leave_one_out", "leave_one_out.gp", "Per-image test with one class left out", PER_RUN,
     lp_leave_one_out_write, 0, false},
    {"prior_maps%s", "maps.gp", "The prior of a central and of a corner unit%s", PER_PRIOR,
     lp_prior_maps_write, 0, false},
    {"prior_distance%s", "prior_distance.gp", "The prior as a function of distance%s", PER_PRIOR,
     lp_prior_distance_write, 0, false},
    {"connections%s", "connections.gp", "Connections between two rows of seven units%s", PER_PRIOR,
     lp_wires_write, 0, true},
    {"distance_%s", "distance.gp", "Correlation over distance at %s", PER_SITE, lp_distance_write,
     0, false},
    {"wiring_%s", "wiring.gp", "Wiring and degree at %s", PER_SITE, lp_wiring_write, 0, false},
    {"selectivity_%s", "maps.gp", "Selectivity and patches at %s", PER_SITE, lp_selectivity_write,
     0, false},
    {"preference_%s", "preference.gp", "Preferred classes at %s", PER_SITE, lp_preference_write, 0,
     true},
    {"nested_%s", "nested.gp", "Nestedness at %s", PER_SITE, lp_nested_write, 0, true},
    {"orientation_%s", "orientation.gp", "Preferred orientations and pinwheels at %s", PER_SITE,
     lp_orientation_write, 0, true},
    {"maps_%s", "maps.gp", "Class maps at %s", PER_SITE, lp_maps_write, 0, false},
    {"maps_%s_centred", "maps.gp", "Mean-subtracted class maps at %s", PER_SITE, lp_maps_write, 1,
     false},
    {"images_%s", "maps.gp", "Single images at %s", PER_SITE, lp_maps_write, 2, false},
    {"images_%s_centred", "maps.gp", "Mean-subtracted single images at %s", PER_SITE, lp_maps_write,
     3, false},
};

/* A figure of a subject: its row with the names filled in. */
typedef struct drawing {
  const figure *row;
  const subject *of;
  char name[240], title[320];
} drawing;

/* "%s" is the subject's part. */
static void fill_in(char *out, size_t cap, const char *pattern, const char *part) {
  const char *at = strstr(pattern, "%s");
  snprintf(out, cap, "%.*s%s%s", (int)(at ? at - pattern : (long)strlen(pattern)), pattern,
           at ? part : "", at ? at + 2 : "");
}

/* ---- scripts -------------------------------------------------------------------------------- */

static const char hash_line[] = "# locality ";

static lp_status template_text(const drawing *fig, char **out) {
  const char *t = lp_report_asset_find(fig->row->template);
  size_t n = 0;
  FILE *f = open_memstream(out, &n);
  if (!f) return lp_fail(LP_ERR_MEMORY, "out of memory");
  while (t && *t) {
    if (strncmp(t, "@NAME@", 6) == 0) {
      fputs(fig->name, f);
      t += 6;
    } else {
      fputc(*t++, f);
    }
  }
  if (fclose(f) != 0) return lp_fail(LP_ERR_MEMORY, "out of memory");
  return LP_OK;
}

/* Is the script at path one that a person changed? */
static bool edited(const char *path) {
  void *data = NULL;
  size_t n = 0;
  if (access(path, F_OK) != 0 || lp_read_file(path, &data, &n) != LP_OK) return false;
  const char *text = data, *rest = strchr(text, '\n');
  char hex[65];
  bool ours = rest && strncmp(text, hash_line, strlen(hash_line)) == 0 &&
              lp_sha256(rest + 1, strlen(rest + 1), hex) == LP_OK &&
              strncmp(text + strlen(hash_line), hex, 64) == 0;
  free(data);
  return !ours;
}

/* Writes figures/FILE unless it was edited; *kept says that it was. */
static lp_status write_script(const char *folder, const char *file, const char *text, bool *kept) {
  char *path = lp_path_join(folder, file), *whole = NULL, hex[65];
  *kept = path && edited(path);
  lp_status st = LP_OK;
  if (!path) {
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else if (*kept) {
    lp_log(LP_LOG_INFO, "%s was edited: it is kept and used", path);
  } else if ((st = lp_sha256(text, strlen(text), hex)) == LP_OK) {
    if (asprintf(&whole, "%s%s (a changed file is kept)\n%s", hash_line, hex, text) < 0) {
      whole = NULL;
      st = lp_fail(LP_ERR_MEMORY, "out of memory");
    } else {
      st = lp_write_file(path, whole, strlen(whole));
    }
  }
  free(whole);
  free(path);
  return st;
}

static lp_status write_in(const char *folder, const char *name, const char *ext, const char *text,
                          size_t n) {
  char file[256];
  snprintf(file, sizeof file, "%s.%s", name, ext);
  char *path = lp_path_join(folder, file);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status st = lp_write_file(path, text, n);
  free(path);
  return st;
}

lp_status lp_figures_begin(report_run *run) {
  char *folder = lp_path_join(run->dir, "figures");
  if (!folder) return lp_fail(LP_ERR_MEMORY, "out of memory");
  bool kept;
  lp_status st = lp_make_dirs(folder);
  if (st == LP_OK) st = write_script(folder, "style.gp", lp_report_asset_find("style.gp"), &kept);
  free(folder);
  if (!lp_gnuplot_present()) {
    run->gnuplot_missing = "gnuplot was not found in PATH";
    lp_log(LP_LOG_WARNING, "%s: figures are not drawn (Debian, Ubuntu: apt install gnuplot-nox)",
           run->gnuplot_missing);
  }
  return st;
}

/* ---- one figure ----------------------------------------------------------------------------- */

typedef struct text {
  char *s;
  size_t n;
} text;

static lp_status fill(const report_run *run, const drawing *fig, text *csv, text *var,
                      text *caption) {
  figure_out out = {open_memstream(&csv->s, &csv->n), open_memstream(&var->s, &var->n),
                    open_memstream(&caption->s, &caption->n)};
  lp_status st = LP_OK;
  if (!out.csv || !out.var || !out.caption)
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  else
    st = fig->row->write(run, fig->of, fig->row->arg, &out);
  bool full = false;
  if (out.csv) full |= fclose(out.csv) != 0;
  if (out.var) full |= fclose(out.var) != 0;
  if (out.caption) full |= fclose(out.caption) != 0;
  if (full && st == LP_OK) st = lp_fail(LP_ERR_MEMORY, "out of memory");
  return st;
}

static lp_status draw(const report_run *run, const drawing *fig, const char *folder,
                      const char *caption, FILE *page) {
  char script[256], *svg = NULL, *standalone = NULL;
  size_t n = 0;
  snprintf(script, sizeof script, "%s.gp", fig->name);
  if (run->gnuplot_missing) {
    lp_report_html(page, "<p class=\"note\">Not drawn: %s.</p>\n", run->gnuplot_missing);
    return LP_OK;
  }
  if (lp_gnuplot_run(folder, NULL, script, "<?xml", &svg, &n) != LP_OK) {
    lp_log(LP_LOG_WARNING, "%s", lp_error_message());
    lp_report_html(page, "<p class=\"warn\">Not drawn. %s</p>\n", lp_error_message());
    return LP_OK;
  }
  lp_status st = LP_OK;
  standalone = lp_svg_standalone(svg, fig->title, caption);
  if (standalone)
    st = write_in(folder, fig->name, "svg", standalone, strlen(standalone));
  else
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) {
    lp_report_html(page, "<div class=\"plot%s\">", fig->row->card ? " card" : "");
    lp_svg_inline(page, svg, fig->name, fig->title);
    lp_report_html(page, "</div>\n");
  }
  free(standalone);
  free(svg);
  return st;
}

lp_status lp_figure_emit(const report_run *run, const subject *of, const char *name, FILE *page) {
  drawing own = {.row = figures, .of = of}, *fig = &own;
  while (strcmp(own.row->name, name) != 0) own.row++;
  fill_in(own.name, sizeof own.name, own.row->name, of->key);
  fill_in(own.title, sizeof own.title, own.row->title, of->title);
  name = own.name;
  text csv = {0}, var = {0}, caption = {0};
  char *folder = lp_path_join(run->dir, "figures"), *script = NULL;
  lp_status st =
      folder ? fill(run, fig, &csv, &var, &caption) : lp_fail(LP_ERR_MEMORY, "out of memory");
  bool kept = false;
  if (st == LP_ERR_NOT_FOUND) {
    lp_report_html(page, "<p class=\"note\">No figure \xe2\x80\x9c%s\xe2\x80\x9d: %s.</p>\n",
                   fig->title, lp_error_message());
    st = LP_OK;
    goto done;
  }
  if (st == LP_OK) st = write_in(folder, name, "csv", csv.s, csv.n);
  if (st == LP_OK) st = write_in(folder, name, "var", var.s, var.n);
  if (st == LP_OK) st = template_text(fig, &script);
  char file[256];
  snprintf(file, sizeof file, "%s.gp", name);
  if (st == LP_OK) st = write_script(folder, file, script, &kept);
  if (st != LP_OK) goto done;
  lp_report_html(page, "<figure id=\"%s\">\n", name);
  st = draw(run, fig, folder, caption.s, page);
  lp_report_html(page, "<figcaption id=\"%s-caption\"><strong>%s.</strong> ", name, fig->title);
  fwrite(caption.s, 1, caption.n, page);
  if (kept) lp_report_html(page, " <em>Drawn by an edited figures/%s.gp.</em>", name);
  lp_report_html(page, " <a href=\"figures/%s.csv\">Its numbers (CSV)</a>", name);
  if (!run->gnuplot_missing)
    lp_report_html(page, ", <a href=\"figures/%s.svg\">the picture (SVG)</a>", name);
  if (st == LP_OK) st = lp_print_figure(run, name, fig->title, caption.s, page);
  lp_report_html(page, ".");
  lp_report_html(page, "</figcaption>\n</figure>\n");
done:
  free(script);
  free(folder);
  free(csv.s);
  free(var.s);
  free(caption.s);
  return st;
}

lp_status lp_figures_emit(const report_run *run, figure_per per, const char *const *names, size_t n,
                          FILE *page) {
  uint32_t subjects;
  subject *of = lp_report_subjects(run, per, &subjects);
  lp_status st = of ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t k = 0; k < subjects && st == LP_OK; k++)
    for (size_t i = 0; i < n && st == LP_OK; i++) st = lp_figure_emit(run, &of[k], names[i], page);
  free(of);
  return st;
}
