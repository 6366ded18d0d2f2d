/* A trainer's making: session, plans by use and batch size, input lanes. */
#include "train_internal.h"

#include "../base/numbers.h"

#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "training: out of memory");
}

/* ---- plans --------------------------------------------------------------------------------- */

/* What a plan of that use computes. */
static lp_status choose_targets(const lp_trainer *t, lp_use_plan key, lp_graph *g,
                                const lp_net *net, lp_val *target, uint32_t *n) {
  lp_status status = LP_OK;
  switch (key.use) {
  case USE_TRAIN:
    target[0] = net->loss;
    status = lp_optim_build(&t->optim, g, net->total, target + 1, LP_OPTIM_TOKENS, n);
    *n += 1;
    break;
  case USE_ACCUMULATE:
    target[0] = net->loss;
    *n = 2;
    status = lp_optim_accumulate(g, net->total, (float)key.batch / (float)key.total, key.first,
                                 &target[1]);
    break;
  case USE_UPDATE:
    status = lp_optim_update(&t->optim, g, target, LP_OPTIM_TOKENS, n);
    break;
  case USE_EVAL:
    target[0] = net->loss;
    *n = 1;
    break;
  case USE_ACTIVATIONS:
  case USE_DECISIONS:
    for (*n = 0; *n < net->n_sites; *n += 1) target[*n] = net->site[*n].val;
    if (!*n || key.use == USE_DECISIONS) /* a plan computes something */
      target[(*n)++] = net->log_probs;
    break;
  }
  return status;
}

/* The name that the session knows a state by. */
static lp_status keep_name(char **name, const lp_graph *g, lp_val state) {
  free(*name);
  *name = strdup(lp_graph_value_name(g, state));
  return *name ? LP_OK : out_of_memory();
}

static lp_status keep_draw(lp_penalty_states *s, const lp_graph *g, const lp_net_penalty *p) {
  s->of = *p;
  lp_status status = lp_graph_shape(g, p->draw, &s->drawn);
  if (status == LP_OK) status = keep_name(&s->draw, g, p->draw);
  if (status != LP_OK) return status;
  s->values = malloc(lp_nbytes(&s->drawn));
  return s->values ? LP_OK : out_of_memory();
}

/* Means of the network's penalties over an epoch: a pass counts by its share of the step. */
static lp_status add_penalties(lp_trainer *t, lp_use_plan key, lp_graph *g, lp_net *net,
                               lp_val *target, uint32_t *n) {
  const float part = key.total ? (float)key.batch / (float)key.total : 1;
  lp_val token;
  lp_status status = lp_net_penalty_means(g, net, part / (float)t->steps, &token);
  if (status != LP_OK || !token.id) return status;
  target[(*n)++] = token;
  if (t->penalty) return LP_OK;
  t->penalty = calloc(net->n_penalties, sizeof *t->penalty);
  t->penalty_states = calloc(net->n_penalties, sizeof *t->penalty_states);
  if (!t->penalty || !t->penalty_states) return out_of_memory();
  t->n_penalties = net->n_penalties;
  for (uint32_t i = 0; i < net->n_penalties && status == LP_OK; i++) {
    const lp_net_penalty *p = &net->penalty[i];
    t->penalty[i] = (lp_penalty_value){p->layer, p->spec, 0, 0};
    status = keep_name(&t->penalty_states[i].strength, g, p->strength);
    if (status == LP_OK) status = keep_name(&t->penalty_states[i].mean, g, p->mean);
    if (status == LP_OK && p->draw.id) status = keep_draw(&t->penalty_states[i], g, p);
  }
  return status;
}

/* Is it a part of an optimiser step? */
static bool trains(lp_plan_use use) {
  return use == USE_TRAIN || use == USE_ACCUMULATE || use == USE_UPDATE;
}

