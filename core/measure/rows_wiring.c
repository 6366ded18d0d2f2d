/* Rows of the table: measures of the weights between the units of a site. */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t connections(const lp_measure_request *req) {
  return (size_t)req->n_out * req->n_in;
}

static lp_status length(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  (void)self, (void)args;
  lp_wiring_length l;
  lp_wiring_length_of(req->w, req->p, req->d, connections(req), &l);
  out->value = l.mean;
  out->chance = l.prior_mean;
  return LP_OK;
}

static lp_status over_distance(void *self, const lp_arg *args, const lp_measure_request *req,
                               lp_measured *out) {
  (void)self, (void)args;
  lp_wiring_length l;
  lp_wiring_length_of(req->w, req->p, req->d, connections(req), &l);
  out->value = l.weight_over_distance;
  return LP_OK;
}

static const lp_param prune_params[] = {
    {"keep", LP_PARAM_REAL, 10, 0, 100, NULL, "per cent of the connections that are kept"},
    {"rank", LP_PARAM_STRING, 0, 0, 0, "pw", "by |P W| (pw), |W| (w), |W| / (1 + d) (w_over_d)"}};

static lp_status pruned(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  static const char *const name[] = {"pw", "w", "w_over_d"}; /* by lp_prune_rank */
  (void)self;
  size_t n = connections(req);
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += req->d[k];
  out->chance = sum / (double)n; /* of connections that survive at random */
  for (int k = 0; k < 3; k++)
    if (strcmp(args[1].text, name[k]) == 0)
      return lp_pruned_length(req->w, req->p, req->d, n, (lp_prune_rank)k, args[0].value / 100,
                              req->seed, NULL, &out->value);
  return lp_fail(LP_ERR_ARG, "rank=%s: it is pw, w or w_over_d", args[1].text);
}

/* ---- graphs -------------------------------------------------------------------------------- */

static const lp_param graph_params[] = {
    {"strongest", LP_PARAM_REAL, 10, 0, 100, NULL, "per cent of |P W| that are edges"},
    {"graphs", LP_PARAM_INT, 20, 0, 1e4, NULL, "random ones beside it, or runs of Louvain's"}};

/* self: which of the five. */
static char of_modularity, of_clustering, of_efficiency, of_path, of_small_world;

static lp_status graph(void *self, const lp_arg *args, const lp_measure_request *req,
                       lp_measured *out) {
  uint32_t n = req->n_out, many = (uint32_t)args[1].value;
  size_t size = connections(req);
  uint8_t *edges = malloc(size + 1);
  uint32_t *part = malloc(sizeof *part * ((size_t)n + 1));
  double *v = malloc(sizeof *v * (size + 1));
  lp_status s = edges && part && v ? LP_OK : lp_no_memory("a graph of units");
  for (size_t k = 0; s == LP_OK && k < size; k++) v[k] = req->w[k] * (req->p ? req->p[k] : 1);
  if (s == LP_OK) s = lp_strongest_graph(v, n, args[0].value / 100, edges);
  if (s == LP_OK && self == &of_modularity)
    s = lp_louvain(edges, n, many, req->seed, part, &out->value);
  if (s == LP_OK && self != &of_modularity) {
    lp_graph_measures g;
    s = lp_graph_measure(edges, n, self == &of_small_world ? many : 0, req->seed, &g);
    if (self == &of_clustering) out->value = g.clustering;
    if (self == &of_efficiency) out->value = g.efficiency;
    if (self == &of_path) out->value = g.path_length;
    if (self == &of_small_world) out->value = g.sigma, out->chance = 1;
  }
  free(edges);
  free(part);
  free(v);
  return s;
}

static lp_status communicability(void *self, const lp_arg *args, const lp_measure_request *req,
                                 lp_measured *out) {
  (void)self, (void)args;
  size_t size = connections(req);
  double *c = malloc(sizeof *c * (size + 1)), sum = 0;
  if (!c) return lp_no_memory("a matrix exponential");
  lp_status s = lp_communicability(req->w, req->n_out, c);
  for (size_t k = 0; k < size; k++) sum += c[k];
  if (s == LP_OK && req->n_out > 1) out->value = sum / ((double)size - req->n_out);
  free(c);
  return s;
}

/* ---- like wires ------------------------------------------------------------------------------ */

