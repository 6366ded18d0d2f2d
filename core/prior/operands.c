/* A prior as operands of the linear op. */
#include "prior_internal.h"

#include <locality/graph.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A scattered table is read element by element, which costs three times the product; reading P
 * itself costs a fifth more. So devices get that where it pays and takes no more than this many
 * elements. */
enum { EXPAND_LEAST = 1 << 16, EXPAND_MOST = 1 << 26 };

static bool is_expanded(const lp_prior *p) {
  const uint64_t n = (uint64_t)p->sheets.n_out * p->sheets.n_in;
  return lp_prior_scattered(p) && n >= EXPAND_LEAST && n <= EXPAND_MOST;
}

/* Is P 1 everywhere, to the precision of a device? Then the layer is a plain one. */
static bool is_identity(const lp_prior *p) {
  size_t n = p->table ? p->n_table : (size_t)p->sheets.n_out * p->sheets.n_in;
  const double *v = p->table ? p->table : p->dense;
  if (!v) return false; /* most pairs have no wire */
  for (size_t k = 1; k < n; k++)
    if (v[k] != v[0]) return false;
  for (uint32_t i = 0; p->row_scale && i < p->sheets.n_out; i++)
    if ((float)(v[0] * p->row_scale[i]) != 1) return false;
  for (uint32_t j = 0; p->col_scale && j < p->sheets.n_in; j++)
    if ((float)(v[0] * p->col_scale[j]) != 1) return false;
  return p->row_scale || p->col_scale || (float)v[0] == 1;
}

size_t lp_prior_nbytes(const lp_prior *p) {
  size_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  if (is_identity(p)) return 0;
  const bool ordered = lp_prior_ordered(p);
  if (is_expanded(p) && !ordered) return n_out * n_in * sizeof(float);
  if (p->impl->wires) return 4 * (4 * (size_t)p->impl->wires->n + n_out + n_in + 2);
  size_t n = p->table ? p->n_table * sizeof(float) + (n_out + n_in) * sizeof(int32_t)
                      : n_out * n_in * sizeof(float);
  if (p->row_scale) n += n_out * sizeof(float);
  if (p->col_scale) n += n_in * sizeof(float);
  if (ordered) n += 2 * n_in * sizeof(int32_t);
  return n;
}

static lp_val put(lp_graph *g, const char *prefix, const char *path, const char *part,
                  const lp_desc *d, const void *data) {
  char name[256];
  if (snprintf(name, sizeof name, "%s%s.prior.%s", prefix, path, part) >= (int)sizeof name) {
    lp_graph_fail(g, LP_ERR_ARG, "layer %s: its name is too long", path);
    return LP_NO_VAL;
  }
  return lp_graph_constant(g, name, d, data);
}

/* The same numbers in f32, in which devices compute. NULL for NULL, and out of memory. */
static float *single(const double *v, size_t n, bool *ok) {
  float *f = v ? malloc(n * sizeof *f) : NULL;
  *ok = *ok && (!v || f);
  for (size_t k = 0; f && k < n; k++) f[k] = (float)v[k];
  return f;
}

static int32_t *copied(const int32_t *v, size_t n, bool *ok) {
  int32_t *c = v ? malloc(n * sizeof *c) : NULL;
  *ok = *ok && (!v || c);
  if (c) memcpy(c, v, n * sizeof *c);
  return c;
}

/* P of every wire; none where it is 1 for all. False: out of memory. */
static bool wire_values(const lp_prior *p, lp_prior_values *out) {
  const lp_pattern *w = p->impl->wires;
  bool ones = true;
  out->wire = malloc(((size_t)w->n + 1) * sizeof *out->wire);
  if (!out->wire) return false;
  for (uint32_t i = 0; i < w->n_out; i++)
    for (int32_t k = w->rows[i]; k < w->rows[i + 1]; k++) {
      out->wire[k] = (float)lp_prior_at(p, i, (uint32_t)w->columns[k]);
      ones = ones && out->wire[k] == 1;
    }
  if (!ones) return true;
  free(out->wire);
  out->wire = NULL;
  return true;
}

