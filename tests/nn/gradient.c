/* Gradients of whole networks against finite differences of their loss. */
#include "gradient.h"

#include <locality/rng.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

void ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s", lp_error_message());
}

void open_model(model *m, const char *device, const lp_netspec *network, uint32_t size,
                uint32_t channels, uint32_t batch) {
  memset(m, 0, sizeof *m);
  lp_net_spec spec = {.network = network,
                      .classes = CLASSES,
                      .in_channels = channels,
                      .in_h = size,
                      .in_w = size,
                      .pixels = {channels, 1 / 255.0f, {0.4f, 0.5f, 0.6f}, {0.2f, 0.2f, 0.2f}},
                      .dropout = -1,
                      .dropout2d = -1};
  lp_net net;
  m->batch = batch;
  ok(lp_session_open(device, 5, &m->session));
  ok(lp_graph_new("gradient", &m->graph));
  ok(lp_net_build(&spec, m->graph, batch, LP_TRAIN, 0, &net));
  m->n_params = lp_graph_params(m->graph, m->param, MAX_PARAMS);
  assert_true(m->n_params <= MAX_PARAMS);
  ok(lp_plan_create(m->session, m->graph, &net.log_probs, 1, NULL, &m->forward));
  ok(lp_grad(m->graph, net.loss, m->param, m->n_params, m->grad));
  for (uint32_t i = 0; i < m->n_params; i++) assert_true(m->grad[i].id != 0);
  ok(lp_plan_create(m->session, m->graph, m->grad, m->n_params, NULL, &m->plan));
  lp_net_free(&net);

  const size_t pixels = (size_t)batch * channels * size * size;
  uint8_t *image = malloc(pixels);
  m->label = calloc(batch, sizeof *m->label);
  assert_non_null(image);
  assert_non_null(m->label);
  lp_rng r = lp_rng_make(11, "images");
  for (size_t i = 0; i < pixels; i++) image[i] = (uint8_t)lp_rng_below(&r, 256);
  for (uint32_t i = 0; i < batch; i++) m->label[i] = (int32_t)lp_rng_below(&r, CLASSES);
  ok(lp_session_buffer(m->session, pixels, &m->bound[0]));
  ok(lp_session_buffer(m->session, batch * sizeof *m->label, &m->bound[1]));
  ok(lp_session_upload(m->session, m->bound[0], image, pixels, NULL));
  ok(lp_session_upload(m->session, m->bound[1], m->label, batch * sizeof *m->label, NULL));
  free(image);
}

void close_model(model *m) {
  lp_plan_free(m->plan);
  lp_plan_free(m->forward);
  for (int i = 0; i < 2; i++) lp_session_buffer_free(m->session, m->bound[i]);
  lp_session_close(m->session);
  lp_graph_free(m->graph);
  free(m->label);
}

/* The loss as the network is now, summed in double precision. */
static double loss_of(model *m) {
  float log_prob[64 * CLASSES];
  const lp_run run = {.bound = m->bound, .n_bound = 2};
  double sum = 0;
  assert_true(m->batch <= 64);
  ok(lp_plan_run(m->forward, &run));
  ok(lp_plan_read(m->forward, 0, log_prob, m->batch * CLASSES * sizeof *log_prob));
  for (uint32_t i = 0; i < m->batch; i++)
    sum -= (double)log_prob[i * CLASSES + (uint32_t)m->label[i]];
  return sum / m->batch;
}

/* The loss with w[at] moved by h. */
static double moved(model *m, const char *name, float *w, size_t bytes, size_t at, float h) {
  const float before = w[at];
  w[at] = before + h;
  ok(lp_session_write(m->session, name, w, bytes));
  const double loss = loss_of(m);
  w[at] = before;
  ok(lp_session_write(m->session, name, w, bytes));
  return loss;
}

void check_gradients(model *m, float step, double tolerance) {
  lp_rng r = lp_rng_make(3, "probes");
  double off = 0, all = 0;
  const lp_run run = {.bound = m->bound, .n_bound = 2};
  for (int k = 0; k < PROBES; k++) {
    lp_desc d;
    const uint32_t i = lp_rng_below(&r, m->n_params);
    const char *name = lp_graph_value_name(m->graph, m->param[i]);
    ok(lp_graph_shape(m->graph, m->param[i], &d));
    const size_t n = (size_t)lp_numel(&d), bytes = n * sizeof(float);
    const size_t at = lp_rng_below(&r, (uint32_t)n);
    float *w = malloc(bytes), *grad = malloc(bytes);
    assert_true(w && grad);
    ok(lp_plan_run(m->plan, &run));
    ok(lp_plan_read(m->plan, i, grad, bytes));
    ok(lp_session_read(m->session, name, w, bytes));
    const double change = moved(m, name, w, bytes, at, step) - moved(m, name, w, bytes, at, -step);
    const double e = (double)grad[at] - change / (2 * (double)step);
    off += e * e, all += (double)grad[at] * (double)grad[at];
    free(w);
    free(grad);
  }
  printf("error %.2g of a norm of %.2g over %d weights\n", sqrt(off / all), sqrt(all), PROBES);
  assert_true(all > 0);
  assert_true(sqrt(off) <= tolerance * sqrt(all));
}
