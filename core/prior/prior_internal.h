/* What the files of core/prior share. */
#ifndef LOCALITY_PRIOR_INTERNAL_H
#define LOCALITY_PRIOR_INTERNAL_H

#include <locality/graph.h>
#include <locality/prior.h>
#include <locality/registry.h>

#include <math.h>
#include <stdbool.h>

/* Behind lp_prior.impl: whom to ask for distances and signals. */
struct lp_prior_impl {
  lp_spec topology;
  lp_spec cost;     /* a cost, a prior source, or the base of a permuted prior */
  lp_spec permuted; /* the source that permutes it; no entry when there is none */
  lp_metric metric;
  double *pos;       /* of both sheets; lp_prior.sheets points into it */
  lp_pattern *wires; /* the pairs with a signal, of a local prior of a large layer; else NULL */
  double *signal;    /* of each wire where there is neither a table nor a dense matrix */
  /* Of the pair whose distance a prior source was told though no distance is like that; the source
   * itself cannot fail for it. */
  uint32_t bad_out, bad_in;
  bool bad_distance;
};

static inline const lp_topology *lp_prior_topology(const lp_prior *p) {
  return p->impl->topology.entry->descriptor;
}

/* Distance between two positions under the prior's topology and metric. */
static inline double lp_prior_gap(const lp_prior *p, const double *a, const double *b) {
  const lp_topology *t = lp_prior_topology(p);
  return t->distance(t->self, p->impl->topology.args, p->impl->metric, &p->sheets, a, b);
}

/* prior.c: distance of output unit i and input unit j; fails where the topology's is negative or
 * NaN. */
lp_status lp_prior_measure(const lp_prior *p, uint32_t i, uint32_t j, double *d);
/* prior.c: the signal of a cost over a distance; fails where it is no number that layers can
 * compute with. */
lp_status lp_prior_signal(const lp_prior *p, const lp_cost *cost, double d, double *signal);

/* sheet.c: lays both sheets out; fills p->sheets. */
lp_status lp_prior_place(lp_prior *p, const lp_prior_spec *spec);

/* table.c: fills n_table, table, off_out, off_in and run from a cost when the sheets are lattices
 * whose distances depend on offsets alone; leaves them empty (LP_OK) otherwise. */
lp_status lp_prior_tabulate(lp_prior *p, const lp_cost *cost);
/* local.c: up to how many wires the layer has these alone; 0: it is too small for that. */
uint64_t lp_prior_most_wires(const lp_prior *p);
/* local.c: impl->wires, of a prior with a table. */
lp_status lp_prior_find_wires(lp_prior *p);
/* near.c: impl->wires and impl->signal, of a cost with a reach where the topology tells what is
 * near; leaves both (LP_OK) where these are not known, or wires not few. perm: of the output and of
 * the input units, NULL: none. */
lp_status lp_prior_find_near(lp_prior *p, const lp_cost *cost, const uint32_t *perm);
/* near.c: P before normalisation, of a prior with impl->signal. */
double lp_prior_near_signal(const lp_prior *p, uint32_t i, uint32_t j);
/* Inputs that may send to output i: *at lists them, NULL: all. Returns how many. */
static inline uint32_t lp_prior_row(const lp_prior *p, uint32_t i, const int32_t **at) {
  const lp_pattern *w = p->impl->wires;
  *at = w ? w->columns + w->rows[i] : NULL;
  return w ? (uint32_t)(w->rows[i + 1] - w->rows[i]) : p->sheets.n_in;
}

/* The longest aligned runs in which off rises by 1; see lp_linear_params. */
uint32_t lp_prior_runs(const int32_t *off, uint32_t n);

/* normalize.c: sets the scales. Refuses values that single precision, in which layers compute, does
 * not hold, and rows of zeros, before normalisation and after it. */
lp_status lp_prior_normalize(lp_prior *p, lp_normalize mode, const char *name);

/* A prior as devices take it: in f32, with what is 1 everywhere left out. NULL: not there; neither
 * table nor dense: a plain layer. */
typedef struct lp_prior_values {
  uint32_t n_out, n_in, n_table, run;
  uint32_t ndim, extent_out[LP_MAX_AXES], extent_in[LP_MAX_AXES]; /* of the sheets as laid out */
  float *table, *row_scale, *col_scale, *dense;
  float *expanded; /* P with its scales, beside a table that devices are not to read */
  /* Or the table with the inputs in its order: input i is unit order[i], which back undoes. */
  int32_t *order, *back, *ordered_off;
  float *ordered_scale; /* col_scale */
  uint32_t ordered_run;
  lp_pattern *wires; /* of a local prior of a large layer */
  float *wire;       /* P of each of them, NULL: 1 */
  int32_t *off_out, *off_in;
} lp_prior_values;

/* A table that devices should not read as it is: no two neighbouring inputs find their entries side
 * by side. */
static inline bool lp_prior_scattered(const lp_prior *p) {
  return p->table && !p->impl->wires && p->run <= 1;
}

/* order.c */
/* Fills order .. ordered_run of out where that makes a plain table of a scattered one; none where
 * it does not or the layer is small. False: out of memory. */
bool lp_prior_put_in_order(const lp_prior *p, lp_prior_values *out);
bool lp_prior_ordered(const lp_prior *p); /* does it? */

/* operands.c */
/* matrix: for a layer whose weights are a matrix that stands as it is known, so that there is a
 * table or a dense matrix; else a local prior is its wires, which are taken out of p, and what
 * files know it by, and a large scattered one is put in order. */
lp_status lp_prior_values_of(const lp_prior *p, bool matrix, lp_prior_values *out);
void lp_prior_values_free(lp_prior_values *v);
lp_status lp_prior_values_put(const lp_prior_values *v, lp_graph *g, const char *path,
                              lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params);

/* Of values with an order, for operands[0] = x and the parameter operands[1] = w. */
lp_status lp_prior_ordered_put(const lp_prior_values *v, lp_graph *g, const char *path,
                               lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params);
/* Of values with wires. */
lp_status lp_prior_wires_put(const lp_prior_values *v, lp_graph *g, const char *path,
                             lp_val operands[LP_SPARSE_INPUTS]);

/* A number as a message shows it: NaN without the sign that C libraries print. */
static inline double lp_prior_shown(double v) {
  return v != v ? fabs(v) : v;
}

/* P before normalisation. */
static inline double lp_prior_raw(const lp_prior *p, uint32_t i, uint32_t j) {
  if (p->table) return p->table[p->off_out[i] + p->off_in[j]];
  return p->dense ? p->dense[(size_t)i * p->sheets.n_in + j] : lp_prior_near_signal(p, i, j);
}

#endif
