/* Convolution as a matrix product whose operands are gathered from images while they are packed.
 *
 * Images are first brought into a form in which the values that a filter tap meets along a row of
 * outputs are contiguous: padded with zeros and, for stride s, with each row split into its s
 * phases. Without padding and stride the tensor itself has that form. */
#include "gemm.h"

typedef struct image {
  const float *p;
  int64_t channels, height, width; /* of the tensor */
  int64_t stride, pad;
  int64_t phase, pitch, plane; /* floats of a phase, a row, a channel as prepared */
  bool direct;                 /* the tensor is used as it is */
} image;

typedef struct conv {
  const cpu_call *call;
  int64_t batch, channels, filters, k, kk, depth; /* kk = k*k, depth = channels*kk */
  int64_t out_h, out_w, pixels;                   /* pixels = out_h*out_w */
  int64_t stride, pad, in_h, in_w;
  image img;
  const float *w, *bias, *dy;
  float *dx;
  int64_t first_sample; /* of a partial sum */
} conv;

static image image_of(int64_t channels, int64_t height, int64_t width, int64_t stride,
                      int64_t pad) {
  image m = {.channels = channels, .height = height, .width = width, .stride = stride, .pad = pad};
  m.direct = stride == 1 && pad == 0;
  m.phase = ceil_div(width + 2 * pad, stride);
  m.pitch = m.phase * stride;
  m.plane = m.pitch * (height + 2 * pad);
  return m;
}

static size_t image_bytes(const image *m, int64_t batch) {
  if (m->direct) return 0;
  return sizeof(float) * (size_t)round_up(batch * m->channels * m->plane + LANES, 16);
}

/* Makes the prepared form of a batch in `to`; all workers, ends with a barrier. */
static void prepare(image *m, int64_t batch, const float *x, float *to, cpu_worker *w) {
  m->p = m->direct ? x : to;
  if (m->direct) return;
  for (int64_t unit; cpu_next(w, batch * m->channels, &unit);) {
    float *dst = to + unit * m->plane;
    const float *src = x + unit * m->height * m->width;
    memset(dst, 0, sizeof(float) * (size_t)m->plane);
    for (int64_t y = 0; y < m->height; y++, src += m->width) {
      float *row = dst + (y + m->pad) * m->pitch;
      if (m->stride == 1) {
        memcpy(row + m->pad, src, sizeof(float) * (size_t)m->width);
        continue;
      }
      for (int64_t i = 0; i < m->width; i++) {
        int64_t at = i + m->pad;
        row[at % m->stride * m->phase + at / m->stride] = src[i];
      }
    }
  }
  cpu_barrier(w);
}

/* Where tap t = (channel, ky, kx) reads, relative to where its output pixel begins. */
static inline int64_t tap_offset(const image *m, int64_t k, int64_t t) {
  int64_t kx = t % k, ky = t / k % k, c = t / (k * k);
  return c * m->plane + ky * m->pitch + kx % m->stride * m->phase + kx / m->stride;
}

/* A run of output pixels in one row, no longer than a vector. */
typedef struct run {
  int64_t from; /* offset in the prepared images */
  int64_t at;   /* among the packed pixels */
} run;

/* Half a vector: rows of outputs are often that short. */
enum { HALF = LANES / 2 };
typedef float uhalf __attribute__((vector_size(4 * HALF), aligned(4), may_alias));

/* Splits output pixels first .. first+n-1 of the batch (sample, row, column) into runs. lanes is
 * what must be copied of each: LANES, or HALF when none is longer. */
static int split(const conv *c, const image *m, int64_t first, int64_t n, run *runs, int *lanes) {
  int count = 0;
  int64_t sample = first / c->pixels, q = first % c->pixels, longest = 0;
  int64_t oy = q / c->out_w, ox = q % c->out_w;
  for (int64_t at = 0; at < n;) {
    int64_t from = sample * m->channels * m->plane + oy * m->stride * m->pitch;
    int64_t end = min64(c->out_w, ox + n - at);
    for (int64_t len; ox < end; ox += len, at += len) {
      len = min64(end - ox, LANES);
      longest = max64(longest, len);
      runs[count++] = (run){from + ox, at};
    }
    ox = 0;
    if (++oy == c->out_h) {
      oy = 0;
      sample++;
    }
  }
  *lanes = longest <= HALF ? HALF : LANES;
  return count;
}

/* Copies the values that rows t0 .. t0+n-1 of taps meet along some runs, row r to dst + r*pitch.
 * Writes vectors of `lanes`: what lies behind a run is overwritten by the next one, or is slack. */
