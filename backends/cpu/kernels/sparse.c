/* Fully connected layers of which only a pattern of weights exists (op.h: SPARSE_LINEAR).
 *
 * Samples stand in the lanes of vectors: the inputs of up to 4 vectors of samples are turned so
 * that those of one unit lie together, and a wire then is one multiplication of such a row by its
 * weight. Results are turned back 16 units at a time. A few samples alone are summed unit by unit,
 * with gathered inputs. Every sum goes along the pattern, whoever computes it. */
#include "gemm.h"
#include "kernels.h"
#include "shuffle.h"

enum {
  WIDE = 4,             /* vectors of samples at a time */
  BLOCK = WIDE * LANES, /* samples */
  UNITS = 16,           /* that one worker computes at a time */
  FEW = 3,              /* so many samples are not turned */
  AHEAD = 64,           /* wires whose weights are asked for */
  TURNED = 256          /* units that one worker turns at a time */
};

/* One side of the pattern: unit u has the wires first[u] .. first[u + 1] - 1; wire k ends at unit
 * other[k] of the other side and has the weight of index place[k], NULL: k. */
typedef struct side {
  const int32_t *first, *other, *place;
  int64_t units;
} side;

static const int32_t *integers(const cpu_call *c, uint32_t i) {
  return (const int32_t *)(const void *)cpu_in(c, i);
}

static side outputs(const cpu_call *c) {
  return (side){integers(c, LP_SPARSE_ROWS), integers(c, LP_SPARSE_COLUMNS), NULL,
                c->in[LP_SPARSE_ROWS].desc.dim[0] - 1};
}

static side inputs(const cpu_call *c) {
  return (side){integers(c, LP_SPARSE_STARTS), integers(c, LP_SPARSE_SOURCES),
                integers(c, LP_SPARSE_PLACES), c->in[LP_SPARSE_STARTS].desc.dim[0] - 1};
}

/* ---- turning samples into lanes ----------------------------------------------------------------
 */

static size_t turned_bytes(int64_t samples, int64_t units) {
  return samples > FEW ? sizeof(float) * (size_t)(round_up(samples, LANES) * units) : 0;
}

static int64_t block_width(int64_t samples, int64_t block) {
  return round_up(min64(BLOCK, samples - block * BLOCK), LANES);
}

/* to: block by block, unit by unit, the samples of the block and zeros. */
static void turn(const float *from, int64_t samples, int64_t units, float *to, cpu_worker *w) {
  const int64_t parts = ceil_div(units, TURNED), blocks = ceil_div(samples, BLOCK);
  for (int64_t unit; cpu_next(w, parts * blocks, &unit);) {
    const int64_t n = unit / parts * BLOCK, u = unit % parts * TURNED,
                  width = block_width(samples, unit / parts);
    cpu_transpose(from + n * units + u, units, min64(BLOCK, samples - n), min64(TURNED, units - u),
                  to + n * units + u * width, width, width);
  }
}

/* ---- forward and dx: sums along the wires of a unit ---------------------------------------------
 */

typedef struct sums {
  side s;
  const float *w, *prior, *bias;
  const float *from; /* samples x other units, or turned */
  float *to;         /* samples x units */
  int64_t samples, others;
} sums;

INLINE float weight(const sums *p, int64_t k) {
  const int64_t at = p->s.place ? p->s.place[k] : k;
  return p->prior ? p->w[at] * p->prior[at] : p->w[at];
}

/* Unit u's sums of nv vectors of samples; x: turned inputs of the block. */
INLINE void sum_unit(const sums *p, int nv, int64_t u, const float *x, float *to) {
  vec acc[WIDE];
  UNROLL for (int v = 0; v < nv; v++) acc[v] = splat(p->bias ? p->bias[u] : 0);
  const int64_t end = p->s.first[p->s.units]; /* what is ahead may be the next unit's */
  for (int64_t k = p->s.first[u]; k < p->s.first[u + 1]; k++) {
    if (p->s.place && k + AHEAD < end) { /* weights from all over */
      __builtin_prefetch(p->w + p->s.place[k + AHEAD]);
      if (p->prior) __builtin_prefetch(p->prior + p->s.place[k + AHEAD]);
    }
    const vec value = splat(weight(p, k));
    const float *row = x + (int64_t)p->s.other[k] * nv * LANES;
    UNROLL for (int v = 0; v < nv; v++) acc[v] += value * load(row + v * LANES);
  }
  UNROLL for (int v = 0; v < nv; v++) store(to + v * LANES, acc[v]);
}

