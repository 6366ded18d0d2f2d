/* Topology `sphere`: units on a sphere, evenly by the Fibonacci lattice (Gonzalez, Measurement of
 * areas on a sphere using Fibonacci and latitude-longitude lattices, Math Geosci 42, 2010);
 * distance is along the great circle, whatever the metric. The radius gives every unit of the finer
 * sheet an area of 1, so that neighbours are about as far apart as on a grid. */
#include <locality/plugin.h>

#include <math.h>

/* Directions from the centre. */
static lp_status place(void *self, const lp_arg *args, uint32_t n, double *pos) {
  (void)self, (void)args;
  const double golden = M_PI * (3 - sqrt(5));
  for (uint32_t k = 0; k < n; k++) {
    const double z = 1 - (2 * k + 1.0) / n, r = sqrt(1 - z * z), turn = golden * k;
    pos[3 * k] = r * cos(turn);
    pos[3 * k + 1] = r * sin(turn);
    pos[3 * k + 2] = z;
  }
  return LP_OK;
}

static double radius_of(const lp_sheets *s) {
  const double n = s->n_out > s->n_in ? s->n_out : s->n_in;
  return sqrt(n / (4 * M_PI));
}

static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)metric;
  const double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2],
               z = a[0] * b[1] - a[1] * b[0];
  /* By both sine and cosine: exact for near and for opposite units, too. */
  return radius_of(s) * atan2(sqrt(x * x + y * y + z * z), a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

/* No coordinate differs by more than the chord. */
static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric, (void)wrap;
  for (int k = 0; k < LP_MAX_AXES; k++) span[k] = 2 * sin(fmin(d / radius_of(s), M_PI) / 2);
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "sphere",
    .summary = "units spread evenly over a sphere, distance along the great circle",
    .source = "Gonzalez, Math Geosci, 2010",
    .ndim = 3,
    .place = place,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_topology(r, &topology);
}

LP_PLUGIN("topology-sphere", "1.1", "Apache-2.0", "topology: a sphere", init, NULL)
