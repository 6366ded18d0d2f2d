/* Text helpers: cutting up specs, joining, and the name that was meant. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

static void tokens(void **state) {
  (void)state;
  char text[] = " a , b=(c,d(e,f)) ,, g";
  static const char *const want[] = {"a", "b=(c,d(e,f))", "", "g"};
  char *rest = text, *token;
  uint32_t n = 0;
  for (; (token = lp_next_token(&rest)); n++) {
    assert_in_range(n, 0, 3);
    assert_string_equal(token, want[n]);
  }
  assert_int_equal(n, 4);
  rest = NULL;
  assert_null(lp_next_token(&rest));
}

static void wrapped_values(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"(a,b)", "a,b"}, {"( a )", "a"}, {"(a)(b)", "(a)(b)"}, {"((a))", "(a)"},
      {"a", "a"},       {"()", ""},     {"(", "("},           {"", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[20];
    strcpy(text, cases[i][0]);
    assert_string_equal(lp_unwrap(text), cases[i][1]);
  }
  assert_true(lp_balanced("a(b(c))()"));
  assert_false(lp_balanced("a)b("));
  assert_false(lp_balanced("((a)"));
  char blanks[] = " \t\n ";
  assert_string_equal(lp_trim(blanks), "");
}

static void joined_texts_are_cut(void **state) {
  (void)state;
  char text[10] = "ab";
  static const char *const names[] = {"one", "two", "three"};
  lp_text_add_names(text, sizeof text, names, 3);
  assert_string_equal(text, "abone, tw");
  lp_text_add(text, sizeof text, "%d", 7); /* full: nothing more */
  assert_string_equal(text, "abone, tw");
}

static const char *const names[] = {"linear", "sqrt", "exponential", "s", "p"};

static void nearest_name(void **state) {
  (void)state;
  static const struct {
    const char *word, *near;
  } cases[] = {
      {"linera", "linear"}, {"Linear", "linear"}, {"exp", "exponential"}, {"sqr", "sqrt"},
      {"squrt", "sqrt"},    {"x", NULL},          {"banana", NULL},       {"", NULL},
      {"ps", "s"},          {"P", "p"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *near = lp_nearest(cases[i].word, names, 5);
    if (!near != !cases[i].near || (near && strcmp(near, cases[i].near) != 0))
      fail_msg("%s gives %s", cases[i].word, near ? near : "nothing");
  }
  assert_null(lp_nearest("linear", NULL, 0));
  for (size_t len = 60; len < 400; len += 17) { /* beyond what is compared, nothing is near */
    char longer[400] = "";
    memset(longer, 'a', len);
    assert_null(lp_nearest(longer, names, 5));
  }
}

static void suggestions(void **state) {
  (void)state;
  assert_string_equal(lp_did_you_mean("linera", names, 5).text, "; did you mean 'linear'?");
  assert_string_equal(lp_did_you_mean("banana", names, 5).text, "");
  assert_string_equal(lp_did_you_mean_or("squrt", names, 5).text, "; did you mean 'sqrt'?");
  assert_string_equal(lp_did_you_mean_or("banana", names, 5).text,
                      "; there are linear, sqrt, exponential, s, p");
  assert_string_equal(lp_did_you_mean_or("banana", NULL, 0).text, "; there is none");
  char longest[300] = "abc"; /* a name that does not fit is not suggested by half */
  memset(longest + 3, 'd', sizeof longest - 4);
  const char *one[] = {longest};
  assert_string_equal(lp_nearest("abc", one, 1), longest);
  assert_string_equal(lp_did_you_mean("abc", one, 1).text, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens),
      cmocka_unit_test(wrapped_values),
      cmocka_unit_test(joined_texts_are_cut),
      cmocka_unit_test(nearest_name),
      cmocka_unit_test(suggestions),
  };
  return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
