/* Which arm each is compared with, and the cells of a sweep. */
#include "run_internal.h"

#include <stdlib.h>
#include <string.h>

static lp_status bad(const lp_run_folder *r, const char *what) {
  return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": \"sweep\": %s", r->dir, what);
}

static lp_status read_axis(lp_run_folder *r, const json_t *entry, lp_run_axis *axis) {
  const json_t *values = json_object_get(entry, "values");
  axis->key = json_string_value(json_object_get(entry, "key"));
  axis->label = json_string_value(json_object_get(entry, "label"));
  const size_t n = json_array_size(values);
  if (!axis->key || n == 0 || n > INT32_MAX)
    return bad(r, "an axis needs a \"key\" and \"values\"");
  if (!axis->label) axis->label = axis->key;
  axis->value = calloc(n, sizeof *axis->value);
  if (!axis->value) return lp_run_out_of_memory(r->dir);
  axis->n_values = (uint32_t)n;
  for (size_t i = 0; i < n; i++) {
    axis->value[i] = json_string_value(json_array_get(values, i));
    if (!axis->value[i]) return bad(r, "a value is no text");
  }
  return LP_OK;
}

/* Numbers of an arm's values; -1 where the axis does not change it. */
static lp_status read_cell(lp_run_folder *r, const json_t *entry, lp_run_arm *arm) {
  const json_t *cell = json_object_get(entry, "cell");
  arm->base = json_string_value(json_object_get(entry, "base"));
  if (!arm->base) arm->base = arm->name;
  arm->cell = calloc(r->n_axes + 1, sizeof *arm->cell);
  if (!arm->cell) return lp_run_out_of_memory(r->dir);
  for (uint32_t i = 0; i < r->n_axes; i++) {
    const lp_run_axis *axis = &r->axis[i];
    const char *value = json_string_value(json_object_get(cell, axis->key));
    uint32_t k = 0;
    while (value && k < axis->n_values && strcmp(axis->value[k], value) != 0) k++;
    if (value && k == axis->n_values)
      return lp_fail(LP_ERR_FORMAT,
                     "%s/" LP_RUN_MANIFEST ": %s of arm \"%s\" is '%s', which the sweep has not",
                     r->dir, axis->key, arm->name, value);
    arm->cell[i] = value ? (int32_t)k : -1;
  }
  return LP_OK;
}

static lp_status read_reference(const lp_run_folder *r, const json_t *entry, lp_run_arm *arm) {
  const char *name = json_string_value(json_object_get(entry, "reference"));
  arm->reference = r->reference;
  if (!name) return LP_OK;
  uint32_t i = 0;
  while (i < r->n_arms && strcmp(r->arm[i].name, name) != 0) i++;
  if (i == r->n_arms)
    return lp_fail(LP_ERR_FORMAT,
                   "%s/" LP_RUN_MANIFEST ": the reference \"%s\" of arm \"%s\" is not one of them",
                   r->dir, name, arm->name);
  arm->reference = i;
  return LP_OK;
}

lp_status lp_run_read_sweep(lp_run_folder *r) {
  const json_t *sweep = json_object_get(r->manifest, "sweep"),
               *arms = json_object_get(r->manifest, "arms");
  const size_t n = json_array_size(sweep);
  if (n > 64) return bad(r, "too many axes");
  r->axis = calloc(n + 1, sizeof *r->axis);
  if (!r->axis) return lp_run_out_of_memory(r->dir);
  lp_status s = LP_OK;
  for (size_t i = 0; i < n && s == LP_OK; i++) {
    r->n_axes++;
    s = read_axis(r, json_array_get(sweep, i), &r->axis[i]);
  }
  for (uint32_t i = 0; i < r->n_arms && s == LP_OK; i++) {
    s = read_cell(r, json_array_get(arms, i), &r->arm[i]);
    if (s == LP_OK) s = read_reference(r, json_array_get(arms, i), &r->arm[i]);
  }
  for (uint32_t i = 0; i < r->n_arms && s == LP_OK; i++)
    if (r->arm[r->arm[i].reference].reference != r->arm[i].reference)
      s = lp_fail(LP_ERR_FORMAT,
                  "%s/" LP_RUN_MANIFEST ": the reference \"%s\" of arm \"%s\" has another one",
                  r->dir, r->arm[r->arm[i].reference].name, r->arm[i].name);
  return s;
}

void lp_run_free_sweep(lp_run_folder *r) {
  for (uint32_t i = 0; r->axis && i < r->n_axes; i++) free(r->axis[i].value);
  free(r->axis);
  for (uint32_t i = 0; r->arm && i < r->n_arms; i++) free(r->arm[i].cell);
}
