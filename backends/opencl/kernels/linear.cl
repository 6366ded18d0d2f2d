/* The fully connected layer as a product C(m,n) = sum over k of A(m,k) B(k,n), for the gemm_*.cl
 * engines. DIRECTION 1: y (m = output, n = sample, or with STRAIGHT the other way round); 2: dx (m =
 * sample, n = input); 3: dW (m = output, n = input, and a last column that sums dy for db).
 * INPUTS, OUTPUTS; PRIOR 0 none, 1 table, 2 dense; WITH_ROW, WITH_COL scales; RUN16: 16 aligned
 * inputs have consecutive offsets; WITH_BIAS, WITH_DB. Loads and stores of 16 begin at a multiple of
 * 16 inputs. AHEAD_B, AHEAD_C: asks for 16 elements that are read from far apart. */

#if WITH_ROW
#define ROW_PARAMS , const global float *rowb, const int rowo
#define ROW_AT(o)  *rowb[rowo + (o)]
#else
#define ROW_PARAMS
#define ROW_AT(o)
#endif
#if WITH_COL
#define COL_PARAMS , const global float *colb, const int colo
#define COL_AT(i)  *colb[colo + (i)]
#define COL16(i)   *lp_get16(colb + colo + (i), INPUTS - (i))
#else
#define COL_PARAMS
#define COL_AT(i)
#define COL16(i)
#endif
#if PRIOR == 1
#define PRIOR_PARAMS                                                                               \
  , const global float *tableb, const int tableo, const global int *off_outb, const int off_outo,  \
      const global int *off_inb, const int off_ino ROW_PARAMS COL_PARAMS
#define PRIOR_OPEN                                                                                 \
  const global float *table = tableb + tableo;                                                     \
  const global int *off_out = off_outb + off_outo, *off_in = off_inb + off_ino;
#define PRIOR_AT(o, i) *table[off_out[o] + off_in[i]] ROW_AT(o) COL_AT(i)
#if RUN16
#define PRIOR16(o, i)                                                                              \
  *(INPUTS % 16 == 0 || (i) + 16 <= INPUTS                                                         \
        ? LP_LOAD16(table + off_out[o] + off_in[i])                                               \
        : lp_table16(table, off_out[o], off_in + (i), INPUTS - (i))) ROW_AT(o) COL16(i)
#else
#define PRIOR16(o, i) *lp_table16(table, off_out[o], off_in + (i), INPUTS - (i)) ROW_AT(o) COL16(i)
#endif
#elif PRIOR == 2
#define PRIOR_PARAMS   , const global float *denseb, const int denseo ROW_PARAMS COL_PARAMS
#define PRIOR_OPEN     const global float *dense = denseb + denseo;
#define PRIOR_AT(o, i) *dense[(o) * INPUTS + (i)] ROW_AT(o) COL_AT(i)
#define PRIOR16(o, i)  *LP_LOAD16(dense + (o) * INPUTS + (i)) ROW_AT(o) COL16(i)
#define PRIOR_AHEAD(o, i) LP_AHEAD(dense + (o) * INPUTS + (i));
#else
#define PRIOR_PARAMS
#define PRIOR_OPEN
#define PRIOR_AT(o, i)
#define PRIOR16(o, i)
#endif

#ifndef PRIOR_AHEAD
#define PRIOR_AHEAD(o, i)
#endif

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
  const global float *pb, const int po, const global float *qb, const int qo, global float *restrict yb,\
      const int yo SECOND PRIOR_PARAMS, const int batch POST_PARAMS
#define FACTORS_OPEN const global float *p = pb + po, *q = qb + qo;
#define RESULT_OPEN                                                                                \
  global float *y = yb + yo;                                                                       \
  SECOND_OPEN POST_OPEN
#define PROBLEM_OPEN FACTORS_OPEN PRIOR_OPEN RESULT_OPEN

