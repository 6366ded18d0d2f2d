/* sweep.c: what a sweep's networks show, its table, and the part of the page about it. */
#include "report/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values --------------------------------------------------------------------------------- */

static const char *headline(const report_run *run) {
  const lp_run_folder *r = run->folder;
  return r->headline < r->n_sites ? r->site_name[r->headline] : "no site";
}

static double of_network(const report_run *run, const json_t *network, sweep_outcome which) {
  const json_t *site = lp_jobj(lp_jobj(network, "sites"), headline(run));
  switch (which) {
  case SWEEP_FRACTION:
    return lp_jnum(site, "variance") / lp_jnum(lp_jobj(site, "chance"), "variance");
  case SWEEP_MORAN:
    return lp_jnum(site, "moran_i");
  case SWEEP_ACCURACY:
    return lp_jnum(network, "accuracy");
  case SWEEP_OUTCOMES:
    break;
  }
  return NAN;
}

shorttext lp_sweep_title(const report_run *run, sweep_outcome which) {
  static const char *const text[] = {"V at %.40s, of its uniform value",
                                     "Moran\xe2\x80\x99s I at %.40s", "test accuracy, %%"};
  shorttext t;
  snprintf(t.s, sizeof t.s, text[which], headline(run));
  return t;
}

uint32_t lp_sweep_values(const report_run *run, uint32_t arm, sweep_outcome which, double *value,
                         uint64_t *seed) {
  uint32_t n = 0;
  size_t i;
  json_t *network;
  json_array_foreach(lp_jobj(lp_jobj(lp_jobj(run->summary, "arms"), run->arms[arm].name), "runs"),
                     i, network) {
    const double v = of_network(run, network, which);
    if (n == run->n_seeds || strcmp(lp_jstr(network, "status"), "complete") != 0 || !isfinite(v))
      continue;
    if (seed) seed[n] = lp_jseed(network);
    value[n++] = v;
  }
  return n;
}

/* ---- axes ----------------------------------------------------------------------------------- */

/* "0.001" is itself, a sheet "5x5" its number of units. NaN: neither. */
static double number_of(const char *text) {
  double product = 1;
  for (const char *p = text;; p++) {
    char *end;
    const double v = strtod(p, &end);
    if (end == p || (*end && *end != 'x') || !isfinite(v)) return NAN;
    product *= v;
    if (!*end) return product;
    p = end;
  }
}

bool lp_sweep_numbers(const lp_run_axis *axis, double *out) {
  for (uint32_t i = 0; i < axis->n_values; i++) {
    out[i] = number_of(axis->value[i]);
    if (isnan(out[i])) return false;
  }
  return axis->n_values > 1;
}

uint32_t lp_sweep_numeric_axis(const report_run *run, uint32_t k) {
  const lp_run_folder *r = run->folder;
  for (uint32_t i = 0; i < r->n_axes; i++) {
    double *x = calloc(r->axis[i].n_values, sizeof *x);
    const bool numeric = x && lp_sweep_numbers(&r->axis[i], x);
    free(x);
    if (numeric && k-- == 0) return i;
  }
  return r->n_axes;
}

