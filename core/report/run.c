/* run.c: reads a run folder: manifest.json, summary.json, metrics.jsonl (core/DESIGN.md). */
#include "report/report_internal.h"

#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const report_site_name[REPORT_SITES] = {"lp_in", "lp_out"};

const char *report_asset_find(const char *name) {
  for (const report_asset *a = report_assets; a->name; a++)
    if (strcmp(a->name, name) == 0) return a->text;
  return NULL;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

const char *jstr(const json_t *o, const char *key) {
  const char *s = json_string_value(json_object_get(o, key));
  return s ? s : "";
}

double jnum(const json_t *o, const char *key) {
  const json_t *v = json_object_get(o, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

json_t *jobj(const json_t *o, const char *key) {
  return json_object_get(o, key);
}

static lp_status read_json(const char *dir, const char *file, json_t **out) {
  char *path = lp_path_join(dir, file);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  void *data = NULL;
  size_t n = 0;
  lp_status st = lp_read_file(path, &data, &n);
  if (st == LP_OK) {
    json_error_t err;
    *out = json_loadb(data, n, 0, &err);
    if (!*out)
      st = lp_fail(LP_ERR_FORMAT, "%s: line %d: %s", path, err.line, err.text);
    else if (!json_is_object(*out))
      st = lp_fail(LP_ERR_FORMAT, "%s: not a JSON object", path);
  }
  free(data);
  free(path);
  return st;
}

/* ---- metrics.jsonl -------------------------------------------------------------------------- */

uint32_t report_arm_index(const report_run *run, const char *name) {
  uint32_t i = 0;
  while (i < run->n_arms && strcmp(run->arms[i].name, name) != 0) i++;
  return i;
}

uint32_t report_seed_index(const report_run *run, uint64_t seed) {
  uint32_t i = 0;
  while (i < run->n_seeds && run->seeds[i] != seed) i++;
  return i;
}

uint32_t report_lp_arm(const report_run *run) {
  const char *name;
  json_t *value;
  json_object_foreach(jobj(jobj(run->summary, "published"), "arms"), name, value) {
    uint32_t arm = report_arm_index(run, name);
    if (arm < run->n_arms && strcmp(name, run->reference) != 0) return arm;
  }
  for (uint32_t i = 0; i < run->n_arms; i++)
    if (strcmp(run->arms[i].name, run->reference) != 0) return i;
  return run->n_arms;
}

uint32_t report_shown_classes(const report_run *run, uint32_t index[REPORT_CLASSES]) {
  uint32_t n = run->n_classes < REPORT_CLASSES ? run->n_classes : REPORT_CLASSES;
  for (uint32_t i = 0; i < n; i++) index[i] = (uint32_t)((uint64_t)i * run->n_classes / n);
  return n;
}

/* A resumed run repeats the epochs after its checkpoint: the later line counts. */
static lp_status add_epoch(report_run *run, const report_epoch *e) {
  for (uint32_t i = run->n_epochs; i-- > 0;) {
    report_epoch *old = &run->epochs[i];
    if (old->arm == e->arm && old->seed == e->seed && old->epoch == e->epoch) {
      *old = *e;
      return LP_OK;
    }
  }
  if (run->n_epochs == run->cap_epochs) {
    uint32_t cap = run->cap_epochs ? 2 * run->cap_epochs : 64;
    report_epoch *grown = realloc(run->epochs, cap * sizeof *grown);
    if (!grown) return lp_fail(LP_ERR_MEMORY, "out of memory");
    run->epochs = grown;
    run->cap_epochs = cap;
  }
  run->epochs[run->n_epochs++] = *e;
  return LP_OK;
}

static lp_status add_line(report_run *run, json_t *line) {
  const char *event = jstr(line, "event");
  uint32_t arm = report_arm_index(run, jstr(line, "arm"));
  json_t *seed_value = jobj(line, "seed");
  uint32_t seed = json_is_integer(seed_value)
                      ? report_seed_index(run, (uint64_t)json_integer_value(seed_value))
                      : run->n_seeds;
  if (arm == run->n_arms || seed == run->n_seeds) return LP_OK;
  if (strcmp(event, "end") == 0) {
    json_t **slot = &run->ends[arm * run->n_seeds + seed];
    json_decref(*slot);
    *slot = json_incref(line);
  } else if (strcmp(event, "epoch") == 0) {
    double epoch = jnum(line, "epoch");
    if (!(epoch >= 0 && epoch < 1e9)) return LP_OK;
    report_epoch e = {.arm = arm,
                      .seed = seed,
                      .epoch = (uint32_t)epoch,
                      .train_loss = jnum(line, "train_loss"),
                      .loss = jnum(line, "loss"),
                      .accuracy = jnum(line, "accuracy"),
                      .seconds = jnum(line, "seconds")};
    return add_epoch(run, &e);
  }
  return LP_OK;
}

static lp_status read_metrics(report_run *run) {
  char *path = lp_path_join(run->dir, "metrics.jsonl");
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status st = LP_OK;
  void *data = NULL;
  size_t n = 0;
  if (access(path, F_OK) == 0) st = lp_read_file(path, &data, &n);
  uint32_t bad = 0;
  for (char *line = data, *end; st == LP_OK && line && *line; line = end) {
    end = line + strcspn(line, "\n");
    json_t *o = json_loadb(line, (size_t)(end - line), 0, NULL);
    if (json_is_object(o))
      st = add_line(run, o);
    else
      bad += end > line;
    json_decref(o);
    end += *end == '\n';
  }
  if (bad) lp_log(LP_LOG_INFO, "%s: %u lines are not JSON and were skipped", path, bad);
  free(data);
  free(path);
  return st;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static lp_status take_arms(report_run *run) {
  const json_t *arms = jobj(run->manifest, "arms"), *seeds = jobj(run->manifest, "seeds");
  const json_t *classes = jobj(run->manifest, "classes");
  run->arms = calloc(json_array_size(arms) + 1, sizeof *run->arms);
  run->seeds = calloc(json_array_size(seeds) + 1, sizeof *run->seeds);
  run->classes = calloc(json_array_size(classes) + 1, sizeof *run->classes);
  if (!run->arms || !run->seeds || !run->classes) return lp_fail(LP_ERR_MEMORY, "out of memory");
  size_t i;
  json_t *v;
  json_array_foreach(arms, i, v) {
    if (!*jstr(v, "name")) continue;
    run->arms[run->n_arms++] = (report_arm){jstr(v, "name"), jstr(v, "layer")};
  }
  json_array_foreach(seeds, i, v) {
    if (json_is_integer(v)) run->seeds[run->n_seeds++] = (uint64_t)json_integer_value(v);
  }
  json_array_foreach(classes, i, v) {
    const char *name = json_string_value(v);
    run->classes[run->n_classes++] = name ? name : "?";
  }
  if (run->n_arms == 0 || run->n_seeds == 0)
    return lp_fail(LP_ERR_FORMAT, "%s/manifest.json: names no arms or no seeds", run->dir);
  run->ends = calloc((size_t)run->n_arms * run->n_seeds, sizeof *run->ends);
  if (!run->ends) return lp_fail(LP_ERR_MEMORY, "out of memory");
  return LP_OK;
}

/* The last axis lies across, all others down. */
static void take_sheet(report_run *run) {
  const json_t *sheet = jobj(run->manifest, "sheet");
  size_t n = json_array_size(sheet);
  uint64_t rows = 1, cols = 0;
  for (size_t i = 0; i < n; i++) {
    json_int_t e = json_integer_value(json_array_get(sheet, i));
    if (e <= 0 || e > 65536 || rows * (uint64_t)e > (1u << 24)) return;
    if (i + 1 < n)
      rows *= (uint64_t)e;
    else
      cols = (uint64_t)e;
  }
  run->rows = cols ? (uint32_t)rows : 0;
  run->cols = (uint32_t)cols;
}

lp_status report_run_load(const char *dir, report_run *run) {
  *run = (report_run){.dir = dir};
  lp_status st = read_json(dir, "manifest.json", &run->manifest);
  if (st == LP_OK) st = take_arms(run);
  if (st != LP_OK) return st;
  take_sheet(run);
  run->title = jstr(run->manifest, "title");
  run->reference = jstr(run->manifest, "reference");
  char *path = lp_path_join(dir, "summary.json");
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  run->analysed = access(path, F_OK) == 0;
  free(path);
  if (run->analysed)
    st = read_json(dir, "summary.json", &run->summary);
  else if (!(run->summary = json_object()))
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) st = read_metrics(run);
  return st;
}

void report_run_free(report_run *run) {
  for (uint32_t i = 0; run->ends && i < run->n_arms * run->n_seeds; i++) json_decref(run->ends[i]);
  free(run->ends);
  free(run->epochs);
  free(run->classes);
  free(run->seeds);
  free(run->arms);
  maps_free(run->maps);
  json_decref(run->manifest);
  json_decref(run->summary);
  *run = (report_run){0};
}
