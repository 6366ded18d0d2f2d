/* The runs of an experiment: one network each, side by side in jobs, each with its checkpoint,
 * metrics, model and activations. A run that fails leaves the others alone. */
#include "experiment_internal.h"

#include "../base/clock.h"
#include "../base/numbers.h"
#include "../io/json.h"

#include <locality/io.h>

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_SECONDS 0.1
/* A checkpoint may take a twentieth of the time at most, however large it is. */
#define CHECKPOINT_SHARE 20.0

/* All runs of a call, and what their threads share. */
typedef struct lp_runs {
  lp_experiment *x;
  lp_run_state *run;
  uint32_t n, epochs;
  double *done, *before; /* epochs done of each run, and how many of them before this call */
  atomic_uint next;
  lp_run_metrics *metrics;
  pthread_mutex_t lock; /* of what follows, of done, and of calls to progress */
  lp_experiment_fn progress;
  void *user;
  lp_experiment_outcome outcome;
  double start, reported;
} lp_runs;

/* One run while it is trained. */
typedef struct lp_work {
  lp_runs *all;
  uint32_t index;
  lp_run_state *run;
  lp_trainer *trainer;
  double saved, save_cost; /* when the last checkpoint was done, and what it took */
  lp_status failure;       /* of a callback, with its text */
  char message[512];
} lp_work;

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "experiment: out of memory");
}

/* ---- reporting ----------------------------------------------------------------------------- */

static void report(lp_work *w, lp_experiment_progress p, double done) {
  lp_runs *a = w->all;
  pthread_mutex_lock(&a->lock);
  a->done[w->index] = done;
  double now = lp_seconds();
  bool due = p.event != LP_EVENT_STEP || now - a->reported >= REPORT_SECONDS;
  if (due && a->progress) {
    a->reported = now;
    p.arm = w->run->arm->name;
    p.seed = w->run->seed;
    p.epochs = a->epochs;
    p.elapsed = now - a->start;
    for (uint32_t i = 0; i < a->n; i++) {
      p.done += a->done[i];
      p.fresh += a->done[i] - a->before[i];
    }
    p.total = (double)a->n * p.epochs;
    a->progress(a->user, &p);
  }
  pthread_mutex_unlock(&a->lock);
}

static json_t *line(const lp_work *w, const char *event) {
  return json_pack("{s:s, s:s, s:I}", "event", event, "arm", w->run->arm->name, "seed",
                   (json_int_t)w->run->seed);
}

static lp_status write_line(lp_work *w, json_t *base, json_t *rest) {
  if (!base || !rest || json_object_update(base, rest) != 0) {
    json_decref(base);
    base = NULL;
  }
  json_decref(rest);
  return lp_run_metrics_write(w->all->metrics, base);
}

static lp_status write_train(lp_work *w, const lp_progress *p) {
  double sum = 0;
  for (uint32_t i = 0; i < p->n_loss; i++) sum += (double)p->loss[i];
  uint64_t step = (uint64_t)(p->epoch - 1) * p->steps + p->last_step;
  return write_line(w, line(w, "train"),
                    json_pack("{s:I, s:I, s:o, s:f}", "epoch", (json_int_t)p->epoch, "step",
                              (json_int_t)step, "loss", lp_json_number(sum / p->n_loss), "lr",
                              p->lr));
}

static json_t *placement_json(const lp_placement *p) {
  const struct {
    const char *name;
    const double *value;
  } part[] = {{"wiring", p->wiring}, {"alignment", p->alignment}, {"variance", p->variance}};
  json_t *o =
      json_pack("{s:s, s:s, s:I, s:I, s:I}", "layer", p->layer, "by", p->by, "units",
                (json_int_t)p->units, "moved", (json_int_t)p->moved, "swaps", (json_int_t)p->swaps);
  for (int i = 0; i < 3; i++)
    json_object_set_new(
        o, part[i].name,
        json_pack("[o, o]", lp_json_number(part[i].value[0]), lp_json_number(part[i].value[1])));
  return o;
}

