/* op.h: the operations a graph is made of, their operands and their parameters.
 *
 * This header is shared by graph builders and backends and is part of both ABIs: numbers are
 * never reused, structs only grow inside the fixed size of lp_op_params.
 *
 * Operand positions are fixed; an optional operand that is not given is LP_NO_VAL in a graph and
 * LP_NO_SLOT in a plan. Outputs beyond the first are LP_NO_SLOT in a plan that does not need
 * them. "state" marks an operand that the op updates in place. Shapes: N batch, C channels,
 * H W image, O output features, I input features. All floating-point operands are f32.
 *
 *  op               inputs -> outputs
 *  RESHAPE          x -> y                 same elements; an alias, never reaches a backend
 *  NORMALIZE        x u8|f32 (N,C,H,W) -> y     (x*scale - mean[c]) / sd[c]
 *  CONV2D           x (N,C,H,W), w (O,C,k,k), b? (O) -> y (N,O,H',W')
 *  CONV2D_DX        dy, w -> dx
 *  CONV2D_DW        dy, x -> dw, db
 *  MAXPOOL2D        x -> y, which u8      which: ky*k+kx of the first maximum in its window;
 *                                       a NaN counts as larger than any number
 *  MAXPOOL2D_DX     dy, which -> dx
 *  AVGPOOL2D        x -> y                 mean of each window; its gradient:
 *  AVGPOOL2D_DX     dy -> dx
 *  LINEAR           x (N,I), w (O,I), b? (O), prior operands -> y (N,O)   y = x (P o W)^T + b
 *  LINEAR_DX        dy, w, -, prior operands -> dx       dx = dy (P o W)
 *  LINEAR_DW        dy, x, -, prior operands -> dw, db   dW = P o (dy^T x), db = column sums of dy
 *  SPARSE_LINEAR    x (N,I), w (Z), b? (O), pattern operands -> y (N,O)   LINEAR with the Z weights
 *                                       of a pattern, 0 elsewhere
 *  SPARSE_LINEAR_DX dy, w, -, pattern operands -> dx
 *  SPARSE_LINEAR_DW dy, x, -, pattern operands -> dw (Z), db
 *  BATCHNORM        x (N,C,..), gamma (C), beta (C), running_mean state, running_var state
 *                   -> y, mean (C), invstd (C)   batch statistics; running variance is unbiased
 *  BATCHNORM_DX     dy, x, gamma, mean, invstd -> dx, dgamma, dbeta
 *  BATCHNORM_EVAL   x, gamma, beta, running_mean, running_var -> y
 *  BATCHNORM_EVAL_DX dy, x, gamma, running_mean, running_var -> dx, dgamma, dbeta
 *  RELU             x -> y
 *  RELU_DX          dy, y -> dx            dy where y > 0, else 0
 *  DROPOUT          x (N,..) -> y          the same op, with the same stream, is its own gradient
 *  TANH SIGMOID     x -> y                 sigmoid: 1 / (1 + exp(-x))
 *  TANH_DX          dy, y -> dx            dy * (1 - y^2)
 *  SIGMOID_DX       dy, y -> dx            dy * y * (1 - y)
 *  ADD SUB MUL DIV  a, b -> y              equal shapes
 *  SCALE            x -> y                 alpha*x + beta
 *  ABS SQUARE EXP SQRT  x -> y
 *  SIGN             x -> y                 -1, 0 or 1
 *  SUM              x -> y scalar          fixed-order sum of all elements
 *  EXPAND           s scalar -> y          s in every element; shape from params
 *  SLICE            x -> y                 entries begin .. begin+length-1 of one axis
 *  CONCAT           x... -> y              one behind the other along an axis; all else equal
 *  PERMUTE          x (N,I), order i32 (I), back i32 (I) -> y   y[n][i] = x[n][order[i]]
 *                                       back is the inverse; with it, the op is its own gradient
 *  PRIOR            w (B*O,I,..), prior operands over (O,I) -> P o w
 *                                       w seen as (B,O,I,rest); the same op is its own gradient
 *  LOG_SOFTMAX      x (N,C) -> y           over C
 *  LOG_SOFTMAX_DX   dy, y -> dx            dy - exp(y) * sum_C dy
 *  CROSS_ENTROPY    logits (N,C), labels i32 (N), history? state (rows,4)
 *                   -> loss scalar (mean over N), logp (N,C)
 *                   history row scalars[LP_SCALAR_ROW]: loss, top-1 hits, top-5 hits, N
 *  CROSS_ENTROPY_DX dloss scalar, logp, labels -> dlogits   dloss * (exp(logp) - onehot) / N
 *  SGD              (p state, g, momentum state?)...         -> token
 *  RMSPROP          (p state, g, square state, momentum state?)... -> token
 *  ADAM             (p state, g, m state, v state)...        -> token
 *  ACCUMULATE       (sum state, g)... -> token   sum = beta*sum + alpha*g (beta 0 overwrites)
 *
 * LINEAR, LINEAR_DX and LINEAR_DW are also the products a b^T, a b and a^T b of two values, with
 * gradients by both; sums over an axis are products with ones, and chosen rows products with rows
 * of an identity.
 *
 * The optimisers take any number of operand groups: one step updates all tensors of a parameter
 * group. A label outside 0..C-1 contributes no hit and a loss of NaN.
 */
