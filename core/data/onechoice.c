/* "one-choice": the one-choice inference task on which Achterberg et al. (Nature Machine
 * Intelligence, 2023) train recurrent networks, as their published code generates it.
 *
 * A network stands in the middle of a square whose goal is at one of its four corners. It is shown
 * the goal, then nothing, then two directions in which it may go, and answers with the one that
 * leads to the goal. A problem is an image of one row a step and eight columns: the four goals,
 * then the four directions. Each of the eight problems is drawn as often as the others; what is
 * shown has Gaussian noise in training, drawn anew in every epoch, and none in tests.
 *
 * A pixel is 64 + 128 x, so that a network gets x as it was published, rounded to 1/128. */
#include "dataset.h"

#include "../base/text.h"

#include <inttypes.h>
#include <locality/io.h>
#include <locality/rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT, UP, RIGHT, DOWN, DIRECTIONS };
enum { UP_LEFT, UP_RIGHT, DOWN_LEFT, DOWN_RIGHT, GOALS };
enum { COLUMNS = GOALS + DIRECTIONS, OFF = 64, ON = 192 };

static const char *const direction_name[DIRECTIONS] = {"left", "up", "right", "down"};

/* The published selection of goals and choices, of which one leads to the goal. */
static const struct problem {
  uint8_t goal, choice[2];
} problem[] = {{UP_RIGHT, {LEFT, UP}},      {UP_RIGHT, {RIGHT, DOWN}}, {DOWN_RIGHT, {LEFT, DOWN}},
               {DOWN_LEFT, {RIGHT, DOWN}},  {DOWN_LEFT, {LEFT, UP}},   {UP_LEFT, {UP, RIGHT}},
               {DOWN_RIGHT, {LEFT, RIGHT}}, {UP_LEFT, {LEFT, RIGHT}}};
enum { PROBLEMS = sizeof problem / sizeof *problem };

static bool leads_to(uint8_t direction, uint8_t goal) {
  switch (direction) {
  case LEFT:
    return goal == UP_LEFT || goal == DOWN_LEFT;
  case RIGHT:
    return goal == UP_RIGHT || goal == DOWN_RIGHT;
  case UP:
    return goal == UP_LEFT || goal == UP_RIGHT;
  default:
    return goal == DOWN_LEFT || goal == DOWN_RIGHT;
  }
}

static uint8_t answer(uint8_t k) {
  const struct problem *p = &problem[k];
  return p->choice[leads_to(p->choice[1], p->goal)];
}

/* ---- options ------------------------------------------------------------------------------- */

enum { GOAL, DELAY, CHOICE, TRAIN, TEST, SEED, NOISE, OPTIONS };
static const struct option {
  const char *name;
  double value, min, max;
} option[OPTIONS] = {
    [GOAL] = {"goal", 20, 1, 1000},     [DELAY] = {"delay", 10, 0, 1000},
    [CHOICE] = {"choice", 20, 1, 1000}, [TRAIN] = {"train", 5120, 2, 1e7},
    [TEST] = {"test", 2560, 2, 1e7},    [SEED] = {"seed", 1, 0, 4294967295.0},
    [NOISE] = {"noise", 0.05, 0, 0.4},
};

static lp_status set_option(const char *spec, char *token, double *value) {
  const char *names[OPTIONS];
  for (int i = 0; i < OPTIONS; i++) names[i] = option[i].name;
  char *equals = strchr(token, '='), *end = NULL;
  if (equals) *equals = '\0';
  int i = 0;
  while (i < OPTIONS && strcmp(token, names[i]) != 0) i++;
  if (i == OPTIONS)
    return lp_fail(LP_ERR_ARG, "data set '%s': unknown option '%s'%s", spec, token,
                   lp_did_you_mean_or(token, names, OPTIONS).text);
  const double v = equals ? strtod(equals + 1, &end) : NAN;
  if (!equals || end == equals + 1 || *end || !(v >= option[i].min && v <= option[i].max) ||
      (i != NOISE && v != floor(v)))
    return lp_fail(LP_ERR_ARG, "data set '%s': %s is %s from %.15g to %.15g", spec, names[i],
                   i == NOISE ? "a number" : "a whole number", option[i].min, option[i].max);
  value[i] = v;
  return LP_OK;
}

static lp_status read_options(const char *spec, const char *rest, double value[OPTIONS]) {
  for (int i = 0; i < OPTIONS; i++) value[i] = option[i].value;
  char *copy = strdup(rest), *at = copy;
  if (!copy) return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  lp_status s = lp_check_keys(rest);
  if (s != LP_OK) lp_fail_in(s, "data set '%s'", spec);
  for (char *token; *copy && s == LP_OK && (token = lp_next_token(&at));)
    s = set_option(spec, token, value);
  free(copy);
  return s;
}

