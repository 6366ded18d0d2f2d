/* Wiring cost `disk`: every unit within a radius is connected, none beyond it. */
#include <locality/plugin.h>

#include <math.h>

static const lp_param params[] = {
    {"r", LP_PARAM_REAL, 0, 0, 1e9, NULL, "radius, in units of the sheet; 0: f decides"},
    {"f", LP_PARAM_REAL, 0.25, 0, 2, NULL, "radius as a fraction of the longer side of a lattice"},
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self;
  double r = args[0].value;
  for (uint32_t a = 0; args[0].value == 0 && a < s->ndim; a++)
    r = fmax(r, args[1].value * s->period[a]);
  return d <= r * (1 + 1e-9) ? 1 : 0; /* a unit on the rim is inside, whatever the rounding */
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "disk",
    .summary = "P = 1 within a radius, 0 beyond",
    .source = "Blauch, Behrmann & Plaut, PNAS 2022",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-disk", "1.0", "Apache-2.0", "wiring cost: free within a radius", init, NULL)
