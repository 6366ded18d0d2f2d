/* Reading and writing members of JSON objects. */
#include "bench.h"

#include <math.h>

const char *bench_text(const json_t *o, const char *key) {
  const char *s = json_string_value(json_object_get(o, key));
  return s ? s : "";
}

double bench_number(const json_t *o, const char *key) {
  const json_t *x = json_object_get(o, key);
  return json_is_number(x) ? json_number_value(x) : NAN;
}

json_t *bench_real(double x) {
  return isfinite(x) ? json_real(x) : json_null();
}
