/* Pooling and its gradients: kernels/pool.cl, and pool_planes.cl for CPU devices; avgpool.cl. */
#include "ops.h"

#define GROUP 256

void ocl_encode_pool(ocl_encoder *e) {
  const lp_step *s = e->step;
  bool backward = s->op == LP_OP_MAXPOOL2D_DX;
  const lp_slot *in = lp_step_in(e->plan, s, 0), *out = lp_step_out(e->plan, s, 0);
  const lp_slot *which = backward ? lp_step_in(e->plan, s, 1) : lp_step_out(e->plan, s, 1);
  const lp_desc *large = backward ? &out->desc : &in->desc;
  const lp_desc *small = backward ? &in->desc : &out->desc;
  int64_t n = lp_numel(&out->desc);
  const lp_pool_params *pool = &s->params.pool;
  bool planes = e->dev->cpu && (backward || pool->k <= 4);
  ocl_begin(e, planes ? "pool_planes" : "pool");
  if (planes)
    ocl_grid(e, out->desc.dim[0] * out->desc.dim[1], 1);
  else
    ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "BACKWARD", backward);
  ocl_define_int(e, "WITH_WHICH", which != NULL);
  ocl_define_int(e, "IN_H", large->dim[2]);
  ocl_define_int(e, "IN_W", large->dim[3]);
  ocl_define_int(e, "OUT_H", small->dim[2]);
  ocl_define_int(e, "OUT_W", small->dim[3]);
  ocl_define_int(e, "WINDOW", pool->k);
  ocl_define_int(e, "STRIDE", pool->stride);
  ocl_posts(e, NULL, lp_inner(&out->desc), planes ? out->desc.dim[2] * out->desc.dim[3] : 0,
            planes ? (int)out->desc.dim[3] : 0);
  ocl_arg_slot(e, in);
  if (backward) ocl_arg_slot(e, which);
  ocl_arg_slot(e, out);
  if (!backward && which) ocl_arg_slot(e, which);
  if (!planes) ocl_arg_int(e, n);
  ocl_post_args(e, NULL);
}

void ocl_encode_avgpool(ocl_encoder *e) {
  const lp_step *s = e->step;
  const lp_slot *in = lp_step_in(e->plan, s, 0), *out = lp_step_out(e->plan, s, 0);
  bool backward = s->op == LP_OP_AVGPOOL2D_DX;
  const lp_desc *small = backward ? &in->desc : &out->desc;
  const lp_pool_params *pool = &s->params.pool;
  const uint32_t columns = pool->columns ? pool->columns : pool->k;
  int64_t n = lp_numel(&out->desc);
  ocl_begin(e, "avgpool");
  ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "BACKWARD", backward);
  ocl_define_int(e, "IN_H", pool->in_h);
  ocl_define_int(e, "IN_W", pool->in_w);
  ocl_define_int(e, "OUT_H", small->dim[2]);
  ocl_define_int(e, "OUT_W", small->dim[3]);
  ocl_define_int(e, "ROWS", pool->k);
  ocl_define_int(e, "COLUMNS", columns);
  ocl_define_int(e, "STRIDE", pool->stride);
  ocl_posts(e, NULL, lp_inner(&out->desc), 0, 0);
  ocl_arg_slot(e, in);
  ocl_arg_slot(e, out);
  ocl_arg_float(e, 1.0f / ((float)pool->k * (float)columns));
  ocl_arg_int(e, n);
  ocl_post_args(e, NULL);
}
