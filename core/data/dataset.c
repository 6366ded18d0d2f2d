/* Opening a data set from its spec; what is common to all kinds. */
#include "dataset.h"
#include "text.h"

#include "../base/numbers.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const data_loader loader[] = {
    {"mnist", "handwritten digits, 28 x 28, 60000 training and 10000 test images", false,
     lp_known_open},
    {"fashion-mnist", "articles of clothing, in the format and numbers of mnist", false,
     lp_known_open},
    {"one-choice",
     "sequences that are generated: a goal, a delay, two choices of which one leads there", true,
     lp_onechoice_open},
    {"idx:DIR", "a folder with the four IDX files of an MNIST-like data set", false,
     lp_idxfolder_open},
    {"cifar10:DIR", "CIFAR-10 in its binary form, 50000 and 10000 images of 32 x 32", false,
     lp_cifar_open},
    {"imagefolder:PATH",
     "JPEG and PNG files, a folder for each class, in a folder or a tar archive", false,
     lp_imagefolder_open},
};
#define N_LOADERS (sizeof loader / sizeof *loader)

const char *lp_dataset_spec(uint32_t i, const char **summary) {
  if (i >= N_LOADERS) return NULL;
  if (summary) *summary = loader[i].summary;
  return loader[i].spec;
}

static lp_status out_of_memory(const lp_dataset *d) {
  return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", d->info.name);
}

/* ---- notes --------------------------------------------------------------------------------- */

void lp_dataset_free_common(lp_dataset *d) {
  for (uint32_t i = 0; i < d->n_notes; i++) free((char *)d->note[i].text);
  free(d->note);
  free(d->fitting);
  free(d->relabel);
  free(d->class_count);
}

lp_status lp_dataset_add_note(lp_dataset *d, bool warning, const char *text) {
  for (uint32_t i = 0; i < d->n_notes; i++)
    if (strcmp(d->note[i].text, text) == 0) return LP_OK;
  lp_data_note *p = realloc(d->note, (d->n_notes + 1) * sizeof *p);
  if (p) d->note = p;
  char *copy = p ? strdup(text) : NULL;
  if (!copy) return out_of_memory(d);
  d->note[d->n_notes++] = (lp_data_note){.warning = warning, .text = copy};
  if (warning) lp_log(LP_LOG_WARNING, "%s", text);
  return LP_OK;
}

lp_status lp_dataset_add_notef(lp_dataset *d, bool warning, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return lp_dataset_add_note(d, warning, text);
}

const lp_data_note *lp_dataset_note(const lp_dataset *d, uint32_t i) {
  return i < d->n_notes ? &d->note[i] : NULL;
}

/* Is the text among the notes before note `at` of data set k? */
static bool told(const lp_dataset *const *d, uint32_t k, uint32_t at) {
  const char *text = d[k]->note[at].text;
  for (uint32_t j = 0; j <= k; j++)
    for (uint32_t i = 0; i < (j < k ? d[j]->n_notes : at); i++)
      if (strcmp(d[j]->note[i].text, text) == 0) return true;
  return false;
}

const lp_data_note *lp_dataset_notes(const lp_dataset *const *d, uint32_t n, uint32_t i) {
  for (uint32_t k = 0; k < n; k++)
    for (uint32_t at = 0; at < d[k]->n_notes; at++)
      if (!told(d, k, at) && i-- == 0) return &d[k]->note[at];
  return NULL;
}

/* ---- opening ------------------------------------------------------------------------------- */

static lp_status unknown(const char *spec) {
  char list[256] = "";
  size_t n = 0;
  for (size_t i = 0; i < N_LOADERS && n < sizeof list; i++)
    n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", loader[i].spec);
  return lp_fail(LP_ERR_NOT_FOUND, "no data set '%s'; there are %s", spec, list);
}

static lp_status count_classes(lp_dataset *d) {
  d->info.class_count = d->class_count = calloc(d->info.classes, sizeof *d->class_count);
  if (!d->class_count) return out_of_memory(d);
  for (uint32_t i = 0; i < d->info.count; i++) d->class_count[d->label(d, i)]++;
  return LP_OK;
}

lp_status lp_dataset_open(const char *spec, lp_split split, lp_dataset **out) {
  return lp_dataset_open_for(spec, split, &(lp_image_defaults){0}, out);
}

