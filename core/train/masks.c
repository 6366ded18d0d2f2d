/* Parameters that are pruned: what is not kept is 0 and stays so. A layer that gains by it is
 * computed by the weights that are kept alone (lp_graph_thin); any other tensor (a convolution, one
 * that a penalty reads, one of which much is kept) stays whole, with a mask of its gradient. */
#include "train_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "training: out of memory for what is pruned");
}

/* ---- keeping them ---------------------------------------------------------------------------- */

static int32_t *copied(const int32_t *from, size_t n) {
  int32_t *out = malloc(sizeof *out * (n + 1));
  if (out) memcpy(out, from, sizeof *out * n);
  return out;
}

lp_status lp_masks_take(lp_trainer *t) {
  const lp_train_mask *from = t->spec.masks;
  const uint32_t n = t->spec.n_masks;
  t->spec.masks = NULL;
  t->spec.n_masks = 0;
  t->mask = calloc(n + 1, sizeof *t->mask);
  if (!t->mask) return out_of_memory();
  for (uint32_t i = 0; i < n; i++) {
    lp_mask *m = &t->mask[t->n_masks++];
    const int32_t kept = from[i].rows[from[i].n_rows];
    *m = (lp_mask){.name = strdup(from[i].name),
                   .file = from[i].file ? strdup(from[i].file) : NULL,
                   .n_rows = from[i].n_rows,
                   .rows = copied(from[i].rows, (size_t)from[i].n_rows + 1),
                   .columns = copied(from[i].columns, (size_t)kept)};
    if (!m->name || !m->rows || !m->columns || (from[i].file && !m->file)) return out_of_memory();
  }
  return LP_OK;
}

void lp_masks_free(lp_trainer *t) {
  for (uint32_t i = 0; t->mask && i < t->n_masks; i++) {
    lp_mask *m = &t->mask[i];
    free(m->name);
    free(m->file);
    free(m->rows);
    free(m->columns);
    free(m->keep);
    lp_pattern_free(m->wires);
  }
  free(t->mask);
}

const lp_mask *lp_mask_find(const lp_trainer *t, const char *name) {
  for (uint32_t i = 0; i < t->n_masks; i++)
    if (strcmp(t->mask[i].name, name) == 0) return &t->mask[i];
  return NULL;
}

/* ---- how they are computed ------------------------------------------------------------------- */

/* Elements that a parameter has without being pruned: of rows, all columns or some. */
typedef struct shape {
  lp_desc desc;
  uint32_t n_rows, n_columns;
  const int32_t *rows, *columns; /* NULL: all */
} shape;

static lp_status shape_of(const lp_graph *g, lp_val param, shape *out) {
  *out = (shape){0};
  lp_status status = lp_graph_shape(g, param, &out->desc);
  if (status == LP_OK &&
      !lp_graph_wires(g, param, &out->rows, &out->columns, &out->n_rows, &out->n_columns)) {
    out->n_rows = out->desc.ndim ? (uint32_t)out->desc.dim[0] : 1;
    out->n_columns = (uint32_t)(lp_numel(&out->desc) / out->n_rows);
  }
  return status;
}

/* 1 for each element that is kept, else 0. */
static lp_status make_keep(lp_mask *m, const shape *s) {
  m->n = (size_t)lp_numel(&s->desc);
  m->keep = calloc(m->n + 1, sizeof *m->keep);
  if (!m->keep) return out_of_memory();
  for (uint32_t r = 0; r < m->n_rows; r++) {
    int32_t at = s->rows ? s->rows[r] : 0;
    for (int32_t k = m->rows[r]; k < m->rows[r + 1]; k++) {
      while (s->rows && at < s->rows[r + 1] && s->columns[at] < m->columns[k]) at++;
      if (!s->rows)
        m->keep[(size_t)r * s->n_columns + (size_t)m->columns[k]] = 1;
      else if (at < s->rows[r + 1] && s->columns[at] == m->columns[k])
        m->keep[at] = 1;
    }
  }
  return LP_OK;
}

/* The layer that a value was made by; NULL: none. */
static const lp_net_layer *layer_of(const lp_net *net, lp_val v) {
  for (uint32_t i = 0; i < net->n_layers; i++)
    if (v.id >= net->layer[i].first && v.id < net->layer[i].end) return &net->layer[i];
  return NULL;
}

/* Is so little kept that the layer is faster without its matrix? Wires of a local prior have none.
 */
