/* Topology `torus`: a rectangular sheet whose opposite edges meet, so that no unit is at a border.
 */
#include "lattice.h"

#include <string.h>

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

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric;
  flat_span(s, d, span);
  memcpy(wrap, s->period, LP_MAX_AXES * sizeof *wrap);
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "torus",
    .summary = "units on a rectangular sheet whose opposite edges meet",
    .source = "",
    .ndim = 2,
    .extents = extents,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-torus", "1.1", "Apache-2.0", "topology: a sheet without a border", init, NULL)
