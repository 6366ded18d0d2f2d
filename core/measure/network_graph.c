/* Graphs of the strongest connections: communities, paths, small worlds. */
#include "measure_internal.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_strongest_graph(const double *v, uint32_t n, double share, uint8_t *adjacency) {
  if (!(share >= 0 && share <= 1))
    return lp_fail(LP_ERR_ARG, "a share of %g of connections", share);
  size_t size = (size_t)n * n, off = size - n;
  double *value = malloc(sizeof *value * (size + 1));
  for (size_t k = 0; value && k < size; k++) value[k] = k / n == k % n ? INFINITY : -fabs(v[k]);
  uint32_t *order = value && size <= UINT32_MAX ? lp_ascending(value, size) : NULL;
  free(value);
  if (!order) return lp_no_memory("an order of connections");
  memset(adjacency, 0, size);
  for (size_t k = 0; k < (size_t)llround(share * (double)off); k++) {
    size_t i = order[k] / n, j = order[k] % n;
    if (v[order[k]] == 0) break; /* no connection, and so are all that follow */
    adjacency[i * n + j] = adjacency[j * n + i] = 1;
  }
  free(order);
  return LP_OK;
}

double lp_modularity(const uint8_t *adjacency, uint32_t n, const uint32_t *partition) {
  double *degree = calloc((size_t)n + 1, sizeof *degree), inside = 0, twice = 0, expected = 0;
  if (!degree) return NAN;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++) {
      if (i == j || !adjacency[(size_t)i * n + j]) continue;
      degree[i]++;
      twice++;
      inside += partition[i] == partition[j];
    }
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++)
      if (partition[i] == partition[j]) expected += degree[i] * degree[j];
  free(degree);
  return twice > 0 ? inside / twice - expected / (twice * twice) : NAN;
}

/* ---- Louvain ------------------------------------------------------------------------------- */

/* A weighted graph of communities. Self-weights count their edges twice. */
typedef struct level {
  uint32_t n;
  double *weight;              /* n x n */
  double *degree, *total, *to; /* of nodes; of communities; of the node at hand to communities */
  uint32_t *community, *order;
} level;

static void level_free(level *l) {
  free(l->weight);
  free(l->degree);
  free(l->total);
  free(l->to);
  free(l->community);
  free(l->order);
}

static bool level_new(level *l, uint32_t n) {
  *l = (level){n,
               calloc((size_t)n * n + 1, sizeof(double)),
               calloc((size_t)n + 1, sizeof(double)),
               calloc((size_t)n + 1, sizeof(double)),
               calloc((size_t)n + 1, sizeof(double)),
               calloc((size_t)n + 1, sizeof(uint32_t)),
               calloc((size_t)n + 1, sizeof(uint32_t))};
  return l->weight && l->degree && l->total && l->to && l->community && l->order;
}

/* Moves nodes, in the order, to the community that gains most until none gains. */
static bool move_nodes(level *l, double twice) {
  bool any = false, moved = true;
  for (uint32_t i = 0; i < l->n; i++) {
    l->community[i] = i;
    l->degree[i] = 0;
    for (uint32_t j = 0; j < l->n; j++) l->degree[i] += l->weight[(size_t)i * l->n + j];
    l->total[i] = l->degree[i];
  }
  while (moved) {
    moved = false;
    for (uint32_t k = 0; k < l->n; k++) {
      uint32_t i = l->order[k], own = l->community[i], best = own;
      memset(l->to, 0, sizeof *l->to * l->n);
      for (uint32_t j = 0; j < l->n; j++)
        if (j != i) l->to[l->community[j]] += l->weight[(size_t)i * l->n + j];
      l->total[own] -= l->degree[i];
      double gain = l->to[own] - l->total[own] * l->degree[i] / twice;
      for (uint32_t c = 0; c < l->n; c++) {
        double g = l->to[c] - l->total[c] * l->degree[i] / twice;
        if (l->to[c] > 0 && g > gain + 1e-12) gain = g, best = c;
      }
      l->total[best] += l->degree[i];
      l->community[i] = best;
      moved |= best != own;
    }
    any |= moved;
  }
  return any;
}

