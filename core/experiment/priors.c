/* The constants of arms in the manifest, so that a plugin that changed since is refused. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <stdio.h>
#include <string.h>

/* "layer=hash layer=hash" as {"layer": "hash"}. */
json_t *lp_constants_json(const lp_arm *arm) {
  json_t *all = json_object();
  for (const char *p = arm->priors; p && *p; p += strspn(p, " ")) {
    size_t name = strcspn(p, "="), pair = strcspn(p, " ");
    char layer[256];
    snprintf(layer, sizeof layer, "%.*s", (int)name, p);
    json_object_set_new(all, layer, json_stringn(p + name + 1, pair - name - 1));
    p += pair;
  }
  return all;
}

static const json_t *arm_named(const json_t *manifest, const char *name) {
  size_t i;
  const json_t *a;
  json_array_foreach(json_object_get(manifest, "arms"), i, a) {
    const char *other = json_string_value(json_object_get(a, "name"));
    if (other && strcmp(other, name) == 0) return a;
  }
  return NULL;
}

lp_status lp_priors_check(const json_t *manifest, const lp_experiment *x) {
  for (uint32_t i = 0; i < x->n_arms; i++) {
    const lp_arm *arm = &x->arms[i];
    json_t *then = json_object_get(arm_named(manifest, arm->name), "constants"), *hash;
    if (!json_is_object(then)) continue; /* of 0.1, which did not write them */
    char text[4096] = "";
    const char *layer;
    json_object_foreach(then, layer, hash)
        lp_text_add(text, sizeof text, "%s%s=%s", *text ? " " : "", layer,
                    json_is_string(hash) ? json_string_value(hash) : "");
    lp_status status = lp_priors_compare(text, arm->priors, NULL, arm->layer);
    if (status != LP_OK) return lp_fail_in(status, "arm %s", arm->name);
  }
  return LP_OK;
}
