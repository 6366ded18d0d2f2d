/* The table of measures: built-in rows, then those of plugins; running what is asked for on a
 * site's activations or weights. */
#include "rows.h"

#include "../base/text.h"
#include "builtin.h"

#include <locality/registry.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_measures_register(const lp_host *host, lp_registrar *r) {
  static const struct {
    const lp_measure *row;
    const uint32_t *n;
  } part[] = {{lp_rows_map, &lp_n_rows_map},
              {lp_rows_site, &lp_n_rows_site},
              {lp_rows_wiring, &lp_n_rows_wiring}};
  lp_status s = LP_OK;
  for (size_t k = 0; k < sizeof part / sizeof *part; k++)
    for (uint32_t i = 0; s == LP_OK && i < *part[k].n; i++)
      s = host->add_measure(r, &part[k].row[i]);
  return s;
}

/* ---- what rows share ----------------------------------------------------------------------- */

lp_status lp_context_neighbours(const lp_measure_request *req, lp_contiguity kind,
                                const lp_neighbours **out) {
  measure_context *c = context_of(req);
  lp_status s = c->touching[kind] ? LP_OK : lp_neighbours_of(c->places, kind, &c->touching[kind]);
  *out = c->touching[kind];
  return s;
}

lp_status lp_context_pairs(const lp_measure_request *req, const lp_pairs **out) {
  measure_context *c = context_of(req);
  lp_status s = c->pairs ? LP_OK : lp_pairs_correlate(c->x, c->seed, &c->pairs);
  *out = c->pairs;
  return s;
}

static lp_status rows_of(const lp_measure_request *req, uint32_t first, uint32_t count,
                         double *out) {
  const lp_responses *x = context_of(req)->x;
  return x->read(x, first, count, out);
}

/* ---- one measurement ----------------------------------------------------------------------- */

typedef struct work {
  const lp_measure_input *in;
  measure_context context;
  lp_measure_request req;
  double *t, *q, *mean, *d; /* classes x units; d: n_out x n_in */
  lp_measurements *out;
  uint32_t cap, asked;
} work;

static lp_measured undefined(void) {
  lp_measured m = {.struct_size = sizeof m,
                   .value = NAN,
                   .chance = NAN,
                   .low = NAN,
                   .high = NAN,
                   .p = NAN,
                   .sd = NAN};
  for (int k = 0; k < LP_MEASURE_CURVE; k++) m.y_low[k] = m.y_high[k] = NAN;
  return m;
}

/* Why a row cannot be had of this input; NULL: it can. */
static const char *missing(const work *w, const lp_measure *row) {
  const lp_measure_input *in = w->in;
  bool maps = row->takes == LP_TAKES_MAP || row->takes == LP_TAKES_MAPS;
  if (maps && !in->labels) return "it needs labels";
  if (row->takes == LP_TAKES_WEIGHTS ? !in->w : !in->x)
    return row->takes == LP_TAKES_WEIGHTS ? "it needs weights" : "it needs activations";
  if ((row->flags & LP_MEASURE_SHEET) && !in->places->extent[0])
    return "it needs a sheet of rows and columns";
  if ((row->flags & LP_MEASURE_NONNEGATIVE) && in->negative)
    return "activations are negative, which it forbids";
  if ((row->flags & LP_MEASURE_SQUARE) && in->w && in->n_in != in->n_out)
    return "it needs weights between the units of one sheet";
  if (in->effort < LP_MEASURE_BOUNDED) return NULL;
  if ((row->flags & LP_MEASURE_CUBIC) && in->places->n > LP_BOUND_UNITS)
    return "it takes long for so many units";
  if ((row->flags & LP_MEASURE_CLASS_PAIRS) && in->classes > LP_BOUND_CLASSES)
    return "it takes long for so many classes";
  return NULL;
}

/* Is what it needs there, but not as it needs it? */
static bool forbidden(const work *w, const lp_measure *row) {
  return (row->takes == LP_TAKES_SITE && w->in->x) ||
         (row->takes <= LP_TAKES_MAPS && w->in->labels);
}

