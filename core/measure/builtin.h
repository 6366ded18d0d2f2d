/* The built-in rows of the table of measures, for core/host, which registers them before any
 * module. */
#ifndef LOCALITY_MEASURE_BUILTIN_H
#define LOCALITY_MEASURE_BUILTIN_H

#include <locality/plugin.h>

lp_status lp_measures_register(const lp_host *host, lp_registrar *r);

#endif
