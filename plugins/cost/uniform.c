/* Wiring cost `uniform`: wire is free, so the layer is a plain one (a control). */
#include <locality/plugin.h>

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s, (void)d;
  return 1;
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "uniform",
    .summary = "P = 1",
    .source = "",
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-uniform", "1.0", "Apache-2.0", "no wiring cost (control)", init, NULL)
