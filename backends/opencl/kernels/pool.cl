/* Max pooling and its gradient, one work-item an element of the result.
 * IN_H IN_W OUT_H OUT_W: extents; WINDOW, STRIDE; BACKWARD; WITH_WHICH: the choice is kept. */
#define MEETING ((WINDOW + STRIDE - 1) / STRIDE)
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
#if BACKWARD
KERNEL(const global float *dyb, const int dyo, const global uchar *whichb, const int whicho,
       global float *dxb, const int dxo, const int n POST_PARAMS) {
  const global float *dy = dyb + dyo;
  const global uchar *which = LP_AT(whichb, whicho, 4);
  global float *dx = dxb + dxo;
  POST_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    const int ix = e % IN_W, iy = e / IN_W % IN_H, image = e / (IN_W * IN_H);
    float v = 0.0f;
    /* Windows that may hold the pixel, a constant number of them, so that all are read at once. */
#pragma unroll
    for (int ky = MEETING - 1; ky >= 0; ky--)
#pragma unroll
      for (int kx = MEETING - 1; kx >= 0; kx--) {
        const int oy = iy / STRIDE - ky, ox = ix / STRIDE - kx;
        const int y = iy - oy * STRIDE, x = ix - ox * STRIDE;
        const int there = oy >= 0 && oy < OUT_H && y < WINDOW && ox >= 0 && ox < OUT_W && x < WINDOW;
        const int o = there ? (image * OUT_H + oy) * OUT_W + ox : 0;
        const float d = dy[o];
        v += there && (int)which[o] == y * WINDOW + x ? d : 0.0f;
      }
    POST_ROW(e)
    POST(v, e)
    dx[e] = v;
  }
}
#else
KERNEL(const global float *xb, const int xo, global float *yb, const int yo,
#if WITH_WHICH
       global uchar *whichb, const int whicho,
#endif
       const int n POST_PARAMS) {
  const global float *x = xb + xo;
  global float *y = yb + yo;
#if WITH_WHICH
  global uchar *which = LP_AT(whichb, whicho, 4);
#endif
  POST_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    const int ox = e % OUT_W, oy = e / OUT_W % OUT_H, image = e / (OUT_W * OUT_H);
    const global float *corner = LP_AT(LP_AT(x, image * IN_H + oy * STRIDE, IN_W), ox, STRIDE);
    float v = corner[0];
    int best = 0;
    for (int ky = 0; ky < WINDOW; ky++)
      for (int kx = 0; kx < WINDOW; kx++) {
        const float c = corner[ky * IN_W + kx];
        const int better = c > v || (c != c && v == v); /* a NaN stays visible */
        best = better ? ky * WINDOW + kx : best;
        v = better ? c : v;
      }
#if WITH_WHICH
    which[e] = (uchar)best;
#endif
    POST_ROW(e)
    POST(v, e)
    y[e] = v;
  }
}
#endif
