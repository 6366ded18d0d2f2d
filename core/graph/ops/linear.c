/* Shapes, gradients and operation counts of the fully connected layer with its prior operands. */
#include "../graph_internal.h"

/* The prior operands must fit O x I; shared by the layer and its two gradients. */
static lp_status check_prior(const lp_shape_call *c, int64_t n_out, int64_t n_in) {
  const lp_desc *table = &c->in[LP_PRIOR_TABLE], *off_out = &c->in[LP_PRIOR_OFF_OUT];
  const lp_desc *off_in = &c->in[LP_PRIOR_OFF_IN], *dense = &c->in[LP_PRIOR_DENSE];
  const lp_desc *row = &c->in[LP_PRIOR_ROW_SCALE], *col = &c->in[LP_PRIOR_COL_SCALE];
  const char *what = NULL;
  if (lp_present(table)) {
    if (!lp_is_f32(table, 1) || off_out->dtype != LP_I32 || off_out->ndim != 1 ||
        off_out->dim[0] != n_out || off_in->dtype != LP_I32 || off_in->ndim != 1 ||
        off_in->dim[0] != n_in)
      what = "a prior table f32 with offsets i32, one an output and one an input";
    else if (lp_present(dense))
      what = "a prior table or a dense prior, not both";
  } else if (lp_present(off_out) || lp_present(off_in)) {
    what = "a prior table with the offsets";
  }
  if (lp_present(dense) &&
      (!lp_is_f32(dense, 2) || dense->dim[0] != n_out || dense->dim[1] != n_in))
    what = "a dense prior of the weight's shape";
  if ((lp_present(row) && (!lp_is_f32(row, 1) || row->dim[0] != n_out)) ||
      (lp_present(col) && (!lp_is_f32(col, 1) || col->dim[0] != n_in)))
    what = "prior scales f32, one an output and one an input";
  return what ? lp_shape_fail(c, what) : LP_OK;
}

lp_status lp_shape_linear(lp_shape_call *c) {
  const lp_desc *x = &c->in[0], *w = &c->in[1], *b = &c->in[2];
  if (!lp_is_f32(x, 2) || !lp_is_f32(w, 2) || x->dim[1] != w->dim[1])
    return lp_shape_fail(c, "x (N,I) and w (O,I)");
  if (lp_present(b) && (!lp_is_f32(b, 1) || b->dim[0] != w->dim[0]))
    return lp_shape_fail(c, "a bias of one value an output");
  c->out[0] = lp_f32(x->dim[0], w->dim[0]);
  return check_prior(c, w->dim[0], w->dim[1]);
}

lp_status lp_shape_linear_dx(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0], *w = &c->in[1];
  if (!lp_is_f32(dy, 2) || !lp_is_f32(w, 2) || dy->dim[1] != w->dim[0])
    return lp_shape_fail(c, "dy (N,O) and w (O,I)");
  c->out[0] = lp_f32(dy->dim[0], w->dim[1]);
  return check_prior(c, w->dim[0], w->dim[1]);
}

lp_status lp_shape_linear_dw(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0], *x = &c->in[1];
  if (!lp_is_f32(dy, 2) || !lp_is_f32(x, 2) || dy->dim[0] != x->dim[0])
    return lp_shape_fail(c, "dy (N,O) and x (N,I)");
  c->out[0] = lp_f32(dy->dim[1], x->dim[1]);
  c->out[1] = lp_f32(dy->dim[1]);
  return check_prior(c, dy->dim[1], x->dim[1]);
}

lp_status lp_grad_linear(const lp_grad_call *c) {
  lp_val in[LP_LINEAR_INPUTS];
  for (uint32_t i = 0; i < LP_LINEAR_INPUTS; i++) in[i] = i < c->n_in ? c->in[i] : LP_NO_VAL;
  lp_val x = in[0];
  in[0] = c->dout[0];
  in[2] = LP_NO_VAL;
  if (c->need[0]) c->din[0] = lp_apply(c->g, LP_OP_LINEAR_DX, c->params, in, LP_LINEAR_INPUTS);
  if (c->need[1] || c->need[2]) {
    in[1] = x;
    c->din[1] = lp_apply(c->g, LP_OP_LINEAR_DW, c->params, in, LP_LINEAR_INPUTS);
    c->din[2] = lp_output(c->din[1], 1);
  }
  return LP_OK;
}