static lp_status keep(work *w, const lp_spec *spec, int32_t class_, const lp_measured *m) {
  lp_measurements *o = w->out;
  if (o->n == w->cap) {
    uint32_t cap = w->cap ? 2 * w->cap : 64;
    lp_measurement *grown = realloc(o->item, sizeof *grown * cap);
    if (!grown) return lp_no_memory("results");
    o->item = grown;
    w->cap = cap;
  }
  char *text = strdup(spec->text);
  if (!text) return lp_no_memory("results");
  o->item[o->n++] = (lp_measurement){spec->entry->descriptor, text, class_, w->asked, *m};
  return LP_OK;
}

/* The mean over classes of what is defined; curves are averaged too. p and bands are of one class.
 */
static lp_measured mean_over(const lp_measured *each, uint32_t n) {
  lp_measured all = undefined();
  double value = 0, chance = 0, values = 0, chances = 0;
  for (uint32_t c = 0; c < n; c++) {
    if (!isnan(each[c].value)) value += each[c].value, values++;
    if (!isnan(each[c].chance)) chance += each[c].chance, chances++;
  }
  if (values > 0) all.value = value / values;
  if (chances > 0) all.chance = chance / chances;
  all.n_curve = n ? each[0].n_curve : 0;
  for (uint32_t k = 0; k < all.n_curve; k++) {
    double y = 0, m = 0;
    for (uint32_t c = 0; c < n; c++)
      if (!isnan(each[c].y[k])) y += each[c].y[k], m++;
    all.x[k] = each[0].x[k];
    all.y[k] = m > 0 ? y / m : NAN;
  }
  return all;
}

/* Without the random placements of each class, where there are many of them. */
static void bound_nulls(const work *w, const lp_spec *spec) {
  if (w->in->effort < LP_MEASURE_BOUNDED || w->in->classes <= LP_BOUND_CLASSES) return;
  for (uint32_t k = 0; k < spec->entry->n_params; k++)
    if (strcmp(spec->entry->params[k].name, "permutations") == 0 ||
        strcmp(spec->entry->params[k].name, "replacements") == 0)
      spec->args[k].value = 0;
}

static lp_status measure_classes(work *w, const lp_spec *spec, const lp_measure *row) {
  uint32_t classes = w->in->classes;
  lp_measured *each = malloc(sizeof *each * ((size_t)classes + 1));
  lp_status s = each ? LP_OK : lp_no_memory("results");
  bound_nulls(w, spec);
  for (uint32_t c = 0; s == LP_OK && c < classes; c++) {
    lp_measure_request req = w->req;
    size_t at = (size_t)c * req.units;
    req.classes = 1;
    req.t = w->t + at, req.q = w->q + at, req.mean = w->mean + at;
    each[c] = undefined();
    s = row->value(row->self, spec->args, &req, &each[c]);
    if (s == LP_OK) s = keep(w, spec, (int32_t)c, &each[c]);
  }
  lp_measured all = s == LP_OK ? mean_over(each, classes) : undefined();
  free(each);
  return s == LP_OK ? keep(w, spec, -1, &all) : s;
}

static lp_status measure_one(work *w, const lp_spec *spec) {
  const lp_measure *row = spec->entry->descriptor;
  lp_status s;
  if (row->takes == LP_TAKES_MAP) {
    s = measure_classes(w, spec, row);
  } else {
    lp_measured m = undefined();
    s = row->value(row->self, spec->args, &w->req, &m);
    if (s == LP_OK) s = keep(w, spec, -1, &m);
  }
  return s == LP_OK ? s : lp_fail_in(s, "measure %s", spec->entry->name);
}

/* ---- a whole site -------------------------------------------------------------------------- */

