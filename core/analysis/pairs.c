/* What is compared with what: every arm with its reference, and named contrasts of two arms. */
#include "run.h"

#include "../base/text.h"

#include <stdlib.h>
#include <string.h>

static lp_status add(analysis *a, arm_pair p) {
  arm_pair *grown = realloc(a->pair, sizeof *grown * (a->n_pairs + 1));
  if (grown) a->pair = grown;
  if (!grown || !p.name) {
    free(p.name);
    return lp_fail(LP_ERR_MEMORY, "out of memory for %u comparisons", a->n_pairs + 1);
  }
  a->pair[a->n_pairs++] = p;
  return LP_OK;
}

static lp_status find_arm(const analysis *a, const char *contrast, const char *name,
                          uint32_t *index) {
  const char **names = malloc(sizeof *names * a->n_arms);
  if (!names) return lp_fail(LP_ERR_MEMORY, "out of memory for %u arms", a->n_arms);
  uint32_t i = 0;
  for (uint32_t k = 0; k < a->n_arms; k++) names[k] = a->arm[k].name;
  while (i < a->n_arms && strcmp(names[i], name) != 0) i++;
  *index = i;
  lp_status s = i < a->n_arms ? LP_OK
                              : lp_fail(LP_ERR_ARG, "contrast %s: %s has no arm '%s'%s", contrast,
                                        a->dir, name, lp_did_you_mean_or(name, names, i).text);
  free(names);
  return s;
}

static lp_status add_contrast(analysis *a, const char *item, bool planned) {
  lp_contrast c;
  lp_status s = lp_contrast_parse(item, &c);
  if (s != LP_OK) return s;
  arm_pair p = {.planned = planned};
  s = find_arm(a, c.name, c.arm, &p.arm);
  if (s == LP_OK) s = find_arm(a, c.name, c.other, &p.other);
  for (uint32_t i = 0; s == LP_OK && i < a->n_pairs; i++)
    if (strcmp(a->pair[i].name, c.name) == 0)
      s = lp_fail(LP_ERR_ARG, "contrast %s is there twice", c.name);
  if (s == LP_OK) {
    p.name = strdup(c.name);
    s = add(a, p);
  }
  lp_contrast_free(&c);
  return s;
}

static lp_status add_list(analysis *a, const char *list, bool planned) {
  if (!list) return LP_OK;
  char *text = strdup(list), *rest = text, *token;
  lp_status s = text ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for contrasts");
  while (s == LP_OK && (token = lp_next_token(&rest)))
    if (*token) s = add_contrast(a, token, planned);
  free(text);
  return s;
}

lp_status lp_find_pairs(analysis *a, const char *contrasts) {
  const json_t *options = json_object_get(a->folder->manifest, "options");
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++)
    if (!lp_is_reference(a, i)) s = add(a, (arm_pair){i, a->arm[i].reference, strdup(""), true});
  if (s == LP_OK) s = add_list(a, json_string_value(json_object_get(options, "contrasts")), true);
  return s == LP_OK ? add_list(a, contrasts, false) : s;
}

void lp_forget_pairs(analysis *a) {
  for (uint32_t i = 0; i < a->n_pairs; i++) free(a->pair[i].name);
  free(a->pair);
}

/* ---- "NAME=ARM:ARM" ------------------------------------------------------------------------- */

lp_status lp_contrast_parse(const char *item, lp_contrast *out) {
  *out = (lp_contrast){0};
  const char *equals = strchr(item, '='), *colon = equals ? strchr(equals, ':') : NULL;
  if (!equals || equals == item || !colon || colon == equals + 1 || !colon[1] ||
      strchr(colon + 1, ':'))
    return lp_fail(LP_ERR_ARG, "contrast '%s': it is NAME=ARM:ARM, as in order=linear:permuted",
                   item);
  out->name = strndup(item, (size_t)(equals - item));
  out->arm = strndup(equals + 1, (size_t)(colon - equals - 1));
  out->other = strdup(colon + 1);
  lp_status s = LP_OK;
  if (!out->name || !out->arm || !out->other)
    s = lp_fail(LP_ERR_MEMORY, "out of memory for contrasts");
  else if (strcmp(out->arm, out->other) == 0)
    s = lp_fail(LP_ERR_ARG, "contrast '%s' is of an arm with itself", item);
  if (s != LP_OK) lp_contrast_free(out);
  return s;
}

void lp_contrast_free(lp_contrast *c) {
  free(c->name);
  free(c->arm);
  free(c->other);
  *c = (lp_contrast){0};
}