static lp_status build_graph(lp_trainer *t, lp_use_plan key, lp_graph **out, lp_val *target,
                             uint32_t *n) {
  static const char *const name[] = {"train", "accumulate",  "update",
                                     "eval",  "activations", "decisions"};
  char label[48];
  snprintf(label, sizeof label, "%s %u", name[key.use], key.batch);
  lp_status status = lp_graph_new(label, out);
  if (status != LP_OK) return status;
  bool training = trains(key.use);
  uint32_t history = training ? t->steps * t->parts : key.use == USE_EVAL ? LP_EVAL_ROWS : 0;
  lp_net net;
  status =
      lp_net_build(&t->spec.net, *out, key.batch, training ? LP_TRAIN : LP_EVAL, history, &net);
  if (status == LP_OK) status = lp_masks_put(t, *out, &net);
  if (status == LP_OK && history) status = keep_name(&t->rows[!training], *out, net.rows);
  if (status == LP_OK) status = choose_targets(t, key, *out, &net, target, n);
  if (status == LP_OK && (key.use == USE_TRAIN || key.use == USE_ACCUMULATE))
    status = add_penalties(t, key, *out, &net, target, n);
  lp_net_free(&net);
  return status;
}

static bool same_key(const lp_use_plan *a, const lp_use_plan *b) {
  return a->use == b->use && a->batch == b->batch && a->total == b->total && a->first == b->first;
}

lp_status lp_trainer_plan(lp_trainer *t, lp_use_plan key, lp_plan **out) {
  *out = NULL;
  for (uint32_t i = 0; i < t->n_plans; i++)
    if (same_key(&t->plan[i], &key)) {
      *out = t->plan[i].plan;
      return LP_OK;
    }
  if (t->n_plans == LP_MAX_PLANS) { /* odd batch sizes come from evaluation: drop the oldest such */
    uint32_t i = 0;
    while (i + 1 < t->n_plans && trains(t->plan[i].use)) i++;
    if (t->plan[i].plan == t->whole) t->whole = NULL;
    lp_plan_free(t->plan[i].plan);
    memmove(&t->plan[i], &t->plan[i + 1], (t->n_plans - i - 1) * sizeof *t->plan);
    t->n_plans--;
  }
  lp_graph *g = NULL;
  uint32_t n = 0;
  lp_val *target = calloc(lp_netspec_size(t->network) + LP_OPTIM_TOKENS + 3, sizeof *target);
  if (!target) return out_of_memory();
  lp_plan_options options = {.dry_run = t->spec.dry_run};
  lp_status status = build_graph(t, key, &g, target, &n);
  if (status == LP_OK) status = lp_trainer_note_priors(t, g);
  if (status == LP_OK) status = lp_plan_create(t->session, g, target, n, &options, out);
  lp_graph_free(g);
  free(target);
  key.plan = *out;
  if (status != LP_OK) return status;
  t->plan[t->n_plans++] = key;
  if (!t->whole) t->whole = key.plan;
  return status;
}

/* ---- lanes --------------------------------------------------------------------------------- */

static void free_lanes(lp_trainer *t) {
  for (int k = 0; k < 2; k++) {
    lp_lane *lane = &t->lane[k];
    for (int i = 0; i < 2; i++) {
      lp_session_wait(t->session, lane->pending[i]);
      lp_session_buffer_free(t->session, lane->bound[i]);
    }
    free(lane->images);
    free(lane->labels);
    *lane = (lp_lane){0};
  }
  t->lane_batch = 0;
}

static size_t image_bytes(const lp_trainer *t) {
  return (size_t)t->spec.net.in_channels * t->spec.net.in_h * t->spec.net.in_w;
}

lp_status lp_trainer_lanes(lp_trainer *t, uint32_t batch) {
  if (batch <= t->lane_batch) return LP_OK;
  lp_status status = lp_session_sync(t->session);
  free_lanes(t);
  for (int k = 0; k < 2 && status == LP_OK; k++) {
    lp_lane *lane = &t->lane[k];
    lane->images = malloc(batch * image_bytes(t));
    lane->labels = malloc(batch * sizeof *lane->labels);
    if (!lane->images || !lane->labels) return out_of_memory();
    status = lp_session_buffer(t->session, batch * image_bytes(t), &lane->bound[0]);
    if (status == LP_OK)
      status = lp_session_buffer(t->session, batch * sizeof *lane->labels, &lane->bound[1]);
  }
  if (status == LP_OK) t->lane_batch = batch;
  return status;
}

