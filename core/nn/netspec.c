/* A network's text: knobs filled in, layers named and checked, the canonical form. */
#include "netspec.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "network: out of memory");
}

/* ---- layers -------------------------------------------------------------------------------- */

static void layers_free(lp_layerspec *layer, uint32_t n) {
  for (uint32_t i = 0; layer && i < n; i++) {
    free(layer[i].name);
    free(layer[i].spec);
    free(layer[i].sheet);
    free(layer[i].record);
    free(layer[i].penalty);
    for (uint32_t k = 0; k < layer[i].n_terms; k++) {
      free(layer[i].term[k]);
      free(layer[i].term_name[k]);
    }
    free(layer[i].term);
    free(layer[i].term_name);
    for (uint32_t k = 0; k < layer[i].n_from; k++) free(layer[i].from[k]);
    free(layer[i].from);
  }
  free(layer);
}

lp_status lp_layer_fail(const lp_netspec *n, const lp_layerspec *l, lp_status status) {
  char place[300];
  if (l->line)
    snprintf(place, sizeof place, "%s:%u", n->where, l->line);
  else
    snprintf(place, sizeof place, "%s", n->where);
  return l->name ? lp_fail_in(status, "%s: %s", place, l->name) : lp_fail_in(status, "%s", place);
}

lp_status lp_sheet_parse(const char *text, lp_sheet *out) {
  *out = (lp_sheet){.units = 1};
  const char *p = text;
  for (uint64_t v; out->ndim < LP_MAX_AXES && lp_digits(&p, 1u << 24, &v); p++) {
    if (v < 1 || v * out->units > 1u << 30) break;
    out->extent[out->ndim++] = (uint32_t)v;
    out->units *= (uint32_t)v;
    if (*p == '\0') return LP_OK;
    if (*p != 'x') break;
  }
  return lp_fail(LP_ERR_ARG, "sheet '%s' is not rows x columns, as 7x7 (or 49, or 5x5x4)", text);
}

bool lp_sheet_is_lattice(const lp_sheet *s) {
  return s->ndim > 1;
}

/* ---- knobs --------------------------------------------------------------------------------- */

const char *lp_netspec_knob(const lp_netspec *n, const char *name) {
  for (uint32_t i = 0; i < n->n_knobs; i++)
    if (strcmp(n->knob[i].name, name) == 0) return n->knob[i].value;
  return NULL;
}

