/* train.h: training one network and evaluating it.
 *
 * A trainer owns a session, its plans and the position in the data. Everything random is a pure
 * function of (seed, path, epoch, sample), so two trainers with one seed and different layers
 * share initial weights, batch order and dropout masks, and a run resumed from a checkpoint is
 * bit-identical to one that was never interrupted.
 */
#ifndef LOCALITY_TRAIN_H
#define LOCALITY_TRAIN_H

#include <locality/data.h>
#include <locality/exec.h>
#include <locality/nn.h>
#include <locality/settings.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A parameter that is pruned: what is kept of it (not 0), by the rows of its first axis, as files
 * have it (core/DESIGN.md): rows has n_rows + 1 numbers, columns of a row (the axes after the first
 * taken together) rise. */
typedef struct lp_train_mask {
  const char *name; /* "lp.weight" */
  const char *file; /* where it was read, for messages; NULL: nowhere */
  uint32_t n_rows;
  const int32_t *rows, *columns;
} lp_train_mask;

typedef struct lp_train_spec {
  lp_net_spec net; /* without a seed: the settings have it */
  const lp_settings
      *settings;              /* LP_USE_TRAIN: seed, batch, optimizer, backend, ...; NULL: defaults.
                                 What net says (model, layer, set, ...) is not asked for */
  const lp_train_mask *masks; /* copied: what they do not keep is 0 once a model is applied, and
                                 stays so while it trains; model files hold the rest alone */
  uint32_t n_masks;
  /* Fully connected layers of which at most this share is kept are computed by what is kept alone,
   * others as they are, with what is pruned at 0: sums differ in their order. 0: the share that
   * lp_sparse_share tells for the device; below 0: none. Layers with a local prior always are,
   * those with a penalty never. */
  double sparse_share;
  bool dry_run; /* plan only: lp_trainer_plan_info works, nothing can run */
} lp_train_spec;

/* Training (out[0]) and test images of the settings' data by lp_dataset_open_both; images in files
 * get the size that the model is made for where the data's spec does not say. Both are NULL on
 * failure. */
LP_API lp_status lp_train_open_data(const lp_settings *s, lp_dataset *out[2]);
/* The device that settings name, with the precision that they ask for; malloc'ed, NULL out of
 * memory. */
LP_API char *lp_train_device(const lp_settings *s);
/* The network that settings describe, for a data set's images. Strings point into s. Of an option
 * that was not given and that the network has no knob for, the value does not count. */
LP_API lp_status lp_train_net(const lp_settings *s, const lp_dataset_info *data, lp_net_spec *out);

/* What an epoch, or an evaluation, gave. */
typedef struct lp_epoch_result {
  uint32_t epoch;  /* 1-based */
  double loss;     /* mean over samples */
  double accuracy; /* top-1, percent */
  double top5;     /* percent */
  double seconds;
  double waited;  /* of these, for images and copying them */
  uint64_t steps; /* optimiser steps since the start */
  double lr;
} lp_epoch_result;

typedef struct lp_trainer lp_trainer;

/* Texts of the spec and settings are copied. train may be NULL for evaluation only. Data sets must
 * outlive the trainer. */
LP_API lp_status lp_trainer_new(const lp_train_spec *spec, const lp_dataset *train,
                                lp_trainer **out);
LP_API void lp_trainer_free(lp_trainer *t);
LP_API lp_session *lp_trainer_session(lp_trainer *t);

/* Called on the training thread before every step and when losses were read back. Losses stay on
 * the device and are read back at the end of an epoch, and every few seconds in long ones; they
 * arrive in fixed blocks of LP_LOSS_BLOCK steps (the last of an epoch may be shorter), so what is
 * logged does not depend on timing. After a resume inside an epoch the blocks of that whole epoch
 * are delivered again: a log should first drop what it has of epochs after the finished ones.
 * Return false to stop after the current step: lp_train_epoch then gives LP_ERR_INTERRUPTED.
 * lp_checkpoint_save may be called from here. */
