/* support.h: temporary folders and files for the tests of files and data sets. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the headers above */

/* Setup and teardown of a test with an empty folder of its own, *state. */
int folder_setup(void **state);
int folder_teardown(void **state);

/* dir/name, in one of eight buffers that take turns. */
const char *in(const char *dir, const char *name);
/* Writes a file with plain stdio; reads one whole (malloc'ed). */
void put(const char *path, const void *data, size_t n);
void *get(const char *path, size_t *n);
/* Number of entries in a folder, hidden ones too. */
int entries(const char *dir);
/* gzip-compresses. malloc'ed. */
void *gzipped(const void *data, size_t n, size_t *packed);
/* Sets or (value NULL) unsets an environment variable. */
void environment(const char *name, const char *value);

/* The last error must be one line that holds `part`. */
void error_says(const char *part);

#endif
