/* vec.h: what the kernel files share. They are compiled once per instruction set; LP_CPU_ISA is its
 * name and becomes a suffix of every external symbol. */
#ifndef LP_CPU_VEC_H
#define LP_CPU_VEC_H

#include "../team.h"

#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define ISA_PASTE_(name, isa) name##_##isa
#define ISA_PASTE(name, isa)  ISA_PASTE_(name, isa)
#define ISA(name)             ISA_PASTE(name, LP_CPU_ISA)
#define ISA_TEXT_(isa)        #isa
#define ISA_TEXT(isa)         ISA_TEXT_(isa)

/* Lanes of a vector, and rows and vectors of the matrix product's register tile. */
#if defined(__AVX512F__)
enum { LANES = 16, MR = 14, NV = 2 };
#elif defined(__AVX2__)
enum { LANES = 8, MR = 6, NV = 2 };
#else
enum { LANES = 4, MR = 4, NV = 2 };
#endif

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float uvec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

typedef int32_t ivec __attribute__((vector_size(4 * LANES)));

static inline vec load(const float *p) {
  return *(const uvec *)p;
}
static inline void store(float *p, vec v) {
  *(uvec *)p = v;
}
/* The first n lanes. */
static inline void store_part(float *p, vec v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
  memcpy(p, &v, sizeof(float) * (size_t)n);
#endif
}
static inline vec splat(float x) {
  return x - (vec){0};
}

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

static inline int64_t min64(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static inline int64_t max64(int64_t a, int64_t b) {
  return a > b ? a : b;
}
static inline int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}
static inline int64_t round_up(int64_t a, int64_t b) {
  return ceil_div(a, b) * b;
}

/* Sum of n floats: lanes, then a fixed tree. The same bits for the same n and data. */
#define cpu_sum ISA(cpu_sum)
float cpu_sum(const float *x, int64_t n);

/* Applies the call's chain of element-wise ops to elements first .. first+n-1 of the first output,
 * in place. */
#define cpu_post_apply ISA(cpu_post_apply)
void cpu_post_apply(const cpu_call *c, int64_t first, int64_t n);
static inline void cpu_finish(const cpu_call *c, int64_t first, int64_t n) {
  if (c->n_post) cpu_post_apply(c, first, n);
}

/* Dropout of elements first .. first+n-1 of a tensor with `inner` elements a sample. */
#define cpu_dropout ISA(cpu_dropout)
void cpu_dropout(const cpu_env *env, const lp_dropout_params *p, int64_t inner, int64_t first,
                 int64_t n, const float *x, float *y);

#endif
