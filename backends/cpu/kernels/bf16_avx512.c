/* bf16 products by AVX512-BF16, on pairs of neighbours (pairs.h). */
#include "pairs.h"

static void round_a(float *a, int64_t rows, int64_t kc, bool columns) {
  if (columns) {
    if (kc & 1) memset(a + kc * AC, 0, AC * sizeof *a);
    for (int64_t k = 0; k < kc; k += 2)
      _mm512_storeu_si512(a + k / 2 * AC, pair_rows(a + k * AC, a + k * AC + AC));
    return;
  }
  for (int64_t r = 0; r < rows; r++) pair_row(a + r * AR, kc);
}

INLINE __m512bh pairs(const float *p) {
  return (__m512bh)_mm512_loadu_si512(p);
}

INLINE __m512bh splat_pair(const float *p) {
  return (__m512bh)_mm512_set1_epi32(*(const int __attribute__((may_alias)) *)p);
}

INLINE void tile(int mr, int nv, bool columns, int64_t kc, const float *a, const float *b, float *c,
                 int64_t ldc, bool add, const cpu_ahead *next, const cpu_factors *factors) {
  vec acc[MR][NV];
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] = (vec){0};
  for (int64_t k = 0, end; k < kc; k = end) {
    end = ask_ahead(next, k, kc);
    for (int64_t i = k; i < end; i += 2) {
      __m512bh bv[NV];
      UNROLL for (int v = 0; v < nv; v++) bv[v] = pairs(b + v * LANES);
      UNROLL for (int r = 0; r < mr; r++) {
        __m512bh av = splat_pair(columns ? a + r : a + r * AR);
        UNROLL for (int v = 0; v < nv; v++) acc[r][v] =
            (vec)_mm512_dpbf16_ps((__m512)acc[r][v], av, bv[v]);
      }
      b += NR;
      a += columns ? AC : 1;
    }
  }
  store_tile(mr, nv, acc, c, ldc, add, factors);
}

#define TILE(L, V, M)                                                                              \
  static void tile_##L##_##V##_##M(int64_t kc, const float *a, const float *b, float *c,           \
                                   int64_t ldc, bool add, const cpu_ahead *next,                   \
                                   const cpu_factors *factors) {                                   \
    tile(M, V, L, kc, a, b, c, ldc, add, next, factors);                                           \
  }
EACH_MR(TILE, 0, 1)
EACH_MR(TILE, 0, 2)
EACH_MR(TILE, 1, 1)
EACH_MR(TILE, 1, 2)

#define NAME(L, V, M) [M] = tile_##L##_##V##_##M,
static const cpu_tile tiles[2][NV][MR + 1] = {
    {{EACH_MR(NAME, 0, 1)}, {EACH_MR(NAME, 0, 2)}},
    {{EACH_MR(NAME, 1, 1)}, {EACH_MR(NAME, 1, 2)}},
};

extern const cpu_product lp_cpu_bf16_avx512bf16;
const cpu_product lp_cpu_bf16_avx512bf16 = {.tiles = tiles[0][0],
                                            .factors = true,
                                            .winograd = true,
                                            .round_a = round_a,
                                            .round_b = pair_panel};
