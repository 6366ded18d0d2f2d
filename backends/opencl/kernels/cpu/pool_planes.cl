/* Max pooling and its gradient for devices that run kernels on CPU cores: one work-item a plane, in
 * plain loops that can be turned into vector code.
 * IN_H IN_W OUT_H OUT_W: extents; WINDOW, STRIDE; BACKWARD; WITH_WHICH: the choice is kept. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
#if BACKWARD
KERNEL(const global float *restrict dyb, const int dyo, const global uchar *restrict whichb,
       const int whicho, global float *restrict dxb, const int dxo POST_PARAMS) {
  const int plane = (int)get_global_id(0), base = plane * (IN_H * IN_W);
  const global float *dy = LP_AT(dyb + dyo, plane, OUT_H * OUT_W);
  const global uchar *which = LP_AT(LP_AT(whichb, whicho, 4), plane, OUT_H * OUT_W);
  global float *dx = dxb + dxo;
  POST_OPEN
  POST_ROW(base)
#if WINDOW != STRIDE
  for (int i = 0; i < IN_H * IN_W; i++) dx[base + i] = 0.0f;
  for (int oy = 0; oy < OUT_H; oy++)
    for (int ox = 0; ox < OUT_W; ox++) {
      const int o = oy * OUT_W + ox, tap = (int)which[o];
      dx[base + (oy * STRIDE + tap / WINDOW) * IN_W + ox * STRIDE + tap % WINDOW] += dy[o];
    }
#if POSTS
  for (int row = base; row < base + IN_H * IN_W; row += IN_W) {
    POST_SPAN(row)
    for (int e = row; e < row + IN_W; e++) {
      float v = dx[e];
      POST(v, e)
      dx[e] = v;
    }
  }
#endif
#else
  for (int iy = 0; iy < IN_H; iy++) {
    const int oy = iy / WINDOW, first = iy % WINDOW * WINDOW, row = base + iy * IN_W;
    const int covered = oy < OUT_H ? OUT_W : 0;
    POST_SPAN(row)
    for (int ox = 0; ox < covered; ox++) {
      const float d = dy[oy * OUT_W + ox];
      const int tap = (int)which[oy * OUT_W + ox] - first;
#pragma unroll
      for (int kx = 0; kx < WINDOW; kx++) {
        const int j = ox * WINDOW + kx, e = row + j;
        float v = tap == kx ? d : 0.0f;
        POST(v, e)
        dx[e] = v;
      }
    }
    for (int j = covered * WINDOW; j < IN_W; j++) {
      const int e = row + j;
      float v = 0.0f;
      POST(v, e)
      dx[e] = v;
    }
  }
#endif
}
#else
KERNEL(const global float *restrict xb, const int xo, global float *restrict yb, const int yo
#if WITH_WHICH
       , global uchar *restrict whichb, const int whicho
#endif
       POST_PARAMS) {
  const int plane = (int)get_global_id(0), base = plane * (OUT_H * OUT_W);
  const global float *x = LP_AT(xb + xo, plane, IN_H * IN_W);
  global float *y = yb + yo;
#if WITH_WHICH
  global uchar *which = LP_AT(whichb, whicho, 4);
#endif
  POST_OPEN
  POST_ROW(base)
  for (int oy = 0; oy < OUT_H; oy++) {
    const int row = base + oy * OUT_W;
    POST_SPAN(row)
    for (int j = 0; j < OUT_W; j++) {
      const global float *corner = LP_AT(LP_AT(x, oy * STRIDE, IN_W), j, STRIDE);
      float v = corner[0];
      int best = 0;
#pragma unroll
      for (int ky = 0; ky < WINDOW; ky++)
#pragma unroll
        for (int kx = 0; kx < WINDOW; kx++) {
          const float c = corner[ky * IN_W + kx];
          const int better = (c > v) | ((c != c) & (v == v)); /* a NaN stays visible */
          best = better ? ky * WINDOW + kx : best;
          v = better ? c : v;
        }
      const int e = row + j;
#if WITH_WHICH
      which[e] = (uchar)best;
#endif
      POST(v, e)
      y[e] = v;
    }
  }
}
#endif
