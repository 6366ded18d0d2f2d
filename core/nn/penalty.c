/* Penalties: terms that layers add to the loss, how strong they are in each epoch, and their means
 * over the steps of an epoch. */
#include "netspec.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/nn.h>
#include <locality/registry.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- building ------------------------------------------------------------------------------ */

/* The weight, or bias, of the layer whose values in g are first .. end - 1: of several, the last
 * that was made, which of a recurrent layer is weight_hh. */
static lp_val leaf_of(const lp_graph *g, uint32_t first, uint32_t end, lp_role role) {
  lp_val found = LP_NO_VAL;
  for (lp_val v = {first}; v.id < end; v.id++)
    if (lp_graph_role(g, v) == role && *lp_graph_value_name(g, v)) found = v;
  return found;
}

static lp_val named(const lp_graph *g, uint32_t first, uint32_t end, const char *name) {
  lp_val v = {first};
  while (v.id < end && strcmp(lp_graph_value_name(g, v), name) != 0) v.id++;
  return v.id < end ? v : LP_NO_VAL;
}

static bool counts_as(const lp_sheet *s, int64_t units) {
  return s->units && (int64_t)s->units == units;
}

static void put_extents(uint32_t extent[LP_MAX_AXES], const lp_sheet *s) {
  if (lp_sheet_is_lattice(s)) memcpy(extent, s->extent, sizeof s->extent);
}

/* The sheets that the weight's rows and columns stand on: a block of rows for every unit of the
 * layer's sheet, and a column for every unit of its input's sheet, or, between the units of a
 * recurrent layer, of its own. */
static void describe(const lp_desc *w, const lp_sheet *in, const lp_sheet *out, bool recurrent,
                     lp_layer_request *req) {
  memset(req->extent_in, 0, sizeof req->extent_in);
  memset(req->extent_out, 0, sizeof req->extent_out);
  req->n_out = (uint32_t)w->dim[0], req->n_in = (uint32_t)w->dim[1];
  if (out->units && w->dim[0] % out->units == 0) {
    req->n_out = out->units;
    put_extents(req->extent_out, out);
  }
  if (recurrent && counts_as(out, w->dim[1]))
    put_extents(req->extent_in, out);
  else if (counts_as(in, w->dim[1]))
    put_extents(req->extent_in, in);
}

/* A scalar state named PATH.penalty.PART that starts as `value`. */
static lp_val scalar_state(lp_graph *g, lp_role role, const char *path, const char *part,
                           float value) {
  const lp_desc scalar = {LP_F32, 0, {0}};
  const lp_init init = {LP_INIT_CONST, value, NULL};
  char name[400];
  snprintf(name, sizeof name, "%s.penalty.%s", path, part);
  return lp_graph_leaf(g, role, name, &scalar, &init);
}

static lp_status build(const lp_spec *spec, lp_graph *g, lp_layer_request *req, lp_val weight,
                       lp_val y, lp_val *value) {
  const lp_penalty *row = spec->entry->descriptor;
  lp_desc d;
  lp_status s = row->build(row->self, spec->args + LP_PENALTY_PARAMS, g, req, weight, y, value);
  if (s == LP_OK) s = lp_graph_shape(g, *value, &d);
  if (s != LP_OK) return s;
  if (lp_numel(&d) != 1 || d.dtype != LP_F32)
    return lp_fail(LP_ERR_PLUGIN, "it gave something else than one number");
  lp_op_params scalar = {.shape = {0}};
  if (d.ndim) *value = lp_apply(g, LP_OP_RESHAPE, &scalar, value, 1);
  return lp_graph_status(g);
}

char *lp_penalty_next(char **rest) {
  if (!*rest) return NULL;
  char *text = lp_unwrap(lp_trim(*rest));
  if (*text != '(') return *rest = NULL, text; /* one, whose commas are its own */
  *rest = text;
  text = lp_next_token(rest);
  if (!text) return *rest = NULL, NULL;
  return lp_trim(lp_unwrap(text));
}

/* What the penalties of a layer share. */
typedef struct place {
  lp_graph *g;
  const lp_layerspec *l;
  lp_layer_request req;
  lp_val weight, y;
  lp_net *net;
} place;

