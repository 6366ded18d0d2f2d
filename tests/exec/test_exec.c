/* Plans and sessions: fusion, memory, sharing of variables, and what happens when a device fails.
 * Everything that needs no numbers runs on the null backend, which can fail on demand. */
#include <locality/exec.h>
#include <locality/nn.h>
#include <locality/registry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

typedef struct lp_lenet {
  lp_graph *g;
  lp_net net;
  lp_val target[3];
  uint32_t n;
} lp_lenet;

static lp_lenet lenet(uint32_t batch, const char *layer) {
  lp_lenet l = {0};
  lp_net_spec spec = {.model = "lenet",
                      .layer = layer,
                      .classes = 10,
                      .in_channels = 1,
                      .in_h = 28,
                      .in_w = 28,
                      .pixels = {1, 1 / 255.0f, {0.1307f}, {0.3081f}},
                      .dropout = -1,
                      .dropout2d = -1};
  assert_int_equal(lp_graph_new("train", &l.g), LP_OK);
  lp_status s = lp_net_build(&spec, l.g, batch, LP_TRAIN, 10, &l.net);
  if (s != LP_OK) print_error("%s\n", lp_error_message());
  assert_int_equal(s, LP_OK);
  lp_optim_spec o = lp_optim_defaults(LP_OPT_SGD);
  o.momentum = 0.5f;
  l.target[0] = l.net.loss;
  assert_int_equal(lp_optim_build(&o, l.g, l.net.loss, l.target + 1, 2, &l.n), LP_OK);
  l.n++;
  return l;
}

static lp_session *open_session(const char *device) {
  lp_session *s;
  lp_status status = lp_session_open(device, 1, &s);
  if (status != LP_OK) print_error("%s\n", lp_error_message());
  assert_int_equal(status, LP_OK);
  return s;
}

static void training_step_is_fused(void **state) {
  (void)state;
  lp_session *s = open_session("null");
  lp_lenet l = lenet(64, "locality:cost=linear");
  lp_plan *fused, *plain;
  lp_plan_info a, b;
  assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, NULL, &fused), LP_OK);
  assert_int_equal(
      lp_plan_create(s, l.g, l.target, l.n, &(lp_plan_options){.no_fusion = true}, &plain), LP_OK);
  lp_plan_get_info(fused, &a);
  lp_plan_get_info(plain, &b);
  assert_in_range(a.steps, 15, 25); /* one plan, at most 25 kernels */
  assert_int_equal(a.steps + a.fused, b.steps);
  assert_int_equal(b.fused, 0);
  assert_true(a.transient_bytes < a.transient_unplanned); /* dead memory is reused */
  assert_true(a.transient_unplanned < b.transient_unplanned);
  lp_plan_free(fused);
  lp_plan_free(plain);
  lp_net_free(&l.net);
  lp_graph_free(l.g);
  lp_session_close(s);
}

static void control_and_treatment_are_paired(void **state) {
  (void)state;
  float w[2][49 * 49];
  const char *layer[] = {"plain", "locality:cost=quadratic"};
  for (int i = 0; i < 2; i++) {
    lp_session *s = open_session("null");
    lp_lenet l = lenet(4, layer[i]);
    lp_plan *p;
    assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, NULL, &p), LP_OK);
    assert_int_equal(lp_session_read(s, "lp.weight", w[i], sizeof w[i]), LP_OK);
    lp_plan_free(p);
    lp_net_free(&l.net);
    lp_graph_free(l.g);
    lp_session_close(s);
  }
  assert_memory_equal(w[0], w[1], sizeof w[0]);
  for (int i = 0; i < 49 * 49; i++) assert_true(w[0][i] > -1 / 7.0f && w[0][i] < 1 / 7.0f);
}

