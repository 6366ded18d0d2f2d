/* prune.c: the networks of a model file or a run folder, pruned by every rank to every fraction. */
#include "experiment_internal.h"
#include "prune_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <limits.h>
#include <locality/io.h>
#include <locality/registry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One network and how it was trained. */
typedef struct source {
  const char *arm;
  uint64_t seed;
  lp_model *model;
  const lp_settings *settings;
  lp_dataset *train, *test; /* train: NULL without fine-tuning */
} source;

typedef struct pruner {
  const lp_prune_spec *spec;
  const char *source, *out;
  lp_prune_folder folder;
  lp_pruned *row;
  uint32_t n_rows, total;
  char **arm; /* texts that rows point to */
  uint32_t n_arms;
  lp_prune_fn progress;
  void *user;
} pruner;

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "prune: out of memory");
}

static lp_status tell(pruner *p, const lp_pruned *row) {
  if (p->progress && !p->progress(p->user, row, p->n_rows, p->total))
    return lp_fail(LP_ERR_INTERRUPTED, "prune: interrupted");
  return LP_OK;
}

static lp_status add_row(pruner *p, const lp_pruned *row) {
  p->row[p->n_rows++] = *row;
  return tell(p, row);
}

static void measure(lp_pruned *row, const lp_wiring *x, const lp_epoch_result *r) {
  row->accuracy = r->accuracy;
  row->top5 = r->top5;
  row->loss = r->loss;
  lp_wiring_measure(x, row);
}

/* ---- one network ----------------------------------------------------------------------------- */

/* A trainer of the network with all weights of the file, but those that are not kept. */
static lp_status open_trainer(const pruner *p, const source *s, const lp_wiring *x,
                              lp_trainer **out) {
  lp_train_mask *mask = NULL;
  lp_status status = x ? lp_wiring_masks(x, &mask) : LP_OK;
  const lp_train_spec spec = {.net = *lp_model_spec(s->model),
                              .settings = s->settings,
                              .masks = mask,
                              .n_masks = x ? x->n : 0,
                              .sparse_share = p->folder.share};
  if (status == LP_OK) status = lp_trainer_new(&spec, x ? s->train : NULL, out);
  lp_wiring_masks_free(mask, spec.n_masks);
  if (status == LP_OK) status = lp_model_apply(s->model, *out);
  return status;
}

static bool on_step(void *user, const lp_progress *step) {
  pruner *p = user;
  (void)step;
  return !p->progress || p->progress(p->user, NULL, p->n_rows, p->total);
}

static lp_status fine_tune(pruner *p, const source *s, lp_trainer *t, lp_epoch_result *tested) {
  lp_status status = LP_OK;
  lp_epoch_result r;
  for (uint32_t e = 0; e < p->spec->finetune && status == LP_OK; e++)
    status = lp_train_epoch(t, on_step, p, &r);
  return status == LP_OK ? lp_evaluate(t, s->test, tested) : status;
}

static lp_status save(const pruner *p, const source *s, lp_trainer *t, const lp_pruned *row) {
  char text[200], path[PATH_MAX + 400];
  snprintf(text, sizeof text, "rank=%s keep=%.9g scope=%s finetune=%u",
           lp_prune_rank_name(row->rank), row->keep,
           p->spec->scope == LP_PRUNE_GLOBAL ? "global" : "layer", p->spec->finetune);
  const int n =
      snprintf(path, sizeof path, "%s/models/%s-seed%llu-%s-%.9g.safetensors", p->folder.path,
               s->arm, (unsigned long long)s->seed, lp_prune_rank_name(row->rank), row->keep);
  if (n < 0 || (size_t)n >= sizeof path) return lp_fail(LP_ERR_ARG, "%s: too long a name", s->arm);
  return lp_model_save_pruned(s->model, t, text, path);
}

