/* A prior source that counts how often it is asked to build; P = 1 / (1 + distance). */
#include <locality/plugin.h>

LP_PLUGIN_EXPORT uint32_t counting_builds(void);

static uint32_t builds;

uint32_t counting_builds(void) {
  return builds;
}

static lp_status build(void *self, const lp_arg *args, const lp_prior_request *req,
                       uint32_t first_row, uint32_t n_rows, double *P) {
  (void)self, (void)args;
  builds += first_row == 0;
  for (uint32_t r = 0; r < n_rows; r++)
    for (uint32_t j = 0; j < req->sheets->n_in; j++)
      P[(size_t)r * req->sheets->n_in + j] = 1 / (1 + req->distance(req, first_row + r, j));
  return LP_OK;
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_prior_source source = {
      .struct_size = sizeof source, .name = "counting", .summary = "for tests", .build = build};
  return h->add_prior(r, &source);
}

LP_PLUGIN("counting", "1.0", "Apache-2.0", "for tests", init, NULL)