lp_status lp_lane_fill(lp_trainer *t, uint32_t k, lp_loader *loader, uint32_t n) {
  lp_lane *lane = &t->lane[k];
  for (int i = 0; i < 2; i++) { /* the copy made two steps ago must be done with the host side */
    lp_status status = lp_session_wait(t->session, lane->pending[i]);
    lane->pending[i] = NULL;
    if (status != LP_OK) return status;
  }
  uint32_t got = 0;
  lp_status status = lp_loader_next(loader, n, lane->images, lane->labels, &got);
  if (status == LP_OK && got != n)
    status = lp_fail(LP_ERR_ARG, "training: the loader gave %u images, expected %u", got, n);
  if (status == LP_OK)
    status = lp_session_upload(t->session, lane->bound[0], lane->images, n * image_bytes(t),
                               &lane->pending[0]);
  if (status == LP_OK)
    status = lp_session_upload(t->session, lane->bound[1], lane->labels, n * sizeof *lane->labels,
                               &lane->pending[1]);
  return status;
}

/* ---- sites --------------------------------------------------------------------------------- */

lp_status lp_trainer_sites(lp_trainer *t, const lp_site **site, uint32_t *n) {
  if (!t->site) { /* their shapes are known once the network is built */
    lp_graph *g = NULL;
    lp_net net = {0};
    lp_status status = lp_graph_new("sites", &g);
    if (status == LP_OK) status = lp_net_build(&t->spec.net, g, 1, LP_EVAL, 0, &net);
    if (status == LP_OK && !(t->site = calloc(net.n_sites + 1, sizeof *t->site)))
      status = out_of_memory();
    if (status == LP_OK) {
      t->n_sites = net.n_sites;
      memcpy(t->site, net.site, net.n_sites * sizeof *t->site);
    }
    lp_net_free(&net);
    lp_graph_free(g);
    if (status != LP_OK) return status;
  }
  *site = t->site;
  *n = t->n_sites;
  return LP_OK;
}

/* ---- trainer ------------------------------------------------------------------------------- */

uint32_t lp_batch_size(const lp_trainer *t, uint32_t step) {
  uint32_t left = t->n_train - step * t->batch;
  return left < t->batch ? left : t->batch;
}

/* Batch norm cannot use a single sample: where one would be left over, the last pass gets one of
 * the pass before, or, if that has two, is joined to it. */
uint32_t lp_part(const lp_trainer *t, uint32_t step, uint32_t part, uint32_t *first) {
  const uint32_t n = lp_batch_size(t, step), size = t->part_batch, whole = n / size,
                 left = n % size;
  *first = part * size;
  if (*first >= n) return 0;
  if (left != 1 || whole == 0 || part + 1 < whole) return part < whole ? size : left;
  if (size == 2) return part < whole ? size + 1 : 0;
  *first -= part == whole;
  return part < whole ? size - 1 : 2;
}

uint32_t lp_part_size(const lp_trainer *t, uint32_t step, uint32_t part) {
  uint32_t first;
  return lp_part(t, step, part, &first);
}

uint32_t lp_part_most(const lp_trainer *t) {
  return t->parts > 1 && t->part_batch == 2 ? 3 : t->part_batch;
}