#define SUM_UNITS(NV)                                                                              \
  static void sum_units_##NV(const sums *p, int64_t u0, int64_t u1, const float *x, float *tile) { \
    for (int64_t u = u0; u < u1; u++) sum_unit(p, NV, u, x, tile + (u - u0) * BLOCK);              \
  }
SUM_UNITS(1)
SUM_UNITS(2)
SUM_UNITS(3)
SUM_UNITS(4)

static void sum_turned(const sums *p, int64_t u0, int64_t u1, int64_t block) {
  static void (*const run[WIDE])(const sums *, int64_t, int64_t, const float *,
                                 float *) = {sum_units_1, sum_units_2, sum_units_3, sum_units_4};
  float tile[UNITS * BLOCK];
  const int64_t n = block * BLOCK, width = block_width(p->samples, block);
  run[width / LANES - 1](p, u0, u1, p->from + n * p->others, tile);
  cpu_transpose(tile, BLOCK, u1 - u0, min64(BLOCK, p->samples - n), p->to + n * p->s.units + u0,
                p->s.units, u1 - u0);
}

static void sum_few(const sums *p, int64_t u, int64_t n) {
  const float *x = p->from + n * p->others;
  const int64_t first = p->s.first[u], end = p->s.first[u + 1];
  float sum = 0;
  if (p->s.place || p->prior) {
    for (int64_t k = first; k < end; k++) sum += weight(p, k) * x[p->s.other[k]];
  } else {
#pragma omp simd reduction(+ : sum)
    for (int64_t k = first; k < end; k++) sum += p->w[k] * x[p->s.other[k]];
  }
  p->to[n * p->s.units + u] = sum + (p->bias ? p->bias[u] : 0);
}

static void sum_all(const cpu_call *c, sums p, cpu_worker *w) {
  const bool turned = p.samples > FEW;
  if (turned) {
    turn(p.from, p.samples, p.others, c->ws, w);
    cpu_barrier(w);
    p.from = c->ws;
  }
  for (int64_t unit; cpu_next(w, ceil_div(p.s.units, UNITS), &unit);) {
    const int64_t u0 = unit * UNITS, u1 = min64(u0 + UNITS, p.s.units);
    for (int64_t b = 0; turned && b < ceil_div(p.samples, BLOCK); b++) sum_turned(&p, u0, u1, b);
    for (int64_t n = 0; n < p.samples; n++) {
      for (int64_t u = u0; !turned && u < u1; u++) sum_few(&p, u, n);
      cpu_finish(c, n * p.s.units + u0, u1 - u0);
    }
  }
}

WORKSPACE(sparse_linear) {
  return turned_bytes(c->in[0].desc.dim[0], c->in[0].desc.dim[1]);
}

KERNEL(sparse_linear) {
  sum_all(c,
          (sums){.s = outputs(c),
                 .w = cpu_in(c, 1),
                 .prior = cpu_in(c, LP_SPARSE_PRIOR),
                 .bias = cpu_in(c, 2),
                 .from = cpu_in(c, 0),
                 .to = cpu_out(c, 0),
                 .samples = c->in[0].desc.dim[0],
                 .others = c->in[0].desc.dim[1]},
          w);
}

WORKSPACE(sparse_linear_dx) {
  return turned_bytes(c->in[0].desc.dim[0], c->in[0].desc.dim[1]);
}

KERNEL(sparse_linear_dx) {
  sum_all(c,
          (sums){.s = inputs(c),
                 .w = cpu_in(c, 1),
                 .prior = cpu_in(c, LP_SPARSE_PRIOR),
                 .from = cpu_in(c, 0),
                 .to = cpu_out(c, 0),
                 .samples = c->in[0].desc.dim[0],
                 .others = c->in[0].desc.dim[1]},
          w);
}

/* ---- dw: a sum over the samples for each wire
 * ---------------------------------------------------- */

typedef struct wires {
  side s;
  const float *dy, *x, *prior; /* turned, or as they are */
  float *dw;
  int64_t samples, n_in;
} wires;

/* Halves the vectors that are to be summed over their lanes: what the exchange of a transposition
 * would put into one column is added instead. */
