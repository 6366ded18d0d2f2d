/* A data set whose images and labels are two IDX files held in memory. */
#include "dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct memory_set {
  lp_dataset base;
  idx_file images, labels;
  char *name, *source;
  const char *file[2], *sha256[2];
  const char **class_name; /* numbers, with their text behind the pointers; NULL when given */
} memory_set;

static void memory_close(lp_dataset *d) {
  memory_set *m = (memory_set *)d;
  lp_dataset_free_common(d);
  lp_idx_free(&m->images);
  lp_idx_free(&m->labels);
  free(m->name);
  free(m->source);
  free(m->class_name);
  free(m);
}

static lp_status memory_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                              uint32_t epoch, uint8_t *images, int32_t *labels) {
  (void)seed; /* nothing is augmented */
  (void)epoch;
  const memory_set *m = (const memory_set *)d;
  size_t size = (size_t)m->images.dim[1] * m->images.dim[2];
  for (uint32_t i = 0; i < n; i++) {
    memcpy(images + i * size, m->images.data + index[i] * size, size);
    labels[i] = m->labels.data[index[i]];
  }
  return LP_OK;
}

static uint32_t memory_label(const lp_dataset *d, uint32_t i) {
  return ((const memory_set *)d)->labels.data[i];
}

/* From the exact counts of the 256 grey values. */
void lp_memory_stats(const idx_file *images, double stats[2]) {
  uint64_t count[256] = {0};
  size_t n = (size_t)images->dim[0] * images->dim[1] * images->dim[2];
  for (size_t i = 0; i < n; i++) count[images->data[i]]++;
  double mean = 0, square = 0;
  for (int v = 0; v < 256; v++) mean += (double)count[v] * v;
  mean /= (double)n;
  for (int v = 0; v < 256; v++) square += (double)count[v] * (v - mean) * (v - mean);
  stats[0] = mean / 255;
  stats[1] = sqrt(square / (double)n) / 255;
}

static lp_status check(const memory_set *m, const memory_spec *spec) {
  const uint32_t classes = spec->classes;
  const idx_file *x = &m->images, *y = &m->labels;
  if (x->dim[0] != y->dim[0])
    return lp_fail(LP_ERR_FORMAT, "%s: %" PRIu32 " labels, expected %" PRIu32 ", the images in %s",
                   y->path, y->dim[0], x->dim[0], x->path);
  uint32_t most = 0, first = y->dim[0];
  for (uint32_t i = y->dim[0]; i-- > 0;) {
    if (y->data[i] >= classes) first = i;
    if (y->data[i] > most) most = y->data[i];
  }
  if (most < classes) return LP_OK;
  char hint[80] = "";
  if (!spec->class_names)
    snprintf(hint, sizeof hint, "; with %" PRIu32 " classes, write idx:DIR,classes=%" PRIu32,
             most + 1, most + 1);
  return lp_fail(LP_ERR_FORMAT, "%s: label %u of sample %" PRIu32 ", expected 0 to %" PRIu32 "%s",
                 y->path, y->data[first], first, classes - 1, hint);
}

static const char **number_names(uint32_t classes) {
  enum { WIDTH = 12 };
  const char **name = malloc(classes * (sizeof *name + WIDTH));
  char *text = (char *)(name + classes);
  for (uint32_t i = 0; name && i < classes; i++, text += WIDTH) {
    snprintf(text, WIDTH, "%" PRIu32, i);
    name[i] = text;
  }
  return name;
}

static lp_status fill_info(memory_set *m, const memory_spec *spec, const double stats[2]) {
  m->name = strdup(spec->name);
  m->source = strdup(spec->source);
  if (!spec->class_names) m->class_name = number_names(spec->classes);
  if (!m->name || !m->source || (!spec->class_names && !m->class_name))
    return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec->name);
  m->file[0] = m->images.path;
  m->file[1] = m->labels.path;
  m->sha256[0] = m->images.sha256;
  m->sha256[1] = m->labels.sha256;
  m->base.info = (lp_dataset_info){
      .name = m->name,
      .count = m->images.dim[0],
      .channels = 1,
      .height = m->images.dim[1],
      .width = m->images.dim[2],
      .classes = spec->classes,
      .class_names = spec->class_names ? spec->class_names : m->class_name,
      .mean = {(float)stats[0]},
      .sd = {stats[1] > 0 ? (float)stats[1] : 1}, /* images of one grey stay what they are */
      .source = m->source,
      .file = m->file,
      .sha256 = m->sha256,
      .n_files = 2,
      .numbered = !spec->class_names,
  };
  return LP_OK;
}

lp_status lp_memory_open(const memory_spec *spec, idx_file *images, idx_file *labels,
                         const double stats[2], lp_dataset **out) {
  memory_set *m = calloc(1, sizeof *m);
  if (!m) {
    lp_idx_free(images);
    lp_idx_free(labels);
    return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec->name);
  }
  m->images = *images;
  m->labels = *labels;
  *images = *labels = (idx_file){0};
  m->base.batch = memory_batch;
  m->base.label = memory_label;
  m->base.close = memory_close;
  lp_status s = check(m, spec);
  if (s == LP_OK) s = fill_info(m, spec, stats);
  if (s == LP_OK)
    *out = &m->base;
  else
    memory_close(&m->base);
  return s;
}
