/* Small bf16 products by a variant's instructions and by the emulation. */
#include "isa.h"
#include "team.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 37, OUT = 51, IN = 305, SLACK = 64, LARGEST = OUT * IN };

/* One product of x or dy (BATCH rows) and w or x, all from the same numbers. */
static void multiply(const cpu_kernels *kernels, const cpu_product *product, uint32_t op,
                     const float *numbers, char *scratch, float *result) {
  lp_desc x = lp_f32(BATCH, IN), y = lp_f32(BATCH, OUT), w = lp_f32(OUT, IN);
  cpu_arg arg[LP_LINEAR_INPUTS + 2] = {0};
  cpu_arg first = {(void *)(uintptr_t)numbers, true, op == LP_OP_LINEAR ? x : y};
  cpu_arg second = {(void *)(uintptr_t)numbers, true, op == LP_OP_LINEAR ? w : x};
  arg[0] = first;
  arg[1] = second;
  arg[LP_LINEAR_INPUTS] = (cpu_arg){result, true, op == LP_OP_LINEAR ? y : w};
  cpu_env env = {0};
  cpu_call call = {.op = op,
                   .n_in = LP_LINEAR_INPUTS,
                   .n_out = op == LP_OP_LINEAR ? 1 : 2,
                   .in = arg,
                   .out = arg + LP_LINEAR_INPUTS,
                   .env = &env};
  cpu_ticket ticket = {0};
  cpu_team team = {.ticket = &ticket};
  cpu_worker worker = {.team = &team, .count = 1, .scratch = scratch, .product = product};
  kernels->op[op].run(&call, &worker);
}

static bool close_enough(const float *a, const float *b, int64_t n) {
  float largest = 0, error = 0;
  for (int64_t i = 0; i < n; i++) {
    largest = fmaxf(largest, fabsf(b[i]));
    float e = fabsf(a[i] - b[i]);
    error = e <= error ? error : e; /* a NaN stays */
  }
  return error <= 1e-5f * largest;
}

bool cpu_variant_agrees(const cpu_variant *v) {
  if (v->bf16 == v->kernels->bf16) return true;
  size_t floats = LARGEST + SLACK;
  float *numbers = malloc(3 * floats * sizeof *numbers);
  char *scratch = aligned_alloc(4096, CPU_SCRATCH);
  bool agrees = numbers && scratch;
  uint32_t seed = 1;
  for (size_t i = 0; agrees && i < floats; i++) {
    seed = seed * 1664525u + 1013904223u;
    numbers[i] = (float)(seed >> 8) * 0x1p-23f - 1;
  }
  static const uint32_t ops[] = {LP_OP_LINEAR, LP_OP_LINEAR_DW}; /* rows and columns of A packed */
  for (int k = 0; k < 2 && agrees; k++) {
    float *mine = numbers + floats, *truth = mine + floats;
    multiply(v->kernels, v->bf16, ops[k], numbers, scratch, mine);
    multiply(v->kernels, v->kernels->bf16, ops[k], numbers, scratch, truth);
    agrees = close_enough(mine, truth, k ? OUT * IN : BATCH * OUT);
  }
  free(numbers);
  free(scratch);
  return agrees;
}
