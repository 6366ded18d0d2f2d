/* tune.h: which candidate of a product is used: measured, read from the tuning file, or default. */
#ifndef LP_OPENCL_TUNE_H
#define LP_OPENCL_TUNE_H

#include "device.h"

/* Reads what was measured on this device with this driver. */
lp_status ocl_tuning_load(lp_device *dev);
void ocl_tuning_free(lp_device *dev);
/* Name of the candidate chosen for a shape ("linear n64 i4096 o4096"), or NULL. */
const char *ocl_tuning_find(const lp_device *dev, const char *shape);
/* Keeps a choice, in memory and in the file. */
void ocl_tuning_keep(lp_device *dev, const char *shape, const char *engine, double seconds);
/* Measures the candidates of a step that is not known yet, while there is time left. A candidate
 * that fails or computes something else than the reference kernel cannot win. */
void ocl_tune(lp_device *dev, const lp_plan_view *plan, const lp_step *step);

#endif
