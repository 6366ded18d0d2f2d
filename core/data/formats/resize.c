/* The filter of Pillow's Image.resize(BILINEAR, reducing): a triangle as wide as the reduction, a
 * pass along rows, rounded to 8 bits, then one along columns.
 *
 * Weights are multiples of 2^-16 that add up to exactly 1. A sum of weight * pixel is then a
 * multiple of 2^-16 below 256, which a float holds exactly: the arithmetic below is integer
 * arithmetic done in floats, because those vectorise on every x86-64, and gives the same bytes
 * whatever the order of additions and with or without fused multiply-add. Pillow's own weights are
 * multiples of 2^-22, so results differ from its by at most one level.
 */
#include "resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_ONE  65536.0f
#define WEIGHT_HALF 32768.0f

/* One direction: output i is the sum over k < count[i] of weight[i * taps + k] * in[first[i] + k].
 * `first` and `first + count` never decrease (before a mirror is applied). */
typedef struct axis {
  uint32_t n, taps;
  uint32_t *first, *count;
  float *weight;
} axis;

struct resizer {
  axis x, y;
  image_range range;
  uint8_t *out;
  float *in;      /* a source row as floats */
  float *narrow;  /* that row after the pass along it: 4 x width */
  float *sum;     /* `slots` rows of 4 x width: output rows in the making; row i in i % slots */
  uint32_t slots; /* output rows that one source row may contribute to */
  uint32_t row;   /* the next source row */
  uint32_t done;  /* finished output rows */
};

/* Four channels of a pixel at any address. */
typedef float pixel4 __attribute__((vector_size(16)));
typedef int32_t ipixel4 __attribute__((vector_size(16)));

