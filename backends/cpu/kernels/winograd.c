/* Winograd's convolution: transforms with one channel a lane, and the products between them. */
#include "winograd.h"

#include "panels.h"

enum {
  EDGE = 6,             /* of a tile of inputs */
  POINTS = EDGE * EDGE, /* products */
  MAX_TAPS = 25,
  AHEAD = 8 * NR /* floats: rows are asked for so far ahead at all points, more streams than
                    hardware follows by itself */
};

/* What a chunk of samples may take: it should stay in a shared cache between the phases. */
static const int64_t chunk_floats = 4 << 20;
/* Of a strip of pixels, with one channel a lane. */
static const int64_t strip_floats = CPU_SCRATCH / sizeof(float) / 2;

/* ---- transforms along one axis; elements are `s` apart --------------------------------------- */

/* n elements to EDGE, or EDGE to n. */
typedef void transform(int n, const vec *in, int s, vec *out, int to);

/* The points: 0, P, -P, Q, -Q and infinity, with P Q = 1. */
#define P    0.70710678f
#define Q    1.41421356f
#define P2   0.5f
#define Q2   2.0f
#define PQ22 (P2 + Q2)

/* A tile of inputs. */
INLINE void transform_input(int n, const vec *in, int s, vec *out, int to) {
  (void)n;
  vec d0 = in[0], d1 = in[s], d2 = in[2 * s], d3 = in[3 * s], d4 = in[4 * s], d5 = in[5 * s];
  vec even_p = d4 - Q2 * d2, odd_p = P * (d3 - Q2 * d1);
  vec even_q = d4 - P2 * d2, odd_q = Q * (d3 - P2 * d1);
  out[0] = d0 - PQ22 * d2 + d4;
  out[to] = even_p + odd_p;
  out[2 * to] = even_p - odd_p;
  out[3 * to] = even_q + odd_q;
  out[4 * to] = even_q - odd_q;
  out[5 * to] = d1 - PQ22 * d3 + d5;
}

/* Point to the power of i. */
INLINE float power(float point, float square, int i) {
  float x = i % 2 ? point : 1;
  UNROLL for (int k = 1; k < i; k += 2) x *= square;
  return x;
}

/* Taps of a filter, or the gradients that take their place for dW: the coefficients of a
 * polynomial, evaluated at the points and divided by the derivative there of the polynomial whose
 * zeros they are. */
INLINE void evaluate(int n, const vec *in, int s, vec *out, int to) {
  const float scale_p = 1 / (2 * P2 * (P2 - Q2)), scale_q = 1 / (2 * Q2 * (Q2 - P2));
  vec even_p = scale_p * in[0], odd_p = scale_p * P * in[s];
  vec even_q = scale_q * in[0], odd_q = scale_q * Q * in[s];
  UNROLL for (int i = 2; i < n; i++) {
    *(i % 2 ? &odd_p : &even_p) += scale_p * power(P, P2, i) * in[i * s];
    *(i % 2 ? &odd_q : &even_q) += scale_q * power(Q, Q2, i) * in[i * s];
  }
  out[0] = in[0];
  out[to] = even_p + odd_p;
  out[2 * to] = even_p - odd_p;
  out[3 * to] = even_q + odd_q;
  out[4 * to] = even_q - odd_q;
  out[5 * to] = in[(n - 1) * s];
}

/* Back: to outputs, or for dW to taps. */
INLINE void interpolate(int n, const vec *in, int s, vec *out, int to) {
  vec even_p = in[s] + in[2 * s], odd_p = in[s] - in[2 * s];
  vec even_q = in[3 * s] + in[4 * s], odd_q = in[3 * s] - in[4 * s];
  UNROLL for (int i = 0; i < n; i++) {
    vec y = power(P, P2, i) * (i % 2 ? odd_p : even_p) + power(Q, Q2, i) * (i % 2 ? odd_q : even_q);
    if (i == 0) y += in[0];
    if (i == n - 1) y += in[5 * s];
    out[i * to] = y;
  }
}

