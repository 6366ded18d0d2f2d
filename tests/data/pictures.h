/* pictures.h: image files and archives made in memory, for the tests of image data sets. */
#ifndef TESTS_DATA_PICTURES_H
#define TESTS_DATA_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file in memory; free bytes. */
typedef struct blob {
  uint8_t *bytes;
  size_t n;
} blob;

/* Channel c of pixel (x, y) of the picture that make_pillow_cases.py describes. */
uint8_t picture(uint32_t x, uint32_t y, uint32_t c);

typedef enum jpeg_kind { JPEG_420, JPEG_444, JPEG_422, JPEG_PROGRESSIVE, JPEG_YCCK } jpeg_kind;
/* pixels: height x width x 3 (RGB), 4 for YCCK (CMYK as JPEG files hold it: inverted). */
blob jpeg_file(jpeg_kind kind, uint32_t width, uint32_t height, const uint8_t *pixels, int quality);
/* All of an image, by libjpeg alone: height x width x 4, the fourth is padding. */
uint8_t *jpeg_pixels(blob file, uint32_t *width, uint32_t *height);
/* width x height of one colour, RGB. */
blob plain_jpeg(uint32_t width, uint32_t height, const uint8_t colour[3]);

/* type, depth: libpng's; rows: packed as PNG wants them, row_bytes each. */
blob png_file(int type, int depth, bool interlaced, uint32_t width, uint32_t height,
              const uint8_t *rows, size_t row_bytes);

/* A tar archive in the making. compress: NULL or "gzip". */
typedef struct tar_file tar_file;
tar_file *tar_begin(const char *path, const char *compress);
void tar_add(tar_file *t, const char *name, const void *bytes, size_t n);
void tar_folder(tar_file *t, const char *name);
void tar_end(tar_file *t);

#endif
