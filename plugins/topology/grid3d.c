/* Topology `grid3d`: units in a box of rows, columns and layers, no wrap-around, as the 5 x 5 x 4
 * of Achterberg et al., Nature Machine Intelligence, 2023. */
#include "lattice.h"

static const lp_host *host;

/* The extents of n units with the least surface, of sides that no longer fall. */
static void cubest(uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  double least = INFINITY;
  for (uint32_t a = 1; (uint64_t)a * a * a <= n; a++)
    for (uint32_t b = a; n % a == 0 && (uint64_t)a * b * b <= n; b++) {
      if (n / a % b) continue;
      const uint32_t c = n / a / b;
      const double surface = (double)a * b + (double)b * c + (double)a * c;
      if (surface < least) least = surface, extent[0] = c, extent[1] = b, extent[2] = a;
    }
}

/* All three as asked, or none: a box with an open side could be meant in many ways. */
static lp_status extents(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  if (!extent[0] && !extent[1] && !extent[2]) {
    cubest(n, extent);
    return LP_OK;
  }
  for (int a = 0; a < LP_MAX_AXES; a++)
    if (!extent[a]) extent[a] = 1;
  if ((double)extent[0] * extent[1] * extent[2] == n) return LP_OK;
  return host->fail(LP_ERR_SHAPE, "topology grid3d: %u units do not fill a box of %u x %u x %u", n,
                    extent[0], extent[1], extent[2]);
}

static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)s;
  const double flat = metric_length(metric, fabs(a[0] - b[0]), fabs(a[1] - b[1]));
  return metric_length(metric, flat, fabs(a[2] - b[2]));
}

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric;
  flat_span(s, d, span);
  (void)wrap;
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "grid3d",
    .summary = "units in a box of three axes, no wrap-around",
    .source = "Achterberg et al., Nature Machine Intelligence, 2023",
    .ndim = 3,
    .extents = extents,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-grid3d", "1.1", "Apache-2.0", "topology: a box of three axes", init, NULL)
