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

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric;
  flat_span(s, d, span);
  (void)wrap;
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "grid",
    .summary = "units on a rectangular sheet, no wrap-around",
    .source = "Sax 2017",
    .ndim = 2,
    .extents = extents,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-grid", "1.1", "Apache-2.0", "topology: a rectangular sheet", init, NULL)
