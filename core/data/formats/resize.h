/* resize.h: cuts a box out of an image, resizes it with an antialiased triangle filter and keeps a
 * window of the result, row by row while the image is decoded. */
#ifndef LOCALITY_DATA_RESIZE_H
#define LOCALITY_DATA_RESIZE_H

#include <locality/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of an image becomes the result, and how. */
typedef struct image_view {
  double x, y, w, h;      /* this box of the source, in its pixels */
  uint64_t out_w, out_h;  /* is resized to this, */
  uint64_t left, top;     /* of which the window that begins here */
  uint32_t width, height; /* and has this size is kept, */
  bool flip;              /* mirrored left to right */
} image_view;

typedef struct resizer resizer;

/* out: 3 x height x width of the view, red first. Pixels outside the box are never read. */
lp_status lp_resizer_new(const image_view *v, uint8_t *out, resizer **r);
void lp_resizer_free(resizer *r);

/* The source pixels that are needed: x0 <= x < x1, y0 <= y < y1. */
typedef struct image_range {
  uint32_t x0, y0, x1, y1;
} image_range;
image_range lp_resizer_range(const resizer *r);

/* Takes the next row, y0 first: pixels x0 to x1 - 1 of four bytes, the fourth of which is
 * ignored. After row y1 - 1 the result is complete. */
void lp_resizer_row(resizer *r, const uint8_t *rgbx);

#endif
