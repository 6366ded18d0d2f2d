/* Philox4x32-10 draws; the generator is Random123's. */
#include <locality/rng.h>

#include <Random123/philox.h>
#include <math.h>

uint32_t lp_rng_stream(const char *path) {
  uint32_t h = 2166136261u; /* FNV-1a, 32 bits */
  for (const unsigned char *p = (const unsigned char *)path; *p; p++) h = (h ^ *p) * 16777619u;
  return h;
}

void lp_rng_words(uint64_t seed, uint32_t stream, uint32_t c0, uint32_t c1, uint32_t c2,
                  uint32_t out[4]) {
  philox4x32_ctr_t counter = {{c0, c1, c2, stream}};
  philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  philox4x32_ctr_t r = philox4x32(counter, key);
  for (int i = 0; i < 4; i++) out[i] = r.v[i];
}

/* The centre of one of 2^24 cells of (0, 1): symmetric and never on the bound. */
static float uniform_of(uint32_t word, float bound) {
  const double u = ((word >> 8) + 0.5) * 0x1p-24;
  return (float)((2.0 * u - 1.0) * bound);
}

void lp_rng_uniform(uint64_t seed, uint32_t stream, float bound, float *out, size_t n) {
  uint32_t word[4];
  for (size_t e = 0; e < n; e++) {
    if (e % 4 == 0) lp_rng_words(seed, stream, (uint32_t)(e / 4), 0, 0, word);
    out[e] = uniform_of(word[e % 4], bound);
  }
}

float lp_rng_uniform_at(uint64_t seed, uint32_t stream, float bound, uint64_t e) {
  uint32_t word[4];
  lp_rng_words(seed, stream, (uint32_t)(e / 4), (uint32_t)(e >> 34), 0, word);
  return uniform_of(word[e % 4], bound);
}

void lp_rng_normal(uint64_t seed, uint32_t stream, uint32_t c1, uint32_t c2, double *out,
                   size_t n) {
  uint32_t word[4];
  for (size_t e = 0; e < n; e += 2) {
    if (e % 4 == 0) lp_rng_words(seed, stream, (uint32_t)(e / 4), c1, c2, word);
    const double radius = sqrt(-2 * log((word[e % 4] + 0.5) * 0x1p-32));
    const double angle = 2 * M_PI * word[e % 4 + 1] * 0x1p-32;
    out[e] = radius * cos(angle);
    if (e + 1 < n) out[e + 1] = radius * sin(angle);
  }
}

lp_rng lp_rng_make(uint64_t seed, const char *path) {
  return (lp_rng){seed, lp_rng_stream(path), 0, 0, 4, {0}};
}

static uint32_t next_word(lp_rng *r) {
  if (r->used == 4) {
    lp_rng_words(r->seed, r->stream, r->counter++, r->round, 1, r->word);
    r->used = 0;
  }
  return r->word[r->used++];
}

uint32_t lp_rng_below(lp_rng *r, uint32_t n) {
  if (n < 2) return 0;
  uint32_t reject = (uint32_t)(-n) % n; /* Lemire, ACM TOMACS 2019: unbiased bounded draws */
  uint64_t product;
  do product = (uint64_t)next_word(r) * n;
  while ((uint32_t)product < reject);
  return (uint32_t)(product >> 32);
}

double lp_rng_double(lp_rng *r) {
  uint64_t high = next_word(r) >> 5, low = next_word(r) >> 6;
  return (double)(high * 67108864u + low) * 0x1p-53;
}

void lp_rng_permutation(uint64_t seed, uint32_t stream, uint32_t round, uint32_t *out, uint32_t n) {
  lp_rng r = {seed, stream, round, 0, 4, {0}};
  for (uint32_t i = 0; i < n; i++) out[i] = i;
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = lp_rng_below(&r, i), t = out[i - 1];
    out[i - 1] = out[j];
    out[j] = t;
  }
}
