/* nested.c: the matrix of classes and the units selective for them, sorted, beside its null. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THRESHOLD 2.0 /* as the measure has it unless told otherwise */
enum { MOST_ROWS = 200, MOST_COLUMNS = 400 };

/* Nestedness of the shown network of an arm, as the analysis has it. */
typedef struct nodf {
  double value, mean, sd, p;
} nodf;

typedef struct matrices {
  const report_run *run;
  const subject *of;
  nodf *nodf; /* n_arms */
} matrices;

/* Columns of measures.csv. */
enum { ARM, CELL, SEED, STATUS, SITE, STATE, MEASURE, CLASS, VALUE, UNIT, MEAN, SD, LOW, HIGH, P };

static double number(const char *text) {
  return *text ? strtod(text, NULL) : NAN;
}

static void take(void *user, char *const *field, uint32_t n) {
  matrices *m = user;
  if (n <= P || strcmp(field[MEASURE], "nestedness") != 0 || *field[CLASS] ||
      strcmp(field[STATE], "trained") != 0 || strcmp(field[SITE], m->run->sites[m->of->site]) != 0)
    return;
  const uint32_t arm = lp_report_arm_index(m->run, field[ARM]);
  uint64_t seed;
  if (arm < m->run->n_arms && lp_maps_seed(m->run, arm, &seed) &&
      strtoull(field[SEED], NULL, 10) == seed)
    m->nodf[arm] =
        (nodf){number(field[VALUE]), number(field[MEAN]), number(field[SD]), number(field[P])};
}

/* ---- sorting ------------------------------------------------------------------------------- */

typedef struct counted {
  uint32_t n, at; /* ones, and which row or column */
} counted;

static int most_first(const void *a, const void *b) {
  const counted *x = a, *y = b;
  if (x->n != y->n) return (x->n < y->n) - (x->n > y->n);
  return (x->at > y->at) - (x->at < y->at);
}

/* The i-th of `shown` evenly chosen ones of n. */
static uint32_t chosen(uint32_t i, uint32_t shown, uint32_t n) {
  return (uint32_t)((uint64_t)i * n / shown);
}

static void write_matrix(const selective *s, const counted *row, const counted *column,
                         uint32_t rows, uint32_t columns, double *tile) {
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t c = 0; c < columns; c++) {
      const uint32_t class = row[chosen(r, rows, s->classes)].at,
                     unit = column[chosen(c, columns, s->units)].at;
      tile[(size_t)r * columns + c] = s->t[(size_t) class * s->units + unit] > THRESHOLD;
    }
}

static lp_status add_matrix(const matrices *m, const selective *s, figure_out *out, double *tile,
                            uint32_t rows, uint32_t columns) {
  counted *row = calloc(s->classes, sizeof *row), *column = calloc(s->units, sizeof *column);
  if (!row || !column) {
    free(row);
    free(column);
    return lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  for (uint32_t c = 0; c < s->classes; c++) row[c].at = c;
  for (uint32_t u = 0; u < s->units; u++) column[u].at = u;
  for (uint32_t c = 0; c < s->classes; c++)
    for (uint32_t u = 0; u < s->units; u++)
      if (s->t[(size_t)c * s->units + u] > THRESHOLD) row[c].n++, column[u].n++;
  qsort(row, s->classes, sizeof *row, most_first);
  qsort(column, s->units, sizeof *column, most_first);
  write_matrix(s, row, column, rows, columns, tile);
  char what[200];
  snprintf(what, sizeof what, "arm %.100s: classes (rows) and units (columns), 1 where t > 2",
           m->run->arms[s->arm].name);
  lp_tile_csv(out->csv, what, tile, rows, columns);
  free(row);
  free(column);
  return LP_OK;
}

/* ---- the figure ---------------------------------------------------------------------------- */

static void write_labels(const matrices *m, const bool *shown, figure_out *out) {
  char(*text)[160] = calloc(m->run->n_arms, sizeof *text);
  const char **label = calloc(m->run->n_arms, sizeof *label);
  for (uint32_t a = 0; text && label && a < m->run->n_arms; a++) {
    const nodf *v = &m->nodf[a];
    label[a] = text[a];
    if (!shown[a] || isnan(v->value)) continue;
    snprintf(text[a], sizeof text[a], "NODF %.20s; chance %.20s, sd %.20s; p %s%.20s",
             lp_num_auto(v->value).s, lp_num_auto(v->mean).s, lp_num_auto(v->sd).s,
             *lp_p_value(v->p).s == '<' ? "" : "= ", lp_p_value(v->p).s);
  }
  if (label) lp_gp_array(out->var, "said", label, m->run->n_arms, 80);
  free(text);
  free(label);
}

static lp_status write_all(matrices *m, figure_out *out, bool *shown, double *tile) {
  const uint32_t units = m->of->rows * m->of->cols, classes = m->run->n_classes;
  const uint32_t rows = classes < MOST_ROWS ? classes : MOST_ROWS,
                 columns = units < MOST_COLUMNS ? units : MOST_COLUMNS;
  uint32_t n = 0;
  lp_status st = LP_OK;
  for (uint32_t a = 0; a < m->run->n_arms && st == LP_OK; a++) {
    selective s;
    st = lp_selective_of(m->run, m->of, a, &s);
    if (st == LP_ERR_NOT_FOUND || st == LP_ERR_FORMAT) {
      st = LP_OK;
      continue;
    }
    if (st == LP_OK) st = add_matrix(m, &s, out, tile, rows, columns);
    shown[a] = st == LP_OK;
    n += shown[a];
    lp_selective_free(&s);
  }
  if (st == LP_OK && !n)
    st = lp_fail(LP_ERR_NOT_FOUND,
                 classes < 2 ? "the images have no classes" : "there are no activations");
  if (st != LP_OK) return st;
  lp_gp_arms(out->var, m->run);
  lp_gp_numbers(out->var, "shown", shown, m->run->n_arms);
  fprintf(out->var, "rows = %u\ncols = %u\n", rows, columns);
  write_labels(m, shown, out);
  lp_report_html(out->caption,
                 "A row a class, a column a unit at %s, dark where the unit is selective for the "
                 "class (t &gt; 2), both sorted by how many they have; ",
                 m->run->sites[m->of->site]);
  lp_maps_say_seed(m->run, out->caption);
  lp_report_html(out->caption,
                 ". Nested means that the units of a class with fewer of them are among those of "
                 "one with more: the dark part fills the upper left corner. NODF, 0 to 100, beside "
                 "what as many units at random for each class give.");
  if (rows < classes || columns < units)
    lp_report_html(
        out->caption,
        " Drawn, and in the table, are %u of %u classes and %u of %u units, evenly chosen "
        "after sorting.",
        rows, classes, columns, units);
  return LP_OK;
}

lp_status lp_nested_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  matrices m = {.run = run, .of = of, .nodf = malloc(sizeof *m.nodf * run->n_arms)};
  bool *shown = calloc(run->n_arms, sizeof *shown);
  double *tile = malloc(sizeof *tile * MOST_ROWS * MOST_COLUMNS);
  lp_status st = m.nodf && shown && tile ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t a = 0; st == LP_OK && a < run->n_arms; a++) m.nodf[a] = (nodf){NAN, NAN, NAN, NAN};
  if (st == LP_OK) {
    st = lp_csv_rows(run->dir, LP_RUN_MEASURES, take, &m);
    if (st == LP_ERR_NOT_FOUND) st = LP_OK; /* the matrix without its null */
  }
  if (st == LP_OK) st = write_all(&m, out, shown, tile);
  free(m.nodf);
  free(shown);
  free(tile);
  return st;
}