static pixel4 load4(const float *p) {
  pixel4 v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* Rounds weights that add up to `total` to multiples of 2^-16 with sum 1; the largest takes what
 * rounding leaves. */
static void quantise(const double *w, uint32_t n, double total, float *out) {
  double left = (double)WEIGHT_ONE;
  uint32_t largest = 0;
  for (uint32_t k = 0; k < n; k++) {
    double q = floor(w[k] / total * (double)WEIGHT_ONE + 0.5);
    out[k] = (float)q;
    left -= q;
    if (w[k] > w[largest]) largest = k;
  }
  out[largest] += (float)left;
}

/* Outputs start .. start + n - 1 of `out` that the box [from, from + length) is resized to. */
static lp_status axis_init(axis *a, double from, double length, uint64_t out, uint64_t start,
                           uint32_t n) {
  const double scale = length / (double)out, support = scale > 1 ? scale : 1;
  const double low = floor(from), high = ceil(from + length);
  a->n = n;
  a->taps = 2 * (uint32_t)ceil(support) + 1;
  a->first = malloc(n * sizeof *a->first);
  a->count = malloc(n * sizeof *a->count);
  a->weight = calloc((size_t)n * a->taps, sizeof *a->weight);
  double *w = malloc(a->taps * sizeof *w);
  if (!a->first || !a->count || !a->weight || !w) {
    free(w);
    return lp_fail(LP_ERR_MEMORY, "out of memory resizing an image");
  }
  for (uint32_t i = 0; i < n; i++) {
    double centre = from + ((double)(start + i) + 0.5) * scale, total = 0;
    double first = fmax(trunc(centre - support + 0.5), low);
    double end = fmin(trunc(centre + support + 0.5), high);
    uint32_t count = end > first ? (uint32_t)(end - first) : 1;
    if (count > a->taps) count = a->taps;
    for (uint32_t k = 0; k < count; k++) {
      w[k] = fmax(1 - fabs((first + k - centre + 0.5) / support), 0);
      total += w[k];
    }
    if (!(total > 0)) w[0] = total = count = 1;
    quantise(w, count, total, a->weight + (size_t)i * a->taps);
    a->first[i] = (uint32_t)first;
    a->count[i] = count;
  }
  free(w);
  return LP_OK;
}

static void axis_mirror(axis *a) {
  for (uint32_t i = 0, j = a->n - 1; i < j; i++, j--) {
    uint32_t f = a->first[i], c = a->count[i];
    a->first[i] = a->first[j];
    a->count[i] = a->count[j];
    a->first[j] = f;
    a->count[j] = c;
    for (uint32_t k = 0; k < a->taps; k++) {
      float *p = a->weight + (size_t)i * a->taps + k, *q = a->weight + (size_t)j * a->taps + k;
      float w = *p;
      *p = *q;
      *q = w;
    }
  }
}

/* Source positions that an axis reads. */
static void axis_range(const axis *a, uint32_t *from, uint32_t *to) {
  *from = UINT32_MAX;
  *to = 0;
  for (uint32_t i = 0; i < a->n; i++) {
    uint32_t end = a->first[i] + a->count[i];
    if (a->first[i] < *from) *from = a->first[i];
    if (end > *to) *to = end;
  }
}

/* The largest number of outputs in the making at a time. */
static uint32_t axis_overlap(const axis *a) {
  uint32_t most = 1;
  for (uint32_t i = 0, j = 0; i < a->n; i++) {
    while (j + 1 < a->n && a->first[j + 1] < a->first[i] + a->count[i]) j++;
    if (j >= i && j - i + 1 > most) most = j - i + 1;
  }
  return most;
}

lp_status lp_resizer_new(const image_view *v, uint8_t *out, resizer **result) {
  *result = NULL;
  resizer *r = calloc(1, sizeof *r);
  if (!r) return lp_fail(LP_ERR_MEMORY, "out of memory resizing an image");
  r->out = out;
  lp_status s = axis_init(&r->x, v->x, v->w, v->out_w, v->left, v->width);
  if (s == LP_OK) s = axis_init(&r->y, v->y, v->h, v->out_h, v->top, v->height);
  if (s == LP_OK) {
    axis_range(&r->x, &r->range.x0, &r->range.x1);
    axis_range(&r->y, &r->range.y0, &r->range.y1);
    if (v->flip) axis_mirror(&r->x);
    r->row = r->range.y0;
    r->slots = axis_overlap(&r->y);
    size_t row = 4 * (size_t)v->width;
    r->in = malloc(4 * (size_t)(r->range.x1 - r->range.x0) * sizeof *r->in);
    r->narrow = malloc(row * sizeof *r->narrow);
    r->sum = malloc(r->slots * row * sizeof *r->sum);
    if (!r->in || !r->narrow || !r->sum)
      s = lp_fail(LP_ERR_MEMORY, "out of memory resizing an image");
  }
  if (s == LP_OK)
    *result = r;
  else
    lp_resizer_free(r);
  return s;
}

void lp_resizer_free(resizer *r) {
  if (!r) return;
  for (int i = 0; i < 2; i++) {
    axis *a = i ? &r->y : &r->x;
    free(a->first);
    free(a->count);
    free(a->weight);
  }
  free(r->in);
  free(r->narrow);
  free(r->sum);
  free(r);
}

image_range lp_resizer_range(const resizer *r) {
  return r->range;
}

static void widen(const uint8_t *restrict from, float *restrict to, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = from[i];
}

/* The pass along a row: every output is rounded to a whole level. */
static void pass_row(const axis *a, uint32_t x0, const float *in, float *out) {
  const pixel4 half = {WEIGHT_HALF, WEIGHT_HALF, WEIGHT_HALF, WEIGHT_HALF};
  for (uint32_t i = 0; i < a->n; i++) {
    const float *w = a->weight + (size_t)i * a->taps, *p = in + 4 * (size_t)(a->first[i] - x0);
    pixel4 sum = half;
    for (uint32_t k = 0; k < a->count[i]; k++) sum += load4(p + 4 * (size_t)k) * w[k];
    ipixel4 level = __builtin_convertvector(sum * (1 / WEIGHT_ONE), ipixel4);
    pixel4 rounded = __builtin_convertvector(level, pixel4);
    memcpy(out + 4 * (size_t)i, &rounded, sizeof rounded);
  }
}

static void set_row(float *restrict sum, const float *restrict row, float w, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] = WEIGHT_HALF + w * row[i];
}

static void add_row(float *restrict sum, const float *restrict row, float w, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += w * row[i];
}

/* Rounds a finished row into the three planes. */
static void finish_row(resizer *r, const float *sum) {
  const uint32_t width = r->x.n;
  for (uint32_t c = 0; c < 3; c++) {
    uint8_t *restrict to = r->out + ((size_t)c * r->y.n + r->done) * width;
    const float *restrict from = sum + c;
    for (uint32_t x = 0; x < width; x++)
      to[x] = (uint8_t)(int32_t)(from[4 * (size_t)x] * (1 / WEIGHT_ONE));
  }
}

void lp_resizer_row(resizer *r, const uint8_t *rgbx) {
  const axis *y = &r->y;
  const size_t n = 4 * (size_t)r->x.n;
  const uint32_t row = r->row++;
  if (r->done == y->n || y->first[r->done] > row) return; /* no output needs it */
  widen(rgbx, r->in, 4 * (size_t)(r->range.x1 - r->range.x0));
  pass_row(&r->x, r->range.x0, r->in, r->narrow);
  for (uint32_t i = r->done; i < y->n && y->first[i] <= row; i++) {
    const uint32_t k = row - y->first[i];
    const float w = y->weight[(size_t)i * y->taps + k];
    float *sum = r->sum + (i % r->slots) * n;
    if (k == 0)
      set_row(sum, r->narrow, w, n);
    else
      add_row(sum, r->narrow, w, n);
    if (k + 1 == y->count[i]) {
      finish_row(r, sum);
      r->done++;
    }
  }
}
