/* Around a product that a library computes, one work-item an element. PART 1: A as a matrix of
 * GEMM_M rows, 2: B as one of PRODUCT_N columns, 3: the result, out of a matrix or (IN_PLACE) out of
 * y itself, with what follows it, and the sums of dy for db in a column of their own. Of each, the
 * `count` columns of the product from `first` on; with ALONG_K A and B have that many terms. */
#define PRODUCT_N (GEMM_N - WITH_DB)

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(PROBLEM_PARAMS, global float *wsb, const int wso, const int first, const int count) {
  PROBLEM_OPEN
  global float *ws = wsb + wso;
  const int i = (int)get_global_id(0);
#if PART == 1
  if (i < GEMM_M * count) ws[i] = LOAD_A(i / count, first + i % count);
#elif PART == 2 && ALONG_K
  if (i < count * PRODUCT_N) ws[i] = LOAD_B(first + i / PRODUCT_N, i % PRODUCT_N);
#elif PART == 2
  if (i < GEMM_K * count) ws[i] = LOAD_B(i / count, first + i % count);
#else
  if (i < GEMM_M * count) {
    const int m = i / count, n = first + i % count;
    float sum = 0.0f;
    if (n < PRODUCT_N) {
#if IN_PLACE
      sum = y[ELEMENT(m, n)];
#else
      sum = ws[m * (count - WITH_DB) + n - first];
#endif
    } else {
      for (int k = 0; k < GEMM_K; k++) sum += LOAD_A(m, k);
    }
    STORE(m, n, sum)
  }
#endif
}
