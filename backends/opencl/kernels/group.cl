/* Several element-wise steps of a plan, one after the other, a work-item an element. The host writes
 * GROUP_PARAMS (operands), GROUP_OPEN (where they begin) and GROUP_BODY(e) (the steps at element e). */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(GROUP_PARAMS, const int n) {
  GROUP_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    GROUP_BODY(e)
  }
}