/* Numbers the communities from 0 in the order of their first node; returns how many. */
static uint32_t renumber(uint32_t *community, uint32_t n, uint32_t *name) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < n; i++) name[i] = UINT32_MAX;
  for (uint32_t i = 0; i < n; i++) {
    if (name[community[i]] == UINT32_MAX) name[community[i]] = count++;
    community[i] = name[community[i]];
  }
  return count;
}

static bool louvain_once(const uint8_t *adjacency, uint32_t n, double twice, uint64_t seed,
                         uint32_t round, uint32_t *partition) {
  level l;
  bool memory = level_new(&l, n);
  for (uint32_t i = 0; memory && i < n; i++) {
    partition[i] = i;
    for (uint32_t j = 0; j < n; j++)
      l.weight[(size_t)i * n + j] = i != j && adjacency[(size_t)i * n + j];
  }
  for (uint32_t depth = 0; memory; depth++) {
    lp_rng_permutation(seed + depth, lp_rng_stream("measure/louvain"), round, l.order, l.n);
    if (!move_nodes(&l, twice)) break;
    uint32_t count = renumber(l.community, l.n, l.order);
    for (uint32_t i = 0; i < n; i++) partition[i] = l.community[partition[i]];
    level next;
    memory = level_new(&next, count);
    for (uint32_t i = 0; memory && i < l.n; i++)
      for (uint32_t j = 0; j < l.n; j++)
        next.weight[(size_t)l.community[i] * count + l.community[j]] +=
            l.weight[(size_t)i * l.n + j];
    level_free(&l);
    l = next;
  }
  level_free(&l);
  return memory;
}

lp_status lp_louvain(const uint8_t *adjacency, uint32_t n, uint32_t tries, uint64_t seed,
                     uint32_t *partition, double *q) {
  uint32_t *own = malloc(sizeof *own * 2 * ((size_t)n + 1));
  double twice = 0;
  *q = NAN;
  if (!own) return lp_no_memory("communities");
  for (size_t k = 0; k < (size_t)n * n; k++) twice += k / n != k % n && adjacency[k];
  for (uint32_t i = 0; i < n; i++) partition[i] = i;
  bool memory = true;
  for (uint32_t k = 0; memory && twice > 0 && k < tries; k++) {
    memory = louvain_once(adjacency, n, twice, seed, k, own);
    double got = memory ? lp_modularity(adjacency, n, own) : NAN;
    if (!(got > *q) && !isnan(*q)) continue;
    *q = got;
    memcpy(partition, own, sizeof *own * n);
  }
  renumber(partition, n, own + n);
  free(own);
  return memory ? LP_OK : lp_no_memory("communities");
}

/* ---- paths and clusters -------------------------------------------------------------------- */

/* A graph as lists; every edge stands in both of its ends'. */
typedef struct lists {
  uint32_t n, *first, *other;
} lists;

static bool lists_of(const uint8_t *adjacency, uint32_t n, lists *l) {
  size_t ends = 0;
  for (size_t k = 0; k < (size_t)n * n; k++) ends += k / n != k % n && adjacency[k];
  *l = (lists){n, calloc((size_t)n + 1, sizeof *l->first), malloc(sizeof *l->other * (ends + 1))};
  if (!l->first || !l->other) return false;
  for (uint32_t i = 0, k = 0; i < n; i++) {
    l->first[i] = k;
    for (uint32_t j = 0; j < n; j++)
      if (i != j && adjacency[(size_t)i * n + j]) l->other[k++] = j;
    l->first[i + 1] = k;
  }
  return true;
}

static double clustering_of(const uint8_t *adjacency, const lists *l) {
  double sum = 0;
  for (uint32_t i = 0; i < l->n; i++) {
    double degree = l->first[i + 1] - l->first[i], joined = 0;
    for (uint32_t a = l->first[i]; a < l->first[i + 1]; a++)
      for (uint32_t b = l->first[i]; b < a; b++)
        joined += adjacency[(size_t)l->other[a] * l->n + l->other[b]];
    if (degree > 1) sum += 2 * joined / (degree * (degree - 1));
  }
  return l->n ? sum / l->n : NAN;
}

