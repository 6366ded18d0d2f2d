/* Time, for the library and its programs. Internal: not installed, but exported for the programs.
 */
#ifndef LP_BASE_CLOCK_H
#define LP_BASE_CLOCK_H

#include <locality/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds of a clock that never goes back. */
LP_API double lp_seconds(void);

#ifdef __cplusplus
}
#endif
#endif
