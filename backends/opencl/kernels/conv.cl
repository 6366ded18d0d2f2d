/* Convolution as a product C(m,n) = sum over k of A(m,k) B(k,n), for the gemm_*.cl engines.
 * DIRECTION 1: y (m = filter, n = sample and place, k = channel and tap); 2: dx (m = channel, n =
 * sample and pixel, k = filter and tap); 3: dW (m = filter, n = channel and tap, and a last column
 * that sums dy for db; k = sample and place).
 * C O H W OH OW: extents; KS kernel, STRIDE, PAD; WITH_BIAS, WITH_DB. */
#define KK     (KS * KS)
#define CKK    (C * KS * KS)
#define PLACES (OH * OW)
#define PIXELS (H * W)

#if DIRECTION == 1 && WITH_BIAS
#define SECOND      , const global float *biasb, const int biaso
#define SECOND_OPEN const global float *bias = biasb + biaso;
#elif DIRECTION == 3 && WITH_DB
#define SECOND      , global float *dbb, const int dbo
#define SECOND_OPEN global float *db = dbb + dbo;
#else
#define SECOND
#define SECOND_OPEN
#endif
#define PROBLEM_PARAMS                                                                             \
  const global float *pb, const int po, const global float *qb, const int qo, global float *yb,    \
      const int yo SECOND, const int batch POST_PARAMS
#define FACTORS_OPEN const global float *p = pb + po, *q = qb + qo;
#define RESULT_OPEN                                                                                \
  global float *y = yb + yo;                                                                       \
  SECOND_OPEN POST_OPEN
#define PROBLEM_OPEN FACTORS_OPEN RESULT_OPEN

/* Lanes n .. n+15; those past the end repeat the last. */
#define LANES16(n) min(LP_IOTA16 + (n), (int16)(GEMM_N - 1))

#define ELEMENT(m, n) 0 /* results are not in the order of n: no spans */
#if DIRECTION == 1
#define GEMM_M         O
#define GEMM_N         (batch * PLACES)
#define GEMM_K         CKK
#define LOAD_A(m, k)   q[(m) * CKK + (k)]
#define LOAD_A16(m, k) LP_LOAD16(q + (m) * CKK + (k))
#define LOAD_B(k, n)                                                                               \
  lp_pixel(p + ((n) / PLACES * C + (k) / KK) * PIXELS,                                             \
           (n) % PLACES / OW * STRIDE - PAD + (k) % KK / KS,                                       \
           (n) % OW * STRIDE - PAD + (k) % KS, H, W)
#define LOAD_B16(k, n)                                                                             \
  lp_pixels16(p, (LANES16(n) / PLACES * C + (k) / KK) * PIXELS,                                    \
              LANES16(n) % PLACES / OW * STRIDE - PAD + (k) % KK / KS,                             \
              LANES16(n) % OW * STRIDE - PAD + (k) % KS, H, W)
#if WITH_BIAS
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = ((n) / PLACES * O + (m)) * PLACES + (n) % PLACES;                                \
    float v = (value) + bias[m];                                                                   \
    POST(v, e) y[e] = v;                                                               \
  }
#else
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = ((n) / PLACES * O + (m)) * PLACES + (n) % PLACES;                                \
    float v = (value);                                                                             \
    POST(v, e) y[e] = v;                                                               \
  }
#endif
#elif DIRECTION == 2
#define GEMM_M       C
#define GEMM_N       (batch * PIXELS)
#define GEMM_K       (O * KK)
#define LOAD_A(m, k) q[((k) / KK * C + (m)) * KK + (k) % KK]
#define LOAD_B(k, n)                                                                               \
  lp_pixel_strided(p + ((n) / PIXELS * O + (k) / KK) * PLACES,                                     \
                   (n) % PIXELS / W + PAD - (k) % KK / KS, (n) % W + PAD - (k) % KS, OH, OW,       \
                   STRIDE)
#define LOAD_B16(k, n)                                                                             \
  lp_pixels16_strided(p, (LANES16(n) / PIXELS * O + (k) / KK) * PLACES,                            \
                      LANES16(n) % PIXELS / W + PAD - (k) % KK / KS,                               \
                      LANES16(n) % W + PAD - (k) % KS, OH, OW, STRIDE)
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = ((n) / PIXELS * C + (m)) * PIXELS + (n) % PIXELS;                                \
    float v = (value);                                                                             \
    POST(v, e) y[e] = v;                                                               \
  }
#else
#define GEMM_M         O
#define GEMM_N         (CKK + WITH_DB)
#define GEMM_K         (batch * PLACES)
#define LOAD_A(m, k)   p[((k) / PLACES * O + (m)) * PLACES + (k) % PLACES]
#define LOAD_A16(m, k) LP_LOAD16(p + ((k) / PLACES * O + (m)) * PLACES + (k) % PLACES)
#define LOAD_B(k, n)                                                                               \
  ((n) < CKK ? lp_pixel(q + ((k) / PLACES * C + (n) / KK) * PIXELS,                                \
                        (k) % PLACES / OW * STRIDE - PAD + (n) % KK / KS,                          \
                        (k) % OW * STRIDE - PAD + (n) % KS, H, W)                                  \
             : 1.0f)
#define LOAD_B16(k, n)                                                                             \
  select(lp_pixels16(q, ((k) / PLACES * C + min(LANES16(n), (int16)(CKK - 1)) / KK) * PIXELS,               \
                     (k) % PLACES / OW * STRIDE - PAD + LANES16(n) % KK / KS,                      \
                     (k) % OW * STRIDE - PAD + LANES16(n) % KS, H, W),                             \
         (float16)(1.0f), LANES16(n) == CKK)
#if WITH_DB
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    if ((n) < CKK) {                                                                               \
      const int e = (m) * CKK + (n);                                                               \
      float v = (value);                                                                           \
      POST(v, e) y[e] = v;                                                             \
    } else {                                                                                       \
      db[m] = (value);                                                                             \
    }                                                                                              \
  }
#else
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = (m) * CKK + (n);                                                                 \
    float v = (value);                                                                             \
    POST(v, e) y[e] = v;                                                               \
  }
#endif
#endif
