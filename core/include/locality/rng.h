/* rng.h: counter-based random numbers, the same on every backend.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the
 * implementation is Random123's). A draw is a pure function of (seed, stream, counters): nothing
 * is stored, nothing depends on the order of evaluation or on the number of threads.
 */
#ifndef LOCALITY_RNG_H
#define LOCALITY_RNG_H

#include <locality/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 32-bit stream number of a path such as "init/conv1.weight" (FNV-1a). */
LP_API uint32_t lp_rng_stream(const char *path);

/* Four words for counter {c0, c1, c2, stream} under key {seed low, seed high}. */
LP_API void lp_rng_words(uint64_t seed, uint32_t stream, uint32_t c0, uint32_t c1, uint32_t c2,
                         uint32_t out[4]);

/* n draws uniform in (-bound, bound), element e from word e%4 of counter {e/4, 0, 0, stream}. */
LP_API void lp_rng_uniform(uint64_t seed, uint32_t stream, float bound, float *out, size_t n);

/* n standard normal draws (Box & Muller, Ann Math Stat 1958), elements e and e + 1 of an even e
 * from two words of counter {e/4, c1, c2, stream}. */
LP_API void lp_rng_normal(uint64_t seed, uint32_t stream, uint32_t c1, uint32_t c2, double *out,
                          size_t n);

/* Its element e alone; from 2^34 on they repeat no earlier ones. */
LP_API float lp_rng_uniform_at(uint64_t seed, uint32_t stream, float bound, uint64_t e);

/* A random permutation of 0..n-1 (Fisher-Yates); round separates epochs. */
LP_API void lp_rng_permutation(uint64_t seed, uint32_t stream, uint32_t round, uint32_t *out,
                               uint32_t n);

/* A sequential generator over one stream, for host-side resampling. */
typedef struct lp_rng {
  uint64_t seed;
  uint32_t stream, round, counter, used; /* round: e.g. the epoch */
  uint32_t word[4];
} lp_rng;
LP_API lp_rng lp_rng_make(uint64_t seed, const char *path);
LP_API uint32_t lp_rng_below(lp_rng *r, uint32_t n); /* unbiased, 0..n-1 */
LP_API double lp_rng_double(lp_rng *r);              /* [0, 1) with 53 bits */

#ifdef __cplusplus
}
#endif
#endif
