/* Wiring cost `dog`: a difference of Gaussians, excitation near and inhibition around it (signed).
 */
#include "cut.h"

enum { A, B, S1, S2, CUT };
static const lp_param params[] = {
    [A] = {"A", LP_PARAM_REAL, 1, -1e6, 1e6, NULL, "height of the centre"},
    [B] = {"B", LP_PARAM_REAL, 0.5, -1e6, 1e6, NULL, "height of the surround"},
    [S1] = {"s1", LP_PARAM_REAL, 1, 1e-3, 1e6, NULL, "width of the centre, in units of the sheet"},
    [S2] = {"s2", LP_PARAM_REAL, 3, 1e-3, 1e6, NULL,
            "width of the surround, in units of the sheet"},
    [CUT] = CUT_PARAM,
};

static double bell(double z) {
  return exp(-z * z / 2);
}

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)s;
  if (d > cut_reach(args[CUT].value)) return 0;
  return args[A].value * bell(d / args[S1].value) - args[B].value * bell(d / args[S2].value);
}

static double reach(void *self, const lp_arg *args, const lp_sheets *s) {
  (void)self, (void)s;
  return cut_reach(args[CUT].value);
}

static const lp_cost cost = {
    .struct_size = sizeof cost,
    .name = "dog",
    .summary = "P = A exp(-d^2 / (2 s1^2)) - B exp(-d^2 / (2 s2^2)), 0 beyond cut",
    .source = "Amari, Biol Cybern 1977",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .signal = signal,
    .reach = reach,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-dog", "1.1", "Apache-2.0", "wiring cost: centre and surround", init, NULL)
