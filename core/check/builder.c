/* Case building: leaves with their data, ops recorded as they are added to the graph. */
#include "case.h"

#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void malformed(case_program *p, const char *what) {
  p->failed = true;
  if (p->g) lp_graph_fail(p->g, LP_ERR_ARG, "op case: too many %s", what);
}

static void fill_leaf(const case_program *p, case_leaf *l, case_fill fill, uint32_t limit) {
  size_t n = (size_t)lp_numel(&l->desc);
  uint32_t stream = lp_rng_stream(l->name);
  if (fill == FILL_INTEGER) {
    lp_rng r = lp_rng_make(p->seed, l->name);
    for (size_t i = 0; i < n; i++) {
      uint32_t v = lp_rng_below(&r, limit);
      if (l->desc.dtype == LP_U8)
        ((uint8_t *)l->data)[i] = (uint8_t)v;
      else
        ((int32_t *)l->data)[i] = (int32_t)v;
    }
    return;
  }
  float *x = l->data;
  lp_rng_uniform(p->seed, stream, 1.0f, x, n);
  for (size_t i = 0; i < n; i++) {
    if (fill == FILL_POSITIVE) x[i] = 1.0f + 0.5f * x[i];
    if (fill == FILL_ZERO) x[i] = 0.0f;
    if (fill == FILL_STEPS) x[i] = 0.5f * roundf(2.0f * x[i]);
    if (fill == FILL_NAN && i % 11 == 5) x[i] = NAN;
  }
}

/* A leaf whose data is either given or drawn. */
static lp_val add_leaf(case_program *p, case_role role, const char *name, lp_desc desc,
                       const void *data, case_fill fill, uint32_t limit, bool wrt) {
  if (lp_graph_status(p->g) != LP_OK) return LP_NO_VAL;
  if (p->n_leaves == CASE_MAX_LEAVES) return malformed(p, "leaves"), LP_NO_VAL;
  case_leaf *l = &p->leaf[p->n_leaves];
  *l = (case_leaf){.role = role, .desc = desc, .wrt = wrt};
  snprintf(l->name, sizeof l->name, "%s", name);
  l->data = malloc(lp_nbytes(&desc) + 1);
  if (!l->data) return malformed(p, "bytes"), LP_NO_VAL;
  p->n_leaves++;
  if (data)
    memcpy(l->data, data, lp_nbytes(&desc));
  else
    fill_leaf(p, l, fill, limit);

  lp_init init = {LP_INIT_DATA, 0, l->data};
  if (role == ROLE_INPUT) l->val = lp_input(p->g, name, &desc);
  if (role == ROLE_PARAM) l->val = lp_graph_param(p->g, name, &desc, &init);
  if (role == ROLE_STATE) l->val = lp_graph_state(p->g, name, &desc, &init);
  if (role == ROLE_CONSTANT) l->val = lp_graph_constant(p->g, name, &desc, l->data);
  if (l->val.id >= CASE_MAX_VALUES) return malformed(p, "values"), LP_NO_VAL;
  p->desc[l->val.id] = desc;
  return l->val;
}

lp_val case_leaf_add(case_program *p, case_role role, const char *name, lp_desc desc,
                     case_fill fill, uint32_t limit, bool wrt) {
  return add_leaf(p, role, name, desc, NULL, fill, limit, wrt);
}

lp_val case_leaf_data(case_program *p, case_role role, const char *name, lp_desc desc,
                      const void *data) {
  return add_leaf(p, role, name, desc, data, FILL_ZERO, 0, false);
}

lp_val case_apply(case_program *p, lp_op op, const lp_op_params *params, const lp_val *in,
                  uint32_t n) {
  lp_val out = lp_apply(p->g, op, params, in, n);
  if (!out.id) return out;
  const lp_op_info *info = lp_op_get_info(op);
  if (p->n_steps == CASE_MAX_STEPS || n > CASE_MAX_IN || out.id + info->n_out > CASE_MAX_VALUES)
    return malformed(p, "ops"), LP_NO_VAL;
  case_step *s = &p->step[p->n_steps++];
  *s = (case_step){.op = op, .n_in = n, .out = out.id, .n_out = info->n_out};
  if (params) s->params = *params;
  for (uint32_t i = 0; i < n; i++) s->in[i] = in[i].id;
  for (uint32_t i = 0; i < info->n_out; i++)
    lp_graph_shape(p->g, lp_output(out, i), &p->desc[out.id + i]);
  return out;
}

/* Tolerance of one op's result, relative to the largest element of the true one. f32 rounds by
 * 6e-8. Element-wise results carry a few roundings; what divides or takes exponentials carries
 * more. A sum of K terms of mixed signs is off by about 6e-8 * sqrt(K) / 4 of its largest result
 * when it is added up one term after the other, so 1e-5 holds to K = 400,000; beyond 65,536 terms
 * the tolerance rises with sqrt(K). */
