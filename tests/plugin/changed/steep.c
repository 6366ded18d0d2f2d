/* One module in several states of its source, STEEP, under one name and version: what an author
 * changes between two runs. STEEP 0 makes every signal 1, which needs no constants at all. */
#include <locality/plugin.h>

#include <math.h>

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return 1 / (1 + STEEP * d);
}

static const lp_cost cost = {
    .struct_size = sizeof cost, .name = "steep", .summary = "for tests", .signal = signal};

static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  extent[0] = n;
  extent[1] = 0;
  return LP_OK;
}

static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return STEEP * fabs(a[0] - b[0]);
}

static const lp_topology topology = {.struct_size = sizeof topology,
                                     .name = "slope",
                                     .summary = "for tests",
                                     .ndim = 1,
                                     .extents = extents,
                                     .distance = distance};

static lp_status init(const lp_host *host, lp_registrar *r) {
  lp_status s = host->add_cost(r, &cost);
  return s == LP_OK ? host->add_topology(r, &topology) : s;
}

LP_PLUGIN("steep", "1.0", "Apache-2.0", "changes under one version", init, NULL)