/* By one rank to one fraction: a row, and one after fine-tuning. x has the weights before. */
static lp_status prune_to(pruner *p, const source *s, lp_wiring *x, lp_pruned row[2]) {
  lp_trainer *t = NULL;
  lp_epoch_result r;
  const bool tuned = p->spec->finetune > 0;
  lp_status status = lp_wiring_choose(x, p->spec->scope, row->rank, row->keep, s->seed);
  if (status == LP_OK) status = open_trainer(p, s, x, &t);
  if (status == LP_OK) status = lp_evaluate(t, s->test, &r);
  if (status == LP_OK) measure(&row[0], x, &r);
  if (status == LP_OK && tuned) {
    status = fine_tune(p, s, t, &r);
    if (status == LP_OK) status = lp_wiring_read(x, t);
    if (status == LP_OK) measure(&row[1], x, &r);
  }
  if (status == LP_OK) status = save(p, s, t, &row[tuned]);
  if (status == LP_OK) status = lp_prune_note(&p->folder, row, 1 + tuned);
  lp_trainer_free(t);
  return status;
}

/* The network, which t has, by one rank. *whole: its evaluation, once it is known. */
static lp_status prune_by(pruner *p, const source *s, lp_prune_rank rank, lp_wiring *x,
                          lp_trainer *t, lp_epoch_result *whole, bool *known) {
  const lp_prune_spec *spec = p->spec;
  const bool tuned = spec->finetune > 0;
  lp_status status = LP_OK;
  for (uint32_t k = 0; status == LP_OK && k <= spec->n_keep; k++) {
    lp_pruned row[2] = {{.arm = s->arm, .seed = s->seed, .rank = rank, .keep = 1}};
    if (k) row->keep = spec->keep[k - 1];
    row[1] = row[0];
    row[1].finetuned = spec->finetune;
    const uint32_t n = k && tuned ? 2 : 1;
    bool finished = lp_prune_finished(&p->folder, &row[0]);
    if (n > 1) finished = lp_prune_finished(&p->folder, &row[1]) && finished;
    if (!finished) status = lp_wiring_read(x, t);
    if (!finished && k && status == LP_OK) status = prune_to(p, s, x, row);
    if (!finished && !k && status == LP_OK) {
      if (!*known) status = lp_evaluate(t, s->test, whole);
      *known = true;
      if (status == LP_OK) status = lp_wiring_choose(x, spec->scope, rank, 1, s->seed);
      if (status == LP_OK) measure(row, x, whole);
      if (status == LP_OK) status = lp_prune_note(&p->folder, row, 1);
    }
    for (uint32_t i = 0; i < n && status == LP_OK; i++) status = add_row(p, &row[i]);
  }
  return status;
}

static lp_status prune_network(pruner *p, const source *s) {
  lp_wiring x;
  lp_trainer *t = NULL;
  lp_epoch_result whole;
  bool known = false;
  lp_status status = lp_wiring_of(lp_model_spec(s->model), p->spec->layers, &x);
  if (status != LP_OK) return status;
  status = open_trainer(p, s, NULL, &t);
  if (status == LP_OK) status = lp_prune_on_device(&p->folder, t, p->spec->sparse_share);
  for (uint32_t i = 0; status == LP_OK && i < p->spec->n_ranks; i++)
    status = prune_by(p, s, p->spec->rank[i], &x, t, &whole, &known);
  lp_trainer_free(t);
  lp_wiring_free(&x);
  return status == LP_OK || status == LP_ERR_INTERRUPTED
             ? status
             : lp_fail_in(status, "%s seed %llu", s->arm, (unsigned long long)s->seed);
}

/* ---- what is pruned -------------------------------------------------------------------------- */

static lp_status check_spec(const lp_prune_spec *spec) {
  for (uint32_t i = 0; i < spec->n_keep; i++) {
    if (!(spec->keep[i] > 0 && spec->keep[i] < 1))
      return lp_fail(LP_ERR_ARG, "keep %g: a fraction between 0 and 1 is meant, without either",
                     spec->keep[i]);
    for (uint32_t k = 0; k < i; k++)
      if (spec->keep[k] == spec->keep[i])
        return lp_fail(LP_ERR_ARG, "keep %g stands there twice", spec->keep[i]);
  }
  for (uint32_t i = 0; i < spec->n_ranks; i++)
    for (uint32_t k = 0; k < i; k++)
      if (spec->rank[k] == spec->rank[i])
        return lp_fail(LP_ERR_ARG, "rank %s stands there twice", lp_prune_rank_name(spec->rank[i]));
  if (!spec->n_keep || !spec->n_ranks) return lp_fail(LP_ERR_ARG, "prune: no rank or no fraction");
  return LP_OK;
}

