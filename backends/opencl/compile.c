/* A plan becomes launches with their arguments set; a run sets what changes and enqueues them. */
#include "group.h"
#include "ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What fuses is done alone by the kernel that does chains. */
#define ALONE_true(name) [LP_OP_##name] = {true, ocl_encode_elementwise, NULL},
#define ALONE_false(name)
#define ALONE(name, number, text, fusable) ALONE_##fusable(name)

const ocl_op ocl_ops[LP_OP_COUNT] = {
    LP_OPS(ALONE) /* and others */
        [LP_OP_NORMALIZE] = {true, ocl_encode_elementwise, NULL},
    [LP_OP_CONV2D] = {true, ocl_encode_product, ocl_workspace_product},
    [LP_OP_CONV2D_DX] = {true, ocl_encode_product, ocl_workspace_product},
    [LP_OP_CONV2D_DW] = {true, ocl_encode_product, ocl_workspace_product},
    [LP_OP_MAXPOOL2D] = {true, ocl_encode_pool, NULL},
    [LP_OP_MAXPOOL2D_DX] = {true, ocl_encode_pool, NULL},
    [LP_OP_LINEAR] = {true, ocl_encode_product, ocl_workspace_product},
    [LP_OP_LINEAR_DX] = {true, ocl_encode_product, ocl_workspace_product},
    [LP_OP_LINEAR_DW] = {true, ocl_encode_product, ocl_workspace_product},
    [LP_OP_BATCHNORM] = {true, ocl_encode_batchnorm, NULL},
    [LP_OP_BATCHNORM_DX] = {true, ocl_encode_batchnorm, NULL},
    [LP_OP_BATCHNORM_EVAL] = {true, ocl_encode_batchnorm, NULL},
    [LP_OP_BATCHNORM_EVAL_DX] = {true, ocl_encode_batchnorm, NULL},
    [LP_OP_SIGN] = {true, ocl_encode_elementwise, NULL},
    [LP_OP_SUM] = {false, ocl_encode_sum, ocl_workspace_sum},
    [LP_OP_EXPAND] = {true, ocl_encode_elementwise, NULL},
    [LP_OP_LOG_SOFTMAX] = {true, ocl_encode_softmax, NULL},
    [LP_OP_LOG_SOFTMAX_DX] = {true, ocl_encode_softmax, NULL},
    [LP_OP_CROSS_ENTROPY] = {false, ocl_encode_cross_entropy, ocl_workspace_cross_entropy},
    [LP_OP_CROSS_ENTROPY_DX] = {true, ocl_encode_cross_entropy, NULL},
    [LP_OP_SGD] = {false, ocl_encode_update, NULL},
    [LP_OP_RMSPROP] = {false, ocl_encode_update, NULL},
    [LP_OP_ADAM] = {false, ocl_encode_update, NULL},
    [LP_OP_ACCUMULATE] = {false, ocl_encode_update, NULL},
    [LP_OP_SLICE] = {true, ocl_encode_slice, NULL},
    [LP_OP_CONCAT] = {false, ocl_encode_concat, NULL},
    [LP_OP_PERMUTE] = {true, ocl_encode_permute, NULL},
    [LP_OP_PRIOR] = {true, ocl_encode_prior, NULL},
    [LP_OP_AVGPOOL2D] = {true, ocl_encode_avgpool, NULL},
    [LP_OP_AVGPOOL2D_DX] = {true, ocl_encode_avgpool, NULL},
    [LP_OP_SPARSE_LINEAR] = {true, ocl_encode_sparse, ocl_workspace_sparse},
    [LP_OP_SPARSE_LINEAR_DX] = {true, ocl_encode_sparse, ocl_workspace_sparse},
    [LP_OP_SPARSE_LINEAR_DW] = {true, ocl_encode_sparse, ocl_workspace_sparse},
};

