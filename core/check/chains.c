/* Cases of several ops: what the planner fuses, reorders in memory or must not fuse. */
#include "case.h"

#include <locality/rng.h>

#include <stdio.h>

/* ---- small helpers --------------------------------------------------------------------------- */

static lp_val unary(case_program *p, lp_op op, lp_val x) {
  return case_apply(p, op, NULL, &x, 1);
}

static lp_val binary(case_program *p, lp_op op, lp_val a, lp_val b) {
  return case_apply(p, op, NULL, (lp_val[]){a, b}, 2);
}

static lp_val scale(case_program *p, lp_val x, float alpha, float beta) {
  lp_op_params params = {.scale = {alpha, beta}};
  return case_apply(p, LP_OP_SCALE, &params, &x, 1);
}

static lp_val reshape2(case_program *p, lp_val x, uint32_t n, uint32_t inner) {
  lp_op_params params = {.shape = {.ndim = 2, .dim = {n, inner}}};
  return case_apply(p, LP_OP_RESHAPE, &params, &x, 1);
}

static lp_val dropout(case_program *p, lp_val x, float rate, uint32_t group, const char *path) {
  lp_op_params params = {.dropout = {rate, lp_rng_stream(path), group}};
  return case_apply(p, LP_OP_DROPOUT, &params, &x, 1);
}

static lp_val pool(case_program *p, lp_val x, uint32_t k, uint32_t stride) {
  lp_op_params params = {.pool = {.k = k, .stride = stride}};
  return case_apply(p, LP_OP_MAXPOOL2D, &params, &x, 1);
}

/* Named parameters "NAME.w" and "NAME.b", scaled so that values keep their size. */
static lp_val weights(case_program *p, const char *name, lp_desc d) {
  char text[40];
  snprintf(text, sizeof text, "%s.w", name);
  return case_leaf_add(p, ROLE_PARAM, text, d, FILL_SIGNED, 0, true);
}

static lp_val bias(case_program *p, const char *name, uint32_t n) {
  char text[40];
  snprintf(text, sizeof text, "%s.b", name);
  return case_leaf_add(p, ROLE_PARAM, text, lp_f32(n), FILL_SIGNED, 0, true);
}

static lp_val linear(case_program *p, const char *name, lp_val x, uint32_t in, uint32_t out) {
  lp_val w = weights(p, name, lp_f32(out, in));
  return case_apply(p, LP_OP_LINEAR, NULL, (lp_val[]){x, w, bias(p, name, out)}, 3);
}

/* A prior on rows x cols units with runs, random table. */
static lp_val local(case_program *p, const char *name, lp_val x, uint32_t rows, uint32_t cols) {
  enum { MAX_UNITS = 64 };
  int32_t off_out[MAX_UNITS], off_in[MAX_UNITS];
  uint32_t n = rows * cols, span = 2 * cols - 1;
  for (uint32_t i = 0; i < n && i < MAX_UNITS; i++) {
    off_out[i] = (int32_t)((rows - 1 - i / cols) * span + cols - 1 - i % cols);
    off_in[i] = (int32_t)(i / cols * span + i % cols);
  }
  lp_val in[LP_LINEAR_INPUTS] = {x, weights(p, name, lp_f32(n, n)), bias(p, name, n)};
  in[LP_PRIOR_TABLE] = case_leaf_add(p, ROLE_CONSTANT, "prior.table", lp_f32((2 * rows - 1) * span),
                                     FILL_POSITIVE, 0, false);
  lp_desc d = LP_DESC(LP_I32, n);
  in[LP_PRIOR_OFF_OUT] = case_leaf_data(p, ROLE_CONSTANT, "prior.off_out", d, off_out);
  in[LP_PRIOR_OFF_IN] = case_leaf_data(p, ROLE_CONSTANT, "prior.off_in", d, off_in);
  lp_op_params params = {.linear = {.run = cols}};
  return case_apply(p, LP_OP_LINEAR, &params, in, LP_LINEAR_INPUTS);
}

