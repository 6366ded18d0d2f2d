/* Fully connected layers, with or without a locality prior.
 *
 * P o W exists only in the packed blocks that are being multiplied: table entries are applied while
 * W is packed (forward, dx), or to sums that leave the registers or, where rows of the table are
 * short, to finished rows (dW); a dense P is read in the same places, and asked for ahead like W;
 * the row and column scales go to the other operand or to the result, where they cost next to
 * nothing. */
#include "gemm.h"
#include "kernels.h"

typedef struct linear {
  const cpu_call *call;
  int64_t batch, n_in, n_out;
  const float *x, *dy, *w, *bias;
  float *y, *dx, *dw, *db;
  const float *table, *dense, *row_scale, *col_scale;
  const int32_t *off_out, *off_in;
  int64_t run;
  bool factors_in_tiles; /* dW: the table's entries are applied by the product's tiles */
} linear;

static linear describe(const cpu_call *c) {
  linear l = {.call = c, .run = c->params.linear.run};
  l.table = cpu_in(c, LP_PRIOR_TABLE);
  l.off_out = (const int32_t *)(const void *)cpu_in(c, LP_PRIOR_OFF_OUT);
  l.off_in = (const int32_t *)(const void *)cpu_in(c, LP_PRIOR_OFF_IN);
  if (l.table) {
    l.row_scale = cpu_in(c, LP_PRIOR_ROW_SCALE);
    l.col_scale = cpu_in(c, LP_PRIOR_COL_SCALE);
  } else {
    l.dense = cpu_in(c, LP_PRIOR_DENSE);
  }
  return l;
}

/* y = x * p; y may be x. */
INLINE void multiply(int64_t n, const float *x, const float *p, float *y) {
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES)
    UNROLL for (int v = 0; v < 4 * LANES; v += LANES)
        store(y + i + v, load(x + i + v) * load(p + i + v));
  for (; i + LANES <= n; i += LANES) store(y + i, load(x + i) * load(p + i));
  for (; i < n; i++) y[i] = x[i] * p[i];
}

/* Inputs whose table entries are contiguous. */
typedef struct piece {
  int32_t at, len, to, off_in; /* input at .. at+len-1 goes to to .. */
} piece;

/* Cuts inputs i .. i+n-1 (n <= NC) at the ends of runs and at multiples of width from i, each of
 * which goes to a place `pitch` further on. Worked out once for all rows that use it. */
static int cut(const linear *l, int64_t i, int64_t n, int64_t width, int64_t pitch, piece *out) {
  int count = 0;
  int64_t run = l->table ? max64(1, l->run) : n, left = l->table ? run - i % run : n;
  for (int64_t j = 0; j < n;) {
    int64_t len = min64(min64(left, n - j), width - j % width);
    out[count++] = (piece){(int32_t)j, (int32_t)len, (int32_t)(j / width * pitch + j % width),
                           l->table ? l->off_in[i + j] : (int32_t)j};
    j += len;
    left = left == len ? run : left - len;
  }
  return count;
}

/* dst = src times the unscaled prior for output o; inputs i.. are cut into pieces. */
INLINE void times_prior(const linear *l, int64_t o, int64_t i, const piece *pieces, int count,
                        const float *src, float *dst) {
  const float *row = l->table ? l->table + l->off_out[o] : l->dense + o * l->n_in + i;
  for (int p = 0; p < count; p++) {
    const float *from = src + pieces[p].at, *prior = row + pieces[p].off_in;
    float *to = dst + pieces[p].to;
    if (pieces[p].len == NR) /* the common case, without a loop */
      multiply(NR, from, prior, to);
    else
      multiply(pieces[p].len, from, prior, to);
  }
}

static inline bool has_prior(const linear *l) {
  return l->table || l->dense;
}

/* Asks for n floats of W that are about to be packed: rows lie too far apart for the hardware to
 * guess. Past the end of W nothing happens. */
static inline void prefetch_row(const float *w, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) __builtin_prefetch(w + i);
}

/* Packs rows m0 .. of a matrix of `pitch` columns, which are scaled where there is a scale. */
static void pack_scaled(const float *x, int64_t pitch, const float *scale, int64_t m0, int64_t mr,
                        int64_t k0, int64_t kc, float *dst) {
  for (const float *src = x + m0 * pitch + k0; mr > 0; mr--, src += pitch, dst += AR) {
    if (scale)
      multiply(kc, src, scale + k0, dst);
    else
      memcpy(dst, src, sizeof(float) * (size_t)kc);
  }
}

/* y's scale, bias and chain, for outputs m0 .. m1-1 of sample n. */
static void finish_outputs(const linear *l, int64_t n, int64_t m0, int64_t m1) {
  float *y = l->y + n * l->n_out;
  if (l->row_scale)
    for (int64_t i = m0; i < m1; i++) y[i] *= l->row_scale[i];
  if (l->bias)
    for (int64_t i = m0; i < m1; i++) y[i] += l->bias[i];
  cpu_finish(l->call, n * l->n_out + m0, m1 - m0);
}

