/* Graph building: leaves, op application with shape inference, sticky errors. */
#include "graph_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_graph_new(const char *name, lp_graph **out) {
  *out = NULL;
  lp_graph *g = calloc(1, sizeof *g);
  if (!g) return lp_fail(LP_ERR_MEMORY, "graph %s: out of memory", name);
  g->name = strdup(name);
  g->cap_values = 64;
  g->value = calloc(g->cap_values, sizeof *g->value);
  if (!g->name || !g->value) {
    lp_graph_free(g);
    return lp_fail(LP_ERR_MEMORY, "graph: out of memory");
  }
  g->n_values = 1;
  *out = g;
  return LP_OK;
}

static void free_note(lp_prior_note *p) {
  free((char *)p->layer);
  free((char *)p->topology);
  free((char *)p->cost);
  free((char *)p->metric);
  free((char *)p->normalize);
}

void lp_graph_free(lp_graph *g) {
  if (!g) return;
  for (uint32_t i = 0; i < g->n_values; i++) {
    free(g->value[i].name);
    free((void *)g->value[i].init.data);
  }
  for (uint32_t i = 0; i < g->n_priors; i++) free_note(&g->prior[i]);
  free(g->prior);
  free(g->value);
  free(g->op);
  free(g->operand);
  free(g->name);
  free(g->error);
  free(g);
}

lp_status lp_graph_status(const lp_graph *g) {
  if (g->status == LP_OK) return LP_OK;
  return lp_fail(g->status, "%s", g->error ? g->error : "graph: out of memory");
}

lp_status lp_graph_fail(lp_graph *g, lp_status status, const char *fmt, ...) {
  if (g->status != LP_OK) return g->status;
  char text[900];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  g->status = status;
  g->error = strdup(text);
  return lp_graph_status(g);
}

/* Doubles an array until it holds n more; false when memory is exhausted. */
static bool grow(void **array, uint32_t *cap, uint32_t used, uint32_t n, size_t size) {
  if (used + n <= *cap) return true;
  uint32_t want = *cap ? *cap : 32;
  while (want < used + n) want *= 2;
  void *p = realloc(*array, want * size);
  if (!p) return false;
  *array = p;
  *cap = want;
  return true;
}

static lp_value *add_values(lp_graph *g, uint32_t n) {
  if (!grow((void **)&g->value, &g->cap_values, g->n_values, n, sizeof *g->value)) {
    lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
    return NULL;
  }
  lp_value *v = &g->value[g->n_values];
  memset(v, 0, n * sizeof *v);
  g->n_values += n;
  return v;
}

static lp_val add_leaf(lp_graph *g, lp_value_kind kind, const char *name, const lp_desc *desc,
                       const lp_init *init) {
  if (g->status != LP_OK) return LP_NO_VAL;
  if (desc->ndim > LP_MAX_DIMS || !lp_dtype_size(desc->dtype)) {
    lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: %s: bad descriptor", g->name, name);
    return LP_NO_VAL;
  }
  for (uint32_t i = 0; i < desc->ndim; i++)
    if (desc->dim[i] < 1) {
      lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: %s: extent %lld of axis %u is below 1", g->name,
                    name, (long long)desc->dim[i], i);
      return LP_NO_VAL;
    }
  if (kind != VALUE_INPUT) /* the same name twice is the same value */
    for (uint32_t i = 1; i < g->n_values; i++) {
      const lp_value *other = &g->value[i];
      if (!other->name || other->kind == VALUE_INPUT || strcmp(other->name, name) != 0) continue;
      if (other->kind == kind && lp_desc_equal(&other->desc, desc)) return (lp_val){i};
      lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: %s is %s and %s", g->name, name,
                    lp_desc_text(&other->desc), lp_desc_text(desc));
      return LP_NO_VAL;
    }
  lp_value *v = add_values(g, 1);
  if (!v) return LP_NO_VAL;
  v->kind = kind;
  v->desc = *desc;
  v->name = strdup(name);
  bool ok = v->name != NULL;
  if (init) {
    v->init = *init;
    v->init.data = NULL;
    if (init->kind == LP_INIT_DATA) {
      void *copy = malloc(lp_nbytes(desc) + 1);
      if (copy) memcpy(copy, init->data, lp_nbytes(desc));
      v->init.data = copy;
      ok = ok && copy;
    }
  }
  if (!ok) {
    lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: %s: out of memory", g->name, name);
    return LP_NO_VAL;
  }
  if (kind == VALUE_INPUT) v->index = g->n_inputs++;
  return (lp_val){g->n_values - 1};
}

