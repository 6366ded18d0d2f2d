/* What topologies on lattices share: extents of a row and of a sheet, and the metrics. */
#ifndef TOPOLOGY_LATTICE_H
#define TOPOLOGY_LATTICE_H

#include <locality/plugin.h>

#include <math.h>

/* One axis of n units; a sheet asked for as R x S is unrolled row-major. */
static inline lp_status row_extents(const lp_host *host, const char *topology, uint32_t n,
                                    uint32_t extent[LP_MAX_AXES]) {
  uint64_t product = 1; /* stops growing beyond n: it must not wrap round to it */
  for (uint32_t a = 0; a < LP_MAX_AXES; a++)
    if (extent[a] && product <= n) product *= extent[a];
  if (extent[0] && product != n)
    return host->fail(LP_ERR_SHAPE, "topology %s: the sheet asked for has %s%llu units, not %u",
                      topology, product > n ? "at least " : "", (unsigned long long)product, n);
  extent[0] = n;
  return LP_OK;
}

/* Rows x columns: what was asked for, with an open side filled in; the squarest factor pair with no
 * more rows than columns when both are open. */
static inline lp_status sheet_extents(const lp_host *host, const char *topology, uint32_t n,
                                      uint32_t extent[LP_MAX_AXES]) {
  uint32_t rows = extent[0], columns = extent[1], asked = rows ? rows : columns;
  if (extent[2] > 1)
    return host->fail(LP_ERR_SHAPE, "topology %s: a sheet has rows and columns, no third axis",
                      topology);
  if (asked && (n % asked || (rows && columns && (uint64_t)rows * columns != n)))
    return host->fail(LP_ERR_SHAPE, "topology %s: %u units do not fill a sheet of %u x %u%s",
                      topology, n, rows, columns, rows && columns ? "" : " (0: open)");
  if (!asked)
    for (rows = (uint32_t)sqrt(n); n % rows;) rows--;
  extent[0] = rows ? rows : n / columns;
  extent[1] = n / extent[0];
  return LP_OK;
}

/* lp_topology.span where no coordinate differs by more than the distance, whatever the metric. */
static inline void flat_span(const lp_sheets *s, double d, double span[LP_MAX_AXES]) {
  for (uint32_t k = 0; k < s->ndim; k++) span[k] = d;
}

/* Length of a displacement on two axes, both at least 0. */
static inline double metric_length(lp_metric metric, double dy, double dx) {
  switch (metric) {
  case LP_METRIC_L1:
    return dy + dx;
  case LP_METRIC_LINF:
    return fmax(dy, dx);
  default:
    return sqrt(dy * dy + dx * dx);
  }
}

#endif