#ifndef LOCALITY_OP_H
#define LOCALITY_OP_H

#include <locality/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All ops: name, number, text, and whether it may be done to the result of the step that makes its
 * first operand before that is stored (lp_post). */
#define LP_OPS(OP)                                                                                 \
  OP(RESHAPE, 1, "reshape", false)                                                                 \
  OP(NORMALIZE, 2, "normalize", false)                                                             \
  OP(CONV2D, 3, "conv2d", false)                                                                   \
  OP(CONV2D_DX, 4, "conv2d_dx", false)                                                             \
  OP(CONV2D_DW, 5, "conv2d_dw", false)                                                             \
  OP(MAXPOOL2D, 6, "maxpool2d", false)                                                             \
  OP(MAXPOOL2D_DX, 7, "maxpool2d_dx", false)                                                       \
  OP(LINEAR, 8, "linear", false)                                                                   \
  OP(LINEAR_DX, 9, "linear_dx", false)                                                             \
  OP(LINEAR_DW, 10, "linear_dw", false)                                                            \
  OP(BATCHNORM, 11, "batchnorm", false)                                                            \
  OP(BATCHNORM_DX, 12, "batchnorm_dx", false)                                                      \
  OP(BATCHNORM_EVAL, 13, "batchnorm_eval", false)                                                  \
  OP(BATCHNORM_EVAL_DX, 14, "batchnorm_eval_dx", false)                                            \
  OP(RELU, 15, "relu", true)                                                                       \
  OP(RELU_DX, 16, "relu_dx", true)                                                                 \
  OP(DROPOUT, 17, "dropout", true)                                                                 \
  OP(ADD, 18, "add", true)                                                                         \
  OP(SUB, 19, "sub", true)                                                                         \
  OP(MUL, 20, "mul", true)                                                                         \
  OP(SCALE, 21, "scale", true)                                                                     \
  OP(ABS, 22, "abs", true)                                                                         \
  OP(SQUARE, 23, "square", true)                                                                   \
  OP(SIGN, 24, "sign", false)                                                                      \
  OP(SUM, 25, "sum", false)                                                                        \
  OP(EXPAND, 26, "expand", false)                                                                  \
  OP(LOG_SOFTMAX, 27, "log_softmax", false)                                                        \
  OP(LOG_SOFTMAX_DX, 28, "log_softmax_dx", false)                                                  \
  OP(CROSS_ENTROPY, 29, "cross_entropy", false)                                                    \
  OP(CROSS_ENTROPY_DX, 30, "cross_entropy_dx", false)                                              \
  OP(SGD, 31, "sgd", false)                                                                        \
  OP(RMSPROP, 32, "rmsprop", false)                                                                \
  OP(ADAM, 33, "adam", false)                                                                      \
  OP(ACCUMULATE, 34, "accumulate", false)                                                          \
  OP(TANH, 35, "tanh", true)                                                                       \
  OP(TANH_DX, 36, "tanh_dx", true)                                                                 \
  OP(SIGMOID, 37, "sigmoid", true)                                                                 \
  OP(SIGMOID_DX, 38, "sigmoid_dx", true)                                                           \
  OP(EXP, 39, "exp", true)                                                                         \
  OP(SQRT, 40, "sqrt", true)                                                                       \
  OP(DIV, 41, "div", true)                                                                         \
  OP(SLICE, 42, "slice", false)                                                                    \
  OP(CONCAT, 43, "concat", false)                                                                  \
  OP(PRIOR, 44, "prior", false)                                                                    \
  OP(AVGPOOL2D, 45, "avgpool2d", false)                                                            \
  OP(AVGPOOL2D_DX, 46, "avgpool2d_dx", false)                                                      \
  OP(SPARSE_LINEAR, 47, "sparse_linear", false)                                                    \
  OP(SPARSE_LINEAR_DX, 48, "sparse_linear_dx", false)                                              \
  OP(SPARSE_LINEAR_DW, 49, "sparse_linear_dw", false)                                              \
  OP(PERMUTE, 50, "permute", false)