/* Both axes of from x from elements, in rows `pitch` apart, which become to x to. */
INLINE void both_axes(transform *along, int from, int to, const vec *in, int pitch, vec *out) {
  vec half[POINTS];
  const int n = from < to ? from : to;
  UNROLL for (int x = 0; x < from; x++) along(n, in + x, pitch, half + x, from);
  UNROLL for (int y = 0; y < to; y++) along(n, half + y * from, 1, out + y * to, 1);
}

/* ---- the transformed operands ---------------------------------------------------------------- */

/* POINTS matrices, `size` floats apart: an odd number of lines, for other sets of the caches. */
typedef struct points {
  panels first;
  int64_t size;
} points;

/* The next ones of a workspace; ws is NULL while its size is asked for. */
static points make_points(float *ws, int64_t rows, int64_t columns, int64_t *used) {
  points m = {panels_of(rows, columns), 0};
  if (ws) m.first.p = ws + *used;
  m.size = round_up(panels_floats(&m.first), 2 * LINE) + LINE;
  *used += POINTS * m.size;
  return m;
}

static float *element(const points *m, int64_t row, int64_t column) {
  return m->first.p + column / NR * m->first.size + row * NR + column % NR;
}

INLINE void put(const points *m, int64_t row, int64_t column, const vec *v) {
  float *p = element(m, row, column);
  UNROLL for (int y = 0; y < EDGE; y++) UNROLL for (int x = 0; x < EDGE; x++, p += m->size) {
    store(p, v[y * EDGE + x]);
    __builtin_prefetch(p + AHEAD, 1, 2);
  }
}

INLINE void get(const points *m, int64_t row, int64_t column, vec *v) {
  const float *p = element(m, row, column);
  UNROLL for (int y = 0; y < EDGE; y++) UNROLL for (int x = 0; x < EDGE; x++, p += m->size) {
    v[y * EDGE + x] = load(p);
    __builtin_prefetch(p + AHEAD, 0, 2);
  }
}

/* Outputs that a tile gives along an edge. */
static inline int64_t outputs(int64_t kernel) {
  return EDGE - kernel + 1;
}

/* The tiles of a batch: down x across of them a sample, `step` apart; chunk samples at a time. */
typedef struct tiling {
  int64_t step, down, across, chunk;
} tiling;

static tiling make_tiling(const conv *c) {
  int64_t step = outputs(c->k);
  tiling t = {step, ceil_div(c->out_h, step), ceil_div(c->out_w, step), 0};
  int64_t sample =
      POINTS * t.down * t.across * (round_up(c->channels, NR) + round_up(c->filters, NR));
  t.chunk = min64(c->batch, max64(1, chunk_floats / sample));
  return t;
}

bool winograd_fits(const conv *c) {
  enum { LEAST_CHANNELS = 32, LEAST_TILES = 32, LEAST_EDGE = 7 };
  /* A gradient's padding may be negative (conv.c). */
  if ((c->k != 3 && c->k != 5) || !c->call->winograd || c->stride != 1 || c->pad < 0 ||
      c->pad >= c->k)
    return false;
  tiling t = make_tiling(c);
  return c->channels >= LEAST_CHANNELS && c->filters >= LEAST_CHANNELS && c->out_h >= LEAST_EDGE &&
         c->out_w >= LEAST_EDGE && t.down * t.across * c->batch >= LEAST_TILES &&
         (c->out_w + EDGE + LANES) * EDGE * LANES <= strip_floats;
}

/* The workspace: the filters, and a chunk's inputs and outputs or their gradients. */
typedef struct parts {
  points filters, inputs, outputs;
  size_t bytes;
} parts;

static parts divide(const conv *c, const tiling *t, float *ws) {
  int64_t used = 0, tiles = t->chunk * t->down * t->across;
  parts p = {.filters = make_points(ws, c->channels, c->filters, &used),
             .inputs = make_points(ws, tiles, c->channels, &used),
             .outputs = make_points(ws, tiles, c->filters, &used)};
  p.bytes = (size_t)used * sizeof(float);
  return p;
}

size_t winograd_bytes(const conv *c) {
  tiling t = make_tiling(c);
  return divide(c, &t, NULL).bytes;
}

/* Planes of height x width pixels: samples of `planes` each. */
typedef struct planes {
  const float *p;
  int64_t planes, height, width;
} planes;

