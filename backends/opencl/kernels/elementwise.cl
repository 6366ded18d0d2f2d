/* Element-wise ops: LOAD(e) makes the value, the chain does the rest.
 * HEAD: what LOAD reads. CLASSES, PIXELS, CHANNELS, MEAN, SD, FACTOR: its constants. */
#define HEAD_COPY          1
#define HEAD_SIGN          2
#define HEAD_EXPAND        3
#define HEAD_NORMALIZE     4
#define HEAD_CROSS_ENTROPY 5

#if HEAD == HEAD_NORMALIZE
#define HEAD_PARAMS const global PIXEL *xb, const int xo
#define HEAD_OPEN   const global PIXEL *x = LP_AT(xb, xo, 4 / sizeof(PIXEL))
#define LOAD(e)                                                                                    \
  (((float)x[e] * FACTOR - mean[(e) / PIXELS % CHANNELS]) / sd[(e) / PIXELS % CHANNELS])
#elif HEAD == HEAD_CROSS_ENTROPY
#define HEAD_PARAMS                                                                                \
  const global float *lossb, const int losso, const global float *xb, const int xo,                \
      const global int *labelb, const int labelo, const float share
#define HEAD_OPEN                                                                                  \
  const global float *x = xb + xo;                                                                 \
  const global int *label = labelb + labelo;                                                       \
  const float upstream = lossb[losso] * share
#define LOAD(e) (upstream * (exp(x[e]) - (label[(e) / CLASSES] == (e) % CLASSES ? 1.0f : 0.0f)))
#else
#define HEAD_PARAMS const global float *xb, const int xo
#define HEAD_OPEN   const global float *x = xb + xo
#if HEAD == HEAD_SIGN
#define LOAD(e) (x[e] > 0.0f ? 1.0f : x[e] < 0.0f ? -1.0f : x[e] * 0.0f)
#elif HEAD == HEAD_EXPAND
#define LOAD(e) x[0]
#else
#define LOAD(e) x[e]
#endif
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(HEAD_PARAMS, global float *yb, const int yo, const int n POST_PARAMS) {
  HEAD_OPEN;
  global float *y = yb + yo;
  POST_OPEN
#if HEAD == HEAD_NORMALIZE
  const float mean[4] = MEAN, sd[4] = SD;
#endif
  const int e = (int)get_global_id(0);
  if (e < n) {
    float v = LOAD(e);
    POST_ROW(e)
    POST(v, e)
    y[e] = v;
  }
}
