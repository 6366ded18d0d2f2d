/* A manifest of schema 1 (0.1) as one of schema 2: its networks had one layer under study, `lp`,
 * two sites on the layer's one sheet, and a prior where that layer has a parameter `cost`. */
#include "run_internal.h"

#include "../base/text.h"

#include <stdlib.h>
#include <string.h>

/* The value of a parameter in "locality:cost=linear,topology=grid"; "" when it is not there. text
 * is a copy to cut up. */
static const char *argument(char *text, const char *name) {
  char *rest = strchr(text, ':');
  if (!rest) return "";
  rest++;
  for (char *token; (token = lp_next_token(&rest));) {
    char *equals = strchr(token, '=');
    if (!equals) continue;
    *equals = '\0';
    if (strcmp(lp_trim(token), name) == 0) return lp_unwrap(lp_trim(equals + 1));
  }
  return "";
}

static json_t *argument_json(const char *layer, const char *name) {
  char *copy = strdup(layer);
  json_t *value = copy ? json_string(argument(copy, name)) : NULL;
  free(copy);
  return value;
}

/* A topology of one axis had its units in a row, one of two axes on the sheet: it decides itself.
 */
static int give_prior(json_t *arm, json_t *sheet) {
  static const char *const key[] = {"cost", "topology", "metric", "normalize"};
  const char *layer = lp_run_text(arm, "layer", "");
  const json_int_t units =
      json_integer_value(json_array_get(sheet, 0)) * json_integer_value(json_array_get(sheet, 1));
  json_t *hashes = json_object_get(arm, "priors"), *priors = json_array();
  json_t *prior =
      json_pack("{s:s, s:s, s:{s:I, s:I}, s:{s:O, s:O}}", "layer", "lp", "from", "", "units", "out",
                units, "in", units, "extents", "out", sheet, "in", sheet);
  int bad = !prior || (hashes && json_object_set(arm, "constants", hashes));
  for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
    json_t *value = argument_json(layer, key[i]);
    bad |= !value;
    if (value && *json_string_value(value)) bad |= json_object_set(prior, key[i], value);
    json_decref(value);
  }
  if (json_object_get(prior, "cost")) bad |= json_array_append(priors, prior);
  json_decref(prior);
  return bad | json_object_set_new(arm, "priors", priors);
}

lp_status lp_run_from_schema_1(lp_run_folder *r) {
  json_t *root = r->manifest, *sheet = json_object_get(root, "sheet"), *arm;
  const json_int_t most = 1 << 24, rows = json_integer_value(json_array_get(sheet, 0)),
                   cols = json_integer_value(json_array_get(sheet, 1));
  if (json_array_size(sheet) != 2 || rows < 1 || cols < 1 || rows > most || cols > most / rows)
    return lp_run_bad_manifest(r, "\"sheet\" is not [rows, columns]");
  json_t *sites = json_pack("[{s:s, s:s, s:O}, {s:s, s:s, s:O}]", "name", "lp_in", "layer", "",
                            "sheet", sheet, "name", "lp_out", "layer", "lp", "sheet", sheet);
  int bad = json_object_set_new(root, "sites", sites);
  bad |= json_object_set_new(root, "headline", json_string("lp_out"));
  bad |= json_object_set_new(root, "schema", json_integer(LP_RUN_SCHEMA));
  size_t i;
  json_array_foreach(json_object_get(root, "arms"), i, arm) {
    if (json_is_object(arm)) bad |= give_prior(arm, sheet);
  }
  return bad ? lp_run_out_of_memory(r->dir) : LP_OK;
}
