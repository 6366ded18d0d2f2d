/* Wiring cost `gaussian`: the density of local connections falls off as a bell curve. */
#include <locality/plugin.h>

#include <math.h>

static const lp_param params[] = {
    {"sigma", LP_PARAM_REAL, 2, 1e-3, 1e6, NULL, "standard deviation, in units of the sheet"},
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  double z = d / args[0].value;
  return exp(-z * z / 2);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "gaussian",
    .summary = "P = exp(-d^2 / (2 sigma^2))",
    .source = "Blauch, Behrmann & Plaut, PNAS 2022",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-gaussian", "1.0", "Apache-2.0", "wiring cost: a bell curve of distance", init, NULL)
