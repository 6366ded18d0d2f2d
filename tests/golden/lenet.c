/* Three training steps of LeNet from given weights: activations and gradients of the first step,
 * losses, parameters after the last step, predictions. The layer under study is in the file's name:
 * lenet_control, lenet_lp_COST. Batch, classes, sheet and image come from the tensors.
 *
 * The reference was computed in float64, on images where no window maximum and no ReLU is decided
 * by less than 4e-7 of its layer's largest value: any order of float32 sums takes the same side. */
#include "golden.h"

#include <locality/nn.h>
#include <locality/registry.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARAMS = 64 };
static const double tolerance = 1e-4, chaotic_tolerance = 2e-2;

typedef struct lenet {
  golden *g;
  lp_net_spec spec;
  char layer[128];
  uint32_t batch, images;
  uint8_t *pixels;
  int32_t *labels;
  size_t image_bytes;
} lenet;

/* The layer that the file's name asks for; false with a reason. */
static bool layer_of(lenet *l, char why[160]) {
  const char *kind = strncmp(l->g->stem, "lenet_", 6) == 0 ? l->g->stem + 6 : l->g->stem;
  if (strcmp(kind, "control") == 0) {
    snprintf(l->layer, sizeof l->layer, "plain");
    return true;
  }
  if (strncmp(kind, "lp_", 3) != 0) {
    snprintf(why, 160, "the file's name is neither lenet_control nor lenet_lp_COST");
    return false;
  }
  snprintf(l->layer, sizeof l->layer, "locality:cost=%s", kind + 3);
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    bool cost = e->kind == LP_KIND_COST || e->kind == LP_KIND_PRIOR;
    if (cost && strcmp(e->name, kind + 3) == 0) return true;
  }
  snprintf(why, 160, "no cost %.64s in this build", kind + 3);
  return false;
}

static lp_status read_inputs(lenet *l) {
  const lp_tensor_view *images = golden_take(l->g, "images_u8");
  const lp_tensor_view *labels = golden_take(l->g, "labels");
  const lp_tensor_view *first = golden_take(l->g, "step0/log_probs");
  const lp_tensor_view *sheet = golden_take(l->g, "step0/lp_out");
  if (!images || !labels || !first || !sheet || images->desc.ndim != 4 || first->desc.ndim != 2 ||
      images->desc.dtype != LP_U8)
    return lp_fail(LP_ERR_FORMAT, "images_u8, labels or step0 is missing or misshapen");
  const int64_t *d = images->desc.dim;
  uint32_t units = (uint32_t)lp_inner(&sheet->desc), rows = (uint32_t)sqrt((double)units);
  while (rows > 1 && units % rows) rows--;
  l->spec = (lp_net_spec){.model = "lenet",
                          .layer = l->layer,
                          .classes = (uint32_t)first->desc.dim[1],
                          .in_channels = (uint32_t)d[1],
                          .in_h = (uint32_t)d[2],
                          .in_w = (uint32_t)d[3],
                          .sheet = {rows, units / rows},
                          .pixels = {.channels = (uint32_t)d[1], .scale = 1.0f / 255.0f}};
  for (int64_t c = 0; c < d[1] && c < 4; c++) {
    l->spec.pixels.mean[c] = 0.1307f;
    l->spec.pixels.sd[c] = 0.3081f;
  }
  l->images = (uint32_t)d[0];
  l->batch = (uint32_t)first->desc.dim[0];
  l->image_bytes = (size_t)lp_inner(&images->desc);
  l->pixels = golden_convert(images, LP_U8);
  l->labels = golden_convert(labels, LP_I32);
  if (lp_numel(&labels->desc) != (int64_t)l->images || l->batch > l->images)
    return lp_fail(LP_ERR_FORMAT, "%u images do not fit their labels or a batch", l->images);
  return l->pixels && l->labels ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
}

/* A graph of the network with what it needs to run. */
typedef struct lenet_run {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan;
  lp_net net;
  lp_buffer *bound[2];
  uint32_t n;
} lenet_run;

