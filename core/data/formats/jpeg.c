/* JPEG through libjpeg-turbo, decoding only the rows and columns that are needed. */
#include "image.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* needs stdio.h */

#ifndef JCS_EXTENSIONS
#error "libjpeg-turbo is needed: this libjpeg lacks its colour spaces"
#endif

/* Columns beside the needed ones: at the edge of a partial row, chroma is interpolated from one
 * side only. */
enum { MARGIN = 2 };

typedef struct jpeg {
  struct jpeg_error_mgr error; /* first: libjpeg hands back a pointer to it */
  struct jpeg_decompress_struct c;
  jmp_buf failed;
  char message[JMSG_LENGTH_MAX];
  image_notes *notes;
  resizer *resizer;
  uint8_t *row;
} jpeg;

static void on_error(j_common_ptr c) {
  jpeg *j = (jpeg *)c->err;
  c->err->format_message(c, j->message);
  longjmp(j->failed, 1);
}

static void on_message(j_common_ptr c, int level) {
  if (level >= 0) return; /* a trace */
  image_notes *notes = ((jpeg *)c->err)->notes;
  _Static_assert(sizeof notes->first >= JMSG_LENGTH_MAX, "a message must fit");
  if (notes->warnings++ == 0) c->err->format_message(c, notes->first);
}

static void no_output(j_common_ptr c) {
  (void)c;
}

/* The end mark must follow the header. It is looked for first, since a decoder that stops after the
 * last row it needs would call a truncated file broken for one crop and sound for another. */
static lp_status check_end(const jpeg *j, const uint8_t *bytes, size_t n) {
  const size_t header = n - j->c.src->bytes_in_buffer;
  for (size_t i = n; i >= header + 2; i--)
    if (bytes[i - 2] == 0xff && bytes[i - 1] == JPEG_EOI) return LP_OK;
  return lp_fail(LP_ERR_FORMAT, "the JPEG data ends early (truncated)");
}

static lp_status choose_colours(struct jpeg_decompress_struct *c) {
  switch (c->jpeg_color_space) {
  case JCS_GRAYSCALE:
  case JCS_RGB:
  case JCS_YCbCr:
    c->out_color_space = JCS_EXT_RGBX;
    return LP_OK;
  case JCS_CMYK:
  case JCS_YCCK:
    c->out_color_space = JCS_CMYK;
    return LP_OK;
  default:
    return lp_fail(LP_ERR_FORMAT, "a JPEG of %d components of no known colour space",
                   c->num_components);
  }
}

/* libjpeg can decode at 1/8, 1/4 or 1/2 of the size at a fraction of the work, with a poorer
 * filter than the resizer's. Rule: only for training, and only to a size at which the crop is
 * still at least twice as large as the result, both ways, so that the resizer's filter decides. */
static void choose_scale(struct jpeg_decompress_struct *c, const image_request *r, image_view *v) {
  c->scale_num = c->scale_denom = 8;
  for (unsigned num = 1; r->augment && num < 8; num *= 2) {
    if (v->w * num < 16.0 * v->out_w || v->h * num < 16.0 * v->out_h) continue;
    c->scale_num = num;
    v->x *= num / 8.0;
    v->y *= num / 8.0;
    v->w *= num / 8.0;
    v->h *= num / 8.0;
    return;
  }
}

/* Inverted CMYK, which is what JPEG files hold, to RGB. */
static void convert_cmyk(uint8_t *p, size_t pixels) {
  for (size_t i = 0; i < pixels; i++, p += 4) {
    const unsigned k = p[3];
    for (int c = 0; c < 3; c++) {
      unsigned t = (255u - p[c]) * k + 128, ink = ((t >> 8) + t) >> 8;
      p[c] = (uint8_t)(k > ink ? k - ink : 0);
    }
  }
}

static lp_status decode_rows(jpeg *j) {
  struct jpeg_decompress_struct *c = &j->c;
  const image_range range = lp_resizer_range(j->resizer);
  JDIMENSION left = range.x0 > MARGIN ? range.x0 - MARGIN : 0;
  JDIMENSION right = range.x1 + MARGIN < c->output_width ? range.x1 + MARGIN : c->output_width;
  JDIMENSION width = right - left;
  if (width < c->output_width) jpeg_crop_scanline(c, &left, &width);
  j->row = malloc((size_t)width * 4);
  if (!j->row) return lp_fail(LP_ERR_MEMORY, "out of memory decoding a JPEG");
  if (range.y0 > 0) jpeg_skip_scanlines(c, range.y0);
  for (uint32_t y = range.y0; y < range.y1; y++) {
    JSAMPROW rows[1] = {j->row};
    if (jpeg_read_scanlines(c, rows, 1) != 1)
      return lp_fail(LP_ERR_FORMAT, "the JPEG data ends early (truncated)");
    if (c->out_color_space == JCS_CMYK) convert_cmyk(j->row, width);
    lp_resizer_row(j->resizer, j->row + 4 * (size_t)(range.x0 - left));
  }
  return LP_OK;
}

static lp_status decode(jpeg *j, const uint8_t *bytes, size_t n, const image_request *r,
                        uint8_t *out) {
  struct jpeg_decompress_struct *c = &j->c;
  if (setjmp(j->failed)) return lp_fail(LP_ERR_FORMAT, "damaged JPEG: %s", j->message);
  jpeg_create_decompress(c);
  jpeg_mem_src(c, bytes, n);
  jpeg_read_header(c, TRUE);
  image_view view;
  lp_status s = lp_image_check_size(c->image_width, c->image_height);
  if (s == LP_OK) s = check_end(j, bytes, n);
  if (s == LP_OK) s = choose_colours(c);
  if (s != LP_OK) return s;
  lp_image_choose(r, c->image_width, c->image_height, &view);
  choose_scale(c, r, &view);
  s = lp_resizer_new(&view, out, &j->resizer);
  if (s != LP_OK) return s;
  jpeg_start_decompress(c);
  return decode_rows(j);
}

lp_status lp_jpeg_decode(const uint8_t *bytes, size_t n, const image_request *r, uint8_t *out,
                         image_notes *notes) {
  jpeg j = {.notes = notes};
  j.c.err = jpeg_std_error(&j.error);
  j.error.error_exit = on_error;
  j.error.emit_message = on_message;
  j.error.output_message = no_output;
  lp_status s = decode(&j, bytes, n, r, out);
  jpeg_destroy_decompress(&j.c);
  lp_resizer_free(j.resizer);
  free(j.row);
  return s;
}