static bool name_char(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

static lp_status unknown_knob(const lp_netspec *n, const char *name) {
  const char **names = calloc(n->n_knobs + 1, sizeof *names);
  if (!names) return no_memory();
  for (uint32_t i = 0; i < n->n_knobs; i++) names[i] = n->knob[i].name;
  names[n->n_knobs] = "classes";
  lp_status status = lp_fail(LP_ERR_NOT_FOUND, "$%s is no knob of this network%s", name,
                             lp_did_you_mean_or(name, names, n->n_knobs + 1).text);
  free(names);
  return status;
}

/* Does text begin with the knob that every network has? */
static bool is_classes(const char *text) {
  static const char knob[] = "$classes";
  return strncmp(text, knob, sizeof knob - 1) == 0 && !name_char(text[sizeof knob - 1]);
}

char *lp_knobs_fill(const lp_netspec *n, const char *text) {
  char *out = NULL;
  size_t size;
  FILE *f = open_memstream(&out, &size);
  if (!f) {
    no_memory();
    return NULL;
  }
  lp_status status = LP_OK;
  for (const char *p = text; *p && status == LP_OK;) {
    if (*p != '$') {
      fputc(*p++, f);
      continue;
    }
    const char *dollar = p++;
    while (name_char(*p)) p++;
    char *name = strndup(dollar + 1, (size_t)(p - dollar - 1));
    const char *value = name ? lp_netspec_knob(n, name) : NULL, *inner = value;
    while (inner && (inner = strchr(inner, '$')) && is_classes(inner)) inner++;
    if (!name)
      status = no_memory();
    else if (strcmp(name, "classes") == 0)
      fputs("$classes", f);
    else if (!value)
      status = unknown_knob(n, name);
    else if (inner)
      status = lp_fail(LP_ERR_ARG,
                       "knob %s: its value '%s' names another knob; only $classes can stand there",
                       name, value);
    else /* a spec inside a spec stands in parentheses */
      fprintf(f, dollar > text && strpbrk(value, ",()") ? "(%s)" : "%s", value);
    free(name);
  }
  if (fclose(f) != 0 && status == LP_OK) status = no_memory();
  if (status == LP_OK) return out;
  free(out);
  return NULL;
}

char *lp_layer_spec_text(const lp_layerspec *l, uint32_t classes) {
  static const char knob[] = "$classes";
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  const char *p = l->spec;
  for (const char *at; (at = strstr(p, knob)); p = at + sizeof knob - 1)
    fprintf(f, "%.*s%u", (int)(at - p), p, classes);
  fputs(p, f);
  if (fclose(f) == 0) return text;
  free(text);
  return NULL;
}

/* ---- finishing ----------------------------------------------------------------------------- */

char *lp_copy_or_null(const char *s, bool *ok) {
  if (!s) return NULL;
  char *copy = strdup(s);
  if (!copy) *ok = false;
  return copy;
}

/* The index of a finished layer before `end`; end when there is none. */
static uint32_t find_layer(const lp_netspec *n, const char *name, uint32_t end) {
  for (uint32_t i = 0; i < end; i++)
    if (n->layer[i].name && strcmp(n->layer[i].name, name) == 0) return i;
  return end;
}

static bool is_written_name(const lp_netspec *n, const char *name) {
  for (uint32_t i = 0; i < n->n_layers; i++)
    if (n->written[i].name && strcmp(n->written[i].name, name) == 0) return true;
  return false;
}

/* Letters, digits, _ - and /: a dot would part a layer from its parameter. */
static bool usable_name(const char *s) {
  if (!*s) return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && !strchr("_-/", *s)) return false;
  return true;
}

/* "relu3" for the third layer of that kind, skipping names that are taken. */
static char *make_name(const lp_netspec *n, uint32_t i) {
  const lp_layerspec *l = &n->layer[i];
  int len = (int)strcspn(l->spec, ":");
  uint32_t count = 1;
  for (uint32_t k = 0; k < i; k++)
    count += (int)strcspn(n->layer[k].spec, ":") == len &&
             strncmp(n->layer[k].spec, l->spec, (size_t)len) == 0;
  for (;; count++) {
    char *name = NULL;
    if (asprintf(&name, "%.*s%u", len, l->spec, count) < 0) return NULL;
    if (!is_written_name(n, name) && find_layer(n, name, i) == i) return name;
    free(name);
  }
}

/* "key=value" of a spec's text as it was written; malloc'ed, NULL when it is not there. */
static char *written_argument(const char *spec, const char *key, size_t len) {
  char *copy = strdup(spec), *rest = copy ? strchr(copy, ':') : NULL, *found = NULL;
  if (rest) rest++;
  for (char *token; !found && (token = lp_next_token(&rest));)
    if (strncmp(token, key, len) == 0 && token[len + strspn(token + len, " ")] == '=')
      found = strdup(token);
  free(copy);
  return found;
}

/* One canonical text of the two that a spec has for different numbers of classes: what differs is
 * taken as it was written. The texts are cut up. malloc'ed, NULL out of memory. */
static char *with_classes(const char *written, char *one, char *two) {
  char *out = NULL, sign = ':', *rest[2] = {strchr(one, ':'), strchr(two, ':')};
  size_t size;
  FILE *f = open_memstream(&out, &size);
  if (!f) return NULL;
  for (int i = 0; i < 2; i++)
    if (rest[i]) *rest[i]++ = '\0';
  fputs(one, f);
  bool ok = true;
  for (char *a, *b; ok && (a = lp_next_token(&rest[0])) && (b = lp_next_token(&rest[1]));) {
    char *as_written = strcmp(a, b) == 0 ? NULL : written_argument(written, a, strcspn(a, "="));
    ok = as_written || strcmp(a, b) == 0;
    fprintf(f, "%c%s", sign, as_written ? as_written : a);
    free(as_written);
    sign = ',';
  }
  if (fclose(f) == 0 && ok) return out;
  free(out);
  return NULL;
}

