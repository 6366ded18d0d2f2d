/* Settings: every option has a value, text and numbers go both ways, mistakes are named. */
#include <locality/settings.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

static lp_settings *fresh(void) {
  lp_settings *s;
  assert_int_equal(lp_settings_new(&s), LP_OK);
  return s;
}

/* A default, and its own text, are the same value; names are unlike, also for the command line. */
static void every_option_has_a_value(void **state) {
  (void)state;
  lp_settings *s = fresh();
  const lp_option *o, *other;
  uint32_t n = 0;
  for (; (o = lp_option_get(n)); n++) {
    char *text = strdup(lp_setting_text(s, o->name));
    const double number = lp_setting_real(s, o->name);
    assert_int_equal(lp_settings_set(s, o->name, text), LP_OK);
    assert_string_equal(lp_setting_text(s, o->name), text);
    assert_true(lp_setting_real(s, o->name) == number);
    assert_false(lp_settings_given(s, o->name));
    free(text);
    assert_true(o->use && *o->meaning);
    for (uint32_t i = 0; i < n; i++)
      if ((other = lp_option_get(i)) && strcmp(other->name, o->name) == 0) fail_msg("%s", o->name);
  }
  assert_int_equal(n, lp_option_count());
  lp_settings_free(s);
}

static void values_are_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *text, *own; /* own NULL: an error */
    double number;
    const char *says;
  } row[] = {
      {"lr", "1e-3", "0.001", 1e-3, NULL},
      {"lr", "0.1000000000000000055", "0.1", 0.1, NULL},
      {"lr", "0.12345678901234567", "0.123456789012345677", 0.12345678901234567, NULL},
      {"decay", "-0", "0", 0, NULL},
      {"seed", "4294967295", "4294967295", 4294967295.0, NULL},
      {"epochs", "1e1", "10", 10, NULL},
      {"decay_bias", "NO", "false", 0, NULL},
      {"decay_bias", "on", "true", 1, NULL},
      {"optimizer", "AdamW", "adamw", 3, NULL},
      {"title", "", "", 0, NULL},
      {"lr", "", NULL, 0, "lr: '' is not a number"},
      {"lr", "nan", NULL, 0, "lr: 'nan' is not a number"},
      {"lr", "1e7", NULL, 0, "lr: 1e7 is out of range, which is 0 to 1000000"},
      {"batch", "1", NULL, 0, "batch: 1 is out of range"},
      {"epochs", "1.5", NULL, 0, "epochs: '1.5' is not a whole number"},
      {"epochs", "3x", NULL, 0, "epochs: '3x' is not a whole number"},
      {"decay_bias", "maybe", NULL, 0, "decay_bias: 'maybe' is neither true nor false"},
      {"optimizer", "ada", NULL, 0, "optimizer: 'ada' is not one of sgd|rmsprop|adam|adamw"},
      {"optimiser", "sgd", NULL, 0, "optimiser: no such option"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    lp_settings *s = fresh();
    const bool good = lp_settings_set(s, row[i].name, row[i].text) == LP_OK;
    assert_true(good == (row[i].own != NULL));
    if (good && (strcmp(lp_setting_text(s, row[i].name), row[i].own) != 0 &&
                 strtod(lp_setting_text(s, row[i].name), NULL) != row[i].number))
      fail_msg("%s=%s: %s", row[i].name, row[i].text, lp_setting_text(s, row[i].name));
    if (good) assert_true(lp_setting_real(s, row[i].name) == row[i].number);
    if (!good && !strstr(lp_error_message(), row[i].says)) fail_msg("%s", lp_error_message());
    if (!good && lp_option_find(row[i].name, LP_USE_TRAIN)) /* the value before stays */
      assert_string_equal(lp_setting_text(s, row[i].name),
                          lp_option_find(row[i].name, LP_USE_TRAIN)->value);
    lp_settings_free(s);
  }
}

static void a_copy_is_its_own(void **state) {
  (void)state;
  lp_settings *s = fresh(), *t;
  assert_int_equal(lp_settings_set(s, "title", "one"), LP_OK);
  assert_int_equal(lp_settings_give(s, "lr", "0.5"), LP_OK);
  assert_int_not_equal(lp_settings_give(s, "gamma", "7"), LP_OK);
  assert_int_equal(lp_settings_copy(s, &t), LP_OK);
  assert_int_equal(lp_settings_set(s, "title", "two"), LP_OK);
  assert_int_equal(lp_settings_set(s, "lr", "0.25"), LP_OK);
  assert_string_equal(lp_setting_text(t, "title"), "one");
  assert_true(lp_setting_real(t, "lr") == 0.5);
  assert_true(lp_settings_given(t, "lr") && lp_settings_given(s, "lr"));
  assert_false(lp_settings_given(t, "title") || lp_settings_given(t, "gamma"));
  lp_settings_free(s);
  lp_settings_free(t);
}

/* Every option of LP_USE_BITS, and no other, is in the text that two trainings must share. */
static void what_decides_the_bits(void **state) {
  (void)state;
  static const char *const must[] = {"seed", "epochs", "batch", "optimizer", "lr", "decay_kind"};
  const lp_option *o;
  for (uint32_t i = 0; (o = lp_option_get(i)); i++) {
    lp_settings *s = fresh();
    const char *other = o->type == LP_OPTION_BOOL   ? "false"
                        : o->type == LP_OPTION_ENUM ? strrchr(o->choices, '|') + 1
                                                    : "0.5";
    char number[32];
    if (o->type == LP_OPTION_INT)
      snprintf(number, sizeof number, "%.0f", lp_setting_real(s, o->name) + 1);
    if (o->type == LP_OPTION_REAL) snprintf(number, sizeof number, "%g", 0.25 * (o->min + 1));
    if (o->type == LP_OPTION_INT || o->type == LP_OPTION_REAL) other = number;
    char *before = lp_settings_bits(s), *after;
    if (lp_settings_set(s, o->name, other) != LP_OK) fail_msg("%s", lp_error_message());
    after = lp_settings_bits(s);
    if ((strcmp(before, after) != 0) != ((o->use & LP_USE_BITS) != 0)) fail_msg("%s", o->name);
    for (size_t k = 0; k < sizeof must / sizeof *must; k++)
      if (strcmp(o->name, must[k]) == 0) assert_true(o->use & LP_USE_BITS);
    if (o->use & LP_USE_ARM) assert_true(o->use & LP_USE_BITS);
    free(before);
    free(after);
    lp_settings_free(s);
  }
}

static void names_are_found(void **state) {
  (void)state;
  assert_string_equal(lp_option_find("step-epochs", LP_USE_TRAIN)->name, "step_epochs");
  assert_null(lp_option_find("optimiser", LP_USE_TRAIN));
  assert_non_null(strstr(lp_error_message(), "did you mean 'optimizer'?"));
  assert_null(lp_option_find("arms", LP_USE_TRAIN)); /* of experiments alone */
  assert_null(lp_option_find("published", LP_USE_TRAIN | LP_USE_EXPERIMENT));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_option_has_a_value), cmocka_unit_test(values_are_read),
      cmocka_unit_test(a_copy_is_its_own),        cmocka_unit_test(what_decides_the_bits),
      cmocka_unit_test(names_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
