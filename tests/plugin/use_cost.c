/* use_cost NAME: prints the module that has the cost, and P[0][0..4] of a line of 5 units. Built by
 * template.sh against the installed package. */
#include <locality/prior.h>
#include <locality/registry.h>

#include <stdio.h>

int main(int argc, char **argv) {
  if (argc != 2 || lp_registry_load() != LP_OK) return 2;
  lp_prior_spec spec = {.n_out = 5, .n_in = 5, .topology = "line", .cost = argv[1]};
  lp_prior *p;
  if (lp_prior_build(&spec, &p) != LP_OK) {
    printf("%s\n", lp_error_message());
    return 1;
  }
  for (uint32_t j = 0; j < 5; j++) printf("%.4f ", lp_prior_at(p, 0, j));
  lp_prior_free(p);
  lp_spec cost;
  if (lp_spec_parse(LP_KIND_COST, argv[1], &cost) != LP_OK) return 1;
  printf("%s %s\n", cost.text, lp_module_get(cost.entry->module)->file);
  lp_spec_free(&cost);
  lp_registry_shutdown();
  return 0;
}