static bool is_thin(const lp_trainer *t, const lp_mask *m, const shape *s) {
  const double kept = (double)m->rows[m->n_rows], all = (double)s->n_rows * s->n_columns;
  const double share = t->spec.sparse_share;
  return s->rows ||
         (s->desc.ndim == 2 && kept <= all * (share < 0   ? 0
                                              : share > 0 ? share
                                                          : lp_sparse_share(t->session)));
}

/* When the first graph has the parameter: checks the mask and decides. */
static lp_status decide(const lp_trainer *t, lp_graph *g, const lp_net *net, lp_val param,
                        lp_mask *m, const char *path) {
  shape s;
  lp_status status = shape_of(g, param, &s);
  if (status != LP_OK) return status;
  if (m->n_rows == s.n_rows)
    status = lp_pattern_new(s.n_rows, s.n_columns, m->rows, m->columns, &m->wires);
  if ((m->n_rows != s.n_rows || status == LP_ERR_ARG) && m->file)
    return lp_sparse_bad(m->file, m->name, s.n_rows, s.n_columns);
  if (m->n_rows != s.n_rows || status == LP_ERR_ARG)
    return lp_fail(LP_ERR_SHAPE, "training: what is kept of %s does not fit its %u x %u elements",
                   m->name, s.n_rows, s.n_columns);
  if (status != LP_OK) return status;
  const lp_net_layer *layer = layer_of(net, param);
  if (layer && !layer->matrix && is_thin(t, m, &s))
    status = lp_graph_thin(g, param, m->wires, path, &m->thin);
  if (status == LP_OK && !m->thin) status = make_keep(m, &s);
  if (status != LP_OK || m->thin) return status;
  lp_pattern_free(m->wires);
  m->wires = NULL;
  return LP_OK;
}

static lp_status put(lp_trainer *t, lp_graph *g, const lp_net *net, lp_val param) {
  char path[300];
  lp_mask *m = (lp_mask *)lp_mask_find(t, lp_graph_value_name(g, param));
  if (!m) return LP_OK;
  snprintf(path, sizeof path, LP_MASK_PREFIX "%s", m->name);
  lp_status status = LP_OK;
  const bool first = !m->wires && !m->keep;
  if (first) status = decide(t, g, net, param, m, path);
  if (status == LP_OK && m->thin)
    return first ? LP_OK : lp_graph_thin(g, param, m->wires, path, &m->thin);
  if (!t->train) return status; /* nothing moves */
  lp_desc d;
  if (status == LP_OK) status = lp_graph_shape(g, param, &d);
  return status == LP_OK ? lp_graph_mask(g, param, lp_graph_constant(g, path, &d, m->keep))
                         : status;
}

lp_status lp_masks_put(lp_trainer *t, lp_graph *g, const lp_net *net) {
  if (!t->n_masks) return LP_OK;
  const uint32_t n = lp_graph_params(g, NULL, 0);
  lp_val *param = calloc(n + 1, sizeof *param);
  if (!param) return out_of_memory();
  lp_graph_params(g, param, n);
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < n && status == LP_OK; i++) status = put(t, g, net, param[i]);
  free(param);
  return status;
}

lp_status lp_masks_apply(lp_trainer *t) {
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < t->n_masks && status == LP_OK; i++) {
    const lp_mask *m = &t->mask[i];
    if (!m->keep) continue; /* it has nothing else, or the network no such parameter */
    const size_t bytes = m->n * sizeof(float);
    float *w = malloc(bytes + 1);
    if (!w) return out_of_memory();
    status = lp_session_read(t->session, m->name, w, bytes);
    for (size_t k = 0; k < m->n; k++)
      if (m->keep[k] == 0) w[k] = 0;
    if (status == LP_OK) status = lp_session_write(t->session, m->name, w, bytes);
    free(w);
  }
  return status;
}

char *lp_masks_text(const lp_trainer *t) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  bool ok = f != NULL;
  for (uint32_t i = 0; ok && i < t->n_masks; i++) {
    const lp_mask *m = &t->mask[i];
    char rows[65], columns[65];
    const size_t kept = (size_t)m->rows[m->n_rows];
    ok = lp_sha256(m->rows, ((size_t)m->n_rows + 1) * sizeof *m->rows, rows) == LP_OK &&
         lp_sha256(m->columns, kept * sizeof *m->columns, columns) == LP_OK;
    if (ok) fprintf(f, " %s=%s:%.16s%.16s", m->name, m->thin ? "sparse" : "dense", rows, columns);
  }
  ok = f && fclose(f) == 0 && ok;
  if (ok) return text;
  free(text);
  return NULL;
}
