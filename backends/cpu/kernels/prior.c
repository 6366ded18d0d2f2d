/* A weight multiplied by its prior, for layers whose products do not take prior operands. */
#include "kernels.h"

KERNEL(prior) {
  const lp_desc *d = &c->in[0].desc;
  const float *table = cpu_in(c, LP_PRIOR_TABLE), *dense = cpu_in(c, LP_PRIOR_DENSE);
  const float *row_scale = cpu_in(c, LP_PRIOR_ROW_SCALE),
              *col_scale = cpu_in(c, LP_PRIOR_COL_SCALE);
  const int32_t *off_out = (const int32_t *)(const void *)cpu_in(c, LP_PRIOR_OFF_OUT);
  const int32_t *off_in = (const int32_t *)(const void *)cpu_in(c, LP_PRIOR_OFF_IN);
  const int64_t n_in = d->dim[1], row = lp_inner(d), rest = row / n_in;
  const int64_t n_out = c->in[table ? LP_PRIOR_OFF_OUT : LP_PRIOR_DENSE].desc.dim[0];
  for (int64_t unit; cpu_next(w, d->dim[0], &unit);) {
    const int64_t o = unit % n_out;
    const float *from = cpu_in(c, 0) + unit * row;
    float *to = cpu_out(c, 0) + unit * row;
    for (int64_t i = 0; i < n_in; i++) {
      float p = table ? table[off_out[o] + off_in[i]] : dense[o * n_in + i];
      if (row_scale) p *= row_scale[o];
      if (col_scale) p *= col_scale[i];
      for (int64_t k = i * rest; k < (i + 1) * rest; k++) to[k] = from[k] * p;
    }
    cpu_finish(c, unit * row, row);
  }
}
