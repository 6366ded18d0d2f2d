/* A small graph run once on the device under test. */
#include "golden.h"

#include <stdlib.h>
#include <string.h>

lp_status golden_graph_new(golden_graph *gg, const char *name) {
  memset(gg, 0, sizeof *gg);
  return lp_graph_new(name, &gg->g);
}

lp_val golden_graph_input(golden_graph *gg, const char *name, const lp_tensor_view *t,
                          lp_dtype dtype) {
  if (gg->n_inputs == GOLDEN_MAX) {
    lp_graph_fail(gg->g, LP_ERR_ARG, "more than %d inputs", GOLDEN_MAX);
    return LP_NO_VAL;
  }
  lp_desc d = golden_desc(t, dtype);
  void *data = golden_convert(t, dtype);
  if (!data) {
    lp_graph_fail(gg->g, LP_ERR_MEMORY, "out of memory");
    return LP_NO_VAL;
  }
  gg->data[gg->n_inputs] = data;
  gg->bytes[gg->n_inputs++] = lp_nbytes(&d);
  return lp_input(gg->g, name, &d);
}

void golden_graph_variable(golden_graph *gg, const char *name, const lp_tensor_view *t) {
  const uint32_t i = gg->n_variables;
  lp_desc d = golden_desc(t, LP_F32);
  void *data = i < GOLDEN_MAX ? golden_convert(t, LP_F32) : NULL;
  if (!data) {
    lp_graph_fail(gg->g, LP_ERR_MEMORY, "no room for variable %s", name);
    return;
  }
  gg->variable[i] = name;
  gg->value[i] = data;
  gg->value_bytes[i] = lp_nbytes(&d);
  gg->n_variables++;
}

uint32_t golden_graph_target(golden_graph *gg, lp_val v) {
  if (gg->n_targets == GOLDEN_MAX || !v.id) {
    lp_graph_fail(gg->g, LP_ERR_ARG, "a target is missing");
    return 0;
  }
  gg->target[gg->n_targets] = v;
  return gg->n_targets++;
}

static lp_status read_target(golden_graph *gg, lp_plan *plan, uint32_t i) {
  lp_desc d;
  lp_status s = lp_graph_shape(gg->g, gg->target[i], &d);
  if (s != LP_OK) return s;
  size_t n = (size_t)lp_numel(&d);
  float *raw = malloc(n * sizeof *raw);
  gg->out[i] = malloc(n * sizeof *gg->out[i]);
  gg->count[i] = n;
  s = raw && gg->out[i] ? lp_plan_read(plan, i, raw, n * sizeof *raw)
                        : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (size_t k = 0; s == LP_OK && k < n; k++) gg->out[i][k] = (double)raw[k];
  free(raw);
  return s;
}

lp_status golden_graph_run(golden_graph *gg, const char *device) {
  lp_session *session = NULL;
  lp_plan *plan = NULL;
  lp_buffer *bound[GOLDEN_MAX] = {0};
  lp_status s = lp_graph_status(gg->g);
  if (s == LP_OK) s = lp_session_open(device, 1, &session);
  if (s == LP_OK) s = lp_plan_create(session, gg->g, gg->target, gg->n_targets, NULL, &plan);
  for (uint32_t i = 0; s == LP_OK && i < gg->n_variables; i++)
    s = lp_session_write(session, gg->variable[i], gg->value[i], gg->value_bytes[i]);
  for (uint32_t i = 0; s == LP_OK && i < gg->n_inputs; i++) {
    s = lp_session_buffer(session, gg->bytes[i], &bound[i]);
    if (s == LP_OK) s = lp_session_upload(session, bound[i], gg->data[i], gg->bytes[i], NULL);
  }
  lp_run run = {.bound = bound, .n_bound = gg->n_inputs};
  if (s == LP_OK) s = lp_plan_run(plan, &run);
  for (uint32_t i = 0; s == LP_OK && i < gg->n_targets; i++) s = read_target(gg, plan, i);
  lp_plan_free(plan);
  for (uint32_t i = 0; session && i < gg->n_inputs; i++)
    if (bound[i]) lp_session_buffer_free(session, bound[i]);
  lp_session_close(session);
  return s;
}

void golden_graph_free(golden_graph *gg) {
  for (uint32_t i = 0; i < gg->n_inputs; i++) free(gg->data[i]);
  for (uint32_t i = 0; i < gg->n_variables; i++) free(gg->value[i]);
  for (uint32_t i = 0; i < gg->n_targets; i++) free(gg->out[i]);
  lp_graph_free(gg->g);
  memset(gg, 0, sizeof *gg);
}
