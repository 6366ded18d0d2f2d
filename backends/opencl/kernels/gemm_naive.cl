/* Product, one work-item an element: the reference that faster kernels are checked against. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PROBLEM_PARAMS) {
  PROBLEM_OPEN
  const int m = (int)get_global_id(0), n = (int)get_global_id(1);
  if (m < GEMM_M && n < GEMM_N) {
    float sum = 0.0f;
    for (int k = 0; k < GEMM_K; k++) sum += LOAD_A(m, k) * LOAD_B(k, n);
    STORE(m, n, sum)
  }
}
