/* Opening a data set from its spec; what is common to all kinds. */
#include "dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const data_loader loader[] = {
    {"mnist", "handwritten digits, 28 x 28, 60000 training and 10000 test images", known_open},
    {"fashion-mnist", "articles of clothing, in the format and numbers of mnist", known_open},
    {"idx:DIR", "a folder with the four IDX files of an MNIST-like data set", idxfolder_open},
    {"cifar10:DIR", "CIFAR-10 in its binary form, 50000 and 10000 images of 32 x 32", cifar_open},
    {"imagefolder:PATH",
     "JPEG and PNG files, a folder for each class, in a folder or a tar archive", imagefolder_open},
};
#define N_LOADERS (sizeof loader / sizeof *loader)

const char *lp_dataset_spec(uint32_t i, const char **summary) {
  if (i >= N_LOADERS) return NULL;
  if (summary) *summary = loader[i].summary;
  return loader[i].spec;
}

static lp_status unknown(const char *spec) {
  char list[256] = "";
  size_t n = 0;
  for (size_t i = 0; i < N_LOADERS && n < sizeof list; i++)
    n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", loader[i].spec);
  return lp_fail(LP_ERR_NOT_FOUND, "no data set '%s'; there are %s", spec, list);
}

lp_status lp_dataset_open(const char *spec, lp_split split, lp_dataset **out) {
  return lp_dataset_open_for(spec, split, &(lp_image_defaults){0}, out);
}

lp_status lp_dataset_open_for(const char *spec, lp_split split, const lp_image_defaults *usual,
                              lp_dataset **out) {
  *out = NULL;
  if (split != LP_SPLIT_TRAIN && split != LP_SPLIT_TEST)
    return lp_fail(LP_ERR_ARG, "data set '%s': no such split", spec);
  size_t len = strcspn(spec, ":");
  const char *rest = spec[len] ? spec + len + 1 : "";
  for (size_t i = 0; i < N_LOADERS; i++) {
    const char *known = loader[i].spec;
    size_t name = strcspn(known, ":");
    if (name != len || strncmp(known, spec, len) != 0) continue;
    if (!known[name] && spec[len])
      return lp_fail(LP_ERR_ARG, "data set '%s': %s takes nothing after its name", spec, known);
    if (known[name] && !*rest) return lp_fail(LP_ERR_ARG, "data set '%s': write %s", spec, known);
    return loader[i].open(spec, rest, split, usual, out);
  }
  return unknown(spec);
}

void lp_dataset_close(lp_dataset *d) {
  if (d) d->close(d);
}

uint32_t lp_dataset_broken(const lp_dataset *d) {
  return d->broken ? d->broken(d) : 0;
}

const lp_dataset_info *lp_dataset_get_info(const lp_dataset *d) {
  return &d->info;
}

void lp_dataset_selection(const lp_dataset *d, uint32_t n, uint32_t *index) {
  const uint64_t count = d->info.count;
  for (uint32_t i = 0; i < n; i++) index[i] = d->info.by_class ? (uint32_t)(i * count / n) : i;
}

lp_status lp_dataset_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                           uint32_t epoch, uint8_t *images, int32_t *labels) {
  for (uint32_t i = 0; i < n; i++)
    if (index[i] >= d->info.count)
      return lp_fail(LP_ERR_ARG, "sample %" PRIu32 " of %s, which has %" PRIu32, index[i],
                     d->info.name, d->info.count);
  return d->batch(d, index, n, seed, epoch, images, labels);
}