/* The spec in canonical form, so that a misspelt parameter is known at once. */
static lp_status check_spec(lp_layerspec *l) {
  lp_spec spec[2] = {{0}, {0}};
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < 2 && status == LP_OK; i++) {
    char *text = lp_layer_spec_text(l, 10 + i);
    status = text ? lp_spec_parse(LP_KIND_LAYER, text, &spec[i]) : no_memory();
    free(text);
  }
  if (status == LP_OK) {
    char *text = with_classes(l->spec, spec[0].text, spec[1].text);
    if (text) {
      free(l->spec);
      l->spec = text;
    } else {
      status = no_memory();
    }
  }
  lp_spec_free(&spec[0]);
  lp_spec_free(&spec[1]);
  return status;
}

/* A term's name among a layer's: that of its penalty, with a number from the second of it on. */
static char *term_name(const lp_layerspec *l, const char *spec) {
  const int len = (int)strcspn(spec, ":");
  uint32_t before = 0;
  char name[160];
  for (uint32_t k = 0; k < l->n_terms; k++)
    before += (int)strcspn(l->term[k], ":") == len && strncmp(l->term[k], spec, (size_t)len) == 0;
  snprintf(name, sizeof name, before ? "%.*s.%u" : "%.*s", len, spec, before + 1);
  return strdup(name);
}

/* One more term of layer l, in canonical form. */
static lp_status add_term(lp_layerspec *l, const char *text) {
  lp_spec spec = {0};
  double strength;
  lp_status status = lp_spec_parse(LP_KIND_PENALTY, text, &spec);
  if (status == LP_OK) status = lp_penalty_strength(spec.text, 0, 1, &strength);
  for (uint32_t k = 0; status == LP_OK && k < l->n_terms; k++)
    if (strcmp(l->term[k], spec.text) == 0)
      status = lp_fail(LP_ERR_ARG, "%s is given twice; give it once, with a larger weight", text);
  if (status == LP_OK) {
    void *terms = realloc(l->term, (l->n_terms + 1) * sizeof *l->term);
    if (terms) l->term = terms;
    void *names = realloc(l->term_name, (l->n_terms + 1) * sizeof *l->term_name);
    if (names) l->term_name = names;
    char *name = terms && names ? term_name(l, spec.text) : NULL;
    if (name) {
      l->term[l->n_terms] = spec.text;
      l->term_name[l->n_terms++] = name;
      spec.text = NULL;
    } else {
      status = no_memory();
    }
  }
  lp_spec_free(&spec);
  return status;
}

/* The canonical text of a layer's terms: of one its spec, of several "(SPEC),(SPEC)". */
static char *join_terms(const lp_layerspec *l) {
  char *out = NULL;
  size_t size;
  if (l->n_terms == 1) return strdup(l->term[0]);
  FILE *f = open_memstream(&out, &size);
  if (!f) return NULL;
  for (uint32_t k = 0; k < l->n_terms; k++) fprintf(f, "%s(%s)", k ? "," : "", l->term[k]);
  if (fclose(f) == 0) return out;
  free(out);
  return NULL;
}

/* The penalties in canonical form; "none" is none. */
static lp_status check_penalty(lp_layerspec *l) {
  lp_status status = LP_OK;
  char *copy = l->penalty ? strdup(l->penalty) : NULL, *rest = copy, *text;
  if (l->penalty && !copy) return no_memory();
  if (copy && !lp_balanced(copy))
    status = lp_fail(LP_ERR_ARG, "'%s': its parentheses do not match", l->penalty);
  while (status == LP_OK && rest && (text = lp_penalty_next(&rest)))
    if (*text && strcmp(text, "none") != 0) status = add_term(l, text);
  free(copy);
  if (status == LP_OK && l->n_terms == 1) *l->term_name[0] = '\0';
  if (status == LP_OK) {
    free(l->penalty);
    l->penalty = l->n_terms ? join_terms(l) : NULL;
    if (l->n_terms && !l->penalty) return no_memory();
  }
  return status == LP_OK ? LP_OK : lp_fail_in(status, "penalty");
}

