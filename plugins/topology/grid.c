/* Topology `grid`: units on a rectangular sheet, no wrap-around. */
#include "lattice.h"

static const lp_host *host;

static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  return sheet_extents(host, "grid", n, extent);
}

static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)s;
  double dy = fabs(a[0] - b[0]), dx = fabs(a[1] - b[1]);
  return metric_length(metric, dy, dx);
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "grid",
    .summary = "units on a rectangular sheet, no wrap-around",
    .source = "Sax 2017",
    .ndim = 2,
    .extents = extents,
    .distance = distance,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-grid", "1.0", "Apache-2.0", "topology: a rectangular sheet", init, NULL)
