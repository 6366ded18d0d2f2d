/* `place`: the units of a sheet exchange places, so that wires get shorter or units that respond
 * alike stand together, and the network goes on computing what it did: the weights before and after
 * them, their optimiser's state and running statistics are permuted with them. */
#include "train_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_UNITS = 8192 };

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "place: out of memory");
}

/* ---- options ------------------------------------------------------------------------------- */

void lp_place_free(lp_place *p) {
  free(p->text);
  lp_net_units_free(&p->units);
  *p = (lp_place){0};
}

static lp_status set_epochs(lp_place *p, const char *value, uint32_t epochs) {
  uint64_t every = 0;
  if (strcmp(value, "last") != 0 && !lp_whole(value, 1, epochs, &every))
    return lp_fail(LP_ERR_ARG,
                   "place: %s: every=%s, expected a number of epochs from 1 to the %u of the "
                   "training, or last",
                   p->layer, value, epochs);
  p->every = (uint32_t)every;
  return LP_OK;
}

static lp_status set_key(lp_place *p, char *token, uint32_t epochs) {
  static const char *const names[] = {"by", "every", "rounds", "topology", "metric"};
  char *equals = strchr(token, '=');
  const char *value = equals ? lp_unwrap(lp_trim(equals + 1)) : "";
  if (equals) *equals = '\0';
  const char *key = lp_trim(token);
  uint64_t n;
  size_t i = 0;
  while (i < 5 && strcmp(key, names[i]) != 0) i++;
  switch (i) {
  case 0:
    p->by_alignment = strcmp(value, "alignment") == 0;
    if (p->by_alignment || strcmp(value, "wiring") == 0) return LP_OK;
    return lp_fail(LP_ERR_ARG, "place: %s: by=%s, expected wiring or alignment", p->layer, value);
  case 1:
    return set_epochs(p, value, epochs);
  case 2:
    if (!lp_whole(value, 1, 1000000, &n))
      return lp_fail(LP_ERR_ARG, "place: %s: rounds=%s, expected 1 to 1000000", p->layer, value);
    p->rounds = (uint32_t)n;
    return LP_OK;
  case 3:
    p->topology = value;
    return LP_OK;
  case 4:
    p->metric = value;
    return LP_OK;
  default:
    return lp_fail(LP_ERR_ARG, "place: %s: unknown '%s'%s", p->layer, key,
                   lp_did_you_mean_or(key, names, 5).text);
  }
}

/* "LAYER" or "LAYER=(KEY=VALUE,...)"; all texts are cut from p->text. */
static lp_status parse(lp_place *p, const char *item, uint32_t epochs) {
  *p = (lp_place){.every = 1, .rounds = 10, .topology = "grid", .metric = "l2"};
  if (!(p->text = strdup(item))) return out_of_memory();
  char *equals = strchr(p->text, '='), *rest = equals ? lp_unwrap(lp_trim(equals + 1)) : NULL;
  if (equals) *equals = '\0';
  p->layer = lp_trim(p->text);
  lp_status status = LP_OK;
  if (!lp_balanced(item))
    status = lp_fail(LP_ERR_ARG, "place: '%s': a parenthesis has no other", item);
  else if (rest && lp_check_keys(rest) != LP_OK)
    status = lp_fail_in(LP_ERR_ARG, "place: %s", p->layer);
  for (char *token; rest && *rest && status == LP_OK && (token = lp_next_token(&rest));)
    status = set_key(p, token, epochs);
  return status;
}

/* ---- what belongs together ------------------------------------------------------------------ */

/* Does the topology take the sheets? */
static lp_status check_topology(const lp_place *p) {
  const lp_net_units *u = &p->units;
  double *d = NULL;
  lp_status status =
      lp_place_distances(p, u->units, u->ndim, u->extent, u->units, u->ndim, u->extent, &d);
  free(d);
  for (uint32_t i = 0; i < u->n_wires && status == LP_OK; i++) {
    const lp_unit_wires *w = &u->wires[i];
    d = NULL;
    if (w->ndim)
      status =
          lp_place_distances(p, u->units, u->ndim, u->extent, w->others, w->ndim, w->extent, &d);
    free(d);
  }
  return status;
}

