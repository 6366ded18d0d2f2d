/* What the tests of priors share. */
#include "prior_support.h"

#include <stdlib.h>

lp_prior *prior_built(const lp_prior_spec *spec) {
  lp_prior *p = NULL;
  if (lp_prior_build(spec, &p) != LP_OK)
    fail_msg("%s over %s: %s", spec->cost, spec->topology ? spec->topology : "grid",
             lp_error_message());
  return p;
}

int prior_tests_load(void **state) {
  (void)state;
  if (!getenv("TEST_MODULES")) return -1;
  setenv("LOCALITY_PLUGIN_PATH", getenv("TEST_MODULES"), 1);
  lp_log_set_level(LP_LOG_ERROR);
  return lp_registry_load() == LP_OK ? 0 : -1;
}

int prior_tests_shut_down(void **state) {
  (void)state;
  lp_registry_shutdown();
  return 0;
}
