/* tune.h: which candidate of a product is used: measured, read from the tuning file, or default. */
#ifndef LP_OPENCL_TUNE_H
#define LP_OPENCL_TUNE_H

#include "ocl.h"

lp_status ocl_tuning_load(lp_device *dev);
void ocl_tuning_free(lp_device *dev);
/* Name of the candidate chosen for this shape (a text such as "linear 64 4096 4096"), or NULL. */
const char *ocl_tuning_find(const lp_device *dev, const char *shape);

#endif
