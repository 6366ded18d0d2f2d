/* The plan of bench.h. */
#include "bench.h"

lp_status open_bench(const char *device, bench *b) {
  *b = (bench){0};
  lp_status s = lp_session_open(device, 1, &b->session);
  if (s == LP_OK) s = lp_graph_new("faults", &b->graph);
  if (s != LP_OK) return s;
  lp_desc x = LP_DESC(LP_F32, ROWS, IN), w = LP_DESC(LP_F32, OUT, IN);
  lp_init uniform = {LP_INIT_UNIFORM, 0.5f, NULL};
  lp_op_params none = {.reserved = {0}};
  lp_val in[2] = {lp_input(b->graph, "x", &x), lp_graph_param(b->graph, "w", &w, &uniform)};
  lp_val product = lp_apply(b->graph, LP_OP_LINEAR, &none, in, 2);
  lp_val relu = lp_apply(b->graph, LP_OP_RELU, NULL, &product, 1);
  b->y = lp_apply(b->graph, LP_OP_LOG_SOFTMAX, NULL, &relu, 1);
  for (int i = 0; i < ROWS * IN; i++) b->image[i] = (float)(i * 7 % 11) / 11;
  s = lp_session_buffer(b->session, sizeof b->image, &b->x);
  return s == LP_OK ? lp_graph_status(b->graph) : s;
}

void close_bench(bench *b) {
  if (b->x) lp_session_buffer_free(b->session, b->x);
  if (b->plan) lp_plan_free(b->plan);
  if (b->graph) lp_graph_free(b->graph);
  if (b->session) lp_session_close(b->session);
}

lp_status make_plan(bench *b) {
  return b->plan ? LP_OK : lp_plan_create(b->session, b->graph, &b->y, 1, NULL, &b->plan);
}

lp_status upload(bench *b) {
  lp_event *done = NULL;
  lp_status s = lp_session_upload(b->session, b->x, b->image, sizeof b->image, &done);
  return s == LP_OK ? lp_session_wait(b->session, done) : s;
}

lp_status run(bench *b, bool profile, float *y) {
  lp_run r = {.bound = &b->x, .n_bound = 1, .profile = profile};
  lp_status s = lp_plan_run(b->plan, &r);
  if (s == LP_OK) s = lp_session_sync(b->session);
  return s == LP_OK ? lp_plan_read(b->plan, 0, y, sizeof(float) * ROWS * OUT) : s;
}
