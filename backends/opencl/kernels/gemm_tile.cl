/* Product through tiles in local memory, for GPUs: a work-group makes TM x TN elements, each of
 * WM x WN work-items a part of them; TK deep at a time. A_KFAST, B_NFAST, C_NFAST say along which
 * index memory is contiguous, so that neighbours load and store neighbours. */
#define RM (TM / WM)
#define RN (TN / WN)
#define AS (TM + 1)
#define BS (TN + 1)

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PROBLEM_PARAMS) {
  PROBLEM_OPEN
  local float as[TK * AS], bs[TK * BS];
  const int lid = (int)get_local_id(0);
  const int group = (int)get_group_id(0), rows = (GEMM_M + TM - 1) / TM;
  const int m0 = group % rows * TM, n0 = group / rows * TN;
#if C_NFAST
  const int lm = lid / WN, ln = lid % WN;
#else
  const int lm = lid % WM, ln = lid / WM;
#endif
  float acc[RM][RN];
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) acc[i][j] = 0.0f;
  for (int k0 = 0; k0 < GEMM_K; k0 += TK) {
    for (int i = lid; i < TM * TK; i += GROUP) {
#if A_KFAST
      const int tk = i % TK, tm = i / TK;
#else
      const int tm = i % TM, tk = i / TM;
#endif
      const int m = m0 + tm, k = k0 + tk;
      as[tk * AS + tm] = m < GEMM_M && k < GEMM_K ? LOAD_A(m, k) : 0.0f;
    }
    for (int i = lid; i < TN * TK; i += GROUP) {
#if B_NFAST
      const int tn = i % TN, tk = i / TN;
#else
      const int tk = i % TK, tn = i / TK;
#endif
      const int n = n0 + tn, k = k0 + tk;
      bs[tk * BS + tn] = n < GEMM_N && k < GEMM_K ? LOAD_B(k, n) : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 4
    for (int k = 0; k < TK; k++) {
      float a[RM], b[RN];
#pragma unroll
      for (int i = 0; i < RM; i++) a[i] = as[k * AS + lm + i * WM];
#pragma unroll
      for (int j = 0; j < RN; j++) b[j] = bs[k * BS + ln + j * WN];
#pragma unroll
      for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) acc[i][j] += a[i] * b[j];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) {
      const int m = m0 + lm + i * WM, n = n0 + ln + j * WN;
      if (m < GEMM_M && n < GEMM_N) STORE(m, n, acc[i][j])
    }
}
