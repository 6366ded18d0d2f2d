/* Shapes and gradients of slices of tensors, of what is put together from them, and of other orders
 * of their elements. */
#include "../graph_internal.h"

#include <stdlib.h>

lp_status lp_shape_slice(lp_shape_call *c) {
  const lp_slice_params *p = &c->params->slice;
  const lp_desc *x = &c->in[0];
  if (x->dtype != LP_F32 || p->axis >= x->ndim) return lp_shape_fail(c, "x f32 with that axis");
  if (p->length < 1 || (int64_t)p->begin + p->length > x->dim[p->axis])
    return lp_fail(LP_ERR_SHAPE, "slice: %u entries from %u on are not in axis %u of %s", p->length,
                   p->begin, p->axis, lp_desc_text(x));
  c->out[0] = *x;
  c->out[0].dim[p->axis] = p->length;
  return LP_OK;
}

/* One of the parts that x was put together of: the last step of all steps, say, whose gradient need
 * not go through all of them then. x may have been reshaped and back. */
lp_val lp_known_slice(const lp_graph *g, const lp_op_params *params, const lp_val *in) {
  const lp_slice_params *p = &params->slice;
  const lp_value *x = &g->value[in[0].id], *whole = x;
  while (whole->kind == VALUE_RESULT && g->op[whole->op].op == LP_OP_RESHAPE)
    whole = &g->value[g->operand[g->op[whole->op].in_first]];
  const lp_op_record *r = whole->kind == VALUE_RESULT ? &g->op[whole->op] : NULL;
  if (!r || r->op != LP_OP_CONCAT || r->params.slice.axis != p->axis ||
      !lp_desc_equal(&whole->desc, &x->desc))
    return LP_NO_VAL;
  int64_t begin = 0;
  for (uint32_t i = 0; i < r->in_count && begin <= p->begin; i++) {
    const uint32_t part = g->operand[r->in_first + i];
    const int64_t length = g->value[part].desc.dim[p->axis];
    if (begin == p->begin && length == p->length) return (lp_val){part};
    begin += length;
  }
  return LP_NO_VAL;
}

lp_status lp_shape_concat(lp_shape_call *c) {
  const uint32_t axis = c->params->slice.axis;
  const lp_desc *first = &c->in[0];
  if (first->dtype != LP_F32 || axis >= first->ndim)
    return lp_shape_fail(c, "values f32 with that axis");
  c->out[0] = *first;
  for (uint32_t i = 1; i < c->n_in; i++) {
    lp_desc other = c->in[i];
    if (other.dtype != LP_F32 || other.ndim != first->ndim)
      return lp_shape_fail(c, "values f32 of as many axes");
    c->out[0].dim[axis] += other.dim[axis];
    other.dim[axis] = first->dim[axis];
    if (!lp_desc_equal(&other, first))
      return lp_fail(LP_ERR_SHAPE, "concat: %s and %s differ in more than axis %u",
                     lp_desc_text(first), lp_desc_text(&c->in[i]), axis);
  }
  return LP_OK;
}

lp_status lp_grad_concat(const lp_grad_call *c) {
  lp_op_params p = *c->params;
  p.slice.begin = 0;
  for (uint32_t i = 0; i < c->n_in; i++) {
    lp_desc d;
    lp_status s = lp_graph_shape(c->g, c->in[i], &d);
    if (s != LP_OK) return s;
    p.slice.length = (uint32_t)d.dim[p.slice.axis];
    if (c->need[i]) c->din[i] = lp_apply(c->g, LP_OP_SLICE, &p, &c->dout[0], 1);
    p.slice.begin += p.slice.length;
  }
  return LP_OK;
}

static bool is_order(const lp_desc *d, int64_t n) {
  return d->dtype == LP_I32 && d->ndim == 1 && d->dim[0] == n;
}

lp_status lp_shape_permute(lp_shape_call *c) {
  const lp_desc *x = &c->in[0];
  if (!lp_is_f32(x, 2) || !is_order(&c->in[1], x->dim[1]) || !is_order(&c->in[2], x->dim[1]))
    return lp_shape_fail(c, "x (N,I) and two orders i32 (I)");
  c->out[0] = *x;
  return LP_OK;
}

lp_status lp_grad_permute(const lp_grad_call *c) {
  const lp_val in[] = {c->dout[0], c->in[2], c->in[1]};
  if (c->need[0]) c->din[0] = lp_apply(c->g, LP_OP_PERMUTE, NULL, in, 3);
  return LP_OK;
}

/* ---- gradients of slices ------------------------------------------------------------------- */

static int by_place(const void *a, const void *b) {
  const lp_slice_params *p = &((const lp_slice_grad *)a)->at, *q = &((const lp_slice_grad *)b)->at;
  if (p->axis != q->axis) return p->axis < q->axis ? -1 : 1;
  return (p->begin > q->begin) - (p->begin < q->begin);
}

static lp_val zeros(lp_graph *g, lp_desc d) {
  const float zero = 0;
  lp_desc scalar = {LP_F32, 0, {0}};
  lp_val z = lp_graph_constant(g, "autodiff.zero", &scalar, &zero);
  lp_op_params p = {.shape = {.ndim = d.ndim}};
  for (uint32_t i = 0; i < d.ndim; i++) p.shape.dim[i] = (uint32_t)d.dim[i];
  return lp_apply(g, LP_OP_EXPAND, &p, &z, 1);
}

/* Takes the first piece that is left, and each further one behind it on its axis that begins where
 * the last one ended or later; what is left keeps its order. Returns their sum. */
static lp_val join(lp_graph *g, lp_desc d, lp_slice_grad *piece, uint32_t *n, lp_val *parts) {
  const uint32_t axis = piece[0].at.axis, extent = (uint32_t)d.dim[axis];
  uint32_t end = 0, count = 0, left = 0;
  for (uint32_t i = 0; i <= *n; i++) {
    const bool last = i == *n,
               taken = !last && piece[i].at.axis == axis && piece[i].at.begin >= end;
    if (!last && !taken) {
      piece[left++] = piece[i];
      continue;
    }
    const uint32_t begin = last ? extent : piece[i].at.begin;
    if (begin > end) {
      d.dim[axis] = begin - end;
      parts[count++] = zeros(g, d);
    }
    if (last) break;
    parts[count++] = piece[i].grad;
    end = begin + piece[i].at.length;
  }
  *n = left;
  if (count == 1) return parts[0];
  lp_op_params p = {.slice = {.axis = axis}};
  return lp_apply(g, LP_OP_CONCAT, &p, parts, count);
}

lp_val lp_grad_of_slices(lp_graph *g, lp_val x, lp_slice_grad *piece, uint32_t n) {
  lp_desc d;
  lp_val sum = LP_NO_VAL, *parts = malloc((2 * (size_t)n + 1) * sizeof *parts);
  if (!parts) {
    lp_graph_fail(g, LP_ERR_MEMORY, "graph: out of memory");
  } else if (lp_graph_shape(g, x, &d) == LP_OK) {
    qsort(piece, n, sizeof *piece, by_place);
    while (n) {
      lp_val joined = join(g, d, piece, &n, parts);
      sum = sum.id ? lp_apply(g, LP_OP_ADD, NULL, (lp_val[]){sum, joined}, 2) : joined;
    }
  }
  free(parts);
  return sum;
}
