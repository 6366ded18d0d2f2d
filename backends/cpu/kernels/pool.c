/* Max pooling, one (sample, channel) plane at a time.
 *
 * The first maximum of a window wins; a NaN counts as larger than any number. The usual windows go
 * by ways of their own, which join rows first and columns then: 2x2 that do not overlap, where that
 * leaves contiguous pairs of columns however narrow the plane is, and 3x3 with stride 2. */
#include "kernels.h"
#include "shuffle.h"

enum { CHUNK = 2048, SLACK = 16, UNIT = 1024 };

/* Planes of n elements in a unit of work: few enough for the cache, enough for a chain's start. */
static int64_t planes_in_unit(int64_t n) {
  return max64(1, UNIT / n);
}

typedef struct pool {
  int64_t in_h, in_w, out_h, out_w, stride;
  int k;
} pool;

/* Row by row, for any window. */
static void pool_rows(const pool *p, const float *x, float *restrict y, uint8_t *restrict which) {
  int k = p->k;
  int64_t stride = p->stride;
  float best[CHUNK];
  int32_t code[CHUNK];
  for (int64_t i = 0; i < p->out_h; i++) {
    for (int64_t o = 0; o < p->out_w; o += CHUNK) {
      int64_t n = min64(CHUNK, p->out_w - o), at = i * p->out_w + o;
      const float *corner = x + (i * p->in_w + o) * stride;
      for (int64_t j = 0; j < n; j++) {
        best[j] = corner[j * stride];
        code[j] = 0;
      }
      for (int t = 1; t < k * k; t++) {
        const float *row = corner + t / k * p->in_w + t % k;
        for (int64_t j = 0; j < n; j++) {
          float v = row[j * stride];
          int more = (v > best[j]) | ((v != v) & (best[j] == best[j]));
          best[j] = more ? v : best[j];
          code[j] = more ? t : code[j];
        }
      }
      for (int64_t j = 0; j < n; j++) y[at + j] = best[j];
      if (which)
        for (int64_t j = 0; j < n; j++) which[at + j] = (uint8_t)code[j];
    }
  }
}

/* Upper or lower row, wherever the larger value is: 8 columns at a time. What is written behind a
 * row is overwritten by the next one. */
typedef float f8 __attribute__((vector_size(32)));
typedef float uf8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i8 __attribute__((vector_size(32)));
typedef int32_t ui8 __attribute__((vector_size(32), aligned(4), may_alias));

static void join_rows(const float *upper, const float *lower, int64_t n, float *best,
                      int32_t *code) {
  for (int64_t j = 0; j < n; j += 8) {
    f8 a = *(const uf8 *)(upper + j), b = *(const uf8 *)(lower + j);
    i8 more = (b > a) | ((b != b) & (a == a));
    *(uf8 *)(best + j) = (f8)(((i8)b & more) | ((i8)a & ~more));
    *(ui8 *)(code + j) = more & 2;
  }
}

static void join_columns(const float *restrict best, const int32_t *restrict code, int64_t n,
                         float *restrict y, int32_t *restrict which) {
  for (int64_t j = 0; j < n; j++) {
    float a = best[2 * j], b = best[2 * j + 1];
    int32_t ca = code[2 * j], cb = code[2 * j + 1] + 1;
    /* Equal values, or none a number: the one that comes first in the window. */
    int equal = (b == a) | ((a != a) & (b != b));
    int more = (b > a) | ((b != b) & (a == a)) | (equal & (cb < ca));
    y[j] = more ? b : a;
    which[j] = more ? cb : ca;
  }
}

static void pool_pairs(const pool *p, const float *x, float *y, uint8_t *which) {
  float best[2 * CHUNK + SLACK];
  int32_t code[2 * CHUNK + SLACK], choice[CHUNK];
  int64_t rows = CHUNK / p->out_w;
  for (int64_t i = 0; i < p->out_h; i += rows) {
    int64_t count = min64(rows, p->out_h - i), n = count * p->out_w;
    for (int64_t r = 0; r < count; r++) {
      const float *upper = x + 2 * (i + r) * p->in_w;
      join_rows(upper, upper + p->in_w, 2 * p->out_w, best + 2 * r * p->out_w,
                code + 2 * r * p->out_w);
    }
    join_columns(best, code, n, y + i * p->out_w, choice);
    if (which)
      for (int64_t j = 0; j < n; j++) which[i * p->out_w + j] = (uint8_t)choice[j];
  }
}

