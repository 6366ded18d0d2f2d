/* Shapes and gradients of batch normalisation (Ioffe & Szegedy, ICML 2015). */
#include "../graph_internal.h"

static bool per_channel(const lp_desc *d, const lp_desc *x) {
  return lp_is_f32(d, 1) && d->dim[0] == x->dim[1];
}

static lp_status check(lp_shape_call *c, const lp_desc *x, uint32_t first, const char *expected) {
  bool ok = x->dtype == LP_F32 && x->ndim >= 2;
  for (uint32_t i = first; ok && i < 5; i++) ok = per_channel(&c->in[i], x);
  return ok ? LP_OK : lp_shape_fail(c, expected);
}

lp_status lp_shape_batchnorm(lp_shape_call *c) {
  const lp_desc *x = &c->in[0];
  lp_status s = check(c, x, 1, "x (N,C,..) with gamma, beta and running statistics (C)");
  if (s != LP_OK) return s;
  if (lp_numel(x) / x->dim[1] < 2)
    return lp_fail(LP_ERR_SHAPE, "batchnorm: more than one value a channel is needed, got x %s",
                   lp_desc_text(x));
  c->out[0] = *x;
  c->out[1] = c->out[2] = lp_f32(x->dim[1]);
  return LP_OK;
}

lp_status lp_shape_batchnorm_eval(lp_shape_call *c) {
  c->out[0] = c->in[0];
  return check(c, &c->in[0], 1, "x (N,C,..) with gamma, beta and running statistics (C)");
}

lp_status lp_shape_batchnorm_dx(lp_shape_call *c) {
  const lp_desc *x = &c->in[1];
  if (!lp_desc_equal(&c->in[0], x)) return lp_shape_fail(c, "dy and x of one shape");
  c->out[0] = *x;
  c->out[1] = c->out[2] = x->ndim >= 2 ? lp_f32(x->dim[1]) : *x;
  return check(c, x, 2, "dy, x (N,C,..) with gamma and statistics (C)");
}

static lp_status gradient(const lp_grad_call *c, lp_op op, lp_val mean, lp_val spread) {
  lp_val in[] = {c->dout[0], c->in[0], c->in[1], mean, spread};
  lp_val dx = lp_apply(c->g, op, c->params, in, 5);
  for (uint32_t i = 0; i < 3; i++) c->din[i] = lp_output(dx, i);
  return LP_OK;
}

lp_status lp_grad_batchnorm(const lp_grad_call *c) {
  return gradient(c, LP_OP_BATCHNORM_DX, c->out[1], c->out[2]);
}

lp_status lp_grad_batchnorm_eval(const lp_grad_call *c) {
  return gradient(c, LP_OP_BATCHNORM_EVAL_DX, c->in[3], c->in[4]);
}
