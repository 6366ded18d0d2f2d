/* What the two sides of `locality analyze` share. */
#ifndef LOCALITY_CLI_ANALYZE_H
#define LOCALITY_CLI_ANALYZE_H

#include "cli.h"

/* On a file of activations; on a run folder see cmd_analyze.c. The exit code. */
int cli_analyze_file(const cli_args *a);

#endif
