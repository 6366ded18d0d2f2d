/* Rounding to bf16, in numbers that stay f32: the emulation for any instruction set. */
#include "bf16.h"

#include "shuffle.h"

typedef uint32_t bits __attribute__((vector_size(4 * LANES)));

/* To nearest even; a NaN stays one, what bf16 has no normal number for becomes zero. */
INLINE vec rounded(vec x) {
  bits u = (bits)x, sign = u & 0x80000000u, exponent = u & 0x7f800000u;
  bits nearest = (u + 0x7fffu + ((u >> 16) & 1)) & 0xffff0000u;
  bits nan = (bits)(x != x), tiny = (bits)(exponent == 0);
  nearest = (nan & (u | 0x400000u) & 0xffff0000u) | (~nan & nearest);
  return (vec)((tiny & sign) | (~tiny & nearest));
}

void cpu_round(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i += LANES) store(x + i, rounded(load(x + i)));
}

/* Rounds rows k and k+1 of `width` numbers and exchanges them. */
INLINE void exchange_rows(float *row, int64_t width) {
  for (int64_t i = 0; i < width; i += LANES) {
    vec first = load(row + i), second = load(row + width + i);
    store(row + i, rounded(second));
    store(row + width + i, rounded(first));
  }
}

void cpu_round_a(float *a, int64_t rows, int64_t kc, bool columns) {
  if (columns) {
    if (kc & 1) memset(a + kc * AC, 0, AC * sizeof *a);
    for (int64_t k = 0; k < kc; k += 2) exchange_rows(a + k * AC, AC);
    return;
  }
  for (int64_t r = 0; r < rows; r++, a += AR) {
    if (kc & 1) a[kc] = 0;
    for (int64_t k = 0; k < kc; k += LANES) {
      vec x = rounded(load(a + k));
      store(a + k, __builtin_shufflevector(x, x, NEIGHBOURS));
    }
  }
}

void cpu_round_b(float *panel, int64_t kc) {
  if (kc & 1) memset(panel + kc * NR, 0, NR * sizeof *panel);
  for (int64_t k = 0; k < kc; k += 2) exchange_rows(panel + k * NR, NR);
}
