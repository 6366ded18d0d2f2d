/* Neighbouring element-wise steps as one launch: kernels/group.cl.
 *
 * A step of a penalty or of a recurrent layer takes less time than its launch. Steps that follow
 * one another can share one where each work-item needs of the others' results only those at its own
 * element, which it then has in a register. A scalar that a step computes, and what is made of
 * scalars alone, every work-item computes for itself. What an operand is read from may lie
 * elsewhere (a slice, a part of a concat, the row and the column of an outer product), but only in
 * memory that the launch does not write.
 *
 * A plan reuses memory from step to step. So each place that the launch writes is compared with all
 * that it reads and writes: two may be one memory where both are met by the same work-item, in the
 * steps' order. A result that no later step reads is not written at all. */
#include "group.h"

#include "ops.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUP 256

enum { MAX_STEPS = 32, MAX_REGIONS = 28, MAX_INPUTS = LP_LINEAR_INPUTS, MAX_POSTS = 4 };

/* Bytes of memory that an operand or result takes. */
typedef struct region {
  const lp_slot *slot;
  uint64_t begin, end;
  bool whole;  /* int32 instead of f32 */
  bool stored; /* by the launch */
} region;

typedef enum reach {
  AT_ELEMENT, /* what is read lies at the work-item's own element */
  ELSEWHERE,  /* by other work-items too */
} reach;

/* Where a step takes an operand from: a result of an earlier step, or memory. */
typedef struct source {
  int step;   /* of the launch, or -1 */
  int region; /* else */
} source;

typedef struct member {
  const lp_step *step;
  int64_t n;    /* elements of its result */
  bool uniform; /* made of scalars only: the same in every element */
  bool stored;  /* read after the launch */
  int region;   /* of the result, where it is stored */
  source in[MAX_INPUTS], extra[MAX_POSTS];
} member;

typedef struct access { /* of memory, in the order of steps */
  uint64_t begin, end;
  const lp_slot *slot;
  int64_t n; /* elements, AT_ELEMENT */
  int step;
  bool write;
  reach reach;
} access;

typedef struct group {
  const lp_plan_view *plan;
  uint32_t first, length;
  int64_t n; /* elements of the launch: work-items */
  member member[MAX_STEPS];
  region region[MAX_REGIONS];
  int n_regions;
  access access[MAX_STEPS * (MAX_INPUTS + MAX_POSTS + 1)];
  int n_access;
} group;

/* ---- which steps --------------------------------------------------------------------------- */

static int64_t count(const lp_slot *s) {
  return lp_numel(&s->desc);
}

/* An outer product: one term, so nothing is summed. */
static bool is_outer(const lp_plan_view *plan, const lp_step *s) {
  if (s->op != LP_OP_LINEAR && s->op != LP_OP_LINEAR_DX && s->op != LP_OP_LINEAR_DW) return false;
  for (uint32_t i = 2; i < s->in_count; i++)
    if (lp_step_in(plan, s, i)) return false; /* bias, prior */
  if (s->out_count > 1 && lp_step_out(plan, s, 1)) return false;
  const lp_desc *a = &lp_step_in(plan, s, 0)->desc;
  return a->dim[s->op == LP_OP_LINEAR_DW ? 0 : 1] == 1;
}

/* How the result's element is reached from the operand's, of each op that can be part of a launch.
 */
static bool reaches(const lp_plan_view *plan, const lp_step *s, reach *first, uint32_t *inputs) {
  *first = AT_ELEMENT;
  *inputs = s->in_count;
  if (s->op == LP_OP_SLICE || s->op == LP_OP_EXPAND) return *first = ELSEWHERE, true;
  if (s->op == LP_OP_CONCAT) return *first = ELSEWHERE, s->in_count <= MAX_INPUTS;
  if (s->op == LP_OP_SIGN || s->op == LP_OP_PRIOR) return true;
  if (is_outer(plan, s)) return *inputs = 2, *first = ELSEWHERE, true;
  return s->op != LP_OP_DROPOUT && ocl_chain_text(s->op) != NULL;
}

