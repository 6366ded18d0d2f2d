/* The gradient of a convolution's filters and bias, with images in lanes: every weight has a vector
 * of sums, which are added up at the end. */
#include "lanes.h"

/* Filters x taps of a row whose sums are in registers at a time. */
#if defined(__AVX512F__)
enum { DF = 5, DT = 5 };
#define EACH_T(F, R) F(R, 1) F(R, 2) F(R, 3) F(R, 4) F(R, 5)
#define EACH_RT(F)   EACH_T(F, 1) EACH_T(F, 2) EACH_T(F, 3) EACH_T(F, 4) EACH_T(F, 5)
#else
enum { DF = 3, DT = 3 };
#define EACH_T(F, R) F(R, 1) F(R, 2) F(R, 3)
#define EACH_RT(F)   EACH_T(F, 1) EACH_T(F, 2) EACH_T(F, 3)
#endif
enum { MAX_K = 8, BLOCK = 4096, PARTS = 16 };

/* The result of a part: rows of depth + 1, the last one for the bias. A part is some groups or,
 * where these are too few, some rows of a group: as many parts as the shape alone says, added in
 * order. */
typedef struct division {
  int64_t groups, of_part, bands, rows, parts, filter_blocks, height;
} division;

static division divide(const conv *c) {
  division d = {.groups = ceil_div(c->batch, NR), .filter_blocks = ceil_div(c->filters, DF)};
  d.height = ceil_div(c->filters, d.filter_blocks);
  int64_t wanted = ceil_div(PARTS, d.filter_blocks * c->channels);
  d.of_part = ceil_div(d.groups, wanted);
  int64_t shares = ceil_div(d.groups, d.of_part);
  d.rows = ceil_div(c->out_h, min64(c->out_h, ceil_div(wanted, shares)));
  d.bands = ceil_div(c->out_h, d.rows);
  d.parts = shares * d.bands;
  return d;
}

bool lanes_dw_fits(const conv *c) {
  return c->pad == 0 && c->k <= MAX_K && lanes_fits(c);
}

static int64_t part_floats(const conv *c) {
  return c->filters * (c->depth + 1);
}

size_t lanes_dw_bytes(const conv *c) {
  return sizeof(float) *
         (size_t)(lanes_size(c, c->channels, c->in_h * c->in_w) +
                  lanes_size(c, c->filters, c->pixels) + divide(c).parts * part_floats(c));
}

/* Adds to `sums` of nf filters x nt taps what rows x out_w pixels of a group give. */
typedef void row_sums(const conv *c, int64_t rows, int nv, const float *x, const float *dy,
                      vec *sums);

INLINE void sum_rows(int nf, int nt, const conv *c, int64_t rows, int nv, const float *x,
                     const float *dy, vec *sums) {
  vec acc[DF][DT];
  UNROLL for (int f = 0; f < nf; f++) UNROLL for (int t = 0; t < nt; t++) acc[f][t] =
      sums[f * MAX_K * MAX_K + t];
  for (int64_t i = 0; i < rows; i++, x += c->in_w * NR, dy += c->out_w * NR)
    for (int64_t j = 0; j < c->out_w; j++)
      for (int v = 0; v < nv; v++) {
        const float *from = x + j * NR + v * LANES, *d = dy + j * NR + v * LANES;
        vec xv[DT];
        UNROLL for (int t = 0; t < nt; t++) xv[t] = load(from + t * NR);
        UNROLL for (int f = 0; f < nf; f++) {
          vec dv = load(d + f * c->pixels * NR);
          UNROLL for (int t = 0; t < nt; t++) acc[f][t] += dv * xv[t];
        }
      }
  UNROLL for (int f = 0; f < nf; f++) UNROLL for (int t = 0; t < nt; t++)
      sums[f * MAX_K * MAX_K + t] = acc[f][t];
}

#define SUMS_FN(R, T)                                                                              \
  static void sums_##R##_##T(const conv *c, int64_t rows, int nv, const float *x, const float *dy, \
                             vec *sums) {                                                          \
    sum_rows(R, T, c, rows, nv, x, dy, sums);                                                      \
  }
EACH_RT(SUMS_FN)
#define SUMS_NAME(R, T) [R][T] = sums_##R##_##T,
static row_sums *const sums_table[DF + 1][DT + 1] = {EACH_RT(SUMS_NAME)};

