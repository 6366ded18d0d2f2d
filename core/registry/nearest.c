/* The name that a misspelt word was probably meant to be. */
#include "registry_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_WORD 63

/* Edit distance without regard to case (Levenshtein 1966), one row of the table at a time. */
static size_t edit_distance(const char *a, const char *b) {
  size_t row[MAX_WORD + 1], na = strlen(a), nb = strlen(b);
  if (na > MAX_WORD || nb > MAX_WORD) return MAX_WORD;
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
