/* Optimisers: PyTorch's defaults, parameter groups, and their steps as ops. */
#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/nn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"sgd", "rmsprop", "adam", "adamw"};

const char *lp_optimizer_name(lp_optimizer kind) {
  return names[kind];
}

lp_status lp_optimizer_parse(const char *text, lp_optimizer *out) {
  for (uint32_t i = 0; i < 4; i++)
    if (strcmp(names[i], text) == 0) {
      *out = (lp_optimizer)i;
      return LP_OK;
    }
  return lp_fail(LP_ERR_ARG, "no optimiser is named '%s'%s", text,
                 lp_did_you_mean_or(text, names, 4).text);
}

lp_optim_spec lp_optim_defaults(lp_optimizer kind) {
  return (lp_optim_spec){.kind = kind,
                         .alpha = 0.99f,
                         .beta1 = 0.9f,
                         .beta2 = 0.999f,
                         .eps = 1e-8f,
                         .decay = kind == LP_OPT_ADAMW ? 0.01f : 0.0f,
                         .decay_kind = kind == LP_OPT_ADAMW ? LP_DECAY_DECOUPLED : LP_DECAY_L2,
                         .decay_bias = true,
                         .decay_norm = true};
}

static bool decays(const lp_optim_spec *spec, const lp_graph *g, lp_val p) {
  switch (lp_graph_role(g, p)) {
  case LP_ROLE_NORM:
    return spec->decay_norm;
  case LP_ROLE_BIAS:
    return spec->decay_bias;
  default:
    return true;
  }
}

static lp_val slot_state(lp_graph *g, lp_val p, const char *kind) {
  char name[160];
  lp_desc d = {0};
  lp_graph_shape(g, p, &d);
  snprintf(name, sizeof name, "optim.%s.%s", kind, lp_graph_value_name(g, p));
  lp_init zero = {LP_INIT_CONST, 0.0f, NULL};
  const lp_val slot = lp_graph_leaf(g, LP_ROLE_SLOT, name, &d, &zero);
  const lp_val order = lp_graph_order_of(g, p);
  if (slot.id && order.id) lp_graph_order(g, slot, order);
  return slot;
}

/* Operands of one parameter under each optimiser; returns how many. */
static uint32_t operands(const lp_optim_spec *spec, lp_graph *g, lp_val p, lp_val grad,
                         lp_val out[4]) {
  out[0] = p;
  out[1] = grad;
  lp_val momentum = spec->momentum != 0.0f ? slot_state(g, p, "momentum") : LP_NO_VAL;
  switch (spec->kind) {
  case LP_OPT_SGD:
    out[2] = momentum;
    return 3;
  case LP_OPT_RMSPROP:
    out[2] = slot_state(g, p, "square");
    out[3] = momentum;
    return 4;
  case LP_OPT_ADAM:
  case LP_OPT_ADAMW:
    break;
  }
  out[2] = slot_state(g, p, "m");
  out[3] = slot_state(g, p, "v");
  return 4;
}

/* All parameters of g in p (free it) and as many values in the buffer behind it. */
static lp_status all_params(lp_graph *g, lp_val **p, lp_val **other, uint32_t *count) {
  *count = lp_graph_params(g, NULL, 0);
  *p = calloc(2 * (size_t)*count + 2, sizeof **p);
  if (!*p) return lp_fail(LP_ERR_MEMORY, "optimiser: out of memory");
  *other = *p + *count;
  lp_graph_params(g, *p, *count);
  return lp_graph_status(g);
}

/* The optimiser's steps for parameters p with gradients grad: two groups at most, parameters that
 * decay and parameters that do not. */