static bool can_join(const lp_plan_view *plan, const lp_step *s) {
  reach at;
  uint32_t inputs;
  if (!reaches(plan, s, &at, &inputs) || s->post_count > MAX_POSTS) return false;
  for (uint32_t i = 0; i < s->post_count; i++)
    if (lp_plan_post(plan, s->post_first + i)->op == LP_OP_DROPOUT) return false;
  return count(lp_step_out(plan, s, 0)) > 0;
}

/* ---- memory -------------------------------------------------------------------------------- */

static bool same_buffer(const lp_slot *a, const lp_slot *b) {
  return (a->kind == LP_SLOT_BOUND) == (b->kind == LP_SLOT_BOUND) && a->buffer == b->buffer;
}

static bool overlap(const lp_slot *a, uint64_t a_begin, uint64_t a_end, const lp_slot *b,
                    uint64_t b_begin, uint64_t b_end) {
  return same_buffer(a, b) && a_begin < b_end && b_begin < a_end;
}

/* Is what the step makes read after step `last`? A core that does not tell is taken at its worst.
 */
static bool read_after(const lp_plan_view *plan, const lp_slot *slot, uint32_t last) {
  return plan->slot_stride < offsetof(lp_slot, last) + sizeof slot->last || slot->last > last;
}

static int region_of(group *g, const lp_slot *slot, uint64_t begin, uint64_t bytes, bool stored) {
  const bool whole = slot->desc.dtype == LP_I32;
  int i = 0;
  while (i < g->n_regions && !(same_buffer(g->region[i].slot, slot) &&
                               g->region[i].begin == begin && g->region[i].whole == whole))
    i++;
  if (i == MAX_REGIONS) return -1;
  if (i == g->n_regions)
    g->region[g->n_regions++] = (region){.slot = slot, .begin = begin, .whole = whole};
  region *r = &g->region[i];
  if (r->end < begin + bytes) r->end = begin + bytes;
  r->stored |= stored;
  return i;
}

static void note(group *g, const lp_slot *slot, uint64_t begin, uint64_t bytes, int step,
                 bool write, reach at) {
  g->access[g->n_access++] =
      (access){begin, begin + bytes, slot, (int64_t)(bytes / 4), step, write, at};
}

/* Where step k takes `bytes` from `begin` on of the slot's memory from. False: not in one launch.
 */
static bool take(group *g, int k, const lp_slot *slot, uint64_t begin, uint64_t bytes, reach at,
                 source *out) {
  const uint64_t end = begin + bytes;
  for (int m = k - 1; m >= 0; m--) {
    const member *from = &g->member[m];
    const lp_slot *y = lp_step_out(g->plan, from->step, 0);
    const uint64_t y_end = y->offset + (uint64_t)from->n * 4;
    if (!overlap(slot, begin, end, y, y->offset, y_end)) continue;
    *out = (source){.step = m};
    if (from->uniform) return begin >= y->offset && end <= y_end;
    return begin == y->offset && end == y_end && at == AT_ELEMENT;
  }
  *out = (source){-1, region_of(g, slot, begin, bytes, false)};
  note(g, slot, begin, bytes, k, false, at);
  return out->region >= 0;
}

static bool take_all(group *g, int k, const lp_slot *slot, reach at, source *out) {
  return take(g, k, slot, slot->offset, (uint64_t)count(slot) * 4, at, out);
}

/* Elements of one entry of the axis. */
static int64_t inner_of(const lp_desc *d, uint32_t axis) {
  int64_t n = 1;
  for (uint32_t i = axis + 1; i < d->ndim; i++) n *= d->dim[i];
  return n;
}

/* The operand from which the slice's first element comes is its own region: sequences have a slice
 * a step, which share a kernel. */
static bool take_slice(group *g, int k, member *m) {
  const lp_slice_params *p = &m->step->params.slice;
  const lp_slot *x = lp_step_in(g->plan, m->step, 0);
  const int64_t inner = inner_of(&x->desc, p->axis), begin = p->begin * inner;
  const int64_t rows = count(x) / (x->desc.dim[p->axis] * inner),
                last = (rows - 1) * inner * x->desc.dim[p->axis];
  return take(g, k, x, x->offset + (uint64_t)begin * 4, (uint64_t)(last + p->length * inner) * 4,
              ELSEWHERE, &m->in[0]);
}

