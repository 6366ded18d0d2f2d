/* The variants of the kernels and the choice among them. */
#include "isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *nothing(void) {
  return NULL;
}

extern const cpu_kernels lp_cpu_kernels_portable;
extern const cpu_product cpu_product_bf16_portable;

#ifdef LP_CPU_X86
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

extern const cpu_kernels lp_cpu_kernels_avx2, lp_cpu_kernels_avx512;
extern const cpu_product cpu_product_bf16_avx2, cpu_product_bf16_avx512;
extern const cpu_product lp_cpu_bf16_avx512bf16, lp_cpu_bf16_amx;

#define NEED(feature)                                                                              \
  if (!__builtin_cpu_supports(feature)) return feature

static const char *avx2_missing(void) {
  NEED("avx2");
  NEED("fma");
  return NULL;
}

static const char *avx512_missing(void) {
  NEED("avx512f");
  NEED("avx512bw");
  NEED("avx512dq");
  NEED("avx512vl");
  return avx2_missing();
}

static const char *avx512bf16_missing(void) {
  const char *missing = avx512_missing();
  if (missing) return missing;
  NEED("avx512bf16");
  return NULL;
}

/* The tiles' registers are large: a process has to ask the kernel for them (Linux 5.16). */
static bool may_use_tiles(void) {
#if defined(__linux__) && defined(SYS_arch_prctl)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}

static const char *amx_missing(void) {
  const char *missing = avx512bf16_missing();
  if (missing) return missing;
  unsigned a, b, c, d;
  enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 }; /* of EDX */
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_TILE)) return "amx-tile";
  if (!(d & AMX_BF16)) return "amx-bf16";
  return may_use_tiles() ? NULL : "the kernel's permission for amx-tile";
}
#endif

static const cpu_variant variants[] = {
#ifdef LP_CPU_X86
#ifdef LP_CPU_AMX
    {"amx", &lp_cpu_kernels_avx512, &lp_cpu_bf16_amx, amx_missing},
#endif
#ifdef LP_CPU_AVX512BF16
    {"avx512bf16", &lp_cpu_kernels_avx512, &lp_cpu_bf16_avx512bf16, avx512bf16_missing},
#endif
    {"avx512", &lp_cpu_kernels_avx512, &cpu_product_bf16_avx512, avx512_missing},
    {"avx2", &lp_cpu_kernels_avx2, &cpu_product_bf16_avx2, avx2_missing},
#endif
    {"portable", &lp_cpu_kernels_portable, &cpu_product_bf16_portable, nothing},
};
enum { N_VARIANTS = sizeof variants / sizeof variants[0] };

const cpu_variant *cpu_variant_get(unsigned i) {
  return i < N_VARIANTS ? &variants[i] : NULL;
}

static lp_status choose_named(const lp_host *host, const char *name, const cpu_variant **out) {
  char known[64] = "";
  for (unsigned i = 0; i < N_VARIANTS; i++) {
    const cpu_variant *v = &variants[i];
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", v->name);
    if (strcmp(name, v->name)) continue;
    const char *missing = v->missing();
    if (missing)
      return host->fail(LP_ERR_UNSUPPORTED,
                        "LOCALITY_CPU_ISA=%s: this CPU lacks %s; unset it to let the best variant "
                        "be chosen",
                        name, missing);
    if (!cpu_variant_agrees(v))
      return host->fail(LP_ERR_UNSUPPORTED,
                        "LOCALITY_CPU_ISA=%s: its bf16 products are wrong on this CPU", name);
    *out = v;
    return LP_OK;
  }
  return host->fail(LP_ERR_ARG, "LOCALITY_CPU_ISA=%s: no such variant; this build has %s", name,
                    known);
}

lp_status cpu_variant_choose(const lp_host *host, const cpu_variant **out) {
  const char *asked = getenv("LOCALITY_CPU_ISA");
  if (asked && *asked) return choose_named(host, asked, out);
  for (unsigned i = 0; i < N_VARIANTS; i++) {
    *out = &variants[i];
    if (variants[i].missing()) continue;
    if (cpu_variant_agrees(&variants[i])) return LP_OK;
    host->log(LP_LOG_WARNING, "cpu: bf16 products by %s are wrong on this CPU; not used",
              variants[i].name);
  }
  return LP_OK;
}
