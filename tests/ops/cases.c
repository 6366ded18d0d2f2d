/* The table of op cases and one builder a family. To add a case, add a row. */
#include "case.h"

#include <locality/rng.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- images: normalise, convolution, max pooling --------------------------------------------- */

static void build_normalize(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {.normalize = {.channels = r->c, .scale = 1.0f / 255.0f}};
  for (uint32_t i = 0; i < r->c && i < 4; i++) {
    params.normalize.mean[i] = 0.3f + 0.1f * (float)i;
    params.normalize.sd[i] = 0.2f + 0.05f * (float)i;
  }
  bool bytes = r->flags & CASE_BYTES;
  lp_desc d = LP_DESC(bytes ? LP_U8 : LP_F32, r->n, r->c, r->h, r->w);
  lp_val x = case_leaf_add(p, ROLE_INPUT, "x", d, bytes ? FILL_INTEGER : FILL_SIGNED, 256, false);
  case_target_add(p, case_apply(p, LP_OP_NORMALIZE, &params, &x, 1), "y");
}

static uint32_t window(uint32_t in, const case_row *r) {
  return (in + 2 * r->pad - r->k) / r->stride + 1;
}

static void build_conv(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_desc dx = lp_f32(r->n, r->c, r->h, r->w), dw = lp_f32(r->o, r->c, r->k, r->k);
  lp_desc dy = lp_f32(r->n, r->o, window(r->h, r), window(r->w, r)), db = lp_f32(r->o);
  lp_op_params params = {
      .conv = {.stride = r->stride, .pad = r->pad, .in_h = r->h, .in_w = r->w, .kernel = r->k}};
  if (c->op == LP_OP_CONV2D) {
    lp_val x = case_x(p, "x", dx, true);
    lp_val w = case_leaf_add(p, ROLE_PARAM, "w", dw, FILL_SIGNED, 0, true);
    lp_val b = r->flags & CASE_NO_BIAS
                   ? LP_NO_VAL
                   : case_leaf_add(p, ROLE_PARAM, "b", db, FILL_SIGNED, 0, true);
    p->y = case_apply(p, LP_OP_CONV2D, &params, (lp_val[]){x, w, b}, 3);
    case_target_add(p, p->y, "y");
  } else if (c->op == LP_OP_CONV2D_DX) {
    lp_val w = case_leaf_add(p, ROLE_PARAM, "w", dw, FILL_SIGNED, 0, false);
    lp_val in[] = {case_x(p, "dy", dy, false), w};
    case_target_add(p, case_apply(p, LP_OP_CONV2D_DX, &params, in, 2), "dx");
  } else {
    lp_val in[] = {case_x(p, "dy", dy, false), case_x(p, "x", dx, false)};
    lp_val w = case_apply(p, LP_OP_CONV2D_DW, &params, in, 2);
    case_target_add(p, w, "dw");
    if (!(r->flags & CASE_NO_BIAS)) case_target_add(p, lp_output(w, 1), "db");
  }
}

static void build_pool(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {.pool = {.k = r->k, .stride = r->stride, .in_h = r->h, .in_w = r->w}};
  lp_desc out = lp_f32(r->n, r->c, window(r->h, r), window(r->w, r));
  if (c->op == LP_OP_MAXPOOL2D) {
    bool smooth = r->form == FILL_SIGNED;
    lp_val x = case_leaf_add(p, ROLE_INPUT, "x", lp_f32(r->n, r->c, r->h, r->w), r->form, 0, true);
    lp_val y = case_apply(p, LP_OP_MAXPOOL2D, &params, &x, 1);
    case_target_add(p, y, "y");
    case_target_add(p, lp_output(y, 1), "which");
    if (smooth) p->y = y;
  } else {
    lp_val dy = case_x(p, "dy", out, false);
    /* Window positions come from a pooling: positions drawn at random need not be possible. */
    lp_val x = case_leaf_add(p, ROLE_INPUT, "x", lp_f32(r->n, r->c, r->h, r->w), r->form, 0, false);
    lp_val y = case_apply(p, LP_OP_MAXPOOL2D, &params, &x, 1);
    lp_val in[] = {dy, lp_output(y, 1)};
    case_target_add(p, case_apply(p, LP_OP_MAXPOOL2D_DX, &params, in, 2), "dx");
  }
}

/* Windows of k rows and r->o columns (0: k). */
static void build_average(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  const uint32_t columns = r->o ? r->o : r->k;
  lp_op_params params = {
      .pool = {.k = r->k, .stride = r->stride, .in_h = r->h, .in_w = r->w, .columns = r->o}};
  lp_desc x = lp_f32(r->n, r->c, r->h, r->w);
  lp_desc y = lp_f32(r->n, r->c, window(r->h, r), (r->w - columns) / r->stride + 1);
  bool forward = c->op == LP_OP_AVGPOOL2D;
  lp_val in = case_x(p, forward ? "x" : "dy", forward ? x : y, forward);
  lp_val out = case_apply(p, c->op, &params, &in, 1);
  case_target_add(p, out, forward ? "y" : "dx");
  if (forward) p->y = out;
}

/* ---- fully connected with a prior ------------------------------------------------------------ */

/* Fills operands[LP_PRIOR_TABLE ..] for an input sheet of h x w units. Output units sit on random
 * places of the same lattice unless there are as many of them as inputs. Table values are random,
 * so that P is not symmetric and mistaken offsets show. */
