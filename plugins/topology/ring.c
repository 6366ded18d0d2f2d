/* Topology `ring`: units in a row whose ends meet. */
#include "lattice.h"

static const lp_host *host;

static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  return row_extents(host, "ring", n, extent);
}

/* The shorter way round; on one axis the three metrics are the same. */
static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)metric;
  double d = fabs(a[0] - b[0]);
  return fmin(d, s->period[0] - d);
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "ring",
    .summary = "units in a row whose ends meet",
    .source = "",
    .ndim = 1,
    .extents = extents,
    .distance = distance,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-ring", "1.0", "Apache-2.0", "topology: a row whose ends meet", init, NULL)
