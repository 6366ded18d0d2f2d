/* process.h: running another program, without a shell. */
#ifndef LOCALITY_DATA_PROCESS_H
#define LOCALITY_DATA_PROCESS_H

#include <locality/status.h>

/* Runs argv[0] (searched on PATH) in the folder cwd, its output going to the file log, and waits.
 * LP_ERR_NOT_FOUND when there is no such program; LP_ERR_IO with what it wrote when it fails. */
lp_status lp_process_run(const char *const *argv, const char *cwd, const char *log);

#endif
