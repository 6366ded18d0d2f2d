/* prior.h: the locality prior of a layer, built from a topology and a wiring cost.
 *
 * P[i][j] is the signal that output unit i receives from input unit j: P = 1/cost(distance)
 * (Sax, "Locality Prior: a wiring cost for neural networks", 2017). It is never trained.
 */
#ifndef LOCALITY_PRIOR_H
#define LOCALITY_PRIOR_H

#include <locality/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sums are of |P|; a zero sum is an error. FAN_IN: rows sum to n_in, so each unit's total input
 * strength is a plain layer's. FAN_OUT: columns sum to n_out. TOTAL: all of P sums to n_out*n_in.
 */
typedef enum lp_normalize {
  LP_NORMALIZE_NONE = 0,
  LP_NORMALIZE_FAN_IN = 1,
  LP_NORMALIZE_FAN_OUT = 2,
  LP_NORMALIZE_TOTAL = 3,
} lp_normalize;

typedef struct lp_prior_spec {
  uint32_t n_out, n_in;
  uint32_t extent_out[LP_MAX_AXES], extent_in[LP_MAX_AXES]; /* 0: the topology decides */
  const char *topology;                                     /* "grid", NULL for "grid" */
  const char *cost;      /* a cost or prior source with its parameters: "linear", "power:p=2" */
  const char *metric;    /* "l2" (default when NULL), "l1", "linf" */
  const char *normalize; /* "none" (default when NULL), "fan_in", "fan_out", "total" */
  uint64_t seed;         /* of the network: lp_sheets.seed */
} lp_prior_spec;

/* A built prior: a table over lattice offsets, a dense matrix, or, where both are NULL, the signals
 * of its wires alone. Immutable; safe to read from several threads. */
typedef struct lp_prior {
  lp_sheets sheets; /* positions are owned by the prior */
  uint32_t n_table; /* entries; 0 when there is no table form */
  uint32_t run;     /* see lp_linear_params */
  double *table;    /* by lattice offset, before normalisation */
  int32_t *off_out, *off_in;
  double *row_scale, *col_scale; /* NULL when all 1 */
  double *dense;                 /* n_out x n_in, before scaling */
  struct lp_prior_impl *impl;
} lp_prior;

LP_API lp_status lp_prior_build(const lp_prior_spec *spec, lp_prior **out);
/* Its sheets alone, O(n_out + n_in): only `sheets` and lp_prior_distance may be asked for. cost and
 * normalize are not read. */
LP_API lp_status lp_prior_lay_out(const lp_prior_spec *spec, lp_prior **out);
LP_API void lp_prior_free(lp_prior *p);

/* Names of constants that stand for others of the graph, from which they follow, begin so. */
#define LP_PRIOR_EXPANDED "expanded."

/* P[i][j], normalised. */
LP_API double lp_prior_at(const lp_prior *p, uint32_t i, uint32_t j);
/* Distance between output unit i and input unit j. */
LP_API double lp_prior_distance(const lp_prior *p, uint32_t i, uint32_t j);
/* Bytes the prior takes on a device. */
LP_API size_t lp_prior_nbytes(const lp_prior *p);

/* Names of the enums above; parse fails with a suggestion. */

/* Puts a prior into a graph: constants named path.prior.*; fills operands[LP_PRIOR_TABLE ..] and
 * params of a LINEAR op. Identity priors (P = 1 everywhere) give no operands: a plain layer. */
LP_API lp_status lp_prior_operands(const lp_prior *p, lp_graph *g, const char *path,
                                   lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params);

/* The priors of one network. Graphs for training, evaluation and other batch sizes have the same
 * ones: a store builds each once, when it is first asked for, and keeps its values in single
 * precision (the bytes of lp_prior_nbytes) until it is freed. For one thread at a time. */
typedef struct lp_prior_store lp_prior_store;
LP_API lp_prior_store *lp_prior_store_new(void); /* NULL: out of memory */
LP_API void lp_prior_store_free(lp_prior_store *s);
/* lp_prior_build and lp_prior_operands, and the graph's note of it (graph.h); builds only what no
 * equal spec asked for before. */
LP_API lp_status lp_prior_store_operands(lp_prior_store *s, const lp_prior_spec *spec, lp_graph *g,
                                         const char *path, lp_val operands[LP_LINEAR_INPUTS],
                                         lp_linear_params *params);

/* The same for a LINEAR of x = operands[0] and the parameter operands[1]. A large layer with a
 * permuted prior, or another whose table neighbouring inputs read here and there, gets its inputs
 * in the order of the table: operands[0] becomes a PERMUTE of x, and the parameter stands in memory
 * in that order (lp_graph_order), which nobody sees who reads or writes it by its session. */
LP_API lp_status lp_prior_store_linear(lp_prior_store *s, const lp_prior_spec *spec, lp_graph *g,
                                       const char *path, lp_val operands[LP_LINEAR_INPUTS],
                                       lp_linear_params *params);

/* The same as operands of a SPARSE_LINEAR, where the prior is local: *local says whether it is 0
 * for all but a tenth of the pairs of a layer large enough to gain from that. Then nothing that is
 * made takes memory or time for pairs without a wire. */
LP_API lp_status lp_prior_store_wires(lp_prior_store *s, const lp_prior_spec *spec, lp_graph *g,
                                      const char *path, lp_val operands[LP_SPARSE_INPUTS],
                                      bool *local);

#ifdef __cplusplus
}
#endif
#endif
