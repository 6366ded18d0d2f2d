/* Wiring cost `power`: a power law with a length scale; s=1 with p=1, 1/2 or 2 is linear, sqrt or
 * quadratic. */
#include "cut.h"

enum { S, P, CUT };
static const lp_param params[] = {
    [S] = {"s", LP_PARAM_REAL, 1, 1e-6, 1e6, NULL, "length scale, in units of the sheet"},
    [P] = {"p", LP_PARAM_REAL, 1, 0, 64, NULL, "exponent"},
    [CUT] = CUT_PARAM,
};

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  if (d > cut_reach(args[CUT].value)) return 0;
  return pow(1 + d / args[S].value, -args[P].value);
}

static double reach(void *self, const lp_arg *args, const lp_sheets *s) {
  (void)self, (void)s;
  return cut_reach(args[CUT].value);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "power",
    .summary = "P = (1 + d/s)^-p, 0 beyond cut",
    .source = "generalises Sax 2017",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
    .reach = reach,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-power", "1.1", "Apache-2.0", "wiring cost: a power of distance", init, NULL)
