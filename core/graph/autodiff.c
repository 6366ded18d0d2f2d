/* Reverse-mode differentiation that adds gradient nodes to the same graph. */
#include "graph_internal.h"

#include <stdlib.h>

/* Marks the values that depend on one of wrt, walking forward up to value `last`. */
static void mark_dependent(const lp_graph *g, const lp_val *wrt, uint32_t n, uint32_t last,
                           bool *need) {
  for (uint32_t i = 0; i < n; i++)
    if (wrt[i].id <= last) need[wrt[i].id] = true;
  for (uint32_t o = 0; o < g->n_ops && g->op[o].out_first <= last; o++) {
    const lp_op_record *r = &g->op[o];
    bool any = false;
    for (uint32_t i = 0; i < r->in_count; i++) any |= need[g->operand[r->in_first + i]];
    for (uint32_t i = 0; any && i < r->out_count; i++)
      if (g->value[r->out_first + i].desc.dtype == LP_F32) need[r->out_first + i] = true;
  }
}

static lp_val add_gradients(lp_graph *g, lp_val a, lp_val b) {
  if (!a.id || !b.id) return a.id ? a : b;
  return lp_apply(g, LP_OP_ADD, NULL, (lp_val[]){a, b}, 2);
}

/* One walk from y back. Gradients of slices wait at the value that was cut until it is reached: one
 * join then, where adding a padded copy a slice would take the square of their number. */
typedef struct walk {
  lp_graph *g;
  bool *need;
  lp_val *grad;
  uint32_t *n_slices; /* by value: how many wait */
  struct waiting {
    uint32_t value;
    lp_slice_grad slice;
  } * waiting;
  uint32_t n_waiting, cap_waiting;
} walk;

static lp_status wait_for_value(walk *w, const lp_op_record *r) {
  const uint32_t x = w->g->operand[r->in_first];
  if (w->n_waiting == w->cap_waiting) {
    uint32_t cap = w->cap_waiting ? 2 * w->cap_waiting : 64;
    void *grown = realloc(w->waiting, cap * sizeof *w->waiting);
    if (!grown) return lp_graph_fail(w->g, LP_ERR_MEMORY, "graph %s: out of memory", w->g->name);
    w->waiting = grown;
    w->cap_waiting = cap;
  }
  w->waiting[w->n_waiting++] =
      (struct waiting){x, {.at = r->params.slice, .grad = w->grad[r->out_first]}};
  w->n_slices[x]++;
  return LP_OK;
}

/* Adds what waits for value x to its gradient. */
static lp_status join_slices(walk *w, uint32_t x) {
  const uint32_t n = w->n_slices[x];
  if (!n) return LP_OK;
  lp_slice_grad *slice = malloc(n * sizeof *slice);
  if (!slice) return lp_graph_fail(w->g, LP_ERR_MEMORY, "graph %s: out of memory", w->g->name);
  uint32_t left = 0, count = 0;
  for (uint32_t i = 0; i < w->n_waiting; i++) {
    if (w->waiting[i].value == x)
      slice[count++] = w->waiting[i].slice;
    else
      w->waiting[left++] = w->waiting[i];
  }
  w->n_waiting = left;
  w->n_slices[x] = 0;
  w->grad[x] = add_gradients(w->g, w->grad[x], lp_grad_of_slices(w->g, (lp_val){x}, slice, n));
  free(slice);
  return w->g->status;
}

