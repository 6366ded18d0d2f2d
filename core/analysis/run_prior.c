/* What border effects alone do to V: activation proportional to the row sums of the prior. */
#include "run.h"

#include <locality/prior.h>
#include <locality/registry.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *argument(const lp_spec *spec, const char *name) {
  for (uint32_t i = 0; i < spec->entry->n_params; i++)
    if (strcmp(spec->entry->params[i].name, name) == 0) return spec->args[i].text;
  return NULL;
}

static lp_status row_sums_variance(const analysis *a, const lp_prior *p, double *out) {
  double *sum = calloc(a->units, sizeof *sum);
  if (!sum) return lp_fail(LP_ERR_MEMORY, "out of memory for %u units", a->units);
  for (uint32_t i = 0; i < a->units; i++)
    for (uint32_t j = 0; j < a->units; j++) sum[i] += lp_prior_at(p, i, j);
  *out = lp_spatial_variance(sum, a->rows, a->cols);
  free(sum);
  return LP_OK;
}

/* NaN where the prior cannot be rebuilt here: the module that made it may be gone since, and the
 * networks' own numbers do not depend on it. */
lp_status border_null(const analysis *a, uint32_t arm, bool *has_prior, double *out) {
  *out = NAN;
  lp_spec spec = {0};
  lp_status s = lp_registry_load();
  if (s == LP_OK) s = lp_spec_parse(LP_KIND_LAYER, a->arm[arm].layer, &spec);
  const char *cost = s == LP_OK ? argument(&spec, "cost") : NULL;
  *has_prior = s != LP_OK || cost;
  if (cost) {
    lp_prior_spec p = {.n_out = a->units,
                       .n_in = a->units,
                       .topology = argument(&spec, "topology"),
                       .cost = cost,
                       .metric = argument(&spec, "metric"),
                       .normalize = argument(&spec, "normalize")};
    if (a->rows > 1 && a->cols > 1) { /* a lone axis leaves the extents to the topology */
      p.extent_out[0] = p.extent_in[0] = a->rows;
      p.extent_out[1] = p.extent_in[1] = a->cols;
    }
    lp_prior *prior = NULL;
    s = lp_prior_build(&p, &prior);
    if (s == LP_OK) {
      s = row_sums_variance(a, prior, out);
      lp_prior_free(prior);
    }
  }
  lp_spec_free(&spec);
  if (s == LP_OK || s == LP_ERR_MEMORY) return s;
  lp_log(LP_LOG_WARNING, "no border null for arm %s: %s", a->arm[arm].name, lp_error_message());
  return LP_OK;
}
