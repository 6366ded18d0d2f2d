/* Product of few elements with a long sum: a work-group makes SM x SN elements, its work-items
 * share the sum, and a fixed tree adds their parts. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PROBLEM_PARAMS) {
  PROBLEM_OPEN
  local float s[GROUP];
  const int lid = (int)get_local_id(0);
  const int group = (int)get_group_id(0), rows = (GEMM_M + SM - 1) / SM;
  const int m0 = group % rows * SM, n0 = group / rows * SN;
  float acc[SM][SN];
#pragma unroll
  for (int i = 0; i < SM; i++)
#pragma unroll
    for (int j = 0; j < SN; j++) acc[i][j] = 0.0f;
  for (int k = lid; k < GEMM_K; k += GROUP) {
    float a[SM], b[SN];
#pragma unroll
    for (int i = 0; i < SM; i++) a[i] = m0 + i < GEMM_M ? LOAD_A(m0 + i, k) : 0.0f;
#pragma unroll
    for (int j = 0; j < SN; j++) b[j] = n0 + j < GEMM_N ? LOAD_B(k, n0 + j) : 0.0f;
#pragma unroll
    for (int i = 0; i < SM; i++)
#pragma unroll
      for (int j = 0; j < SN; j++) acc[i][j] += a[i] * b[j];
  }
#pragma unroll
  for (int i = 0; i < SM; i++)
#pragma unroll
    for (int j = 0; j < SN; j++) {
      const float sum = lp_sum_lanes(s, acc[i][j], lid, lid, GROUP);
      const int m = m0 + i, n = n0 + j;
      if (lid == (i * SN + j) % GROUP && m < GEMM_M && n < GEMM_N) STORE(m, n, sum)
    }
}
