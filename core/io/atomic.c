/* Atomic replacement of a file: temporary name, fsync, rename, fsync of the folder. The writer
 * holds a lock on its temporary file, so that one without a lock is known to be of a killed
 * program, whatever its process number is today. */
#include "atomic.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locality/io.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_uint next_temp;

static void io_atomic_free(io_atomic *a) {
  free(a->path);
  free(a->temp);
  *a = (io_atomic){-1, NULL, NULL};
}

void lp_io_atomic_abort(io_atomic *a) {
  if (a->fd >= 0) close(a->fd);
  if (a->temp) unlink(a->temp);
  io_atomic_free(a);
}

static lp_status fail(io_atomic *a, const char *what, int error) {
  lp_status s = lp_fail(LP_ERR_IO, "cannot %s %s: %s", what, a->path, strerror(error));
  lp_io_atomic_abort(a);
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

/* 180 bytes of the name: with the suffix still below the usual limit of 255. */
enum { NAME_BYTES = 180 };

/* NAME.PID-NUMBER.tmp: the process number in it; 0 for other names. */
static long temporary_of(const char *file, const char *name) {
  size_t n = strlen(file), wanted = strnlen(name, NAME_BYTES);
  if (n < 8 || strcmp(file + n - 4, ".tmp") != 0) return 0;
  const char *p = file + n - 4, *dash;
  while (p > file && isdigit((unsigned char)p[-1])) p--;
  if (p == file + n - 4 || p == file || p[-1] != '-') return 0;
  dash = --p;
  while (p > file && isdigit((unsigned char)p[-1])) p--;
  if (p == dash || p <= file + 1 || p[-1] != '.') return 0;
  if (wanted && ((size_t)(p - 1 - file) != wanted || strncmp(file, name, wanted) != 0)) return 0;
  return strtol(p, NULL, 10);
}

/* Takes the lock that a living writer holds. Where a file system has no locks, the process number
 * decides. */
static bool is_abandoned(int fd, long pid) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  return errno != EWOULDBLOCK && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

bool lp_folder_abandoned(const char *path, long pid) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  bool is = is_abandoned(fd, pid);
  close(fd);
  return is;
}

void lp_clean_temporary(const char *folder, const char *name) {
  DIR *d = opendir(folder);
  if (!d) return;
  for (struct dirent *e; (e = readdir(d));) {
    long pid = temporary_of(e->d_name, name);
    int fd = pid ? openat(dirfd(d), e->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0) continue;
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_abandoned(fd, pid))
      unlinkat(dirfd(d), e->d_name, 0);
    close(fd);
  }
  closedir(d);
}

/* Creates the temporary file and locks it; false with errno, EEXIST where another name is needed:
 * this one is taken, or was cleared away before we had the lock. */
static bool create_locked(io_atomic *a) {
  a->fd = open(a->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (a->fd < 0) return false;
  struct stat st;
  bool lost = flock(a->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (!lost && fstat(a->fd, &st) == 0 && st.st_nlink > 0) return true;
  close(a->fd);
  a->fd = -1;
  errno = EEXIST;
  return false;
}

/* The folder of a path, "." where it names none; to be freed. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

lp_status lp_io_atomic_open(io_atomic *a, const char *path) {
  *a = (io_atomic){-1, NULL, NULL};
  if (!path || !*path) return lp_fail(LP_ERR_ARG, "cannot write a file without a name");
  lp_status s = resolve(a, path);
  if (s != LP_OK) return s;
  const char *slash = strrchr(a->path, '/');
  int folder = slash ? (int)(slash - a->path) + 1 : 0;
  char *where = folder_of(a->path);
  if (where) lp_clean_temporary(where, a->path + folder);
  free(where);
  bool created = false;
  do {
    free(a->temp);
    if (asprintf(&a->temp, "%.*s.%.*s.%ld-%u.tmp", folder, a->path, NAME_BYTES, a->path + folder,
                 (long)getpid(), atomic_fetch_add(&next_temp, 1)) < 0) {
      a->temp = NULL;
      io_atomic_free(a);
      return lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
    }
    created = create_locked(a);
  } while (!created && errno == EEXIST);
  if (!created) {
    int error = errno;
    free(a->temp); /* not ours to remove */
    a->temp = NULL;
    return fail(a, "create", error);
  }
  return LP_OK;
}

lp_status lp_check_writable(const char *path) {
  io_atomic a;
  lp_status s = lp_io_atomic_open(&a, path);
  if (s == LP_OK) lp_io_atomic_abort(&a);
  return s;
}

lp_status lp_io_atomic_write(io_atomic *a, const void *data, size_t n) {
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
  char *folder = folder_of(path);
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

/* The lock is held until the file has its name. fsync has said already what a late close could. */
lp_status lp_io_atomic_commit(io_atomic *a) {
  if (fsync(a->fd) != 0 && errno != EINVAL) return fail(a, "write", errno);
  if (rename(a->temp, a->path) != 0) return fail(a, "replace", errno);
  close(a->fd);
  a->fd = -1;
  lp_status s = sync_folder(a->path);
  io_atomic_free(a);
  return s;
}

lp_status lp_write_file(const char *path, const void *data, size_t n) {
  io_atomic a;
  lp_status s = lp_io_atomic_open(&a, path);
  if (s == LP_OK) s = lp_io_atomic_write(&a, data, n);
  return s == LP_OK ? lp_io_atomic_commit(&a) : s;
}
