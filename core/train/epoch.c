/* The training loop: one epoch, step by step. */
#include "train_internal.h"

#include "../base/clock.h"
#include "../base/numbers.h"

#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_BACK_SECONDS 10.0

/* ---- penalties ----------------------------------------------------------------------------- */

uint32_t lp_trainer_penalties(const lp_trainer *t, const lp_penalty_value **out) {
  *out = t->penalty;
  return t->n_penalties;
}

/* Strengths of the epoch that begins or goes on, and means that begin at 0. */
static lp_status begin_penalties(lp_trainer *t) {
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < t->n_penalties && status == LP_OK; i++) {
    const lp_penalty_states *state = &t->penalty_states[i];
    lp_penalty_value *p = &t->penalty[i];
    status = lp_penalty_strength(p->penalty, t->epoch, t->epochs, &p->strength);
    const float strength = (float)p->strength, zero = 0;
    if (status == LP_OK)
      status = lp_session_write(t->session, state->strength, &strength, sizeof strength);
    if (status == LP_OK && !t->step)
      status = lp_session_write(t->session, state->mean, &zero, sizeof zero);
  }
  return status;
}

/* What penalties draw anew in every step. */
static lp_status draw_penalties(lp_trainer *t) {
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < t->n_penalties && status == LP_OK; i++) {
    lp_penalty_states *s = &t->penalty_states[i];
    if (!s->draw) continue;
    status = lp_penalty_draw(&s->of, t->seed, t->iteration, &s->drawn, s->values);
    if (status == LP_OK)
      status = lp_session_write(t->session, s->draw, s->values, lp_nbytes(&s->drawn));
  }
  return status;
}

static lp_status end_penalties(lp_trainer *t) {
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < t->n_penalties && status == LP_OK; i++) {
    float mean = 0;
    status = lp_session_read(t->session, t->penalty_states[i].mean, &mean, sizeof mean);
    t->penalty[i].value = (double)mean;
  }
  return status;
}

/* The penalty that adds most; NULL: there is none. Called when something is wrong: what is not
 * finite, or cannot be read, counts as most. */
static const lp_penalty_value *strongest(lp_trainer *t) {
  const lp_penalty_value *found = NULL;
  double most = -1;
  for (uint32_t i = 0; i < t->n_penalties; i++) {
    float mean = NAN;
    if (lp_session_read(t->session, t->penalty_states[i].mean, &mean, sizeof mean) != LP_OK)
      mean = NAN;
    const double term = isfinite(mean) ? t->penalty[i].strength * (double)mean : INFINITY;
    if (term > most) most = term, found = &t->penalty[i];
  }
  return found;
}

/* ---- one epoch ----------------------------------------------------------------------------- */

/* Batch order of the current epoch: a function of seed and epoch, shared by all arms. */
static void draw_order(lp_trainer *t) {
  if (t->order_epoch == t->epoch + 1) return;
  lp_rng_permutation(t->seed, lp_rng_stream("batch order"), t->epoch, t->order, t->n_train);
  t->order_epoch = t->epoch + 1;
}

/* Adds the times of a profiled run of the full-batch plan to the sums. */
static lp_status add_profile(lp_trainer *t, lp_plan *plan) {
  lp_plan_info info;
  lp_plan_get_info(plan, &info);
  lp_profile_row *row = calloc(info.steps + 1, sizeof *row);
  uint32_t n = 0;
  if (!row) return lp_fail(LP_ERR_MEMORY, "profile: out of memory");
  lp_status status = lp_plan_profile(plan, row, info.steps, &n);
  if (status == LP_OK && !t->profile) {
    t->profile = row;
    t->n_profile = n;
    t->profiled = 1;
    return LP_OK;
  }
  for (uint32_t i = 0; status == LP_OK && i < n && i < t->n_profile; i++)
    t->profile[i].seconds += row[i].seconds;
  if (status == LP_OK) t->profiled++;
  free(row);
  return status;
}

