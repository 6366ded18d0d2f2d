/* The wires of a local prior without a table: the inputs that an output's cost reaches, looked for
 * in a k-d tree of their coordinates (Bentley, Communications of the ACM 18, 1975). */
#include "prior_internal.h"

#include <float.h>
#include <stdlib.h>

enum { LEAF = 8 }; /* units that are asked one by one */

/* A wire of one output. */
typedef struct wire {
  uint32_t input;
  double signal;
} wire;

/* The tree is the order of `unit`: a range of more than LEAF has its median in the middle, by the
 * axis of its depth, and what is not above it before. */
typedef struct search {
  const lp_prior *p;
  const lp_cost *cost;
  double reach, span[LP_MAX_AXES], wrap[LP_MAX_AXES];
  uint32_t *unit;
  const uint32_t *input_at; /* the input that stands at a place, NULL: its number */
  uint32_t output;          /* the place of the output at hand */
  wire *found;              /* its wires */
  uint32_t n_found, room;
  lp_status status;
} search;

static double coordinate(const search *s, uint32_t unit, uint32_t axis) {
  return s->p->sheets.pos_in[(size_t)unit * s->p->sheets.ndim + axis];
}

/* ---- the tree ---------------------------------------------------------------------------------
 */

static void exchange(uint32_t *unit, uint32_t a, uint32_t b) {
  const uint32_t kept = unit[a];
  unit[a] = unit[b];
  unit[b] = kept;
}

/* Hoare's selection: the k-th of first .. end - 1 goes to its place, what is less before it. */
static void select_kth(search *s, uint32_t first, uint32_t end, uint32_t k, uint32_t axis) {
  while (end - first > 1) {
    const double pivot = coordinate(s, s->unit[first + (end - first) / 2], axis);
    uint32_t low = first, high = end; /* what is left to compare */
    while (low < high) {
      while (coordinate(s, s->unit[low], axis) < pivot) low++;
      while (coordinate(s, s->unit[high - 1], axis) > pivot) high--;
      if (low >= high) break;
      exchange(s->unit, low++, --high);
    }
    if (k < high)
      end = high;
    else if (k >= low)
      first = low;
    else
      return;
  }
}

