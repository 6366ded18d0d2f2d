/* What was published for a file of settings: its block `published`, kept in the manifest for runs
 * of those settings. A value belongs to the layer that it was published for. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <stdlib.h>
#include <string.h>

typedef struct field {
  const char *name;
  json_type type; /* JSON_NULL: a mapping of numbers */
} field;

static const field block_field[] = {{"source", JSON_STRING},
                                    {"what", JSON_STRING},
                                    {"data", JSON_STRING},
                                    {"arms", JSON_ARRAY},
                                    {"tests", JSON_ARRAY}};
static const field arm_field[] = {{"layer", JSON_STRING},
                                  {"accuracy", JSON_REAL},
                                  {"top5", JSON_REAL},
                                  {"loss", JSON_REAL},
                                  {"variance", JSON_NULL}};
static const field test_field[] = {{"layer", JSON_STRING},
                                   {"reference", JSON_STRING},
                                   {"site", JSON_STRING},
                                   {"t", JSON_REAL},
                                   {"p", JSON_REAL}};
#define FIELDS(list) list, sizeof list / sizeof *list

static lp_status wrong(const char *name, const char *what) {
  return lp_fail(LP_ERR_FORMAT, "published: %s: not %s", name, what);
}

static lp_status check_value(const json_t *value, const field *f) {
  const char *key;
  json_t *v;
  switch (f->type) {
  case JSON_STRING:
    return json_is_string(value) ? LP_OK : wrong(f->name, "text");
  case JSON_ARRAY:
    return json_is_array(value) ? LP_OK : wrong(f->name, "a list");
  case JSON_REAL:
    return json_is_number(value) ? LP_OK : wrong(f->name, "a number");
  default:
    if (!json_is_object(value)) return wrong(f->name, "SITE: NUMBER");
    json_object_foreach((json_t *)value, key,
                        v) if (!json_is_number(v)) return wrong(f->name, "SITE: NUMBER");
    return LP_OK;
  }
}

static lp_status check_fields(json_t *object, const field *known, size_t n) {
  const char *key, *names[8];
  json_t *value;
  for (size_t i = 0; i < n; i++) names[i] = known[i].name;
  if (!json_is_object(object)) return lp_fail(LP_ERR_FORMAT, "published: not FIELD: VALUE");
  json_object_foreach(object, key, value) {
    size_t i = 0;
    while (i < n && strcmp(known[i].name, key) != 0) i++;
    if (i == n)
      return lp_fail(LP_ERR_FORMAT, "published: unknown field '%s'%s", key,
                     lp_did_you_mean_or(key, names, (uint32_t)n).text);
    lp_status status = check_value(value, &known[i]);
    if (status != LP_OK) return status;
  }
  return LP_OK;
}

static lp_status check_list(const json_t *list, const field *known, size_t n,
                            const char *const *needed) {
  size_t i;
  json_t *one;
  json_array_foreach(list, i, one) {
    lp_status status = check_fields(one, known, n);
    if (status != LP_OK) return status;
    for (const char *const *name = needed; *name; name++)
      if (!json_object_get(one, *name))
        return lp_fail(LP_ERR_FORMAT, "published: an entry has no '%s'", *name);
  }
  return LP_OK;
}

lp_status lp_published_check(json_t *block) {
  static const char *const of_arm[] = {"layer", NULL}, *const of_test[] = {"layer", "reference",
                                                                           "site",  "t",
                                                                           "p",     NULL};
  lp_status status = check_fields(block, FIELDS(block_field));
  if (status == LP_OK)
    status = check_list(json_object_get(block, "arms"), FIELDS(arm_field), of_arm);
  if (status == LP_OK)
    status = check_list(json_object_get(block, "tests"), FIELDS(test_field), of_test);
  return status;
}

/* Writes the layers of a list as arms have them. */
static lp_status canonical(json_t *list, const char *key) {
  size_t i;
  json_t *one;
  json_array_foreach(list, i, one) {
    lp_spec spec;
    lp_status status =
        lp_spec_parse(LP_KIND_LAYER, json_string_value(json_object_get(one, key)), &spec);
    if (status != LP_OK) return lp_fail_in(status, "published");
    json_object_set_new(one, key, json_string(spec.text));
    lp_spec_free(&spec);
  }
  return LP_OK;
}

static bool same(const json_t *block, const char *key, const char *now) {
  const char *then = json_string_value(json_object_get(block, key));
  return !then || strcmp(then, now) == 0;
}

lp_status lp_published_make(const lp_experiment *x, json_t **out) {
  const lp_settings *s = x->settings;
  const char *text = lp_setting_text(s, "published");
  *out = NULL;
  if (!*text) return LP_OK;
  json_t *block = json_loads(text, 0, NULL);
  if (!block) return lp_fail(LP_ERR_MEMORY, "published: out of memory");
  lp_status status = canonical(json_object_get(block, "arms"), "layer");
  if (status == LP_OK) status = canonical(json_object_get(block, "tests"), "layer");
  if (status == LP_OK) status = canonical(json_object_get(block, "tests"), "reference");
  bool fits = status == LP_OK && same(block, "data", x->info.train->name) &&
              same(block, "model", lp_setting_text(s, "model")) &&
              same(block, "sheet", lp_setting_text(s, "sheet"));
  if (fits)
    *out = block;
  else
    json_decref(block);
  return status;
}
