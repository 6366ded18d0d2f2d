/* Wiring cost `disk`: every unit within a radius is connected, none beyond it. */
#include "cut.h"

static const lp_param params[] = {
    {"r", LP_PARAM_REAL, 0, 0, 1e9, NULL, "radius, in units of the sheet; 0: f decides"},
    {"f", LP_PARAM_REAL, 0.25, 0, 2, NULL, "radius as a fraction of the longer side of a lattice"},
};

static double reach(void *self, const lp_arg *args, const lp_sheets *s) {
  (void)self;
  double r = args[0].value;
  for (uint32_t a = 0; args[0].value == 0 && a < s->ndim; a++)
    r = fmax(r, args[1].value * s->period[a]);
  return rim(r);
}

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  return d <= reach(self, args, s) ? 1 : 0;
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "disk",
    .summary = "P = 1 within a radius, 0 beyond",
    .source = "Blauch, Behrmann & Plaut, PNAS 2022",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
    .reach = reach,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-disk", "1.1", "Apache-2.0", "wiring cost: free within a radius", init, NULL)