INLINE void gather_rows(const float *p, const int64_t *tap, int64_t n, const run *runs, int count,
                        int lanes, float *dst, int64_t pitch) {
  for (int64_t r = 0; r < n; r++, dst += pitch) {
    const float *src = p + tap[r];
    UNROLL for (int i = 0; i < count; i++) {
      float *to = dst + runs[i].at;
      const float *from = src + runs[i].from;
      if (lanes == HALF)
        *(uhalf *)to = *(const uhalf *)from;
      else
        store(to, load(from));
    }
  }
}

static void gather(const float *p, const int64_t *tap, int64_t n, const run *runs, int count,
                   int lanes, float *dst, int64_t pitch) {
  run own[4];
  memcpy(own, runs, sizeof(run) * (size_t)min64(count, 4)); /* may then live in registers */
#define GATHER(N)                                                                                  \
  if (count == N) {                                                                                \
    if (lanes == HALF)                                                                             \
      gather_rows(p, tap, n, own, N, HALF, dst, pitch);                                            \
    else                                                                                           \
      gather_rows(p, tap, n, own, N, LANES, dst, pitch);                                           \
    return;                                                                                        \
  }
  GATHER(1)
  GATHER(2)
  GATHER(3)
  GATHER(4)
#undef GATHER
  gather_rows(p, tap, n, runs, count, LANES, dst, pitch);
}

/* Packs a panel of im2col columns: rows are taps k0.., columns are output pixels n0... */
static void pack_pixels(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const conv *c = g->ctx;
  int64_t tap[KC];
  for (int64_t k = 0; k < kc; k++) tap[k] = tap_offset(&c->img, c->k, k0 + k);
  for (int64_t j = 0; j < nc; j += NR, dst += panel_size(kc)) {
    run runs[2 * NR];
    int lanes;
    int64_t nr = min64(NR, nc - j);
    int count = split(c, &c->img, n0 + j, nr, runs, &lanes);
    gather(c->img.p, tap, kc, runs, count, lanes, dst, NR);
    for (int64_t k = 0; nr < NR && k < kc; k++)
      for (int64_t v = nr; v < NR; v++) dst[k * NR + v] = 0;
  }
}

/* ---- forward --------------------------------------------------------------------------------- */

static void pack_filters(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc,
                         float *dst) {
  const conv *c = g->ctx;
  for (int64_t r = 0; r < mr; r++)
    memcpy(dst + r * AR, c->w + (m0 + r) * g->k + k0, sizeof(float) * (size_t)kc);
}

/* Adds the bias, if any, and applies the chain. */
static void finish_pixels(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                          float *tile, int64_t ldt) {
  (void)tile;
  (void)ldt;
  const conv *c = g->ctx;
  if (!c->bias && !c->call->n_post) return;
  for (int64_t n = n0, len; n < n1; n += len) {
    int64_t q = n % g->run;
    len = min64(n1 - n, g->run - q);
    for (int64_t m = m0; m < m1; m++) {
      int64_t at = n / g->run * g->run_stride + m * g->ldc + q;
      float *y = g->c + at;
      if (c->bias)
        for (int64_t i = 0; i < len; i++) y[i] += c->bias[m];
      cpu_finish(c->call, at, len);
    }
  }
}

static conv describe_forward(const cpu_call *call) {
  const lp_desc *x = &call->in[0].desc, *w = &call->in[1].desc, *y = &call->out[0].desc;
  conv c = {.call = call,
            .batch = x->dim[0],
            .channels = x->dim[1],
            .filters = w->dim[0],
            .k = w->dim[2],
            .stride = call->params.conv.stride,
            .pad = call->params.conv.pad,
            .in_h = x->dim[2],
            .in_w = x->dim[3],
            .out_h = y->dim[2],
            .out_w = y->dim[3]};
  c.kk = c.k * c.k;
  c.depth = c.channels * c.kk;
  c.pixels = c.out_h * c.out_w;
  c.img = image_of(c.channels, c.in_h, c.in_w, c.stride, c.pad);
  return c;
}

size_t ISA(ws_conv2d)(const cpu_call *call);
size_t ISA(ws_conv2d)(const cpu_call *call) {
  conv c = describe_forward(call);
  return image_bytes(&c.img, c.batch);
}