/* Enqueues pass `part` of the current step; lane k holds its samples. */
static lp_status run_part(lp_trainer *t, uint32_t part, uint32_t k, double lr) {
  uint32_t first, n = lp_part(t, t->step, part, &first), total = lp_batch_size(t, t->step);
  lp_use_plan key = {.use = USE_TRAIN, .batch = n};
  if (t->parts > 1) key = (lp_use_plan){USE_ACCUMULATE, n, total, part == 0, NULL};
  lp_plan *plan;
  lp_status status = lp_trainer_plan(t, key, &plan);
  if (status != LP_OK) return status;
  lp_run run = {.iteration = t->iteration, .bound = t->lane[k].bound, .n_bound = 2};
  run.sample_offset = first;
  run.scalars[LP_SCALAR_LR] = lr;
  run.scalars[LP_SCALAR_ROW] = t->step * t->parts + part;
  run.profile = t->profiling && plan == t->whole;
  status = lp_plan_run(plan, &run);
  return status == LP_OK && run.profile ? add_profile(t, plan) : status;
}

/* The optimiser's step on the gradients that several passes have summed. */
static lp_status run_update(lp_trainer *t, double lr) {
  lp_plan *plan;
  lp_status status =
      lp_trainer_plan(t, (lp_use_plan){.use = USE_UPDATE, .batch = t->part_batch}, &plan);
  if (status != LP_OK) return status;
  lp_run run = {.iteration = t->iteration, .bound = t->lane[0].bound, .n_bound = 2};
  run.scalars[LP_SCALAR_LR] = lr;
  return lp_plan_run(plan, &run);
}

/* Mean loss over the samples of a step, from the rows of its passes. */
static float step_loss(const lp_trainer *t, uint32_t step) {
  const float *row = t->history + (size_t)step * t->parts * 4;
  if (t->parts == 1) return row[0];
  double sum = 0, count = 0;
  for (uint32_t part = 0; part < t->parts; part++, row += 4) {
    sum += (double)row[0] * (double)row[3];
    count += (double)row[3];
  }
  return (float)(sum / count);
}

/* Reads the metrics of this epoch's steps and hands complete blocks of losses on. */
static lp_status deliver_losses(lp_trainer *t, lp_progress *p, lp_progress_fn progress, void *user,
                                bool *go_on, lp_epoch_result *out) {
  lp_status status = lp_session_read(t->session, t->rows[0], t->history,
                                     (size_t)t->steps * t->parts * 4 * sizeof *t->history);
  if (status != LP_OK) return status;
  for (uint32_t i = 0; i < t->step; i++) {
    float loss = step_loss(t, i);
    if (isfinite(loss)) continue;
    out->steps = t->iteration - t->step + i + 1;
    out->loss = (double)loss;
    out->lr = p->lr;
    const lp_penalty_value *most = strongest(t);
    if (most)
      return lp_fail(
          LP_ERR_NONFINITE,
          "the loss became %s at step %llu (epoch %u) with learning rate %g and strength "
          "%g of penalty %.*s on %s; lower one of them",
          isnan(loss) ? "not a number" : "infinite", (unsigned long long)out->steps, t->epoch + 1,
          p->lr, most->strength, (int)strcspn(most->penalty, ":"), most->penalty, most->layer);
    return lp_fail(LP_ERR_NONFINITE,
                   "the loss became %s at step %llu (epoch %u) with learning rate %g; lower the "
                   "learning rate",
                   isnan(loss) ? "not a number" : "infinite", (unsigned long long)out->steps,
                   t->epoch + 1, p->lr);
  }
  float block[LP_LOSS_BLOCK];
  while (t->delivered < t->step) {
    uint32_t n = t->step - t->delivered;
    if (n > LP_LOSS_BLOCK) n = LP_LOSS_BLOCK;
    if (n < LP_LOSS_BLOCK && t->step < t->steps) break; /* not complete yet */
    for (uint32_t i = 0; i < n; i++) block[i] = step_loss(t, t->delivered + i);
    t->delivered += n;
    if (!progress) continue;
    p->loss = block;
    p->n_loss = n;
    p->last_step = t->delivered;
    *go_on &= progress(user, p);
    p->loss = NULL;
    p->n_loss = 0;
  }
  return LP_OK;
}

/* Sample-weighted means over the epoch's rows: loss, top-1, top-5, count. */
static void summarise(const float *row, uint32_t n, lp_epoch_result *out) {
  double loss = 0, top1 = 0, top5 = 0, count = 0;
  for (uint32_t i = 0; i < n; i++, row += 4) {
    loss += (double)row[0] * (double)row[3];
    top1 += (double)row[1];
    top5 += (double)row[2];
    count += (double)row[3];
  }
  out->loss = loss / count;
  out->accuracy = 100.0 * top1 / count;
  out->top5 = 100.0 * top5 / count;
}

