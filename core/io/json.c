/* Numbers of JSON, shortened after jansson has written them: it has one precision for all of them.
 */
#include "json.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The end of the string that begins at the quote. */
static const char *past_string(const char *at) {
  for (at++; *at != '"'; at++) at += *at == '\\';
  return at + 1;
}

/* Whole numbers stay as they are: a real has a point or an exponent, and keeps one. */
static size_t shorten(const char *number, size_t n, char *out) {
  char text[64];
  if (n >= sizeof text || !(memchr(number, '.', n) || memchr(number, 'e', n))) {
    memmove(out, number, n);
    return n;
  }
  memcpy(text, number, n);
  text[n] = 0;
  lp_number exact = lp_exact(strtod(text, NULL));
  if (!strpbrk(exact.text, ".e")) strcat(exact.text, ".0");
  size_t shorter = strlen(exact.text);
  if (shorter >= n) {
    memmove(out, number, n);
    return n;
  }
  memcpy(out, exact.text, shorter);
  return shorter;
}

char *lp_json_text(const json_t *value, size_t flags) {
  LP_POINT_NUMBERS;
  char *text = json_dumps(value, flags | JSON_REAL_PRECISION(DBL_DECIMAL_DIG)), *out = text;
  for (const char *at = text; at && *at;) {
    const char *end = *at == '"' ? past_string(at) : at + strspn(at, "0123456789+-.eE");
    size_t n = (size_t)(end - at);
    if (*at == '"' || n == 0 ||
        strchr("eE", *at)) { /* a text, or a mark or a letter of null, true */
      n += n == 0;
      memmove(out, at, n);
      out += n;
    } else {
      out += shorten(at, n, out);
    }
    at = at + n;
  }
  if (out) *out = 0;
  return text;
}

json_t *lp_json_number(double v) {
  return isfinite(v) ? json_real(v) : json_null();
}
