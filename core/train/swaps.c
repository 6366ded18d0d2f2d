/* Exchanges of places, one pair of units at a time, as long as one of them lowers a cost: the swaps
 * of Liu, Gan & Tegmark (arXiv 2305.08746, 2023), and of Margalit et al. (Neuron, 2024) for
 * positions.
 */
#include "train_internal.h"

#include <math.h>
#include <stdlib.h>

/* What changes when units u and v, which stand at p and q, exchange their places; below 0 is
 * better. The cost of a unit at a place is known where the units that it is wired with stay. */
static double wiring_change(const double *cost, uint32_t n, const uint32_t *place, uint32_t u,
                            uint32_t v) {
  const double *a = cost + (size_t)u * n, *b = cost + (size_t)v * n;
  const uint32_t p = place[u], q = place[v];
  return a[q] + b[p] - a[p] - b[q];
}

/* Of the sum of r_ij s_pq over ordered pairs, times -1/2, r between units and s between places. */
static double alignment_change(const double *r, const double *s, uint32_t n, const uint32_t *place,
                               uint32_t u, uint32_t v) {
  const double *ru = r + (size_t)u * n, *rv = r + (size_t)v * n;
  const double *sp = s + (size_t)place[u] * n, *sq = s + (size_t)place[v] * n;
  double sum = 0;
  for (uint32_t k = 0; k < n; k++)
    if (k != u && k != v) sum += (ru[k] - rv[k]) * (sp[place[k]] - sq[place[k]]);
  return sum;
}

uint32_t lp_swap_places(const lp_swap_cost *c, const uint32_t *order, uint32_t rounds,
                        uint32_t *place) {
  const uint32_t n = c->n;
  uint32_t swaps = 0, before;
  do {
    before = swaps;
    for (uint32_t i = 0; i < n; i++) {
      const uint32_t u = order[i];
      uint32_t best = u;
      double least = -c->least;
      for (uint32_t v = 0; v < n; v++) {
        if (v == u) continue;
        const double change = c->wiring ? wiring_change(c->wiring, n, place, u, v)
                                        : alignment_change(c->r, c->s, n, place, u, v);
        if (change < least) best = v, least = change;
      }
      if (best == u) continue;
      const uint32_t p = place[u];
      place[u] = place[best], place[best] = p;
      swaps++;
    }
  } while (swaps > before && --rounds);
  return swaps;
}