#define FOLD(S)                                                                                    \
  UNROLL for (int i = 0; i < LANES; i++) if (i % (2 * S) == 0) {                                   \
    vec a = v[i], b = v[i + S];                                                                    \
    v[i] = __builtin_shufflevector(a, b, LOW##S) + __builtin_shufflevector(a, b, HIGH##S);         \
  }

/* LANES wires: their products with a unit's nv vectors dy, lane t the sum of wire t. */
INLINE vec wire_sums(int nv, const vec *dy, const float *x, const int32_t *other, int64_t count) {
  vec v[LANES];
  UNROLL for (int t = 0; t < LANES; t++) {
    const float *row = x + (int64_t)other[t < count ? t : 0] * nv * LANES;
    v[t] = dy[0] * load(row);
    UNROLL for (int k = 1; k < nv; k++) v[t] += dy[k] * load(row + k * LANES);
  }
  EACH_STEP(FOLD)
  return v[0];
}

INLINE void wires_of_unit(const wires *p, int nv, int64_t u, int64_t block) {
  const int64_t n = block * BLOCK, outputs = p->s.units, end = p->s.first[u + 1];
  const bool last = block + 1 == ceil_div(p->samples, BLOCK);
  vec dy[WIDE];
  UNROLL for (int v = 0; v < nv; v++) dy[v] = load(p->dy + n * outputs + (u * nv + v) * LANES);
  for (int64_t k = p->s.first[u]; k < end; k += LANES) {
    const int64_t count = min64(LANES, end - k);
    vec sum = wire_sums(nv, dy, p->x + n * p->n_in, p->s.other + k, count);
    float part[LANES];
    store(part, sum);
    for (int64_t t = 0; t < count; t++) {
      const float all = block ? p->dw[k + t] + part[t] : part[t];
      p->dw[k + t] = last && p->prior ? all * p->prior[k + t] : all;
    }
  }
}

#define WIRES_OF_UNIT(NV)                                                                          \
  static void wires_of_unit_##NV(const wires *p, int64_t u, int64_t block) {                       \
    wires_of_unit(p, NV, u, block);                                                                \
  }
WIRES_OF_UNIT(1)
WIRES_OF_UNIT(2)
WIRES_OF_UNIT(3)
WIRES_OF_UNIT(4)

static void wires_few(const wires *p, int64_t u) {
  for (int64_t k = p->s.first[u]; k < p->s.first[u + 1]; k++) {
    float sum = 0;
    for (int64_t n = 0; n < p->samples; n++)
      sum += p->dy[n * p->s.units + u] * p->x[n * p->n_in + p->s.other[k]];
    p->dw[k] = p->prior ? sum * p->prior[k] : sum;
  }
}

static void bias_gradient(const float *dy, int64_t samples, int64_t outputs, int64_t u0, int64_t u1,
                          float *db) {
  for (int64_t u = u0; u < u1; u++) db[u] = 0;
  for (int64_t n = 0; n < samples; n++)
    for (int64_t u = u0; u < u1; u++) db[u] += dy[n * outputs + u];
}

WORKSPACE(sparse_linear_dw) {
  return turned_bytes(c->in[0].desc.dim[0], c->in[0].desc.dim[1] + c->in[1].desc.dim[1]);
}

KERNEL(sparse_linear_dw) {
  static void (*const run[WIDE])(const wires *, int64_t, int64_t) = {
      wires_of_unit_1, wires_of_unit_2, wires_of_unit_3, wires_of_unit_4};
  const float *dy = cpu_in(c, 0);
  float *db = cpu_out(c, 1);
  wires p = {.s = outputs(c),
             .dy = dy,
             .x = cpu_in(c, 1),
             .prior = cpu_in(c, LP_SPARSE_PRIOR),
             .dw = cpu_out(c, 0),
             .samples = c->in[0].desc.dim[0],
             .n_in = c->in[1].desc.dim[1]};
  const int64_t outputs = p.s.units, blocks = ceil_div(p.samples, BLOCK);
  const bool turned = p.dw && p.samples > FEW;
  if (turned) {
    float *own = (float *)c->ws + round_up(p.samples, LANES) * p.n_in;
    turn(p.x, p.samples, p.n_in, c->ws, w);
    cpu_barrier(w);
    turn(dy, p.samples, outputs, own, w);
    cpu_barrier(w);
    p.x = c->ws;
    p.dy = own;
  }
  for (int64_t unit; cpu_next(w, ceil_div(outputs, UNITS), &unit);) {
    const int64_t u0 = unit * UNITS, u1 = min64(u0 + UNITS, outputs);
    if (db) bias_gradient(dy, p.samples, outputs, u0, u1, db);
    if (!p.dw || p.s.first[u0] == p.s.first[u1]) continue;
    for (int64_t b = 0; turned && b < blocks; b++)
      for (int64_t u = u0; u < u1; u++) run[block_width(p.samples, b) / LANES - 1](&p, u, b);
    for (int64_t u = u0; !turned && u < u1; u++) wires_few(&p, u);
    cpu_finish(c, p.s.first[u0], p.s.first[u1] - p.s.first[u0]);
  }
}
