/* Programs: the steps of a plan with their pointers resolved, and the team that executes them. */
#include "device.h"
#include "pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* A pointer that depends on the buffers bound to a run. */
typedef struct patch {
  void **where;
  uint32_t bound;
  uint64_t offset, nbytes;
} patch;

typedef struct step_record {
  cpu_call call;
  void (*run)(const cpu_call *c, cpu_worker *w);
} step_record;

struct lp_program {
  step_record *step;
  uint32_t n_steps, n_patches, n_bound;
  cpu_arg *arg;
  cpu_post *post;
  patch *patch;
  double *seconds;      /* of the last profiled run, NaN before */
  int64_t history_rows; /* rows of the shortest history, INT64_MAX without one */
  cpu_env env;
  cpu_pace pace;
};

/* ---- reading a plan ------------------------------------------------------------------------ */

static void describe(const lp_plan_view *plan, uint32_t slot, cpu_arg *arg) {
  memset(arg, 0, sizeof *arg);
  if (slot == LP_NO_SLOT) return;
  arg->given = true;
  arg->desc = lp_plan_slot(plan, slot)->desc;
}

/* Fills everything of a call but its pointers. arg has room for all operands of the step. */
static void describe_step(const lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                          cpu_arg *arg, cpu_call *c) {
  memset(c, 0, sizeof *c);
  c->winograd = dev->winograd && dev->product->winograd;
  c->rounded = dev->product->round_a != NULL;
  c->op = s->op;
  c->n_in = s->in_count;
  c->n_out = s->out_count;
  c->n_post = s->post_count;
  c->params = s->params;
  for (uint32_t i = 0; i < s->in_count; i++)
    describe(plan, plan->operands[s->in_first + i], &arg[i]);
  for (uint32_t i = 0; i < s->out_count; i++)
    describe(plan, plan->operands[s->out_first + i], &arg[s->in_count + i]);
  c->in = arg;
  c->out = arg + s->in_count;
  c->post_inner = c->n_out && c->out[0].given ? lp_inner(&c->out[0].desc) : 1;
}

bool cpu_supports(lp_device *dev, const lp_plan_view *plan, uint32_t step) {
  const lp_step *s = lp_plan_step(plan, step);
  if (s->op >= LP_OP_COUNT || !dev->variant->kernels->op[s->op].run) return false;
  for (uint32_t i = 0; i < s->in_count + s->out_count; i++) {
    uint32_t slot =
        plan->operands[i < s->in_count ? s->in_first + i : s->out_first + (i - s->in_count)];
    if (slot == LP_NO_SLOT) continue;
    uint32_t type = lp_plan_slot(plan, slot)->desc.dtype;
    if (type != LP_TOKEN && type != LP_F32 && type != LP_I32 && type != LP_U8) return false;
  }
  if (!s->post_count) return true;
  uint32_t first = s->out_count ? plan->operands[s->out_first] : LP_NO_SLOT;
  if (first == LP_NO_SLOT || lp_plan_slot(plan, first)->desc.dtype != LP_F32) return false;
  for (uint32_t i = 0; i < s->post_count; i++)
    if (!lp_op_fusable(lp_plan_post(plan, s->post_first + i)->op)) return false;
  return true;
}

lp_status cpu_workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *nbytes) {
  *nbytes = 0;
  const lp_step *s = lp_plan_step(plan, step);
  if (s->op >= LP_OP_COUNT || !dev->variant->kernels->op[s->op].workspace) return LP_OK;
  cpu_arg *arg = calloc((size_t)s->in_count + s->out_count + 1, sizeof *arg);
  if (!arg) return dev->host->fail(LP_ERR_MEMORY, "cpu: cannot describe step %u", step);
  cpu_call call;
  describe_step(dev, plan, s, arg, &call);
  *nbytes = dev->variant->kernels->op[s->op].workspace(&call);
  free(arg);
  return LP_OK;
}

