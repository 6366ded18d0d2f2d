/* Gratings drawn at a network's input size: orientations x spatial frequencies x phases. */
#include "dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct grating_set {
  lp_dataset base;
  lp_gratings spec;
  const char **class_name; /* degrees, with their text behind the pointers */
} grating_set;

static void grating_close(lp_dataset *d) {
  grating_set *g = (grating_set *)d;
  lp_dataset_free_common(d);
  free(g->class_name);
  free(g);
}

double lp_grating_cycles(const lp_gratings *g, uint32_t frequency) {
  const double most = (double)(g->width > g->height ? g->width : g->height) / 4,
               least = most < 2 ? most : 2;
  if (g->frequencies < 2) return least;
  return least * pow(most / least, (double)frequency / (g->frequencies - 1));
}

static void draw(const grating_set *set, uint32_t index, uint8_t *out) {
  const lp_gratings *g = &set->spec;
  const double pi = acos(-1), phase = 2 * pi * (index % g->phases) / g->phases;
  const uint32_t rest = index / g->phases, orientation = rest / g->frequencies;
  const double angle = pi * orientation / g->orientations,
               side = g->width > g->height ? g->width : g->height,
               step = 2 * pi * lp_grating_cycles(g, rest % g->frequencies) / side;
  const size_t plane = (size_t)g->height * g->width;
  for (uint32_t y = 0; y < g->height; y++)
    for (uint32_t x = 0; x < g->width; x++) {
      const double along =
          (x - (g->width - 1) / 2.0) * cos(angle) + (y - (g->height - 1) / 2.0) * sin(angle);
      const uint8_t value = (uint8_t)lround(127.5 + 127.5 * sin(step * along + phase));
      for (uint32_t c = 0; c < g->channels; c++) out[c * plane + (size_t)y * g->width + x] = value;
    }
}

static uint32_t grating_label(const lp_dataset *d, uint32_t i) {
  const lp_gratings *g = &((const grating_set *)d)->spec;
  return i / (g->phases * g->frequencies);
}

static lp_status grating_batch(const lp_dataset *d, const uint32_t *index, uint32_t n,
                               uint64_t seed, uint32_t epoch, uint8_t *images, int32_t *labels) {
  (void)seed, (void)epoch; /* nothing is augmented */
  const grating_set *set = (const grating_set *)d;
  const size_t size = (size_t)set->spec.channels * set->spec.height * set->spec.width;
  for (uint32_t i = 0; i < n; i++) {
    draw(set, index[i], images + i * size);
    labels[i] = (int32_t)grating_label(d, index[i]);
  }
  return LP_OK;
}

lp_status lp_dataset_gratings(const lp_gratings *g, lp_dataset **out) {
  enum { WIDTH = 16, MOST = 1000 };
  *out = NULL;
  const uint32_t number[] = {g->orientations, g->frequencies, g->phases};
  static const char *const name[] = {"orientations", "frequencies", "phases"};
  for (int k = 0; k < 3; k++)
    if (number[k] < (k ? 1 : 2) || number[k] > MOST)
      return lp_fail(LP_ERR_ARG, "gratings of %u %s: %d to %d are needed", number[k], name[k],
                     k ? 1 : 2, MOST);
  grating_set *set = calloc(1, sizeof *set);
  const char **names = malloc(g->orientations * (sizeof *names + WIDTH));
  if (!set || !names) {
    free(set);
    free(names);
    return lp_fail(LP_ERR_MEMORY, "out of memory for gratings");
  }
  char *text = (char *)(names + g->orientations);
  for (uint32_t i = 0; i < g->orientations; i++, text += WIDTH) {
    snprintf(text, WIDTH, "%.6g", 180.0 * i / g->orientations);
    names[i] = text;
  }
  set->spec = *g;
  set->class_name = names;
  set->base = (lp_dataset){.batch = grating_batch, .label = grating_label, .close = grating_close};
  set->base.info = (lp_dataset_info){.name = "gratings",
                                     .count = g->orientations * g->frequencies * g->phases,
                                     .channels = g->channels,
                                     .height = g->height,
                                     .width = g->width,
                                     .classes = g->orientations,
                                     .class_names = names,
                                     .mean = {0.5f, 0.5f, 0.5f, 0.5f},
                                     .sd = {1, 1, 1, 1},
                                     .source = "drawn",
                                     .by_class = true};
  *out = &set->base;
  return LP_OK;
}
