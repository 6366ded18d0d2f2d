/* Registered layers with a prior, forward and backward: convolutions over channels on sheets
 * (bB_cCxHxW_oO_kK_sS_pP_RxS_to_R'xS'/...) and recurrent layers (CELL_bB_tT_iI_RxS/...). The layer
 * makes its own parameters; they are written over before the run. */
#include "golden.h"

#include <locality/prior.h>
#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-5;
enum { MAX_PARAMETERS = 4 };

/* What a case's name says. */
typedef struct layer_case {
  char spec[160];
  uint32_t in[LP_MAX_AXES], out[LP_MAX_AXES]; /* the sheets */
  /* Keys of the parameters and the layer's names of them. */
  const char *const *key, *const *name;
  uint32_t n;
} layer_case;

static bool conv_case(const char *text, layer_case *c) {
  static const char *const key[] = {"w", "b"}, *const name[] = {"l.weight", "l.bias"};
  unsigned o, k, s, p, r[4];
  int end = 0;
  if (sscanf(text, "b%*u_c%*ux%*ux%*u_o%u_k%u_s%u_p%u_%ux%u_to_%ux%u%n", &o, &k, &s, &p, &r[0],
             &r[1], &r[2], &r[3], &end) != 8 ||
      text[end])
    return false;
  *c = (layer_case){.in = {r[0], r[1]}, .out = {r[2], r[3]}, .key = key, .name = name, .n = 2};
  return snprintf(c->spec, sizeof c->spec,
                  "conv:channels=%u,kernel=%u,stride=%u,pad=%u,cost=linear", o, k, s, p) > 0;
}

static bool recurrent_case(const char *text, layer_case *c) {
  static const char *const key[] = {"w_ih", "w_hh", "b_ih", "b_hh"};
  static const char *const name[] = {"l.weight_ih", "l.weight_hh", "l.bias_ih", "l.bias_hh"};
  char cell[16];
  unsigned r[2];
  int end = 0;
  if (sscanf(text, "%15[a-z]_b%*u_t%*u_i%*u_%ux%u%n", cell, &r[0], &r[1], &end) != 3 || text[end])
    return false;
  *c = (layer_case){.in = {r[0], r[1]}, .out = {r[0], r[1]}, .key = key, .name = name, .n = 4};
  return snprintf(c->spec, sizeof c->spec, "recurrent:cell=%s,output=all,cost=linear", cell) > 0;
}

static lp_val find_parameter(const lp_graph *g, const char *name) {
  lp_val p[MAX_PARAMETERS];
  uint32_t n = lp_graph_params(g, p, MAX_PARAMETERS);
  for (uint32_t i = 0; i < n && i < MAX_PARAMETERS; i++)
    if (strcmp(lp_graph_value_name(g, p[i]), name) == 0) return p[i];
  return LP_NO_VAL;
}

/* Targets: y, dx, then the parameters' gradients. */
static lp_status build(golden *g, const char *name, const layer_case *c, golden_graph *gg) {
  const lp_tensor_view *x = golden_take(g, "%s/x", name), *dy = golden_take(g, "%s/dy", name);
  if (!dy) return lp_fail(LP_ERR_NOT_FOUND, "dy is missing");
  lp_spec spec;
  lp_status s = lp_spec_parse(LP_KIND_LAYER, c->spec, &spec);
  if (s != LP_OK) return s;
  lp_val wrt[1 + MAX_PARAMETERS], d[1 + MAX_PARAMETERS], y = LP_NO_VAL;
  wrt[0] = golden_graph_input(gg, "x", x, LP_F32);
  const lp_layer *layer = spec.entry->descriptor;
  lp_layer_request req = {.struct_size = sizeof req,
                          .n_out = c->out[0] * c->out[1],
                          .path = "l",
                          .mode = LP_TRAIN,
                          .n_inputs = 1,
                          .inputs = wrt};
  memcpy(req.extent_in, c->in, sizeof c->in);
  memcpy(req.extent_out, c->out, sizeof c->out);
  s = layer->build(layer->self, spec.args, gg->g, &req, wrt[0], &y);
  lp_spec_free(&spec);
  if (s != LP_OK) return s;
  golden_graph_target(gg, y);
  for (uint32_t i = 0; i < c->n; i++) {
    const lp_tensor_view *t = golden_take(g, "%s/%s", name, c->key[i]);
    if (!t) return lp_fail(LP_ERR_NOT_FOUND, "%s is missing", c->key[i]);
    wrt[1 + i] = find_parameter(gg->g, c->name[i]);
    golden_graph_variable(gg, c->name[i], t);
  }
  s = lp_vjp(gg->g, y, golden_graph_input(gg, "dy", dy, LP_F32), wrt, 1 + c->n, d);
  for (uint32_t i = 0; i <= c->n && s == LP_OK; i++) golden_graph_target(gg, d[i]);
  return s;
}

static void run_case(golden *g, const char *name, const layer_case *c) {
  golden_graph gg = {0};
  golden_worst w = {0};
  lp_status s = golden_graph_new(&gg, name);
  if (s == LP_OK) s = build(g, name, c, &gg);
  if (s == LP_OK) s = golden_graph_run(&gg, g->device);
  for (uint32_t i = 0; i < gg.n_targets && s == LP_OK; i++) {
    char key[16];
    snprintf(key, sizeof key, i ? "d%s" : "%s", i == 0 ? "y" : i == 1 ? "x" : c->key[i - 2]);
    const lp_tensor_view *t = golden_take(g, "%s/%s", name, key);
    if (t)
      golden_worse(&w, i == 0 ? "y" : i == 1 ? "dx" : c->key[i - 2], gg.out[i], gg.count[i], t);
    else
      s = lp_fail(LP_ERR_NOT_FOUND, "%s is missing", key);
  }
  if (s == LP_OK)
    golden_verdict_of(g, name, &w, tolerance);
  else
    golden_failed(g, name, "%s", lp_error_message());
  golden_take_all(g, name);
  golden_graph_free(&gg);
}

void golden_layers(golden *g) {
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    char name[128];
    layer_case c;
    if (golden_prefix(g, i, "x", name, sizeof name) &&
        (conv_case(name, &c) || recurrent_case(name, &c)))
      run_case(g, name, &c);
  }
}
