/* The gradient of a convolution's filters and bias.
 *
 * The batch is cut into parts, in a number that depends on the shape alone; each part has a result
 * of its own and they are added in order. A last tap that is always one gives the bias' gradient.
 */
#include "bf16.h"
#include "dot.h"
#include "kernels.h"
#include "lanes.h"
#include "winograd.h"

/* Two ways to multiply. Outer products make dW^T (taps x filters) with vectors along the filters;
 * dot products make dW (filters x taps) with vectors along the pixels, where filters are too few to
 * fill vectors. */
typedef struct weights {
  bool dots;
  int64_t taps, ld;       /* of a partial result, taps with the one for db; its pitch */
  int64_t part_size;      /* floats */
  int64_t parts, samples; /* samples in a part */
  size_t image_bytes;
} weights;

enum {
  MAX_PARTS = 16,
  MAX_DOT_FILTERS = 128,
  ROWS = 16 * MR,
  REDUCE_ROWS = 16,
  REDUCE_COLUMNS = 64,
};

_Static_assert(sizeof(float) * (MAX_DOT_FILTERS + DOT_ROWS + 4) * DR <= CPU_SCRATCH,
               "rows of a dot product");

static conv describe_dw(const cpu_call *call) {
  const lp_desc *dy = &call->in[0].desc, *x = &call->in[1].desc;
  conv c = {.call = call,
            .batch = x->dim[0],
            .channels = x->dim[1],
            .filters = dy->dim[1],
            .k = call->params.conv.kernel,
            .stride = call->params.conv.stride,
            .pad = call->params.conv.pad,
            .in_h = x->dim[2],
            .in_w = x->dim[3],
            .out_h = dy->dim[2],
            .out_w = dy->dim[3]};
  c.kk = c.k * c.k;
  c.depth = c.channels * c.kk;
  c.pixels = c.out_h * c.out_w;
  c.img = conv_image(c.channels, c.in_h, c.in_w, c.stride, c.pad);
  return c;
}

static weights plan_weights(const conv *c) {
  weights p = {.taps = c->depth + cpu_has_out(c->call, 1)};
  int64_t padded = round_up(c->filters, LANES);
  p.dots = 4 * padded > 5 * c->filters && c->filters <= MAX_DOT_FILTERS;
  p.ld = p.dots ? p.taps : padded;
  p.part_size = round_up(p.dots ? c->filters * p.ld : p.taps * p.ld, 16);
  int64_t blocks = ceil_div(c->depth, 224) * ceil_div(c->filters, 256);
  p.samples = ceil_div(c->batch, min64(MAX_PARTS, max64(1, 32 / blocks)));
  if (p.dots) p.samples = max64(p.samples, min64(c->batch, ceil_div(KD, c->pixels)));
  p.parts = ceil_div(c->batch, p.samples);
  p.image_bytes = conv_image_bytes(&c->img, c->batch);
  return p;
}

/* ---- outer products -------------------------------------------------------------------------- */

static void pack_taps(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst) {
  const conv *c = g->ctx;
  run runs[2 * KC];
  int64_t tap[MR], n = min64(mr, c->depth - m0);
  int lanes, count = conv_split(c, &c->img, c->first_sample * c->pixels + k0, kc, runs, &lanes);
  for (int64_t r = 0; r < n; r++) tap[r] = tap_offset(&c->img, c->k, m0 + r);
  conv_gather(c->img.p, tap, n, runs, count, lanes, dst, AR);
  for (int64_t k = 0; n < mr && k < kc; k++) dst[n * AR + k] = 1;
}

static void pack_dy_t(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const conv *c = g->ctx;
  for (int64_t j = 0; j < nc; j += NR, dst += PANEL_PAD) {
    int64_t o = n0 + j, valid = min64(NR, c->filters - o);
    for (int64_t k = 0, len; k < kc; k += len, dst += len * NR) {
      int64_t sample = c->first_sample + (k0 + k) / c->pixels, q = (k0 + k) % c->pixels;
      len = min64(kc - k, c->pixels - q);
      cpu_transpose(c->dy + (sample * c->filters + o) * c->pixels + q, c->pixels, valid, len, dst,
                    NR, NR);
    }
  }
}

/* Rows m0..m1-1 of one part. */
static void outer_part(const conv *c, const weights *p, int64_t samples, int64_t m0, int64_t m1,
                       float *part, cpu_worker *w) {
  gemm g = {.m = p->taps,
            .n = p->ld,
            .k = samples * c->pixels,
            .ctx = c,
            .pack_a = pack_taps,
            .pack_b = pack_dy_t,
            .c = part,
            .ldc = p->ld,
            .run = p->ld};
  cpu_gemm_block(&g, w, m0, m1, 0, p->ld);
}

/* Adds the parts of taps r0..r1-1, transposes them and stores them. */
static void add_outer_parts(const conv *c, const weights *p, const float *part, int64_t r0,
                            int64_t r1) {
  float *dw = cpu_out(c->call, 0), *db = cpu_out(c->call, 1);
  for (int64_t o = 0; o < c->filters; o += REDUCE_COLUMNS) {
    float sum[REDUCE_ROWS][REDUCE_COLUMNS];
    int64_t n = min64(REDUCE_COLUMNS, c->filters - o);
    for (int64_t r = r0; r < r1; r++) {
      float *s = sum[r - r0];
      const float *from = part + r * p->ld + o;
      for (int64_t i = 0; i < n; i++) s[i] = from[i];
      for (int64_t k = 1; k < p->parts; k++) {
        from += p->part_size;
        for (int64_t i = 0; i < n; i++) s[i] += from[i];
      }
    }
    int64_t taps = min64(r1, c->depth) - r0;
    if (dw && taps > 0) {
      cpu_transpose(sum[0], REDUCE_COLUMNS, taps, n, dw + o * c->depth + r0, c->depth, taps);
      for (int64_t i = 0; i < n; i++) cpu_finish(c->call, (o + i) * c->depth + r0, taps);
    }
    if (db && r1 > c->depth) memcpy(db + o, sum[c->depth - r0], sizeof(float) * (size_t)n);
  }
}

