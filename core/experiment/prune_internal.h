/* What the files about pruning share. */
#ifndef LP_PRUNE_INTERNAL_H
#define LP_PRUNE_INTERNAL_H

#include <locality/prune.h>

/* ---- prune_wires.c: the weights of a network that are pruned --------------------------------- */

typedef struct lp_wires { /* a weight tensor */
  char *name;             /* "lp.weight" */
  size_t n, n_wires;
  uint32_t n_rows, n_columns; /* of the first axis, and of the others together */
  int32_t *rows, *columns;    /* of one that has its wires alone: where each stands; else NULL */
  float *w;
  double *p, *d;  /* prior and distance of each element; p NULL: 1, d NULL: not known */
  uint32_t *wire; /* indices of the n_wires elements that the prior does not make 0 */
  uint8_t *keep;  /* n */
} lp_wires;

typedef struct lp_wiring {
  lp_wires *of;
  uint32_t n;
} lp_wiring;

/* The tensors of the layers that are to be pruned; w is not read yet. */
lp_status lp_wiring_of(const lp_net_spec *net, const char *layers, lp_wiring *out);
void lp_wiring_free(lp_wiring *x);
/* Reads w from a trainer's session, which has all of it or, by a mask of keep, what is kept. */
lp_status lp_wiring_read(lp_wiring *x, lp_trainer *t);
/* Sets keep by rank; a tensor that would keep nothing is an error. keep 1: everything. */
lp_status lp_wiring_choose(lp_wiring *x, lp_prune_scope scope, lp_prune_rank rank, double keep,
                           uint64_t seed);
/* What is kept as masks, x->n of them; free with lp_wiring_masks_free. */
lp_status lp_wiring_masks(const lp_wiring *x, lp_train_mask **out);
void lp_wiring_masks_free(lp_train_mask *mask, uint32_t n);
/* Sizes and lengths of what is kept, into p. */
void lp_wiring_measure(const lp_wiring *x, lp_pruned *p);

/* ---- prune_files.c: the tables of a folder --------------------------------------------------- */

/* Writes prune.csv and prune.json into dir. */
lp_status lp_prune_write(const char *dir, const char *source, const lp_prune_spec *spec,
                         const lp_pruned *row, uint32_t n);

#endif
