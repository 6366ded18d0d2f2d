/* "idx:DIR": a folder with the four files of an MNIST-like data set. */
#include "../dataset.h"

#include "../../base/text.h"

#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const lp_idx_name[IDX_FILES] = {
    [IDX_FILE(LP_SPLIT_TRAIN, IDX_IMAGES)] = "train-images-idx3-ubyte",
    [IDX_FILE(LP_SPLIT_TRAIN, IDX_LABELS)] = "train-labels-idx1-ubyte",
    [IDX_FILE(LP_SPLIT_TEST, IDX_IMAGES)] = "t10k-images-idx3-ubyte",
    [IDX_FILE(LP_SPLIT_TEST, IDX_LABELS)] = "t10k-labels-idx1-ubyte",
};

/* Variant 0..3 of a name: dash or dot before "idx", without or with .gz. */
static void variant(const char *name, int v, char out[64]) {
  snprintf(out, 64, "%s%s", name, v & 1 ? ".gz" : "");
  char *idx = strstr(out, "-idx");
  if (v & 2 && idx) *idx = '.';
}

lp_status lp_idx_read_from(const char *dir, unsigned i, idx_file *out) {
  memset(out, 0, sizeof *out);
  struct stat st;
  if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
    return lp_fail(LP_ERR_NOT_FOUND, "no folder %s", dir);
  char folder[64] = ""; /* Kaggle's archives unpack every file into a folder of its name */
  for (int v = 0; v < 4; v++) {
    char name[64];
    variant(lp_idx_name[i], v, name);
    char *path = lp_path_join(dir, name);
    if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", dir);
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) {
      snprintf(folder, sizeof folder, "%s", name);
      there = false;
    }
    lp_status s = there ? lp_idx_read(path, i % 2 == IDX_IMAGES ? 3 : 1, out) : LP_OK;
    free(path);
    if (there) return s;
  }
  if (*folder)
    return lp_fail(LP_ERR_NOT_FOUND, "%s: %s is a folder, expected a file: move what is in it here",
                   dir, folder);
  char dotted[64];
  variant(lp_idx_name[i], 2, dotted);
  return lp_fail(LP_ERR_NOT_FOUND, "%s: no file %s or %s, raw or .gz", dir, lp_idx_name[i], dotted);
}

/* Splits "DIR,classes=47"; a folder's name may hold commas. */
static lp_status parse(const char *spec, const char *rest, char **dir, uint32_t *classes) {
  const char *option = strrchr(rest, ',');
  *classes = 10;
  if (option && strncmp(option, ",classes=", 9) == 0) {
    uint64_t n;
    if (!lp_whole(option + 9, 1, 256, &n))
      return lp_fail(LP_ERR_ARG, "data set '%s': classes=%s, expected 1 to 256", spec, option + 9);
    *classes = (uint32_t)n;
    *dir = strndup(rest, (size_t)(option - rest));
  } else {
    *dir = strdup(rest);
  }
  return *dir ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
}

/* The training images give mean and standard deviation, and the size that the test images must
 * have. */
static lp_status training_stats(const char *dir, const idx_file *images, lp_split split,
                                double stats[2]) {
  if (split == LP_SPLIT_TRAIN) {
    lp_memory_stats(images, stats);
    return LP_OK;
  }
  idx_file train;
  lp_status s = lp_idx_read_from(dir, IDX_FILE(LP_SPLIT_TRAIN, IDX_IMAGES), &train);
  if (s != LP_OK) return s;
  if (images->dim[1] != train.dim[1] || images->dim[2] != train.dim[2])
    s = lp_fail(
        LP_ERR_FORMAT,
        "%s: images of %" PRIu32 " x %" PRIu32 ", expected %" PRIu32 " x %" PRIu32 " as in %s",
        images->path, images->dim[1], images->dim[2], train.dim[1], train.dim[2], train.path);
  lp_memory_stats(&train, stats);
  lp_idx_free(&train);
  return s;
}

lp_status lp_idxfolder_open(const char *spec, const char *rest, lp_split split,
                            const lp_image_defaults *usual, lp_dataset **out) {
  (void)usual;
  char *dir = NULL;
  uint32_t classes;
  lp_status s = parse(spec, rest, &dir, &classes);
  if (s != LP_OK) return s;
  idx_file images = {0}, labels = {0};
  double stats[2];
  s = lp_idx_read_from(dir, IDX_FILE(split, IDX_IMAGES), &images);
  if (s == LP_OK) s = lp_idx_read_from(dir, IDX_FILE(split, IDX_LABELS), &labels);
  if (s == LP_OK) s = training_stats(dir, &images, split, stats);
  if (s == LP_OK) {
    memory_spec m = {.name = spec, .source = dir, .classes = classes};
    s = lp_memory_open(&m, &images, &labels, stats, out);
  }
  lp_idx_free(&images);
  lp_idx_free(&labels);
  free(dir);
  return s;
}
