/* sweep_lines.c: data of the lines over one axis of numbers: every network a point, and the mean of
 * the networks of a cell with its interval. */
#include "report/sweep.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SERIES = 24, LABEL = 200 };
#define WIDE  100.0 /* places run from 0 to this */
#define ALPHA 0.05

/* Where the values stand: as they are, by their logarithms, or evenly. */
typedef struct scale {
  const lp_run_axis *axis;
  uint32_t number; /* of the axis */
  double *place;   /* of each value */
  const char *words;
  double gap; /* the least between two values */
} scale;

typedef struct series {
  char label[LABEL];
  bool level; /* the axis does not change it: one value for all */
} series;

static void even(scale *s, const double *x) {
  s->words = "The values stand evenly. ";
  for (uint32_t i = 0; i < s->axis->n_values; i++) {
    s->place[i] = 0;
    for (uint32_t k = 0; k < s->axis->n_values; k++) s->place[i] += x[k] < x[i];
  }
}

static lp_status make_scale(const report_run *run, uint32_t number, scale *s) {
  const lp_run_axis *axis = &run->folder->axis[number];
  const uint32_t n = axis->n_values;
  double *x = calloc(n, sizeof *x), low = INFINITY, high = -INFINITY;
  *s = (scale){
      .axis = axis, .number = number, .place = calloc(n, sizeof *x), .words = "", .gap = WIDE};
  if (!x || !s->place) {
    free(x);
    free(s->place);
    return lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  lp_sweep_numbers(axis, x);
  for (uint32_t i = 0; i < n; i++) low = fmin(low, x[i]), high = fmax(high, x[i]);
  const bool wide = high > 8 * low;
  if (wide && low > 0) s->words = "The values stand by their logarithms. ";
  for (uint32_t i = 0; i < n; i++) s->place[i] = wide && low > 0 ? log(x[i]) : x[i];
  if (wide && low <= 0) even(s, x);
  low = high = s->place[0];
  for (uint32_t i = 0; i < n; i++) low = fmin(low, s->place[i]), high = fmax(high, s->place[i]);
  for (uint32_t i = 0; i < n; i++)
    s->place[i] = high > low ? (s->place[i] - low) / (high - low) * WIDE : WIDE / 2;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < i; k++) s->gap = fmin(s->gap, fabs(s->place[i] - s->place[k]));
  free(x);
  return LP_OK;
}

/* Lines in the order of the arms; each arm's line in of[]. Returns how many. */
static uint32_t find_series(const report_run *run, uint32_t axis, series *all, uint32_t *of) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < run->n_arms; i++) {
    char label[LABEL];
    lp_sweep_label(run, i, axis, label, sizeof label);
    uint32_t k = 0;
    while (k < n && strcmp(all[k].label, label) != 0) k++;
    of[i] = k;
    if (k < n) continue;
    memcpy(all[n].label, label, sizeof label);
    all[n++].level = run->arms[i].cell[axis] < 0;
  }
  return n;
}

static void line(FILE *f, int panel, uint32_t k, const series *s, const char *value, double place,
                 const char *seed, double y, double low, double high) {
  fprintf(f, "%d,%u,", panel + 1, k + 1);
  lp_csv_text(f, s->label);
  fputc(',', f);
  lp_csv_text(f, value);
  fputc(',', f);
  lp_csv_num(f, place);
  fprintf(f, ",%s,", seed);
  lp_csv_num(f, y);
  fputc(',', f);
  lp_csv_num(f, low);
  fputc(',', f);
  lp_csv_num(f, high);
  fprintf(f, ",%d\n", s->level);
}

/* The mean of a cell with its interval over networks; of a level line at both ends. */
static void mean_line(FILE *f, int panel, uint32_t k, const series *s, const char *value,
                      double place, const double *y, uint32_t n) {
  const lp_moments m = lp_moments_of(y, n);
  double half = NAN;
  if (n > 2) half = lp_student_t_critical(ALPHA, n - 1) * m.sd / sqrt(n);
  if (s->level) {
    line(f, panel, k, s, value, 0, "mean", m.mean, NAN, NAN);
    line(f, panel, k, s, value, WIDE, "mean", m.mean, NAN, NAN);
  } else {
    line(f, panel, k, s, value, place, "mean", m.mean, m.mean - half, m.mean + half);
  }
}

typedef struct picture {
  const report_run *run;
  scale scale;
  series *series;
  uint32_t n_series, *of;
  double *y;
  uint64_t *seed;
  bool intervals; /* a cell has one */
} picture;

