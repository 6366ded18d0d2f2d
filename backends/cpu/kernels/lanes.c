/* Convolutions with images in lanes: the batch, the filters, one pixel of all filters at a time. */
#include "lanes.h"

/* Of a group; it is read once per filter tap and block of filters. */
static const int64_t group_bytes = 256 << 10;
/* Results of a band of rows in scratch, before they are turned. */
static const int64_t band_floats = 2 * TILE;
enum { SKEW = 16 }; /* floats between filters, so that they do not meet in the same cache sets */

_Static_assert(sizeof(float) * 2 * TILE <= CPU_SCRATCH, "results of a band");

bool lanes_fits(const conv *c) {
  enum { LEAST_FILTERS = 4, MOST_FILTERS = 32 };
  int64_t lanes = round_up(c->batch, LANES);
  return c->stride == 1 && c->pad < c->k && !c->call->rounded && 4 * lanes <= 5 * c->batch &&
         c->filters >= LEAST_FILTERS && c->filters <= MOST_FILTERS &&
         c->channels * c->in_h * c->in_w * NR * (int64_t)sizeof(float) <= group_bytes &&
         c->filters * (c->out_w * NR + SKEW) <= band_floats;
}

void lanes_gather(const conv *c, int64_t planes, int64_t pixels, const float *x, float *to,
                  int64_t unit) {
  int64_t first = unit / planes * NR, plane = unit % planes;
  cpu_transpose(x + (first * planes + plane) * pixels, planes * pixels, min64(NR, c->batch - first),
                pixels, to + unit * pixels * NR, NR, NR);
}

/* ---- filters: blocks of equally many, taps in order, AC to a tap ---------------------------- */

static int64_t filter_blocks(const conv *c) {
  return ceil_div(c->filters, MR);
}

static int64_t block_height(const conv *c) {
  return ceil_div(c->filters, filter_blocks(c));
}

static void pack_block(const conv *c, bool mirrored, int64_t block, float *to) {
  int64_t first = block * block_height(c), n = min64(block_height(c), c->filters - first);
  for (int64_t ch = 0; ch < c->channels; ch++)
    for (int64_t t = 0; t < c->kk; t++, to += AC)
      for (int64_t r = 0; r < n; r++)
        to[r] = mirrored ? c->w[(ch * c->filters + first + r) * c->kk + c->kk - 1 - t]
                         : c->w[((first + r) * c->channels + ch) * c->kk + t];
}

size_t lanes_bytes(const conv *c) {
  return sizeof(float) *
         (size_t)(lanes_size(c, c->channels, c->in_h * c->in_w) + filter_blocks(c) * c->depth * AC);
}

/* ---- one pixel ------------------------------------------------------------------------------ */

/* Sums of mr filters at one pixel of a group's first nv vectors, over the rows x columns taps that
 * meet pixels; x and a are what the first of them meets, and its weights. */
typedef void pixel_sums(const conv *c, int64_t rows, int64_t columns, const float *x,
                        const float *a, const float *bias, float *y, int64_t ldy);

INLINE void sum_pixel(int mr, int nv, const conv *c, int64_t rows, int64_t columns, const float *x,
                      const float *a, const float *bias, float *y, int64_t ldy) {
  vec acc[MR][NV];
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] =
      bias ? splat(bias[r]) : (vec){0};
  for (int64_t ch = 0; ch < c->channels; ch++, x += c->in_h * c->in_w * NR, a += c->kk * AC)
    for (int64_t i = 0; i < rows; i++) {
      const float *from = x + i * c->in_w * NR, *weight = a + i * c->k * AC;
      for (int64_t j = 0; j < columns; j++, from += NR, weight += AC) {
        vec bv[NV];
        UNROLL for (int v = 0; v < nv; v++) bv[v] = load(from + v * LANES);
        UNROLL for (int r = 0; r < mr; r++) {
          vec av = splat(weight[r]);
          UNROLL for (int v = 0; v < nv; v++) acc[r][v] += av * bv[v];
        }
      }
    }
  UNROLL for (int r = 0; r < mr; r++) UNROLL for (int v = 0; v < nv; v++)
      store(y + r * ldy + v * LANES, acc[r][v]);
}

