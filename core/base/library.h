/* Loading shared objects and calling into foreign code without letting it change how this process
 * computes. Internal: not installed, but exported for the programs.
 *
 * Code linked with -ffast-math or -Ofast turns subnormal numbers off in a constructor, for the
 * thread that loads it and all threads started later; drivers do so too, or change the rounding.
 * Everything that loads foreign code goes through here.
 *
 * Threads: the mode is the calling thread's; all functions may be called from any thread. */
#ifndef LP_BASE_LIBRARY_H
#define LP_BASE_LIBRARY_H

#include <locality/status.h>

#include <fenv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* dlopen(file, RTLD_NOW | RTLD_LOCAL) and dlclose, with the floating-point mode kept. NULL: ask
 * dlerror. */
LP_API void *lp_library_open(const char *file);
LP_API void lp_library_close(void *library);

/* The same for any call that may load code: what = "backend opencl" names it in the warning.
 *   lp_fp_mode mode = lp_fp_save();
 *   ... the call ...
 *   lp_fp_restore(&mode, "backend opencl"); */
typedef struct lp_fp_mode {
  fenv_t env; /* rounding, traps, and on x86 and ARM how subnormal numbers are treated */
  unsigned seen;
} lp_fp_mode;
LP_API lp_fp_mode lp_fp_save(void);
/* Logs a warning if the mode is another one than at lp_fp_save, and sets it back. */
LP_API void lp_fp_restore(const lp_fp_mode *mode, const char *what);

#ifdef __cplusplus
}
#endif
#endif