static lp_status write_epoch(lp_work *w, const lp_epoch_result *train,
                             const lp_epoch_result *test) {
  json_t *rest =
      json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:f}", "epoch", (json_int_t)train->epoch,
                "steps", (json_int_t)train->steps, "train_loss", lp_json_number(train->loss),
                "train_accuracy", lp_json_number(train->accuracy), "loss",
                lp_json_number(test->loss), "accuracy", lp_json_number(test->accuracy), "top5",
                lp_json_number(test->top5), "lr", train->lr, "seconds", train->seconds);
  const lp_penalty_value *penalty;
  const uint32_t n = lp_trainer_penalties(w->trainer, &penalty);
  json_t *all = n ? json_array() : NULL;
  double total = train->loss; /* what was minimised */
  for (uint32_t i = 0; i < n; i++) total += penalty[i].strength * penalty[i].value;
  for (uint32_t i = 0; i < n; i++)
    json_array_append_new(
        all, json_pack("{s:s, s:s, s:f, s:o, s:o}", "layer", penalty[i].layer, "penalty",
                       penalty[i].penalty, "strength", penalty[i].strength, "value",
                       lp_json_number(penalty[i].value), "share",
                       lp_json_number(penalty[i].strength * penalty[i].value / total)));
  if (all) json_object_set_new(rest, "penalties", all);
  const lp_placement *place;
  const uint32_t places = lp_trainer_placements(w->trainer, &place);
  all = places ? json_array() : NULL;
  for (uint32_t i = 0; i < places; i++) json_array_append_new(all, placement_json(&place[i]));
  if (all) json_object_set_new(rest, "placements", all);
  return write_line(w, line(w, "epoch"), rest);
}

/* ---- one run ------------------------------------------------------------------------------- */

static lp_status save_checkpoint(lp_work *w) {
  double start = lp_seconds();
  lp_status status = lp_checkpoint_save(w->trainer, w->run->checkpoint);
  w->saved = lp_seconds();
  w->save_cost = w->saved - start;
  return status;
}

static bool checkpoint_due(const lp_work *w) {
  double since = lp_seconds() - w->saved;
  return since >= lp_setting_real(w->all->x->settings, "checkpoint_seconds") &&
         since >= CHECKPOINT_SHARE * w->save_cost;
}

static bool on_progress(void *user, const lp_progress *p) {
  lp_work *w = user;
  lp_status status = LP_OK;
  if (p->n_loss)
    status = write_train(w, p);
  else if (p->step && p->step < p->steps && checkpoint_due(w))
    status = save_checkpoint(w);
  if (status != LP_OK && w->failure == LP_OK) {
    w->failure = status;
    snprintf(w->message, sizeof w->message, "%s", lp_error_message());
  }
  lp_experiment_progress step = {.event = LP_EVENT_STEP, .epoch = p->epoch};
  report(w, step, p->epoch - 1 + (double)p->step / p->steps);
  return w->failure == LP_OK && !atomic_load(&w->all->x->stop);
}

static lp_status save_activations(lp_work *w, const char *path);

/* Of the last epoch they are kept in any case. */
static lp_status save_frame(lp_work *w, uint32_t epoch) {
  const lp_experiment *x = w->all->x;
  if (w->run->seed != x->seeds[0] || epoch >= w->all->epochs || !lp_film_wants(x->settings, epoch))
    return LP_OK;
  char *path = lp_run_frame_path(x->dir, w->run->arm->name, w->run->seed, epoch);
  lp_status status = path ? save_activations(w, path) : out_of_memory();
  free(path);
  return status;
}