#define PIXEL_FN(L, V, M)                                                                          \
  static void pixel_##V##_##M(const conv *c, int64_t rows, int64_t columns, const float *x,        \
                              const float *a, const float *bias, float *y, int64_t ldy) {          \
    sum_pixel(M, V, c, rows, columns, x, a, bias, y, ldy);                                         \
  }
EACH_MR(PIXEL_FN, 0, 1)
EACH_MR(PIXEL_FN, 0, 2)

#define NAME(L, V, M) [M] = pixel_##V##_##M,
static pixel_sums *const pixel_table[NV][MR + 1] = {{EACH_MR(NAME, 0, 1)}, {EACH_MR(NAME, 0, 2)}};

/* ---- a band of rows of a group -------------------------------------------------------------- */

/* Taps t of an axis, first .. first+n-1, for which pixel at + t - pad exists. */
typedef struct taps {
  int64_t first, n;
} taps;

static inline taps meeting(int64_t at, int64_t pad, int64_t k, int64_t extent) {
  int64_t first = max64(0, pad - at);
  return (taps){first, max64(0, min64(k, extent + pad - at) - first)};
}

static void band(const conv *c, const float *x, const float *filters, int64_t y0, int64_t y1,
                 int nv, float *sums, int64_t ldy) {
  int64_t height = block_height(c);
  for (int64_t m = 0; m < c->filters; m += height, filters += c->depth * AC) {
    int64_t mr = min64(height, c->filters - m);
    const float *bias = c->bias ? c->bias + m : NULL;
    float *y = sums + m * ldy;
    for (int64_t oy = y0; oy < y1; oy++) {
      taps down = meeting(oy, c->pad, c->k, c->in_h);
      const float *row = x + (oy + down.first - c->pad) * c->in_w * NR;
      for (int64_t ox = 0; ox < c->out_w; ox++, y += NR) {
        taps across = meeting(ox, c->pad, c->k, c->in_w);
        pixel_table[nv - 1][mr](c, down.n, across.n, row + (ox + across.first - c->pad) * NR,
                                filters + (down.first * c->k + across.first) * AC, bias, y, ldy);
      }
    }
  }
}

void lanes_conv(const conv *c, bool mirrored, const float *x, float *y, void *ws, cpu_worker *w) {
  int64_t in = c->in_h * c->in_w, groups = ceil_div(c->batch, NR), blocks = filter_blocks(c);
  float *images = ws, *filters = images + lanes_size(c, c->channels, in);
  int64_t planes = groups * c->channels;
  for (int64_t unit; cpu_next(w, planes + blocks, &unit);) {
    if (unit < planes)
      lanes_gather(c, c->channels, in, x, images, unit);
    else
      pack_block(c, mirrored, unit - planes, filters + (unit - planes) * c->depth * AC);
  }
  cpu_barrier(w);
  /* As many rows as fit, or as few as it takes to occupy all workers. */
  int64_t rows = max64(1, (band_floats / c->filters - SKEW) / (c->out_w * NR));
  rows = min64(rows, max64(1, c->out_h * groups / (w->count > 1 ? 2 * w->count : 1)));
  int64_t bands = ceil_div(c->out_h, rows);
  float *sums = (float *)(void *)w->scratch;
  for (int64_t unit; cpu_next(w, groups * bands, &unit);) {
    int64_t g = unit / bands, y0 = unit % bands * rows, y1 = min64(y0 + rows, c->out_h);
    int64_t first = g * NR, n = min64(NR, c->batch - first), pixels = (y1 - y0) * c->out_w;
    int64_t ldy = rows * c->out_w * NR + SKEW;
    band(c, images + g * c->channels * in * NR, filters, y0, y1, (int)ceil_div(n, LANES), sums,
         ldy);
    for (int64_t o = 0; o < c->filters; o++) {
      int64_t at = (first * c->filters + o) * c->pixels + y0 * c->out_w;
      cpu_transpose(sums + o * ldy, NR, pixels, n, y + at, c->filters * c->pixels, pixels);
      for (int64_t i = 0; i < n; i++) cpu_finish(c->call, at + i * c->filters * c->pixels, pixels);
    }
  }
}
