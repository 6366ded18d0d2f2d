/* A pruned tensor in a file: the rows of its first axis, compressed (CSR). NAME.values has what is
 * kept, row by row, NAME.columns where each stands in its row, the other axes taken together, and
 * NAME.rows where each row begins among them, and the end. */
#include "train_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_name[LP_SPARSE_PARTS] = {"values", "columns", "rows"};
enum { VALUES, COLUMNS, ROWS };

lp_status lp_sparse_pack(const lp_mask *mask, const lp_desc *desc, const float *data,
                         lp_tensor_view part[LP_SPARSE_PARTS]) {
  const size_t rows = (size_t)desc->dim[0], columns = mask->n / rows;
  memset(part, 0, LP_SPARSE_PARTS * sizeof *part);
  if (mask->kept > INT32_MAX || !mask->kept)
    return lp_fail(LP_ERR_UNSUPPORTED, "%s: a file holds 1 to %d kept weights of a tensor, not %zu",
                   mask->name, INT32_MAX, mask->kept);
  float *value = malloc(sizeof *value * mask->kept);
  int32_t *column = malloc(sizeof *column * mask->kept), *row = malloc(sizeof *row * (rows + 1));
  void *const all[] = {value, column, row};
  const lp_desc shape[] = {lp_f32((int64_t)mask->kept), LP_DESC(LP_I32, (int64_t)mask->kept),
                           LP_DESC(LP_I32, (int64_t)rows + 1)};
  bool ok = value && column && row;
  for (int i = 0; i < LP_SPARSE_PARTS; i++) {
    char *name;
    if (asprintf(&name, "%s.%s", mask->name, part_name[i]) < 0) name = NULL;
    part[i] = (lp_tensor_view){.name = name, .desc = shape[i], .data = all[i]};
    ok = ok && name;
  }
  if (!ok) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", mask->name);
  size_t n = 0;
  for (size_t r = 0; r < rows; r++) {
    row[r] = (int32_t)n;
    for (size_t c = 0; c < columns; c++) {
      if (mask->keep[r * columns + c] == 0) continue;
      column[n] = (int32_t)c;
      value[n++] = data[r * columns + c];
    }
  }
  row[rows] = (int32_t)n;
  return LP_OK;
}

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

lp_status lp_sparse_unpack(const lp_safetensors *f, const char *path, const char *name,
                           const lp_desc *desc, float *data) {
  const lp_tensor_view *part[LP_SPARSE_PARTS];
  for (int i = 0; i < LP_SPARSE_PARTS; i++)
    if (!(part[i] = find(f, name, i))) return LP_ERR_NOT_FOUND;
  const lp_tensor_view *value = part[VALUES], *column = part[COLUMNS], *row = part[ROWS];
  const size_t rows = (size_t)desc->dim[0], columns = (size_t)lp_numel(desc) / rows;
  const int64_t n = lp_numel(&value->desc);
  const lp_desc shape[] = {lp_f32(n), LP_DESC(LP_I32, n), LP_DESC(LP_I32, (int64_t)rows + 1)};
  bool good = true;
  for (int i = 0; i < LP_SPARSE_PARTS; i++) good = good && lp_desc_equal(&part[i]->desc, &shape[i]);
  if (!good || !is_sound(row->data, rows, column->data, n, columns))
    return lp_fail(LP_ERR_FORMAT,
                   "%s: %s.values, .columns and .rows are no sparse tensor of %zu "
                   "rows and %zu columns",
                   path, name, rows, columns);
  const float *from = value->data;
  const int32_t *at = column->data, *first = row->data;
  memset(data, 0, lp_nbytes(desc));
  for (size_t r = 0; r < rows; r++)
    for (int32_t k = first[r]; k < first[r + 1]; k++) data[r * columns + (size_t)at[k]] = from[k];
  return LP_OK;
}