/* Rows y0..y1-1 of a block of planes with one plane a lane, `pitch` pixels each, zeros around the
 * plane. What is written behind a row, up to LANES-1 pixels, is overwritten by the next one. */
static void fill_strip(const planes *x, const float *src, int64_t lanes, int64_t pad, int64_t y0,
                       int64_t y1, int64_t pitch, float *strip) {
  for (int64_t y = y0; y < y1; y++, strip += pitch * LANES) {
    int64_t left = 0, right = 0;
    if (y >= 0 && y < x->height) {
      left = pad, right = pad + x->width;
      cpu_transpose(src + y * x->width, x->height * x->width, lanes, round_up(x->width, LANES),
                    strip + left * LANES, LANES, LANES);
    }
    for (int64_t i = 0; i < left; i++) store(strip + i * LANES, (vec){0});
    for (int64_t i = right; i < pitch; i++) store(strip + i * LANES, (vec){0});
  }
}

/* Asks for n floats from p, to read or to write, if the nearer caches will keep them. */
INLINE void ask_for(const float *p, int64_t n, int write) {
  if (n > strip_floats) return;
  for (int64_t i = 0; i < n; i += LINE)
    write ? __builtin_prefetch(p + i, 1, 2) : __builtin_prefetch(p + i, 0, 2);
}

/* Brings tiles of n x n pixels, the first one beginning `pad` outside of the plane, of one block of
 * planes of a sample into the form that `along` gives them. */
INLINE void gather_tiles(const planes *x, int64_t sample, int64_t first, const tiling *t, int n,
                         int64_t pad, transform *along, const points *to, int64_t row,
                         float *strip) {
  int64_t lanes = min64(LANES, x->planes - first), pitch = t->across * t->step - t->step + n;
  const float *src = x->p + (sample * x->planes + first) * x->height * x->width;
  int64_t most = ((strip_floats / LANES - LANES) / pitch - n) / t->step + 1;
  ask_for(src, lanes * x->height * x->width, 0);
  for (int64_t ty = 0, end; ty < t->down; ty = end) {
    end = min64(t->down, ty + most);
    int64_t top = ty * t->step - pad, bottom = top + (end - ty - 1) * t->step + n;
    fill_strip(x, src, lanes, pad, top, bottom, pitch, strip);
    for (int64_t i = 0; i < end - ty; i++)
      for (int64_t j = 0; j < t->across; j++, row++) {
        vec out[POINTS];
        const vec *in = (const vec *)(const void *)(strip + (i * pitch + j) * t->step * LANES);
        both_axes(along, n, EDGE, in, (int)pitch, out);
        put(to, row, first, out);
      }
  }
}

/* Samples first .. first + n - 1, shared out among the workers. Ends without a barrier. */
INLINE void gather_chunk(const planes *x, int64_t first, int64_t n, const tiling *t, int edge,
                         int64_t pad, transform *along, const points *to, cpu_worker *w) {
  int64_t blocks = ceil_div(x->planes, LANES);
  for (int64_t unit; cpu_next(w, n * blocks, &unit);)
    gather_tiles(x, first + unit / blocks, unit % blocks * LANES, t, edge, pad, along, to,
                 unit / blocks * t->down * t->across, (float *)(void *)w->scratch);
}

/* Filters of k x k, as matrices of inputs x outputs of the convolution. Ends with a barrier. */
INLINE void transform_filters(int k, const conv *c, bool mirrored, const points *to,
                              cpu_worker *w) {
  enum { GROUP = 16 }; /* inputs that are transposed at a time */
  const int kk = k * k;
  int64_t blocks = ceil_div(c->filters, LANES), groups = ceil_div(c->channels, GROUP);
  float *taps = (float *)(void *)w->scratch;
  for (int64_t unit; cpu_next(w, blocks * groups, &unit);) {
    int64_t f = unit % blocks * LANES, c0 = unit / blocks * GROUP;
    int64_t lanes = min64(LANES, c->filters - f), n = min64(GROUP, c->channels - c0);
    if (!mirrored)
      cpu_transpose(c->w + (f * c->channels + c0) * kk, c->channels * kk, lanes, n * kk, taps,
                    LANES, LANES);
    for (int64_t i = 0; i < n; i++) {
      vec g[MAX_TAPS], out[POINTS];
      float *own = taps + i * kk * LANES;
      if (mirrored)
        cpu_transpose(c->w + ((c0 + i) * c->filters + f) * kk, kk, lanes, kk, own, LANES, LANES);
      UNROLL for (int t = 0; t < kk; t++) g[t] = load(own + (mirrored ? kk - 1 - t : t) * LANES);
      both_axes(evaluate, k, EDGE, g, k, out);
      put(to, c0 + i, f, out);
    }
  }
  cpu_barrier(w);
}

