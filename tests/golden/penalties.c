/* W, D, NAME/value, NAME/grad: penalties on weights between equal sheets, and their gradients. NAME
 * may go on with parameters: wiring_l1_k1_l01 is k = 1, l0 = 1. */
#include "golden.h"

#include <locality/registry.h>

#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-5;

/* What a case's name means; D tells the sheet: rows x columns on a grid, by its first row. */
static const struct {
  const char *name, *penalty, *spec;
} cases[] = {
    {"wiring_l1_k1_l01", "wiring_l1", "wiring_l1:k=1,l0=1"},
    {"jacobs_jordan", "jacobs_jordan", "jacobs_jordan"},
    {"sernn", "sernn", "sernn"},
};

static bool registered(const char *name) {
  for (uint32_t i = 0; i < lp_entry_count(); i++)
    if (lp_entry_get(i)->kind == LP_KIND_PENALTY && strcmp(lp_entry_get(i)->name, name) == 0)
      return true;
  return false;
}

/* The columns of a grid whose first unit has these distances: the second row begins where the
 * distance falls back to 1. */
static uint32_t columns_of(const double *d, uint32_t n) {
  uint32_t k = 2;
  while (k < n && d[k] != 1) k++;
  return k;
}

/* Targets: the value and its gradient by the weight. */
static lp_status build(golden *g, const char *spec_text, golden_graph *gg) {
  const lp_tensor_view *w = golden_take(g, "W"), *d = golden_take(g, "D");
  const uint32_t n = (uint32_t)w->desc.dim[0];
  double *distance = golden_doubles(d);
  if (!distance) return lp_fail(LP_ERR_MEMORY, "out of memory");
  const uint32_t columns = columns_of(distance, n);
  free(distance);
  lp_spec spec;
  lp_status s = lp_spec_parse(LP_KIND_PENALTY, spec_text, &spec);
  if (s != LP_OK) return s;
  const lp_penalty *row = spec.entry->descriptor;
  const lp_layer_request req = {.struct_size = sizeof req,
                                .n_in = n,
                                .n_out = n,
                                .extent_in = {n / columns, columns},
                                .extent_out = {n / columns, columns},
                                .path = "l.penalty",
                                .mode = LP_TRAIN};
  lp_val weight = golden_graph_input(gg, "w", w, LP_F32), value = LP_NO_VAL, grad;
  s = row->build(row->self, spec.args + LP_PENALTY_PARAMS, gg->g, &req, weight, LP_NO_VAL, &value);
  lp_spec_free(&spec);
  if (s == LP_OK) s = lp_grad(gg->g, value, &weight, 1, &grad);
  if (s != LP_OK) return s;
  golden_graph_target(gg, value);
  golden_graph_target(gg, grad);
  return LP_OK;
}

static void run_case(golden *g, const char *name, const char *spec) {
  const lp_tensor_view *value = golden_take(g, "%s/value", name);
  const lp_tensor_view *grad = golden_take(g, "%s/grad", name);
  golden_graph gg = {0};
  golden_worst w = {0};
  lp_status s = grad ? golden_graph_new(&gg, name) : lp_fail(LP_ERR_NOT_FOUND, "grad is missing");
  if (s == LP_OK) s = build(g, spec, &gg);
  if (s == LP_OK) s = golden_graph_run(&gg, g->device);
  if (s == LP_OK) {
    golden_worse(&w, "value", gg.out[0], gg.count[0], value);
    golden_worse(&w, "grad", gg.out[1], gg.count[1], grad);
    golden_verdict_of(g, name, &w, tolerance);
  } else {
    golden_failed(g, name, "%s", lp_error_message());
  }
  golden_graph_free(&gg);
}

void golden_penalties(golden *g) {
  if (!golden_has(g, "W") || !golden_has(g, "D")) return;
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    char name[128];
    if (!golden_prefix(g, i, "value", name, sizeof name)) continue;
    size_t k = 0, n = sizeof cases / sizeof *cases;
    while (k < n && strcmp(cases[k].name, name) != 0) k++;
    if (k < n && registered(cases[k].penalty)) {
      run_case(g, name, cases[k].spec);
      continue;
    }
    golden_take(g, "W");
    golden_take(g, "D");
    golden_take_all(g, name);
    golden_skipped(g, name, "this build has no such penalty");
  }
}
