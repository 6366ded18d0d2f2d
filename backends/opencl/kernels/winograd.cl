/* Winograd's convolution F(2x2, 3x3), stride 1: forward, and dx, which is the same of dy with the filters
 * turned round; dW is F(3x3, 2x2), with tiles of dy for filters. A tile of 4 x 4 inputs gives 2 x 2
 * results by 16 products instead of 36, at the points 0, 1, -1 and infinity (Winograd, "Arithmetic
 * Complexity of Computations", 1980; Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks",
 * CVPR 2016). These points cost no accuracy that could be seen: the largest error, relative to the largest element, is at most 1e-6 in the cases of core/check,
 * as of the direct sums.
 *
 * FILTERS: transforms the filters into scratch, [term][point][row], with zeros for rows and terms past
 * the end. Otherwise a work-group makes TM rows x TN tiles, TK terms at a time: one half of it loads
 * filters, the other inputs, 16 numbers each, and WM x WN work-items multiply at each point. While a
 * slab is computed, the next one is on its way into registers. TM = TN, TM TK = GROUP / 2. For dW rows
 * are filters, channels take the place of tiles, and tiles are the terms, of which a group adds a share of
 * `depth`; gemm_sum.cl adds the shares. */
#define POINTS 16
#if DIRECTION == 1
#define ROWS        O
#define TERMS       C
#define SOURCE_H    H
#define SOURCE_W    W
#define RESULT_H    OH
#define RESULT_W    OW
#define BORDER      PAD
#define FILTER(m, k) LP_AT(q, (m) * C + (k), 9)
#define TAP(i)      (i)
#elif DIRECTION == 2
#define ROWS        C
#define TERMS       O
#define SOURCE_H    OH
#define SOURCE_W    OW
#define RESULT_H    H
#define RESULT_W    W
#define BORDER      (2 - PAD)
#define FILTER(m, k) LP_AT(q, (k) * C + (m), 9)
#define TAP(i)      (8 - (i))
#else
#define ROWS        O
#define TERMS       (batch * (DOWN * ACROSS))
#define SOURCE_H    H
#define SOURCE_W    W
#define RESULT_H    OH
#define RESULT_W    OW
#define BORDER      PAD
#endif
#define ROWS_UP  ((ROWS + TM - 1) / TM * TM)
#define TERMS_UP ((TERMS + TK - 1) / TK * TK)

#if FILTERS
/* Three taps, as a polynomial, at the points. */
#define EVALUATE(in, s, out, to)                                                                   \
  {                                                                                                \
    const float ends = 0.5f * ((in)[0] + (in)[2 * (s)]), middle = 0.5f * (in)[s];                  \
    (out)[0] = (in)[0], (out)[to] = ends + middle;                                                 \
    (out)[2 * (to)] = ends - middle, (out)[3 * (to)] = (in)[2 * (s)];                              \
  }
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(PROBLEM_PARAMS, global float *wsb, const int wso) {
  const global float *q = qb + qo;
  const size_t at = get_global_id(0);
  const int m = (int)(at % ROWS_UP), k = (int)(at / ROWS_UP);
  if (k < TERMS_UP) {
    const int there = m < ROWS && k < TERMS;
    const global float *from = FILTER(there ? m : 0, there ? k : 0);
    global float *to = LP_AT(wsb + wso, k, POINTS * ROWS_UP) + m;
    float tap[9], part[12], value[POINTS];
#pragma unroll
    for (int i = 0; i < 9; i++) tap[i] = lp_either(there, from[TAP(i)], 0.0f);
#pragma unroll
    for (int i = 0; i < 3; i++) EVALUATE(tap + i, 3, part + i, 3)
#pragma unroll
    for (int i = 0; i < 4; i++) EVALUATE(part + i * 3, 1, value + i * 4, 1)
#pragma unroll
    for (int i = 0; i < POINTS; i++) to[i * ROWS_UP] = value[i];
  }
}
#else
#define RM     (TM / WM)
#define RN     (TN / WN)
#define ACROSS ((RESULT_W + 1) / 2)
#define DOWN   ((RESULT_H + 1) / 2)
#define TILES  (batch * (DOWN * ACROSS))
#define TILE_Y(t) ((t) % (DOWN * ACROSS) / ACROSS * 2)
#define TILE_X(t) ((t) % ACROSS * 2)
#define INSIDE(y, x, h, w) ((uint)(y) < (uint)(h) && (uint)(x) < (uint)(w))
#define IMAGE  (TERMS * SOURCE_H * SOURCE_W)
/* A row of local memory, apart enough that items of other points do not meet in a bank. */
#define PITCH (TM + 4)
/* Rows of each item that are exchanged at once: a value a work-item and point. */
#define TOGETHER (GROUP / (WM * TN))
/* Where four of an item's RM rows, or RN tiles, stand, counted from its first ones. */
#define PLACE(i, w) ((i) / 4 * ((w) * 4) + (i) % 4)
#define READ4(to, from)                                                                            \
  {                                                                                                \
    const float4 v = *(const local float4 *)(const local void *)(from);                            \
    (to)[0] = v.x, (to)[1] = v.y, (to)[2] = v.z, (to)[3] = v.w;                                    \
  }
