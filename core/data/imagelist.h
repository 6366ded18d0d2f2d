/* imagelist.h: the image files of a folder or a tar archive in torchvision's ImageFolder layout: a
 * sub-folder for every class, whose number is its place in the sorted names. */
#ifndef LOCALITY_DATA_IMAGELIST_H
#define LOCALITY_DATA_IMAGELIST_H

#include <locality/data.h>

typedef struct image_item {
  size_t name; /* in the list's text: path below the root */
  uint64_t size;
  uint64_t offset; /* in an archive that is not compressed */
  uint8_t *data;   /* content, from a compressed archive; else NULL */
  uint32_t label;
} image_item;

typedef struct image_list {
  char *root; /* the folder or archive */
  int fd;     /* the archive; -1 for a folder */
  bool strict;
  char *text; /* all names, each with its NUL */
  size_t text_used, text_cap;
  image_item *item; /* sorted by class, folder and name */
  uint32_t n, cap;
  size_t *folder; /* names of folders, which may be without images */
  uint32_t n_folders, folder_cap;
  uint32_t ignored; /* files that by name are no images */
  char **class_name;
  uint32_t classes;
} image_list;

/* Lists the images of a split. `path` holds train/ and val/ (a missing one is replaced by the
 * other) or the classes themselves, for both splits. strict: what would be a warning is an error.
 * Free the list also on failure. */
lp_status image_list_read(image_list *l, const char *path, lp_split split, bool strict);
void image_list_free(image_list *l);

/* Reads a whole file. malloc'ed. LP_ERR_FORMAT and LP_ERR_IO: it cannot be read. */
lp_status image_list_load(const image_list *l, uint32_t i, uint8_t **bytes, size_t *n);
/* The item's path as one line, in one of a few buffers of this thread. */
const char *image_list_name(const image_list *l, uint32_t i);

/* ---- between the files that fill a list ---- */

lp_status image_list_folder(image_list *l, const char *dir, lp_split split);
lp_status image_list_archive(image_list *l, const char *file);

lp_status image_list_add(image_list *l, const char *name, image_item item);
lp_status image_list_add_folder(image_list *l, const char *name);
/* By its extension, one of torchvision's. */
bool image_list_is_image(const char *name);
/* A fault that need not stop the work: a warning and LP_OK, an error in a strict list. */
lp_status image_list_fault(const image_list *l, const char *fmt, ...) LP_PRINTF(2, 3);
/* Control characters as \xNN, in one of a few buffers of this thread. */
const char *image_list_printable(const char *name);
/* "train", "val", or "" for a folder that has neither. */
const char *image_list_split(bool train, bool val, lp_split split);

#endif
