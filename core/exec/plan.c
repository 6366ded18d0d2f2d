/* Making a plan: schedule -> slots and steps -> memory -> a program compiled by the device. */
#include "exec_internal.h"

#include "../base/library.h"
#include "../base/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While a plan is made: where graph values and steps meet. */
typedef struct lp_builder {
  lp_plan *plan;
  const lp_graph *g;
  lp_schedule schedule;
  uint32_t *slot_of; /* per value, LP_NO_SLOT when it has none yet */
  uint32_t cap_slots;
} lp_builder;

static lp_status out_of_memory(const lp_builder *b) {
  return lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", b->g->name);
}

/* ---- slots and steps ----------------------------------------------------------------------- */

static uint32_t slot_for(lp_builder *b, uint32_t v) {
  if (b->slot_of[v] != LP_NO_SLOT) return b->slot_of[v];
  lp_plan *p = b->plan;
  lp_slot *slot = &p->slot[p->n_slots];
  const lp_value *root = &b->g->value[b->schedule.storage[v]];
  slot->desc = b->g->value[v].desc;
  slot->kind = root->kind == VALUE_RESULT  ? LP_SLOT_TRANSIENT
               : root->kind == VALUE_INPUT ? LP_SLOT_BOUND
                                           : LP_SLOT_PERSISTENT;
  if (slot->kind == LP_SLOT_BOUND) slot->buffer = root->index;
  return b->slot_of[v] = p->n_slots++;
}

/* "linear+relu fc1.weight": the ops of a step and the parameter that it works with. */
static void write_label(const lp_builder *b, const lp_piece *piece, char label[96]) {
  const lp_op_record *r = &b->g->op[piece->op];
  int n = snprintf(label, 96, "%s", lp_op_name(r->op));
  for (uint32_t k = 0; k < piece->n_posts && n < 95; k++)
    n += snprintf(label + n, 96 - (size_t)n, "+%s", lp_op_name(b->g->op[piece->post[k]].op));
  for (uint32_t i = 0; i < r->in_count && n < 95; i++) {
    const lp_value *v = &b->g->value[b->g->operand[r->in_first + i]];
    if (v->kind == VALUE_PARAM) {
      snprintf(label + n, 96 - (size_t)n, " %s", v->name);
      break;
    }
  }
}

static void add_post(lp_builder *b, uint32_t op) {
  const lp_op_record *r = &b->g->op[op];
  lp_post *post = &b->plan->post[b->plan->n_posts++];
  post->op = r->op;
  post->params = r->params;
  post->extra = lp_op_get_info(r->op)->max_in > 1
                    ? slot_for(b, b->schedule.operand[r->in_first + 1])
                    : LP_NO_SLOT;
}

static void add_step(lp_builder *b, const lp_piece *piece) {
  lp_plan *p = b->plan;
  const lp_op_record *r = &b->g->op[piece->op];
  write_label(b, piece, p->label[p->n_steps]);
  lp_step *step = &p->step[p->n_steps++];
  *step =
      (lp_step){.op = r->op, .params = r->params, .node = r->out_first, .workspace = LP_NO_SLOT};
  step->in_first = p->n_operands;
  step->in_count = r->in_count;
  for (uint32_t i = 0; i < r->in_count; i++) {
    uint32_t v = b->schedule.operand[r->in_first + i];
    p->operand[p->n_operands++] = v ? slot_for(b, v) : LP_NO_SLOT;
  }
  step->out_first = p->n_operands;
  step->out_count = r->out_count;
  for (uint32_t i = 0; i < r->out_count; i++) {
    uint32_t v = r->out_first + i;
    bool token = b->g->value[v].desc.dtype == LP_TOKEN;
    bool wanted = (i == 0 || b->schedule.used[v]) && !token;
    p->operand[p->n_operands++] = wanted ? slot_for(b, v) : LP_NO_SLOT;
  }
  step->post_first = p->n_posts;
  step->post_count = piece->n_posts;
  for (uint32_t k = 0; k < piece->n_posts; k++) add_post(b, piece->post[k]);
}

