/* Random orthogonal matrices, for weights that are to start so. */
#include "exec_internal.h"

#include <locality/rng.h>

#include <math.h>
#include <stdlib.h>

static double dot(const double *a, const double *b, uint32_t n) {
  double sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* Takes what vector k shares with those before it away, and gives it length 1. Twice is enough for
 * full precision (Giraud, Langou & Rozloznik, Comput Math Appl 2005). */
static void orthonormalise(double *q, uint32_t k, uint32_t n) {
  double *v = q + (size_t)k * n;
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t j = 0; j < k; j++) {
      const double *u = q + (size_t)j * n, share = dot(u, v, n);
      for (uint32_t i = 0; i < n; i++) v[i] -= share * u[i];
    }
  const double length = sqrt(dot(v, v, n));
  for (uint32_t i = 0; i < n; i++) v[i] /= length;
}

/* Gram-Schmidt of Gaussian vectors leaves no direction preferred (Stewart, SIAM J Numer Anal
 * 1980): factors of R are positive, as signs are kept. */
bool lp_orthogonal(uint64_t seed, uint32_t stream, uint32_t rows, uint32_t cols, float gain,
                   float *out) {
  const bool wide = rows < cols;
  const uint32_t few = wide ? rows : cols, many = wide ? cols : rows;
  double *q = malloc((size_t)few * many * sizeof *q);
  if (!q) return false;
  lp_rng_normal(seed, stream, 0, 2, q, (size_t)few * many);
  for (uint32_t k = 0; k < few; k++) orthonormalise(q, k, many);
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t c = 0; c < cols; c++)
      out[(size_t)r * cols + c] =
          gain * (float)(wide ? q[(size_t)r * many + c] : q[(size_t)c * many + r]);
  free(q);
  return true;
}
