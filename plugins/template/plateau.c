/* Wiring cost `plateau`: wire is free up to a distance r, then costs 1 more for every unit. */
#include <locality/plugin.h>

/* What a user may set: "plateau:r=3". Values are checked before they get here. */
static const lp_param params[] = {
    {"r", LP_PARAM_REAL, 1, 0, 1e6, NULL, "distance that is free, in units of the sheet"},
};

/* The signal that arrives over a distance d, 1 / cost. */
static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  double r = args[0].value;
  return d <= r ? 1 : 1 / (1 + d - r);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "plateau",
    .summary = "P = 1 up to r, then 1 / (1 + d - r)",
    .source = "", /* author, venue, year, if it is published */
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-plateau", "1.0", "Apache-2.0", "wiring cost: free up to a distance", init, NULL)
