/* Log-softmax and cross entropy: kernels/softmax.cl. */
#include "ops.h"

enum { MODE_FORWARD = 1, MODE_BACKWARD, MODE_ENTROPY };

#define GROUP 256

/* Work-items a row: enough for the classes, few enough that a group holds several rows. */
static int lanes_for(int64_t classes) {
  int lanes = 1;
  while (lanes < 64 && lanes * 8 < classes) lanes *= 2;
  return lanes;
}

static void begin(ocl_encoder *e, int mode, int64_t rows, int64_t classes) {
  int lanes = lanes_for(classes);
  ocl_begin(e, "softmax");
  ocl_grid(e, mode == MODE_ENTROPY ? 1 : ocl_ceil(rows, GROUP / lanes), GROUP);
  ocl_define_int(e, "MODE", mode);
  ocl_define_int(e, "CLASSES", classes);
  ocl_define_int(e, "LANES", lanes);
}

void ocl_encode_softmax(ocl_encoder *e) {
  const lp_slot *y = lp_step_out(e->plan, e->step, 0);
  bool backward = e->step->op == LP_OP_LOG_SOFTMAX_DX;
  begin(e, backward ? MODE_BACKWARD : MODE_FORWARD, y->desc.dim[0], y->desc.dim[1]);
  ocl_posts(e, NULL, y->desc.dim[1], 0, 0);
  for (uint32_t i = 0; i < (backward ? 2U : 1U); i++)
    ocl_arg_slot(e, lp_step_in(e->plan, e->step, i));
  ocl_arg_slot(e, y);
  ocl_arg_int(e, y->desc.dim[0]);
  ocl_post_args(e, NULL);
}

void ocl_encode_cross_entropy(ocl_encoder *e) {
  if (e->step->op == LP_OP_CROSS_ENTROPY_DX) {
    ocl_encode_entropy_gradient(e);
    return;
  }
  const lp_slot *logits = lp_step_in(e->plan, e->step, 0),
                *history = lp_step_in(e->plan, e->step, 2);
  const lp_slot *logp = lp_step_out(e->plan, e->step, 1);
  begin(e, MODE_ENTROPY, logits->desc.dim[0], logits->desc.dim[1]);
  ocl_define_int(e, "WITH_LOGP", logp != NULL);
  ocl_define_int(e, "WITH_HISTORY", history != NULL);
  ocl_arg_slot(e, logits);
  ocl_arg_slot(e, lp_step_in(e->plan, e->step, 1));
  if (logp) ocl_arg_slot(e, logp);
  if (history) {
    ocl_arg_slot(e, history);
    ocl_arg_run(e, OCL_ROW);
  }
  ocl_arg_slot(e, lp_step_out(e->plan, e->step, 0));
  ocl_arg_int(e, logits->desc.dim[0]);
}
