/* priors.c: data of the figures that show the prior itself: maps, P over distance, connections. */
#include "report/report_internal.h"

#include <locality/prior.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- from a layer's spec to a prior --------------------------------------------------------- */

/* LP_ERR_NOT_FOUND: this layer has no prior. topology: instead of the layer's own, or NULL. A prior
 * that each network draws for itself is shown as the first one drew it. */
static lp_status prior_of(const report_run *run, uint32_t arm, const char *topology, uint32_t rows,
                          uint32_t cols, lp_prior **out) {
  return lp_prior_of_layer(run->arms[arm].layer, (const uint32_t[2]){rows, cols}, topology,
                           run->n_seeds ? run->seeds[0] : 0, out);
}

/* The priors of all arms; NULL for an arm without. Returns how many there are. */
static uint32_t all_priors(const report_run *run, lp_prior **p) {
  uint32_t n = 0;
  for (uint32_t a = 0; a < run->n_arms; a++) {
    p[a] = NULL;
    if (prior_of(run, a, NULL, run->rows, run->cols, &p[a]) == LP_OK)
      n++;
    else
      lp_log(LP_LOG_DEBUG, "arm %s: %s", run->arms[a].name, lp_error_message());
  }
  return n;
}

static void free_priors(const report_run *run, lp_prior **p) {
  for (uint32_t a = 0; p && a < run->n_arms; a++)
    if (p[a]) lp_prior_free(p[a]);
  free(p);
}

static lp_status need_sheet(const report_run *run) {
  if (!run->rows) return lp_fail(LP_ERR_NOT_FOUND, "manifest.json gives no sheet");
  return LP_OK;
}

static uint32_t centre_unit(const report_run *run) {
  return run->rows / 2 * run->cols + run->cols / 2;
}

/* ---- maps ----------------------------------------------------------------------------------- */

