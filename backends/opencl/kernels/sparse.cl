/* Fully connected layers with a pattern of weights. PART 0 turns samples, so that those of a unit
 * lie together; 1 sums along the wires of a unit, 16 samples at a time (forward, dx); 2 sums the
 * samples of each wire of a unit (dw); 3 sums the samples of a unit (db). UNITS of the result's
 * side, SAMPLES, WIDE samples of a turned unit; OTHERS of the other side; WITH_PLACE, WITH_PRIOR,
 * WITH_BIAS. */
#if WITH_PRIOR
#define PRIOR_PARAMS , const global float *priorb, const int prioro
#define PRIOR_AT(k)  *priorb[prioro + (k)]
#else
#define PRIOR_PARAMS
#define PRIOR_AT(k)
#endif
#if WITH_PLACE
#define PLACE_PARAMS , const global int *placeb, const int placeo
#define PLACE(k)     placeb[placeo + (k)]
#else
#define PLACE_PARAMS
#define PLACE(k) (k)
#endif
#if WITH_BIAS
#define BIAS_PARAMS , const global float *biasb, const int biaso
#define BIAS_AT(u)  biasb[biaso + (u)]
#else
#define BIAS_PARAMS
#define BIAS_AT(u) 0.0f
#endif

#if PART == 0
/* One work-item a turned element; what is past the samples is 0. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, global float *yb, const int yo, const int n,
       const int at) {
  const int e = (int)get_global_id(0);
  if (e < n) {
    const int u = e / WIDE, s = e % WIDE;
    global float *y = yb + yo + at;
    y[e] = s < SAMPLES ? LP_AT(xb + xo, s, UNITS)[u] : 0.0f;
  }
}
#elif PART == 1
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, const global float *wb, const int wo,
       const global int *firstb, const int firsto, const global int *otherb,
       const int othero PLACE_PARAMS PRIOR_PARAMS BIAS_PARAMS, global float *yb, const int yo,
       const int n POST_PARAMS) {
  const global float *x = xb + xo, *w = wb + wo;
  const global int *first = firstb + firsto, *other = otherb + othero;
  global float *y = yb + yo;
  POST_OPEN
  const int item = (int)get_global_id(0);
  if (item < n) {
    const int u = item / (WIDE / 16), s = item % (WIDE / 16) * 16;
    float16 sum = (float16)(BIAS_AT(u));
    for (int k = first[u]; k < first[u + 1]; k++) {
      const int at = PLACE(k);
      sum += (w[at] PRIOR_AT(at)) * LP_LOAD16(LP_AT(x, other[k], WIDE) + s);
    }
    float part[16];
    vstore16(sum, 0, part);
    for (int i = 0; i < 16 && s + i < SAMPLES; i++) {
      const int e = (s + i) * UNITS + u;
      float v = part[i];
      POST_ROW(e)
      POST(v, e)
      y[e] = v;
    }
  }
}
#elif PART == 2
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, const int at, const global int *firstb,
       const int firsto, const global int *otherb, const int othero PRIOR_PARAMS, global float *yb,
       const int yo, const int n POST_PARAMS) {
  const global float *x = xb + xo, *dy = x + at;
  const global int *first = firstb + firsto, *other = otherb + othero;
  global float *y = yb + yo;
  POST_OPEN
  const int u = (int)get_global_id(0);
  if (u < n)
    for (int k = first[u]; k < first[u + 1]; k++) {
      float16 sum = (float16)(0.0f);
      for (int s = 0; s < WIDE; s += 16)
        sum += LP_LOAD16(LP_AT(dy, u, WIDE) + s) * LP_LOAD16(LP_AT(x, other[k], WIDE) + s);
      float v = lp_fold16(sum) PRIOR_AT(k);
      POST_ROW(k)
      POST(v, k)
      y[k] = v;
    }
}
#else
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *xb, const int xo, global float *yb, const int yo, const int n) {
  const global float *x = xb + xo;
  const int u = (int)get_global_id(0);
  if (u < n) {
    float sum = 0.0f;
    for (int s = 0; s < SAMPLES; s++) sum += LP_AT(x, s, UNITS)[u];
    yb[yo + u] = sum;
  }
}
#endif
