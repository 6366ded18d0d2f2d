/* The trainer's own structures. */
#ifndef LP_TRAIN_INTERNAL_H
#define LP_TRAIN_INTERNAL_H

#include <locality/io.h>
#include <locality/train.h>

#define LP_EVAL_ROWS 64
#define LP_MAX_PLANS 16

typedef enum lp_plan_use {
  USE_TRAIN,      /* forward, backward, optimiser */
  USE_ACCUMULATE, /* forward, backward, gradients added to the sums */
  USE_UPDATE,     /* optimiser on the sums */
  USE_EVAL,
  USE_ACTIVATIONS,
  USE_DECISIONS, /* the activations, then the outputs */
} lp_plan_use;

/* A plan for one use and batch size, made when it is first needed. */
typedef struct lp_use_plan {
  lp_plan_use use;
  uint32_t batch;
  uint32_t total; /* USE_ACCUMULATE: samples of the whole optimiser step */
  bool first;     /* USE_ACCUMULATE: overwrites the sums */
  lp_plan *plan;
} lp_use_plan;

/* One of two sets of input buffers: while one batch trains, the next is copied. */
typedef struct lp_lane {
  uint8_t *images; /* host side */
  int32_t *labels;
  lp_buffer *bound[2]; /* images, labels on the device */
  lp_event *pending[2];
} lp_lane;

/* The session's states of a penalty: what it is multiplied by, its mean, and what is drawn anew in
 * every step (NULL: nothing). */
typedef struct lp_penalty_states {
  char *strength, *mean, *draw;
  lp_net_penalty of; /* for lp_penalty_draw; its texts are the network's */
  lp_desc drawn;
  float *values; /* of `drawn` */
} lp_penalty_states;

/* A parameter that is pruned. What is kept of it, by its rows; once a graph had the parameter,
 * either `keep`, 1 an element that is kept, else 0, or, where it is computed by these alone, the
 * pattern. */
typedef struct lp_mask {
  char *name, *file;
  uint32_t n_rows;
  int32_t *rows, *columns;
  float *keep;
  size_t n; /* of keep */
  lp_pattern *wires;
  bool thin;
} lp_mask;

/* An item of the option `place`, read and checked. Texts are cut from `text`. */
typedef struct lp_place {
  char *text;
  const char *layer, *topology, *metric;
  bool by_alignment;
  uint32_t every; /* epochs between placements; 0: after the last epoch */
  uint32_t rounds;
  lp_net_units units;
} lp_place;

struct lp_trainer {
  lp_train_spec spec;    /* its settings are `settings` */
  lp_settings *settings; /* of its own */
  lp_optim_spec optim;   /* as the settings have it, like seed and epochs */
  uint64_t seed;
  uint32_t epochs;
  lp_netspec *network; /* what spec.net.network points to */
  lp_mask *mask;       /* n_masks; spec has none any more */
  uint32_t n_masks;
  lp_site *site; /* of the network, once asked for */
  uint32_t n_sites;
  lp_session *session;
  const lp_dataset *train;
  uint32_t n_train, batch, steps; /* samples, batch size, steps of an epoch */
  uint32_t parts, part_batch;     /* passes of a step at most, samples of a pass as a rule */
  uint32_t eval_batch;            /* samples of a pass of evaluation */
  lp_use_plan plan[LP_MAX_PLANS];
  uint32_t n_plans;
  lp_plan *whole; /* of them, the first that was made: training on whole batches, else evaluation */
  lp_lane lane[2];
  uint32_t lane_batch;  /* samples a lane holds */
  uint32_t *order;      /* of the current epoch */
  uint32_t order_epoch; /* epoch that `order` was drawn for, plus 1; 0 none */
  float *history;       /* steps x 4, as read back */
  uint32_t epoch, step; /* finished epochs; finished steps of the current one */
  double spent;         /* seconds of the current epoch's finished steps */
  uint32_t delivered;   /* losses of this epoch handed to the progress function */
  uint64_t iteration;
  char *rows[2];             /* the session's states with metrics: of training, of evaluation */
  lp_penalty_value *penalty; /* of the network, once a training plan is made; n_penalties */
  lp_penalty_states *penalty_states;
  uint32_t n_penalties;
  lp_place *place; /* of the option; n_places */
  uint32_t n_places;
  lp_placement *placement; /* of the last epoch; room for n_places */
  uint32_t n_placements;
  char *priors;            /* lp_trainer_priors; of the first plan's graph */
  lp_profile_row *profile; /* sums of seconds over profiled runs */
  uint32_t n_profile;
  uint64_t profiled;
  bool profiling;
};

/* The plan for key's use, batch, total and first; made when it is first asked for. */
lp_status lp_trainer_plan(lp_trainer *t, lp_use_plan key, lp_plan **out);
/* Makes both lanes hold at least `batch` samples. */
lp_status lp_trainer_lanes(lp_trainer *t, uint32_t batch);
/* Copies the loader's next n samples into lane k and starts its upload. */
lp_status lp_lane_fill(lp_trainer *t, uint32_t k, lp_loader *loader, uint32_t n);
uint32_t lp_batch_size(const lp_trainer *t, uint32_t step);
/* Samples of pass `part` of a step, and which of the step is its first; 0: there is no such pass.
 */
uint32_t lp_part(const lp_trainer *t, uint32_t step, uint32_t part, uint32_t *first);
/* Samples of the largest pass that can be. */
uint32_t lp_part_most(const lp_trainer *t);
uint32_t lp_part_size(const lp_trainer *t, uint32_t step, uint32_t part);

