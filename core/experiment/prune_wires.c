/* prune_wires.c: which weights of a network are pruned: their priors, lengths and ranks. */
#include "prune_internal.h"

#include "../base/text.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "prune: out of memory");
}

const char *lp_prune_rank_name(uint32_t rank) {
  static const char *const name[] = {"pw", "w", "w-over-d", "random"}; /* by lp_prune_rank */
  return rank < sizeof name / sizeof *name ? name[rank] : NULL;
}

void lp_wiring_free(lp_wiring *x) {
  for (uint32_t i = 0; i < x->n; i++) {
    free(x->of[i].name);
    free(x->of[i].rows);
    free(x->of[i].columns);
    free(x->of[i].w);
    free(x->of[i].p);
    free(x->of[i].d);
    free(x->of[i].wire);
    free(x->of[i].keep);
  }
  free(x->of);
  *x = (lp_wiring){0};
}

/* ---- finding them ---------------------------------------------------------------------------- */

/* Parameters of weights among the values first .. end - 1, in order; returns how many. */
static uint32_t weights_of(const lp_graph *g, const lp_net_layer *l, lp_val *out) {
  const uint32_t n = lp_graph_params(g, NULL, 0);
  lp_val *all = calloc(n + 1, sizeof *all);
  uint32_t found = 0;
  if (all) lp_graph_params(g, all, n);
  for (uint32_t i = 0; all && i < n; i++)
    if (all[i].id >= l->first && all[i].id < l->end && lp_graph_role(g, all[i]) == LP_ROLE_WEIGHT)
      out[found++] = all[i];
  free(all);
  return found;
}

static bool fits(const lp_desc *w, uint32_t n_out, uint32_t n_in) {
  return w->ndim > 1 && n_out && w->dim[0] % n_out == 0 && w->dim[1] == n_in;
}

/* What says where the wires of a weight end: the prior of its layer, else the sheets on both sides,
 * on a grid. False: nothing. */
static bool places_of(const lp_net *net, uint32_t k, const lp_desc *w, lp_prior_spec *spec,
                      bool *has_prior) {
  const lp_net_layer *l = &net->layer[k], *before = k ? l - 1 : NULL;
  *has_prior = true;
  for (uint32_t i = 0; i < net->n_priors; i++) {
    const lp_prior_note *p = &net->prior[i].note;
    if (strcmp(p->layer, l->name) != 0 || !fits(w, p->n_out, p->n_in)) continue;
    *spec = (lp_prior_spec){.n_out = p->n_out,
                            .n_in = p->n_in,
                            .topology = p->topology,
                            .cost = p->cost,
                            .metric = p->metric,
                            .normalize = p->normalize};
    memcpy(spec->extent_out, p->extent_out, sizeof spec->extent_out);
    memcpy(spec->extent_in, p->extent_in, sizeof spec->extent_in);
    return true;
  }
  *has_prior = false;
  if (w->ndim < 2 || !before || !l->ndim || l->ndim != before->ndim) return false;
  *spec = (lp_prior_spec){.n_out = 1,
                          .n_in = 1,
                          .topology = l->ndim == 1   ? "line"
                                      : l->ndim == 2 ? "grid"
                                                     : "grid3d",
                          .cost = "uniform"};
  for (uint32_t i = 0; i < l->ndim; i++) {
    spec->n_out *= spec->extent_out[i] = l->extent[i];
    spec->n_in *= spec->extent_in[i] = before->extent[i];
  }
  return fits(w, spec->n_out, spec->n_in);
}

static void set_element(lp_wires *x, size_t k, const lp_prior *p, uint32_t o, uint32_t i) {
  x->d[k] = lp_prior_distance(p, o, i);
  if (x->p) x->p[k] = lp_prior_at(p, o, i);
}