/* to[i] = the sum of vector i, n <= MAX_K * MAX_K. */
static void fold(const vec *sums, int64_t n, float *to) {
  float turned[LANES * MAX_K * MAX_K];
  cpu_transpose((const float *)sums, LANES, n, LANES, turned, n, n);
  for (int64_t i = 0; i < n; i++) to[i] = turned[i];
  for (int v = 1; v < LANES; v++)
    for (int64_t i = 0; i < n; i++) to[i] += turned[v * n + i];
}

/* A part: groups g0..g1-1, rows y0..y1-1 of the outputs; filters f0..f0+nf-1, one channel. */
typedef struct part {
  int64_t g0, g1, y0, y1, f0, nf, channel;
} part;

static void add_group(const conv *c, const part *p, int nv, const float *x, const float *dy,
                      bool with_bias, vec *sums, vec *bias) {
  /* dy's rows stay in the nearest cache over the taps. */
  int64_t most = max64(1, BLOCK / (p->nf * c->out_w * NR));
  for (int64_t y = p->y0, n; y < p->y1; y += n) {
    n = min64(most, p->y1 - y);
    const float *d = dy + y * c->out_w * NR;
    for (int64_t ky = 0; ky < c->k; ky++)
      for (int64_t kx = 0, nt; kx < c->k; kx += nt) {
        nt = min64(DT, c->k - kx);
        sums_table[p->nf][nt](c, n, nv, x + ((y + ky) * c->in_w + kx) * NR, d,
                              sums + ky * c->k + kx);
      }
    for (int64_t f = 0; with_bias && f < p->nf; f++)
      for (int64_t i = 0; i < n * c->out_w; i++)
        for (int v = 0; v < nv; v++) bias[f] += load(d + (f * c->pixels + i) * NR + v * LANES);
  }
}

static void weights_of(const conv *c, const part *p, const float *images, const float *grads,
                       float *result) {
  vec sums[DF * MAX_K * MAX_K], bias[DF];
  for (int64_t i = 0; i < DF * MAX_K * MAX_K; i++) sums[i] = (vec){0};
  for (int f = 0; f < DF; f++) bias[f] = (vec){0};
  bool with_bias = p->channel == 0 && cpu_has_out(c->call, 1);
  for (int64_t g = p->g0; g < p->g1; g++)
    add_group(c, p, (int)ceil_div(min64(NR, c->batch - g * NR), LANES),
              images + (g * c->channels + p->channel) * c->in_h * c->in_w * NR,
              grads + (g * c->filters + p->f0) * c->pixels * NR, with_bias, sums, bias);
  for (int64_t f = 0; f < p->nf; f++) {
    float *row = result + (p->f0 + f) * (c->depth + 1);
    fold(sums + f * MAX_K * MAX_K, c->kk, row + p->channel * c->kk);
    if (with_bias) fold(bias + f, 1, row + c->depth);
  }
}

void lanes_dw(const conv *c, const float *x, void *ws, cpu_worker *w) {
  division d = divide(c);
  int64_t in = c->in_h * c->in_w;
  float *images = ws, *grads = images + lanes_size(c, c->channels, in);
  float *results = grads + lanes_size(c, c->filters, c->pixels);
  int64_t x_planes = d.groups * c->channels, planes = x_planes + d.groups * c->filters;
  for (int64_t unit; cpu_next(w, planes, &unit);) {
    if (unit < x_planes)
      lanes_gather(c, c->channels, in, x, images, unit);
    else
      lanes_gather(c, c->filters, c->pixels, c->dy, grads, unit - x_planes);
  }
  cpu_barrier(w);
  int64_t units = d.filter_blocks * c->channels; /* of a part */
  for (int64_t unit; cpu_next(w, d.parts * units, &unit);) {
    int64_t k = unit / units, g = k / d.bands * d.of_part, y = k % d.bands * d.rows;
    int64_t f = unit % units / c->channels * d.height;
    part p = {.g0 = g,
              .g1 = min64(g + d.of_part, d.groups),
              .y0 = y,
              .y1 = min64(y + d.rows, c->out_h),
              .f0 = f,
              .nf = min64(d.height, c->filters - f),
              .channel = unit % c->channels};
    weights_of(c, &p, images, grads, results + k * part_floats(c));
  }
  cpu_barrier(w);
  for (int64_t o; cpu_next(w, c->filters, &o);)
    conv_add_parts(c, results, d.parts, part_floats(c), c->depth + 1, o);
}
