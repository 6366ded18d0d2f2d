/* Which measures an analysis takes: the standard ones, then those that were asked for. */
#include "run.h"

#include "../base/text.h"

#include <locality/registry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* By measure_id. */
static const char *const standard[N_STANDARD] = {
    [MEASURE_VARIANCE] = "variance",
    [MEASURE_VARIANCE_TORUS] = "variance_torus",
    [MEASURE_MORAN_I] = "moran_i",
    [MEASURE_GEARY_C] = "geary_c",
    [MEASURE_PARTICIPATION_RATIO] = "participation_ratio",
    [MEASURE_CENTROID_OFFSET] = "centroid_offset",
    [MEASURE_NEIGHBOUR_CORRELATION] = "neighbour_correlation",
};

static bool is_standard(const char *name) {
  for (int k = 0; k < N_STANDARD; k++)
    if (strcmp(standard[k], name) == 0) return true;
  return false;
}

const lp_entry *lp_measure_entry(uint32_t i) {
  if (lp_registry_load() != LP_OK) return NULL;
  if (i < N_STANDARD) return lp_entry_find(LP_KIND_MEASURE, standard[i]);
  i -= N_STANDARD;
  for (uint32_t k = 0; k < lp_entry_count(); k++) {
    const lp_entry *e = lp_entry_get(k);
    if (e->kind != LP_KIND_MEASURE || is_standard(e->name) ||
        (((const lp_measure *)e->descriptor)->flags & LP_MEASURE_ASKED))
      continue;
    if (i-- == 0) return e;
  }
  return NULL;
}

static bool selected(const analysis *a, const char *name) {
  for (uint32_t k = 0; k < a->n_measures; k++)
    if (strcmp(a->measure[k].name, name) == 0) return true;
  return false;
}

static lp_status add(analysis *a, const char *name, const lp_measure *row) {
  measure_row *grown = realloc(a->measure, sizeof *grown * (a->n_measures + 1));
  char *copy = strdup(name);
  if (grown) a->measure = grown;
  if (!grown || !copy) {
    free(copy);
    return lp_fail(LP_ERR_MEMORY, "out of memory for measures");
  }
  a->measure[a->n_measures++] = (measure_row){copy, row};
  return LP_OK;
}

static lp_status add_spec(analysis *a, const char *text) {
  lp_spec spec;
  if (selected(a, text)) return LP_OK;
  lp_status s = lp_spec_parse(LP_KIND_MEASURE, text, &spec);
  if (s != LP_OK) return lp_fail_in(s, "measures");
  s = add(a, text, spec.entry->descriptor);
  lp_spec_free(&spec);
  return s;
}

static lp_status add_all(analysis *a) {
  const lp_entry *e;
  lp_status s = LP_OK;
  for (uint32_t i = N_STANDARD; s == LP_OK && (e = lp_measure_entry(i)); i++)
    s = add(a, e->name, e->descriptor);
  return s;
}

/* Was any network shown gratings? */
static bool any_gratings(const analysis *a) {
  bool any = false;
  for (uint32_t i = 0; !any && i < a->n_arms * a->n_seeds; i++) {
    char *path =
        lp_run_path(a->dir, LP_RUN_GRATINGS, a->arm[i / a->n_seeds].name, a->seed[i % a->n_seeds]);
    any = path && access(path, R_OK) == 0;
    free(path);
  }
  return any;
}

/* Those whose labels are orientations. */
static lp_status add_tuning(analysis *a) {
  lp_status s = LP_OK;
  for (uint32_t k = 0; s == LP_OK && k < lp_entry_count(); k++) {
    const lp_entry *e = lp_entry_get(k);
    if (e->kind == LP_KIND_MEASURE &&
        (((const lp_measure *)e->descriptor)->flags & LP_MEASURE_ASKED))
      s = add_spec(a, e->name);
  }
  return s;
}

static lp_status add_list(analysis *a, const char *list) {
  char *text = strdup(list), *rest = text, *token;
  lp_status s = text ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory for measures");
  while (s == LP_OK && (token = lp_next_token(&rest))) s = add_spec(a, lp_unwrap(token));
  free(text);
  return s;
}

/* Primary measures of the plan are taken, whatever else is. */
static lp_status add_planned(analysis *a) {
  const json_t *given = json_object_get(a->folder->manifest, "plan"), *one;
  size_t i;
  lp_status s = LP_OK;
  json_array_foreach(json_object_get(given, "primary"), i, one) {
    const char *name = json_string_value(one);
    for (uint32_t k = N_STANDARD; s == LP_OK && name; k++) {
      const lp_entry *e = lp_measure_entry(k);
      if (!e) break;
      if (strcmp(e->name, name) == 0) s = add_spec(a, name);
    }
  }
  return s;
}

static bool is_word(const char *text) {
  return strcmp(text, "usual") == 0 || strcmp(text, "all") == 0 || strcmp(text, "none") == 0;
}

lp_status lp_measures_check(const char *text) {
  lp_status s = lp_registry_load();
  if (s != LP_OK || !*text || is_word(text)) return s;
  analysis a = {0};
  s = add_list(&a, text);
  lp_deselect_measures(&a);
  return s;
}

lp_status lp_select_measures(analysis *a, const char *text) {
  const json_t *options = json_object_get(a->folder->manifest, "options");
  if (!text || !*text) text = json_string_value(json_object_get(options, "measures"));
  if (!text || !*text) text = "usual";
  lp_status s = lp_registry_load();
  for (uint32_t k = 0; s == LP_OK && k < N_STANDARD; k++) {
    const lp_entry *e = lp_measure_entry(k);
    s = e ? add(a, e->name, e->descriptor) : LP_ERR_NOT_FOUND;
  }
  const bool usual = strcmp(text, "usual") == 0;
  a->effort = usual ? LP_MEASURE_BOUNDED : LP_MEASURE_LENIENT;
  a->gratings = any_gratings(a);
  if (s == LP_OK && (usual || strcmp(text, "all") == 0)) {
    s = add_all(a);
    if (s == LP_OK && a->gratings) s = add_tuning(a);
  } else if (s == LP_OK && strcmp(text, "none") != 0) {
    s = add_list(a, text);
  }
  return s == LP_OK ? add_planned(a) : s;
}

void lp_deselect_measures(analysis *a) {
  for (uint32_t k = 0; k < a->n_measures; k++) free(a->measure[k].name);
  free(a->measure);
}
