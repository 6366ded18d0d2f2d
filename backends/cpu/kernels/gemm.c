/* Blocked matrix product: register tiles, packing, blocking. */
#include "bf16.h"
#include "shuffle.h"

/* c (mr x nv*LANES) = or += the product of a packed row block and a packed panel. */
INLINE void tile(int mr, int nv, bool columns, int64_t kc, const float *a, const float *b, float *c,
                 int64_t ldc, bool add, const cpu_ahead *next, const cpu_factors *factors) {
  vec acc[MR][NV];
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] = (vec){0};
  for (int64_t k = 0, end; k < kc; k = end) {
    end = ask_ahead(next, k, kc);
    for (int64_t i = k; i < end; i++) {
      vec bv[NV];
      UNROLL for (int v = 0; v < nv; v++) bv[v] = load(b + v * LANES);
      UNROLL for (int r = 0; r < mr; r++) {
        vec av = splat(columns ? a[r] : a[r * AR]);
        UNROLL for (int v = 0; v < nv; v++) acc[r][v] += av * bv[v];
      }
      b += NR;
      a += columns ? AC : 1;
    }
  }
  store_tile(mr, nv, acc, c, ldc, add, factors);
}

#define TILE_FN(L, V, M)                                                                           \
  static void tile_##L##_##V##_##M(int64_t kc, const float *a, const float *b, float *c,           \
                                   int64_t ldc, bool add, const cpu_ahead *next,                   \
                                   const cpu_factors *factors) {                                   \
    tile(M, V, L, kc, a, b, c, ldc, add, next, factors);                                           \
  }
EACH_MR(TILE_FN, 0, 1)
EACH_MR(TILE_FN, 0, 2)
EACH_MR(TILE_FN, 1, 1)
EACH_MR(TILE_FN, 1, 2)

#define NAME(L, V, M) [M] = tile_##L##_##V##_##M,
/* [a_columns][vectors - 1][rows] */
static const cpu_tile tiles[2][NV][MR + 1] = {
    {{EACH_MR(NAME, 0, 1)}, {EACH_MR(NAME, 0, 2)}},
    {{EACH_MR(NAME, 1, 1)}, {EACH_MR(NAME, 1, 2)}},
};

const cpu_product ISA(cpu_product_f32) = {.tiles = tiles[0][0], .factors = true, .winograd = true};
const cpu_product ISA(cpu_product_bf16) = {.tiles = tiles[0][0],
                                           .factors = true,
                                           .winograd = true, /* as in what it emulates */
                                           .round_a = cpu_round_a,
                                           .round_b = cpu_round_b};

