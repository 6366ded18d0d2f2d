/* Copies planes of H x W into planes with a border of zeros, one work-item a row of the copy.
 * H W: extents; BORDER: its width. */
#define TALL (H + 2 * BORDER)
#define WIDE (W + 2 * BORDER)

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, global float *yb, const int yo, const int rows) {
  const int r = (int)get_global_id(0);
  if (r < rows) {
    const int y = r % TALL - BORDER, inside = y >= 0 && y < H;
    const global float *from = LP_AT(xb + xo, r / TALL * H + (inside ? y : 0), W);
    global float *to = LP_AT(yb + yo, r, WIDE);
    for (int x = 0; x < BORDER; x++) to[x] = to[WIDE - 1 - x] = 0.0f;
    for (int x = 0; x < W; x++) to[BORDER + x] = inside ? from[x] : 0.0f;
  }
}
