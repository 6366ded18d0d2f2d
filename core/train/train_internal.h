/* The trainer's own structures. */
#ifndef LP_TRAIN_INTERNAL_H
#define LP_TRAIN_INTERNAL_H

#include <locality/train.h>

#define LP_EVAL_BATCH 250
#define LP_EVAL_ROWS  64
#define LP_MAX_PLANS  8

typedef enum lp_plan_use { USE_TRAIN = 0, USE_EVAL = 1, USE_ACTIVATIONS = 2 } lp_plan_use;

/* A plan for one use and batch size, made when it is first needed. */
typedef struct lp_use_plan {
  lp_plan_use use;
  uint32_t batch;
  lp_plan *plan;
} lp_use_plan;

/* One of two sets of input buffers: while one batch trains, the next is copied. */
typedef struct lp_lane {
  uint8_t *images; /* host side */
  int32_t *labels;
  lp_buffer *bound[2]; /* images, labels on the device */
  lp_event *pending[2];
} lp_lane;

struct lp_trainer {
  lp_train_spec spec;
  char *model, *layer, *device; /* what spec's strings point to */
  lp_session *session;
  const lp_dataset *train;
  uint32_t n_train, batch, steps; /* samples, batch size, steps of an epoch */
  lp_use_plan plan[LP_MAX_PLANS];
  uint32_t n_plans;
  lp_lane lane[2];
  uint32_t lane_batch;  /* samples a lane holds */
  uint32_t *order;      /* of the current epoch */
  uint32_t order_epoch; /* epoch that `order` was drawn for, plus 1; 0 none */
  float *history;       /* steps x 4, as read back */
  uint32_t epoch, step; /* finished epochs; finished steps of the current one */
  uint32_t delivered;   /* losses of this epoch handed to the progress function */
  uint64_t iteration;
  lp_profile_row *profile; /* sums of seconds over profiled runs */
  uint32_t n_profile;
  uint64_t profiled;
};

lp_status lp_trainer_plan(lp_trainer *t, lp_plan_use use, uint32_t batch, lp_plan **out);
/* Makes both lanes hold at least `batch` samples. */
lp_status lp_trainer_lanes(lp_trainer *t, uint32_t batch);
/* Copies samples index[0..n-1] into lane k and starts their upload. */
lp_status lp_lane_fill(lp_trainer *t, uint32_t k, const lp_dataset *data, const uint32_t *index,
                       uint32_t n, uint32_t epoch);
uint32_t lp_batch_size(const lp_trainer *t, uint32_t step);

/* One line that two runs must share to be the same training. malloc'ed; NULL out of memory. */
char *lp_train_fingerprint(const lp_trainer *t);

#endif
