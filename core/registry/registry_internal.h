/* What the files of core/registry share: the loaded modules and entries. */
#ifndef LOCALITY_REGISTRY_INTERNAL_H
#define LOCALITY_REGISTRY_INTERNAL_H

#include <locality/registry.h>

#include "../base/text.h"
#include "host.h"

#include <stdbool.h>

/* Handed to a plugin's init; collects what it registers. */
struct lp_registrar {
  uint32_t module;
  char rejected[900]; /* why registrations were refused, "" when none was */
  bool rival;         /* one of the library's own modules wanted a name that another has */
};

typedef struct lp_strings {
  char **item;
  uint32_t n, cap;
} lp_strings;

/* Takes ownership of text (NULL: memory was exhausted); false when it could not be kept. */
bool lp_strings_take(lp_strings *s, char *text);
void lp_strings_free(lp_strings *s);

/* search.c: absolute paths of all module files, in loading order; the first *own of them are the
 * library's own. */
lp_status lp_search_modules(lp_strings *files, uint32_t *own);

/* entries.c */
void lp_entries_truncate(uint32_t n); /* drops the entries after the first n */

/* spec.c: letters, digits and . _ - only, not empty. */
bool lp_plain_name(const char *s);

#endif
