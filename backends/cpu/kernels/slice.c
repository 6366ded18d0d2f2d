/* Slices and what is put together from tensors: copies between views (outer, axis, inner); and the
 * elements of rows in another order. */
#include "kernels.h"

enum { UNIT = 8192 };

/* Elements behind one step of the axis. */
static int64_t inner_of(const lp_desc *d, uint32_t axis) {
  int64_t n = 1;
  for (uint32_t i = axis + 1; i < d->ndim; i++) n *= d->dim[i];
  return n;
}

/* Rows (of a whole axis) in a unit of work. */
static int64_t rows_in_unit(int64_t row) {
  return max64(1, UNIT / row);
}

KERNEL(slice) {
  const lp_slice_params *p = &c->params.slice;
  const lp_desc *x = &c->in[0].desc;
  const int64_t inner = inner_of(x, p->axis), from = x->dim[p->axis] * inner;
  const int64_t row = p->length * inner, rows = lp_numel(&c->out[0].desc) / row;
  const int64_t step = rows_in_unit(row);
  for (int64_t unit; cpu_next(w, ceil_div(rows, step), &unit);) {
    const int64_t first = unit * step, end = min64(rows, first + step);
    for (int64_t i = first; i < end; i++)
      memcpy(cpu_out(c, 0) + i * row, cpu_in(c, 0) + i * from + p->begin * inner,
             sizeof(float) * (size_t)row);
    cpu_finish(c, first * row, (end - first) * row);
  }
}

KERNEL(concat) {
  const uint32_t axis = c->params.slice.axis;
  const lp_desc *y = &c->out[0].desc;
  const int64_t inner = inner_of(y, axis), row = y->dim[axis] * inner;
  const int64_t rows = lp_numel(y) / row, step = rows_in_unit(row);
  for (int64_t unit; cpu_next(w, ceil_div(rows, step), &unit);) {
    const int64_t first = unit * step, end = min64(rows, first + step);
    int64_t at = 0;
    for (uint32_t k = 0; k < c->n_in; k++) {
      const int64_t piece = c->in[k].desc.dim[axis] * inner;
      for (int64_t i = first; i < end; i++)
        memcpy(cpu_out(c, 0) + i * row + at, cpu_in(c, k) + i * piece,
               sizeof(float) * (size_t)piece);
      at += piece;
    }
    cpu_finish(c, first * row, (end - first) * row);
  }
}

KERNEL(permute) {
  const int32_t *order = (const int32_t *)(const void *)cpu_in(c, 1);
  const int64_t n = c->in[0].desc.dim[1], rows = c->in[0].desc.dim[0], step = rows_in_unit(n);
  for (int64_t unit; cpu_next(w, ceil_div(rows, step), &unit);) {
    const int64_t first = unit * step, end = min64(rows, first + step);
    for (int64_t r = first; r < end; r++) {
      const float *x = cpu_in(c, 0) + r * n;
      float *y = cpu_out(c, 0) + r * n;
      for (int64_t i = 0; i < n; i++) y[i] = x[order[i]];
    }
    cpu_finish(c, first * n, (end - first) * n);
  }
}