#define LP_LOSS_BLOCK 100
typedef struct lp_progress {
  uint32_t epoch, step, steps; /* steps done in this epoch (1-based epoch), of steps */
  const float *loss;           /* n_loss per-step losses, or none */
  uint32_t n_loss;
  uint32_t last_step; /* step of this epoch that the last of them belongs to, 1-based */
  double lr, seconds; /* seconds since this call of lp_train_epoch began */
} lp_progress;
typedef bool (*lp_progress_fn)(void *user, const lp_progress *p);

/* Trains to the end of the current epoch (from the middle of it after a resume). A loss that is
 * not finite is LP_ERR_NONFINITE: its step and learning rate are in the error text and in *out
 * (steps, lr, loss). A last batch of a single sample is left out: batch norm cannot use it. */
LP_API lp_status lp_train_epoch(lp_trainer *t, lp_progress_fn progress, void *user,
                                lp_epoch_result *out);
/* Epochs finished, and steps finished in the current one. */
LP_API void lp_trainer_position(const lp_trainer *t, uint32_t *epoch, uint32_t *step);

/* A penalty of the network, and what it was in the last epoch that was trained. */
typedef struct lp_penalty_value {
  const char *layer, *penalty; /* "lp", "wiring_l1:weight=0.01,..."; the trainer's */
  double strength;             /* what it was multiplied by */
  double value;                /* not multiplied, mean over the epoch's steps */
} lp_penalty_value;
/* All of them, in the order of the layers, owned by the trainer; returns their number. */
LP_API uint32_t lp_trainer_penalties(const lp_trainer *t, const lp_penalty_value **out);

/* Units of a layer's sheet that exchanged their places (option `place`), with the network's
 * function as it was: weights before and after them, the optimiser's state and running statistics
 * went along. [0] before, [1] after; NaN where it cannot be said. */
typedef struct lp_placement {
  const char *layer, *by; /* by: "wiring" or "alignment" */
  uint32_t units, moved, swaps;
  double wiring[2];    /* sum |w| d over the wires to and from sheets */
  double alignment[2]; /* Pearson over pairs of units of the correlation of their activations and
                          1 / (1 + d) (Margalit et al., Neuron 2024) */
  double variance[2];  /* V: mean spatial variance of the maps, where none is negative */
} lp_placement;
/* Those of the last epoch that was trained, in the order of the option, owned by the trainer. The
 * activations are of up to 500 training images. Returns their number. */
LP_API uint32_t lp_trainer_placements(const lp_trainer *t, const lp_placement **out);
/* Places units of a network that is not being trained. item: as one of the option `place`, of which
 * `every` does not count. data: images whose activations count, NULL: none (and by=alignment is an
 * error). out->layer is NULL. Errors: lp_net_units_of's, and wires or activations that are not
 * there.
 */
LP_API lp_status lp_trainer_place(lp_trainer *t, const char *item, const lp_dataset *data,
                                  lp_placement *out);

/* From now on (or no longer) times every step of whole-batch passes, which may slow them down. */
LP_API void lp_trainer_set_profile(lp_trainer *t, bool on);
/* Mean seconds of each step of the training plan, over the passes that were timed. */
LP_API lp_status lp_trainer_profile(lp_trainer *t, lp_profile_row *out, uint32_t cap, uint32_t *n);
/* Memory and size of the training plan (after lp_trainer_new). */
LP_API void lp_trainer_plan_info(const lp_trainer *t, lp_plan_info *out);

/* Bytes that training and evaluation on data take at most, apart from the program itself. All but
 * the copies lie on the device, which may be this machine. */
typedef struct lp_train_memory {
  uint64_t persistent; /* parameters, state and constants */
  uint64_t transient;  /* activations, gradients and scratch */
  uint64_t images;     /* two batches on the device */
  uint64_t copies;     /* on this machine: images ahead, and a checkpoint while it is written */
} lp_train_memory;
LP_API lp_status lp_trainer_memory(lp_trainer *t, lp_train_memory *out);

/* Loss and accuracy over a data set, in evaluation mode. */
LP_API lp_status lp_evaluate(lp_trainer *t, const lp_dataset *data, lp_epoch_result *out);
/* The sites that the trainer's network records, in the order of its layers. Owned by the trainer;
 * `val` means nothing. */
