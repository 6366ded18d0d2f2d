/* Log-softmax and cross entropy: kernels/softmax.cl; sums: kernels/sum.cl. */
#include "ops.h"

enum { MODE_FORWARD = 1, MODE_BACKWARD, MODE_ENTROPY, MODE_MEAN };

#define GROUP 256

/* Work-items a row: enough for the classes, few enough that a group holds several rows. */
static int lanes_for(int64_t classes) {
  int lanes = 1;
  while (lanes < 64 && lanes * 8 < classes) lanes *= 2;
  return lanes;
}

/* Rows that a group does at a time. */
static int64_t rows_for(int64_t classes) {
  return GROUP / lanes_for(classes);
}

/* Groups of cross entropy, and of a sum: one alone would keep a GPU waiting. On CPU devices it does
 * not, and sums keep their order. What they are depends on shapes only, so all GPUs add alike. */
static int64_t entropy_groups(const lp_device *dev, const lp_desc *logits) {
  enum { FEW = 8, MOST = 64 };
  int64_t turns = ocl_ceil(logits->dim[0], rows_for(logits->dim[1]));
  return dev->cpu || turns <= FEW ? 1 : turns < MOST ? turns : MOST;
}

static int64_t sum_groups(const lp_device *dev, int64_t n) {
  enum { FEW = 16 * GROUP, MOST = 256 };
  int64_t groups = ocl_ceil(n, FEW);
  return dev->cpu || groups == 1 ? 1 : groups < MOST ? groups : MOST;
}

static void begin(ocl_encoder *e, int mode, int64_t groups, int64_t classes) {
  ocl_begin(e, "softmax");
  ocl_grid(e, groups, GROUP);
  ocl_define_int(e, "MODE", mode);
  ocl_define_int(e, "CLASSES", classes);
  ocl_define_int(e, "LANES", lanes_for(classes));
}

void ocl_encode_softmax(ocl_encoder *e) {
  const lp_slot *y = lp_step_out(e->plan, e->step, 0);
  bool backward = e->step->op == LP_OP_LOG_SOFTMAX_DX;
  int64_t rows = y->desc.dim[0], classes = y->desc.dim[1];
  begin(e, backward ? MODE_BACKWARD : MODE_FORWARD, ocl_ceil(rows, rows_for(classes)), classes);
  ocl_posts(e, NULL, classes, 0, 0);
  for (uint32_t i = 0; i < (backward ? 2U : 1U); i++)
    ocl_arg_slot(e, lp_step_in(e->plan, e->step, i));
  ocl_arg_slot(e, y);
  ocl_arg_int(e, rows);
  ocl_post_args(e, NULL);
}

/* What the loss and the row of the metrics are written to. */
static void results(ocl_encoder *e) {
  const lp_slot *history = lp_step_in(e->plan, e->step, 2);
  if (history) {
    ocl_arg_slot(e, history);
    ocl_arg_run(e, OCL_ROW);
  }
  ocl_arg_slot(e, lp_step_out(e->plan, e->step, 0));
}

size_t ocl_workspace_cross_entropy(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                                   uint32_t index) {
  (void)index;
  int64_t groups = entropy_groups(dev, &lp_step_in(plan, s, 0)->desc);
  return groups > 1 ? 3 * sizeof(float) * (size_t)groups : 0;
}

void ocl_encode_cross_entropy(ocl_encoder *e) {
  if (e->step->op == LP_OP_CROSS_ENTROPY_DX) {
    ocl_encode_entropy_gradient(e);
    return;
  }
  const lp_slot *logits = lp_step_in(e->plan, e->step, 0), *logp = lp_step_out(e->plan, e->step, 1);
  const lp_slot *shares = lp_plan_slot(e->plan, e->step->workspace);
  int64_t rows = logits->desc.dim[0], groups = entropy_groups(e->dev, &logits->desc);
  for (int mode = MODE_ENTROPY; mode == MODE_ENTROPY || (mode == MODE_MEAN && groups > 1); mode++) {
    begin(e, mode, mode == MODE_ENTROPY ? groups : 1, logits->desc.dim[1]);
    ocl_define_int(e, "GROUPS", groups);
    ocl_define_int(e, "WITH_LOGP", logp != NULL);
    ocl_define_int(e, "WITH_HISTORY", lp_step_in(e->plan, e->step, 2) != NULL);
    if (mode == MODE_ENTROPY) {
      ocl_arg_slot(e, logits);
      ocl_arg_slot(e, lp_step_in(e->plan, e->step, 1));
      if (logp) ocl_arg_slot(e, logp);
    }
    if (groups > 1) ocl_arg_slot(e, shares);
    if (groups == 1 || mode == MODE_MEAN) results(e);
    ocl_arg_int(e, rows);
  }
}

size_t ocl_workspace_sum(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                         uint32_t index) {
  (void)index;
  int64_t groups = sum_groups(dev, lp_numel(&lp_step_in(plan, s, 0)->desc));
  return groups > 1 ? sizeof(float) * (size_t)groups : 0;
}

static void sum(ocl_encoder *e, const lp_slot *x, const lp_slot *y, int64_t n, int64_t groups) {
  ocl_begin(e, "sum");
  ocl_grid(e, groups, GROUP);
  ocl_define_int(e, "GROUPS", groups);
  ocl_arg_slot(e, x);
  ocl_arg_slot(e, y);
  ocl_arg_int(e, n);
}

void ocl_encode_sum(ocl_encoder *e) {
  const lp_slot *x = lp_step_in(e->plan, e->step, 0), *y = lp_step_out(e->plan, e->step, 0);
  const lp_slot *shares = lp_plan_slot(e->plan, e->step->workspace);
  int64_t n = lp_numel(&x->desc), groups = sum_groups(e->dev, n);
  if (groups > 1) {
    sum(e, x, shares, n, groups);
    x = shares, n = groups;
  }
  sum(e, x, y, n, 1);
}
