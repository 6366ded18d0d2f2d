/* LeNet training steps on random images: what an epoch is made of. */
#include "bench.h"

#include <locality/nn.h>
#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKED_STEPS = 3 };

typedef struct trainer {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan;
  lp_buffer *bound[2];
  uint8_t *images;
  int32_t *labels;
  size_t image_bytes, label_bytes;
  uint64_t iteration;
} trainer;

static void close_trainer(void *self) {
  trainer *t = self;
  lp_plan_free(t->plan);
  for (int i = 0; i < 2; i++)
    if (t->bound[i]) lp_session_buffer_free(t->session, t->bound[i]);
  lp_session_close(t->session);
  lp_graph_free(t->graph);
  free(t->images);
  free(t->labels);
  free(t);
}

static lp_status step(trainer *t, bool profile) {
  lp_run run = {.iteration = t->iteration++,
                .scalars = {[LP_SCALAR_LR] = 0.01},
                .bound = t->bound,
                .n_bound = 2,
                .profile = profile};
  lp_status s = lp_session_upload(t->session, t->bound[0], t->images, t->image_bytes, NULL);
  if (s == LP_OK) s = lp_session_upload(t->session, t->bound[1], t->labels, t->label_bytes, NULL);
  return s == LP_OK ? lp_plan_run(t->plan, &run) : s;
}

static bool run_steps(void *self, uint32_t times) {
  trainer *t = self;
  for (uint32_t i = 0; i < times; i++)
    if (step(t, false) != LP_OK) return false;
  return lp_session_sync(t->session) == LP_OK;
}

static trainer *open_trainer(const char *layer, uint32_t batch, const char *backend) {
  trainer *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  lp_net_spec spec = {.model = "lenet",
                      .layer = layer,
                      .classes = 10,
                      .in_channels = 1,
                      .in_h = 28,
                      .in_w = 28,
                      .pixels = {1, 1.0f / 255.0f, {0.1307f}, {0.3081f}},
                      .dropout = -1,
                      .dropout2d = -1};
  lp_optim_spec optim = lp_optim_defaults(LP_OPT_SGD);
  optim.momentum = 0.5f;
  optim.decay = 0.01f;
  lp_net net;
  lp_val target[8];
  uint32_t n = 0;
  t->image_bytes = (size_t)batch * 784;
  t->label_bytes = batch * sizeof *t->labels;
  t->images = malloc(t->image_bytes);
  t->labels = malloc(t->label_bytes);
  lp_status s = t->images && t->labels ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_rng rng = lp_rng_make(1, "bench/images");
  for (size_t i = 0; s == LP_OK && i < t->image_bytes; i++)
    t->images[i] = (uint8_t)lp_rng_below(&rng, 256);
  for (uint32_t i = 0; s == LP_OK && i < batch; i++) t->labels[i] = (int32_t)lp_rng_below(&rng, 10);
  if (s == LP_OK) s = lp_session_open(backend, 1, &t->session);
  if (s == LP_OK) s = lp_graph_new("train", &t->graph);
  if (s == LP_OK) s = lp_net_build(&spec, t->graph, batch, LP_TRAIN, 0, &net);
  if (s == LP_OK) {
    target[0] = net.loss;
    s = lp_optim_build(&optim, t->graph, net.loss, target + 1, 7, &n);
  }
  if (s == LP_OK) s = lp_plan_create(t->session, t->graph, target, n + 1, NULL, &t->plan);
  if (s == LP_OK) s = lp_session_buffer(t->session, t->image_bytes, &t->bound[0]);
  if (s == LP_OK) s = lp_session_buffer(t->session, t->label_bytes, &t->bound[1]);
  if (s == LP_OK) return t;
  close_trainer(t);
  return NULL;
}

static bool losses(trainer *t, float loss[CHECKED_STEPS]) {
  for (int i = 0; i < CHECKED_STEPS; i++)
    if (step(t, false) != LP_OK || lp_plan_read(t->plan, 0, &loss[i], sizeof loss[i]) != LP_OK)
      return false;
  return true;
}

static void profile(trainer *t, bench_row *row) {
  enum { MAX_STEPS = 256 };
  static lp_profile_row step_row[MAX_STEPS];
  uint32_t n = 0;
  if (step(t, true) != LP_OK || lp_session_sync(t->session) != LP_OK ||
      lp_plan_profile(t->plan, step_row, MAX_STEPS, &n) != LP_OK || n > MAX_STEPS)
    return;
  row->device_seconds = row->flops = row->bytes = 0;
  for (uint32_t i = 0; i < n; i++) {
    row->device_seconds += step_row[i].seconds;
    row->flops += step_row[i].flops;
    row->bytes += step_row[i].bytes;
  }
}

/* The first losses must be those of the plain-C backend on one thread. */
void bench_add_train(bench_results *r, const char *layer, uint32_t batch, const char *name,
                     const char *backend) {
  bench_row *row = bench_add(r, name, backend);
  if (!row) return;
  trainer *t = open_trainer(layer, batch, backend);
  float ours[CHECKED_STEPS], truth[CHECKED_STEPS];
  if (!t || !losses(t, ours)) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
    if (t) close_trainer(t);
    return;
  }
  trainer *reference = open_trainer(layer, batch, "cpu:threads=1");
  bool known = reference && losses(reference, truth);
  for (int i = 0; known && i < CHECKED_STEPS; i++)
    if (!(fabsf(ours[i] - truth[i]) <= 1e-3f * fabsf(truth[i]))) {
      row->state = ROW_WRONG;
      snprintf(row->note, sizeof row->note, "loss %g of step %d, should be %g", (double)ours[i],
               i + 1, (double)truth[i]);
    }
  if (reference) close_trainer(reference);
  lp_plan_info info;
  lp_plan_get_info(t->plan, &info);
  row->memory = info.transient_bytes + info.persistent_bytes + t->image_bytes + t->label_bytes;
  row->items = batch;
  row->run = run_steps;
  row->close = close_trainer;
  row->self = t;
  snprintf(row->device, sizeof row->device, "%s", lp_session_device(t->session)->name);
  if (row->state == ROW_OK) profile(t, row);
}

int bench_first_step(const char *backend) {
  trainer *t = open_trainer("locality:cost=linear", 64, backend);
  bool ok = t && run_steps(t, 1);
  if (!ok) fprintf(stderr, "lp-bench: %s\n", lp_error_message());
  if (t) close_trainer(t);
  return ok ? 0 : 1;
}