/* Along one axis: a tile of inputs, and back to results. */
#define TRANSFORM(d, s)                                                                            \
  {                                                                                                \
    const float d1 = (d)[s], d2 = (d)[2 * (s)];                                                    \
    (d)[0] -= d2, (d)[s] = d1 + d2, (d)[2 * (s)] = d2 - d1, (d)[3 * (s)] = d1 - (d)[3 * (s)];      \
  }
#define BACK(d, s, y0, y1)                                                                         \
  const float y0 = (d)[0] + (d)[s] + (d)[2 * (s)], y1 = (d)[s] - (d)[2 * (s)] - (d)[3 * (s)];
/* Two taps at the points. */
#define EVALUATE2(d, s)                                                                            \
  {                                                                                                \
    const float ends = 0.5f * (d)[0], middle = 0.5f * (d)[s];                                      \
    (d)[3 * (s)] = (d)[s], (d)[s] = ends + middle, (d)[2 * (s)] = ends - middle;                   \
  }
#if DIRECTION == 3
#if WITH_DB
#define ADD_DY sum += next[0] + next[1] + (next[4] + next[5]);
#else
#define ADD_DY
#endif
#define TAPS(d, s, y0, y1, y2)                                                                     \
  const float y0 = (d)[0] + (d)[s] + (d)[2 * (s)], y1 = (d)[s] - (d)[2 * (s)],                     \
              y2 = (d)[s] + (d)[2 * (s)] - (d)[3 * (s)];
#define LOAD_SLAB(k0)                                                                              \
  {                                                                                                \
    const int tile = (k0) + term, t = min(tile, end - 1), image = t / (DOWN * ACROSS);             \
    if (filters) {                                                                                 \
      const int oy = TILE_Y(t), ox = TILE_X(t), at = (image * O + own) * PLACES + oy * OW + ox;    \
      _Pragma("unroll") for (int i = 0; i < 4; i++) next[i / 2 * 4 + i % 2] =                      \
          lp_inside(tile < end && oy + i / 2 < OH && ox + i % 2 < OW, p, at + i / 2 * OW + i % 2); \
      ADD_DY                                                                                       \
    } else {                                                                                       \
      const int iy = TILE_Y(t) - BORDER, ix = TILE_X(t) - BORDER;                                  \
      const int at = (image * C + own) * PIXELS + iy * W + ix;                                     \
      _Pragma("unroll") for (int i = 0; i < POINTS; i++) next[i] =                                 \
          lp_inside(INSIDE(iy + i / 4, ix + i % 4, H, W), q, at + i / 4 * W + i % 4);              \
    }                                                                                              \
  }
