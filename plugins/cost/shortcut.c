/* Wiring cost `shortcut`: exponential decay over a floor of long-range connections. */
#include <locality/plugin.h>

#include <math.h>

static const lp_param params[] = {
    {"eps", LP_PARAM_REAL, 0.05, 0, 1, NULL, "signal that arrives over any distance"},
    {"lambda", LP_PARAM_REAL, 0.188, 0, 1e3, NULL, "decay rate, per unit of the sheet"},
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  double eps = args[0].value;
  return (1 - eps) * exp(-args[1].value * d) + eps;
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "shortcut",
    .summary = "P = (1 - eps) exp(-lambda d) + eps",
    .source = "after Kaiser & Hilgetag, PLoS Comput Biol 2006",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-shortcut", "1.0", "Apache-2.0", "wiring cost: decay with a long-range floor", init,
          NULL)