/* Applies the rule of op number o and adds what it gives to the gradients. */
static lp_status backward_op(walk *w, uint32_t o) {
  lp_graph *g = w->g;
  const bool *need = w->need;
  lp_val *grad = w->grad;
  const lp_op_record r = g->op[o]; /* copies: applying ops moves the arrays */
  const lp_op_row *row = lp_op_get_row(r.op);
  bool wanted = false, arrives = false;
  for (uint32_t i = 0; i < r.out_count; i++) {
    lp_status joined = join_slices(w, r.out_first + i);
    if (joined != LP_OK) return joined;
  }
  for (uint32_t i = 0; i < r.out_count; i++) arrives |= grad[r.out_first + i].id != 0;
  for (uint32_t i = 0; i < r.in_count; i++) wanted |= need[g->operand[r.in_first + i]];
  if (!arrives || !wanted) return LP_OK;
  if (r.op == LP_OP_SLICE) return wait_for_value(w, &r);
  if (!row->grad)
    return lp_graph_fail(g, LP_ERR_UNSUPPORTED, "graph %s: %s has no gradient", g->name,
                         lp_op_name(r.op));

  lp_val *in = calloc(2 * (size_t)r.in_count + 2 * (size_t)r.out_count, sizeof *in);
  bool *in_need = calloc(r.in_count, sizeof *in_need);
  if (!in || !in_need) {
    free(in);
    free(in_need);
    return lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
  }
  lp_val *din = in + r.in_count, *out = din + r.in_count, *dout = out + r.out_count;
  for (uint32_t i = 0; i < r.in_count; i++) {
    in[i].id = g->operand[r.in_first + i];
    in_need[i] = need[in[i].id];
  }
  for (uint32_t i = 0; i < r.out_count; i++) {
    out[i].id = r.out_first + i;
    dout[i] = grad[out[i].id];
  }
  lp_grad_call call = {g, &r.params, in, r.in_count, out, dout, in_need, din};
  lp_status s = row->grad(&call);
  for (uint32_t i = 0; s == LP_OK && i < r.in_count; i++)
    if (in_need[i]) grad[in[i].id] = add_gradients(g, grad[in[i].id], din[i]);
  free(in);
  free(in_need);
  return s == LP_OK ? g->status : s;
}

lp_status lp_vjp(lp_graph *g, lp_val y, lp_val dy, const lp_val *wrt, uint32_t n, lp_val *dwrt) {
  for (uint32_t i = 0; i < n; i++) dwrt[i] = LP_NO_VAL;
  if (g->status != LP_OK) return lp_graph_status(g);
  const lp_value *target = &g->value[y.id], *seed = &g->value[dy.id];
  if (!y.id || !dy.id || !lp_desc_equal(&target->desc, &seed->desc))
    return lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: gradient %s does not fit the value %s",
                         g->name, lp_desc_text(&seed->desc), lp_desc_text(&target->desc));

  uint32_t last = y.id;
  /* Outputs of y's own op beyond y are inside the marked range too. */
  if (target->kind == VALUE_RESULT)
    last = g->op[target->op].out_first + g->op[target->op].out_count - 1;
  uint32_t n_ops = g->n_ops, n_values = g->n_values;
  walk w = {.g = g,
            .need = calloc(n_values, sizeof *w.need),
            .grad = calloc(n_values, sizeof *w.grad),
            .n_slices = calloc(n_values, sizeof *w.n_slices)};
  lp_status s = LP_OK;
  if (!w.need || !w.grad || !w.n_slices) {
    s = lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
  } else {
    mark_dependent(g, wrt, n, last, w.need);
    w.need[0] = false;
    w.grad[y.id] = dy;
    for (uint32_t o = n_ops; o-- > 0 && s == LP_OK;)
      if (g->op[o].out_first <= last) s = backward_op(&w, o);
    for (uint32_t i = 0; s == LP_OK && i < n; i++) {
      if (wrt[i].id >= n_values) continue;
      s = join_slices(&w, wrt[i].id); /* of a leaf */
      dwrt[i] = w.grad[wrt[i].id];
    }
  }
  free(w.need);
  free(w.grad);
  free(w.n_slices);
  free(w.waiting);
  return s;
}

lp_status lp_grad(lp_graph *g, lp_val loss, const lp_val *wrt, uint32_t n, lp_val *dwrt) {
  lp_desc d;
  lp_status s = lp_graph_shape(g, loss, &d);
  if (s != LP_OK) return s;
  if (lp_numel(&d) != 1)
    return lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: a loss must be a scalar, this is %s", g->name,
                         lp_desc_text(&d));
  const float one = 1.0f;
  lp_val seed = lp_graph_constant(g, d.ndim ? "autodiff.one1" : "autodiff.one", &d, &one);
  return lp_vjp(g, loss, seed, wrt, n, dwrt);
}