/* P and d of every element: the weight is (blocks x n_out, n_in, rest), or has wires alone. */
static lp_status fill(lp_wires *x, const lp_desc *w, const lp_prior_spec *spec, bool has_prior) {
  lp_prior *p;
  lp_status status = lp_prior_build(spec, &p);
  if (status != LP_OK) return status;
  x->d = malloc(sizeof *x->d * x->n);
  x->p = has_prior ? malloc(sizeof *x->p * x->n) : NULL;
  if (!x->d || (has_prior && !x->p)) status = out_of_memory();
  if (status == LP_OK && x->rows) {
    for (uint32_t o = 0; o < x->n_rows; o++)
      for (int32_t k = x->rows[o]; k < x->rows[o + 1]; k++)
        set_element(x, (size_t)k, p, o, (uint32_t)x->columns[k]);
  } else if (status == LP_OK) {
    const size_t n_columns = (size_t)w->dim[1], inner = x->n / ((size_t)w->dim[0] * n_columns);
    for (size_t k = 0; k < x->n; k++)
      set_element(x, k, p, (uint32_t)(k / (inner * n_columns) % spec->n_out),
                  (uint32_t)(k / inner % n_columns));
  }
  lp_prior_free(p);
  return status;
}

/* Where the elements stand that the weight has. */
static lp_status set_rows(lp_wires *x, const lp_graph *g, lp_val weight, const lp_desc *w) {
  const int32_t *rows, *columns;
  if (!lp_graph_wires(g, weight, &rows, &columns, &x->n_rows, &x->n_columns)) {
    x->n_rows = (uint32_t)w->dim[0];
    x->n_columns = (uint32_t)(x->n / x->n_rows);
    return LP_OK;
  }
  x->rows = malloc(sizeof *rows * ((size_t)x->n_rows + 1));
  x->columns = malloc(sizeof *columns * x->n);
  if (!x->rows || !x->columns) return out_of_memory();
  memcpy(x->rows, rows, sizeof *rows * ((size_t)x->n_rows + 1));
  memcpy(x->columns, columns, sizeof *columns * x->n);
  return LP_OK;
}

static lp_status add_weight(lp_wiring *all, const lp_net *net, uint32_t k, const lp_graph *g,
                            lp_val weight, bool last, uint64_t seed) {
  lp_wires *grown = realloc(all->of, (all->n + 1) * sizeof *grown);
  if (!grown) return out_of_memory();
  all->of = grown;
  lp_wires *x = &grown[all->n++];
  lp_desc w;
  *x = (lp_wires){.name = strdup(lp_graph_value_name(g, weight))};
  lp_status status = lp_graph_shape(g, weight, &w);
  if (status != LP_OK) return status;
  x->n = (size_t)lp_numel(&w);
  if (x->n > UINT32_MAX)
    return lp_fail(LP_ERR_UNSUPPORTED, "prune: %s has %zu weights", x->name, x->n);
  x->w = malloc(sizeof *x->w * x->n);
  x->keep = malloc(x->n);
  x->wire = malloc(sizeof *x->wire * x->n);
  if (!x->name || !x->w || !x->keep || !x->wire) return out_of_memory();
  lp_prior_spec spec;
  bool has_prior;
  status = set_rows(x, g, weight, &w);
  if (x->rows) w = lp_f32(x->n_rows, x->n_columns);
  /* Of a layer's several weights, the last is the one that its prior is of. */
  if (status == LP_OK && last && places_of(net, k, &w, &spec, &has_prior)) {
    spec.seed = seed;
    status = fill(x, &w, &spec, has_prior);
  }
  for (size_t i = 0; status == LP_OK && i < x->n; i++)
    if (!x->p || x->p[i] != 0) x->wire[x->n_wires++] = (uint32_t)i;
  return status;
}

static bool has_prior(const lp_net *net, const char *layer) {
  for (uint32_t i = 0; i < net->n_priors; i++)
    if (strcmp(net->prior[i].note.layer, layer) == 0) return true;
  return false;
}

/* Is the layer called so among those asked for? */
static bool is_asked(const char *layers, const char *name) {
  const size_t n = strlen(name);
  for (const char *p = layers; *p; p += *p == ',') {
    p += strspn(p, " ");
    const size_t word = strcspn(p, ",");
    size_t len = word;
    while (len && p[len - 1] == ' ') len--;
    if (len == n && memcmp(p, name, n) == 0) return true;
    p += word;
  }
  return false;
}

/* Fails for a name that no layer with weights has. */
static lp_status check_names(const char *layers, const char *const *name, uint32_t n) {
  char *copy = strdup(layers), *rest = copy;
  if (!copy) return out_of_memory();
  lp_status status = *copy ? LP_OK : lp_fail(LP_ERR_ARG, "layers: no layer is named");
  for (char *word; status == LP_OK && *copy && (word = lp_next_token(&rest));) {
    uint32_t k = 0;
    while (k < n && strcmp(name[k], word) != 0) k++;
    if (k == n)
      status = lp_fail(LP_ERR_NOT_FOUND, "layers: no layer with weights is named '%s'%s", word,
                       lp_did_you_mean_or(word, name, n).text);
  }
  free(copy);
  return status;
}

