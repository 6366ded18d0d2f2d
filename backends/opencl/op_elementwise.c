/* Element-wise ops, sums and the gradient of cross entropy: kernels elementwise.cl and sum.cl. */
#include "ops.h"

enum { HEAD_COPY = 1, HEAD_SIGN, HEAD_EXPAND, HEAD_NORMALIZE, HEAD_CROSS_ENTROPY };

#define GROUP 256

static void normalize_constants(ocl_encoder *e, const lp_slot *x) {
  const lp_normalize_params *p = &e->step->params.normalize;
  ocl_define(e, "PIXEL", "%s", x->desc.dtype == LP_U8 ? "uchar" : "float");
  ocl_define_int(e, "PIXELS", x->desc.dim[2] * x->desc.dim[3]);
  ocl_define_int(e, "CHANNELS", x->desc.dim[1]);
  ocl_define_float(e, "FACTOR", p->scale);
  const float *values[] = {p->mean, p->sd};
  static const char *const name[] = {"MEAN", "SD"};
  for (int k = 0; k < 2; k++) {
    const float *v = values[k];
    ocl_define(e, name[k], "{(%af), (%af), (%af), (%af)}", (double)v[0], (double)v[1], (double)v[2],
               (double)v[3]);
  }
}

void ocl_encode_elementwise(ocl_encoder *e) {
  const lp_step *s = e->step;
  const lp_slot *x = lp_step_in(e->plan, s, 0), *y = lp_step_out(e->plan, s, 0);
  bool special = s->op == LP_OP_SIGN || s->op == LP_OP_EXPAND || s->op == LP_OP_NORMALIZE;
  /* Any other op is a copy with itself at the head of the chain. */
  lp_post own = {.op = s->op, .extra = LP_NO_SLOT, .params = s->params};
  if (!special && s->in_count > 1) own.extra = e->plan->operands[s->in_first + 1];
  const lp_post *head = special ? NULL : &own;
  int64_t n = lp_numel(&y->desc);
  ocl_begin(e, "elementwise");
  ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "HEAD",
                 s->op == LP_OP_SIGN        ? HEAD_SIGN
                 : s->op == LP_OP_EXPAND    ? HEAD_EXPAND
                 : s->op == LP_OP_NORMALIZE ? HEAD_NORMALIZE
                                            : HEAD_COPY);
  if (s->op == LP_OP_NORMALIZE) normalize_constants(e, x);
  ocl_posts(e, head, lp_inner(&y->desc), 0, 0);
  ocl_arg_slot(e, x);
  ocl_arg_slot(e, y);
  ocl_arg_int(e, n);
  ocl_post_args(e, head);
}

/* dlogits = dloss * (exp(logp) - onehot) / N */
void ocl_encode_entropy_gradient(ocl_encoder *e) {
  const lp_slot *logp = lp_step_in(e->plan, e->step, 1), *y = lp_step_out(e->plan, e->step, 0);
  int64_t n = lp_numel(&y->desc);
  ocl_begin(e, "elementwise");
  ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "HEAD", HEAD_CROSS_ENTROPY);
  ocl_define_int(e, "CLASSES", logp->desc.dim[1]);
  ocl_posts(e, NULL, lp_inner(&y->desc), 0, 0);
  ocl_arg_slot(e, lp_step_in(e->plan, e->step, 0));
  ocl_arg_slot(e, logp);
  ocl_arg_slot(e, lp_step_in(e->plan, e->step, 2));
  ocl_arg_float(e, 1.0f / (float)logp->desc.dim[0]);
  ocl_arg_slot(e, y);
  ocl_arg_int(e, n);
  ocl_post_args(e, NULL);
}
