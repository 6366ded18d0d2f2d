/* Around a product that a library computes, one work-item an element. PART 1: A as a matrix of
 * GEMM_M x GEMM_K, 2: B as one of GEMM_K x PRODUCT_N, 3: the result, out of a matrix or (IN_PLACE)
 * out of y itself, with what follows it, and the sums of dy for db in a column of their own. */
#define PRODUCT_N (GEMM_N - WITH_DB)

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(PROBLEM_PARAMS, global float *wsb, const int wso) {
  PROBLEM_OPEN
  global float *ws = wsb + wso;
  const int i = (int)get_global_id(0);
#if PART == 1
  if (i < GEMM_M * GEMM_K) ws[i] = LOAD_A(i / GEMM_K, i % GEMM_K);
#elif PART == 2
  if (i < GEMM_K * PRODUCT_N) ws[i] = LOAD_B(i / PRODUCT_N, i % PRODUCT_N);
#else
  if (i < GEMM_M * GEMM_N) {
    const int m = i / GEMM_N, n = i % GEMM_N;
    float sum = 0.0f;
    if (n < PRODUCT_N) {
#if IN_PLACE
      sum = y[ELEMENT(m, n)];
#else
      sum = ws[m * PRODUCT_N + n];
#endif
    } else {
      for (int k = 0; k < GEMM_K; k++) sum += LOAD_A(m, k);
    }
    STORE(m, n, sum)
  }
#endif
}
