/* priors.c: data of the figures that show the prior itself: maps, P over distance, connections. */
#include "report/report_internal.h"

#include <locality/prior.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the priors of a layer ------------------------------------------------------------------ */

/* The prior of an arm between the subject's sheets; NULL where it has none. */
static const lp_run_prior *find_prior(const report_run *run, uint32_t arm, const subject *of) {
  const lp_run_arm *own = &run->arms[arm];
  for (uint32_t i = 0; i < own->n_priors; i++) {
    const lp_run_prior *p = &own->prior[i];
    if (strcmp(p->layer, of->layer) == 0 && p->n_out == of->rows * of->cols &&
        p->n_in == of->in_rows * of->in_cols)
      return p;
  }
  return NULL;
}

/* The priors of all arms as they were built; NULL for an arm without. Returns how many there are.
 * A prior that each network draws for itself is shown as the first one drew it. */
static uint32_t all_priors(const report_run *run, const subject *of, lp_prior **p) {
  uint32_t n = 0;
  for (uint32_t a = 0; a < run->n_arms; a++) {
    const lp_run_prior *own = find_prior(run, a, of);
    p[a] = NULL;
    if (!own) continue;
    lp_prior_spec spec = lp_run_prior_spec(own, run->n_seeds ? run->seeds[0] : 0);
    if (lp_prior_build(&spec, &p[a]) == LP_OK)
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

static lp_status no_prior(const subject *of) {
  return lp_fail(LP_ERR_NOT_FOUND, "no arm's prior at layer %s can be built any more", of->layer);
}

static uint32_t centre_unit(const subject *of) {
  return of->rows / 2 * of->cols + of->cols / 2;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void prior_caption(const subject *of, const tile_set *t, FILE *f) {
  const uint32_t unit = centre_unit(of);
  lp_report_html(
      f,
      "Signal P that the unit receives from each unit of the input sheet (%u \xc3\x97 %u units), "
      "for the unit in the middle (row %u, column %u, counted from 0) and the one in the corner",
      of->in_rows, of->in_cols, unit / of->cols, unit % of->cols);
  if (of->rows != of->in_rows || of->cols != of->in_cols)
    lp_report_html(f, " of the output sheet of %u \xc3\x97 %u units", of->rows, of->cols);
  lp_report_html(f, ". One%s colour scale for all arms%s.", t->log_scale ? " logarithmic" : "",
                 t->diverging ? ", symmetric about zero because a prior is signed" : "");
}

/* A row of tiles for the middle and one for the corner; across: room for all arms. */
static lp_status prior_tiles(const report_run *run, const subject *of, lp_prior *const *p,
                             const char **across, figure_out *out) {
  static const char *const down[2] = {"centre unit", "corner unit"};
  const uint32_t unit[2] = {centre_unit(of), 0}, units = of->in_rows * of->in_cols;
  tile_set t = {.rows = of->in_rows,
                .cols = of->in_cols,
                .n_down = 2,
                .down = down,
                .across = across,
                .scale = "prior P",
                .low = INFINITY,
                .high = -INFINITY};
  double *tile = malloc(units * sizeof *tile);
  if (!tile) return lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t a = 0; a < run->n_arms; a++)
    if (p[a]) across[t.n_across++] = run->arms[a].name;
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
      lp_tile_csv(out->csv, what, tile, of->in_rows, of->in_cols);
    }
  }
  free(tile);
  t.diverging = t.low < 0;
  t.log_scale = t.low > 0 && t.high > 20 * t.low;
  if (t.diverging)
    t.high = fmax(t.high, -t.low), t.low = -t.high;
  else if (!t.log_scale)
    t.low = 0;
  lp_tiles_var(out->var, &t);
  prior_caption(of, &t, out->caption);
  return LP_OK;
}

lp_status lp_prior_maps_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  lp_prior **p = calloc(run->n_arms, sizeof *p);
  const char **across = calloc(run->n_arms, sizeof *across);
  lp_status st = p && across ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK && all_priors(run, of, p) == 0) st = no_prior(of);
  if (st == LP_OK) st = prior_tiles(run, of, p, across, out);
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
    lp_csv_text(f, name);
    fputc(',', f);
    lp_csv_num(f, v[j].d);
    fputc(',', f);
    lp_csv_num(f, v[j].p);
    fputc('\n', f);
  }
}

lp_status lp_prior_distance_write(const report_run *run, const subject *of, int arg,
                                  figure_out *out) {
  (void)arg;
  lp_status st = LP_OK;
  uint32_t units = of->in_rows * of->in_cols, n = 0;
  lp_prior **p = calloc(run->n_arms, sizeof *p);
  bool *shown = calloc(run->n_arms, sizeof *shown);
  pair *v = malloc(units * sizeof *v);
  if (!p || !v || !shown) {
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else if (all_priors(run, of, p) == 0) {
    st = no_prior(of);
  } else {
    fputs("# arm number,arm,distance (unit spacings),P\n", out->csv);
    for (uint32_t a = 0; a < run->n_arms; a++) {
      if (!p[a]) continue;
      if (n) fputs("\n\n", out->csv);
      n++;
      shown[a] = true;
      distance_block(p[a], centre_unit(of), a, run->arms[a].name, v, units, out->csv);
    }
    lp_gp_arms(out->var, run);
    lp_gp_numbers(out->var, "shown", shown, run->n_arms);
    fprintf(out->var, "many = %d\n", units > 400);
    lp_report_html(out->caption,
                   "Signal P over the distance between units, in unit spacings, from the unit "
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
  for (size_t i = 0; i < n; i++) {
    fprintf(out->csv, "%u,%u,%u", w[i].panel, w[i].from, w[i].to);
    const double number[] = {w[i].distance, w[i].p, w[i].cost};
    for (int k = 0; k < 3; k++) {
      fputc(',', out->csv);
      lp_csv_num(out->csv, number[k]);
    }
    fputc('\n', out->csv);
  }
  if (!(high > low)) high = low + 1;
  fprintf(out->var, "units = %d\nlog_cost = %d\ncost_low = ", ROW, high > 100 * low);
  lp_csv_num(out->var, low);
  fputs("\ncost_high = ", out->var);
  lp_csv_num(out->var, high);
  fputc('\n', out->var);
}

lp_status lp_wires_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  lp_prior *p = NULL;
  for (uint32_t a = 0; a < run->n_arms && !p; a++) { /* the first that has a prior */
    const lp_run_prior *own = find_prior(run, a, of);
    if (!own) continue;
    lp_prior_spec spec = {.n_out = ROW,
                          .n_in = ROW,
                          .extent_out = {ROW},
                          .extent_in = {ROW},
                          .topology = "line",
                          .cost = own->cost,
                          .metric = own->metric,
                          .seed = run->n_seeds ? run->seeds[0] : 0};
    if (lp_prior_build(&spec, &p) != LP_OK) continue;
    wires_of(p, out);
    lp_report_html(
        out->caption,
        "The wiring cost of arm %s on a line of %d units: every input unit (top) is connected to "
        "every output unit (bottom), and a wire is drawn darker the more expensive it is (cost = "
        "1 / P). Left: all connections; right: those from the middle unit.",
        run->arms[a].name, ROW);
    lp_prior_free(p);
  }
  if (!p) return no_prior(of);
  return LP_OK;
}
