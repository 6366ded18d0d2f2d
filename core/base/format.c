/* Numbers as text, one way for the program's lines, the analysis and the report. */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lp_number lp_fixed(double x, int decimals) {
  lp_number out;
  if (!isfinite(x)) {
    snprintf(out.text, sizeof out.text, isnan(x) ? "-" : x < 0 ? "-inf" : "inf");
    return out;
  }
  if (fabs(x) >= 1e7)
    snprintf(out.text, sizeof out.text, "%.3g", x);
  else
    snprintf(out.text, sizeof out.text, "%.*f", decimals, x + copysign(1e-12 * fabs(x), x));
  /* "-0.00" reads as a sign that is not there */
  char *digits = out.text + 1;
  if (out.text[0] == '-' && strspn(digits, "0.") == strlen(digits))
    memmove(out.text, digits, strlen(digits) + 1);
  return out;
}

int lp_decimals(double x) {
  double a = fabs(x);
  return a < 10 || isnan(a) ? 3 : a < 100 ? 2 : a < 10000 ? 1 : 0;
}

lp_number lp_magnitude(double x) {
  return lp_fixed(x, lp_decimals(x));
}

lp_number lp_exact(double x) {
  lp_number out;
  if (!isfinite(x)) {
    snprintf(out.text, sizeof out.text, isnan(x) ? "NaN" : x < 0 ? "-inf" : "inf");
    return out;
  }
  for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
    snprintf(out.text, sizeof out.text, "%.*g", digits, x);
    if (strtod(out.text, NULL) == x) break;
  }
  char *exponent = strchr(out.text, 'e'); /* "1e+07" is "1e7", as in our JSON */
  if (exponent) {
    exponent += 1 + (exponent[1] == '-');
    size_t drop = strspn(exponent, "+0");
    memmove(exponent, exponent + drop, strlen(exponent + drop) + 1);
  }
  return out;
}

lp_number lp_p_text(double p) {
  if (isnan(p)) return (lp_number){"-"};
  return p < 0.001 ? (lp_number){"< 0.001"} : lp_fixed(p, 3);
}