static lp_status train_epochs(lp_work *w, lp_epoch_result *train) {
  const lp_experiment *x = w->all->x;
  uint32_t epoch, step;
  lp_trainer_position(w->trainer, &epoch, &step);
  while (epoch < w->all->epochs) {
    if (atomic_load(&x->stop)) return lp_fail(LP_ERR_INTERRUPTED, "stopped after epoch %u", epoch);
    lp_epoch_result test;
    lp_status status = lp_train_epoch(w->trainer, on_progress, w, train);
    if (w->failure != LP_OK) return lp_fail(w->failure, "%s", w->message);
    if (status == LP_OK) status = lp_evaluate(w->trainer, x->test, &test);
    if (status == LP_OK) status = write_epoch(w, train, &test);
    if (status == LP_OK) status = save_frame(w, epoch + 1);
    if (status == LP_OK) status = save_checkpoint(w);
    if (status != LP_OK) return status;
    lp_trainer_position(w->trainer, &epoch, &step);
    lp_experiment_progress done = {.event = LP_EVENT_EPOCH,
                                   .epoch = epoch,
                                   .loss = test.loss,
                                   .accuracy = test.accuracy,
                                   .seconds = train->seconds};
    report(w, done, epoch);
  }
  return LP_OK;
}

/* Activations and labels of the test images that are analysed. */
typedef struct lp_kept {
  const char **name;
  uint32_t *units, *steps;
  float **maps;
  uint32_t n_sites;
  int32_t *labels;
  uint32_t *index;
} lp_kept;

static bool make_room(lp_kept *k, const lp_site *site, uint32_t n) {
  k->name = calloc(k->n_sites + 1, sizeof *k->name);
  k->units = calloc(k->n_sites + 1, sizeof *k->units);
  k->steps = calloc(k->n_sites + 1, sizeof *k->steps);
  k->maps = calloc(k->n_sites + 1, sizeof *k->maps);
  k->labels = malloc(n * sizeof *k->labels);
  k->index = malloc(n * sizeof *k->index);
  bool ok = k->name && k->units && k->steps && k->maps && k->labels && k->index;
  for (uint32_t i = 0; i < k->n_sites && ok; i++) {
    k->name[i] = site[i].name;
    k->units[i] = site[i].units;
    k->steps[i] = site[i].steps;
    k->maps[i] = malloc((size_t)n * site[i].steps * site[i].units * sizeof **k->maps);
    ok = k->maps[i] != NULL;
  }
  return ok;
}

static void free_kept(lp_kept *k) {
  for (uint32_t i = 0; k->maps && i < k->n_sites; i++) free(k->maps[i]);
  free(k->maps);
  free(k->units);
  free(k->steps);
  free(k->name);
  free(k->labels);
  free(k->index);
}

/* A network that records no site has none. */
static lp_status save_activations(lp_work *w, const char *path) {
  const lp_experiment *x = w->all->x;
  const lp_dataset_info *d = x->info.test;
  const uint32_t most = (uint32_t)lp_setting_int(x->settings, "images"),
                 n = most < d->count ? most : d->count;
  const lp_site *site;
  lp_kept k = {0};
  lp_status status = lp_trainer_sites(w->trainer, &site, &k.n_sites);
  if (status != LP_OK || !k.n_sites) return status;
  if (!make_room(&k, site, n)) status = out_of_memory();
  if (status == LP_OK) {
    lp_dataset_selection(x->test, n, k.index);
    status = lp_activations(w->trainer, x->test, k.index, n, k.maps, k.labels);
  }
  if (status == LP_OK)
    status = lp_run_maps_write(path, k.name, k.units, k.steps, k.maps, k.n_sites, k.labels, n);
  free_kept(&k);
  return status;
}

static lp_status do_run(lp_work *w, lp_epoch_result *last) {
  lp_experiment *x = w->all->x;
  lp_arm_training a;
  lp_status status = lp_arm_training_open(x, w->run->arm, &a);
  if (status != LP_OK) return status;
  char seed[24];
  snprintf(seed, sizeof seed, "%" PRIu64, w->run->seed);
  status = lp_settings_set(a.settings, "seed", seed);
  if (status == LP_OK) status = lp_trainer_new(&a.spec, x->train, &w->trainer);
  lp_arm_training_close(&a);
  if (status == LP_OK && w->run->has_checkpoint)
    status = lp_checkpoint_load(w->trainer, w->run->checkpoint);
  else if (status == LP_OK) /* what the layer does before it has learnt anything */
    status = save_activations(w, w->run->untrained);
  if (status != LP_OK) return status;
  w->saved = lp_seconds();
  status = train_epochs(w, last);
  if (status == LP_ERR_INTERRUPTED) {
    lp_status saved = save_checkpoint(w);
    return saved == LP_OK ? lp_fail(LP_ERR_INTERRUPTED, "interrupted; its checkpoint is written")
                          : saved;
  }
  if (status == LP_OK) status = lp_model_save(w->trainer, w->run->model);
  if (status == LP_OK) status = save_activations(w, w->run->activations);
  return status;
}

