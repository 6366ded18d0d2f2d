/* How long an experiment will take: a part of every kind of its work is timed. */
#include "experiment_internal.h"

#include "../base/clock.h"
#include "../base/numbers.h"

#include <locality/analysis.h>
#include <locality/measure.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- training ------------------------------------------------------------------------------ */

enum { WARM_UP_STEPS = 2 };

#define WARM_UP_SECONDS 30.0 /* after which one step of warm-up does */

typedef struct lp_stopwatch {
  lp_trainer *trainer;
  double budget, begun, start;
  uint32_t first, last, steps; /* first: 0 while warming up */
} lp_stopwatch;

static bool until_time_is_up(void *user, const lp_progress *p) {
  lp_stopwatch *w = user;
  w->last = p->step;
  w->steps = p->steps;
  if (p->n_loss || p->step == 0) return true;
  if (!w->first) {
    /* A step is only queued by now, and a driver may compile kernels when it comes to them. */
    if (lp_session_sync(lp_trainer_session(w->trainer)) != LP_OK) return false;
    w->start = lp_seconds();
    if (p->step >= WARM_UP_STEPS || w->start - w->begun > WARM_UP_SECONDS) w->first = p->step;
    return true;
  }
  /* The last step may be a smaller batch with kernels of its own. */
  return p->step + 1 < p->steps && lp_seconds() - w->start < w->budget;
}

/* An epoch of training on t, whose first steps are not counted. */
static lp_status time_epoch(lp_trainer *t, double seconds, double *out) {
  lp_epoch_result result;
  lp_stopwatch w = {.trainer = t, .budget = seconds, .begun = lp_seconds()};
  lp_status status = lp_train_epoch(t, until_time_is_up, &w, &result);
  /* An epoch of few steps was warm-up as a whole. */
  if (status == LP_OK) status = lp_train_epoch(t, NULL, NULL, &result);
  if (status == LP_OK)
    *out = result.seconds;
  else if (status == LP_ERR_INTERRUPTED && w.first && w.last > w.first) {
    *out = (lp_seconds() - w.start) / (w.last - w.first) * w.steps;
    status = LP_OK;
  }
  return status;
}

/* ---- test images and activations ----------------------------------------------------------- */

enum { SAMPLE = 256, MOST_UNITS = 1024, SHUFFLES = 20, SHUFFLES_OF_ANALYSIS = 199 };

/* Maps of the first test images at every site. */
typedef struct lp_sample {
  const lp_site *site;
  uint32_t n_sites, n; /* images */
  uint32_t *index;
  int32_t *labels;
  float **maps;
} lp_sample;

static void sample_free(lp_sample *s) {
  for (uint32_t k = 0; s->maps && k < s->n_sites; k++) free(s->maps[k]);
  free(s->maps);
  free(s->labels);
  free(s->index);
}

static lp_status sample_new(lp_trainer *t, uint32_t n, lp_sample *s) {
  *s = (lp_sample){.n = n};
  lp_status status = lp_trainer_sites(t, &s->site, &s->n_sites);
  if (status != LP_OK) return status;
  s->index = malloc(n * sizeof *s->index);
  s->labels = malloc(n * sizeof *s->labels);
  s->maps = calloc(s->n_sites + 1, sizeof *s->maps);
  bool ok = s->index && s->labels && s->maps;
  for (uint32_t k = 0; ok && k < s->n_sites; k++)
    ok = (s->maps[k] = malloc((size_t)n * s->site[k].steps * s->site[k].units * sizeof(float))) !=
         NULL;
  if (!ok) return lp_fail(LP_ERR_MEMORY, "experiment: out of memory");
  for (uint32_t i = 0; i < n; i++) s->index[i] = i;
  return LP_OK;
}

/* A pass over all test images, as the sites of some of them take. */
static lp_status time_test(lp_trainer *t, const lp_dataset *test, lp_sample *s, double *out) {
  double start = 0;
  lp_status status = LP_OK;
  for (int go = 0; go < 2 && status == LP_OK; go++) { /* kernels are compiled in the first */
    start = lp_seconds();
    status = lp_activations(t, test, s->index, s->n, s->maps, s->labels);
  }
  *out = (lp_seconds() - start) / s->n * lp_dataset_get_info(test)->count;
  return status;
}

/* What the analysis does at one site of one network, on few shuffles and, where there are many
 * units, on a part of them: its longest parts grow with the square of the units. All but the nulls
 * is done for each step. */
