/* Error texts: recording, nesting, threads. */
#include <locality/status.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

static void records(void **state) {
  (void)state;
  assert_int_equal(lp_fail(LP_ERR_IO, "cannot open %s", "a.idx"), LP_ERR_IO);
  assert_string_equal(lp_error_message(), "cannot open a.idx");
  assert_int_equal(lp_fail_in(LP_ERR_FORMAT, "data set %d", 7), LP_ERR_FORMAT);
  assert_string_equal(lp_error_message(), "data set 7: cannot open a.idx");
  lp_fail(LP_ERR_ARG, "again: %s", lp_error_message()); /* may quote itself */
  assert_string_equal(lp_error_message(), "again: data set 7: cannot open a.idx");
}

static void long_texts_are_cut(void **state) {
  (void)state;
  char text[3000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  lp_fail(LP_ERR_ARG, "%s", text);
  lp_fail_in(LP_ERR_ARG, "%s", text);
  assert_in_range(strlen(lp_error_message()), 500, 1023);
}

static void *other_thread(void *out) {
  *(const char **)out = lp_error_message()[0] ? "leaked" : "empty";
  lp_fail(LP_ERR_ARG, "theirs");
  return NULL;
}

static void threads_have_their_own(void **state) {
  (void)state;
  lp_fail(LP_ERR_ARG, "mine");
  const char *seen = NULL;
  pthread_t t;
  assert_int_equal(pthread_create(&t, NULL, other_thread, &seen), 0);
  pthread_join(t, NULL);
  assert_string_equal(seen, "empty");
  assert_string_equal(lp_error_message(), "mine");
}

static void names(void **state) {
  (void)state;
  for (int s = LP_OK; s <= LP_ERR_INTERRUPTED; s++)
    assert_string_not_equal(lp_status_name((lp_status)s), "unknown status");
  assert_string_equal(lp_status_name((lp_status)99), "unknown status");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(records),
      cmocka_unit_test(long_texts_are_cut),
      cmocka_unit_test(threads_have_their_own),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
