/* Running a plan, reading its targets, and its profile. */
#include "exec_internal.h"

#include "../base/numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_plan_run(lp_plan *p, const lp_run *run) {
  LP_POINT_NUMBERS;
  if (!p->program) return lp_fail(LP_ERR_ARG, "plan %s: a dry run cannot be run", p->name);
  if (run->n_bound != p->n_bound)
    return lp_fail(LP_ERR_ARG, "plan %s: %u inputs are bound, it has %u", p->name, run->n_bound,
                   p->n_bound);
  lp_run_args args = {.struct_size = sizeof args,
                      .n_bound = run->n_bound,
                      .seed = p->session->seed,
                      .iteration = run->iteration,
                      .sample_offset = run->sample_offset,
                      .scalars = run->scalars,
                      .n_scalars = LP_SCALAR_COUNT,
                      .flags = run->profile ? LP_RUN_PROFILE : 0,
                      .bound = run->bound};
  return p->session->ops->run(p->session->dev, p->program, &args, NULL);
}

lp_status lp_plan_read(lp_plan *p, uint32_t target, void *dst, size_t n) {
  if (target >= p->n_targets || p->target[target] == LP_NO_SLOT)
    return lp_fail(LP_ERR_ARG, "plan %s: target %u has no bytes to read", p->name, target);
  const lp_slot *slot = &p->slot[p->target[target]];
  if (n != lp_nbytes(&slot->desc))
    return lp_fail(LP_ERR_SHAPE, "plan %s: target %u is %s of %zu bytes, not %zu", p->name, target,
                   lp_desc_text(&slot->desc), lp_nbytes(&slot->desc), n);
  if (slot->kind == LP_SLOT_BOUND)
    return lp_fail(LP_ERR_ARG, "plan %s: target %u is an input", p->name, target);
  lp_session *s = p->session;
  return s->ops->buf_read(s->dev, p->buffer[slot->buffer], slot->offset, dst, n, NULL);
}

void lp_plan_get_info(const lp_plan *p, lp_plan_info *out) {
  *out = p->info;
}

/* Descriptors of a step's operands; absent ones have dtype 0. */
static void describe(const lp_plan *p, uint32_t first, uint32_t n, lp_desc *out) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t slot = p->operand[first + i];
    out[i] = slot == LP_NO_SLOT ? (lp_desc){0} : p->slot[slot].desc;
  }
}

static lp_status fill_row(const lp_plan *p, uint32_t i, lp_profile_row *row) {
  const lp_step *step = &p->step[i];
  lp_desc *d = calloc(step->in_count + step->out_count + 1, sizeof *d);
  if (!d) return lp_fail(LP_ERR_MEMORY, "profile of %s: out of memory", p->name);
  lp_desc *out = d + step->in_count;
  describe(p, step->in_first, step->in_count, d);
  describe(p, step->out_first, step->out_count, out);
  memcpy(row->label, p->label[i], sizeof row->label);
  row->op = step->op;
  row->seconds = NAN;
  row->flops = lp_op_flops(step->op, &step->params, d, step->in_count, out, step->out_count);
  row->bytes = lp_op_bytes(step->op, &step->params, d, step->in_count, out, step->out_count);
  for (uint32_t k = 0; k < step->post_count; k++) {
    uint32_t extra = p->post[step->post_first + k].extra;
    if (extra != LP_NO_SLOT) row->bytes += (double)lp_nbytes(&p->slot[extra].desc);
  }
  free(d);
  return LP_OK;
}

lp_status lp_plan_profile(lp_plan *p, lp_profile_row *out, uint32_t cap, uint32_t *n) {
  *n = p->n_steps;
  lp_session *s = p->session;
  if (!s->ops->timings)
    return lp_fail(LP_ERR_UNSUPPORTED, "device %s does not report step times", s->info.id);
  for (uint32_t i = 0; i < p->n_steps && i < cap; i++) {
    memset(&out[i], 0, sizeof out[i]);
    lp_status status = fill_row(p, i, &out[i]);
    if (status != LP_OK) return status;
  }
  lp_step_time *time = calloc(p->n_steps + 1, sizeof *time);
  if (!time) return lp_fail(LP_ERR_MEMORY, "profile of %s: out of memory", p->name);
  uint32_t count = 0;
  lp_status status = s->ops->timings(s->dev, p->program, time, p->n_steps, &count);
  for (uint32_t i = 0; status == LP_OK && i < count; i++) {
    if (time[i].step >= p->n_steps || time[i].step >= cap) continue;
    out[time[i].step].seconds = time[i].seconds;
    out[time[i].step].launches = time[i].launches;
  }
  free(time);
  return status;
}
