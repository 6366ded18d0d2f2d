/* A value for every option: its text in one form, and the number that it stands for. */
#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/settings.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct lp_value {
  char *text;
  double number; /* whole ones up to 2^53; index of a choice */
  bool given;
} lp_value;

struct lp_settings {
  uint32_t n;
  lp_value value[]; /* of the rows of the table */
};

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "settings: out of memory");
}

/* Row of that very name; the table's end where there is none. */
static uint32_t row_of(const char *name) {
  const lp_option *o;
  uint32_t i = 0;
  while ((o = lp_option_get(i)) && strcmp(o->name, name) != 0) i++;
  return i;
}

/* ---- from text ----------------------------------------------------------------------------- */

static lp_status read_number(const lp_option *o, const char *text, double *out) {
  const bool whole = o->type == LP_OPTION_INT;
  char *end = NULL;
  errno = 0;
  const double v = strtod(text, &end);
  if (!*text || *end || isnan(v) || (whole && v != floor(v)))
    return lp_fail(LP_ERR_ARG, "%s: '%s' is not a%s number", o->name, text, whole ? " whole" : "");
  if (v < o->min || v > o->max)
    return lp_fail(LP_ERR_ARG, "%s: %s is out of range, which is %.15g to %.15g", o->name, text,
                   o->min, o->max);
  *out = v + 0.0; /* -0 is 0, and says so */
  return LP_OK;
}

static lp_status read_bool(const lp_option *o, const char *text, double *out) {
  static const char *const word[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (int i = 0; i < 8; i++)
    if (strcasecmp(text, word[i]) == 0) {
      *out = i % 2;
      return LP_OK;
    }
  return lp_fail(LP_ERR_ARG, "%s: '%s' is neither true nor false", o->name, text);
}

/* Choice k of "a|b|c", as a range of characters; NULL past the last. */
static const char *choice(const char *choices, int k, size_t *len) {
  while (k-- > 0) {
    choices = strchr(choices, '|');
    if (!choices) return NULL;
    choices++;
  }
  *len = strcspn(choices, "|");
  return choices;
}

static lp_status read_choice(const lp_option *o, const char *text, double *out) {
  size_t len;
  const char *c;
  for (int k = 0; (c = choice(o->choices, k, &len)); k++)
    if (strlen(text) == len && strncasecmp(c, text, len) == 0) {
      *out = k;
      return LP_OK;
    }
  return lp_fail(LP_ERR_ARG, "%s: '%s' is not one of %s", o->name, text, o->choices);
}

static lp_status read_value(const lp_option *o, const char *text, double *out) {
  *out = 0;
  switch ((lp_option_type)o->type) {
  case LP_OPTION_INT:
  case LP_OPTION_REAL:
    return read_number(o, text, out);
  case LP_OPTION_BOOL:
    return read_bool(o, text, out);
  case LP_OPTION_ENUM:
    return read_choice(o, text, out);
  case LP_OPTION_TEXT:
  case LP_OPTION_LIST:
    break;
  }
  return LP_OK;
}

/* The one form of a value's text, malloc'ed. */
static char *write_value(const lp_option *o, const char *text, double number) {
  char out[40];
  size_t len = 0;
  const char *c;
  switch ((lp_option_type)o->type) {
  case LP_OPTION_INT:
    snprintf(out, sizeof out, "%.0f", number);
    return strdup(out);
  case LP_OPTION_REAL: /* the shortest of these that reads back the same */
    for (int digits = 6; digits <= 17; digits++) {
      snprintf(out, sizeof out, "%.*g", digits, number);
      if (strtod(out, NULL) == number) break;
    }
    return strdup(out);
  case LP_OPTION_BOOL:
    return strdup(number != 0 ? "true" : "false");
  case LP_OPTION_ENUM:
    c = choice(o->choices, (int)number, &len);
    return strndup(c ? c : "", len);
  case LP_OPTION_TEXT:
  case LP_OPTION_LIST:
    break;
  }
  return strdup(text);
}

static lp_status set_row(lp_settings *s, uint32_t i, const char *text) {
  LP_POINT_NUMBERS;
  const lp_option *o = lp_option_get(i);
  double number;
  lp_status status = read_value(o, text, &number);
  if (status != LP_OK) return status;
  char *own = write_value(o, text, number);
  if (!own) return out_of_memory();
  free(s->value[i].text);
  s->value[i].text = own;
  s->value[i].number = number;
  return LP_OK;
}

/* ---- public -------------------------------------------------------------------------------- */

lp_status lp_settings_new(lp_settings **out) {
  const uint32_t n = lp_option_count();
  lp_settings *s = *out = calloc(1, sizeof *s + n * sizeof *s->value);
  if (!s) return out_of_memory();
  s->n = n;
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < n && status == LP_OK; i++)
    status = set_row(s, i, lp_option_get(i)->value);
  if (status == LP_OK) return LP_OK;
  lp_settings_free(s);
  *out = NULL;
  return status;
}

lp_status lp_settings_copy(const lp_settings *from, lp_settings **out) {
  lp_settings *s = *out = calloc(1, sizeof *s + from->n * sizeof *s->value);
  bool good = s != NULL;
  if (good) s->n = from->n;
  for (uint32_t i = 0; good && i < from->n; i++) {
    s->value[i] = from->value[i];
    good = (s->value[i].text = strdup(from->value[i].text)) != NULL;
  }
  if (good) return LP_OK;
  lp_settings_free(s);
  *out = NULL;
  return out_of_memory();
}

void lp_settings_free(lp_settings *s) {
  for (uint32_t i = 0; s && i < s->n; i++) free(s->value[i].text);
  free(s);
}

lp_status lp_settings_set(lp_settings *s, const char *name, const char *text) {
  const uint32_t i = row_of(name);
  return i < s->n ? set_row(s, i, text) : lp_fail(LP_ERR_NOT_FOUND, "%s: no such option", name);
}

lp_status lp_settings_give(lp_settings *s, const char *name, const char *text) {
  lp_status status = lp_settings_set(s, name, text);
  if (status == LP_OK) s->value[row_of(name)].given = true;
  return status;
}

/* The value of that name. A misspelt one must not pass for a setting. */
static const lp_value *value_of(const lp_settings *s, const char *name) {
  static const lp_value none = {.text = ""};
  const uint32_t i = row_of(name);
  if (i < s->n) return &s->value[i];
  lp_log(LP_LOG_ERROR, "settings: no option is named '%s'", name);
  return &none;
}

bool lp_settings_given(const lp_settings *s, const char *name) {
  return value_of(s, name)->given;
}

const char *lp_setting_text(const lp_settings *s, const char *name) {
  return value_of(s, name)->text;
}

double lp_setting_real(const lp_settings *s, const char *name) {
  return value_of(s, name)->number;
}

int64_t lp_setting_int(const lp_settings *s, const char *name) {
  return (int64_t)value_of(s, name)->number;
}

char *lp_settings_bits(const lp_settings *s) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  const char *space = "";
  for (uint32_t i = 0; i < s->n; i++) {
    const lp_option *o = lp_option_get(i);
    if (!(o->use & LP_USE_BITS)) continue;
    fprintf(f, "%s%s=%s", space, o->name, s->value[i].text);
    space = " ";
  }
  if (fclose(f) == 0) return text;
  free(text);
  return NULL;
}