void lp_sweep_label(const report_run *run, uint32_t arm, uint32_t but, char *out, size_t cap) {
  const report_arm *a = &run->arms[arm];
  snprintf(out, cap, "%s", a->base);
  for (uint32_t i = 0; i < run->folder->n_axes; i++)
    if (i != but && a->cell[i] >= 0)
      lp_text_add(out, cap, ", %s %s", run->folder->axis[i].label,
                  run->folder->axis[i].value[a->cell[i]]);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void moments_cell(FILE *f, const double *x, uint32_t n, int decimals) {
  double sum = 0, squares = 0;
  for (uint32_t i = 0; i < n; i++) sum += x[i];
  for (uint32_t i = 0; i < n; i++) squares += (x[i] - sum / n) * (x[i] - sum / n);
  lp_html_cell(f, lp_mean_sd(n ? sum / n : NAN, n > 1 ? sqrt(squares / (n - 1)) : NAN, decimals).s,
               NULL);
}

static void cell_row(const report_run *run, FILE *f, uint32_t arm, double *value) {
  static const int decimals[SWEEP_OUTCOMES] = {3, 3, 2};
  const lp_run_folder *r = run->folder;
  const report_arm *a = &run->arms[arm];
  lp_report_html(f, "<tr><th scope=\"row\">%s%s</th>", a->base,
                 a->reference == arm ? " (reference)" : "");
  for (uint32_t i = 0; i < r->n_axes; i++)
    lp_report_html(f, "<td class=\"text\">%s</td>",
                   a->cell[i] >= 0 ? r->axis[i].value[a->cell[i]] : "\xe2\x80\x93");
  lp_html_cell(f, lp_report_num(lp_sweep_values(run, arm, SWEEP_ACCURACY, value, NULL), 0).s, NULL);
  for (int k = 0; k < SWEEP_OUTCOMES; k++) {
    const uint32_t n = lp_sweep_values(run, arm, (sweep_outcome)k, value, NULL);
    moments_cell(f, value, n, decimals[k]);
  }
  lp_report_html(f, "</tr>\n");
}

static lp_status table(const report_run *run, FILE *f) {
  const lp_run_folder *r = run->folder;
  double *value = calloc(run->n_seeds, sizeof *value);
  if (!value) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_open_table(f, "Cells of the sweep: mean \xc2\xb1 sd over networks");
  lp_report_html(f, "<thead><tr><th scope=\"col\">Arm</th>");
  for (uint32_t i = 0; i < r->n_axes; i++)
    lp_report_html(f, "<th scope=\"col\" class=\"text\">%s</th>", r->axis[i].key);
  lp_report_html(f, "<th scope=\"col\">Networks</th>");
  for (int k = 0; k < SWEEP_OUTCOMES; k++)
    lp_report_html(f, "<th scope=\"col\">%s</th>", lp_sweep_title(run, (sweep_outcome)k).s);
  lp_report_html(f, "</tr></thead>\n<tbody>\n");
  for (uint32_t i = 0; i < run->n_arms; i++) cell_row(run, f, i, value);
  lp_close_table(f);
  free(value);
  return LP_OK;
}

/* ---- the section ---------------------------------------------------------------------------- */

bool lp_sweep_any(const report_run *run) {
  return run->folder->n_axes > 0;
}

/* Arms, once each, that an axis passes over. */
static void uncrossed(const report_run *run, FILE *f) {
  const lp_run_folder *r = run->folder;
  uint32_t listed = 0;
  for (uint32_t k = 0; k < run->n_arms; k++) {
    const report_arm *a = &run->arms[k];
    if (k && strcmp(run->arms[k - 1].base, a->base) == 0) continue;
    for (uint32_t i = 0; i < r->n_axes; i++) {
      if (a->cell[i] >= 0) continue;
      lp_report_html(
          f, listed++ ? ", %s with <code>%s</code>" : " Not crossed: %s with <code>%s</code>",
          a->base, r->axis[i].key);
    }
  }
  if (listed) lp_report_html(f, " (the arm sets the key itself, or has no such thing).");
}

lp_status lp_sweep_section(const report_run *run, FILE *f) {
  static const char *const lines[SWEEP_LINES] = {"sweep_lines_1", "sweep_lines_2", "sweep_lines_3"};
  const lp_run_folder *r = run->folder;
  lp_report_html(f, "<p>The arms were crossed with ");
  for (uint32_t i = 0; i < r->n_axes; i++)
    lp_report_html(f, "%s<code>%s</code> (%u values)",
                   i == 0               ? ""
                   : i + 1 == r->n_axes ? " and "
                                        : ", ",
                   r->axis[i].key, r->axis[i].n_values);
  lp_report_html(f, ", which made %u cells.", run->n_arms);
  uncrossed(run, f);
  lp_report_html(f, " <a href=\"" LP_RUN_SWEEP "\">" LP_RUN_SWEEP
                    "</a> has a row a network, with every "
                    "measure.</p>\n");
  lp_status st = LP_OK;
  for (uint32_t k = 0; k < SWEEP_LINES && st == LP_OK; k++)
    if (lp_sweep_numeric_axis(run, k) < r->n_axes)
      st = lp_figures_emit(run, PER_RUN, &lines[k], 1, f);
  static const char *const map[] = {"sweep_map"};
  if (st == LP_OK && r->n_axes > 1) st = lp_figures_emit(run, PER_RUN, map, 1, f);
  return st == LP_OK ? table(run, f) : st;
}
