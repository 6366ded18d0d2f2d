/* What the tests of the analysis share: golden arrays and comparisons. */
#ifndef TEST_ANALYSIS_SUPPORT_H
#define TEST_ANALYSIS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locality/analysis.h>
#include <locality/io.h>

/* The golden file, opened once a program and freed by golden_close. */
int golden_open(void **state);
int golden_close(void **state);
/* An array of doubles of the file; fails the test when it is not there. */
const double *golden(const char *name, int64_t *n);
const int64_t *golden_indices(const char *name, int64_t *n);

/* Fails unless |got - want| <= tolerance * |want| (absolute where want is 0); NaN equals NaN. */
void assert_close(double got, double want, double tolerance);

void assert_ok(lp_status s);

#endif
