/* metrics.jsonl: appended one line a write while runs train, and rewound before they go on. */
#include "experiment_internal.h"

#include <locality/io.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Read and written again, a line stays the same. */
#define LINE_FORMAT (JSON_COMPACT | JSON_REAL_PRECISION(12))

lp_status lp_metrics_open(lp_metrics *m, const char *dir) {
  *m = (lp_metrics){.fd = -1, .path = lp_path_join(dir, "metrics.jsonl")};
  if (!m->path) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", dir);
  pthread_mutex_init(&m->lock, NULL);
  m->fd = open(m->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (m->fd >= 0) return LP_OK;
  lp_status status = lp_fail(LP_ERR_IO, "cannot write %s: %s", m->path, strerror(errno));
  lp_metrics_close(m);
  return status;
}

void lp_metrics_close(lp_metrics *m) {
  if (!m->path) return;
  if (m->fd >= 0) close(m->fd);
  pthread_mutex_destroy(&m->lock);
  free(m->path);
  m->path = NULL;
}

lp_status lp_metrics_write(lp_metrics *m, json_t *line) {
  char *text = line ? json_dumps(line, LINE_FORMAT) : NULL;
  json_decref(line);
  size_t n = text ? strlen(text) : 0;
  char *with_end = realloc(text, n + 2);
  if (!text || !with_end) {
    free(with_end ? with_end : text);
    return lp_fail(LP_ERR_MEMORY, "%s: out of memory", m->path);
  }
  with_end[n++] = '\n';
  pthread_mutex_lock(&m->lock);
  ssize_t written;
  do written = write(m->fd, with_end, n);
  while (written < 0 && errno == EINTR);
  int error = errno;
  pthread_mutex_unlock(&m->lock);
  free(with_end);
  if (written == (ssize_t)n) return LP_OK;
  return lp_fail(LP_ERR_IO, "cannot write %s: %s", m->path, strerror(written < 0 ? error : ENOSPC));
}

/* ---- resuming ------------------------------------------------------------------------------ */

static lp_run_state *run_of(lp_run_state *run, uint32_t n, const json_t *line) {
  const char *arm = json_string_value(json_object_get(line, "arm"));
  json_int_t seed = json_integer_value(json_object_get(line, "seed"));
  for (uint32_t i = 0; arm && i < n; i++)
    if (strcmp(run[i].arm->name, arm) == 0 && run[i].seed == (uint64_t)seed) return &run[i];
  return NULL;
}

static bool is_end(const json_t *line) {
  const char *event = json_string_value(json_object_get(line, "event"));
  return event && strcmp(event, "end") == 0;
}

/* A run is finished when its last line says so and what it should have left is there. */
static void note_end(lp_run_state *r, const json_t *line) {
  const char *status = json_string_value(json_object_get(line, "status"));
  r->nonfinite = status && strcmp(status, "nonfinite") == 0;
  bool complete = status && strcmp(status, "complete") == 0 && access(r->model, R_OK) == 0 &&
                  access(r->activations, R_OK) == 0;
  r->finished = r->nonfinite || complete;
}

/* Lines up to the checkpoint stay; the rest of the run is trained, and written, again. */
static bool keep(const lp_run_state *r, const json_t *line) {
  if (!r || r->finished) return true;
  json_int_t epoch = json_integer_value(json_object_get(line, "epoch"));
  return !is_end(line) && r->has_checkpoint && epoch <= (json_int_t)r->epoch;
}

/* Epochs finished at a checkpoint; one that cannot be read is an error, not a fresh start. */
static lp_status read_checkpoint(lp_run_state *r) {
  if (access(r->checkpoint, F_OK) != 0) return LP_OK;
  lp_safetensors *f;
  lp_status status = lp_safetensors_read(r->checkpoint, &f);
  if (status != LP_OK) return status;
  const char *epoch = lp_safetensors_meta(f, "epoch");
  r->has_checkpoint = epoch != NULL;
  r->epoch = epoch ? (uint32_t)strtoul(epoch, NULL, 10) : 0;
  if (!epoch) status = lp_fail(LP_ERR_FORMAT, "%s: not a checkpoint", r->checkpoint);
  lp_safetensors_free(f);
  return status;
}

/* Splits text into lines and parses each; a last line that was cut short is left out. */
static lp_status parse_lines(const char *path, const char *text, size_t n, json_t **lines) {
  *lines = json_array();
  if (!*lines) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  uint32_t number = 1;
  for (size_t at = 0; at < n; number++) {
    const char *end = memchr(text + at, '\n', n - at);
    if (!end) break;
    size_t len = (size_t)(end - (text + at));
    json_t *line = json_loadb(text + at, len, 0, NULL);
    if (!line) return lp_fail(LP_ERR_FORMAT, "%s:%u: not a JSON object", path, number);
    if (json_array_append_new(*lines, line) != 0)
      return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
    at += len + 1;
  }
  return LP_OK;
}

static lp_status rewrite(const char *path, json_t *lines, lp_run_state *run, uint32_t n) {
  char *text = NULL;
  size_t size = 0, i;
  FILE *out = open_memstream(&text, &size);
  if (!out) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  json_t *line;
  json_array_foreach(lines, i, line) {
    if (!keep(run_of(run, n, line), line)) continue;
    json_dumpf(line, out, LINE_FORMAT);
    fputc('\n', out);
  }
  bool bad = ferror(out) != 0;
  if (fclose(out) != 0) bad = true;
  lp_status status =
      bad ? lp_fail(LP_ERR_MEMORY, "%s: out of memory", path) : lp_write_file(path, text, size);
  free(text);
  return status;
}

lp_status lp_metrics_rewind(const char *dir, lp_run_state *run, uint32_t n) {
  char *path = lp_path_join(dir, "metrics.jsonl");
  if (!path) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", dir);
  void *text = NULL;
  size_t size = 0, k;
  json_t *lines = NULL, *line;
  lp_status status = LP_OK;
  if (access(path, F_OK) == 0) status = lp_read_file(path, &text, &size);
  if (status == LP_OK) status = parse_lines(path, text ? text : "", size, &lines);
  if (status == LP_OK) {
    json_array_foreach(lines, k, line) {
      lp_run_state *r = run_of(run, n, line);
      if (r && is_end(line)) note_end(r, line);
    }
    for (uint32_t i = 0; i < n && status == LP_OK; i++)
      if (!run[i].finished) status = read_checkpoint(&run[i]);
  }
  if (status == LP_OK) status = rewrite(path, lines, run, n);
  json_decref(lines);
  free(text);
  free(path);
  return status;
}
