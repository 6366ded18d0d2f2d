/* bf16.h: rounding to bf16 without instructions for it. Numbers stay f32 in memory. */
#ifndef LP_CPU_BF16_H
#define LP_CPU_BF16_H

#include "gemm.h"

/* n numbers, and up to LANES-1 behind them. */
#define cpu_round ISA(cpu_round)
void cpu_round(float *x, int64_t n);

/* For cpu_product. Each pair of neighbours on the summed axis is exchanged, so that f32 tiles add
 * the second of a pair first; an odd depth is filled up with a zero. */
#define cpu_round_a ISA(cpu_round_a)
void cpu_round_a(float *a, int64_t rows, int64_t kc, bool columns);
#define cpu_round_b ISA(cpu_round_b)
void cpu_round_b(float *panel, int64_t kc);

#endif
