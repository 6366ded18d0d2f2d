/* Product for devices that run kernels on CPU cores: one work-item a block of C, register tiles of
 * MR x LANES, operands packed into scratch that stays in the caches, sums of KP terms at a time.
 * MR rows (ROWS lists them), VL lanes a vector, LANES = 2 VL; KP; SINGLE: K fits one pass.
 * A_PACK 1: along k in runs of SEGMENT, 2: element by element, 3: along m.
 * B_PACK 1: along n, 2: along k, turned in registers, 3: element by element. */
#undef LANES
#undef AS
#undef A_AT
#undef VF
#undef VLOAD
#undef VSTORE
#define LANES (2 * VL)
#if A_PACK == 3
#define A_SIZE     (KP * 16)
#define A_AT(i, k) a[(k) * 16 + i]
#else
#define AS         (KP + 16) /* not a power of two: rows must not share cache sets */
#define A_SIZE     (MR * AS)
#define A_AT(i, k) a[(i) * AS + (k)]
#endif
#if VL == 16
#define VF                float16
#define VLOAD(i, p)       vload16(i, p)
#define VSTORE(v, i, p)   vstore16(v, i, p)
#elif VL == 8
#define VF                float8
#define VLOAD(i, p)       vload8(i, p)
#define VSTORE(v, i, p)   vstore8(v, i, p)
#else
#define VF                float4
#define VLOAD(i, p)       vload4(i, p)
#define VSTORE(v, i, p)   vstore4(v, i, p)
#endif
#undef R4
#undef R5
#undef R6
#undef R7
#undef R8
#undef R9
#undef R10
#undef R11
#undef R12
#undef R13
#undef R14
#define R1(F)  F(0)
#define R2(F)  R1(F) F(1)
#define R3(F)  R2(F) F(2)
#define R4(F)  R3(F) F(3)
#define R5(F)  R4(F) F(4)
#define R6(F)  R5(F) F(5)
#define R7(F)  R6(F) F(6)
#define R8(F)  R7(F) F(7)
#define R9(F)  R8(F) F(8)
#define R10(F) R9(F) F(9)
#define R11(F) R10(F) F(10)
#define R12(F) R11(F) F(11)
#define R13(F) R12(F) F(12)
#define R14(F) R13(F) F(13)
#define DECLARE(i) VF c##i##l = (VF)(0.0f), c##i##h = (VF)(0.0f);
#define MULTIPLY(i)                                                                                \
  {                                                                                                \
    const float f = A_AT(i, k);                                                                    \
    c##i##l += f * bl;                                                                             \
    c##i##h += f * bh;                                                                             \
  }
#define KEEP(i)                                                                                    \
  VSTORE(c##i##l, 2 * i, c);                                                                       \
  VSTORE(c##i##h, 2 * i + 1, c);
#define ADD(i)                                                                                     \
  VSTORE(c##i##l + VLOAD(2 * i, c), 2 * i, c);                                                     \
  VSTORE(c##i##h + VLOAD(2 * i + 1, c), 2 * i + 1, c);

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(PROBLEM_PARAMS, global float *wsb, const int wso, const int block_m, const int block_n,
       const int blocks_m, const int blocks, const int slice) {
  PROBLEM_OPEN
  /* Scratch of this work-item: panels of B, a tile's rows of A, tiles of C. */
  global float *bp = wsb + wso + (int)get_global_id(0) * slice;
  global float *a = bp + block_n * KP;
  global float *tiles = a + A_SIZE;
  for (int block = (int)get_global_id(0); block < blocks; block += (int)get_global_size(0)) {
    const int m_first = block % blocks_m * block_m, m_end = min(m_first + block_m, (int)(GEMM_M));
    const int n_first = block / blocks_m * block_n, n_end = min(n_first + block_n, (int)(GEMM_N));
    for (int k0 = 0; k0 < GEMM_K; k0 += KP) {
      const int kn = min(KP, GEMM_K - k0), last = k0 + kn == GEMM_K;
      for (int n0 = n_first; n0 < n_end; n0 += LANES)
        for (int h = 0; h < LANES; h += 16) {
          global float *to = bp + (n0 - n_first) * KP + h;
          const int n = n0 + h;
#if B_PACK == 1
          if (n < GEMM_N)
            for (int k = 0; k < kn; k++) vstore16(LOAD_B16(k0 + k, n), 0, to + k * LANES);
#elif B_PACK == 2
          int k = 0;
          if (n + 16 <= GEMM_N)
            for (; k + 16 <= kn; k += 16) {
              float16 r[16], t[16];
              for (int j = 0; j < 16; j++) r[j] = LOAD_BT16(k0 + k, n + j);
              LP_TRANSPOSE(r, t)
              for (int j = 0; j < 16; j++) vstore16(r[j], 0, to + (k + j) * LANES);
            }
          for (; k < kn; k++)
            for (int j = 0; j < 16; j++)
              to[k * LANES + j] = n + j < GEMM_N ? LOAD_B(k0 + k, n + j) : 0.0f;
#else
          for (int k = 0; k < kn; k++)
            for (int j = 0; j < 16; j++)
              to[k * LANES + j] = n + j < GEMM_N ? LOAD_B(k0 + k, n + j) : 0.0f;
#endif
        }
      for (int m0 = m_first; m0 < m_end; m0 += MR) {
#if A_PACK == 1
        for (int i = 0; i < MR; i++) {
          const int m = min(m0 + i, (int)(GEMM_M)-1);
          for (int k = 0; k < kn;) {
            const int run = min(kn - k, SEGMENT - (k0 + k) % SEGMENT);
            int j = 0;
            for (; j + 16 <= run; j += 16)
              vstore16(LOAD_A16(m, k0 + k + j), 0, a + i * AS + k + j);
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
        for (int k = 0; k < kn; k++) vstore16(LOAD_A16(m0, k0 + k), 0, a + k * 16);
#endif
        for (int n0 = n_first; n0 < n_end; n0 += LANES) {
          const global float *b = bp + (n0 - n_first) * KP;
#if SINGLE
          global float *c = tiles;
#else
          global float *c = tiles + ((m0 - m_first) * (block_n / LANES) + (n0 - n_first) / LANES * MR) * LANES;
#endif
          ROWS(DECLARE)
          for (int k = 0; k < kn; k++) {
            const VF bl = VLOAD(0, b + k * LANES), bh = VLOAD(1, b + k * LANES);
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
                STORE16(m0 + i, n0 + j, vload16(0, c + i * LANES + j));
#endif
              for (; j < columns; j++) STORE(m0 + i, n0 + j, c[i * LANES + j])
            }
#else
            for (int j = 0; j < columns; j++)
              for (int i = 0; i < rows; i++) STORE(m0 + i, n0 + j, c[i * LANES + j])
#endif
          }
        }
      }
    }
  }
}
#undef A_SIZE
#undef DECLARE
#undef MULTIPLY
#undef KEEP
#undef ADD
