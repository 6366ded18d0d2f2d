/* Raw or gzip input. zlib's own file interface accepts a file that lacks its last bytes; this one
 * demands the complete trailer and nothing after it. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static lp_status read_some(stream *s, void *dst, size_t n, size_t *got) {
  ssize_t k;
  do k = read(s->fd, dst, n);
  while (k < 0 && errno == EINTR);
  if (k < 0) return lp_fail(LP_ERR_IO, "cannot read %s: %s", s->path, strerror(errno));
  *got = (size_t)k;
  return LP_OK;
}

lp_status lp_stream_open(stream *s, const char *path) {
  memset(s, 0, sizeof *s);
  s->path = path;
  s->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (s->fd < 0) return lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));
  struct stat st;
  unsigned char magic[2];
  lp_status status = LP_OK;
  if (fstat(s->fd, &st) != 0)
    status = lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
  else if (!S_ISREG(st.st_mode))
    status = lp_fail(LP_ERR_IO, "cannot read %s: not a regular file", path);
  else {
    s->size = (uint64_t)st.st_size;
    s->gzip = pread(s->fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    /* 16: gzip with its trailer checked. */
    if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK)
      status = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  }
  if (status != LP_OK) close(s->fd);
  return status;
}

void lp_stream_close(stream *s) {
  if (s->gzip) inflateEnd(&s->z);
  close(s->fd);
}

static lp_status after_end(stream *s) {
  size_t more = s->z.avail_in;
  char byte;
  if (more == 0) {
    lp_status status = read_some(s, &byte, 1, &more);
    if (status != LP_OK) return status;
  }
  return more ? lp_fail(LP_ERR_FORMAT, "%s: bytes follow the end of the gzip data", s->path)
              : LP_OK;
}

static lp_status inflate_some(stream *s, void *dst, size_t n, size_t *got) {
  *got = 0;
  if (s->ended) return LP_OK;
  if (s->z.avail_in == 0) {
    size_t k = 0;
    lp_status status = read_some(s, s->in, sizeof s->in, &k);
    if (status != LP_OK) return status;
    if (k == 0)
      return lp_fail(LP_ERR_FORMAT,
                     "%s: gzip data ends after %lu bytes, expected its end mark and checksum "
                     "(truncated)",
                     s->path, s->z.total_in);
    s->z.next_in = s->in;
    s->z.avail_in = (uInt)k;
  }
  uInt room = n > 1 << 30 ? 1u << 30 : (uInt)n;
  s->z.next_out = dst;
  s->z.avail_out = room;
  int r = inflate(&s->z, Z_NO_FLUSH);
  *got = room - s->z.avail_out;
  if (r == Z_STREAM_END) {
    s->ended = true;
    return after_end(s);
  }
  if (r == Z_OK || r == Z_BUF_ERROR) return LP_OK;
  if (r == Z_MEM_ERROR) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", s->path);
  return lp_fail(LP_ERR_FORMAT, "%s: damaged gzip data after %lu bytes: %s", s->path, s->z.total_in,
                 s->z.msg ? s->z.msg : "unknown cause");
}

lp_status lp_stream_read(stream *s, void *dst, size_t n, size_t *got) {
  *got = 0;
  while (*got < n) {
    size_t k = 0;
    lp_status status = s->gzip ? inflate_some(s, (char *)dst + *got, n - *got, &k)
                               : read_some(s, (char *)dst + *got, n - *got, &k);
    if (status != LP_OK) return status;
    *got += k;
    if (s->gzip ? s->ended : k == 0) break;
  }
  return LP_OK;
}
