/* W, P and D of a layer: lengths, pruned/RANK/KEEP/{mean_length,mask}, the graph of the strongest
 * tenth, communicability, energy of activity_in and activity_out. */
#include "golden.h"

#include <locality/measure.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-9;

typedef struct layer {
  golden *g;
  uint32_t rows, cols;
  size_t n;
  double *w, *p, *d, *v;
} layer;

static void check(const layer *l, const char *key, lp_status s, const double *ours, size_t n) {
  if (!golden_has(l->g, "%s", key)) return;
  const lp_tensor_view *ref = golden_take(l->g, "%s", key);
  if (s == LP_OK)
    golden_compare(l->g, key, ours, n, ref, tolerance);
  else
    golden_failed(l->g, key, "%s", lp_error_message());
}

static void check_bytes(const layer *l, const char *key, lp_status s, const uint8_t *ours,
                        size_t n) {
  double *x = malloc(sizeof *x * (n + 1));
  for (size_t k = 0; x && k < n; k++) x[k] = ours[k];
  check(l, key, x ? s : LP_ERR_MEMORY, x, n);
  free(x);
}

static void check_lengths(const layer *l) {
  lp_wiring_length length;
  lp_wiring_length_of(l->w, l->p, l->d, l->n, &length);
  check(l, "length_sum", LP_OK, &length.sum, 1);
  check(l, "length_mean", LP_OK, &length.mean, 1);
  check(l, "length_mean_P", LP_OK, &length.prior_mean, 1);
  check(l, "weight_distance_r", LP_OK, &length.weight_over_distance, 1);
}

static void check_pruned(const layer *l) {
  static const char *const name[] = {"pw", "w", "w_over_d"}; /* by lp_prune_rank */
  uint8_t *kept = malloc(l->n + 1);
  for (uint32_t i = 0; kept && i < lp_safetensors_count(l->g->file); i++) {
    const char *key = lp_safetensors_get(l->g->file, i)->name;
    char rank[16], what[16];
    double keep, mean;
    if (sscanf(key, "pruned/%15[a-z_]/%lf/%15s", rank, &keep, what) != 3) continue;
    for (int k = 0; k < 3; k++) {
      if (strcmp(rank, name[k]) != 0) continue;
      lp_status s =
          lp_pruned_length(l->w, l->p, l->d, l->n, (lp_prune_rank)k, keep, 1, kept, &mean);
      if (strcmp(what, "mean_length") == 0) check(l, key, s, &mean, 1);
      if (strcmp(what, "mask") == 0) check_bytes(l, key, s, kept, l->n);
    }
  }
  free(kept);
}

static void check_graph(const layer *l) {
  const uint32_t n = l->rows;
  uint8_t *graph = malloc(l->n + 1);
  double *room = malloc(sizeof *room * (l->n + 1)), q = NAN;
  if (graph && room && l->rows == l->cols) {
    lp_graph_measures m;
    lp_status s = lp_strongest_graph(l->v, n, 0.1, graph);
    check_bytes(l, "graph/adjacency", s, graph, l->n);
    const lp_tensor_view *given = golden_take(l->g, "graph/partition");
    int32_t *part = given ? golden_convert(given, LP_I32) : NULL;
    if (part && lp_numel(&given->desc) == n) {
      q = lp_modularity(graph, n, (const uint32_t *)part);
      check(l, "graph/modularity", s, &q, 1);
    }
    free(part);
    if (s == LP_OK) s = lp_graph_measure(graph, n, 0, 1, &m);
    check(l, "graph/clustering", s, &m.clustering, 1);
    check(l, "graph/efficiency", s, &m.efficiency, 1);
    check(l, "graph/path_length_connected", s, &m.path_length, 1);
    s = lp_communicability(l->w, n, room);
    check(l, "communicability", s, room, l->n);
  }
  free(graph);
  free(room);
}

static void check_energy(const layer *l) {
  const lp_tensor_view *in = golden_take(l->g, "energy/activity_in"),
                       *out = golden_take(l->g, "energy/activity_out");
  double *x = in ? golden_doubles(in) : NULL, *y = out ? golden_doubles(out) : NULL;
  if (x && y && lp_numel(&in->desc) == l->cols && lp_numel(&out->desc) == l->rows) {
    double energy = lp_energy(l->v, x, y, l->rows, l->cols);
    check(l, "energy/value", LP_OK, &energy, 1);
  }
  free(x);
  free(y);
}

void golden_wiring(golden *g) {
  if (!golden_has(g, "W") || !golden_has(g, "P") || !golden_has(g, "D")) return;
  const lp_tensor_view *w = golden_take(g, "W"), *p = golden_take(g, "P"), *d = golden_take(g, "D");
  golden_take(g, "sheet"); /* D says where units stand */
  layer l = {.g = g};
  if (w->desc.ndim != 2 || !lp_desc_equal(&w->desc, &p->desc) ||
      !lp_desc_equal(&w->desc, &d->desc)) {
    golden_failed(g, "W", "W, P and D are no matrices of one shape");
    return;
  }
  l.rows = (uint32_t)w->desc.dim[0];
  l.cols = (uint32_t)w->desc.dim[1];
  l.n = (size_t)l.rows * l.cols;
  l.w = golden_doubles(w), l.p = golden_doubles(p), l.d = golden_doubles(d);
  l.v = malloc(sizeof *l.v * (l.n + 1));
  if (l.w && l.p && l.d && l.v) {
    for (size_t k = 0; k < l.n; k++) l.v[k] = l.p[k] * l.w[k];
    check_lengths(&l);
    check_pruned(&l);
    check_graph(&l);
    check_energy(&l);
  }
  free(l.w);
  free(l.p);
  free(l.d);
  free(l.v);
}
