/* pairs.h: packed blocks of bf16 for instructions that multiply pairs.
 *
 * A packed block is rounded in place to pairs of neighbours on the summed axis, the first in the
 * low half of 32 bits: row r of A, pair k at float r*AR + k; with columns of A packed, at k*AC + r;
 * column j of a panel, pair k at k*NR + j. */
#ifndef LP_CPU_PAIRS_H
#define LP_CPU_PAIRS_H

#include "gemm.h"

#include <immintrin.h>

/* 16 pairs from the numbers of two rows. */
INLINE __m512i pair_rows(const float *first, const float *second) {
  const __m512i order =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, //
                       8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(second), _mm512_loadu_ps(first));
  return _mm512_permutexvar_epi16(order, (__m512i)both);
}

/* kc numbers of one row; an odd one gets a zero beside it. */
INLINE void pair_row(float *row, int64_t kc) {
  if (kc & 1) row[kc] = 0;
  for (int64_t k = 0; k < kc; k += 2 * LANES) {
    __m512 low = _mm512_loadu_ps(row + k), high = _mm512_loadu_ps(row + k + LANES);
    _mm512_storeu_si512(row + k / 2, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

/* A panel; round_b of cpu_product. */
static void pair_panel(float *panel, int64_t kc) {
  if (kc & 1) memset(panel + kc * NR, 0, NR * sizeof *panel);
  for (int64_t k = 0; k < kc; k += 2) {
    const float *row = panel + k * NR;
    __m512i left = pair_rows(row, row + NR), right = pair_rows(row + LANES, row + NR + LANES);
    _mm512_storeu_si512(panel + k / 2 * NR, left);
    _mm512_storeu_si512(panel + k / 2 * NR + LANES, right);
  }
}

#endif
