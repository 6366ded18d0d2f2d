/* sweep_map.c: data of the heat map over two axes: a column a value of the one, a row an arm with a
 * value of the other, means over all their networks. */
#include "report/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DOWN = 60, MOST_ACROSS = 30, LABEL = 200 };

/* One row: the arm `base` with value `value` of the axis `down` (-1: it has none). */
typedef struct map_row {
  const char *base;
  int32_t value;
  char label[LABEL];
} map_row;

typedef struct map {
  const report_run *run;
  uint32_t down, across; /* axes */
  map_row row[MOST_DOWN];
  uint32_t n_rows;
  double *y; /* n_seeds */
} map;

/* Columns are numbers, where there are such: the last axis of numbers, else the last one. */
static void choose_axes(map *m) {
  const lp_run_folder *r = m->run->folder;
  m->across = r->n_axes - 1;
  for (uint32_t k = 0, a; (a = lp_sweep_numeric_axis(m->run, k)) < r->n_axes; k++) m->across = a;
  m->down = m->across == 0 ? 1 : 0;
}

static bool find_rows(map *m) {
  const lp_run_folder *r = m->run->folder;
  for (uint32_t i = 0; i < m->run->n_arms; i++) {
    const report_arm *a = &m->run->arms[i];
    uint32_t k = 0;
    if (a->cell[m->across] < 0) continue;
    while (k < m->n_rows &&
           (strcmp(m->row[k].base, a->base) != 0 || m->row[k].value != a->cell[m->down]))
      k++;
    if (k < m->n_rows) continue;
    if (m->n_rows == MOST_DOWN) return false;
    map_row *row = &m->row[m->n_rows++];
    *row = (map_row){.base = a->base, .value = a->cell[m->down]};
    snprintf(row->label, sizeof row->label, "%s", a->base);
    if (row->value >= 0)
      lp_text_add(row->label, sizeof row->label, ", %s %s", r->axis[m->down].label,
                  r->axis[m->down].value[row->value]);
  }
  return true;
}

/* The mean over the networks of all cells there, whatever their values on further axes. */
static double mean_at(const map *m, const map_row *row, int32_t column, int outcome) {
  double sum = 0, n = 0;
  for (uint32_t i = 0; i < m->run->n_arms; i++) {
    const report_arm *a = &m->run->arms[i];
    if (strcmp(a->base, row->base) != 0 || a->cell[m->down] != row->value ||
        a->cell[m->across] != column)
      continue;
    const uint32_t k = lp_sweep_values(m->run, i, (sweep_outcome)outcome, m->y, NULL);
    for (uint32_t j = 0; j < k; j++) sum += m->y[j], n++;
  }
  return n > 0 ? sum / n : NAN;
}

/* Returns how many means there are; low and high of each panel. */
static uint32_t write_means(const map *m, FILE *f, double low[], double high[]) {
  static const int decimals[SWEEP_OUTCOMES] = {3, 3, 1};
  const lp_run_axis *across = &m->run->folder->axis[m->across];
  uint32_t n = 0;
  fputs("# panel,row,row number,value,column number,mean,text\n", f);
  for (int p = 0; p < SWEEP_OUTCOMES; p++) {
    low[p] = INFINITY, high[p] = -INFINITY;
    for (uint32_t i = 0; i < m->n_rows; i++)
      for (uint32_t k = 0; k < across->n_values; k++) {
        const double y = mean_at(m, &m->row[i], (int32_t)k, p);
        if (isnan(y)) continue;
        low[p] = fmin(low[p], y), high[p] = fmax(high[p], y);
        fprintf(f, "%d,", p + 1);
        lp_csv_text(f, m->row[i].label);
        fprintf(f, ",%u,", i + 1);
        lp_csv_text(f, across->value[k]);
        fprintf(f, ",%u,", k + 1);
        lp_csv_num(f, y);
        fputc(',', f);
        lp_csv_text(f, lp_report_num(y, decimals[p]).s);
        fputc('\n', f);
        n++;
      }
  }
  return n;
}

static void write_var(const map *m, FILE *f, const double low[], const double high[]) {
  const lp_run_axis *across = &m->run->folder->axis[m->across];
  const char *label[MOST_DOWN], *title[SWEEP_OUTCOMES];
  shorttext titles[SWEEP_OUTCOMES];
  for (uint32_t i = 0; i < m->n_rows; i++) label[i] = m->row[i].label;
  for (int p = 0; p < SWEEP_OUTCOMES; p++) {
    titles[p] = lp_sweep_title(m->run, (sweep_outcome)p);
    title[p] = titles[p].s;
  }
  fprintf(f, "n_panel = %d\nn_down = %u\nn_across = %u\n", SWEEP_OUTCOMES, m->n_rows,
          across->n_values);
  lp_gp_array(f, "panel", title, SWEEP_OUTCOMES, 44);
  lp_gp_array(f, "down", label, m->n_rows, 36);
  lp_gp_array(f, "across", across->value, across->n_values, 10);
  fputs("across_key = ", f);
  lp_gp_string(f, across->key);
  for (int k = 0; k < 2; k++) {
    fprintf(f, "\narray %s[%d] = [", k ? "high" : "low", SWEEP_OUTCOMES);
    for (int p = 0; p < SWEEP_OUTCOMES; p++) {
      const double v = k ? high[p] : low[p];
      if (p) fputs(", ", f);
      lp_csv_num(f, isfinite(v) ? v : k);
    }
    fputc(']', f);
  }
  fputc('\n', f);
}

static lp_status draw(map *m, figure_out *out) {
  const lp_run_folder *r = m->run->folder;
  double low[SWEEP_OUTCOMES], high[SWEEP_OUTCOMES];
  choose_axes(m);
  if (!find_rows(m) || r->axis[m->across].n_values > MOST_ACROSS)
    return lp_fail(LP_ERR_NOT_FOUND, "it would have more than %d rows or %d columns", MOST_DOWN,
                   MOST_ACROSS);
  if (!write_means(m, out->csv, low, high))
    return lp_fail(LP_ERR_NOT_FOUND,
                   m->run->analysed ? "no network is complete" : "summary.json is missing");
  write_var(m, out->var, low, high);
  lp_report_html(
      out->caption,
      "Means over networks, by <code>%s</code> (columns) and by arm and <code>%s</code> (rows). "
      "Each map has its own scale, dark: its lowest, bright: its highest value.",
      r->axis[m->across].key, r->axis[m->down].key);
  if (r->n_axes > 2) lp_report_html(out->caption, " Over the other keys the means are taken, too.");
  for (uint32_t i = 0; i < m->run->n_arms; i++)
    if (m->run->arms[i].cell[m->across] < 0) {
      lp_report_html(out->caption, " Arms that <code>%s</code> does not change are left out.",
                     r->axis[m->across].key);
      break;
    }
  return LP_OK;
}

lp_status lp_sweep_map_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)of;
  (void)arg;
  map *m = calloc(1, sizeof *m);
  double *y = calloc(run->n_seeds, sizeof *y);
  lp_status st = LP_OK;
  if (!m || !y)
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  else if (run->folder->n_axes < 2)
    st = lp_fail(LP_ERR_NOT_FOUND, "the sweep has one axis");
  if (st == LP_OK) {
    m->run = run;
    m->y = y;
    st = draw(m, out);
  }
  free(m);
  free(y);
  return st;
}