lp_val lp_input(lp_graph *g, const char *name, const lp_desc *desc) {
  return add_leaf(g, VALUE_INPUT, name, desc, NULL);
}

lp_val lp_graph_leaf(lp_graph *g, lp_role role, const char *name, const lp_desc *desc,
                     const lp_init *init) {
  if ((unsigned)role >= LP_ROLE_COUNT) {
    lp_graph_fail(g, LP_ERR_ARG, "graph %s: %s: no role has number %d", g->name, name, (int)role);
    return LP_NO_VAL;
  }
  lp_val v = add_leaf(g, role <= LP_ROLE_NORM ? VALUE_PARAM : VALUE_STATE, name, desc, init);
  if (v.id) g->value[v.id].role = role;
  return v;
}

lp_role lp_graph_role(const lp_graph *g, lp_val v) {
  const lp_value_kind kind = v.id < g->n_values ? g->value[v.id].kind : VALUE_NONE;
  return kind == VALUE_PARAM || kind == VALUE_STATE ? g->value[v.id].role : LP_ROLE_SCRATCH;
}

lp_val lp_graph_param(lp_graph *g, const char *name, const lp_desc *desc, const lp_init *init) {
  return lp_graph_leaf(g, desc->ndim > 1 ? LP_ROLE_WEIGHT : LP_ROLE_BIAS, name, desc, init);
}

lp_val lp_graph_state(lp_graph *g, const char *name, const lp_desc *desc, const lp_init *init) {
  return lp_graph_leaf(g, LP_ROLE_RUNNING, name, desc, init);
}

lp_status lp_graph_mask(lp_graph *g, lp_val param, lp_val mask) {
  if (g->status != LP_OK) return lp_graph_status(g);
  if (param.id >= g->n_values || g->value[param.id].kind != VALUE_PARAM || !mask.id ||
      mask.id >= g->n_values || !lp_desc_equal(&g->value[param.id].desc, &g->value[mask.id].desc))
    return lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: a mask fits a parameter of its shape alone",
                         g->name);
  g->value[param.id].mask = mask;
  g->value[mask.id].order = g->value[param.id].order;
  return LP_OK;
}

lp_val lp_graph_mask_of(const lp_graph *g, lp_val param) {
  return param.id < g->n_values ? g->value[param.id].mask : LP_NO_VAL;
}

lp_status lp_graph_order(lp_graph *g, lp_val leaf, lp_val order) {
  if (g->status != LP_OK) return lp_graph_status(g);
  const lp_value *v = &g->value[leaf.id < g->n_values ? leaf.id : 0];
  const lp_value *o = &g->value[order.id < g->n_values ? order.id : 0];
  const int64_t n = v->desc.ndim ? v->desc.dim[v->desc.ndim - 1] : 0;
  bool good = v->name && v->desc.dtype == LP_F32 && o->kind == VALUE_CONSTANT &&
              o->desc.dtype == LP_I32 && o->desc.ndim == 1 && o->desc.dim[0] == n;
  bool *seen = calloc((size_t)n + 1, 1);
  if (!seen) return lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
  for (int64_t i = 0; good && i < n; i++) {
    const int32_t at = ((const int32_t *)o->init.data)[i];
    good = at >= 0 && at < n && !seen[at];
    if (good) seen[at] = true;
  }
  free(seen);
  if (!good)
    return lp_graph_fail(g, LP_ERR_ARG, "graph %s: %s: no order of its columns", g->name,
                         v->name ? v->name : "a result");
  g->value[leaf.id].order = order;
  return LP_OK;
}

lp_val lp_graph_order_of(const lp_graph *g, lp_val leaf) {
  return leaf.id < g->n_values ? g->value[leaf.id].order : LP_NO_VAL;
}

bool lp_graph_wires(const lp_graph *g, lp_val param, const int32_t **rows, const int32_t **columns,
                    uint32_t *n_out, uint32_t *n_in) {
  const lp_value *w = &g->value[param.id < g->n_values ? param.id : 0];
  if (!w->n_in) return false;
  *rows = g->value[w->rows.id].init.data;
  *columns = g->value[w->columns.id].init.data;
  *n_out = (uint32_t)g->value[w->rows.id].desc.dim[0] - 1;
  *n_in = w->n_in;
  return true;
}

