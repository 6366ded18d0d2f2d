/* Preparing images and gathering taps. */
#include "conv.h"

image conv_image(int64_t channels, int64_t height, int64_t width, int64_t stride, int64_t pad) {
  image m = {.channels = channels, .height = height, .width = width, .stride = stride, .pad = pad};
  m.direct = stride == 1 && pad == 0;
  m.phase = ceil_div(width + 2 * pad, stride);
  m.pitch = m.phase * stride;
  m.plane = m.pitch * (height + 2 * pad);
  return m;
}

size_t conv_image_bytes(const image *m, int64_t batch) {
  if (m->direct) return 0;
  return sizeof(float) * (size_t)round_up(batch * m->channels * m->plane + LANES, 16);
}

/* dst[j] = src[j*stride] */
INLINE void every(const float *src, int64_t stride, int64_t n, float *dst) {
  for (int64_t j = 0; j < n; j++) dst[j] = src[j * stride];
}

/* A row of the tensor to the phases of a prepared row. */
static void split_row(const image *m, const float *src, float *row) {
  for (int64_t f = 0; f < m->stride; f++, row += m->phase) {
    int64_t first = f < m->pad ? ceil_div(m->pad - f, m->stride) : 0;
    int64_t n = ceil_div(m->width + m->pad - f, m->stride) - first;
    const float *from = src + first * m->stride + f - m->pad;
    if (m->stride == 2) /* strides that compilers know how to shuffle */
      every(from, 2, n, row + first);
    else if (m->stride == 4)
      every(from, 4, n, row + first);
    else
      every(from, m->stride, n, row + first);
  }
}

void conv_prepare(image *m, int64_t batch, const float *x, float *to, cpu_worker *w) {
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
      split_row(m, src, row);
    }
  }
  cpu_barrier(w);
}

/* Splits output pixels first .. first+n-1 of the batch (sample, row, column) into runs. lanes is
 * what must be copied of each: LANES, or HALF when none is longer. */
int conv_split(const conv *c, const image *m, int64_t first, int64_t n, run *runs, int *lanes) {
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

void conv_gather(const float *p, const int64_t *tap, int64_t n, const run *runs, int count,
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
  if (lanes == HALF)
    gather_rows(p, tap, n, runs, count, HALF, dst, pitch);
  else
    gather_rows(p, tap, n, runs, count, LANES, dst, pitch);
}
