/* Which ops a plan needs, in which order they run, and which are folded into which.
 *
 * Steps keep the graph's order, so state updates need no edges; only steps that compute single
 * numbers wait for their first reader. A fused element-wise op moves up to
 * the step that makes its first operand; that is safe because its other operand must already be
 * there and must not be state that something in between updates. */
#include "exec_internal.h"

#include <stdlib.h>
#include <string.h>

lp_status lp_schedule_new(const lp_graph *g, lp_schedule *out) {
  *out = (lp_schedule){.g = g};
  out->piece = calloc(g->n_ops + 1, sizeof *out->piece);
  out->operand = calloc(g->n_operands + 1, sizeof *out->operand);
  out->storage = calloc(g->n_values, sizeof *out->storage);
  out->needed = calloc(g->n_ops + 1, sizeof *out->needed);
  out->unfused = calloc(g->n_ops + 1, sizeof *out->unfused);
  out->used = calloc(g->n_values, sizeof *out->used);
  if (out->piece && out->operand && out->storage && out->needed && out->unfused && out->used)
    return LP_OK;
  lp_schedule_free(out);
  return lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", g->name);
}

void lp_schedule_free(lp_schedule *s) {
  free(s->piece);
  free(s->operand);
  free(s->storage);
  free(s->needed);
  free(s->unfused);
  free(s->used);
  *s = (lp_schedule){0};
}

static const lp_value *value(const lp_schedule *s, uint32_t id) {
  return &s->g->value[id];
}

/* Marks ops and values that the targets need, following the (rewritten) operands backwards. */
static void mark_needed(lp_schedule *s, const lp_val *targets, uint32_t n) {
  const lp_graph *g = s->g;
  memset(s->needed, 0, g->n_ops * sizeof *s->needed);
  memset(s->used, 0, g->n_values * sizeof *s->used);
  for (uint32_t i = 0; i < n; i++) s->used[targets[i].id] = true;
  for (uint32_t o = g->n_ops; o-- > 0;) {
    const lp_op_record *r = &g->op[o];
    for (uint32_t i = 0; i < r->out_count; i++) s->needed[o] |= s->used[r->out_first + i];
    for (uint32_t i = 0; s->needed[o] && i < r->in_count; i++)
      s->used[s->operand[r->in_first + i]] = true;
  }
  s->used[0] = false;
}

/* A reshape is the same memory under another shape. */
static void alias_reshapes(lp_schedule *s) {
  const lp_graph *g = s->g;
  for (uint32_t v = 0; v < g->n_values; v++) s->storage[v] = v;
  for (uint32_t o = 0; o < g->n_ops; o++)
    if (g->op[o].op == LP_OP_RESHAPE)
      s->storage[g->op[o].out_first] = s->storage[g->operand[g->op[o].in_first]];
}

/* relu_dx(dropout(dy), y) may mask with dropout(y) of the same stream instead of y: where the unit
 * was dropped the gradient is zero already, elsewhere the sign is the same. Then y itself need not
 * outlive the forward pass, and relu and dropout fold into the step before. */
static void mask_by_dropped(lp_schedule *s) {
  const lp_graph *g = s->g;
  for (uint32_t o = 0; o < g->n_ops; o++) {
    const lp_op_record *r = &g->op[o];
    if (r->op != LP_OP_RELU_DX) continue;
    uint32_t dy = s->storage[s->operand[r->in_first]], y = s->storage[s->operand[r->in_first + 1]];
    const lp_value *source = value(s, dy);
    if (source->kind != VALUE_RESULT || g->op[source->op].op != LP_OP_DROPOUT) continue;
    const lp_dropout_params *mask = &g->op[source->op].params.dropout;
    for (uint32_t f = 0; f < o; f++) {
      const lp_op_record *d = &g->op[f];
      if (d->op != LP_OP_DROPOUT || d->params.dropout.stream != mask->stream ||
          d->params.dropout.p != mask->p || d->params.dropout.group != mask->group ||
          s->storage[s->operand[d->in_first]] != y)
        continue;
      s->operand[r->in_first + 1] = d->out_first;
    }
  }
}

/* For each value: how often needed steps read its memory, and the last op that does. */
typedef struct lp_reads {
  uint32_t *count, *by;
} lp_reads;

static lp_status count_reads(const lp_schedule *s, const lp_val *targets, uint32_t n,
                             lp_reads *out) {
  const lp_graph *g = s->g;
  out->count = calloc(g->n_values, sizeof *out->count);
  out->by = calloc(g->n_values, sizeof *out->by);
  if (!out->count || !out->by) return lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", g->name);
  for (uint32_t o = 0; o < g->n_ops; o++) {
    const lp_op_record *r = &g->op[o];
    if (!s->needed[o] || r->op == LP_OP_RESHAPE) continue;
    for (uint32_t i = 0; i < r->in_count; i++) {
      uint32_t v = s->storage[s->operand[r->in_first + i]];
      out->count[v]++;
      out->by[v] = o;
    }
  }
  for (uint32_t i = 0; i < n; i++)
    out->count[s->storage[targets[i].id]] += 2; /* never folded away */
  return LP_OK;
}

/* Sums and products of two are the same to the bit when their operands change places. */
static bool operands_may_change_places(uint32_t op) {
  return op == LP_OP_ADD || op == LP_OP_MUL;
}

static void change_places(lp_schedule *s, const lp_op_record *r) {
  uint32_t *operand = &s->operand[r->in_first], first = operand[0];
  operand[0] = operand[1];
  operand[1] = first;
}

/* Can op c be folded behind the piece whose result lives in `from`? ready: values made so far. That
 * result must be its first operand, which it is made to be where that is the same. */