lp_val lp_graph_constant(lp_graph *g, const char *name, const lp_desc *desc, const void *data) {
  lp_init init = {LP_INIT_DATA, 0, data};
  return add_leaf(g, VALUE_CONSTANT, name, desc, &init);
}

bool lp_graph_constant_get(const lp_graph *g, uint32_t i, const char **name, lp_desc *desc,
                           const void **data) {
  for (uint32_t k = 0; k < g->n_values; k++) {
    const lp_value *v = &g->value[k];
    if (v->kind != VALUE_CONSTANT || i--) continue;
    *name = v->name;
    *desc = v->desc;
    *data = v->init.data;
    return true;
  }
  return false;
}

const void *lp_graph_constant_data(const lp_graph *g, lp_val v) {
  const lp_value *c = v.id && v.id < g->n_values ? &g->value[v.id] : NULL;
  return c && c->kind == VALUE_CONSTANT ? c->init.data : NULL;
}

/* Operand count, presence and state rules that hold for every op. */
static lp_status check_operands(lp_graph *g, lp_op op, const lp_val *in, uint32_t n) {
  const lp_op_info *info = lp_op_get_info(op);
  const char *name = lp_op_name(op);
  if (n < info->min_in || n > info->max_in || (info->group && n % info->group))
    return lp_graph_fail(g, LP_ERR_ARG, "graph %s: %s takes %u operands%s, got %u", g->name, name,
                         info->min_in, info->group ? " a group" : " or more", n);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t position = info->group ? i % info->group : i;
    if (in[i].id >= g->n_values)
      return lp_graph_fail(g, LP_ERR_ARG, "graph %s: %s: operand %u is not of this graph", g->name,
                           name, i);
    lp_value_kind kind = g->value[in[i].id].kind;
    bool state = info->state_mask >> position & 1;
    if (state && in[i].id && kind != VALUE_PARAM && kind != VALUE_STATE)
      return lp_graph_fail(g, LP_ERR_ARG, "graph %s: %s: operand %u must be a parameter or state",
                           g->name, name, i);
  }
  return LP_OK;
}

/* The w of a SPARSE_LINEAR is the weights of its pattern. */
static void note_wires(lp_graph *g, const lp_val *in) {
  lp_value *w = &g->value[in[1].id];
  if (w->kind != VALUE_PARAM) return;
  w->rows = in[LP_SPARSE_ROWS];
  w->columns = in[LP_SPARSE_COLUMNS];
  w->n_in = (uint32_t)g->value[in[0].id].desc.dim[1];
}

lp_val lp_apply(lp_graph *g, lp_op op, const lp_op_params *params, const lp_val *in, uint32_t n) {
  if (g->status != LP_OK) return LP_NO_VAL;
  const lp_op_row *row = lp_op_get_row(op);
  if (!row) {
    lp_graph_fail(g, LP_ERR_ARG, "graph %s: no operation has number %d", g->name, (int)op);
    return LP_NO_VAL;
  }
  if (check_operands(g, op, in, n) != LP_OK) return LP_NO_VAL;

  /* Fixed-arity ops always carry all positions, so that kernels need no count. */
  uint32_t count = row->info.group ? n : row->info.max_in;
  lp_desc *desc = calloc(count + row->info.n_out, sizeof *desc);
  if (!desc ||
      !grow((void **)&g->operand, &g->cap_operands, g->n_operands, count, sizeof(uint32_t)) ||
      !grow((void **)&g->op, &g->cap_ops, g->n_ops, 1, sizeof *g->op)) {
    free(desc);
    lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
    return LP_NO_VAL;
  }
  lp_op_record record = {
      .op = op, .in_first = g->n_operands, .in_count = count, .out_count = row->info.n_out};
  if (params) record.params = *params;
  for (uint32_t i = 0; i < n; i++) desc[i] = g->value[in[i].id].desc;

  lp_shape_call call = {op, desc, count, &record.params, desc + count};
  lp_status s = row->shape(&call);
  lp_val known = s == LP_OK && row->known ? row->known(g, &record.params, in) : LP_NO_VAL;
  if (known.id) {
    free(desc);
    return known;
  }
  lp_value *out = s == LP_OK ? add_values(g, row->info.n_out) : NULL;
  if (!out) {
    if (s != LP_OK) lp_graph_fail(g, s, "graph %s: %s", g->name, lp_error_message());
    free(desc);
    return LP_NO_VAL;
  }
  record.out_first = g->n_values - row->info.n_out;
  for (uint32_t i = 0; i < row->info.n_out; i++) {
    out[i].kind = VALUE_RESULT;
    out[i].desc = desc[count + i];
    out[i].op = g->n_ops;
    out[i].index = i;
  }
  if (op == LP_OP_SPARSE_LINEAR) note_wires(g, in);
  for (uint32_t i = 0; i < count; i++) g->operand[g->n_operands++] = i < n ? in[i].id : 0;
  g->op[g->n_ops++] = record;
  free(desc);
  return (lp_val){record.out_first};
}

