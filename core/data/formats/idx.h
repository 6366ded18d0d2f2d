/* idx.h: files in the IDX format of MNIST, raw or gzip. */
#ifndef LOCALITY_DATA_IDX_H
#define LOCALITY_DATA_IDX_H

#include <locality/status.h>
#include <stddef.h>
#include <stdint.h>

#define IDX_MAX_DIMS 3

typedef struct idx_file {
  char *path;
  uint8_t *bytes; /* the uncompressed file: header and data */
  size_t size;
  const uint8_t *data; /* in bytes */
  uint32_t dim[IDX_MAX_DIMS];
  char sha256[65]; /* of bytes */
} idx_file;

/* Reads a file of unsigned bytes with ndim dimensions, all at least 1. */
lp_status lp_idx_read(const char *path, uint32_t ndim, idx_file *out);
void lp_idx_free(idx_file *f);

#endif