bool ocl_supports(lp_device *dev, const lp_plan_view *plan, uint32_t step) {
  (void)dev;
  const lp_step *s = lp_plan_step(plan, step);
  if (s->op >= LP_OP_COUNT || !ocl_ops[s->op].encode) return false;
  if (s->post_count && (!ocl_ops[s->op].posts || !ocl_posts_supported(plan, s))) return false;
  for (uint32_t i = 0; i < s->in_count + s->out_count; i++) {
    const lp_slot *slot =
        i < s->in_count ? lp_step_in(plan, s, i) : lp_step_out(plan, s, i - s->in_count);
    if (slot && (slot->desc.dtype > LP_U8 || lp_numel(&slot->desc) > INT32_MAX)) return false;
  }
  return true;
}

lp_status ocl_workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *n) {
  const lp_step *s = lp_plan_step(plan, step);
  *n = ocl_ops[s->op].workspace ? ocl_ops[s->op].workspace(dev, plan, s, step) : 0;
  return LP_OK;
}

lp_status ocl_encode_step(ocl_encoder *e) {
  if (e->step->op >= LP_OP_COUNT || !ocl_ops[e->step->op].encode)
    return ocl_host->fail(LP_ERR_UNSUPPORTED, "%s: step %u: op %u is not known to this backend",
                          e->dev->info.id, e->index, e->step->op);
  const lp_slot *first = lp_step_out(e->plan, e->step, 0);
  if (first && lp_numel(&first->desc) == 0) return LP_OK;
  ocl_ops[e->step->op].encode(e);
  return e->status;
}

static cl_int set_arg(const ocl_launch *l, uint32_t i) {
  const ocl_arg *a = &l->arg[i];
  switch (a->kind) {
  case OCL_ARG_MEM:
    return clSetKernelArg(l->kernel, i, sizeof a->mem, &a->mem);
  case OCL_ARG_INT:
    return clSetKernelArg(l->kernel, i, sizeof a->i, &a->i);
  case OCL_ARG_FLOAT:
    return clSetKernelArg(l->kernel, i, sizeof a->f, &a->f);
  default:
    return CL_SUCCESS; /* set by every run */
  }
}

static lp_status set_fixed_args(lp_device *dev, const lp_program *p) {
  for (uint32_t k = 0; k < p->n; k++)
    for (uint32_t i = 0; i < p->launch[k].n_args; i++) {
      cl_int e = set_arg(&p->launch[k], i);
      if (e != CL_SUCCESS) {
        char what[96];
        snprintf(what, sizeof what, "argument %u of kernel %s", i, p->launch[k].family);
        return ocl_fail(dev, e, what);
      }
    }
  return LP_OK;
}

void ocl_program_free(lp_device *dev, lp_program *p) {
  (void)dev;
  if (!p) return;
  for (uint32_t i = 0; i < p->n; i++) {
    if (p->launch[i].kernel) clReleaseKernel(p->launch[i].kernel);
    free(p->launch[i].define.s);
    free(p->launch[i].undef.s);
    ocl_gemm_free(p->launch[i].gemm);
  }
  for (uint32_t i = 0; i < p->n_owned; i++) clReleaseMemObject(p->owned[i]);
  free(p->owned);
  free(p->launch);
  free(p->time);
  free(p);
}

static uint32_t history_rows(const lp_plan_view *plan) {
  uint32_t rows = 0;
  for (uint32_t i = 0; i < plan->n_steps; i++) {
    const lp_step *s = lp_plan_step(plan, i);
    const lp_slot *h = s->op == LP_OP_CROSS_ENTROPY ? lp_step_in(plan, s, 2) : NULL;
    if (h && (!rows || h->desc.dim[0] < rows)) rows = (uint32_t)h->desc.dim[0];
  }
  return rows;
}

