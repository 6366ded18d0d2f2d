/* Product for devices that run kernels on CPU cores: one work-item a block of C, register tiles of
 * MR x LANES, operands packed into scratch that stays in the caches, sums of KP terms at a time.
 * MR rows (ROWS lists them, see lists.cl), VL lanes a vector, LANES = 2 VL; KP; SINGLE: K fits one pass.
 * A_PACK 1: along k in runs of SEGMENT, 2: element by element, 3: along m.
 * B_PACK 1: along n, 16 columns at a time, 2: along k, turned in registers, 3: along n, all columns of
 * a panel at a time.
 * C_NFAST: results lie along n, else along m. C_WIDE: 16 at a time where nothing follows the product;
 * WIDE_END: results along n from there on are others. */
/* Scratch is aligned to its vectors: one store instead of several. */
#define KEEP16(v, p) (*(global float16 *)(global void *)(p) = (v))
#if SEGMENT % 16 == 0
#define KEEP_A(v, p) KEEP16(v, p)
#else
#define KEEP_A(v, p) LP_STORE16(v, p)
#endif
#define KEEP_V(v, p) (*(global VF *)(global void *)(p) = (v))
#define KEPT_V(p)    (*(const global VF *)(const global void *)(p))
#define LANES (2 * VL)
#if A_PACK == 3
#define A_SIZE     (KP * 16)
#define A_AT(i, k) a[(k) * 16 + i]
#else
#define AS         (KP + 16) /* not a power of two: rows must not share cache sets */
#define A_SIZE     (MR * AS)
#define A_AT(i, k) a[(i) * AS + (k)]
#endif
#define DECLARE(i) VF c##i##l = (VF)(0.0f), c##i##h = (VF)(0.0f);
#define MULTIPLY(i)                                                                                \
  {                                                                                                \
    const float f = A_AT(i, k);                                                                    \
    c##i##l += f * bl;                                                                             \
    c##i##h += f * bh;                                                                             \
  }
#define ROWS_AHEAD 4
#define ASK(i)                                                                                     \
  for (int h = 0; h < LANES; h += 16) { AHEAD_C(min(m0 + i, (int)(GEMM_M)-1), n0 + h) }