/* Samples in an order of their own, loaded ahead. */
typedef struct lp_feed {
  uint32_t *index;
  lp_loader *loader;
} lp_feed;

static void feed_close(lp_feed *f) {
  lp_loader_free(f->loader);
  free(f->index);
}

/* What is left of the epoch: the samples of all passes to come. */
static lp_status feed_training(lp_feed *f, const lp_trainer *t) {
  *f = (lp_feed){.index = malloc(t->n_train * sizeof *f->index)};
  if (!f->index) return lp_fail(LP_ERR_MEMORY, "training: out of memory");
  uint32_t n = 0;
  for (uint32_t step = t->step; step < t->steps; step++)
    for (uint32_t part = 0; part < t->parts; part++) {
      uint32_t first, size = lp_part(t, step, part, &first);
      const uint32_t *from = t->order + (size_t)step * t->batch + first;
      if (size) memcpy(f->index + n, from, size * sizeof *f->index);
      n += size;
    }
  return lp_loader_new(t->train, f->index, n, lp_part_most(t), t->seed, t->epoch, LP_LOADER_AUTO,
                       &f->loader);
}

/* Samples index[0..n-1] of a data set; NULL: the first n. */
static lp_status feed_chosen(lp_feed *f, const lp_trainer *t, const lp_dataset *data,
                             const uint32_t *index, uint32_t n) {
  *f = (lp_feed){.index = malloc((n + 1) * sizeof *f->index)};
  if (!f->index) return lp_fail(LP_ERR_MEMORY, "evaluation: out of memory");
  for (uint32_t i = 0; i < n; i++) f->index[i] = index ? index[i] : i;
  return lp_loader_new(data, f->index, n, t->eval_batch, t->seed, 0, LP_LOADER_AUTO, &f->loader);
}

/* Starts the copy of pass `part` of a step into lane k. Passes are loaded in their order. */
static lp_status fill(lp_trainer *t, lp_loader *loader, uint32_t step, uint32_t part, uint32_t k) {
  return lp_lane_fill(t, k, loader, lp_part_size(t, step, part));
}

/* One optimiser step: every pass runs while the next one's samples, or those of the next step, are
 * copied. *k is the lane that holds the step's first pass, and in the end the next step's. */
static lp_status run_step(lp_trainer *t, lp_loader *loader, uint32_t *k, double lr) {
  lp_status status = draw_penalties(t);
  for (uint32_t part = 0; status == LP_OK && part < t->parts && lp_part_size(t, t->step, part);
       part++) {
    status = run_part(t, part, *k, lr);
    *k ^= 1;
    bool more = part + 1 < t->parts && lp_part_size(t, t->step, part + 1);
    if (status == LP_OK && more)
      status = fill(t, loader, t->step, part + 1, *k);
    else if (status == LP_OK && t->step + 1 < t->steps)
      status = fill(t, loader, t->step + 1, 0, *k);
  }
  if (status == LP_OK && t->parts > 1) status = run_update(t, lr);
  t->iteration++;
  t->step++;
  return status;
}

/* The steps that are left of the epoch. */
static lp_status train_steps(lp_trainer *t, lp_loader *loader, double lr, lp_progress_fn progress,
                             void *user, lp_epoch_result *out) {
  double read_back = lp_seconds(), start = read_back - t->spent; /* as if the epoch went through */
  lp_progress p = {.epoch = t->epoch + 1, .steps = t->steps, .lr = lr};
  uint32_t lane = 0;
  lp_status status = fill(t, loader, t->step, 0, lane);

  bool go_on = true;
  while (status == LP_OK && t->step < t->steps) {
    p.step = t->step;
    p.seconds = lp_seconds() - start;
    if (progress && !progress(user, &p)) go_on = false;
    if (!go_on) {
      status = lp_session_sync(t->session);
      t->spent = lp_seconds() - start;
      return status == LP_OK
                 ? lp_fail(LP_ERR_INTERRUPTED, "training: stopped in epoch %u after step %u",
                           p.epoch, t->step)
                 : status;
    }
    status = run_step(t, loader, &lane, lr);
    if (status == LP_OK && lp_seconds() - read_back > READ_BACK_SECONDS) {
      status = deliver_losses(t, &p, progress, user, &go_on, out);
      read_back = lp_seconds();
    }
  }
  if (status == LP_OK) status = lp_session_sync(t->session);
  out->seconds = lp_seconds() - start;
  p.step = t->step;
  p.seconds = out->seconds;
  if (status == LP_OK) status = deliver_losses(t, &p, progress, user, &go_on, out);
  return status;
}