static bool pairs(const pool *p) {
  return p->k == 2 && p->stride == 2 && p->out_w <= CHUNK;
}

/* The larger of a and b, lane by lane, and where it is: b's if a's is not as good, or as good and
 * later in the window. */
INLINE void join(vec *a, ivec *code, vec b, ivec b_code) {
  ivec equal = (b == *a) | ((b != b) & (*a != *a));
  ivec more = (b > *a) | ((b != b) & (*a == *a)) | (equal & (b_code < *code));
  *a = (vec)(((ivec)b & more) | ((ivec)*a & ~more));
  *code = (b_code & more) | (*code & ~more);
}

INLINE ivec load_codes(const int32_t *p) {
  return (ivec)load((const float *)(const void *)p);
}

/* A row of 3x3 windows with stride 2; whole vectors are written. */
INLINE void join_threes(const float *x, int64_t in_w, int64_t out_w, float *y, uint8_t *which) {
  typedef uint8_t bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
  float best[2 * CHUNK + 4 * LANES];
  int32_t code[2 * CHUNK + 4 * LANES];
  for (int64_t j = 0; j < 2 * out_w + 1; j += LANES) {
    vec v = load(x + j);
    ivec c = {0};
    join(&v, &c, load(x + in_w + j), (ivec){0} + 3);
    join(&v, &c, load(x + 2 * in_w + j), (ivec){0} + 6);
    store(best + j, v);
    store((float *)(void *)(code + j), (vec)c);
  }
  for (int64_t j = 0; j < out_w; j += LANES) {
    const float *b = best + 2 * j;
    const int32_t *c = code + 2 * j;
    vec low = load(b), high = load(b + LANES), next = load(b + 2), last = load(b + 2 + LANES);
    ivec code_low = load_codes(c), code_high = load_codes(c + LANES);
    vec v = __builtin_shufflevector(low, high, EVENS);
    ivec at = __builtin_shufflevector(code_low, code_high, EVENS);
    join(&v, &at, __builtin_shufflevector(low, high, ODDS),
         __builtin_shufflevector(code_low, code_high, ODDS) + 1);
    code_low = load_codes(c + 2), code_high = load_codes(c + 2 + LANES);
    join(&v, &at, __builtin_shufflevector(next, last, EVENS),
         __builtin_shufflevector(code_low, code_high, EVENS) + 2);
    store(y + j, v);
    *(bytes *)(which + j) = __builtin_convertvector(at, bytes);
  }
}

static void pool_threes(const pool *p, const float *x, float *y, uint8_t *which) {
  float row[CHUNK + LANES];
  uint8_t choice[CHUNK + LANES];
  int64_t rows = CHUNK / p->out_w;
  for (int64_t i = 0; i < p->out_h; i += rows) {
    int64_t count = min64(rows, p->out_h - i), n = count * p->out_w;
    for (int64_t r = 0; r < count; r++)
      join_threes(x + 2 * (i + r) * p->in_w, p->in_w, p->out_w, row + r * p->out_w,
                  choice + r * p->out_w);
    memcpy(y + i * p->out_w, row, sizeof(float) * (size_t)n);
    if (which) memcpy(which + i * p->out_w, choice, (size_t)n);
  }
}

static bool threes(const pool *p) {
  return p->k == 3 && p->stride == 2 && p->out_w <= CHUNK;
}

KERNEL(maxpool) {
  const lp_desc *in = &c->in[0].desc, *out = &c->out[0].desc;
  pool p = {in->dim[2],           in->dim[3], out->dim[2], out->dim[3], c->params.pool.stride,
            (int)c->params.pool.k};
  int64_t n = p.out_h * p.out_w, planes = out->dim[0] * out->dim[1];
  int64_t step = planes_in_unit(n);
  for (int64_t unit; cpu_next(w, ceil_div(planes, step), &unit);) {
    int64_t first = unit * step, end = min64(planes, first + step);
    for (int64_t i = first; i < end; i++) {
      const float *x = cpu_in(c, 0) + i * p.in_h * p.in_w;
      float *y = cpu_out(c, 0) + i * n;
      uint8_t *which = cpu_has_out(c, 1) ? (uint8_t *)c->out[1].p + i * n : NULL;
      if (pairs(&p))
        pool_pairs(&p, x, y, which);
      else if (threes(&p))
        pool_threes(&p, x, y, which);
      else
        pool_rows(&p, x, y, which);
    }
    cpu_finish(c, first * n, (end - first) * n);
  }
}

