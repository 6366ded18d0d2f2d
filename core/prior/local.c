/* The wires of a local prior: the pairs of units whose signal is not 0. Here, of one with a table:
 * found by the entries that are not 0, so that no pair without a wire is looked at; near.c has the
 * others. */
#include "prior_internal.h"

#include <float.h>
#include <stdlib.h>

/* From how many weights on, and up to which share of wires, a layer has its wires alone. Products
 * with a pattern win below some 15 to 30 % (lp-bench sparse), and small layers gain nothing. */
enum { LEAST_WEIGHTS = 1 << 22 };
static const double MOST_WIRES = 0.1;

/* How indices of the table are made up (table.c): row-major over axes of `entries` each, of which
 * an input takes its number and an output the rest. */
typedef struct lattice {
  uint32_t ndim, n_in[LP_MAX_AXES], entries[LP_MAX_AXES];
} lattice;

typedef struct place {
  uint32_t at[LP_MAX_AXES];
} place;

static place place_of(const lattice *l, uint32_t index) {
  place p = {{0}};
  for (uint32_t a = l->ndim; a-- > 0; index /= l->entries[a]) p.at[a] = index % l->entries[a];
  return p;
}

static lattice describe(const lp_prior *p) {
  const lp_sheets *sh = &p->sheets;
  lattice l = {.ndim = sh->ndim};
  for (uint32_t a = 0; a < sh->ndim; a++) {
    const uint32_t o = sh->extent_out[a], i = sh->extent_in[a], most = o > i ? o : i;
    l.n_in[a] = i;
    l.entries[a] = 2 * most - most / (o > i ? i : o);
  }
  return l;
}

typedef struct search {
  const lp_prior *p;
  lattice l;
  place *entry; /* of the table, where it is not 0 */
  uint32_t n_entries;
  uint32_t *unit; /* the input that stands at a place of its lattice */
  int32_t *rows, *columns;
  uint64_t most;
} search;

static int ascending(const void *a, const void *b) {
  return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

/* Wires of output i, into columns where that is not NULL. */
static uint32_t wires_of(const search *s, uint32_t i, int32_t *columns) {
  const place base = place_of(&s->l, (uint32_t)s->p->off_out[i]);
  uint32_t n = 0;
  for (uint32_t e = 0; e < s->n_entries; e++) {
    uint32_t index = 0;
    bool inside = true;
    for (uint32_t a = 0; a < s->l.ndim && inside; a++) {
      const uint32_t at = s->entry[e].at[a] - base.at[a]; /* wraps round below 0 */
      inside = at < s->l.n_in[a];
      index = index * s->l.n_in[a] + at;
    }
    if (!inside) continue;
    if (columns) columns[n] = (int32_t)s->unit[index];
    n++;
  }
  if (columns && s->p->impl->permuted.entry) qsort(columns, n, sizeof *columns, ascending);
  return n;
}

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "prior: out of memory for its wires");
}

/* Fills entry, unit and rows. *found: there are few enough. */
static lp_status count(search *s, bool *found) {
  const lp_prior *p = s->p;
  const uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  for (uint32_t e = 0; e < p->n_table; e++) s->n_entries += fabs(p->table[e]) >= (double)FLT_MIN;
  if (s->n_entries > p->n_table / 4) return LP_OK;
  s->entry = malloc((s->n_entries + 1) * sizeof *s->entry);
  s->unit = malloc(n_in * sizeof *s->unit);
  s->rows = malloc(((size_t)n_out + 1) * sizeof *s->rows);
  if (!s->entry || !s->unit || !s->rows) return no_memory();
  s->n_entries = 0;
  for (uint32_t e = 0; e < p->n_table; e++)
    if (fabs(p->table[e]) >= (double)FLT_MIN) s->entry[s->n_entries++] = place_of(&s->l, e);
  for (uint32_t k = 0; k < n_in; k++) {
    const place at = place_of(&s->l, (uint32_t)p->off_in[k]);
    uint32_t index = 0;
    for (uint32_t a = 0; a < s->l.ndim; a++) index = index * s->l.n_in[a] + at.at[a];
    s->unit[index] = k;
  }
  uint64_t n = 0;
  s->rows[0] = 0;
  for (uint32_t i = 0; i < n_out; i++) {
    n += wires_of(s, i, NULL);
    if (n > s->most) return LP_OK;
    s->rows[i + 1] = (int32_t)n;
  }
  *found = true;
  return LP_OK;
}

uint64_t lp_prior_most_wires(const lp_prior *p) {
  const uint64_t weights = (uint64_t)p->sheets.n_out * p->sheets.n_in;
  const double most = MOST_WIRES * (double)weights;
  if (weights < LEAST_WEIGHTS) return 0;
  return most < INT32_MAX ? (uint64_t)most : INT32_MAX;
}

lp_status lp_prior_find_wires(lp_prior *p) {
  search s = {.p = p, .l = describe(p), .most = lp_prior_most_wires(p)};
  if (!s.most) return LP_OK;
  bool found = false;
  lp_status status = count(&s, &found);
  if (status == LP_OK && found) {
    s.columns = malloc(((size_t)s.rows[p->sheets.n_out] + 1) * sizeof *s.columns);
    if (!s.columns) status = no_memory();
    for (uint32_t i = 0; status == LP_OK && i < p->sheets.n_out; i++)
      wires_of(&s, i, s.columns + s.rows[i]);
    if (status == LP_OK)
      status = lp_pattern_new(p->sheets.n_out, p->sheets.n_in, s.rows, s.columns, &p->impl->wires);
  }
  free(s.entry);
  free(s.unit);
  free(s.rows);
  free(s.columns);
  return status;
}
