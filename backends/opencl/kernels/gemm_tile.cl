/* Product through tiles in local memory, for GPUs: a work-group makes TM x TN elements, each of
 * WM x WN work-items a part of them; TK deep at a time. While one slab of TK terms is computed, the
 * next one is on its way into registers; the first slab takes what TK leaves over, so that all
 * others are whole. A_KFAST, B_NFAST, C_NFAST say along which index memory is contiguous, so that
 * neighbours load and store neighbours. With SPLITS > 1 a group makes a share of `depth` terms, and
 * gemm_sum.cl adds the shares. */
#define RM (TM / WM)
#define RN (TN / WN)
/* Elements side by side that an item reads from a row of local memory at once; rows begin at such
 * elements, and apart enough that items which store along a column do not meet in a bank. */
#define READ4(to, from)                                                                            \
  {                                                                                                \
    const float4 v = *(const local float4 *)(const local void *)(from);                            \
    (to)[0] = v.x, (to)[1] = v.y, (to)[2] = v.z, (to)[3] = v.w;                                    \
  }
#define READ2(to, from)                                                                            \
  {                                                                                                \
    const float2 v = *(const local float2 *)(const local void *)(from);                            \
    (to)[0] = v.x, (to)[1] = v.y;                                                                  \
  }
#if RM % 4 == 0
#define VM     4
#define READ_A READ4
#else
#define VM     2
#define READ_A READ2
#endif
#if RN % 4 == 0
#define VN     4
#define READ_B READ4
#else
#define VN     2
#define READ_B READ2
#endif
#define AS (TM + 4)
#define BS (TN + 4)
/* Where row i of an item's RM and column j of its RN stand, counted from its first ones. */
#define ROW(i)    ((i) / VM * (WM * VM) + (i) % VM)
#define COLUMN(j) ((j) / VN * (WN * VN) + (j) % VN)
/* Of a slab, an item loads one term of several rows, or several terms of one row. */
#define LOADS_A (TM * TK / GROUP)
#define LOADS_B (TN * TK / GROUP)
#if A_KFAST
#define ROWS_A  LOADS_A
#define TERMS_A 1
#else
#define ROWS_A  1
#define TERMS_A LOADS_A
#endif
#if B_NFAST
#define COLUMNS_B 1
#define TERMS_B   LOADS_B
#else
#define COLUMNS_B LOADS_B
#define TERMS_B   1
#endif

/* Terms that are dear to find are found once a group and slab, not by every item. */
#ifdef SHARED_TERMS
#define TERM(k0, t) term[t]
#define FIND_TERMS(k0)                                                                            \
  if (lid < TK) term[lid] = B_TERM(min((k0) + lid, GEMM_K - 1));
#else
#define TERM(k0, t) B_TERM((k0) + (t))
#define FIND_TERMS(k0)
#endif
#define ANY(t)   1
#define FIRST(t) ((t) < rest)
#define LOAD_SLAB(k0, EXISTS)                                                                      \
  _Pragma("unroll") for (int i = 0; i < LOADS_A; i++) {                                            \
    const int t = ka + i % TERMS_A * (GROUP / TM);                                                 \
    next_a[i] = EXISTS(t) ? A_VALUE(row[i % ROWS_A], A_TERM((k0) + t)) : 0.0f;                     \
  }                                                                                                \
  _Pragma("unroll") for (int j = 0; j < LOADS_B; j++) {                                            \
    const int t = kb + j % TERMS_B * (GROUP / TN);                                                 \
    next_b[j] = EXISTS(t) ? B_VALUE(column[j % COLUMNS_B], TERM(k0, t)) : 0.0f;                    \
  }

#if SPLITS > 1
#define SPLIT_PARAMS , global float *wsb, const int wso, const int depth
#define OPEN         TERMS_OPEN
#define FINISH(m, n, value)                                                                        \
  LP_AT(wsb + wso, share, GEMM_M * GEMM_N)[C_NFAST ? (m) * GEMM_N + (n) : (n) * GEMM_M + (m)] = value;