void ISA(k_conv2d)(const cpu_call *call, cpu_worker *w);
void ISA(k_conv2d)(const cpu_call *call, cpu_worker *w) {
  conv c = describe_forward(call);
  c.w = cpu_in(call, 1);
  c.bias = cpu_in(call, 2);
  prepare(&c.img, c.batch, cpu_in(call, 0), call->ws, w);
  gemm g = {.m = c.filters,
            .n = c.batch * c.pixels,
            .k = c.depth,
            .ctx = &c,
            .pack_a = pack_filters,
            .pack_b = pack_pixels,
            .c = cpu_out(call, 0),
            .ldc = c.pixels,
            .run = c.pixels,
            .run_stride = c.filters * c.pixels,
            .finish = finish_pixels};
  cpu_gemm(&g, w);
}

/* ---- gradient of the input ------------------------------------------------------------------- */

static conv describe_dx(const cpu_call *call) {
  const lp_desc *dy = &call->in[0].desc, *w = &call->in[1].desc;
  conv c = {.call = call,
            .batch = dy->dim[0],
            .channels = w->dim[1],
            .filters = w->dim[0],
            .k = w->dim[2],
            .stride = call->params.conv.stride,
            .pad = call->params.conv.pad,
            .in_h = call->params.conv.in_h,
            .in_w = call->params.conv.in_w,
            .out_h = dy->dim[2],
            .out_w = dy->dim[3]};
  c.kk = c.k * c.k;
  c.depth = c.channels * c.kk;
  c.pixels = c.out_h * c.out_w;
  return c;
}

/* With stride 1, dx is a convolution of dy with the mirrored filters. It multiplies by the zeros
 * around dy, so it pays when dx is hardly larger than dy. */
static bool mirrored(const conv *c) {
  return c->stride == 1 && c->pad < c->k && 4 * c->in_h * c->in_w <= 5 * c->pixels;
}

/* The convolution of dy that gives dx. */
static conv mirror(const conv *c) {
  conv d = *c;
  d.channels = c->filters;
  d.filters = c->channels;
  d.depth = c->filters * c->kk;
  d.out_h = c->in_h;
  d.out_w = c->in_w;
  d.pixels = c->in_h * c->in_w;
  d.img = image_of(c->filters, c->out_h, c->out_w, 1, c->k - 1 - c->pad);
  return d;
}

static size_t mirrored_filter_bytes(const conv *c) {
  return sizeof(float) * (size_t)round_up(c->filters * c->depth, 16);
}

static void mirror_filters(const conv *c, const float *w, float *to, cpu_worker *worker) {
  for (int64_t unit; cpu_next(worker, c->channels, &unit);)
    for (int64_t o = 0; o < c->filters; o++) {
      const float *src = w + (o * c->channels + unit) * c->kk;
      float *dst = to + (unit * c->filters + o) * c->kk;
      for (int64_t t = 0; t < c->kk; t++) dst[t] = src[c->kk - 1 - t];
    }
  cpu_barrier(worker);
}

/* Rows are taps (channel, ky, kx), depth is filters, columns are the pixels of one sample. */
static void pack_filters_t(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc,
                           float *dst) {
  const conv *c = g->ctx;
  const float *w = c->w + k0 * c->depth + m0;
  (void)mr;
  for (int64_t k = 0; k < kc; k++, w += c->depth, dst += AC) column_of_a(w, dst);
}

static void pack_dy(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const conv *c = g->ctx;
  for (int64_t j = 0; j < nc; j += NR, dst += PANEL_PAD) {
    const float *dy = c->dy + k0 * c->pixels + n0 + j;
    int64_t nr = min64(NR, nc - j);
    for (int64_t k = 0; k < kc; k++, dst += NR, dy += c->pixels) {
      panel_row(dy, nr, dst);
    }
  }
}