static lp_val conv(case_program *p, const char *name, lp_val x, uint32_t c, uint32_t o, uint32_t k,
                   uint32_t pad) {
  lp_op_params params = {.conv = {.stride = 1, .pad = pad}};
  lp_val w = weights(p, name, lp_f32(o, c, k, k));
  return case_apply(p, LP_OP_CONV2D, &params, (lp_val[]){x, w, bias(p, name, o)}, 3);
}

static lp_val batchnorm(case_program *p, lp_val x, uint32_t c) {
  lp_val in[5] = {x};
  in[1] = case_leaf_add(p, ROLE_PARAM, "bn.w", lp_f32(c), FILL_POSITIVE, 0, true);
  in[2] = case_leaf_add(p, ROLE_PARAM, "bn.b", lp_f32(c), FILL_SIGNED, 0, true);
  in[3] = case_leaf_add(p, ROLE_STATE, "bn.running_mean", lp_f32(c), FILL_SIGNED, 0, false);
  in[4] = case_leaf_add(p, ROLE_STATE, "bn.running_var", lp_f32(c), FILL_POSITIVE, 0, false);
  lp_op_params params = {.batchnorm = {1e-5f, 0.1f}};
  return case_apply(p, LP_OP_BATCHNORM, &params, in, 5);
}

static void finish(case_program *p, lp_val y) {
  p->y = y;
  case_target_add(p, y, "y");
}

/* ---- chains ---------------------------------------------------------------------------------- */

static void linear_relu(case_program *p) {
  finish(p, unary(p, LP_OP_RELU, linear(p, "fc", case_x(p, "x", lp_f32(7, 19), true), 19, 23)));
}

static void residual(case_program *p) {
  lp_val x = case_x(p, "x", lp_f32(5, 17), true), r = case_x(p, "r", lp_f32(5, 33), true);
  finish(p, unary(p, LP_OP_RELU, binary(p, LP_OP_ADD, linear(p, "fc", x, 17, 33), r)));
}

static void unary_row(case_program *p) {
  lp_val y = linear(p, "fc", case_x(p, "x", lp_f32(6, 21), true), 21, 15);
  y = unary(p, LP_OP_ABS, scale(p, unary(p, LP_OP_SQUARE, y), -0.5f, 1.25f));
  finish(p, y);
}

static void binary_row(case_program *p) {
  lp_desc d = lp_f32(4, 29);
  lp_val y = linear(p, "fc", case_x(p, "x", lp_f32(4, 9), true), 9, 29);
  y = binary(p, LP_OP_MUL, y, case_x(p, "a", d, true));
  y = binary(p, LP_OP_SUB, y, case_x(p, "b", d, true));
  y = binary(p, LP_OP_RELU_DX, y, case_x(p, "c", d, false));
  case_target_add(p, y, "y"); /* relu_dx has no gradient of its own */
}

static void intermediate_kept(case_program *p) {
  lp_val l = linear(p, "fc", case_x(p, "x", lp_f32(3, 12), true), 12, 31);
  lp_val r = unary(p, LP_OP_RELU, l);
  case_target_add(p, l, "linear");
  case_target_add(p, r, "relu");
  finish(p, binary(p, LP_OP_MUL, r, l));
}

static void second_operand(case_program *p) {
  lp_val r = case_x(p, "r", lp_f32(5, 20), true);
  lp_val l = linear(p, "fc", case_x(p, "x", lp_f32(5, 11), true), 11, 20);
  finish(p, binary(p, LP_OP_SUB, r, l));
}

static void same_twice(case_program *p) {
  lp_val l = linear(p, "fc", case_x(p, "x", lp_f32(5, 11), true), 11, 20);
  lp_val s = binary(p, LP_OP_ADD, l, l);
  finish(p, binary(p, LP_OP_MUL, s, s));
}

static void reshape_inside(case_program *p) {
  lp_val y = conv(p, "conv", case_x(p, "x", lp_f32(3, 2, 6, 5), true), 2, 4, 3, 0);
  y = reshape2(p, unary(p, LP_OP_RELU, y), 3, 4 * 4 * 3);
  y = dropout(p, y, 0.5f, 1, "drop");
  finish(p, linear(p, "fc", y, 48, 7));
}