static void plans_share_variables(void **state) {
  (void)state;
  lp_session *s = open_session("null");
  lp_lenet a = lenet(64, "plain"), b = lenet(32, "plain");
  lp_plan *p, *q;
  assert_int_equal(lp_plan_create(s, a.g, a.target, a.n, NULL, &p), LP_OK);
  uint32_t count = lp_session_var_count(s);
  assert_int_equal(lp_plan_create(s, b.g, b.target, b.n, NULL, &q), LP_OK);
  assert_int_equal(lp_session_var_count(s), count);
  float x[10], y[10];
  for (int i = 0; i < 10; i++) x[i] = (float)i;
  assert_int_equal(lp_session_write(s, "fc2.bias", x, sizeof x), LP_OK);
  assert_int_equal(lp_session_read(s, "fc2.bias", y, sizeof y), LP_OK);
  assert_memory_equal(x, y, sizeof x);
  assert_int_equal(lp_session_read(s, "fc2.bias", y, 4), LP_ERR_SHAPE);
  assert_int_equal(lp_session_read(s, "fc3.bias", y, 4), LP_ERR_NOT_FOUND);
  lp_plan_free(p);
  lp_plan_free(q);
  lp_net_free(&a.net);
  lp_net_free(&b.net);
  lp_graph_free(a.g);
  lp_graph_free(b.g);
  lp_session_close(s);
}

/* Readers and writers of a variable see the columns where they are known to be. */
static void order_in_memory_is_not_seen(void **state) {
  (void)state;
  static const int32_t order[] = {2, 0, 1}, other[] = {1, 0, 2}, wrong[] = {0, 1, 1};
  static const float start[] = {1, 2, 3, 4, 5, 6}, x[] = {10, 20, 30};
  lp_session *s = open_session("cpu");
  lp_plan *p, *q;
  lp_val y;
  lp_graph *g[4];
  float w[6], out[2];
  for (int k = 0; k < 4; k++) { /* as it is known; in an order, in another one; in none */
    const lp_desc d = lp_f32(2, 3), in = lp_f32(1, 3), units = LP_DESC(LP_I32, 3);
    const lp_init init = {LP_INIT_DATA, 0, start};
    assert_int_equal(lp_graph_new("order", &g[k]), LP_OK);
    const lp_val weight = lp_graph_param(g[k], k ? "w" : "v", &d, &init);
    const lp_val operands[] = {lp_graph_constant(g[k], "x", &in, x), weight};
    const int32_t *const to[] = {NULL, order, other, wrong};
    const char *const name[] = {"", "a", "b", "c"};
    if (k) {
      lp_status made =
          lp_graph_order(g[k], weight, lp_graph_constant(g[k], name[k], &units, to[k]));
      assert_int_equal(made, k == 3 ? LP_ERR_ARG : LP_OK);
    }
    if (k == 3) continue;
    y = lp_apply(g[k], LP_OP_LINEAR, NULL, operands, 2);
    lp_status status = lp_plan_create(s, g[k], &y, 1, NULL, k == 0 ? &q : &p);
    assert_int_equal(status, k == 2 ? LP_ERR_SHAPE : LP_OK);
    if (k == 2) continue;
    assert_int_equal(lp_session_read(s, k ? "w" : "v", w, sizeof w), LP_OK);
    assert_memory_equal(w, start, sizeof w);
    assert_int_equal(lp_plan_run(k ? p : q, &(lp_run){0}), LP_OK);
    assert_int_equal(lp_plan_read(k ? p : q, 0, out, sizeof out), LP_OK);
    /* in memory the first row is 3 1 2 */
    assert_true(out[0] == (k ? 10 * 3 + 20 * 1 + 30 * 2 : 10 * 1 + 20 * 2 + 30 * 3));
    for (int i = 0; i < 6; i++) w[i] = (float)(7 * i);
    assert_int_equal(lp_session_write(s, k ? "w" : "v", w, sizeof w), LP_OK);
    assert_int_equal(lp_plan_run(k ? p : q, &(lp_run){0}), LP_OK);
    assert_int_equal(lp_plan_read(k ? p : q, 0, out, sizeof out), LP_OK);
    assert_true(out[1] == (k ? 10 * 35 + 20 * 21 + 30 * 28 : 10 * 21 + 20 * 28 + 30 * 35));
  }
  lp_plan_free(p);
  lp_plan_free(q);
  for (int k = 0; k < 4; k++) lp_graph_free(g[k]);
  lp_session_close(s);
}