lp_status lp_graph_replace(lp_graph *g, uint32_t o, lp_op op, const lp_val *in, uint32_t n) {
  const lp_op_row *row = lp_op_get_row(op);
  lp_op_record *r = &g->op[o];
  lp_desc desc[LP_MAX_FIXED], out = {0};
  lp_op_params params = {0};
  if (check_operands(g, op, in, n) != LP_OK) return g->status;
  for (uint32_t i = 0; i < n; i++) desc[i] = g->value[in[i].id].desc;
  lp_shape_call call = {op, desc, n, &params, &out};
  lp_status s = row->shape(&call);
  if (s != LP_OK) return lp_graph_fail(g, s, "graph %s: %s", g->name, lp_error_message());
  if (!lp_desc_equal(&out, &g->value[r->out_first].desc))
    return lp_graph_fail(g, LP_ERR_SHAPE, "graph %s: %s gives %s, what it replaces %s", g->name,
                         lp_op_name(op), lp_desc_text(&out),
                         lp_desc_text(&g->value[r->out_first].desc));
  if (!grow((void **)&g->operand, &g->cap_operands, g->n_operands, n, sizeof(uint32_t)))
    return lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
  *r = (lp_op_record){op, params, g->n_operands, n, r->out_first, r->out_count};
  for (uint32_t i = 0; i < n; i++) g->operand[g->n_operands++] = in[i].id;
  if (op == LP_OP_SPARSE_LINEAR) note_wires(g, in);
  return LP_OK;
}

lp_status lp_graph_shape(const lp_graph *g, lp_val v, lp_desc *out) {
  if (g->status != LP_OK) return lp_graph_status(g);
  if (v.id == 0 || v.id >= g->n_values)
    return lp_fail(LP_ERR_ARG, "graph %s: value %u does not exist", g->name, v.id);
  *out = g->value[v.id].desc;
  return LP_OK;
}

uint32_t lp_graph_value_count(const lp_graph *g) {
  return g->n_values - 1; /* value 0 is none */
}

uint32_t lp_graph_params(const lp_graph *g, lp_val *out, uint32_t cap) {
  uint32_t n = 0;
  for (uint32_t i = 1; i < g->n_values; i++) {
    if (g->value[i].kind != VALUE_PARAM) continue;
    if (n < cap) out[n] = (lp_val){i};
    n++;
  }
  return n;
}

const char *lp_graph_value_name(const lp_graph *g, lp_val v) {
  return v.id < g->n_values && g->value[v.id].name ? g->value[v.id].name : "";
}

lp_status lp_graph_note_prior(lp_graph *g, const lp_prior_note *note) {
  if (g->status != LP_OK) return lp_graph_status(g);
  for (uint32_t i = 0; i < g->n_priors; i++)
    if (strcmp(g->prior[i].layer, note->layer) == 0 && g->prior[i].n_out == note->n_out &&
        g->prior[i].n_in == note->n_in)
      return LP_OK;
  if (!grow((void **)&g->prior, &g->cap_priors, g->n_priors, 1, sizeof *g->prior))
    return lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
  lp_prior_note *p = &g->prior[g->n_priors];
  *p = *note;
  p->layer = strdup(note->layer);
  p->topology = strdup(note->topology);
  p->cost = strdup(note->cost);
  p->metric = strdup(note->metric);
  p->normalize = strdup(note->normalize);
  g->n_priors++; /* lp_graph_free takes what there is */
  if (p->layer && p->topology && p->cost && p->metric && p->normalize) return LP_OK;
  return lp_graph_fail(g, LP_ERR_MEMORY, "graph %s: out of memory", g->name);
}

void lp_graph_keep_priors(lp_graph *g, uint32_t n) {
  while (g->n_priors > n) free_note(&g->prior[--g->n_priors]);
}

const lp_prior_note *lp_graph_priors(const lp_graph *g, uint32_t *n) {
  *n = g->n_priors;
  return g->prior;
}
