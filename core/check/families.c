/* The families of op cases: how the rows of the table become small graphs with data. */
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
      lp_rng_permutation(p->seed, 2, 0, order + r->o, r->c);
    }
    if (permuted || r->form == PRIOR_ORDERED)
      lp_rng_permutation(p->seed, 1, 0, order, r->o == r->c ? r->o : 0);
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

/* x with its columns in an order drawn at random, or such columns back where they were. */
static lp_val permuted(case_program *p, uint32_t n, lp_val x, bool back) {
  uint32_t *order = calloc(n, sizeof *order);
  int32_t *to = calloc(2 * (size_t)n, sizeof *to), *from = to + n;
  lp_val in[] = {x, LP_NO_VAL, LP_NO_VAL};
  if (!order || !to) {
    p->failed = true;
  } else {
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    lp_rng_permutation(p->seed, 3, 0, order, n);
    for (uint32_t i = 0; i < n; i++) from[to[i] = (int32_t)order[i]] = (int32_t)i;
    for (int k = 0; k < 2; k++)
      in[1 + k] = case_leaf_data(p, ROLE_CONSTANT, k ? "back" : "order", LP_DESC(LP_I32, n),
                                 (k == 1) != back ? from : to);
  }
  free(order);
  free(to);
  return case_apply(p, LP_OP_PERMUTE, NULL, in, 3);
}

static void build_permute(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  p->y = permuted(p, r->c, case_x(p, "x", lp_f32(r->n, r->c), true), false);
  case_target_add(p, p->y, "y");
}

