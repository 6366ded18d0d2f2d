/* What modules have registered, by kind and name. */
#include "registry_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_entry *entries; /* grows while modules load, then stays */
static uint32_t n_entries, cap_entries;

/* ---- kinds --------------------------------------------------------------------------------- */

/* The head that every descriptor but a backend's has. */
typedef struct head {
  uint32_t struct_size;
  const char *name, *summary, *source;
  void *self;
  const lp_param *params;
  uint32_t n_params;
} head;

static bool topology_complete(const void *descriptor) {
  const lp_topology *t = descriptor;
  return t->distance && !t->extents != !t->place && t->ndim >= 1 && t->ndim <= LP_MAX_AXES;
}

static bool cost_complete(const void *descriptor) {
  return ((const lp_cost *)descriptor)->signal != NULL;
}

static bool prior_complete(const void *descriptor) {
  const lp_prior_source *p = descriptor;
  return !p->build != !p->permute;
}

static bool layer_complete(const void *descriptor) {
  return ((const lp_layer *)descriptor)->build != NULL;
}

static bool penalty_complete(const void *descriptor) {
  return ((const lp_penalty *)descriptor)->build != NULL;
}

static bool measure_complete(const void *descriptor) {
  const lp_measure *m = descriptor;
  return m->value && m->takes <= LP_TAKES_WEIGHTS;
}

static bool backend_complete(const void *descriptor) {
  const lp_backend *b = descriptor;
  return b->enumerate && b->open;
}

/* least: bytes of the descriptor in ABI 1.0, which every module has; size: of today's. */
static const struct {
  const char *name;
  size_t least, size;
  bool (*complete)(const void *descriptor); /* every required callback is there */
} kinds[LP_KIND_COUNT] = {
    [LP_KIND_TOPOLOGY] = {"topology", sizeof(lp_topology), sizeof(lp_topology), topology_complete},
    [LP_KIND_COST] = {"cost", sizeof(lp_cost), sizeof(lp_cost), cost_complete},
    [LP_KIND_PRIOR] = {"prior", sizeof(lp_prior_source), sizeof(lp_prior_source), prior_complete},
    [LP_KIND_LAYER] = {"layer", offsetof(lp_layer, flags), sizeof(lp_layer), layer_complete},
    [LP_KIND_BACKEND] = {"backend", sizeof(lp_backend), sizeof(lp_backend), backend_complete},
    [LP_KIND_PENALTY] = {"penalty", offsetof(lp_penalty, draw), sizeof(lp_penalty),
                         penalty_complete},
    [LP_KIND_MEASURE] = {"measure", sizeof(lp_measure), sizeof(lp_measure), measure_complete},
};

const char *lp_kind_name(lp_kind kind) {
  return (unsigned)kind < LP_KIND_COUNT ? kinds[kind].name : "unknown kind";
}

uint32_t lp_entry_count(void) {
  return n_entries;
}

const lp_entry *lp_entry_get(uint32_t i) {
  return i < n_entries ? &entries[i] : NULL;
}

void lp_entries_truncate(uint32_t n) {
  while (n_entries > n) free((void *)entries[--n_entries].descriptor);
  if (n_entries) return;
  free(entries);
  entries = NULL;
  cap_entries = 0;
}

/* ---- registration -------------------------------------------------------------------------- */

static lp_status reject(lp_registrar *r, const char *fmt, ...) LP_PRINTF(2, 3);
static lp_status reject(lp_registrar *r, const char *fmt, ...) {
  va_list ap;
  char reason[sizeof r->rejected];
  va_start(ap, fmt);
  vsnprintf(reason, sizeof reason, fmt, ap);
  va_end(ap);
  lp_text_add(r->rejected, sizeof r->rejected, "%s%s", r->rejected[0] ? "; " : "", reason);
  return lp_fail(LP_ERR_PLUGIN, "%s", reason);
}

/* Costs and priors are chosen in the same place, so they share their names. */
static bool same_namespace(lp_kind a, lp_kind b) {
  if (a == LP_KIND_PRIOR) a = LP_KIND_COST;
  if (b == LP_KIND_PRIOR) b = LP_KIND_COST;
  return a == b;
}

