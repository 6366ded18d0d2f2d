/* A permuted prior as a plain table. In a scattered table no two neighbouring inputs find their
 * entries side by side; with the inputs in the order of the table they do, as on the sheet that the
 * units were permuted on. Then a layer whose weights may stand in any order costs what a plain
 * table's does. */
#include "prior_internal.h"

#include <stdlib.h>

/* Weights from which on it pays to have inputs in another order, and the shortest runs of the table
 * that kernels gain from. */
enum { ORDER_LEAST = 1 << 20, ORDER_RUN = 16 };

typedef struct placed {
  int32_t off, unit;
} placed;

static int by_offset(const void *a, const void *b) {
  const placed *p = a, *q = b;
  if (p->off != q->off) return p->off < q->off ? -1 : 1;
  return p->unit < q->unit ? -1 : p->unit > q->unit;
}

/* The inputs in the order of the table, and the length of its runs then. */
static uint32_t sort(const lp_prior *p, placed *out, int32_t *off) {
  const uint32_t n = p->sheets.n_in;
  for (uint32_t i = 0; i < n; i++) out[i] = (placed){p->off_in[i], (int32_t)i};
  qsort(out, n, sizeof *out, by_offset);
  for (uint32_t i = 0; i < n; i++) off[i] = out[i].off;
  return lp_prior_runs(off, n);
}

bool lp_prior_put_in_order(const lp_prior *p, lp_prior_values *out) {
  const uint32_t n = p->sheets.n_in;
  if (!lp_prior_scattered(p) || (uint64_t)p->sheets.n_out * n < ORDER_LEAST) return true;
  placed *at = malloc(n * sizeof *at);
  int32_t *off = malloc(n * sizeof *off);
  bool ok = at && off;
  const uint32_t run = ok ? sort(p, at, off) : 0;
  if (run >= ORDER_RUN) {
    out->ordered_run = run;
    out->ordered_off = off;
    off = NULL;
    out->order = malloc(n * sizeof *out->order);
    out->back = malloc(n * sizeof *out->back);
    out->ordered_scale = p->col_scale ? malloc(n * sizeof *out->ordered_scale) : NULL;
    ok = out->order && out->back && (out->ordered_scale || !p->col_scale);
    for (uint32_t i = 0; ok && i < n; i++) {
      out->order[i] = at[i].unit;
      out->back[at[i].unit] = (int32_t)i;
      if (p->col_scale) out->ordered_scale[i] = (float)p->col_scale[at[i].unit];
    }
  }
  free(at);
  free(off);
  return ok;
}

bool lp_prior_ordered(const lp_prior *p) {
  lp_prior_values v = {0};
  const bool yes = lp_prior_put_in_order(p, &v) && v.order;
  lp_prior_values_free(&v);
  return yes;
}
