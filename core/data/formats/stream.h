/* stream.h: bytes of a file that may be compressed with gzip, told by its content. */
#ifndef LOCALITY_DATA_STREAM_H
#define LOCALITY_DATA_STREAM_H

#include <locality/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

typedef struct stream {
  const char *path;
  int fd;
  bool gzip, ended; /* ended: gzip's trailer was read and found right */
  uint64_t size;    /* of the file on disk */
  z_stream z;
  unsigned char in[1 << 16];
} stream;

lp_status lp_stream_open(stream *s, const char *path); /* path must outlive the stream */
/* Reads n bytes, or fewer where the file ends. */
lp_status lp_stream_read(stream *s, void *dst, size_t n, size_t *got);
void lp_stream_close(stream *s);

#endif