static bool names_arms(lp_kind kind) {
  return kind == LP_KIND_COST || kind == LP_KIND_PRIOR || kind == LP_KIND_LAYER;
}

/* Arms of experiments are costs, priors or layers by their name alone: a cost of another's would
 * take the place of a built-in layer. The library's own may share names. */
static bool clash(const lp_entry *old, const lp_entry *new) {
  if (strcmp(old->name, new->name) != 0) return false;
  if (same_namespace(old->kind, new->kind)) return true;
  return names_arms(old->kind) && names_arms(new->kind) && lp_module_get(new->module)->foreign &&
         !lp_module_get(old->module)->foreign;
}

/* What users write where such a name could stand, with a meaning of its own. */
static bool reserved(lp_kind kind, const char *name) {
  return (names_arms(kind) && strcmp(name, "control") == 0) ||
         (kind == LP_KIND_BACKEND && strcmp(name, "auto") == 0);
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

/* Keeps an entry whose descriptor is malloc'ed; takes the descriptor in any case. */
static lp_status keep(lp_registrar *r, lp_entry e) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < n_entries && s == LP_OK; i++)
    if (clash(&entries[i], &e)) {
      r->rival = r->rival || !lp_module_get(e.module)->foreign;
      s = reject(r,
                 "%s %s is already registered by %s, as a %s, which is the one used; rename one to "
                 "use both",
                 lp_kind_name(e.kind), e.name, lp_module_get(entries[i].module)->file,
                 lp_kind_name(entries[i].kind));
    }
  if (s == LP_OK && n_entries == cap_entries) {
    uint32_t cap = cap_entries ? 2 * cap_entries : 32;
    lp_entry *grown = realloc(entries, cap * sizeof *grown);
    if (grown) {
      entries = grown;
      cap_entries = cap;
    } else {
      s = lp_fail(LP_ERR_MEMORY, "out of memory while registering %s", e.name);
    }
  }
  if (s == LP_OK)
    entries[n_entries++] = e;
  else
    free((void *)e.descriptor);
  return s;
}

/* The parameters of a penalty: those that all have, then its own. They lie behind the descriptor's
 * copy, whose room is `size`. */
static const lp_param penalty_params[LP_PENALTY_PARAMS] = {
    [LP_PENALTY_WEIGHT] = {"weight", LP_PARAM_REAL, 1, 0, 1e9, NULL,
                           "strength: what the term is multiplied by"},
    [LP_PENALTY_SCHEDULE] = {"schedule", LP_PARAM_STRING, 0, 0, 0, "constant",
                             "of the strength over epochs: constant, linear, cosine or steps"},
    [LP_PENALTY_FIRST] = {"first", LP_PARAM_REAL, 1, 0, 1e9, NULL,
                          "linear, cosine: times weight in the first epoch"},
    [LP_PENALTY_LAST] = {"last", LP_PARAM_REAL, 0, 0, 1e9, NULL,
                         "linear, cosine: times weight in the last epoch"},
    [LP_PENALTY_EVERY] = {"every", LP_PARAM_INT, 10, 1, 1e6, NULL, "steps: epochs of a step"},
    [LP_PENALTY_GAMMA] = {"gamma", LP_PARAM_REAL, 0.1, 0, 1e9, NULL,
                          "steps: factor from step to step"},
};

static lp_entry with_common(lp_entry e, lp_param *all) {
  memcpy(all, penalty_params, sizeof penalty_params);
  for (uint32_t i = 0; e.params && i < e.n_params; i++) all[LP_PENALTY_PARAMS + i] = e.params[i];
  e.params = all;
  e.n_params += LP_PENALTY_PARAMS;
  return e;
}

/* Checks a descriptor and keeps a copy of it. A shorter one, of an older minor version, is filled
 * up with zeros. */
