/* What exact and shuffled nulls share. */
#ifndef LOCALITY_ANALYSIS_NULL_H
#define LOCALITY_ANALYSIS_NULL_H

#include <locality/analysis.h>

/* Mean, sd, z and p of out->observed among the values of so many shuffles. */
void lp_null_from_shuffles(const double *value, uint32_t permutations, lp_null_result *out);

#endif
