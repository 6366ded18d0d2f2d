/* A radius beyond which P is exactly 0, as costs share it: a cost that has one is local, so that a
 * large layer has the wires within it alone. */
#ifndef COST_CUT_H
#define COST_CUT_H

#include <locality/plugin.h>

#include <math.h>

#define CUT_PARAM                                                                                  \
  {                                                                                                \
    "cut", LP_PARAM_REAL, 0, 0, 1e9, NULL,                                                         \
        "distance beyond which P is exactly 0, in units of the sheet; 0: none"                     \
  }

/* The largest distance within a radius: a unit on the rim is inside, whatever the rounding. */
static inline double rim(double radius) {
  return radius * (1 + 1e-9);
}

/* lp_cost.reach of a cost whose parameter `cut` has this value. */
static inline double cut_reach(double cut) {
  return cut > 0 ? rim(cut) : INFINITY;
}

#endif