static lp_status choose(const lp_net *net, const lp_graph *g, const char *layers, uint64_t seed,
                        lp_wiring *out) {
  lp_val *weight = calloc(lp_graph_params(g, NULL, 0) + 1, sizeof *weight);
  const char **name = calloc(net->n_layers + 1, sizeof *name);
  lp_status status = weight && name ? LP_OK : out_of_memory();
  uint32_t n = 0;
  bool usual = false;
  for (uint32_t k = 0; status == LP_OK && k < net->n_layers; k++) {
    if (!weights_of(g, &net->layer[k], weight)) continue;
    name[n++] = net->layer[k].name;
    usual |= strcmp(net->layer[k].name, "lp") == 0;
  }
  if (status == LP_OK && layers) status = check_names(layers, name, n);
  for (uint32_t k = 0; status == LP_OK && k < net->n_layers; k++) {
    const char *layer = net->layer[k].name;
    if (layers  ? !is_asked(layers, layer)
        : usual ? strcmp(layer, "lp") != 0
                : !has_prior(net, layer))
      continue;
    const uint32_t many = weights_of(g, &net->layer[k], weight);
    for (uint32_t i = 0; status == LP_OK && i < many; i++)
      status = add_weight(out, net, k, g, weight[i], i + 1 == many, seed);
  }
  if (status == LP_OK && !out->n)
    status =
        lp_fail(LP_ERR_ARG, "the network has no layer 'lp' and none with a prior; name --layers%s",
                lp_did_you_mean_or("", name, n).text);
  free(name);
  free(weight);
  return status;
}

lp_status lp_wiring_of(const lp_net_spec *spec, const char *layers, lp_wiring *out) {
  *out = (lp_wiring){0};
  lp_graph *g = NULL;
  lp_net net = {0};
  lp_status status = lp_graph_new("wires", &g);
  if (status == LP_OK) status = lp_net_build(spec, g, 1, LP_EVAL, 0, &net);
  if (status == LP_OK) status = choose(&net, g, layers, spec->seed, out);
  lp_net_free(&net);
  lp_graph_free(g);
  if (status != LP_OK) lp_wiring_free(out);
  return status;
}

/* How many numbers the session has of a tensor. */
static size_t held(const lp_session *s, const char *name) {
  const char *other;
  lp_var_kind kind;
  lp_desc d;
  for (uint32_t i = 0; lp_session_var(s, i, &other, &kind, &d) == LP_OK; i++)
    if (strcmp(other, name) == 0) return (size_t)lp_numel(&d);
  return 0;
}

lp_status lp_wiring_read(lp_wiring *x, lp_trainer *t) {
  lp_session *s = lp_trainer_session(t);
  lp_status status = LP_OK;
  for (uint32_t i = 0; status == LP_OK && i < x->n; i++) {
    lp_wires *w = &x->of[i];
    size_t n = held(s, w->name);
    status = lp_session_read(s, w->name, w->w, sizeof *w->w * n);
    for (size_t k = w->n; status == LP_OK && n < w->n && k-- > 0;)
      w->w[k] = w->keep[k] ? w->w[--n] : 0; /* from the end: each moves up or stays */
  }
  return status;
}

/* ---- masks ----------------------------------------------------------------------------------- */

static lp_status mask_of(const lp_wires *x, lp_train_mask *out) {
  size_t kept = 0, n = 0;
  for (size_t k = 0; k < x->n; k++) kept += x->keep[k] != 0;
  int32_t *rows = malloc(sizeof *rows * ((size_t)x->n_rows + 1)),
          *columns = malloc(sizeof *columns * (kept + 1));
  *out = (lp_train_mask){.name = x->name, .n_rows = x->n_rows, .rows = rows, .columns = columns};
  if (!rows || !columns) return out_of_memory();
  if (kept > INT32_MAX)
    return lp_fail(LP_ERR_UNSUPPORTED, "prune: %s keeps %zu weights", x->name, kept);
  for (uint32_t r = 0; r < x->n_rows; r++) {
    const size_t first = x->rows ? (size_t)x->rows[r] : (size_t)r * x->n_columns,
                 end = x->rows ? (size_t)x->rows[r + 1] : first + x->n_columns;
    rows[r] = (int32_t)n;
    for (size_t k = first; k < end; k++)
      if (x->keep[k]) columns[n++] = x->columns ? x->columns[k] : (int32_t)(k - first);
  }
  rows[x->n_rows] = (int32_t)n;
  return LP_OK;
}