#define KEEP(i)                                                                                    \
  KEEP_V(c##i##l, c + 2 * i * VL);                                                                 \
  KEEP_V(c##i##h, c + (2 * i + 1) * VL);
#define ADD(i)                                                                                     \
  KEEP_V(c##i##l + KEPT_V(c + 2 * i * VL), c + 2 * i * VL);                                        \
  KEEP_V(c##i##h + KEPT_V(c + (2 * i + 1) * VL), c + (2 * i + 1) * VL);
#define COLUMN_OF_B(j)       LOAD_BT16(k0 + k, n + j)
#define ROW_OF_PANEL(j, v)   KEEP16(v, to + (k + j) * LANES);
#define ROW_OF_TILE(j)       (j < MR ? LP_LOAD16(c + j * LANES + h) : (float16)(0.0f))
#define COLUMN_OF_TILE(j, v) KEEP16(v, turned + j * 16);

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(PROBLEM_PARAMS, global float *wsb, const int wso, const int block_m, const int block_n,
       const int blocks_m, const int blocks, const int slice) {
  PROBLEM_OPEN
  /* Scratch of this work-item: panels of B, a tile's rows of A, part of a tile of C, tiles of C. */
  global float *bp = LP_AT(wsb + wso, get_global_id(0), slice);
  global float *a = LP_AT(bp, block_n, KP);
  global float *turned = a + A_SIZE;
  global float *tiles = turned + 256;
  for (int block = (int)get_global_id(0); block < blocks; block += (int)get_global_size(0)) {
    const int m_first = block % blocks_m * block_m, m_end = min(m_first + block_m, (int)(GEMM_M));
    const int n_first = block / blocks_m * block_n, n_end = min(n_first + block_n, (int)(GEMM_N));
    for (int k0 = 0; k0 < GEMM_K; k0 += KP) {
      const int kn = min(KP, GEMM_K - k0), last = k0 + kn == GEMM_K;
#if B_PACK == 3
      for (int k = 0; k < kn; k++) {
#ifdef AHEAD_B
        const int next = min(k0 + k + ROWS_AHEAD, (int)(GEMM_K)-1);
        for (int n = n_first; n < n_end; n += 16) { AHEAD_B(next, n) }
#endif
        for (int n0 = n_first; n0 < n_end; n0 += LANES) {
          global float *to = LP_AT(LP_AT(bp, n0 - n_first, KP), k, LANES);
          for (int h = 0; h < LANES; h += 16)
            if (GEMM_N % LANES == 0 || n0 + h < GEMM_N) KEEP16(LOAD_B16(k0 + k, n0 + h), to + h);
        }
      }
#else
      for (int n0 = n_first; n0 < n_end; n0 += LANES)
        for (int h = 0; h < LANES; h += 16) {
          global float *to = LP_AT(bp, n0 - n_first, KP) + h;
          const int n = n0 + h;
#if B_PACK == 1
          if (n < GEMM_N)
            for (int k = 0; k < kn; k++) KEEP16(LOAD_B16(k0 + k, n), to + k * LANES);
#else
          int k = 0;
          if (n + 16 <= GEMM_N)
            for (; k + 16 <= kn; k += 16) LP_TURN(COLUMN_OF_B, ROW_OF_PANEL)
          for (; k < kn; k++)
            for (int j = 0; j < 16; j++)
              to[k * LANES + j] = n + j < GEMM_N ? LOAD_B(k0 + k, n + j) : 0.0f;
#endif
        }
#endif
      for (int m0 = m_first; m0 < m_end; m0 += MR) {
#if A_PACK == 1
        for (int i = 0; i < MR; i++) {
          const int m = min(m0 + i, (int)(GEMM_M)-1);
          for (int k = 0; k < kn;) {
            const int run = min(kn - k, SEGMENT - (k0 + k) % SEGMENT);
            int j = 0;
            for (; j + 16 <= run; j += 16)
              KEEP_A(LOAD_A16(m, k0 + k + j), a + i * AS + k + j);
            for (; j < run; j++) a[i * AS + k + j] = LOAD_A(m, k0 + k + j);
            k += run;
          }
        }
#elif A_PACK == 2
        for (int i = 0; i < MR; i++) {
          const int m = min(m0 + i, (int)(GEMM_M)-1);
          for (int k = 0; k < kn; k++) a[i * AS + k] = LOAD_A(m, k0 + k);
        }
#else
        for (int k = 0; k < kn; k++) KEEP16(LOAD_A16(m0, k0 + k), a + k * 16);
#endif
        for (int n0 = n_first; n0 < n_end; n0 += LANES) {
          const global float *b = LP_AT(bp, n0 - n_first, KP);
#if SINGLE
          global float *c = tiles;
#else
          global float *c =
              LP_AT(tiles, (m0 - m_first) * (block_n / LANES) + (n0 - n_first) / LANES * MR, LANES);
#endif
#ifdef AHEAD_C
          if (last) { ROWS(ASK) }
#endif
          ROWS(DECLARE)
          for (int k = 0; k < kn; k++) {
            const VF bl = KEPT_V(b + k * LANES), bh = KEPT_V(b + k * LANES + VL);
            ROWS(MULTIPLY)
          }
#if SINGLE
          ROWS(KEEP)
#else
          if (k0 == 0) {
            ROWS(KEEP)
          } else {
            ROWS(ADD)
          }
#endif
          if (last) {
            const int rows = min(MR, m_end - m0), columns = min(LANES, n_end - n0);
#if C_NFAST
            for (int i = 0; i < rows; i++) {
              int j = 0;
#if C_WIDE
              for (; j + 16 <= min(columns, WIDE_END - n0); j += 16)
                STORE16(m0 + i, n0 + j, LP_LOAD16(c + i * LANES + j));
#endif
              POST_SPAN(ELEMENT(m0 + i, n0))
              for (; j < columns; j++) STORE(m0 + i, n0 + j, c[i * LANES + j])
            }
#else
            /* Turned, 16 columns at a time; what is written too much belongs to the next tile. */
            for (int h = 0; h < columns; h += 16) {
              LP_TURN(ROW_OF_TILE, COLUMN_OF_TILE)
              for (int n = n0 + h; n < n0 + min(columns, h + 16); n++) {
                const global float *from = LP_AT(turned, n - n0 - h, 16);
#if C_WIDE
                if (m0 + 16 <= m_end) {
                  STORE16(m0, n, LP_LOAD16(from));
                  continue;
                }
#endif
                POST_SPAN(ELEMENT(m0, n))
                for (int j = 0; j < rows; j++) STORE(m0 + j, n, from[j])
              }
            }
#endif
          }
        }
      }
    }
  }
}