/* All plans of an epoch, so that nothing is compiled inside one. */
static lp_status make_training_plans(lp_trainer *t) {
  lp_status status = LP_OK;
  lp_plan *plan;
  const uint32_t kind[] = {0, t->steps - 1}; /* whole batches, and the last one of an epoch */
  for (int k = 0; k < 2 && status == LP_OK; k++) {
    uint32_t total = lp_batch_size(t, kind[k]);
    if (t->parts == 1) {
      status = lp_trainer_plan(t, (lp_use_plan){.use = USE_TRAIN, .batch = total}, &plan);
      continue;
    }
    for (uint32_t part = 0; part < t->parts && status == LP_OK; part++) {
      uint32_t n = lp_part_size(t, kind[k], part);
      if (n)
        status =
            lp_trainer_plan(t, (lp_use_plan){USE_ACCUMULATE, n, total, part == 0, NULL}, &plan);
    }
  }
  if (status == LP_OK && t->parts > 1)
    status = lp_trainer_plan(t, (lp_use_plan){.use = USE_UPDATE, .batch = t->part_batch}, &plan);
  return status;
}

static lp_status check_images(const lp_net_spec *s, const lp_dataset *train) {
  if (!train) return LP_OK;
  const lp_dataset_info *info = lp_dataset_get_info(train);
  if (info->count < 2)
    return lp_fail(LP_ERR_ARG, "training: %s has %u samples", info->name, info->count);
  if (info->channels != s->in_channels || info->height != s->in_h || info->width != s->in_w)
    return lp_fail(
        LP_ERR_SHAPE, "training: images of %s are %u x %u x %u, the network takes %u x %u x %u",
        info->name, info->channels, info->height, info->width, s->in_channels, s->in_h, s->in_w);
  if (info->classes > s->classes)
    return lp_fail(LP_ERR_SHAPE, "training: %s has %u classes, the network %u", info->name,
                   info->classes, s->classes);
  return LP_OK;
}

/* Evaluation takes as many images at a time as a pass of training, for which there is memory, and
 * up to 250 where images are small. A function of the network and the batch alone. */
static uint32_t eval_batch(const lp_trainer *t, uint32_t train_batch) {
  const size_t room = (size_t)4 << 20, image = image_bytes(t);
  size_t n = image && room / image < 250 ? room / image : 250;
  if (n < train_batch) n = train_batch;
  return n ? (uint32_t)n : 1;
}

static lp_status open_session(lp_trainer *t) {
  char *device = lp_train_device(t->settings);
  if (!device) return out_of_memory();
  lp_status status = lp_session_open(device, t->seed, &t->session);
  free(device);
  return status;
}

static lp_status set_up(lp_trainer *t, const lp_train_spec *spec, const lp_dataset *train) {
  t->spec = *spec;
  lp_status status = spec->settings ? lp_settings_copy(spec->settings, &t->settings)
                                    : lp_settings_new(&t->settings);
  if (status != LP_OK) return status;
  const lp_settings *s = t->spec.settings = t->settings;
  t->seed = (uint64_t)lp_setting_int(s, "seed");
  t->epochs = (uint32_t)lp_setting_int(s, "epochs");
  status = lp_train_optim(s, &t->optim);
  if (status == LP_OK) status = lp_net_spec_network(&spec->net, &t->network);
  if (status == LP_OK) status = lp_masks_take(t);
  if (status != LP_OK) return status;
  t->spec.net.network = t->network;
  if (!(t->spec.net.priors = lp_prior_store_new())) return out_of_memory();
  t->spec.net.model = t->spec.net.layer = t->spec.net.set = NULL; /* are in the network */
  if (train) t->spec.net.seed = t->seed; /* else that of the model to come */
  status = check_images(&spec->net, train);
  if (status == LP_OK) status = open_session(t);
  if (status != LP_OK) return status;
  t->eval_batch = eval_batch(t, 0);
  if (!train) { /* variables exist from the start, so that a model can be written into them */
    lp_plan *plan;
    return lp_trainer_plan(t, (lp_use_plan){.use = USE_EVAL, .batch = t->eval_batch}, &plan);
  }

  t->train = train;
  t->n_train = lp_dataset_get_info(train)->count;
  const uint32_t batch = (uint32_t)lp_setting_int(s, "batch"),
                 accumulate = (uint32_t)lp_setting_int(s, "accumulate");
  t->batch = batch < t->n_train ? batch : t->n_train;
  t->steps = t->n_train / t->batch + (t->n_train % t->batch > 1);
  t->order = malloc(t->n_train * sizeof *t->order);
  t->part_batch = (t->batch + accumulate - 1) / accumulate;
  if (t->part_batch < 2) t->part_batch = 2;
  t->parts = (t->batch + t->part_batch - 1) / t->part_batch;
  t->eval_batch = eval_batch(t, lp_part_most(t));
  t->history = calloc((size_t)t->steps * t->parts * 4, sizeof *t->history);
  if (!t->order || !t->history) return out_of_memory();
  lp_status made = make_training_plans(t);
  return made == LP_OK ? lp_trainer_open_places(t) : made;
}