static void close_run(lenet_run *r) {
  lp_plan_free(r->plan);
  lp_graph_free(r->graph);
  lp_net_free(&r->net);
  for (int i = 0; i < 2; i++)
    if (r->bound[i]) lp_session_buffer_free(r->session, r->bound[i]);
  *r = (lenet_run){0};
}

static lp_status start_run(const lenet *l, lp_session *s, uint32_t n, lp_mode mode, lenet_run *r) {
  *r = (lenet_run){.session = s, .n = n};
  lp_status status = lp_graph_new(mode == LP_TRAIN ? "train" : "eval", &r->graph);
  if (status == LP_OK) status = lp_net_build(&l->spec, r->graph, n, mode, 0, &r->net);
  if (status == LP_OK) status = lp_session_buffer(s, n * l->image_bytes, &r->bound[0]);
  if (status == LP_OK) status = lp_session_buffer(s, n * sizeof(int32_t), &r->bound[1]);
  return status;
}

/* Runs on the images from `first` on. */
static lp_status run_batch(const lenet *l, lenet_run *r, uint32_t first, uint64_t iteration) {
  lp_status s = lp_session_upload(r->session, r->bound[0], l->pixels + first * l->image_bytes,
                                  r->n * l->image_bytes, NULL);
  if (s == LP_OK)
    s = lp_session_upload(r->session, r->bound[1], l->labels + first, r->n * sizeof(int32_t), NULL);
  lp_run run = {
      .iteration = iteration, .scalars = {[LP_SCALAR_LR] = 0.01}, .bound = r->bound, .n_bound = 2};
  return s == LP_OK ? lp_plan_run(r->plan, &run) : s;
}

/* The weights of init/; running statistics 0 and 1. */
static lp_status write_initial(const lenet *l, lp_session *s) {
  lp_status status = LP_OK;
  const char *name;
  lp_var_kind kind;
  lp_desc d;
  for (uint32_t i = 0; status == LP_OK && i < lp_session_var_count(s); i++) {
    status = lp_session_var(s, i, &name, &kind, &d);
    if (status != LP_OK || kind == LP_VAR_CONSTANT) continue;
    const lp_tensor_view *t = golden_take(l->g, "init/%s", name);
    if (!t && kind == LP_VAR_PARAM) return lp_fail(LP_ERR_FORMAT, "init/%s is missing", name);
    if (t && !lp_desc_equal(&t->desc, &d))
      return lp_fail(LP_ERR_FORMAT, "init/%s is not of the network's shape", name);
    size_t n = (size_t)lp_numel(&d);
    float *x = t ? golden_convert(t, LP_F32) : calloc(n, sizeof *x);
    const char *dot = strrchr(name, '.');
    bool variance = !t && dot && strcmp(dot, ".running_var") == 0;
    for (size_t k = 0; x && variance && k < n; k++) x[k] = 1.0f;
    status =
        x ? lp_session_write(s, name, x, n * sizeof *x) : lp_fail(LP_ERR_MEMORY, "out of memory");
    free(x);
  }
  return status;
}

/* Compares a target of a plan, or a variable when plan is NULL, with one tensor. */
static void compare(golden *g, lp_plan *plan, uint32_t target, lp_session *s, const char *variable,
                    const lp_tensor_view *ref, double tol) {
  size_t n = (size_t)lp_numel(&ref->desc);
  float *x = calloc(n, sizeof *x);
  double *ours = calloc(n, sizeof *ours);
  lp_status status = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (x && ours)
    status = plan ? lp_plan_read(plan, target, x, n * sizeof *x)
                  : lp_session_read(s, variable, x, n * sizeof *x);
  for (size_t i = 0; status == LP_OK && i < n; i++) ours[i] = (double)x[i];
  if (status == LP_OK)
    golden_compare(g, ref->name, ours, n, ref, tol);
  else
    golden_failed(g, ref->name, "%s", lp_error_message());
  free(x);
  free(ours);
}

