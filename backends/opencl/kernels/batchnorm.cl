/* Batch normalisation for GPUs: a work-group has COLUMNS channels side by side, and for each of them
 * LANES work-items, which take turns over the batch and its PIXELS; their sums meet in a fixed tree.
 * CHANNELS; MODE: 1 training, 2 evaluation, 3 and 4 their gradients; EPS, MOMENTUM. */
#define LANES (GROUP / COLUMNS)
#define EACH  for (int k = lane; k < n * PIXELS; k += LANES)
#define PLACE(k) (((k) / PIXELS * CHANNELS + channel) * PIXELS + (k) % PIXELS)

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
#endif
  POST_OPEN
  const int lid = (int)get_local_id(0), lane = lid / COLUMNS;
  /* Columns past the end repeat the last channel, and store nothing. */
  const int own = (int)get_group_id(0) * COLUMNS + lid % COLUMNS, there = own < CHANNELS;
  const int channel = min(own, CHANNELS - 1);
#if MODE != 2
  local float s[GROUP];
#endif
#if MODE == 1 || MODE == 3
  const float count = (float)n * (float)PIXELS;
#endif
#if MODE == 1
  float mean = 0.0f, var = 0.0f;
  EACH mean += x[PLACE(k)];
  mean = lp_sum_columns(s, mean, lid, COLUMNS, LANES) / count;
  EACH {
    const float d = x[PLACE(k)] - mean;
    var += d * d;
  }
  var = lp_sum_columns(s, var, lid, COLUMNS, LANES) / count;
  const float invstd = 1.0f / sqrt(var + EPS);
  if (there && lane == 0) {
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
#elif MODE == 2
  const float mean = rmb[rmo + channel], invstd = 1.0f / sqrt(rvb[rvo + channel] + EPS);
#else
  const float mean = meanb[meano + channel];
#if MODE == 3
  const float invstd = spreadb[spreado + channel];
#else
  const float invstd = 1.0f / sqrt(spreadb[spreado + channel] + EPS);
#endif
  float dbeta = 0.0f, dgamma = 0.0f;
  EACH {
    const int e = PLACE(k);
    dbeta += dy[e];
    dgamma += dy[e] * ((x[e] - mean) * invstd);
  }
  dbeta = lp_sum_columns(s, dbeta, lid, COLUMNS, LANES);
  dgamma = lp_sum_columns(s, dgamma, lid, COLUMNS, LANES);
#if WITH_DGAMMA
  if (there && lane == 0) dgammab[dgammao + channel] = dgamma;
#endif
#if WITH_DBETA
  if (there && lane == 0) dbetab[dbetao + channel] = dbeta;
#endif
#endif
  const float gain = gammab[gammao + channel] * invstd;
#if MODE == 1 || MODE == 2
  const float shift = betab[betao + channel];
  if (there)
    EACH {
      const int e = PLACE(k);
      float v = (x[e] - mean) * gain + shift;
      POST_ROW(e)
      POST(v, e)
      y[e] = v;
    }
#else
#if MODE == 3
  const float a = dbeta / count, b = dgamma / count;
#else
  const float a = 0.0f, b = 0.0f;
#endif
  if (there)
    EACH {
      const int e = PLACE(k);
      float v = gain * (dy[e] - a - (x[e] - mean) * invstd * b);
      POST_ROW(e)
      POST(v, e)
      dx[e] = v;
    }
#endif
}