#if DIRECTION == 1
#define GEMM_K INPUTS
#if STRAIGHT
#define GEMM_M          batch
#define GEMM_N          OUTPUTS
#define OUTPUT(m, n)    (n)
#define ELEMENT(m, n)   ((m) * OUTPUTS + (n))
#define LOAD_A(m, k)    p[(m) * INPUTS + (k)]
#define LOAD_A16(m, k)  LP_LOAD16(p + (m) * INPUTS + (k))
#define LOAD_B(k, n)    (q[(n) * INPUTS + (k)] PRIOR_AT(n, k))
#define LOAD_BT16(k, n) (LP_LOAD16(q + (n) * INPUTS + (k)) PRIOR16(n, k))
#else
#define GEMM_M          OUTPUTS
#define GEMM_N          batch
#define OUTPUT(m, n)    (m)
#define ELEMENT(m, n)   ((n) * OUTPUTS + (m))
#define LOAD_A(m, k)    (q[(m) * INPUTS + (k)] PRIOR_AT(m, k))
#define LOAD_A16(m, k)  (LP_LOAD16(q + (m) * INPUTS + (k)) PRIOR16(m, k))
#define LOAD_B(k, n)    p[(n) * INPUTS + (k)]
#define LOAD_BT16(k, n) LP_LOAD16(p + (n) * INPUTS + (k))
#endif
#if WITH_BIAS
#define BIAS_AT(o) + bias[o]
#define BIAS16(o)  + LP_LOAD16(bias + (o))
#else
#define BIAS_AT(o)
#define BIAS16(o)
#endif
#define STORE16(m, n, value) LP_STORE16((value) BIAS16(OUTPUT(m, n)), y + ELEMENT(m, n))
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = ELEMENT(m, n);                                                                   \
    float v = (value) BIAS_AT(OUTPUT(m, n));                                                       \
    POST(v, e) y[e] = v;                                                                           \
  }
#elif DIRECTION == 2
#define GEMM_M         batch
#define GEMM_N         INPUTS
#define GEMM_K         OUTPUTS
#define ELEMENT(m, n)  ((m) * INPUTS + (n))
#define LOAD_A(m, k)   p[(m) * OUTPUTS + (k)]
#define LOAD_A16(m, k) LP_LOAD16(p + (m) * OUTPUTS + (k))
#define LOAD_B(k, n)   (q[(k) * INPUTS + (n)] PRIOR_AT(k, n))
#define LOAD_B16(k, n) (LP_LOAD16(q + (k) * INPUTS + (n)) PRIOR16(k, n))
#define AHEAD_B(k, n)  LP_AHEAD(q + (k) * INPUTS + (n)); PRIOR_AHEAD(k, n)
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = (m) * INPUTS + (n);                                                              \
    float v = (value);                                                                             \
    POST(v, e) y[e] = v;                                                               \
  }
#define STORE16(m, n, value) LP_STORE16(value, y + (m) * INPUTS + (n))
#else
#define GEMM_M               OUTPUTS
#define GEMM_N               (INPUTS + WITH_DB)
#define GEMM_K               batch
#define ELEMENT(m, n)        ((m) * INPUTS + (n))
#define LOAD_A(m, k)         p[(k) * OUTPUTS + (m)]
#define LOAD_A16(m, k)       LP_LOAD16(p + (k) * OUTPUTS + (m))
#define STORE16(m, n, value) LP_STORE16((value) PRIOR16(m, n), y + (m) * INPUTS + (n))
#if PRIOR == 2
#define AHEAD_C(m, n) PRIOR_AHEAD(m, n)
#endif
#if WITH_DB
#define LOAD_B(k, n) ((n) < INPUTS ? q[(k) * INPUTS + (n)] : 1.0f)
#define LOAD_B16(k, n)                                                                             \
  ((n) + 16 <= INPUTS ? LP_LOAD16(q + (k) * INPUTS + (n))                                         \
                      : select(LP_LOAD16(q + (k) * INPUTS + (n)), (float16)(1.0f),                \
                               LP_IOTA16 == INPUTS - (n)))
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    if ((n) < INPUTS) {                                                                            \
      const int e = (m) * INPUTS + (n);                                                            \
      float v = (value) PRIOR_AT(m, n);                                                            \
      POST(v, e) y[e] = v;                                                             \
    } else {                                                                                       \
      db[m] = (value);                                                                             \
    }                                                                                              \
  }
#else
#define LOAD_B(k, n)   q[(k) * INPUTS + (n)]
#define LOAD_B16(k, n) LP_LOAD16(q + (k) * INPUTS + (n))
#define STORE(m, n, value)                                                                         \
  {                                                                                                \
    const int e = (m) * INPUTS + (n);                                                              \
    float v = (value) PRIOR_AT(m, n);                                                              \
    POST(v, e) y[e] = v;                                                               \
  }
#endif
#endif
