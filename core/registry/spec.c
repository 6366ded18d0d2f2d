/* "name:key=value,...": the grammar of specs, and their check against declared parameters. */
#include "registry_internal.h"

#include "../base/numbers.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool lp_plain_name(const char *s) {
  if (!*s) return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && !strchr("._-", *s)) return false;
  return true;
}

/* ---- values -------------------------------------------------------------------------------- */

/* The shortest text that reads back as the same number. */
static void print_number(FILE *f, double v) {
  char text[40];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (strtod(text, NULL) == v) break;
  }
  fputs(text, f);
}

static lp_status parse_number(const lp_entry *e, const lp_param *p, const char *text, double *out) {
  char *end;
  bool whole = p->type == LP_PARAM_INT;
  errno = 0;
  double v = whole ? (double)strtoll(text, &end, 10) : strtod(text, &end);
  if (end == text || *end || isnan(v) || (errno == ERANGE && (whole || isinf(v))))
    return lp_fail(LP_ERR_ARG, "%s %s: %s=%s is not %s", lp_kind_name(e->kind), e->name, p->name,
                   text, whole ? "a whole number" : "a number");
  if (v < p->min || v > p->max)
    return lp_fail(LP_ERR_ARG, "%s %s: %s=%s is outside %g .. %g (%s)", lp_kind_name(e->kind),
                   e->name, p->name, text, p->min, p->max, p->meaning);
  *out = v;
  return LP_OK;
}

static lp_status unknown_param(const lp_entry *e, const char *key) {
  char text[600] = "";
  const char **names = calloc(e->n_params + 1, sizeof *names);
  for (uint32_t i = 0; names && i < e->n_params; i++) names[i] = e->params[i].name;
  uint32_t n = names ? e->n_params : 0;
  lp_text_add(text, sizeof text, "%s", lp_did_you_mean(key, names, n).text);
  lp_text_add(text, sizeof text, e->n_params ? "; it has " : "; it has none");
  lp_text_add_names(text, sizeof text, names, n);
  free(names);
  return lp_fail(LP_ERR_ARG, "%s %s has no parameter '%s'%s", lp_kind_name(e->kind), e->name, key,
                 text);
}

/* One "key=value"; seen marks parameters that were given already. */
static lp_status parse_arg(const lp_spec *spec, char *token, bool *seen) {
  const lp_entry *e = spec->entry;
  char *eq = strchr(token, '=');
  if (eq) *eq = '\0';
  char *key = lp_trim(token);
  uint32_t i = 0;
  while (i < e->n_params && strcmp(e->params[i].name, key) != 0) i++;
  if (i == e->n_params) return unknown_param(e, key);
  const lp_param *p = &e->params[i];
  if (!eq)
    return lp_fail(LP_ERR_ARG, "%s %s: %s needs a value: %s=...", lp_kind_name(e->kind), e->name,
                   key, key);
  if (seen[i])
    return lp_fail(LP_ERR_ARG, "%s %s: %s is given twice", lp_kind_name(e->kind), e->name, key);
  seen[i] = true;
  char *value = lp_unwrap(lp_trim(eq + 1));
  if (p->type != LP_PARAM_STRING) return parse_number(e, p, value, &spec->args[i].value);
  free((void *)spec->args[i].text);
  spec->args[i].text = strdup(value);
  return spec->args[i].text ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
}

/* The kind of the spec that a parameter's value may be. */
static lp_kind kind_within(const lp_entry *e, const lp_param *p) {
  for (int k = 0; k < LP_KIND_COUNT; k++)
    if (strcmp(lp_kind_name((lp_kind)k), p->name) == 0) return (lp_kind)k;
  return e->kind;
}

