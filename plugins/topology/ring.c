/* Topology `ring`: units in a row whose ends meet. */
#include "lattice.h"

#include <string.h>

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

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric;
  flat_span(s, d, span);
  memcpy(wrap, s->period, LP_MAX_AXES * sizeof *wrap);
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "ring",
    .summary = "units in a row whose ends meet",
    .source = "",
    .ndim = 1,
    .extents = extents,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-ring", "1.1", "Apache-2.0", "topology: a row whose ends meet", init, NULL)