static void make_view(lp_plan *p) {
  p->view = (lp_plan_view){.struct_size = sizeof p->view,
                           .name = p->name,
                           .slots = p->slot,
                           .n_slots = p->n_slots,
                           .slot_stride = sizeof *p->slot,
                           .steps = p->step,
                           .n_steps = p->n_steps,
                           .step_stride = sizeof *p->step,
                           .posts = p->post,
                           .n_posts = p->n_posts,
                           .post_stride = sizeof *p->post,
                           .operands = p->operand,
                           .n_operands = p->n_operands,
                           .buffers = p->buffer,
                           .n_buffers = p->n_buffers,
                           .n_bound = p->n_bound};
}

static lp_status lay_out(lp_builder *b) {
  lp_plan *p = b->plan;
  p->n_slots = p->n_steps = p->n_posts = p->n_operands = 0;
  memset(p->slot, 0, b->cap_slots * sizeof *p->slot);
  for (uint32_t v = 0; v < b->g->n_values; v++) b->slot_of[v] = LP_NO_SLOT;
  for (uint32_t i = 0; i < b->schedule.n_pieces; i++) add_step(b, &b->schedule.piece[i]);
  make_view(p);
  return LP_OK;
}

/* Names the op and the shapes a device cannot do. */
static lp_status refuse(const lp_builder *b, uint32_t step) {
  const lp_step *s = &b->plan->step[step];
  char shapes[300] = "";
  for (uint32_t i = 0, used = 0; i < s->in_count && i < 3; i++) {
    uint32_t slot = b->plan->operand[s->in_first + i];
    if (slot == LP_NO_SLOT) continue;
    used += (uint32_t)snprintf(shapes + used, sizeof shapes - used, " %s",
                               lp_desc_text(&b->plan->slot[slot].desc));
  }
  return lp_fail(LP_ERR_UNSUPPORTED, "plan %s: device %s cannot run %s of%s; choose another device",
                 b->g->name, b->plan->session->info.id, b->plan->label[step], shapes);
}

/* Schedules until the device takes every step, unfusing the ones it refuses. */
static lp_status schedule_for_device(lp_builder *b, const lp_val *targets, uint32_t n, bool fuse) {
  lp_session *s = b->plan->session;
  for (;;) {
    lp_status status = lp_schedule_build(&b->schedule, targets, n, fuse);
    if (status == LP_OK) status = lay_out(b);
    if (status != LP_OK) return status;
    bool again = false;
    for (uint32_t i = 0; i < b->plan->n_steps; i++) {
      if (s->ops->supports(s->dev, &b->plan->view, i)) continue;
      if (b->schedule.piece[i].n_posts == 0) return refuse(b, i);
      b->schedule.unfused[b->schedule.piece[i].op] = again = true;
    }
    if (!again) return LP_OK;
  }
}

/* ---- memory -------------------------------------------------------------------------------- */

/* Life of each transient value's memory, by storage root; n_steps means "to the end". */
static void life_times(const lp_builder *b, const lp_val *targets, uint32_t n, uint32_t *first,
                       uint32_t *last) {
  const lp_plan *p = b->plan;
  const lp_schedule *s = &b->schedule;
  for (uint32_t v = 0; v < b->g->n_values; v++) first[v] = UINT32_MAX, last[v] = 0;
  for (uint32_t i = 0; i < p->n_steps; i++) {
    const lp_piece *piece = &s->piece[i];
    for (uint32_t k = 0; k <= piece->n_posts; k++) {
      const lp_op_record *r = &b->g->op[k ? piece->post[k - 1] : piece->op];
      for (uint32_t j = 0; j < r->in_count; j++) last[s->storage[s->operand[r->in_first + j]]] = i;
      for (uint32_t j = 0; j < r->out_count; j++) {
        uint32_t v = s->storage[r->out_first + j];
        if (first[v] == UINT32_MAX) first[v] = i;
        if (last[v] < i) last[v] = i;
      }
    }
  }
  for (uint32_t i = 0; i < n; i++) last[s->storage[targets[i].id]] = p->n_steps;
}

static void note_largest(lp_plan *p, const char *what, const lp_desc *d, uint64_t bytes,
                         uint64_t *most) {
  if (bytes <= *most) return;
  *most = bytes;
  snprintf(p->info.largest, sizeof p->info.largest, "%s %s, %.1f MB", what, lp_desc_text(d),
           (double)bytes / 1e6);
}

