/* The priors of one network: each is built when it is first asked for, and its values, as devices
 * take them, are put into every graph of the network. */
#include "prior_internal.h"

#include <locality/graph.h>

#include <stdlib.h>
#include <string.h>

/* One prior and what it was asked for by; texts are owned, NULL where none was given. */
typedef struct kept {
  lp_prior_spec spec;
  bool matrix; /* see lp_prior_values_of */
  lp_prior_values values;
  struct kept *next;
} kept;

struct lp_prior_store {
  kept *first;
  uint32_t n;
};

lp_prior_store *lp_prior_store_new(void) {
  return calloc(1, sizeof(lp_prior_store));
}

static const char **texts(lp_prior_spec *spec, uint32_t i) {
  const char **const all[] = {&spec->topology, &spec->cost, &spec->metric, &spec->normalize};
  return all[i];
}

static void free_kept(kept *k) {
  for (uint32_t i = 0; i < 4; i++) free((char *)(uintptr_t)*texts(&k->spec, i));
  lp_prior_values_free(&k->values);
  free(k);
}

void lp_prior_store_free(lp_prior_store *s) {
  if (!s) return;
  for (kept *k = s->first, *next; k; k = next) {
    next = k->next;
    free_kept(k);
  }
  free(s);
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const lp_prior_spec *a, const lp_prior_spec *b) {
  return a->n_out == b->n_out && a->n_in == b->n_in && a->seed == b->seed &&
         memcmp(a->extent_out, b->extent_out, sizeof a->extent_out) == 0 &&
         memcmp(a->extent_in, b->extent_in, sizeof a->extent_in) == 0 &&
         same_text(a->topology, b->topology) && same_text(a->cost, b->cost) &&
         same_text(a->metric, b->metric) && same_text(a->normalize, b->normalize);
}

/* Builds the prior and adds it; *out stays with the store. */
static lp_status add(lp_prior_store *s, const lp_prior_spec *spec, bool matrix, kept **out) {
  kept *k = calloc(1, sizeof *k);
  if (!k) return lp_fail(LP_ERR_MEMORY, "prior: out of memory");
  k->spec = *spec;
  k->matrix = matrix;
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < 4; i++) {
    const char **text = texts(&k->spec, i);
    if (*text && !(*text = strdup(*text))) status = lp_fail(LP_ERR_MEMORY, "prior: out of memory");
  }
  lp_prior *p = NULL;
  if (status == LP_OK) status = lp_prior_build(spec, &p);
  if (status == LP_OK) status = lp_prior_values_of(p, matrix, &k->values);
  lp_prior_free(p);
  if (status != LP_OK) return free_kept(k), status;
  k->next = s->first;
  s->first = *out = k;
  s->n++;
  return LP_OK;
}

static lp_status note(const kept *k, lp_graph *g, const char *path) {
  const lp_prior_spec *s = &k->spec;
  lp_prior_note n = {.layer = path,
                     .topology = s->topology ? s->topology : "grid",
                     .cost = s->cost,
                     .metric = s->metric ? s->metric : "l2",
                     .normalize = s->normalize ? s->normalize : "none",
                     .n_out = s->n_out,
                     .n_in = s->n_in,
                     .ndim = k->values.ndim};
  memcpy(n.extent_out, k->values.extent_out, sizeof n.extent_out);
  memcpy(n.extent_in, k->values.extent_in, sizeof n.extent_in);
  return lp_graph_note_prior(g, &n);
}

/* The one of that spec; built when it is first asked for. */
static lp_status find(lp_prior_store *s, const lp_prior_spec *spec, bool matrix, kept **out) {
  kept *k = s->first;
  while (k && !(k->matrix == matrix && same(&k->spec, spec))) k = k->next;
  *out = k;
  return k ? LP_OK : add(s, spec, matrix, out);
}

lp_status lp_prior_store_operands(lp_prior_store *s, const lp_prior_spec *spec, lp_graph *g,
                                  const char *path, lp_val operands[LP_LINEAR_INPUTS],
                                  lp_linear_params *params) {
  kept *k;
  lp_status status = find(s, spec, false, &k);
  const bool wires_alone = status == LP_OK && k->values.wires && !k->values.table;
  if (wires_alone || (status == LP_OK && k->values.order)) status = find(s, spec, true, &k);
  if (status == LP_OK) status = lp_prior_values_put(&k->values, g, path, operands, params);
  return status == LP_OK ? note(k, g, path) : status;
}

lp_status lp_prior_store_linear(lp_prior_store *s, const lp_prior_spec *spec, lp_graph *g,
                                const char *path, lp_val operands[LP_LINEAR_INPUTS],
                                lp_linear_params *params) {
  kept *k;
  lp_status status = find(s, spec, false, &k);
  if (status != LP_OK) return status;
  if (!k->values.order) return lp_prior_store_operands(s, spec, g, path, operands, params);
  status = lp_prior_ordered_put(&k->values, g, path, operands, params);
  return status == LP_OK ? note(k, g, path) : status;
}

lp_status lp_prior_store_wires(lp_prior_store *s, const lp_prior_spec *spec, lp_graph *g,
                               const char *path, lp_val operands[LP_SPARSE_INPUTS], bool *local) {
  kept *k;
  lp_status status = find(s, spec, false, &k);
  *local = status == LP_OK && k->values.wires;
  if (!*local) return status;
  status = lp_prior_wires_put(&k->values, g, path, operands);
  return status == LP_OK ? note(k, g, path) : status;
}
