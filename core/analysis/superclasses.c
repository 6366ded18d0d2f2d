/* A file of superclasses: a line a class, "class,superclass". */
#include "run.h"

#include "../base/text.h"

#include <locality/io.h>
#include <stdlib.h>
#include <string.h>

/* Without quotes around the whole. */
static char *unquoted(char *text) {
  const size_t n = strlen(text);
  if (n < 2 || text[0] != '"' || text[n - 1] != '"') return text;
  text[n - 1] = '\0';
  return text + 1;
}

static bool known(const char *const *names, uint32_t n, const char *name) {
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

/* The last comma divides: names of classes may hold some. */
static lp_status read_line(const char *path, uint32_t number, char *line,
                           const char *const *classes, uint32_t n, json_t *all) {
  char *comma = strrchr(line, ',');
  if (!*lp_trim(line)) return LP_OK;
  if (!comma) return lp_fail(LP_ERR_FORMAT, "%s:%u: a line is class,superclass", path, number);
  *comma = '\0';
  const char *name = unquoted(lp_trim(line)), *super = unquoted(lp_trim(comma + 1));
  if (!*super) return lp_fail(LP_ERR_FORMAT, "%s:%u: there is no superclass", path, number);
  if (!known(classes, n, name))
    return lp_fail(LP_ERR_FORMAT, "%s:%u: the data have no class '%s'%s", path, number, name,
                   lp_did_you_mean(name, classes, n).text);
  if (json_object_get(all, name))
    return lp_fail(LP_ERR_FORMAT, "%s:%u: class '%s' is there twice", path, number, name);
  return json_object_set_new(all, name, json_string(super)) == 0
             ? LP_OK
             : lp_fail(LP_ERR_FORMAT, "%s:%u: not UTF-8 text", path, number);
}

lp_status lp_superclasses_read(const char *path, const char *const *classes, uint32_t n,
                               json_t **out) {
  char *text = NULL;
  size_t size;
  *out = NULL;
  lp_status s = lp_read_file(path, (void **)&text, &size);
  if (s != LP_OK) return s;
  json_t *all = json_object();
  uint32_t number = 0;
  if (!all) s = lp_fail(LP_ERR_MEMORY, "out of memory for %s", path);
  for (char *rest = text, *line; s == LP_OK && (line = strsep(&rest, "\n"));)
    s = read_line(path, ++number, line, classes, n, all);
  for (uint32_t i = 0; s == LP_OK && i < n; i++)
    if (!json_object_get(all, classes[i]))
      s = lp_fail(LP_ERR_FORMAT, "%s: class '%s' is missing", path, classes[i]);
  free(text);
  if (s != LP_OK) json_decref(all);
  if (s == LP_OK) *out = all;
  return s;
}

/* Numbers superclasses by their first class. */
static lp_status number_them(analysis *a, const json_t *all) {
  a->superclass = calloc((size_t)a->n_classes + 1, sizeof *a->superclass);
  if (!a->superclass) return lp_fail(LP_ERR_MEMORY, "out of memory for %u classes", a->n_classes);
  for (uint32_t i = 0; i < a->n_classes; i++) {
    const char *own = json_string_value(json_object_get(all, a->class_name[i]));
    if (!own)
      return lp_fail(LP_ERR_FORMAT, "%s/" LP_RUN_MANIFEST ": class \"%s\" has no superclass",
                     a->dir, a->class_name[i]);
    uint32_t k = 0;
    while (k < i && strcmp(json_string_value(json_object_get(all, a->class_name[k])), own) != 0)
      k++;
    a->superclass[i] = k < i ? a->superclass[k] : a->n_superclasses++;
  }
  return LP_OK;
}

lp_status lp_find_superclasses(analysis *a, const char *path) {
  json_t *read = NULL;
  const json_t *all = json_object_get(a->folder->manifest, "superclasses");
  lp_status s = LP_OK;
  if (path && *path) {
    s = lp_superclasses_read(path, a->class_name, a->n_classes, &read);
    all = read;
  }
  if (s == LP_OK && json_is_object(all)) s = number_them(a, all);
  json_decref(read);
  return s;
}