static void reshaped_extra(case_program *p) {
  lp_val y = conv(p, "conv", case_x(p, "x", lp_f32(3, 2, 6, 5), true), 2, 4, 3, 1);
  lp_val m = case_x(p, "m", lp_f32(3, 120), true);
  finish(p, unary(p, LP_OP_RELU, binary(p, LP_OP_MUL, reshape2(p, y, 3, 120), m)));
}

static void reshape_target(case_program *p) {
  lp_val y = unary(p, LP_OP_SQUARE, case_x(p, "x", lp_f32(3, 4, 5, 2), true));
  case_target_add(p, y, "square");
  finish(p, reshape2(p, y, 6, 20));
}

static void conv_dropout_pool(case_program *p) {
  lp_val y = conv(p, "conv", case_x(p, "x", lp_f32(4, 3, 9, 9), true), 3, 6, 4, 0);
  y = pool(p, dropout(p, y, 0.5f, 36, "drop2d"), 2, 2);
  finish(p, unary(p, LP_OP_RELU, y));
}

static void overlapping_pool(case_program *p) {
  lp_val y = conv(p, "conv", case_x(p, "x", lp_f32(3, 2, 13, 15), true), 2, 5, 3, 1);
  finish(p, pool(p, unary(p, LP_OP_RELU, y), 3, 2));
}

/* A batch for vectors of images, forward and in the gradient of the input. */
static void conv_batch(case_program *p) {
  lp_val y = conv(p, "conv1", case_x(p, "x", lp_f32(16, 2, 9, 8), true), 2, 5, 3, 1);
  finish(p, unary(p, LP_OP_RELU, conv(p, "conv2", unary(p, LP_OP_RELU, y), 5, 4, 3, 0)));
}

/* Enough channels for Winograd's method. */
static void conv_channels(case_program *p) {
  lp_val y = conv(p, "conv1", case_x(p, "x", lp_f32(2, 32, 13, 14), true), 32, 33, 3, 1);
  finish(p, unary(p, LP_OP_RELU, conv(p, "conv2", unary(p, LP_OP_RELU, y), 33, 32, 5, 2)));
}

static void conv_residual(case_program *p) {
  lp_val x = case_x(p, "x", lp_f32(2, 5, 7, 6), true);
  lp_val y = unary(p, LP_OP_RELU, conv(p, "conv1", x, 5, 5, 3, 1));
  y = binary(p, LP_OP_ADD, conv(p, "conv2", y, 5, 5, 3, 1), x);
  finish(p, unary(p, LP_OP_RELU, y));
}

static void relu_dropout_linear(case_program *p) {
  lp_val y = unary(p, LP_OP_RELU, linear(p, "fc1", case_x(p, "x", lp_f32(9, 14), true), 14, 25));
  finish(p, linear(p, "fc2", dropout(p, y, 0.5f, 1, "drop"), 25, 6));
}

static void dropout_twice(case_program *p) {
  lp_val y = linear(p, "fc", case_x(p, "x", lp_f32(9, 14), true), 14, 25);
  y = dropout(p, y, 0.5f, 1, "drop1");
  finish(p, dropout(p, y, 0.25f, 5, "drop2"));
}

static void norm_relu_dropout(case_program *p) {
  lp_val y = batchnorm(p, linear(p, "fc", case_x(p, "x", lp_f32(16, 10), true), 10, 18), 18);
  case_target_add(p, y, "normalised");
  finish(p, dropout(p, unary(p, LP_OP_RELU, y), 0.5f, 1, "drop"));
}

static void elementwise_only(case_program *p) {
  lp_desc d = lp_f32(3, 41);
  lp_val x = case_x(p, "x", d, true), y = x;
  for (int i = 0; i < 6; i++) y = scale(p, unary(p, LP_OP_SQUARE, y), -0.75f, 0.5f);
  y = binary(p, LP_OP_ADD, y, x);
  y = binary(p, LP_OP_MUL, y, case_x(p, "z", d, true));
  finish(p, y);
}

