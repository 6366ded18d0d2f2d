/* Topology `torus`: a rectangular sheet whose opposite edges meet, so that no unit is at a border.
 */
#include <locality/plugin.h>

#include <math.h>

static const lp_host *host;

/* Rows x columns: what was asked for, with an open side filled in; the squarest factor pair with no
 * more rows than columns when both are open. */
static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  uint32_t rows = extent[0], columns = extent[1], asked = rows ? rows : columns;
  if (extent[2] > 1)
    return host->fail(LP_ERR_SHAPE, "topology torus: a sheet has rows and columns, no third axis");
  if (asked && (n % asked || (rows && columns && (uint64_t)rows * columns != n)))
    return host->fail(LP_ERR_SHAPE, "topology torus: %u units do not fill a sheet of %u x %u%s", n,
                      rows, columns, rows && columns ? "" : " (0: open)");
  if (!asked)
    for (uint32_t r = 1; (uint64_t)r * r <= n; r++)
      if (n % r == 0) rows = r;
  extent[0] = rows ? rows : n / columns;
  extent[1] = n / extent[0];
  return LP_OK;
}

/* Each axis the shorter way round. */
static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args;
  double dy = fabs(a[0] - b[0]), dx = fabs(a[1] - b[1]);
  dy = fmin(dy, s->period[0] - dy);
  dx = fmin(dx, s->period[1] - dx);
  switch (metric) {
  case LP_METRIC_L1:
    return dy + dx;
  case LP_METRIC_LINF:
    return fmax(dy, dx);
  default:
    return sqrt(dy * dy + dx * dx);
  }
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "torus",
    .summary = "units on a rectangular sheet whose opposite edges meet",
    .source = "",
    .ndim = 2,
    .extents = extents,
    .distance = distance,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-torus", "1.0", "Apache-2.0", "topology: a sheet without a border", init, NULL)
