/* Log-softmax over the classes, its gradient, and cross entropy with its metrics row.
 * CLASSES; LANES: work-items a row (a power of two); MODE. One work-group does ROWS rows at a
 * time. The mean of cross entropy is one fixed tree: of a single group, or of GROUPS of them, which leave
 * their sums in scratch for MODE_MEAN. */
#define MODE_FORWARD  1
#define MODE_BACKWARD 2
#define MODE_ENTROPY  3
#define MODE_MEAN     4
#define ROWS (GROUP / LANES)

#if MODE == MODE_ENTROPY || MODE == MODE_MEAN
#if WITH_HISTORY
#define HISTORY_PARAMS global float *historyb, const int historyo, const int row,
#define KEEP_HISTORY                                                                               \
  global float *h = LP_AT(historyb + historyo, row, 4);                                            \
  h[0] = loss / (float)n, h[1] = top1, h[2] = top5, h[3] = (float)n;
#else
#define HISTORY_PARAMS
#define KEEP_HISTORY
#endif
#if GROUPS > 1 && MODE == MODE_ENTROPY
#define RESULT_PARAMS global float *wsb, const int wso,
#define RESULT                                                                                     \
  global float *part = LP_AT(wsb + wso, get_group_id(0), 3);                                       \
  part[0] = loss, part[1] = top1, part[2] = top5;
#else
#define RESULT_PARAMS HISTORY_PARAMS global float *lossb, const int losso,
#define RESULT        lossb[losso] = loss / (float)n; KEEP_HISTORY
#endif
#define SUM_AND_LEAVE                                                                              \
  loss = lp_sum_lanes(s, loss, lid, lid, GROUP);                                                   \
  top1 = lp_sum_lanes(s, top1, lid, lid, GROUP);                                                   \
  top5 = lp_sum_lanes(s, top5, lid, lid, GROUP);                                                   \
  if (lid == 0) {                                                                                  \
    RESULT                                                                                         \
  }
#endif

#if MODE == MODE_MEAN
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *wsb, const int wso, RESULT_PARAMS const int n) {
  local float s[GROUP];
  const int lid = (int)get_local_id(0);
  const global float *part = LP_AT(wsb + wso, min(lid, GROUPS - 1), 3);
  float loss = lp_either(lid < GROUPS, part[0], 0.0f), top1 = lp_either(lid < GROUPS, part[1], 0.0f);
  float top5 = lp_either(lid < GROUPS, part[2], 0.0f);
  SUM_AND_LEAVE
}
#else

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
#if MODE == MODE_ENTROPY
KERNEL(const global float *xb, const int xo, const global int *labelb, const int labelo,
#if WITH_LOGP
       global float *yb, const int yo,
#endif
       RESULT_PARAMS const int n) {
#elif MODE == MODE_BACKWARD
KERNEL(const global float *dyb, const int dyo, const global float *xb, const int xo,
       global float *yb, const int yo, const int n POST_PARAMS) {
  const global float *dy = dyb + dyo;
#else
KERNEL(const global float *xb, const int xo, global float *yb, const int yo,
       const int n POST_PARAMS) {
#endif
  const global float *x = xb + xo;
#if MODE != MODE_ENTROPY || WITH_LOGP
  global float *y = yb + yo;
#endif
#if MODE == MODE_ENTROPY
  const global int *label = labelb + labelo;
  float loss = 0.0f, top1 = 0.0f, top5 = 0.0f;
#else
  POST_OPEN
#endif
  local float s[GROUP];
  const int lid = (int)get_local_id(0), lane = lid % LANES;
#if MODE == MODE_ENTROPY
  for (int first = (int)get_group_id(0) * ROWS; first < n; first += ROWS * GROUPS) {
#else
  {
    const int first = (int)get_group_id(0) * ROWS;
#endif
    const int r = first + lid / LANES;
    const int inside = r < n;
    const int base = inside ? r * CLASSES : 0;
    const int end = inside ? CLASSES : 0;
#if MODE == MODE_BACKWARD
    float sum = 0.0f;
    for (int c = lane; c < end; c += LANES) sum += dy[base + c];
    sum = lp_sum_lanes(s, sum, lid, lane, LANES);
    for (int c = lane; c < end; c += LANES) {
      const int e = base + c;
      float v = dy[e] - exp(x[e]) * sum;
      POST_ROW(e)
      POST(v, e)
      y[e] = v;
    }
#else
    float most = -INFINITY;
    for (int c = lane; c < end; c += LANES) most = fmax(most, x[base + c]);
    most = lp_max_lanes(s, most, lid, lane, LANES);
    float sum = 0.0f;
    for (int c = lane; c < end; c += LANES) sum += exp(x[base + c] - most);
    sum = lp_sum_lanes(s, sum, lid, lane, LANES);
    const float shift = most + log(sum);
#if MODE == MODE_FORWARD
    for (int c = lane; c < end; c += LANES) {
      const int e = base + c;
      float v = x[e] - shift;
      POST_ROW(e)
      POST(v, e)
      y[e] = v;
    }
#else
#if WITH_LOGP
    for (int c = lane; c < end; c += LANES) y[base + c] = x[base + c] - shift;
#endif
    const int wanted = inside ? label[r] : -1;
    const int valid = wanted >= 0 && wanted < CLASSES;
    const float own = valid ? x[base + wanted] : 0.0f;
    float above = 0.0f; /* classes that rank before the label; a NaN ranks before everything */
    for (int c = lane; c < end; c += LANES) {
      const float other = x[base + c];
      above += other < own || (other <= own && c >= wanted) ? 0.0f : 1.0f;
    }
    above = lp_sum_lanes(s, above, lid, lane, LANES);
    if (inside && lane == 0) {
      loss += valid ? shift - own : NAN;
      top1 += valid && above < 0.5f ? 1.0f : 0.0f;
      top5 += valid && above < 4.5f ? 1.0f : 0.0f;
    }
#endif
#endif
  }
#if MODE == MODE_ENTROPY
  SUM_AND_LEAVE
#endif
}
#endif
