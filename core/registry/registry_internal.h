/* What the files of core/registry share: the loaded modules and entries, and small text helpers. */
#ifndef LOCALITY_REGISTRY_INTERNAL_H
#define LOCALITY_REGISTRY_INTERNAL_H

#include <locality/registry.h>

#include <stdbool.h>

/* Handed to a plugin's init; collects what it registers. */
struct lp_registrar {
  uint32_t module;
  char rejected[300]; /* why the last refused registration was refused, "" when none was */
};

typedef struct lp_strings {
  char **item;
  uint32_t n, cap;
} lp_strings;

/* Takes ownership of text (NULL: memory was exhausted); false when it could not be kept. */
bool lp_strings_take(lp_strings *s, char *text);
void lp_strings_free(lp_strings *s);

/* search.c: absolute paths of all module files, in loading order. */
lp_status lp_search_modules(lp_strings *files);

/* entries.c */
extern const lp_host lp_host_table; /* host.c */
lp_status lp_add_topology(lp_registrar *r, const lp_topology *t);
lp_status lp_add_cost(lp_registrar *r, const lp_cost *c);
lp_status lp_add_prior(lp_registrar *r, const lp_prior_source *p);
lp_status lp_add_layer(lp_registrar *r, const lp_layer *l);
lp_status lp_add_backend(lp_registrar *r, const lp_backend *b);
void lp_entries_truncate(uint32_t n); /* drops the entries after the first n */

/* spec.c: grammar shared by specs and device names. The text is cut up in place. */
bool lp_balanced(const char *text);
char *lp_trim(char *text);
char *lp_next_token(char **rest);  /* up to the next comma outside parentheses; NULL at the end */
char *lp_unwrap(char *value);      /* without the parentheses around it, if there are any */
bool lp_plain_name(const char *s); /* letters, digits and . _ - only, not empty */

/* Appends to a text of fixed size; what does not fit is cut off. */
void lp_text_add(char *text, size_t cap, const char *fmt, ...) LP_PRINTF(3, 4);

#endif
