/* Rows of LEN elements in another order: element i of a row is the order[i]-th of x's. One work-item
 * an element. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, const global int *orderb, const int ordero,
       global float *yb, const int yo, const int n POST_PARAMS) {
  const global float *x = xb + xo;
  const global int *order = orderb + ordero;
  global float *y = yb + yo;
  POST_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    const int row = e / LEN, at = e % LEN;
    float v = LP_AT(x, row, LEN)[order[at]];
    POST_ROW(e)
    POST(v, e)
    y[e] = v;
  }
}
