/* Standard input, output and error of a program. Internal: not installed, but exported for the
 * programs. */
#ifndef LP_BASE_STANDARD_H
#define LP_BASE_STANDARD_H

#include <locality/status.h>

#include <stdbool.h>

/* Opens those of descriptors 0 to 2 that are closed to /dev/null: otherwise the next file that is
 * opened gets their number, and messages land in it. Before anything else. */
LP_API void lp_standard_open(void);
/* Writes out standard output; false when anything that was ever printed on it was lost. */
LP_API bool lp_standard_flush(void);

#endif