/* full: values that are specs in their canonical form, too. */
static lp_status write_text(const lp_spec *spec, bool full, char **out) {
  size_t size;
  FILE *f = open_memstream(out, &size);
  if (!f) return lp_fail(LP_ERR_MEMORY, "out of memory");
  const lp_entry *e = spec->entry;
  bool failed = false;
  fputs(e->name, f);
  for (uint32_t i = 0; i < e->n_params; i++) {
    const lp_param *p = &e->params[i];
    fprintf(f, "%c%s=", i ? ',' : ':', p->name);
    if (p->type != LP_PARAM_STRING) {
      print_number(f, spec->args[i].value);
      continue;
    }
    char *within = full ? lp_spec_full_text(kind_within(e, p), spec->args[i].text) : NULL;
    const char *text = within ? within : spec->args[i].text;
    failed |= full && !within;
    fprintf(f, strpbrk(text, ",()") ? "(%s)" : "%s", text);
    free(within);
  }
  failed |= ferror(f) != 0;
  if (fclose(f) != 0 || failed) return lp_fail(LP_ERR_MEMORY, "out of memory");
  return LP_OK;
}

/* ---- specs --------------------------------------------------------------------------------- */

static lp_status set_defaults(lp_spec *spec) {
  const lp_entry *e = spec->entry;
  spec->args = calloc(e->n_params + 1, sizeof *spec->args);
  if (!spec->args) return lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t i = 0; i < e->n_params; i++) {
    const lp_param *p = &e->params[i];
    if (p->type != LP_PARAM_STRING) {
      spec->args[i].value = p->value;
    } else {
      spec->args[i].text = strdup(p->text);
      if (!spec->args[i].text) return lp_fail(LP_ERR_MEMORY, "out of memory");
    }
  }
  return LP_OK;
}

static lp_status parse(lp_kind kind, char *text, lp_spec *spec) {
  char *rest = strchr(text, ':');
  if (rest) *rest++ = '\0';
  spec->entry = lp_entry_find(kind, lp_trim(text));
  if (!spec->entry) return LP_ERR_NOT_FOUND;
  lp_status s = set_defaults(spec);
  bool *seen = calloc(spec->entry->n_params + 1, sizeof *seen);
  if (!seen) s = lp_fail(LP_ERR_MEMORY, "out of memory");
  for (char *token; s == LP_OK && (token = lp_next_token(&rest));) s = parse_arg(spec, token, seen);
  free(seen);
  return s == LP_OK ? write_text(spec, false, &spec->text) : s;
}

lp_status lp_spec_parse(lp_kind kind, const char *text, lp_spec *out) {
  LP_POINT_NUMBERS;
  *out = (lp_spec){0};
  if (!lp_balanced(text))
    return lp_fail(LP_ERR_ARG, "%s \"%s\": parentheses do not match", lp_kind_name(kind), text);
  char *copy = strdup(text);
  /* Numbers are written with a point, whatever the program's locale says. */
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  lp_status s;
  if (!copy || !c) {
    s = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else {
    locale_t old = uselocale(c);
    s = parse(kind, copy, out);
    uselocale(old);
  }
  if (c) freelocale(c);
  free(copy);
  if (s != LP_OK) lp_spec_free(out);
  return s;
}

void lp_spec_free(lp_spec *spec) {
  if (spec->entry && spec->args)
    for (uint32_t i = 0; i < spec->entry->n_params; i++) free((void *)spec->args[i].text);
  free(spec->args);
  free(spec->text);
  *spec = (lp_spec){0};
}

char *lp_spec_full_text(lp_kind kind, const char *text) {
  LP_POINT_NUMBERS;
  lp_spec spec;
  lp_status status = lp_spec_parse(kind, text, &spec);
  if (status == LP_ERR_NOT_FOUND && kind == LP_KIND_COST) /* a whole prior stands as a cost, too */
    status = lp_spec_parse(kind = LP_KIND_PRIOR, text, &spec);
  if (status == LP_ERR_NOT_FOUND && kind == LP_KIND_PRIOR)
    status = lp_spec_parse(LP_KIND_COST, text, &spec);
  if (status != LP_OK) return strdup(text);
  char *full = NULL;
  if (write_text(&spec, true, &full) != LP_OK) {
    free(full);
    full = NULL;
  }
  lp_spec_free(&spec);
  return full;
}
