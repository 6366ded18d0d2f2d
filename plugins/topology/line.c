/* Topology `line`: units in a row, no wrap-around. */
#include "lattice.h"

static const lp_host *host;

static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  return row_extents(host, "line", n, extent);
}

/* On one axis the three metrics are the same. */
static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return fabs(a[0] - b[0]);
}

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric;
  flat_span(s, d, span);
  (void)wrap;
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "line",
    .summary = "units in a row, no wrap-around",
    .source = "Sax 2017",
    .ndim = 1,
    .extents = extents,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-line", "1.1", "Apache-2.0", "topology: units in a row", init, NULL)
