/* A run that gets more arms or seeds than it had: which may come, and the manifest that tells of
 * them. What is there stays. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct lp_arm_list {
  lp_arm *arm;
  uint32_t n;
} lp_arm_list;

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "add-arms: out of memory");
}

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static const lp_arm *find(const lp_arm_list *all, const char *name) {
  for (uint32_t i = 0; i < all->n; i++)
    if (strcmp(all->arm[i].name, name) == 0) return &all->arm[i];
  return NULL;
}

static bool same_content(const lp_arm *a, const lp_arm *b) {
  return strcmp(a->layer, b->layer) == 0 && same_text(a->set, b->set);
}

/* Appends one item, which was not cut up yet, unless the folder has that arm. */
static lp_status add_item(const char *dir, const lp_arm_list *old, const char *item, FILE *all) {
  lp_arm_list own = {0};
  lp_status status = lp_arms_parse(item, &own.arm, &own.n);
  const lp_arm *before = status == LP_OK ? find(old, own.arm[0].name) : NULL;
  if (before && !same_content(before, own.arm))
    status = lp_fail(LP_ERR_ARG,
                     "add-arms: %s has an arm '%s' already, with another content, and it stays; "
                     "give the new one a name of its own: NAME=(...)",
                     dir, before->name);
  else if (status == LP_OK && !before)
    fprintf(all, ",%s", item);
  lp_arms_free(own.arm, own.n);
  return status;
}

/* old's text with what `add` has besides; malloc'ed. */
static lp_status join(const char *dir, const char *text, const lp_arm_list *old, const char *add,
                      char **out) {
  size_t size;
  char *copy = strdup(add), *rest = copy;
  FILE *all = copy ? open_memstream(out, &size) : NULL;
  if (!all) {
    free(copy);
    return out_of_memory();
  }
  fputs(text, all);
  lp_status status = lp_balanced(add)
                         ? LP_OK
                         : lp_fail(LP_ERR_ARG, "add-arms: parentheses do not match in '%s'", add);
  for (char *item; status == LP_OK && (item = lp_next_token(&rest));)
    status = add_item(dir, old, item, all);
  free(copy);
  return fclose(all) == 0 || status != LP_OK ? status : out_of_memory();
}

lp_status lp_extend_arms(const lp_run_folder *folder, const char *add, lp_settings *s) {
  lp_arm_list old = {0}, all = {0};
  char *text = NULL;
  lp_status status = lp_registry_load();
  if (status == LP_OK) status = lp_arms_parse(lp_setting_text(s, "arms"), &old.arm, &old.n);
  if (status == LP_OK) status = join(folder->dir, lp_setting_text(s, "arms"), &old, add, &text);
  if (status == LP_OK) status = lp_arms_parse(text, &all.arm, &all.n);
  /* What the others are compared with stays: a plain arm that comes does not take its place, nor
   * do the cells of what was a sweep's only arm. */
  if (status == LP_OK && old.n == 1 && folder->n_axes && !*lp_setting_text(s, "reference"))
    status = lp_settings_set(s, "reference", folder->arm[folder->reference].name);
  const char *reference = lp_setting_text(s, "reference");
  uint32_t before = lp_arms_reference(old.arm, old.n, reference);
  if (status == LP_OK && before < old.n && lp_arms_reference(all.arm, all.n, reference) != before)
    status = lp_settings_set(s, "reference", old.arm[before].name);
  if (status == LP_OK) status = lp_settings_set(s, "arms", text);
  lp_arms_free(old.arm, old.n);
  lp_arms_free(all.arm, all.n);
  free(text);
  return status;
}

/* ---- the manifest -------------------------------------------------------------------------- */

static json_t *entry_of(const json_t *arms, const char *name) {
  size_t i;
  json_t *arm;
  json_array_foreach(arms, i, arm) {
    const char *other = json_string_value(json_object_get(arm, "name"));
    if (other && strcmp(other, name) == 0) return arm;
  }
  return NULL;
}

lp_status lp_extend_check(const lp_run_folder *folder, const lp_experiment *x) {
  const lp_arm_list now = {x->arms, x->n_arms};
  const json_t *entries = json_object_get(folder->manifest, "arms");
  for (uint32_t i = 0; i < folder->n_arms; i++) {
    const lp_run_arm *then = &folder->arm[i];
    const lp_arm *arm = find(&now, then->name);
    const char *set = json_string_value(json_object_get(json_array_get(entries, i), "set"));
    if (!arm || !same_text(arm->set, set))
      return lp_fail(LP_ERR_ARG, "sweep: %s has a cell '%s', which stays, but it is not in '%s'",
                     folder->dir, then->name, lp_setting_text(x->settings, "sweep"));
    if (i == 0 && arm != x->arms)
      return lp_fail(LP_ERR_ARG, "sweep: values that %s gets come after those that it has",
                     folder->dir);
    const char *other = x->arms[arm->reference].name, *before = folder->arm[then->reference].name;
    if (strcmp(other, before) != 0)
      return lp_fail(LP_ERR_ARG, "%s: %s would be compared with %s, not with %s as it is",
                     folder->dir, then->name, other, before);
  }
  return LP_OK;
}

