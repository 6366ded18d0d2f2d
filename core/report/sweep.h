/* sweep.h: what the files about a sweep share. */
#ifndef LOCALITY_REPORT_SWEEP_H
#define LOCALITY_REPORT_SWEEP_H

#include "report/report_internal.h"

/* What is drawn and tabled of a network, at the headline site. */
typedef enum sweep_outcome {
  SWEEP_FRACTION, /* V over what uniform activation gives, so that sheets compare */
  SWEEP_MORAN,
  SWEEP_ACCURACY,
  SWEEP_OUTCOMES
} sweep_outcome;
shorttext lp_sweep_title(const report_run *run, sweep_outcome which);
/* Of the complete networks of an arm; room for n_seeds. seed may be NULL. Returns how many. */
uint32_t lp_sweep_values(const report_run *run, uint32_t arm, sweep_outcome which, double *value,
                         uint64_t *seed);

/* The numbers that an axis's values are, if all are (a sheet is its number of units) and there are
 * two or more. */
bool lp_sweep_numbers(const lp_run_axis *axis, double *out);
/* The k-th axis of numbers; n_axes when there are fewer. */
uint32_t lp_sweep_numeric_axis(const report_run *run, uint32_t k);
/* "lp, cost sqrt": the arm and its values on all axes but one. */
void lp_sweep_label(const report_run *run, uint32_t arm, uint32_t but, char *out, size_t cap);

#endif
