/* A data set with Gaussian noise on its pixels. */
#include "dataset.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>

typedef struct noisy_set {
  lp_dataset base;
  const lp_dataset *of;
  double sd;
  uint64_t seed;
} noisy_set;

static void noisy_close(lp_dataset *d) {
  free(d->note);
  free(d);
}

static uint32_t noisy_label(const lp_dataset *d, uint32_t i) {
  const lp_dataset *of = ((const noisy_set *)d)->of;
  return of->label(of, i);
}

static void add_noise(const noisy_set *set, uint32_t sample, uint8_t *pixel, size_t n) {
  lp_rng r = lp_rng_make(set->seed, "data/noise");
  r.round = sample;
  for (size_t i = 0; i < n; i++) { /* Box & Muller, Ann Math Stat 1958 */
    const double u = 1 - lp_rng_double(&r), v = lp_rng_double(&r),
                 noise = sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
    pixel[i] = (uint8_t)lround(fmin(255, fmax(0, pixel[i] + 255 * set->sd * noise)));
  }
}

static lp_status noisy_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                             uint32_t epoch, uint8_t *images, int32_t *labels) {
  const noisy_set *set = (const noisy_set *)d;
  const size_t size = (size_t)d->info.channels * d->info.height * d->info.width;
  lp_status s = lp_dataset_batch(set->of, index, n, seed, epoch, images, labels);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) add_noise(set, index[i], images + i * size, size);
  return s;
}

lp_status lp_dataset_noisy(const lp_dataset *d, double sd, uint64_t seed, lp_dataset **out) {
  *out = NULL;
  if (!(sd >= 0 && sd < 1e6)) return lp_fail(LP_ERR_ARG, "noise of %g standard deviations", sd);
  noisy_set *set = calloc(1, sizeof *set);
  if (!set) return lp_fail(LP_ERR_MEMORY, "out of memory for noise");
  *set = (noisy_set){.of = d, .sd = sd, .seed = seed};
  set->base = (lp_dataset){.info = d->info,
                           .batch = noisy_batch,
                           .close = noisy_close,
                           .label = noisy_label,
                           .decodes = d->decodes};
  *out = &set->base;
  return LP_OK;
}
