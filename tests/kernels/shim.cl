/* What the kernels need of OpenCL C, for a compiler that makes them functions of the host: types,
 * and the built-in functions that they call. Address spaces of the host are all one. host.c runs the
 * work-items. Programs of the kernels begin with this file; arithmetic in here is not under test. */
typedef __SIZE_TYPE__ size_t;
typedef unsigned char uchar;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef float float2 __attribute__((ext_vector_type(2)));
typedef float float4 __attribute__((ext_vector_type(4)));
typedef float float8 __attribute__((ext_vector_type(8)));
typedef float float16 __attribute__((ext_vector_type(16)));
typedef int int2 __attribute__((ext_vector_type(2)));
typedef int int4 __attribute__((ext_vector_type(4)));
typedef int int16 __attribute__((ext_vector_type(16)));

#define INFINITY            __builtin_inff()
#define NAN                 __builtin_nanf("")
#define CLK_LOCAL_MEM_FENCE 1

size_t host_item(int what, uint dimension);
void host_barrier(void);
float expf(float v);
float logf(float v);
float sqrtf(float v);
#define get_global_id(d)   host_item(0, d)
#define get_group_id(d)    host_item(1, d)
#define get_local_id(d)    host_item(2, d)
#define get_global_size(d) host_item(3, d)
#define barrier(fence)     host_barrier()
#define exp                expf
#define log                logf

#define OVER static __attribute__((overloadable, always_inline, no_sanitize("undefined")))
OVER float fabs(float v) { return __builtin_fabsf(v); }
OVER float fmax(float a, float b) { return __builtin_fmaxf(a, b); }
OVER int min(int a, int b) { return a < b ? a : b; }
OVER int max(int a, int b) { return a > b ? a : b; }
OVER float sqrt(float v) { return sqrtf(v); }
OVER float sign(float v) { return v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v; }

#define EACH16(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(a) F(b) F(c) F(d) F(e) F(f)
#define MIN_OF(i)    v.s##i = a.s##i < b.s##i ? a.s##i : b.s##i;
#define SQRT_OF(i)   v.s##i = sqrtf(a.s##i);
#define SIGN_OF(i)   v.s##i = sign(a.s##i);
#define SELECT_OF(i) v.s##i = c.s##i < 0 ? b.s##i : a.s##i;
OVER int16 min(int16 a, int16 b) { int16 v; EACH16(MIN_OF) return v; }
OVER float16 sqrt(float16 a) { float16 v; EACH16(SQRT_OF) return v; }
OVER float16 sign(float16 a) { float16 v; EACH16(SIGN_OF) return v; }
OVER int16 select(int16 a, int16 b, int16 c) { int16 v; EACH16(SELECT_OF) return v; }
OVER float16 select(float16 a, float16 b, int16 c) { float16 v; EACH16(SELECT_OF) return v; }

/* Vectors of memory, at any element. */
typedef float near8 __attribute__((ext_vector_type(8), aligned(4)));
typedef float near16 __attribute__((ext_vector_type(16), aligned(4)));
#define MEMORY(space)                                                                              \
  OVER float8 vload8(size_t i, const space float *p) { return *(const space near8 *)(p + i * 8); }  \
  OVER float16 vload16(size_t i, const space float *p) { return *(const space near16 *)(p + i * 16); } \
  OVER void vstore8(float8 v, size_t i, space float *p) { *(space near8 *)(p + i * 8) = v; }        \
  OVER void vstore16(float16 v, size_t i, space float *p) { *(space near16 *)(p + i * 16) = v; }
MEMORY(global)
MEMORY(private)
