/* Wiring cost `quadratic`: cost grows as (1 + d) squared. */
#include <locality/plugin.h>

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return 1 / ((1 + d) * (1 + d));
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "quadratic",
    .summary = "P = (1 + d)^-2",
    .source = "Sax, Locality Prior: a wiring cost for neural networks, 2017",
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-quadratic", "1.0", "Apache-2.0", "wiring cost: (1 + d)^2", init, NULL)