static void many_live(case_program *p) {
  lp_val x = case_x(p, "x", lp_f32(4, 13), true), v[8];
  for (uint32_t i = 0; i < 8; i++) {
    char name[8];
    snprintf(name, sizeof name, "fc%u", i);
    v[i] = scale(p, linear(p, name, i ? v[i - 1] : x, 13, 13), 0.3f, 0.0f);
    if (i % 3 == 1) case_target_add(p, v[i], name);
  }
  lp_val sum = v[0];
  for (uint32_t i = 1; i < 8; i++) sum = binary(p, LP_OP_ADD, sum, v[i]);
  finish(p, sum);
}

static void penalty(case_program *p) {
  lp_val w = case_leaf_add(p, ROLE_PARAM, "w", lp_f32(9, 15), FILL_SIGNED, 0, true);
  lp_val cost = case_leaf_add(p, ROLE_CONSTANT, "cost", lp_f32(9, 15), FILL_POSITIVE, 0, false);
  lp_val l1 = unary(p, LP_OP_SUM, binary(p, LP_OP_MUL, unary(p, LP_OP_ABS, w), cost));
  lp_val l2 = unary(p, LP_OP_SUM, unary(p, LP_OP_SQUARE, w));
  finish(p, binary(p, LP_OP_ADD, l1, scale(p, l2, 0.5f, 0.0f)));
}

static void expand_of_sum(case_program *p) {
  lp_val x = case_leaf_add(p, ROLE_INPUT, "x", lp_f32(4, 6), FILL_POSITIVE, 0, true);
  lp_op_params params = {.shape = {.ndim = 2, .dim = {4, 6}}};
  lp_val s = unary(p, LP_OP_SUM, x);
  finish(p, binary(p, LP_OP_MUL, x, case_apply(p, LP_OP_EXPAND, &params, &s, 1)));
}

/* Ops take effect in program order: the second product sees the updated weight. */
static void update_between_reads(case_program *p) {
  lp_val x = case_x(p, "x", lp_f32(3, 8), false), g = case_x(p, "g", lp_f32(5, 8), false);
  lp_val w = case_leaf_add(p, ROLE_PARAM, "w", lp_f32(5, 8), FILL_SIGNED, 0, false);
  lp_op_params params = {.optim = {.lr_scale = 10.0f}};
  case_target_add(p, binary(p, LP_OP_LINEAR, x, w), "before");
  case_target_add(p, case_apply(p, LP_OP_SGD, &params, (lp_val[]){w, g, LP_NO_VAL}, 3), "token");
  case_target_add(p, binary(p, LP_OP_LINEAR, x, w), "after");
  p->runs = 2;
}

static void norm_then_eval(case_program *p) {
  lp_val x = case_x(p, "x", lp_f32(6, 4), false), y = batchnorm(p, x, 4);
  lp_op_params params = {.batchnorm = {1e-5f, 0.1f}};
  lp_val in[5] = {y}; /* the same state, read after it was updated */
  for (uint32_t i = 0, k = 1; i < p->n_leaves && k < 5; i++)
    if (p->leaf[i].role != ROLE_INPUT) in[k++] = p->leaf[i].val;
  case_target_add(p, y, "train");
  case_target_add(p, case_apply(p, LP_OP_BATCHNORM_EVAL, &params, in, 5), "eval");
}

static void gradient_accumulation(case_program *p) {
  lp_val dy = case_x(p, "dy", lp_f32(6, 9), false), x = case_x(p, "x", lp_f32(6, 7), false);
  lp_val dw = binary(p, LP_OP_LINEAR_DW, dy, x);
  lp_val sum = case_leaf_add(p, ROLE_STATE, "sum.w", lp_f32(9, 7), FILL_ZERO, 0, false);
  lp_val sum_b = case_leaf_add(p, ROLE_STATE, "sum.b", lp_f32(9), FILL_ZERO, 0, false);
  lp_op_params params = {.scale = {0.25f, 1.0f}};
  lp_val in[] = {sum, dw, sum_b, lp_output(dw, 1)};
  case_target_add(p, case_apply(p, LP_OP_ACCUMULATE, &params, in, 4), "token");
  p->runs = 4;
}