lp_status lp_dataset_open_for(const char *spec, lp_split split, const lp_image_defaults *usual,
                              lp_dataset **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  if (split != LP_SPLIT_TRAIN && split != LP_SPLIT_TEST)
    return lp_fail(LP_ERR_ARG, "data set '%s': no such split", spec);
  if (!lp_text_is_utf8(spec)) {
    char line[400];
    lp_text_printable(spec, line, sizeof line);
    return lp_fail(LP_ERR_ARG,
                   "data set '%s': the name is not UTF-8, and files that name it could not be "
                   "written; rename it, or give it by a link with another name",
                   line);
  }
  size_t len = strcspn(spec, ":");
  const char *rest = spec[len] ? spec + len + 1 : "";
  for (size_t i = 0; i < N_LOADERS; i++) {
    const char *known = loader[i].spec;
    size_t name = strcspn(known, ":");
    if (name != len || strncmp(known, spec, len) != 0) continue;
    if (!known[name] && spec[len] && !loader[i].options)
      return lp_fail(LP_ERR_ARG, "data set '%s': %s takes nothing after its name", spec, known);
    if (known[name] && !*rest) return lp_fail(LP_ERR_ARG, "data set '%s': write %s", spec, known);
    lp_status s = loader[i].open(spec, rest, split, usual, out);
    if (s == LP_OK) s = count_classes(*out);
    if (s == LP_OK) return s;
    lp_dataset_close(*out);
    *out = NULL;
    return s;
  }
  return unknown(spec);
}

void lp_dataset_close(lp_dataset *d) {
  if (d) d->close(d);
}

lp_status lp_dataset_note_broken(lp_dataset *d) {
  return d->note_broken ? d->note_broken(d) : LP_OK;
}

uint32_t lp_dataset_broken(const lp_dataset *d) {
  return d->broken ? d->broken(d) : 0;
}

const lp_dataset_info *lp_dataset_get_info(const lp_dataset *d) {
  return &d->info;
}

/* Do the first n samples show every class about as often as all samples do? */
static bool first_show_all(const lp_dataset *d, uint32_t n, uint32_t *seen) {
  const lp_dataset_info *info = &d->info;
  for (uint32_t i = 0; i < n; i++) seen[d->label(d, i)]++;
  bool good = true;
  for (uint32_t k = 0; k < info->classes; k++) {
    const double share = (double)d->class_count[k] / info->count, expected = n * share;
    good &= fabs(seen[k] - expected) <= 1 + 3 * sqrt(expected * (1 - share));
    good &= seen[k] > 0 || expected < 3;
  }
  return good;
}

/* Each class's share of n, by largest remainders: they add up to n. */
static void shares(const lp_dataset *d, uint32_t n, uint32_t *quota) {
  const lp_dataset_info *info = &d->info;
  uint32_t given = 0;
  for (uint32_t k = 0; k < info->classes; k++)
    given += quota[k] = (uint32_t)((uint64_t)n * d->class_count[k] / info->count);
  while (given < n) { /* fewer than there are classes */
    uint32_t best = 0;
    double most = -1;
    for (uint32_t k = 0; k < info->classes; k++) {
      double rest = (double)n * d->class_count[k] / info->count - quota[k];
      if (rest > most) {
        most = rest;
        best = k;
      }
    }
    quota[best]++;
    given++;
  }
}

void lp_dataset_selection(const lp_dataset *d, uint32_t n, uint32_t *index) {
  const lp_dataset_info *info = &d->info;
  const uint32_t classes = info->classes;
  uint32_t *seen = info->by_class || n == info->count ? NULL : calloc(2 * classes, sizeof *seen);
  if (info->by_class || !seen || first_show_all(d, n, seen)) {
    for (uint32_t i = 0; i < n; i++)
      index[i] = info->by_class ? (uint32_t)((uint64_t)i * info->count / n) : i;
    free(seen);
    return;
  }
  /* Sample j of a class is taken where j x quota / count steps on to the next whole number. */
  uint32_t *quota = seen + classes;
  shares(d, n, quota);
  memset(seen, 0, classes * sizeof *seen);
  for (uint32_t i = 0, taken = 0; i < info->count && taken < n; i++) {
    const uint32_t k = d->label(d, i);
    const uint64_t j = seen[k]++, q = quota[k], all = d->class_count[k];
    if ((j + 1) * q / all > j * q / all) index[taken++] = i;
  }
  free(seen);
}

lp_status lp_dataset_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                           uint32_t epoch, uint8_t *images, int32_t *labels) {
  for (uint32_t i = 0; i < n; i++)
    if (index[i] >= d->info.count)
      return lp_fail(LP_ERR_ARG, "sample %" PRIu32 " of %s, which has %" PRIu32, index[i],
                     d->info.name, d->info.count);
  lp_status s = d->batch(d, index, n, seed, epoch, images, labels);
  for (uint32_t i = 0; s == LP_OK && d->relabel && i < n; i++) labels[i] = d->relabel[labels[i]];
  return s;
}
