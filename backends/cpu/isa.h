/* isa.h: the kernel tables of this build, one an instruction set. */
#ifndef LP_CPU_ISA_H
#define LP_CPU_ISA_H

#include "call.h"

#include <locality/plugin.h>

/* The table that open() uses: the one named by LOCALITY_CPU_ISA, or the best this CPU can run. */
lp_status cpu_kernels_choose(const lp_host *host, const cpu_kernels **out);

/* i-th table of the build, best first, and whether this CPU can run it; NULL past the end. */
const cpu_kernels *cpu_kernels_get(unsigned i, bool *usable);

#endif