static lp_status unknown_from(const lp_netspec *n, const char *name, uint32_t i) {
  if (strcmp(n->layer[i].name, name) == 0)
    return lp_fail(LP_ERR_ARG, "from: a layer cannot take its own output");
  for (uint32_t k = i + 1; k < n->n_layers; k++)
    if (n->written[k].name && strcmp(n->written[k].name, name) == 0)
      return lp_fail(LP_ERR_ARG, "from: %s comes after it; a layer takes earlier ones", name);
  const char **names = calloc(i + 1, sizeof *names);
  if (!names) return no_memory();
  names[0] = "input";
  for (uint32_t k = 0; k < i; k++) names[k + 1] = n->layer[k].name;
  lp_status status = lp_fail(LP_ERR_NOT_FOUND, "from: no layer is named '%s'%s", name,
                             lp_did_you_mean(name, names, i + 1).text);
  free(names);
  return status;
}

static lp_status finish_layer(lp_netspec *n, uint32_t i) {
  const lp_layerspec *w = &n->written[i];
  lp_layerspec *l = &n->layer[i];
  l->line = w->line;
  bool ok = true;
  l->name = lp_copy_or_null(w->name, &ok);
  l->record = lp_copy_or_null(w->record, &ok);
  l->from = w->n_from ? calloc(w->n_from, sizeof *l->from) : NULL;
  if (!ok || (w->n_from && !l->from)) return no_memory();
  l->n_from = w->n_from;
  for (uint32_t k = 0; k < w->n_from; k++) l->from[k] = lp_copy_or_null(w->from[k], &ok);
  if (!ok) return no_memory();
  if (!(l->spec = lp_knobs_fill(n, w->spec))) return LP_ERR_ARG;
  if (w->sheet && !(l->sheet = lp_knobs_fill(n, w->sheet))) return LP_ERR_ARG;
  if (w->penalty && !(l->penalty = lp_knobs_fill(n, w->penalty))) return LP_ERR_ARG;
  if (!*lp_trim(l->spec)) return lp_fail(LP_ERR_ARG, "its layer is empty");
  if (!l->name && !(l->name = make_name(n, i))) return no_memory();
  if (!usable_name(l->name) || strcmp(l->name, "input") == 0)
    return lp_fail(LP_ERR_ARG, "a layer cannot have this name: letters, digits, _ - and / serve");
  uint32_t twin = find_layer(n, l->name, i);
  if (twin < i)
    return lp_fail(LP_ERR_ARG, "line %u has a layer of this name already", n->layer[twin].line);
  if (lp_netspec_knob(n, l->name))
    return lp_fail(LP_ERR_ARG, "a knob has this name too; rename one of them");
  for (uint32_t k = 0; k < l->n_from; k++)
    if (strcmp(l->from[k], "input") != 0 && find_layer(n, l->from[k], i) == i)
      return unknown_from(n, l->from[k], i);
  if (l->record && !usable_name(l->record))
    return lp_fail(LP_ERR_ARG,
                   "record: a site cannot be named '%s': letters, digits, _ - and / "
                   "serve",
                   l->record);
  for (uint32_t k = 0; l->record && k < i; k++)
    if (n->layer[k].record && strcmp(n->layer[k].record, l->record) == 0)
      return lp_fail(LP_ERR_ARG, "record: %s records a site named '%s' already", n->layer[k].name,
                     l->record);
  lp_sheet sheet;
  lp_status status = l->sheet ? lp_sheet_parse(l->sheet, &sheet) : LP_OK;
  if (status == LP_OK) status = check_spec(l);
  return status == LP_OK ? check_penalty(l) : status;
}

/* A single-quoted YAML scalar. */
static void quote(FILE *f, const char *text) {
  fputc('\'', f);
  for (; *text; text++) {
    if (*text == '\'') fputc('\'', f);
    fputc(*text, f);
  }
  fputc('\'', f);
}