/* The matrix of a prior whose wires alone are stored. NULL: out of memory. */
static float *spread(const lp_prior *p) {
  const lp_pattern *w = p->impl->wires;
  float *dense = calloc((size_t)w->n_out * w->n_in, sizeof *dense);
  for (uint32_t i = 0; dense && i < w->n_out; i++)
    for (int32_t k = w->rows[i]; k < w->rows[i + 1]; k++)
      dense[(size_t)i * w->n_in + (uint32_t)w->columns[k]] = (float)p->impl->signal[k];
  return dense;
}

lp_status lp_prior_values_of(const lp_prior *p, bool matrix, lp_prior_values *out) {
  const uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  bool ok = true;
  *out = (lp_prior_values){.n_out = n_out, .n_in = n_in, .ndim = p->sheets.ndim};
  memcpy(out->extent_out, p->sheets.extent_out, sizeof out->extent_out);
  memcpy(out->extent_in, p->sheets.extent_in, sizeof out->extent_in);
  if (is_identity(p)) return LP_OK;
  out->n_table = p->n_table;
  out->run = p->table ? p->run : 0;
  out->table = single(p->table, p->n_table, &ok);
  out->off_out = copied(p->table ? p->off_out : NULL, n_out, &ok);
  out->off_in = copied(p->table ? p->off_in : NULL, n_in, &ok);
  out->dense = single(p->dense, (size_t)n_out * n_in, &ok);
  if (matrix && p->impl->signal) ok = (out->dense = spread(p)) && ok;
  if (!matrix && p->impl->wires) ok = wire_values(p, out) && ok;
  if (!matrix) ok = lp_prior_put_in_order(p, out) && ok;
  if (is_expanded(p) && !out->order) {
    out->expanded = malloc((size_t)n_out * n_in * sizeof *out->expanded);
    ok = ok && out->expanded;
    for (uint32_t i = 0; out->expanded && i < n_out; i++)
      for (uint32_t j = 0; j < n_in; j++)
        out->expanded[(size_t)i * n_in + j] = (float)lp_prior_at(p, i, j);
  }
  if (out->table || out->dense) {
    out->row_scale = single(p->row_scale, n_out, &ok);
    out->col_scale = single(p->col_scale, n_in, &ok);
  }
  if (!matrix && ok) {
    out->wires = p->impl->wires;
    p->impl->wires = NULL;
  }
  if (ok) return LP_OK;
  lp_prior_values_free(out);
  return lp_fail(LP_ERR_MEMORY, "prior: out of memory for its values");
}

void lp_prior_values_free(lp_prior_values *v) {
  free(v->table);
  free(v->off_out);
  free(v->off_in);
  free(v->row_scale);
  free(v->col_scale);
  free(v->dense);
  free(v->expanded);
  free(v->order);
  free(v->back);
  free(v->ordered_off);
  free(v->ordered_scale);
  free(v->wire);
  lp_pattern_free(v->wires);
  *v = (lp_prior_values){0};
}

