/* Wiring cost `exponential`: the exponential distance rule. The default rate is the one measured in
 * macaque cortex (0.188 per mm), read as one unit of the sheet a millimetre. */
#include "cut.h"

enum { LAMBDA, CUT };
static const lp_param params[] = {
    [LAMBDA] = {"lambda", LP_PARAM_REAL, 0.188, 0, 1e3, NULL, "decay rate, per unit of the sheet"},
    [CUT] = CUT_PARAM,
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  if (d > cut_reach(args[CUT].value)) return 0;
  return exp(-args[LAMBDA].value * d);
}

static double reach(void *self, const lp_arg *args, const lp_sheets *s) {
  (void)self, (void)s;
  return cut_reach(args[CUT].value);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "exponential",
    .summary = "P = exp(-lambda d), 0 beyond cut",
    .source = "Ercsey-Ravasz et al., Neuron 2013; Horvat et al., PLoS Biol 2016",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
    .reach = reach,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-exponential", "1.1", "Apache-2.0", "wiring cost: exponential distance rule", init,
          NULL)
