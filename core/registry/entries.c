/* What modules have registered, by kind and name. */
#include "registry_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_entry *entries; /* grows while modules load, then stays */
static uint32_t n_entries, cap_entries;

static const char *const kind_name[LP_KIND_COUNT] = {"topology", "cost", "prior", "layer",
                                                     "backend"};

const char *lp_kind_name(lp_kind kind) {
  return (unsigned)kind < LP_KIND_COUNT ? kind_name[kind] : "unknown kind";
}

uint32_t lp_entry_count(void) {
  return n_entries;
}

const lp_entry *lp_entry_get(uint32_t i) {
  return i < n_entries ? &entries[i] : NULL;
}

void lp_entries_truncate(uint32_t n) {
  if (n < n_entries) n_entries = n;
  if (n_entries) return;
  free(entries);
  entries = NULL;
  cap_entries = 0;
}

/* ---- registration -------------------------------------------------------------------------- */

static lp_status reject(lp_registrar *r, const char *fmt, ...) LP_PRINTF(2, 3);
static lp_status reject(lp_registrar *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(r->rejected, sizeof r->rejected, fmt, ap);
  va_end(ap);
  return lp_fail(LP_ERR_PLUGIN, "%s", r->rejected);
}

/* Costs and priors are chosen in the same place, so they share their names. */
static bool same_namespace(lp_kind a, lp_kind b) {
  if (a == LP_KIND_PRIOR) a = LP_KIND_COST;
  if (b == LP_KIND_PRIOR) b = LP_KIND_COST;
  return a == b;
}

static lp_status check_params(lp_registrar *r, const lp_entry *e) {
  const char *kind = lp_kind_name(e->kind);
  if (e->n_params && !e->params)
    return reject(r, "%s %s: n_params is %u but params is NULL", kind, e->name, e->n_params);
  for (uint32_t i = 0; i < e->n_params; i++) {
    const lp_param *p = &e->params[i];
    if (!p->name || !lp_plain_name(p->name))
      return reject(r, "%s %s: parameter %u has no usable name", kind, e->name, i);
    if (!p->meaning) return reject(r, "%s %s: parameter %s has no meaning", kind, e->name, p->name);
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(e->params[k].name, p->name) == 0)
        return reject(r, "%s %s: parameter %s is declared twice", kind, e->name, p->name);
    if (p->type > LP_PARAM_STRING)
      return reject(r, "%s %s: parameter %s has unknown type %u", kind, e->name, p->name, p->type);
    if (p->type == LP_PARAM_STRING ? !p->text : !(p->min <= p->value && p->value <= p->max))
      return reject(r, "%s %s: the default of parameter %s is missing or out of its range", kind,
                    e->name, p->name);
  }
  return LP_OK;
}

/* fits: struct_size is large enough; complete: every required callback is there. */
static lp_status add(lp_registrar *r, lp_entry e, bool fits, bool complete) {
  const char *kind = lp_kind_name(e.kind);
  if (!fits) return reject(r, "a %s descriptor is shorter than this library needs", kind);
  if (!e.name || !lp_plain_name(e.name))
    return reject(r, "a %s has no name, or one with other characters than letters, digits . _ -",
                  kind);
  if (!complete) return reject(r, "%s %s lacks a required callback or field", kind, e.name);
  lp_status s = check_params(r, &e);
  if (s != LP_OK) return s;
  for (uint32_t i = 0; i < n_entries; i++)
    if (same_namespace(entries[i].kind, e.kind) && strcmp(entries[i].name, e.name) == 0)
      return reject(r, "%s %s is already registered by %s", kind, e.name,
                    lp_module_get(entries[i].module)->file);
  if (n_entries == cap_entries) {
    uint32_t cap = cap_entries ? 2 * cap_entries : 32;
    lp_entry *grown = realloc(entries, cap * sizeof *grown);
    if (!grown) return lp_fail(LP_ERR_MEMORY, "out of memory while registering %s", e.name);
    entries = grown;
    cap_entries = cap;
  }
  if (!e.summary) e.summary = "";
  if (!e.source) e.source = "";
  e.module = r->module;
  entries[n_entries++] = e;
  return LP_OK;
}