static void add_prior(case_program *p, const case_row *r, lp_val in[LP_LINEAR_INPUTS],
                      lp_op_params *params) {
  if (r->form == PRIOR_NONE) return;
  if (r->form == PRIOR_DENSE) {
    in[LP_PRIOR_DENSE] =
        case_leaf_add(p, ROLE_CONSTANT, "prior.dense", lp_f32(r->o, r->c), FILL_SIGNED, 0, false);
    return;
  }
  uint32_t rows = r->h, cols = r->w, span = 2 * cols - 1;
  bool permuted = r->form == PRIOR_TABLE || r->form == PRIOR_SCALED;
  int32_t *off = calloc(r->o + r->c, sizeof *off);
  uint32_t *order = calloc(r->o + r->c, sizeof *order);
  if (off && order && rows * cols == r->c) {
    lp_rng place = lp_rng_make(p->seed, "units");
    for (uint32_t i = 0; i < r->o; i++) order[i] = r->o == r->c ? i : lp_rng_below(&place, r->c);
    for (uint32_t j = 0; j < r->c; j++) order[r->o + j] = j;
    if (permuted) {
      lp_rng_permutation(p->seed, 1, 0, order, r->o == r->c ? r->o : 0);
      lp_rng_permutation(p->seed, 2, 0, order + r->o, r->c);
    }
    for (uint32_t i = 0; i < r->o; i++)
      off[i] = (int32_t)((rows - 1 - order[i] / cols) * span + cols - 1 - order[i] % cols);
    for (uint32_t j = 0; j < r->c; j++) {
      uint32_t unit = order[r->o + j];
      off[r->o + j] = (int32_t)(unit / cols * span + unit % cols);
    }
    in[LP_PRIOR_TABLE] = case_leaf_add(p, ROLE_CONSTANT, "prior.table",
                                       lp_f32((2 * rows - 1) * span), FILL_SIGNED, 0, false);
    in[LP_PRIOR_OFF_OUT] =
        case_leaf_data(p, ROLE_CONSTANT, "prior.off_out", LP_DESC(LP_I32, r->o), off);
    in[LP_PRIOR_OFF_IN] =
        case_leaf_data(p, ROLE_CONSTANT, "prior.off_in", LP_DESC(LP_I32, r->c), off + r->o);
    if (!permuted) params->linear.run = cols;
  } else {
    p->failed = true;
  }
  free(off);
  free(order);
  if (r->form == PRIOR_SCALED_ROW || r->form == PRIOR_SCALED)
    in[LP_PRIOR_ROW_SCALE] =
        case_leaf_add(p, ROLE_CONSTANT, "prior.row_scale", lp_f32(r->o), FILL_POSITIVE, 0, false);
  if (r->form == PRIOR_SCALED_COL || r->form == PRIOR_SCALED)
    in[LP_PRIOR_COL_SCALE] =
        case_leaf_add(p, ROLE_CONSTANT, "prior.col_scale", lp_f32(r->c), FILL_POSITIVE, 0, false);
}

static void build_linear(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_val in[LP_LINEAR_INPUTS] = {{0}};
  lp_op_params params = {{0}};
  bool forward = c->op == LP_OP_LINEAR, bias = !(r->flags & CASE_NO_BIAS);
  lp_desc x = lp_f32(r->n, r->c), dy = lp_f32(r->n, r->o), w = lp_f32(r->o, r->c);
  add_prior(p, r, in, &params);
  in[0] = forward ? case_x(p, "x", x, true) : case_x(p, "dy", dy, false);
  in[1] = c->op == LP_OP_LINEAR_DW ? case_x(p, "x", x, false)
                                   : case_leaf_add(p, ROLE_PARAM, "w", w, FILL_SIGNED, 0, forward);
  if (forward && bias)
    in[2] = case_leaf_add(p, ROLE_PARAM, "b", lp_f32(r->o), FILL_SIGNED, 0, true);
  lp_val y = case_apply(p, c->op, &params, in, LP_LINEAR_INPUTS);
  case_target_add(p, y, forward ? "y" : c->op == LP_OP_LINEAR_DX ? "dx" : "dw");
  if (forward) p->y = y;
  if (c->op == LP_OP_LINEAR_DW && bias) case_target_add(p, lp_output(y, 1), "db");
}

/* r->k elements behind each (output, input), r->stride blocks of outputs. */
static void build_prior(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_val in[LP_LINEAR_INPUTS] = {{0}};
  lp_op_params params = {{0}};
  add_prior(p, r, in, &params);
  lp_desc d = lp_f32(r->o * r->stride, r->c, r->k);
  in[0] = case_leaf_add(p, ROLE_PARAM, "w", d, FILL_SIGNED, 0, true);
  p->y = case_apply(p, LP_OP_PRIOR, &params, in, LP_LINEAR_INPUTS);
  case_target_add(p, p->y, "y");
}

/* ---- batch normalisation --------------------------------------------------------------------- */

