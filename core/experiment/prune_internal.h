/* What the files about pruning share. */
#ifndef LP_PRUNE_INTERNAL_H
#define LP_PRUNE_INTERNAL_H

#include <jansson.h>
#include <limits.h>
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

/* ---- prune_folder.c: where it works
 * --------------------------------------------------------------
 */

typedef struct lp_prune_folder {
  char path[PATH_MAX]; /* .NAME.unfinished beside the wanted NAME; "": not made yet */
  int lock;            /* -1: none */
  json_t *state;
  double share; /* lp_train_spec.sparse_share of all trainers; known after lp_prune_on_device */
  bool stays;   /* what is in it is of another command */
} lp_prune_folder;

/* Fails unless something can be made there, and nothing is. */
lp_status lp_prune_check_out(const char *out);
/* Makes the folder for out, or goes on in one that was left by the same command (all that decides
 * the results, consumed) and not by another one. f->lock is -1 before. */
lp_status lp_prune_begin(lp_prune_folder *f, const char *out, json_t *command);
/* Before the first row: t's device and the share, which are as they were when the folder was begun.
 * share: as asked for (lp_prune_spec). */
lp_status lp_prune_on_device(lp_prune_folder *f, lp_trainer *t, double share);
/* Is the row of that arm, seed, rank, keep and state finished? Then the rest of it is filled in. */
bool lp_prune_finished(const lp_prune_folder *f, lp_pruned *row);
/* n rows are finished, and the file of their network, if they have one, is there. */
lp_status lp_prune_note(lp_prune_folder *f, const lp_pruned *row, uint32_t n);
/* On success the folder becomes `out`. Else it is removed, unless something in it is finished and
 * may be gone on with: it was interrupted, a disk was full, a device failed. Returns what there is
 * to be said in the end. */
lp_status lp_prune_end(lp_prune_folder *f, const char *out, lp_status status);

/* ---- prune_files.c: the tables of a folder --------------------------------------------------- */

json_t *lp_pruned_json(const lp_pruned *row); /* NULL: out of memory */
/* row->arm is the object's. False: it is no row. */
bool lp_pruned_read(const json_t *o, lp_pruned *row);
/* What was asked for, as prune.json has it; NULL: out of memory. */
json_t *lp_prune_request(const char *source, const lp_prune_spec *spec);
/* Writes prune.csv and prune.json into the folder. */
lp_status lp_prune_write(const lp_prune_folder *f, const char *source, const lp_prune_spec *spec,
                         const lp_pruned *row, uint32_t n);

#endif
