/* The graph's own structures: values, op records and the op table's full rows. Read by the graph
 * and by the planner (core/exec); nobody else includes this. */
#ifndef LP_GRAPH_INTERNAL_H
#define LP_GRAPH_INTERNAL_H

#include <locality/graph.h>

typedef enum lp_value_kind {
  VALUE_NONE = 0, /* id 0 */
  VALUE_INPUT,
  VALUE_PARAM,
  VALUE_STATE,
  VALUE_CONSTANT,
  VALUE_RESULT,
} lp_value_kind;

typedef struct lp_value {
  lp_value_kind kind;
  lp_desc desc;
  uint32_t op;          /* VALUE_RESULT: index of the record that makes it */
  uint32_t index;       /* VALUE_RESULT: which output; VALUE_INPUT: position among the inputs */
  lp_role role;         /* VALUE_PARAM, VALUE_STATE */
  lp_val rows, columns; /* VALUE_PARAM: of the pattern whose weights it is, or none */
  uint32_t n_in;        /* of that layer */
  lp_val mask;          /* VALUE_PARAM: what its gradient is multiplied by, or none */
  lp_val order;         /* leaves: constant with the order of its columns in memory, or none */
  char *name;           /* leaves; owned */
  lp_init init;         /* parameters, state, constants; init.data owned */
} lp_value;

typedef struct lp_op_record {
  lp_op op;
  lp_op_params params;
  uint32_t in_first, in_count; /* range of lp_graph.operand */
  uint32_t out_first;          /* id of the first output */
  uint32_t out_count;
} lp_op_record;

struct lp_graph {
  char *name;
  lp_value *value; /* value[0] is "no value" */
  uint32_t n_values, cap_values;
  lp_op_record *op;
  uint32_t n_ops, cap_ops;
  uint32_t *operand;
  uint32_t n_operands, cap_operands;
  uint32_t n_inputs;
  lp_prior_note *prior; /* texts owned */
  uint32_t n_priors, cap_priors;
  lp_status status;
  char *error; /* text of the first failure; NULL when it could not be stored */
};

/* ---- full rows of the op table ------------------------------------------------------------- */

/* What shape inference sees. in[i].dtype is LP_TOKEN for an absent operand; params may be
 * completed (input sizes that gradients need). */
typedef struct lp_shape_call {
  lp_op op;
  const lp_desc *in;
  uint32_t n_in;
  lp_op_params *params;
  lp_desc *out; /* n_out of them */
} lp_shape_call;

/* What a gradient rule sees. It sets din[i] for the operands with need[i]. */
typedef struct lp_grad_call {
  lp_graph *g;
  const lp_op_params *params;
  const lp_val *in;
  uint32_t n_in;
  const lp_val *out;
  const lp_val *dout; /* LP_NO_VAL where no gradient arrives */
  const bool *need;
  lp_val *din; /* LP_NO_VAL on entry */
} lp_grad_call;

typedef struct lp_op_row {
  lp_op_info info;
  lp_status (*shape)(lp_shape_call *c);
  lp_status (*grad)(const lp_grad_call *c); /* NULL: not differentiable */
  double (*flops)(const lp_op_params *p, const lp_desc *in, const lp_desc *out);
  /* A value that is the result already, or none; the shapes were checked. */
  lp_val (*known)(const lp_graph *g, const lp_op_params *p, const lp_val *in);
} lp_op_row;

const lp_op_row *lp_op_get_row(uint32_t op);

/* Makes op number o, which has one output, another op of fixed arity n whose output has the same
 * shape. Leaves that it reads may be younger than it. */
enum { LP_MAX_FIXED = 16 };
lp_status lp_graph_replace(lp_graph *g, uint32_t o, lp_op op, const lp_val *in, uint32_t n);

/* Text of a shape for messages: "(64,1,28,28) f32". Uses one of a few per-thread buffers. */
const char *lp_desc_text(const lp_desc *d);
/* lp_fail(LP_ERR_SHAPE, "op: ..., got in0 (..), in1 (..)"). */
lp_status lp_shape_fail(const lp_shape_call *c, const char *expected);
/* Gradient of a value that slices (SLICE) were taken of, from those that arrive at the slices:
 * joined end to end, 0 where no slice was (core/graph/ops/slice.c). Linear in the size of x and in
 * the number of pieces as long as slices do not overlap. */
