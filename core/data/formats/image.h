/* image.h: from the bytes of a JPEG or PNG file to pixels of a fixed size. */
#ifndef LOCALITY_DATA_IMAGE_H
#define LOCALITY_DATA_IMAGE_H

#include "resize.h"

/* Pixels of an image at most, as in Pillow: larger ones are taken for decompression bombs. */
#define IMAGE_MAX_PIXELS (2 * (uint64_t)89478485)

/* How an image becomes size x size pixels: a random crop, mirrored or not, chosen by seed, epoch
 * and sample; or (augment false) its centre, once its shorter side is `resize`. */
typedef struct image_request {
  uint32_t size, resize;
  bool augment;
  double area; /* a crop's least part of the image, 0..1 */
  uint64_t seed;
  uint32_t epoch, sample;
} image_request;

/* What the decoder remarked about an image that it could read all the same. */
typedef struct image_notes {
  uint32_t warnings;
  char first[200];
} image_notes;

/* The part of an image of width x height that a request is about. */
void lp_image_choose(const image_request *r, uint32_t width, uint32_t height, image_view *out);

/* Decodes a file by its first bytes into 3 x size x size bytes, red first. Grey becomes RGB, alpha
 * is dropped, EXIF orientation is ignored. LP_ERR_FORMAT: the image is broken, which does not
 * depend on the part of it that is asked for. */
lp_status lp_image_decode(const uint8_t *bytes, size_t n, const image_request *r, uint8_t *out,
                          image_notes *notes);

/* The two formats. */
lp_status lp_jpeg_decode(const uint8_t *bytes, size_t n, const image_request *r, uint8_t *out,
                         image_notes *notes);
lp_status lp_png_decode(const uint8_t *bytes, size_t n, const image_request *r, uint8_t *out,
                        image_notes *notes);

/* LP_ERR_FORMAT for sizes that are not decoded. */
lp_status lp_image_check_size(uint32_t width, uint32_t height);

#endif
