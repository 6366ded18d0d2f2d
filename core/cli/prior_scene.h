/* What one output unit receives, drawn where the input units stand. */
#ifndef LOCALITY_CLI_PRIOR_SCENE_H
#define LOCALITY_CLI_PRIOR_SCENE_H

#include "scene.h"

#include <locality/prior.h>

/* Does the picture of p's input sheet need more than rows and columns? */
bool cli_prior_off_plane(const lp_prior *p);

/* Of such a prior, as spec has it. value: of every input unit. A box is drawn in slices, one a
 * place of its last axis; a sphere as two views, the half around the output unit and the other;
 * units at places of the plane as hexagons where they touch six others, else as disks, in space
 * twice: rows and columns, and rows and the third axis. */
lp_status cli_prior_scene(const lp_prior_spec *spec, const lp_prior *p, uint32_t unit,
                          const double *value, cli_scene *out);

#endif
