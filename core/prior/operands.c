/* A prior as operands of the linear op. */
#include "prior_internal.h"

#include <locality/graph.h>

#include <stdio.h>
#include <stdlib.h>

/* Is P 1 everywhere, to the precision of a device? Then the layer is a plain one. */
static bool is_identity(const lp_prior *p) {
  size_t n = p->table ? p->n_table : (size_t)p->sheets.n_out * p->sheets.n_in;
  const double *v = p->table ? p->table : p->dense;
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
  size_t n = p->table ? p->n_table * sizeof(float) + (n_out + n_in) * sizeof(int32_t)
                      : n_out * n_in * sizeof(float);
  if (p->row_scale) n += n_out * sizeof(float);
  if (p->col_scale) n += n_in * sizeof(float);
  return n;
}

static lp_val put(lp_graph *g, const char *path, const char *part, const lp_desc *d,
                  const void *data) {
  char name[256];
  if (snprintf(name, sizeof name, "%s.prior.%s", path, part) >= (int)sizeof name) {
    lp_graph_fail(g, LP_ERR_ARG, "layer %s: its name is too long", path);
    return LP_NO_VAL;
  }
  return lp_graph_constant(g, name, d, data);
}

/* Devices compute in f32. */
static lp_val put_f32(lp_graph *g, const char *path, const char *part, const lp_desc *d,
                      const double *v) {
  size_t n = (size_t)lp_numel(d);
  float *f = malloc(n * sizeof *f);
  if (!f) {
    lp_graph_fail(g, LP_ERR_MEMORY, "layer %s: out of memory for its prior", path);
    return LP_NO_VAL;
  }
  for (size_t k = 0; k < n; k++) f[k] = (float)v[k];
  lp_val out = put(g, path, part, d, f);
  free(f);
  return out;
}

lp_status lp_prior_operands(const lp_prior *p, lp_graph *g, const char *path,
                            lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params) {
  for (uint32_t k = LP_PRIOR_TABLE; k < LP_LINEAR_INPUTS; k++) operands[k] = LP_NO_VAL;
  params->run = 0;
  if (is_identity(p)) return LP_OK;
  int64_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  lp_desc entries = lp_f32(p->n_table), matrix = lp_f32(n_out, n_in);
  lp_desc rows = lp_f32(n_out), columns = lp_f32(n_in);
  lp_desc out_units = LP_DESC(LP_I32, n_out), in_units = LP_DESC(LP_I32, n_in);
  if (p->table) {
    operands[LP_PRIOR_TABLE] = put_f32(g, path, "table", &entries, p->table);
    operands[LP_PRIOR_OFF_OUT] = put(g, path, "off_out", &out_units, p->off_out);
    operands[LP_PRIOR_OFF_IN] = put(g, path, "off_in", &in_units, p->off_in);
    params->run = p->run;
  } else {
    operands[LP_PRIOR_DENSE] = put_f32(g, path, "dense", &matrix, p->dense);
  }
  if (p->row_scale)
    operands[LP_PRIOR_ROW_SCALE] = put_f32(g, path, "row_scale", &rows, p->row_scale);
  if (p->col_scale)
    operands[LP_PRIOR_COL_SCALE] = put_f32(g, path, "col_scale", &columns, p->col_scale);
  return lp_graph_status(g);
}
