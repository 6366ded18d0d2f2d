/* Where the units of both sheets of a layer stand. */
#include "prior_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Extents of one sheet: what the topology makes of what the user asked for. */
static lp_status choose_extents(const lp_prior *p, const char *which, uint32_t n,
                                const uint32_t asked[LP_MAX_AXES], uint32_t out[LP_MAX_AXES]) {
  const lp_topology *t = lp_prior_topology(p);
  memcpy(out, asked, LP_MAX_AXES * sizeof *out);
  lp_status s = t->extents(t->self, p->impl->topology.args, n, out);
  if (s != LP_OK) return lp_fail_in(s, "%s sheet of %u units", which, n);
  uint64_t product = 1; /* stops growing beyond n: it must not wrap round to it */
  for (uint32_t a = 0; a < LP_MAX_AXES; a++) {
    if (a >= t->ndim)
      out[a] = 0;
    else if (product <= n)
      product *= out[a];
  }
  if (product != n)
    return lp_fail(LP_ERR_PLUGIN, "topology %s: the extents it gives do not hold %u units", t->name,
                   n);
  return LP_OK;
}

/* Position on an axis of n units, in units of the finer spacing, cell-centred. The product comes
 * first so that integer ratios give exact positions. */
static double centre(uint32_t unit, uint32_t n, double period) {
  return (unit + 0.5) * period / n - 0.5;
}

static void place_lattice(double *pos, uint32_t ndim, uint32_t n, const uint32_t *extent,
                          const double *period) {
  for (uint32_t k = 0; k < n; k++)
    for (uint32_t a = ndim, rest = k; a-- > 0; rest /= extent[a])
      pos[(size_t)k * ndim + a] = centre(rest % extent[a], extent[a], period[a]);
}

static lp_status place_free(const lp_prior *p, const char *which, uint32_t n, double *pos) {
  const lp_topology *t = lp_prior_topology(p);
  lp_status s = t->place(t->self, p->impl->topology.args, n, pos);
  if (s != LP_OK) return lp_fail_in(s, "%s sheet of %u units", which, n);
  for (size_t i = 0; i < (size_t)n * t->ndim; i++)
    if (!isfinite(pos[i]))
      return lp_fail(LP_ERR_PLUGIN, "topology %s: unit %zu of %u has a position that is not finite",
                     t->name, i / t->ndim, n);
  return LP_OK;
}

lp_status lp_prior_place(lp_prior *p, const lp_prior_spec *spec) {
  const lp_topology *t = lp_prior_topology(p);
  lp_sheets *sh = &p->sheets;
  *sh = (lp_sheets){.struct_size = sizeof *sh,
                    .ndim = t->ndim,
                    .n_out = spec->n_out,
                    .n_in = spec->n_in,
                    .seed = spec->seed};
  if (!t->place) {
    lp_status s = choose_extents(p, "output", sh->n_out, spec->extent_out, sh->extent_out);
    if (s == LP_OK) s = choose_extents(p, "input", sh->n_in, spec->extent_in, sh->extent_in);
    if (s != LP_OK) return s;
  }
  double *pos = calloc(((size_t)sh->n_out + sh->n_in) * sh->ndim, sizeof *pos);
  if (!pos) return lp_fail(LP_ERR_MEMORY, "prior: out of memory for positions");
  double *in = pos + (size_t)sh->n_out * sh->ndim;
  p->impl->pos = pos;
  sh->pos_out = pos;
  sh->pos_in = in;
  if (t->place) {
    lp_status s = place_free(p, "output", sh->n_out, pos);
    return s == LP_OK ? place_free(p, "input", sh->n_in, in) : s;
  }
  for (uint32_t a = 0; a < sh->ndim; a++)
    sh->period[a] = sh->extent_out[a] > sh->extent_in[a] ? sh->extent_out[a] : sh->extent_in[a];
  place_lattice(pos, sh->ndim, sh->n_out, sh->extent_out, sh->period);
  place_lattice(in, sh->ndim, sh->n_in, sh->extent_in, sh->period);
  return LP_OK;
}
