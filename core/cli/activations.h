/* activations.h: anyone's activations, read and checked, for those commands that take them. */
#ifndef LOCALITY_CLI_ACTIVATIONS_H
#define LOCALITY_CLI_ACTIVATIONS_H

#include "cli.h"

#include <locality/array.h>
#include <locality/measure.h>

/* What was read, and what it means. Texts of files are FILE, or FILE:NAME for one of its arrays. */
typedef struct cli_site {
  const char *path; /* of the activations, set by the caller */
  lp_array acts, weights, prior;
  int64_t *label_of; /* of each class, ascending */
  int32_t *labels;   /* of each image; NULL: none */
  uint32_t classes;
  double *w, *p;
  lp_places *places;
  lp_responses x;
  bool negative;
  uint32_t constant; /* units that never vary */
} cli_site;

/* Has text the ending of a file of arrays, be it there or not? */
bool cli_names_array(const char *text);
/* acts and x: two images or more, two units or more. */
lp_status cli_open_activations(cli_site *s);
/* Once over all values: finite ones only; are any negative, which units are constant? */
lp_status cli_look_over(cli_site *s);
/* Any whole numbers, which need not begin at 0: classes are the values that occur. */
lp_status cli_open_labels(cli_site *s, const char *text);
/* Rows x columns, or a file of positions: one of the two. */
lp_status cli_open_places(cli_site *s, const char *sheet, const char *positions, bool torus);
/* A square matrix over the units, in *a and as doubles (malloc'ed). */
lp_status cli_open_weights(const cli_site *s, const char *text, lp_array *a, double **out);
void cli_close_site(cli_site *s);

#endif
