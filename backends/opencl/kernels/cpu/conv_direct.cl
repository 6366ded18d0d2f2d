/* Convolution of stride 1 for devices that run kernels on CPU cores, forward (DIRECTION 1) or for
 * the input gradient (2: the gradient is convolved with turned filters). One work-item makes TILES
 * tiles of MR planes of one sample; a tile is MR planes x NV segments of VL places. The last segment
 * of a row overlaps the one before, so that nothing outside the image is read or written.
 * SC SH SW: planes and extents of the source with its BORDER; M TH TW: of the result; KS. */
#define SEGMENTS ((TW + VL - 1) / VL)
#if M % MR == 0
#define ROW(i) (m0 + i)
#else
#define ROW(i) min(m0 + i, M - 1)
#endif
#if DIRECTION == 1
#define TAP(i) w[(ROW(i) * SC + c) * KS * KS + ky * KS + kx]
#else
#define TAP(i) w[(c * M + ROW(i)) * KS * KS + (KS - 1 - ky) * KS + (KS - 1 - kx)]
#endif
#define PLACE_SEGMENT(i, t)                                                                        \
  const int s##t = min(first + t, TH * SEGMENTS - 1), y##t = s##t / SEGMENTS,                      \
            x##t = min(s##t % SEGMENTS * VL, TW - VL);
#define LOAD_SEGMENT(i, t)    const VF b##t = VLOAD(plane + (y##t + ky) * SW + x##t + kx);
#define ZERO_SEGMENT(i, t)    VF c##i##_##t = (VF)(0.0f);
#define ADD_SEGMENT(i, t)     c##i##_##t += f * b##t;
#define ZERO_ROW(i)           COLUMNS(ZERO_SEGMENT, i)
#define ADD_ROW(i)                                                                                 \
  {                                                                                                \
    const float f = TAP(i);                                                                        \
    COLUMNS(ADD_SEGMENT, i)                                                                        \
  }
#if POSTS
#define STORE_SEGMENT(i, t)                                                                        \
  VSTORE(c##i##_##t + shift, part);                                                                \
  {                                                                                                \
    POST_SPAN(base + y##t * TW + x##t)                                                             \
    for (int j = 0; j < VL; j++) {                                                                   \
      const int e = base + y##t * TW + x##t + j;                                                   \
      float v = part[j];                                                                           \
      POST(v, e)                                                                                   \
      y[e] = v;                                                                                    \
    }                                                                                              \
  }
#else
#define STORE_SEGMENT(i, t) VSTORE(c##i##_##t + shift, y + base + y##t * TW + x##t);
#endif
#if WITH_BIAS
#define SHIFT(i) bias[m0 + i]
#else
#define SHIFT(i) 0.0f
#endif
#define STORE_ROW(i)                                                                               \
  if (m0 + i < M) {                                                                                \
    const int base = (image * M + m0 + i) * (TH * TW);                                             \
    const float shift = SHIFT(i);                                                                  \
    POST_ROW(base)                                                                                 \
    COLUMNS(STORE_SEGMENT, i)                                                                      \
  }

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(const global float *sb, const int so, const global float *wb, const int wo,
       global float *restrict yb, const int yo
#if WITH_BIAS
       , const global float *biasb, const int biaso
#endif
       POST_PARAMS) {
  const int parts = (M + MR * TILES - 1) / (MR * TILES), image = (int)get_global_id(0) / parts;
  const global float *source = LP_AT(sb + so, image, SC * SH * SW), *w = wb + wo;
  global float *y = yb + yo;
#if WITH_BIAS
  const global float *bias = biasb + biaso;
#endif
  POST_OPEN
#if POSTS
  float part[VL];
#endif
  for (int tile = 0; tile < TILES; tile++) {
    const int m0 = ((int)get_global_id(0) % parts * TILES + tile) * MR;
    for (int first = 0; first < TH * SEGMENTS && m0 < M; first += NV) {
      COLUMNS(PLACE_SEGMENT, 0)
      ROWS(ZERO_ROW)
      /* Filter rows that meet nothing but border on every row of the tile are left out. */
      const int y_first = first / SEGMENTS, y_last = min(first + NV - 1, TH * SEGMENTS - 1) / SEGMENTS;
      const int ky_first = max(0, BORDER - y_last), ky_last = min(KS - 1, SH - BORDER - 1 - y_first);
      for (int c = 0; c < SC; c++) {
        const global float *plane = LP_AT(source, c, SH * SW);
        for (int ky = ky_first; ky <= ky_last; ky++)
          for (int kx = 0; kx < KS; kx++) {
            COLUMNS(LOAD_SEGMENT, 0)
            ROWS(ADD_ROW)
          }
      }
      ROWS(STORE_ROW)
    }
  }
}
