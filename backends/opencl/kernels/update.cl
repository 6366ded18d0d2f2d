/* Optimiser updates of all tensors of a group in one launch. A table row describes a chunk:
 * element count, then (buffer, offset) of each of SLOTS operands; a missing one has buffer -1. WIDE, for
 * devices that run kernels on CPU cores: one work-item a chunk, 16 elements at a time.
 * RULE, DECAY_KIND; DECAY MOMENTUM ALPHA BETA1 BETA2 EPS BETA: constants. BUFFERS: arenas. */
#define RULE_SGD        1
#define RULE_RMSPROP    2
#define RULE_ADAM       3
#define RULE_ACCUMULATE 4
#if BUFFERS == 1
#define BUFFER_PARAMS global float *b0
#define PICK(i)       b0
#elif BUFFERS == 2
#define BUFFER_PARAMS global float *b0, global float *b1
#define PICK(i)       ((i) == 1 ? b1 : b0)
#elif BUFFERS == 4
#define BUFFER_PARAMS global float *b0, global float *b1, global float *b2, global float *b3
#define PICK(i)       ((i) == 3 ? b3 : (i) == 2 ? b2 : (i) == 1 ? b1 : b0)
#else
#define BUFFER_PARAMS                                                                              \
  global float *b0, global float *b1, global float *b2, global float *b3, global float *b4,        \
      global float *b5, global float *b6, global float *b7
#define PICK(i)                                                                                    \
  ((i) == 7   ? b7                                                                                 \
   : (i) == 6 ? b6                                                                                 \
   : (i) == 5 ? b5                                                                                 \
   : (i) == 4 ? b4                                                                                 \
   : (i) == 3 ? b3                                                                                 \
   : (i) == 2 ? b2                                                                                 \
   : (i) == 1 ? b1                                                                                 \
              : b0)
#endif

#if WIDE
#define F         float16
#define STEP      16
#define GET(p)    lp_get16((p) + i, n - i)
#define PUT(v, p) lp_put16(v, (p) + i, n - i);
#else
#define F         float
#define STEP      GROUP
#define GET(p)    (p)[i]
#define PUT(v, p) (p)[i] = (v);
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(BUFFER_PARAMS, const global int *table
#if WITH_RATE
       , const float rate
#endif
#if RULE == RULE_ADAM
       , const float step, const float scale
#endif
) {
  const global int *row = LP_AT(table, get_group_id(0), 1 + 2 * SLOTS);
  const int n = row[0], lid = (int)get_local_id(0);
  global float *p = PICK(row[1]) + row[2];
  const global float *g = PICK(row[3]) + row[4];
#if RULE == RULE_SGD
  const int with_momentum = row[5] >= 0;
  global float *m = PICK(row[5]) + row[6];
#elif RULE == RULE_RMSPROP
  global float *s = PICK(row[5]) + row[6];
  const int with_momentum = row[7] >= 0;
  global float *m = PICK(row[7]) + row[8];
#elif RULE == RULE_ADAM
  global float *m = PICK(row[5]) + row[6];
  global float *s = PICK(row[7]) + row[8];
#endif
  for (int i = lid; i < n; i += STEP) {
#if RULE == RULE_ACCUMULATE
#if OVERWRITE
    PUT(ALPHA * GET(g), p)
#else
    PUT(BETA * GET(p) + ALPHA * GET(g), p)
#endif
#else
    F w = GET(p), d = GET(g);
#if DECAY_KIND == 0
    d += DECAY * w;
#elif DECAY_KIND == 1
    d += DECAY * sign(w);
#else
    w *= 1.0f - rate * DECAY;
#endif
#if RULE == RULE_SGD
    if (with_momentum) {
      d += MOMENTUM * GET(m);
      PUT(d, m)
    }
    w -= rate * d;
#elif RULE == RULE_RMSPROP
    const F q = ALPHA * GET(s) + (1.0f - ALPHA) * d * d;
    PUT(q, s)
    d = d / (sqrt(q) + EPS);
    if (with_momentum) {
      d += MOMENTUM * GET(m);
      PUT(d, m)
    }
    w -= rate * d;
#else
    const F a = BETA1 * GET(m) + (1.0f - BETA1) * d;
    const F b = BETA2 * GET(s) + (1.0f - BETA2) * d * d;
    PUT(a, m)
    PUT(b, s)
    w -= step * (a / (sqrt(b) * scale + EPS));
#endif
    PUT(w, p)
#endif
  }
}