/* y += x, for few elements. */
INLINE void add_run(const float *x, int64_t n, float *y) {
  for (; n >= HALF; n -= HALF, x += HALF, y += HALF) *(uhalf *)y = *(uhalf *)y + *(const uhalf *)x;
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

/* Adds columns to the pixels of dx they come from: rows m0..m1-1 are taps, columns n0..n1-1
 * outputs.
 */
static void add_columns(const gemm *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, float *tile,
                        int64_t ldt) {
  const conv *c = g->ctx;
  int64_t kx = m0 % c->k, ky = m0 / c->k % c->k, first_y = n0 / c->out_w, first_x = n0 % c->out_w;
  bool whole = c->stride == 1 && first_x == 0 && (n1 - n0) % c->out_w == 0;
  float *plane = c->dx + m0 / c->kk * c->in_h * c->in_w;
  for (int64_t m = m0; m < m1; m++, tile += ldt) {
    /* Outputs ox of a row whose input ox*stride + kx - pad exists. */
    int64_t left = kx < c->pad ? ceil_div(c->pad - kx, c->stride) : 0, over = c->in_w + c->pad - kx;
    int64_t right = over > 0 ? min64(c->out_w, ceil_div(over, c->stride)) : 0;
    float *dst = plane + kx - c->pad;
    if (whole) {
      int64_t lo = max64(first_y, c->pad - ky), hi = min64(n1 / c->out_w, c->in_h + c->pad - ky);
      const float *src = tile + (lo - first_y) * c->out_w + left;
      float *row = dst + (lo + ky - c->pad) * c->in_w + left;
      for (int64_t oy = lo; oy < hi && left < right; oy++, src += c->out_w, row += c->in_w)
        add_run(src, right - left, row);
    } else {
      int64_t oy = first_y, ox = first_x;
      for (int64_t n = n0, len; n < n1; n += len, oy++, ox = 0) {
        int64_t iy = oy * c->stride + ky - c->pad;
        len = min64(n1 - n, c->out_w - ox);
        if (iy < 0 || iy >= c->in_h) continue;
        int64_t lo = max64(ox, left), hi = min64(ox + len, right);
        const float *src = tile + (n - n0) - ox;
        float *row = dst + iy * c->in_w;
        for (int64_t i = lo; i < hi; i++) row[i * c->stride] += src[i];
      }
    }
    if (++kx < c->k) continue;
    kx = 0;
    if (++ky < c->k) continue;
    ky = 0;
    plane += c->in_h * c->in_w;
  }
}

/* dx as sums of columns W^T dy; one worker owns some channels of one sample. */
static void dx_by_columns(const conv *shape, cpu_worker *w) {
  const cpu_call *call = shape->call;
  int64_t group = min64(shape->channels, max64(1, 256 / shape->kk));
  int64_t groups = ceil_div(shape->channels, group), plane = shape->in_h * shape->in_w;
  int64_t nc = min64(round_up(shape->pixels, NR), 8 * NR), mc = TILE / nc;
  for (int64_t unit; cpu_next(w, shape->batch * groups, &unit);) {
    int64_t sample = unit / groups, c0 = unit % groups * group;
    int64_t c1 = min64(shape->channels, c0 + group);
    int64_t at = (sample * shape->channels + c0) * plane, n = (c1 - c0) * plane;
    conv c = *shape;
    c.w = cpu_in(call, 1);
    c.dy = cpu_in(call, 0) + sample * c.filters * c.pixels;
    c.dx = cpu_out(call, 0) + sample * c.channels * plane;
    memset(cpu_out(call, 0) + at, 0, sizeof(float) * (size_t)n);
    gemm g = {.m = c.depth,
              .n = c.pixels,
              .k = c.filters,
              .ctx = &c,
              .pack_a = pack_filters_t,
              .a_columns = true,
              .pack_b = pack_dy,
              .finish = add_columns};
    for (int64_t n0 = 0; n0 < c.pixels; n0 += nc)
      for (int64_t m0 = c0 * c.kk; m0 < c1 * c.kk; m0 += mc)
        cpu_gemm_block(&g, w, m0, min64(m0 + mc, c1 * c.kk), n0, min64(n0 + nc, c.pixels));
    cpu_finish(call, at, n);
  }
}

size_t ISA(ws_conv2d_dx)(const cpu_call *call);
size_t ISA(ws_conv2d_dx)(const cpu_call *call) {
  conv c = describe_dx(call);
  if (!mirrored(&c)) return 0;
  conv d = mirror(&c);
  return mirrored_filter_bytes(&c) + image_bytes(&d.img, d.batch);
}

void ISA(k_conv2d_dx)(const cpu_call *call, cpu_worker *w);
void ISA(k_conv2d_dx)(const cpu_call *call, cpu_worker *w) {
  conv c = describe_dx(call);
  if (!mirrored(&c)) {
    dx_by_columns(&c, w);
    return;
  }
  conv d = mirror(&c);
  float *filters = call->ws;
  d.w = filters;
  mirror_filters(&c, cpu_in(call, 1), filters, w);
  prepare(&d.img, d.batch, cpu_in(call, 0), filters + mirrored_filter_bytes(&c) / sizeof(float), w);
  gemm g = {.m = d.filters,
            .n = d.batch * d.pixels,
            .k = d.depth,
            .ctx = &d,
            .pack_a = pack_filters,
            .pack_b = pack_pixels,
            .c = cpu_out(call, 0),
            .ldc = d.pixels,
            .run = d.pixels,
            .run_stride = d.filters * d.pixels,
            .finish = finish_pixels};
  cpu_gemm(&g, w);
}

/* ---- gradient of the filters ----------------------------------------------------------------- */

/* dW^T (depth x filters) = im2col (depth x pixels) dy^T. The batch is cut into a number of parts
 * that depends on the shape alone; their results are added in order. A last row of ones gives db.
 */
typedef struct weights {
  int64_t rows, ld, parts, samples; /* of a partial result; samples in a part */
  size_t image_bytes;
} weights;

enum { MAX_PARTS = 16, ROWS = 16 * MR, REDUCE_ROWS = 16, REDUCE_COLUMNS = 64 };

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
  c.img = image_of(c.channels, c.in_h, c.in_w, c.stride, c.pad);
  return c;
}

