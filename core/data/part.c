/* A part of a data set as one of its own. */
#include "dataset.h"

#include <locality/rng.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct part_set {
  lp_dataset base;
  const lp_dataset *whole;
  uint32_t *sample; /* of the whole, of each of the part */
} part_set;

static void part_close(lp_dataset *d) {
  part_set *p = (part_set *)d;
  lp_dataset_free_common(d);
  free(p->sample);
  free(p);
}

static lp_status part_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                            uint32_t epoch, uint8_t *images, int32_t *labels) {
  const part_set *p = (const part_set *)d;
  uint32_t *sample = malloc((n + 1) * sizeof *sample);
  if (!sample) return lp_fail(LP_ERR_MEMORY, "data set %s: out of memory", d->info.name);
  for (uint32_t i = 0; i < n; i++) sample[i] = p->sample[index[i]];
  lp_status s = lp_dataset_batch(p->whole, sample, n, seed, epoch, images, labels);
  free(sample);
  return s;
}

static uint32_t part_label(const lp_dataset *d, uint32_t i) {
  const part_set *p = (const part_set *)d;
  const uint32_t own = p->whole->label(p->whole, p->sample[i]);
  return p->whole->relabel ? (uint32_t)p->whole->relabel[own] : own;
}

static int ascending(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static lp_status take(const lp_dataset *d, const uint32_t *sample, uint32_t n, lp_dataset **out) {
  part_set *p = calloc(1, sizeof *p);
  if (!p) return lp_fail(LP_ERR_MEMORY, "data set %s: out of memory", d->info.name);
  *out = &p->base;
  p->whole = d;
  p->base.info = d->info;
  p->base.info.count = n;
  p->base.batch = part_batch;
  p->base.label = part_label;
  p->base.close = part_close;
  p->base.decodes = d->decodes;
  p->sample = malloc((n + 1) * sizeof *p->sample);
  p->base.class_count = calloc(d->info.classes, sizeof *p->base.class_count);
  if (!p->sample || !p->base.class_count)
    return lp_fail(LP_ERR_MEMORY, "data set %s: out of memory", d->info.name);
  memcpy(p->sample, sample, n * sizeof *sample);
  qsort(p->sample, n, sizeof *sample, ascending); /* files are read in their order */
  for (uint32_t i = 0; i < n; i++) p->base.class_count[part_label(&p->base, i)]++;
  p->base.info.class_count = p->base.class_count;
  return LP_OK;
}

lp_status lp_dataset_hold_out(const lp_dataset *d, uint32_t n, lp_dataset *out[2]) {
  const uint32_t count = d->info.count;
  out[0] = out[1] = NULL;
  if (n < 1 || n >= count)
    return lp_fail(LP_ERR_ARG,
                   "data set %s: %" PRIu32 " of its %" PRIu32 " samples cannot be held out",
                   d->info.name, n, count);
  uint32_t *order = malloc(count * sizeof *order);
  if (!order) return lp_fail(LP_ERR_MEMORY, "data set %s: out of memory", d->info.name);
  lp_rng_permutation(0, lp_rng_stream("held out"), 0, order, count);
  lp_status s = take(d, order + n, count - n, &out[0]);
  if (s == LP_OK) s = take(d, order, n, &out[1]);
  free(order);
  for (int i = 0; s != LP_OK && i < 2; i++) {
    if (out[i]) lp_dataset_close(out[i]);
    out[i] = NULL;
  }
  return s;
}
