/* Training steps of whole networks on random images, what an epoch is made of; and forward and
 * backward of the layer alone. */
#include "bench.h"

#include <locality/nn.h>
#include <locality/registry.h>
#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TARGETS = 8 };

/* A network with the gradients, and the optimiser's step if it has one, of what it is to learn. */
typedef struct trainer {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan;
  lp_buffer *bound[2];
  void *data[2]; /* of the two inputs */
  size_t bytes[2];
  bool upload; /* before every step, as in training */
  uint64_t iteration, parameters;
  lp_val target[MAX_TARGETS];
  uint32_t n_targets, n_checked,
      checked_steps;          /* the first targets are compared in that many steps */
  size_t length[MAX_TARGETS]; /* elements of each */
} trainer;

static void close_trainer(void *self) {
  trainer *t = self;
  lp_plan_free(t->plan);
  for (int i = 0; i < 2; i++) {
    if (t->bound[i]) lp_session_buffer_free(t->session, t->bound[i]);
    free(t->data[i]);
  }
  lp_session_close(t->session);
  lp_graph_free(t->graph);
  free(t);
}

/* ---- networks -------------------------------------------------------------------------------- */

typedef struct model {
  const char *name;
  uint32_t batch; /* unless asked for */
  lp_net_spec spec;
} model;

#define MNIST_PIXELS                                                                               \
  {                                                                                                \
    1, 1.0f / 255.0f, {0.1307f}, {                                                                 \
      0.3081f                                                                                      \
    }                                                                                              \
  }
#define IMAGENET_PIXELS                                                                            \
  {                                                                                                \
    3, 1.0f / 255.0f, {0.485f, 0.456f, 0.406f}, {                                                  \
      0.229f, 0.224f, 0.225f                                                                       \
    }                                                                                              \
  }
#define CIFAR_PIXELS                                                                               \
  {                                                                                                \
    3, 1.0f / 255.0f, {0.4914f, 0.4822f, 0.4465f}, {                                               \
      0.2470f, 0.2435f, 0.2616f                                                                    \
    }                                                                                              \
  }
static const model models[] = {
    {"lenet",
     64,
     {.model = "lenet",
      .classes = 10,
      .in_channels = 1,
      .in_h = 28,
      .in_w = 28,
      .pixels = MNIST_PIXELS,
      .dropout = -1,
      .dropout2d = -1}},
    {"mlp",
     64,
     {.model = "mlp",
      .classes = 10,
      .in_channels = 1,
      .in_h = 28,
      .in_w = 28,
      .pixels = MNIST_PIXELS,
      .dropout = -1,
      .dropout2d = -1}},
    {"alexnet",
     16,
     {.model = "alexnet",
      .classes = 1000,
      .in_channels = 3,
      .in_h = 224,
      .in_w = 224,
      .pixels = IMAGENET_PIXELS,
      .dropout = -1,
      .dropout2d = -1}},
    {"alexnet64",
     16,
     {.model = "alexnet64",
      .classes = 200,
      .in_channels = 3,
      .in_h = 64,
      .in_w = 64,
      .pixels = IMAGENET_PIXELS,
      .dropout = -1,
      .dropout2d = -1}},
    {"resnet18-32",
     64,
     {.model = "resnet18-32",
      .classes = 10,
      .in_channels = 3,
      .in_h = 32,
      .in_w = 32,
      .pixels = CIFAR_PIXELS,
      .dropout = -1,
      .dropout2d = -1}},
};

static const model *find_model(const char *name) {
  for (size_t i = 0; i < sizeof models / sizeof *models; i++)
    if (strcmp(models[i].name, name) == 0) return &models[i];
  return NULL;
}

bool bench_has_model(const char *name, uint32_t *default_batch) {
  const model *m = find_model(name);
  if (m) *default_batch = m->batch;
  return m != NULL;
}

/* ---- making one ready ------------------------------------------------------------------------ */

static lp_status make_data(trainer *t, size_t first, size_t second) {
  t->bytes[0] = first;
  t->bytes[1] = second;
  t->data[0] = malloc(first);
  t->data[1] = malloc(second);
  return t->data[0] && t->data[1] ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
}

