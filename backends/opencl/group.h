/* group.h: neighbouring element-wise steps of a plan as one launch. */
#ifndef LP_OPENCL_GROUP_H
#define LP_OPENCL_GROUP_H

#include "launch.h"

/* How many steps from `first` on are one launch of this kind: 0 where the step is of another. */
uint32_t ocl_group_length(const lp_plan_view *plan, uint32_t first);
/* Describes the launch of so many steps from e->index on. */
lp_status ocl_encode_group(ocl_encoder *e, uint32_t length);

#endif