/* Cosine of the incoming V of two units; a unit without wires has none with any. */
static double cosine(const lp_measure_request *req, uint32_t i, uint32_t j) {
  const size_t a = (size_t)i * req->n_in, b = (size_t)j * req->n_in;
  double xx = 0, yy = 0, xy = 0;
  for (uint32_t k = 0; k < req->n_in; k++) {
    const double x = req->w[a + k] * (req->p ? req->p[a + k] : 1),
                 y = req->w[b + k] * (req->p ? req->p[b + k] : 1);
    xx += x * x, yy += y * y, xy += x * y;
  }
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

static lp_status neighbour_cosine(void *self, const lp_arg *args, const lp_measure_request *req,
                                  lp_measured *out) {
  (void)self, (void)args;
  const lp_neighbours *near;
  lp_status s = lp_context_neighbours(req, LP_ROOK, &near);
  if (s != LP_OK) return s;
  double sum = 0, all = 0, pairs = 0, every = 0;
  for (uint32_t i = 0; i < req->n_out; i++) {
    for (uint32_t k = near->first[i]; k < near->first[i + 1]; k++) {
      const double c = near->other[k] > i ? cosine(req, i, near->other[k]) : NAN;
      if (!isnan(c)) sum += c, pairs++;
    }
    for (uint32_t j = 0; j < i; j++) {
      const double c = cosine(req, i, j);
      if (!isnan(c)) all += c, every++;
    }
  }
  if (pairs > 0) out->value = sum / pairs;
  if (every > 0) out->chance = all / every;
  return LP_OK;
}

/* ---- the rows ------------------------------------------------------------------------------ */

#define HEAD(n, t, u, src)                                                                         \
  .struct_size = sizeof(lp_measure), .name = n, .summary = t, .unit = u, .source = src,            \
  .takes = LP_TAKES_WEIGHTS
#define GRAPH(which, more_flags)                                                                   \
  .self = &(which), .flags = LP_MEASURE_SQUARE | (more_flags), ROW_PARAMS(graph_params),           \
  .value = graph

const lp_measure lp_rows_wiring[] = {
    {HEAD("wiring_length", "mean length of connections by |P W|; chance: by P alone",
          "unit spacings", ""),
     .label = "wiring length", .direction = "more: longer wires", .value = length},
    {HEAD("weight_distance", "correlation of |P W| with distance", "",
          "Achterberg et al., Nat Mach Intell 2023"),
     .label = "weight over distance", .direction = "more: longer wires stronger",
     .value = over_distance},
    {HEAD("neighbour_cosine", "mean cosine of the incoming P W of neighbouring units", "",
          "Lu et al., Nat Hum Behav 2025"),
     .label = "neighbours' cosine", .direction = "more: neighbours wired alike",
     .flags = LP_MEASURE_CUBIC, .value = neighbour_cosine},
    {HEAD("pruned_length", "mean length of what survives pruning; chance: at random",
          "unit spacings", "Blauch et al., PNAS 2022"),
     .label = "length after pruning", .direction = "more: longer wires", ROW_PARAMS(prune_params),
     .value = pruned},
    {HEAD("modularity", "Q of the best partition", "",
          "Newman, PNAS 2006; Blondel et al., J Stat Mech 2008"),
     .label = "modularity Q", .direction = "more: clearer modules", GRAPH(of_modularity, 0)},
    {HEAD("clustering", "of the graph of the strongest connections", "",
          "Watts & Strogatz, Nature 1998"),
     .label = "clustering", .direction = "more: neighbours joined",
     GRAPH(of_clustering, LP_MEASURE_CUBIC)},
    {HEAD("efficiency", "mean of 1 / path length", "", "Latora & Marchiori, PRL 2001"),
     .label = "global efficiency", .direction = "more: shorter paths",
     GRAPH(of_efficiency, LP_MEASURE_CUBIC)},
    {HEAD("path_length", "mean over pairs that a path joins", "edges",
          "Watts & Strogatz, Nature 1998"),
     .label = "path length", .direction = "more: longer paths", GRAPH(of_path, LP_MEASURE_CUBIC)},
    {HEAD("small_worldness", "sigma: (C / C0) / (L / L0)", "", "Humphries & Gurney, PLoS ONE 2008"),
     .label = "small-worldness", .direction = "more: clustered, with short paths",
     GRAPH(of_small_world, LP_MEASURE_CUBIC)},
    {HEAD("communicability", "mean over pairs of units", "",
          "Crofts & Higham, J R Soc Interface 2009; Achterberg et al., Nat Mach Intell 2023"),
     .label = "communicability", .direction = "more: more ways between units",
     .flags = LP_MEASURE_SQUARE | LP_MEASURE_CUBIC, .value = communicability},
};
const uint32_t lp_n_rows_wiring = sizeof lp_rows_wiring / sizeof *lp_rows_wiring;
