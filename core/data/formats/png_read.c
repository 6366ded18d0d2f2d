/* PNG through libpng. All rows are decoded, so that damage anywhere is seen whatever the crop. */
#include "image.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct png_file {
  png_struct *png;
  png_info *info;
  const uint8_t *bytes;
  size_t n, at;
  char message[160];
  image_notes *notes;
  resizer *resizer;
  uint8_t *pixels; /* one row; all rows when interlaced */
  png_byte **rows; /* when interlaced */
} png_file;

static void on_error(png_struct *png, const char *message) {
  png_file *f = png_get_error_ptr(png);
  snprintf(f->message, sizeof f->message, "%s", message);
  png_longjmp(png, 1);
}

static void on_warning(png_struct *png, const char *message) {
  png_file *f = png_get_error_ptr(png);
  if (f->notes->warnings++ == 0) snprintf(f->notes->first, sizeof f->notes->first, "%s", message);
}

static void read_bytes(png_struct *png, png_byte *to, size_t n) {
  png_file *f = png_get_io_ptr(png);
  if (n > f->n - f->at) png_error(png, "the data ends early (truncated)");
  memcpy(to, f->bytes + f->at, n);
  f->at += n;
}

/* Everything becomes four bytes a pixel. Of 16 bits the upper 8 are kept. */
static void set_transforms(const png_file *f) {
  png_struct *png = f->png;
  const int type = png_get_color_type(png, f->info), depth = png_get_bit_depth(png, f->info);
  png_set_strip_16(png);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (!(type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  png_set_filler(png, 0, PNG_FILLER_AFTER);
}

static void resize_row(const png_file *f, const image_range *range, uint32_t y,
                       const uint8_t *row) {
  if (y >= range->y0 && y < range->y1) lp_resizer_row(f->resizer, row + 4 * (size_t)range->x0);
}

static lp_status decode_rows(png_file *f, uint32_t width, uint32_t height, bool interlaced) {
  const image_range range = lp_resizer_range(f->resizer);
  const size_t row = 4 * (size_t)width;
  if (png_get_rowbytes(f->png, f->info) != row)
    return lp_fail(LP_ERR_FORMAT, "a PNG whose rows have %zu bytes, expected %zu",
                   png_get_rowbytes(f->png, f->info), row);
  f->pixels = malloc(interlaced ? row * height : row);
  if (interlaced) f->rows = malloc(height * sizeof *f->rows);
  if (!f->pixels || (interlaced && !f->rows))
    return lp_fail(LP_ERR_MEMORY, "out of memory decoding a PNG");
  if (interlaced) {
    for (uint32_t y = 0; y < height; y++) f->rows[y] = f->pixels + y * row;
    png_read_image(f->png, f->rows);
    for (uint32_t y = 0; y < height; y++) resize_row(f, &range, y, f->rows[y]);
    return LP_OK;
  }
  for (uint32_t y = 0; y < height; y++) {
    png_read_row(f->png, f->pixels, NULL);
    resize_row(f, &range, y, f->pixels);
  }
  return LP_OK;
}

static lp_status decode(png_file *f, const image_request *r, uint8_t *out) {
  if (setjmp(png_jmpbuf(f->png))) return lp_fail(LP_ERR_FORMAT, "damaged PNG: %s", f->message);
  png_set_read_fn(f->png, f, read_bytes);
  png_set_user_limits(f->png, 0x7fffffff, 0x7fffffff); /* the number of pixels is checked instead */
  png_read_info(f->png, f->info);
  const uint32_t width = png_get_image_width(f->png, f->info);
  const uint32_t height = png_get_image_height(f->png, f->info);
  lp_status s = lp_image_check_size(width, height);
  if (s != LP_OK) return s;
  image_view view;
  lp_image_choose(r, width, height, &view);
  s = lp_resizer_new(&view, out, &f->resizer);
  if (s != LP_OK) return s;
  const bool interlaced = png_get_interlace_type(f->png, f->info) != PNG_INTERLACE_NONE;
  set_transforms(f);
  if (interlaced) png_set_interlace_handling(f->png);
  png_read_update_info(f->png, f->info);
  return decode_rows(f, width, height, interlaced);
}

lp_status lp_png_decode(const uint8_t *bytes, size_t n, const image_request *r, uint8_t *out,
                        image_notes *notes) {
  png_file f = {.bytes = bytes, .n = n, .notes = notes};
  f.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &f, on_error, on_warning);
  if (f.png) f.info = png_create_info_struct(f.png);
  lp_status s = f.info ? decode(&f, r, out) : lp_fail(LP_ERR_MEMORY, "out of memory reading a PNG");
  png_destroy_read_struct(&f.png, &f.info, NULL);
  lp_resizer_free(f.resizer);
  free(f.pixels);
  free(f.rows);
  return s;
}