/* ---- the products ---------------------------------------------------------------------------- */

static panels at_point(const points *m, int64_t point, int64_t rows) {
  panels one = m->first;
  one.p += point * m->size;
  one.rows = rows;
  return one;
}

/* c = or += a b, or a^T b with `transposed`, for every point; a has `rows` rows. Ends with a
 * barrier. */
static void multiply(const points *a, bool transposed, int64_t rows, const points *b,
                     const points *c, bool add, cpu_worker *w) {
  int64_t m = transposed ? a->first.columns : rows, mc = min64(round_up(m, NR), 8 * NR);
  while (POINTS * ceil_div(m, mc) < 4 * w->count && mc > NR) mc = round_up(mc / 2, NR);
  int64_t blocks = ceil_div(m, mc);
  for (int64_t unit; cpu_next(w, POINTS * blocks, &unit);) {
    int64_t point = unit / blocks, m0 = unit % blocks * mc;
    panels pa = at_point(a, point, rows), pc = at_point(c, point, m);
    panels pb = at_point(b, point, transposed ? rows : a->first.columns);
    panels_multiply(&pa, transposed, &pb, &pc, add, m0, min64(m0 + mc, m));
  }
  cpu_barrier(w);
}

/* ---- forward, and the gradient of the input -------------------------------------------------- */

/* Outputs of one block of filters of a sample, from row `row` of the products. */
INLINE void scatter_tiles(int step, const conv *c, const tiling *t, const points *from, int64_t row,
                          int64_t sample, int64_t first, float *y, float *strip) {
  int64_t lanes = min64(LANES, c->filters - first), at = (sample * c->filters + first) * c->pixels;
  int64_t most = max64(1, strip_floats / LANES / c->out_w / step);
  float bias[LANES] = {0};
  if (c->bias) memcpy(bias, c->bias + first, sizeof(float) * (size_t)lanes);
  ask_for(y + at, lanes * c->pixels, 1);
  for (int64_t ty = 0, end; ty < t->down; ty = end, at += step * most * c->out_w) {
    end = min64(t->down, ty + most);
    int64_t y0 = ty * step, y1 = min64(c->out_h, end * step), n = (y1 - y0) * c->out_w;
    for (int64_t i = ty; i < end; i++)
      for (int64_t j = 0; j < t->across; j++, row++) {
        vec in[POINTS], out[POINTS];
        get(from, row, first, in);
        both_axes(interpolate, EDGE, step, in, EDGE, out);
        float *to = strip + ((i * step - y0) * c->out_w + j * step) * LANES;
        int64_t height = min64(step, y1 - i * step), width = min64(step, c->out_w - j * step);
        for (int64_t v = 0; v < height; v++, to += c->out_w * LANES)
          for (int64_t k = 0; k < width; k++) store(to + k * LANES, out[v * step + k] + load(bias));
      }
    cpu_transpose(strip, LANES, n, lanes, y + at, c->pixels, n);
    for (int64_t f = 0; f < lanes; f++) cpu_finish(c->call, at + f * c->pixels, n);
  }
}

static void scatter(const conv *c, const tiling *t, const points *from, int64_t row, int64_t sample,
                    int64_t first, float *y, float *strip) {
  if (c->k == 3)
    scatter_tiles(4, c, t, from, row, sample, first, y, strip);
  else
    scatter_tiles(2, c, t, from, row, sample, first, y, strip);
}