/* setup.c */
/* The optimiser that settings describe. */
lp_status lp_train_optim(const lp_settings *s, lp_optim_spec *out);
/* The learning rate of epoch 0 ...: constant, lr * gamma^(epoch / step_epochs), or falling to 0
 * over all epochs as a cosine does. */
double lp_train_rate(const lp_settings *s, uint32_t epoch);

/* priors.c: the text of lp_trainer_priors, malloc'ed. */
lp_status lp_priors_of(const lp_graph *g, char **out);
/* Keeps the priors of the graph, and fails when one that was noted before had others. */
lp_status lp_trainer_note_priors(lp_trainer *t, const lp_graph *g);

/* masks.c */
#define LP_MASK_PREFIX "mask." /* of the constants that are masks in a graph */
/* Copies the masks of t's spec, which it forgets. */
lp_status lp_masks_take(lp_trainer *t);
void lp_masks_free(lp_trainer *t);
const lp_mask *lp_mask_find(const lp_trainer *t, const char *name); /* NULL: it is not pruned */
/* Tells the graph, which has the network and no gradients yet, of t's masks. */
lp_status lp_masks_put(lp_trainer *t, lp_graph *g, const lp_net *net);
/* What of them decides bits, " NAME=sparse:HASH" each; malloc'ed, NULL out of memory. */
char *lp_masks_text(const lp_trainer *t);
/* Sets what they do not keep to 0 in the session. */
lp_status lp_masks_apply(lp_trainer *t);

/* sparse_file.c: tensors of which some elements exist only, in files (core/DESIGN.md). */
enum { LP_SPARSE_PARTS = 3 }; /* tensors in the file */
/* What a variable in memory is: all elements of its rows (rows NULL), or the weights of a pattern.
 */
typedef struct lp_elements {
  size_t n, n_rows, n_columns;
  int32_t *rows, *columns;
} lp_elements;
lp_status lp_elements_of(lp_session *s, uint32_t var, const lp_desc *desc, lp_elements *out);
void lp_elements_free(lp_elements *e);
/* What keep (1 or 0 an element; NULL: all) leaves of data; names and data of the parts are to be
 * freed. */
lp_status lp_sparse_pack(const char *name, const lp_elements *e, const float *data,
                         const float *keep, lp_tensor_view part[LP_SPARSE_PARTS]);
/* The tensor of that name, with 0 where the file has nothing; what has no element is left out where
 * it was pruned, else it must be 0. LP_ERR_NOT_FOUND: the file has it not in this form. */
lp_status lp_sparse_unpack(const lp_safetensors *f, const char *path, const char *name,
                           const lp_elements *e, bool pruned, float *data);
/* What the file has of a tensor, whatever its columns; *found: it has it so. The arrays are the
 * file's. */
lp_status lp_sparse_mask(const lp_safetensors *f, const char *path, const char *name,
                         lp_train_mask *out, bool *found);
lp_status lp_sparse_bad(const char *path, const char *name, size_t rows, size_t columns);
/* From all elements, n_rows x n_columns. */
void lp_sparse_gather(const lp_elements *e, const float *whole, float *data);

/* place.c */
void lp_place_free(lp_place *p);
/* Reads the trainer's option `place` once its variables are there. */
lp_status lp_trainer_open_places(lp_trainer *t);
/* At the end of an epoch: the placements that are due. */
lp_status lp_trainer_place_now(lp_trainer *t);

/* place_facts.c */
/* What is known of the units: cost[u n + p] of unit u at place p, 0 where no wire has a length;
 * weight of its wires; d between places; r between units, and maps, NULL where none is recorded. */
typedef struct lp_place_facts {
  double *cost, *weight, *d, *r;
  float *maps;
  uint32_t images;
} lp_place_facts;
void lp_place_facts_free(lp_place_facts *f);
lp_status lp_place_gather(lp_trainer *t, const lp_place *p, const lp_dataset *data,
                          lp_place_facts *f);
/* Writes what is so with these places into out, before (0) or after (1). */
void lp_place_measure(const lp_place_facts *f, const lp_place *p, const uint32_t *place,
                      lp_placement *out, int after);
/* The recorded site that has the layer's units, one map an image; n_sites: none. */
uint32_t lp_place_site(const lp_trainer *t, const char *layer);
/* Distances n_out x n_in between two sheets on the topology; free *d. */
lp_status lp_place_distances(const lp_place *p, uint32_t n_out, uint32_t out_ndim,
                             const uint32_t *out_extent, uint32_t n_in, uint32_t in_ndim,
                             const uint32_t *in_extent, double **d);
/* A variable of n numbers; free *out. */
lp_status lp_place_read(lp_trainer *t, const char *name, size_t n, float **out);

/* swaps.c: what exchanges of places change. wiring[u n + p]: what unit u costs at place p; or NULL,
 * and r (between units) and s (between places), symmetric n x n, of which the sum of products is to
 * grow. A change counts from `least` on. */
typedef struct lp_swap_cost {
  uint32_t n;
  const double *wiring, *r, *s;
  double least;
} lp_swap_cost;
/* Goes through the units in their order, each of which exchanges its place with the one that helps
 * most, until no exchange helps or `rounds` times. place[u]: of unit u, in and out. Returns the
 * number of exchanges. O(n^2) a round, with r and s O(n^3). */
uint32_t lp_swap_places(const lp_swap_cost *c, const uint32_t *order, uint32_t rounds,
                        uint32_t *place);

/* One line that two runs must share to be the same training. malloc'ed; NULL out of memory. */
char *lp_train_fingerprint(const lp_trainer *t);

#endif
