/* What a placement goes by: the wires of the units of a layer, how alike the units respond, and the
 * numbers before and after. */
#include "train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 500, FEWEST = 3 };

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "place: out of memory");
}

uint32_t lp_place_site(const lp_trainer *t, const char *layer) {
  uint32_t k = 0;
  while (k < t->n_sites && (strcmp(t->site[k].units_of, layer) != 0 || t->site[k].steps > 1)) k++;
  return k;
}

lp_status lp_place_distances(const lp_place *p, uint32_t n_out, uint32_t out_ndim,
                             const uint32_t *out_extent, uint32_t n_in, uint32_t in_ndim,
                             const uint32_t *in_extent, double **d) {
  lp_prior_spec spec = {.n_out = n_out, .n_in = n_in, .topology = p->topology, .metric = p->metric};
  if (out_ndim > 1) memcpy(spec.extent_out, out_extent, sizeof spec.extent_out);
  if (in_ndim > 1) memcpy(spec.extent_in, in_extent, sizeof spec.extent_in);
  lp_prior *prior;
  lp_status status = lp_prior_lay_out(&spec, &prior);
  if (status != LP_OK) return lp_fail_in(status, "place: %s", p->layer);
  *d = malloc((size_t)n_out * n_in * sizeof **d);
  for (uint32_t i = 0; *d && i < n_out; i++)
    for (uint32_t j = 0; j < n_in; j++) (*d)[(size_t)i * n_in + j] = lp_prior_distance(prior, i, j);
  lp_prior_free(prior);
  return *d ? LP_OK : out_of_memory();
}

void lp_place_facts_free(lp_place_facts *f) {
  free(f->cost);
  free(f->weight);
  free(f->d);
  free(f->r);
  free(f->maps);
}

lp_status lp_place_read(lp_trainer *t, const char *name, size_t n, float **out) {
  *out = malloc(n * sizeof **out);
  if (!*out) return out_of_memory();
  return lp_session_read(t->session, name, *out, n * sizeof **out);
}

/* |w| between unit u and other unit o. */
static double size_of(const lp_unit_wires *w, const float *weight, uint32_t n, uint32_t u,
                      uint32_t o) {
  return fabs((double)weight[w->incoming ? (size_t)u * w->others + o : (size_t)o * n + u]);
}

static lp_status add_wires(lp_trainer *t, const lp_place *p, const lp_unit_wires *w,
                           lp_place_facts *f) {
  const lp_net_units *u = &p->units;
  const uint32_t n = u->units, m = w->others;
  float *weight = NULL;
  double *d = NULL;
  lp_status status = lp_place_read(t, w->weight, (size_t)n * m, &weight);
  if (status == LP_OK && w->ndim)
    status = lp_place_distances(p, n, u->ndim, u->extent, m, w->ndim, w->extent, &d);
  for (uint32_t i = 0; i < n && status == LP_OK; i++)
    for (uint32_t o = 0; o < m; o++) {
      const double size = size_of(w, weight, n, i, o);
      f->weight[i] += size;
      if (d && size != 0)
        for (uint32_t q = 0; q < n; q++) f->cost[(size_t)i * n + q] += size * d[(size_t)q * m + o];
    }
  free(weight);
  free(d);
  return status;
}

/* Correlations of units over images; a unit that does not vary has none with any. */
static lp_status correlate(const float *maps, uint32_t images, uint32_t n, double **out) {
  double *x = malloc((size_t)n * images * sizeof *x), *r = calloc((size_t)n * n, sizeof *r);
  *out = r;
  for (uint32_t u = 0; x && r && u < n; u++) {
    double *v = x + (size_t)u * images, mean = 0, square = 0;
    for (uint32_t i = 0; i < images; i++) mean += v[i] = (double)maps[(size_t)i * n + u];
    mean /= images;
    for (uint32_t i = 0; i < images; i++) v[i] -= mean, square += v[i] * v[i];
    for (uint32_t i = 0; i < images; i++) v[i] = square > 0 ? v[i] / sqrt(square) : 0;
  }
  for (uint32_t u = 0; x && r && u < n; u++)
    for (uint32_t v = u; v < n; v++) {
      double sum = 0;
      for (uint32_t i = 0; i < images; i++)
        sum += x[(size_t)u * images + i] * x[(size_t)v * images + i];
      r[(size_t)u * n + v] = r[(size_t)v * n + u] = sum;
    }
  const bool ok = x && r;
  free(x);
  return ok ? LP_OK : out_of_memory();
}