void winograd_conv(const conv *c, bool mirrored, const float *x, float *y, void *ws,
                   cpu_worker *w) {
  tiling t = make_tiling(c);
  parts p = divide(c, &t, ws);
  planes in = {x, c->channels, c->in_h, c->in_w};
  int64_t blocks = ceil_div(c->filters, LANES), tiles = t.down * t.across;
  if (c->k == 3)
    transform_filters(3, c, mirrored, &p.filters, w);
  else
    transform_filters(5, c, mirrored, &p.filters, w);
  for (int64_t first = 0; first < c->batch; first += t.chunk) {
    int64_t n = min64(t.chunk, c->batch - first);
    gather_chunk(&in, first, n, &t, EDGE, c->pad, transform_input, &p.inputs, w);
    cpu_barrier(w);
    multiply(&p.inputs, false, n * tiles, &p.filters, &p.outputs, false, w);
    for (int64_t unit; cpu_next(w, n * blocks, &unit);)
      scatter(c, &t, &p.outputs, unit / blocks * tiles, first + unit / blocks,
              unit % blocks * LANES, y, (float *)(void *)w->scratch);
    if (first + n < c->batch) cpu_barrier(w);
  }
}

/* ---- the gradient of the filters ------------------------------------------------------------- */

/* The products become filters again, some channels of some filters at a time. */
INLINE void scatter_filters(int k, const conv *c, const points *from, float *dw, cpu_worker *w) {
  enum { GROUP = 32 };
  const int kk = k * k;
  int64_t blocks = ceil_div(c->filters, LANES), groups = ceil_div(c->channels, GROUP);
  float *taps = (float *)(void *)w->scratch;
  for (int64_t unit; cpu_next(w, blocks * groups, &unit);) {
    int64_t f = unit % blocks * LANES, c0 = unit / blocks * GROUP;
    int64_t lanes = min64(LANES, c->filters - f), n = min64(GROUP, c->channels - c0);
    for (int64_t i = 0; i < n; i++) {
      vec in[POINTS], out[MAX_TAPS];
      get(from, c0 + i, f, in);
      both_axes(interpolate, EDGE, k, in, EDGE, out);
      UNROLL for (int t = 0; t < kk; t++) store(taps + (i * kk + t) * LANES, out[t]);
    }
    int64_t at = (f * c->channels + c0) * kk;
    cpu_transpose(taps, LANES, n * kk, lanes, dw + at, c->channels * kk, n * kk);
    for (int64_t l = 0; l < lanes; l++) cpu_finish(c->call, at + l * c->channels * kk, n * kk);
  }
}

static void sum_bias(const conv *c, float *db, cpu_worker *w) {
  for (int64_t f; cpu_next(w, c->filters, &f);) {
    db[f] = 0;
    for (int64_t s = 0; s < c->batch; s++)
      db[f] += cpu_sum(c->dy + (s * c->filters + f) * c->pixels, c->pixels);
  }
  cpu_barrier(w);
}

void winograd_dw(const conv *c, const float *x, void *ws, cpu_worker *w) {
  tiling t = make_tiling(c);
  parts p = divide(c, &t, ws);
  planes in = {x, c->channels, c->in_h, c->in_w};
  planes out = {c->dy, c->filters, c->out_h, c->out_w};
  float *dw = cpu_out(c->call, 0), *db = cpu_out(c->call, 1);
  if (db) sum_bias(c, db, w);
  if (!dw) return;
  for (int64_t first = 0; first < c->batch; first += t.chunk) {
    int64_t n = min64(t.chunk, c->batch - first);
    gather_chunk(&in, first, n, &t, EDGE, c->pad, transform_input, &p.inputs, w);
    cpu_barrier(w);
    if (c->k == 3)
      gather_chunk(&out, first, n, &t, 4, 0, evaluate, &p.outputs, w);
    else
      gather_chunk(&out, first, n, &t, 2, 0, evaluate, &p.outputs, w);
    cpu_barrier(w);
    multiply(&p.inputs, true, n * t.down * t.across, &p.outputs, &p.filters, first > 0, w);
  }
  if (c->k == 3)
    scatter_filters(3, c, &p.filters, dw, w);
  else
    scatter_filters(5, c, &p.filters, dw, w);
}