/* The network of the MNIST experiment at a small batch, dropout on. */
static void lenet(case_program *p) {
  enum { N = 5 };
  lp_val images = case_leaf_add(p, ROLE_INPUT, "images", LP_DESC(LP_U8, N, 1, 28, 28), FILL_INTEGER,
                                256, false);
  lp_val labels =
      case_leaf_add(p, ROLE_INPUT, "labels", LP_DESC(LP_I32, N), FILL_INTEGER, 10, false);
  lp_val history = case_leaf_add(p, ROLE_STATE, "metrics", lp_f32(2, 4), FILL_ZERO, 0, false);
  lp_op_params pixels = {.normalize = {1, 1.0f / 255.0f, {0.1307f}, {0.3081f}}};
  lp_val x = case_apply(p, LP_OP_NORMALIZE, &pixels, &images, 1);
  x = unary(p, LP_OP_RELU, pool(p, conv(p, "conv1", x, 1, 10, 5, 0), 2, 2));
  x = dropout(p, scale(p, conv(p, "conv2", x, 10, 20, 5, 0), 0.05f, 0), 0.5f, 64, "drop2d");
  x = reshape2(p, unary(p, LP_OP_RELU, pool(p, x, 2, 2)), N, 320);
  x = linear(p, "fc1", dropout(p, x, 0.5f, 1, "drop1"), 320, 49);
  x = unary(p, LP_OP_RELU, x);
  case_target_add(p, x, "lp_in");
  x = local(p, "lp", dropout(p, x, 0.5f, 1, "drop2"), 7, 7);
  x = unary(p, LP_OP_RELU, batchnorm(p, x, 49));
  case_target_add(p, x, "lp_out");
  lp_val logits = linear(p, "fc2", x, 49, 10);
  lp_val loss = case_apply(p, LP_OP_CROSS_ENTROPY, NULL, (lp_val[]){logits, labels, history}, 3);
  case_target_add(p, lp_output(loss, 1), "logp");
  finish(p, loss);
}

/* Slices that overlap, leave gaps and lie along two axes, of a value that is read in whole too. */
static void slices_of_one(case_program *p) {
  lp_val x = case_x(p, "x", lp_f32(6, 10), true);
  lp_val l = unary(p, LP_OP_SQUARE, linear(p, "fc", x, 10, 11)), y = unary(p, LP_OP_SUM, l);
  static const lp_slice_params at[] = {{1, 2, 3}, {1, 4, 5}, {0, 1, 2}, {1, 2, 1}, {0, 5, 1}};
  for (uint32_t i = 0; i < sizeof at / sizeof *at; i++) {
    lp_op_params params = {.slice = at[i]};
    lp_val s = case_apply(p, LP_OP_SLICE, &params, &l, 1);
    lp_val square = unary(p, LP_OP_SQUARE, scale(p, s, 0.5f + 0.25f * (float)i, 0));
    y = binary(p, LP_OP_ADD, y, unary(p, LP_OP_SUM, square));
  }
  finish(p, y);
}

/* Two gates of one product and what they let through. */
static void gates(case_program *p) {
  lp_val l = linear(p, "fc", case_x(p, "x", lp_f32(5, 9), true), 9, 21), part[3];
  for (uint32_t i = 0; i < 3; i++) {
    lp_op_params params = {.slice = {1, 7 * i, 7}};
    part[i] = case_apply(p, LP_OP_SLICE, &params, &l, 1);
  }
  lp_val r = unary(p, LP_OP_SIGMOID, part[0]);
  lp_val n = unary(p, LP_OP_TANH, binary(p, LP_OP_MUL, r, part[2]));
  lp_val z = unary(p, LP_OP_SIGMOID, part[1]);
  lp_op_params params = {.slice = {.axis = 1}};
  finish(p, case_apply(p, LP_OP_CONCAT, &params, (lp_val[]){binary(p, LP_OP_MUL, z, n), r}, 2));
}

/* Steps that a device may do in one launch: rows divided by their lengths, neighbouring rows
 * multiplied, with numbers and outer products among them, and a concat with zeros in the gradient.
 */
