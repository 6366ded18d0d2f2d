/* Golden arrays and comparisons. */
#include "support.h"

#include <math.h>

static lp_safetensors *file;

int golden_open(void **state) {
  (void)state;
  return lp_safetensors_read(GOLDEN, &file) == LP_OK ? 0 : -1;
}

int golden_close(void **state) {
  (void)state;
  lp_safetensors_free(file);
  return 0;
}

static const lp_tensor_view *find(const char *name, uint32_t dtype, int64_t *n) {
  const lp_tensor_view *v = lp_safetensors_find(file, name);
  assert_non_null(v);
  assert_int_equal(v->desc.dtype, dtype);
  *n = lp_numel(&v->desc);
  return v;
}

const double *golden(const char *name, int64_t *n) {
  return find(name, LP_F64, n)->data;
}

const int64_t *golden_indices(const char *name, int64_t *n) {
  return find(name, LP_I64, n)->data;
}

void assert_close(double got, double want, double tolerance) {
  if (isnan(want) && isnan(got)) return;
  double error = fabs(got - want), scale = want != 0 ? fabs(want) : 1;
  if (!(error <= tolerance * scale))
    fail_msg("got %.17g, want %.17g (relative error %.3g, allowed %.3g)", got, want, error / scale,
             tolerance);
}

void assert_ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s: %s", lp_status_name(s), lp_error_message());
}
