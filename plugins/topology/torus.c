/* Topology `torus`: a rectangular sheet whose opposite edges meet, so that no unit is at a border.
 */
#include "lattice.h"

static const lp_host *host;

static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  return sheet_extents(host, "torus", n, extent);
}

/* Each axis the shorter way round. */
static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args;
  double dy = fabs(a[0] - b[0]), dx = fabs(a[1] - b[1]);
  dy = fmin(dy, s->period[0] - dy);
  dx = fmin(dx, s->period[1] - dx);
  return metric_length(metric, dy, dx);
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
