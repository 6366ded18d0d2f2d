/* Shapes and gradients of log-softmax and cross entropy, and the operand rules of updates. */
#include "../graph_internal.h"

lp_status lp_shape_softmax(lp_shape_call *c) {
  if (!lp_is_f32(&c->in[0], 2)) return lp_shape_fail(c, "x (N,C) f32");
  c->out[0] = c->in[0];
  return LP_OK;
}

lp_status lp_grad_log_softmax(const lp_grad_call *c) {
  c->din[0] = lp_apply(c->g, LP_OP_LOG_SOFTMAX_DX, NULL, (lp_val[]){c->dout[0], c->out[0]}, 2);
  return LP_OK;
}

static bool labels_fit(const lp_desc *labels, const lp_desc *logits) {
  return labels->dtype == LP_I32 && labels->ndim == 1 && labels->dim[0] == logits->dim[0];
}

lp_status lp_shape_cross_entropy(lp_shape_call *c) {
  const lp_desc *logits = &c->in[0], *history = &c->in[2];
  if (!lp_is_f32(logits, 2) || !labels_fit(&c->in[1], logits))
    return lp_shape_fail(c, "logits (N,C) f32 and labels (N) i32");
  if (lp_present(history) && (!lp_is_f32(history, 2) || history->dim[1] != 4))
    return lp_shape_fail(c, "a history of (rows,4) f32");
  c->out[0] = (lp_desc){LP_F32, 0, {0}};
  c->out[1] = *logits;
  return LP_OK;
}

lp_status lp_shape_cross_entropy_dx(lp_shape_call *c) {
  if (lp_numel(&c->in[0]) != 1 || !lp_is_f32(&c->in[1], 2) || !labels_fit(&c->in[2], &c->in[1]))
    return lp_shape_fail(c, "a scalar, logp (N,C) f32 and labels (N) i32");
  c->out[0] = c->in[1];
  return LP_OK;
}

lp_status lp_grad_cross_entropy(const lp_grad_call *c) {
  if (c->dout[1].id)
    return lp_graph_fail(c->g, LP_ERR_UNSUPPORTED,
                         "cross_entropy: no gradient flows through its log probabilities; use "
                         "log_softmax for that");
  lp_val in[] = {c->dout[0], c->out[1], c->in[1]};
  c->din[0] = lp_apply(c->g, LP_OP_CROSS_ENTROPY_DX, NULL, in, 3);
  return LP_OK;
}

/* Optimisers and accumulate: in each operand group every tensor has the first one's shape; the
 * momentum of SGD and RMSProp (the last of the group) may be missing. */
lp_status lp_shape_update(lp_shape_call *c) {
  const lp_op_info *info = lp_op_get_info(c->op);
  bool momentum_optional = c->op == LP_OP_SGD || c->op == LP_OP_RMSPROP;
  for (uint32_t i = 0; i < c->n_in; i++) {
    const lp_desc *p = &c->in[i - i % info->group], *d = &c->in[i];
    bool may_miss = momentum_optional && i % info->group == info->group - 1;
    if (may_miss && !lp_present(d)) continue;
    if (p->dtype != LP_F32 || !lp_desc_equal(p, d))
      return lp_fail(LP_ERR_SHAPE, "%s: operand %u is %s where the group's tensor is %s",
                     lp_op_name(c->op), i, lp_desc_text(d), lp_desc_text(p));
  }
  c->out[0] = (lp_desc){LP_TOKEN, 0, {0}};
  return LP_OK;
}