static lp_status time_site(const lp_site *site, const float *maps, uint32_t n, double *out) {
  const uint32_t units = site->units < MOST_UNITS ? site->units : MOST_UNITS;
  const uint32_t rows = units == site->units && site->ndim > 1 ? site->extent[0] : 1;
  const double more = (double)site->units / units;
  lp_null_result shuffled, exact;
  double value, start = lp_seconds();
  lp_status status = lp_spatial_variance_null(maps, n, rows, units / rows, SHUFFLES, 1, &shuffled);
  const double shuffles = lp_seconds() - start;
  start = lp_seconds();
  if (status == LP_OK)
    status = lp_spatial_variance_exact_null(maps, n, rows, units / rows, false, &exact);
  const double null = lp_seconds() - start;
  start = lp_seconds();
  if (status == LP_OK) status = lp_participation_ratio(maps, n, units, &value);
  if (status == LP_OK) status = lp_mean_correlation(maps, n, units, &value);
  const double measures = (lp_seconds() - start) * site->steps;
  *out = shuffles * SHUFFLES_OF_ANALYSIS / SHUFFLES * more + (null + measures) * more * more;
  return status;
}

/* The table of measures on n images of such a site. */
static lp_status time_table(const lp_experiment *x, const lp_sample *s, uint32_t k, uint32_t n,
                            double *out) {
  const lp_site *site = &s->site[k];
  const char *measures = lp_setting_text(x->settings, "measures");
  const bool usual = strcmp(measures, "usual") == 0;
  const uint32_t units = site->units < MOST_UNITS ? site->units : MOST_UNITS;
  const uint32_t rows = units == site->units && site->ndim > 1 ? site->extent[0] : 1;
  const double more = (double)site->units / units;
  lp_places *places;
  lp_measurements m;
  *out = 0;
  if (strcmp(measures, "none") == 0) return LP_OK;
  lp_status status = lp_places_sheet(rows, units / rows, false, &places);
  if (status != LP_OK) return status;
  lp_responses maps = lp_responses_f32(s->maps[k], n, units);
  const lp_measure_input in = {.places = places,
                               .x = &maps,
                               .labels = s->labels,
                               .classes = x->info.test->classes,
                               .seed = 1,
                               .effort = usual ? LP_MEASURE_BOUNDED : LP_MEASURE_LENIENT};
  const bool all = usual || strcmp(measures, "all") == 0;
  const double start = lp_seconds();
  status = lp_measure_site(&in, all ? NULL : measures, &m);
  *out = (lp_seconds() - start) * more * more;
  if (status == LP_OK) lp_measurements_free(&m);
  lp_places_free(places);
  return status;
}

/* A part of it grows with the images, the rest (random placements) does not. */
static lp_status time_measures(const lp_experiment *x, const lp_sample *s, uint32_t k,
                               double images, double *out) {
  double few, many;
  lp_status status = time_table(x, s, k, (s->n + 1) / 2, &few);
  if (status == LP_OK) status = time_table(x, s, k, s->n, &many);
  if (status != LP_OK) return status;
  const double each = fmax(0, many - few) / (s->n - (s->n + 1) / 2 + 1);
  *out = many + each * fmax(0, images - s->n);
  return LP_OK;
}

/* All networks, each before and after its training. */
static lp_status time_analysis(const lp_experiment *x, const lp_sample *s, double *out) {
  lp_status status = LP_OK;
  const double images = fmin(lp_setting_real(x->settings, "images"), x->info.test->count);
  *out = 0;
  for (uint32_t k = 0; k < s->n_sites && status == LP_OK; k++) {
    double site = 0, table = 0;
    status = time_site(&s->site[k], s->maps[k], s->n, &site);
    if (status == LP_OK) status = time_measures(x, s, k, images, &table);
    *out += 2 * (site * images / s->n + table) * x->n_arms * x->info.n_seeds;
  }
  return status;
}

lp_status lp_experiment_estimate(lp_experiment *x, double seconds, lp_estimate *out) {
  LP_POINT_NUMBERS;
  *out = (lp_estimate){0};
  lp_arm_training a;
  lp_status status = lp_arm_training_open(x, &x->arms[0], &a);
  if (status != LP_OK) return status;
  lp_trainer *t;
  status = lp_trainer_new(&a.spec, x->train, &t);
  lp_arm_training_close(&a);
  if (status != LP_OK) return status;
  const uint32_t count = x->info.test->count;
  lp_sample s = {0};
  status = time_epoch(t, seconds, &out->epoch);
  if (status == LP_OK) status = sample_new(t, count < SAMPLE ? count : SAMPLE, &s);
  if (status == LP_OK) status = time_test(t, x->test, &s, &out->test);
  if (status == LP_OK) status = time_analysis(x, &s, &out->analysis);
  sample_free(&s);
  lp_trainer_free(t);
  return status;
}
