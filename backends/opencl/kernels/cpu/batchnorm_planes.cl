/* Batch normalisation of images, for CPU devices: one work-group a channel, over the batch and its PIXELS.
 * CHANNELS, PIXELS; MODE; WIDTH: elements a work-item takes at once (1 or 16); EPS, MOMENTUM. */
#if WIDTH == 16
#define V        float16
#define VLOAD(p) vload16(0, p)
#else
#define V        float
#define VLOAD(p) (*(p))
#endif

/* Sum over the channel of a term of element e, in vectors and one by one. */
#define CHANNEL_SUM(result, VTERM, TERM)                                                           \
  {                                                                                                \
    V wide = (V)(0.0f);                                                                            \
    float rest = 0.0f;                                                                             \
    for (int image = 0; image < n; image++) {                                                      \
      const int base = (image * CHANNELS + channel) * PIXELS;                                      \
      for (int i = lid * WIDTH; i + WIDTH <= PIXELS; i += GROUP * WIDTH) {                         \
        const int e = base + i;                                                                    \
        wide += VTERM;                                                                             \
      }                                                                                            \
      for (int i = PIXELS / WIDTH * WIDTH + lid; i < PIXELS; i += GROUP) {                         \
        const int e = base + i;                                                                    \
        rest += TERM;                                                                              \
      }                                                                                            \
    }                                                                                              \
    result = rest + lp_fold(wide);                                                                 \
    result = lp_sum_lanes(s, result, lid, lid, GROUP);                                             \
  }
#if WIDTH == 16
#define lp_fold(w) lp_fold16(w)
#else
#define lp_fold(w) (w)
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
#if MODE == 1 || MODE == 2
KERNEL(const global float *xb, const int xo, const global float *gammab, const int gammao,
       const global float *betab, const int betao, global float *rmb, const int rmo,
       global float *rvb, const int rvo, global float *yb, const int yo,
#if WITH_MEAN
       global float *meanb, const int meano,
#endif
#if WITH_INVSTD
       global float *invstdb, const int invstdo,
#endif
       const int n POST_PARAMS) {
  const global float *x = xb + xo;
  global float *y = yb + yo;
  POST_OPEN
  local float s[GROUP];
  const int channel = (int)get_group_id(0), lid = (int)get_local_id(0);
#if MODE == 1
  const float count = (float)n * (float)PIXELS;
  float mean, var;
  CHANNEL_SUM(mean, VLOAD(x + e), x[e])
  mean /= count;
  CHANNEL_SUM(var, (VLOAD(x + e) - mean) * (VLOAD(x + e) - mean), (x[e] - mean) * (x[e] - mean))
  var /= count;
  const float invstd = 1.0f / sqrt(var + EPS);
  if (lid == 0) {
    rmb[rmo + channel] = (1.0f - MOMENTUM) * rmb[rmo + channel] + MOMENTUM * mean;
    rvb[rvo + channel] =
        (1.0f - MOMENTUM) * rvb[rvo + channel] + MOMENTUM * (var * (count / (count - 1.0f)));
#if WITH_MEAN
    meanb[meano + channel] = mean;
#endif
#if WITH_INVSTD
    invstdb[invstdo + channel] = invstd;
#endif
  }
#else
  const float mean = rmb[rmo + channel], invstd = 1.0f / sqrt(rvb[rvo + channel] + EPS);
#endif
  const float gain = gammab[gammao + channel] * invstd, shift = betab[betao + channel];
  for (int image = 0; image < n; image++) {
    const int base = (image * CHANNELS + channel) * PIXELS;
    POST_ROW(base)
    for (int i = lid; i < PIXELS; i += GROUP) {
      const int e = base + i;
      float v = (x[e] - mean) * gain + shift;
      POST(v, e)
      y[e] = v;
    }
  }
}
#else
KERNEL(const global float *dyb, const int dyo, const global float *xb, const int xo,
       const global float *gammab, const int gammao, const global float *meanb, const int meano,
       const global float *spreadb, const int spreado, global float *dxb, const int dxo,
#if WITH_DGAMMA
       global float *dgammab, const int dgammao,
#endif
#if WITH_DBETA
       global float *dbetab, const int dbetao,
#endif
       const int n POST_PARAMS) {
  const global float *dy = dyb + dyo, *x = xb + xo;
  global float *dx = dxb + dxo;
  POST_OPEN
  local float s[GROUP];
  const int channel = (int)get_group_id(0), lid = (int)get_local_id(0);
  const float mean = meanb[meano + channel];
#if MODE == 3
  const float invstd = spreadb[spreado + channel];
#else
  const float invstd = 1.0f / sqrt(spreadb[spreado + channel] + EPS);
#endif
  float dbeta, dgamma;
  CHANNEL_SUM(dbeta, VLOAD(dy + e), dy[e])
  CHANNEL_SUM(dgamma, VLOAD(dy + e) * ((VLOAD(x + e) - mean) * invstd),
              dy[e] * ((x[e] - mean) * invstd))
  if (lid == 0) {
#if WITH_DGAMMA
    dgammab[dgammao + channel] = dgamma;
#endif
#if WITH_DBETA
    dbetab[dbetao + channel] = dbeta;
#endif
  }
  const float gain = gammab[gammao + channel] * invstd;
#if MODE == 3
  const float count = (float)n * (float)PIXELS;
  const float a = dbeta / count, b = dgamma / count;
#else
  const float a = 0.0f, b = 0.0f;
#endif
  for (int image = 0; image < n; image++) {
    const int base = (image * CHANNELS + channel) * PIXELS;
    POST_ROW(base)
    for (int i = lid; i < PIXELS; i += GROUP) {
      const int e = base + i;
      float v = gain * (dy[e] - a - (x[e] - mean) * invstd * b);
      POST(v, e)
      dx[e] = v;
    }
  }
}
#endif