static lp_status open_work(work *w, const lp_measure_input *in, lp_measurements *out) {
  const lp_places *p = in->places;
  *w = (work){.in = in,
              .context = {.places = p,
                          .x = in->x,
                          .seed = in->seed,
                          .superclass = in->superclass,
                          .superclasses = in->superclasses},
              .out = out};
  w->req = (lp_measure_request){.struct_size = sizeof w->req,
                                .units = p->n,
                                .ndim = p->ndim,
                                .at = p->at,
                                .seed = in->seed,
                                .classes = in->classes,
                                .images = in->x ? in->x->n : 0,
                                .labels = in->labels,
                                .rows = rows_of,
                                .n_out = in->n_out,
                                .n_in = in->n_in,
                                .w = in->w,
                                .p = in->p,
                                .core = &w->context};
  memcpy(w->req.extent, p->extent, sizeof w->req.extent);
  memcpy(w->req.period, p->period, sizeof w->req.period);
  if (in->x && in->x->units != p->n)
    return lp_fail(LP_ERR_ARG, "activations of %u units at %u places", in->x->units, p->n);
  if (in->w && (in->n_out != p->n || (in->n_in != p->n && !in->d)))
    return lp_fail(LP_ERR_ARG, "weights of %u x %u units at %u places", in->n_out, in->n_in, p->n);
  size_t maps = (size_t)in->classes * p->n, square = in->w && !in->d ? (size_t)p->n * p->n : 0;
  if (in->x && in->labels) {
    w->t = malloc(sizeof *w->t * (maps + 1));
    w->q = malloc(sizeof *w->q * (maps + 1));
    w->mean = malloc(sizeof *w->mean * (maps + 1));
    if (!w->t || !w->q || !w->mean) return lp_no_memory("maps of classes");
    lp_status s = lp_selectivity_of(in->x, in->labels, in->classes,
                                    &(lp_selectivity){.t = w->t, .q = w->q, .mean = w->mean});
    if (s != LP_OK) return s;
    w->req.t = w->t, w->req.q = w->q, w->req.mean = w->mean;
  }
  if (square && !(w->d = malloc(sizeof *w->d * square))) return lp_no_memory("distances of units");
  for (size_t k = 0; k < square; k++)
    w->d[k] = lp_places_distance(p, (uint32_t)(k / p->n), (uint32_t)(k % p->n));
  w->req.d = in->d ? in->d : w->d;
  return LP_OK;
}

static void close_work(work *w) {
  free(w->t);
  free(w->q);
  free(w->mean);
  free(w->d);
  lp_neighbours_free(w->context.touching[0]);
  lp_neighbours_free(w->context.touching[1]);
  lp_pairs_free(w->context.pairs);
}

static lp_status measure_named(work *w, const char *only) {
  char *text = strdup(only), *rest = text, *token;
  lp_status s = text ? LP_OK : lp_no_memory("names of measures");
  while (s == LP_OK && (token = lp_next_token(&rest))) {
    lp_spec spec;
    s = lp_spec_parse(LP_KIND_MEASURE, lp_unwrap(token), &spec);
    if (s != LP_OK) break;
    const char *why = missing(w, spec.entry->descriptor);
    if (!why)
      s = measure_one(w, &spec);
    else if (w->in->effort == LP_MEASURE_STRICT)
      s = lp_fail(LP_ERR_ARG, "measure %s: %s", spec.entry->name, why);
    w->asked++;
    lp_spec_free(&spec);
  }
  free(text);
  return s;
}

static lp_status measure_all(work *w) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind != LP_KIND_MEASURE) continue;
    const lp_measure *row = e->descriptor;
    const char *why = missing(w, row);
    if (why && forbidden(w, row) && !(row->flags & LP_MEASURE_ASKED))
      lp_text_add(w->out->left_out, sizeof w->out->left_out, "%s%s: %s",
                  w->out->left_out[0] ? "; " : "", e->name, why);
    if (why || (row->flags & LP_MEASURE_ASKED)) continue;
    lp_spec spec;
    s = lp_spec_parse(LP_KIND_MEASURE, e->name, &spec);
    if (s != LP_OK) break;
    s = measure_one(w, &spec);
    w->asked++;
    lp_spec_free(&spec);
  }
  return s;
}

lp_status lp_measure_site(const lp_measure_input *in, const char *only, lp_measurements *out) {
  *out = (lp_measurements){0};
  work w;
  lp_status s = lp_registry_load();
  if (s != LP_OK) return s;
  s = open_work(&w, in, out);
  if (s == LP_OK) s = only && *only ? measure_named(&w, only) : measure_all(&w);
  close_work(&w);
  if (s != LP_OK) lp_measurements_free(out);
  return s;
}

void lp_measurements_free(lp_measurements *m) {
  for (uint32_t i = 0; i < m->n; i++) free((char *)(uintptr_t)m->item[i].spec);
  free(m->item);
  *m = (lp_measurements){0};
}
