/* From which share of its weights down a layer is computed by these alone. */
#include "exec_internal.h"

#include <locality/registry.h>

#include <string.h>

double lp_sparse_share(const lp_session *s) {
  /* Where forward pass and both gradients of 64 samples take as long either way (lp-bench sparse).
   */
  static const double by_type[] = {
      [LP_DEVICE_CPU] = 0.2,    [LP_DEVICE_DISCRETE] = 0.05, [LP_DEVICE_INTEGRATED] = 0.05,
      [LP_DEVICE_CL_CPU] = 0.2, [LP_DEVICE_DUMMY] = 0.2,     [LP_DEVICE_ACCELERATOR] = 0.05,
  };
  return s->info.type < sizeof by_type / sizeof *by_type ? by_type[s->info.type] : 0.05;
}
