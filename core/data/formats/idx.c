/* The IDX format: two zero bytes, a type, the number of dimensions, big-endian extents, data. The
 * header must agree with the file's size before memory is taken for the data, and no more than it
 * announces is ever inflated. */
#include "idx.h"
#include "stream.h"

#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDX_UBYTE = 8, HEADER_MAX = 4 + 4 * IDX_MAX_DIMS };

static uint32_t big_endian(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* "60000 x 28 x 28" */
static void extents(const uint32_t *dim, uint32_t ndim, char *out, size_t cap) {
  int n = 0;
  for (uint32_t i = 0; i < ndim; i++)
    n += snprintf(out + n, cap - (size_t)n, i ? " x %" PRIu32 : "%" PRIu32, dim[i]);
}

/* Does the announced size agree with the file's? A gzip file's content is known only once it is
 * inflated, but deflate never packs more than 1032 bytes into one. */
static lp_status check_size(const stream *s, const char *shape, uint64_t size) {
  if (s->gzip && size / 1032 > s->size)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: header announces %s = %" PRIu64 " bytes, more than a gzip file of %" PRIu64
                   " bytes can hold",
                   s->path, shape, size, s->size);
  if (!s->gzip && size != s->size)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: %" PRIu64 " bytes, expected %" PRIu64 " from its header (%s): %s", s->path,
                   s->size, size, shape, s->size < size ? "truncated" : "bytes follow the data");
  return LP_OK;
}

static lp_status read_header(stream *s, uint32_t ndim, uint8_t *head, uint32_t *dim,
                             uint64_t *size) {
  const uint32_t head_size = 4 + 4 * ndim, magic = IDX_UBYTE << 8 | ndim;
  size_t got;
  lp_status status = lp_stream_read(s, head, head_size, &got);
  if (status != LP_OK) return status;
  if (got >= 4 && big_endian(head) != magic)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: magic number 0x%08" PRIx32 ", expected 0x%08" PRIx32
                   " (unsigned bytes, %" PRIu32 " dimension%s)",
                   s->path, big_endian(head), magic, ndim, ndim == 1 ? "" : "s");
  if (got < head_size)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: %zu bytes, expected an IDX header of %" PRIu32 " (truncated)", s->path, got,
                   head_size);
  bool too_large = false, empty = false;
  uint64_t total = 1;
  for (uint32_t i = 0; i < ndim; i++) {
    dim[i] = big_endian(head + 4 + 4 * i);
    empty |= dim[i] == 0;
    too_large |= __builtin_mul_overflow(total, (uint64_t)dim[i], &total);
  }
  char shape[48];
  extents(dim, ndim, shape, sizeof shape);
  if (empty) return lp_fail(LP_ERR_FORMAT, "%s: extents %s, expected at least 1", s->path, shape);
  if (too_large || total > PTRDIFF_MAX - HEADER_MAX - 1)
    return lp_fail(LP_ERR_FORMAT, "%s: extents %s, more than memory can be", s->path, shape);
  *size = head_size + total;
  return check_size(s, shape, *size);
}

static lp_status read_stream(stream *s, uint32_t ndim, idx_file *f) {
  uint8_t head[HEADER_MAX];
  uint64_t size = 0;
  lp_status status = read_header(s, ndim, head, f->dim, &size);
  if (status != LP_OK) return status;
  f->size = (size_t)size;
  f->bytes = malloc(f->size);
  if (!f->bytes)
    return lp_fail(LP_ERR_MEMORY, "out of memory: %s takes %zu bytes", s->path, f->size);
  size_t head_size = 4 + 4 * ndim, got, more;
  memcpy(f->bytes, head, head_size);
  f->data = f->bytes + head_size;
  status = lp_stream_read(s, f->bytes + head_size, f->size - head_size, &got);
  if (status != LP_OK) return status;
  if (head_size + got != f->size)
    return lp_fail(LP_ERR_FORMAT, "%s: %zu bytes%s, expected %zu from its header (truncated)",
                   s->path, head_size + got, s->gzip ? " inflated" : "", f->size);
  /* One byte more must not be there; asking for it makes zlib check the trailer. */
  uint8_t extra;
  status = lp_stream_read(s, &extra, 1, &more);
  if (status == LP_OK && more)
    status = lp_fail(LP_ERR_FORMAT, "%s: %s more than the %zu bytes that its header announces",
                     s->path, s->gzip ? "inflates to" : "has", f->size);
  return status;
}

lp_status lp_idx_read(const char *path, uint32_t ndim, idx_file *out) {
  memset(out, 0, sizeof *out);
  stream *s = malloc(sizeof *s);
  out->path = strdup(path);
  if (!s || !out->path) {
    free(s);
    lp_idx_free(out);
    return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  }
  lp_status status = lp_stream_open(s, path);
  if (status == LP_OK) {
    status = read_stream(s, ndim, out);
    lp_stream_close(s);
  }
  free(s);
  if (status == LP_OK) status = lp_sha256(out->bytes, out->size, out->sha256);
  if (status != LP_OK) lp_idx_free(out);
  return status;
}

void lp_idx_free(idx_file *f) {
  free(f->path);
  free(f->bytes);
  memset(f, 0, sizeof *f);
}
