/* dot.h: products of few rows over a long common axis.
 *
 * Vectors lie along the summed axis, so no lanes are lost when a matrix has few columns; each
 * element is summed lane by lane, then over the lanes in a fixed tree. */
#ifndef LP_CPU_DOT_H
#define LP_CPU_DOT_H

#include "vec.h"

enum {
  KD = 512,      /* depth of a block */
  DR = KD + 16,  /* pitch of a row, off the powers of two */
  DOT_ROWS = 48, /* rows of B in a block */
};

/* c[i*ldc + j] = or += sum over k < kc of a[i*DR + k] * b[j*DR + k], i < m, j < n. Rows are
 * followed by zeros up to a whole number of vectors. */
#define cpu_dot ISA(cpu_dot)
void cpu_dot(int64_t m, int64_t n, int64_t kc, const float *a, const float *b, float *c,
             int64_t ldc, bool add);

#endif
