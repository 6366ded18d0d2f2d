/* svg.c: gnuplot's SVG made fit for standing alone and for a place in the page. */
#include "report/report_internal.h"

#include <stdlib.h>
#include <string.h>

/* gnuplot draws the background as the first rectangle; the terminal's own option for it would
 * also be drawn in the page, where the text's colour follows the theme. */
static const char no_fill[] = "fill=\"none\"/>", white[] = "fill=\"white\"/>";

char *svg_standalone(const char *svg) {
  const char *rect = strstr(svg, "<rect ");
  const char *fill = rect ? strstr(rect, no_fill) : NULL;
  size_t n = strlen(svg);
  char *out = malloc(n + sizeof white);
  if (!out) return NULL;
  if (!fill || (strchr(rect, '\n') && strchr(rect, '\n') < fill)) {
    memcpy(out, svg, n + 1);
    return out;
  }
  size_t head = (size_t)(fill - svg), tail = head + strlen(no_fill);
  memcpy(out, svg, head);
  memcpy(out + head, white, strlen(white));
  memcpy(out + head + strlen(white), svg + tail, n - tail + 1);
  return out;
}

/* What is replaced wherever it stands; "%" in the new text is the prefix of ids. */
static const struct {
  const char *old, *now;
} rewrite[] = {
    {"id=\"", "id=\"%"},
    {"id='", "id='%"},
    {"href='#", "href='#%"},
    {"href=\"#", "href=\"#%"},
    {"url(#", "url(#%"},
    {"color=\"black\"", "color=\"inherit\""},
    {"stroke=\"black\"", "stroke=\"currentColor\""},
    {"stroke='black'", "stroke='currentColor'"},
    {"fill=\"black\"", "fill=\"currentColor\""},
    {"fill='black'", "fill='currentColor'"},
    {"rgb(  0,   0,   0)", "currentColor"},
};

static const char *skip_element(const char *s, const char *open, const char *close) {
  if (strncmp(s, open, strlen(open)) != 0) return NULL;
  const char *end = strstr(s, close);
  return end ? end + strlen(close) : NULL;
}

void svg_inline(FILE *page, const char *svg, const char *prefix, const char *label) {
  const char *s = strstr(svg, "<svg");
  const char *box = s ? strstr(s, "viewBox=\"") : NULL;
  double w = 0, h = 0;
  if (!box || sscanf(box, "viewBox=\"0 0 %lf %lf\"", &w, &h) != 2 || !(w > 0 && w < 1e5)) {
    html(page, "<p class=\"note\">The picture of %s is not an SVG of gnuplot.</p>", label);
    return;
  }
  /* Narrow screens scroll a figure sideways rather than shrink its letters below reading size. */
  html(page,
       "<svg role=\"img\" aria-label=\"%s\" style=\"max-width:%dpx;min-width:%dpx\" "
       "viewBox=\"0 0 %d %d\" xmlns=\"http://www.w3.org/2000/svg\" "
       "xmlns:xlink=\"http://www.w3.org/1999/xlink\"",
       label, (int)w, (int)(w * 0.72), (int)w, (int)h);
  s = strchr(s, '>');
  while (s && *s) {
    /* titles would pop up as "gnuplot_plot_1" under the pointer */
    const char *next = skip_element(s, "<title>", "</title>");
    if (!next) next = skip_element(s, "<desc>", "</desc>");
    if (next) {
      s = next;
      continue;
    }
    size_t i = 0, count = sizeof rewrite / sizeof *rewrite;
    while (i < count && strncmp(s, rewrite[i].old, strlen(rewrite[i].old)) != 0) i++;
    if (i == count) {
      fputc(*s++, page);
      continue;
    }
    for (const char *r = rewrite[i].now; *r; r++) {
      if (*r == '%')
        fprintf(page, "%s-", prefix);
      else
        fputc(*r, page);
    }
    s += strlen(rewrite[i].old);
  }
}