static void refused_fusion_is_undone(void **state) {
  (void)state;
  lp_session *s = open_session("null:refuse_fused=1");
  lp_lenet l = lenet(64, "plain");
  lp_plan *p;
  lp_plan_info info;
  assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, NULL, &p), LP_OK);
  lp_plan_get_info(p, &info);
  assert_int_equal(info.fused, 0);
  lp_plan_free(p);
  lp_net_free(&l.net);
  lp_graph_free(l.g);
  lp_session_close(s);
}

static void refused_op_is_named(void **state) {
  (void)state;
  lp_session *s = open_session("null:refuse=maxpool2d");
  lp_lenet l = lenet(64, "plain");
  lp_plan *p;
  assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, NULL, &p), LP_ERR_UNSUPPORTED);
  assert_non_null(strstr(lp_error_message(), "maxpool2d"));
  assert_non_null(strstr(lp_error_message(), "(64,10,24,24)"));
  assert_null(p);
  lp_net_free(&l.net);
  lp_graph_free(l.g);
  lp_session_close(s);
}

static void dry_run_allocates_nothing(void **state) {
  (void)state;
  lp_session *s = open_session("null:fail=alloc");
  lp_lenet l = lenet(64, "plain");
  lp_plan *p;
  lp_plan_info info;
  assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, &(lp_plan_options){.dry_run = true}, &p),
                   LP_OK);
  lp_plan_get_info(p, &info);
  assert_true(info.transient_bytes > 1000000 && info.persistent_bytes > 4 * 20000);
  assert_int_equal(lp_plan_run(p, &(lp_run){0}), LP_ERR_ARG);
  lp_plan_free(p);
  lp_net_free(&l.net);
  lp_graph_free(l.g);
  lp_session_close(s);
}

/* Whatever call of the device fails, the failure comes out as a status and nothing leaks. */
static void failures_come_out(void **state) {
  (void)state;
  const char *kind[] = {"alloc", "write", "compile", "run", "read", "sync"};
  for (size_t k = 0; k < sizeof kind / sizeof *kind; k++)
    for (int after = 0; after < 3; after++) {
      char device[64];
      snprintf(device, sizeof device, "null:fail=%s,after=%d", kind[k], after);
      lp_session *s = open_session(device);
      lp_lenet l = lenet(8, "plain");
      lp_plan *p = NULL;
      lp_buffer *bound[2] = {NULL, NULL};
      float loss, bias[10];
      lp_status status = lp_plan_create(s, l.g, l.target, l.n, NULL, &p);
      if (status == LP_OK) status = lp_session_buffer(s, 8 * 784, &bound[0]);
      if (status == LP_OK) status = lp_session_buffer(s, 8 * 4, &bound[1]);
      for (int i = 0; status == LP_OK && i < 4; i++) {
        status = lp_plan_run(p, &(lp_run){.bound = bound, .n_bound = 2});
        if (status == LP_OK) status = lp_plan_read(p, 0, &loss, sizeof loss);
        if (status == LP_OK) status = lp_session_read(s, "fc2.bias", bias, sizeof bias);
        if (status == LP_OK) status = lp_session_sync(s);
      }
      bool reachable = strcmp(kind[k], "compile") != 0 || after == 0; /* one compilation only */
      assert_int_equal(status != LP_OK, reachable);
      if (reachable) assert_string_not_equal(lp_error_message(), "");
      for (int i = 0; i < 2; i++) lp_session_buffer_free(s, bound[i]);
      lp_plan_free(p);
      lp_net_free(&l.net);
      lp_graph_free(l.g);
      lp_session_close(s);
    }
}