/* ---- samples ------------------------------------------------------------------------------- */

typedef struct choice_set {
  lp_dataset base;
  uint8_t *drawn; /* number of the problem of every sample */
  uint32_t steps[3];
  double noise;
  char *name, transform[64], sha256[65];
  const char *file[1], *hash[1];
} choice_set;

static void choice_close(lp_dataset *d) {
  choice_set *c = (choice_set *)d;
  lp_dataset_free_common(d);
  free(c->drawn);
  free(c->name);
  free(c);
}

static void show(const choice_set *c, const struct problem *p, uint8_t *image) {
  uint8_t *row = image;
  const uint32_t all = c->steps[0] + c->steps[1] + c->steps[2];
  memset(image, OFF, (size_t)all * COLUMNS);
  for (uint32_t t = 0; t < all; t++, row += COLUMNS)
    if (t < c->steps[0])
      row[p->goal] = ON;
    else if (t >= c->steps[0] + c->steps[1])
      row[GOALS + p->choice[0]] = row[GOALS + p->choice[1]] = ON;
}

/* z: room for a deviate a pixel. */
static void add_noise(const choice_set *c, uint64_t seed, uint32_t epoch, uint32_t i, double *z,
                      uint8_t *image) {
  const uint32_t n = c->base.info.height * COLUMNS;
  lp_rng_normal(seed, lp_rng_stream("one-choice noise"), i, epoch, z, n);
  for (uint32_t k = 0; k < n; k++)
    image[k] = (uint8_t)fmin(fmax(round(image[k] + (ON - OFF) * c->noise * z[k]), 0), UINT8_MAX);
}

static lp_status choice_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                              uint32_t epoch, uint8_t *images, int32_t *labels) {
  const choice_set *c = (const choice_set *)d;
  const size_t size = (size_t)d->info.height * COLUMNS;
  double *z = malloc(size * sizeof *z);
  if (!z) return lp_fail(LP_ERR_MEMORY, "data set %s: out of memory", c->name);
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t k = c->drawn[index[i]];
    show(c, &problem[k], images + i * size);
    if (c->noise > 0) add_noise(c, seed, epoch, index[i], z, images + i * size);
    labels[i] = answer(k);
  }
  free(z);
  return LP_OK;
}

static uint32_t choice_label(const lp_dataset *d, uint32_t i) {
  return answer(((const choice_set *)d)->drawn[i]);
}

/* ---- opening ------------------------------------------------------------------------------- */

static lp_status draw(choice_set *c, const char *spec, const double value[OPTIONS],
                      lp_split split) {
  const bool training = split == LP_SPLIT_TRAIN;
  const uint32_t n = (uint32_t)value[training ? TRAIN : TEST];
  lp_rng r = lp_rng_make((uint64_t)value[SEED], training ? "one-choice train" : "one-choice test");
  c->drawn = malloc(n);
  c->name = strdup(spec);
  if (!c->drawn || !c->name) return lp_fail(LP_ERR_MEMORY, "out of memory opening %s", spec);
  for (uint32_t i = 0; i < n; i++) c->drawn[i] = (uint8_t)lp_rng_below(&r, PROBLEMS);
  for (int i = 0; i < 3; i++) c->steps[i] = (uint32_t)value[GOAL + i];
  c->noise = training ? value[NOISE] : 0;
  snprintf(c->transform, sizeof c->transform, "steps=%u+%u+%u noise=%.9g", c->steps[0], c->steps[1],
           c->steps[2], c->noise);
  c->file[0] = "(generated)";
  c->hash[0] = c->sha256;
  c->base.info =
      (lp_dataset_info){.name = c->name,
                        .count = n,
                        .channels = 1,
                        .height = c->steps[0] + c->steps[1] + c->steps[2],
                        .width = COLUMNS,
                        .classes = DIRECTIONS,
                        .class_names = direction_name,
                        .mean = {OFF / 255.0f},
                        .sd = {(ON - OFF) / 255.0f},
                        .source = "generated: Achterberg et al., Nature Machine Intelligence, 2023",
                        .file = c->file,
                        .sha256 = c->hash,
                        .n_files = 1,
                        .hashed = "the numbers of the problems",
                        .transform = c->transform};
  return lp_sha256(c->drawn, n, c->sha256);
}

lp_status lp_onechoice_open(const char *spec, const char *rest, lp_split split,
                            const lp_image_defaults *usual, lp_dataset **out) {
  (void)usual;
  double value[OPTIONS];
  lp_status s = read_options(spec, rest, value);
  if (s != LP_OK) return s;
  choice_set *c = calloc(1, sizeof *c);
  if (!c) return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  c->base.batch = choice_batch;
  c->base.label = choice_label;
  c->base.close = choice_close;
  *out = &c->base;
  return draw(c, spec, value, split);
}