static const char *status_word(lp_status status) {
  return status == LP_OK                ? "complete"
         : status == LP_ERR_NONFINITE   ? "nonfinite"
         : status == LP_ERR_INTERRUPTED ? "interrupted"
                                        : "failed";
}

/* The end line of a run, what is left of its checkpoint, and its place in the outcome. */
static void finish_run(lp_work *w, lp_status status, const lp_epoch_result *last) {
  lp_runs *a = w->all;
  char message[1024];
  snprintf(message, sizeof message, "%s", status == LP_OK ? "" : lp_error_message());
  uint32_t epoch = 0, step = 0;
  if (w->trainer) lp_trainer_position(w->trainer, &epoch, &step);
  double done = status == LP_ERR_NONFINITE ? (double)a->epochs : a->done[w->index];

  json_t *rest = json_pack("{s:s}", "status", status_word(status));
  if (status == LP_ERR_NONFINITE)
    json_object_update_new(rest, json_pack("{s:I, s:I, s:f}", "epoch", (json_int_t)epoch + 1,
                                           "step", (json_int_t)last->steps, "lr", last->lr));
  if (status != LP_OK) json_object_set_new(rest, "message", json_string(message));
  lp_status written = write_line(w, line(w, "end"), rest);
  if (written != LP_OK && status == LP_OK) {
    status = written;
    snprintf(message, sizeof message, "%s", lp_error_message());
  }
  if (status == LP_OK || status == LP_ERR_NONFINITE) unlink(w->run->checkpoint);

  pthread_mutex_lock(&a->lock);
  a->outcome.complete += status == LP_OK;
  a->outcome.nonfinite += status == LP_ERR_NONFINITE;
  a->outcome.interrupted += status == LP_ERR_INTERRUPTED;
  a->outcome.failed +=
      status != LP_OK && status != LP_ERR_NONFINITE && status != LP_ERR_INTERRUPTED;
  pthread_mutex_unlock(&a->lock);
  lp_experiment_progress end = {
      .event = LP_EVENT_END, .epoch = epoch, .status = status_word(status), .message = message};
  report(w, end, done);
}

static void *work(void *user) {
  LP_POINT_NUMBERS;
  lp_runs *a = user;
  uint32_t i;
  while (!atomic_load(&a->x->stop) && (i = atomic_fetch_add(&a->next, 1)) < a->n) {
    if (a->run[i].finished) continue;
    lp_work w = {.all = a, .index = i, .run = &a->run[i]};
    lp_epoch_result last = {0};
    lp_experiment_progress begin = {.event = LP_EVENT_START, .epoch = w.run->epoch + 1};
    report(&w, begin, a->before[i]);
    lp_status status = do_run(&w, &last);
    finish_run(&w, status, &last);
    lp_trainer_free(w.trainer);
  }
  return NULL;
}

/* ---- all runs ------------------------------------------------------------------------------ */