/* Cells of a line in the order of their places; networks, or means. Returns how many networks. */
static uint32_t write_series(picture *p, FILE *f, int panel, uint32_t k, bool means) {
  const report_run *run = p->run;
  const scale *s = &p->scale;
  const double dodge = fmin(0.45 * s->gap, 16) / p->n_series;
  uint32_t total = 0;
  double after = -INFINITY;
  for (;;) {
    uint32_t next = run->n_arms;
    double least = INFINITY;
    for (uint32_t i = 0; i < run->n_arms; i++) {
      const int32_t v = run->arms[i].cell[s->number];
      const double place = v < 0 ? 0 : s->place[v];
      if (p->of[i] == k && place > after && place < least) next = i, least = place;
    }
    if (next == run->n_arms) return total;
    after = least;
    const int32_t v = run->arms[next].cell[s->number];
    const char *value = v < 0 ? "" : s->axis->value[v];
    const double shift = dodge * (k - (p->n_series - 1) / 2.0);
    const uint32_t n = lp_sweep_values(run, next, (sweep_outcome)panel, p->y, p->seed);
    if (means && n) mean_line(f, panel, k, &p->series[k], value, least + shift, p->y, n);
    for (uint32_t i = 0; i < n && !means; i++)
      line(f, panel, k, &p->series[k], value, least + shift, lp_report_seed(p->seed[i]).s, p->y[i],
           NAN, NAN);
    p->intervals |= n > 2 && !p->series[k].level;
    total += n;
  }
}

static uint32_t write_all(picture *p, FILE *f) {
  uint32_t total = 0;
  fputs("# panel,line number,line,value,place,seed or mean,y,low,high,level\n", f);
  for (int means = 0; means < 2; means++) {
    if (means) fputs("\n\n", f);
    for (int panel = 0; panel < SWEEP_OUTCOMES; panel++)
      for (uint32_t k = 0; k < p->n_series; k++) total += write_series(p, f, panel, k, means);
  }
  return total;
}

static void write_var(const picture *p, FILE *f) {
  const lp_run_axis *axis = p->scale.axis;
  const char *label[MOST_SERIES], *title[SWEEP_OUTCOMES];
  shorttext titles[SWEEP_OUTCOMES];
  for (uint32_t k = 0; k < p->n_series; k++) label[k] = p->series[k].label;
  for (int k = 0; k < SWEEP_OUTCOMES; k++) {
    titles[k] = lp_sweep_title(p->run, (sweep_outcome)k);
    title[k] = titles[k].s;
  }
  fprintf(f, "n_series = %u\nn_panel = %d\n", p->n_series, SWEEP_OUTCOMES);
  lp_gp_array(f, "series", label, p->n_series, 40);
  lp_gp_array(f, "panel", title, SWEEP_OUTCOMES, 44);
  lp_gp_array(f, "value", axis->value, axis->n_values, 12);
  fprintf(f, "array place[%u] = [", axis->n_values);
  for (uint32_t i = 0; i < axis->n_values; i++) {
    if (i) fputs(", ", f);
    lp_csv_num(f, p->scale.place[i]);
  }
  fprintf(f, "]\nn_value = %u\naxis = ", axis->n_values);
  lp_gp_string(f, axis->key);
  fputc('\n', f);
  bool crossed[MOST_SERIES], level[MOST_SERIES];
  for (uint32_t k = 0; k < p->n_series; k++) crossed[k] = !(level[k] = p->series[k].level);
  lp_gp_numbers(f, "crossed", crossed, p->n_series);
  lp_gp_numbers(f, "level", level, p->n_series);
  fprintf(f, "intervals = %d\n", p->intervals);
}

static lp_status draw(picture *p, uint32_t number, figure_out *out) {
  const report_run *run = p->run;
  lp_status st = LP_OK;
  p->n_series = find_series(run, number, p->series, p->of);
  if (p->n_series > MOST_SERIES)
    return lp_fail(LP_ERR_NOT_FOUND, "over %s there are %u lines, too many to tell apart",
                   run->folder->axis[number].key, p->n_series);
  st = make_scale(run, number, &p->scale);
  if (st != LP_OK) return st;
  if (!write_all(p, out->csv))
    st = lp_fail(LP_ERR_NOT_FOUND,
                 run->analysed ? "no network is complete" : "summary.json is missing");
  write_var(p, out->var);
  lp_report_html(
      out->caption,
      "Over <code>%s</code>: one point a network, the line through the means, bars: the 95 %% "
      "interval of the mean over networks, where there are 3 or more. %sDashed: an arm that the "
      "key does not change.",
      run->folder->axis[number].key, p->scale.words);
  free(p->scale.place);
  return st;
}

lp_status lp_sweep_lines_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)of;
  const uint32_t number = lp_sweep_numeric_axis(run, (uint32_t)arg);
  picture p = {.run = run,
               .series = calloc(run->n_arms, sizeof *p.series),
               .of = calloc(run->n_arms, sizeof *p.of),
               .y = calloc(run->n_seeds, sizeof *p.y),
               .seed = calloc(run->n_seeds, sizeof *p.seed)};
  lp_status st =
      p.series && p.of && p.y && p.seed ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK && number == run->folder->n_axes)
    st = lp_fail(LP_ERR_NOT_FOUND, "there is no such axis of numbers");
  if (st == LP_OK) st = draw(&p, number, out);
  free(p.series);
  free(p.of);
  free(p.y);
  free(p.seed);
  return st;
}
