/* Sweeps: "lp.cost=linear,sqrt,decay=0,1e-3" as axes. An item that begins KEY= begins an axis, the
 * others are more values of it; a value that holds commas, and the values of an axis as a whole,
 * may stand in parentheses. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "sweep: out of memory");
}

static lp_status add_value(lp_axis *axis, const char *value) {
  if (!*value) return lp_fail(LP_ERR_ARG, "sweep: a value of %s is empty", axis->key);
  for (uint32_t i = 0; i < axis->n_values; i++)
    if (strcmp(axis->value[i], value) == 0)
      return lp_fail(LP_ERR_ARG, "sweep: %s has the value %s twice", axis->key, value);
  if (axis->n_values == LP_MOST_CELLS)
    return lp_fail(
        LP_ERR_ARG,
        "sweep: %s has more than %d values, each of which is trained once an arm and seed; "
        "take fewer",
        axis->key, LP_MOST_CELLS);
  char **grown = realloc(axis->value, (axis->n_values + 1) * sizeof *grown);
  if (!grown) return out_of_memory();
  axis->value = grown;
  grown[axis->n_values] = strdup(value);
  return grown[axis->n_values++] ? LP_OK : out_of_memory();
}

/* Values without the parentheses around one of them. */
static lp_status add_values(lp_axis *axis, char *list) {
  lp_status status = LP_OK;
  for (char *value; status == LP_OK && (value = lp_next_token(&list));)
    status = add_value(axis, lp_unwrap(value));
  return status;
}

static lp_status begin_axis(lp_axis **axes, uint32_t *n, const char *key) {
  if (!*key) return lp_fail(LP_ERR_ARG, "sweep: a key is empty; write KEY=VALUE,VALUE,...");
  for (uint32_t i = 0; i < *n; i++)
    if (strcmp((*axes)[i].key, key) == 0)
      return lp_fail(LP_ERR_ARG, "sweep: %s is there twice", key);
  if (*n == LP_MOST_AXES)
    return lp_fail(LP_ERR_ARG, "sweep: it has more than %d keys", LP_MOST_AXES);
  lp_axis *grown = realloc(*axes, (*n + 1) * sizeof *grown);
  if (!grown) return out_of_memory();
  *axes = grown;
  grown[*n] = (lp_axis){.key = strdup(key)};
  return grown[(*n)++].key ? LP_OK : out_of_memory();
}

static bool begins_axis(const char *item) {
  return item[strcspn(item, "=:(")] == '=';
}

/* text is cut up. */
static lp_status read_axes(char *text, lp_axis **axes, uint32_t *n) {
  lp_status status = LP_OK;
  char *item = lp_next_token(&text), *next;
  for (; item && status == LP_OK; item = next) {
    if (!begins_axis(item))
      return lp_fail(LP_ERR_ARG, "sweep: '%s' is not KEY=VALUE,VALUE,...", item);
    char *values = strchr(item, '=');
    *values++ = '\0';
    values = lp_trim(values);
    next = lp_next_token(&text);
    bool alone = !next || begins_axis(next);
    if (alone) values = lp_unwrap(values);
    status = begin_axis(axes, n, lp_trim(item));
    if (status == LP_OK && alone && !*values)
      return lp_fail(LP_ERR_ARG, "sweep: %s has no values", (*axes)[*n - 1].key);
    if (status == LP_OK) status = add_values(&(*axes)[*n - 1], values);
    for (; status == LP_OK && next && !begins_axis(next); next = lp_next_token(&text))
      status = add_value(&(*axes)[*n - 1], lp_unwrap(next));
  }
  return status;
}

/* "cost" of "lp.cost", unless another key ends so too. */
static void label_axes(lp_axis *axes, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    const char *dot = strrchr(axes[i].key, '.'), *label = dot ? dot + 1 : axes[i].key;
    uint32_t same = 0;
    for (uint32_t k = 0; k < n; k++) {
      const char *other = strrchr(axes[k].key, '.');
      same += strcmp(label, other ? other + 1 : axes[k].key) == 0;
    }
    axes[i].label = same == 1 ? label : axes[i].key;
  }
}

lp_status lp_sweep_parse(const char *text, lp_axis **axes, uint32_t *n) {
  *axes = NULL;
  *n = 0;
  if (!lp_balanced(text))
    return lp_fail(LP_ERR_ARG, "sweep: parentheses do not match in '%s'", text);
  char *copy = strdup(text), *trimmed = copy ? lp_trim(copy) : NULL;
  if (!copy) return out_of_memory();
  lp_status status = *trimmed ? read_axes(trimmed, axes, n) : LP_OK;
  free(copy);
  if (status == LP_OK) label_axes(*axes, *n);
  return status;
}

void lp_sweep_free(lp_axis *axes, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t k = 0; k < axes[i].n_values; k++) free(axes[i].value[k]);
    free(axes[i].value);
    free(axes[i].key);
  }
  free(axes);
}
