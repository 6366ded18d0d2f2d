/* Where the units of each arm stand: a measure of space follows the arm's own topology. */
#include "run.h"

#include <locality/prior.h>
#include <math.h>
#include <stdlib.h>

/* An axis of p's sheet: does it wrap around? Its ends are 1 apart then, else its length less 1. An
 * axis of up to two units does not tell. False when it is neither. */
static bool axis_wraps(const lp_prior *p, uint32_t axis, bool *wrap, bool *told) {
  const uint32_t *extent = p->sheets.extent_out;
  uint32_t step = 1;
  for (uint32_t k = axis + 1; k < p->sheets.ndim; k++) step *= extent[k];
  *told = extent[axis] > 2;
  if (!*told) return true;
  double d = lp_prior_distance(p, 0, step * (extent[axis] - 1));
  *wrap = d == 1;
  return *wrap || d == extent[axis] - 1.0;
}

/* False for a sheet that is no lattice of one or two axes, all wrapped or none. */
static bool geometry_of(const lp_prior *p, lattice *out) {
  uint32_t ndim = p->sheets.ndim;
  const uint32_t *extent = p->sheets.extent_out;
  if (ndim < 1 || ndim > 2 || !extent[0]) return false;
  *out = (lattice){.rows = ndim == 1 ? 1 : extent[0], .cols = extent[ndim - 1]};
  bool known = false;
  for (uint32_t axis = 0; axis < ndim; axis++) {
    bool wrap = false, told = false;
    if (!axis_wraps(p, axis, &wrap, &told)) return false;
    if (!told) continue;
    if (known && wrap != out->wrap) return false;
    out->wrap = wrap;
    known = true;
  }
  bool lone = out->rows == 1 || out->cols == 1;
  out->name = out->wrap ? (lone ? "ring" : "torus") : ndim == 1 ? "line" : "grid";
  return true;
}

static uint32_t add_geometry(analysis *a, lattice g) {
  for (uint32_t i = 0; i < a->n_geometries; i++) {
    const lattice *known = &a->geometry[i];
    if (known->rows == g.rows && known->cols == g.cols && known->wrap == g.wrap) return i;
  }
  a->geometry[a->n_geometries] = g;
  return a->n_geometries++;
}

/* Where the topology cannot be asked any more, or is no lattice, the sheet itself is measured. */
static lp_status find_geometry(analysis *a, arm_info *arm) {
  lp_prior *prior = NULL;
  lattice g;
  lp_status s = lp_prior_of_layer(arm->layer, (const uint32_t[2]){a->rows, a->cols}, NULL,
                                  (uint64_t)a->seed[0], &prior);
  if (s == LP_ERR_MEMORY) return s;
  if (s == LP_OK) {
    if (geometry_of(prior, &g))
      arm->geometry = add_geometry(a, g);
    else
      lp_log(LP_LOG_WARNING, "arm %s: its topology is no lattice; V is taken on the %u x %u sheet",
             arm->name, a->rows, a->cols);
    lp_prior_free(prior);
  } else if (s != LP_ERR_NOT_FOUND) {
    lp_log(LP_LOG_WARNING, "arm %s: V is taken on the %u x %u sheet: %s", arm->name, a->rows,
           a->cols, lp_error_message());
  }
  return LP_OK;
}

lp_status find_geometries(analysis *a) {
  a->geometry = calloc((size_t)a->n_arms + 1, sizeof *a->geometry);
  if (!a->geometry) return lp_fail(LP_ERR_MEMORY, "out of memory for %u arms", a->n_arms);
  add_geometry(a, (lattice){a->rows, a->cols, false, "grid"});
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < a->n_arms; i++) s = find_geometry(a, &a->arm[i]);
  return s;
}
