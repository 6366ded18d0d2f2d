/* bB_RxS_to_R'xS'/{x,P,W,b,y,dy,dx,dW,db}: the layer with its prior, forward and backward. */
#include "golden.h"

#include <locality/prior.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-5;

/* "b5_3x4_to_5x8". */
static bool parse_name(const char *name, uint32_t in[LP_MAX_AXES], uint32_t out[LP_MAX_AXES]) {
  char copy[128], *rest = copy;
  if (snprintf(copy, sizeof copy, "%s", name) >= (int)sizeof copy) return false;
  char *batch = strsep(&rest, "_"), *from = strsep(&rest, "_"), *to = strsep(&rest, "_");
  uint32_t n[LP_MAX_AXES];
  return rest && batch[0] == 'b' && golden_extents(batch + 1, n) == 1 && strcmp(to, "to") == 0 &&
         golden_extents(from, in) && golden_extents(rest, out);
}

/* Metadata "prior": "grid, l2, linear, none"; that is also what holds where it says nothing. */
static void prior_names(const golden *g, char name[4][64]) {
  static const char *const usual[4] = {"grid", "l2", "linear", "none"};
  const char *meta = lp_safetensors_meta(g->file, "prior");
  for (int i = 0; i < 4; i++) snprintf(name[i], 64, "%s", usual[i]);
  if (meta)
    sscanf(meta, " %63[^, ] , %63[^, ] , %63[^, ] , %63[^, ]", name[0], name[1], name[2], name[3]);
}

static const char *const part[] = {"x", "P", "W", "b", "y", "dy", "dx", "dW", "db"};
enum { X, P, W, B, Y, DY, DX, DW, DB, PARTS };

static lp_status build(golden_graph *gg, const lp_prior *prior, const lp_tensor_view *const t[]) {
  lp_val in[LP_LINEAR_INPUTS] = {{0}}, wrt[3], d[3];
  lp_op_params params = {{0}};
  for (int i = 0; i < 3; i++) {
    static const int source[] = {X, W, B};
    wrt[i] = in[i] = golden_graph_input(gg, part[source[i]], t[source[i]], LP_F32);
  }
  lp_val dy = golden_graph_input(gg, "dy", t[DY], LP_F32);
  lp_status s = lp_prior_operands(prior, gg->g, "lp", in, &params.linear);
  if (s != LP_OK) return s;
  lp_val y = lp_apply(gg->g, LP_OP_LINEAR, &params, in, LP_LINEAR_INPUTS);
  golden_graph_target(gg, y);
  s = lp_vjp(gg->g, y, dy, wrt, 3, d);
  for (int i = 0; i < 3 && s == LP_OK; i++) golden_graph_target(gg, d[i]);
  return s;
}

static void compare_prior(golden_worst *w, const lp_prior *prior, const lp_tensor_view *t) {
  size_t n = (size_t)prior->sheets.n_out * prior->sheets.n_in;
  double *ours = calloc(n, sizeof *ours);
  for (size_t k = 0; ours && k < n; k++)
    ours[k] =
        lp_prior_at(prior, (uint32_t)(k / prior->sheets.n_in), (uint32_t)(k % prior->sheets.n_in));
  golden_worse(w, "P", ours, ours ? n : 0, t);
  free(ours);
}

static void run_case(golden *g, const char *name, const uint32_t in[], const uint32_t out[]) {
  const lp_tensor_view *t[PARTS];
  char prior_name[4][64];
  for (int i = 0; i < PARTS; i++) {
    t[i] = golden_take(g, "%s/%s", name, part[i]);
    if (t[i]) continue;
    golden_take_all(g, name);
    golden_failed(g, name, "%s is missing", part[i]);
    return;
  }
  prior_names(g, prior_name);
  lp_prior_spec spec = {.n_out = 1,
                        .n_in = 1,
                        .topology = prior_name[0],
                        .metric = prior_name[1],
                        .cost = prior_name[2],
                        .normalize = prior_name[3]};
  for (int i = 0; i < LP_MAX_AXES; i++) {
    spec.n_in *= in[i] ? in[i] : 1;
    spec.n_out *= out[i] ? out[i] : 1;
    if (in[1]) spec.extent_in[i] = in[i];
    if (out[1]) spec.extent_out[i] = out[i];
  }
  lp_prior *prior = NULL;
  golden_graph gg = {0};
  golden_worst w = {0};
  lp_status s = lp_prior_build(&spec, &prior);
  if (s == LP_OK) s = golden_graph_new(&gg, name);
  if (s == LP_OK) s = build(&gg, prior, t);
  if (s == LP_OK) s = golden_graph_run(&gg, g->device);
  if (s == LP_OK) {
    static const int result[] = {Y, DX, DW, DB};
    compare_prior(&w, prior, t[P]);
    for (uint32_t i = 0; i < 4; i++)
      golden_worse(&w, part[result[i]], gg.out[i], gg.count[i], t[result[i]]);
    golden_verdict_of(g, name, &w, tolerance);
  } else {
    golden_failed(g, name, "%s", lp_error_message());
  }
  golden_graph_free(&gg);
  lp_prior_free(prior);
}

void golden_lp_layer(golden *g) {
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    char name[128];
    uint32_t in[LP_MAX_AXES] = {0}, out[LP_MAX_AXES] = {0};
    bool ours = golden_prefix(g, i, "x", name, sizeof name) && parse_name(name, in, out);
    if (ours) run_case(g, name, in, out);
  }
}
