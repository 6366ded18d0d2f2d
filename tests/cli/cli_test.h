/* Running the program in a temporary folder and looking at what it says and leaves. */
#ifndef LP_CLI_TEST_H
#define LP_CLI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/types.h>

/* What the last run wrote. */
extern char *test_out, *test_err;

/* argv of main: the program, then the root of the sources. Makes a temporary folder the current
 * one, with a cache of its own. */
void test_begin(int argc, char **argv);
void test_end(void); /* removes the folder */

/* Runs `locality ARGS` to its end and returns its exit code, 128 + N for signal N. */
int test_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Starts it only; test_wait collects it. */
pid_t test_start(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int test_wait(pid_t pid);
void test_sleep(double seconds);

/* Fails unless the last run wrote exactly one line to standard error, which holds `text`. */
void test_one_error(const char *text);

void test_write(const char *path, const void *data, size_t n);
char *test_read(const char *path, size_t *n); /* malloc'ed, with a NUL after it */
char *test_read_source(const char *path);     /* the same, from the sources */
/* Number of files and folders under the current one, but for what test_run captures. */
int test_count_files(void);
void test_same_file(const char *a, const char *b);

/* Fails unless two run folders hold the same networks, to the bit: models and activations, and what
 * `locality analyze` makes of them, but for the time that it took. */
void test_same_run(const char *a, const char *b);
/* Waits until the file holds the text. */
void test_wait_for(const char *path, const char *text);

/* Writes MNIST's four files into a folder: a bright square per class on noise. */
void test_make_images(const char *folder, uint32_t n_train, uint32_t n_test);
/* Path of the program. */
const char *test_program(void);

#endif
