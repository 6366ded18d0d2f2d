/* Wiring cost `exponential`: the exponential distance rule. The default rate is the one measured in
 * macaque cortex (0.188 per mm), read as one unit of the sheet a millimetre. */
#include <locality/plugin.h>

#include <math.h>

static const lp_param params[] = {
    {"lambda", LP_PARAM_REAL, 0.188, 0, 1e3, NULL, "decay rate, per unit of the sheet"},
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  return exp(-args[0].value * d);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "exponential",
    .summary = "P = exp(-lambda d)",
    .source = "Ercsey-Ravasz et al., Neuron 2013; Horvat et al., PLoS Biol 2016",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-exponential", "1.0", "Apache-2.0", "wiring cost: exponential distance rule", init,
          NULL)