/* ---- dot products ---------------------------------------------------------------------------- */

/* Rows of dy over pixels k0..k0+kc-1 of the part. */
static void pack_dy_rows(const conv *c, int64_t k0, int64_t kc, float *dst) {
  int64_t sample = c->first_sample + k0 / c->pixels, q = k0 % c->pixels;
  for (int64_t k = 0, len; k < kc; k += len, sample++, q = 0) {
    len = min64(kc - k, c->pixels - q);
    const float *dy = c->dy + sample * c->filters * c->pixels + q;
    for (int64_t o = 0; o < c->filters; o++)
      memcpy(dst + o * DR + k, dy + o * c->pixels, sizeof(float) * (size_t)len);
  }
  for (int64_t o = 0; o < c->filters; o++)
    for (int64_t k = kc; k % LANES; k++) dst[o * DR + k] = 0;
}

/* Taps m0..m1-1 of one part. */
static void dot_part(const conv *c, const weights *p, int64_t samples, int64_t m0, int64_t m1,
                     float *part, cpu_worker *w) {
  float *rows = (float *)(void *)w->scratch, *taps = rows + round_up(c->filters, 4) * DR;
  int64_t depth = samples * c->pixels, tap[DOT_ROWS];
  for (int64_t k0 = 0; k0 < depth; k0 += KD) {
    int64_t kc = min64(KD, depth - k0);
    run runs[2 * KD];
    int lanes, count = conv_split(c, &c->img, c->first_sample * c->pixels + k0, kc, runs, &lanes);
    pack_dy_rows(c, k0, kc, rows);
    for (int64_t o = 0; w->product->round_a && o < c->filters; o++) cpu_round(rows + o * DR, kc);
    for (int64_t m = m0; m < m1; m += DOT_ROWS) {
      int64_t n = min64(DOT_ROWS, m1 - m), real = min64(n, c->depth - m);
      for (int64_t r = 0; r < real; r++) tap[r] = tap_offset(&c->img, c->k, m + r);
      conv_gather(c->img.p, tap, real, runs, count, lanes, taps, DR);
      for (int64_t k = 0; real < n && k < kc; k++) taps[real * DR + k] = 1;
      for (int64_t r = 0; r < n; r++)
        for (int64_t k = kc; k % LANES; k++) taps[r * DR + k] = 0;
      if (w->product->round_a) {
        for (int64_t r = 0; r < n; r++) cpu_round(taps + r * DR, kc);
      }
      cpu_dot(c->filters, n, round_up(kc, LANES), rows, taps, part + m, p->ld, k0 > 0);
    }
  }
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* Ways that are better for some shapes, best first. */
typedef struct way {
  bool (*fits)(const conv *c);
  size_t (*bytes)(const conv *c);
  void (*run)(const conv *c, const float *x, void *ws, cpu_worker *w);
} way;
static const way ways[] = {{winograd_fits, winograd_bytes, winograd_dw},
                           {lanes_dw_fits, lanes_dw_bytes, lanes_dw}};

/* NULL: none is. */
static const way *better_way(const conv *c) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (ways[i].fits(c)) return &ways[i];
  return NULL;
}

size_t ISA(ws_conv2d_dw)(const cpu_call *call) {
  conv c = describe_dw(call);
  const way *better = better_way(&c);
  if (better) return better->bytes(&c);
  weights p = plan_weights(&c);
  return p.image_bytes + sizeof(float) * (size_t)(p.parts * p.part_size);
}

void ISA(k_conv2d_dw)(const cpu_call *call, cpu_worker *w) {
  conv c = describe_dw(call);
  c.dy = cpu_in(call, 0);
  const way *better = better_way(&c);
  if (better) {
    better->run(&c, cpu_in(call, 1), call->ws, w);
    return;
  }
  weights p = plan_weights(&c);
  float *part = (float *)(void *)((char *)call->ws + p.image_bytes);
  conv_prepare(&c.img, c.batch, cpu_in(call, 1), call->ws, w);
  /* Parts and, when they are too few for the workers, blocks of taps. */
  int64_t least = p.dots ? DOT_ROWS : MR, mc = round_up(p.dots ? p.taps : ROWS, least);
  while (mc > least && ceil_div(p.taps, mc) * p.parts < 2 * w->count) mc = round_up(mc / 2, least);
  int64_t blocks = ceil_div(p.taps, mc);
  for (int64_t unit; cpu_next(w, p.parts * blocks, &unit);) {
    int64_t k = unit / blocks, m0 = unit % blocks * mc;
    conv own = c;
    own.first_sample = k * p.samples;
    int64_t samples = min64(p.samples, c.batch - own.first_sample);
    (p.dots ? dot_part : outer_part)(&own, &p, samples, m0, min64(m0 + mc, p.taps),
                                     part + k * p.part_size, w);
  }
  cpu_barrier(w);
  int64_t units = p.dots ? c.filters : ceil_div(p.taps, REDUCE_ROWS);
  for (int64_t unit; cpu_next(w, units, &unit);) {
    if (p.dots)
      conv_add_parts(&c, part, p.parts, p.part_size, p.ld, unit);
    else
      add_outer_parts(&c, &p, part, unit * REDUCE_ROWS, min64(p.taps, (unit + 1) * REDUCE_ROWS));
  }
}
