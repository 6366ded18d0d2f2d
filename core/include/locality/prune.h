/* prune.h: taking wires out of trained networks, and what that costs.
 *
 * A wire is a weight that its layer's prior does not make 0. Of a layer, or of all layers together,
 * the fraction `keep` of the wires that rank highest stays, the rest is 0; of equal ones the lower
 * index stays (lp_pruned_length in measure.h is the rule). Everything is a function of the networks
 * and the spec, to the bit.
 *
 * Threads: lp_prune may be called from any thread; one at a time for one folder.
 */
#ifndef LOCALITY_PRUNE_H
#define LOCALITY_PRUNE_H

#include <locality/measure.h>
#include <locality/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lp_prune_scope {
  LP_PRUNE_EACH = 0,  /* keeps the fraction in every weight tensor */
  LP_PRUNE_GLOBAL = 1 /* in all of them together */
} lp_prune_scope;

typedef struct lp_prune_spec {
  const lp_prune_rank *rank; /* n_ranks, each once */
  const double *keep;        /* n_keep, each once, between 0 and 1 */
  uint32_t n_ranks, n_keep;
  lp_prune_scope scope;
  const char *layers; /* names between commas; NULL: "lp", else all that have a prior */
  uint32_t finetune;  /* epochs of training after pruning, as the networks were trained; 0: none */
  /* Of a model file: the data set, NULL: that it was trained on. */
  const char *data;
  const char *backend;  /* device; NULL: the folder's, or auto */
  const char *settings; /* of fine-tuning, over the folder's or the defaults: "lr=0.001,..." */
  double sparse_share;  /* as in lp_train_spec, from the first network to the last */
} lp_prune_spec;

/* A network, pruned: once as it is then, and once after it was fine-tuned. */
typedef struct lp_pruned {
  const char *arm; /* of a model file: its name without .safetensors */
  uint64_t seed;
  lp_prune_rank rank;
  double keep;           /* 1: the network before */
  uint32_t finetuned;    /* epochs */
  uint64_t wires, kept;  /* in the pruned layers */
  double accuracy, top5; /* on the test images, percent */
  double loss;
  double length;      /* sum of |P W| d over them; NaN where units have no places */
  double mean_length; /* mean d of what is kept */
} lp_pruned;

/* done of total rows are finished, of which p is the last; NULL before the first. False stops. */
typedef bool (*lp_prune_fn)(void *user, const lp_pruned *p, uint32_t done, uint32_t total);

/* Prunes a model file, or every trained network of a run folder, into the new folder `out`:
 * prune.csv, prune.json and models/ (core/DESIGN.md). The folder appears whole, or not at all. A
 * call that was killed, interrupted (LP_ERR_INTERRUPTED: progress, which may be NULL, said so) or
 * stopped by a full disk leaves .NAME.unfinished beside it, in which the same call goes on to the
 * same bits; another call for the same folder is refused. */
LP_API lp_status lp_prune(const char *model_or_run, const lp_prune_spec *spec, const char *out,
                          lp_prune_fn progress, void *user);

/* "pw", "w", "w-over-d", "random"; NULL: there is no such rank. */
LP_API const char *lp_prune_rank_name(uint32_t rank);

#ifdef __cplusplus
}
#endif
#endif
