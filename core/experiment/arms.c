/* Arms: "control,linear,power:p=2,fan_in=(locality:cost=linear,normalize=fan_in),
 * both=(fc1=locality,fc2.cost=sqrt,lr=0.003)". */
#include "experiment_internal.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What "control" and a bare wiring cost stand for. */
#define PLAIN_LAYER "plain"
#define COST_LAYER  "locality:cost="

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "arms: out of memory");
}

/* Length of the item at the start of text: up to a comma outside parentheses. */
static size_t item_length(const char *text, bool *balanced) {
  int depth = 0;
  size_t i = 0;
  for (; text[i] && (text[i] != ',' || depth > 0); i++)
    depth += (text[i] == '(') - (text[i] == ')');
  *balanced = depth == 0;
  return i;
}

static char *trimmed(const char *text, size_t n) {
  while (n && isspace((unsigned char)*text)) text++, n--;
  while (n && isspace((unsigned char)text[n - 1])) n--;
  return strndup(text, n);
}

/* Takes off parentheses around the whole of text, however many. */
static void unwrap(char *text) {
  for (size_t n = strlen(text); n >= 2 && text[0] == '('; n -= 2) {
    int depth = 0;
    for (size_t i = 0; i + 1 < n; i++) {
      depth += (text[i] == '(') - (text[i] == ')');
      if (depth == 0) return; /* the first one closes before the end */
    }
    memmove(text, text + 1, n - 2);
    text[n - 2] = '\0';
  }
}

/* "power:p=2,s=1" names files as power-p=2-s=1. */
void lp_make_file_name(char *name) {
  char *to = name;
  for (const char *from = name; *from; from++) {
    if (*from == '(' || *from == ')' || isspace((unsigned char)*from)) continue;
    *to++ = isalnum((unsigned char)*from) || strchr("._=+-", *from) ? *from : '-';
  }
  *to = '\0';
}

/* Is a name that was given fit for files as it is? One made from a spec is changed to be. */
static bool names_files(const char *name) {
  for (const char *p = name; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("._=+-", *p)) return false;
  return true;
}

static const lp_entry *entry_of(const char *base, size_t len) {
  const lp_kind kind[] = {LP_KIND_COST, LP_KIND_PRIOR, LP_KIND_LAYER};
  for (int k = 0; k < 3; k++)
    for (uint32_t i = 0; i < lp_entry_count(); i++) {
      const lp_entry *e = lp_entry_get(i);
      if (e->kind == kind[k] && strlen(e->name) == len && strncmp(e->name, base, len) == 0)
        return e;
    }
  return NULL;
}

static lp_status unknown_arm(const char *item) {
  uint32_t n = 0;
  const char **names = malloc((lp_entry_count() + 1) * sizeof *names);
  if (!names) return out_of_memory();
  names[n++] = "control";
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind == LP_KIND_COST || e->kind == LP_KIND_PRIOR || e->kind == LP_KIND_LAYER)
      names[n++] = e->name;
  }
  char base[64];
  snprintf(base, sizeof base, "%.*s", (int)strcspn(item, ":"), item);
  const lp_hint near = lp_did_you_mean(base, names, n);
  lp_status status = lp_fail(
      LP_ERR_NOT_FOUND, "arms: no wiring cost or layer is named '%s'%s", base,
      *near.text ? near.text
                 : "; `locality plugins` lists them, and an item that holds commas stands in "
                   "parentheses");
  free(names);
  return status;
}

