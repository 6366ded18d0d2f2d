/* Batch normalisation of rows (N, CHANNELS), for CPU devices: one work-item WIDTH channels (1 or 16), over the
 * batch. MODE as in batchnorm.cl: 1 training, 2 evaluation, 3 and 4 their gradients. */
#if WIDTH == 16
#define V            float16
#define GET(p)       lp_get16(p, left)
#define PUT(v, p)    lp_put16(v, p, left)
#else
#define V            float
#define GET(p)       (*(p))
#define PUT(v, p)    (*(p) = (v))
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
  const int channel = (int)get_global_id(0) * WIDTH, left = CHANNELS - channel;
  const global float *x = xb + xo;
  global float *y = yb + yo;
  POST_OPEN
  if (left > 0) {
#if MODE == 1
    V mean = (V)(0.0f), var = (V)(0.0f);
    for (int i = 0; i < n; i++) mean += GET(x + i * CHANNELS + channel);
    mean /= (float)n;
    for (int i = 0; i < n; i++) {
      const V d = GET(x + i * CHANNELS + channel) - mean;
      var += d * d;
    }
    var /= (float)n;
    const V invstd = (V)(1.0f) / sqrt(var + EPS);
    PUT((1.0f - MOMENTUM) * GET(rmb + rmo + channel) + MOMENTUM * mean, rmb + rmo + channel);
    PUT((1.0f - MOMENTUM) * GET(rvb + rvo + channel) + MOMENTUM * (var * ((float)n / (float)(n - 1))),
        rvb + rvo + channel);
#if WITH_MEAN
    PUT(mean, meanb + meano + channel);
#endif
#if WITH_INVSTD
    PUT(invstd, invstdb + invstdo + channel);
#endif
#else
    const V mean = GET(rmb + rmo + channel), invstd = (V)(1.0f) / sqrt(GET(rvb + rvo + channel) + EPS);
#endif
    const V gain = GET(gammab + gammao + channel) * invstd, shift = GET(betab + betao + channel);
    for (int i = 0; i < n; i++) {
      const int base = i * CHANNELS + channel;
      PUT((GET(x + base) - mean) * gain + shift, y + base);
#if POSTS
      for (int j = 0; j < min(left, WIDTH); j++) {
        const int e = base + j;
        float v = y[e];
        POST_ROW(e)
        POST(v, e)
        y[e] = v;
      }
#endif
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
  const int channel = (int)get_global_id(0) * WIDTH, left = CHANNELS - channel;
  const global float *dy = dyb + dyo, *x = xb + xo;
  global float *dx = dxb + dxo;
  POST_OPEN
  if (left > 0) {
    const V mean = GET(meanb + meano + channel);
#if MODE == 3
    const V invstd = GET(spreadb + spreado + channel);
#else
    const V invstd = (V)(1.0f) / sqrt(GET(spreadb + spreado + channel) + EPS);
#endif
    V dbeta = (V)(0.0f), dgamma = (V)(0.0f);
    for (int i = 0; i < n; i++) {
      const V d = GET(dy + i * CHANNELS + channel);
      dbeta += d;
      dgamma += d * ((GET(x + i * CHANNELS + channel) - mean) * invstd);
    }
#if WITH_DGAMMA
    PUT(dgamma, dgammab + dgammao + channel);
#endif
#if WITH_DBETA
    PUT(dbeta, dbetab + dbetao + channel);
#endif
    const V gain = GET(gammab + gammao + channel) * invstd;
#if MODE == 3
    const V a = dbeta / (float)n, b = dgamma / (float)n;
#else
    const V a = (V)(0.0f), b = (V)(0.0f);
#endif
    for (int i = 0; i < n; i++) {
      const int base = i * CHANNELS + channel;
      PUT(gain * (GET(dy + base) - a - (GET(x + base) - mean) * invstd * b), dx + base);
#if POSTS
      for (int j = 0; j < min(left, WIDTH); j++) {
        const int e = base + j;
        float v = dx[e];
        POST_ROW(e)
        POST(v, e)
        dx[e] = v;
      }
#endif
    }
  }
}
#endif