lp_status lp_train_epoch(lp_trainer *t, lp_progress_fn progress, void *user, lp_epoch_result *out) {
  LP_POINT_NUMBERS;
  memset(out, 0, sizeof *out);
  if (!t->train || t->spec.dry_run)
    return lp_fail(LP_ERR_ARG, "training: this trainer has no training data");
  double lr = lp_train_rate(t->settings, t->epoch);
  lp_feed feed = {0};
  lp_status status = lp_trainer_lanes(t, lp_part_most(t));
  draw_order(t);
  if (status == LP_OK) status = begin_penalties(t);
  if (status == LP_OK) status = feed_training(&feed, t);
  if (status == LP_OK) status = train_steps(t, feed.loader, lr, progress, user, out);
  if (status == LP_OK) {
    out->waited = lp_loader_waited(feed.loader);
    lp_log(LP_LOG_INFO, "epoch %u: %.2f s of %.2f s went into waiting for images and copying them",
           t->epoch + 1, out->waited, out->seconds);
  }
  feed_close(&feed);
  if (status == LP_OK) status = end_penalties(t);
  if (status == LP_OK) status = lp_trainer_place_now(t);
  if (status != LP_OK) return status;

  summarise(t->history, t->steps * t->parts, out);
  t->epoch++;
  t->step = t->delivered = 0;
  t->spent = 0;
  out->epoch = t->epoch;
  out->steps = t->iteration;
  out->lr = lr;
  return LP_OK;
}

void lp_trainer_set_profile(lp_trainer *t, bool on) {
  t->profiling = on;
}

lp_status lp_trainer_profile(lp_trainer *t, lp_profile_row *out, uint32_t cap, uint32_t *n) {
  LP_POINT_NUMBERS;
  *n = t->n_profile;
  if (!t->profiled) return lp_fail(LP_ERR_ARG, "profile: no step was profiled");
  for (uint32_t i = 0; i < t->n_profile && i < cap; i++) {
    out[i] = t->profile[i];
    out[i].seconds /= (double)t->profiled;
  }
  return LP_OK;
}

/* ---- evaluation ---------------------------------------------------------------------------- */

/* Rows of up to LP_EVAL_ROWS batches, added to the sums of loss, hits and samples. */
static lp_status add_rows(lp_trainer *t, uint32_t rows, double sum[4]) {
  float row[LP_EVAL_ROWS * 4];
  lp_status status = lp_session_read(t->session, t->rows[1], row, sizeof row);
  for (uint32_t i = 0; status == LP_OK && i < rows; i++) {
    sum[0] += (double)row[4 * i] * (double)row[4 * i + 3];
    for (int k = 1; k < 4; k++) sum[k] += (double)row[4 * i + (uint32_t)k];
  }
  return status;
}

lp_status lp_evaluate(lp_trainer *t, const lp_dataset *data, lp_epoch_result *out) {
  LP_POINT_NUMBERS;
  memset(out, 0, sizeof *out);
  double start = lp_seconds(), sum[4] = {0};
  uint32_t count = lp_dataset_get_info(data)->count, rows = 0;
  lp_feed feed;
  lp_status status = feed_chosen(&feed, t, data, NULL, count);
  if (status == LP_OK) status = lp_trainer_lanes(t, t->eval_batch);
  for (uint32_t first = 0, b = 0; first < count && status == LP_OK; first += t->eval_batch, b++) {
    uint32_t n = count - first < t->eval_batch ? count - first : t->eval_batch;
    lp_plan *plan;
    status = lp_trainer_plan(t, (lp_use_plan){.use = USE_EVAL, .batch = n}, &plan);
    if (status == LP_OK) status = lp_lane_fill(t, b % 2, feed.loader, n);
    lp_run run = {.bound = t->lane[b % 2].bound, .n_bound = 2};
    run.scalars[LP_SCALAR_ROW] = rows++;
    if (status == LP_OK) status = lp_plan_run(plan, &run);
    if (status == LP_OK && (rows == LP_EVAL_ROWS || first + n == count)) {
      status = add_rows(t, rows, sum);
      rows = 0;
    }
  }
  feed_close(&feed);
  if (status != LP_OK) return status;
  out->epoch = t->epoch;
  out->steps = t->iteration;
  out->loss = sum[0] / sum[3];
  out->accuracy = 100.0 * sum[1] / sum[3];
  out->top5 = 100.0 * sum[2] / sum[3];
  out->seconds = lp_seconds() - start;
  return LP_OK;
}