#define OTHER_PARAMS global float *wsb, const int wso, const int depth
#define OPEN         FACTORS_OPEN
#define BLOCKS       (groups * ((C + TN - 1) / TN))
#else
#define OTHER_PARAMS const global float *wsb, const int wso
#define OPEN         const global float *p = pb + po; RESULT_OPEN
#define LOAD_SLAB(k0)                                                                              \
  if (filters) {                                                                                   \
    const global float *from = LP_AT(wsb + wso, (k0) + term, POINTS * ROWS_UP) + m0 + lane;        \
    _Pragma("unroll") for (int i = 0; i < POINTS; i++) next[i] = from[i * ROWS_UP];                \
  } else {                                                                                         \
    const int at = corner + min((k0) + term, TERMS - 1) * (SOURCE_H * SOURCE_W);                   \
    _Pragma("unroll") for (int i = 0; i < POINTS; i++) next[i] =                                   \
        lp_inside(inside >> i & 1, p, at + i / 4 * SOURCE_W + i % 4);                              \
  }
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(PROBLEM_PARAMS, OTHER_PARAMS) {
  OPEN
  local float s[2 * POINTS * TK * PITCH] __attribute__((aligned(16)));
  const int lid = (int)get_local_id(0), groups = ROWS_UP / TM;
#if DIRECTION == 3
  const int share = (int)get_group_id(0) / BLOCKS, group = (int)get_group_id(0) % BLOCKS;
  const int begin = share * depth, end = min(begin + depth, TERMS);
#else
  const int group = (int)get_group_id(0), begin = 0, end = TERMS;
#endif
  const int m0 = group % groups * TM, t0 = group / groups * TN;
  /* What this item loads. Tiles past the end repeat the last one; they are not stored. */
  const int filters = lid < GROUP / 2;
#if DIRECTION == 3
  const int lane = lid % (GROUP / 2) / TK, term = lid % TK;
  const int own = filters ? min(m0 + lane, O - 1) : min(t0 + lane, C - 1);
#if WITH_DB
  float sum = 0.0f; /* of dy */
#endif
#else
  const int lane = lid % TM, term = lid % (GROUP / 2) / TM;
  int corner = 0, inside = 0;
  if (!filters) {
    const int t = min(t0 + lane, TILES - 1);
    const int iy = TILE_Y(t) - BORDER, ix = TILE_X(t) - BORDER;
    corner = t / (DOWN * ACROSS) * IMAGE + iy * SOURCE_W + ix;
#pragma unroll
    for (int i = 0; i < POINTS; i++)
      inside |= INSIDE(iy + i / 4, ix + i % 4, SOURCE_H, SOURCE_W) << i;
  }
#endif
  local float *to = s + (filters ? 0 : POINTS * TK * PITCH) + term * PITCH + lane;
  /* What it multiplies. */
  const int point = lid / (WM * WN), lm = lid % WM * 4, ln = lid / WM % WN * 4;
  const local float *rows = s + point * (TK * PITCH) + lm;
  const local float *tiles = s + (POINTS + point) * (TK * PITCH) + ln;

  float acc[RM][RN], next[POINTS];
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) acc[i][j] = 0.0f;
  LOAD_SLAB(begin)
  for (int k0 = begin; k0 < end; k0 += TK) {
#if DIRECTION == 3
    if (filters) {
#pragma unroll
      for (int i = 0; i < 2; i++) EVALUATE2(next + i, 4)
#pragma unroll
      for (int i = 0; i < 4; i++) EVALUATE2(next + i * 4, 1)
    }
#endif
    if (!filters) {
#pragma unroll
      for (int i = 0; i < 4; i++) TRANSFORM(next + i, 4)
#pragma unroll
      for (int i = 0; i < 4; i++) TRANSFORM(next + i * 4, 1)
    }
#pragma unroll
    for (int i = 0; i < POINTS; i++) to[i * (TK * PITCH)] = next[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (k0 + TK < end) {
      LOAD_SLAB(k0 + TK)
    }
#pragma unroll
    for (int k = 0; k < TK; k++) {
      float a[RM], b[RN];
#pragma unroll
      for (int i = 0; i < RM; i += 4) READ4(a + i, rows + k * PITCH + PLACE(i, WM))
#pragma unroll
      for (int j = 0; j < RN; j += 4) READ4(b + j, tiles + k * PITCH + PLACE(j, WN))
#pragma unroll
      for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) acc[i][j] += a[i] * b[j];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  /* The points of a result meet in one item, a few rows of each item at a time. */
  const int t = t0 + lid % TN, row = lid / TN;
#if DIRECTION == 3
  global float *shares = LP_AT(wsb + wso, share, GEMM_M * GEMM_N);
#else
  const int oy = TILE_Y(t), ox = TILE_X(t);
  const int first = t / (DOWN * ACROSS) * (RESULT_H * RESULT_W) + oy * RESULT_W + ox;
#endif
#pragma unroll
  for (int i0 = 0; i0 < RM; i0 += TOGETHER) {
#pragma unroll
    for (int i = 0; i < TOGETHER; i++)
#pragma unroll
      for (int j = 0; j < RN; j++)
        s[point * GROUP + (i * WM + lm / 4) * TN + ln + PLACE(j, WN)] = acc[i0 + i][j];
    barrier(CLK_LOCAL_MEM_FENCE);
    float d[POINTS];
#pragma unroll
    for (int i = 0; i < POINTS; i++) d[i] = s[i * GROUP + lid];
    barrier(CLK_LOCAL_MEM_FENCE);
    const int m = m0 + row % WM * 4 + PLACE(i0 + row / WM, WM);
#if DIRECTION == 3
    if (m < ROWS && t < C) {
      float part[12];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        TAPS(d + i, 4, y0, y1, y2)
        part[i] = y0;
        part[4 + i] = y1;
        part[8 + i] = y2;
      }
#pragma unroll
      for (int i = 0; i < 3; i++) {
        TAPS(part + i * 4, 1, y0, y1, y2)
        global float *at = LP_AT(LP_AT(LP_AT(shares, m, GEMM_N), t, KK), i, 3);
        at[0] = y0;
        at[1] = y1;
        at[2] = y2;
      }
    }
#else
    if (m < ROWS && t < TILES) {
      float part[8];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        BACK(d + i, 4, y0, y1)
        part[i] = y0;
        part[4 + i] = y1;
      }
#pragma unroll
      for (int i = 0; i < 2; i++) {
        BACK(part + i * 4, 1, y0, y1)
        if (oy + i < RESULT_H) {
          STORE(m, first + i * RESULT_W, y0)
          if (ox + 1 < RESULT_W) STORE(m, first + i * RESULT_W + 1, y1)
        }
      }
    }
#endif
  }
#if WITH_DB
  if (t0 == 0) { /* the same in all of a group */
    if (filters) s[lid] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lid < TM && m0 + lid < O) {
      float db = 0.0f;
      for (int i = 0; i < TK; i++) db += s[lid * TK + i];
      LP_AT(shares, m0 + lid, GEMM_N)[CKK] = db;
    }
  }
#endif
}
#endif
