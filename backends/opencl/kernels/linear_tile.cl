/* How gemm_tile.cl finds the operands of linear.cl: an element's place is what its row or column
 * adds and what its term adds, so that loops make each of them once. x: in the operand; y: in the
 * prior's table. Of the prior's scales, one meets a factor that has one value a term, the other
 * waits for the result: SCALE. TERMS_OPEN has what terms are made of, SUMS_OPEN what follows. */
#if DIRECTION == 3
#define TERMS_OPEN FACTORS_OPEN
#define SUMS_OPEN  PRIOR_OPEN RESULT_OPEN
#else
#define TERMS_OPEN FACTORS_OPEN PRIOR_OPEN
#define SUMS_OPEN  RESULT_OPEN
#endif
#define PLACE    int2
#define PLACE_OF (int2)
#if PRIOR == 1
#define OUT_AT(o)    off_out[o]
#define IN_AT(i)     off_in[i]
#define TABLED(a, b) *table[(a).y + (b).y]
#else
#define OUT_AT(o) 0
#define IN_AT(i)  0
#if PRIOR == 2
#define TABLED(a, b) *dense[(a).x + (b).x]
#else
#define TABLED(a, b)
#endif
#endif

#if DIRECTION == 1
#define A_ROW(m)      PLACE_OF((m) * INPUTS, OUT_AT(m))
#define A_TERM(k)     PLACE_OF(k, IN_AT(k))
#define A_VALUE(r, t) (q[(r).x + (t).x] TABLED(r, t) COL_AT((t).x))
#define B_COLUMN(n)   PLACE_OF((n) * INPUTS, 0)
#define B_TERM(k)     PLACE_OF(k, 0)
#define B_VALUE(c, t) p[(c).x + (t).x]
#define SCALE(m, n)   ROW_AT(m)
#elif DIRECTION == 2
#define A_ROW(m)      PLACE_OF((m) * OUTPUTS, 0)
#define A_TERM(k)     PLACE_OF(k, 0)
#define A_VALUE(r, t) (p[(r).x + (t).x] ROW_AT((t).x))
#define B_COLUMN(n)   PLACE_OF(n, IN_AT(n))
#define B_TERM(k)     PLACE_OF((k) * INPUTS, OUT_AT(k))
#if PRIOR == 1
#define SHARED_TERMS
#endif
#define B_VALUE(c, t) (q[(c).x + (t).x] TABLED(c, t))
#define SCALE(m, n)   COL_AT(n)
#else
#define A_ROW(m)      PLACE_OF(m, 0)
#define A_TERM(k)     PLACE_OF((k) * OUTPUTS, 0)
#define A_VALUE(r, t) p[(r).x + (t).x]
#define B_TERM(k)     PLACE_OF((k) * INPUTS, 0)
#if WITH_DB
#define B_COLUMN(n)   PLACE_OF(min(n, INPUTS - 1), (n) < INPUTS)
#define B_VALUE(c, t) lp_either((c).y, q[(c).x + (t).x], 1.0f)
#else
#define B_COLUMN(n)   PLACE_OF(n, 0)
#define B_VALUE(c, t) q[(c).x + (t).x]
#endif
#define SCALE(m, n) /* STORE has the prior */
#endif
