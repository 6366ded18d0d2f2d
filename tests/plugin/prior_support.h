/* What the tests of priors share. */
#ifndef PRIOR_SUPPORT_H
#define PRIOR_SUPPORT_H

#include <locality/prior.h>
#include <locality/registry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the headers above */

#define HAS(text, part)                                                                            \
  do                                                                                               \
    if (!strstr(text, part)) fail_msg("\"%s\" is not in \"%s\"", part, text);                      \
  while (0)

/* A prior that can be built. */
lp_prior *prior_built(const lp_prior_spec *spec);

/* With the modules of the tests (TEST_MODULES). */
int prior_tests_load(void **state);
int prior_tests_shut_down(void **state);

#endif
