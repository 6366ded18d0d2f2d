/* print.c: the figures once more as files for a journal: SVG, PDF or PNG, as wide as its columns.
 */
#include "report/report_internal.h"

#include "base/text.h"

#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A page of 183 mm is as wide as that of the screen, so letters are of 6.7 points. */
#define PAGE_MM     183.0
#define PAGE_PIXELS 1080.0

static const struct {
  const char *name, *terminal, *begins;
} formats[REPORT_FORMATS] = {
    {"svg", "svg", "<?xml"}, {"pdf", "pdfcairo", "%PDF"}, {"png", "pngcairo", "\x89PNG"}};

/* ---- what is asked for --------------------------------------------------------------------- */

static lp_status read_formats(const char *text, report_print *p) {
  char *copy = strdup(text), *rest = copy, *word;
  const char *known[REPORT_FORMATS];
  if (!copy) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status st = LP_OK;
  for (int i = 0; i < REPORT_FORMATS; i++) known[i] = formats[i].name;
  while (st == LP_OK && (word = lp_next_token(&rest))) {
    int i = 0;
    while (i < REPORT_FORMATS && strcmp(known[i], word) != 0) i++;
    if (i < REPORT_FORMATS)
      p->wanted[i] = p->any = true;
    else
      st = lp_fail(LP_ERR_ARG, "figures: '%s' is no format%s", word,
                   lp_did_you_mean_or(word, known, REPORT_FORMATS).text);
  }
  free(copy);
  if (st == LP_OK && !p->any) st = lp_fail(LP_ERR_ARG, "figures: svg, pdf or png, or several");
  return st;
}

static lp_status read_width(const char *text, report_print *p) {
  static const struct {
    const char *name;
    double mm;
  } known[] = {{"single", 89}, {"double", PAGE_MM}};
  p->mm = PAGE_MM;
  for (size_t i = 0; text && i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, text) == 0) {
      p->mm = known[i].mm;
      return LP_OK;
    }
  if (!text) return LP_OK;
  char *end;
  p->mm = strtod(text, &end);
  if (end == text || strcmp(end, "mm") != 0 || !(p->mm >= 60 && p->mm <= 400))
    return lp_fail(LP_ERR_ARG, "width: '%s' is not single, double or 60mm to 400mm", text);
  return LP_OK;
}

lp_status lp_print_read(const char *figures, const char *width, report_print *p) {
  *p = (report_print){0};
  if (!figures && width) return lp_fail(LP_ERR_ARG, "width goes with figures");
  if (!figures) return LP_OK;
  lp_status st = read_formats(figures, p);
  if (st == LP_OK) st = read_width(width, p);
  snprintf(p->folder, sizeof p->folder, "%.15gmm", p->mm);
  return st;
}

/* Known before anything is written: can this gnuplot draw that? */
lp_status lp_print_check(const report_print *p) {
  if (p->any && !lp_gnuplot_present())
    return lp_fail(LP_ERR_UNSUPPORTED, "figures: gnuplot was not found in PATH (Debian, Ubuntu: "
                                       "apt install gnuplot-nox)");
  for (int i = 0; i < REPORT_FORMATS; i++) {
    char command[64];
    size_t n = 0;
    char *out = NULL;
    if (!p->wanted[i]) continue;
    snprintf(command, sizeof command, "set terminal %s; print 'x'", formats[i].terminal);
    lp_status st = lp_gnuplot_run(".", command, NULL, "", &out, &n);
    free(out);
    if (st != LP_OK)
      return lp_fail(LP_ERR_UNSUPPORTED,
                     "figures: this gnuplot has no terminal %s, which %s needs (Debian, Ubuntu: "
                     "apt install gnuplot-nox)",
                     formats[i].terminal, formats[i].name);
  }
  return LP_OK;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static lp_status write_in(const char *folder, const char *name, const char *ending,
                          const char *data, size_t n) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s.%s", folder, name, ending) < 0)
    return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status st = lp_write_file(path, data, n);
  free(path);
  return st;
}

/* An SVG says its size on paper in its first element. */
static char *sized(const char *svg, double mm_a_pixel, const char *title, const char *caption) {
  char *whole = lp_svg_standalone(svg, title, caption), *out = NULL;
  const char *box = whole ? strstr(whole, "viewBox=\"0 0 ") : NULL;
  double w = 0, h = 0;
  if (box && sscanf(box, "viewBox=\"0 0 %lf %lf\"", &w, &h) == 2 &&
      asprintf(&out, "%.*swidth=\"%.4gmm\" height=\"%.4gmm\" %s", (int)(box - whole), whole,
               w * mm_a_pixel, h * mm_a_pixel, box) < 0)
    out = NULL;
  free(whole);
  return out;
}

/* What the figure shows, for those who do not see it; without markup. */
static lp_status write_text(const char *folder, const char *name, const char *title,
                            const char *caption) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return lp_fail(LP_ERR_MEMORY, "out of memory");
  fprintf(f, "%s. ", title);
  lp_svg_plain(f, caption);
  fputc('\n', f);
  lp_status st = fclose(f) == 0 ? write_in(folder, name, "txt", text, n)
                                : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(text);
  return st;
}

static lp_status print_one(const report_print *p, int format, const char *figures,
                           const char *folder, const char *name, const char *title,
                           const char *caption) {
  char before[128], script[256], *out = NULL;
  size_t n = 0;
  const double page = p->mm * PAGE_PIXELS / PAGE_MM;
  snprintf(before, sizeof before, "page = %.6f; mm = %.6f; format = '%s'", page, p->mm,
           formats[format].name);
  snprintf(script, sizeof script, "%s.gp", name);
  lp_status st = lp_gnuplot_run(figures, before, script, formats[format].begins, &out, &n);
  if (st != LP_OK) {
    lp_log(LP_LOG_WARNING, "%s", lp_error_message());
    return st == LP_ERR_MEMORY ? st : LP_OK;
  }
  if (strcmp(formats[format].name, "svg") == 0) {
    char *whole = sized(out, p->mm / page, title, caption);
    free(out);
    out = whole;
    n = out ? strlen(out) : 0;
  }
  st = out ? write_in(folder, name, formats[format].name, out, n)
           : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(out);
  return st;
}

lp_status lp_print_figure(const report_run *run, const char *name, const char *title,
                          const char *caption, FILE *page) {
  const report_print *p = &run->print;
  if (!p->any || run->gnuplot_missing) return LP_OK;
  char *figures = lp_path_join(run->dir, "figures"),
       *folder = figures ? lp_path_join(figures, p->folder) : NULL;
  lp_status st = folder ? lp_make_dirs(folder) : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) st = write_text(folder, name, title, caption);
  for (int i = 0; i < REPORT_FORMATS && st == LP_OK; i++) {
    if (!p->wanted[i]) continue;
    st = print_one(p, i, figures, folder, name, title, caption);
    if (st == LP_OK)
      lp_report_html(page, ", <a href=\"figures/%s/%s.%s\">%s, %s</a>", p->folder, name,
                     formats[i].name, formats[i].name, p->folder);
  }
  free(folder);
  free(figures);
  return st;
}