/* "KEY=VALUE,..." of options that an arm may change. */
static lp_status change_settings(lp_settings *s, const char *changes) {
  char *copy = strdup(changes), *rest = copy;
  lp_status status = copy ? lp_check_keys(changes) : out_of_memory();
  for (char *token; status == LP_OK && *copy && (token = lp_next_token(&rest));) {
    char *equals = strchr(token, '=');
    if (!equals) {
      status = lp_fail(LP_ERR_ARG, "'%s' is not KEY=VALUE", token);
      break;
    }
    *equals = '\0';
    const lp_option *option = lp_option_find(lp_trim(token), LP_USE_ARM);
    status = option ? lp_settings_set(s, option->name, lp_unwrap(lp_trim(equals + 1)))
                    : LP_ERR_NOT_FOUND;
  }
  free(copy);
  return status == LP_OK ? LP_OK : lp_fail_in(status, "settings");
}

static lp_status complete_settings(lp_settings *s, const lp_prune_spec *spec, uint64_t seed) {
  char text[32];
  /* What was placed while it was trained stays there: wires that are pruned end at their units. */
  lp_status status = lp_settings_set(s, "place", "");
  if (status == LP_OK && spec->settings) status = change_settings(s, spec->settings);
  if (status == LP_OK && spec->backend) status = lp_settings_set(s, "backend", spec->backend);
  snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
  if (status == LP_OK) status = lp_settings_set(s, "seed", text);
  snprintf(text, sizeof text, "%u", spec->finetune ? spec->finetune : 1);
  return status == LP_OK ? lp_settings_set(s, "epochs", text) : status;
}

/* Makes the folder, or goes on in it; content: a hash of the networks' files. */
static lp_status begin(pruner *p, uint32_t networks, const char *content) {
  const lp_prune_spec *s = p->spec;
  char *path = realpath(p->source, NULL);
  json_t *command = path ? lp_prune_request(path, s) : NULL;
  free(path);
  p->total = networks * s->n_ranks * (1 + s->n_keep * (s->finetune ? 2 : 1));
  p->row = calloc(p->total + 1, sizeof *p->row);
  const char *const more[][2] = {
      {"version", LP_VERSION}, {"networks", content}, {"data", s->data}, {"backend", s->backend}};
  for (size_t i = 0; i < sizeof more / sizeof *more; i++)
    json_object_set_new(command, more[i][0], more[i][1] ? json_string(more[i][1]) : json_null());
  json_object_set_new(command, "sparse_share", json_real(s->sparse_share));
  lp_status status = lp_prune_begin(&p->folder, p->out, command);
  if (status == LP_OK && !p->row) status = out_of_memory();
  return status == LP_OK ? tell(p, NULL) : status;
}

static lp_status keep_arm(pruner *p, const char *name, size_t n) {
  char **grown = realloc(p->arm, (p->n_arms + 1) * sizeof *grown);
  if (!grown) return out_of_memory();
  p->arm = grown;
  p->arm[p->n_arms] = strndup(name, n);
  return p->arm[p->n_arms++] ? LP_OK : out_of_memory();
}

static lp_status prune_file(pruner *p, const char *path) {
  const lp_prune_spec *spec = p->spec;
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path,
             *end = strstr(base, ".safetensors");
  source s = {0};
  lp_settings *settings = NULL;
  lp_status status = keep_arm(p, base, end ? (size_t)(end - base) : strlen(base));
  if (status == LP_OK) lp_make_file_name(p->arm[0]);
  if (status == LP_OK) status = lp_model_load(path, &s.model);
  if (status == LP_OK) status = lp_settings_new(&settings);
  if (status == LP_OK) {
    s.arm = p->arm[0];
    s.seed = lp_model_spec(s.model)->seed;
    s.settings = settings;
    status = complete_settings(settings, spec, s.seed);
  }
  const char *data = spec->data ? spec->data : s.model ? lp_model_data(s.model) : NULL;
  if (status == LP_OK && !data)
    status = lp_fail(LP_ERR_ARG, "%s does not say what it was trained on; give --data", path);
  if (status == LP_OK) status = lp_model_open_data(s.model, data, LP_SPLIT_TEST, &s.test);
  if (status == LP_OK && spec->finetune)
    status = lp_model_open_data(s.model, data, LP_SPLIT_TRAIN, &s.train);
  char content[65];
  if (status == LP_OK) status = lp_sha256_file(path, content);
  if (status == LP_OK) status = begin(p, 1, content);
  if (status == LP_OK) status = prune_network(p, &s);
  if (s.train) lp_dataset_close(s.train);
  if (s.test) lp_dataset_close(s.test);
  lp_settings_free(settings);
  lp_model_free(s.model);
  return status;
}