/* Seeds outside, arms inside: what is done after a while compares all arms. */
static lp_status list_runs(lp_runs *a) {
  const lp_experiment *x = a->x;
  a->n = x->n_arms * x->info.n_seeds;
  a->run = calloc(a->n, sizeof *a->run);
  a->done = calloc(a->n, sizeof *a->done);
  a->before = calloc(a->n, sizeof *a->before);
  if (!a->run || !a->done || !a->before) return out_of_memory();
  for (uint32_t i = 0; i < a->n; i++) {
    lp_run_state *r = &a->run[i];
    r->arm = &x->arms[i % x->n_arms];
    r->seed = x->seeds[i / x->n_arms];
    r->model = lp_run_path(x->dir, LP_RUN_MODEL, r->arm->name, r->seed);
    r->activations = lp_run_path(x->dir, LP_RUN_ACTIVATIONS, r->arm->name, r->seed);
    r->untrained = lp_run_path(x->dir, LP_RUN_UNTRAINED, r->arm->name, r->seed);
    r->checkpoint = lp_run_path(x->dir, LP_RUN_CHECKPOINT, r->arm->name, r->seed);
    if (!r->model || !r->activations || !r->untrained || !r->checkpoint) return out_of_memory();
  }
  return LP_OK;
}

static void free_runs(lp_runs *a) {
  for (uint32_t i = 0; a->run && i < a->n; i++) {
    free(a->run[i].model);
    free(a->run[i].activations);
    free(a->run[i].untrained);
    free(a->run[i].checkpoint);
  }
  free(a->run);
  free(a->done);
  free(a->before);
  lp_run_metrics_close(a->metrics);
  pthread_mutex_destroy(&a->lock);
}

static void count_finished(lp_runs *a) {
  for (uint32_t i = 0; i < a->n; i++) {
    lp_run_state *r = &a->run[i];
    a->before[i] = a->done[i] = r->finished ? (double)a->epochs : r->epoch;
    if (!r->finished) continue;
    a->outcome.nonfinite += r->nonfinite;
    a->outcome.complete += !r->nonfinite;
    unlink(r->checkpoint); /* there only if the program was killed right at the run's end */
  }
}

static lp_status run_jobs(lp_runs *a) {
  uint32_t jobs = a->x->info.jobs, started = 0;
  pthread_t *thread = calloc(jobs, sizeof *thread);
  if (!thread) return out_of_memory();
  lp_status status = LP_OK;
  for (uint32_t i = 1; i < jobs; i++) {
    int error = pthread_create(&thread[started], NULL, work, a);
    if (error) lp_log(LP_LOG_WARNING, "only %u of %u jobs: %s", started + 1, jobs, strerror(error));
    if (error) break;
    started++;
  }
  work(a);
  for (uint32_t i = 0; i < started; i++) pthread_join(thread[i], NULL);
  free(thread);
  if (atomic_load(&a->x->stop)) status = lp_fail(LP_ERR_INTERRUPTED, "%s: interrupted", a->x->dir);
  return status;
}

lp_status lp_runs_do(lp_experiment *x, const char *const *command, uint32_t n_command,
                     lp_experiment_fn progress, void *user, lp_experiment_outcome *out) {
  int lock;
  lp_status status = lp_run_folder_lock(x->dir, &lock);
  if (status != LP_OK) return status;
  lp_run_folder_clean(x->dir);
  lp_runs a = {.x = x,
               .epochs = (uint32_t)lp_setting_int(x->settings, "epochs"),
               .progress = progress,
               .user = user,
               .start = lp_seconds()};
  pthread_mutex_init(&a.lock, NULL);
  status = lp_extend_manifest(x, command, n_command);
  if (status == LP_OK) status = list_runs(&a);
  if (status == LP_OK) status = lp_runs_rewind(x->dir, a.run, a.n);
  if (status == LP_OK) status = lp_run_metrics_open(x->dir, &a.metrics);
  if (status == LP_OK) {
    count_finished(&a);
    status = run_jobs(&a);
  }
  *out = a.outcome;
  out->broken_train = lp_dataset_broken(x->train);
  out->broken_test = lp_dataset_broken(x->test);
  if (status == LP_OK) status = lp_dataset_note_broken(x->train);
  if (status == LP_OK) status = lp_dataset_note_broken(x->test);
  if (status == LP_OK) status = lp_manifest_add_warnings(x);
  free_runs(&a);
  close(lock);
  return status;
}
