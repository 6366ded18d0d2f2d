/* metrics.jsonl: how far each network came, and its accuracy and loss. */
#include "run.h"

#include <errno.h>
#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct place { /* where a line is, for messages */
  const char *path;
  uint32_t line;
} place;

static lp_status bad_line(const place *at, const char *what) {
  return lp_fail(LP_ERR_FORMAT, "%s:%u: %s", at->path, at->line, what);
}

/* A number, or NaN for null: a loss that is not finite is written so. */
static lp_status number(const place *at, const json_t *line, const char *key, double *out) {
  const json_t *v = json_object_get(line, key);
  if (!json_is_number(v) && !json_is_null(v))
    return lp_fail(LP_ERR_FORMAT, "%s:%u: \"%s\" is not a number", at->path, at->line, key);
  *out = json_is_null(v) ? NAN : json_number_value(v);
  return LP_OK;
}

/* A resumed run repeats epochs: the latest line of an epoch counts, and those after it are gone. */
static lp_status add_epoch(run_info *run, const place *at, const json_t *line) {
  epoch_line e = {.epoch = json_integer_value(json_object_get(line, "epoch"))};
  if (e.epoch < 1) return bad_line(at, "\"epoch\" is not 1 or more");
  lp_status s = number(at, line, "accuracy", &e.accuracy);
  if (s == LP_OK) s = number(at, line, "loss", &e.loss);
  e.top5 = NAN;
  if (s == LP_OK && json_object_get(line, "top5")) s = number(at, line, "top5", &e.top5);
  if (s == LP_OK) s = number(at, line, "seconds", &e.seconds);
  if (s != LP_OK) return s;
  while (run->n_epochs && run->epoch[run->n_epochs - 1].epoch >= e.epoch) run->n_epochs--;
  if (run->n_epochs == run->cap) {
    uint32_t cap = run->cap ? 2 * run->cap : 16;
    epoch_line *grown = realloc(run->epoch, sizeof *grown * cap);
    if (!grown) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", at->path);
    run->epoch = grown;
    run->cap = cap;
  }
  run->epoch[run->n_epochs++] = e;
  run->accuracy = e.accuracy;
  run->top5 = e.top5;
  run->loss = e.loss;
  return LP_OK;
}

static lp_status find_run(analysis *a, const place *at, const json_t *line, run_info **out) {
  const char *name = json_string_value(json_object_get(line, "arm"));
  const json_t *seed = json_object_get(line, "seed");
  if (!name || !json_is_integer(seed)) return bad_line(at, "needs an \"arm\" and a \"seed\"");
  uint32_t i = 0, k = 0;
  while (i < a->n_arms && strcmp(a->arm[i].name, name) != 0) i++;
  while (k < a->n_seeds && a->seed[k] != json_integer_value(seed)) k++;
  if (i == a->n_arms || k == a->n_seeds)
    return lp_fail(LP_ERR_FORMAT,
                   "%s:%u: arm \"%s\", seed %" JSON_INTEGER_FORMAT " is not in manifest.json",
                   at->path, at->line, name, json_integer_value(seed));
  *out = &a->arm[i].run[k];
  return LP_OK;
}

static lp_status read_line(analysis *a, const place *at, json_t *line) {
  const char *event = json_string_value(json_object_get(line, "event"));
  if (!event) return bad_line(at, "not an object with an \"event\"");
  bool epoch = strcmp(event, "epoch") == 0, end = strcmp(event, "end") == 0;
  if (!epoch && !end && strcmp(event, "train") != 0) return LP_OK; /* of a later version */
  run_info *run = NULL;
  lp_status s = find_run(a, at, line, &run);
  if (s != LP_OK) return s;
  json_decref(run->end); /* whatever follows an end has resumed the run */
  run->end = NULL;
  run->message = NULL;
  run->status = "unfinished";
  if (epoch) return add_epoch(run, at, line);
  if (!end) return LP_OK;
  const char *status = json_string_value(json_object_get(line, "status"));
  if (!status) return bad_line(at, "an end without a \"status\"");
  run->end = json_incref(line);
  run->status = status;
  run->message = json_string_value(json_object_get(line, "message"));
  return LP_OK;
}

static lp_status read_lines(analysis *a, const char *path, const char *text, size_t n) {
  place at = {path, 0};
  lp_status s = LP_OK;
  for (const char *p = text, *end = text + n; s == LP_OK && p < end;) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    size_t length = (size_t)((stop ? stop : end) - p);
    at.line++;
    json_error_t error;
    json_t *line = json_loadb(p, length, JSON_REJECT_DUPLICATES, &error);
    if (line)
      s = read_line(a, &at, line);
    else if (stop)
      s = bad_line(&at, error.text);
    else /* a program that was killed while it wrote */
      lp_log(LP_LOG_WARNING, "%s:%u: the last line is incomplete and was left out", path, at.line);
    json_decref(line);
    p += length + 1;
  }
  return s;
}

lp_status read_metrics(analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++)
    for (uint32_t k = 0; k < a->n_seeds; k++)
      a->arm[i].run[k] = (run_info){.status = "missing", .accuracy = NAN, .top5 = NAN, .loss = NAN};
  char *path = lp_path_join(a->dir, "metrics.jsonl");
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status s = LP_OK;
  if (access(path, F_OK) == 0 || errno != ENOENT) { /* a run that has just begun has none */
    void *text = NULL;
    size_t n = 0;
    s = lp_read_file(path, &text, &n);
    if (s == LP_OK) s = read_lines(a, path, text, n);
    free(text);
  }
  free(path);
  return s;
}