static void make_tree(search *s, uint32_t first, uint32_t end, uint32_t axis) {
  if (end - first <= LEAF) return;
  const uint32_t middle = first + (end - first) / 2, next = (axis + 1) % s->p->sheets.ndim;
  select_kth(s, first, end, middle, axis);
  make_tree(s, first, middle, next);
  make_tree(s, middle + 1, end, next);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

/* Keeps the input that stands at a place, if it sends to the output at hand. */
static void ask(search *s, uint32_t place) {
  double d, signal;
  s->status = lp_prior_measure(s->p, s->output, place, &d);
  if (s->status != LP_OK || d > s->reach) return;
  s->status = lp_prior_signal(s->p, s->cost, d, &signal);
  if (s->status != LP_OK || fabs(signal) < (double)FLT_MIN) return;
  if (s->n_found == s->room) {
    s->room = s->room ? 2 * s->room : 64;
    wire *grown = realloc(s->found, s->room * sizeof *grown);
    if (!grown) {
      s->status = lp_fail(LP_ERR_MEMORY, "prior: out of memory for its wires");
      return;
    }
    s->found = grown;
  }
  s->found[s->n_found++] = (wire){s->input_at ? s->input_at[place] : place, signal};
}

static bool inside(const search *s, uint32_t unit, const double *low, const double *high) {
  for (uint32_t a = 0; a < s->p->sheets.ndim; a++) {
    const double x = coordinate(s, unit, a);
    if (x < low[a] || x > high[a]) return false;
  }
  return true;
}

/* All of a range of the tree whose coordinates lie in the box low .. high. */
static void look(search *s, const double *low, const double *high, uint32_t first, uint32_t end,
                 uint32_t axis) {
  while (end - first > LEAF && s->status == LP_OK) {
    const uint32_t middle = first + (end - first) / 2, next = (axis + 1) % s->p->sheets.ndim;
    const double x = coordinate(s, s->unit[middle], axis);
    if (x >= low[axis]) look(s, low, high, first, middle, next);
    if (inside(s, s->unit[middle], low, high)) ask(s, s->unit[middle]);
    if (x > high[axis]) return;
    first = middle + 1;
    axis = next;
  }
  for (uint32_t k = first; k < end && s->status == LP_OK; k++)
    if (inside(s, s->unit[k], low, high)) ask(s, s->unit[k]);
}

/* The box round the output's place, axis by axis; on a closed axis its images, too. */
static void look_round(search *s, uint32_t axis, double *low, double *high) {
  const lp_sheets *sh = &s->p->sheets;
  if (axis == sh->ndim || axis == LP_MAX_AXES) {
    look(s, low, high, 0, sh->n_in, 0);
    return;
  }
  const double at = sh->pos_out[(size_t)s->output * sh->ndim + axis];
  const double span = s->span[axis], wrap = s->wrap[axis];
  const bool all = !(span < INFINITY) || (wrap > 0 && 2 * span >= wrap);
  for (int turn = wrap > 0 && !all ? -1 : 0; turn <= (wrap > 0 && !all ? 1 : 0); turn++) {
    low[axis] = all ? -INFINITY : at - span + turn * wrap;
    high[axis] = all ? INFINITY : at + span + turn * wrap;
    look_round(s, axis + 1, low, high);
  }
}

static int by_input(const void *a, const void *b) {
  const uint32_t x = ((const wire *)a)->input, y = ((const wire *)b)->input;
  return (x > y) - (x < y);
}

/* ---- the pattern ------------------------------------------------------------------------------
 */

typedef struct wires {
  int32_t *rows, *columns;
  double *signal;
  size_t n, room;
} wires;

static lp_status add_row(wires *w, const search *s, uint32_t i) {
  if (w->n + s->n_found > w->room) {
    w->room = 2 * w->room + s->n_found;
    int32_t *columns = realloc(w->columns, w->room * sizeof *columns);
    if (columns) w->columns = columns;
    double *signal = realloc(w->signal, w->room * sizeof *signal);
    if (signal) w->signal = signal;
    if (!columns || !signal) return lp_fail(LP_ERR_MEMORY, "prior: out of memory for its wires");
  }
  for (uint32_t k = 0; k < s->n_found; k++) {
    w->columns[w->n] = (int32_t)s->found[k].input;
    w->signal[w->n++] = s->found[k].signal;
  }
  w->rows[i + 1] = (int32_t)w->n;
  return LP_OK;
}

/* Fills w. *few: there are no more than `most`. */
static lp_status find(search *s, const uint32_t *perm_out, uint64_t most, wires *w, bool *few) {
  const lp_sheets *sh = &s->p->sheets;
  make_tree(s, 0, sh->n_in, 0);
  w->rows[0] = 0;
  for (uint32_t i = 0; i < sh->n_out; i++) {
    double low[LP_MAX_AXES], high[LP_MAX_AXES];
    s->output = perm_out ? perm_out[i] : i;
    s->n_found = 0;
    look_round(s, 0, low, high);
    if (s->status != LP_OK) return s->status;
    if (w->n + s->n_found > most) return LP_OK;
    qsort(s->found, s->n_found, sizeof *s->found, by_input);
    lp_status status = add_row(w, s, i);
    if (status != LP_OK) return status;
  }
  *few = true;
  return LP_OK;
}

/* The input that stands at each place, of a permutation; NULL: out of memory. */
static uint32_t *inverse(const uint32_t *perm, uint32_t n) {
  uint32_t *at = malloc(n * sizeof *at);
  for (uint32_t k = 0; at && k < n; k++) at[perm[k]] = k;
  return at;
}

double lp_prior_near_signal(const lp_prior *p, uint32_t i, uint32_t j) {
  const lp_pattern *w = p->impl->wires;
  int32_t low = w->rows[i], high = w->rows[i + 1];
  while (low < high) {
    const int32_t k = low + (high - low) / 2;
    if ((uint32_t)w->columns[k] == j) return p->impl->signal[k];
    if ((uint32_t)w->columns[k] < j)
      low = k + 1;
    else
      high = k;
  }
  return 0;
}

lp_status lp_prior_find_near(lp_prior *p, const lp_cost *cost, const uint32_t *perm) {
  const lp_topology *t = lp_prior_topology(p);
  const lp_sheets *sh = &p->sheets;
  const uint64_t most = lp_prior_most_wires(p);
  if (!most || !t->span || !cost->reach) return LP_OK;
  search s = {.p = p, .cost = cost};
  s.reach = cost->reach(cost->self, p->impl->cost.args, sh);
  if (!(s.reach < INFINITY)) return LP_OK;
  t->span(t->self, p->impl->topology.args, p->impl->metric, sh, s.reach, s.span, s.wrap);
  for (uint32_t k = 0; k < sh->ndim; k++) s.span[k] *= 1 + 1e-6; /* distances are rounded */
  uint32_t *input_at = perm ? inverse(perm + sh->n_out, sh->n_in) : NULL;
  s.input_at = input_at;
  s.unit = malloc(sh->n_in * sizeof *s.unit);
  wires w = {.rows = malloc(((size_t)sh->n_out + 1) * sizeof *w.rows),
             .columns = malloc(sizeof *w.columns),
             .signal = malloc(sizeof *w.signal)};
  bool few = false;
  lp_status status = s.unit && w.rows && w.columns && w.signal && (!perm || input_at)
                         ? LP_OK
                         : lp_fail(LP_ERR_MEMORY, "prior: out of memory for its wires");
  for (uint32_t k = 0; status == LP_OK && k < sh->n_in; k++) s.unit[k] = k;
  if (status == LP_OK) status = find(&s, perm, most, &w, &few);
  if (status == LP_OK && few)
    status = lp_pattern_new(sh->n_out, sh->n_in, w.rows, w.columns, &p->impl->wires);
  if (status == LP_OK && few) {
    p->impl->signal = w.signal;
    w.signal = NULL;
  }
  free(input_at);
  free(s.unit);
  free(s.found);
  free(w.rows);
  free(w.columns);
  free(w.signal);
  return status;
}