static void write_key(FILE *f, const char *key, const char *text) {
  if (!text) return;
  fprintf(f, ", %s: ", key);
  quote(f, text);
}

/* A spec, or its full text. */
static void write_spec(FILE *f, lp_kind kind, const char *spec, bool full, bool *failed) {
  char *text = full ? lp_spec_full_text(kind, spec) : NULL;
  *failed |= full && !text;
  quote(f, text ? text : spec);
  free(text);
}

/* full: as of lp_netspec_full_text. */
static lp_status write_text(const lp_netspec *n, bool full, char **out) {
  size_t size;
  bool failed = false;
  FILE *f = open_memstream(out, &size);
  if (!f) return no_memory();
  fprintf(f, "input: {size: %u, resize: %u}\nlayers:\n", n->size, n->resize);
  for (uint32_t i = 0; i < n->n_layers; i++) {
    const lp_layerspec *l = &n->layer[i];
    fprintf(f, "  - %s: {layer: ", l->name);
    write_spec(f, LP_KIND_LAYER, l->spec, full, &failed);
    lp_sheet s;
    char sheet[24];
    bool lattice = full && l->sheet && lp_sheet_parse(l->sheet, &s) == LP_OK && s.ndim == 2;
    if (lattice) snprintf(sheet, sizeof sheet, "%ux%u", s.extent[0], s.extent[1]);
    write_key(f, "sheet", lattice ? sheet : l->sheet);
    write_key(f, "record", l->record);
    if (l->n_terms) fputs(l->n_terms > 1 ? ", penalty: [" : ", penalty: ", f);
    for (uint32_t k = 0; k < l->n_terms; k++) {
      if (k) fputs(", ", f);
      write_spec(f, LP_KIND_PENALTY, l->term[k], full, &failed);
    }
    if (l->n_terms > 1) fputc(']', f);
    if (l->n_from) fputs(", from: [", f);
    for (uint32_t k = 0; k < l->n_from; k++) fprintf(f, "%s%s", k ? ", " : "", l->from[k]);
    fputs(l->n_from ? "]}\n" : "}\n", f);
  }
  return fclose(f) == 0 && !failed ? LP_OK : no_memory();
}

lp_status lp_netspec_finish(lp_netspec *n) {
  n->layer = calloc(n->n_layers + 1, sizeof *n->layer);
  if (!n->layer) return no_memory();
  for (uint32_t i = 0; i < n->n_layers; i++) {
    lp_status status = finish_layer(n, i);
    if (status != LP_OK) return lp_layer_fail(n, &n->layer[i], status);
  }
  return write_text(n, false, &n->text);
}

/* ---- access ------------------------------------------------------------------------------- */

void lp_netspec_free(lp_netspec *n) {
  if (!n) return;
  layers_free(n->written, n->n_layers);
  layers_free(n->layer, n->n_layers);
  for (uint32_t i = 0; i < n->n_knobs; i++) {
    free(n->knob[i].name);
    free(n->knob[i].value);
  }
  free(n->knob);
  free(n->name);
  free(n->where);
  free(n->summary);
  free(n->text);
  free(n);
}

const char *lp_netspec_text(const lp_netspec *n) {
  return n->text;
}

char *lp_netspec_full_text(const lp_netspec *n) {
  char *text = NULL;
  if (write_text(n, true, &text) == LP_OK) return text;
  free(text);
  return NULL;
}

const char *lp_netspec_name(const lp_netspec *n) {
  return n->name;
}

const char *lp_netspec_summary(const lp_netspec *n) {
  return n->summary ? n->summary : "";
}

void lp_netspec_input(const lp_netspec *n, uint32_t *size, uint32_t *resize) {
  *size = n->size;
  *resize = n->resize;
}

const char *lp_netspec_layer(const lp_netspec *n, const char *name) {
  uint32_t i = find_layer(n, name, n->n_layers);
  return i < n->n_layers ? n->layer[i].spec : NULL;
}

uint32_t lp_netspec_size(const lp_netspec *n) {
  return n->n_layers;
}