static void build_linear(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  lp_val in[LP_LINEAR_INPUTS] = {{0}};
  lp_op_params params = {{0}};
  bool forward = c->op == LP_OP_LINEAR, bias = !(r->flags & CASE_NO_BIAS);
  lp_desc x = lp_f32(r->n, r->c), dy = lp_f32(r->n, r->o), w = lp_f32(r->o, r->c);
  add_prior(p, r, in, &params);
  const bool ordered = r->form == PRIOR_ORDERED;
  in[0] = forward ? case_x(p, "x", x, true) : case_x(p, "dy", dy, true);
  if (ordered && forward) in[0] = permuted(p, r->c, in[0], false);
  in[1] = c->op == LP_OP_LINEAR_DW ? case_x(p, "x", x, true)
                                   : case_leaf_add(p, ROLE_PARAM, "w", w, FILL_SIGNED, 0, true);
  if (ordered && c->op == LP_OP_LINEAR_DW) in[1] = permuted(p, r->c, in[1], false);
  if (forward && bias)
    in[2] = case_leaf_add(p, ROLE_PARAM, "b", lp_f32(r->o), FILL_SIGNED, 0, true);
  lp_val y = case_apply(p, c->op, &params, in, LP_LINEAR_INPUTS);
  if (ordered && c->op == LP_OP_LINEAR_DX) y = permuted(p, r->c, y, true);
  case_target_add(p, y, forward ? "y" : c->op == LP_OP_LINEAR_DX ? "dx" : "dw");
  p->y = y;
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

/* Every wire is there with probability r->p, so that units without any occur; r->form: a prior. */
static void build_sparse(case_program *p, const op_case *c) {
  const case_row *r = c->row;
  const bool forward = c->op == LP_OP_SPARSE_LINEAR, bias = !(r->flags & CASE_NO_BIAS);
  int32_t *rows = calloc((size_t)r->o + 1, sizeof *rows);
  int32_t *columns = calloc((size_t)r->o * r->c + 1, sizeof *columns);
  lp_pattern *pattern = NULL;
  lp_val in[LP_SPARSE_INPUTS] = {{0}};
  lp_rng rng = lp_rng_make(p->seed, "wires");
  for (uint32_t o = 0; rows && columns && o < r->o; o++) {
    rows[o + 1] = rows[o];
    for (uint32_t i = 0; i < r->c; i++)
      if (lp_rng_below(&rng, 1u << 20) < (uint32_t)(r->p * (1u << 20)))
        columns[rows[o + 1]++] = (int32_t)i;
  }
  if (!rows || !columns || lp_pattern_new(r->o, r->c, rows, columns, &pattern) != LP_OK) {
    p->failed = true;
  } else {
    const lp_pattern *w = pattern;
    const lp_desc wires = LP_DESC(LP_I32, w->n);
    const struct {
      uint32_t at;
      const char *name;
      lp_desc desc;
      const int32_t *data;
    } part[] = {{LP_SPARSE_ROWS, "rows", LP_DESC(LP_I32, r->o + 1), w->rows},
                {LP_SPARSE_COLUMNS, "columns", wires, w->columns},
                {LP_SPARSE_STARTS, "starts", LP_DESC(LP_I32, r->c + 1), w->starts},
                {LP_SPARSE_SOURCES, "sources", wires, w->sources},
                {LP_SPARSE_PLACES, "places", wires, w->places}};
    for (size_t k = 0; k < sizeof part / sizeof *part; k++)
      in[part[k].at] = case_leaf_data(p, ROLE_CONSTANT, part[k].name, part[k].desc, part[k].data);
    const lp_desc value = lp_f32(w->n), x = lp_f32(r->n, r->c), dy = lp_f32(r->n, r->o);
    if (r->form)
      in[LP_SPARSE_PRIOR] = case_leaf_add(p, ROLE_CONSTANT, "prior", value, FILL_SIGNED, 0, false);
    in[0] = forward ? case_x(p, "x", x, true) : case_x(p, "dy", dy, false);
    in[1] = c->op == LP_OP_SPARSE_LINEAR_DW
                ? case_x(p, "x", x, false)
                : case_leaf_add(p, ROLE_PARAM, "w", value, FILL_SIGNED, 0, forward);
    if (forward && bias)
      in[2] = case_leaf_add(p, ROLE_PARAM, "b", lp_f32(r->o), FILL_SIGNED, 0, true);
    lp_val y = case_apply(p, c->op, NULL, in, LP_SPARSE_INPUTS);
    case_target_add(p, y, forward ? "y" : c->op == LP_OP_SPARSE_LINEAR_DX ? "dx" : "dw");
    if (forward) p->y = y;
    if (c->op == LP_OP_SPARSE_LINEAR_DW && bias) case_target_add(p, lp_output(y, 1), "db");
  }
  lp_pattern_free(pattern);
  free(rows);
  free(columns);
}

/* ---- the families ---------------------------------------------------------------------------- */

#define OPS(...) ((const uint32_t[]){__VA_ARGS__, 0})
const case_family case_normalize = {"normalize", OPS(LP_OP_NORMALIZE), build_normalize};
const case_family case_conv = {"conv2d", OPS(LP_OP_CONV2D, LP_OP_CONV2D_DX, LP_OP_CONV2D_DW),
                               build_conv};
const case_family case_pool = {"maxpool2d", OPS(LP_OP_MAXPOOL2D, LP_OP_MAXPOOL2D_DX), build_pool};
const case_family case_pool_forward = {"maxpool2d", OPS(LP_OP_MAXPOOL2D), build_pool};
const case_family case_linear = {"linear", OPS(LP_OP_LINEAR, LP_OP_LINEAR_DX, LP_OP_LINEAR_DW),
                                 build_linear};
const case_family case_batchnorm = {
    "batchnorm",
    OPS(LP_OP_BATCHNORM, LP_OP_BATCHNORM_DX, LP_OP_BATCHNORM_EVAL, LP_OP_BATCHNORM_EVAL_DX),
    build_batchnorm};
const case_family case_batchnorm_eval = {
    "batchnorm", OPS(LP_OP_BATCHNORM_EVAL, LP_OP_BATCHNORM_EVAL_DX), build_batchnorm};
const case_family case_elementwise = {"elementwise",
                                      OPS(LP_OP_RELU, LP_OP_RELU_DX, LP_OP_ADD, LP_OP_SUB,
                                          LP_OP_MUL, LP_OP_SCALE, LP_OP_ABS, LP_OP_SQUARE,
                                          LP_OP_SIGN, LP_OP_TANH, LP_OP_TANH_DX, LP_OP_SIGMOID,
                                          LP_OP_SIGMOID_DX, LP_OP_EXP),
                                      build_elementwise};
const case_family case_positive = {"elementwise", OPS(LP_OP_SQRT, LP_OP_DIV), build_elementwise};
const case_family case_averages = {"avgpool2d", OPS(LP_OP_AVGPOOL2D, LP_OP_AVGPOOL2D_DX),
                                   build_average};
const case_family case_priors = {"prior", OPS(LP_OP_PRIOR), build_prior};
const case_family case_slices = {"slice", OPS(LP_OP_SLICE, LP_OP_CONCAT), build_slice};
const case_family case_permute = {"permute", OPS(LP_OP_PERMUTE), build_permute};
const case_family case_sparse = {
    "sparse_linear", OPS(LP_OP_SPARSE_LINEAR, LP_OP_SPARSE_LINEAR_DX, LP_OP_SPARSE_LINEAR_DW),
    build_sparse};
const case_family case_dropout = {"dropout", OPS(LP_OP_DROPOUT), build_dropout};
const case_family case_reduce = {"reduce", OPS(LP_OP_SUM, LP_OP_EXPAND), build_reduce};
const case_family case_softmax = {"log_softmax", OPS(LP_OP_LOG_SOFTMAX, LP_OP_LOG_SOFTMAX_DX),
                                  build_softmax};
const case_family case_cross = {"cross_entropy", OPS(LP_OP_CROSS_ENTROPY, LP_OP_CROSS_ENTROPY_DX),
                                build_cross};
const case_family case_optim = {"optimiser", OPS(LP_OP_SGD, LP_OP_RMSPROP, LP_OP_ADAM),
                                build_optim};
const case_family case_accumulate = {"accumulate", OPS(LP_OP_ACCUMULATE), build_optim};
const case_family case_chain = {"chain", OPS(0), case_build_chain};