static void neighbours(case_program *p) {
  enum { ROWS = 6, COLS = 10 };
  lp_val x = case_leaf_add(p, ROLE_PARAM, "x", lp_f32(ROWS, COLS), FILL_SIGNED, 0, true);
  lp_val ones = case_leaf_add(p, ROLE_CONSTANT, "ones", lp_f32(1, COLS), FILL_POSITIVE, 0, false);
  lp_val prior[LP_LINEAR_INPUTS] = {unary(p, LP_OP_ABS, x)};
  prior[LP_PRIOR_DENSE] =
      case_leaf_add(p, ROLE_CONSTANT, "dense", lp_f32(ROWS, COLS), FILL_POSITIVE, 0, false);
  lp_val far = case_apply(p, LP_OP_PRIOR, NULL, prior, LP_LINEAR_INPUTS);
  lp_val length = scale(p, binary(p, LP_OP_LINEAR, unary(p, LP_OP_SQUARE, x), ones), 1, 0.25f);
  length = unary(p, LP_OP_SQRT, length);
  lp_val beside = binary(p, LP_OP_LINEAR_DX, length, ones);
  lp_val w = binary(p, LP_OP_DIV, binary(p, LP_OP_MUL, far, x), beside);
  lp_op_params above = {.slice = {0, 0, ROWS - 1}}, below = {.slice = {0, 1, ROWS - 1}};
  lp_val pairs = binary(p, LP_OP_MUL, case_apply(p, LP_OP_SLICE, &above, &w, 1),
                        case_apply(p, LP_OP_SLICE, &below, &w, 1));
  lp_val sum = unary(p, LP_OP_SUM, pairs);
  lp_op_params shape = {.shape = {.ndim = 2, .dim = {ROWS, COLS}}};
  lp_val factor = scale(p, unary(p, LP_OP_SQUARE, scale(p, sum, 0.5f, 0.125f)), -0.5f, 1);
  case_target_add(p, factor, "factor");
  finish(p, binary(p, LP_OP_MUL, w, case_apply(p, LP_OP_EXPAND, &shape, &factor, 1)));
}

static const struct {
  const char *name;
  void (*build)(case_program *p);
  uint64_t draw; /* other values than those of draw 0, which has a near tie (ref_gap) */
} chain_table[] = {
    {"linear relu", linear_relu, 0},
    {"residual", residual, 0},
    {"unary row", unary_row, 0},
    {"binary row", binary_row, 0},
    {"intermediate kept", intermediate_kept, 0},
    {"second operand", second_operand, 0},
    {"same operand twice", same_twice, 0},
    {"reshape inside", reshape_inside, 0},
    {"reshaped extra", reshaped_extra, 1},
    {"reshape as target", reshape_target, 0},
    {"conv dropout2d pool relu", conv_dropout_pool, 0},
    {"conv relu pool overlapping", overlapping_pool, 0},
    {"conv relu batch", conv_batch, 0},
    {"conv relu channels", conv_channels, 2},
    {"conv residual", conv_residual, 0},
    {"relu dropout linear", relu_dropout_linear, 0},
    {"dropout twice", dropout_twice, 0},
    {"batchnorm relu dropout", norm_relu_dropout, 0},
    {"element-wise only", elementwise_only, 0},
    {"many live values", many_live, 0},
    {"weight penalty", penalty, 0},
    {"expand of sum", expand_of_sum, 0},
    {"update between reads", update_between_reads, 0},
    {"batchnorm then eval", norm_then_eval, 0},
    {"gradient accumulation", gradient_accumulation, 0},
    {"slices of one value", slices_of_one, 0},
    {"gates", gates, 0},
    {"neighbours", neighbours, 0},
    {"lenet", lenet, 0},
};

uint32_t case_chains_count(void) {
  return sizeof chain_table / sizeof *chain_table;
}

const char *case_chain_name(uint32_t i) {
  return chain_table[i].name;
}

void case_build_chain(case_program *p, const op_case *c) {
  p->seed += chain_table[c->row->form].draw;
  chain_table[c->row->form].build(p);
}
