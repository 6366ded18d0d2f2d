/* Dropout masks: Philox4x32-10 (Salmon et al., SC 2011), many counters at a time.
 *
 * Element e of sample n uses word m%4 of counter {m/4, n, iteration, stream} with m = e/group, so a
 * mask depends on nothing but its position; the gradient draws it again. */
#include "vec.h"

#include <math.h>

enum { BLOCK = 32 }; /* counters a round works on at most */

/* words[4*i + k] is word k of counter {first + i, c1, c2, c3}, i < block. */
INLINE void philox(int block, uint32_t first, uint32_t c1, uint32_t c2, uint32_t c3, uint64_t seed,
                   uint32_t words[4 * BLOCK]) {
  uint32_t x0[BLOCK], x1[BLOCK], x2[BLOCK], x3[BLOCK];
  for (int i = 0; i < block; i++) {
    x0[i] = first + (uint32_t)i;
    x1[i] = c1;
    x2[i] = c2;
    x3[i] = c3;
  }
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < block; i++) {
      uint64_t a = (uint64_t)x0[i] * 0xD2511F53u, b = (uint64_t)x2[i] * 0xCD9E8D57u;
      x0[i] = (uint32_t)(b >> 32) ^ x1[i] ^ k0;
      x1[i] = (uint32_t)b;
      x2[i] = (uint32_t)(a >> 32) ^ x3[i] ^ k1;
      x3[i] = (uint32_t)a;
    }
    k0 += 0x9E3779B9u; /* the key schedule: Weyl sequences */
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < block; i++) {
    words[4 * i] = x0[i];
    words[4 * i + 1] = x1[i];
    words[4 * i + 2] = x2[i];
    words[4 * i + 3] = x3[i];
  }
}

/* The four words of one counter. */
static void philox_one(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint64_t seed,
                       uint32_t words[4]) {
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    uint64_t a = (uint64_t)c0 * 0xD2511F53u, b = (uint64_t)c2 * 0xCD9E8D57u;
    c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)b;
    c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)a;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/* A word keeps its element when (word >> 8) * 2^-24 >= p. Both sides are multiples of 2^-24 or the
 * comparison is with a real number, so it is exact in whole numbers. */
static uint32_t threshold(float p) {
  double t = ceil((double)p * 0x1p24);
  return t <= 0 ? 0 : t >= 0x1p24 ? 1u << 24 : (uint32_t)t;
}

/* Elements e .. e+n-1 of one sample, group 1. */
static void per_element(const cpu_env *env, const lp_dropout_params *p, uint32_t sample, int64_t e,
                        int64_t n, const float *x, float *y) {
  uint32_t words[4 * BLOCK], keep = threshold(p->p);
  float scale = 1.0f / (1.0f - p->p);
  while (n > 0) {
    int64_t skip = e % 4, take = min64(n, 4 * BLOCK - skip);
    uint32_t counter = (uint32_t)(e / 4), step = (uint32_t)env->iteration;
    if (skip + take <= 2 * BLOCK)
      philox(BLOCK / 2, counter, sample, step, p->stream, env->seed, words);
    else
      philox(BLOCK, counter, sample, step, p->stream, env->seed, words);
    const uint32_t *word = words + skip;
    for (int64_t i = 0; i < take; i++) y[i] = (word[i] >> 8) >= keep ? x[i] * scale : 0;
    x += take;
    y += take;
    e += take;
    n -= take;
  }
}

/* Groups are large: one counter at a time costs little. */
static void per_group(const cpu_env *env, const lp_dropout_params *p, uint32_t sample, int64_t e,
                      int64_t n, const float *x, float *y) {
  uint32_t words[4], keep = threshold(p->p);
  int64_t group = p->group, have = -1; /* the counter in words */
  float scale = 1.0f / (1.0f - p->p);
  while (n > 0) {
    int64_t m = e / group, take = min64(n, (m + 1) * group - e);
    if (m / 4 != have) {
      have = m / 4;
      philox_one((uint32_t)have, sample, (uint32_t)env->iteration, p->stream, env->seed, words);
    }
    if ((words[m % 4] >> 8) >= keep)
      for (int64_t i = 0; i < take; i++) y[i] = x[i] * scale;
    else
      for (int64_t i = 0; i < take; i++) y[i] = 0;
    x += take;
    y += take;
    e += take;
    n -= take;
  }
}

void cpu_dropout(const cpu_env *env, const lp_dropout_params *p, int64_t inner, int64_t first,
                 int64_t n, const float *x, float *y) {
  while (n > 0) {
    int64_t sample = first / inner, e = first % inner, take = min64(n, inner - e);
    uint32_t counter = (uint32_t)(env->sample_offset + (uint64_t)sample);
    (p->group > 1 ? per_group : per_element)(env, p, counter, e, take, x, y);
    x += take;
    y += take;
    first += take;
    n -= take;
  }
}