/* ---- forward: y^T = (P o W) x^T, so that W is packed without transposing --------------------- */

static void forward_a(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst) {
  const linear *l = g->ctx;
  piece pieces[NC];
  int count = has_prior(l) ? cut(l, k0, kc, NC, 0, pieces) : 0;
  for (int64_t r = 0; r < mr; r++, dst += AR) {
    const float *w = l->w + (m0 + r) * l->n_in + k0;
    if (count)
      times_prior(l, m0 + r, k0, pieces, count, w, dst);
    else
      memcpy(dst, w, sizeof(float) * (size_t)kc);
  }
}

static void forward_b(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const linear *l = g->ctx;
  for (int64_t j = 0; j < nc; j += NR, dst += panel_size(kc)) {
    cpu_transpose(l->x + (n0 + j) * l->n_in + k0, l->n_in, min64(NR, nc - j), kc, dst, NR, NR);
    if (!l->col_scale) continue;
    for (int64_t k = 0; k < kc; k++)
      for (int v = 0; v < NR; v++) dst[k * NR + v] *= l->col_scale[k0 + k];
  }
}

static void forward_finish(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                           float *tile, int64_t ldt) {
  const linear *l = g->ctx;
  int64_t rows = m1 - m0;
  cpu_transpose(tile, ldt, rows, n1 - n0, l->y + n0 * l->n_out + m0, l->n_out, rows);
  for (int64_t n = n0; n < n1; n++) finish_outputs(l, n, m0, m1);
}

/* ---- or y = x (P o W)^T, for large batches: transposes W, but neither x nor y ---------------- */

static void straight_a(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst) {
  const linear *l = g->ctx;
  pack_scaled(l->x, l->n_in, l->col_scale, m0, mr, k0, kc, dst);
}

static void straight_b(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const linear *l = g->ctx;
  piece pieces[NC];
  int count = has_prior(l) ? cut(l, k0, kc, NC, 0, pieces) : 0;
  float rows[NR * AR]; /* of P o W, before they are transposed */
  for (int64_t j = 0; j < nc; j += NR, dst += panel_size(kc)) {
    int64_t nr = min64(NR, nc - j), pitch = count ? AR : l->n_in;
    const float *w = l->w + (n0 + j) * l->n_in + k0;
    for (int64_t r = 0; count && r < nr; r++)
      times_prior(l, n0 + j + r, k0, pieces, count, w + r * l->n_in, rows + r * AR);
    cpu_transpose(count ? rows : w, pitch, nr, kc, dst, NR, NR);
  }
}

static void straight_finish(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                            float *tile, int64_t ldt) {
  (void)tile;
  (void)ldt;
  for (int64_t n = m0; n < m1; n++) finish_outputs(g->ctx, n, n0, n1);
}

KERNEL(linear) {
  linear l = describe(c);
  l.x = cpu_in(c, 0);
  l.w = cpu_in(c, 1);
  l.bias = cpu_in(c, 2);
  l.y = cpu_out(c, 0);
  l.batch = c->in[0].desc.dim[0];
  l.n_out = c->in[1].desc.dim[0];
  l.n_in = c->in[1].desc.dim[1];
  gemm g = {.m = l.n_out,
            .n = l.batch,
            .k = l.n_in,
            .ctx = &l,
            .pack_a = forward_a,
            .a_from = l.w,
            .a_also = l.dense,
            .a_pitch = l.n_in,
            .pack_b = forward_b,
            .finish = forward_finish};
  if (l.n_in * l.n_out < l.batch * (l.n_in + l.n_out))
    g = (gemm){.m = l.batch,
               .n = l.n_out,
               .k = l.n_in,
               .ctx = &l,
               .pack_a = straight_a,
               .a_from = l.x,
               .a_pitch = l.n_in,
               .pack_b = straight_b,
               .c = l.y,
               .ldc = l.n_out,
               .run = l.n_out,
               .finish = straight_finish};
  cpu_gemm(&g, w);
}

/* ---- dx = dy (P o W) ------------------------------------------------------------------------- */

static void dx_a(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst) {
  const linear *l = g->ctx;
  pack_scaled(l->dy, l->n_out, l->row_scale, m0, mr, k0, kc, dst);
}

static void dx_b(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const linear *l = g->ctx;
  piece pieces[NC];
  int64_t pitch = panel_size(kc), whole = nc / NR * NR;
  int count = has_prior(l) ? cut(l, n0, nc, NR, pitch, pieces) : 0;
  for (int64_t k = 0; k < kc; k++) {
    const float *w = l->w + (k0 + k) * l->n_in + n0;
    float *to = dst + k * NR, *rest = to + nc / NR * pitch;
    prefetch_row(w + 4 * l->n_in, nc);
    if (l->dense) prefetch_row(l->dense + (k0 + k + 4) * l->n_in + n0, nc);
    if (count) {
      times_prior(l, k0 + k, n0, pieces, count, w, to);
      for (int64_t v = nc - whole; whole < nc && v < NR; v++) rest[v] = 0;
    } else {
      for (int64_t j = 0; j < nc; j += NR) panel_row(w + j, min64(NR, nc - j), to + j / NR * pitch);
    }
  }
}

