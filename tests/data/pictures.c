/* Image files through libjpeg and libpng, archives through libarchive. */
#include "pictures.h"
#include "support.h"

#include <archive.h>
#include <archive_entry.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* needs stdio.h */

uint8_t picture(uint32_t x, uint32_t y, uint32_t c) {
  return (uint8_t)(x * (37 + 11 * c) + y * (91 - 7 * c) + x * y * (c + 1));
}

/* ---- JPEG ---------------------------------------------------------------------------------- */

blob jpeg_file(jpeg_kind kind, uint32_t width, uint32_t height, const uint8_t *pixels,
               int quality) {
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr error;
  blob file = {0};
  unsigned long n = 0;
  c.err = jpeg_std_error(&error);
  jpeg_create_compress(&c);
  jpeg_mem_dest(&c, &file.bytes, &n);
  c.image_width = width;
  c.image_height = height;
  c.input_components = kind == JPEG_YCCK ? 4 : 3;
  c.in_color_space = kind == JPEG_YCCK ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&c);
  if (kind == JPEG_YCCK) jpeg_set_colorspace(&c, JCS_YCCK);
  jpeg_set_quality(&c, quality, TRUE);
  if (kind == JPEG_PROGRESSIVE) jpeg_simple_progression(&c);
  if (kind != JPEG_YCCK) {
    c.comp_info[0].h_samp_factor = kind == JPEG_444 ? 1 : 2;
    c.comp_info[0].v_samp_factor = kind == JPEG_444 || kind == JPEG_422 ? 1 : 2;
  }
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < height) {
    JSAMPROW row[1] = {(JSAMPROW)pixels +
                       (size_t)c.next_scanline * width * (size_t)c.input_components};
    jpeg_write_scanlines(&c, row, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  file.n = n;
  return file;
}

uint8_t *jpeg_pixels(blob file, uint32_t *width, uint32_t *height) {
  struct jpeg_decompress_struct c;
  struct jpeg_error_mgr error;
  c.err = jpeg_std_error(&error);
  jpeg_create_decompress(&c);
  jpeg_mem_src(&c, file.bytes, file.n);
  jpeg_read_header(&c, TRUE);
  c.out_color_space = JCS_EXT_RGBX;
  jpeg_start_decompress(&c);
  *width = c.output_width;
  *height = c.output_height;
  uint8_t *all = malloc((size_t)*width * *height * 4);
  assert_non_null(all);
  while (c.output_scanline < *height) {
    JSAMPROW row[1] = {all + (size_t)c.output_scanline * *width * 4};
    jpeg_read_scanlines(&c, row, 1);
  }
  jpeg_finish_decompress(&c);
  jpeg_destroy_decompress(&c);
  return all;
}

blob plain_jpeg(uint32_t width, uint32_t height, const uint8_t colour[3]) {
  uint8_t *pixels = malloc((size_t)width * height * 3);
  assert_non_null(pixels);
  for (size_t i = 0; i < (size_t)width * height * 3; i++) pixels[i] = colour[i % 3];
  blob file = jpeg_file(JPEG_444, width, height, pixels, 95);
  free(pixels);
  return file;
}

/* ---- PNG ----------------------------------------------------------------------------------- */

static void append(png_struct *png, png_byte *bytes, size_t n) {
  blob *file = png_get_io_ptr(png);
  file->bytes = realloc(file->bytes, file->n + n);
  assert_non_null(file->bytes);
  memcpy(file->bytes + file->n, bytes, n);
  file->n += n;
}

blob png_file(int type, int depth, bool interlaced, uint32_t width, uint32_t height,
              const uint8_t *rows, size_t row_bytes) {
  blob file = {0};
  png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_info *info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append, NULL);
  png_set_IHDR(png, info, width, height, depth, type,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int pass = 0, passes = png_set_interlace_handling(png); pass < passes; pass++)
    for (uint32_t y = 0; y < height; y++) png_write_row(png, rows + y * row_bytes);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

/* ---- tar ----------------------------------------------------------------------------------- */

struct tar_file {
  struct archive *a;
};

tar_file *tar_begin(const char *path, const char *compress) {
  tar_file *t = malloc(sizeof *t);
  assert_non_null(t);
  t->a = archive_write_new();
  archive_write_set_format_pax_restricted(t->a);
  if (compress) assert_int_equal(archive_write_add_filter_by_name(t->a, compress), ARCHIVE_OK);
  assert_int_equal(archive_write_open_filename(t->a, path), ARCHIVE_OK);
  return t;
}

static void add(tar_file *t, const char *name, unsigned type, const void *bytes, size_t n) {
  struct archive_entry *e = archive_entry_new();
  archive_entry_set_pathname(e, name);
  archive_entry_set_filetype(e, type);
  archive_entry_set_perm(e, type == AE_IFDIR ? 0755 : 0644);
  archive_entry_set_size(e, (la_int64_t)n);
  /* A warning: the name is not in the character set of the locale, and kept as it is. */
  assert_true(archive_write_header(t->a, e) >= ARCHIVE_WARN);
  if (n > 0) assert_int_equal(archive_write_data(t->a, bytes, n), (la_ssize_t)n);
  archive_entry_free(e);
}

void tar_add(tar_file *t, const char *name, const void *bytes, size_t n) {
  add(t, name, AE_IFREG, bytes, n);
}

void tar_folder(tar_file *t, const char *name) {
  add(t, name, AE_IFDIR, NULL, 0);
}

void tar_end(tar_file *t) {
  assert_int_equal(archive_write_close(t->a), ARCHIVE_OK);
  archive_write_free(t->a);
  free(t);
}
