/* Shapes, gradients and operation counts of image ops: normalise, convolution, pooling. */
#include "../graph_internal.h"

lp_status lp_shape_normalize(lp_shape_call *c) {
  const lp_normalize_params *p = &c->params->normalize;
  const lp_desc *x = &c->in[0];
  if ((x->dtype != LP_U8 && x->dtype != LP_F32) || x->ndim != 4)
    return lp_shape_fail(c, "images (N,C,H,W) u8 or f32");
  if (p->channels < 1 || p->channels > 4 || x->dim[1] != (int64_t)p->channels)
    return lp_fail(LP_ERR_SHAPE, "normalize: %u channel means for images %s", p->channels,
                   lp_desc_text(x));
  for (uint32_t i = 0; i < p->channels; i++)
    if (!(p->sd[i] > 0.0f))
      return lp_fail(LP_ERR_ARG, "normalize: sd of channel %u is not above 0", i);
  c->out[0] = *x;
  c->out[0].dtype = LP_F32;
  return LP_OK;
}

/* Output extent of a window op, or 0 when the window does not fit. */
static int64_t window_extent(int64_t in, int64_t k, int64_t stride, int64_t pad) {
  return stride < 1 || in + 2 * pad < k ? 0 : (in + 2 * pad - k) / stride + 1;
}

lp_status lp_shape_conv2d(lp_shape_call *c) {
  const lp_desc *x = &c->in[0], *w = &c->in[1], *b = &c->in[2];
  lp_conv_params *p = &c->params->conv;
  if (!lp_is_f32(x, 4) || !lp_is_f32(w, 4) || x->dim[1] != w->dim[1] || w->dim[2] != w->dim[3])
    return lp_shape_fail(c, "x (N,C,H,W) and w (O,C,k,k)");
  if (lp_present(b) && (!lp_is_f32(b, 1) || b->dim[0] != w->dim[0]))
    return lp_shape_fail(c, "a bias of one value an output channel");
  int64_t h = window_extent(x->dim[2], w->dim[2], p->stride, p->pad);
  int64_t v = window_extent(x->dim[3], w->dim[3], p->stride, p->pad);
  if (h < 1 || v < 1)
    return lp_shape_fail(c, "a stride of at least 1 and a kernel inside the image");
  p->in_h = (uint32_t)x->dim[2];
  p->in_w = (uint32_t)x->dim[3];
  c->out[0] = lp_f32(x->dim[0], w->dim[0], h, v);
  return LP_OK;
}

lp_status lp_shape_conv2d_dx(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0], *w = &c->in[1];
  const lp_conv_params *p = &c->params->conv;
  if (!lp_is_f32(dy, 4) || !lp_is_f32(w, 4) || dy->dim[1] != w->dim[0] ||
      window_extent(p->in_h, w->dim[2], p->stride, p->pad) != dy->dim[2] ||
      window_extent(p->in_w, w->dim[3], p->stride, p->pad) != dy->dim[3])
    return lp_shape_fail(c, "dy (N,O,H',W') and w (O,C,k,k) of one convolution");
  c->out[0] = lp_f32(dy->dim[0], w->dim[1], p->in_h, p->in_w);
  return LP_OK;
}

lp_status lp_shape_conv2d_dw(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0], *x = &c->in[1];
  const lp_conv_params *p = &c->params->conv;
  if (!lp_is_f32(dy, 4) || !lp_is_f32(x, 4) || dy->dim[0] != x->dim[0] || p->kernel < 1 ||
      window_extent(x->dim[2], p->kernel, p->stride, p->pad) != dy->dim[2] ||
      window_extent(x->dim[3], p->kernel, p->stride, p->pad) != dy->dim[3])
    return lp_shape_fail(c, "dy (N,O,H',W') and x (N,C,H,W) of one convolution");
  c->out[0] = lp_f32(dy->dim[1], x->dim[1], p->kernel, p->kernel);
  c->out[1] = lp_f32(dy->dim[1]);
  return LP_OK;
}

lp_status lp_grad_conv2d(const lp_grad_call *c) {
  if (c->need[0])
    c->din[0] = lp_apply(c->g, LP_OP_CONV2D_DX, c->params, (lp_val[]){c->dout[0], c->in[1]}, 2);
  if (c->need[1] || c->need[2]) {
    lp_desc w;
    lp_status s = lp_graph_shape(c->g, c->in[1], &w);
    if (s != LP_OK) return s;
    lp_op_params p = *c->params;
    p.conv.kernel = (uint32_t)w.dim[2];
    lp_val dw = lp_apply(c->g, LP_OP_CONV2D_DW, &p, (lp_val[]){c->dout[0], c->in[0]}, 2);
    c->din[1] = dw;
    c->din[2] = lp_output(dw, 1);
  }
  return LP_OK;
}

