/* Writing metrics.jsonl: appended a line at a time while runs train, and rewound before they go
 * on. */
#include "run_internal.h"

#include "../io/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lp_run_metrics {
  int fd;
  char *path;
  pthread_mutex_t lock;
};

lp_status lp_run_metrics_open(const char *dir, lp_run_metrics **out) {
  *out = NULL;
  lp_run_metrics *m = calloc(1, sizeof *m);
  char *path = lp_path_join(dir, LP_RUN_METRICS);
  if (!m || !path) {
    free(m);
    free(path);
    return lp_run_out_of_memory(dir);
  }
  m->path = path;
  pthread_mutex_init(&m->lock, NULL);
  m->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (m->fd < 0) {
    lp_status s = lp_fail(LP_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    lp_run_metrics_close(m);
    return s;
  }
  *out = m;
  return LP_OK;
}

void lp_run_metrics_close(lp_run_metrics *m) {
  if (!m) return;
  if (m->fd >= 0) close(m->fd);
  pthread_mutex_destroy(&m->lock);
  free(m->path);
  free(m);
}

/* All n bytes, or none: a piece is cut off again, so that the next line begins a line. 0 or errno.
 */
static int append(int fd, const char *text, size_t n) {
  struct stat before;
  if (fstat(fd, &before) != 0) return errno;
  size_t done = 0;
  while (done < n) {
    ssize_t k = write(fd, text + done, n - done);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) {
      int error = k < 0 ? errno : ENOSPC;
      if (done && ftruncate(fd, before.st_size) != 0) return errno;
      return error;
    }
    done += (size_t)k;
  }
  return 0;
}

lp_status lp_run_metrics_write(lp_run_metrics *m, json_t *line) {
  char *text = line ? lp_json_text(line, JSON_COMPACT) : NULL;
  json_decref(line);
  size_t n = text ? strlen(text) : 0;
  char *with_end = text ? realloc(text, n + 2) : NULL;
  if (!with_end) {
    free(text);
    return lp_fail(LP_ERR_MEMORY, "%s: out of memory", m->path);
  }
  with_end[n++] = '\n';
  pthread_mutex_lock(&m->lock);
  int error = append(m->fd, with_end, n);
  pthread_mutex_unlock(&m->lock);
  free(with_end);
  return error ? lp_fail(LP_ERR_IO, "cannot write %s: %s", m->path, strerror(error)) : LP_OK;
}

/* ---- rewinding ----------------------------------------------------------------------------- */

typedef struct sieve {
  FILE *out;
  lp_run_keep_fn keep;
  void *user;
} sieve;

static lp_status sieve_line(void *user, const run_place *at, json_t *line) {
  (void)at;
  sieve *s = user;
  if (!s->keep(s->user, line)) return LP_OK;
  char *text = lp_json_text(line, JSON_COMPACT); /* as it was written before */
  if (!text) return lp_run_out_of_memory(LP_RUN_METRICS);
  fprintf(s->out, "%s\n", text);
  free(text);
  return LP_OK;
}

lp_status lp_run_metrics_keep(const char *dir, lp_run_keep_fn keep, void *user) {
  char *text = NULL, *path = lp_path_join(dir, LP_RUN_METRICS);
  size_t size = 0;
  sieve v = {path ? open_memstream(&text, &size) : NULL, keep, user};
  if (!v.out) {
    free(path);
    return lp_run_out_of_memory(dir);
  }
  uint32_t damaged;
  lp_status s = lp_run_each_line(dir, sieve_line, &v, &damaged);
  bool bad = ferror(v.out) != 0;
  if (fclose(v.out) != 0) bad = true;
  if (s == LP_OK && bad) s = lp_run_out_of_memory(dir);
  if (s == LP_OK) s = lp_write_file(path, text, size);
  free(text);
  free(path);
  return s;
}
