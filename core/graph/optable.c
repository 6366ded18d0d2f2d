/* The op table: one row an operation, in the order of lp_op. To add an op: a row of
 * LP_OPS and its semantics in op.h, a row here, its rules in core/graph/ops, a kernel a backend,
 * its truth and a case in core/check. */
#include "graph_internal.h"

#define MANY UINT32_MAX

/* Least and most operands, outputs, operand group, operands updated in place; shape, gradient,
 * flops, and what is known without computing. */
static const lp_op_row rows[LP_OP_COUNT] = {
    [LP_OP_RESHAPE] = {{1, 1, 1, 0, 0}, lp_shape_reshape, lp_grad_reshape, NULL, NULL},
    [LP_OP_NORMALIZE] = {{1, 1, 1, 0, 0}, lp_shape_normalize, NULL, NULL, NULL},
    [LP_OP_CONV2D] = {{2, 3, 1, 0, 0}, lp_shape_conv2d, lp_grad_conv2d, lp_flops_conv2d, NULL},
    [LP_OP_CONV2D_DX] = {{2, 2, 1, 0, 0}, lp_shape_conv2d_dx, NULL, lp_flops_conv2d_dx, NULL},
    [LP_OP_CONV2D_DW] = {{2, 2, 2, 0, 0}, lp_shape_conv2d_dw, NULL, lp_flops_conv2d_dw, NULL},
    [LP_OP_MAXPOOL2D] = {{1, 1, 2, 0, 0}, lp_shape_maxpool2d, lp_grad_maxpool2d, NULL, NULL},
    [LP_OP_MAXPOOL2D_DX] = {{2, 2, 1, 0, 0}, lp_shape_maxpool2d_dx, NULL, NULL, NULL},
    [LP_OP_LINEAR] =
        {{2, LP_LINEAR_INPUTS, 1, 0, 0}, lp_shape_linear, lp_grad_linear, lp_flops_linear, NULL},
    [LP_OP_LINEAR_DX] = {{2, LP_LINEAR_INPUTS, 1, 0, 0},
                         lp_shape_linear_dx,
                         lp_grad_linear_dx,
                         lp_flops_linear,
                         NULL},
    [LP_OP_LINEAR_DW] = {{2, LP_LINEAR_INPUTS, 2, 0, 0},
                         lp_shape_linear_dw,
                         lp_grad_linear_dw,
                         lp_flops_linear_dw,
                         NULL},
    [LP_OP_SPARSE_LINEAR] = {{LP_SPARSE_PRIOR, LP_SPARSE_INPUTS, 1, 0, 0},
                             lp_shape_sparse_linear,
                             lp_grad_sparse_linear,
                             lp_flops_sparse_linear,
                             NULL},
    [LP_OP_SPARSE_LINEAR_DX] = {{LP_SPARSE_PRIOR, LP_SPARSE_INPUTS, 1, 0, 0},
                                lp_shape_sparse_linear_dx,
                                NULL,
                                lp_flops_sparse_linear,
                                NULL},
    [LP_OP_SPARSE_LINEAR_DW] = {{LP_SPARSE_PRIOR, LP_SPARSE_INPUTS, 2, 0, 0},
                                lp_shape_sparse_linear_dw,
                                NULL,
                                lp_flops_sparse_linear,
                                NULL},
    [LP_OP_BATCHNORM] =
        {{5, 5, 3, 0, 1 << 3 | 1 << 4}, lp_shape_batchnorm, lp_grad_batchnorm, NULL, NULL},
    [LP_OP_BATCHNORM_DX] = {{5, 5, 3, 0, 0}, lp_shape_batchnorm_dx, NULL, NULL, NULL},
    [LP_OP_BATCHNORM_EVAL] =
        {{5, 5, 1, 0, 0}, lp_shape_batchnorm_eval, lp_grad_batchnorm_eval, NULL, NULL},
    [LP_OP_BATCHNORM_EVAL_DX] = {{5, 5, 3, 0, 0}, lp_shape_batchnorm_dx, NULL, NULL, NULL},
    [LP_OP_RELU] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_relu, NULL, NULL},
    [LP_OP_RELU_DX] = {{2, 2, 1, 0, 0}, lp_shape_pair, NULL, NULL, NULL},
    [LP_OP_DROPOUT] = {{1, 1, 1, 0, 0}, lp_shape_dropout, lp_grad_dropout, NULL, NULL},
    [LP_OP_ADD] = {{2, 2, 1, 0, 0}, lp_shape_pair, lp_grad_add, NULL, NULL},
    [LP_OP_SUB] = {{2, 2, 1, 0, 0}, lp_shape_pair, lp_grad_sub, NULL, NULL},
    [LP_OP_MUL] = {{2, 2, 1, 0, 0}, lp_shape_pair, lp_grad_mul, NULL, NULL},
    [LP_OP_SCALE] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_scale, NULL, NULL},
    [LP_OP_ABS] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_abs, NULL, NULL},
    [LP_OP_SQUARE] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_square, NULL, NULL},
    [LP_OP_SIGN] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_zero, NULL, NULL},
    [LP_OP_SUM] = {{1, 1, 1, 0, 0}, lp_shape_sum, lp_grad_sum, NULL, NULL},
    [LP_OP_EXPAND] = {{1, 1, 1, 0, 0}, lp_shape_expand, lp_grad_expand, NULL, NULL},
    [LP_OP_LOG_SOFTMAX] = {{1, 1, 1, 0, 0}, lp_shape_softmax, lp_grad_log_softmax, NULL, NULL},
    [LP_OP_LOG_SOFTMAX_DX] = {{2, 2, 1, 0, 0}, lp_shape_pair, NULL, NULL, NULL},
    [LP_OP_CROSS_ENTROPY] =
        {{2, 3, 2, 0, 1 << 2}, lp_shape_cross_entropy, lp_grad_cross_entropy, NULL, NULL},
    [LP_OP_CROSS_ENTROPY_DX] = {{3, 3, 1, 0, 0}, lp_shape_cross_entropy_dx, NULL, NULL, NULL},
    [LP_OP_SGD] = {{3, MANY, 1, 3, 1 << 0 | 1 << 2}, lp_shape_update, NULL, NULL, NULL},
    [LP_OP_RMSPROP] =
        {{4, MANY, 1, 4, 1 << 0 | 1 << 2 | 1 << 3}, lp_shape_update, NULL, NULL, NULL},
    [LP_OP_ADAM] = {{4, MANY, 1, 4, 1 << 0 | 1 << 2 | 1 << 3}, lp_shape_update, NULL, NULL, NULL},
    [LP_OP_ACCUMULATE] = {{2, MANY, 1, 2, 1 << 0}, lp_shape_update, NULL, NULL, NULL},
    [LP_OP_PERMUTE] = {{3, 3, 1, 0, 0}, lp_shape_permute, lp_grad_permute, NULL, NULL},
    [LP_OP_PRIOR] = {{1, LP_LINEAR_INPUTS, 1, 0, 0}, lp_shape_prior, lp_grad_prior, NULL, NULL},
    [LP_OP_AVGPOOL2D] = {{1, 1, 1, 0, 0}, lp_shape_avgpool2d, lp_grad_avgpool2d, NULL, NULL},
    [LP_OP_AVGPOOL2D_DX] = {{1, 1, 1, 0, 0}, lp_shape_avgpool2d_dx, NULL, NULL, NULL},
    [LP_OP_TANH] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_tanh, NULL, NULL},
    [LP_OP_TANH_DX] = {{2, 2, 1, 0, 0}, lp_shape_pair, NULL, NULL, NULL},
    [LP_OP_SIGMOID] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_sigmoid, NULL, NULL},
    [LP_OP_SIGMOID_DX] = {{2, 2, 1, 0, 0}, lp_shape_pair, NULL, NULL, NULL},
    [LP_OP_EXP] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_exp, NULL, NULL},
    [LP_OP_SQRT] = {{1, 1, 1, 0, 0}, lp_shape_same, lp_grad_sqrt, NULL, NULL},
    [LP_OP_DIV] = {{2, 2, 1, 0, 0}, lp_shape_pair, lp_grad_div, NULL, NULL},
    /* Gradients of slices are joined where all of a value's are known: autodiff.c. */
    [LP_OP_SLICE] = {{1, 1, 1, 0, 0}, lp_shape_slice, NULL, NULL, lp_known_slice},
    [LP_OP_CONCAT] = {{1, MANY, 1, 1, 0}, lp_shape_concat, lp_grad_concat, NULL, NULL},
};

