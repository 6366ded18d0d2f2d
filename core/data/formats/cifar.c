/* "cifar10:DIR": CIFAR-10 in its binary form, held in memory. A record is a label and 3 x 32 x 32
 * bytes, red first. */
#include "../dataset.h"

#include <inttypes.h>
#include <locality/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, TRAIN_FILES = 5, FILES = 6 };

static const char *const file_name[FILES] = {"data_batch_1.bin", "data_batch_2.bin",
                                             "data_batch_3.bin", "data_batch_4.bin",
                                             "data_batch_5.bin", "test_batch.bin"};
static const char *const class_name[10] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                           "dog",      "frog",       "horse", "ship", "truck"};

typedef struct cifar_file {
  char *path;
  uint8_t *record;
  uint32_t n;
  char sha256[65];
} cifar_file;

typedef struct cifar_set {
  lp_dataset base;
  cifar_file part[TRAIN_FILES];
  uint32_t parts;
  char *name, *source;
  const char *file[TRAIN_FILES], *sha256[TRAIN_FILES];
} cifar_set;

/* Counts of the 256 values of each channel. */
typedef uint64_t histogram[3][256];

static void file_free(cifar_file *f) {
  free(f->path);
  free(f->record);
  *f = (cifar_file){0};
}

static void cifar_close(lp_dataset *d) {
  cifar_set *c = (cifar_set *)d;
  for (int i = 0; i < TRAIN_FILES; i++) file_free(&c->part[i]);
  lp_dataset_free_common(d);
  free(c->name);
  free(c->source);
  free(c);
}

static const uint8_t *record_of(const cifar_set *c, uint32_t k) {
  uint32_t part = 0;
  while (k >= c->part[part].n) k -= c->part[part++].n;
  return c->part[part].record + (size_t)k * RECORD;
}

static uint32_t cifar_label(const lp_dataset *d, uint32_t i) {
  return record_of((const cifar_set *)d, i)[0];
}

static lp_status cifar_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                             uint32_t epoch, uint8_t *images, int32_t *labels) {
  (void)seed; /* nothing is augmented */
  (void)epoch;
  const cifar_set *c = (const cifar_set *)d;
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t *record = record_of(c, index[i]);
    labels[i] = record[0];
    memcpy(images + (size_t)i * (RECORD - 1), record + 1, RECORD - 1);
  }
  return LP_OK;
}

static lp_status file_read(const char *dir, const char *name, cifar_file *f) {
  f->path = lp_path_join(dir, name);
  if (!f->path) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", dir);
  void *bytes = NULL;
  size_t n = 0;
  lp_status s = lp_read_file(f->path, &bytes, &n);
  f->record = bytes;
  if (s != LP_OK) return s;
  if (n == 0 || n % RECORD != 0 || n / RECORD > 1 << 24)
    return lp_fail(LP_ERR_FORMAT, "%s: %zu bytes, expected a multiple of %d: an image each",
                   f->path, n, RECORD);
  f->n = (uint32_t)(n / RECORD);
  for (uint32_t i = 0; i < f->n; i++)
    if (f->record[(size_t)i * RECORD] > 9)
      return lp_fail(LP_ERR_FORMAT, "%s: label %u of image %" PRIu32 ", expected 0 to 9", f->path,
                     f->record[(size_t)i * RECORD], i);
  return lp_sha256(f->record, n, f->sha256);
}

static void count_values(const cifar_file *f, histogram h) {
  for (uint32_t i = 0; i < f->n; i++) {
    const uint8_t *p = f->record + (size_t)i * RECORD + 1;
    for (int c = 0; c < 3; c++)
      for (int k = 0; k < PLANE; k++) h[c][*p++]++;
  }
}

static void statistics(histogram h, float mean[3], float sd[3]) {
  for (int c = 0; c < 3; c++) {
    double n = 0, sum = 0, square = 0;
    for (int v = 0; v < 256; v++) {
      n += (double)h[c][v];
      sum += (double)h[c][v] * v;
    }
    for (int v = 0; v < 256; v++) square += (double)h[c][v] * (v - sum / n) * (v - sum / n);
    mean[c] = (float)(sum / n / 255);
    sd[c] = square > 0 ? (float)(sqrt(square / n) / 255) : 1;
  }
}

