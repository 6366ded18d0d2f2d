/* use_penalty SPEC: a program that uses the installed package: builds the penalty on y = -1, 2, -3,
 * 4 and prints its value on the cpu backend, its canonical spec and its module. */
#include <locality/exec.h>
#include <locality/registry.h>

#include <stdio.h>

int main(int argc, char **argv) {
  static const float data[] = {-1, 2, -3, 4};
  const lp_desc d = lp_f32(2, 2);
  lp_spec spec;
  lp_graph *g = NULL;
  lp_session *s = NULL;
  lp_plan *plan = NULL;
  lp_buffer *bound = NULL;
  lp_val value = LP_NO_VAL;
  float got;
  if (argc != 2 || lp_registry_load() != LP_OK ||
      lp_spec_parse(LP_KIND_PENALTY, argv[1], &spec) != LP_OK)
    return fprintf(stderr, "%s\n", lp_error_message()), 1;
  const lp_penalty *row = spec.entry->descriptor;
  const lp_layer_request req = {.struct_size = sizeof req, .path = "l.penalty", .mode = LP_TRAIN};
  lp_status st = lp_graph_new("penalty", &g);
  lp_val y = lp_input(g, "y", &d);
  if (st == LP_OK)
    st = row->build(row->self, spec.args + LP_PENALTY_PARAMS, g, &req, LP_NO_VAL, y, &value);
  if (st == LP_OK) st = lp_session_open("cpu", 1, &s);
  if (st == LP_OK) st = lp_plan_create(s, g, &value, 1, NULL, &plan);
  if (st == LP_OK) st = lp_session_buffer(s, sizeof data, &bound);
  if (st == LP_OK) st = lp_session_upload(s, bound, data, sizeof data, NULL);
  lp_run run = {.bound = &bound, .n_bound = 1};
  if (st == LP_OK) st = lp_plan_run(plan, &run);
  if (st == LP_OK) st = lp_plan_read(plan, 0, &got, sizeof got);
  if (st == LP_OK)
    printf("%.4f %s %s\n", (double)got, spec.text, lp_module_get(spec.entry->module)->file);
  else
    fprintf(stderr, "%s\n", lp_error_message());
  lp_plan_free(plan);
  if (bound) lp_session_buffer_free(s, bound);
  lp_session_close(s);
  lp_graph_free(g);
  lp_spec_free(&spec);
  lp_registry_shutdown();
  return st == LP_OK ? 0 : 1;
}
