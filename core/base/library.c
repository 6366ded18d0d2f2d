/* Loading shared objects with the floating-point mode kept. */
#include "library.h"

#include <dlfcn.h>
#include <float.h>

/* What of the mode changes results, each found by computing: the registers differ by machine. */
enum {
  FLUSHES_RESULTS = 1,  /* a product below FLT_MIN becomes 0 */
  FLUSHES_OPERANDS = 2, /* a subnormal operand counts as 0 */
  ROUNDS = 4            /* times the rounding's number */
};

static unsigned look(void) {
  volatile float least = FLT_MIN, half = 0.5f, many = 8388608.0f;
  volatile float product = least * half;
  /* 2^-149 is made of its bits, so that flushing results does not hide it. */
  union {
    unsigned bits;
    float value;
  } tiny = {1};
  volatile float subnormal = tiny.value, scaled = subnormal * many;
  const int rounding[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  unsigned mode = 0;
  while (mode < 3 && rounding[mode] != fegetround()) mode++;
  return (product > 0 ? 0u : FLUSHES_RESULTS) | (scaled > 0 ? 0u : FLUSHES_OPERANDS) |
         ROUNDS * mode;
}

lp_fp_mode lp_fp_save(void) {
  lp_fp_mode m;
  m.seen = look(); /* first: looking raises exception flags */
  fegetenv(&m.env);
  return m;
}

void lp_fp_restore(const lp_fp_mode *mode, const char *what) {
  unsigned now = look();
  fesetenv(&mode->env);
  if (now == mode->seen) return;
  unsigned changed = now ^ mode->seen;
  lp_log(LP_LOG_WARNING,
         "%s changes how the processor computes (%s), as code linked with -ffast-math or -Ofast "
         "does; this was undone, so results do not depend on it",
         what, changed >= ROUNDS ? "its rounding" : "numbers near zero become 0");
}

void *lp_library_open(const char *file) {
  lp_fp_mode mode = lp_fp_save();
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  lp_fp_restore(&mode, file);
  return library;
}

void lp_library_close(void *library) {
  lp_fp_mode mode = lp_fp_save();
  dlclose(library);
  lp_fp_restore(&mode, "unloading a library");
}