/* Term k. Alone, it is LAYER.penalty; of several each has its own name before that. */
static lp_status add_term(place *at, uint32_t k) {
  const lp_layerspec *l = at->l;
  const char *name = l->term_name[k];
  lp_graph *g = at->g;
  lp_net *net = at->net;
  lp_layer_request req = at->req;
  char path[sizeof net->penalty->path], draw[340];
  lp_spec spec;
  lp_status s = lp_spec_parse(LP_KIND_PENALTY, l->term[k], &spec);
  if (s != LP_OK) return lp_fail_in(s, "penalty");
  snprintf(path, sizeof path, "%s%s%s", l->name, *name ? "." : "", name);
  snprintf(draw, sizeof draw, "%s.penalty", path);
  req.path = draw;
  lp_net_penalty *p = &net->penalty[net->n_penalties];
  *p = (lp_net_penalty){.layer = l->name, .spec = l->term[k]};
  snprintf(p->path, sizeof p->path, "%s", path);
  const uint32_t end = lp_graph_value_count(g) + 1;
  uint32_t priors; /* of the layers; what a penalty asks for is none of the network's */
  lp_graph_priors(g, &priors);
  s = build(&spec, g, &req, at->weight, at->y, &p->value);
  lp_graph_keep_priors(g, priors);
  if (s == LP_OK) {
    p->strength = scalar_state(g, LP_ROLE_SCRATCH, path, "strength", 1);
    if (((const lp_penalty *)spec.entry->descriptor)->draw) {
      snprintf(draw, sizeof draw, "%s.penalty.draw", path);
      p->draw = named(g, end, lp_graph_value_count(g) + 1, draw);
      p->n_out = req.n_out;
      memcpy(p->extent_out, req.extent_out, sizeof p->extent_out);
    }
    net->n_penalties++;
    s = lp_graph_status(g);
  } else {
    s = lp_fail_in(s, "penalty %s", spec.entry->name);
  }
  lp_spec_free(&spec);
  return s;
}

lp_status lp_penalty_add(lp_graph *g, const lp_layerspec *l, const lp_layer_request *layer,
                         const lp_sheet *in, const lp_sheet *out, uint32_t first, lp_val y,
                         bool recurrent, lp_net *net) {
  const uint32_t end = lp_graph_value_count(g) + 1;
  place at = {g, l, *layer, leaf_of(g, first, end, LP_ROLE_WEIGHT), y, net};
  lp_desc w;
  at.req.bias = leaf_of(g, first, end, LP_ROLE_BIAS);
  if (at.weight.id && lp_graph_shape(g, at.weight, &w) == LP_OK && w.ndim > 1) {
    describe(&w, in, out, recurrent, &at.req);
  } else if (out->units) {
    at.req.n_out = out->units;
    put_extents(at.req.extent_out, out);
  }
  lp_status s = LP_OK;
  for (uint32_t k = 0; k < l->n_terms && s == LP_OK; k++) s = add_term(&at, k);
  return s;
}

lp_status lp_penalty_sum(lp_graph *g, lp_net *net) {
  net->total = net->loss;
  for (uint32_t i = 0; i < net->n_penalties; i++) {
    const lp_net_penalty *p = &net->penalty[i];
    lp_val scaled = lp_apply(g, LP_OP_MUL, NULL, (const lp_val[]){p->value, p->strength}, 2);
    net->total = lp_apply(g, LP_OP_ADD, NULL, (const lp_val[]){net->total, scaled}, 2);
  }
  return lp_graph_status(g);
}

lp_status lp_net_penalty_means(lp_graph *g, lp_net *net, float share, lp_val *token) {
  *token = LP_NO_VAL;
  if (!net->n_penalties) return LP_OK;
  lp_val *in = calloc(2 * (size_t)net->n_penalties, sizeof *in);
  if (!in) return lp_fail(LP_ERR_MEMORY, "penalty: out of memory");
  for (uint32_t i = 0; i < net->n_penalties; i++) {
    lp_net_penalty *p = &net->penalty[i];
    in[2 * i] = p->mean = scalar_state(g, LP_ROLE_METRIC, p->path, "mean", 0);
    in[2 * i + 1] = p->value;
  }
  const lp_op_params add = {.scale = {share, 1}};
  *token = lp_apply(g, LP_OP_ACCUMULATE, &add, in, 2 * net->n_penalties);
  free(in);
  return lp_graph_status(g);
}

