/* A weight multiplied by its prior: kernels/prior.cl. */
#include "ops.h"

#define GROUP 256

void ocl_encode_prior(ocl_encoder *e) {
  const lp_slot *w = lp_step_in(e->plan, e->step, 0), *y = lp_step_out(e->plan, e->step, 0);
  const bool table = lp_step_in(e->plan, e->step, LP_PRIOR_TABLE) != NULL;
  const lp_slot *rows = lp_step_in(e->plan, e->step, table ? LP_PRIOR_OFF_OUT : LP_PRIOR_DENSE);
  const int64_t n = lp_numel(&w->desc);
  ocl_begin(e, "prior");
  ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "PRIOR", table ? 1 : 2);
  ocl_define_int(e, "OUTPUTS", rows->desc.dim[0]);
  ocl_define_int(e, "INPUTS", w->desc.dim[1]);
  ocl_define_int(e, "REST", lp_inner(&w->desc) / w->desc.dim[1]);
  ocl_define_int(e, "WITH_ROW", lp_step_in(e->plan, e->step, LP_PRIOR_ROW_SCALE) != NULL);
  ocl_define_int(e, "WITH_COL", lp_step_in(e->plan, e->step, LP_PRIOR_COL_SCALE) != NULL);
  ocl_posts(e, NULL, lp_inner(&y->desc), 0, 0);
  ocl_arg_slot(e, w);
  static const uint32_t with_table[] = {LP_PRIOR_TABLE, LP_PRIOR_OFF_OUT, LP_PRIOR_OFF_IN};
  for (uint32_t i = 0; table && i < 3; i++)
    ocl_arg_slot(e, lp_step_in(e->plan, e->step, with_table[i]));
  if (!table) ocl_arg_slot(e, rows);
  for (uint32_t i = LP_PRIOR_ROW_SCALE; i <= LP_PRIOR_COL_SCALE; i++)
    if (lp_step_in(e->plan, e->step, i)) ocl_arg_slot(e, lp_step_in(e->plan, e->step, i));
  ocl_arg_slot(e, y);
  ocl_arg_int(e, n);
  ocl_post_args(e, NULL);
}
