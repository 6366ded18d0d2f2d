/* Convolution and the gradient of its input, as matrix products whose operands are gathered from
 * images while they are packed. */
#include "kernels.h"
#include "lanes.h"
#include "winograd.h"

/* Packs a panel of im2col columns: rows are taps k0.., columns are output pixels n0... */
static void pack_pixels(const gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t nc, float *dst) {
  const conv *c = g->ctx;
  int64_t tap[KC];
  for (int64_t k = 0; k < kc; k++) tap[k] = tap_offset(&c->img, c->k, k0 + k);
  for (int64_t j = 0; j < nc; j += NR, dst += panel_size(kc)) {
    run runs[2 * NR];
    int lanes;
    int64_t nr = min64(NR, nc - j);
    int count = conv_split(c, &c->img, n0 + j, nr, runs, &lanes);
    conv_gather(c->img.p, tap, kc, runs, count, lanes, dst, NR);
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
  c.img = conv_image(c.channels, c.in_h, c.in_w, c.stride, c.pad);
  return c;
}

/* Ways that are better than products of gathered images for some shapes, best first. For dx, seen
 * as a convolution of dy, too. */
typedef struct way {
  bool (*fits)(const conv *c);
  size_t (*bytes)(const conv *c);
  void (*run)(const conv *c, bool mirrored, const float *x, float *y, void *ws, cpu_worker *w);
} way;
static const way ways[] = {{winograd_fits, winograd_bytes, winograd_conv},
                           {lanes_fits, lanes_bytes, lanes_conv}};

/* NULL: none is. */
static const way *better_way(const conv *c) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (ways[i].fits(c)) return &ways[i];
  return NULL;
}

size_t ISA(ws_conv2d)(const cpu_call *call) {
  conv c = describe_forward(call);
  const way *better = better_way(&c);
  return better ? better->bytes(&c) : conv_image_bytes(&c.img, c.batch);
}

void ISA(k_conv2d)(const cpu_call *call, cpu_worker *w) {
  conv c = describe_forward(call);
  c.w = cpu_in(call, 1);
  c.bias = cpu_in(call, 2);
  const way *better = better_way(&c);
  if (better) {
    better->run(&c, false, cpu_in(call, 0), cpu_out(call, 0), call->ws, w);
    return;
  }
  conv_prepare(&c.img, c.batch, cpu_in(call, 0), call->ws, w);
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
  d.in_h = c->out_h;
  d.in_w = c->out_w;
  d.out_h = c->in_h;
  d.out_w = c->in_w;
  d.pad = c->k - 1 - c->pad;
  d.pixels = c->in_h * c->in_w;
  d.img = conv_image(d.channels, d.in_h, d.in_w, 1, d.pad);
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

size_t ISA(ws_conv2d_dx)(const cpu_call *call) {
  conv c = describe_dx(call);
  conv d = mirror(&c);
  const way *better = better_way(&d);
  if (better) return better->bytes(&d);
  if (!mirrored(&c)) return 0;
  return mirrored_filter_bytes(&c) + conv_image_bytes(&d.img, d.batch);
}

void ISA(k_conv2d_dx)(const cpu_call *call, cpu_worker *w) {
  conv c = describe_dx(call);
  conv d = mirror(&c);
  d.w = cpu_in(call, 1);
  const way *better = better_way(&d);
  if (better) {
    better->run(&d, true, cpu_in(call, 0), cpu_out(call, 0), call->ws, w);
    return;
  }
  if (!mirrored(&c)) {
    dx_by_columns(&c, w);
    return;
  }
  float *filters = call->ws;
  d.w = filters;
  mirror_filters(&c, cpu_in(call, 1), filters, w);
  conv_prepare(&d.img, d.batch, cpu_in(call, 0),
               filters + mirrored_filter_bytes(&c) / sizeof(float), w);
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