static bool can_fuse(lp_schedule *s, const lp_reads *reads, const bool *ready, uint32_t from,
                     uint32_t c) {
  const lp_op_record *r = &s->g->op[c];
  const lp_op_info *info = lp_op_get_info(r->op);
  if (reads->count[from] != 1 || !lp_op_fusable(r->op) || !s->needed[c]) return false;
  if (s->storage[s->operand[r->in_first]] != from && operands_may_change_places(r->op))
    change_places(s, r);
  if (s->storage[s->operand[r->in_first]] != from) return false;
  const lp_desc *made = &value(s, from)->desc, *result = &value(s, r->out_first)->desc;
  if (made->ndim < 1 || result->ndim < 1 || made->dim[0] != result->dim[0]) return false;
  if (info->max_in < 2) return true;
  uint32_t extra = s->storage[s->operand[r->in_first + 1]];
  lp_value_kind kind = value(s, extra)->kind;
  return kind == VALUE_RESULT ? ready[extra] : kind == VALUE_INPUT || kind == VALUE_CONSTANT;
}

/* ---- numbers that wait ----------------------------------------------------------------------- */

static const lp_op_record *piece_op(const lp_schedule *s, const lp_piece *p, uint32_t k) {
  return &s->g->op[k ? p->post[k - 1] : p->op];
}

/* Does it do nothing but compute one number out of others? */
static bool is_number(const lp_schedule *s, const lp_piece *p) {
  for (uint32_t k = 0; k <= p->n_posts; k++) {
    const lp_op_record *r = piece_op(s, p, k);
    if (!lp_op_fusable(r->op)) return false;
    if (lp_numel(&value(s, r->out_first)->desc) != 1) return false;
  }
  return true;
}

static bool piece_reads(const lp_schedule *s, const lp_piece *p, uint32_t storage) {
  for (uint32_t k = 0; k <= p->n_posts; k++) {
    const lp_op_record *r = piece_op(s, p, k);
    for (uint32_t i = 0; i < r->in_count; i++)
      if (s->storage[s->operand[r->in_first + i]] == storage) return true;
  }
  return false;
}

/* Does `later` change a state that p reads? */
static bool changes_what_is_read(const lp_schedule *s, const lp_piece *later, const lp_piece *p) {
  const lp_op_record *r = piece_op(s, later, 0);
  const lp_op_info *info = lp_op_get_info(r->op);
  for (uint32_t i = 0; i < r->in_count && info->state_mask; i++)
    if (info->state_mask >> (info->group ? i % info->group : i) & 1 &&
        piece_reads(s, p, s->storage[s->operand[r->in_first + i]]))
      return true;
  return false;
}

/* A number is computed just before it is first read, and one that is only a target before the next
 * element-wise step: they become neighbours, which a device may do in one launch. */
static void sink_numbers(lp_schedule *s) {
  for (uint32_t i = s->n_pieces; i-- > 0;) {
    const lp_piece p = s->piece[i];
    if (!is_number(s, &p)) continue;
    const uint32_t made = s->storage[s->g->op[p.op].out_first];
    uint32_t to = i + 1, next = 0;
    while (to < s->n_pieces && !piece_reads(s, &s->piece[to], made) &&
           !changes_what_is_read(s, &s->piece[to], &p)) {
      if (!next && lp_op_fusable(s->g->op[s->piece[to].op].op)) next = to;
      to++;
    }
    if (to == s->n_pieces) to = next ? next : i + 1;
    memmove(&s->piece[i], &s->piece[i + 1], (to - 1 - i) * sizeof p);
    s->piece[to - 1] = p;
  }
}

lp_status lp_schedule_build(lp_schedule *s, const lp_val *targets, uint32_t n, bool fuse) {
  const lp_graph *g = s->g;
  memcpy(s->operand, g->operand, g->n_operands * sizeof *s->operand);
  alias_reshapes(s);
  if (fuse) mask_by_dropped(s);
  mark_needed(s, targets, n);

  lp_reads reads = {0};
  bool *ready = calloc(g->n_values, sizeof *ready), *folded = calloc(g->n_ops + 1, sizeof *folded);
  lp_status status = count_reads(s, targets, n, &reads);
  if (status == LP_OK && (!ready || !folded))
    status = lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", g->name);
  s->n_pieces = 0;
  for (uint32_t o = 0; status == LP_OK && o < g->n_ops; o++) {
    const lp_op_record *r = &g->op[o];
    if (!s->needed[o] || folded[o] || r->op == LP_OP_RESHAPE) continue;
    lp_piece *piece = &s->piece[s->n_pieces++];
    *piece = (lp_piece){.op = o};
    uint32_t head = r->out_first, from = head;
    while (fuse && !s->unfused[o] && piece->n_posts < LP_MAX_POSTS &&
           can_fuse(s, &reads, ready, from, reads.by[from])) {
      uint32_t c = reads.by[from];
      piece->post[piece->n_posts++] = c;
      folded[c] = true;
      from = g->op[c].out_first;
    }
    /* Everything folded in, and reshapes of it, lives where the head's result does. */
    for (uint32_t v = head + 1; piece->n_posts && v < g->n_values; v++)
      for (uint32_t k = 0; k < piece->n_posts; k++)
        if (s->storage[v] == g->op[piece->post[k]].out_first) s->storage[v] = head;
    /* The head's memory is now read by whoever reads the chain's result. */
    if (piece->n_posts) {
      reads.count[head] = reads.count[from];
      reads.by[head] = reads.by[from];
    }
    for (uint32_t i = 0; i < r->out_count; i++) ready[r->out_first + i] = true;
  }
  if (status == LP_OK && fuse) sink_numbers(s);
  free(reads.count);
  free(reads.by);
  free(ready);
  free(folded);
  return status;
}