/* The gradient of a bias before batch normalisation is 0: what there is, is rounding. It must be
 * small beside the gradient of the weight. */
static void compare_noise(golden *g, lp_plan *plan, uint32_t target, const lp_tensor_view *ref) {
  const lp_tensor_view *weight = golden_take(g, "step0/grad/lp.weight");
  size_t n = (size_t)lp_numel(&ref->desc);
  double *w = weight ? golden_doubles(weight) : NULL, scale = 0, most = 0;
  float *x = calloc(n, sizeof *x);
  lp_status s = w && x ? lp_plan_read(plan, target, x, n * sizeof *x) : LP_ERR_NOT_FOUND;
  for (int64_t i = 0; w && i < lp_numel(&weight->desc); i++) scale = fmax(scale, fabs(w[i]));
  for (size_t i = 0; s == LP_OK && i < n; i++)
    most = isfinite(x[i]) ? fmax(most, fabs((double)x[i])) : INFINITY;
  if (s == LP_OK && scale > 0)
    golden_verdict(g, ref->name, most / scale, tolerance);
  else
    golden_failed(g, ref->name, "%s",
                  s == LP_OK ? "lp.weight has no gradient" : lp_error_message());
  free(w);
  free(x);
}

/* step0/: activations, predictions and gradients of the first batch. */
static lp_status first_step(lenet *l, lp_session *s) {
  static const char *const activation[] = {"lp_in", "lp_out", "log_probs"};
  lenet_run r;
  lp_val param[MAX_PARAMS], grad[MAX_PARAMS], target[3 + MAX_PARAMS];
  const lp_tensor_view *ref[3 + MAX_PARAMS] = {0};
  lp_status status = start_run(l, s, l->batch, LP_TRAIN, &r);
  uint32_t n = status == LP_OK ? lp_graph_params(r.graph, param, MAX_PARAMS) : 0, count = 0;
  if (status == LP_OK) status = lp_grad(r.graph, r.net.loss, param, n, grad);
  lp_val value[] = {lp_net_site(&r.net, "lp_in")->val, lp_net_site(&r.net, "lp_out")->val,
                    r.net.log_probs};
  for (uint32_t i = 0; status == LP_OK && i < 3; i++) {
    ref[count] = golden_take(l->g, "step0/%s", activation[i]);
    if (ref[count]) target[count++] = value[i];
  }
  for (uint32_t i = 0; status == LP_OK && i < n; i++) {
    ref[count] = golden_take(l->g, "step0/grad/%s", lp_graph_value_name(r.graph, param[i]));
    if (ref[count]) target[count++] = grad[i];
  }
  if (status == LP_OK) status = lp_plan_create(s, r.graph, target, count, NULL, &r.plan);
  if (status == LP_OK) status = write_initial(l, s);
  if (status == LP_OK) status = run_batch(l, &r, 0, 0);
  for (uint32_t i = 0; status == LP_OK && i < count; i++) {
    if (strcmp(ref[i]->name, "step0/grad/lp.bias") == 0)
      compare_noise(l->g, r.plan, i, ref[i]);
    else
      compare(l->g, r.plan, i, s, NULL, ref[i], tolerance);
  }
  close_run(&r);
  return status;
}

/* OPT/afterK/...: every parameter and running statistic after K steps. */
static void compare_after(lenet *l, lp_session *s, const char *opt, uint32_t steps, double tol) {
  char head[64];
  int n = snprintf(head, sizeof head, "%s/after%u/", opt, steps);
  for (uint32_t i = 0; i < lp_safetensors_count(l->g->file); i++) {
    const lp_tensor_view *t = lp_safetensors_get(l->g->file, i);
    if (l->g->used[i] || strncmp(t->name, head, (size_t)n) != 0) continue;
    compare(l->g, NULL, 0, s, t->name + n, golden_at(l->g, i), tol);
  }
}

