/* text.h: names as UTF-8: are they, and which are alike to a reader. */
#ifndef LOCALITY_DATA_TEXT_H
#define LOCALITY_DATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character that *p begins with, and *p past it; UINT32_MAX and one byte on where there is none
 * (overlong forms and surrogates are none). */
uint32_t lp_text_next(const char **p);
bool lp_text_is_utf8(const char *text);
/* One line of UTF-8: control characters and bytes that are not UTF-8 become \xNN. Cut to cap. */
void lp_text_printable(const char *text, char *out, size_t cap);
/* The text without case, accents and blanks: names that a reader, or another file system (which
 * keeps "é" as one character or as two), may take for one have the same. malloc'ed; NULL out of
 * memory. Covers Latin, Greek, Cyrillic, kana and Hangul. */
char *lp_text_fold(const char *text);

#endif