/* The canonical layer spec that an item means. */
static lp_status layer_of(const char *item, char **layer) {
  size_t len = strcspn(item, ":");
  const lp_entry *e = entry_of(item, len);
  char *text = NULL;
  lp_spec spec = {0};
  if (strcmp(item, "control") == 0) {
    text = strdup(PLAIN_LAYER);
  } else if (!e) {
    return unknown_arm(item);
  } else if (e->kind == LP_KIND_LAYER) {
    text = strdup(item);
  } else {
    lp_status status = lp_spec_parse(e->kind, item, &spec); /* for its clearer message */
    if (status != LP_OK) return lp_fail_in(status, "arms");
    lp_spec_free(&spec);
    bool wrap = strpbrk(item, ",()") != NULL;
    if (asprintf(&text, "%s%s%s%s", COST_LAYER, wrap ? "(" : "", item, wrap ? ")" : "") < 0)
      text = NULL;
  }
  if (!text) return out_of_memory();
  lp_status status = lp_spec_parse(LP_KIND_LAYER, text, &spec);
  free(text);
  if (status != LP_OK) return lp_fail_in(status, "arms");
  *layer = strdup(spec.text);
  lp_spec_free(&spec);
  return *layer ? LP_OK : out_of_memory();
}

/* item is cut up. */
static lp_status parse_item(char *item, lp_arm *arm) {
  size_t stop = strcspn(item, "=:(");
  char *spec = item;
  if (item[stop] == '=') {
    item[stop] = '\0';
    spec = lp_trim(item + stop + 1);
    item = lp_trim(item);
    if (!names_files(item))
      return lp_fail(LP_ERR_ARG,
                     "arms: '%s' cannot name files: letters, digits, '.', '_', '+' and '-' serve",
                     item);
  }
  bool wrapped = *spec == '(';
  unwrap(spec);
  if (!*item || (!*spec && !wrapped)) return lp_fail(LP_ERR_ARG, "arms: an item is empty");
  arm->name = strdup(item);
  if (!arm->name) return out_of_memory();
  lp_make_file_name(arm->name);
  if (!isalnum((unsigned char)arm->name[0]) || strlen(arm->name) > 100)
    return lp_fail(LP_ERR_ARG, "arms: '%s' cannot name files; write NAME=(%s)", arm->name, spec);
  /* NAME=() and NAME=(KEY=VALUE,...) change the network, or the training, by name. */
  if (*spec && spec[strcspn(spec, "=:(")] != '=') return layer_of(spec, &arm->layer);
  arm->layer = strdup(PLAIN_LAYER);
  arm->set = strdup(spec);
  return arm->layer && arm->set ? LP_OK : out_of_memory();
}

lp_status lp_arms_parse(const char *text, lp_arm **arms, uint32_t *n) {
  *arms = NULL;
  *n = 0;
  for (const char *at = text;; at++) {
    bool balanced;
    size_t len = item_length(at, &balanced);
    lp_arm *grown = realloc(*arms, (*n + 1) * sizeof **arms);
    if (!grown) return out_of_memory();
    *arms = grown;
    lp_arm *arm = &grown[(*n)++];
    *arm = (lp_arm){0};
    if (!balanced) return lp_fail(LP_ERR_ARG, "arms: parentheses do not match in '%s'", text);
    char *item = trimmed(at, len);
    if (!item) return out_of_memory();
    unwrap(item);
    lp_status status = parse_item(item, arm);
    free(item);
    if (status != LP_OK) return status;
    for (uint32_t i = 0; i + 1 < *n; i++)
      if (strcmp(grown[i].name, arm->name) == 0)
        return lp_fail(LP_ERR_ARG, "arms: two are named '%s'", arm->name);
    at += len;
    if (!*at) return LP_OK;
  }
}

uint32_t lp_arms_reference(const lp_arm *arms, uint32_t n, const char *wanted) {
  for (uint32_t i = 0; i < n; i++)
    if (*wanted ? strcmp(arms[i].name, wanted) == 0 : strcmp(arms[i].layer, "plain") == 0) return i;
  return *wanted ? n : 0;
}

void lp_arms_free(lp_arm *arms, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    free(arms[i].name);
    free(arms[i].layer);
    free(arms[i].priors);
    free(arms[i].set);
    free(arms[i].base);
    free(arms[i].cell);
    free(arms[i].behind);
    json_decref(arms[i].sites);
    json_decref(arms[i].made);
  }
  free(arms);
}
