/* Atomic replacement of a file: temporary name, fsync, rename, fsync of the folder. */
#include "atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <locality/io.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_uint next_temp;

static void io_atomic_free(io_atomic *a) {
  free(a->path);
  free(a->temp);
  *a = (io_atomic){-1, NULL, NULL};
}

void io_atomic_abort(io_atomic *a) {
  if (a->fd >= 0) close(a->fd);
  if (a->temp) unlink(a->temp);
  io_atomic_free(a);
}

static lp_status fail(io_atomic *a, const char *what, int error) {
  lp_status s = lp_fail(LP_ERR_IO, "cannot %s %s: %s", what, a->path, strerror(error));
  io_atomic_abort(a);
  return s;
}

/* A link is followed, so that it stays a link; devices, pipes and folders are refused, because a
 * rename would replace them. */
static lp_status resolve(io_atomic *a, const char *path) {
  struct stat st;
  if (stat(path, &st) != 0) {
    a->path = strdup(path);
  } else if (!S_ISREG(st.st_mode)) {
    return lp_fail(LP_ERR_IO, "cannot write %s: it is %s", path,
                   S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
  } else {
    a->path = realpath(path, NULL);
    if (!a->path && errno != ENOMEM)
      return lp_fail(LP_ERR_IO, "cannot write %s: %s", path, strerror(errno));
  }
  return a->path ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
}

lp_status io_atomic_open(io_atomic *a, const char *path) {
  *a = (io_atomic){-1, NULL, NULL};
  if (!path || !*path) return lp_fail(LP_ERR_ARG, "cannot write a file without a name");
  lp_status s = resolve(a, path);
  if (s != LP_OK) return s;
  const char *slash = strrchr(a->path, '/');
  int folder = slash ? (int)(slash - a->path) + 1 : 0;
  do {
    free(a->temp);
    /* 180 bytes of the name: with the suffix still below the usual limit of 255. */
    if (asprintf(&a->temp, "%.*s.%.180s.%ld-%u.tmp", folder, a->path, a->path + folder,
                 (long)getpid(), atomic_fetch_add(&next_temp, 1)) < 0) {
      a->temp = NULL;
      io_atomic_free(a);
      return lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
    }
    a->fd = open(a->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (a->fd < 0 && errno == EEXIST);
  if (a->fd < 0) {
    int error = errno;
    free(a->temp); /* not ours to remove */
    a->temp = NULL;
    return fail(a, "create", error);
  }
  return LP_OK;
}

lp_status io_atomic_write(io_atomic *a, const void *data, size_t n) {
  const char *p = data;
  while (n > 0) {
    ssize_t k = write(a->fd, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return fail(a, "write", errno);
    p += k;
    n -= (size_t)k;
  }
  return LP_OK;
}

/* Makes the rename durable. File systems that cannot sync a folder say EINVAL; that is no loss of
 * ours. */
static lp_status sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  if (!folder) return lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
  lp_status s = LP_OK;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* A folder may be writable but not readable: then its sync is the system's business. */
  if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
    s = lp_fail(LP_ERR_IO, "cannot sync folder %s: %s", folder, strerror(errno));
  if (fd >= 0) close(fd);
  free(folder);
  return s;
}

lp_status io_atomic_commit(io_atomic *a) {
  if (fsync(a->fd) != 0 && errno != EINVAL) return fail(a, "write", errno);
  int closed = close(a->fd);
  a->fd = -1;
  if (closed != 0) return fail(a, "write", errno);
  if (rename(a->temp, a->path) != 0) return fail(a, "replace", errno);
  lp_status s = sync_folder(a->path);
  io_atomic_free(a);
  return s;
}

lp_status lp_write_file(const char *path, const void *data, size_t n) {
  io_atomic a;
  lp_status s = io_atomic_open(&a, path);
  if (s == LP_OK) s = io_atomic_write(&a, data, n);
  return s == LP_OK ? io_atomic_commit(&a) : s;
}
