/* A tensor of which a file holds some elements only, by the rows of its first axis (CSR):
 * NAME.values has them, row by row, NAME.columns where each stands in its row, the other axes taken
 * together, and NAME.rows where each row begins among them, and the end. In memory it is whole, or
 * the weights of a pattern (op.h, SPARSE_LINEAR). */
#include "train_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_name[LP_SPARSE_PARTS] = {"values", "columns", "rows"};
enum { VALUES, COLUMNS, ROWS };

static lp_status out_of_memory(const char *name) {
  return lp_fail(LP_ERR_MEMORY, "%s: out of memory", name);
}

/* ---- which elements there are ------------------------------------------------------------------
 */

/* An integer constant of the session, malloc'ed. */
static lp_status read_indices(lp_session *s, const char *name, int32_t **out, size_t *n) {
  const char *other;
  lp_var_kind kind;
  lp_desc d;
  uint32_t i = 0;
  while (i < lp_session_var_count(s) && lp_session_var(s, i, &other, &kind, &d) == LP_OK &&
         strcmp(other, name) != 0)
    i++;
  if (i == lp_session_var_count(s))
    return lp_fail(LP_ERR_NOT_FOUND, "session: no constant is named %s", name);
  *n = (size_t)lp_numel(&d);
  *out = malloc(lp_nbytes(&d) + 1);
  return *out ? lp_session_read(s, name, *out, lp_nbytes(&d)) : out_of_memory(name);
}

lp_status lp_elements_of(lp_session *s, uint32_t var, const lp_desc *desc, lp_elements *out) {
  const char *rows, *columns;
  uint32_t n_in;
  size_t n = 0;
  *out = (lp_elements){.n = (size_t)lp_numel(desc)};
  if (!lp_session_wires(s, var, &rows, &columns, &n_in)) {
    out->n_rows = desc->ndim ? (size_t)desc->dim[0] : 1;
    out->n_columns = out->n / out->n_rows;
    return LP_OK;
  }
  lp_status status = read_indices(s, rows, &out->rows, &n);
  out->n_rows = n - 1;
  out->n_columns = n_in;
  if (status == LP_OK) status = read_indices(s, columns, &out->columns, &n);
  if (status != LP_OK) lp_elements_free(out);
  return status;
}

void lp_elements_free(lp_elements *e) {
  free(e->rows);
  free(e->columns);
  *e = (lp_elements){0};
}

/* Elements of row r in memory: numbers first .. end - 1. */
static size_t first_of(const lp_elements *e, size_t r) {
  return e->rows ? (size_t)e->rows[r] : r * e->n_columns;
}