/* Multiply-adds of a convolution whose result is y and whose filter is w. */
static double conv_flops(const lp_desc *y, double filter) {
  return 2.0 * (double)y->dim[0] * (double)(y->dim[2] * y->dim[3]) * filter;
}

double lp_flops_conv2d(const lp_op_params *p, const lp_desc *in, const lp_desc *out) {
  (void)p;
  return conv_flops(out, (double)lp_numel(&in[1]));
}

double lp_flops_conv2d_dx(const lp_op_params *p, const lp_desc *in, const lp_desc *out) {
  (void)p, (void)out;
  return conv_flops(&in[0], (double)lp_numel(&in[1]));
}

double lp_flops_conv2d_dw(const lp_op_params *p, const lp_desc *in, const lp_desc *out) {
  (void)p;
  return conv_flops(&in[0], (double)lp_numel(&out[0]));
}

lp_status lp_shape_maxpool2d(lp_shape_call *c) {
  const lp_desc *x = &c->in[0];
  lp_pool_params *p = &c->params->pool;
  if (!lp_is_f32(x, 4)) return lp_shape_fail(c, "x (N,C,H,W) f32");
  if (p->k < 1 || p->k > 15)
    return lp_fail(LP_ERR_ARG, "maxpool2d: window %u is not in 1..15", p->k);
  int64_t h = window_extent(x->dim[2], p->k, p->stride, 0);
  int64_t w = window_extent(x->dim[3], p->k, p->stride, 0);
  if (h < 1 || w < 1)
    return lp_shape_fail(c, "a stride of at least 1 and a window inside the image");
  p->in_h = (uint32_t)x->dim[2];
  p->in_w = (uint32_t)x->dim[3];
  c->out[0] = lp_f32(x->dim[0], x->dim[1], h, w);
  c->out[1] = c->out[0];
  c->out[1].dtype = LP_U8;
  return LP_OK;
}

lp_status lp_shape_maxpool2d_dx(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0], *which = &c->in[1];
  const lp_pool_params *p = &c->params->pool;
  lp_desc expected = *dy;
  expected.dtype = LP_U8;
  if (!lp_is_f32(dy, 4) || !lp_desc_equal(which, &expected))
    return lp_shape_fail(c, "dy f32 and which u8 of one shape");
  c->out[0] = lp_f32(dy->dim[0], dy->dim[1], p->in_h, p->in_w);
  return LP_OK;
}

lp_status lp_grad_maxpool2d(const lp_grad_call *c) {
  c->din[0] = lp_apply(c->g, LP_OP_MAXPOOL2D_DX, c->params, (lp_val[]){c->dout[0], c->out[1]}, 2);
  return LP_OK;
}

static uint32_t columns_of(const lp_pool_params *p) {
  return p->columns ? p->columns : p->k;
}

lp_status lp_shape_avgpool2d(lp_shape_call *c) {
  const lp_desc *x = &c->in[0];
  lp_pool_params *p = &c->params->pool;
  if (!lp_is_f32(x, 4)) return lp_shape_fail(c, "x (N,C,H,W) f32");
  int64_t h = window_extent(x->dim[2], p->k, p->stride, 0);
  int64_t w = window_extent(x->dim[3], columns_of(p), p->stride, 0);
  if (h < 1 || w < 1 || p->k < 1)
    return lp_shape_fail(c, "a stride of at least 1 and a window inside the image");
  p->in_h = (uint32_t)x->dim[2];
  p->in_w = (uint32_t)x->dim[3];
  c->out[0] = lp_f32(x->dim[0], x->dim[1], h, w);
  return LP_OK;
}

lp_status lp_shape_avgpool2d_dx(lp_shape_call *c) {
  const lp_desc *dy = &c->in[0];
  const lp_pool_params *p = &c->params->pool;
  if (!lp_is_f32(dy, 4) || window_extent(p->in_h, p->k, p->stride, 0) != dy->dim[2] ||
      window_extent(p->in_w, columns_of(p), p->stride, 0) != dy->dim[3])
    return lp_shape_fail(c, "dy (N,C,H',W') of that pooling");
  c->out[0] = lp_f32(dy->dim[0], dy->dim[1], p->in_h, p->in_w);
  return LP_OK;
}

lp_status lp_grad_avgpool2d(const lp_grad_call *c) {
  c->din[0] = lp_apply(c->g, LP_OP_AVGPOOL2D_DX, c->params, &c->dout[0], 1);
  return LP_OK;
}
