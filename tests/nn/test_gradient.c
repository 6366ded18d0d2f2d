/* Networks as they are computed: gradients of whole ones against finite differences of their loss
 * at random weights, and pooling with a border against its definition. */
#include <locality/exec.h>
#include <locality/nn.h>
#include <locality/rng.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

enum { CLASSES = 5, PROBES = 20, MAX_PARAMS = 128 };

/* A network in training mode: its loss, and the gradients of all of its parameters. */
typedef struct model {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan, *forward;
  lp_buffer *bound[2];
  lp_val param[MAX_PARAMS], grad[MAX_PARAMS];
  uint32_t n_params, batch;
  int32_t *label;
} model;

static void ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s", lp_error_message());
}

/* The network with its relus replaced, if instead is given. */
static lp_netspec *load(const char *network, const char *instead) {
  lp_netspec *n, *changed;
  ok(lp_netspec_load(network, &n));
  if (!instead) return n;
  char *text = strdup(lp_netspec_text(n));
  assert_non_null(text);
  for (char *p; (p = strstr(text, "'relu'"));) memcpy(p + 1, instead, 4);
  ok(lp_netspec_parse(text, "changed", &changed));
  free(text);
  lp_netspec_free(n);
  return changed;
}

static void open_model(model *m, const char *network, const char *relu, uint32_t size,
                       uint32_t channels, uint32_t batch) {
  memset(m, 0, sizeof *m);
  lp_netspec *text = load(network, relu);
  lp_net_spec spec = {.network = text,
                      .classes = CLASSES,
                      .in_channels = channels,
                      .in_h = size,
                      .in_w = size,
                      .pixels = {channels, 1 / 255.0f, {0.4f, 0.5f, 0.6f}, {0.2f, 0.2f, 0.2f}},
                      .dropout = -1,
                      .dropout2d = -1};
  lp_net net;
  m->batch = batch;
  ok(lp_session_open("cpu", 5, &m->session));
  ok(lp_graph_new("gradient", &m->graph));
  ok(lp_net_build(&spec, m->graph, batch, LP_TRAIN, 0, &net));
  m->n_params = lp_graph_params(m->graph, m->param, MAX_PARAMS);
  assert_true(m->n_params <= MAX_PARAMS);
  ok(lp_plan_create(m->session, m->graph, &net.log_probs, 1, NULL, &m->forward));
  ok(lp_grad(m->graph, net.loss, m->param, m->n_params, m->grad));
  for (uint32_t i = 0; i < m->n_params; i++) assert_true(m->grad[i].id != 0);
  ok(lp_plan_create(m->session, m->graph, m->grad, m->n_params, NULL, &m->plan));
  lp_net_free(&net);
  lp_netspec_free(text);

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

static void close_model(model *m) {
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

/* PROBES random weights: a random tensor each, of it a random element. The gradients and the finite
 * differences are compared as vectors: |g - D| <= tolerance |g|. */
static void check(model *m, float step, double tolerance) {
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

/* ResNet-18 as it is, and smooth. A ReLU's kinks lie within every step that float can resolve: they
 * are what the first tolerance allows for. */
static void resnet18(void **state) {
  (void)state;
  model m;
  open_model(&m, "resnet18-32", NULL, 16, 3, 6);
  check(&m, 6e-4f, 0.05);
  close_model(&m);
  open_model(&m, "resnet18-32", "tanh", 16, 3, 6);
  check(&m, 4e-3f, 0.01);
  close_model(&m);
}

/* The largest of each window of 3 x 3 by 2 around what the image has of it. */
static void padded_pooling(void **state) {
  (void)state;
  enum { SIDE = 7, OUT = 4, PLANES = 6 };
  static const char text[] = "input: {size: 7}\nlayers:\n  - maxpool:kernel=3,stride=2,pad=1\n"
                             "  - flatten\n  - linear:units=$classes\n";
  /* below 0 throughout, so that no border of zeros would do */
  lp_net_spec spec = {.classes = CLASSES,
                      .in_channels = 2,
                      .in_h = SIDE,
                      .in_w = SIDE,
                      .pixels = {2, 1 / 255.0f, {1.5f, 1.25f}, {1, 1}}};
  lp_netspec *n;
  lp_session *s;
  lp_graph *g;
  lp_net net;
  lp_plan *plan;
  lp_buffer *bound[2];
  uint8_t image[PLANES * SIDE * SIDE];
  float y[PLANES * OUT * OUT];
  lp_rng r = lp_rng_make(1, "images");
  for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)lp_rng_below(&r, 256);
  ok(lp_netspec_parse(text, "test", &n));
  spec.network = n;
  ok(lp_session_open("cpu", 1, &s));
  ok(lp_graph_new("pool", &g));
  ok(lp_net_build(&spec, g, 3, LP_TRAIN, 0, &net));
  ok(lp_plan_create(s, g, &net.layer[0].out, 1, NULL, &plan));
  for (int i = 0; i < 2; i++) ok(lp_session_buffer(s, sizeof image, &bound[i]));
  ok(lp_session_upload(s, bound[0], image, sizeof image, NULL));
  ok(lp_plan_run(plan, &(lp_run){.bound = bound, .n_bound = 2}));
  ok(lp_plan_read(plan, 0, y, sizeof y));
  for (int i = 0; i < PLANES * OUT * OUT; i++) {
    const int plane = i / (OUT * OUT), top = i / OUT % OUT * 2 - 1, left = i % OUT * 2 - 1;
    int most = -1;
    for (int k = 0; k < 9; k++) {
      const int row = top + k / 3, column = left + k % 3;
      if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
      const int v = image[(plane * SIDE + row) * SIDE + column];
      most = v > most ? v : most;
    }
    assert_float_equal(y[i], (float)most / 255 - (plane % 2 ? 1.25f : 1.5f), 1e-6);
  }
  lp_plan_free(plan);
  for (int i = 0; i < 2; i++) lp_session_buffer_free(s, bound[i]);
  lp_session_close(s);
  lp_net_free(&net);
  lp_graph_free(g);
  lp_netspec_free(n);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resnet18),
      cmocka_unit_test(padded_pooling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
