/* The variants of the kernels and the choice among them. */
#include "isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool always(void) {
  return true;
}

extern const cpu_kernels lp_cpu_kernels_portable;

#ifdef LP_CPU_X86
extern const cpu_kernels lp_cpu_kernels_avx2, lp_cpu_kernels_avx512;

static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

static const struct {
  const cpu_kernels *kernels;
  bool (*usable)(void);
} variants[] = {
#ifdef LP_CPU_X86
    {&lp_cpu_kernels_avx512, has_avx512},
    {&lp_cpu_kernels_avx2, has_avx2},
#endif
    {&lp_cpu_kernels_portable, always},
};
enum { N_VARIANTS = sizeof variants / sizeof variants[0] };

const cpu_kernels *cpu_kernels_get(unsigned i, bool *usable) {
  if (i >= N_VARIANTS) return NULL;
  *usable = variants[i].usable();
  return variants[i].kernels;
}

lp_status cpu_kernels_choose(const lp_host *host, const cpu_kernels **out) {
  const char *asked = getenv("LOCALITY_CPU_ISA");
  if (asked && !*asked) asked = NULL;
  char known[64] = "";
  for (unsigned i = 0; i < N_VARIANTS; i++) {
    const char *name = variants[i].kernels->name;
    bool usable = variants[i].usable();
    if (asked ? !strcmp(asked, name) : usable) {
      *out = variants[i].kernels;
      if (usable) return LP_OK;
      return host->fail(LP_ERR_UNSUPPORTED,
                        "LOCALITY_CPU_ISA=%s: this CPU lacks these instructions; unset it to let "
                        "the best variant be chosen",
                        asked);
    }
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name);
  }
  return host->fail(LP_ERR_ARG, "LOCALITY_CPU_ISA=%s: no such variant; this build has %s", asked,
                    known);
}
