/* How gemm_tile.cl finds the operands of conv.cl: an element's place is what its row or column adds
 * and what its term adds, so that loops make each of them once. x: in the operand; y, z: pixel of the
 * plane, which may lie outside. */
#define TERMS_OPEN FACTORS_OPEN
#define SUMS_OPEN  RESULT_OPEN
#define SCALE(m, n)
#if DIRECTION != 3
#define SHARED_TERMS
#endif
#define PLACE           int4
#define PLACE_OF(x)     (int4)(x, 0, 0, 0)
#define WITHIN(y, x, h, w) ((uint)(y) < (uint)(h) && (uint)(x) < (uint)(w))

#if DIRECTION == 2
#define A_ROW(m)      PLACE_OF((m) * KK)
#define A_TERM(k)     PLACE_OF((k) / KK * (C * KK) + (k) % KK)
#define A_VALUE(r, t) q[(r).x + (t).x]
/* A pixel of dx takes from y - tap and x - tap, in strides. */
#if STRIDE == 1
#define B_COLUMN(n)                                                                                \
  (int4)((n) / PIXELS * (O * PLACES) + ((n) % PIXELS / W + PAD) * OW + (n) % W + PAD,              \
         (n) % PIXELS / W + PAD, (n) % W + PAD, 0)
#define B_TERM(k)                                                                                  \
  (int4)((k) / KK * PLACES - (k) % KK / KS * OW - (k) % KS, (k) % KK / KS, (k) % KS, 0)
#define B_VALUE(c, t)                                                                              \
  lp_inside(WITHIN((c).y - (t).y, (c).z - (t).z, OH, OW), p, (c).x + (t).x)
#else
#define B_COLUMN(n)                                                                                \
  (int4)((n) / PIXELS * (O * PLACES), (n) % PIXELS / W + PAD, (n) % W + PAD, 0)
#define B_TERM(k)   (int4)((k) / KK * PLACES, (k) % KK / KS, (k) % KS, 0)
#define FROM(c, t)  (((c) - (t)) / STRIDE)
#define MEETS(c, t) (((c) - (t)) % STRIDE == 0)
#define B_VALUE(c, t)                                                                              \
  lp_inside(MEETS((c).y, (t).y) && MEETS((c).z, (t).z) &&                                          \
                WITHIN(FROM((c).y, (t).y), FROM((c).z, (t).z), OH, OW),                            \
            p, (c).x + (t).x + FROM((c).y, (t).y) * OW + FROM((c).z, (t).z))
#endif
#else
/* A place of the map looks at pixel (y, x) with tap 0, a tap at that many more. */
#define MAP_PLACE(i)                                                                               \
  (int4)((i) / PLACES * (C * PIXELS) + ((i) % PLACES / OW * STRIDE - PAD) * W +                    \
             (i) % OW * STRIDE - PAD,                                                              \
         (i) % PLACES / OW * STRIDE - PAD, (i) % OW * STRIDE - PAD, 0)
#define TAP_PLACE(i) (int4)((i) / KK * PIXELS + (i) % KK / KS * W + (i) % KS, (i) % KK / KS, (i) % KS, 0)
#define OF_IMAGE(image, c, t)                                                                      \
  lp_inside(PAD == 0 || WITHIN((c).y + (t).y, (c).z + (t).z, H, W), image, (c).x + (t).x)
#if DIRECTION == 1
#define A_ROW(m)      PLACE_OF((m) * CKK)
#define A_TERM(k)     PLACE_OF(k)
#define A_VALUE(r, t) q[(r).x + (t).x]
#define B_COLUMN(n)   MAP_PLACE(n)
#define B_TERM(k)     TAP_PLACE(k)
#define B_VALUE(c, t) OF_IMAGE(p, c, t)
#else
#define A_ROW(m)      PLACE_OF((m) * PLACES)
#define A_TERM(k)     PLACE_OF((k) / PLACES * (O * PLACES) + (k) % PLACES)
#define A_VALUE(r, t) p[(r).x + (t).x]
#define B_TERM(k)     MAP_PLACE(k)
#if WITH_DB
#define B_COLUMN(n)   (int4)(TAP_PLACE(min(n, CKK - 1)).xyz, (n) < CKK)
#define B_VALUE(c, t) lp_either((c).w, OF_IMAGE(q, c, t), 1.0f)
#else
#define B_COLUMN(n)   TAP_PLACE(n)
#define B_VALUE(c, t) OF_IMAGE(q, c, t)
#endif
#endif
#endif