lp_status lp_prior_values_put(const lp_prior_values *v, lp_graph *g, const char *path,
                              lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params) {
  const lp_desc entries = lp_f32(v->n_table), matrix = lp_f32(v->n_out, v->n_in);
  const lp_desc rows = lp_f32(v->n_out), columns = lp_f32(v->n_in);
  const lp_desc out_units = LP_DESC(LP_I32, v->n_out), in_units = LP_DESC(LP_I32, v->n_in);
  const struct {
    uint32_t at;
    const char *name;
    const lp_desc *desc;
    const void *data;
  } part[] = {
      {LP_PRIOR_TABLE, "table", &entries, v->table},
      {LP_PRIOR_OFF_OUT, "off_out", &out_units, v->off_out},
      {LP_PRIOR_OFF_IN, "off_in", &in_units, v->off_in},
      {LP_PRIOR_DENSE, "dense", &matrix, v->dense},
      {LP_PRIOR_ROW_SCALE, "row_scale", &rows, v->row_scale},
      {LP_PRIOR_COL_SCALE, "col_scale", &columns, v->col_scale},
  };
  for (uint32_t k = LP_PRIOR_TABLE; k < LP_LINEAR_INPUTS; k++) operands[k] = LP_NO_VAL;
  params->run = v->run;
  for (size_t k = 0; k < sizeof part / sizeof *part; k++)
    if (part[k].data)
      operands[part[k].at] = put(g, "", path, part[k].name, part[k].desc, part[k].data);
  if (v->expanded) { /* the table stays in the graph, unread: it is what the prior is known by */
    for (uint32_t k = LP_PRIOR_TABLE; k < LP_LINEAR_INPUTS; k++) operands[k] = LP_NO_VAL;
    operands[LP_PRIOR_DENSE] = put(g, LP_PRIOR_EXPANDED, path, "dense", &matrix, v->expanded);
  }
  return lp_graph_status(g);
}

lp_status lp_prior_ordered_put(const lp_prior_values *v, lp_graph *g, const char *path,
                               lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params) {
  const lp_desc units = LP_DESC(LP_I32, v->n_in), columns = lp_f32(v->n_in);
  /* What it is known by stays in the graph, as above. */
  const lp_status s = lp_prior_values_put(v, g, path, operands, params);
  if (s != LP_OK) return s;
  params->run = v->ordered_run;
  const lp_val x[] = {operands[0], put(g, LP_PRIOR_EXPANDED, path, "order", &units, v->order),
                      put(g, LP_PRIOR_EXPANDED, path, "back", &units, v->back)};
  operands[LP_PRIOR_OFF_IN] = put(g, LP_PRIOR_EXPANDED, path, "off_in", &units, v->ordered_off);
  if (v->ordered_scale)
    operands[LP_PRIOR_COL_SCALE] =
        put(g, LP_PRIOR_EXPANDED, path, "col_scale", &columns, v->ordered_scale);
  operands[0] = lp_apply(g, LP_OP_PERMUTE, NULL, x, 3);
  return lp_graph_order(g, operands[1], x[1]);
}

lp_status lp_prior_wires_put(const lp_prior_values *v, lp_graph *g, const char *path,
                             lp_val operands[LP_SPARSE_INPUTS]) {
  lp_val known[LP_LINEAR_INPUTS]; /* the table stays in the graph, as above */
  lp_linear_params params;
  char name[256];
  const lp_desc wires = lp_f32(v->wires->n);
  const char *prefix = v->table ? LP_PRIOR_EXPANDED : ""; /* else wires are what it is known by */
  lp_status s = lp_prior_values_put(v, g, path, known, &params);
  if (s == LP_OK && snprintf(name, sizeof name, "%s%s.prior", prefix, path) >= (int)sizeof name)
    s = lp_graph_fail(g, LP_ERR_ARG, "layer %s: its name is too long", path);
  if (s == LP_OK) s = lp_pattern_operands(v->wires, g, name, operands);
  if (s == LP_OK && v->wire)
    operands[LP_SPARSE_PRIOR] = put(g, prefix, path, "values", &wires, v->wire);
  return s == LP_OK ? lp_graph_status(g) : s;
}

lp_status lp_prior_operands(const lp_prior *p, lp_graph *g, const char *path,
                            lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params) {
  lp_prior_values v;
  lp_status s = lp_prior_values_of(p, true, &v);
  if (s != LP_OK) return lp_graph_fail(g, s, "layer %s: %s", path, lp_error_message());
  s = lp_prior_values_put(&v, g, path, operands, params);
  lp_prior_values_free(&v);
  return s;
}
