/* isa.h: the kernel variants of this build, one an instruction set. */
#ifndef LP_CPU_ISA_H
#define LP_CPU_ISA_H

#include "call.h"

#include <locality/plugin.h>

/* A table of kernels and its way to multiply in bf16. Variants above avx512 share its kernels. */
typedef struct cpu_variant {
  const char *name;
  const cpu_kernels *kernels;
  const cpu_product *bf16;
  const char *(*missing)(void); /* the first feature that this CPU or system lacks; NULL: none */
} cpu_variant;

/* i-th variant of the build, best first; NULL past the end. */
const cpu_variant *cpu_variant_get(unsigned i);

/* The one named by LOCALITY_CPU_ISA, or the best that this CPU can run. One that has bf16
 * instructions must agree with the emulation on a small product (selftest.c). */
lp_status cpu_variant_choose(const lp_host *host, const cpu_variant **out);

/* Is the variant's bf16 that of its kernels, without instructions of its own? */
static inline bool cpu_bf16_emulated(const cpu_variant *v) {
  return v->bf16 == v->kernels->bf16;
}

/* Does the variant multiply in bf16 as the emulation of the same kernels does? */
bool cpu_variant_agrees(const cpu_variant *v);

#endif
