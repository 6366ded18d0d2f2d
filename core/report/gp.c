/* gp.c: what the scripts of figures load: strings and arrays of gnuplot, fields of CSV. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 160 };
typedef char label[LABEL_BYTES];

void lp_gp_string(FILE *f, const char *text) {
  fputc('\'', f);
  for (const char *s = text; *s; s++) {
    if (*s == '\'') fputc('\'', f);
    fputc((unsigned char)*s < 32 ? ' ' : *s, f);
  }
  fputc('\'', f);
}

/* ---- labels --------------------------------------------------------------------------------- */

static bool starts_character(char c) {
  return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t characters(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += starts_character(*text);
  return n;
}

/* Where the n-th character starts. */
static const char *character(const char *text, size_t n) {
  while (*text && (n || !starts_character(*text))) {
    text++;
    n -= starts_character(*text) && n > 0;
  }
  return text;
}

/* At most `max` characters: `head` from the start, the mark of an omission, the rest from the end.
 */
static void shorten(const char *text, size_t max, size_t head, label out) {
  size_t all = characters(text);
  const char *end = character(text, all), *cut = character(text, head);
  const char *tail = character(text, all - (max - 1 - head));
  if (all <= max)
    snprintf(out, LABEL_BYTES, "%.*s", (int)(end - text), text);
  else
    snprintf(out, LABEL_BYTES, "%.*s\xe2\x80\xa6%s", (int)(cut - text), text, tail);
}

/* Would a cut at `at` leave a part of a number, which reads as another number? */
static bool in_number(const char *text, const char *at) {
  static const char digits[] = "0123456789.";
  return at > text && *at && strchr(digits, *at) && strchr(digits, at[-1]);
}

static bool cuts_number(const char *text, size_t max, size_t head) {
  size_t all = characters(text);
  if (all <= max) return false;
  return in_number(text, character(text, head)) ||
         in_number(text, character(text, all - (max - 1 - head)));
}

/* Different names have different labels. */
static bool distinct(const char *const *text, uint32_t n, label *out) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(out[i], out[k]) == 0 && strcmp(text[i], text[k]) != 0) return false;
  return true;
}

/* Names differ in their parameters, so more of the end is kept; elsewhere is cut where that makes
 * labels alike, and they are numbered where nothing else tells them apart. */
static void make_labels(const char *const *text, uint32_t n, size_t max, label *out) {
  const size_t first = max * 2 / 5;
  for (size_t k = 0; k < 4 * max; k++) { /* first the cuts that leave numbers whole */
    size_t step = k % (2 * max), head = step % 2 ? first + (step + 1) / 2 : first - step / 2;
    bool cut = false;
    if (head < 1 || head > max - 2) continue; /* also where it wrapped below 0 */
    for (uint32_t i = 0; i < n; i++) {
      shorten(text[i], max, head, out[i]);
      cut |= cuts_number(text[i], max, head);
    }
    if ((!cut || k >= 2 * max) && distinct(text, n, out)) return;
  }
  for (uint32_t i = 0; i < n; i++) {
    char number[16];
    int digits = snprintf(number, sizeof number, "%u", i + 1);
    label start;
    shorten(text[i], max - (size_t)digits - 3, first / 2 + 1, start);
    snprintf(out[i], LABEL_BYTES, "%.*s (%s)", LABEL_BYTES - 20, start, number);
  }
}

/* Of the character at s, in widths of a small letter: gnuplot does not know its fonts either. */
static double width_of(const char *s) {
  const unsigned char c = (unsigned char)*s;
  if (c < 0x80) {
    if (strchr("mwMW@%", c)) return 1.65;
    return c >= 'A' && c <= 'Z' ? 1.25 : strchr("ijlI.,:;|'! ", c) ? 0.6 : 1;
  }
  if (c == 0xcc || (c == 0xcd && (unsigned char)s[1] < 0xb0)) return 0; /* combining marks */
  return c >= 0xf0 || (c >= 0xe2 && !(c == 0xe2 && (unsigned char)s[1] < 0xba)) ? 1.8 : 1; /* CJK */
}

static double text_width(const char *text) {
  double sum = 0;
  for (; *text; text++) sum += starts_character(*text) ? width_of(text) : 0;
  return sum;
}

static double widest(label *text, uint32_t n) {
  double most = 0;
  for (uint32_t i = 0; i < n; i++) most = fmax(most, text_width(text[i]));
  return most;
}

void lp_gp_array(FILE *f, const char *name, const char *const *text, uint32_t n,
                 uint32_t max_chars) {
  enum { LEAST = 6 };
  label *out = calloc(n ? n : 1, sizeof *out);
  uint32_t max = max_chars;
  if (out) make_labels(text, n, max, out);
  while (out && max > LEAST && widest(out, n) > max_chars) make_labels(text, n, --max, out);
  fprintf(f, "%s_width = %.0f\narray %s[%u] = [", name, out ? ceil(widest(out, n)) : 0, name, n);
  for (uint32_t i = 0; i < n; i++) {
    if (i) fputs(", ", f);
    lp_gp_string(f, out ? out[i] : "");
  }
  fputs("]\n", f);
  free(out);
}

void lp_gp_arms(FILE *f, const report_run *run) {
  const char **name = calloc(run->n_arms, sizeof *name);
  for (uint32_t i = 0; name && i < run->n_arms; i++) name[i] = run->arms[i].name;
  fprintf(f, "n_arm = %u\n", run->n_arms);
  if (name) lp_gp_array(f, "arm", name, run->n_arms, 24);
  free(name);
}

void lp_gp_numbers(FILE *f, const char *name, const bool *set, uint32_t n) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < n; i++) count += set[i];
  fprintf(f, "n_%s = %u\narray %s[%u]", name, count, name, count ? count : 1);
  const char *before = " = [";
  for (uint32_t i = 0; i < n; i++) {
    if (!set[i]) continue;
    fprintf(f, "%s%u", before, i + 1);
    before = ", ";
  }
  if (count) fputc(']', f);
  fputc('\n', f);
}

/* ---- CSV ------------------------------------------------------------------------------------ */

void lp_csv_text(FILE *f, const char *text) {
  fputc('"', f);
  for (const char *s = text; *s; s++) {
    if (*s == '"') fputc('"', f);
    fputc((unsigned char)*s < 32 ? ' ' : *s, f);
  }
  fputc('"', f);
}

void lp_csv_num(FILE *f, double x) {
  fputs(isfinite(x) ? lp_exact(x).text : "NaN", f);
}