static lp_status add_steps(const lp_optim_spec *spec, lp_graph *g, const lp_val *p,
                           const lp_val *grad, uint32_t count, lp_val *tokens, uint32_t cap,
                           uint32_t *n) {
  static const lp_op step_op[] = {LP_OP_SGD, LP_OP_RMSPROP, LP_OP_ADAM, LP_OP_ADAM};
  *n = 0;
  lp_val *in = calloc(4 * (size_t)count + 4, sizeof *in);
  if (!in) return lp_fail(LP_ERR_MEMORY, "optimiser: out of memory");
  for (int group = 0; group < 2; group++) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
      bool decay = spec->decay == 0.0f || decays(spec, g, p[i]);
      if (grad[i].id && decay == (group == 0)) used += operands(spec, g, p[i], grad[i], in + used);
    }
    if (!used) continue;
    lp_op_params params = {.optim = {spec->momentum, spec->alpha, spec->beta1, spec->beta2,
                                     spec->eps, group == 0 ? spec->decay : 0.0f,
                                     (uint32_t)spec->decay_kind, 1.0f}};
    lp_val token = lp_apply(g, step_op[spec->kind], &params, in, used);
    if (*n == cap) {
      free(in);
      return lp_fail(LP_ERR_ARG, "optimiser: no room for its token number %u", cap + 1);
    }
    tokens[(*n)++] = token;
  }
  free(in);
  return lp_graph_status(g);
}

/* Gradients of the loss by all parameters, times their masks. */
static lp_status gradients(lp_graph *g, lp_val loss, const lp_val *p, uint32_t count,
                           lp_val *grad) {
  lp_status status = lp_grad(g, loss, p, count, grad);
  for (uint32_t i = 0; status == LP_OK && i < count; i++) {
    const lp_val factor[] = {grad[i], lp_graph_mask_of(g, p[i])};
    if (factor[0].id && factor[1].id) grad[i] = lp_apply(g, LP_OP_MUL, NULL, factor, 2);
  }
  return status == LP_OK ? lp_graph_status(g) : status;
}

lp_status lp_optim_build(const lp_optim_spec *spec, lp_graph *g, lp_val loss, lp_val *tokens,
                         uint32_t cap, uint32_t *n) {
  LP_POINT_NUMBERS;
  *n = 0;
  lp_val *p = NULL, *grad = NULL;
  uint32_t count;
  lp_status status = all_params(g, &p, &grad, &count);
  if (status == LP_OK) status = gradients(g, loss, p, count, grad);
  if (status == LP_OK) status = add_steps(spec, g, p, grad, count, tokens, cap, n);
  free(p);
  return status;
}

lp_status lp_optim_accumulate(lp_graph *g, lp_val loss, float weight, bool first, lp_val *token) {
  lp_val *p = NULL, *grad = NULL;
  uint32_t count, used = 0;
  lp_status status = all_params(g, &p, &grad, &count);
  if (status == LP_OK) status = gradients(g, loss, p, count, grad);
  lp_val *in = calloc(2 * (size_t)count + 2, sizeof *in);
  if (status == LP_OK && !in) status = lp_fail(LP_ERR_MEMORY, "optimiser: out of memory");
  for (uint32_t i = 0; status == LP_OK && i < count; i++) {
    if (!grad[i].id) continue;
    in[used++] = slot_state(g, p[i], "gradient");
    in[used++] = grad[i];
  }
  if (status == LP_OK) {
    lp_op_params params = {.scale = {weight, first ? 0.0f : 1.0f}};
    *token = lp_apply(g, LP_OP_ACCUMULATE, &params, in, used);
    status = lp_graph_status(g);
  }
  free(in);
  free(p);
  return status;
}

lp_status lp_optim_update(const lp_optim_spec *spec, lp_graph *g, lp_val *tokens, uint32_t cap,
                          uint32_t *n) {
  *n = 0;
  lp_val *p = NULL, *sum = NULL;
  uint32_t count;
  lp_status status = all_params(g, &p, &sum, &count);
  for (uint32_t i = 0; status == LP_OK && i < count; i++) sum[i] = slot_state(g, p[i], "gradient");
  if (status == LP_OK) status = add_steps(spec, g, p, sum, count, tokens, cap, n);
  free(p);
  return status;
}
