/* Mean pooling and its gradient, one work-item an element of the result.
 * IN_H IN_W OUT_H OUT_W: extents; ROWS, COLUMNS: of the window; STRIDE; BACKWARD. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, global float *yb, const int yo, const float share,
       const int n POST_PARAMS) {
  const global float *x = xb + xo;
  global float *y = yb + yo;
  POST_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    float v = 0.0f;
#if BACKWARD
    const int ix = e % IN_W, iy = e / IN_W % IN_H, image = e / (IN_W * IN_H);
    const int oy_last = min(iy / STRIDE, OUT_H - 1), ox_last = min(ix / STRIDE, OUT_W - 1);
    const int oy_first = iy < ROWS ? 0 : (iy - ROWS) / STRIDE + 1;
    const int ox_first = ix < COLUMNS ? 0 : (ix - COLUMNS) / STRIDE + 1;
    for (int oy = oy_first; oy <= oy_last; oy++)
      for (int ox = ox_first; ox <= ox_last; ox++) v += x[(image * OUT_H + oy) * OUT_W + ox];
#else
    const int ox = e % OUT_W, oy = e / OUT_W % OUT_H, image = e / (OUT_W * OUT_H);
    const global float *corner = LP_AT(LP_AT(x, image * IN_H + oy * STRIDE, IN_W), ox, STRIDE);
    for (int r = 0; r < ROWS; r++)
      for (int k = 0; k < COLUMNS; k++) v += corner[r * IN_W + k];
#endif
    v *= share;
    POST_ROW(e)
    POST(v, e)
    y[e] = v;
  }
}
