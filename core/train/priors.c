/* The constants of a network (its priors) as one hash a layer: what a plugin gave then and gives
 * now can be compared, whatever its name and version say. */
#include "train_internal.h"

#include "../base/text.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashing ------------------------------------------------------------------------------- */

typedef struct constant {
  const char *name;
  size_t layer; /* length of the layer's path at the start of the name */
  lp_desc desc;
  char sha256[65];
} constant;

/* "lp.prior.table" and "lp.mask" are of layer "lp". */
static size_t layer_length(const char *name) {
  const char *end = strstr(name, ".prior.");
  if (!end) end = strrchr(name, '.');
  return end ? (size_t)(end - name) : strlen(name);
}

static int compare_layers(const constant *a, const constant *b) {
  size_t n = a->layer < b->layer ? a->layer : b->layer;
  int order = strncmp(a->name, b->name, n);
  return order ? order : (a->layer > b->layer) - (a->layer < b->layer);
}

static int by_layer_and_name(const void *a, const void *b) {
  int order = compare_layers(a, b);
  return order ? order : strcmp(((const constant *)a)->name, ((const constant *)b)->name);
}

/* The library's own for derivatives; masks, which are part of the weights; what follows from other
 * constants. */
static bool of_no_layer(const char *name) {
  static const char *const prefix[] = {"autodiff.", LP_MASK_PREFIX, LP_PRIOR_EXPANDED};
  for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
    if (strncmp(name, prefix[i], strlen(prefix[i])) == 0) return true;
  return false;
}

/* Hashes the constants of the graph's layers into c. */
static lp_status collect(const lp_graph *g, constant *c, uint32_t *n) {
  const void *data;
  *n = 0;
  for (uint32_t i = 0; lp_graph_constant_get(g, i, &c[*n].name, &c[*n].desc, &data); i++) {
    constant *x = &c[*n];
    if (of_no_layer(x->name)) continue;
    x->layer = layer_length(x->name);
    lp_status status = lp_sha256(data, lp_nbytes(&x->desc), x->sha256);
    if (status != LP_OK) return status;
    ++*n;
  }
  qsort(c, *n, sizeof *c, by_layer_and_name);
  return LP_OK;
}

/* The hash of constants first .. end-1: of their names, types, shapes and bytes. */
static lp_status hash_layer(const constant *first, const constant *end, char hex[65]) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) return lp_fail(LP_ERR_MEMORY, "training: out of memory");
  for (const constant *c = first; c < end; c++) {
    fprintf(f, "%s %d", c->name, (int)c->desc.dtype);
    for (uint32_t a = 0; a < c->desc.ndim; a++) fprintf(f, " %lld", (long long)c->desc.dim[a]);
    fprintf(f, " %s\n", c->sha256);
  }
  lp_status status = fclose(f) == 0 ? lp_sha256(text, size, hex)
                                    : lp_fail(LP_ERR_MEMORY, "training: out of memory");
  free(text);
  return status;
}

lp_status lp_priors_of(const lp_graph *g, char **out) {
  *out = NULL;
  const char *name;
  const void *data;
  lp_desc desc;
  uint32_t n = 0;
  while (lp_graph_constant_get(g, n, &name, &desc, &data)) n++;
  constant *c = calloc(n + 1, sizeof *c); /* one more: the look-up that finds no further one */
  size_t size = 0;
  FILE *f = c ? open_memstream(out, &size) : NULL;
  lp_status status = f ? collect(g, c, &n) : lp_fail(LP_ERR_MEMORY, "training: out of memory");
  for (uint32_t i = 0, end; status == LP_OK && i < n; i = end) {
    char hex[65];
    for (end = i + 1; end < n && compare_layers(&c[i], &c[end]) == 0;) end++;
    status = hash_layer(&c[i], &c[end], hex);
    if (status == LP_OK) fprintf(f, "%s%.*s=%s", i ? " " : "", (int)c[i].layer, c[i].name, hex);
  }
  if (f && fclose(f) != 0 && status == LP_OK)
    status = lp_fail(LP_ERR_MEMORY, "training: out of memory");
  free(c);
  if (status == LP_OK) return LP_OK;
  free(*out);
  *out = NULL;
  return status;
}

