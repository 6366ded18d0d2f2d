/* The prior of two lattices as a table over their offsets.
 *
 * On an axis with O output and I input units, one count being a multiple of the other, the distance
 * of units o and i depends on an integer alone. With q = O/I where outputs are finer (else q = 1)
 * and o = q*a + b, 0 <= b < q:
 *
 *   inputs finer or equal, s = I/O:  i + s * (O - 1 - o)              I + s*(O-1) entries
 *   outputs finer:                   i + (I - 1 - a) + b * (2*I - 1)  q*(2*I-1) entries
 *
 * so the index is a sum of a part of the output and a part of the input, and rises by 1 with i.
 * Axes are combined row-major. Whether the distance really depends on nothing else is the
 * topology's word against its distance(): the table is checked before it is used. */
#include "prior_internal.h"

#include <locality/rng.h>

#include <math.h>
#include <stdlib.h>

#define CHECK_ALL   1000000u /* up to this many pairs are all checked */
#define CHECK_DRAWS 200000u  /* beyond that, so many random ones and the rows of a few units */

typedef struct axis {
  uint32_t n_out, n_in, entries;
  uint32_t fine_out, fine_in; /* units of this sheet in one of the other's, at least 1 */
} axis;

static bool make_axis(uint32_t n_out, uint32_t n_in, axis *x) {
  uint32_t most = n_out > n_in ? n_out : n_in, least = n_out > n_in ? n_in : n_out;
  if (most % least) return false;
  uint32_t ratio = most / least;
  *x = (axis){n_out, n_in, 2 * most - ratio, n_out > n_in ? ratio : 1, n_out > n_in ? 1 : ratio};
  return true;
}

/* The output's part of the index on one axis; the input's part is its number. */
static uint32_t axis_part(const axis *x, uint32_t o) {
  if (x->fine_out > 1) {
    uint32_t a = o / x->fine_out, b = o % x->fine_out;
    return (x->n_in - 1 - a) + b * (2 * x->n_in - 1);
  }
  return x->fine_in * (x->n_out - 1 - o);
}

/* A pair of units that has entry e of an axis: the input is as far on as it can be. */
static void axis_pair(const axis *x, uint32_t e, uint32_t *o, uint32_t *i) {
  for (uint32_t k = 0; k < x->fine_out; k++)
    for (uint32_t side = 0; side < 2; side++) {
      *o = side ? x->n_out - x->fine_out + k : k;
      uint32_t part = axis_part(x, *o);
      if (e >= part && e - part < x->n_in) {
        *i = e - part;
        return;
      }
    }
}

/* Offsets of all units of a sheet: the parts of the axes, combined row-major. */
static void fill_offsets(const axis *x, uint32_t ndim, uint32_t n, bool output, int32_t *off) {
  for (uint32_t k = 0; k < n; k++) {
    uint32_t rest = k, index = 0, scale = 1;
    for (uint32_t a = ndim; a-- > 0; scale *= x[a].entries) {
      uint32_t extent = output ? x[a].n_out : x[a].n_in, unit = rest % extent;
      index += scale * (output ? axis_part(&x[a], unit) : unit);
      rest /= extent;
    }
    off[k] = (int32_t)index;
  }
}

static const double *out_pos(const lp_prior *p, uint32_t i) {
  return p->sheets.pos_out + (size_t)i * p->sheets.ndim;
}

static const double *in_pos(const lp_prior *p, uint32_t j) {
  return p->sheets.pos_in + (size_t)j * p->sheets.ndim;
}

/* table = distance of a pair of units for every entry. */
static lp_status fill_distances(lp_prior *p, const axis *x) {
  const lp_sheets *sh = &p->sheets;
  for (uint32_t e = 0; e < p->n_table; e++) {
    uint32_t rest = e, i = 0, j = 0, step_out = 1, step_in = 1;
    for (uint32_t a = sh->ndim; a-- > 0;) {
      uint32_t o = 0, in = 0;
      axis_pair(&x[a], rest % x[a].entries, &o, &in);
      i += step_out * o;
      j += step_in * in;
      rest /= x[a].entries;
      step_out *= x[a].n_out;
      step_in *= x[a].n_in;
    }
    lp_status s = lp_prior_measure(p, i, j, &p->table[e]);
    if (s != LP_OK) return s;
  }
  return LP_OK;
}

static bool pair_holds(const lp_prior *p, uint32_t i, uint32_t j) {
  double d = lp_prior_gap(p, out_pos(p, i), in_pos(p, j));
  double t = p->table[p->off_out[i] + p->off_in[j]];
  return fabs(d - t) <= 1e-9 * (1 + fabs(d));
}

static bool row_holds(const lp_prior *p, uint32_t i) {
  for (uint32_t j = 0; j < p->sheets.n_in; j++)
    if (!pair_holds(p, i, j)) return false;
  return true;
}

/* Are the topology's distances those of the table? */
static bool table_holds(const lp_prior *p) {
  uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  if ((uint64_t)n_out * n_in <= CHECK_ALL) {
    for (uint32_t i = 0; i < n_out; i++)
      if (!row_holds(p, i)) return false;
    return true;
  }
  const uint32_t rows[] = {0, n_out / 3, n_out / 2, n_out - 1};
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    if (!row_holds(p, rows[k])) return false;
  lp_rng r = lp_rng_make(0, "prior/table check");
  for (uint32_t k = 0; k < CHECK_DRAWS; k++) {
    uint32_t i = lp_rng_below(&r, n_out), j = lp_rng_below(&r, n_in);
    if (!pair_holds(p, i, j)) return false;
  }
  return true;
}

uint32_t lp_prior_runs(const int32_t *off, uint32_t n) {
  uint32_t run = 1;
  while (run < n && off[run] == off[run - 1] + 1) run++;
  if (n % run) return 0;
  for (uint32_t j = 1; j < n; j++)
    if (j % run && off[j] != off[j - 1] + 1) return 0;
  return run > 1 ? run : 0;
}

lp_status lp_prior_tabulate(lp_prior *p, const lp_cost *cost) {
  const lp_sheets *sh = &p->sheets;
  axis x[LP_MAX_AXES];
  uint64_t entries = 1;
  if (!lp_prior_topology(p)->extents) return LP_OK;
  for (uint32_t a = 0; a < sh->ndim; a++) {
    if (!make_axis(sh->extent_out[a], sh->extent_in[a], &x[a])) return LP_OK;
    entries *= x[a].entries;
    if (entries > INT32_MAX) return LP_OK;
  }
  p->n_table = (uint32_t)entries;
  p->table = malloc(entries * sizeof *p->table);
  p->off_out = malloc(sh->n_out * sizeof *p->off_out);
  p->off_in = malloc(sh->n_in * sizeof *p->off_in);
  if (!p->table || !p->off_out || !p->off_in)
    return lp_fail(LP_ERR_MEMORY, "prior: out of memory for a table of %u entries", p->n_table);
  fill_offsets(x, sh->ndim, sh->n_out, true, p->off_out);
  fill_offsets(x, sh->ndim, sh->n_in, false, p->off_in);
  lp_status s = fill_distances(p, x);
  if (s != LP_OK) return s;
  if (!table_holds(p)) {
    free(p->table);
    free(p->off_out);
    free(p->off_in);
    p->table = NULL;
    p->off_out = p->off_in = NULL;
    p->n_table = 0;
    return LP_OK;
  }
  p->run = lp_prior_runs(p->off_in, sh->n_in);
  for (uint32_t e = 0; e < p->n_table && s == LP_OK; e++)
    s = lp_prior_signal(p, cost, p->table[e], &p->table[e]);
  return s;
}