/* ---- compiling ----------------------------------------------------------------------------- */

/* Resolves a slot, now or, when it is bound, at every run. */
static void resolve(lp_program *prog, const lp_plan_view *plan, uint32_t slot, void **where) {
  *where = NULL;
  if (slot == LP_NO_SLOT) return;
  const lp_slot *s = lp_plan_slot(plan, slot);
  if (s->kind == LP_SLOT_BOUND)
    prog->patch[prog->n_patches++] = (patch){where, s->buffer, s->offset, lp_nbytes(&s->desc)};
  else if (s->desc.dtype != LP_TOKEN)
    *where = plan->buffers[s->buffer]->p + s->offset;
}

lp_status cpu_compile(lp_device *dev, const lp_plan_view *plan, lp_program **out) {
  *out = NULL;
  size_t n_args = 0, n_posts = 0;
  for (uint32_t i = 0; i < plan->n_steps; i++) {
    const lp_step *s = lp_plan_step(plan, i);
    if (!cpu_supports(dev, plan, i))
      return dev->host->fail(LP_ERR_UNSUPPORTED,
                             "cpu: step %u of plan \"%s\" (op %u) cannot be run", i, plan->name,
                             s->op);
    n_args += (size_t)s->in_count + s->out_count;
    n_posts += s->post_count;
  }
  lp_program *prog = calloc(1, sizeof *prog);
  if (prog) {
    prog->step = calloc((size_t)plan->n_steps + 1, sizeof *prog->step);
    prog->arg = calloc(n_args + 1, sizeof *prog->arg);
    prog->post = calloc(n_posts + 1, sizeof *prog->post);
    prog->patch = calloc(n_args + n_posts + plan->n_steps + 1, sizeof *prog->patch);
    prog->seconds = calloc((size_t)plan->n_steps + 1, sizeof *prog->seconds);
  }
  if (!prog || !prog->step || !prog->arg || !prog->post || !prog->patch || !prog->seconds) {
    cpu_program_free(dev, prog);
    return dev->host->fail(LP_ERR_MEMORY, "cpu: cannot compile plan \"%s\" of %u steps", plan->name,
                           plan->n_steps);
  }
  prog->n_steps = plan->n_steps;
  prog->n_bound = plan->n_bound;
  prog->history_rows = INT64_MAX;
  cpu_arg *arg = prog->arg;
  cpu_post *post = prog->post;
  for (uint32_t i = 0; i < plan->n_steps; i++) {
    const lp_step *s = lp_plan_step(plan, i);
    step_record *r = &prog->step[i];
    r->run = dev->variant->kernels->op[s->op].run;
    describe_step(dev, plan, s, arg, &r->call);
    r->call.env = &prog->env;
    for (uint32_t k = 0; k < s->in_count; k++)
      resolve(prog, plan, plan->operands[s->in_first + k], &arg[k].p);
    arg += s->in_count;
    for (uint32_t k = 0; k < s->out_count; k++)
      resolve(prog, plan, plan->operands[s->out_first + k], &arg[k].p);
    arg += s->out_count;
    r->call.post = post;
    for (uint32_t k = 0; k < s->post_count; k++, post++) {
      const lp_post *from = lp_plan_post(plan, s->post_first + k);
      post->op = from->op;
      post->params = from->params;
      resolve(prog, plan, from->extra, &post->extra);
    }
    resolve(prog, plan, s->workspace, &r->call.ws);
    if (s->op == LP_OP_CROSS_ENTROPY && r->call.n_in > 2 && r->call.in[2].given &&
        r->call.in[2].desc.dim[0] < prog->history_rows)
      prog->history_rows = r->call.in[2].desc.dim[0];
    prog->seconds[i] = NAN;
  }
  *out = prog;
  return LP_OK;
}

void cpu_program_free(lp_device *dev, lp_program *prog) {
  (void)dev;
  if (!prog) return;
  free(prog->step);
  free(prog->arg);
  free(prog->post);
  free(prog->patch);
  free(prog->seconds);
  free(prog);
}