const lp_op_row *lp_op_get_row(uint32_t op) {
  return op < LP_OP_COUNT && rows[op].shape ? &rows[op] : NULL;
}

const lp_op_info *lp_op_get_info(uint32_t op) {
  const lp_op_row *row = lp_op_get_row(op);
  return row ? &row->info : NULL;
}

double lp_op_flops(uint32_t op, const lp_op_params *p, const lp_desc *in, uint32_t n_in,
                   const lp_desc *out, uint32_t n_out) {
  const lp_op_row *row = lp_op_get_row(op);
  if (!row || n_in < row->info.min_in) return 0;
  if (row->flops) return row->flops(p, in, out);
  /* Everything else is bound by memory: one operation for each element it touches. */
  double n = 0;
  for (uint32_t i = 0; i < n_in; i++) n += lp_present(&in[i]) ? (double)lp_numel(&in[i]) : 0;
  for (uint32_t i = 0; i < n_out; i++) n += lp_present(&out[i]) ? (double)lp_numel(&out[i]) : 0;
  return n;
}

double lp_op_bytes(uint32_t op, const lp_op_params *p, const lp_desc *in, uint32_t n_in,
                   const lp_desc *out, uint32_t n_out) {
  (void)p;
  const lp_op_info *info = lp_op_get_info(op);
  if (!info) return 0;
  double n = 0;
  for (uint32_t i = 0; i < n_in; i++) {
    uint32_t position = info->group ? i % info->group : i;
    bool updated = info->state_mask >> position & 1; /* read and written */
    n += (double)lp_nbytes(&in[i]) * (updated ? 2 : 1);
  }
  for (uint32_t i = 0; i < n_out; i++) n += (double)lp_nbytes(&out[i]);
  return n;
}
