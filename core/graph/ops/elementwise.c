/* Shapes and gradients of element-wise ops, reshapes, reductions and dropout. */
#include "../graph_internal.h"

lp_status lp_shape_same(lp_shape_call *c) {
  if (c->in[0].dtype != LP_F32) return lp_shape_fail(c, "x f32");
  c->out[0] = c->in[0];
  return LP_OK;
}

lp_status lp_shape_pair(lp_shape_call *c) {
  if (c->in[0].dtype != LP_F32 || !lp_desc_equal(&c->in[0], &c->in[1]))
    return lp_shape_fail(c, "two f32 operands of one shape");
  c->out[0] = c->in[0];
  return LP_OK;
}

static lp_status shape_from_params(lp_shape_call *c, uint32_t dtype) {
  const lp_shape_params *p = &c->params->shape;
  if (p->ndim > LP_MAX_DIMS) return lp_shape_fail(c, "at most 6 axes");
  c->out[0] = (lp_desc){dtype, p->ndim, {0}};
  for (uint32_t i = 0; i < p->ndim; i++) {
    if (!p->dim[i]) return lp_shape_fail(c, "extents of at least 1");
    c->out[0].dim[i] = p->dim[i];
  }
  return LP_OK;
}

lp_status lp_shape_reshape(lp_shape_call *c) {
  lp_status s = shape_from_params(c, c->in[0].dtype);
  if (s != LP_OK) return s;
  if (lp_numel(&c->out[0]) != lp_numel(&c->in[0]))
    return lp_shape_fail(c, "a new shape of as many elements");
  return LP_OK;
}

lp_status lp_shape_sum(lp_shape_call *c) {
  if (c->in[0].dtype != LP_F32) return lp_shape_fail(c, "x f32");
  c->out[0] = (lp_desc){LP_F32, 0, {0}};
  return LP_OK;
}

lp_status lp_shape_expand(lp_shape_call *c) {
  if (c->in[0].dtype != LP_F32 || lp_numel(&c->in[0]) != 1) return lp_shape_fail(c, "a scalar f32");
  return shape_from_params(c, LP_F32);
}

lp_status lp_shape_dropout(lp_shape_call *c) {
  const lp_dropout_params *p = &c->params->dropout;
  if (c->in[0].dtype != LP_F32 || c->in[0].ndim < 1) return lp_shape_fail(c, "x f32 (N,..)");
  if (!(p->p >= 0.0f && p->p < 1.0f))
    return lp_fail(LP_ERR_ARG, "dropout: probability %g is not in [0, 1)", (double)p->p);
  if (p->group < 1 || lp_inner(&c->in[0]) % p->group)
    return lp_fail(LP_ERR_ARG, "dropout: group %u does not divide the %lld elements of a sample",
                   p->group, (long long)lp_inner(&c->in[0]));
  c->out[0] = c->in[0];
  return LP_OK;
}

static lp_shape_params shape_of(lp_graph *g, lp_val v) {
  lp_shape_params p = {0};
  lp_desc d;
  if (lp_graph_shape(g, v, &d) != LP_OK) return p;
  p.ndim = d.ndim;
  for (uint32_t i = 0; i < d.ndim; i++) p.dim[i] = (uint32_t)d.dim[i];
  return p;
}

static lp_val unary(lp_graph *g, lp_op op, lp_val x) {
  return lp_apply(g, op, NULL, &x, 1);
}

static lp_val scaled(lp_graph *g, lp_val x, float alpha) {
  lp_op_params p = {.scale = {alpha, 0.0f}};
  return lp_apply(g, LP_OP_SCALE, &p, &x, 1);
}

static lp_val product(lp_graph *g, lp_val a, lp_val b) {
  return lp_apply(g, LP_OP_MUL, NULL, (lp_val[]){a, b}, 2);
}

lp_status lp_grad_reshape(const lp_grad_call *c) {
  lp_op_params p = {.shape = shape_of(c->g, c->in[0])};
  c->din[0] = lp_apply(c->g, LP_OP_RESHAPE, &p, &c->dout[0], 1);
  return LP_OK;
}