lp_status prior_maps_write(const report_run *run, int arg, figure_out *out) {
  (void)arg;
  lp_status st = need_sheet(run);
  if (st != LP_OK) return st;
  lp_prior **p = calloc(run->n_arms, sizeof *p);
  const char **across = calloc(run->n_arms, sizeof *across);
  uint32_t units = run->rows * run->cols, n = 0;
  double *tile = malloc(units * sizeof *tile);
  tile_set t = {.rows = run->rows,
                .cols = run->cols,
                .n_down = 2,
                .scale = "prior P",
                .low = INFINITY,
                .high = -INFINITY};
  if (!p || !across || !tile) {
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else if (all_priors(run, p) == 0) {
    st = lp_fail(LP_ERR_NOT_FOUND, "no arm has a prior");
  } else {
    const uint32_t unit[2] = {centre_unit(run), 0};
    static const char *const down[2] = {"centre unit", "corner unit"};
    for (uint32_t a = 0; a < run->n_arms; a++)
      if (p[a]) across[n++] = run->arms[a].name;
    for (int k = 0; k < 2; k++) {
      for (uint32_t a = 0; a < run->n_arms; a++) {
        if (!p[a]) continue;
        for (uint32_t j = 0; j < units; j++) {
          tile[j] = lp_prior_at(p[a], unit[k], j);
          t.low = fmin(t.low, tile[j]);
          t.high = fmax(t.high, tile[j]);
        }
        char what[160];
        snprintf(what, sizeof what, "%s, arm %.100s", down[k], run->arms[a].name);
        tile_csv(out->csv, what, tile, run->rows, run->cols);
      }
    }
    t.n_across = n;
    t.down = down;
    t.across = across;
    t.diverging = t.low < 0;
    t.log_scale = t.low > 0 && t.high > 20 * t.low;
    if (t.diverging)
      t.high = fmax(t.high, -t.low), t.low = -t.high;
    else if (!t.log_scale)
      t.low = 0;
    tiles_var(out->var, &t);
    html(
        out->caption,
        "Signal P that the unit receives from each unit of the input sheet (%u \xc3\x97 %u units), "
        "for the unit in the middle (row %u, column %u, counted from 0) and the one in the corner. "
        "One%s colour scale for all arms%s.",
        run->rows, run->cols, unit[0] / run->cols, unit[0] % run->cols,
        t.log_scale ? " logarithmic" : "",
        t.diverging ? ", symmetric about zero because a prior is signed" : "");
  }
  free(tile);
  free(across);
  free_priors(run, p);
  return st;
}

/* ---- P over distance ------------------------------------------------------------------------ */

typedef struct pair {
  double d, p;
} pair;

static int by_distance(const void *a, const void *b) {
  const pair *x = a, *y = b;
  if (x->d != y->d) return x->d < y->d ? -1 : 1;
  return (x->p > y->p) - (x->p < y->p);
}

static void distance_block(const lp_prior *p, uint32_t unit, uint32_t arm, const char *name,
                           pair *v, uint32_t n, FILE *f) {
  for (uint32_t j = 0; j < n; j++)
    v[j] = (pair){lp_prior_distance(p, unit, j), lp_prior_at(p, unit, j)};
  qsort(v, n, sizeof *v, by_distance);
  for (uint32_t j = 0; j < n; j++) {
    if (j && fabs(v[j].d - v[j - 1].d) < 1e-9 && fabs(v[j].p - v[j - 1].p) < 1e-12) continue;
    fprintf(f, "%u,", arm + 1);
    csv_text(f, name);
    fprintf(f, ",%.6g,%.6g\n", v[j].d, v[j].p);
  }
}

lp_status prior_distance_write(const report_run *run, int arg, figure_out *out) {
  (void)arg;
  lp_status st = need_sheet(run);
  if (st != LP_OK) return st;
  uint32_t units = run->rows * run->cols, n = 0;
  lp_prior **p = calloc(run->n_arms, sizeof *p);
  bool *shown = calloc(run->n_arms, sizeof *shown);
  pair *v = malloc(units * sizeof *v);
  if (!p || !v || !shown) {
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else if (all_priors(run, p) == 0) {
    st = lp_fail(LP_ERR_NOT_FOUND, "no arm has a prior");
  } else {
    fputs("# arm number,arm,distance (unit spacings),P\n", out->csv);
    for (uint32_t a = 0; a < run->n_arms; a++) {
      if (!p[a]) continue;
      if (n) fputs("\n\n", out->csv);
      n++;
      shown[a] = true;
      distance_block(p[a], centre_unit(run), a, run->arms[a].name, v, units, out->csv);
    }
    gp_arms(out->var, run);
    gp_numbers(out->var, "shown", shown, run->n_arms);
    fprintf(out->var, "many = %d\n", units > 400);
    html(out->caption, "Signal P over the distance between units, in unit spacings, from the unit "
                       "in the middle of the sheet to every other; equal pairs are drawn once. A "
                       "permuted prior has the same values at other distances.");
  }
  free(v);
  free(shown);
  free_priors(run, p);
  return st;
}

/* ---- connections ---------------------------------------------------------------------------- */

enum { ROW = 7 };

typedef struct wire {
  uint32_t panel, from, to;
  double distance, p, cost;
} wire;

/* Costly wires last, so that they lie on top. */
static int by_cost(const void *a, const void *b) {
  const wire *x = a, *y = b;
  if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return (x->to > y->to) - (x->to < y->to);
}

static void wires_of(const lp_prior *p, figure_out *out) {
  wire w[ROW * ROW + ROW];
  size_t n = 0;
  double low = INFINITY, high = 0;
  for (uint32_t panel = 0; panel < 2; panel++) {
    for (uint32_t j = 0; j < ROW; j++) {
      if (panel == 1 && j != ROW / 2) continue;
      for (uint32_t i = 0; i < ROW; i++) {
        double v = lp_prior_at(p, i, j);
        if (v == 0) continue; /* no connection: its cost is infinite */
        w[n] = (wire){panel, j, i, lp_prior_distance(p, i, j), v, 1 / fabs(v)};
        low = fmin(low, w[n].cost);
        high = fmax(high, w[n].cost);
        n++;
      }
    }
  }
  qsort(w, n, sizeof *w, by_cost);
  fputs("# panel,from unit,to unit,distance,P,cost (1/|P|)\n", out->csv);
  for (size_t i = 0; i < n; i++)
    fprintf(out->csv, "%u,%u,%u,%.6g,%.6g,%.6g\n", w[i].panel, w[i].from, w[i].to, w[i].distance,
            w[i].p, w[i].cost);
  if (!(high > low)) high = low + 1;
  fprintf(out->var, "units = %d\ncost_low = %.6g\ncost_high = %.6g\nlog_cost = %d\n", ROW, low,
          high, high > 100 * low);
}

lp_status wires_write(const report_run *run, int arg, figure_out *out) {
  (void)arg;
  lp_prior *p = NULL;
  for (uint32_t a = 0; a < run->n_arms && !p; a++) { /* the first that has a prior */
    if (prior_of(run, a, "line", 1, ROW, &p) != LP_OK) continue;
    wires_of(p, out);
    html(out->caption,
         "The wiring cost of arm %s on a line of %d units: every input unit (top) is connected to "
         "every output unit (bottom), and a wire is drawn darker the more expensive it is (cost = "
         "1 / P). Left: all connections; right: those from the middle unit.",
         run->arms[a].name, ROW);
    lp_prior_free(p);
  }
  if (!p) return lp_fail(LP_ERR_NOT_FOUND, "no arm has a prior");
  return LP_OK;
}
