/* Optimisers and accumulation: one launch updates all tensors of a group. A table in device memory
 * says which chunks there are; its buffers are the plan's few arenas. */
#include "ops.h"

#include <stdlib.h>

enum { RULE_SGD = 1, RULE_RMSPROP, RULE_ADAM, RULE_ACCUMULATE };

#define GROUP       256
#define MAX_BUFFERS 8

typedef struct chunk_table {
  cl_int *row;
  uint32_t n, width;
  const lp_slot *buffer[MAX_BUFFERS]; /* a slot in each of the buffers */
  uint32_t n_buffers;
} chunk_table;

/* Index of the slot's buffer among those of the launch, or -1 when there is no room for it. */
static int buffer_index(chunk_table *t, const lp_slot *slot) {
  for (uint32_t i = 0; i < t->n_buffers; i++)
    if ((t->buffer[i]->kind == LP_SLOT_BOUND) == (slot->kind == LP_SLOT_BOUND) &&
        t->buffer[i]->buffer == slot->buffer)
      return (int)i;
  if (t->n_buffers == MAX_BUFFERS) return -1;
  t->buffer[t->n_buffers] = slot;
  return (int)t->n_buffers++;
}

static bool add_tensor(chunk_table *t, const ocl_encoder *e, uint32_t first, uint32_t slots,
                       int64_t chunk) {
  cl_int base[1 + 2 * 4] = {0};
  uint32_t before = t->n_buffers;
  for (uint32_t k = 0; k < slots; k++) {
    const lp_slot *slot = lp_step_in(e->plan, e->step, first + k);
    int index = slot ? buffer_index(t, slot) : -1;
    if (slot && index < 0) {
      t->n_buffers = before;
      return false;
    }
    base[1 + 2 * k] = index;
    base[2 + 2 * k] = slot ? (cl_int)(slot->offset / 4) : 0;
  }
  int64_t n = lp_numel(&lp_step_in(e->plan, e->step, first)->desc);
  for (int64_t at = 0; at < n; at += chunk) {
    cl_int *row = t->row + (size_t)t->n++ * t->width;
    row[0] = (cl_int)(n - at < chunk ? n - at : chunk);
    for (uint32_t k = 0; k < slots; k++) {
      row[1 + 2 * k] = base[1 + 2 * k];
      row[2 + 2 * k] = base[2 + 2 * k] + (cl_int)at;
    }
  }
  return true;
}

static void launch(ocl_encoder *e, const chunk_table *t, int rule, uint32_t slots) {
  const lp_optim_params *o = &e->step->params.optim;
  const lp_scale_params *a = &e->step->params.scale;
  uint32_t buffers = t->n_buffers <= 2 ? t->n_buffers : t->n_buffers <= 4 ? 4 : MAX_BUFFERS;
  cl_mem table = ocl_table(e, t->row, (size_t)t->n * t->width * sizeof *t->row);
  ocl_begin(e, "update");
  ocl_grid(e, t->n, e->dev->cpu ? 1 : GROUP);
  ocl_define_int(e, "WIDE", e->dev->cpu);
  ocl_define_int(e, "RULE", rule);
  ocl_define_int(e, "SLOTS", slots);
  ocl_define_int(e, "BUFFERS", buffers);
  bool with_rate = rule == RULE_SGD || rule == RULE_RMSPROP ||
                   (rule == RULE_ADAM && o->decay_kind == LP_DECAY_DECOUPLED);
  ocl_define_int(e, "WITH_RATE", with_rate);
  if (rule == RULE_ACCUMULATE) {
    ocl_define_float(e, "ALPHA", a->alpha);
    ocl_define_float(e, "BETA", a->beta);
    ocl_define_int(e, "OVERWRITE", a->beta == 0.0f);
  } else {
    ocl_define_int(e, "DECAY_KIND", o->decay_kind);
    ocl_define_float(e, "DECAY", o->decay);
    ocl_define_float(e, "MOMENTUM", o->momentum);
    ocl_define_float(e, "ALPHA", o->alpha);
    ocl_define_float(e, "BETA1", o->beta1);
    ocl_define_float(e, "BETA2", o->beta2);
    ocl_define_float(e, "EPS", o->eps);
  }
  for (uint32_t i = 0; i < buffers; i++) ocl_arg_buffer(e, t->buffer[i < t->n_buffers ? i : 0]);
  ocl_arg_mem(e, table);
  if (with_rate) ocl_arg_run(e, OCL_RATE);
  if (rule == RULE_ADAM) {
    ocl_arg_run(e, OCL_ADAM_STEP);
    ocl_arg_run(e, OCL_ADAM_SCALE);
  }
}

void ocl_encode_update(ocl_encoder *e) {
  const lp_step *s = e->step;
  static const struct {
    int rule;
    uint32_t slots;
  } rules[LP_OP_COUNT] = {[LP_OP_SGD] = {RULE_SGD, 3},
                          [LP_OP_RMSPROP] = {RULE_RMSPROP, 4},
                          [LP_OP_ADAM] = {RULE_ADAM, 4},
                          [LP_OP_ACCUMULATE] = {RULE_ACCUMULATE, 2}};
  int rule = rules[s->op].rule;
  uint32_t slots = rules[s->op].slots, groups = s->in_count / slots;
  int64_t chunk = e->dev->cpu ? 8192 : 2048, chunks = 0;
  for (uint32_t g = 0; g < groups; g++)
    chunks += ocl_ceil(lp_numel(&lp_step_in(e->plan, s, g * slots)->desc), chunk);
  if (!chunks) return;
  chunk_table t = {.width = 1 + 2 * slots};
  t.row = malloc((size_t)chunks * t.width * sizeof *t.row);
  if (!t.row) {
    e->status = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
    return;
  }
  for (uint32_t g = 0; g < groups && e->status == LP_OK; g++) {
    if (add_tensor(&t, e, g * slots, slots, chunk)) continue;
    launch(e, &t, rule, slots); /* more arenas than a kernel takes: another launch */
    t.n = t.n_buffers = 0;
    add_tensor(&t, e, g * slots, slots, chunk);
  }
  if (t.n && e->status == LP_OK) launch(e, &t, rule, slots);
  free(t.row);
}
