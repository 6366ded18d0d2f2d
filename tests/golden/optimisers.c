/* p0, grads (T steps), NAME (T, ...): parameters after each step of an optimiser. NAME is a kind
 * with its numbers: sgd_m0.5_wd0.01, rmsprop_m0.9_wd1e-4, adam, adamw. */
#include "golden.h"

#include <locality/nn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-5;

/* Reads NAME into a specification and the scheme's learning rate; false with a reason. */
static bool parse_name(const char *name, lp_optim_spec *spec, double *lr, const char **why) {
  char copy[128], *rest = copy;
  snprintf(copy, sizeof copy, "%s", name);
  lp_optimizer kind;
  *why = "no optimiser of that name";
  if (lp_optimizer_parse(strsep(&rest, "_"), &kind) != LP_OK) return false;
  *spec = lp_optim_defaults(kind);
  *why = "its numbers cannot be read";
  double decay = -1;
  *lr = kind == LP_OPT_ADAM || kind == LP_OPT_ADAMW ? 0.001 : 0.0;
  for (char *part; rest && (part = strsep(&rest, "_"));) {
    bool wd = strncmp(part, "wd", 2) == 0, rate = strncmp(part, "lr", 2) == 0;
    const char *number = part + (wd || rate ? 2 : 1);
    char *end;
    double v = strtod(number, &end);
    if (end == number || *end || (!wd && !rate && part[0] != 'm')) return false;
    if (wd)
      spec->decay = (float)(decay = v);
    else if (rate)
      *lr = v;
    else
      spec->momentum = (float)v;
  }
  *why = "the scheme gives no learning rate for this decay";
  if (*lr == 0 && decay == 0.01) *lr = 0.01;
  if (*lr == 0 && decay == 1e-4) *lr = 0.1;
  return *lr > 0;
}

/* One optimiser step whose gradient is g: the loss is sum(p * g). */
static lp_status build(lp_graph *graph, const lp_optim_spec *spec, const lp_desc *d,
                       const float *p0, lp_val *tokens, uint32_t cap, uint32_t *n) {
  lp_init init = {LP_INIT_DATA, 0, p0};
  lp_val p = lp_graph_param(graph, "p", d, &init), g = lp_input(graph, "g", d);
  lp_val product = lp_apply(graph, LP_OP_MUL, NULL, (lp_val[]){p, g}, 2);
  return lp_optim_build(spec, graph, lp_apply(graph, LP_OP_SUM, NULL, &product, 1), tokens, cap, n);
}

static lp_status step_through(const char *device, const lp_graph *graph, const lp_val *tokens,
                              uint32_t n_tokens, double lr, const float *grads, int64_t steps,
                              size_t count, float *after) {
  lp_session *s = NULL;
  lp_plan *plan = NULL;
  lp_buffer *bound = NULL;
  size_t bytes = count * sizeof(float);
  lp_status status = lp_session_open(device, 1, &s);
  if (status == LP_OK) status = lp_plan_create(s, graph, tokens, n_tokens, NULL, &plan);
  if (status == LP_OK) status = lp_session_buffer(s, bytes, &bound);
  lp_run run = {.scalars = {[LP_SCALAR_LR] = lr}, .bound = &bound, .n_bound = 1};
  for (int64_t t = 0; status == LP_OK && t < steps; t++) {
    run.iteration = (uint64_t)t;
    status = lp_session_upload(s, bound, grads + (size_t)t * count, bytes, NULL);
    if (status == LP_OK) status = lp_plan_run(plan, &run);
    if (status == LP_OK) status = lp_session_read(s, "p", after + (size_t)t * count, bytes);
  }
  lp_plan_free(plan);
  if (bound) lp_session_buffer_free(s, bound);
  lp_session_close(s);
  return status;
}

static void run_case(golden *g, const lp_tensor_view *ref, const float *p0, const float *grads,
                     const lp_desc *d, int64_t steps) {
  lp_optim_spec spec;
  double lr;
  const char *why;
  if (!parse_name(ref->name, &spec, &lr, &why)) {
    golden_skipped(g, ref->name, "%s", why);
    return;
  }
  size_t count = (size_t)lp_numel(d), all = count * (size_t)steps;
  float *after = calloc(all, sizeof *after);
  double *ours = calloc(all, sizeof *ours);
  lp_graph *graph = NULL;
  lp_val tokens[4];
  uint32_t n = 0;
  lp_status s =
      after && ours ? lp_graph_new(ref->name, &graph) : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (s == LP_OK) s = build(graph, &spec, d, p0, tokens, 4, &n);
  if (s == LP_OK) s = step_through(g->device, graph, tokens, n, lr, grads, steps, count, after);
  for (size_t i = 0; s == LP_OK && i < all; i++) ours[i] = (double)after[i];
  if (s == LP_OK)
    golden_compare(g, ref->name, ours, all, ref, tolerance);
  else
    golden_failed(g, ref->name, "%s", lp_error_message());
  lp_graph_free(graph);
  free(after);
  free(ours);
}

void golden_optimisers(golden *g) {
  if (!golden_has(g, "p0") || !golden_has(g, "grads")) return;
  const lp_tensor_view *p0 = golden_take(g, "p0"), *grads = golden_take(g, "grads");
  lp_desc d = golden_desc(p0, LP_F32);
  int64_t steps = grads->desc.ndim ? grads->desc.dim[0] : 0;
  if (steps < 1 || lp_inner(&grads->desc) != lp_numel(&d)) {
    golden_failed(g, "grads", "its shape is not that of steps of p0");
    return;
  }
  float *start = golden_convert(p0, LP_F32), *steps_data = golden_convert(grads, LP_F32);
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    const lp_tensor_view *ref = lp_safetensors_get(g->file, i);
    if (g->used[i] || strchr(ref->name, '/') || !start || !steps_data) continue;
    run_case(g, golden_at(g, i), start, steps_data, &d, steps);
  }
  free(start);
  free(steps_data);
}
