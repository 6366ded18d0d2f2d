/* A usable module of odd costs, priors and topologies: what the prior builder must see through. */
#include <locality/plugin.h>

#include <math.h>
#include <string.h>

static const lp_host *host;

/* ---- costs --------------------------------------------------------------------------------- */

static const lp_param all_types[] = {
    {"x", LP_PARAM_REAL, 0.1, -1, 2, NULL, "a number"},
    {"count", LP_PARAM_INT, 3, 0, 10, NULL, "a whole number"},
    {"base", LP_PARAM_STRING, 0, 0, 0, "linear", "a spec"},
};

static double signal_half(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s, (void)d;
  return 0.5;
}
static double signal_nan(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return d > 2 ? NAN : 1;
}
static double signal_infinite(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return d < 1 ? INFINITY : 1;
}

static double signal_huge(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return d > 5 ? -1e300 : 1;
}
static double signal_tiny(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s, (void)d;
  return 1e-300;
}
/* Something next to a unit only; elsewhere less than a float can say. */
static double signal_cliff(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return d < 0.5 ? 1 : 1e-300;
}

#define COST(name_, fn_)                                                                           \
  { .struct_size = sizeof(lp_cost), .name = name_, .summary = "for tests", .signal = fn_ }
static const lp_cost costs[] = {
    COST("half", signal_half),
    COST("nan", signal_nan),
    COST("infinite", signal_infinite),
    COST("huge", signal_huge),
    COST("tiny", signal_tiny),
    COST("cliff", signal_cliff),
    {.struct_size = sizeof(lp_cost),
     .name = "typed",
     .summary = "one parameter of each type",
     .params = all_types,
     .n_params = 3,
     .signal = signal_half},
};

/* ---- prior sources ------------------------------------------------------------------------- */

/* P[i][j] = i + j/1000 + distance, except for a row of zeros if there is a parameter zero_row. */
static lp_status build_rows(void *self, const lp_arg *args, const lp_prior_request *req,
                            uint32_t first_row, uint32_t n_rows, double *P) {
  (void)self;
  uint32_t n_in = req->sheets->n_in;
  for (uint32_t r = 0; r < n_rows; r++)
    for (uint32_t j = 0; j < n_in; j++) {
      uint32_t i = first_row + r;
      bool zero = (double)i == args[0].value;
      P[(size_t)r * n_in + j] = zero ? 0 : i + j / 1000.0 + req->distance(req, i, j);
    }
  return LP_OK;
}

static lp_status build_failing(void *self, const lp_arg *args, const lp_prior_request *req,
                               uint32_t first_row, uint32_t n_rows, double *P) {
  (void)self, (void)args, (void)req, (void)n_rows, (void)P;
  return first_row ? host->fail(LP_ERR_UNSUPPORTED, "row %u is too far down", first_row) : LP_OK;
}

static lp_status permute_wrongly(void *self, const lp_arg *args, const lp_sheets *s,
                                 const char **base, uint32_t *out, uint32_t *in) {
  (void)self;
  const char *how = args[0].text;
  if (strcmp(how, "no_base") != 0) *base = "linear";
  if (strcmp(how, "all_zero") == 0) return LP_OK; /* one unit, many times */
  for (uint32_t i = 0; i < s->n_out; i++) out[i] = i;
  for (uint32_t j = 0; j < s->n_in; j++) in[j] = j;
  if (strcmp(how, "beyond") == 0) in[3] = s->n_in;
  if (strcmp(how, "twice") == 0) out[3] = 4;
  return LP_OK;
}

static const lp_param permute_params[] = {
    {"how", LP_PARAM_STRING, 0, 0, 0, "all_zero", "what is wrong"},
};

/* P[i][j] = first in the rows 0 .. at-1 and rest in the others; zero off the diagonal if asked. */
static lp_status build_steps(void *self, const lp_arg *args, const lp_prior_request *req,
                             uint32_t first_row, uint32_t n_rows, double *P) {
  (void)self;
  uint32_t n_in = req->sheets->n_in;
  for (uint32_t r = 0; r < n_rows; r++)
    for (uint32_t j = 0; j < n_in; j++) {
      uint32_t i = first_row + r;
      double v = i < args[2].value ? args[0].value : args[1].value;
      P[(size_t)r * n_in + j] = args[3].value == 0 || i == j ? v : 0;
    }
  return LP_OK;
}

static const lp_param steps_params[] = {
    {"first", LP_PARAM_REAL, 1, -1e308, 1e308, NULL, "value of the first rows"},
    {"rest", LP_PARAM_REAL, 1, -1e308, 1e308, NULL, "value of the others"},
    {"at", LP_PARAM_INT, 1, 0, 1e6, NULL, "first rows"},
    {"diagonal", LP_PARAM_INT, 0, 0, 1, NULL, "1: zero elsewhere"},
};

