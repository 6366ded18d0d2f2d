/* Shapes and gradients of fully connected layers with a pattern of weights (op.h). */
#include "../graph_internal.h"

static bool is_indices(const lp_desc *d, int64_t n) {
  return d->dtype == LP_I32 && d->ndim == 1 && (n < 0 || d->dim[0] == n);
}

/* Both sides of the pattern, of as many wires as `wires` has elements; outputs and inputs. */
static lp_status check_pattern(const lp_shape_call *c, const lp_desc *wires, int64_t *n_out,
                               int64_t *n_in) {
  const lp_desc *prior = &c->in[LP_SPARSE_PRIOR];
  *n_out = *n_in = 0;
  if (!is_indices(wires, -1) && !lp_is_f32(wires, 1))
    return lp_shape_fail(c, "w of one value a wire");
  const int64_t n = wires->dim[0];
  if (!is_indices(&c->in[LP_SPARSE_ROWS], -1) || !is_indices(&c->in[LP_SPARSE_STARTS], -1) ||
      !is_indices(&c->in[LP_SPARSE_COLUMNS], n) || !is_indices(&c->in[LP_SPARSE_SOURCES], n) ||
      !is_indices(&c->in[LP_SPARSE_PLACES], n))
    return lp_shape_fail(c, "a pattern i32: rows (O+1), columns (Z), starts (I+1), sources (Z) and "
                            "places (Z)");
  if (lp_present(prior) && (!lp_is_f32(prior, 1) || prior->dim[0] != n))
    return lp_shape_fail(c, "a prior of one value a wire");
  *n_out = c->in[LP_SPARSE_ROWS].dim[0] - 1;
  *n_in = c->in[LP_SPARSE_STARTS].dim[0] - 1;
  return *n_out > 0 && *n_in > 0 ? LP_OK : lp_shape_fail(c, "outputs and inputs");
}

lp_status lp_shape_sparse_linear(lp_shape_call *c) {
  const lp_desc *x = &c->in[0], *b = &c->in[2];
  int64_t n_out, n_in;
  lp_status s = check_pattern(c, &c->in[1], &n_out, &n_in);
  if (s != LP_OK) return s;
  if (!lp_is_f32(x, 2) || !lp_is_f32(&c->in[1], 1) || x->dim[1] != n_in)
    return lp_shape_fail(c, "x (N,I) and w (Z)");
  if (lp_present(b) && (!lp_is_f32(b, 1) || b->dim[0] != n_out))
    return lp_shape_fail(c, "a bias of one value an output");
  c->out[0] = lp_f32(x->dim[0], n_out);
  return LP_OK;
}

lp_status lp_shape_sparse_linear_dx(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0];
  int64_t n_out, n_in;
  lp_status s = check_pattern(c, &c->in[1], &n_out, &n_in);
  if (s != LP_OK) return s;
  if (!lp_is_f32(dy, 2) || !lp_is_f32(&c->in[1], 1) || dy->dim[1] != n_out)
    return lp_shape_fail(c, "dy (N,O) and w (Z)");
  c->out[0] = lp_f32(dy->dim[0], n_in);
  return LP_OK;
}

lp_status lp_shape_sparse_linear_dw(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0], *x = &c->in[1];
  int64_t n_out, n_in;
  lp_status s = check_pattern(c, &c->in[LP_SPARSE_COLUMNS], &n_out, &n_in);
  if (s != LP_OK) return s;
  if (!lp_is_f32(dy, 2) || !lp_is_f32(x, 2) || dy->dim[0] != x->dim[0] || dy->dim[1] != n_out ||
      x->dim[1] != n_in)
    return lp_shape_fail(c, "dy (N,O) and x (N,I)");
  c->out[0] = lp_f32(c->in[LP_SPARSE_COLUMNS].dim[0]);
  c->out[1] = lp_f32(n_out);
  return LP_OK;
}

lp_status lp_grad_sparse_linear(const lp_grad_call *c) {
  lp_val in[LP_SPARSE_INPUTS];
  for (uint32_t i = 0; i < LP_SPARSE_INPUTS; i++) in[i] = i < c->n_in ? c->in[i] : LP_NO_VAL;
  const lp_val x = in[0];
  in[0] = c->dout[0];
  in[2] = LP_NO_VAL;
  if (c->need[0]) c->din[0] = lp_apply(c->g, LP_OP_SPARSE_LINEAR_DX, NULL, in, LP_SPARSE_INPUTS);
  if (c->need[1] || c->need[2]) {
    in[1] = x;
    c->din[1] = lp_apply(c->g, LP_OP_SPARSE_LINEAR_DW, NULL, in, LP_SPARSE_INPUTS);
    c->din[2] = lp_output(c->din[1], 1);
  }
  return LP_OK;
}

double lp_flops_sparse_linear(const lp_op_params *p, const lp_desc *in, const lp_desc *out) {
  (void)p, (void)out;
  return 2.0 * (double)in[0].dim[0] * (double)lp_numel(&in[LP_SPARSE_COLUMNS]);
}