/* The session's scratch buffers, grown where this plan needs more. Plans made earlier keep the
 * buffers they were compiled with. */
static lp_status acquire_scratch(lp_plan *p, const uint64_t *size, uint32_t n, uint32_t *first) {
  lp_session *s = p->session;
  lp_buffer **buffer = realloc(p->buffer, (s->n_arenas + n + 1) * sizeof *buffer);
  if (!buffer) return lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", p->name);
  p->buffer = buffer;
  for (uint32_t i = 0; i < s->n_arenas; i++) p->buffer[i] = s->arena[i];
  p->n_buffers = *first = s->n_arenas;
  bool *taken = calloc(s->n_scratch + n + 1, sizeof *taken);
  lp_status status = taken ? LP_OK : lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", p->name);
  for (uint32_t i = 0; i < n && status == LP_OK; i++) {
    uint32_t k = 0;
    while (k < s->n_scratch && (taken[k] || s->scratch_size[k] < size[i])) k++;
    if (k == s->n_scratch) {
      lp_buffer **scratch = realloc(s->scratch, (k + 1) * sizeof *scratch);
      if (scratch) s->scratch = scratch;
      uint64_t *sizes = realloc(s->scratch_size, (k + 1) * sizeof *sizes);
      if (sizes) s->scratch_size = sizes;
      if (!scratch || !sizes) {
        status = lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", p->name);
        break;
      }
      status = s->ops->buf_alloc(s->dev, size[i], &s->scratch[k]);
      if (status != LP_OK) {
        status = lp_fail_in(
            status,
            "plan %s: activations need %llu bytes on %s (device memory %llu, in use by "
            "parameters %llu, largest tensor %s); lower the batch size",
            p->name, (unsigned long long)size[i], s->info.id, (unsigned long long)s->info.memory,
            (unsigned long long)s->persistent_bytes, p->info.largest);
        break;
      }
      s->scratch_size[k] = size[i];
      s->n_scratch++;
    }
    taken[k] = true;
    p->buffer[p->n_buffers++] = s->scratch[k];
  }
  free(taken);
  return status;
}

/* Blocks: one for each transient storage root in use (owner = value id), then one a workspace. */
typedef struct lp_blocks {
  lp_block *block;
  uint32_t *owner;
  uint32_t n, n_values; /* the first n_values are values, the rest workspaces */
} lp_blocks;

static lp_status collect_blocks(lp_builder *b, const lp_val *targets, uint32_t n, lp_blocks *out) {
  lp_plan *p = b->plan;
  lp_session *s = p->session;
  uint32_t *first = calloc(b->g->n_values, sizeof *first),
           *last = calloc(b->g->n_values, sizeof *last);
  out->block = calloc(b->g->n_values + p->n_steps, sizeof *out->block);
  out->owner = calloc(b->g->n_values + p->n_steps, sizeof *out->owner);
  lp_status status = first && last && out->block && out->owner ? LP_OK : out_of_memory(b);
  uint64_t most = 0;
  if (status == LP_OK) {
    life_times(b, targets, n, first, last);
    for (uint32_t v = 1; v < b->g->n_values; v++) {
      if (b->schedule.storage[v] != v || b->slot_of[v] == LP_NO_SLOT ||
          p->slot[b->slot_of[v]].kind != LP_SLOT_TRANSIENT)
        continue;
      uint64_t size = lp_align(lp_nbytes(&b->g->value[v].desc), s->info.alignment);
      out->block[out->n] = (lp_block){size, first[v], last[v], 0, 0};
      out->owner[out->n++] = v;
      p->info.transient_unplanned += size;
      const lp_op_record *r = &b->g->op[b->g->value[v].op];
      note_largest(p, lp_op_name(r->op), &b->g->value[v].desc, size, &most);
    }
    out->n_values = out->n;
  }
  for (uint32_t i = 0; i < p->n_steps && status == LP_OK; i++) {
    size_t bytes = 0;
    status = s->ops->workspace(s->dev, &p->view, i, &bytes);
    if (status != LP_OK || bytes == 0) continue;
    uint64_t size = lp_align(bytes, s->info.alignment);
    out->block[out->n] = (lp_block){size, i, i, 0, 0};
    out->owner[out->n++] = i;
    p->info.transient_unplanned += size;
    lp_desc scratch = LP_DESC(LP_U8, (int64_t)bytes);
    note_largest(p, "workspace", &scratch, size, &most);
  }
  free(first);
  free(last);
  return status;
}

