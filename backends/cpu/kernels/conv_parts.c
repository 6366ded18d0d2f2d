/* Partial gradients of filters, added in a fixed order. */
#include "conv.h"

#include <string.h>

void conv_add_parts(const conv *c, const float *part, int64_t parts, int64_t size, int64_t pitch,
                    int64_t o) {
  float *dw = cpu_out(c->call, 0), *db = cpu_out(c->call, 1);
  const float *from = part + o * pitch;
  if (dw) {
    float *to = dw + o * c->depth;
    memcpy(to, from, sizeof(float) * (size_t)c->depth);
    for (int64_t k = 1; k < parts; k++)
      for (int64_t i = 0; i < c->depth; i++) to[i] += from[k * size + i];
    cpu_finish(c->call, o * c->depth, c->depth);
  }
  if (!db) return;
  db[o] = from[c->depth];
  for (int64_t k = 1; k < parts; k++) db[o] += from[k * size + c->depth];
}