#else
#define SPLIT_PARAMS
#define OPEN TERMS_OPEN SUMS_OPEN
#define FINISH(m, n, value) STORE(m, n, (value) SCALE(m, n))
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PROBLEM_PARAMS SPLIT_PARAMS) {
  OPEN
  local float as[TK * AS] __attribute__((aligned(16))), bs[TK * BS] __attribute__((aligned(16)));
#ifdef SHARED_TERMS
  local PLACE term[TK];
#endif
  const int lid = (int)get_local_id(0);
  const int rows = (GEMM_M + TM - 1) / TM;
#if SPLITS > 1
  const int tiles = rows * ((GEMM_N + TN - 1) / TN);
  const int share = (int)get_group_id(0) / tiles, group = (int)get_group_id(0) % tiles;
  const int first = share * depth, end = min(first + depth, GEMM_K);
#else
  const int group = (int)get_group_id(0), first = 0, end = GEMM_K;
#endif
  const int m0 = group % rows * TM, n0 = group / rows * TN;
#if C_NFAST
  const int lm = lid / WN * VM, ln = lid % WN * VN;
#else
  const int lm = lid % WM * VM, ln = lid / WM * VN;
#endif
#if A_KFAST
  const int ka = lid % TK, ma = lid / TK;
#else
  const int ka = lid / TM, ma = lid % TM;
#endif
#if B_NFAST
  const int kb = lid / TN, nb = lid % TN;
#else
  const int kb = lid % TK, nb = lid / TK;
#endif
  /* Rows and columns past the end repeat the last one; they are not stored. */
  PLACE row[ROWS_A], column[COLUMNS_B];
#pragma unroll
  for (int i = 0; i < ROWS_A; i++) row[i] = A_ROW(min(m0 + ma + i * (GROUP / TK), GEMM_M - 1));
#pragma unroll
  for (int j = 0; j < COLUMNS_B; j++)
    column[j] = B_COLUMN(min(n0 + nb + j * (GROUP / TK), GEMM_N - 1));

  float acc[RM][RN], next_a[LOADS_A], next_b[LOADS_B];
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) acc[i][j] = 0.0f;
  const int rest = end > first ? (end - first - 1) % TK + 1 : 0;
  FIND_TERMS(first)
  barrier(CLK_LOCAL_MEM_FENCE);
  LOAD_SLAB(first, FIRST)
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int k0 = first + rest; k0 <= end; k0 += TK) {
#pragma unroll
    for (int i = 0; i < LOADS_A; i++)
      as[(ka + i % TERMS_A * (GROUP / TM)) * AS + ma + i % ROWS_A * (GROUP / TK)] = next_a[i];
#pragma unroll
    for (int j = 0; j < LOADS_B; j++)
      bs[(kb + j % TERMS_B * (GROUP / TN)) * BS + nb + j % COLUMNS_B * (GROUP / TK)] = next_b[j];
    FIND_TERMS(k0)
    barrier(CLK_LOCAL_MEM_FENCE);
    if (k0 < end) {
      LOAD_SLAB(k0, ANY)
    }
    const local float *ak = as + lm, *bk = bs + ln;
#if RM * RN > 16 || TK == 8
#pragma unroll 4
#else
#pragma unroll 8
#endif
    for (int k = 0; k < TK; k++) {
      float a[RM], b[RN];
#pragma unroll
      for (int i = 0; i < RM; i += VM) READ_A(a + i, ak + ROW(i))
#pragma unroll
      for (int j = 0; j < RN; j += VN) READ_B(b + j, bk + COLUMN(j))
#pragma unroll
      for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) acc[i][j] += a[i] * b[j];
      ak += AS;
      bk += BS;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) {
      const int m = m0 + lm + ROW(i), n = n0 + ln + COLUMN(j);
      if (m < GEMM_M && n < GEMM_N) FINISH(m, n, acc[i][j])
    }
}