static bool is_scalar(const group *g, const lp_slot *slot, source s) {
  return s.step >= 0 ? g->member[s.step].uniform : count(slot) == 1;
}

/* Adds step k of the launch; false where it cannot be in it. */
static bool add_member(group *g, int k, uint32_t end) {
  member *m = &g->member[k];
  const lp_plan_view *plan = g->plan;
  const lp_step *s = lp_plan_step(plan, g->first + (uint32_t)k);
  const lp_slot *y = lp_step_out(plan, s, 0);
  reach at;
  uint32_t inputs;
  *m = (member){.step = s, .n = count(y), .uniform = true, .region = -1};
  for (int i = 0; i < MAX_INPUTS; i++) m->in[i] = (source){-1, -1};
  if (!reaches(plan, s, &at, &inputs)) return false;
  for (uint32_t i = 0; i < inputs; i++) {
    const lp_slot *x = lp_step_in(plan, s, i);
    if (!x) continue;
    /* The operands of a prior lie at their own places. */
    const reach here = s->op == LP_OP_PRIOR && i ? ELSEWHERE : count(x) == 1 ? ELSEWHERE : at;
    if (s->op == LP_OP_SLICE ? !take_slice(g, k, m) : !take_all(g, k, x, here, &m->in[i]))
      return false;
    m->uniform &= is_scalar(g, x, m->in[i]);
  }
  for (uint32_t i = 0; i < s->post_count; i++) {
    const lp_slot *x = lp_plan_slot(plan, lp_plan_post(plan, s->post_first + i)->extra);
    if (!x) continue;
    if (!take_all(g, k, x, count(x) == 1 ? ELSEWHERE : AT_ELEMENT, &m->extra[i])) return false;
    m->uniform &= is_scalar(g, x, m->extra[i]);
  }
  m->stored = read_after(plan, y, end);
  if (m->n != g->n && (!m->uniform || (m->n != 1 && m->stored))) return false;
  if (!m->stored) return true;
  const uint64_t bytes = (uint64_t)m->n * 4;
  m->region = region_of(g, y, y->offset, bytes, true);
  note(g, y, y->offset, bytes, k, true, m->n == g->n ? AT_ELEMENT : ELSEWHERE);
  return m->region >= 0;
}

/* Do work-items keep out of each other's way? */
static bool orderly(const group *g) {
  if (g->n == 1) return true; /* there is but one */
  for (int i = 0; i < g->n_access; i++)
    for (int j = 0; g->access[i].write && j < g->n_access; j++) {
      const access *w = &g->access[i], *a = &g->access[j];
      if (i == j || !overlap(w->slot, w->begin, w->end, a->slot, a->begin, a->end)) continue;
      const bool same = w->begin == a->begin && w->n == a->n;
      /* Scalars are written by one work-item, and results at the element by each. */
      if (a->write ? !same
                   : !same || a->reach != AT_ELEMENT || w->reach != AT_ELEMENT || a->step > w->step)
        return false;
    }
  return true;
}

/* The launch of the steps first .. first + length - 1, if they can be one. */
static bool gather(group *g, const lp_plan_view *plan, uint32_t first, uint32_t length) {
  *g = (group){.plan = plan, .first = first, .length = length, .n = 1};
  const uint32_t end = first + length - 1;
  for (uint32_t k = 0; k < length; k++) {
    const lp_slot *y = lp_step_out(plan, lp_plan_step(plan, first + k), 0);
    if (read_after(plan, y, end) && count(y) > g->n) g->n = count(y);
  }
  for (uint32_t k = 0; k < length; k++)
    if (!add_member(g, (int)k, end)) return false;
  return orderly(g);
}