typedef struct lp_slice_grad {
  lp_slice_params at;
  lp_val grad;
} lp_slice_grad;
lp_val lp_grad_of_slices(lp_graph *g, lp_val x, lp_slice_grad *piece, uint32_t n);
lp_val lp_known_slice(const lp_graph *g, const lp_op_params *p, const lp_val *in);
static inline bool lp_present(const lp_desc *d) {
  return d->dtype != LP_TOKEN;
}
bool lp_is_f32(const lp_desc *d, uint32_t ndim);

/* Shape rules and gradient rules by family, in core/graph/ops. */
lp_status lp_shape_reshape(lp_shape_call *c), lp_shape_same(lp_shape_call *c),
    lp_shape_pair(lp_shape_call *c), lp_shape_sum(lp_shape_call *c),
    lp_shape_expand(lp_shape_call *c), lp_shape_normalize(lp_shape_call *c),
    lp_shape_conv2d(lp_shape_call *c), lp_shape_conv2d_dx(lp_shape_call *c),
    lp_shape_conv2d_dw(lp_shape_call *c), lp_shape_maxpool2d(lp_shape_call *c),
    lp_shape_maxpool2d_dx(lp_shape_call *c), lp_shape_linear(lp_shape_call *c),
    lp_shape_linear_dx(lp_shape_call *c), lp_shape_linear_dw(lp_shape_call *c),
    lp_shape_batchnorm(lp_shape_call *c), lp_shape_batchnorm_dx(lp_shape_call *c),
    lp_shape_batchnorm_eval(lp_shape_call *c), lp_shape_dropout(lp_shape_call *c),
    lp_shape_softmax(lp_shape_call *c), lp_shape_cross_entropy(lp_shape_call *c),
    lp_shape_cross_entropy_dx(lp_shape_call *c), lp_shape_update(lp_shape_call *c),
    lp_shape_avgpool2d(lp_shape_call *c), lp_shape_avgpool2d_dx(lp_shape_call *c),
    lp_shape_prior(lp_shape_call *c), lp_shape_slice(lp_shape_call *c),
    lp_shape_concat(lp_shape_call *c), lp_shape_sparse_linear(lp_shape_call *c),
    lp_shape_sparse_linear_dx(lp_shape_call *c), lp_shape_sparse_linear_dw(lp_shape_call *c),
    lp_shape_permute(lp_shape_call *c);
lp_status lp_grad_reshape(const lp_grad_call *c), lp_grad_relu(const lp_grad_call *c),
    lp_grad_dropout(const lp_grad_call *c), lp_grad_add(const lp_grad_call *c),
    lp_grad_sub(const lp_grad_call *c), lp_grad_mul(const lp_grad_call *c),
    lp_grad_scale(const lp_grad_call *c), lp_grad_abs(const lp_grad_call *c),
    lp_grad_square(const lp_grad_call *c), lp_grad_zero(const lp_grad_call *c),
    lp_grad_sum(const lp_grad_call *c), lp_grad_expand(const lp_grad_call *c),
    lp_grad_conv2d(const lp_grad_call *c), lp_grad_maxpool2d(const lp_grad_call *c),
    lp_grad_linear(const lp_grad_call *c), lp_grad_linear_dx(const lp_grad_call *c),
    lp_grad_linear_dw(const lp_grad_call *c), lp_grad_batchnorm(const lp_grad_call *c),
    lp_grad_batchnorm_eval(const lp_grad_call *c), lp_grad_log_softmax(const lp_grad_call *c),
    lp_grad_cross_entropy(const lp_grad_call *c), lp_grad_tanh(const lp_grad_call *c),
    lp_grad_sigmoid(const lp_grad_call *c), lp_grad_exp(const lp_grad_call *c),
    lp_grad_sqrt(const lp_grad_call *c), lp_grad_div(const lp_grad_call *c),
    lp_grad_concat(const lp_grad_call *c), lp_grad_prior(const lp_grad_call *c),
    lp_grad_avgpool2d(const lp_grad_call *c), lp_grad_sparse_linear(const lp_grad_call *c),
    lp_grad_permute(const lp_grad_call *c);
double lp_flops_conv2d(const lp_op_params *p, const lp_desc *in, const lp_desc *out),
    lp_flops_conv2d_dx(const lp_op_params *p, const lp_desc *in, const lp_desc *out),
    lp_flops_conv2d_dw(const lp_op_params *p, const lp_desc *in, const lp_desc *out),
    lp_flops_linear(const lp_op_params *p, const lp_desc *in, const lp_desc *out),
    lp_flops_linear_dw(const lp_op_params *p, const lp_desc *in, const lp_desc *out),
    lp_flops_sparse_linear(const lp_op_params *p, const lp_desc *in, const lp_desc *out);

#endif