/* Exchanges the off-diagonal halves of all 2S x 2S blocks. */
#define EXCHANGE(S)                                                                                \
  UNROLL for (int i = 0; i < LANES; i++) if (!(i & S)) {                                           \
    vec a = v[i], b = v[i + S];                                                                    \
    v[i] = __builtin_shufflevector(a, b, LOW##S);                                                  \
    v[i + S] = __builtin_shufflevector(a, b, HIGH##S);                                             \
  }

/* LANES x LANES elements: n rows of src become the first n columns of dst, zeros the others. The
 * first kc rows of dst are stored, up to column width. */
INLINE void transpose_square(const float *src, int64_t ld, int64_t n, int64_t kc, float *dst,
                             int64_t pitch, int64_t width) {
  vec v[LANES];
  UNROLL for (int i = 0; i < LANES; i++) v[i] = i < n ? load(src + i * ld) : (vec){0};
  EACH_STEP(EXCHANGE)
  if (kc == LANES && width >= LANES) {
    UNROLL for (int i = 0; i < LANES; i++) store(dst + i * pitch, v[i]);
  } else {
    vec spill[LANES];
    UNROLL for (int i = 0; i < LANES; i++) spill[i] = v[i];
    for (int64_t i = 0; i < kc; i++) store_part(dst + i * pitch, spill[i], min64(width, LANES));
  }
}

void cpu_transpose(const float *src, int64_t ld, int64_t n, int64_t kc, float *dst, int64_t pitch,
                   int64_t width) {
  for (int64_t j = 0; j < width; j += LANES) {
    int64_t rows = max64(0, min64(n - j, LANES)), columns = min64(width - j, LANES);
    const float *from = src + j * ld;
    for (int64_t k = 0; k < kc; k += LANES) {
      float *to = dst + k * pitch + j;
      if (rows == LANES && kc - k >= LANES)
        transpose_square(from + k, ld, LANES, LANES, to, pitch, LANES);
      else
        transpose_square(from + k, ld, rows, min64(kc - k, LANES), to, pitch, columns);
    }
  }
}

/* Adds or copies a finished tile to columns that are not contiguous in C or not all wanted. */
static void scatter(const gemm *g, const float *t, int64_t m0, int64_t mr, int64_t n0, int64_t nr,
                    bool add) {
  for (int64_t j = 0; j < nr;) {
    int64_t at = (n0 + j) % g->run, len = min64(nr - j, g->run - at);
    float *c = g->c + (n0 + j) / g->run * g->run_stride + m0 * g->ldc + at;
    for (int64_t r = 0; r < mr; r++, c += g->ldc) {
      const float *from = t + r * NR + j;
      if (add)
        for (int64_t i = 0; i < len; i++) c[i] += from[i];
      else
        for (int64_t i = 0; i < len; i++) c[i] = from[i];
    }
    j += len;
  }
}

/* A block of cpu_gemm_block, and where in it a tile is. */
typedef struct place {
  int64_t m0, m1, n0, n1, k0, kc; /* the block in C, and its part of the depth */
  int64_t i, height, j, call;     /* row block, columns; tile of the part */
} place;

/* What a tile should ask for: a share of the rows of A that are packed next, or of the part of B.
 */
static cpu_ahead look_ahead(const gemm *g, const place *at) {
  int64_t panels = ceil_div(at->n1 - at->n0, NR), k1 = at->k0 + at->kc;
  if (at->n1 - at->n0 > NC) return (cpu_ahead){0};
  if (g->a_from) {
    int64_t i = at->i + at->height, k = at->k0, first = at->call % panels;
    if (i >= at->m1) i = at->m0, k = k1;
    int64_t rows = min64(at->height, at->m1 - i) - first;
    if (k >= g->k || rows <= 0) return (cpu_ahead){0};
    const int64_t at_a = (i + first) * g->a_pitch + k;
    return (cpu_ahead){g->a_from + at_a, g->a_also ? g->a_also + at_a : NULL, panels * g->a_pitch,
                       ceil_div(rows, panels)};
  }
  if (g->b_from && k1 < g->k) {
    /* Calls take turns over pieces as wide as a tile is deep. */
    int64_t pieces = ceil_div(at->n1 - at->n0, at->kc), rows = min64(KC, g->k - k1);
    int64_t calls = ceil_div(at->m1 - at->m0, at->height) * panels / pieces;
    int64_t piece = at->call % pieces, turn = at->call / pieces;
    if (turn >= calls) return (cpu_ahead){0};
    int64_t first = rows * turn / calls, last = rows * (turn + 1) / calls;
    const int64_t at_b = (k1 + first) * g->b_pitch + at->n0 + piece * at->kc;
    return (cpu_ahead){g->b_from + at_b, g->b_also ? g->b_also + at_b : NULL, g->b_pitch,
                       last - first};
  }
  if (g->factor_pitch && k1 == g->k && at->j + NR < at->n1) /* of the next tile */
    return (cpu_ahead){g->factor + at->i * g->factor_pitch + at->j + NR, NULL, g->factor_pitch,
                       min64(at->height, at->m1 - at->i)};
  return (cpu_ahead){0};
}

void cpu_gemm_block(const gemm *g, cpu_worker *w, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
  enum { B_SIZE = NC / NR * (KC * NR + PANEL_PAD) + PANEL_SLACK };
  _Static_assert(sizeof(float) * (B_SIZE + AC * AR + TILE) <= CPU_SCRATCH, "scratch");
  float *b = (float *)w->scratch, *a = b + B_SIZE, *own = a + AC * AR;
  int64_t ldt = round_up(n1 - n0, NR);
  const cpu_product *p = w->product;
  /* Row blocks of nearly equal height. */
  int64_t blocks = ceil_div(m1 - m0, MR), height = ceil_div(m1 - m0, blocks);
  int32_t rows[MR]; /* of a matrix of factors */
  for (int32_t r = 0; r < MR; r++) rows[r] = r * (int32_t)g->factor_pitch;
  for (int64_t k0 = 0; k0 < g->k; k0 += KC) {
    int64_t kc = min64(KC, g->k - k0);
    int64_t depth = p->round_b ? round_up(kc, 2) : kc;
    bool add = k0 > 0, last = k0 + kc == g->k;
    place at_tile = {m0, m1, n0, n1, k0, kc, 0, height, 0, 0};
    if (p->begin) p->begin(kc);
    for (int64_t nb = n0; nb < n1; nb += NC) {
      int64_t nc = min64(NC, n1 - nb);
      g->pack_b(g, k0, kc, nb, nc, b);
      for (int64_t j = 0; p->round_b && j < nc; j += NR)
        p->round_b(b + j / NR * panel_size(kc), kc);
      for (int64_t i = m0; i < m1; i += height) {
        int64_t mr = min64(height, m1 - i);
        g->pack_a(g, i, mr, k0, kc, a);
        if (p->round_a) p->round_a(a, mr, kc, g->a_columns);
        for (int64_t j = 0; j < nc; j += NR) {
          int64_t nr = min64(NR, nc - j), nv = ceil_div(nr, LANES), at = nb + j;
          cpu_tile fn = p->tiles[(g->a_columns * NV + nv - 1) * (MR + 1) + mr];
          const float *panel = b + j / NR * panel_size(kc);
          at_tile.i = i;
          at_tile.j = at;
          cpu_ahead next = look_ahead(g, &at_tile);
          cpu_factors factors = {NULL, NULL};
          if (g->factor && last)
            factors = g->factor_pitch
                          ? (cpu_factors){g->factor + i * g->factor_pitch + at, rows}
                          : (cpu_factors){g->factor + g->factor_column[at], g->factor_row + i};
          at_tile.call++;
          if (!g->c) {
            fn(depth, a, panel, own + (i - m0) * ldt + (at - n0), ldt, add, &next, &factors);
          } else if (nr == nv * LANES && at % g->run + nr <= g->run) {
            fn(depth, a, panel, g->c + at / g->run * g->run_stride + i * g->ldc + at % g->run,
               g->ldc, add, &next, &factors);
          } else {
            float t[MR * NR];
            fn(depth, a, panel, t, NR, false, &next, &factors);
            scatter(g, t, i, mr, at, nr, add);
          }
          /* While the elements are in the nearest cache. */
          bool strip = (j + NR) % FINISH == 0 || j + NR >= nc;
          if (strip && last && g->c && g->finish)
            g->finish(g, i, i + mr, nb + j / FINISH * FINISH, at + nr, NULL, 0);
        }
      }
    }
  }
  if (p->end) p->end();
  if (!g->c) g->finish(g, m0, m1, n0, n1, own, ldt);
}

void cpu_gemm(const gemm *g, cpu_worker *w) {
  /* B is packed anew for every block of rows: tall ones, where no tile in scratch limits them. */
  int64_t nc = min64(round_up(g->n, NR), NC), mc = min64(round_up(g->m, MR), (g->c ? 80 : 20) * MR);
  if (!g->c) nc = min64(nc, TILE / mc / NR * NR);
  /* Enough blocks for all workers: columns are split first, they share nothing but A. */
  int64_t want = w->count > 1 ? 2 * w->count : 1;
  while (ceil_div(g->m, mc) * ceil_div(g->n, nc) < want && (nc > 4 * NR || mc > MR || nc > NR)) {
    if (nc > 4 * NR || (mc <= MR && nc > NR))
      nc = round_up(nc / 2, NR);
    else
      mc = round_up(mc / 2, MR);
  }
  int64_t rows = ceil_div(g->m, mc), columns = ceil_div(g->n, nc);
  for (int64_t unit; cpu_next(w, rows * columns, &unit);) {
    int64_t m0 = unit % rows * mc, n0 = unit / rows * nc;
    cpu_gemm_block(g, w, m0, min64(m0 + mc, g->m), n0, min64(n0 + nc, g->n));
  }
}
