/* Rn(F): F(0) .. F(n-1); Tn(F, i): F(i, 0) .. F(i, n-1). Register tiles are written out with them:
 * an array of vectors would live in memory. */
#define R1(F)    F(0)
#define R2(F)    R1(F) F(1)
#define R3(F)    R2(F) F(2)
#define R4(F)    R3(F) F(3)
#define R5(F)    R4(F) F(4)
#define R6(F)    R5(F) F(5)
#define R7(F)    R6(F) F(6)
#define R8(F)    R7(F) F(7)
#define R9(F)    R8(F) F(8)
#define R10(F)   R9(F) F(9)
#define R11(F)   R10(F) F(10)
#define R12(F)   R11(F) F(11)
#define R13(F)   R12(F) F(12)
#define R14(F)   R13(F) F(13)
#define T1(F, i) F(i, 0)
#define T2(F, i) T1(F, i) F(i, 1)
#define T3(F, i) T2(F, i) F(i, 2)
#define T4(F, i) T3(F, i) F(i, 3)
#define T5(F, i) T4(F, i) F(i, 4)
#define T6(F, i) T5(F, i) F(i, 5)
#define T7(F, i) T6(F, i) F(i, 6)
#if VL == 16
#define VF           float16
#define VLOAD(p)     vload16(0, p)
#define VSTORE(v, p) vstore16(v, 0, p)
#define VFOLD(v)     lp_fold16(v)
#else
#define VF           float8
#define VLOAD(p)     vload8(0, p)
#define VSTORE(v, p) vstore8(v, 0, p)
#define VFOLD(v)     lp_fold8(v)
#endif
