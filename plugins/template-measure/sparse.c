/* Measure `sparseness`: how few of the units an image drives, 0 where all are alike and 1 where one
 * unit alone is active (Vinje & Gallant, Science 2000); the mean over images. */
#include <locality/plugin.h>

#include <math.h>
#include <stdlib.h>

static const lp_host *host;

/* What a user may set: "sparseness:floor=0.1". Values are checked before they get here. */
static const lp_param params[] = {
    {"floor", LP_PARAM_REAL, 0, 0, 1e6, NULL, "activity that counts as none"},
};

/* NaN, which it is before, where it is not defined. */
static double of_image(const double *a, uint32_t n, double floor) {
  double sum = 0, square = 0;
  for (uint32_t i = 0; i < n; i++) {
    double x = a[i] > floor ? a[i] : 0;
    sum += x / n;
    square += x * x / n;
  }
  return square > 0 && n > 1 ? (1 - sum * sum / square) / (1 - 1.0 / n) : NAN;
}

static lp_status value(void *self, const lp_arg *args, const lp_measure_request *req,
                       lp_measured *out) {
  (void)self;
  double *a = malloc(sizeof *a * req->units), sum = 0, n = 0;
  lp_status s = a ? LP_OK : host->fail(LP_ERR_MEMORY, "out of memory for an image");
  for (uint32_t m = 0; s == LP_OK && m < req->images; m++) {
    s = req->rows(req, m, 1, a); /* one image at a time: activations may be larger than memory */
    double one = s == LP_OK ? of_image(a, req->units, args[0].value) : NAN;
    if (!isnan(one)) sum += one, n++;
  }
  if (n > 0) out->value = sum / n;
  free(a);
  return s;
}

static const lp_measure measure = {
    .struct_size = sizeof measure,
    .name = "sparseness",
    .summary = "how few of the units an image drives",
    .source = "Vinje & Gallant, Science 2000", /* author, venue, year, or "" */
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .unit = "",
    .takes = LP_TAKES_SITE,
    .flags = LP_MEASURE_NONNEGATIVE,
    .value = value,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_measure(r, &measure);
}

LP_PLUGIN("measure-sparseness", "1.0", "Apache-2.0", "measure: population sparseness", init, NULL)