static double step_tolerance(const case_program *p, const case_step *s) {
  const lp_desc *in = &p->desc[s->in[0]], *out = &p->desc[s->out];
  double terms;
  switch (s->op) {
  case LP_OP_RESHAPE:
  case LP_OP_EXPAND:
  case LP_OP_SIGN:
  case LP_OP_SLICE:
  case LP_OP_CONCAT:
  case LP_OP_PERMUTE:
    return 0.0;
  case LP_OP_CONV2D:
    terms = (double)lp_inner(&p->desc[s->in[1]]);
    break;
  case LP_OP_CONV2D_DX:
    terms = (double)lp_numel(&p->desc[s->in[1]]) / (double)p->desc[s->in[1]].dim[1];
    break;
  case LP_OP_CONV2D_DW:
    terms = (double)lp_numel(in) / (double)in->dim[1];
    break;
  case LP_OP_LINEAR:
    terms = (double)in->dim[1];
    break;
  case LP_OP_LINEAR_DX:
    terms = (double)in->dim[1];
    break;
  case LP_OP_SPARSE_LINEAR:
  case LP_OP_SPARSE_LINEAR_DX:
    terms = (double)in->dim[1];
    break;
  case LP_OP_SPARSE_LINEAR_DW:
  case LP_OP_LINEAR_DW:
    terms = (double)in->dim[0];
    break;
  case LP_OP_AVGPOOL2D:
  case LP_OP_AVGPOOL2D_DX:
    terms = (double)s->params.pool.k * s->params.pool.k;
    break;
  case LP_OP_SUM:
    terms = (double)lp_numel(in);
    break;
  case LP_OP_BATCHNORM:
  case LP_OP_BATCHNORM_DX:
  case LP_OP_BATCHNORM_EVAL_DX:
    terms = (double)lp_numel(out) / (double)out->dim[1];
    break;
  case LP_OP_LOG_SOFTMAX:
  case LP_OP_LOG_SOFTMAX_DX:
  case LP_OP_CROSS_ENTROPY:
  case LP_OP_CROSS_ENTROPY_DX:
  case LP_OP_BATCHNORM_EVAL:
  case LP_OP_SGD:
  case LP_OP_RMSPROP:
  case LP_OP_ADAM:
    return 3e-6;
  default:
    return 5e-7;
  }
  return 1e-5 * fmax(1.0, sqrt(terms) / 256.0);
}

/* Errors of successive steps add up. */
static double program_tolerance(const case_program *p) {
  double sum = 1e-7;
  for (uint32_t i = 0; i < p->n_steps; i++) sum += step_tolerance(p, &p->step[i]);
  return sum;
}

void case_target_add(case_program *p, lp_val v, const char *name) {
  if (!v.id) return;
  if (p->n_targets == CASE_MAX_TARGETS) {
    malformed(p, "targets");
    return;
  }
  case_target *t = &p->target[p->n_targets++];
  snprintf(t->name, sizeof t->name, "%s", name);
  t->val = v;
}

static void differentiate(case_program *p) {
  if (!p->y.id) return;
  /* The projection differs from zero everywhere, so that every element of y counts. */
  lp_val dy = case_leaf_add(p, ROLE_INPUT, "projection", p->desc[p->y.id], FILL_POSITIVE, 0, false);
  p->dy_leaf = p->n_leaves - 1;
  lp_val wrt[CASE_MAX_LEAVES];
  for (uint32_t i = 0; i < p->n_leaves; i++)
    if (p->leaf[i].wrt) {
      wrt[p->n_wrt] = p->leaf[i].val;
      p->wrt_leaf[p->n_wrt++] = i;
    }
  if (lp_vjp(p->g, p->y, dy, wrt, p->n_wrt, p->dwrt) != LP_OK) return;
  for (uint32_t i = 0; i < p->n_wrt; i++) {
    char name[24];
    /* The gradient of a sum by its terms is the projection: an input, not a result. */
    if (p->dwrt[i].id == dy.id) continue;
    snprintf(name, sizeof name, "d/d%.18s", p->leaf[p->wrt_leaf[i]].name);
    case_target_add(p, p->dwrt[i], name);
  }
}

lp_status case_build(const op_case *c, bool with_gradient, case_program *out) {
  memset(out, 0, sizeof *out);
  lp_status s = lp_graph_new(c->name, &out->g);
  if (s != LP_OK) return s;
  out->seed = 12345;
  out->runs = 1;
  out->run = (lp_run){.iteration = c->row->iteration,
                      .sample_offset = c->row->sample_offset,
                      .scalars = {[LP_SCALAR_LR] = 0.01, [LP_SCALAR_ROW] = 0}};
  c->row->family->build(out, c);
  uint32_t forward_targets = out->n_targets;
  double tolerance = program_tolerance(out);
  if (with_gradient) differentiate(out);
  for (uint32_t i = 0; i < out->n_targets; i++)
    out->target[i].tolerance = i < forward_targets ? tolerance : 2 * tolerance;
  return lp_graph_status(out->g);
}

void case_free(case_program *p) {
  for (uint32_t i = 0; i < p->n_leaves; i++) free(p->leaf[i].data);
  lp_graph_free(p->g);
  p->n_leaves = 0;
  p->g = NULL;
}

static double work(const case_program *p, bool bytes) {
  double sum = 0;
  for (uint32_t i = 0; i < p->n_steps; i++) {
    const case_step *s = &p->step[i];
    lp_desc in[CASE_MAX_IN];
    for (uint32_t k = 0; k < s->n_in; k++) in[k] = p->desc[s->in[k]];
    sum += (bytes ? lp_op_bytes : lp_op_flops)(s->op, &s->params, in, s->n_in, &p->desc[s->out],
                                               s->n_out);
  }
  return sum;
}

double case_flops(const case_program *p) {
  return work(p, false);
}

double case_bytes(const case_program *p) {
  return work(p, true);
}
