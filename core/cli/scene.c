/* PNG and SVG of numbers at places. */
#include "scene.h"

#include "picture.h"

#include <locality/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE      720.0 /* of the longer side, about */
#define SVG_MARKS 65536

enum { GROUND = 232, RIM = 190 }; /* greys; a rim shows a disk of 0 */

static double largest(const cli_scene *s) {
  double m = 0;
  for (uint32_t i = 0; i < s->n_marks; i++)
    if (!isnan(s->mark[i].value)) m = fmax(m, fabs(s->mark[i].value));
  return m;
}

static void colour_of(const cli_mark *m, double top, uint8_t rgb[3]) {
  if (isnan(m->value))
    memset(rgb, GROUND, 3);
  else
    cli_colour(top > 0 ? m->value / top : 0, rgb);
}

static bool has_rim(const cli_mark *m) {
  return m->shape == CLI_DISK && !isnan(m->value);
}

static double scale_of(const cli_scene *s) {
  return SIDE / fmax(s->width, s->height);
}

/* ---- PNG ----------------------------------------------------------------------------------- */

static bool inside(const cli_mark *m, double dx, double dy) {
  dx = fabs(dx), dy = fabs(dy);
  if (m->shape == CLI_SQUARE) return dx <= m->r && dy <= m->r;
  if (m->shape == CLI_HEXAGON) return dx <= m->r && dx / 2 + dy * sqrt(3) / 2 <= m->r;
  return dx * dx + dy * dy <= m->r * m->r;
}

static void paint(const cli_mark *m, double scale, double top, uint32_t width, uint32_t height,
                  uint8_t *pixel) {
  uint8_t rgb[3];
  const double reach = 1.2 * m->r; /* corners of a hexagon lie further out */
  colour_of(m, top, rgb);
  const double x0 = floor((m->x - reach) * scale), x1 = (m->x + reach) * scale,
               y0 = floor((m->y - reach) * scale), y1 = (m->y + reach) * scale;
  for (uint32_t y = (uint32_t)fmax(0, y0); y < height && y <= y1; y++)
    for (uint32_t x = (uint32_t)fmax(0, x0); x < width && x <= x1; x++) {
      const double dx = (x + 0.5) / scale - m->x, dy = (y + 0.5) / scale - m->y;
      uint8_t *at = pixel + 3 * ((size_t)y * width + x);
      if (!inside(m, dx, dy)) continue;
      if (has_rim(m) && hypot(dx, dy) > m->r - 1 / scale)
        memset(at, RIM, 3);
      else
        memcpy(at, rgb, 3);
    }
}

lp_status cli_scene_png(const char *path, const cli_scene *s) {
  const double scale = scale_of(s), top = largest(s);
  const uint32_t width = (uint32_t)ceil(s->width * scale),
                 height = (uint32_t)ceil(s->height * scale);
  const size_t bytes = (size_t)width * height * 3;
  uint8_t *pixel = malloc(bytes);
  if (!pixel) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  memset(pixel, 255, bytes);
  for (uint32_t i = 0; i < s->n_marks; i++) paint(&s->mark[i], scale, top, width, height, pixel);
  lp_status status = lp_png_write(path, width, height, 3, pixel);
  free(pixel);
  return status;
}

/* ---- SVG ----------------------------------------------------------------------------------- */

static void write_mark(FILE *out, const cli_mark *m, double scale, double top) {
  uint8_t rgb[3];
  const double x = m->x * scale, y = m->y * scale, r = m->r * scale;
  const char *element = m->shape == CLI_DISK     ? "circle"
                        : m->shape == CLI_SQUARE ? "rect"
                                                 : "polygon";
  colour_of(m, top, rgb);
  fprintf(out, "<%s ", element);
  if (m->shape == CLI_DISK)
    fprintf(out, "cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\"", x, y, r);
  else if (m->shape == CLI_SQUARE)
    fprintf(out, "x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"", x - r, y - r, 2 * r,
            2 * r);
  else {
    const double tip = 2 * r / sqrt(3);
    fprintf(out, "points=\"%.2f,%.2f %.2f,%.2f %.2f,%.2f %.2f,%.2f %.2f,%.2f %.2f,%.2f\"", x,
            y - tip, x + r, y - tip / 2, x + r, y + tip / 2, x, y + tip, x - r, y + tip / 2, x - r,
            y - tip / 2);
  }
  fprintf(out, " fill=\"#%02x%02x%02x\"", rgb[0], rgb[1], rgb[2]);
  if (has_rim(m)) fprintf(out, " stroke=\"#%02x%02x%02x\"", RIM, RIM, RIM);
  if (isnan(m->value))
    fputs("/>\n", out);
  else
    fprintf(out, "><title>unit %u: %.6g</title></%s>\n", m->unit, m->value, element);
}

lp_status cli_scene_svg(const char *path, const cli_scene *s) {
  if (s->n_marks > SVG_MARKS)
    return lp_fail(LP_ERR_ARG, "%s: %u numbers are too many for SVG; write .png or .npy", path,
                   s->n_marks);
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  const double scale = scale_of(s), top = largest(s);
  fprintf(out,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
          "font-family=\"sans-serif\" font-size=\"13\">\n",
          ceil(s->width * scale), ceil(s->height * scale));
  for (uint32_t i = 0; i < s->n_marks; i++) write_mark(out, &s->mark[i], scale, top);
  for (uint32_t i = 0; i < s->n_titles; i++)
    fprintf(out, "<text x=\"%.2f\" y=\"%.2f\">%s</text>\n", s->title[i].x * scale,
            s->title[i].y * scale, s->title[i].text);
  fputs("</svg>\n", out);
  int bad = ferror(out);
  if (fclose(out) != 0) bad = 1;
  lp_status status =
      bad ? lp_fail(LP_ERR_MEMORY, "%s: out of memory", path) : lp_write_file(path, text, size);
  free(text);
  return status;
}

void cli_scene_free(cli_scene *s) {
  free(s->mark);
  free(s->title);
  *s = (cli_scene){0};
}
