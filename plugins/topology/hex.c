/* Topology `hex`: units on a sheet of hexagons, each with six neighbours at distance 1: rows are
 * sqrt(3)/2 apart, and every second one is moved by half a unit. Distance is Euclidean along the
 * sheet; metric l1 and linf are measured along the same two axes. */
#include "lattice.h"

static const lp_host *host;

enum { ROWS };
static const lp_param params[] = {
    [ROWS] = {"rows", LP_PARAM_INT, 0, 0, 65536, NULL,
              "rows of both sheets; 0: the squarest sheet"},
};

static lp_status size_of(const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]) {
  extent[0] = (uint32_t)args[ROWS].value;
  extent[1] = extent[2] = 0;
  return sheet_extents(host, "hex", n, extent);
}

/* As fractions of the sheet, so that sheets of two sizes cover each other. */
static lp_status place(void *self, const lp_arg *args, uint32_t n, double *pos) {
  (void)self;
  uint32_t extent[LP_MAX_AXES];
  lp_status s = size_of(args, n, extent);
  for (uint32_t k = 0; s == LP_OK && k < n; k++) {
    const uint32_t row = k / extent[1], column = k % extent[1];
    pos[2 * k] = (row + 0.5) / extent[0];
    pos[2 * k + 1] = (column + (row % 2 ? 0.75 : 0.25)) / extent[1];
  }
  return s;
}

/* In units of the finer sheet. */
static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self;
  uint32_t extent[LP_MAX_AXES];
  if (size_of(args, s->n_out > s->n_in ? s->n_out : s->n_in, extent) != LP_OK) return 0;
  const double height = sqrt(3) / 2 * extent[0];
  return metric_length(metric, height * fabs(a[0] - b[0]), extent[1] * fabs(a[1] - b[1]));
}

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)metric, (void)wrap;
  uint32_t extent[LP_MAX_AXES];
  if (size_of(args, s->n_out > s->n_in ? s->n_out : s->n_in, extent) != LP_OK) return;
  span[0] = d / (sqrt(3) / 2 * extent[0]);
  span[1] = d / extent[1];
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "hex",
    .summary = "units on a sheet of hexagons, six neighbours each",
    .source = "",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .ndim = 2,
    .place = place,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-hex", "1.1", "Apache-2.0", "topology: a sheet of hexagons", init, NULL)