static void build_batchnorm(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {.batchnorm = {.eps = 1e-5f, .momentum = 0.1f}};
  lp_desc d = r->h ? lp_f32(r->n, r->c, r->h, r->w) : lp_f32(r->n, r->c), per = lp_f32(r->c);
  bool forward = c->op == LP_OP_BATCHNORM || c->op == LP_OP_BATCHNORM_EVAL;
  lp_val x = case_x(p, "x", d, forward);
  lp_val gamma = case_leaf_add(p, ROLE_PARAM, "gamma", per, FILL_POSITIVE, 0, forward);
  if (forward) {
    lp_val beta = case_leaf_add(p, ROLE_PARAM, "beta", per, FILL_SIGNED, 0, true);
    lp_val mean = case_leaf_add(p, ROLE_STATE, "running_mean", per, FILL_SIGNED, 0, false);
    lp_val var = case_leaf_add(p, ROLE_STATE, "running_var", per, FILL_POSITIVE, 0, false);
    p->y = case_apply(p, c->op, &params, (lp_val[]){x, gamma, beta, mean, var}, 5);
    case_target_add(p, p->y, "y");
    if (c->op == LP_OP_BATCHNORM) {
      case_target_add(p, lp_output(p->y, 1), "mean");
      case_target_add(p, lp_output(p->y, 2), "invstd");
    }
  } else {
    lp_val mean = case_x(p, "mean", per, false);
    lp_val spread = case_leaf_add(p, ROLE_INPUT, "spread", per, FILL_POSITIVE, 0, false);
    lp_val in[] = {case_x(p, "dy", d, false), x, gamma, mean, spread};
    lp_val dx = case_apply(p, c->op, &params, in, 5);
    case_target_add(p, dx, "dx");
    case_target_add(p, lp_output(dx, 1), "dgamma");
    case_target_add(p, lp_output(dx, 2), "dbeta");
  }
}

/* ---- element by element ---------------------------------------------------------------------- */

static void build_elementwise(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_desc d = lp_f32(r->n, r->c);
  lp_op_params params = {.scale = {.alpha = -1.75f, .beta = 0.375f}};
  static const uint32_t not_differentiated[] = {LP_OP_RELU_DX, LP_OP_TANH_DX, LP_OP_SIGMOID_DX,
                                                LP_OP_SIGN};
  bool smooth = r->form != FILL_STEPS;
  for (size_t i = 0; i < sizeof not_differentiated / sizeof *not_differentiated; i++)
    smooth &= c->op != not_differentiated[i];
  lp_val in[2] = {case_leaf_add(p, ROLE_INPUT, "a", d, r->form, 0, smooth), LP_NO_VAL};
  bool two = lp_op_get_info(c->op)->min_in == 2;
  if (two) in[1] = case_leaf_add(p, ROLE_INPUT, "b", d, r->form, 0, smooth);
  lp_val y = case_apply(p, c->op, c->op == LP_OP_SCALE ? &params : NULL, in, two ? 2 : 1);
  case_target_add(p, y, "y");
  if (smooth) p->y = y;
}

/* r->k parts along axis r->o, each longer than the one before; all of them, or the last but one. */
static void build_slice(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {.slice = {.axis = r->o}};
  lp_desc d = lp_f32(r->n, r->c, r->h, r->w);
  lp_val part[8] = {{0}};
  for (uint32_t i = 0; i < r->k && i < 8; i++) {
    char name[8];
    snprintf(name, sizeof name, "x%u", i);
    d.dim[r->o] = 2 * i + 1;
    if (c->op == LP_OP_CONCAT) part[i] = case_x(p, name, d, true);
    params.slice.begin += i + 2 < r->k ? 2 * i + 1 : 0;
  }
  if (c->op == LP_OP_SLICE) {
    params.slice.length = r->k > 1 ? 2 * r->k - 3 : 1;
    d.dim[r->o] = r->k * r->k; /* the sum of 1, 3, 5 ... */
    part[0] = case_x(p, "x", d, true);
  }
  p->y = case_apply(p, c->op, &params, part, c->op == LP_OP_SLICE ? 1 : r->k);
  case_target_add(p, p->y, "y");
}

static void build_dropout(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {
      .dropout = {.p = r->p, .stream = lp_rng_stream(r->name), .group = r->k ? r->k : 1}};
  lp_desc d = r->h ? lp_f32(r->n, r->c, r->h, r->w) : lp_f32(r->n, r->c);
  /* Nothing is 0 before, so every 0 after is a dropped element. */
  lp_val x = case_leaf_add(p, ROLE_INPUT, "x", d, FILL_POSITIVE, 0, true);
  p->y = case_apply(p, LP_OP_DROPOUT, &params, &x, 1);
  case_target_add(p, p->y, "y");
}

static void build_reduce(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {.shape = {.ndim = 2, .dim = {r->n, r->c}}};
  bool sum = c->op == LP_OP_SUM;
  lp_desc d = sum ? lp_f32(r->n, r->c) : (lp_desc){LP_F32, 0, {0}};
  /* Positive terms: the sum stays well away from 0. */
  lp_val x = case_leaf_add(p, ROLE_INPUT, "x", d, FILL_POSITIVE, 0, true);
  p->y = case_apply(p, c->op, sum ? NULL : &params, &x, 1);
  case_target_add(p, p->y, "y");
}

/* ---- softmax and losses ---------------------------------------------------------------------- */

/* Logits of r->q times the unit range. */
static lp_val add_logits(case_program *p, const case_row *r, bool wrt) {
  lp_val x = case_x(p, "logits", lp_f32(r->n, r->c), wrt);
  float *data = p->n_leaves ? p->leaf[p->n_leaves - 1].data : NULL;
  for (uint32_t i = 0; data && i < r->n * r->c; i++) data[i] *= r->q;
  return x;
}

