/* dataset.h: what the kinds of data sets share: the table of loaders and images in memory. */
#ifndef LOCALITY_DATA_DATASET_H
#define LOCALITY_DATA_DATASET_H

#include "formats/idx.h"
#include <locality/data.h>

/* Every kind starts its own struct with this one. */
struct lp_dataset {
  lp_dataset_info info;
  lp_data_note *note;
  uint32_t n_notes;
  uint32_t *class_count; /* samples of each class */
  int32_t *relabel;      /* the label that each of the files' classes gets; NULL: its own */
  bool is_training;      /* a test set of training images, of which a note tells */
  char *fitting;         /* where one class alone is found: what to name instead; may be NULL */
  /* The indices have been checked. */
  lp_status (*batch)(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                     uint32_t epoch, uint8_t *images, int32_t *labels);
  void (*close)(lp_dataset *d);
  uint32_t (*label)(const lp_dataset *d, uint32_t i); /* sample i's class in the files */
  /* Images found broken so far; may be NULL. */
  uint32_t (*broken)(const lp_dataset *d);
  /* Notes about what was found in reading; may be NULL. */
  lp_status (*note_broken)(lp_dataset *d);
  bool decodes; /* a batch takes work worth a thread */
};

/* Frees what opening and notes have put into the base; every close calls it. */
void lp_dataset_free_common(lp_dataset *d);
/* Adds a note to the data set, unless it has the same one; a warning is logged as well. */
lp_status lp_dataset_add_note(lp_dataset *d, bool warning, const char *text);
lp_status lp_dataset_add_notef(lp_dataset *d, bool warning, const char *fmt, ...) LP_PRINTF(3, 4);

/* Names classes that a reader may take for one, as a warning. */
lp_status lp_dataset_note_alike(lp_dataset *d);

/* A kind of spec: "NAME" or "NAME:REST", where REST stands for what the user gives ("idx:DIR"). */
typedef struct data_loader {
  const char *spec, *summary;
  bool options; /* "NAME:KEY=VALUE,..." is understood as well */
  /* spec: the user's, whole; rest: what follows its colon, "" when there is none. */
  lp_status (*open)(const char *spec, const char *rest, lp_split split,
                    const lp_image_defaults *usual, lp_dataset **out);
} data_loader;

lp_status lp_idxfolder_open(const char *spec, const char *rest, lp_split split,
                            const lp_image_defaults *usual, lp_dataset **out);
lp_status lp_known_open(const char *spec, const char *rest, lp_split split,
                        const lp_image_defaults *usual, lp_dataset **out);
lp_status lp_cifar_open(const char *spec, const char *rest, lp_split split,
                        const lp_image_defaults *usual, lp_dataset **out);
lp_status lp_onechoice_open(const char *spec, const char *rest, lp_split split,
                            const lp_image_defaults *usual, lp_dataset **out);
lp_status lp_imagefolder_open(const char *spec, const char *rest, lp_split split,
                              const lp_image_defaults *usual, lp_dataset **out);

/* The four files of an MNIST-like data set: IDX_FILE(split, IDX_LABELS). */
enum { IDX_IMAGES = 0, IDX_LABELS = 1, IDX_FILES = 4 };
#define IDX_FILE(split, part) (2 * (unsigned)(split) + (part))
extern const char *const lp_idx_name[IDX_FILES]; /* "train-images-idx3-ubyte" */

/* Reads file i of a folder: raw or .gz, with a dash or a dot before "idx". */
lp_status lp_idx_read_from(const char *dir, unsigned i, idx_file *out);

/* Deletes a folder with all that is in it; a failure is a warning. */
void lp_data_remove_tree(const char *dir);

/* How an MNIST-like data set is to be made. */
typedef struct memory_spec {
  const char *name, *source;
  uint32_t classes;
  const char *const *class_names; /* classes of them, static; NULL: their numbers */
} memory_spec;

/* A data set of images in memory; takes the files over, also on failure. `stats` gives mean and
 * standard deviation (0..1). */
lp_status lp_memory_open(const memory_spec *spec, idx_file *images, idx_file *labels,
                         const double stats[2], lp_dataset **out);

/* Mean and standard deviation of all pixels over 255. */
void lp_memory_stats(const idx_file *images, double stats[2]);

#endif
