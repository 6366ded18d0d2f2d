/* Sum of all elements, or by each of GROUPS work-groups of its share of them: strided partial sums, then
 * a tree. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, global float *yb, const int yo, const int n) {
  const global float *x = xb + xo;
  local float s[GROUP];
  const int lid = (int)get_local_id(0), group = (int)get_group_id(0);
  float v = 0.0f;
  for (int i = group * GROUP + lid; i < n; i += GROUP * GROUPS) v += x[i];
  v = lp_sum_lanes(s, v, lid, lid, GROUP);
  if (lid == 0) yb[yo + group] = v;
}