lp_status ocl_compile(lp_device *dev, const lp_plan_view *plan, lp_program **out) {
  *out = NULL;
  lp_status s = ocl_check(dev);
  if (s != LP_OK) return s;
  lp_program *p = calloc(1, sizeof *p);
  if (p) p->time = calloc(plan->n_steps + 1, sizeof *p->time);
  if (!p || !p->time) {
    ocl_program_free(dev, p);
    return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  }
  p->n_steps = plan->n_steps;
  for (uint32_t i = 0; i < plan->n_buffers; i++)
    if (plan->buffers[i]) plan->buffers[i]->elsewhere = true;
  p->n_bound = plan->n_bound;
  p->rows = history_rows(plan);
  for (uint32_t i = 0, n; i < plan->n_steps && s == LP_OK; i += n ? n : 1) {
    ocl_encoder e = {
        .dev = dev, .plan = plan, .step = lp_plan_step(plan, i), .index = i, .program = p};
    n = ocl_group_length(plan, i);
    s = n ? ocl_encode_group(&e, n) : ocl_encode_step(&e);
  }
  if (s == LP_OK) s = ocl_build(dev, p->launch, p->n);
  if (s == LP_OK) s = set_fixed_args(dev, p);
  if (s != LP_OK) {
    ocl_program_free(dev, p);
    return s;
  }
  ocl_dump_launches(p);
  *out = p;
  return LP_OK;
}

static cl_int enqueue(cl_command_queue queue, const ocl_launch *l, const lp_run_args *args,
                      cl_event *event) {
  if (l->gemm) return ocl_gemm_enqueue(l->gemm, queue, args, event);
  return clEnqueueNDRangeKernel(queue, l->kernel, 1, l->offset ? &l->offset : NULL, &l->global,
                                &l->local, 0, NULL, event);
}

/* ---- running ------------------------------------------------------------------------------- */

static cl_int set_run_value(const ocl_launch *l, uint32_t i, const lp_run_args *args) {
  const lp_optim_params *o = &l->params.optim;
  double step = (double)args->iteration + 1.0;
  double rate =
      (args->n_scalars > LP_SCALAR_LR ? args->scalars[LP_SCALAR_LR] : 0.0) * (double)o->lr_scale;
  cl_uint u = 0;
  cl_float f = 0;
  bool is_float = false;
  switch ((ocl_run_value)l->arg[i].index) {
  case OCL_SEED_LOW:
    u = (cl_uint)args->seed;
    break;
  case OCL_SEED_HIGH:
    u = (cl_uint)(args->seed >> 32);
    break;
  case OCL_ITERATION:
    u = (cl_uint)args->iteration;
    break;
  case OCL_SAMPLE:
    u = (cl_uint)args->sample_offset;
    break;
  case OCL_ROW:
    u = args->n_scalars > LP_SCALAR_ROW ? (cl_uint)args->scalars[LP_SCALAR_ROW] : 0;
    break;
  case OCL_RATE:
    is_float = true, f = (cl_float)rate;
    break;
  case OCL_ADAM_STEP:
    is_float = true, f = (cl_float)(rate / (1.0 - pow((double)o->beta1, step)));
    break;
  case OCL_ADAM_SCALE:
    is_float = true, f = (cl_float)(1.0 / sqrt(1.0 - pow((double)o->beta2, step)));
    break;
  }
  return is_float ? clSetKernelArg(l->kernel, i, sizeof f, &f)
                  : clSetKernelArg(l->kernel, i, sizeof u, &u);
}

static cl_int set_dynamic_args(const ocl_launch *l, const lp_run_args *args) {
  cl_int e = CL_SUCCESS;
  for (uint32_t i = 0; l->dynamic && i < l->n_args && e == CL_SUCCESS; i++) {
    if (l->arg[i].kind == OCL_ARG_RUN)
      e = set_run_value(l, i, args);
    else if (l->arg[i].kind == OCL_ARG_BOUND)
      e = clSetKernelArg(l->kernel, i, sizeof(cl_mem), &args->bound[l->arg[i].index]->mem);
  }
  return e;
}

