/* Networks as they are computed: gradients of a whole one against finite differences of its loss at
 * random weights, and pooling with a border against its definition. */
#include "gradient.h"

#include <locality/rng.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

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

static void probe(const char *network, const char *instead, float step, double tolerance) {
  model m;
  lp_netspec *n = load(network, instead);
  open_model(&m, "cpu", n, 16, 3, 6);
  check_gradients(&m, step, tolerance);
  close_model(&m);
  lp_netspec_free(n);
}

/* ResNet-18 as it is, and smooth. A ReLU's kinks lie within every step that float can resolve: they
 * are what the first tolerance allows for. */
static void resnet18(void **state) {
  (void)state;
  probe("resnet18-32", NULL, 6e-4f, 0.05);
  probe("resnet18-32", "tanh", 4e-3f, 0.01);
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