static lp_status build_network(trainer *t, const model *m, const bench_network *net) {
  lp_net_spec spec = m->spec;
  spec.layer = net->layer;
  spec.set = net->set;
  lp_optim_spec optim = lp_optim_defaults(LP_OPT_SGD);
  optim.momentum = 0.5f;
  optim.decay = 0.01f;
  lp_net out = {0};
  uint32_t n = 0;
  size_t image = (size_t)spec.in_channels * spec.in_h * spec.in_w;
  lp_status s = make_data(t, net->batch * image, net->batch * sizeof(int32_t));
  if (s == LP_OK) s = lp_net_build(&spec, t->graph, net->batch, LP_TRAIN, 0, &out);
  if (s == LP_OK) {
    t->target[0] = out.total;
    s = lp_optim_build(&optim, t->graph, out.total, t->target + 1, MAX_TARGETS - 1, &n);
  }
  lp_net_free(&out);
  if (s != LP_OK) return s;
  uint8_t *pixel = t->data[0];
  int32_t *label = t->data[1];
  lp_rng rng = lp_rng_make(1, "bench/images");
  for (size_t i = 0; i < t->bytes[0]; i++) pixel[i] = (uint8_t)lp_rng_below(&rng, 256);
  for (uint32_t i = 0; i < net->batch; i++) label[i] = (int32_t)lp_rng_below(&rng, spec.classes);
  t->n_targets = n + 1;
  t->n_checked = 1;
  t->checked_steps = 3;
  t->upload = true;
  return LP_OK;
}

/* The layer under study on a sheet of side x side units (0: one row), as plugins build it. */
static lp_val apply_layer(lp_graph *g, const char *layer, const char *path, lp_val x, uint32_t n_in,
                          uint32_t n_out, uint32_t side) {
  lp_spec spec;
  lp_val y = LP_NO_VAL;
  lp_layer_request req = {.struct_size = sizeof req,
                          .n_in = n_in,
                          .n_out = n_out,
                          .extent_in = {side, side},
                          .extent_out = {side, side},
                          .path = path};
  lp_status s = lp_spec_parse(LP_KIND_LAYER, layer, &spec);
  if (s == LP_OK) {
    const lp_layer *row = spec.entry->descriptor;
    s = row->build(row->self, spec.args, g, &req, x, &y);
    lp_spec_free(&spec);
  }
  if (s != LP_OK) lp_graph_fail(g, s, "layer %s: %s", path, lp_error_message());
  return y;
}

/* Inputs x and dy; results y, dx and the gradients of weights and bias. */
static lp_status build_layer(trainer *t, const bench_network *net) {
  uint32_t side = 1;
  while ((side + 1) * (side + 1) <= net->size) side++;
  lp_desc d = lp_f32(net->batch, net->size);
  lp_status s = make_data(t, lp_nbytes(&d), lp_nbytes(&d));
  if (s != LP_OK) return s;
  lp_rng rng = lp_rng_make(1, "bench/layer");
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i < t->bytes[k] / sizeof(float); i++)
      ((float *)t->data[k])[i] = (float)lp_rng_below(&rng, 2001) * 1e-3f - 1.0f;
  lp_val x = lp_input(t->graph, "x", &d), dy = lp_input(t->graph, "dy", &d);
  lp_val y = apply_layer(t->graph, net->layer, "lp", x, net->size, net->size,
                         side * side == net->size ? side : 0);
  lp_val wrt[3] = {x};
  uint32_t n = 1 + lp_graph_params(t->graph, wrt + 1, 2);
  if (n != 3) return lp_fail(LP_ERR_ARG, "layer %s: not one of weights and a bias", net->layer);
  t->target[0] = y;
  s = lp_vjp(t->graph, y, dy, wrt, n, t->target + 1);
  t->n_targets = t->n_checked = n + 1;
  t->checked_steps = 1;
  return s;
}

