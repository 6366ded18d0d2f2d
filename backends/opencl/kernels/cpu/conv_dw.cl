/* Weight gradient of a convolution of stride 1 for devices that run kernels on CPU cores. One
 * work-item makes MR filters x one row of KS taps of one channel: vectors along the places of the
 * batch, added up at the end. The last vector of a row overlaps; its repeated lanes count as 0.
 * C SH SW: planes and extents of the (padded) image; O OH OW: of dy; KS; WITH_DB. */
#if O % MR == 0
#define ROW(i) (m0 + i)
#else
#define ROW(i) min(m0 + i, O - 1)
#endif
#define ZERO_TAP(i, t)  VF c##i##_##t = (VF)(0.0f);
#define LOAD_TAP(i, t)  const VF b##t = VLOAD(xr + x + t);
#define ADD_TAP(i, t)   c##i##_##t += d * b##t;
#define ZERO_ROW(i)     COLUMNS(ZERO_TAP, i)
#define ADD_ROW(i)                                                                                 \
  {                                                                                                \
    const VF d = VLOAD(dr + (ROW(i) - m0) * (OH * OW) + x);                                        \
    COLUMNS(ADD_TAP, i)                                                                            \
  }
#define ADD_LAST(i)                                                                                \
  {                                                                                                \
    const VF d = VLOAD(dr + (ROW(i) - m0) * (OH * OW) + x) * fresh;                                \
    COLUMNS(ADD_TAP, i)                                                                            \
  }
#define STORE_TAP(i, t)                                                                            \
  {                                                                                                \
    const int e = ((m0 + i) * C + c) * (KS * KS) + ky * KS + t;                                    \
    float v = VFOLD(c##i##_##t);                                                                   \
    POST_ROW(e) POST(v, e) dw[e] = v;                                                              \
  }
#define STORE_ROW(i)                                                                               \
  if (m0 + i < O) { COLUMNS(STORE_TAP, i) }

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(const global float *dyb, const int dyo, const global float *xb, const int xo,
       global float *dwb, const int dwo
#if WITH_DB
       , global float *dbb, const int dbo
#endif
       , const int batch POST_PARAMS) {
  const global float *dy = dyb + dyo, *source = xb + xo;
  global float *dw = dwb + dwo;
  POST_OPEN
  const int parts = (O + MR - 1) / MR, m0 = (int)get_global_id(0) % parts * MR,
            row = (int)get_global_id(0) / parts, c = row / KS, ky = row % KS;
  ROWS(ZERO_ROW)
#if OW % VL
  float mask[VL];
  for (int j = 0; j < VL; j++) mask[j] = j < VL - OW % VL ? 0.0f : 1.0f;
  const VF fresh = VLOAD(mask);
#endif
  for (int image = 0; image < batch; image++)
    for (int oy = 0; oy < OH; oy++) {
      const global float *dr = LP_AT(dy, (image * O + m0) * OH + oy, OW);
      const global float *xr = LP_AT(source, (image * C + c) * SH + oy + ky, SW);
      for (int x = 0; x + VL <= OW; x += VL) {
        COLUMNS(LOAD_TAP, 0)
        ROWS(ADD_ROW)
      }
#if OW % VL
      {
        const int x = OW - VL;
        COLUMNS(LOAD_TAP, 0)
        ROWS(ADD_LAST)
      }
#endif
    }
  ROWS(STORE_ROW)
#if WITH_DB
  for (int m = m0; m < min(m0 + MR, O) && row == 0; m++) {
    VF wide = (VF)(0.0f);
    float rest = 0.0f;
    for (int image = 0; image < batch; image++) {
      const global float *plane = LP_AT(dy, image * O + m, OH * OW);
      int i = 0;
      for (; i + VL <= OH * OW; i += VL) wide += VLOAD(plane + i);
      for (; i < OH * OW; i++) rest += plane[i];
    }
    dbb[dbo + m] = VFOLD(wide) + rest;
  }
#endif
}
