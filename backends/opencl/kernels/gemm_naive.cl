/* Product, one work-item an element: the reference that faster kernels are checked against. Work-items
 * run along m, a multiple of GROUP for each n. Sums in passes: one long chain of additions would be
 * less exact than the kernels that it judges. */
#define PASS 512
#define LINE ((GEMM_M + GROUP - 1) / GROUP * GROUP)

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PROBLEM_PARAMS) {
  PROBLEM_OPEN
  const size_t at = get_global_id(0);
  const int m = (int)(at % (size_t)LINE), n = (int)(at / (size_t)LINE);
  if (m < GEMM_M && n < GEMM_N) {
    float sum = 0.0f;
    for (int k0 = 0; k0 < GEMM_K; k0 += PASS) {
      const int end = min(k0 + PASS, GEMM_K);
      float part = 0.0f;
      for (int k = k0; k < end; k++) part += LOAD_A(m, k) * LOAD_B(k, n);
      sum += part;
    }
    STORE(m, n, sum)
  }
}
