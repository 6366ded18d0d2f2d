/* ops.h: the op table, and plans as programs of launches. */
#ifndef LP_OPENCL_OPS_H
#define LP_OPENCL_OPS_H

#include "launch.h"

/* ---- the op table -------------------------------------------------------------------------- */

typedef struct ocl_op {
  bool posts; /* may carry a chain */
  void (*encode)(ocl_encoder *e);
  size_t (*workspace)(lp_device *dev, const lp_plan_view *plan, const lp_step *s, uint32_t index);
} ocl_op;
extern const ocl_op ocl_ops[LP_OP_COUNT];

void ocl_encode_elementwise(ocl_encoder *e);
void ocl_encode_slice(ocl_encoder *e);
void ocl_encode_concat(ocl_encoder *e);
void ocl_encode_permute(ocl_encoder *e);
void ocl_encode_prior(ocl_encoder *e);
void ocl_encode_sum(ocl_encoder *e);
void ocl_encode_entropy_gradient(ocl_encoder *e);
void ocl_encode_pool(ocl_encoder *e);
void ocl_encode_avgpool(ocl_encoder *e);
void ocl_encode_batchnorm(ocl_encoder *e);
void ocl_encode_softmax(ocl_encoder *e);
void ocl_encode_cross_entropy(ocl_encoder *e);
size_t ocl_workspace_sum(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                         uint32_t index);
size_t ocl_workspace_cross_entropy(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                                   uint32_t index);
void ocl_encode_update(ocl_encoder *e);
void ocl_encode_product(ocl_encoder *e);
size_t ocl_workspace_product(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                             uint32_t index);

void ocl_encode_sparse(ocl_encoder *e);
size_t ocl_workspace_sparse(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                            uint32_t index);

lp_status ocl_encode_step(ocl_encoder *e);
lp_status ocl_compile(lp_device *dev, const lp_plan_view *plan, lp_program **out);
void ocl_program_free(lp_device *dev, lp_program *prog);
lp_status ocl_run(lp_device *dev, lp_program *prog, const lp_run_args *args, lp_event **done);
lp_status ocl_timings(lp_device *dev, lp_program *prog, lp_step_time *out, uint32_t cap,
                      uint32_t *n);
bool ocl_supports(lp_device *dev, const lp_plan_view *plan, uint32_t step);
lp_status ocl_workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *n);

/* product_clblast.c */
cl_int ocl_gemm_enqueue(ocl_gemm *g, cl_command_queue queue, const lp_run_args *args,
                        cl_event *event);
void ocl_gemm_free(ocl_gemm *g);
void ocl_gemm_forget(void); /* before a context is released where CLBlast was used */

#endif