/* By breadth-first search from each unit. distance, queue: n. */
static void paths_of(const lists *l, uint32_t *distance, uint32_t *queue, lp_graph_measures *out) {
  double efficiency = 0, length = 0, joined = 0, pairs = (double)l->n * (l->n - 1.0);
  for (uint32_t i = 0; i < l->n; i++) {
    uint32_t head = 0, tail = 0;
    for (uint32_t j = 0; j < l->n; j++) distance[j] = UINT32_MAX;
    distance[i] = 0;
    queue[tail++] = i;
    while (head < tail) {
      uint32_t u = queue[head++];
      for (uint32_t e = l->first[u]; e < l->first[u + 1]; e++) {
        uint32_t v = l->other[e];
        if (distance[v] != UINT32_MAX) continue;
        distance[v] = distance[u] + 1;
        efficiency += 1.0 / distance[v];
        length += distance[v];
        joined++;
        queue[tail++] = v;
      }
    }
  }
  out->efficiency = pairs > 0 ? efficiency / pairs : NAN;
  out->path_length = joined > 0 ? length / joined : NAN;
  out->unjoined = (uint64_t)((pairs - joined) / 2);
}

static bool measure_graph(const uint8_t *adjacency, uint32_t n, lp_graph_measures *out) {
  lists l = {0};
  uint32_t *room = malloc(sizeof *room * 2 * ((size_t)n + 1));
  bool memory = lists_of(adjacency, n, &l) && room;
  if (memory) {
    out->clustering = clustering_of(adjacency, &l);
    paths_of(&l, room, room + n, out);
  }
  free(l.first);
  free(l.other);
  free(room);
  return memory;
}

/* Swaps the ends of pairs of edges where that makes no loop and no edge twice. */
static bool rewire(uint8_t *adjacency, uint32_t n, uint64_t seed, uint32_t round) {
  uint32_t(*edge)[2] = NULL, m = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < i; j++) m += adjacency[(size_t)i * n + j];
  edge = malloc(sizeof *edge * ((size_t)m + 1));
  if (!edge) return false;
  m = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < i; j++)
      if (adjacency[(size_t)i * n + j]) edge[m][0] = i, edge[m++][1] = j;
  lp_rng rng = lp_rng_make(seed, "measure/rewiring");
  rng.round = round;
  for (uint64_t k = 0; m > 1 && k < 10 * (uint64_t)m; k++) {
    uint32_t x = lp_rng_below(&rng, m), y = lp_rng_below(&rng, m), flip = lp_rng_below(&rng, 2);
    uint32_t a = edge[x][0], b = edge[x][1], c = edge[y][flip], d = edge[y][!flip];
    if (a == c || a == d || b == c || b == d || adjacency[(size_t)a * n + d] ||
        adjacency[(size_t)c * n + b])
      continue;
    adjacency[(size_t)a * n + b] = adjacency[(size_t)b * n + a] = 0;
    adjacency[(size_t)c * n + d] = adjacency[(size_t)d * n + c] = 0;
    adjacency[(size_t)a * n + d] = adjacency[(size_t)d * n + a] = 1;
    adjacency[(size_t)c * n + b] = adjacency[(size_t)b * n + c] = 1;
    edge[x][1] = d;
    edge[y][0] = c;
    edge[y][1] = b;
  }
  free(edge);
  return true;
}

lp_status lp_graph_measure(const uint8_t *adjacency, uint32_t n, uint32_t rewired, uint64_t seed,
                           lp_graph_measures *out) {
  *out = (lp_graph_measures){NAN, NAN, NAN, NAN, 0};
  lp_graph_measures *null = calloc((size_t)rewired + 1, sizeof *null);
  bool memory = null && measure_graph(adjacency, n, out);
#pragma omp parallel for schedule(dynamic)
  for (uint32_t k = 0; k < rewired; k++) {
    size_t size = (size_t)n * n;
    uint8_t *copy = memory ? malloc(size + 1) : NULL;
    if (copy) memcpy(copy, adjacency, size);
    if (!copy || !rewire(copy, n, seed, k) || !measure_graph(copy, n, &null[k]))
      null[k].efficiency = -1;
    free(copy);
  }
  double c = 0, l = 0, graphs = 0;
  for (uint32_t k = 0; memory && k < rewired; k++) {
    memory = null[k].efficiency != -1;
    c += null[k].clustering;
    l += null[k].path_length;
    graphs++;
  }
  if (graphs > 0 && c > 0)
    out->sigma = out->clustering / (c / graphs) / (out->path_length / (l / graphs));
  free(null);
  return memory ? LP_OK : lp_no_memory("graphs of units");
}
