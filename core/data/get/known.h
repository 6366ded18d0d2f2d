/* known.h: the data sets that this library knows by name, and where they come from. */
#ifndef LOCALITY_DATA_KNOWN_H
#define LOCALITY_DATA_KNOWN_H

#include "../dataset.h"

typedef struct known_set {
  const char *name;
  const char *source_variable; /* environment: a folder or a URL instead of the usual source */
  const char *npm_package;     /* the usual source: a package of npm, with its version, ... */
  const char *npm_folder;      /* ... and the folder in it that has the four files */
  const char *debian_package;  /* or a package of Debian ... */
  const char *debian_folder;   /* ... and the folder that it installs */
  double mean, sd;             /* published; sd 0: from the training images */
  const char *const *class_names;
  uint32_t classes;
  const char *sha256[IDX_FILES]; /* of the uncompressed files */
} known_set;

const known_set *lp_known_find(const char *name); /* or NULL */
/* Fails when a file's content is not the one that is known. */
lp_status lp_known_check(const known_set *k, unsigned i, const char *path, const char *sha256);
/* The folder in the cache. */
lp_status lp_known_folder(const known_set *k, char *out, size_t cap);

#endif
