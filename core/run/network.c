/* How far each network came, and its accuracy and loss, from the lines of metrics.jsonl. */
#include "run_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static lp_status bad_line(const run_place *at, const char *what) {
  return lp_fail(LP_ERR_FORMAT, "%s:%u: %s", at->path, at->line, what);
}

/* A number, or NaN for null: a loss that is not finite is written so. */
static lp_status number(const run_place *at, const json_t *line, const char *key, double *out) {
  const json_t *v = json_object_get(line, key);
  if (!json_is_number(v) && !json_is_null(v))
    return lp_fail(LP_ERR_FORMAT, "%s:%u: \"%s\" is not a number", at->path, at->line, key);
  *out = json_is_null(v) ? NAN : json_number_value(v);
  return LP_OK;
}

/* The same, or NaN where older folders have no such field. */
static lp_status maybe_number(const run_place *at, const json_t *line, const char *key,
                              double *out) {
  *out = NAN;
  return json_object_get(line, key) ? number(at, line, key, out) : LP_OK;
}

void lp_run_drop_epoch(const lp_run_epoch *e) {
  json_decref(e->penalties);
  json_decref(e->placements);
}

static lp_status add_epoch(lp_run_network *w, const run_place *at, const json_t *line) {
  json_int_t epoch = json_integer_value(json_object_get(line, "epoch"));
  if (epoch < 1 || epoch >= UINT32_MAX) return bad_line(at, "\"epoch\" is not 1 or more");
  lp_run_epoch e = {.epoch = (uint32_t)epoch};
  lp_status s = number(at, line, "accuracy", &e.accuracy);
  if (s == LP_OK) s = number(at, line, "loss", &e.loss);
  if (s == LP_OK) s = number(at, line, "seconds", &e.seconds);
  if (s == LP_OK) s = maybe_number(at, line, "top5", &e.top5);
  if (s == LP_OK) s = maybe_number(at, line, "train_loss", &e.train_loss);
  if (s != LP_OK) return s;
  const json_t *penalties = json_object_get(line, "penalties");
  if (penalties && !json_is_array(penalties)) return bad_line(at, "\"penalties\" is no list");
  const json_t *placements = json_object_get(line, "placements");
  if (placements && !json_is_array(placements)) return bad_line(at, "\"placements\" is no list");
  while (w->n_epochs && w->epoch[w->n_epochs - 1].epoch >= e.epoch)
    lp_run_drop_epoch(&w->epoch[--w->n_epochs]);
  if (w->n_epochs == w->capacity) {
    uint32_t capacity = w->capacity ? 2 * w->capacity : 16;
    lp_run_epoch *grown = realloc(w->epoch, sizeof *grown * capacity);
    if (!grown) return lp_run_out_of_memory(at->path);
    w->epoch = grown;
    w->capacity = capacity;
  }
  e.penalties = json_incref(json_object_get(line, "penalties"));
  e.placements = json_incref(json_object_get(line, "placements"));
  w->epoch[w->n_epochs++] = e;
  return LP_OK;
}

static lp_run_network *find(const lp_run_folder *r, const char *arm, uint64_t seed) {
  uint32_t i = 0, k = 0;
  while (i < r->n_arms && strcmp(r->arm[i].name, arm) != 0) i++;
  while (k < r->n_seeds && r->seed[k] != seed) k++;
  return i < r->n_arms && k < r->n_seeds ? &r->network[i * r->n_seeds + k] : NULL;
}

const lp_run_network *lp_run_find(const lp_run_folder *r, const char *arm, uint64_t seed) {
  return find(r, arm, seed);
}

static lp_status take_line(void *user, const run_place *at, json_t *line) {
  lp_run_folder *r = user;
  const char *event = json_string_value(json_object_get(line, "event"));
  if (!event) return bad_line(at, "not an object with an \"event\"");
  bool epoch = strcmp(event, "epoch") == 0, end = strcmp(event, "end") == 0;
  if (!epoch && !end && strcmp(event, "train") != 0) return LP_OK; /* of a later version */
  const char *arm = json_string_value(json_object_get(line, "arm"));
  const json_t *seed = json_object_get(line, "seed");
  if (!arm || !json_is_integer(seed)) return bad_line(at, "needs an \"arm\" and a \"seed\"");
  lp_run_network *w = find(r, arm, (uint64_t)json_integer_value(seed));
  if (!w)
    return lp_fail(LP_ERR_FORMAT,
                   "%s:%u: arm \"%s\", seed %" JSON_INTEGER_FORMAT " is not in " LP_RUN_MANIFEST,
                   at->path, at->line, arm, json_integer_value(seed));
  json_decref(w->end); /* whatever follows an end has resumed the run */
  w->end = NULL;
  w->message = NULL;
  w->status = "unfinished";
  if (epoch) return add_epoch(w, at, line);
  if (!end) return LP_OK;
  const char *status = json_string_value(json_object_get(line, "status"));
  if (!status) return bad_line(at, "an end without a \"status\"");
  w->end = json_incref(line);
  w->status = status;
  w->message = json_string_value(json_object_get(line, "message"));
  return LP_OK;
}

/* A complete network whose last epoch was torn away would show the accuracy of an earlier one. */
static void check_last_epoch(const lp_run_folder *r, uint32_t i) {
  lp_run_network *w = &r->network[i];
  uint32_t last = w->n_epochs ? w->epoch[w->n_epochs - 1].epoch : 0;
  if (strcmp(w->status, "complete") != 0 || last >= r->epochs) return;
  lp_log(LP_LOG_WARNING,
         "%s/" LP_RUN_METRICS ": the line of the last epoch of %s, seed %llu is lost; resumed, the "
         "network is trained again",
         r->dir, r->arm[i / r->n_seeds].name, (unsigned long long)r->seed[i % r->n_seeds]);
  w->status = "unfinished";
}

lp_status lp_run_read_networks(lp_run_folder *r) {
  uint32_t n = r->n_arms * r->n_seeds;
  r->network = calloc(n, sizeof *r->network);
  if (!r->network) return lp_run_out_of_memory(r->dir);
  for (uint32_t i = 0; i < n; i++) r->network[i].status = "missing";
  lp_status s = lp_run_each_line(r->dir, take_line, r, &r->damaged);
  for (uint32_t i = 0; i < n && s == LP_OK; i++) check_last_epoch(r, i);
  return s;
}
