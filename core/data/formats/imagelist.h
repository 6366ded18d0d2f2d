/* imagelist.h: the image files of a folder or a tar archive in torchvision's ImageFolder layout: a
 * sub-folder for every class, whose number is its place in the sorted names. */
#ifndef LOCALITY_DATA_IMAGELIST_H
#define LOCALITY_DATA_IMAGELIST_H

#include "../dataset.h"

typedef struct image_item {
  size_t name; /* in the list's text: path below the root */
  uint64_t size;
  uint64_t offset;    /* in an archive that is not compressed */
  uint8_t *data;      /* content, from a compressed archive; else NULL */
  const char *format; /* by its name one that is not read; else NULL */
  uint32_t label;
} image_item;

/* A file that says what class the images beside it are of, as Tiny ImageNet has one. */
typedef struct image_labels {
  char *name; /* path below the root */
  char *text;
} image_labels;

enum { MAX_LABEL_FILES = 4 };

typedef struct image_list {
  char *root; /* the folder or archive */
  int fd;     /* the archive; -1 for a folder */
  bool strict;
  lp_dataset *noted; /* whose notes tell what is wrong and what is left out */
  char *text;        /* all names, each with its NUL */
  size_t text_used, text_cap;
  image_item *item; /* sorted by class, folder and name */
  uint32_t n, cap;
  size_t *folder; /* names of folders, which may be without images */
  uint32_t n_folders, folder_cap;
  image_labels labels[MAX_LABEL_FILES];
  uint32_t n_labels;
  uint32_t ignored; /* files that by name are no images, or in no class */
  uint32_t system;  /* files and folders that belong to systems and programs */
  char *level;      /* where below `path` the classes or splits lie; "": right there */
  char *part[2];    /* folders of training and test images below it; "": the classes are there */
  char **class_name;
  uint32_t classes;
} image_list;

/* Lists the images of a split. `path` holds folders for training and test (lp_image_name_role; a
 * missing one is replaced by the other) or the classes themselves, for both splits; a single folder
 * around them is entered. strict: what would be a warning is an error. Free the list also on
 * failure. */
lp_status lp_image_list_read(image_list *l, const char *path, lp_split split, bool strict,
                             lp_dataset *noted);
void lp_image_list_free(image_list *l);

/* Reads a whole file. malloc'ed. LP_ERR_FORMAT and LP_ERR_IO: it cannot be read. */
lp_status lp_image_list_load(const image_list *l, uint32_t i, uint8_t **bytes, size_t *n);
/* The item's path as one line, in one of a few buffers of this thread. */
const char *lp_image_list_name(const image_list *l, uint32_t i);

/* ---- what names tell (imagenames.c) ---- */

/* Does it belong to a system or a program: hidden, __MACOSX, Thumbs.db, ...? */
bool lp_image_name_left_out(const char *leaf);
bool lp_image_path_left_out(const char *path); /* any part of it */

typedef enum image_role { ROLE_NONE, ROLE_TRAIN, ROLE_VAL, ROLE_TEST } image_role;
image_role lp_image_name_role(const char *folder);

/* By its extension, one of torchvision's or a like one; *format is NULL for JPEG and PNG. */
bool lp_image_list_is_image(const char *name, const char **format);
/* A format that is not read, by the first bytes; NULL: unknown. */
const char *lp_image_content_format(const uint8_t *bytes, size_t n);

/* ---- between the files that fill a list ---- */

/* The entries of a folder: what its sub-folders are called, and how many files are images. */
typedef struct image_children {
  char **folder;
  uint32_t n, cap, images, system;
  bool labels; /* has a file that says the classes of images */
} image_children;

/* dir: below the root, "" for the root itself. A folder that cannot be read has no children. */
lp_status lp_image_list_peek(const image_list *l, const char *dir, image_children *out);
lp_status lp_image_children_add(image_children *c, const char *name, size_t n);
bool lp_image_children_has(const image_children *c, const char *name);
void lp_image_children_free(image_children *c);
lp_status lp_image_list_peek_folder(const image_list *l, const char *dir, image_children *out);

/* Lists the parts of a folder, of `wanted` all, of the other the folders. */
lp_status lp_image_list_folder(image_list *l, const char *wanted);
lp_status lp_image_list_archive(image_list *l, const char *file);
/* Finds the level of the classes or splits, and the parts. */
lp_status lp_image_layout_find(image_list *l, lp_split split);
/* Numbers the classes, keeps the split's images with their labels, and notes what is amiss. */
lp_status lp_image_layout_apply(image_list *l, lp_split split);
extern const char lp_image_label_file[]; /* "val_annotations.txt" */

lp_status lp_image_list_add(image_list *l, const char *name, image_item item);
lp_status lp_image_list_add_folder(image_list *l, const char *name);
lp_status lp_image_list_add_labels(image_list *l, const char *name, const void *text, size_t n);
/* A fault that need not stop the work: a warning and LP_OK, an error in a strict list. */
lp_status lp_image_list_fault(const image_list *l, const char *fmt, ...) LP_PRINTF(2, 3);
lp_status lp_image_list_out_of_memory(const image_list *l);
/* One line of UTF-8, in one of a few buffers of this thread. */
const char *lp_image_list_printable(const char *name);
/* What follows folder `dir` in a path; NULL when the path is not in it. dir "": the path. */
const char *lp_image_path_below(const char *path, const char *dir);

#endif
