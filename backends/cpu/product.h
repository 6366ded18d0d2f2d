/* product.h: the precisions of matrix products.
 *
 * Tensors in memory, sums and results are f32 in every precision. In bf16 the operands are rounded
 * to bf16 (to nearest even; numbers below 2^-126 to zero) when their blocks have been packed, and
 * then multiplied exactly, two and two: sum = (sum + a1*b1) + a0*b0 for a pair of neighbours on the
 * summed axis, each addition rounded to f32. That is what VDPBF16PS is defined to do, and what the
 * emulation does where there is a fused multiply-add, so that both give the same bits as long as no
 * sum is below 2^-126, which the instruction flushes to zero. AMX adds in another order. */
#ifndef LP_CPU_PRODUCT_H
#define LP_CPU_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

/* Memory that will be packed soon: `rows` rows of as many floats as a tile is deep, and as many of
 * a second matrix of the same pitch (NULL: there is none). Tiles ask for it while they compute;
 * asked for in one piece, it would make them wait. */
typedef struct cpu_ahead {
  const float *p, *also;
  int64_t pitch, rows;
} cpu_ahead;

/* Factors of complete elements: element (r, j) of a tile is multiplied by p[row[r] + j]. p is NULL
 * without. */
typedef struct cpu_factors {
  const float *p;
  const int32_t *row;
} cpu_factors;

/* c = or += the product of a packed block of rows and a packed panel (gemm.h), of depth kc. */
typedef void (*cpu_tile)(int64_t kc, const float *a, const float *b, float *c, int64_t ldc,
                         bool add, const cpu_ahead *next, const cpu_factors *factors);

typedef struct cpu_product {
  const cpu_tile *tiles; /* [columns of A packed][vectors - 1][rows]: see gemm.c */
  bool factors;          /* do the tiles know them? */
  bool winograd;         /* is Winograd's convolution, in f32, faster? */
  /* Rounds what was packed, in place, into the form that the tiles read; NULL in f32. */
  void (*round_a)(float *a, int64_t rows, int64_t kc, bool columns);
  void (*round_b)(float *panel, int64_t kc);
  /* Around the products of depth kc of one block; NULL where there is nothing to set up. */
  void (*begin)(int64_t kc);
  void (*end)(void);
} cpu_product;

#endif
