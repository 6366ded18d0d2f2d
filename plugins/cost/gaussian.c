/* Wiring cost `gaussian`: the density of local connections falls off as a bell curve. */
#include "cut.h"

enum { SIGMA, CUT };
static const lp_param params[] = {
    [SIGMA] = {"sigma", LP_PARAM_REAL, 2, 1e-3, 1e6, NULL,
               "standard deviation, in units of the sheet"},
    [CUT] = CUT_PARAM,
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  if (d > cut_reach(args[CUT].value)) return 0;
  double z = d / args[SIGMA].value;
  return exp(-z * z / 2);
}

static double reach(void *self, const lp_arg *args, const lp_sheets *s) {
  (void)self, (void)s;
  return cut_reach(args[CUT].value);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "gaussian",
    .summary = "P = exp(-d^2 / (2 sigma^2)), 0 beyond cut",
    .source = "Blauch, Behrmann & Plaut, PNAS 2022",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
    .reach = reach,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-gaussian", "1.1", "Apache-2.0", "wiring cost: a bell curve of distance", init, NULL)
