/* Rows of the table: measures of the weights between the units of a site. */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t connections(const lp_measure_request *req) {
  return (size_t)req->n_out * req->n_in;
}

/* The curve: shares of |P W|, and of |P| as chance, that go over lengths in equal bins. */
static void length_shares(const lp_measure_request *req, lp_measured *out) {
  double largest = 0, share[LP_BINS] = {0}, prior[LP_BINS] = {0}, sum = 0, prior_sum = 0;
  const size_t n = connections(req);
  for (size_t k = 0; k < n; k++)
    if (isfinite(req->d[k])) largest = fmax(largest, req->d[k]);
  const distance_bins bins = bins_up_to(largest);
  for (size_t k = 0; k < n; k++) {
    if (!isfinite(req->d[k])) continue;
    const double p = req->p ? fabs(req->p[k]) : 1, v = p * fabs(req->w[k]);
    const int bin = bin_of(&bins, req->d[k]);
    share[bin] += v, sum += v;
    prior[bin] += p, prior_sum += p;
  }
  if (!(largest > 0 && sum > 0)) return;
  out->n_curve = LP_BINS;
  for (int k = 0; k < LP_BINS; k++) {
    out->x[k] = (bins.edge[k] + bins.edge[k + 1]) / 2;
    out->y[k] = share[k] / sum;
    out->y_low[k] = out->y_high[k] = prior[k] / prior_sum;
  }
}

static lp_status length(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  (void)self, (void)args;
  lp_wiring_length l;
  lp_wiring_length_of(req->w, req->p, req->d, connections(req), &l);
  out->value = l.mean;
  out->chance = l.prior_mean;
  length_shares(req, out);
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

/* The graph of the strongest |P W|; edges: n x n. */
static lp_status strongest(const lp_measure_request *req, double per_cent, uint8_t *edges) {
  const size_t size = connections(req);
  double *v = malloc(sizeof *v * (size + 1));
  if (!v) return lp_no_memory("a graph of units");
  for (size_t k = 0; k < size; k++) v[k] = req->w[k] * (req->p ? req->p[k] : 1);
  lp_status s = lp_strongest_graph(v, req->n_out, per_cent / 100, edges);
  free(v);
  return s;
}

static lp_status graph(void *self, const lp_arg *args, const lp_measure_request *req,
                       lp_measured *out) {
  uint32_t n = req->n_out, many = (uint32_t)args[1].value;
  size_t size = connections(req);
  uint8_t *edges = malloc(size + 1);
  uint32_t *part = malloc(sizeof *part * ((size_t)n + 1));
  lp_status s = edges && part ? LP_OK : lp_no_memory("a graph of units");
  if (s == LP_OK) s = strongest(req, args[0].value, edges);
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
  return s;
}

/* Equal bins of degrees; the last holds all above it too. */
typedef struct degree_bins {
  uint32_t n, width;
} degree_bins;

static uint32_t degree_bin(const degree_bins *b, uint32_t degree) {
  const uint32_t k = degree / b->width;
  return k < b->n ? k : b->n - 1;
}

/* Of a graph of n units with as many edges at random a unit's degree is hypergeometric: `edges`
 * draws from the pairs of units, n - 1 of which are its own. share: of units in each bin. Returns
 * the standard deviation. */
static double random_degrees(double n, double edges, const degree_bins *b, double *share) {
  const double pairs = n * (n - 1) / 2, own = n - 1;
  const uint32_t first = (uint32_t)fmax(0, edges - (pairs - own)),
                 last = (uint32_t)fmin(own, edges);
  double largest = 0, sum = 0;
  for (int pass = 0; pass < 2; pass++) { /* the first finds the largest, which keeps exp in range */
    double log_p = 0;
    for (uint32_t k = first; k <= last; k++) {
      largest = fmax(largest, log_p);
      const double p = exp(log_p - largest);
      if (pass) share[degree_bin(b, k)] += p, sum += p;
      log_p += log((own - k) * (edges - k) / ((k + 1.0) * (pairs - own - edges + k + 1)));
    }
  }
  for (uint32_t k = 0; k < b->n; k++) share[k] /= sum;
  return pairs > 1 ? sqrt(edges * own / pairs * (1 - own / pairs) * (pairs - edges) / (pairs - 1))
                   : 0;
}

/* Bins reach to twice the largest mean degree that so many connections can give. */
static lp_status degree(void *self, const lp_arg *args, const lp_measure_request *req,
                        lp_measured *out) {
  (void)self;
  const uint32_t n = req->n_out;
  uint8_t *edges = malloc(connections(req) + 1);
  lp_status s = edges ? strongest(req, args[0].value, edges) : lp_no_memory("a graph of units");
  const double most = fmin(n - 1.0, ceil(args[0].value / 100 * 4 * (n - 1.0)));
  degree_bins b = {.width = (uint32_t)fmax(1, ceil((most + 1) / LP_MEASURE_CURVE))};
  b.n = (uint32_t)ceil((most + 1) / b.width);
  double share[LP_MEASURE_CURVE] = {0}, chance[LP_MEASURE_CURVE] = {0}, sum = 0, squares = 0;
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    uint32_t joined = 0;
    for (uint32_t j = 0; j < n; j++) joined += edges[(size_t)i * n + j];
    share[degree_bin(&b, joined)] += 1.0 / n;
    sum += joined;
    squares += (double)joined * joined;
  }
  free(edges);
  if (s != LP_OK || !(sum > 0)) return s;
  out->value = sqrt(fmax(0, squares / n - sum / n * (sum / n)));
  out->chance = random_degrees(n, sum / 2, &b, chance);
  out->n_curve = b.n;
  for (uint32_t k = 0; k < b.n; k++) {
    out->x[k] = b.width * (k + 0.5) - 0.5;
    out->y[k] = share[k];
    out->y_low[k] = out->y_high[k] = chance[k];
  }
  return LP_OK;
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
    {HEAD("wiring_length",
          "mean length of connections by |P W|, and their shares; chance: by P alone",
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
    {HEAD("degree", "standard deviation of units' degrees; chance: with edges at random", "",
          "Rubinov & Sporns, NeuroImage 2010"),
     .label = "spread of degree", .direction = "more: hubs", .flags = LP_MEASURE_SQUARE,
     .params = graph_params, .n_params = 1, .value = degree},
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