static lp_val add_labels(case_program *p, const case_row *r) {
  lp_val v =
      case_leaf_add(p, ROLE_INPUT, "labels", LP_DESC(LP_I32, r->n), FILL_INTEGER, r->c, false);
  int32_t *label = p->n_leaves ? p->leaf[p->n_leaves - 1].data : NULL;
  if (label && (r->flags & CASE_BAD_LABEL)) {
    label[0] = -1;
    label[r->n - 1] = (int32_t)r->c;
  }
  return v;
}

static void build_softmax(case_program *p, const op_case *c) {
  lp_val x = add_logits(p, c->row, c->op == LP_OP_LOG_SOFTMAX);
  lp_val y = case_apply(p, LP_OP_LOG_SOFTMAX, NULL, &x, 1);
  if (c->op == LP_OP_LOG_SOFTMAX) {
    p->y = y;
    case_target_add(p, y, "y");
  } else {
    lp_val in[] = {case_x(p, "dy", lp_f32(c->row->n, c->row->c), false), y};
    case_target_add(p, case_apply(p, LP_OP_LOG_SOFTMAX_DX, NULL, in, 2), "dx");
  }
}

static void build_cross(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  bool forward = c->op == LP_OP_CROSS_ENTROPY, bad = r->flags & CASE_BAD_LABEL;
  lp_val labels = add_labels(p, r), x = add_logits(p, r, forward && !bad), history = LP_NO_VAL;
  if (!forward) {
    lp_val logp = case_apply(p, LP_OP_LOG_SOFTMAX, NULL, &x, 1);
    lp_val dloss = case_x(p, "dloss", (lp_desc){LP_F32, 0, {0}}, false);
    lp_val in[] = {dloss, logp, labels};
    case_target_add(p, case_apply(p, LP_OP_CROSS_ENTROPY_DX, NULL, in, 3), "dlogits");
    return;
  }
  if (r->flags & CASE_HISTORY)
    history = case_leaf_add(p, ROLE_STATE, "metrics", lp_f32(5, 4), FILL_SIGNED, 0, false);
  p->run.scalars[LP_SCALAR_ROW] = 3;
  lp_val loss = case_apply(p, LP_OP_CROSS_ENTROPY, NULL, (lp_val[]){x, labels, history}, 3);
  case_target_add(p, loss, "loss");
  case_target_add(p, lp_output(loss, 1), "logp");
  if (!bad) p->y = loss;
}

/* ---- updates --------------------------------------------------------------------------------- */

/* Group i has c + 13*i elements, as a matrix where that is possible; the states do not start at 0.
 * Three runs in a row with rising iteration: bias corrections and momentum show. */
static void build_optim(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_op_params params = {.optim = r->optim};
  if (c->op == LP_OP_ACCUMULATE) params = (lp_op_params){.scale = {.alpha = r->p, .beta = r->q}};
  uint32_t size = lp_op_get_info(c->op)->group, n = 0;
  lp_val in[CASE_MAX_IN] = {{0}};
  for (uint32_t i = 0; i < r->n && n + size <= CASE_MAX_IN; i++) {
    uint32_t elements = r->c + 13 * i;
    lp_desc d = elements % 2 ? lp_f32(elements) : lp_f32(2, elements / 2);
    for (uint32_t k = 0; k < size; k++, n++) {
      static const char *const part[] = {"p", "g", "s", "m"};
      char name[24];
      snprintf(name, sizeof name, "%s%u", part[k], i);
      bool last = k == size - 1 && (c->op == LP_OP_SGD || c->op == LP_OP_RMSPROP);
      if (last && r->optim.momentum == 0.0f && r->form) continue; /* no momentum buffer at all */
      bool square = (c->op == LP_OP_RMSPROP && k == 2) || (c->op == LP_OP_ADAM && k == 3);
      case_role role = k == 1 ? ROLE_INPUT : k ? ROLE_STATE : ROLE_PARAM;
      in[n] = case_leaf_add(p, role, name, d, square ? FILL_POSITIVE : FILL_SIGNED, 0, false);
    }
  }
  p->runs = 3;
  case_target_add(p, case_apply(p, c->op, &params, in, n), "token");
}

/* ---- table ----------------------------------------------------------------------------------- */

#define OPS(...) ((const uint32_t[]){__VA_ARGS__, 0})
static const case_family normalize = {"normalize", OPS(LP_OP_NORMALIZE), build_normalize};
const case_family case_conv = {"conv2d", OPS(LP_OP_CONV2D, LP_OP_CONV2D_DX, LP_OP_CONV2D_DW),
                               build_conv};
const case_family case_pool = {"maxpool2d", OPS(LP_OP_MAXPOOL2D, LP_OP_MAXPOOL2D_DX), build_pool};
static const case_family pool_forward = {"maxpool2d", OPS(LP_OP_MAXPOOL2D), build_pool};
const case_family case_linear = {"linear", OPS(LP_OP_LINEAR, LP_OP_LINEAR_DX, LP_OP_LINEAR_DW),
                                 build_linear};
const case_family case_batchnorm = {
    "batchnorm",
    OPS(LP_OP_BATCHNORM, LP_OP_BATCHNORM_DX, LP_OP_BATCHNORM_EVAL, LP_OP_BATCHNORM_EVAL_DX),
    build_batchnorm};
