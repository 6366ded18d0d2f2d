/* svg.c: gnuplot's SVG made fit for standing alone and for a place in the page. */
#include "report/report_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct rewrite {
  const char *old, *now; /* "%" in the new text is the prefix of ids */
} rewrite;

/* A sheet's units are squares. Viewers smooth a small image that they draw large, which looks like
 * the clustering that is asked for: the style is CSS's word against it, the attribute SVG 1.1's. */
#define CELLS                                                                                      \
  { "<image ", "<image image-rendering='optimizeSpeed' style='image-rendering:pixelated' " }

static const rewrite in_file[] = {CELLS, {NULL, NULL}};
static const rewrite in_page[] = {
    CELLS,
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
    {NULL, NULL},
};

static const char *skip_element(const char *s, const char *open, const char *close) {
  if (strncmp(s, open, strlen(open)) != 0) return NULL;
  const char *end = strstr(s, close);
  return end ? end + strlen(close) : NULL;
}

/* Copies s with what the table replaces. gnuplot's own titles ("gnuplot_plot_1") would pop up under
 * the pointer, and be read out. */
static void copy(FILE *f, const char *s, const rewrite *table, const char *prefix) {
  while (*s) {
    const char *next = skip_element(s, "<title>", "</title>");
    if (!next) next = skip_element(s, "<desc>", "</desc>");
    if (next) {
      s = next;
      continue;
    }
    const rewrite *r = table;
    while (r->old && strncmp(s, r->old, strlen(r->old)) != 0) r++;
    if (!r->old) {
      fputc(*s++, f);
      continue;
    }
    for (const char *c = r->now; *c; c++) {
      if (*c == '%')
        fprintf(f, "%s-", prefix);
      else
        fputc(*c, f);
    }
    s += strlen(r->old);
  }
}

/* Text of markup: without its tags. */
void lp_svg_plain(FILE *f, const char *markup) {
  for (bool tag = false; *markup; markup++) {
    if (*markup == '<')
      tag = true;
    else if (*markup == '>')
      tag = false;
    else if (!tag)
      fputc(*markup, f);
  }
}

static void alternatives(FILE *f, const char *title, const char *description) {
  lp_report_html(f, "<title id=\"figure-title\">%s</title>\n<desc id=\"figure-desc\">", title);
  lp_svg_plain(f, description);
  fputs("</desc>\n", f);
}

/* gnuplot draws the background as the first rectangle; the terminal's own option for it would
 * also be drawn in the page, where the text's colour follows the theme. */
static void copy_on_white(FILE *f, char *body) {
  static const char no_fill[] = "fill=\"none\"/>", white[] = "fill=\"white\"/>";
  char *rect = strstr(body, "<rect "), *fill = rect ? strstr(rect, no_fill) : NULL;
  char *line = rect ? strchr(rect, '\n') : NULL;
  if (!fill || (line && line < fill)) {
    copy(f, body, in_file, "");
    return;
  }
  *fill = 0;
  copy(f, body, in_file, "");
  fputs(white, f);
  copy(f, fill + strlen(no_fill), in_file, "");
}

char *lp_svg_standalone(const char *svg, const char *title, const char *description) {
  char *out = NULL, *text = strdup(svg);
  size_t n = 0;
  FILE *f = text ? open_memstream(&out, &n) : NULL;
  char *root = text ? strstr(text, "<svg") : NULL, *body = root ? strchr(root, '>') : NULL;
  if (f && body) {
    fwrite(text, 1, (size_t)(root - text), f);
    fputs("<svg role=\"img\" aria-labelledby=\"figure-title figure-desc\"", f);
    fwrite(root + 4, 1, (size_t)(body - root - 4), f);
    fputs(">\n", f);
    alternatives(f, title, description);
    copy_on_white(f, body + 1);
  } else if (f) {
    fputs(svg, f);
  }
  bool bad = f && ferror(f);
  if (f && fclose(f) != 0) bad = true;
  free(text);
  if (f && !bad) return out;
  free(out);
  return NULL;
}

void lp_svg_inline(FILE *page, const char *svg, const char *prefix, const char *title) {
  const char *s = strstr(svg, "<svg");
  const char *box = s ? strstr(s, "viewBox=\"") : NULL;
  double w = 0, h = 0;
  if (!box || sscanf(box, "viewBox=\"0 0 %lf %lf\"", &w, &h) != 2 || !(w > 0 && w < 1e5)) {
    lp_report_html(page, "<p class=\"note\">The picture of %s is not an SVG of gnuplot.</p>",
                   title);
    return;
  }
  /* Narrow screens scroll a figure sideways rather than shrink its letters below reading size. */
  lp_report_html(page,
                 "<svg role=\"img\" aria-label=\"%s\" aria-describedby=\"%s-caption\" "
                 "style=\"max-width:%dpx;min-width:%dpx\" "
                 "viewBox=\"0 0 %d %d\" xmlns=\"http://www.w3.org/2000/svg\" "
                 "xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n",
                 title, prefix, (int)w, (int)(w * 0.72), (int)w, (int)h);
  s = strchr(s, '>');
  copy(page, s ? s + 1 : "", in_page, prefix);
}
