/* What the manifest keeps of what was published for these settings, to be shown beside our own
 * results as reported; nothing is computed from it. A value belongs to the arm whose layer it was
 * published for, whatever the arm is called and whichever arm is the reference. */
#include "run.h"

#include <string.h>

/* Does the arm have this layer, and nothing else that differs from the settings? */
static bool fits(const analysis *a, uint32_t arm, const char *layer) {
  const json_t *entry = json_array_get(json_object_get(a->folder->manifest, "arms"), arm);
  return layer && strcmp(a->arm[arm].layer, layer) == 0 && !json_object_get(entry, "set");
}

static const char *layer_of(const json_t *entry, const char *key) {
  return json_string_value(json_object_get(entry, key));
}

/* {"NAME": {"accuracy": ..., "variance": {...}}, ...} of the arms that have something. */
static json_t *arms_json(const analysis *a, const json_t *list, int *bad) {
  json_t *arms = json_object(), *entry;
  size_t i;
  for (uint32_t arm = 0; arm < a->n_arms; arm++) json_array_foreach(list, i, entry) {
      if (!fits(a, arm, layer_of(entry, "layer"))) continue;
      json_t *own = json_deep_copy(entry);
      *bad |= json_object_del(own, "layer") | json_object_set_new(arms, a->arm[arm].name, own);
    }
  return arms;
}

/* The first arm of that layer; n_arms where there is none. */
static uint32_t first_arm(const analysis *a, const char *layer) {
  uint32_t arm = 0;
  while (arm < a->n_arms && !fits(a, arm, layer)) arm++;
  return arm;
}

static json_t *tests_json(const analysis *a, const json_t *list, int *bad) {
  json_t *tests = json_array(), *entry;
  size_t i;
  json_array_foreach(list, i, entry) {
    uint32_t arm = first_arm(a, layer_of(entry, "layer")),
             reference = first_arm(a, layer_of(entry, "reference"));
    if (arm == a->n_arms || reference == a->n_arms) continue;
    json_t *own = json_deep_copy(entry);
    *bad |= json_object_del(own, "layer");
    *bad |= json_object_set_new(own, "arm", json_string(a->arm[arm].name));
    *bad |= json_object_set_new(own, "reference", json_string(a->arm[reference].name));
    *bad |= json_array_append_new(tests, own);
  }
  return tests;
}

json_t *lp_published_json(const analysis *a) {
  const json_t *block = json_object_get(a->folder->manifest, "published");
  int bad = 0;
  json_t *arms = arms_json(a, json_object_get(block, "arms"), &bad);
  json_t *tests = tests_json(a, json_object_get(block, "tests"), &bad);
  if (!bad && json_object_size(arms) == 0) {
    json_decref(arms);
    json_decref(tests);
    return json_null();
  }
  const char *source = layer_of(block, "source"), *what = layer_of(block, "what");
  return lp_json_checked(json_pack("{s:s, s:s, s:o, s:o}", "source", source ? source : "", "what",
                                   what ? what : "", "arms", arms, "tests", tests),
                         bad);
}
