/* PNG and SVG of a matrix: one square a number. */
#include "picture.h"

#include <locality/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PNG_SIDE  512 /* small matrices are drawn at least about this large */
#define SVG_SIDE  480.0
#define SVG_CELLS 65536 /* more make a file that no program likes to open */

static double largest(const cli_picture *p) {
  double m = 0;
  for (size_t i = 0; i < (size_t)p->rows * p->cols; i++) m = fmax(m, fabs(p->value[i]));
  return m;
}

void cli_colour(double t, uint8_t rgb[3]) {
  static const double blue[3] = {8, 48, 107}, red[3] = {103, 0, 13};
  const double *end = t < 0 ? red : blue;
  for (int k = 0; k < 3; k++) rgb[k] = (uint8_t)lround(255 + (end[k] - 255) * fabs(t));
}

lp_status cli_picture_png(const char *path, const cli_picture *p) {
  uint32_t side = p->rows > p->cols ? p->rows : p->cols;
  uint32_t scale = side < PNG_SIDE ? PNG_SIDE / side : 1;
  uint32_t width = p->cols * scale, height = p->rows * scale;
  double top = largest(p);
  uint8_t *pixel = malloc((size_t)width * height * 3);
  if (!pixel) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  for (uint32_t y = 0; y < height; y++)
    for (uint32_t x = 0; x < width; x++) {
      double v = p->value[(size_t)(y / scale) * p->cols + x / scale];
      cli_colour(top > 0 ? v / top : 0, pixel + 3 * ((size_t)y * width + x));
    }
  lp_status status = lp_png_write(path, width, height, 3, pixel);
  free(pixel);
  return status;
}

lp_status cli_picture_svg(const char *path, const cli_picture *p) {
  if ((uint64_t)p->rows * p->cols > SVG_CELLS)
    return lp_fail(LP_ERR_ARG, "%s: %u x %u numbers are too many for SVG; write .png or .npy", path,
                   p->rows, p->cols);
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  double cell = SVG_SIDE / (p->rows > p->cols ? p->rows : p->cols), top = largest(p);
  fprintf(out,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" "
          "viewBox=\"0 0 %u %u\" shape-rendering=\"crispEdges\">\n",
          cell * p->cols, cell * p->rows, p->cols, p->rows);
  for (uint32_t r = 0; r < p->rows; r++)
    for (uint32_t c = 0; c < p->cols; c++) {
      double v = p->value[(size_t)r * p->cols + c];
      uint8_t rgb[3];
      cli_colour(top > 0 ? v / top : 0, rgb);
      fprintf(out,
              "<rect x=\"%u\" y=\"%u\" width=\"1\" height=\"1\" fill=\"#%02x%02x%02x\">"
              "<title>(%u, %u): %.6g</title></rect>\n",
              c, r, rgb[0], rgb[1], rgb[2], r, c, v);
    }
  fputs("</svg>\n", out);
  int bad = ferror(out);
  if (fclose(out) != 0) bad = 1;
  lp_status status =
      bad ? lp_fail(LP_ERR_MEMORY, "%s: out of memory", path) : lp_write_file(path, text, size);
  free(text);
  return status;
}