lp_status lp_wiring_masks(const lp_wiring *x, lp_train_mask **out) {
  *out = calloc(x->n + 1, sizeof **out);
  lp_status status = *out ? LP_OK : out_of_memory();
  for (uint32_t i = 0; status == LP_OK && i < x->n; i++) status = mask_of(&x->of[i], &(*out)[i]);
  return status;
}

void lp_wiring_masks_free(lp_train_mask *mask, uint32_t n) {
  for (uint32_t i = 0; mask && i < n; i++) {
    free((void *)mask[i].rows);
    free((void *)mask[i].columns);
  }
  free(mask);
}

/* ---- ranks ----------------------------------------------------------------------------------- */

/* The wires of tensors first .. end - 1 as the arrays that lp_pruned_length takes. */
static lp_status rank_wires(lp_wiring *x, uint32_t first, uint32_t end, lp_prune_rank rank,
                            double keep, uint64_t seed) {
  size_t n = 0, k = 0;
  for (uint32_t i = first; i < end; i++) n += x->of[i].n_wires;
  double *all = calloc(3 * n + 1, sizeof *all), mean;
  uint8_t *kept = malloc(n + 1);
  double *w = all, *p = all + n, *d = all + 2 * n;
  lp_status status = all && kept ? LP_OK : out_of_memory();
  for (uint32_t i = first; status == LP_OK && i < end; i++) {
    const lp_wires *t = &x->of[i];
    if (rank == LP_PRUNE_W_OVER_D && !t->d)
      status = lp_fail(LP_ERR_ARG,
                       "rank w-over-d: %s has no wires between units on sheets, so no distances",
                       t->name);
    for (size_t j = 0; j < t->n_wires; j++, k++) {
      w[k] = (double)t->w[t->wire[j]];
      p[k] = t->p ? t->p[t->wire[j]] : 1;
      d[k] = t->d ? t->d[t->wire[j]] : 0;
    }
  }
  if (status == LP_OK) status = lp_pruned_length(w, p, d, n, rank, keep, seed, kept, &mean);
  k = 0;
  for (uint32_t i = first; status == LP_OK && i < end; i++) {
    lp_wires *t = &x->of[i];
    size_t left = 0;
    memset(t->keep, 0, t->n);
    for (size_t j = 0; j < t->n_wires; j++) left += t->keep[t->wire[j]] = kept[k++];
    if (!left)
      status = lp_fail(LP_ERR_ARG, "keep %g: of the %zu wires of %s none would be left", keep,
                       t->n_wires, t->name);
  }
  free(all);
  free(kept);
  return status;
}

lp_status lp_wiring_choose(lp_wiring *x, lp_prune_scope scope, lp_prune_rank rank, double keep,
                           uint64_t seed) {
  if (scope == LP_PRUNE_GLOBAL) return rank_wires(x, 0, x->n, rank, keep, seed);
  lp_status status = LP_OK;
  for (uint32_t i = 0; status == LP_OK && i < x->n; i++) /* random ones of each tensor its own */
    status =
        rank_wires(x, i, i + 1, rank, keep, seed + ((uint64_t)lp_rng_stream(x->of[i].name) << 32));
  return status;
}

void lp_wiring_measure(const lp_wiring *x, lp_pruned *out) {
  double length = 0, distance = 0;
  out->wires = out->kept = 0;
  for (uint32_t i = 0; i < x->n; i++) {
    const lp_wires *t = &x->of[i];
    out->wires += t->n_wires;
    for (size_t j = 0; j < t->n_wires; j++) {
      const uint32_t at = t->wire[j];
      if (!t->keep[at]) continue;
      const double d = t->d ? t->d[at] : NAN;
      out->kept++;
      distance += d;
      length += fabs((double)t->w[at] * (t->p ? t->p[at] : 1)) * d;
    }
  }
  out->length = length;
  out->mean_length = distance / (double)out->kept;
}
