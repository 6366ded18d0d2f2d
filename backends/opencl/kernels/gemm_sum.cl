/* What follows gemm_tile.cl where it made SPLITS shares of each sum: adds them, one work-item an
 * element, in a fixed order. A share is laid out as the result is. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(PROBLEM_PARAMS, const global float *wsb, const int wso) {
  SUMS_OPEN
  const int i = (int)get_global_id(0);
  if (i < GEMM_M * GEMM_N) {
#if C_NFAST
    const int m = i / GEMM_N, n = i % GEMM_N;
#else
    const int m = i % GEMM_M, n = i / GEMM_M;
#endif
    float sum = 0.0f;
    for (int s = 0; s < SPLITS; s++) sum += LP_AT(wsb + wso, s, GEMM_M * GEMM_N)[i];
    STORE(m, n, sum SCALE(m, n))
  }
}