static weights plan_weights(const conv *c) {
  weights p = {.rows = c->depth + cpu_has_out(c->call, 1), .ld = round_up(c->filters, LANES)};
  int64_t blocks = ceil_div(c->depth, 224) * ceil_div(c->filters, 256);
  p.samples = ceil_div(c->batch, min64(MAX_PARTS, max64(1, 32 / blocks)));
  p.parts = ceil_div(c->batch, p.samples);
  p.image_bytes = image_bytes(&c->img, c->batch);
  return p;
}

static void pack_taps(const gemm *g, int64_t m0, int64_t mr, int64_t k0, int64_t kc, float *dst) {
  const conv *c = g->ctx;
  run runs[2 * KC];
  int64_t tap[MR], n = min64(mr, c->depth - m0);
  int lanes, count = split(c, &c->img, c->first_sample * c->pixels + k0, kc, runs, &lanes);
  for (int64_t r = 0; r < n; r++) tap[r] = tap_offset(&c->img, c->k, m0 + r);
  gather(c->img.p, tap, n, runs, count, lanes, dst, AR);
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

size_t ISA(ws_conv2d_dw)(const cpu_call *call);
size_t ISA(ws_conv2d_dw)(const cpu_call *call) {
  conv c = describe_dw(call);
  weights p = plan_weights(&c);
  return p.image_bytes + sizeof(float) * (size_t)(p.parts * p.rows * p.ld);
}

/* Adds the parts of some rows, transposes them and stores them. */
static void add_parts(const conv *c, const weights *p, const float *part, int64_t r0, int64_t r1) {
  float *dw = cpu_out(c->call, 0), *db = cpu_out(c->call, 1);
  for (int64_t o = 0; o < c->filters; o += REDUCE_COLUMNS) {
    float sum[REDUCE_ROWS][REDUCE_COLUMNS];
    int64_t n = min64(REDUCE_COLUMNS, c->filters - o);
    for (int64_t r = r0; r < r1; r++) {
      float *s = sum[r - r0];
      const float *from = part + r * p->ld + o;
      for (int64_t i = 0; i < n; i++) s[i] = from[i];
      for (int64_t k = 1; k < p->parts; k++) {
        from += p->rows * p->ld;
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

void ISA(k_conv2d_dw)(const cpu_call *call, cpu_worker *w);
void ISA(k_conv2d_dw)(const cpu_call *call, cpu_worker *w) {
  conv c = describe_dw(call);
  weights p = plan_weights(&c);
  float *part = (float *)(void *)((char *)call->ws + p.image_bytes);
  c.dy = cpu_in(call, 0);
  prepare(&c.img, c.batch, cpu_in(call, 1), call->ws, w);
  int64_t mc = ROWS;
  while (mc > MR && ceil_div(p.rows, mc) * p.parts < 2 * w->count) mc = round_up(mc / 2, MR);
  int64_t blocks = ceil_div(p.rows, mc);
  for (int64_t unit; cpu_next(w, p.parts * blocks, &unit);) {
    int64_t k = unit / blocks, m0 = unit % blocks * mc;
    conv own = c;
    own.first_sample = k * p.samples;
    gemm g = {.m = p.rows,
              .n = p.ld,
              .k = min64(p.samples, c.batch - own.first_sample) * c.pixels,
              .ctx = &own,
              .pack_a = pack_taps,
              .pack_b = pack_dy_t,
              .c = part + k * p.rows * p.ld,
              .ldc = p.ld,
              .run = p.ld};
    cpu_gemm_block(&g, w, m0, min64(m0 + mc, p.rows), 0, p.ld);
  }
  cpu_barrier(w);
  for (int64_t unit; cpu_next(w, ceil_div(p.rows, REDUCE_ROWS), &unit);)
    add_parts(&c, &p, part, unit * REDUCE_ROWS, min64(p.rows, (unit + 1) * REDUCE_ROWS));
}
