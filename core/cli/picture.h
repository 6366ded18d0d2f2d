/* A matrix of numbers as a picture: white is 0, blue positive, red negative. */
#ifndef LOCALITY_CLI_PICTURE_H
#define LOCALITY_CLI_PICTURE_H

#include <locality/status.h>
#include <stdint.h>

typedef struct cli_picture {
  uint32_t rows, cols;
  const double *value; /* row-major */
} cli_picture;

/* White to dark blue for 0..1, to dark red for 0..-1. */
void cli_colour(double t, uint8_t rgb[3]);
lp_status cli_picture_png(const char *path, const cli_picture *p);
lp_status cli_picture_svg(const char *path, const cli_picture *p);

#endif
