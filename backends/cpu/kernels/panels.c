/* Products of matrices in panels. */
#include "panels.h"

enum { DEPTH = 2 * KC }; /* of a block: a row block of A stays in the nearest cache */

/* A tile of c (mr x nv*LANES) = or += a b. a's panels are `size` floats apart; transposed: a^T.
 * Asks for `lines` cache lines from `ahead` in each panel. */
INLINE void tile(int mr, int nv, bool transposed, int64_t kc, const float *a, int64_t size,
                 const float *b, float *c, bool add, const float *ahead, int64_t lines) {
  vec acc[MR][NV];
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] = (vec){0};
  for (int64_t k = 0; k < kc; k += NR, a += transposed ? 0 : size) {
    int64_t n = min64(NR, kc - k);
    const float *own = a;
    for (int64_t i = 0; i < lines; i++) __builtin_prefetch(ahead + i * LINE, 0, 2);
    ahead += size;
    for (int64_t i = 0; i < n; i++, b += NR) {
      vec bv[NV];
      UNROLL for (int v = 0; v < nv; v++) bv[v] = load(b + v * LANES);
      UNROLL for (int r = 0; r < mr; r++) {
        vec av = splat(own[transposed ? r : r * NR]);
        UNROLL for (int v = 0; v < nv; v++) acc[r][v] += av * bv[v];
      }
      own += transposed ? NR : 1;
    }
    if (transposed) a = own;
  }
  if (add)
    UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] +=
        load(c + r * NR + v * LANES);
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++)
      store(c + r * NR + v * LANES, acc[r][v]);
}

typedef void tile_function(int64_t kc, const float *a, int64_t size, const float *b, float *c,
                           bool add, const float *ahead, int64_t lines);

#define TILE_FN(T, V, M)                                                                           \
  static void tile_##T##_##V##_##M(int64_t kc, const float *a, int64_t size, const float *b,       \
                                   float *c, bool add, const float *ahead, int64_t lines) {        \
    tile(M, V, T, kc, a, size, b, c, add, ahead, lines);                                           \
  }
EACH_MR(TILE_FN, 0, 1)
EACH_MR(TILE_FN, 0, 2)
EACH_MR(TILE_FN, 1, 1)
EACH_MR(TILE_FN, 1, 2)

#define NAME(T, V, M) [M] = tile_##T##_##V##_##M,
/* [transposed][vectors - 1][rows] */
static tile_function *const tiles[2][NV][MR + 1] = {
    {{EACH_MR(NAME, 0, 1)}, {EACH_MR(NAME, 0, 2)}},
    {{EACH_MR(NAME, 1, 1)}, {EACH_MR(NAME, 1, 2)}},
};

void panels_multiply(const panels *a, bool transposed, const panels *b, const panels *c, bool add,
                     int64_t m0, int64_t m1) {
  int64_t depth = b->rows;
  /* Row blocks of nearly equal height; the rows of a^T must be in one panel. */
  int64_t rows = transposed ? NR : m1 - m0, height = ceil_div(rows, ceil_div(rows, MR));
  for (int64_t k = 0; k < depth; k += DEPTH) {
    int64_t kc = min64(DEPTH, depth - k);
    for (int64_t i = m0, mr; i < m1; i += mr) {
      mr = min64(height, m1 - i);
      if (transposed) mr = min64(mr, NR - i % NR);
      const float *from =
          a->p + (transposed ? i / NR * a->size + k * NR + i % NR : k / NR * a->size + i * NR);
      /* Lines of the next row block that every panel of b asks for, so that none has to wait. */
      int64_t share = ceil_div(mr * NR / LINE, ceil_div(b->columns, NR));
      for (int64_t j = 0; j < b->columns; j += NR) {
        int64_t panel = j / NR, nv = ceil_div(min64(NR, b->columns - j), LANES);
        tiles[transposed][nv - 1][mr](kc, from, a->size, b->p + panel * b->size + k * NR,
                                      c->p + panel * c->size + i * NR, add || k > 0,
                                      from + mr * NR + share * panel * LINE,
                                      transposed || i + mr >= m1 ? 0 : share);
      }
    }
  }
}