lp_status lp_grad_relu(const lp_grad_call *c) {
  c->din[0] = lp_apply(c->g, LP_OP_RELU_DX, NULL, (lp_val[]){c->dout[0], c->out[0]}, 2);
  return LP_OK;
}

lp_status lp_grad_dropout(const lp_grad_call *c) {
  /* The mask is a function of stream and position: the same op masks the gradient. */
  c->din[0] = lp_apply(c->g, LP_OP_DROPOUT, c->params, &c->dout[0], 1);
  return LP_OK;
}

lp_status lp_grad_add(const lp_grad_call *c) {
  c->din[0] = c->din[1] = c->dout[0];
  return LP_OK;
}

lp_status lp_grad_sub(const lp_grad_call *c) {
  c->din[0] = c->dout[0];
  if (c->need[1]) c->din[1] = scaled(c->g, c->dout[0], -1.0f);
  return LP_OK;
}

lp_status lp_grad_mul(const lp_grad_call *c) {
  for (int i = 0; i < 2; i++)
    if (c->need[i]) c->din[i] = product(c->g, c->dout[0], c->in[1 - i]);
  return LP_OK;
}

lp_status lp_grad_scale(const lp_grad_call *c) {
  const float alpha = c->params->scale.alpha;
  c->din[0] = alpha == 1.0f ? c->dout[0] : scaled(c->g, c->dout[0], alpha);
  return LP_OK;
}

lp_status lp_grad_abs(const lp_grad_call *c) {
  c->din[0] = product(c->g, c->dout[0], unary(c->g, LP_OP_SIGN, c->in[0]));
  return LP_OK;
}

/* Of this order a plan can do both steps in one. */
lp_status lp_grad_square(const lp_grad_call *c) {
  c->din[0] = scaled(c->g, product(c->g, c->dout[0], c->in[0]), 2.0f);
  return LP_OK;
}

static lp_status grad_from_y(const lp_grad_call *c, lp_op op, lp_val y) {
  c->din[0] = lp_apply(c->g, op, NULL, (lp_val[]){c->dout[0], y}, 2);
  return LP_OK;
}

lp_status lp_grad_tanh(const lp_grad_call *c) {
  return grad_from_y(c, LP_OP_TANH_DX, c->out[0]);
}

lp_status lp_grad_sigmoid(const lp_grad_call *c) {
  return grad_from_y(c, LP_OP_SIGMOID_DX, c->out[0]);
}

lp_status lp_grad_exp(const lp_grad_call *c) {
  return grad_from_y(c, LP_OP_MUL, c->out[0]);
}

lp_status lp_grad_sqrt(const lp_grad_call *c) {
  lp_status s = grad_from_y(c, LP_OP_DIV, c->out[0]);
  if (s == LP_OK) c->din[0] = scaled(c->g, c->din[0], 0.5f);
  return s;
}

/* y = a / b: da = dy / b, db = -da y. */
lp_status lp_grad_div(const lp_grad_call *c) {
  lp_val da = lp_apply(c->g, LP_OP_DIV, NULL, (lp_val[]){c->dout[0], c->in[1]}, 2);
  c->din[0] = da;
  if (c->need[1]) c->din[1] = scaled(c->g, product(c->g, da, c->out[0]), -1.0f);
  return LP_OK;
}

lp_status lp_grad_zero(const lp_grad_call *c) {
  (void)c; /* piecewise constant: nothing flows */
  return LP_OK;
}

lp_status lp_grad_sum(const lp_grad_call *c) {
  lp_op_params p = {.shape = shape_of(c->g, c->in[0])};
  c->din[0] = lp_apply(c->g, LP_OP_EXPAND, &p, &c->dout[0], 1);
  return LP_OK;
}

lp_status lp_grad_expand(const lp_grad_call *c) {
  lp_val sum = unary(c->g, LP_OP_SUM, c->dout[0]);
  lp_op_params p = {.shape = shape_of(c->g, c->in[0])};
  c->din[0] = p.shape.ndim ? lp_apply(c->g, LP_OP_RESHAPE, &p, &sum, 1) : sum;
  return LP_OK;
}