/* The training files give mean and deviation for both splits. */
static lp_status read_files(cifar_set *c, const char *dir, lp_split split, histogram h) {
  lp_status s = LP_OK;
  for (int i = 0; i < TRAIN_FILES && s == LP_OK; i++) {
    cifar_file f = {0};
    s = file_read(dir, file_name[i], &f);
    if (s == LP_OK) count_values(&f, h);
    if (s == LP_OK && split == LP_SPLIT_TRAIN)
      c->part[c->parts++] = f;
    else
      file_free(&f);
  }
  if (s == LP_OK && split == LP_SPLIT_TEST) {
    s = file_read(dir, file_name[FILES - 1], &c->part[0]);
    c->parts = 1;
  }
  return s;
}

static lp_status fill_info(cifar_set *c, const char *spec, const char *dir, histogram h) {
  c->base.batch = cifar_batch;
  c->base.label = cifar_label;
  c->base.close = cifar_close;
  c->name = strdup(spec);
  c->source = strdup(dir);
  if (!c->name || !c->source) return lp_fail(LP_ERR_MEMORY, "out of memory opening %s", spec);
  lp_dataset_info *info = &c->base.info;
  *info = (lp_dataset_info){.name = c->name,
                            .channels = 3,
                            .height = SIDE,
                            .width = SIDE,
                            .classes = 10,
                            .class_names = class_name,
                            .source = c->source,
                            .file = c->file,
                            .sha256 = c->sha256,
                            .n_files = c->parts};
  statistics(h, info->mean, info->sd);
  for (uint32_t i = 0; i < c->parts; i++) {
    info->count += c->part[i].n;
    c->file[i] = c->part[i].path;
    c->sha256[i] = c->part[i].sha256;
  }
  return LP_OK;
}

static bool is_there(const char *dir, const char *name) {
  struct stat st;
  char *path = lp_path_join(dir, name);
  bool there = path && stat(path, &st) == 0;
  free(path);
  return there;
}

/* What the place holds instead of the binary version, or NULL. */
static const char *other_download(const char *dir) {
  static const struct {
    const char *file, *what;
  } sign[] = {{"data_batch_1", "the Python version of CIFAR-10"},
              {"cifar-10-batches-py", "the Python version of CIFAR-10"},
              {"data_batch_1.mat", "the Matlab version of CIFAR-10"},
              {"cifar-10-batches-mat", "the Matlab version of CIFAR-10"},
              {"train.bin", "CIFAR-100"},
              {"cifar-100-binary", "CIFAR-100"},
              {"cifar-100-python", "CIFAR-100"},
              {"cifar-10-binary.tar.gz", "an archive that is not unpacked"},
              {"cifar-10-python.tar.gz", "the Python version of CIFAR-10"}};
  struct stat st;
  if (stat(dir, &st) != 0) return NULL;
  if (!S_ISDIR(st.st_mode)) return "a file, not the folder that the archive unpacks into";
  if (is_there(dir, file_name[0])) return NULL;
  for (size_t i = 0; i < sizeof sign / sizeof *sign; i++)
    if (is_there(dir, sign[i].file)) return sign[i].what;
  return NULL;
}

/* Says which download is needed where another one is. */
static lp_status explain(lp_status s, const char *dir) {
  const char *what = other_download(dir);
  if (!what || s == LP_ERR_MEMORY) return s;
  return lp_fail(s,
                 "%s is %s; cifar10: reads the binary version of CIFAR-10, unpacked: "
                 "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
                 dir, what);
}

lp_status lp_cifar_open(const char *spec, const char *rest, lp_split split,
                        const lp_image_defaults *usual, lp_dataset **out) {
  (void)usual;
  /* The folder itself, or the one that the published archive unpacks into. */
  char *inner = lp_path_join(rest, "cifar-10-batches-bin");
  cifar_set *c = calloc(1, sizeof *c);
  if (!inner || !c) {
    free(inner);
    free(c);
    return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  }
  struct stat st;
  const char *dir = stat(inner, &st) == 0 && S_ISDIR(st.st_mode) ? inner : rest;
  histogram h = {{0}};
  lp_status s = read_files(c, dir, split, h);
  if (s != LP_OK) s = explain(s, dir);
  if (s == LP_OK) s = fill_info(c, spec, dir, h);
  free(inner);
  if (s == LP_OK)
    *out = &c->base;
  else
    cifar_close(&c->base);
  return s;
}