lp_status lp_add_topology(lp_registrar *r, const lp_topology *t) {
  if (!t || t->struct_size < sizeof *t)
    return add(r, (lp_entry){.kind = LP_KIND_TOPOLOGY}, false, false);
  lp_entry e = {LP_KIND_TOPOLOGY, t->name, t->summary, t->source, t->params, t->n_params, t, 0};
  return add(r, e, true,
             t->distance && !t->extents != !t->place && t->ndim >= 1 && t->ndim <= LP_MAX_AXES);
}

lp_status lp_add_cost(lp_registrar *r, const lp_cost *c) {
  if (!c || c->struct_size < sizeof *c)
    return add(r, (lp_entry){.kind = LP_KIND_COST}, false, false);
  lp_entry e = {LP_KIND_COST, c->name, c->summary, c->source, c->params, c->n_params, c, 0};
  return add(r, e, true, c->signal != NULL);
}

lp_status lp_add_prior(lp_registrar *r, const lp_prior_source *p) {
  if (!p || p->struct_size < sizeof *p)
    return add(r, (lp_entry){.kind = LP_KIND_PRIOR}, false, false);
  lp_entry e = {LP_KIND_PRIOR, p->name, p->summary, p->source, p->params, p->n_params, p, 0};
  return add(r, e, true, !p->build != !p->permute);
}

lp_status lp_add_layer(lp_registrar *r, const lp_layer *l) {
  if (!l || l->struct_size < sizeof *l)
    return add(r, (lp_entry){.kind = LP_KIND_LAYER}, false, false);
  lp_entry e = {LP_KIND_LAYER, l->name, l->summary, l->source, l->params, l->n_params, l, 0};
  return add(r, e, true, l->build != NULL);
}

lp_status lp_add_backend(lp_registrar *r, const lp_backend *b) {
  if (!b || b->struct_size < sizeof *b)
    return add(r, (lp_entry){.kind = LP_KIND_BACKEND}, false, false);
  lp_entry e = {LP_KIND_BACKEND, b->name, b->summary, "", NULL, 0, b, 0};
  return add(r, e, true, b->enumerate && b->open);
}

/* ---- look-up ------------------------------------------------------------------------------- */

/* Records that there is no such name: the nearest one, all there are, modules that are not used. */
static void fail_unknown(lp_kind kind, const char *name) {
  char text[900] = "";
  const char **names = calloc(n_entries + 1, sizeof *names);
  uint32_t n = 0;
  for (uint32_t i = 0; names && i < n_entries; i++)
    if (same_namespace(entries[i].kind, kind)) names[n++] = entries[i].name;
  lp_text_add(text, sizeof text, "%s", lp_did_you_mean(name, names, n).text);
  lp_text_add(text, sizeof text, n ? "; there are " : "; there is none");
  lp_text_add_names(text, sizeof text, names, n);
  if (!lp_module_count())
    lp_text_add(text, sizeof text, " (no module was found: set LOCALITY_PLUGIN_PATH)");
  for (uint32_t i = 0; i < lp_module_count(); i++) {
    const lp_module_info *m = lp_module_get(i);
    const char *base = strrchr(m->file, '/');
    if (m->refused)
      lp_text_add(text, sizeof text, "; %s is not used: %s", base ? base + 1 : m->file, m->refused);
  }
  free(names);
  lp_fail(LP_ERR_NOT_FOUND, "no %s is called '%s'%s", lp_kind_name(kind), name, text);
}

const lp_entry *lp_entry_find(lp_kind kind, const char *name) {
  for (uint32_t i = 0; i < n_entries; i++)
    if (entries[i].kind == kind && strcmp(entries[i].name, name) == 0) return &entries[i];
  fail_unknown(kind, name);
  return NULL;
}