/* ---- gradient -------------------------------------------------------------------------------- */

static void scatter(const pool *p, const float *dy, const uint8_t *which, float *dx) {
  int64_t offset[256];
  for (int t = 0; t < p->k * p->k; t++) offset[t] = t / p->k * p->in_w + t % p->k;
  memset(dx, 0, sizeof(float) * (size_t)(p->in_h * p->in_w));
  for (int64_t i = 0; i < p->out_h; i++, dy += p->out_w, which += p->out_w) {
    float *row = dx + i * p->stride * p->in_w;
    for (int64_t o = 0; o < p->out_w; o++) row[o * p->stride + offset[which[o]]] += dy[o];
  }
}

static void split_columns(const float *dy, const uint8_t *which, int64_t n, float *upper,
                          float *lower) {
  typedef uint8_t bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
  ivec left, right;
  for (int i = 0; i < LANES; i++) {
    left[i] = i & 1;        /* codes of an upper row: 0 1 0 1 ... */
    right[i] = 2 | (i & 1); /* of a lower row: 2 3 2 3 ... */
  }
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES) {
    vec g = load(dy + j);
    ivec t = __builtin_convertvector(*(const bytes *)(which + j), ivec);
    ivec g0 = (ivec)__builtin_shufflevector(g, g, TWICE_LOW);
    ivec g1 = (ivec)__builtin_shufflevector(g, g, TWICE_HIGH);
    ivec t0 = __builtin_shufflevector(t, t, TWICE_LOW);
    ivec t1 = __builtin_shufflevector(t, t, TWICE_HIGH);
    store(upper + 2 * j, (vec)(g0 & (t0 == left)));
    store(upper + 2 * j + LANES, (vec)(g1 & (t1 == left)));
    store(lower + 2 * j, (vec)(g0 & (t0 == right)));
    store(lower + 2 * j + LANES, (vec)(g1 & (t1 == right)));
  }
  for (; j < n; j++) {
    for (int i = 0; i < 2; i++) {
      upper[2 * j + i] = which[j] == i ? dy[j] : 0;
      lower[2 * j + i] = which[j] == 2 + i ? dy[j] : 0;
    }
  }
}

static void scatter_pairs(const pool *p, const float *dy, const uint8_t *which, float *dx) {
  float upper[2 * CHUNK], lower[2 * CHUNK];
  int64_t rows = CHUNK / p->out_w, width = 2 * p->out_w;
  size_t bytes = sizeof(float) * (size_t)width;
  if (p->in_w != width || p->in_h != 2 * p->out_h)
    memset(dx, 0, sizeof(float) * (size_t)(p->in_h * p->in_w));
  for (int64_t i = 0; i < p->out_h; i += rows) {
    int64_t count = min64(rows, p->out_h - i);
    split_columns(dy + i * p->out_w, which + i * p->out_w, count * p->out_w, upper, lower);
    for (int64_t r = 0; r < count; r++) {
      float *to = dx + 2 * (i + r) * p->in_w;
      memcpy(to, upper + r * width, bytes);
      memcpy(to + p->in_w, lower + r * width, bytes);
    }
  }
}

KERNEL(maxpool_dx) {
  const lp_desc *in = &c->in[0].desc, *out = &c->out[0].desc;
  pool p = {out->dim[2], out->dim[3],           in->dim[2],
            in->dim[3],  c->params.pool.stride, (int)c->params.pool.k};
  int64_t n = p.out_h * p.out_w, plane = p.in_h * p.in_w, planes = in->dim[0] * in->dim[1];
  int64_t step = planes_in_unit(plane);
  for (int64_t unit; cpu_next(w, ceil_div(planes, step), &unit);) {
    int64_t first = unit * step, end = min64(planes, first + step);
    for (int64_t i = first; i < end; i++)
      (pairs(&p) ? scatter_pairs : scatter)(
          &p, cpu_in(c, 0) + i * n, (const uint8_t *)c->in[1].p + i * n, cpu_out(c, 0) + i * plane);
    cpu_finish(c, first * plane, (end - first) * plane);
  }
}
