/* Modules that change how the process computes: when they are loaded, as code linked with -Ofast
 * does (MODE_CASE 1), or in init (2). */
#include <locality/plugin.h>

#include <fenv.h>

#if MODE_CASE == 1
__attribute__((constructor)) static void flush(void) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* FTZ and DAZ */
#elif defined(__aarch64__)
  unsigned long fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | 1ul << 24)); /* FZ */
#else
  fesetround(FE_DOWNWARD);
#endif
}
#endif

static lp_status init(const lp_host *host, lp_registrar *r) {
  (void)host, (void)r;
  return MODE_CASE == 2 && fesetround(FE_UPWARD) != 0 ? LP_ERR_UNSUPPORTED : LP_OK;
}

LP_PLUGIN("mode", "1.0", "Apache-2.0", "changes the floating-point mode", init, NULL)