/* Is the folder one of 0.1, whose entries of arms are others than those of today? */
static bool is_old(const json_t *root) {
  return json_integer_value(json_object_get(root, "schema")) < LP_RUN_SCHEMA;
}

/* The manifest's entries and new ones in x's order; the names of the new ones. */
static json_t *arms_now(const lp_experiment *x, const json_t *root, json_t *added) {
  const json_t *before = json_object_get(root, "arms");
  json_t *all = json_array();
  for (uint32_t i = 0; i < x->n_arms; i++) {
    json_t *entry = entry_of(before, x->arms[i].name);
    if (!entry) json_array_append_new(added, json_string(x->arms[i].name));
    json_array_append_new(all, entry && !is_old(root) ? json_incref(entry)
                                                      : lp_manifest_arm(x, &x->arms[i]));
  }
  return all;
}

static json_t *new_seeds(const lp_experiment *x, const json_t *before) {
  json_t *all = lp_manifest_seeds(x), *added = json_array(), *seed;
  size_t i;
  json_array_foreach(all, i, seed) {
    size_t k = 0;
    while (k < json_array_size(before) && !json_equal(json_array_get(before, k), seed)) k++;
    if (k == json_array_size(before)) json_array_append(added, seed);
  }
  json_decref(all);
  return added;
}

/* Another program can have added to the folder since it was read. */
static bool holds_more(const json_t *root, const lp_experiment *x, size_t arms, size_t seeds) {
  return json_array_size(json_object_get(root, "arms")) + arms != x->n_arms ||
         json_array_size(json_object_get(root, "seeds")) + seeds != x->info.n_seeds;
}

/* Those that say what there is; the others stay as they were given. */
static int set_options(json_t *options, const lp_settings *s) {
  static const char *const name[] = {"arms", "reference", "seeds", "sweep"};
  json_t *now = lp_manifest_settings(s);
  int bad = 0;
  for (size_t i = 0; i < sizeof name / sizeof *name; i++)
    bad |= json_object_set(options, name[i], json_object_get(now, name[i]));
  json_decref(now);
  return bad;
}

/* Sites and headline, which the entries of arms go with. */
static int renew_sites(json_t *root, const lp_experiment *x) {
  json_object_del(root, "sheet");
  return json_object_set(root, "sites", x->arms[0].sites) |
         json_object_set_new(root, "headline", json_string(x->info.headline)) |
         json_object_set_new(root, "schema", json_integer(LP_RUN_SCHEMA));
}

static lp_status note(json_t *root, const lp_experiment *x, json_t *arms, json_t *seeds,
                      json_t *entries, const char *const *command, uint32_t n_command) {
  char now[32];
  lp_manifest_now(now);
  json_t *all = json_object_get(root, "extended");
  if (!all) json_object_set_new(root, "extended", all = json_array());
  bool bad =
      json_array_append_new(
          all, json_pack("{s:s, s:s, s:o, s:O, s:O}", "time", now, "version", LP_VERSION, "command",
                         lp_manifest_words(command, n_command), "arms", arms, "seeds", seeds)) != 0;
  if (is_old(root)) bad |= renew_sites(root, x) != 0;
  if (x->n_axes) bad |= json_object_set_new(root, "sweep", lp_manifest_sweep(x)) != 0;
  bad |= json_object_set(root, "arms", entries) != 0;
  bad |= json_object_set_new(root, "seeds", lp_manifest_seeds(x)) != 0;
  bad |= set_options(json_object_get(root, "options"), x->settings) != 0;
  return bad ? lp_fail(LP_ERR_MEMORY, "%s: out of memory", x->dir) : lp_manifest_replace(x, root);
}

lp_status lp_extend_manifest(const lp_experiment *x, const char *const *command,
                             uint32_t n_command) {
  json_t *root;
  lp_status status = lp_run_json(x->dir, LP_RUN_MANIFEST, &root);
  if (status != LP_OK) return status;
  json_t *arms = json_array(), *entries = arms_now(x, root, arms);
  json_t *seeds = new_seeds(x, json_object_get(root, "seeds"));
  const size_t n_arms = json_array_size(arms), n_seeds = json_array_size(seeds);
  if (holds_more(root, x, n_arms, n_seeds))
    status = lp_fail(LP_ERR_ARG, "%s: another program added to it; try again", x->dir);
  else if (n_arms || n_seeds)
    status = note(root, x, arms, seeds, entries, command, n_command);
  json_decref(arms);
  json_decref(entries);
  json_decref(seeds);
  json_decref(root);
  return status;
}