lp_status lp_penalty_draw(const lp_net_penalty *p, uint64_t seed, uint64_t step,
                          const lp_desc *desc, float *values) {
  lp_spec spec;
  lp_status s = lp_spec_parse(LP_KIND_PENALTY, p->spec, &spec);
  if (s != LP_OK) return s;
  const lp_penalty *row = spec.entry->descriptor;
  lp_layer_request req = {.struct_size = sizeof req, .n_out = p->n_out, .seed = seed};
  memcpy(req.extent_out, p->extent_out, sizeof req.extent_out);
  row->draw(row->self, spec.args + LP_PENALTY_PARAMS, &req, step, desc, values);
  lp_spec_free(&spec);
  return LP_OK;
}

/* ---- strength ------------------------------------------------------------------------------ */

static double constant(const lp_arg *a, double part, uint32_t epoch) {
  (void)a, (void)part, (void)epoch;
  return 1;
}

static double linear(const lp_arg *a, double part, uint32_t epoch) {
  (void)epoch;
  const double first = a[LP_PENALTY_FIRST].value, last = a[LP_PENALTY_LAST].value;
  return first + (last - first) * part;
}

static double cosine(const lp_arg *a, double part, uint32_t epoch) {
  return linear(a, (1 - cos(M_PI * part)) / 2, epoch);
}

static double steps(const lp_arg *a, double part, uint32_t epoch) {
  (void)part;
  return pow(a[LP_PENALTY_GAMMA].value, floor(epoch / a[LP_PENALTY_EVERY].value));
}

static const struct {
  const char *name;
  /* part: from 0 in the first epoch to 1 in the last */
  double (*factor)(const lp_arg *a, double part, uint32_t epoch);
} schedules[] = {{"constant", constant}, {"linear", linear}, {"cosine", cosine}, {"steps", steps}};

lp_status lp_penalty_check(const char *layer, const char *penalty, uint32_t epochs) {
  double first = 0, now = 0;
  lp_spec spec;
  lp_status s = lp_penalty_strength(penalty, 0, epochs, &first);
  bool moves = false;
  for (uint32_t e = 0; s == LP_OK && e < epochs; e++) {
    s = lp_penalty_strength(penalty, e, epochs, &now);
    moves |= now != first;
    if (s == LP_OK && !(now <= FLT_MAX))
      s = lp_fail(LP_ERR_ARG,
                  "%s: penalty %.*s: its strength in epoch %u would be %g, which is no number of "
                  "single precision; lower weight or gamma",
                  layer, (int)strcspn(penalty, ":"), penalty, e + 1, now);
  }
  if (s == LP_OK) s = lp_spec_parse(LP_KIND_PENALTY, penalty, &spec);
  if (s != LP_OK) return s;
  const char *schedule = spec.args[LP_PENALTY_SCHEDULE].text;
  if (!moves && strcmp(schedule, "constant") != 0)
    lp_log(LP_LOG_WARNING,
           "%s: penalty %s: schedule=%s changes nothing within %u epoch%s: the strength stays %g",
           layer, spec.entry->name, schedule, epochs, epochs == 1 ? "" : "s", first);
  lp_spec_free(&spec);
  return LP_OK;
}

lp_status lp_penalty_strength(const char *penalty, uint32_t epoch, uint32_t epochs, double *out) {
  enum { N = sizeof schedules / sizeof *schedules };
  const char *names[N];
  lp_spec spec;
  lp_status s = lp_spec_parse(LP_KIND_PENALTY, penalty, &spec);
  if (s != LP_OK) return s;
  const char *name = spec.args[LP_PENALTY_SCHEDULE].text;
  uint32_t i = 0;
  for (uint32_t k = 0; k < N; k++) names[k] = schedules[k].name;
  while (i < N && strcmp(names[i], name) != 0) i++;
  if (i < N)
    *out = spec.args[LP_PENALTY_WEIGHT].value *
           schedules[i].factor(spec.args, epochs > 1 ? epoch / (epochs - 1.0) : 0, epoch);
  else
    s = lp_fail(LP_ERR_ARG, "penalty %s: schedule=%s%s", spec.entry->name, name,
                lp_did_you_mean_or(name, names, N).text);
  lp_spec_free(&spec);
  return s;
}
