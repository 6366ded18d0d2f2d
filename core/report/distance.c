/* distance.c: curves of the analysis, every network of an arm, their mean and what chance gives;
 * data of the figure of correlation over distance. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 64 };

/* A point of an arm, summed over its networks. */
typedef struct point {
  double x, sum, low, high, n;
} point;

typedef struct distances {
  const report_run *run;
  const subject *of;
  const char *measure;
  FILE *csv;
  point *point;   /* n_arms x POINTS */
  char last[200]; /* arm and seed of the row before */
} distances;

/* Columns of curves.csv. */
enum { ARM, CELL, SEED, STATUS, SITE, STATE, MEASURE, POINT, X, VALUE, LOW, HIGH, COLUMNS };

static double number(const char *text) {
  return *text ? strtod(text, NULL) : NAN;
}

static void take(void *user, char *const *field, uint32_t n) {
  distances *d = user;
  if (n < COLUMNS || strcmp(field[MEASURE], d->measure) != 0 ||
      strcmp(field[STATE], "trained") != 0 || strcmp(field[SITE], d->run->sites[d->of->site]) != 0)
    return;
  const uint32_t arm = lp_report_arm_index(d->run, field[ARM]),
                 k = (uint32_t)strtoul(field[POINT], NULL, 10);
  if (arm == d->run->n_arms || !k || k > POINTS || !lp_stands_in(d->run, d->of, arm)) return;
  char here[sizeof d->last];
  snprintf(here, sizeof here, "%.100s %.40s", field[ARM], field[SEED]);
  if (strcmp(here, d->last) != 0 && *d->last) fputc('\n', d->csv);
  memcpy(d->last, here, sizeof here);
  point *p = &d->point[arm * POINTS + k - 1];
  const double v = number(field[VALUE]);
  fprintf(d->csv, "%u,", arm + 1);
  lp_csv_text(d->csv, field[ARM]);
  fprintf(d->csv, ",%s", field[SEED]);
  for (int c = X; c <= HIGH; c++) {
    fputc(',', d->csv);
    lp_csv_num(d->csv, number(field[c]));
  }
  fputc('\n', d->csv);
  if (isnan(v)) return;
  p->x = number(field[X]);
  p->sum += v;
  p->low += number(field[LOW]);
  p->high += number(field[HIGH]);
  p->n++;
}

/* A block an arm that has points: its mean, and the mean ends of the bands of its networks. */
static void write_means(distances *d, bool *shown) {
  fputs("\n\n", d->csv);
  bool any = false;
  for (uint32_t a = 0; a < d->run->n_arms; a++) {
    for (uint32_t k = 0; k < POINTS; k++) {
      const point *p = &d->point[a * POINTS + k];
      if (p->n == 0) continue;
      if (!shown[a] && any) fputc('\n', d->csv);
      shown[a] = any = true;
      fprintf(d->csv, "%u,", a + 1);
      lp_csv_text(d->csv, d->run->arms[a].name);
      fputs(",mean", d->csv);
      const double v[] = {p->x, p->sum / p->n, p->low / p->n, p->high / p->n};
      for (int c = 0; c < 4; c++) {
        fputc(',', d->csv);
        lp_csv_num(d->csv, v[c]);
      }
      fputc('\n', d->csv);
    }
  }
}

lp_status lp_networks_curve(const report_run *run, const subject *of, const char *name, FILE *csv,
                            bool *shown) {
  distances d = {.run = run, .of = of, .measure = name, .csv = csv};
  d.point = calloc((size_t)run->n_arms * POINTS, sizeof *d.point);
  lp_status st = d.point ? lp_csv_rows(run->dir, LP_RUN_CURVES, take, &d)
                         : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) write_means(&d, shown);
  free(d.point);
  return st;
}

lp_status lp_distance_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  bool *shown = calloc(run->n_arms, sizeof *shown), any = false;
  fputs("# arm number,arm,seed,distance,correlation,chance low,chance high\n", out->csv);
  lp_status st = shown ? lp_networks_curve(run, of, "correlation_distance", out->csv, shown)
                       : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t a = 0; shown && a < run->n_arms; a++) any |= shown[a];
  if (st == LP_OK && !any)
    st = lp_fail(LP_ERR_NOT_FOUND, "correlation over distance was not measured");
  if (st == LP_OK) {
    lp_gp_arms(out->var, run);
    lp_gp_numbers(out->var, "shown", shown, run->n_arms);
    lp_report_html(out->caption,
                   "Mean correlation over images of the pairs of units at %s that stand as far "
                   "apart, in bins of distance; thin lines: networks, thick: their mean. Band: 95 "
                   "%% of the same networks with their units in random order (mean of the ends). "
                   "A curve above its band at the left is order in space.",
                   run->sites[of->site]);
  }
  free(shown);
  return st;
}