#define LP_OP_NUMBER(name, number, text, fusable) LP_OP_##name = number,
typedef enum lp_op { LP_OP_NONE = 0, LP_OPS(LP_OP_NUMBER) LP_OP_COUNT } lp_op;
#undef LP_OP_NUMBER

/* "conv2d_dx"; "unknown" for a number that is none. */
static inline const char *lp_op_name(uint32_t op) {
#define LP_OP_TEXT(name, number, text, fusable) text,
  static const char *const name[LP_OP_COUNT] = {"unknown", LP_OPS(LP_OP_TEXT)};
#undef LP_OP_TEXT
  return name[op < LP_OP_COUNT ? op : 0];
}

/* May it be an lp_post? */
static inline bool lp_op_fusable(uint32_t op) {
#define LP_OP_FUSABLE(name, number, text, fusable) fusable,
  static const bool may[LP_OP_COUNT] = {false, LP_OPS(LP_OP_FUSABLE)};
#undef LP_OP_FUSABLE
  return op < LP_OP_COUNT && may[op];
}

/* Position of the prior operands in LINEAR, LINEAR_DX, LINEAR_DW and PRIOR. With a table,
 *   P[i][j] = row_scale[i] * table[off_out[i] + off_in[j]] * col_scale[j]
 * and either scale may be missing (it is then 1). The table holds one entry per lattice offset;
 * a permuted prior permutes off_out and off_in. With `dense`, P is the given matrix. With neither,
 * P is 1 everywhere: a plain layer (PRIOR needs one of them). */
enum {
  LP_PRIOR_TABLE = 3,     /* f32 (entries) */
  LP_PRIOR_OFF_OUT = 4,   /* i32 (O) */
  LP_PRIOR_OFF_IN = 5,    /* i32 (I) */
  LP_PRIOR_ROW_SCALE = 6, /* f32 (O), optional */
  LP_PRIOR_COL_SCALE = 7, /* f32 (I), optional */
  LP_PRIOR_DENSE = 8,     /* f32 (O,I) */
  LP_LINEAR_INPUTS = 9
};

/* Position of the pattern operands in SPARSE_LINEAR, SPARSE_LINEAR_DX and SPARSE_LINEAR_DW. Z wires
 * in the order of their outputs (CSR): output o has the wires rows[o] .. rows[o + 1] - 1, which
 * come from the inputs columns[..]. The same from the other side (CSC), which dx needs: input i has
 * starts[i] .. starts[i + 1] - 1, to the outputs sources[..], and places[..] are their wires'
 * numbers. With a prior, wire k has the weight w[k] * prior[k]. */
enum {
  LP_SPARSE_ROWS = 3,    /* i32 (O + 1) */
  LP_SPARSE_COLUMNS = 4, /* i32 (Z) */
  LP_SPARSE_STARTS = 5,  /* i32 (I + 1) */
  LP_SPARSE_SOURCES = 6, /* i32 (Z) */
  LP_SPARSE_PLACES = 7,  /* i32 (Z) */
  LP_SPARSE_PRIOR = 8,   /* f32 (Z), optional */
  LP_SPARSE_INPUTS = 9
};