/* Sites, and, where decisions are wanted, the class with the largest output of each sample. */
static lp_status look(lp_trainer *t, const lp_dataset *data, const uint32_t *index, uint32_t n,
                      float *const *maps, int32_t *labels, int32_t *decision) {
  LP_POINT_NUMBERS;
  const lp_site *site;
  uint32_t n_sites;
  const uint32_t classes = t->spec.net.classes;
  lp_status status = lp_trainer_sites(t, &site, &n_sites);
  lp_feed feed = {0};
  float *out = decision ? malloc(sizeof *out * t->eval_batch * classes) : NULL;
  if (decision && !out) status = lp_fail(LP_ERR_MEMORY, "evaluation: out of memory");
  if (status == LP_OK) status = feed_chosen(&feed, t, data, index, n);
  if (status == LP_OK) status = lp_trainer_lanes(t, t->eval_batch);
  const lp_plan_use use = decision ? USE_DECISIONS : USE_ACTIVATIONS;
  for (uint32_t first = 0; first < n && status == LP_OK; first += t->eval_batch) {
    uint32_t m = n - first < t->eval_batch ? n - first : t->eval_batch;
    lp_plan *plan;
    status = lp_trainer_plan(t, (lp_use_plan){.use = use, .batch = m}, &plan);
    if (status == LP_OK) status = lp_lane_fill(t, 0, feed.loader, m);
    if (status == LP_OK) memcpy(labels + first, t->lane[0].labels, m * sizeof *labels);
    lp_run run = {.bound = t->lane[0].bound, .n_bound = 2};
    if (status == LP_OK) status = lp_plan_run(plan, &run);
    for (uint32_t k = 0; k < n_sites && maps && status == LP_OK; k++) {
      const size_t each = (size_t)site[k].steps * site[k].units;
      status = lp_plan_read(plan, k, maps[k] + first * each, m * each * sizeof(float));
    }
    if (!decision || status != LP_OK) continue;
    status = lp_plan_read(plan, n_sites, out, sizeof *out * m * classes);
    for (uint32_t i = 0; i < m && status == LP_OK; i++) {
      const float *row = out + (size_t)i * classes;
      decision[first + i] = 0;
      for (uint32_t c = 1; c < classes; c++)
        if (row[c] > row[decision[first + i]]) decision[first + i] = (int32_t)c;
    }
  }
  feed_close(&feed);
  free(out);
  return status;
}

lp_status lp_activations(lp_trainer *t, const lp_dataset *data, const uint32_t *index, uint32_t n,
                         float *const *maps, int32_t *labels) {
  return look(t, data, index, n, maps, labels, NULL);
}

lp_status lp_decisions(lp_trainer *t, const lp_dataset *data, const uint32_t *index, uint32_t n,
                       float *const *maps, int32_t *labels, int32_t *decision) {
  return look(t, data, index, n, maps, labels, decision);
}

lp_status lp_trainer_steer(lp_trainer *t, uint32_t k, const float *gain, const float *offset) {
  const lp_site *site;
  uint32_t n;
  lp_status status = lp_trainer_sites(t, &site, &n);
  if (status == LP_OK && (k >= n || !t->spec.net.steer))
    status = lp_fail(LP_ERR_ARG, "a network that was not built to be steered has no site %u", k);
  static const char *const name[] = {"gain", "offset"};
  const float *const value[] = {gain, offset};
  for (int i = 0; i < 2 && status == LP_OK; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s.%s", site[k].layer, name[i]);
    status = lp_session_write(t->session, path, value[i], site[k].units * sizeof(float));
  }
  return status;
}
