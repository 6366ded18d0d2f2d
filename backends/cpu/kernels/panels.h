/* panels.h: products of matrices that are in panels already, f32.
 *
 * A panel has NR columns: element (i, j) of a matrix is at [j/NR*size + i*NR + j%NR]. All operands
 * are read where they are, and the result has the same form. For matrices that kernels make
 * themselves; others are packed (gemm.h). */
#ifndef LP_CPU_PANELS_H
#define LP_CPU_PANELS_H

#include "gemm.h"

typedef struct panels {
  float *p;
  int64_t rows, columns, size; /* size: floats from one panel to the next */
} panels;

/* Without memory yet. */
static inline panels panels_of(int64_t rows, int64_t columns) {
  return (panels){NULL, rows, columns, panel_size(rows)};
}

static inline int64_t panels_floats(const panels *m) {
  return ceil_div(m->columns, NR) * m->size;
}

/* Rows m0..m1-1 of c = or += a b, or of a^T b with `transposed`; b has as many rows as are summed.
 * Whole vectors are computed: what is in a panel behind the last column has no meaning. */
#define panels_multiply ISA(panels_multiply)
void panels_multiply(const panels *a, bool transposed, const panels *b, const panels *c, bool add,
                     int64_t m0, int64_t m1);

#endif
