/* Tiles of dot products. */
#include "dot.h"
#include "shuffle.h"

/* Rows of A and of B in a tile: a whole number of vectors of sums. */
enum { TM = 4, TN = LANES == 16 ? 4 : 2, SUMS = TM * TN };

/* Adds the lanes of LANES vectors: lane i of the result is the sum of v[i]. */
INLINE vec add_lanes(vec *v) {
#define FOLD(S)                                                                                    \
  UNROLL for (int i = 0; i < LANES; i += 2 * S) v[i] =                                             \
      __builtin_shufflevector(v[i], v[i + S], LOW##S) +                                            \
      __builtin_shufflevector(v[i], v[i + S], HIGH##S);
  EACH_STEP(FOLD)
#undef FOLD
  return v[0];
}

/* Sum number i*TN + j belongs to row i of A and row j of B. */
INLINE void tile(int m, int64_t kc, const float *a, const float *b, float sums[SUMS]) {
  vec acc[SUMS];
  UNROLL for (int i = 0; i < SUMS; i++) acc[i] = (vec){0};
  for (int64_t k = 0; k < kc; k += LANES) {
    vec bv[TN];
    UNROLL for (int j = 0; j < TN; j++) bv[j] = load(b + j * DR + k);
    UNROLL for (int i = 0; i < m; i++) {
      vec av = load(a + i * DR + k);
      UNROLL for (int j = 0; j < TN; j++) acc[i * TN + j] += av * bv[j];
    }
  }
  UNROLL for (int i = 0; i < SUMS; i += LANES) store(sums + i, add_lanes(acc + i));
}

void cpu_dot(int64_t m, int64_t n, int64_t kc, const float *a, const float *b, float *c,
             int64_t ldc, bool add) {
  for (int64_t i = 0, mt; i < m; i += mt) {
    mt = m - i == TM + 1 ? TM - 1 : min64(TM, m - i); /* 3 and 2 rows are better than 4 and 1 */
    for (int64_t j = 0; j < n; j += TN) {
      float sums[SUMS];
      const float *rows = a + i * DR, *columns = b + j * DR;
      if (mt == 4)
        tile(4, kc, rows, columns, sums);
      else if (mt == 3)
        tile(3, kc, rows, columns, sums);
      else if (mt == 2)
        tile(2, kc, rows, columns, sums);
      else
        tile(1, kc, rows, columns, sums);
      int64_t nt = min64(TN, n - j);
      for (int64_t r = 0; r < mt; r++) {
        float *to = c + (i + r) * ldc + j;
        const float *from = sums + r * TN;
        for (int64_t q = 0; q < nt; q++) to[q] = add ? to[q] + from[q] : from[q];
      }
    }
  }
}