static size_t column_of(const lp_elements *e, size_t k) {
  return e->rows ? (size_t)e->columns[k] : k % e->n_columns;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

lp_status lp_sparse_pack(const char *name, const lp_elements *e, const float *data,
                         const float *keep, lp_tensor_view part[LP_SPARSE_PARTS]) {
  size_t kept = 0;
  for (size_t k = 0; k < e->n; k++) kept += !keep || keep[k] != 0;
  memset(part, 0, LP_SPARSE_PARTS * sizeof *part);
  if (kept > INT32_MAX || !kept)
    return lp_fail(LP_ERR_UNSUPPORTED,
                   "%s: a file holds 1 to %d weights of a sparse tensor, not %zu", name, INT32_MAX,
                   kept);
  float *value = malloc(sizeof *value * kept);
  int32_t *column = malloc(sizeof *column * kept), *row = malloc(sizeof *row * (e->n_rows + 1));
  void *const all[] = {value, column, row};
  const lp_desc shape[] = {lp_f32((int64_t)kept), LP_DESC(LP_I32, (int64_t)kept),
                           LP_DESC(LP_I32, (int64_t)e->n_rows + 1)};
  bool ok = value && column && row;
  for (int i = 0; i < LP_SPARSE_PARTS; i++) {
    char *text;
    if (asprintf(&text, "%s.%s", name, part_name[i]) < 0) text = NULL;
    part[i] = (lp_tensor_view){.name = text, .desc = shape[i], .data = all[i]};
    ok = ok && text;
  }
  if (!ok) return out_of_memory(name);
  size_t n = 0;
  for (size_t r = 0; r < e->n_rows; r++) {
    row[r] = (int32_t)n;
    for (size_t k = first_of(e, r); k < first_of(e, r + 1); k++) {
      if (keep && keep[k] == 0) continue;
      column[n] = (int32_t)column_of(e, k);
      value[n++] = data[k];
    }
  }
  row[e->n_rows] = (int32_t)n;
  return LP_OK;
}

lp_status lp_sparse_bad(const char *path, const char *name, size_t rows, size_t columns) {
  return lp_fail(
      LP_ERR_FORMAT,
      "%s: %s.values, .columns and .rows are no sparse tensor of %zu rows and %zu columns", path,
      name, rows, columns);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static const lp_tensor_view *find(const lp_safetensors *f, const char *name, int part) {
  char text[400];
  snprintf(text, sizeof text, "%s.%s", name, part_name[part]);
  return lp_safetensors_find(f, text);
}

/* Do the rows cover all values, and does each have columns that rise? */
static bool is_sound(const int32_t *row, size_t rows, const int32_t *column, int64_t n,
                     size_t columns) {
  if (row[0] != 0 || row[rows] != n) return false;
  for (size_t r = 0; r < rows; r++) {
    if (row[r] > row[r + 1] || row[r + 1] > n) return false;
    for (int32_t k = row[r]; k < row[r + 1]; k++)
      if (column[k] < (k > row[r] ? column[k - 1] + 1 : 0) || (size_t)column[k] >= columns)
        return false;
  }
  return true;
}

/* Puts the file's elements to their places; one that has none there is left out (pruned), or must
 * be 0. */
static lp_status spread(const lp_elements *e, const float *from, const int32_t *at,
                        const int32_t *first, const char *path, const char *name, bool pruned,
                        float *data) {
  memset(data, 0, e->n * sizeof *data);
  for (size_t r = 0; r < e->n_rows; r++) {
    size_t k = first_of(e, r);
    const size_t end = first_of(e, r + 1);
    for (int32_t f = first[r]; f < first[r + 1]; f++) {
      const size_t column = (size_t)at[f];
      if (!e->rows) k = first_of(e, r) + column;
      while (k < end && column_of(e, k) < column) k++;
      if (k < end && column_of(e, k) == column)
        data[k] = from[f];
      else if (from[f] != 0 && !pruned)
        return lp_fail(LP_ERR_FORMAT,
                       "%s: %s has a weight between input %zu and output %zu, where "
                       "the network has no wire",
                       path, name, column, r);
    }
  }
  return LP_OK;
}

lp_status lp_sparse_unpack(const lp_safetensors *f, const char *path, const char *name,
                           const lp_elements *e, bool pruned, float *data) {
  const lp_tensor_view *part[LP_SPARSE_PARTS];
  for (int i = 0; i < LP_SPARSE_PARTS; i++)
    if (!(part[i] = find(f, name, i))) return LP_ERR_NOT_FOUND;
  const lp_tensor_view *value = part[VALUES], *column = part[COLUMNS], *row = part[ROWS];
  const int64_t n = lp_numel(&value->desc);
  const lp_desc shape[] = {lp_f32(n), LP_DESC(LP_I32, n), LP_DESC(LP_I32, (int64_t)e->n_rows + 1)};
  bool good = true;
  for (int i = 0; i < LP_SPARSE_PARTS; i++) good = good && lp_desc_equal(&part[i]->desc, &shape[i]);
  if (!good || !is_sound(row->data, e->n_rows, column->data, n, e->n_columns))
    return lp_sparse_bad(path, name, e->n_rows, e->n_columns);
  return spread(e, value->data, column->data, row->data, path, name, pruned, data);
}

lp_status lp_sparse_mask(const lp_safetensors *f, const char *path, const char *name,
                         lp_train_mask *out, bool *found) {
  const lp_tensor_view *part[LP_SPARSE_PARTS];
  *found = true;
  for (int i = 0; i < LP_SPARSE_PARTS; i++) *found = (part[i] = find(f, name, i)) && *found;
  if (!*found) return LP_OK;
  const lp_tensor_view *column = part[COLUMNS], *row = part[ROWS];
  const int64_t n = lp_numel(&part[VALUES]->desc), rows = lp_numel(&row->desc) - 1;
  const lp_desc shape = LP_DESC(LP_I32, n), ends = LP_DESC(LP_I32, rows + 1);
  if (!lp_desc_equal(&column->desc, &shape) || !lp_desc_equal(&row->desc, &ends) || rows < 1 ||
      rows > INT32_MAX || !is_sound(row->data, (size_t)rows, column->data, n, INT32_MAX))
    return lp_fail(LP_ERR_FORMAT, "%s: %s.values, .columns and .rows are no sparse tensor", path,
                   name);
  *out = (lp_train_mask){.name = name,
                         .file = path,
                         .n_rows = (uint32_t)rows,
                         .rows = row->data,
                         .columns = column->data};
  return LP_OK;
}

void lp_sparse_gather(const lp_elements *e, const float *whole, float *data) {
  for (size_t r = 0; r < e->n_rows; r++)
    for (size_t k = first_of(e, r); k < first_of(e, r + 1); k++)
      data[k] = whole[r * e->n_columns + column_of(e, k)];
}