static lp_status train(lenet *l, lp_session *s, const char *opt, lp_optimizer kind, double tol) {
  const lp_tensor_view *ref = golden_take(l->g, "%s/losses", opt);
  size_t steps = (size_t)lp_numel(&ref->desc);
  if (steps * l->batch > l->images)
    return lp_fail(LP_ERR_FORMAT, "%zu batches of %u need more than %u images", steps, l->batch,
                   l->images);
  lp_optim_spec spec = lp_optim_defaults(kind);
  spec.momentum = 0.5f;
  spec.decay = 0.01f;
  spec.decay_bias = spec.decay_norm = true;
  lenet_run r;
  lp_val target[8];
  uint32_t n = 0;
  double *loss = calloc(steps, sizeof *loss);
  lp_status status = start_run(l, s, l->batch, LP_TRAIN, &r);
  target[0] = r.net.loss;
  if (status == LP_OK) status = lp_optim_build(&spec, r.graph, r.net.loss, target + 1, 7, &n);
  if (status == LP_OK) status = lp_plan_create(s, r.graph, target, n + 1, NULL, &r.plan);
  if (status == LP_OK) status = write_initial(l, s);
  if (!loss) status = lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t i = 0; status == LP_OK && i < steps; i++) {
    float value;
    status = run_batch(l, &r, i * l->batch, i);
    if (status == LP_OK) status = lp_plan_read(r.plan, 0, &value, sizeof value);
    if (status == LP_OK) {
      loss[i] = (double)value;
      compare_after(l, s, opt, i + 1, tol);
    }
  }
  if (status == LP_OK) golden_compare(l->g, ref->name, loss, steps, ref, tolerance);
  free(loss);
  close_run(&r);
  return status;
}

static lp_status evaluate(lenet *l, lp_session *s, const char *opt, double tol) {
  const lp_tensor_view *ref = golden_take(l->g, "%s/eval_log_probs", opt);
  if (!ref) return LP_OK;
  lenet_run r;
  lp_status status = start_run(l, s, l->images, LP_EVAL, &r);
  if (status == LP_OK) status = lp_plan_create(s, r.graph, &r.net.log_probs, 1, NULL, &r.plan);
  if (status == LP_OK) status = run_batch(l, &r, 0, 0);
  if (status == LP_OK) compare(l->g, r.plan, 0, s, NULL, ref, tol);
  close_run(&r);
  return status;
}

/* Every optimiser that has losses. */
static void run_optimisers(lenet *l) {
  for (uint32_t i = 0; i < lp_safetensors_count(l->g->file); i++) {
    char opt[64];
    lp_optimizer kind;
    if (!golden_prefix(l->g, i, "losses", opt, sizeof opt)) continue;
    if (lp_optimizer_parse(opt, &kind) != LP_OK) {
      golden_take_all(l->g, opt);
      golden_skipped(l->g, opt, "no optimiser of that name");
      continue;
    }
    double tol = kind == LP_OPT_RMSPROP ? chaotic_tolerance : tolerance;
    lp_session *s = NULL;
    lp_status status = lp_session_open(l->g->device, 1, &s);
    if (status == LP_OK) status = train(l, s, opt, kind, tol);
    if (status == LP_OK) status = evaluate(l, s, opt, tol);
    if (status != LP_OK) {
      golden_failed(l->g, opt, "%s", lp_error_message());
      golden_take_all(l->g, opt);
    }
    lp_session_close(s);
  }
}

void golden_lenet(golden *g) {
  if (!golden_has(g, "images_u8")) return;
  lenet l = {.g = g};
  char why[160];
  if (!layer_of(&l, why)) {
    for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) golden_at(g, i);
    golden_skipped(g, "", "%s", why);
    return;
  }
  lp_session *s = NULL;
  lp_status status = read_inputs(&l);
  if (status == LP_OK) status = lp_session_open(g->device, 1, &s);
  if (status == LP_OK) status = first_step(&l, s);
  lp_session_close(s);
  if (status != LP_OK)
    golden_failed(g, "step0", "%s", lp_error_message());
  else
    run_optimisers(&l);
  free(l.pixels);
  free(l.labels);
}