LP_API lp_status lp_trainer_sites(lp_trainer *t, const lp_site **site, uint32_t *n);
/* Activations of samples index[0..n-1] in evaluation mode: maps[k] (n x units of site k, or n x
 * steps x units) for every site, and the n labels. lp_dataset_selection chooses samples. */
LP_API lp_status lp_activations(lp_trainer *t, const lp_dataset *data, const uint32_t *index,
                                uint32_t n, float *const *maps, int32_t *labels);

/* The same, and the class that the network decides for; maps may be NULL. */
LP_API lp_status lp_decisions(lp_trainer *t, const lp_dataset *data, const uint32_t *index,
                              uint32_t n, float *const *maps, int32_t *labels, int32_t *decision);
/* Of a network built with `steer`: the units of its k-th site are multiplied by gain and added to
 * offset (units numbers each) from now on. */
LP_API lp_status lp_trainer_steer(lp_trainer *t, uint32_t k, const float *gain,
                                  const float *offset);

/* The constants of the network (its priors) as "layer=SHA-256 layer=SHA-256", "" when it has none:
 * of names, types, shapes and the bytes that devices get. Owned by the trainer. */
LP_API const char *lp_trainer_priors(const lp_trainer *t);
/* Fails with LP_ERR_PLUGIN, naming the first layer that differs and the modules behind it, unless
 * both texts say the same; a penalty, which only graphs that train have, may stand in one of them
 * alone. The layer's spec is network's, or, without a network, `layer`. */
LP_API lp_status lp_priors_compare(const char *then, const char *now, const lp_netspec *network,
                                   const char *layer);

/* A checkpoint is a safetensors file with every variable, the position, and what decides the bits
 * (network, data, device, settings of LP_USE_BITS): a resume under others, or with other priors, is
 * refused. save is atomic. */
LP_API lp_status lp_checkpoint_save(lp_trainer *t, const char *path);
LP_API lp_status lp_checkpoint_load(lp_trainer *t, const char *path);

/* A model file: parameters and running statistics, with metadata that rebuilds the network.
 * load fills a spec whose strings live in *storage (free with lp_model_free). apply refuses a
 * network whose priors are no longer those of the file; files of 0.1 do not tell them. */
LP_API lp_status lp_model_save(lp_trainer *t, const char *path);
typedef struct lp_model lp_model;
LP_API lp_status lp_model_load(const char *path, lp_model **out);
LP_API const lp_net_spec *lp_model_spec(const lp_model *m);
/* The names of the classes that its outputs mean, as many as the spec has; NULL where the training
 * images' files had none, or the file is older than names. Owned by the model. */
LP_API const char *const *lp_model_class_names(const lp_model *m);
/* The data set it was trained on, as it was named; NULL: unknown. */
LP_API const char *lp_model_data(const lp_model *m);
/* Opens a data set for the model: images in files get its size, and labels mean its classes, by
 * their names (lp_dataset_match). A shape or class that the model does not know is an error. */
LP_API lp_status lp_model_open_data(const lp_model *m, const char *spec, lp_split split,
                                    lp_dataset **out);
LP_API lp_status lp_model_apply(const lp_model *m, lp_trainer *t); /* writes its weights */
/* Of a network that was pruned: masks for a trainer of it, owned by the model. Returns how many. */
LP_API uint32_t lp_model_masks(const lp_model *m, const lp_train_mask **out);
/* Writes t's network, which m was applied to, with m's metadata: what it was trained on and how.
 * pruned: text for the file's key of that name. Tensors that m's file has sparse stay so. */
LP_API lp_status lp_model_save_pruned(const lp_model *m, lp_trainer *t, const char *pruned,
                                      const char *path);
/* A model of which units were placed with lp_trainer_place: m's metadata, "placed" with each item
 * that there was, and t's weights. */
LP_API lp_status lp_model_save_placed(const lp_model *m, lp_trainer *t, const char *item,
                                      const char *path);
LP_API void lp_model_free(lp_model *m);

#ifdef __cplusplus
}
#endif
#endif
