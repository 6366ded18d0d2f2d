/* A parameter of which some weights exist only takes the place of its matrix, and SPARSE_LINEAR
 * that of the layers that read it. */
#include "graph_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The operands of an op that are not its own: all behind x, w and b. */
enum { OWN = 3 };

static lp_status out_of_memory(lp_graph *g) {
  return lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
}

static bool same_layer(const lp_graph *g, const lp_op_record *a, const lp_op_record *b) {
  return a->op == b->op && memcmp(g->operand + a->in_first + OWN, g->operand + b->in_first + OWN,
                                  (a->in_count - OWN) * sizeof *g->operand) == 0;
}

/* An op that reads w as a layer's weights, where all that read it are alike; else NULL. */
static const lp_op_record *reader_of(const lp_graph *g, uint32_t w) {
  const lp_op_record *first = NULL;
  for (uint32_t o = 0; o < g->n_ops; o++) {
    const lp_op_record *r = &g->op[o];
    const uint32_t *in = g->operand + r->in_first;
    for (uint32_t i = 0; i < r->in_count; i++) {
      if (in[i] != w) continue;
      if (i != 1 || (r->op != LP_OP_LINEAR && r->op != LP_OP_SPARSE_LINEAR) ||
          (first && !same_layer(g, first, r)))
        return NULL;
      first = r;
    }
  }
  for (uint32_t i = OWN; first && i < first->in_count; i++) {
    const uint32_t v = g->operand[first->in_first + i];
    if (v && g->value[v].kind != VALUE_CONSTANT) return NULL;
  }
  return first;
}

static const void *constant(const lp_graph *g, const lp_op_record *r, uint32_t operand) {
  return g->value[g->operand[r->in_first + operand]].init.data; /* value 0 has none */
}

/* Where each wire of p stands among the elements that the parameter has: of a matrix, or of a
 * pattern, which must have it. */
static lp_status find_places(lp_graph *g, const lp_op_record *r, const lp_pattern *p,
                             size_t *place) {
  const bool matrix = r->op == LP_OP_LINEAR;
  const int32_t *rows = matrix ? NULL : constant(g, r, LP_SPARSE_ROWS),
                *columns = matrix ? NULL : constant(g, r, LP_SPARSE_COLUMNS);
  for (uint32_t o = 0; o < p->n_out; o++) {
    int32_t at = rows ? rows[o] : 0;
    for (int32_t k = p->rows[o]; k < p->rows[o + 1]; k++) {
      if (matrix) {
        place[k] = (size_t)o * p->n_in + (size_t)p->columns[k];
        continue;
      }
      while (at < rows[o + 1] && columns[at] < p->columns[k]) at++;
      if (at == rows[o + 1] || columns[at] != p->columns[k])
        return lp_graph_fail(g, LP_ERR_ARG,
                             "graph %s: there is no wire from input %d to output %u to be kept",
                             g->name, p->columns[k], o);
      place[k] = (size_t)at;
    }
  }
  return LP_OK;
}

/* What made x where its columns stand in the order of w's (lp_graph_order); NULL: nothing. */
static const lp_op_record *permuted(const lp_graph *g, uint32_t x, lp_val order) {
  const lp_value *v = &g->value[x];
  const lp_op_record *r = v->kind == VALUE_RESULT ? &g->op[v->op] : NULL;
  return r && r->op == LP_OP_PERMUTE && g->operand[r->in_first + 1] == order.id ? r : NULL;
}

/* Is it known, of every op that reads w, which unit each of its inputs is? */
static bool inputs_known(const lp_graph *g, lp_val w) {
  const lp_val order = g->value[w.id].order;
  for (uint32_t o = 0; o < g->n_ops && order.id; o++) {
    const uint32_t *in = g->operand + g->op[o].in_first;
    if (g->op[o].in_count > 1 && in[1] == w.id && !permuted(g, in[0], order)) return false;
  }
  return true;
}