static void small_allocations_are_respected(void **state) {
  (void)state;
  lp_session *s = open_session("null:max_alloc=1600000");
  lp_lenet l = lenet(64, "plain");
  lp_plan *p;
  lp_status status = lp_plan_create(s, l.g, l.target, l.n, NULL, &p);
  if (status != LP_OK) print_error("%s\n", lp_error_message());
  assert_int_equal(status, LP_OK); /* several arenas instead of one */
  lp_plan_free(p);
  lp_session_close(s);

  s = open_session("null:max_alloc=100000");
  assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, NULL, &p), LP_ERR_MEMORY);
  assert_non_null(strstr(lp_error_message(), "100000"));
  lp_net_free(&l.net);
  lp_graph_free(l.g);
  lp_session_close(s);
}

static void wrong_number_of_inputs(void **state) {
  (void)state;
  lp_session *s = open_session("null");
  lp_lenet l = lenet(8, "plain");
  lp_plan *p;
  assert_int_equal(lp_plan_create(s, l.g, l.target, l.n, NULL, &p), LP_OK);
  assert_int_equal(lp_plan_run(p, &(lp_run){0}), LP_ERR_ARG);
  lp_plan_free(p);
  lp_net_free(&l.net);
  lp_graph_free(l.g);
  lp_session_close(s);
}

/* A plan of the constant "c" plus itself. */
static lp_status plan_constant(lp_session *s, const float *c, uint32_t n, lp_plan **out) {
  lp_graph *g;
  lp_desc d = LP_DESC(LP_F32, n);
  assert_int_equal(lp_graph_new("constant", &g), LP_OK);
  lp_val v = lp_graph_constant(g, "c", &d, c);
  lp_val sum = lp_apply(g, LP_OP_ADD, NULL, (lp_val[]){v, v}, 2);
  lp_status status = lp_plan_create(s, g, &sum, 1, NULL, out);
  lp_graph_free(g);
  return status;
}

/* One name is one constant of a session: others are refused, and the first stays. */
static void constants_must_agree(void **state) {
  (void)state;
  static const float first[] = {1, 2, 3}, other[] = {1, 2, 4};
  lp_session *s = open_session("cpu");
  lp_plan *plan, *again;
  assert_int_equal(plan_constant(s, first, 3, &plan), LP_OK);
  assert_int_equal(plan_constant(s, other, 3, &again), LP_ERR_PLUGIN);
  assert_non_null(strstr(lp_error_message(), "constant c has other values"));
  assert_int_equal(plan_constant(s, first, 2, &again), LP_ERR_SHAPE);
  assert_non_null(strstr(lp_error_message(), "c is "));
  assert_int_equal(plan_constant(s, first, 3, &again), LP_OK);
  lp_run run = {0};
  lp_plan *const both[] = {plan, again};
  for (int i = 0; i < 2; i++) {
    float got[3];
    assert_int_equal(lp_plan_run(both[i], &run), LP_OK);
    assert_int_equal(lp_plan_read(both[i], 0, got, sizeof got), LP_OK);
    for (int k = 0; k < 3; k++) assert_true(got[k] == 2 * first[k]);
    lp_plan_free(both[i]);
  }
  assert_int_equal(lp_session_var_count(s), 1);
  lp_session_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(training_step_is_fused),
      cmocka_unit_test(control_and_treatment_are_paired),
      cmocka_unit_test(plans_share_variables),
      cmocka_unit_test(order_in_memory_is_not_seen),
      cmocka_unit_test(refused_fusion_is_undone),
      cmocka_unit_test(refused_op_is_named),
      cmocka_unit_test(dry_run_allocates_nothing),
      cmocka_unit_test(failures_come_out),
      cmocka_unit_test(small_allocations_are_respected),
      cmocka_unit_test(wrong_number_of_inputs),
      cmocka_unit_test(constants_must_agree),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  lp_registry_shutdown();
  return failed;
}
