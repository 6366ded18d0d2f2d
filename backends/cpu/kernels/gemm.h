/* gemm.h: the blocked matrix product that linear and convolution layers are made of.
 *
 * C (m x n) = A (m x k) B (k x n). Where A and B come from is the caller's business: it packs the
 * blocks that are asked for, so an operand may be scaled by a prior or gathered from an image on
 * the way. Every element of C is summed over k in one fixed order, whatever the blocking. */
#ifndef LP_CPU_GEMM_H
#define LP_CPU_GEMM_H

#include "vec.h"

enum {
  NR = NV * LANES,  /* columns of a register tile */
  KC = 256,         /* depth of a block */
  AR = KC + 16,     /* pitch of a packed row of A, off the powers of two */
  AC = 16,          /* pitch of a packed column of A */
  NC = 512,         /* columns of a block of B */
  TILE = 1 << 16,   /* floats of a result tile in scratch */
  FINISH = 4 * NR,  /* columns that finish is given at a time */
  PANEL_SLACK = 64, /* floats a pack function may write past the end of a panel */
  PANEL_PAD = 128,  /* floats between panels, so that they do not meet in the same cache sets */
  LINE = 16,        /* floats of a cache line */
};

/* Floats from one packed panel of B to the next. */
static inline int64_t panel_size(int64_t kc) {
  return kc * NR + PANEL_PAD;
}

/* Asks for what is ahead beside steps k.. of a tile; the end of these steps. */
INLINE int64_t ask_ahead(const cpu_ahead *next, int64_t k, int64_t kc) {
  const float *p = next->p + k;
  for (int64_t r = 0; r < next->rows; r++, p += next->pitch) __builtin_prefetch(p, 0, 2);
  if (next->also) {
    p = next->also + k;
    for (int64_t r = 0; r < next->rows; r++, p += next->pitch) __builtin_prefetch(p, 0, 2);
  }
  return min64(kc, k + LINE);
}

/* Sums of a tile to where they belong. */
INLINE void store_tile(int mr, int nv, vec acc[MR][NV], float *c, int64_t ldc, bool add,
                       const cpu_factors *f) {
  if (add)
    UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] +=
        load(c + r * ldc + v * LANES);
  if (f->p)
    UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] *=
        load(f->p + f->row[r] + v * LANES);
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++)
      store(c + r * ldc + v * LANES, acc[r][v]);
}

/* F(L, V, M) for every number of rows M of a tile. */
#if defined(__AVX512F__)
#define EACH_MR(F, L, V)                                                                           \
  F(L, V, 1)                                                                                       \
  F(L, V, 2)                                                                                       \
  F(L, V, 3)                                                                                       \
  F(L, V, 4)                                                                                       \
  F(L, V, 5)                                                                                       \
  F(L, V, 6)                                                                                       \
  F(L, V, 7) F(L, V, 8) F(L, V, 9) F(L, V, 10) F(L, V, 11) F(L, V, 12) F(L, V, 13) F(L, V, 14)
#elif defined(__AVX2__)
#define EACH_MR(F, L, V) F(L, V, 1) F(L, V, 2) F(L, V, 3) F(L, V, 4) F(L, V, 5) F(L, V, 6)
#else
#define EACH_MR(F, L, V) F(L, V, 1) F(L, V, 2) F(L, V, 3) F(L, V, 4)
#endif

/* One row of a panel: n <= NR elements and zeros behind them. */
INLINE void panel_row(const float *src, int64_t n, float *dst) {
  if (n == NR) {
    UNROLL for (int v = 0; v < NV; v++) store(dst + v * LANES, load(src + v * LANES));
  } else {
    for (int64_t v = 0; v < NR; v++) dst[v] = v < n ? src[v] : 0;
  }
}

/* One packed column of A, in whole vectors: reads up to AC elements. */
INLINE void column_of_a(const float *src, float *dst) {
  UNROLL for (int v = 0; v < AC; v += LANES) store(dst + v, load(src + v));
}

typedef struct gemm gemm;
struct gemm {
  int64_t m, n, k;
  const void *ctx;
  /* Rows m0..m0+mr-1 of A, k0..k0+kc-1: element (r, k) goes to dst[r*AR + k], or with a_columns to
   * dst[k*AC + r]. */
  void (*pack_a)(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst);
  bool a_columns;
  /* Columns n0..n0+nc-1 of B: element (k, j) goes to dst[j/NR*panel_size(kc) + k*NR + j%NR]; the
   * rest of the last panel is filled with zeros. */
  void (*pack_b)(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst);
  /* Where element (r, k) of A, or (k, j) of B, is read from: [r*pitch + k], [k*pitch + j]. For
   * operands that come from memory; NULL: they are not asked for ahead. */
  const float *a_from, *b_from;
  const float *a_also, *b_also; /* a second matrix that is read at the same places, or NULL */
  int64_t a_pitch, b_pitch;
  /* Where C goes: element (i, j) is c[(j/run)*run_stride + i*ldc + j%run]. Without c it goes to a
   * tile in scratch that finish takes over. */
  float *c;
  int64_t ldc, run, run_stride;
  /* Element (i, j) is multiplied by factor[factor_row[i] + factor_column[j/NR*NR] + j%NR]; NULL:
   * not. Needs c, whole panels, and a product whose tiles know factors. With a pitch, factors are a
   * matrix: factor[i*factor_pitch + j]. */
  const float *factor;
  const int32_t *factor_row, *factor_column;
  int64_t factor_pitch;
  /* Called when elements m0..m1-1 x n0..n1-1 are complete; tile is NULL when C is in c. Optional
   * with c. */
  void (*finish)(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, float *tile,
                 int64_t ldt);
};

extern const cpu_product ISA(cpu_product_f32), ISA(cpu_product_bf16);

/* Computes C in blocks shared out among the workers; ends without a barrier. */
#define cpu_gemm ISA(cpu_gemm)
void cpu_gemm(const gemm *g, cpu_worker *w);

/* Computes rows m0..m1-1, columns n0..n1-1 on this worker alone. Without c, they must fit a tile:
 * (m1-m0) * round_up(n1-n0, NR) <= TILE. */
#define cpu_gemm_block ISA(cpu_gemm_block)
void cpu_gemm_block(const gemm *g, cpu_worker *w, int64_t m0, int64_t m1, int64_t n0, int64_t n1);

/* dst[k*pitch + j] = src[j*ld + k] for j < n, k < kc; columns n..width-1 become 0. */
#define cpu_transpose ISA(cpu_transpose)
void cpu_transpose(const float *src, int64_t ld, int64_t n, int64_t kc, float *dst, int64_t pitch,
                   int64_t width);

#endif
