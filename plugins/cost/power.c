/* Wiring cost `power`: a power law with a length scale; s=1 with p=1, 1/2 or 2 is linear, sqrt or
 * quadratic. */
#include <locality/plugin.h>

#include <math.h>

static const lp_param params[] = {
    {"s", LP_PARAM_REAL, 1, 1e-6, 1e6, NULL, "length scale, in units of the sheet"},
    {"p", LP_PARAM_REAL, 1, 0, 64, NULL, "exponent"},
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  return pow(1 + d / args[0].value, -args[1].value);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "power",
    .summary = "P = (1 + d/s)^-p",
    .source = "generalises Sax 2017",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-power", "1.0", "Apache-2.0", "wiring cost: a power of distance", init, NULL)
