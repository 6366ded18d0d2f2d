/* NumPy's .npy format, version 1.0. */
#include "atomic.h"

#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <string.h>

static const char *npy_type(uint32_t dtype) {
  static const char *const name[] = {
      [LP_F32] = "<f4", [LP_I32] = "<i4", [LP_U8] = "|u1", [LP_F64] = "<f8", [LP_I64] = "<i8",
  };
  return dtype < sizeof name / sizeof *name ? name[dtype] : NULL;
}

/* "(2, 3)", "(3,)", "()" */
static void shape_text(const lp_desc *d, char *out, size_t cap) {
  size_t n = (size_t)snprintf(out, cap, "(");
  for (uint32_t i = 0; i < d->ndim; i++)
    n += (size_t)snprintf(out + n, cap - n, i ? ", %" PRId64 : "%" PRId64, d->dim[i]);
  snprintf(out + n, cap - n, d->ndim == 1 ? ",)" : ")");
}

lp_status lp_npy_write(const char *path, const lp_desc *desc, const void *data) {
  const char *type = npy_type(desc->dtype);
  if (!type) return lp_fail(LP_ERR_UNSUPPORTED, "cannot write %s: npy has no such type", path);
  if (desc->ndim > LP_MAX_DIMS)
    return lp_fail(LP_ERR_ARG, "cannot write %s: %u dimensions, at most %d", path, desc->ndim,
                   LP_MAX_DIMS);
  char shape[LP_MAX_DIMS * 24 + 8], head[320];
  shape_text(desc, shape, sizeof shape);
  /* Magic, version, length, then text padded with spaces so that the data starts at a multiple of
   * 64. */
  int n = snprintf(head, sizeof head,
                   "\x93NUMPY\x01%c%c%c{'descr': '%s', 'fortran_order': False, "
                   "'shape': %s, }",
                   0, 0, 0, type, shape);
  size_t total = ((size_t)n + 1 + 63) / 64 * 64;
  memset(head + n, ' ', total - (size_t)n);
  head[total - 1] = '\n';
  head[8] = (char)((total - 10) & 255);
  head[9] = (char)((total - 10) >> 8);
  io_atomic a;
  lp_status s = lp_io_atomic_open(&a, path);
  if (s == LP_OK) s = lp_io_atomic_write(&a, head, total);
  if (s == LP_OK) s = lp_io_atomic_write(&a, data, lp_nbytes(desc));
  return s == LP_OK ? lp_io_atomic_commit(&a) : s;
}