static lp_status check(lp_trainer *t, lp_place *p) {
  const lp_net_units *u = &p->units;
  const lp_site *site;
  uint32_t n, sheets = 0;
  for (uint32_t i = 0; i < u->n_wires; i++) sheets += u->wires[i].ndim > 0;
  if (u->units > MOST_UNITS)
    return lp_fail(LP_ERR_UNSUPPORTED, "place: layer %s has %u units; at most %d can be placed",
                   p->layer, u->units, MOST_UNITS);
  for (uint32_t i = 0; i < u->n_axes; i++)
    if (u->axis[i].name && lp_mask_find(t, u->axis[i].name))
      return lp_fail(LP_ERR_UNSUPPORTED, "place: layer %s: %s is pruned; place units before that",
                     p->layer, u->axis[i].name);
  if (!p->by_alignment && !sheets)
    return lp_fail(LP_ERR_UNSUPPORTED,
                   "place: layer %s: neither what it reads nor what reads it stands on a sheet, so "
                   "that no wire has a length; give one a `sheet:`",
                   p->layer);
  lp_status status = check_topology(p);
  if (status == LP_OK) status = lp_trainer_sites(t, &site, &n);
  if (status != LP_OK || !p->by_alignment || lp_place_site(t, p->layer) < n) return status;
  return lp_fail(
      LP_ERR_UNSUPPORTED,
      "place: layer %s: by=alignment asks how its units respond: record them, or a layer "
      "behind it that changes them one by one",
      p->layer);
}

/* The session's own text of a variable's name; NULL where it has none, as in a dry run. */
static const char *own_name(const lp_trainer *t, const char *name) {
  const char *own;
  lp_var_kind kind;
  lp_desc d;
  for (uint32_t i = 0; i < lp_session_var_count(t->session); i++)
    if (lp_session_var(t->session, i, &own, &kind, &d) == LP_OK && strcmp(own, name) == 0)
      return own;
  return NULL;
}

/* The graph's texts go with the graph. */
static lp_status keep_names(const lp_trainer *t, lp_net_units *u) {
  for (uint32_t i = 0; i < u->n_axes; i++) {
    const char *name = own_name(t, u->axis[i].name);
    if (!name && !t->spec.dry_run)
      return lp_fail(LP_ERR_NOT_FOUND, "place: no variable is named %s", u->axis[i].name);
    for (uint32_t k = 0; k < u->n_wires; k++)
      if (u->wires[k].weight == u->axis[i].name) u->wires[k].weight = name;
    u->axis[i].name = name;
  }
  return LP_OK;
}

static lp_status open_place(lp_trainer *t, const char *item, uint32_t epochs, lp_place *p) {
  lp_graph *g = NULL;
  lp_net net = {0};
  lp_status status = parse(p, item, epochs);
  if (status == LP_OK) status = lp_graph_new("place", &g);
  if (status == LP_OK) status = lp_net_build(&t->spec.net, g, 1, LP_EVAL, 0, &net);
  if (status == LP_OK) {
    status = lp_net_units_of(t->network, g, &net, p->layer, &p->units);
    if (status != LP_OK) lp_fail_in(status, "place");
  }
  if (status == LP_OK) status = keep_names(t, &p->units);
  lp_net_free(&net);
  lp_graph_free(g);
  return status == LP_OK ? check(t, p) : status;
}

/* ---- placing --------------------------------------------------------------------------------- */

/* Units by the weight of their wires, the largest first; equal ones by number. */
static void order_units(const double *weight, uint32_t n, uint32_t *order) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t k = i;
    for (; k > 0 && weight[order[k - 1]] < weight[i]; k--) order[k] = order[k - 1];
    order[k] = i;
  }
}

static lp_status choose(const lp_place_facts *f, const lp_place *p, uint32_t *place,
                        uint32_t *swaps) {
  const uint32_t n = p->units.units;
  lp_swap_cost c = {.n = n, .wiring = p->by_alignment ? NULL : f->cost, .r = f->r};
  uint32_t *order = malloc(n * sizeof *order);
  double *near = malloc((size_t)n * n * sizeof *near), largest = 0;
  lp_status status = order && near ? LP_OK : out_of_memory();
  for (size_t i = 0; i < (size_t)n * n && status == LP_OK; i++) {
    near[i] = 1 / (1 + f->d[i]);
    largest = fmax(largest, f->cost[i]);
  }
  c.s = near;
  c.least =
      1e-9 * (p->by_alignment ? 1 : largest); /* less is rounding, of which swaps had no end */
  if (status == LP_OK) order_units(f->weight, n, order);
  if (status == LP_OK) *swaps = lp_swap_places(&c, order, p->rounds, place);
  free(order);
  free(near);
  return status;
}