static const lp_param rows_params[] = {
    {"zero_row", LP_PARAM_INT, -1, -1, 1e6, NULL, "row that is zero, -1 for none"},
};

static const lp_prior_source sources[] = {
    {.struct_size = sizeof(lp_prior_source),
     .name = "rows",
     .summary = "for tests",
     .params = rows_params,
     .n_params = 1,
     .build = build_rows},
    {.struct_size = sizeof(lp_prior_source),
     .name = "failing_rows",
     .summary = "for tests",
     .build = build_failing},
    {.struct_size = sizeof(lp_prior_source),
     .name = "not_a_permutation",
     .summary = "for tests",
     .params = permute_params,
     .n_params = 1,
     .permute = permute_wrongly},
    {.struct_size = sizeof(lp_prior_source),
     .name = "steps",
     .summary = "for tests",
     .params = steps_params,
     .n_params = 4,
     .build = build_steps},
};

/* ---- topologies ---------------------------------------------------------------------------- */

static lp_status extents_line(void *self, const lp_arg *args, uint32_t n,
                              uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  extent[0] = n;
  return LP_OK;
}
static lp_status extents_wrong(void *self, const lp_arg *args, uint32_t n,
                               uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args;
  extent[0] = n + 1;
  return LP_OK;
}
/* Their product is 2^64 + 2^30. */
static lp_status extents_wrapping(void *self, const lp_arg *args, uint32_t n,
                                  uint32_t extent[LP_MAX_AXES]) {
  (void)self, (void)args, (void)n;
  extent[0] = 1u << 30, extent[1] = 652805, extent[2] = 26317;
  return LP_OK;
}
static double distance_negative(void *self, const lp_arg *args, lp_metric metric,
                                const lp_sheets *s, const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return a[0] - b[0];
}
static double distance_undefined(void *self, const lp_arg *args, lp_metric metric,
                                 const lp_sheets *s, const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return a[0] == b[0] ? 0 : sqrt(-fabs(a[0] - b[0]));
}
/* Not a function of the difference, though the topology gives extents. */
static double distance_crooked(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                               const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return fabs(a[0] * a[0] - b[0] * b[0]);
}
/* Crooked for one pair in a large sheet only: units 17 and 0. */
static double distance_dented(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                              const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return fabs(a[0] - b[0]) + (a[0] == 17 && b[0] == 0 ? 0.5 : 0);
}
static double distance_plane(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                             const double *a, const double *b) {
  (void)self, (void)args, (void)metric, (void)s;
  return hypot(a[0] - b[0], a[1] - b[1]);
}
/* Points on a spiral. */
static lp_status place_spiral(void *self, const lp_arg *args, uint32_t n, double *pos) {
  (void)self, (void)args;
  for (uint32_t k = 0; k < n; k++) {
    pos[2 * k] = sqrt(k) * cos(2.4 * k);
    pos[2 * k + 1] = sqrt(k) * sin(2.4 * k);
  }
  return LP_OK;
}
static lp_status place_nowhere(void *self, const lp_arg *args, uint32_t n, double *pos) {
  (void)self, (void)args;
  for (uint32_t k = 0; k < 2 * n; k++) pos[k] = k == 3 ? INFINITY : 0;
  return LP_OK;
}

#define TOPOLOGY(name_, ndim_, extents_, place_, distance_)                                        \
  {                                                                                                \
    .struct_size = sizeof(lp_topology), .name = name_, .summary = "for tests", .ndim = ndim_,      \
    .extents = extents_, .place = place_, .distance = distance_                                    \
  }
static const lp_topology topologies[] = {
    TOPOLOGY("crooked", 1, extents_line, NULL, distance_crooked),
    TOPOLOGY("dented", 1, extents_line, NULL, distance_dented),
    TOPOLOGY("misfit", 1, extents_wrong, NULL, distance_crooked),
    TOPOLOGY("spiral", 2, NULL, place_spiral, distance_plane),
    TOPOLOGY("wrapping", 3, extents_wrapping, NULL, distance_crooked),
    TOPOLOGY("negative", 1, extents_line, NULL, distance_negative),
    TOPOLOGY("undefined", 1, extents_line, NULL, distance_undefined),
    TOPOLOGY("negative_spiral", 2, NULL, place_spiral, distance_negative),
    TOPOLOGY("nowhere", 2, NULL, place_nowhere, distance_plane),
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  lp_status s = LP_OK;
  for (size_t i = 0; i < COUNT(costs) && s == LP_OK; i++) s = h->add_cost(r, &costs[i]);
  for (size_t i = 0; i < COUNT(sources) && s == LP_OK; i++) s = h->add_prior(r, &sources[i]);
  for (size_t i = 0; i < COUNT(topologies) && s == LP_OK; i++)
    s = h->add_topology(r, &topologies[i]);
  return s;
}

LP_PLUGIN("probe", "1.0", "Apache-2.0", "odd costs, priors and topologies", init, NULL)