static lp_status check_args(lp_device *dev, const lp_program *p, const lp_run_args *args) {
  lp_status s = ocl_check(dev);
  if (s != LP_OK) return s;
  if (args->n_bound < p->n_bound)
    return ocl_host->fail(LP_ERR_ARG, "%s: the plan has %u inputs, the run gives %u", dev->info.id,
                          p->n_bound, args->n_bound);
  double row = args->n_scalars > LP_SCALAR_ROW ? args->scalars[LP_SCALAR_ROW] : 0;
  if (p->rows && !(row >= 0 && row < p->rows))
    return ocl_host->fail(LP_ERR_ARG, "%s: metrics row %g of %u", dev->info.id, row, p->rows);
  return LP_OK;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Device time of a finished launch, NaN where the driver's clock is not plausible. */
static double event_seconds(cl_event event) {
  cl_ulong start = 0, end = 0;
  if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) ||
      clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) ||
      end < start + 10)
    return NAN;
  return 1e-9 * (double)(end - start);
}

/* A second queue, made when first asked for: profiling costs time on some drivers. */
static cl_command_queue profiling_queue(lp_device *dev) {
  if (!dev->profiling) {
    cl_int e;
    cl_command_queue q =
        clCreateCommandQueue(dev->context, dev->found.id, CL_QUEUE_PROFILING_ENABLE, &e);
    if (e == CL_SUCCESS) dev->profiling = q;
  }
  return dev->profiling ? dev->profiling : dev->queue;
}

static lp_status refused(lp_device *dev, cl_int e, const ocl_launch *l) {
  char what[64];
  snprintf(what, sizeof what, "kernel %.50s", l->family);
  return ocl_fail_at(dev, OCL_ENQUEUE, e, what);
}

static lp_status run_profiled(lp_device *dev, lp_program *p, const lp_run_args *args) {
  clFinish(dev->queue);
  dev->count.blocking_calls++;
  cl_command_queue queue = profiling_queue(dev);
  for (uint32_t i = 0; i < p->n_steps; i++) p->time[i] = (lp_step_time){.step = i};
  for (uint32_t k = 0; k < p->n; k++) {
    ocl_launch *l = &p->launch[k];
    cl_event event = NULL;
    cl_int e = set_dynamic_args(l, args);
    double start = now();
    if (e == CL_SUCCESS) e = enqueue(queue, l, args, &event);
    if (e != CL_SUCCESS) return refused(dev, e, l);
    e = ocl_wait_for(event);
    double host = now() - start, device = event ? event_seconds(event) : NAN;
    if (event) clReleaseEvent(event);
    if (e != CL_SUCCESS) return ocl_fail_at(dev, OCL_WAIT, e, l->family);
    dev->count.launches++;
    dev->count.blocking_calls++;
    p->time[l->step].launches++;
    p->time[l->step].seconds += isnan(device) ? host : device;
  }
  return LP_OK;
}

lp_status ocl_run(lp_device *dev, lp_program *p, const lp_run_args *args, lp_event **done) {
  if (done) *done = NULL;
  lp_status s = check_args(dev, p, args);
  if (s != LP_OK) return s;
  if (args->flags & LP_RUN_PROFILE) return run_profiled(dev, p, args);
  cl_event last = NULL;
  const bool marked = done || (dev->uploads.on && p->n_bound);
  for (uint32_t k = 0; k < p->n; k++) {
    ocl_launch *l = &p->launch[k];
    cl_int e = set_dynamic_args(l, args);
    if (e == CL_SUCCESS) e = enqueue(dev->queue, l, args, marked && k + 1 == p->n ? &last : NULL);
    if (e != CL_SUCCESS) return refused(dev, e, l);
    dev->count.launches++;
    dev->queued++;
  }
  clFlush(dev->queue);
  for (uint32_t i = 0; last && dev->uploads.on && i < p->n_bound; i++)
    ocl_upload_after(args->bound[i], last);
  if (last && !done) clReleaseEvent(last);
  if (!last || !done) return LP_OK;
  lp_event *event = malloc(sizeof *event);
  if (!event) {
    clReleaseEvent(last);
    return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  }
  *event = (lp_event){last, dev->queued};
  *done = event;
  return LP_OK;
}

lp_status ocl_timings(lp_device *dev, lp_program *p, lp_step_time *out, uint32_t cap, uint32_t *n) {
  *n = p->n_steps;
  for (uint32_t i = 0; i < p->n_steps && i < cap; i++) out[i] = p->time[i];
  return ocl_check(dev);
}