static void place_workspaces(lp_builder *b, const lp_blocks *blocks, uint32_t first_buffer) {
  lp_plan *p = b->plan;
  for (uint32_t i = blocks->n_values; i < blocks->n; i++) {
    const lp_block *block = &blocks->block[i];
    p->slot[p->n_slots] = (lp_slot){LP_SLOT_TRANSIENT, first_buffer + block->arena, block->offset,
                                    LP_DESC(LP_U8, (int64_t)block->size), block->last};
    p->step[blocks->owner[i]].workspace = p->n_slots++;
  }
}

/* Gives every slot its buffer and offset. */
static void place_values(lp_builder *b, const lp_blocks *blocks, uint32_t first_buffer) {
  lp_plan *p = b->plan;
  for (uint32_t i = 0; i < blocks->n_values; i++) {
    lp_slot *slot = &p->slot[b->slot_of[blocks->owner[i]]];
    slot->buffer = first_buffer + blocks->block[i].arena;
    slot->offset = blocks->block[i].offset;
    slot->last = blocks->block[i].last;
  }
  for (uint32_t v = 1; v < b->g->n_values; v++) {
    if (b->slot_of[v] == LP_NO_SLOT) continue;
    uint32_t root = b->schedule.storage[v];
    lp_slot *slot = &p->slot[b->slot_of[v]];
    if (slot->kind == LP_SLOT_PERSISTENT) {
      const lp_var *var = lp_session_find(p->session, b->g->value[root].name);
      slot->buffer = var->buffer;
      slot->offset = var->offset;
      slot->last = p->n_steps;
    } else if (slot->kind == LP_SLOT_TRANSIENT && root != v) {
      slot->buffer = p->slot[b->slot_of[root]].buffer;
      slot->offset = p->slot[b->slot_of[root]].offset;
      slot->last = p->slot[b->slot_of[root]].last;
    }
  }
}

static lp_status place(lp_builder *b, const lp_val *targets, uint32_t n, bool dry_run) {
  lp_plan *p = b->plan;
  lp_session *s = p->session;
  lp_blocks blocks = {0};
  uint64_t *size = NULL;
  uint32_t n_arenas = 0, first_buffer = 0;
  lp_status status = collect_blocks(b, targets, n, &blocks);
  if (status == LP_OK)
    status = lp_memory_place(blocks.block, blocks.n, s->info.alignment, s->info.max_alloc, &size,
                             &n_arenas);
  if (status != LP_OK) status = lp_fail_in(status, "plan %s on %s", p->name, s->info.id);
  for (uint32_t i = 0; i < n_arenas; i++) p->info.transient_bytes += size[i];
  if (status == LP_OK && !dry_run) {
    status = acquire_scratch(p, size, n_arenas, &first_buffer);
    if (status == LP_OK) {
      place_values(b, &blocks, first_buffer);
      place_workspaces(b, &blocks, first_buffer);
      make_view(p);
    }
  }
  free(size);
  free(blocks.block);
  free(blocks.owner);
  return status;
}

/* ---- creation ------------------------------------------------------------------------------ */

static lp_status adopt_leaves(lp_builder *b, bool dry_run) {
  lp_plan *p = b->plan;
  uint32_t *leaf = calloc(b->g->n_values, sizeof *leaf), n = 0;
  if (!leaf) return out_of_memory(b);
  for (uint32_t v = 1; v < b->g->n_values; v++)
    if (b->slot_of[v] != LP_NO_SLOT && p->slot[b->slot_of[v]].kind == LP_SLOT_PERSISTENT &&
        b->g->value[v].name)
      leaf[n++] = v;
  lp_status status =
      lp_session_adopt(p->session, b->g, leaf, n, dry_run, &p->info.persistent_bytes);
  free(leaf);
  return status;
}