lp_status lp_trainer_new(const lp_train_spec *spec, const lp_dataset *train, lp_trainer **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  lp_trainer *t = calloc(1, sizeof *t);
  if (!t) return out_of_memory();
  lp_status status = set_up(t, spec, train);
  if (status != LP_OK) {
    lp_trainer_free(t);
    return status;
  }
  *out = t;
  return LP_OK;
}

void lp_trainer_free(lp_trainer *t) {
  if (!t) return;
  if (t->session) {
    lp_session_sync(t->session);
    free_lanes(t);
    for (uint32_t i = 0; i < t->n_plans; i++) lp_plan_free(t->plan[i].plan);
    lp_session_close(t->session);
  }
  lp_masks_free(t);
  free(t->site);
  for (uint32_t i = 0; t->penalty_states && i < t->n_penalties; i++) {
    free(t->penalty_states[i].strength);
    free(t->penalty_states[i].mean);
    free(t->penalty_states[i].draw);
    free(t->penalty_states[i].values);
  }
  free(t->penalty_states);
  for (uint32_t i = 0; i < t->n_places; i++) lp_place_free(&t->place[i]);
  free(t->place);
  free(t->placement);
  free(t->penalty);
  for (int i = 0; i < 2; i++) free(t->rows[i]);
  lp_prior_store_free(t->spec.net.priors);
  lp_netspec_free(t->network);
  lp_settings_free(t->settings);
  free(t->priors);
  free(t->order);
  free(t->history);
  free(t->profile);
  free(t);
}

lp_session *lp_trainer_session(lp_trainer *t) {
  return t->session;
}

void lp_trainer_position(const lp_trainer *t, uint32_t *epoch, uint32_t *step) {
  *epoch = t->epoch;
  *step = t->step;
}

lp_status lp_trainer_memory(lp_trainer *t, lp_train_memory *out) {
  LP_POINT_NUMBERS;
  memset(out, 0, sizeof *out);
  lp_plan *plan;
  lp_status status = LP_OK;
  static const lp_plan_use other[] = {USE_EVAL, USE_ACTIVATIONS};
  for (size_t i = 0; i < 2 && status == LP_OK; i++)
    status = lp_trainer_plan(t, (lp_use_plan){.use = other[i], .batch = t->eval_batch}, &plan);
  if (status != LP_OK) return status;
  for (uint32_t i = 0; i < t->n_plans; i++) { /* scratch memory is shared, constants are in all */
    lp_plan_info info;
    lp_plan_get_info(t->plan[i].plan, &info);
    if (info.persistent_bytes > out->persistent) out->persistent = info.persistent_bytes;
    if (info.transient_bytes > out->transient) out->transient = info.transient_bytes;
  }
  const uint32_t batch = t->eval_batch; /* no smaller than that of training */
  out->images = 2 * (uint64_t)batch * (image_bytes(t) + sizeof(int32_t));
  out->copies = out->images;
  if (t->train) out->copies += lp_loader_bytes(t->train, t->n_train, batch) + out->persistent;
  return LP_OK;
}

void lp_trainer_plan_info(const lp_trainer *t, lp_plan_info *out) {
  if (t->whole)
    lp_plan_get_info(t->whole, out);
  else
    memset(out, 0, sizeof *out);
}
