/* atomic.h: a file that appears whole or not at all.
 *
 * Bytes go to a temporary name in the destination's folder; commit syncs it, renames it into place
 * and syncs the folder. Every failure removes the temporary file and leaves the old one alone.
 */
#ifndef LOCALITY_IO_ATOMIC_H
#define LOCALITY_IO_ATOMIC_H

#include <locality/status.h>
#include <stddef.h>

typedef struct io_atomic {
  int fd;
  char *path, *temp; /* destination (symbolic links resolved) and temporary name */
} io_atomic;

lp_status lp_io_atomic_open(io_atomic *a, const char *path);
/* After a failure the file is gone already; no further call is needed or allowed. */
lp_status lp_io_atomic_write(io_atomic *a, const void *data, size_t n);
lp_status lp_io_atomic_commit(io_atomic *a);
void lp_io_atomic_abort(io_atomic *a);

#endif