static lp_status allocate(lp_builder *b, uint32_t n_targets) {
  const lp_graph *g = b->g;
  lp_plan *p = b->plan;
  b->cap_slots = g->n_values + g->n_ops + 1;
  b->slot_of = calloc(g->n_values, sizeof *b->slot_of);
  p->name = strdup(g->name);
  p->slot = calloc(b->cap_slots, sizeof *p->slot);
  p->step = calloc(g->n_ops + 1, sizeof *p->step);
  p->label = calloc(g->n_ops + 1, sizeof *p->label);
  p->post = calloc(g->n_ops + 1, sizeof *p->post);
  p->operand = calloc(g->n_operands + g->n_values + 1, sizeof *p->operand);
  p->bound_bytes = calloc(g->n_inputs + 1, sizeof *p->bound_bytes);
  p->target = calloc(n_targets + 1, sizeof *p->target);
  bool ok = b->slot_of && p->name && p->slot && p->step && p->label && p->post && p->operand &&
            p->bound_bytes && p->target;
  return ok ? LP_OK : out_of_memory(b);
}

static lp_status build(lp_builder *b, const lp_val *targets, uint32_t n, const lp_plan_options *o) {
  lp_plan *p = b->plan;
  lp_status status = allocate(b, n);
  if (status == LP_OK) status = lp_schedule_new(b->g, &b->schedule);
  if (status == LP_OK) status = schedule_for_device(b, targets, n, !o->no_fusion);
  if (status != LP_OK) return status;
  p->n_bound = b->g->n_inputs;
  for (uint32_t v = 1; v < b->g->n_values; v++)
    if (b->g->value[v].kind == VALUE_INPUT)
      p->bound_bytes[b->g->value[v].index] = lp_nbytes(&b->g->value[v].desc);
  for (uint32_t i = 0; i < n; i++) {
    bool token = b->g->value[targets[i].id].desc.dtype == LP_TOKEN;
    p->target[i] = token ? LP_NO_SLOT : slot_for(b, targets[i].id);
  }
  p->n_targets = n;
  /* Reshapes and folded results may be read only through another shape: their root needs a slot. */
  for (uint32_t v = 1; v < b->g->n_values; v++)
    if (b->slot_of[v] != LP_NO_SLOT) slot_for(b, b->schedule.storage[v]);
  make_view(p);
  p->info.steps = p->n_steps;
  p->info.fused = p->n_posts;
  status = adopt_leaves(b, o->dry_run);
  if (status == LP_OK) status = place(b, targets, n, o->dry_run);
  if (status != LP_OK || o->dry_run) return status;
  lp_fp_mode mode = lp_fp_save(); /* compilers are loaded here */
  status = p->session->ops->compile(p->session->dev, &p->view, &p->program);
  lp_fp_restore(&mode, p->session->info.id);
  return status;
}

lp_status lp_plan_create(lp_session *s, const lp_graph *g, const lp_val *targets, uint32_t n,
                         const lp_plan_options *options, lp_plan **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  if (lp_graph_status(g) != LP_OK) return g->status;
  for (uint32_t i = 0; i < n; i++)
    if (targets[i].id == 0 || targets[i].id >= g->n_values)
      return lp_fail(LP_ERR_ARG, "plan %s: target %u is not a value of the graph", g->name, i);
  lp_plan_options defaults = {0};
  lp_plan *p = calloc(1, sizeof *p);
  if (!p) return lp_fail(LP_ERR_MEMORY, "plan %s: out of memory", g->name);
  p->session = s;
  lp_builder b = {.plan = p, .g = g};
  lp_status status = build(&b, targets, n, options ? options : &defaults);
  lp_schedule_free(&b.schedule);
  free(b.slot_of);
  if (status != LP_OK) {
    lp_plan_free(p);
    return status;
  }
  *out = p;
  return LP_OK;
}

void lp_plan_free(lp_plan *p) {
  if (!p) return;
  if (p->program) p->session->ops->program_free(p->session->dev, p->program);
  free(p->name);
  free(p->slot);
  free(p->step);
  free(p->label);
  free(p->post);
  free(p->operand);
  free(p->buffer);
  free(p->bound_bytes);
  free(p->target);
  free(p);
}