static trainer *open_trainer(const bench_network *net, const char *backend) {
  trainer *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  const model *m = find_model(net->model);
  lp_status s = lp_session_open(backend, 1, &t->session);
  if (s == LP_OK) s = lp_graph_new("train", &t->graph);
  if (s == LP_OK) s = m ? build_network(t, m, net) : build_layer(t, net);
  if (s == LP_OK) s = lp_plan_create(t->session, t->graph, t->target, t->n_targets, NULL, &t->plan);
  for (int i = 0; i < 2 && s == LP_OK; i++) {
    s = lp_session_buffer(t->session, t->bytes[i], &t->bound[i]);
    if (s == LP_OK) s = lp_session_upload(t->session, t->bound[i], t->data[i], t->bytes[i], NULL);
  }
  lp_desc d;
  for (uint32_t i = 0; i < t->n_checked && s == LP_OK; i++) {
    s = lp_graph_shape(t->graph, t->target[i], &d);
    t->length[i] = (size_t)lp_numel(&d);
  }
  lp_graph_cost cost;
  if (s == LP_OK) s = lp_graph_cost_of(t->graph, 1, lp_graph_value_count(t->graph) + 1, &cost);
  if (s == LP_OK) t->parameters = cost.parameters;
  if (s == LP_OK) return t;
  close_trainer(t);
  return NULL;
}

/* ---- running --------------------------------------------------------------------------------- */

static lp_status step(trainer *t, bool profile) {
  lp_run run = {.iteration = t->iteration++,
                .scalars = {[LP_SCALAR_LR] = 0.01},
                .bound = t->bound,
                .n_bound = 2,
                .profile = profile};
  lp_status s = LP_OK;
  for (int i = 0; i < 2 && t->upload && s == LP_OK; i++)
    s = lp_session_upload(t->session, t->bound[i], t->data[i], t->bytes[i], NULL);
  return s == LP_OK ? lp_plan_run(t->plan, &run) : s;
}

static bool run_steps(void *self, uint32_t times) {
  trainer *t = self;
  for (uint32_t i = 0; i < times; i++)
    if (step(t, false) != LP_OK) return false;
  return lp_session_sync(t->session) == LP_OK;
}

/* The checked targets of the first steps, one after the other; NULL on failure. */
static float *first_results(trainer *t) {
  size_t each = 0, at = 0;
  for (uint32_t i = 0; i < t->n_checked; i++) each += t->length[i];
  float *out = malloc(t->checked_steps * each * sizeof *out);
  bool ok = out || (lp_fail(LP_ERR_MEMORY, "out of memory"), false);
  for (uint32_t k = 0; ok && k < t->checked_steps; k++) {
    ok = step(t, false) == LP_OK;
    for (uint32_t i = 0; ok && i < t->n_checked; at += t->length[i++])
      ok = lp_plan_read(t->plan, i, out + at, t->length[i] * sizeof *out) == LP_OK;
  }
  if (ok) return out;
  free(out);
  return NULL;
}

/* Compares with the same in f32 by the plain-C backend on one thread, which itself is tested
 * against the double-precision reference: largest error of a target relative to its largest
 * element. The truth of the last network is kept, for the next backend. */
static void check(bench_row *row, const trainer *t, const bench_network *net, const float *ours) {
  static struct {
    char key[256];
    float *value;
  } truth;
  char key[256];
  if (strcmp(row->backend, "cpu:threads=1") == 0) return; /* it would be compared with itself */
  snprintf(key, sizeof key, "%s %s %u %u %s", net->model, net->layer, net->batch, net->size,
           net->set ? net->set : "");
  if (strcmp(key, truth.key) != 0) {
    trainer *reference = open_trainer(net, "cpu:threads=1");
    free(truth.value);
    truth.value = reference ? first_results(reference) : NULL;
    snprintf(truth.key, sizeof truth.key, "%s", truth.value ? key : "");
    if (reference) close_trainer(reference);
  }
  if (!truth.value) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "no reference: %.200s", lp_error_message());
    return;
  }
  size_t at = 0;
  double tolerance = fmax(1e-3, bench_rounding(t->session));
  for (uint32_t k = 0; k < t->checked_steps; k++)
    for (uint32_t i = 0; i < t->n_checked; at += t->length[i++]) {
      double error = 0, largest = 0;
      for (size_t j = at; j < at + t->length[i]; j++) {
        double e = fabs((double)ours[j] - (double)truth.value[j]);
        error = e <= error ? error : e; /* a NaN stays */
        largest = fmax(largest, fabs((double)truth.value[j]));
      }
      if (error <= tolerance * largest || row->state != ROW_OK) continue;
      row->state = ROW_WRONG;
      snprintf(row->note, sizeof row->note, "error %.2g in result %u of step %u (%g, should be %g)",
               error / largest, i + 1, k + 1, (double)ours[at], (double)truth.value[at]);
    }
}