static const case_family batchnorm_eval = {
    "batchnorm", OPS(LP_OP_BATCHNORM_EVAL, LP_OP_BATCHNORM_EVAL_DX), build_batchnorm};
static const case_family elementwise = {"elementwise",
                                        OPS(LP_OP_RELU, LP_OP_RELU_DX, LP_OP_ADD, LP_OP_SUB,
                                            LP_OP_MUL, LP_OP_SCALE, LP_OP_ABS, LP_OP_SQUARE,
                                            LP_OP_SIGN, LP_OP_TANH, LP_OP_TANH_DX, LP_OP_SIGMOID,
                                            LP_OP_SIGMOID_DX, LP_OP_EXP),
                                        build_elementwise};
static const case_family positive = {"elementwise", OPS(LP_OP_SQRT, LP_OP_DIV), build_elementwise};
static const case_family averages = {"avgpool2d", OPS(LP_OP_AVGPOOL2D, LP_OP_AVGPOOL2D_DX),
                                     build_average};
static const case_family priors = {"prior", OPS(LP_OP_PRIOR), build_prior};
static const case_family slices = {"slice", OPS(LP_OP_SLICE, LP_OP_CONCAT), build_slice};
const case_family case_dropout = {"dropout", OPS(LP_OP_DROPOUT), build_dropout};
static const case_family reduce = {"reduce", OPS(LP_OP_SUM, LP_OP_EXPAND), build_reduce};
const case_family case_softmax = {"log_softmax", OPS(LP_OP_LOG_SOFTMAX, LP_OP_LOG_SOFTMAX_DX),
                                  build_softmax};
const case_family case_cross = {"cross_entropy", OPS(LP_OP_CROSS_ENTROPY, LP_OP_CROSS_ENTROPY_DX),
                                build_cross};
const case_family case_optim = {"optimiser", OPS(LP_OP_SGD, LP_OP_RMSPROP, LP_OP_ADAM),
                                build_optim};
static const case_family accumulate = {"accumulate", OPS(LP_OP_ACCUMULATE), build_optim};
static const case_family chain = {"chain", OPS(0), case_build_chain};

#define CONV(name_, n_, c_, h_, w_, o_, k_, s_, p_, flags_)                                        \
  {                                                                                                \
    .family = &case_conv, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .o = o_, .k = k_,     \
    .stride = s_, .pad = p_, .flags = flags_                                                       \
  }
#define POOL(family_, name_, n_, c_, h_, w_, k_, s_, fill_)                                        \
  {                                                                                                \
    .family = &family_, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .k = k_, .stride = s_,  \
    .form = fill_                                                                                  \
  }
/* Batch, inputs on a sheet of h x w, outputs. */
#define LINEAR(name_, n_, h_, w_, o_, prior_, flags_)                                              \
  {                                                                                                \
    .family = &case_linear, .name = name_, .n = n_, .c = (h_) * (w_), .h = h_, .w = w_, .o = o_,   \
    .form = prior_, .flags = flags_                                                                \
  }
/* Inputs on a sheet of h x w, outputs, elements behind each pair, blocks. */
#define PRIOR(name_, h_, w_, o_, rest_, blocks_, prior_)                                           \
  {                                                                                                \
    .family = &priors, .name = name_, .n = 1, .c = (h_) * (w_), .h = h_, .w = w_, .o = o_,         \
    .k = rest_, .stride = blocks_, .form = prior_                                                  \
  }
#define BATCHNORM(family_, name_, n_, c_, h_, w_)                                                  \
  { .family = &family_, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_ }
#define MATRIX(family_, name_, n_, c_, fill_)                                                      \
  { .family = &family_, .name = name_, .n = n_, .c = c_, .form = fill_ }
/* All extents but that of the axis, which the parts give. */
#define SLICES(name_, n_, c_, h_, w_, axis_, parts_)                                               \
  { .family = &slices, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .o = axis_, .k = parts_ }
#define DROPOUT(name_, n_, c_, h_, w_, group_, p_, iteration_, offset_)                            \
  {                                                                                                \
    .family = &case_dropout, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .k = group_,       \
    .p = p_, .iteration = iteration_, .sample_offset = offset_                                     \
  }
#define LOGITS(family_, name_, n_, c_, range_, flags_)                                             \
  { .family = &family_, .name = name_, .n = n_, .c = c_, .q = range_, .flags = flags_ }
/* Groups, elements of the first one, iteration, momentum, decay and its kind; last: leave out a
 * momentum that is 0. */
#define OPTIM(name_, groups_, c_, iteration_, momentum_, decay_, kind_, lr_scale_, leave_out_)     \
  {                                                                                                \
    .family = &case_optim, .name = name_, .n = groups_, .c = c_, .iteration = iteration_,          \
    .form = leave_out_, .optim = {                                                                 \
      momentum_,                                                                                   \
      0.99f,                                                                                       \
      0.9f,                                                                                        \
      0.999f,                                                                                      \
      1e-8f,                                                                                       \
      decay_,                                                                                      \
      kind_,                                                                                       \
      lr_scale_                                                                                    \
    }                                                                                              \
  }
