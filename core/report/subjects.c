/* subjects.c: what figures are drawn for: the sites on each of their sheets, and the priors between
 * each pair of sheets. */
#include "report/report_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct list {
  subject *s;
  uint32_t n, capacity;
} list;

bool lp_stands_in(const report_run *run, const subject *of, uint32_t arm) {
  const lp_run_site *sheet = lp_report_sheet(run, arm, of->site);
  return sheet->units && sheet->rows == of->rows && sheet->cols == of->cols;
}

static bool same(const subject *a, const subject *b) {
  return a->site == b->site && (a->layer ? strcmp(a->layer, b->layer) == 0 : true) &&
         a->rows == b->rows && a->cols == b->cols && a->in_rows == b->in_rows &&
         a->in_cols == b->in_cols;
}

/* False when memory is exhausted. */
static bool add(list *l, subject one) {
  for (uint32_t i = 0; i < l->n; i++)
    if (same(&l->s[i], &one)) return true;
  if (l->n == l->capacity) {
    uint32_t capacity = l->capacity ? 2 * l->capacity : 8;
    subject *grown = realloc(l->s, capacity * sizeof *grown);
    if (!grown) return false;
    l->s = grown;
    l->capacity = capacity;
  }
  l->s[l->n++] = one;
  return true;
}

static bool add_sites(const report_run *run, list *l, uint32_t least_steps) {
  bool ok = true;
  for (uint32_t k = 0; k < run->n_sites; k++)
    for (uint32_t a = 0; a < run->n_arms && ok; a++) {
      const lp_run_site *sheet = lp_report_sheet(run, a, k);
      if (sheet->units && sheet->steps >= least_steps)
        ok = add(l, (subject){.site = k, .rows = sheet->rows, .cols = sheet->cols});
    }
  return ok;
}

/* Rows and columns of a layer's units: of the site that shows them, so that a ring and a grid over
 * one sheet are drawn alike, else as the topology laid them out; in a row where it has another
 * number of axes, or none. */
static void sheet_of(const report_run *run, uint32_t arm, const char *layer,
                     const uint32_t extent[LP_MAX_AXES], uint32_t units, uint32_t *rows,
                     uint32_t *cols) {
  const bool plane = extent[0] && extent[1] && !extent[2];
  for (uint32_t s = 0; s < run->n_sites && !plane; s++) {
    const lp_run_site *site = lp_report_sheet(run, arm, s);
    if (site->units != units || strcmp(site->layer, layer) != 0) continue;
    *rows = site->rows;
    *cols = site->cols;
    return;
  }
  *rows = plane ? extent[0] : 1;
  *cols = plane ? extent[1] : units;
}

static bool add_priors(const report_run *run, list *l) {
  bool ok = true;
  for (uint32_t a = 0; a < run->n_arms; a++)
    for (uint32_t i = 0; i < run->arms[a].n_priors && ok; i++) {
      const lp_run_prior *p = &run->arms[a].prior[i];
      subject one = {.layer = p->layer};
      sheet_of(run, a, p->layer, p->extent_out, p->n_out, &one.rows, &one.cols);
      sheet_of(run, a, p->from, p->extent_in, p->n_in, &one.in_rows, &one.in_cols);
      ok = add(l, one);
    }
  return ok;
}

static const char *name_of(const report_run *run, const subject *s) {
  return s->layer ? s->layer : run->sites[s->site];
}

/* Of one name, one after the other: a site's sheets. Layers come in the order of the arms. */
static int by_name(const void *a, const void *b, void *user) {
  const subject *x = a, *y = b;
  const list *order = user;
  if (!x->layer) return (x > y) - (x < y);
  uint32_t i = 0, k = 0;
  while (strcmp(order->s[i].layer, x->layer) != 0) i++;
  while (strcmp(order->s[k].layer, y->layer) != 0) k++;
  return (i > k) - (i < k);
}

static bool group(list *l) {
  list before = {malloc((l->n + 1) * sizeof *l->s), l->n, l->n};
  if (!before.s) return false;
  if (l->n) memcpy(before.s, l->s, l->n * sizeof *l->s);
  uint32_t n = 0;
  for (uint32_t i = 0; i < before.n; i++) { /* stable */
    bool first = true;
    for (uint32_t k = 0; k < i; k++) first &= by_name(&before.s[i], &before.s[k], &before) != 0;
    for (uint32_t k = i; first && k < before.n; k++)
      if (by_name(&before.s[i], &before.s[k], &before) == 0) l->s[n++] = before.s[k];
  }
  free(before.s);
  return true;
}

/* Only what tells subjects apart stands in their names. */
static void name(const report_run *run, const list *l, subject *s) {
  uint32_t sheets = 0;
  bool names = false;
  for (uint32_t i = 0; i < l->n; i++) {
    const bool own = strcmp(name_of(run, &l->s[i]), name_of(run, s)) == 0;
    sheets += own;
    names |= !own;
  }
  char sheet[96] = "", file[64] = "";
  if (sheets > 1 && s->layer) {
    snprintf(sheet, sizeof sheet, ", %u \xc3\x97 %u units from %u \xc3\x97 %u", s->rows, s->cols,
             s->in_rows, s->in_cols);
    snprintf(file, sizeof file, "_%ux%u_%ux%u", s->rows, s->cols, s->in_rows, s->in_cols);
  } else if (sheets > 1) {
    snprintf(sheet, sizeof sheet, ", %u \xc3\x97 %u units", s->rows, s->cols);
    snprintf(file, sizeof file, "_%ux%u", s->rows, s->cols);
  }
  char safe[64];
  snprintf(safe, sizeof safe, "%s", name_of(run, s));
  for (char *c = safe; *c; c++) /* '.' is in no name */
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *c)) *c = '.';
  if (!s->layer) {
    snprintf(s->key, sizeof s->key, "%s%s", safe, file);
    snprintf(s->title, sizeof s->title, "%.60s%s", name_of(run, s), sheet);
  } else if (names || sheets > 1) {
    snprintf(s->key, sizeof s->key, "_%s%s", safe, file);
    snprintf(s->title, sizeof s->title, ": layer %.60s%s", name_of(run, s), sheet);
  }
}

subject *lp_report_subjects(const report_run *run, figure_per per, uint32_t *n) {
  list l = {0};
  bool ok = per == PER_SITE    ? add_sites(run, &l, 1)
            : per == PER_STEPS ? add_sites(run, &l, 2)
            : per == PER_PRIOR ? add_priors(run, &l) && group(&l)
                               : add(&l, (subject){0});
  if (ok && !l.s) ok = (l.s = calloc(1, sizeof *l.s)) != NULL;
  for (uint32_t i = 0; ok && per != PER_RUN && i < l.n; i++) name(run, &l, &l.s[i]);
  *n = l.n;
  if (ok) return l.s;
  free(l.s);
  return NULL;
}