/* The value of unit u goes to place[u]. */
static lp_status permute(lp_trainer *t, const char *name, const lp_desc *d, uint32_t axis,
                         const uint32_t *place) {
  const size_t rows = (size_t)d->dim[0], cols = d->ndim > 1 ? (size_t)d->dim[1] : 1;
  float *x = NULL, *y = malloc(rows * cols * sizeof *y);
  lp_status status = y ? lp_place_read(t, name, rows * cols, &x) : out_of_memory();
  for (size_t r = 0; r < rows && status == LP_OK; r++)
    for (size_t c = 0; c < cols; c++)
      y[axis ? r * cols + place[c] : place[r] * cols + c] = x[r * cols + c];
  if (status == LP_OK) status = lp_session_write(t->session, name, y, rows * cols * sizeof *y);
  free(x);
  free(y);
  return status;
}

/* Is `name` the optimiser's state ("optim.KIND.PARAMETER") of the parameter? */
static bool is_slot_of(const char *name, const char *parameter) {
  const char *kind = strchr(name, '.'), *rest = kind ? strchr(kind + 1, '.') : NULL;
  return rest && strcmp(rest + 1, parameter) == 0;
}

static lp_status permute_all(lp_trainer *t, const lp_net_units *u, const uint32_t *place) {
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < lp_session_var_count(t->session) && status == LP_OK; i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc d;
    status = lp_session_var(t->session, i, &name, &kind, &d);
    const bool slot = lp_session_role(t->session, i) == LP_ROLE_SLOT;
    for (uint32_t k = 0; k < u->n_axes && status == LP_OK; k++)
      if (slot ? is_slot_of(name, u->axis[k].name) : strcmp(name, u->axis[k].name) == 0)
        status = permute(t, name, &d, u->axis[k].axis, place);
  }
  return status;
}

static lp_status place_units(lp_trainer *t, const lp_place *p, const lp_dataset *data,
                             lp_placement *out) {
  const uint32_t n = p->units.units;
  uint32_t *place = malloc(n * sizeof *place);
  lp_place_facts f = {0};
  *out =
      (lp_placement){.layer = p->layer, .by = p->by_alignment ? "alignment" : "wiring", .units = n};
  lp_status status = place ? LP_OK : out_of_memory();
  for (uint32_t u = 0; u < n && place; u++) place[u] = u;
  if (status == LP_OK) status = lp_place_gather(t, p, data, &f);
  if (status == LP_OK && p->by_alignment && !f.r)
    status = lp_fail(LP_ERR_ARG, "place: %s: by=alignment needs images", p->layer);
  if (status == LP_OK) {
    lp_place_measure(&f, p, place, out, 0);
    status = choose(&f, p, place, &out->swaps);
  }
  if (status == LP_OK) {
    lp_place_measure(&f, p, place, out, 1);
    for (uint32_t u = 0; u < n; u++) out->moved += place[u] != u;
    if (out->moved) status = permute_all(t, &p->units, place);
  }
  lp_place_facts_free(&f);
  free(place);
  return status;
}

/* ---- in training, and by itself ---------------------------------------------------------------
 */

lp_status lp_trainer_open_places(lp_trainer *t) {
  const char *option = lp_setting_text(t->settings, "place");
  if (!*option) return LP_OK;
  char *text = strdup(option), *rest = text;
  uint32_t most = 1;
  for (const char *c = option; *c; c++) most += *c == ',';
  t->place = calloc(most, sizeof *t->place);
  t->placement = calloc(most, sizeof *t->placement);
  lp_status status = text && t->place && t->placement ? LP_OK : out_of_memory();
  for (char *token; status == LP_OK && (token = lp_next_token(&rest)); t->n_places++)
    status = open_place(t, token, t->epochs, &t->place[t->n_places]);
  free(text);
  return status;
}

lp_status lp_trainer_place_now(lp_trainer *t) {
  lp_status status = LP_OK;
  t->n_placements = 0;
  for (uint32_t i = 0; i < t->n_places && status == LP_OK; i++) {
    const lp_place *p = &t->place[i];
    const uint32_t epoch = t->epoch + 1;
    if (p->every ? epoch % p->every : epoch != t->epochs) continue;
    status = place_units(t, p, t->train, &t->placement[t->n_placements++]);
  }
  return status;
}

uint32_t lp_trainer_placements(const lp_trainer *t, const lp_placement **out) {
  *out = t->placement;
  return t->n_placements;
}

lp_status lp_trainer_place(lp_trainer *t, const char *item, const lp_dataset *data,
                           lp_placement *out) {
  LP_POINT_NUMBERS;
  lp_place p;
  lp_status status = open_place(t, item, UINT32_MAX, &p);
  if (status == LP_OK) status = place_units(t, &p, data, out);
  out->layer = NULL;
  lp_place_free(&p);
  return status;
}
