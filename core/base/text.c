/* Cutting up what a user typed, joining text for messages, and suggesting a name. */
#include "text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- cutting up ---------------------------------------------------------------------------- */

bool lp_balanced(const char *text) {
  int depth = 0;
  for (; *text; text++) {
    if (*text == '(') depth++;
    if (*text == ')' && depth-- == 0) return false;
  }
  return depth == 0;
}

char *lp_trim(char *text) {
  while (isspace((unsigned char)*text)) text++;
  size_t n = strlen(text);
  while (n && isspace((unsigned char)text[n - 1])) n--;
  text[n] = '\0';
  return text;
}

char *lp_next_token(char **rest) {
  char *token = *rest, *p = token;
  if (!token) return NULL;
  for (int depth = 0; *p && (*p != ',' || depth); p++) depth += (*p == '(') - (*p == ')');
  *rest = *p ? p + 1 : NULL;
  *p = '\0';
  return lp_trim(token);
}

char *lp_unwrap(char *value) {
  size_t n = strlen(value);
  if (n < 2 || value[0] != '(' || value[n - 1] != ')') return value;
  for (size_t i = 0, depth = 0; i < n - 1; i++) { /* "(a)(b)" is not wrapped */
    depth += value[i] == '(';
    depth -= value[i] == ')';
    if (!depth) return value;
  }
  value[n - 1] = '\0';
  return lp_trim(value + 1);
}

/* The key at *at, up to its "="; *at moves to the next one. */
static size_t next_key(const char **at, const char **key) {
  int depth = 0;
  const char *p = *at + strspn(*at, " ");
  *key = p;
  for (; *p && (*p != ',' || depth); p++) depth += (*p == '(') - (*p == ')');
  *at = *p ? p + 1 : p;
  size_t n = strcspn(*key, "=,");
  while (n && (*key)[n - 1] == ' ') n--;
  return n;
}

lp_status lp_check_keys(const char *changes) {
  const char *key, *other;
  for (const char *at = changes; *at;) {
    size_t n = next_key(&at, &key);
    for (const char *later = at; *later;)
      if (next_key(&later, &other) == n && strncmp(key, other, n) == 0)
        return lp_fail(LP_ERR_ARG, "%.*s is given twice", (int)n, key);
  }
  return LP_OK;
}

/* ---- joining ------------------------------------------------------------------------------- */

void lp_text_add(char *text, size_t cap, const char *fmt, ...) {
  size_t used = strlen(text);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text + used, cap - used, fmt, ap);
  va_end(ap);
}

void lp_text_add_names(char *text, size_t cap, const char *const *names, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) lp_text_add(text, cap, "%s%s", i ? ", " : "", names[i]);
}

/* ---- whole numbers ------------------------------------------------------------------------- */

bool lp_digits(const char **at, uint64_t max, uint64_t *out) {
  const char *p = *at;
  uint64_t v = 0;
  for (; *p >= '0' && *p <= '9'; p++) {
    uint64_t digit = (uint64_t)(*p - '0');
    if (digit > max || v > (max - digit) / 10) return false;
    v = v * 10 + digit;
  }
  if (p == *at) return false;
  *at = p;
  *out = v;
  return true;
}

bool lp_whole(const char *text, uint64_t min, uint64_t max, uint64_t *out) {
  uint64_t v;
  if (!lp_digits(&text, max, &v) || *text || v < min) return false;
  *out = v;
  return true;
}

/* ---- names --------------------------------------------------------------------------------- */

#define MAX_WORD 63

/* Edit distance without regard to case (Levenshtein 1966), one row of the table at a time. */
static size_t edit_distance(const char *a, const char *b) {
  size_t row[MAX_WORD + 1], na = strlen(a), nb = strlen(b);
  if (na > MAX_WORD || nb > MAX_WORD) return SIZE_MAX;
  for (size_t j = 0; j <= nb; j++) row[j] = j;
  for (size_t i = 1; i <= na; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= nb; j++) {
      size_t d =
          diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]) ? 1 : 0);
      diagonal = row[j];
      if (row[j] + 1 < d) d = row[j] + 1;
      if (row[j - 1] + 1 < d) d = row[j - 1] + 1;
      row[j] = d;
    }
  }
  return row[nb];
}

const char *lp_nearest(const char *word, const char *const *names, uint32_t n) {
  size_t len = strlen(word), best = len < 3 ? 2 : 2 + len / 4; /* nearer than this is near */
  const char *found = NULL;
  for (uint32_t i = 0; i < n; i++) {
    size_t d = edit_distance(word, names[i]);
    if (len >= 3 && d > 1 && strncasecmp(word, names[i], len) == 0) d = 1; /* "exp", "quad" */
    if (d >= len && d) continue; /* nothing of the word is left */
    if (d < best) {
      best = d;
      found = names[i];
    }
  }
  return found;
}

lp_hint lp_did_you_mean(const char *word, const char *const *names, uint32_t n) {
  lp_hint h = {""};
  const char *near = lp_nearest(word, names, n);
  int len = near ? snprintf(h.text, sizeof h.text, "; did you mean '%s'?", near) : 0;
  if (len >= (int)sizeof h.text) h.text[0] = '\0'; /* half a name helps nobody */
  return h;
}

lp_choice lp_did_you_mean_or(const char *word, const char *const *names, uint32_t n) {
  lp_choice c = {""};
  lp_text_add(c.text, sizeof c.text, "%s", lp_did_you_mean(word, names, n).text);
  if (c.text[0]) return c;
  lp_text_add(c.text, sizeof c.text, n ? "; there are " : "; there is none");
  lp_text_add_names(c.text, sizeof c.text, names, n);
  return c;
}