lp_status lp_trainer_note_priors(lp_trainer *t, const lp_graph *g) {
  char *now;
  lp_status status = lp_priors_of(g, &now);
  if (status == LP_OK && t->priors) status = lp_priors_compare(t->priors, now, t->network, NULL);
  if (status != LP_OK && t->priors)
    lp_fail_in(status, "a plugin gives other constants each time it is asked");
  if (status != LP_OK || (t->priors && strlen(now) <= strlen(t->priors))) {
    free(now);
    return status;
  }
  free(t->priors); /* graphs that train have the penalties' besides */
  t->priors = now;
  return LP_OK;
}

const char *lp_trainer_priors(const lp_trainer *t) {
  return t->priors ? t->priors : "";
}

/* ---- comparing ----------------------------------------------------------------------------- */

/* The pair "layer=hash" of a text for the layer that `pair` begins with; NULL: none. */
static const char *find_layer(const char *text, const char *pair) {
  size_t n = strcspn(pair, "=") + 1;
  for (const char *p = text; *p; p += strspn(p, " ")) {
    if (strncmp(p, pair, n) == 0) return p;
    p += strcspn(p, " ");
  }
  return NULL;
}

static bool same_pair(const char *a, const char *b) {
  size_t n = strcspn(a, " ");
  return n == strcspn(b, " ") && memcmp(a, b, n) == 0;
}

/* Only graphs that train have a penalty, whose constants are of "LAYER.penalty". */
static bool is_penalty(const char *pair) {
  static const char end[] = ".penalty";
  const size_t n = strcspn(pair, "="), k = sizeof end - 1;
  return n > k && memcmp(pair + n - k, end, k) == 0;
}

/* First pair of a that b does not have, or has with another hash; NULL: none. A penalty that b does
 * not have changes nothing that b computes. */
static const char *first_change(const char *a, const char *b) {
  for (const char *p = a; *p; p += strspn(p, " ")) {
    const char *other = find_layer(b, p);
    if (other ? !same_pair(p, other) : !is_penalty(p)) return p;
    p += strcspn(p, " ");
  }
  return NULL;
}

/* Adds the entry called `name` (up to a colon) with its module. */
static void add_module(char *text, size_t cap, const char *name, bool foreign_only) {
  size_t n = strcspn(name, ":");
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    const lp_module_info *m = lp_module_get(e->module);
    if (e->kind == LP_KIND_BACKEND || strlen(e->name) != n || memcmp(e->name, name, n) != 0 ||
        (foreign_only && !m->foreign))
      continue;
    lp_text_add(text, cap, "%s%s %s (%s %s, %s)", *text ? ", " : "", lp_kind_name(e->kind), e->name,
                m->name, m->version, m->file);
    return;
  }
}

/* Which modules a layer's constants come from: those that are not the library's own, if any. */
static void list_modules(const char *layer, char *text, size_t cap) {
  lp_spec spec;
  if (lp_spec_parse(LP_KIND_LAYER, layer, &spec) != LP_OK) return;
  for (int foreign = 1; foreign >= 0 && !*text; foreign--) {
    add_module(text, cap, spec.entry->name, foreign);
    for (uint32_t i = 0; i < spec.entry->n_params; i++)
      if (spec.entry->params[i].type == LP_PARAM_STRING && *spec.args[i].text)
        add_module(text, cap, spec.args[i].text, foreign);
  }
  lp_spec_free(&spec);
}

lp_status lp_priors_compare(const char *then, const char *now, const lp_netspec *network,
                            const char *layer) {
  const char *changed = first_change(then, now);
  if (!changed) changed = first_change(now, then);
  if (!changed) return LP_OK;
  char modules[700] = "", name[128];
  /* "lp.penalty" has constants of layer lp. */
  snprintf(name, sizeof name, "%.*s", (int)strcspn(changed, "=."), changed);
  if (network) layer = lp_netspec_layer(network, name);
  if (!layer) layer = "a layer that is no more";
  list_modules(layer, modules, sizeof modules);
  return lp_fail(LP_ERR_PLUGIN,
                 "layer %s: its prior is not the one that it was trained with, so results would "
                 "be others; it comes from %s: use that module as it was then, or train anew",
                 name, *modules ? modules : layer);
}