uint32_t ocl_group_length(const lp_plan_view *plan, uint32_t first) {
  uint32_t n = 0;
  while (n < MAX_STEPS && first + n < plan->n_steps &&
         can_join(plan, lp_plan_step(plan, first + n)))
    n++;
  /* Alone, the parts of a concat would be copied by a launch each. */
  const uint32_t least = lp_plan_step(plan, first)->op == LP_OP_CONCAT ? 1 : 2;
  group *g = n < least ? NULL : malloc(sizeof *g);
  while (g && n >= least && !gather(g, plan, first, n)) n--;
  free(g);
  return g && n >= least ? n : 0;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* Element `at` of what an operand is taken from. */
static void put_source(ocl_text *t, source s, const char *at) {
  if (s.step >= 0)
    ocl_put(t, "r%d", s.step);
  else
    ocl_put(t, "q%d[%s]", s.region, at);
}

static const char *element(const group *g, const lp_slot *x) {
  return count(x) == 1 && g->n > 1 ? "0" : "e";
}

static void put_outer(const group *g, const member *m, ocl_text *t) {
  char row[40], column[40];
  const lp_desc *y = &lp_step_in(g->plan, m->step, 1)->desc;
  const long long width = m->step->op == LP_OP_LINEAR ? y->dim[0] : y->dim[1];
  snprintf(row, sizeof row, "e / %lld", width);
  snprintf(column, sizeof column, "e %% %lld", width);
  put_source(t, m->in[0], row);
  ocl_put(t, " * ");
  put_source(t, m->in[1], column);
  ocl_put(t, " + 0.0f"); /* as a sum that begins with 0 */
}

static void put_prior(const group *g, const member *m, ocl_text *t) {
  const lp_step *s = m->step;
  const lp_slot *w = lp_step_in(g->plan, s, 0);
  const source *in = m->in;
  const bool table = in[LP_PRIOR_TABLE].region >= 0;
  const int rows = table ? LP_PRIOR_OFF_OUT : LP_PRIOR_DENSE;
  char o[80], i[80];
  const long long inputs = w->desc.dim[1], rest = lp_inner(&w->desc) / inputs,
                  outputs = lp_step_in(g->plan, s, (uint32_t)rows)->desc.dim[0];
  snprintf(i, sizeof i, "e / %lld %% %lld", rest, inputs);
  snprintf(o, sizeof o, "e / %lld %% %lld", rest * inputs, outputs);
  put_source(t, in[0], "e");
  if (table)
    ocl_put(t, " * (q%d[q%d[%s] + q%d[%s]]", in[LP_PRIOR_TABLE].region, in[LP_PRIOR_OFF_OUT].region,
            o, in[LP_PRIOR_OFF_IN].region, i);
  else
    ocl_put(t, " * (LP_AT(q%d, %s, %lld)[%s]", in[LP_PRIOR_DENSE].region, o, inputs, i);
  if (in[LP_PRIOR_ROW_SCALE].region >= 0)
    ocl_put(t, " * q%d[%s]", in[LP_PRIOR_ROW_SCALE].region, o);
  if (in[LP_PRIOR_COL_SCALE].region >= 0)
    ocl_put(t, " * q%d[%s]", in[LP_PRIOR_COL_SCALE].region, i);
  ocl_put(t, ")");
}

static void put_slice(const group *g, const member *m, ocl_text *t) {
  const lp_slice_params *p = &m->step->params.slice;
  const lp_desc *x = &lp_step_in(g->plan, m->step, 0)->desc;
  const long long inner = inner_of(x, p->axis), len = p->length * inner;
  if (m->in[0].step >= 0)
    put_source(t, m->in[0], "");
  else
    ocl_put(t, "LP_AT(q%d, e / %lld, %lld)[e %% %lld]", m->in[0].region, len,
            x->dim[p->axis] * inner, len);
}

static void put_concat(const group *g, const member *m, ocl_text *t) {
  const lp_step *s = m->step;
  const uint32_t axis = s->params.slice.axis;
  const lp_desc *y = &lp_step_out(g->plan, s, 0)->desc;
  const long long inner = inner_of(y, axis), row = y->dim[axis] * inner;
  long long begin = 0;
  for (uint32_t i = 0; i < s->in_count; i++) {
    const long long len = lp_step_in(g->plan, s, i)->desc.dim[axis] * inner;
    if (i + 1 < s->in_count) ocl_put(t, "e %% %lld < %lld ? ", row, begin + len);
    if (m->in[i].step >= 0)
      put_source(t, m->in[i], "");
    else
      ocl_put(t, "LP_AT(q%d, e / %lld, %lld)[e %% %lld - %lld]", m->in[i].region, row, len, row,
              begin);
    if (i + 1 < s->in_count) ocl_put(t, " : ");
    begin += len;
  }
}

/* The value before the step's chain. Any op of the chain's table is done to its first operand. */
static void put_head(const group *g, const member *m, ocl_text *t) {
  const lp_step *s = m->step;
  const lp_slot *x = lp_step_in(g->plan, s, 0);
  ocl_put(t, "float v = ");
  if (s->op == LP_OP_SLICE) {
    put_slice(g, m, t);
  } else if (s->op == LP_OP_CONCAT) {
    put_concat(g, m, t);
  } else if (s->op == LP_OP_PRIOR) {
    put_prior(g, m, t);
  } else if (ocl_chain_text(s->op)) {
    const lp_post own = {.op = s->op, .params = s->params};
    ocl_text q = {0};
    put_source(t, m->in[0], element(g, x));
    ocl_put(t, "; ");
    if (s->in_count > 1) put_source(&q, m->in[1], element(g, lp_step_in(g->plan, s, 1)));
    ocl_put_post(t, &own, q.s ? q.s : "", "");
    t->failed |= q.failed;
    free(q.s);
    return;
  } else if (s->op == LP_OP_SIGN) {
    ocl_put(t, "0.0f; { const float x = ");
    put_source(t, m->in[0], element(g, x));
    ocl_put(t, "; v = x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x * 0.0f; }");
    return;
  } else if (s->op == LP_OP_EXPAND) {
    put_source(t, m->in[0], "0");
  } else {
    put_outer(g, m, t);
  }
  ocl_put(t, ";");
}

static void put_member(const group *g, int k, ocl_text *t) {
  const member *m = &g->member[k];
  ocl_put(t, "float r%d; { ", k);
  put_head(g, m, t);
  for (uint32_t i = 0; i < m->step->post_count; i++) {
    const lp_post *post = lp_plan_post(g->plan, m->step->post_first + i);
    const lp_slot *x = lp_plan_slot(g->plan, post->extra);
    ocl_text q = {0};
    if (x) put_source(&q, m->extra[i], element(g, x));
    ocl_put(t, " ");
    ocl_put_post(t, post, q.s ? q.s : "", "");
    t->failed |= q.failed;
    free(q.s);
  }
  ocl_put(t, " r%d = v; }", k);
  if (m->stored && m->n == g->n)
    ocl_put(t, " q%d[e] = r%d;", m->region, k);
  else if (m->stored)
    ocl_put(t, " if (e == 0) q%d[0] = r%d;", m->region, k);
  ocl_put(t, " ");
}

lp_status ocl_encode_group(ocl_encoder *e, uint32_t length) {
  group *g = malloc(sizeof *g);
  if (!g || !gather(g, e->plan, e->index, length)) {
    free(g);
    return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
  }
  ocl_begin(e, "group");
  ocl_grid(e, ocl_ceil(g->n, GROUP), GROUP);
  ocl_text params = {0}, open = {0}, body = {0};
  for (int i = 0; i < g->n_regions; i++) {
    const region *r = &g->region[i];
    const char *type = r->whole    ? "const global int"
                       : r->stored ? "global float"
                                   : "const global float";
    ocl_put(&params, "%s%s *q%db, const int q%do", i ? ", " : "", type, i, i);
    ocl_put(&open, "%s *q%d = q%db + q%do; ", type, i, i, i);
    ocl_arg_slot_at(e, r->slot, r->begin - r->slot->offset);
  }
  ocl_arg_int(e, g->n);
  for (uint32_t k = 0; k < length; k++) put_member(g, (int)k, &body);
  if (params.failed || open.failed || body.failed)
    e->status = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
  if (e->now && e->status == LP_OK) {
    ocl_put(&e->now->define, "#define GROUP_PARAMS %s\n#define GROUP_OPEN %s\n", params.s, open.s);
    ocl_put(&e->now->define, "#define GROUP_BODY(e) %s\n", body.s);
    ocl_put(&e->now->undef, "#undef GROUP_PARAMS\n#undef GROUP_OPEN\n#undef GROUP_BODY\n");
  }
  free(params.s);
  free(open.s);
  free(body.s);
  free(g);
  return e->status;
}