#define ACCUMULATE(name_, groups_, c_, alpha_, beta_)                                              \
  { .family = &accumulate, .name = name_, .n = groups_, .c = c_, .p = alpha_, .q = beta_ }

/* clang-format off */
static const case_row rows[] = {
  {.family = &normalize, .name = "lenet", .n = 5, .c = 1, .h = 28, .w = 28, .flags = CASE_BYTES},
  {.family = &normalize, .name = "rgb odd", .n = 2, .c = 3, .h = 17, .w = 19, .flags = CASE_BYTES},
  {.family = &normalize, .name = "f32 4 channels", .n = 1, .c = 4, .h = 5, .w = 3},

  CONV("1x1", 1, 1, 1, 1, 1, 1, 1, 0, 0),
  CONV("whole image", 2, 3, 5, 5, 4, 5, 1, 0, 0),
  CONV("odd", 3, 5, 9, 7, 7, 3, 1, 1, 0),
  CONV("odd stride 2", 2, 3, 11, 8, 5, 3, 2, 1, CASE_NO_BIAS),
  CONV("stride 3 uneven", 2, 2, 13, 12, 3, 4, 3, 2, 0),
  CONV("padding over kernel", 1, 2, 4, 3, 3, 3, 1, 3, 0),
  CONV("pointwise", 3, 17, 6, 5, 19, 1, 1, 0, 0),
  CONV("lenet conv1", 8, 1, 28, 28, 10, 5, 1, 0, 0),
  CONV("lenet conv2", 7, 10, 12, 12, 20, 5, 1, 0, 0),
  CONV("lenet conv1 batch", 61, 1, 28, 28, 10, 5, 1, 0, 0),
  CONV("lenet conv2 batch", 45, 10, 12, 12, 20, 5, 1, 0, 0),
  CONV("few filters odd", 45, 3, 9, 11, 7, 3, 1, 1, 0),
  CONV("few filters 7x7", 14, 2, 10, 9, 17, 7, 1, 0, CASE_NO_BIAS),
  CONV("few filters padding 2", 31, 4, 6, 7, 9, 3, 1, 2, 0),
  CONV("few filters pointwise", 16, 5, 3, 4, 6, 1, 1, 0, 0),
  CONV("alexnet conv1 crop", 2, 3, 47, 63, 64, 11, 4, 2, 0),
  CONV("alexnet conv1", 1, 3, 224, 224, 64, 11, 4, 2, 0),
  CONV("alexnet conv3", 1, 192, 13, 13, 384, 3, 1, 1, 0),
  /* Large enough for Winograd's. */
  CONV("alexnet conv2 crop", 2, 64, 9, 9, 96, 5, 1, 2, 0),
  CONV("alexnet conv2", 1, 64, 27, 27, 192, 5, 1, 2, 0),
  CONV("3x3 many channels", 3, 37, 13, 15, 45, 3, 1, 1, 0),
  CONV("3x3 no padding", 2, 32, 18, 19, 33, 3, 1, 0, CASE_NO_BIAS),
  CONV("3x3 padding 2", 5, 40, 7, 9, 32, 3, 1, 2, 0),
  CONV("3x3 deep", 2, 523, 13, 13, 33, 3, 1, 1, 0),
  CONV("3x3 padding over kernel", 8, 32, 8, 8, 32, 3, 1, 3, 0),
  CONV("5x5 many channels", 2, 33, 11, 13, 47, 5, 1, 2, 0),
  CONV("5x5 no padding", 2, 35, 14, 15, 34, 5, 1, 0, 0),
  CONV("5x5 padding 4", 2, 33, 7, 8, 32, 5, 1, 4, 0),

  POOL(case_pool, "2 of 24", 3, 10, 24, 24, 2, 2, FILL_SIGNED),
  POOL(case_pool, "2 of odd", 2, 3, 7, 9, 2, 2, FILL_SIGNED),
  POOL(case_pool, "3 by 2 overlapping", 2, 5, 13, 13, 3, 2, FILL_SIGNED),
  POOL(case_pool, "3 by 2 of 27", 1, 19, 27, 27, 3, 2, FILL_SIGNED),
  POOL(case_pool, "5 by 1", 1, 2, 6, 8, 5, 1, FILL_SIGNED),
  POOL(case_pool, "15", 1, 1, 15, 16, 15, 1, FILL_SIGNED),
  POOL(case_pool, "2 by 3 with gaps", 2, 2, 11, 8, 2, 3, FILL_SIGNED),
  POOL(case_pool, "ties", 3, 4, 12, 10, 2, 2, FILL_STEPS),
  POOL(case_pool, "ties overlapping", 2, 3, 9, 11, 3, 2, FILL_STEPS),
  POOL(case_pool, "all equal", 2, 3, 8, 8, 3, 2, FILL_ZERO),
  POOL(case_pool, "ties of 96", 1, 2, 96, 98, 2, 2, FILL_STEPS),
  POOL(case_pool, "ties of 97", 1, 2, 97, 99, 3, 2, FILL_STEPS),
  POOL(pool_forward, "not a number", 2, 3, 12, 12, 2, 2, FILL_NAN),
  POOL(pool_forward, "not a number overlapping", 2, 3, 13, 12, 3, 2, FILL_NAN),
  POOL(pool_forward, "not a number by 1", 2, 3, 13, 12, 3, 1, FILL_NAN),

  POOL(averages, "2 of odd", 2, 3, 7, 9, 2, 2, 0),
  POOL(averages, "3 by 2 overlapping", 2, 5, 13, 12, 3, 2, 0),
  POOL(averages, "2 by 3 with gaps", 2, 2, 11, 8, 2, 3, 0),
  POOL(averages, "5 by 1", 1, 2, 6, 8, 5, 1, 0),
  POOL(averages, "global", 3, 17, 7, 7, 7, 7, 0),
  {.family = &averages, .name = "global of 5x9", .n = 3, .c = 7, .h = 5, .w = 9, .k = 5, .o = 9, .stride = 1},

  LINEAR("1x1x1", 1, 1, 1, 1, PRIOR_NONE, 0),
  LINEAR("batch 1", 1, 5, 8, 33, PRIOR_NONE, 0),
  LINEAR("odd", 7, 11, 13, 29, PRIOR_NONE, CASE_NO_BIAS),
  LINEAR("lenet fc1", 64, 16, 20, 49, PRIOR_NONE, 0),
  LINEAR("lenet fc2", 33, 7, 7, 10, PRIOR_NONE, 0),
  LINEAR("lenet lp", 64, 7, 7, 49, PRIOR_TABLE_RUN, 0),
  LINEAR("lenet lp permuted", 64, 7, 7, 49, PRIOR_TABLE, 0),
  LINEAR("lenet lp dense", 64, 7, 7, 49, PRIOR_DENSE, 0),
  LINEAR("table batch 1", 1, 7, 7, 49, PRIOR_TABLE_RUN, 0),
  LINEAR("table line", 3, 1, 37, 37, PRIOR_TABLE_RUN, 0),
  LINEAR("table column", 3, 23, 1, 23, PRIOR_TABLE_RUN, 0),
  LINEAR("table uneven", 9, 3, 5, 15, PRIOR_TABLE_RUN, CASE_NO_BIAS),
  LINEAR("table row scale", 6, 6, 9, 54, PRIOR_SCALED_ROW, 0),
  LINEAR("table col scale", 6, 9, 6, 54, PRIOR_SCALED_COL, 0),
  LINEAR("permuted both scales", 5, 8, 8, 64, PRIOR_SCALED, 0),
  LINEAR("unequal table", 9, 3, 4, 40, PRIOR_TABLE_RUN, 0),
  LINEAR("unequal table narrow", 4, 10, 9, 21, PRIOR_SCALED_ROW, 0),
  LINEAR("unequal permuted", 4, 5, 5, 31, PRIOR_TABLE, 0),
  LINEAR("unequal dense", 4, 8, 5, 20, PRIOR_DENSE, CASE_NO_BIAS),
  LINEAR("dense wide", 17, 12, 25, 129, PRIOR_DENSE, 0),
  LINEAR("table 16x16", 67, 16, 16, 256, PRIOR_TABLE_RUN, 0),
  LINEAR("table 3x64 row scale", 5, 3, 64, 192, PRIOR_SCALED_ROW, 0),
  LINEAR("table 5x32 col scale", 9, 5, 32, 160, PRIOR_SCALED_COL, 0),
  LINEAR("table 20x31", 19, 20, 31, 620, PRIOR_TABLE_RUN, 0),
  LINEAR("large batch col scale", 71, 4, 16, 64, PRIOR_SCALED_COL, 0),
  LINEAR("large batch both scales", 70, 7, 5, 35, PRIOR_SCALED, 0),
  LINEAR("large batch dense", 66, 20, 31, 48, PRIOR_DENSE, 0),
  LINEAR("alexnet fc3", 2, 64, 64, 1000, PRIOR_NONE, 0),
  LINEAR("alexnet lp", 4, 64, 64, 4096, PRIOR_TABLE_RUN, 0),
  LINEAR("alexnet lp permuted", 1, 64, 64, 4096, PRIOR_TABLE, CASE_NO_GRADIENT),

  PRIOR("1", 1, 1, 1, 1, 1, PRIOR_DENSE),
  PRIOR("3x3 filters", 3, 5, 15, 9, 1, PRIOR_TABLE_RUN),
  PRIOR("filters of unequal sheets", 3, 4, 29, 25, 1, PRIOR_TABLE),
  PRIOR("three gates", 5, 7, 35, 1, 3, PRIOR_TABLE_RUN),
  PRIOR("three gates scaled", 7, 3, 21, 1, 3, PRIOR_SCALED),
  PRIOR("row scale", 4, 6, 24, 4, 2, PRIOR_SCALED_ROW),
  PRIOR("dense", 5, 5, 17, 9, 2, PRIOR_DENSE),
  PRIOR("large", 16, 16, 256, 3, 3, PRIOR_SCALED_COL),

  BATCHNORM(case_batchnorm, "2 of 1", 2, 1, 0, 0),
  BATCHNORM(case_batchnorm, "odd", 5, 3, 0, 0),
  BATCHNORM(case_batchnorm, "lenet", 64, 49, 0, 0),
  BATCHNORM(case_batchnorm, "wide", 3, 1031, 0, 0),
  BATCHNORM(case_batchnorm, "images", 3, 5, 7, 9),
  BATCHNORM(case_batchnorm, "one image", 1, 4, 6, 5),
  BATCHNORM(batchnorm_eval, "batch 1", 1, 13, 0, 0),

  MATRIX(elementwise, "1", 1, 1, FILL_SIGNED),
  MATRIX(elementwise, "odd", 3, 37, FILL_SIGNED),
  MATRIX(elementwise, "zeros and ties", 5, 33, FILL_STEPS),
  MATRIX(elementwise, "long", 2, 50021, FILL_SIGNED),
  MATRIX(positive, "1", 1, 1, FILL_POSITIVE),
  MATRIX(positive, "odd", 3, 37, FILL_POSITIVE),
  MATRIX(positive, "long", 2, 50021, FILL_POSITIVE),

  SLICES("one part", 2, 3, 1, 5, 1, 1),
  SLICES("first axis", 9, 3, 5, 2, 0, 3),
  SLICES("second axis", 3, 16, 2, 7, 1, 4),
  SLICES("inside", 3, 2, 9, 5, 2, 3),
  SLICES("last axis", 7, 5, 3, 25, 3, 5),
  SLICES("large", 5, 9, 33, 67, 1, 3),

  DROPOUT("half", 5, 49, 0, 0, 1, 0.5f, 0, 0),
  DROPOUT("none", 4, 31, 0, 0, 1, 0.0f, 0, 0),
  DROPOUT("odd rate", 3, 53, 0, 0, 1, 0.3f, 0, 0),
  DROPOUT("nearly all", 64, 5, 0, 0, 1, 0.95f, 2, 0),
  DROPOUT("channels", 3, 20, 4, 4, 16, 0.5f, 0, 0),
  DROPOUT("images by element", 2, 3, 5, 7, 1, 0.5f, 0, 0),
  DROPOUT("later iteration", 5, 49, 0, 0, 1, 0.5f, 100003, 0),
  DROPOUT("second half of a batch", 5, 49, 0, 0, 1, 0.5f, 7, 64),
  DROPOUT("channels offset", 2, 7, 3, 5, 15, 0.25f, 9, 3),

  MATRIX(reduce, "1", 1, 1, 0),
  MATRIX(reduce, "odd", 7, 13, 0),
  MATRIX(reduce, "long", 3, 70001, 0),

  LOGITS(case_softmax, "1 class", 3, 1, 1.0f, 0),
  LOGITS(case_softmax, "10 classes", 7, 10, 3.0f, 0),
  LOGITS(case_softmax, "far apart", 5, 6, 90.0f, 0),
  LOGITS(case_softmax, "1000 classes", 3, 1000, 5.0f, 0),
  LOGITS(case_cross, "batch 1", 1, 10, 3.0f, 0),
  LOGITS(case_cross, "lenet", 64, 10, 3.0f, CASE_HISTORY),
  LOGITS(case_cross, "3 classes", 11, 3, 2.0f, CASE_HISTORY),
  LOGITS(case_cross, "1000 classes", 5, 1000, 5.0f, CASE_HISTORY),
  LOGITS(case_cross, "far apart", 9, 7, 90.0f, CASE_HISTORY),
  LOGITS(case_cross, "bad labels", 9, 7, 3.0f, CASE_HISTORY | CASE_BAD_LABEL),

  OPTIM("plain", 1, 1, 0, 0.0f, 0.0f, LP_DECAY_L2, 1.0f, 1),
  OPTIM("momentum buffer at 0", 2, 31, 0, 0.0f, 0.0f, LP_DECAY_L2, 1.0f, 0),
  OPTIM("momentum l2", 3, 257, 0, 0.9f, 0.01f, LP_DECAY_L2, 1.0f, 0),
  OPTIM("momentum l1", 2, 100, 5, 0.5f, 0.02f, LP_DECAY_L1, 1.0f, 0),
  OPTIM("decoupled", 3, 77, 11, 0.5f, 0.1f, LP_DECAY_DECOUPLED, 1.0f, 0),
  OPTIM("no momentum l1", 2, 19, 3, 0.0f, 0.02f, LP_DECAY_L1, 0.25f, 1),
  OPTIM("many groups", 16, 3, 1000, 0.5f, 0.01f, LP_DECAY_L2, 1.0f, 0),
  OPTIM("large", 2, 300007, 2, 0.9f, 1e-4f, LP_DECAY_L2, 2.0f, 0),
  ACCUMULATE("overwrite", 1, 41, 1.0f, 0.0f),
  ACCUMULATE("add", 3, 130, 1.0f, 1.0f),
  ACCUMULATE("average", 9, 65, 0.25f, 0.75f),
};
/* clang-format on */

enum { MAX_CHAINS = 64 };

op_case op_cases_get(uint32_t i) {
  for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (const uint32_t *op = rows[r].family->ops; *op; op++)
      if (i-- == 0) return op_case_make(&rows[r], *op);
  static case_row chain_row[MAX_CHAINS];
  chain_row[i] = (case_row){.family = &chain, .name = case_chain_name(i), .form = i};
  return op_case_make(&chain_row[i], LP_OP_NONE);
}

uint32_t op_cases_count(void) {
  uint32_t n = case_chains_count();
  for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (const uint32_t *op = rows[r].family->ops; *op; op++) n++;
  return n;
}

op_case op_case_make(const case_row *row, uint32_t op) {
  op_case c = {.row = row, .op = op};
  const lp_op_info *info = lp_op_get_info(op);
  snprintf(c.name, sizeof c.name, "%s/%s", info ? info->name : row->family->name, row->name);
  return c;
}