typedef struct lp_normalize_params {
  uint32_t channels; /* 1..4, equal to C */
  float scale;       /* 1/255 for u8 pixels */
  float mean[4], sd[4];
} lp_normalize_params;

typedef struct lp_conv_params {
  uint32_t stride, pad;
  uint32_t in_h, in_w; /* filled by shape inference of CONV2D, read by CONV2D_DX */
  uint32_t kernel;     /* k, given to CONV2D_DW */
} lp_conv_params;

typedef struct lp_pool_params {
  uint32_t k, stride; /* k <= 15 (MAXPOOL2D), no padding, floor */
  uint32_t in_h, in_w;
  uint32_t columns; /* of an AVGPOOL2D window of k rows; 0: k */
} lp_pool_params;

typedef struct lp_linear_params {
  /* off_in rises by exactly 1 inside aligned runs of this many inputs (the inner axis of the
   * input sheet), so that a kernel may load the table contiguously; 0 or 1: no such runs. */
  uint32_t run;
} lp_linear_params;

typedef struct lp_batchnorm_params {
  float eps, momentum;
} lp_batchnorm_params;

/* Element e of sample n (n counts from lp_run_args.sample_offset) is kept when u >= p, with
 * u = (r >> 8) * 2^-24, r = word (m mod 4) of Philox4x32-10(counter {m/4, n, iteration, stream},
 * key {seed low, seed high}), m = e / group. Kept elements are multiplied by 1/(1-p). A group of
 * H*W drops whole channels (dropout2d). */
typedef struct lp_dropout_params {
  float p;
  uint32_t stream;
  uint32_t group;
} lp_dropout_params;

typedef struct lp_scale_params {
  float alpha, beta;
} lp_scale_params;

/* A tensor is seen as (outer, extent of the axis, inner): what SLICE and CONCAT work on. */
typedef struct lp_slice_params {
  uint32_t axis;
  uint32_t begin, length; /* SLICE only */
} lp_slice_params;

typedef struct lp_shape_params {
  uint32_t ndim;
  uint32_t dim[LP_MAX_DIMS];
} lp_shape_params;

typedef enum lp_decay {
  LP_DECAY_L2 = 0,        /* g += decay * p */
  LP_DECAY_L1 = 1,        /* g += decay * sign(p) */
  LP_DECAY_DECOUPLED = 2, /* p *= 1 - lr * decay before the update (AdamW) */
} lp_decay;

/* PyTorch's update rules. SGD: m = momentum*m + g, p -= lr*m. RMSProp (Tieleman & Hinton, 2012):
 * s = alpha*s + (1-alpha)*g^2, m = momentum*m + g/(sqrt(s)+eps), p -= lr*m. Adam (Kingma & Ba,
 * ICLR 2015) and AdamW (Loshchilov & Hutter, ICLR 2019), step count = iteration + 1. The learning
 * rate is scalars[LP_SCALAR_LR] * lr_scale. */
typedef struct lp_optim_params {
  float momentum, alpha, beta1, beta2, eps, decay;
  uint32_t decay_kind; /* lp_decay */
  float lr_scale;
} lp_optim_params;

/* Fixed size: every operation's parameters fit and may grow without changing the ABI. */
typedef union lp_op_params {
  lp_normalize_params normalize;
  lp_conv_params conv;
  lp_pool_params pool;
  lp_linear_params linear;
  lp_batchnorm_params batchnorm;
  lp_dropout_params dropout;
  lp_scale_params scale; /* SCALE and ACCUMULATE */
  lp_shape_params shape; /* RESHAPE and EXPAND */
  lp_slice_params slice; /* SLICE and CONCAT */
  lp_optim_params optim;
  uint8_t reserved[64];
} lp_op_params;

/* Indices into lp_run_args.scalars: values that change from run to run. Append only. */
enum { LP_SCALAR_LR = 0, LP_SCALAR_ROW = 1, LP_SCALAR_COUNT = 2 };

#ifdef __cplusplus
}
#endif
#endif