static lp_status read_maps(lp_trainer *t, const lp_dataset *data, uint32_t site,
                           lp_place_facts *f) {
  const uint32_t count = lp_dataset_get_info(data)->count;
  const uint32_t images = count < SAMPLES ? count : SAMPLES;
  float **maps = calloc(t->n_sites, sizeof *maps);
  uint32_t *index = malloc(images * sizeof *index);
  int32_t *labels = malloc(images * sizeof *labels);
  bool ok = maps && index && labels;
  for (uint32_t k = 0; k < t->n_sites && ok; k++)
    ok = (maps[k] = malloc((size_t)images * t->site[k].steps * t->site[k].units * sizeof **maps));
  lp_status status = ok ? LP_OK : out_of_memory();
  if (ok) lp_dataset_selection(data, images, index);
  if (ok) status = lp_activations(t, data, index, images, maps, labels);
  f->images = images;
  for (uint32_t k = 0; maps && k < t->n_sites; k++)
    if (k == site)
      f->maps = maps[k];
    else
      free(maps[k]);
  free(maps);
  free(index);
  free(labels);
  return status == LP_OK ? correlate(f->maps, images, t->site[site].units, &f->r) : status;
}

lp_status lp_place_gather(lp_trainer *t, const lp_place *p, const lp_dataset *data,
                          lp_place_facts *f) {
  const lp_net_units *u = &p->units;
  const uint32_t n = u->units, site = lp_place_site(t, p->layer);
  f->cost = calloc((size_t)n * n, sizeof *f->cost);
  f->weight = calloc(n, sizeof *f->weight);
  lp_status status = f->cost && f->weight ? LP_OK : out_of_memory();
  if (status == LP_OK)
    status = lp_place_distances(p, n, u->ndim, u->extent, n, u->ndim, u->extent, &f->d);
  for (uint32_t i = 0; i < u->n_wires && status == LP_OK; i++)
    status = add_wires(t, p, &u->wires[i], f);
  if (status == LP_OK && data && site < t->n_sites) status = read_maps(t, data, site, f);
  return status;
}

/* ---- before and after ------------------------------------------------------------------------ */

/* Pearson over pairs of units of r and 1 / (1 + d) (Margalit et al., Neuron 2024). */
static double alignment(const lp_place_facts *f, uint32_t n, const uint32_t *place) {
  double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
  const double pairs = (double)n * (n - 1) / 2;
  if (!f->r || n < FEWEST) return NAN;
  for (uint32_t u = 0; u < n; u++)
    for (uint32_t v = 0; v < u; v++) {
      const double x = f->r[(size_t)u * n + v], y = 1 / (1 + f->d[(size_t)place[u] * n + place[v]]);
      sx += x, sy += y, xx += x * x, yy += y * y, xy += x * y;
    }
  return (xy - sx * sy / pairs) / sqrt((xx - sx * sx / pairs) * (yy - sy * sy / pairs));
}

/* Mean spatial variance of the maps: half the weighted mean of the squared distances of pairs. NaN
 * with a negative activation; maps of one active unit or none are left out. */
static double variance(const lp_place_facts *f, uint32_t n, const uint32_t *place) {
  double total = 0, *w = f->maps ? malloc(n * sizeof *w) : NULL;
  uint32_t defined = 0;
  if (!w) return NAN;
  for (uint32_t i = 0; i < f->images; i++) {
    double all = 0, square = 0, sum = 0;
    for (uint32_t u = 0; u < n; u++) {
      const double a = (double)f->maps[(size_t)i * n + u];
      if (!(a >= 0)) {
        free(w);
        return NAN;
      }
      w[place[u]] = a, all += a, square += a * a;
    }
    if (all <= 0 || square >= all * all) continue;
    for (uint32_t p = 0; p < n; p++)
      for (uint32_t q = 0; w[p] != 0 && q < p; q++) {
        const double d = f->d[(size_t)p * n + q];
        sum += w[p] * w[q] * d * d;
      }
    total += sum / (all * all - square);
    defined++;
  }
  free(w);
  return defined ? total / defined : NAN;
}

void lp_place_measure(const lp_place_facts *f, const lp_place *p, const uint32_t *place,
                      lp_placement *out, int after) {
  const uint32_t n = p->units.units;
  double wires = 0;
  for (uint32_t u = 0; u < n; u++) wires += f->cost[(size_t)u * n + place[u]];
  out->wiring[after] = wires;
  out->alignment[after] = alignment(f, n, place);
  out->variance[after] = variance(f, n, place);
}
