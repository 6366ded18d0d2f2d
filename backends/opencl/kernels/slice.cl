/* Copies rows of LEN elements between views of two tensors: row r lies at r * FROM_ROW + from in x
 * and at r * TO_ROW + to in y. One work-item an element. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, global float *yb, const int yo, const int n,
       const int from, const int to POST_PARAMS) {
  const global float *x = xb + xo + from;
  global float *y = yb + yo + to;
  POST_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    const int row = e / LEN, at = e % LEN;
    float v = LP_AT(x, row, FROM_ROW)[at];
    POST_ROW(e)
    POST(v, e)
    LP_AT(y, row, TO_ROW)[at] = v;
  }
}