/* dx = dy (P o W): by dy it is the layer, by W what LINEAR_DW makes of dy and the gradient. */
lp_status lp_grad_linear_dx(const lp_grad_call *c) {
  lp_val in[LP_LINEAR_INPUTS];
  for (uint32_t i = 0; i < LP_LINEAR_INPUTS; i++) in[i] = i < c->n_in ? c->in[i] : LP_NO_VAL;
  in[0] = c->dout[0];
  in[2] = LP_NO_VAL;
  if (c->need[0]) c->din[0] = lp_apply(c->g, LP_OP_LINEAR, c->params, in, LP_LINEAR_INPUTS);
  in[0] = c->in[0];
  in[1] = c->dout[0];
  if (c->need[1]) c->din[1] = lp_apply(c->g, LP_OP_LINEAR_DW, c->params, in, LP_LINEAR_INPUTS);
  return LP_OK;
}

/* dW = P o (dy^T x), with G the gradient by dW: by dy it is x (P o G)^T and, for db, that of db in
 * every row; by x it is dy (P o G). */
lp_status lp_grad_linear_dw(const lp_grad_call *c) {
  lp_val in[LP_LINEAR_INPUTS];
  if (!c->dout[0].id)
    return lp_fail(LP_ERR_UNSUPPORTED, "linear_dw: no gradient of the bias alone");
  for (uint32_t i = 0; i < LP_LINEAR_INPUTS; i++) in[i] = i < c->n_in ? c->in[i] : LP_NO_VAL;
  in[0] = c->in[1];
  in[1] = c->dout[0];
  in[2] = c->dout[1];
  if (c->need[0]) c->din[0] = lp_apply(c->g, LP_OP_LINEAR, c->params, in, LP_LINEAR_INPUTS);
  in[0] = c->in[0];
  in[2] = LP_NO_VAL;
  if (c->need[1]) c->din[1] = lp_apply(c->g, LP_OP_LINEAR_DX, c->params, in, LP_LINEAR_INPUTS);
  return LP_OK;
}

lp_status lp_shape_prior(lp_shape_call *c) {
  const lp_desc *w = &c->in[0], *table = &c->in[LP_PRIOR_TABLE], *dense = &c->in[LP_PRIOR_DENSE];
  const lp_desc *rows = lp_present(table) ? &c->in[LP_PRIOR_OFF_OUT] : dense;
  if (w->dtype != LP_F32 || w->ndim < 2 || rows->ndim < 1 || w->dim[0] % rows->dim[0])
    return lp_shape_fail(c, "w (B*O,I,..) and a prior over (O,I)");
  c->out[0] = *w;
  return check_prior(c, rows->dim[0], w->dim[1]);
}

lp_status lp_grad_prior(const lp_grad_call *c) {
  lp_val in[LP_LINEAR_INPUTS];
  for (uint32_t i = 0; i < LP_LINEAR_INPUTS; i++) in[i] = i ? c->in[i] : c->dout[0];
  c->din[0] = lp_apply(c->g, LP_OP_PRIOR, c->params, in, LP_LINEAR_INPUTS);
  return LP_OK;
}

double lp_flops_linear(const lp_op_params *p, const lp_desc *in, const lp_desc *out) {
  (void)p, (void)out;
  return 2.0 * (double)in[0].dim[0] * (double)lp_numel(&in[1]);
}

double lp_flops_linear_dw(const lp_op_params *p, const lp_desc *in, const lp_desc *out) {
  (void)p;
  return 2.0 * (double)in[0].dim[0] * (double)lp_numel(&out[0]);
}
