/* Numbers at places of the plane as a picture: white is 0, blue positive, red negative. */
#ifndef LOCALITY_CLI_SCENE_H
#define LOCALITY_CLI_SCENE_H

#include <locality/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum cli_shape { CLI_DISK, CLI_SQUARE, CLI_HEXAGON } cli_shape;

/* A number. Of a square and a hexagon (a corner up) r is half the width, of a disk its radius. */
typedef struct cli_mark {
  double x, y, r; /* y downwards */
  cli_shape shape;
  double value;  /* NaN: a ground for others, in grey */
  uint32_t unit; /* told in SVG */
} cli_mark;

typedef struct cli_title {
  double x, y; /* of the left end of its base line */
  char text[60];
} cli_title;

/* In any unit of length: pictures are scaled to one size. Later marks lie on top. */
typedef struct cli_scene {
  double width, height;
  cli_mark *mark;
  uint32_t n_marks;
  cli_title *title; /* in SVG only */
  uint32_t n_titles;
} cli_scene;

lp_status cli_scene_png(const char *path, const cli_scene *s);
lp_status cli_scene_svg(const char *path, const cli_scene *s);
void cli_scene_free(cli_scene *s);

#endif
