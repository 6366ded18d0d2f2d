/* html.c: the writer that escapes, and numbers as a reader wants them. */
#include "report/report_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MINUS "\xe2\x88\x92"
#define DASH  "\xe2\x80\x93"

/* Length of the UTF-8 sequence at s, or 0 when it is none (or a control character that neither
 * HTML nor XML allows). */
static int utf8_length(const unsigned char *s) {
  if (s[0] < 0x80) return s[0] >= 32 || s[0] == '\t' || s[0] == '\n';
  int n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 0;
  if (s[0] >= 0xf0 && s[0] < 0xf5) n = 4;
  for (int i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  return n;
}

static void escaped(FILE *f, const char *text) {
  for (const unsigned char *s = (const unsigned char *)text; *s;) {
    int n = utf8_length(s);
    if (n == 0) {
      fputc('?', f);
      s++;
      continue;
    }
    switch (*s) {
    case '&':
      fputs("&amp;", f);
      break;
    case '<':
      fputs("&lt;", f);
      break;
    case '>':
      fputs("&gt;", f);
      break;
    case '"':
      fputs("&quot;", f);
      break;
    case '\'':
      fputs("&#39;", f);
      break;
    default:
      fwrite(s, 1, (size_t)n, f);
    }
    s += n;
  }
}

void lp_report_html(FILE *f, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  for (const char *s = fmt; *s; s++) {
    if (*s != '%') {
      fputc(*s, f);
      continue;
    }
    switch (*++s) {
    case 's':
      escaped(f, va_arg(ap, const char *));
      break;
    case 'u':
      fprintf(f, "%u", va_arg(ap, unsigned));
      break;
    case 'd':
      fprintf(f, "%d", va_arg(ap, int));
      break;
    default:
      fputc(*s, f);
    }
  }
  va_end(ap);
}

void lp_html_sentence(FILE *f, const char *text) {
  for (const char *s = text; *s;) {
    size_t n = strcspn(s + 1, "-") + 1; /* up to the next '-' */
    bool sign = *s == '-' && s[1] >= '0' && s[1] <= '9' && (s == text || strchr(" [(", s[-1]));
    char *part = strndup(s, n);
    lp_report_html(f, "%s%s", sign ? MINUS : "", part ? part + sign : "");
    free(part);
    s += n;
  }
}

void lp_html_spec(FILE *f, const char *text) {
  for (const char *s = text; *s;) {
    size_t n = strcspn(s, ",");
    n += s[n] == ',';
    char *part = strndup(s, n);
    lp_report_html(f, s[n] ? "%s<wbr />" : "%s", part ? part : "");
    free(part);
    s += n;
  }
}

void lp_html_cell(FILE *f, const char *text, const char *tip) {
  if (tip && *tip)
    lp_report_html(f, "<td title=\"%s\">%s</td>", tip, text);
  else
    lp_report_html(f, "<td>%s</td>", text);
}

/* ---- numbers -------------------------------------------------------------------------------- */

static shorttext with_minus(const char *plain) {
  shorttext out = {""};
  size_t n = 0;
  for (const char *s = plain; *s && n + 4 < sizeof out.s; s++) {
    if (*s == '-') {
      memcpy(out.s + n, MINUS, 3);
      n += 3;
    } else {
      out.s[n++] = *s;
    }
  }
  out.s[n] = 0;
  return out;
}

shorttext lp_report_num(double x, int decimals) {
  if (isnan(x)) return (shorttext){DASH};
  if (isinf(x)) return with_minus(x < 0 ? "-\xe2\x88\x9e" : "\xe2\x88\x9e");
  return with_minus(lp_fixed(x, decimals).text);
}

shorttext lp_report_seed(uint64_t seed) {
  shorttext out;
  snprintf(out.s, sizeof out.s, "%" PRIu64, seed);
  return out;
}

shorttext lp_num_auto(double x) {
  return lp_report_num(x, lp_decimals(x));
}

shorttext lp_mean_sd(double mean, double sd, int decimals) {
  shorttext m = lp_report_num(mean, decimals), out;
  if (isnan(mean) || isnan(sd)) return m;
  snprintf(out.s, sizeof out.s, "%.36s \xc2\xb1 %.36s", m.s, lp_report_num(sd, decimals).s);
  return out;
}

shorttext lp_mean_sd_auto(double mean, double sd) {
  return lp_mean_sd(mean, sd, lp_decimals(mean));
}

shorttext lp_p_value(double p) {
  return isnan(p) ? (shorttext){DASH} : with_minus(lp_p_text(p).text);
}

shorttext lp_report_exact(double x) {
  if (isnan(x)) return (shorttext){DASH};
  char buf[64];
  snprintf(buf, sizeof buf, "%.3g", x);
  return with_minus(buf);
}

shorttext lp_report_t_test(double t, double df) {
  shorttext out = {DASH};
  if (isnan(t)) return out;
  bool whole = !isnan(df) && fabs(df - round(df)) < 1e-9;
  snprintf(out.s, sizeof out.s, "%.30s (%.30s)", lp_report_num(t, 2).s,
           lp_report_num(df, whole ? 0 : 1).s);
  return out;
}