static lp_status prune_one_of(pruner *p, lp_experiment *x, const lp_arm *arm, const char *name,
                              uint64_t seed, const char *path) {
  source s = {
      .arm = name, .seed = seed, .test = x->test, .train = p->spec->finetune ? x->train : NULL};
  lp_arm_training a;
  lp_status status = lp_arm_training_open(x, arm, &a);
  if (status != LP_OK) return status;
  status = complete_settings(a.settings, p->spec, seed);
  s.settings = a.settings;
  if (status == LP_OK) status = lp_model_load(path, &s.model);
  if (status == LP_OK) status = prune_network(p, &s);
  lp_model_free(s.model);
  lp_arm_training_close(&a);
  return status;
}

static bool is_trained(const lp_experiment *x, uint32_t arm, uint32_t seed, char **path) {
  *path = lp_run_path(x->dir, LP_RUN_MODEL, x->arms[arm].name, x->seeds[seed]);
  return *path && access(*path, R_OK) == 0;
}

/* How many networks are trained, and the hash of their files' hashes. */
static lp_status count_networks(const lp_experiment *x, uint32_t *networks, char content[65]) {
  char *all = malloc((size_t)x->n_arms * x->info.n_seeds * 65 + 1), *path;
  lp_status status = all ? LP_OK : out_of_memory();
  *networks = 0;
  for (uint32_t i = 0; i < x->n_arms; i++)
    for (uint32_t k = 0; status == LP_OK && k < x->info.n_seeds; k++) {
      if (is_trained(x, i, k, &path)) status = lp_sha256_file(path, all + 64 * (*networks)++);
      free(path);
    }
  if (status == LP_OK && !*networks)
    status = lp_fail(LP_ERR_NOT_FOUND, "%s: no network is trained yet", x->dir);
  if (status == LP_OK) status = lp_sha256(all, (size_t)*networks * 64, content);
  free(all);
  return status;
}

static lp_status prune_run(pruner *p, const char *dir) {
  lp_experiment *x = NULL;
  lp_status status = lp_experiment_resume(dir, NULL, NULL, NULL, &x);
  if (status != LP_OK) return status;
  uint32_t networks;
  char content[65], *path;
  status = count_networks(x, &networks, content);
  if (status == LP_OK) status = begin(p, networks, content);
  for (uint32_t i = 0; status == LP_OK && i < x->n_arms; i++) {
    status = keep_arm(p, x->arms[i].name, strlen(x->arms[i].name));
    for (uint32_t k = 0; status == LP_OK && k < x->info.n_seeds; k++) {
      if (is_trained(x, i, k, &path))
        status = prune_one_of(p, x, &x->arms[i], p->arm[i], x->seeds[k], path);
      free(path);
    }
  }
  lp_experiment_free(x);
  return status;
}

lp_status lp_prune(const char *what, const lp_prune_spec *spec, const char *out,
                   lp_prune_fn progress, void *user) {
  LP_POINT_NUMBERS;
  pruner p = {.spec = spec,
              .source = what,
              .out = out,
              .folder = {.lock = -1, .share = spec->sparse_share},
              .progress = progress,
              .user = user};
  struct stat st;
  lp_status status = check_spec(spec);
  if (status == LP_OK) status = lp_registry_load();
  const bool run = stat(what, &st) == 0 && S_ISDIR(st.st_mode);
  if (status == LP_OK && run && spec->data)
    status = lp_fail(LP_ERR_ARG, "data: a run folder's networks are pruned on its own data");
  if (status == LP_OK) status = lp_prune_check_out(out);
  if (status == LP_OK) status = run ? prune_run(&p, what) : prune_file(&p, what);
  if (status == LP_OK) status = lp_prune_write(&p.folder, what, spec, p.row, p.n_rows);
  status = lp_prune_end(&p.folder, out, status);
  for (uint32_t i = 0; i < p.n_arms; i++) free(p.arm[i]);
  free(p.arm);
  free(p.row);
  return status;
}