static lp_status add(lp_registrar *r, lp_kind kind, const void *descriptor) {
  const char *name = kinds[kind].name;
  uint32_t given = descriptor ? *(const uint32_t *)descriptor : 0; /* struct_size is always first */
  if (given < kinds[kind].least)
    return reject(r, "a %s descriptor is shorter than this library needs", name);
  const bool penalty = kind == LP_KIND_PENALTY;
  const uint32_t own = penalty ? ((const lp_penalty *)descriptor)->n_params : 0;
  if (penalty && own && !((const lp_penalty *)descriptor)->params)
    return reject(r, "a penalty has n_params of %u but params is NULL", own);
  const size_t room = penalty ? (own + LP_PENALTY_PARAMS) * sizeof(lp_param) : 0;
  void *copy = calloc(1, kinds[kind].size + room);
  if (!copy) return lp_fail(LP_ERR_MEMORY, "out of memory while registering a %s", name);
  memcpy(copy, descriptor, given < kinds[kind].size ? given : kinds[kind].size);
  lp_entry e = {.kind = kind, .source = "", .descriptor = copy, .module = r->module};
  if (kind == LP_KIND_BACKEND) {
    e.name = ((const lp_backend *)copy)->name;
    e.summary = ((const lp_backend *)copy)->summary;
  } else {
    const head *h = copy;
    e.name = h->name, e.summary = h->summary, e.source = h->source;
    e.params = h->params, e.n_params = h->n_params;
  }
  if (penalty) e = with_common(e, (lp_param *)((lp_penalty *)copy + 1));
  if (!e.summary) e.summary = "";
  if (!e.source) e.source = "";
  lp_status s = LP_OK;
  if (!e.name || !lp_plain_name(e.name))
    s = reject(r, "a %s has no name, or one with other characters than letters, digits . _ -",
               name);
  else if (!kinds[kind].complete(copy))
    s = reject(r, "%s %s lacks a required callback or field", name, e.name);
  else if (reserved(kind, e.name))
    s = reject(r, "a %s cannot be called %s, which has a meaning of its own; rename it", name,
               e.name);
  if (s == LP_OK) s = check_params(r, &e);
  if (s == LP_OK) return keep(r, e);
  free(copy);
  return s;
}

lp_status lp_add_topology(lp_registrar *r, const lp_topology *t) {
  return add(r, LP_KIND_TOPOLOGY, t);
}

lp_status lp_add_cost(lp_registrar *r, const lp_cost *c) {
  return add(r, LP_KIND_COST, c);
}

lp_status lp_add_prior(lp_registrar *r, const lp_prior_source *p) {
  return add(r, LP_KIND_PRIOR, p);
}

lp_status lp_add_layer(lp_registrar *r, const lp_layer *l) {
  return add(r, LP_KIND_LAYER, l);
}

lp_status lp_add_penalty(lp_registrar *r, const lp_penalty *p) {
  return add(r, LP_KIND_PENALTY, p);
}

lp_status lp_add_measure(lp_registrar *r, const lp_measure *m) {
  return add(r, LP_KIND_MEASURE, m);
}

lp_status lp_add_backend(lp_registrar *r, const lp_backend *b) {
  return add(r, LP_KIND_BACKEND, b);
}

/* ---- look-up ------------------------------------------------------------------------------- */

/* "sernn,weight=1" is something's name, and parameters: records that. */
static bool lacks_colon(lp_kind kind, const char *text) {
  const size_t n = strcspn(text, ", ");
  const char *rest = text + n + strspn(text + n, ", ");
  for (uint32_t i = 0; *rest && i < n_entries; i++)
    if (same_namespace(entries[i].kind, kind) && strlen(entries[i].name) == n &&
        memcmp(entries[i].name, text, n) == 0) {
      lp_fail(LP_ERR_NOT_FOUND, "%s '%s': parameters stand behind a colon: '%s:%s'",
              lp_kind_name(kind), text, entries[i].name, rest);
      return true;
    }
  return false;
}

/* Records that there is no such name: the nearest one, all there are, modules that are not used. */
static void fail_unknown(lp_kind kind, const char *name) {
  if (lacks_colon(kind, name)) return;
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