/* P of each wire, rounded once; false where it is 1 for all. */
static bool prior_of(const lp_graph *g, const lp_op_record *r, lp_val order, const lp_pattern *p,
                     const size_t *place, float *out) {
  bool ones = true;
  if (r->op == LP_OP_SPARSE_LINEAR) {
    const float *of_wire = constant(g, r, LP_SPARSE_PRIOR);
    for (uint32_t k = 0; of_wire && k < p->n; k++) out[k] = of_wire[place[k]];
    return of_wire != NULL;
  }
  const float *table = constant(g, r, LP_PRIOR_TABLE), *dense = constant(g, r, LP_PRIOR_DENSE),
              *row = constant(g, r, LP_PRIOR_ROW_SCALE), *col = constant(g, r, LP_PRIOR_COL_SCALE);
  const int32_t *off_out = constant(g, r, LP_PRIOR_OFF_OUT),
                *off_in = constant(g, r, LP_PRIOR_OFF_IN);
  const lp_op_record *moved = permuted(g, g->operand[r->in_first], order);
  const int32_t *back = moved ? constant(g, moved, 2) : NULL;
  for (uint32_t o = 0; o < p->n_out; o++)
    for (int32_t k = p->rows[o]; k < p->rows[o + 1]; k++) {
      const int32_t i = back ? back[p->columns[k]] : p->columns[k];
      double v = table   ? (double)table[off_out[o] + off_in[i]]
                 : dense ? (double)dense[place[k]]
                         : 1;
      if (row) v *= (double)row[o];
      if (col) v *= (double)col[i];
      out[k] = (float)v;
      ones = ones && out[k] == 1;
    }
  return !ones;
}

/* What a parameter begins with, of the wires alone; other beginnings are drawn by their places. */
static lp_status thin_start(lp_graph *g, lp_value *w, const size_t *place, uint32_t n) {
  if (w->init.kind != LP_INIT_DATA) return LP_OK;
  const float *all = w->init.data;
  float *kept = malloc(((size_t)n + 1) * sizeof *kept);
  if (!kept) return out_of_memory(g);
  for (uint32_t k = 0; k < n; k++) kept[k] = all[place[k]];
  free((void *)w->init.data);
  w->init.data = kept;
  return LP_OK;
}

/* Puts the pattern's operands, and then the ops that read w, into the graph. */
static lp_status replace(lp_graph *g, uint32_t w, const lp_op_record *like, const lp_pattern *p,
                         const char *path, const float *prior) {
  lp_val in[LP_SPARSE_INPUTS] = {{0}};
  const lp_desc wires = lp_f32(p->n);
  char name[300];
  const lp_op op = like->op;
  const lp_val order = g->value[w].order;
  g->value[w].order = LP_NO_VAL; /* wires stand by the units */
  lp_status s = lp_pattern_operands(p, g, path, in);
  if (s != LP_OK) return s;
  snprintf(name, sizeof name, "%s.prior", path);
  if (prior) in[LP_SPARSE_PRIOR] = lp_graph_constant(g, name, &wires, prior);
  g->value[w].desc = wires;
  for (uint32_t o = 0; o < g->n_ops && g->status == LP_OK; o++) {
    const lp_op_record *r = &g->op[o];
    if (r->op != op || g->operand[r->in_first + 1] != w) continue;
    for (uint32_t i = 0; i < OWN; i++) in[i].id = g->operand[r->in_first + i];
    const lp_op_record *moved = permuted(g, in[0].id, order);
    if (moved) in[0].id = g->operand[moved->in_first];
    lp_graph_replace(g, o, LP_OP_SPARSE_LINEAR, in, LP_SPARSE_INPUTS);
  }
  return lp_graph_status(g);
}

lp_status lp_graph_thin(lp_graph *g, lp_val param, const lp_pattern *p, const char *path,
                        bool *done) {
  *done = false;
  if (g->status != LP_OK) return lp_graph_status(g);
  const lp_op_record *found = reader_of(g, param.id);
  if (!found || g->value[param.id].kind != VALUE_PARAM) return LP_OK;
  if (!inputs_known(g, param)) return LP_OK;
  const lp_op_record like = *found; /* the array moves */
  lp_desc y = g->value[like.out_first].desc, x = g->value[g->operand[like.in_first]].desc;
  if (y.dim[1] != (int64_t)p->n_out || x.dim[1] != (int64_t)p->n_in)
    return lp_graph_fail(g, LP_ERR_SHAPE,
                         "graph %s: %s is of %lld outputs and %lld inputs, not %u "
                         "and %u",
                         g->name, lp_graph_value_name(g, param), (long long)y.dim[1],
                         (long long)x.dim[1], p->n_out, p->n_in);
  size_t *place = malloc(((size_t)p->n + 1) * sizeof *place);
  float *prior = malloc(((size_t)p->n + 1) * sizeof *prior);
  lp_status s = place && prior ? find_places(g, &like, p, place) : out_of_memory(g);
  if (s == LP_OK) s = thin_start(g, &g->value[param.id], place, p->n);
  if (s == LP_OK) {
    const bool has_prior = prior_of(g, &like, g->value[param.id].order, p, place, prior);
    s = replace(g, param.id, &like, p, path, has_prior ? prior : NULL);
  }
  free(place);
  free(prior);
  *done = s == LP_OK;
  return s;
}