/* ---- running ------------------------------------------------------------------------------- */

static lp_status bind(lp_device *dev, lp_program *prog, const lp_run_args *args) {
  if (args->n_bound < prog->n_bound)
    return dev->host->fail(LP_ERR_ARG, "cpu: the plan needs %u bound buffers, the run has %u",
                           prog->n_bound, args->n_bound);
  for (uint32_t i = 0; i < prog->n_patches; i++) {
    const patch *p = &prog->patch[i];
    const lp_buffer *b = args->bound[p->bound];
    if (!b || p->offset > b->nbytes || p->nbytes > b->nbytes - p->offset)
      return dev->host->fail(LP_ERR_ARG, "cpu: bound buffer %u has %zu bytes, the plan reads %zu",
                             p->bound, b ? b->nbytes : 0, (size_t)(p->offset + p->nbytes));
    *p->where = b->p + p->offset;
  }
  double row = args->n_scalars > LP_SCALAR_ROW ? args->scalars[LP_SCALAR_ROW] : 0;
  if (prog->history_rows != INT64_MAX && !(row >= 0 && row < (double)prog->history_rows))
    return dev->host->fail(LP_ERR_ARG, "cpu: history row %g of %lld", row,
                           (long long)prog->history_rows);
  prog->env = (cpu_env){.seed = args->seed,
                        .iteration = args->iteration,
                        .sample_offset = args->sample_offset,
                        .lr = args->n_scalars > LP_SCALAR_LR ? args->scalars[LP_SCALAR_LR] : 0,
                        .row = (uint64_t)row};
  return LP_OK;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* start: when the run was asked for. A worker that comes late may find everything done. */
static void work(lp_device *dev, lp_program *prog, bool profile, double start, int id, int count) {
  cpu_worker w = {.team = &dev->team,
                  .id = id,
                  .count = count,
                  .victim = id,
                  .scratch = dev->scratch + (size_t)id * CPU_SCRATCH,
                  .product = dev->product};
  bool timed = profile && id == 0;
  for (uint32_t i = 0; i < prog->n_steps; i++) {
    prog->step[i].run(&prog->step[i].call, &w);
    cpu_barrier(&w);
    if (timed) {
      double end = now();
      prog->seconds[i] = end - start;
      start = end;
    }
  }
}

lp_status cpu_run(lp_device *dev, lp_program *prog, const lp_run_args *args, lp_event **done) {
  if (done) *done = NULL;
  lp_status st = bind(dev, prog, args);
  if (st) return st;
  bool profile = args->flags & LP_RUN_PROFILE;
  /* A profile times the run as it is: on the team or on one thread, as the pace has it. */
  bool alone = dev->threads <= 1 || cpu_pace_alone(&prog->pace);
  double start = now();
#ifdef _OPENMP
  if (!alone) {
    /* The runtime may give fewer threads than asked for; a team of any size computes the same. */
#pragma omp parallel num_threads(dev->threads)
    work(dev, prog, profile, start, omp_get_thread_num(), omp_get_num_threads());
  }
#else
  alone = true;
#endif
  if (alone) work(dev, prog, profile, start, 0, 1);
  if (!profile && dev->threads > 1) cpu_pace_note(&prog->pace, now() - start);
  dev->counters.launches++;
  dev->counters.blocking_calls++;
  return LP_OK;
}

lp_status cpu_timings(lp_device *dev, lp_program *prog, lp_step_time *out, uint32_t cap,
                      uint32_t *n) {
  (void)dev;
  for (uint32_t i = 0; i < prog->n_steps && i < cap; i++)
    out[i] = (lp_step_time){.step = i, .launches = 0, .seconds = prog->seconds[i]};
  if (cap && prog->n_steps) out[0].launches = 1; /* one parallel region a run */
  *n = prog->n_steps;
  return LP_OK;
}
