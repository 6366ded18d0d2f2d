/* Text helpers: cutting up specs, joining, and the name that was meant. */
#include "base/text.h"
#include "io/json.h"

#include <locality/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static void whole_numbers(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t min, max;
    bool good;
    uint64_t value;
  } row[] = {
      {"0", 0, 0, true, 0},
      {"0", 1, 9, false, 0},
      {"7", 1, 7, true, 7},
      {"8", 1, 7, false, 0},
      {"0007", 1, 9, true, 7},
      {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
      {"18446744073709551616", 0, UINT64_MAX, false, 0},
      {"18446744073709551617", 1, 4, false, 0}, /* 1, where it wraps */
      {"99999999999999999999999", 0, UINT64_MAX, false, 0},
      {"-1", 0, UINT64_MAX, false, 0},
      {"-18446744073709551615", 1, 4, false, 0},
      {"+1", 0, 9, false, 0},
      {" 1", 0, 9, false, 0},
      {"1 ", 0, 9, false, 0},
      {"1.", 0, 9, false, 0},
      {"0x1", 0, 9, false, 0},
      {"1e2", 0, 900, false, 0},
      {"", 0, 9, false, 0},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    uint64_t got = 77;
    if (lp_whole(row[i].text, row[i].min, row[i].max, &got) != row[i].good ||
        got != (row[i].good ? row[i].value : 77))
      fail_msg("'%s' gives %llu", row[i].text, (unsigned long long)got);
  }
  const char *text = "12x345,", *at = text;
  uint64_t v = 0;
  assert_true(lp_digits(&at, 12, &v));
  assert_int_equal(v, 12);
  assert_string_equal(at, "x345,");
  assert_false(lp_digits(&at, 900, &v)); /* no digit: stays */
  at++;
  assert_false(lp_digits(&at, 344, &v));
  assert_string_equal(at, "345,");
  assert_true(lp_digits(&at, 345, &v));
  assert_string_equal(at, ",");
}

static void keys_given_twice(void **state) {
  (void)state;
  static const struct {
    const char *changes, *key;
  } row[] = {
      {"", NULL},
      {"a=1", NULL},
      {"a=1,ab=1,b=a", NULL},
      {"a=(b=1,c=1),b=1", NULL},
      {"lp.cost=sqrt,lp.topology=grid", NULL},
      {"a=1,b=1, a =2", "a is given twice"},
      {"x=(a=1,b=2),lr=1,lr=1", "lr is given twice"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(lp_check_keys(row[i].changes), row[i].key ? LP_ERR_ARG : LP_OK);
    if (row[i].key) assert_string_equal(lp_error_message(), row[i].key);
  }
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

/* Digits of a number before its exponent. */
static int digits_in(const char *text) {
  int n = 0;
  text += strspn(text, "-0.");
  for (; *text && *text != 'e'; text++) n += *text >= '0' && *text <= '9';
  return n;
}

static void exact_numbers(void **state) {
  (void)state;
  static const struct {
    double x;
    const char *text;
  } cases[] = {
      {0.1, "0.1"},        {98.14, "98.14"},
      {1e-300, "1e-300"},  {1e22, "1e22"},
      {-2, "-2"},          {5e-324, "4.94065645841247e-324"},
      {NAN, "NaN"},        {0.1 + 0.2, "0.30000000000000004"},
      {-INFINITY, "-inf"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(lp_exact(cases[i].x).text, cases[i].text);
  lp_rng r = lp_rng_make(1, "test/exact");
  for (int i = 0; i < 20000; i++) { /* as they are, and ones that people write */
    const double x = ldexp(lp_rng_double(&r) - 0.5, (int)(i % 2000) - 1000),
                 y = round(1e4 * lp_rng_double(&r)) / 100;
    lp_number text = lp_exact(x);
    if (strtod(text.text, NULL) != x) fail_msg("%a is printed as %s", x, text.text);
    int digits = digits_in(text.text);
    char shorter[400];
    snprintf(shorter, sizeof shorter, "%.*g", digits - 1, x);
    if (digits > 15 && strtod(shorter, NULL) == x)
      fail_msg("%s would do for %s", shorter, text.text);
    snprintf(shorter, sizeof shorter, "%.15g", y);
    assert_string_equal(lp_exact(y).text, shorter);
  }
}

static void json_numbers(void **state) {
  (void)state;
  static const char *const same[] = {
      ("{\"a\":0.1,\"b\":[98.14,-1e-300,2.0,17,true,false,null],\"e\":\"1.00000000000000001 \\\"e "
       "0.30000000000000001\\\\\"}"),
      "[0.30000000000000004,123456789012345.6,9007199254740993,-0.0,1.7976931348623157e308,1e-7]",
      "[]",
      "{\"0.10000000000000001\":-3}",
  };
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    json_t *value = json_loads(same[i], 0, NULL);
    assert_non_null(value);
    char *text = lp_json_text(value, JSON_COMPACT);
    assert_string_equal(text, same[i]);
    free(text);
    json_decref(value);
  }
  json_t *list = json_array();
  lp_rng r = lp_rng_make(1, "test/json");
  for (int i = 0; i < 1000; i++)
    json_array_append_new(list, json_real(lp_rng_double(&r) * pow(10, i % 600 - 300)));
  char *text = lp_json_text(list, JSON_INDENT(2));
  json_t *again = json_loads(text, 0, NULL);
  assert_true(json_equal(list, again)); /* reals stay reals, to the bit */
  assert_null(lp_json_text(NULL, 0));
  free(text);
  json_decref(again);
  json_decref(list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens),
      cmocka_unit_test(wrapped_values),
      cmocka_unit_test(whole_numbers),
      cmocka_unit_test(keys_given_twice),
      cmocka_unit_test(joined_texts_are_cut),
      cmocka_unit_test(nearest_name),
      cmocka_unit_test(suggestions),
      cmocka_unit_test(exact_numbers),
      cmocka_unit_test(json_numbers),
  };
  return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
