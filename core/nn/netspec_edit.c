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

/* A layer's own field of that name; NULL: another key, which is a parameter of its spec. */
static char **field_of(lp_layerspec *l, const char *name) {
  return strcmp(name, "sheet") == 0     ? &l->sheet
         : strcmp(name, "record") == 0  ? &l->record
         : strcmp(name, "penalty") == 0 ? &l->penalty
                                        : NULL;
}

static const char penalty_of[] = "penalty."; /* a layer, before its name; a parameter, behind it */
enum { PENALTY_OF = sizeof penalty_of - 1 };

static bool is_named(const char *name, const char *text, size_t len) {
  return name && strncmp(name, text, len) == 0 && !name[len];
}

/* The layer that a key means, n_layers when there is none, and what the key says behind it: "lp"
 * (""), "lp.cost" ("cost"), "lp.penalty" and "penalty.lp" ("penalty"), "penalty.lp.weight"
 * ("penalty.weight"). Behind "penalty." a layer may go by the site that it records. */
static uint32_t find_key(const lp_netspec *n, const char *key, char param[128]) {
  size_t len = strcspn(key, ".");
  uint32_t i = 0;
  while (i < n->n_layers && !is_named(n->layer[i].name, key, len)) i++;
  snprintf(param, 128, "%s", key[len] ? key + len + 1 : "");
  if (i < n->n_layers || strncmp(key, penalty_of, PENALTY_OF) != 0) return i;
  key += PENALTY_OF;
  len = strcspn(key, ".");
  for (i = 0; i < n->n_layers; i++)
    if (is_named(n->layer[i].name, key, len) || is_named(n->layer[i].record, key, len)) break;
  snprintf(param, 128, "penalty%s", key + len);
  return i;
}

/* The term that "PARAM", or "NAME.PARAM" of several, is a parameter of; n_terms: none. */
static uint32_t find_term(const lp_layerspec *l, const char **param) {
  if (l->n_terms == 1) return 0;
  for (uint32_t k = 0; k < l->n_terms; k++) {
    const size_t len = strlen(l->term_name[k]);
    const char *rest = *param + len;
    if (strncmp(*param, l->term_name[k], len) == 0 && *rest == '.' && !strchr(rest + 1, '.'))
      return *param = rest + 1, k;
  }
  return l->n_terms;
}

/* The layer's penalties with one parameter of one of them changed, into *field. */
static lp_status set_penalty(const lp_netspec *n, const lp_layerspec *l, const char *param,
                             const char *value, char **field) {
  const char *const asked = param;
  const uint32_t which = find_term(l, &param);
  if (!l->n_terms)
    return lp_fail(LP_ERR_NOT_FOUND, "network %s: layer %s has no penalty whose %s could be set",
                   n->name, l->name, param);
  if (which == l->n_terms)
    return lp_fail(LP_ERR_NOT_FOUND,
                   "network %s: layer %s has %u penalties and no '%s' among their parameters; say "
                   "which: penalty.%s.%s.weight, say",
                   n->name, l->name, l->n_terms, asked, l->name, l->term_name[0]);
  char *changed = spec_with(l->term[which], param, value), *text = NULL;
  if (!changed || l->n_terms == 1) return put(field, changed);
  size_t size;
  FILE *f = open_memstream(&text, &size);
  for (uint32_t k = 0; f && k < l->n_terms; k++)
    fprintf(f, "%s(%s)", k ? "," : "", k == which ? changed : l->term[k]);
  free(changed);
  if (f && fclose(f) == 0) return put(field, text);
  free(text);
  return no_memory();
}

static lp_status set_layer(lp_netspec *n, const lp_netspec *from, uint32_t i, const char *param,
                           const char *value) {
  lp_layerspec *w = &n->written[i];
  const lp_layerspec *l = &from->layer[i];
  if (!*param) return put(&w->spec, strdup(value));
  char **field = field_of(w, param);
  if (field) return put(field, strdup(value));
  if (strncmp(param, penalty_of, PENALTY_OF) == 0)
    return set_penalty(n, l, param + PENALTY_OF, value, &w->penalty);
  /* of the spec as it stands: a parameter of $layer is one of the layer that $layer names */
  return put(&w->spec, spec_with(l->spec, param, value));
}

static lp_status set_key(lp_netspec *n, const lp_netspec *from, const char *key,
                         const char *value) {
  char param[128];
  for (uint32_t i = 0; i < n->n_knobs; i++)
    if (strcmp(n->knob[i].name, key) == 0) return put(&n->knob[i].value, strdup(value));
  const uint32_t i = find_key(from, key, param);
  if (i < n->n_layers) return set_layer(n, from, i, param, value);
  if (strncmp(key, penalty_of, PENALTY_OF) == 0) key += PENALTY_OF;
  return unknown_key(from, key, strcspn(key, "."));
}

static bool has_param(lp_kind kind, const char *spec, const char *param) {
  char *name = strndup(spec, strcspn(spec, ":"));
  const lp_entry *e = name ? lp_entry_find(kind, lp_trim(name)) : NULL;
  free(name);
  for (uint32_t k = 0; e && k < e->n_params; k++)
    if (strcmp(e->params[k].name, param) == 0) return true;
  return false;
}

bool lp_netspec_has(const lp_netspec *n, const char *key) {
  char param[128];
  if (lp_netspec_knob(n, key)) return true;
  const uint32_t i = find_key(n, key, param);
  if (i == n->n_layers || !*param) return i < n->n_layers;
  lp_layerspec *l = &n->layer[i];
  if (field_of(l, param)) return true;
  if (strncmp(param, penalty_of, PENALTY_OF) != 0) return has_param(LP_KIND_LAYER, l->spec, param);
  const char *of = param + PENALTY_OF;
  const uint32_t which = find_term(l, &of);
  return which < l->n_terms && has_param(LP_KIND_PENALTY, l->term[which], of);
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
    b->penalty = lp_copy_or_null(a->penalty, &ok);
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
