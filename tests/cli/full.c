/* Preloaded: a disk that is full for a moment. After LP_FULL_AFTER bytes in metrics.jsonl, the next
 * write to it takes half of what it is given, and LP_FULL_TIMES further ones nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is_metrics(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  char *slash = strrchr(path, '/');
  return slash && strcmp(slash, "/metrics.jsonl") == 0;
}

static long setting(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t n) {
  static ssize_t (*real)(int, const void *, size_t);
  static long written, refused = -1;
  if (!real) *(void **)(void *)&real = dlsym(RTLD_NEXT, "write");
  if (!is_metrics(fd)) return real(fd, data, n);
  pthread_mutex_lock(&lock);
  ssize_t got = -1;
  if (refused < 0 && written >= setting("LP_FULL_AFTER")) {
    refused = 0;
    got = real(fd, data, n / 2);
  } else if (refused >= 0 && refused < setting("LP_FULL_TIMES")) {
    refused++;
    errno = ENOSPC;
  } else {
    got = real(fd, data, n);
    if (got > 0) written += got;
  }
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return got;
}
