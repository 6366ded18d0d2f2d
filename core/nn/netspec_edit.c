/* A network with one thing changed: a knob, a layer, a layer's parameter. */
#include "netspec.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "network: out of memory");
}

/* "kind:a=1,b=2" with key=value; malloc'ed, NULL out of memory. */
static char *spec_with(const char *spec, const char *key, const char *value) {
  char *out = NULL, *copy = strdup(spec);
  size_t size, len = strlen(key);
  FILE *f = copy ? open_memstream(&out, &size) : NULL;
  if (!f) {
    free(copy);
    return NULL;
  }
  char *rest = strchr(copy, ':');
  if (rest) *rest++ = '\0';
  fputs(copy, f);
  char sign = ':';
  for (char *token; (token = lp_next_token(&rest));) {
    if (strncmp(token, key, len) == 0 && token[len + strspn(token + len, " ")] == '=') continue;
    fprintf(f, "%c%s", sign, token);
    sign = ',';
  }
  fprintf(f, strpbrk(value, ",()") ? "%c%s=(%s)" : "%c%s=%s", sign, key, value);
  free(copy);
  if (fclose(f) == 0) return out;
  free(out);
  return NULL;
}

static lp_status put(char **field, char *text) {
  if (!text) return no_memory();
  free(*field);
  *field = text;
  return LP_OK;
}

static lp_status unknown_key(const lp_netspec *n, const char *key, size_t layer_part) {
  uint32_t count = 0;
  const char **names = calloc(n->n_knobs + n->n_layers + 1, sizeof *names);
  char word[128];
  if (!names) return no_memory();
  snprintf(word, sizeof word, "%.*s", (int)layer_part, key);
  for (uint32_t i = 0; i < n->n_knobs && !key[layer_part]; i++) names[count++] = n->knob[i].name;
  for (uint32_t i = 0; i < n->n_layers; i++) names[count++] = n->layer[i].name;
  lp_status status = lp_fail(LP_ERR_NOT_FOUND, "network %s has no %s named '%s'%s", n->name,
                             key[layer_part] ? "layer" : "layer or knob", word,
                             lp_did_you_mean_or(word, names, count).text);
  free(names);
  return status;
}

/* A layer's own field of that name; NULL: it is a parameter of its spec. */
static char **field_of(lp_layerspec *w, const char *param) {
  if (strcmp(param, "sheet") == 0) return &w->sheet;
  if (strcmp(param, "record") == 0) return &w->record;
  return NULL;
}

static lp_status set_layer(lp_netspec *n, const lp_netspec *from, uint32_t i, const char *param,
                           const char *value) {
  lp_layerspec *w = &n->written[i];
  char **field = param ? field_of(w, param) : &w->spec;
  if (field) return put(field, strdup(value));
  /* of the spec as it stands: a parameter of $layer is one of the layer that $layer names */
  return put(&w->spec, spec_with(from->layer[i].spec, param, value));
}

static lp_status set_key(lp_netspec *n, const lp_netspec *from, const char *key,
                         const char *value) {
  for (uint32_t i = 0; i < n->n_knobs; i++)
    if (strcmp(n->knob[i].name, key) == 0) return put(&n->knob[i].value, strdup(value));
  size_t len = strcspn(key, ".");
  for (uint32_t i = 0; i < n->n_layers; i++)
    if (strncmp(from->layer[i].name, key, len) == 0 && !from->layer[i].name[len])
      return set_layer(n, from, i, key[len] ? key + len + 1 : NULL, value);
  return unknown_key(from, key, len);
}

bool lp_netspec_has(const lp_netspec *n, const char *key) {
  if (lp_netspec_knob(n, key)) return true;
  size_t len = strcspn(key, ".");
  uint32_t i = 0;
  while (i < n->n_layers &&
         (strncmp(n->layer[i].name, key, len) != 0 || n->layer[i].name[len] != '\0'))
    i++;
  if (i == n->n_layers || !key[len]) return i < n->n_layers;
  if (field_of(&n->layer[i], key + len + 1)) return true;
  char *kind = strndup(n->layer[i].spec, strcspn(n->layer[i].spec, ":"));
  const lp_entry *e = kind ? lp_entry_find(LP_KIND_LAYER, lp_trim(kind)) : NULL;
  free(kind);
  for (uint32_t k = 0; e && k < e->n_params; k++)
    if (strcmp(e->params[k].name, key + len + 1) == 0) return true;
  return false;
}

/* A copy of what was written, unfinished. */
static lp_netspec *copy_written(const lp_netspec *n) {
  bool ok = true;
  lp_netspec *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->name = lp_copy_or_null(n->name, &ok);
  c->where = lp_copy_or_null(n->where, &ok);
  c->summary = lp_copy_or_null(n->summary, &ok);
  c->size = n->size, c->resize = n->resize;
  c->knob = calloc(n->n_knobs + 1, sizeof *c->knob);
  c->written = calloc(n->n_layers + 1, sizeof *c->written);
  if (c->knob) c->n_knobs = n->n_knobs;
  if (c->written) c->n_layers = n->n_layers;
  ok = ok && c->knob && c->written;
  for (uint32_t i = 0; i < c->n_knobs; i++) {
    c->knob[i].name = lp_copy_or_null(n->knob[i].name, &ok);
    c->knob[i].value = lp_copy_or_null(n->knob[i].value, &ok);
  }
  for (uint32_t i = 0; i < c->n_layers; i++) {
    const lp_layerspec *a = &n->written[i];
    lp_layerspec *b = &c->written[i];
    /* Names that were counted stay: another layer's change must not move them. */
    b->name = lp_copy_or_null(a->name ? a->name : n->layer[i].name, &ok);
    b->spec = lp_copy_or_null(a->spec, &ok);
    b->sheet = lp_copy_or_null(a->sheet, &ok);
    b->record = lp_copy_or_null(a->record, &ok);
    b->line = a->line;
    b->from = a->n_from ? calloc(a->n_from, sizeof *b->from) : NULL;
    if (b->from) b->n_from = a->n_from;
    ok = ok && (b->from || !a->n_from);
    for (uint32_t k = 0; k < b->n_from; k++) b->from[k] = lp_copy_or_null(a->from[k], &ok);
  }
  if (ok) return c;
  lp_netspec_free(c);
  return NULL;
}

lp_status lp_netspec_copy(const lp_netspec *n, lp_netspec **out) {
  *out = copy_written(n);
  if (!*out) return no_memory();
  lp_status status = lp_netspec_finish(*out);
  if (status == LP_OK) return LP_OK;
  lp_netspec_free(*out);
  *out = NULL;
  return status;
}

lp_status lp_netspec_with(const lp_netspec *n, const char *key, const char *value,
                          lp_netspec **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  lp_netspec *c = copy_written(n);
  if (!c) return no_memory();
  lp_status status = set_key(c, n, key, value);
  if (status == LP_OK) {
    status = lp_netspec_finish(c);
    if (status != LP_OK) lp_fail_in(status, "%s=%s", key, value);
  }
  if (status == LP_OK)
    *out = c;
  else
    lp_netspec_free(c);
  return status;
}
