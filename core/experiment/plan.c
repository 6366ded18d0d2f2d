/* The plan of the inference, settled before the first network is trained: primary measures, level,
 * margins and seeds. */
#include "experiment_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MEASURES = 64 };

static lp_status unknown(const char *option, const char *name) {
  const char *known[MOST_MEASURES];
  uint32_t n = 0;
  while (n < MOST_MEASURES && (known[n] = lp_primary_measure(n))) n++;
  return lp_fail(LP_ERR_ARG, "%s: no measure is named '%s'%s", option, name,
                 lp_did_you_mean_or(name, known, n).text);
}

static bool listed(const json_t *primary, const char *name) {
  size_t i;
  const json_t *one;
  json_array_foreach(primary, i, one) if (strcmp(json_string_value(one), name) == 0) return true;
  return false;
}

static lp_status read_primary(char *text, json_t *primary) {
  const char *name;
  if (!*lp_trim(text))
    return lp_fail(LP_ERR_ARG, "primary: at least one measure is needed, as in accuracy");
  while ((name = lp_next_token(&text))) {
    uint32_t i = 0;
    const char *known;
    while ((known = lp_primary_measure(i)) && strcmp(known, name) != 0) i++;
    if (!known) return unknown("primary", name);
    if (listed(primary, name)) return lp_fail(LP_ERR_ARG, "primary: %s is there twice", name);
    json_array_append_new(primary, json_string(name));
  }
  return LP_OK;
}

static lp_status read_number(const char *text, double *out) {
  char *end = NULL;
  *out = strtod(text, &end);
  if (end != text && !*end && isfinite(*out) && *out > 0) return LP_OK;
  return lp_fail(LP_ERR_ARG, "margin: '%s' is not a number above 0", text);
}

/* One item: X, of every primary measure in its own unit, or MEASURE=X. */
static lp_status read_margin(char *item, const json_t *primary, json_t *margin) {
  char *equals = strchr(item, '=');
  double x;
  if (!equals) {
    size_t i;
    const json_t *one;
    lp_status status = read_number(item, &x);
    if (status != LP_OK) return status;
    if (json_object_size(margin))
      return lp_fail(LP_ERR_ARG, "margin: '%s' stands for every measure: give it alone", item);
    json_array_foreach(primary, i, one)
        json_object_set_new(margin, json_string_value(one), json_real(x));
    return LP_OK;
  }
  *equals = '\0';
  char *name = lp_trim(item);
  lp_status status = read_number(lp_unwrap(lp_trim(equals + 1)), &x);
  if (status != LP_OK) return status;
  if (json_object_get(margin, name)) return lp_fail(LP_ERR_ARG, "margin: %s has one already", name);
  if (!listed(primary, name)) {
    uint32_t i = 0;
    const char *known;
    while ((known = lp_primary_measure(i)) && strcmp(known, name) != 0) i++;
    if (!known) return unknown("margin", name);
    return lp_fail(LP_ERR_ARG, "margin: %s is not primary, and only primary measures have margins",
                   name);
  }
  json_object_set_new(margin, name, json_real(x));
  return LP_OK;
}

static lp_status read_margins(char *text, const json_t *primary, json_t *margin) {
  char *item;
  lp_status status = LP_OK;
  if (!*lp_trim(text)) return LP_OK;
  while (status == LP_OK && (item = lp_next_token(&text)))
    status = read_margin(item, primary, margin);
  return status;
}

static bool is_arm(const lp_experiment *x, const char *name) {
  for (uint32_t i = 0; i < x->n_arms; i++)
    if (strcmp(x->arms[i].name, name) == 0) return true;
  return false;
}

static lp_status check_arm(const lp_experiment *x, const char *contrast, const char *name) {
  if (is_arm(x, name)) return LP_OK;
  const char **names = malloc(sizeof *names * (x->n_arms + 1));
  if (!names) return lp_fail(LP_ERR_MEMORY, "plan: out of memory");
  for (uint32_t i = 0; i < x->n_arms; i++) names[i] = x->arms[i].name;
  lp_status s = lp_fail(LP_ERR_ARG, "contrasts: %s: there is no arm '%s'%s", contrast, name,
                        lp_did_you_mean_or(name, names, x->n_arms).text);
  free(names);
  return s;
}

static lp_status check_contrasts(const lp_experiment *x, char *text, json_int_t *n) {
  const char *item;
  lp_status s = LP_OK;
  if (!*lp_trim(text)) return LP_OK;
  json_t *seen = json_object();
  while (s == LP_OK && (item = lp_next_token(&text))) {
    lp_contrast c;
    s = lp_contrast_parse(item, &c);
    if (s != LP_OK) break;
    if (json_object_get(seen, c.name))
      s = lp_fail(LP_ERR_ARG, "contrasts: %s is there twice", c.name);
    json_object_set_new(seen, c.name, json_true());
    if (s == LP_OK) s = check_arm(x, c.name, c.arm);
    if (s == LP_OK) s = check_arm(x, c.name, c.other);
    lp_contrast_free(&c);
    (*n)++;
  }
  json_decref(seen);
  return s;
}

lp_status lp_plan_make(const lp_experiment *x, json_t **out) {
  LP_POINT_NUMBERS;
  const lp_settings *s = x->settings;
  char *primary_text = strdup(lp_setting_text(s, "primary")),
       *margin_text = strdup(lp_setting_text(s, "margin")),
       *contrasts = strdup(lp_setting_text(s, "contrasts"));
  json_int_t compared = 0;
  json_t *primary = json_array(), *margin = json_object(), *seeds = json_array();
  lp_status status = primary_text && margin_text && contrasts && primary && margin && seeds
                         ? LP_OK
                         : lp_fail(LP_ERR_MEMORY, "plan: out of memory");
  if (status == LP_OK) status = read_primary(primary_text, primary);
  if (status == LP_OK) status = read_margins(margin_text, primary, margin);
  for (uint32_t i = 0; i < x->info.n_seeds && status == LP_OK; i++)
    json_array_append_new(seeds, json_integer((json_int_t)x->seeds[i]));
  if (status == LP_OK) status = check_contrasts(x, contrasts, &compared);
  if (status == LP_OK) status = lp_measures_check(lp_setting_text(s, "measures"));
  free(primary_text);
  free(margin_text);
  free(contrasts);
  for (uint32_t i = 0; i < x->n_arms; i++) compared += x->arms[i].reference != i;
  *out = NULL;
  if (status == LP_OK)
    *out = json_pack("{s:O, s:f, s:O, s:I, s:s, s:O}", "primary", primary, "alpha",
                     lp_setting_real(s, "significance"), "margin", margin, "tests",
                     (json_int_t)json_array_size(primary) * compared, "test", "paired t over seeds",
                     "seeds", seeds);
  if (status == LP_OK && !*out) status = lp_fail(LP_ERR_MEMORY, "plan: out of memory");
  const double least = lp_setting_real(s, "least_accuracy");
  if (status == LP_OK && least > 0) json_object_set_new(*out, "least_accuracy", json_real(least));
  json_decref(primary);
  json_decref(margin);
  json_decref(seeds);
  return status;
}

lp_status lp_superclasses_make(const lp_experiment *x, json_t **out) {
  const char *path = lp_setting_text(x->settings, "superclasses");
  const lp_dataset_info *d = x->info.train;
  *out = NULL;
  if (!*path) return LP_OK;
  lp_status s = lp_superclasses_read(path, d->class_names, d->classes, out);
  return s == LP_OK ? s : lp_fail_in(s, "superclasses");
}