/* Of one run whose steps are timed; false when the device cannot tell. */
static bool timed_steps(trainer *t, lp_profile_row row[BENCH_MAX_STEPS], uint32_t *n) {
  if (step(t, true) != LP_OK || lp_session_sync(t->session) != LP_OK ||
      lp_plan_profile(t->plan, row, BENCH_MAX_STEPS, n) != LP_OK)
    return false;
  return *n <= BENCH_MAX_STEPS || (lp_fail(LP_ERR_UNSUPPORTED, "a plan of %u steps", *n), false);
}

static void profile(trainer *t, bench_row *row) {
  static lp_profile_row of_step[BENCH_MAX_STEPS];
  uint32_t n = 0;
  if (!timed_steps(t, of_step, &n)) return;
  row->device_seconds = row->flops = row->bytes = row->launches = 0;
  for (uint32_t i = 0; i < n; i++) {
    row->launches += of_step[i].launches;
    row->device_seconds += of_step[i].seconds;
    row->flops += of_step[i].flops;
    row->bytes += of_step[i].bytes;
  }
}

bool bench_profile_network(const bench_network *net, const char *backend, uint32_t runs,
                           lp_profile_row row[BENCH_MAX_STEPS], uint32_t *n, double *whole,
                           char device[128]) {
  static bench_samples of_step[BENCH_MAX_STEPS];
  bench_samples of_whole = {0};
  trainer *t = open_trainer(net, backend);
  if (!t) return false;
  snprintf(device, 128, "%s", lp_session_device(t->session)->name);
  bool ok = run_steps(t, 2); /* the first ones build and warm up */
  for (uint32_t k = 0; k < runs && ok && !bench_stop; k++) {
    const double start = bench_now();
    ok = run_steps(t, 2) && bench_samples_add(&of_whole, (bench_now() - start) / 2) &&
         timed_steps(t, row, n);
    for (uint32_t i = 0; i < *n && ok; i++) ok = bench_samples_add(&of_step[i], row[i].seconds);
  }
  for (uint32_t i = 0; i < BENCH_MAX_STEPS; i++) {
    if (ok && i < *n) row[i].seconds = bench_summarise(&of_step[i]).median;
    free(of_step[i].x);
    of_step[i] = (bench_samples){0};
  }
  *whole = bench_summarise(&of_whole).median;
  free(of_whole.x);
  close_trainer(t);
  return ok;
}

uint64_t bench_add_network(bench_results *r, const bench_network *net, const char *name,
                           const char *backend) {
  bench_row *row = bench_add(r, name, backend);
  if (!row) return 0;
  trainer *t = open_trainer(net, backend);
  float *ours = t ? first_results(t) : NULL;
  if (!ours) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
    if (t) close_trainer(t);
    return 0;
  }
  check(row, t, net, ours);
  free(ours);
  lp_plan_info info;
  lp_plan_get_info(t->plan, &info);
  row->memory = info.transient_bytes + info.persistent_bytes + t->bytes[0] + t->bytes[1];
  row->items = net->batch;
  row->run = run_steps;
  row->close = close_trainer;
  row->self = t;
  snprintf(row->device, sizeof row->device, "%s", lp_session_device(t->session)->name);
  if (row->state == ROW_OK) profile(t, row);
  return t->parameters;
}

int bench_first_step(const char *backend) {
  bench_network net = {.model = "lenet", .layer = "locality:cost=linear", .batch = 64};
  trainer *t = open_trainer(&net, backend);
  bool ok = t && run_steps(t, 1);
  if (!ok) fprintf(stderr, "lp-bench: %s\n", lp_error_message());
  if (t) close_trainer(t);
  return ok ? 0 : 1;
}