static void dx_finish(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, float *tile,
                      int64_t ldt) {
  (void)tile;
  (void)ldt;
  const linear *l = g->ctx;
  for (int64_t n = m0; n < m1; n++) {
    float *dx = l->dx + n * l->n_in;
    if (l->col_scale)
      for (int64_t i = n0; i < n1; i++) dx[i] *= l->col_scale[i];
    cpu_finish(l->call, n * l->n_in + n0, n1 - n0);
  }
}

KERNEL(linear_dx) {
  linear l = describe(c);
  l.dy = cpu_in(c, 0);
  l.w = cpu_in(c, 1);
  l.dx = cpu_out(c, 0);
  l.batch = c->in[0].desc.dim[0];
  l.n_out = c->in[1].desc.dim[0];
  l.n_in = c->in[1].desc.dim[1];
  gemm g = {.m = l.batch,
            .n = l.n_in,
            .k = l.n_out,
            .ctx = &l,
            .pack_a = dx_a,
            .pack_b = dx_b,
            .b_from = l.w,
            .b_also = l.dense,
            .b_pitch = l.n_in,
            .c = l.dx,
            .ldc = l.n_in,
            .run = l.n_in,
            .finish = dx_finish};
  cpu_gemm(&g, w);
}

/* ---- dW = P o (dy^T x), db = column sums of dy ----------------------------------------------- */

static void dw_a(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst) {
  const linear *l = g->ctx;
  const float *dy = l->dy + k0 * l->n_out + m0;
  (void)mr;
  for (int64_t k = 0; k < kc; k++, dy += l->n_out, dst += AC) column_of_a(dy, dst);
}

static void dw_b(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const linear *l = g->ctx;
  for (int64_t k = 0; k < kc; k++) {
    const float *x = l->x + (k0 + k) * l->n_in + n0;
    for (int64_t j = 0; j < nc; j += NR) {
      float *to = dst + j / NR * panel_size(kc) + k * NR;
      panel_row(x + j, min64(NR, nc - j), to);
    }
  }
}

static void bias_gradient(const linear *l, int64_t m0, int64_t m1) {
  for (int64_t o = m0; o < m1; o++) l->db[o] = 0;
  for (int64_t n = 0; n < l->batch; n++)
    for (int64_t o = m0; o < m1; o++) l->db[o] += l->dy[n * l->n_out + o];
}

static void dw_finish(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, float *tile,
                      int64_t ldt) {
  (void)tile;
  (void)ldt;
  const linear *l = g->ctx;
  if (l->db && n0 == 0) bias_gradient(l, m0, m1);
  piece pieces[NC];
  int count = has_prior(l) && !l->factors_in_tiles ? cut(l, n0, n1 - n0, NC, 0, pieces) : 0;
  for (int64_t o = m0; o < m1; o++) {
    float *dw = l->dw + o * l->n_in;
    if (count) times_prior(l, o, n0, pieces, count, dw + n0, dw + n0);
    if (l->row_scale)
      for (int64_t i = n0; i < n1; i++) dw[i] *= l->row_scale[o];
    if (l->col_scale)
      for (int64_t i = n0; i < n1; i++) dw[i] *= l->col_scale[i];
    cpu_finish(l->call, o * l->n_in + n0, n1 - n0);
  }
}

KERNEL(linear_dw) {
  linear l = describe(c);
  l.dy = cpu_in(c, 0);
  l.x = cpu_in(c, 1);
  l.dw = cpu_out(c, 0);
  l.db = cpu_out(c, 1);
  l.batch = c->in[0].desc.dim[0];
  l.n_out = lp_inner(&c->in[0].desc);
  l.n_in = lp_inner(&c->in[1].desc);
  if (!l.dw) {
    for (int64_t unit; l.db && cpu_next(w, ceil_div(l.n_out, 64), &unit);)
      bias_gradient(&l, 64 * unit, min64(64 * unit + 64, l.n_out));
    return;
  }
  gemm g = {.m = l.n_out,
            .n = l.n_in,
            .k = l.batch,
            .ctx = &l,
            .pack_a = dw_a,
            .a_columns = true,
            .pack_b = dw_b,
            .c = l.dw,
            .ldc = l.n_in,
            .run = l.n_in,
            .finish = dw_finish};
  const bool runs = l.table && l.run > 0 && l.run % NR == 0;
  l.factors_in_tiles =
      (runs || (l.dense && l.n_in < INT32_MAX / MR)) && w->product->factors && l.n_in % NR == 0;
  if (l.factors_in_tiles && l.dense) {
    g.factor = l.dense;
    g.factor_pitch = l.n_in;
  } else if (l.factors_in_tiles) {
    g.factor = l.table;
    g.factor_row = l.off_out;
    g.factor_column = l.off_in;
  }
  cpu_gemm(&g, w);
}
