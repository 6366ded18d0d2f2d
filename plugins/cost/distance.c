/* Wiring cost `distance`: the signal is the distance itself, P = d, so nothing arrives from a unit
 * at the same place and most from the farthest. Penalties measure wires with it; as a prior it
 * turns the locality prior round. */
#include <locality/plugin.h>

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return d;
}

static lp_status init(const lp_host *host, lp_registrar *r) {
  const lp_cost cost = {
      .struct_size = sizeof cost,
      .name = "distance",
      .summary = "P = d: rises with distance; what penalties measure wires with",
      .signal = signal,
  };
  return host->add_cost(r, &cost);
}

LP_PLUGIN("cost-distance", "1.0", "Apache-2.0", "wiring cost: the distance itself", init, NULL)
