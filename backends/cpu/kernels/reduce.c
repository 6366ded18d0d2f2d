/* Sums. */
#include "kernels.h"

enum { CHUNK = 1 << 16, FAN = 4 };

float cpu_sum(const float *x, int64_t n) {
  vec acc[FAN] = {{0}};
  int64_t i = 0;
  for (; i + FAN * LANES <= n; i += FAN * LANES)
    for (int k = 0; k < FAN; k++) acc[k] += load(x + i + k * LANES);
  for (; i + LANES <= n; i += LANES) acc[0] += load(x + i);
  vec v = (acc[0] + acc[1]) + (acc[2] + acc[3]);
  float lane[LANES], s = 0;
  memcpy(lane, &v, sizeof lane);
  for (int width = LANES / 2; width; width /= 2)
    for (int k = 0; k < width; k++) lane[k] += lane[k + width];
  for (; i < n; i++) s += x[i];
  return lane[0] + s;
}

WORKSPACE(sum) {
  return sizeof(float) * (size_t)ceil_div(lp_numel(&c->in[0].desc), CHUNK);
}

KERNEL(sum) {
  const float *x = cpu_in(c, 0);
  float *part = c->ws;
  int64_t total = lp_numel(&c->in[0].desc), chunks = ceil_div(total, CHUNK);
  for (int64_t unit; cpu_next(w, chunks, &unit);)
    part[unit] = cpu_sum(x + unit * CHUNK, min64(CHUNK, total - unit * CHUNK));
  cpu_barrier(w);
  if (w->id) return;
  double sum = 0;
  for (int64_t i = 0; i < chunks; i++) sum += part[i];
  *cpu_out(c, 0) = (float)sum;
  cpu_finish(c, 0, 1);
}
