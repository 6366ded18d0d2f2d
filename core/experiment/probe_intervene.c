/* Lesions, stimulation and noise in the trained networks of a run folder. */
#include "probe_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/analysis.h>
#include <locality/measure.h>
#include <locality/rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A network while things are done to it. */
typedef struct subject {
  const lp_run_folder *run;
  const lp_intervene_spec *spec;
  uint32_t arm, seed;
  probe_network net;
  uint32_t site, next; /* indices of the trainer's sites; next: n_sites where there is none */
  lp_places *places;
  lp_dataset *data;
  uint32_t images, classes;
  uint32_t *index;
  int32_t *labels, *before, *after;
  float **maps, *site_before, *next_before; /* maps: of every site, as they are read */
  double *t, *mean, *sd;                    /* classes x units; units */
  float *gain, *offset;
  FILE *out;
} subject;

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "intervene: out of memory");
}

static uint32_t units_of(const subject *s) {
  return s->net.site[s->site].units;
}

/* Numbers that a site gives for an image; the last step's, of a sequence. */
static const float *last_map(const subject *s, uint32_t site, const float *maps, uint32_t image) {
  const lp_site *at = &s->net.site[site];
  return maps + ((size_t)image * at->steps + at->steps - 1) * at->units;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* What was done; target: a class, or none (classes). */
typedef struct deed {
  const char *kind, *how;
  uint32_t target;
  double amount;
} deed;

static void put(FILE *f, double x) {
  fputc(',', f);
  if (isfinite(x)) fputs(lp_exact(x).text, f);
}

static void put_text(FILE *f, const char *text) {
  const bool quoted = strpbrk(text, ",\"\r\n");
  if (quoted) fputc('"', f);
  for (; *text; text++) {
    if (*text == '"') fputc('"', f);
    fputc(*text, f);
  }
  if (quoted) fputc('"', f);
}

/* Of the images of a class, or of all (classes): counted, right before and after, decided for the
 * target, changed. */
static void row(const subject *s, const deed *d, uint32_t class_, double change) {
  double n = 0, right[2] = {0}, target[2] = {0}, changed = 0;
  for (uint32_t i = 0; i < s->images; i++) {
    if (class_ < s->classes && (uint32_t)s->labels[i] != class_) continue;
    const int32_t decision[2] = {s->before[i], s->after[i]};
    n++;
    changed += decision[0] != decision[1];
    for (int k = 0; k < 2; k++) {
      right[k] += decision[k] == s->labels[i];
      target[k] += (uint32_t)decision[k] == d->target;
    }
  }
  if (n == 0) return;
  const bool aimed = d->target < s->classes;
  put_text(s->out, s->run->arm[s->arm].name);
  fprintf(s->out, ",%llu,", (unsigned long long)s->run->seed[s->seed]);
  put_text(s->out, s->net.site[s->site].name);
  fprintf(s->out, ",%s,%s,", d->kind, d->how);
  put_text(s->out, aimed ? s->run->class_name[d->target] : "");
  put(s->out, d->amount);
  fputc(',', s->out);
  put_text(s->out, class_ < s->classes ? s->run->class_name[class_] : "");
  put(s->out, n);
  put(s->out, 100 * right[0] / n);
  put(s->out, 100 * right[1] / n);
  put(s->out, aimed ? 100 * target[0] / n : NAN);
  put(s->out, aimed ? 100 * target[1] / n : NAN);
  put(s->out, 100 * changed / n);
  put(s->out, change);
  fputc('\n', s->out);
}

/* Mean |change| of the next site over its mean |activation|. */
static double next_change(const subject *s) {
  if (s->next == s->net.n_sites) return NAN;
  const uint32_t units = s->net.site[s->next].units;
  double change = 0, size = 0;
  for (uint32_t i = 0; i < s->images; i++) {
    const float *now = last_map(s, s->next, s->maps[s->next], i),
                *then = s->next_before + (size_t)i * units;
    for (uint32_t u = 0; u < units; u++) {
      change += fabs((double)now[u] - then[u]);
      size += fabs(then[u]);
    }
  }
  return size > 0 ? change / size : NAN;
}

static lp_status observe(subject *s, const lp_dataset *data, const deed *d) {
  lp_status status =
      lp_decisions(s->net.trainer, data, s->index, s->images, s->maps, s->labels, s->after);
  if (status != LP_OK) return status;
  row(s, d, s->classes, next_change(s));
  for (uint32_t c = 0; c < s->classes; c++) row(s, d, c, NAN);
  return LP_OK;
}

/* ---- lesions and stimulation ----------------------------------------------------------------- */

static void leave_alone(subject *s) {
  for (uint32_t u = 0; u < units_of(s); u++) s->gain[u] = 1, s->offset[u] = 0;
}

static lp_status steer_and_observe(subject *s, const deed *d) {
  lp_status status = lp_trainer_steer(s->net.trainer, s->site, s->gain, s->offset);
  if (status == LP_OK) status = observe(s, s->data, d);
  leave_alone(s);
  if (status == LP_OK) status = lp_trainer_steer(s->net.trainer, s->site, s->gain, s->offset);
  return status;
}

typedef struct ranked {
  double value;
  uint32_t unit;
} ranked;

static int by_value(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? -1 : 1;
  return (x->unit > y->unit) - (x->unit < y->unit);
}

/* The unit with the largest t for a class. */
static uint32_t peak_of(const subject *s, uint32_t class_) {
  const double *t = s->t + (size_t)class_ * units_of(s);
  uint32_t best = 0;
  for (uint32_t u = 1; u < units_of(s); u++)
    if (!(t[u] <= t[best])) best = isnan(t[u]) ? best : u;
  return best;
}

enum { NEAREST, SELECTIVE, RANDOM, N_LESIONS };
static const char *const lesion_name[N_LESIONS] = {"nearest", "selective", "random"};

static lp_status lesion(subject *s, int kind, uint32_t class_, double share) {
  const uint32_t units = units_of(s), n = (uint32_t)lround(share * units);
  ranked *r = malloc(sizeof *r * units);
  uint32_t *order = malloc(sizeof *order * units);
  if (!r || !order) {
    free(r);
    free(order);
    return no_memory();
  }
  const uint32_t peak = peak_of(s, class_);
  lp_rng_permutation(s->spec->seed, lp_rng_stream("probe/lesion"), class_, order, units);
  for (uint32_t u = 0; u < units; u++) {
    const double t = s->t[(size_t)class_ * units + u];
    r[u] = (ranked){kind == NEAREST     ? lp_places_distance(s->places, peak, u)
                    : kind == SELECTIVE ? (isnan(t) ? INFINITY : -t)
                                        : order[u],
                    u};
  }
  qsort(r, units, sizeof *r, by_value);
  for (uint32_t k = 0; k < n; k++) {
    s->gain[r[k].unit] = 0;
    s->offset[r[k].unit] = s->spec->mean ? (float)s->mean[r[k].unit] : 0;
  }
  free(r);
  free(order);
  const deed d = {"lesion", lesion_name[kind], class_, share};
  return steer_and_observe(s, &d);
}

static lp_status stimulate(subject *s, uint32_t class_) {
  const uint32_t peak = peak_of(s, class_);
  double sd = 0;
  for (uint32_t u = 0; u < units_of(s); u++) sd += s->sd[u] / units_of(s);
  for (uint32_t u = 0; u < units_of(s); u++) {
    const double d = lp_places_distance(s->places, peak, u) / s->spec->width;
    s->offset[u] = (float)(s->spec->strength * sd * exp(-d * d / 2));
  }
  const deed d = {"stimulation", "gaussian", class_, s->spec->strength};
  return steer_and_observe(s, &d);
}

/* ---- noise ------------------------------------------------------------------------------------
 */

static double normal(lp_rng *r) {
  const double u = 1 - lp_rng_double(r), v = lp_rng_double(r);
  return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* One weight tensor with noise of sd standard deviations of its values; sd 0: as it was. */
static lp_status shake(subject *s, const char *name, const lp_desc *desc, const float *values,
                       float *room, double sd) {
  const size_t n = (size_t)lp_numel(desc);
  double mean = 0, square = 0;
  for (size_t k = 0; k < n; k++) mean += values[k] / (double)n;
  for (size_t k = 0; k < n; k++) square += (values[k] - mean) * (values[k] - mean);
  const double scale = sd * sqrt(square / (double)n);
  char path[300];
  snprintf(path, sizeof path, "probe/%s", name);
  lp_rng r = lp_rng_make(s->spec->seed, path);
  for (size_t k = 0; k < n; k++) room[k] = (float)(values[k] + scale * normal(&r));
  return lp_session_write(lp_trainer_session(s->net.trainer), name, sd > 0 ? room : values,
                          n * sizeof *room);
}

/* All weights, from a copy of what they are. */
static lp_status shake_all(subject *s, float *const *kept, float *room, double sd) {
  lp_session *session = lp_trainer_session(s->net.trainer);
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < lp_session_var_count(session) && status == LP_OK; i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc desc;
    status = lp_session_var(session, i, &name, &kind, &desc);
    if (status == LP_OK && kept[i]) status = shake(s, name, &desc, kept[i], room, sd);
  }
  return status;
}

static lp_status keep_weights(subject *s, float **kept, size_t *largest) {
  lp_session *session = lp_trainer_session(s->net.trainer);
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < lp_session_var_count(session) && status == LP_OK; i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc desc;
    status = lp_session_var(session, i, &name, &kind, &desc);
    if (status != LP_OK || kind != LP_VAR_PARAM || lp_session_role(session, i) != LP_ROLE_WEIGHT)
      continue;
    kept[i] = malloc(lp_nbytes(&desc));
    if (!kept[i]) return no_memory();
    if (lp_nbytes(&desc) > *largest) *largest = lp_nbytes(&desc);
    status = lp_session_read(session, name, kept[i], lp_nbytes(&desc));
  }
  return status;
}

static lp_status noise_on_weights(subject *s) {
  const uint32_t n = lp_session_var_count(lp_trainer_session(s->net.trainer));
  float **kept = calloc((size_t)n + 1, sizeof *kept), *room = NULL;
  size_t largest = 0;
  lp_status status = kept ? keep_weights(s, kept, &largest) : no_memory();
  if (status == LP_OK && !(room = malloc(largest + 1))) status = no_memory();
  for (uint32_t k = 0; k < s->spec->n_noise && status == LP_OK; k++) {
    const deed d = {"noise", "weights", s->classes, s->spec->noise[k]};
    status = shake_all(s, kept, room, d.amount);
    if (status == LP_OK) status = observe(s, s->data, &d);
  }
  if (status == LP_OK) status = shake_all(s, kept, room, 0);
  for (uint32_t i = 0; kept && i < n; i++) free(kept[i]);
  free(kept);
  free(room);
  return status;
}

static lp_status noise_on_pixels(subject *s) {
  lp_status status = LP_OK;
  for (uint32_t k = 0; k < s->spec->n_noise && status == LP_OK; k++) {
    const deed d = {"noise", "pixels", s->classes, s->spec->noise[k]};
    lp_dataset *noisy;
    status = lp_dataset_noisy(s->data, d.amount, s->spec->seed, &noisy);
    if (status == LP_OK) status = observe(s, noisy, &d);
    if (noisy) lp_dataset_close(noisy);
  }
  return status;
}

/* ---- one network ------------------------------------------------------------------------------
 */

static void close_subject(subject *s) {
  for (uint32_t k = 0; s->maps && k < s->net.n_sites; k++) free(s->maps[k]);
  free(s->maps);
  free(s->site_before);
  free(s->next_before);
  free(s->index);
  free(s->labels);
  free(s->before);
  free(s->after);
  free(s->t);
  free(s->mean);
  free(s->sd);
  free(s->gain);
  free(s->offset);
  lp_places_free(s->places);
  if (s->data) lp_dataset_close(s->data);
  lp_probe_close(&s->net);
}

static lp_status find_site(subject *s) {
  const char *wanted = s->spec->site;
  if (!wanted || !*wanted)
    wanted = s->run->headline < s->run->n_sites ? s->run->site_name[s->run->headline] : "";
  while (s->site < s->net.n_sites && strcmp(s->net.site[s->site].name, wanted) != 0) s->site++;
  s->next = s->site + 1;
  if (s->site < s->net.n_sites) return LP_OK;
  const char **names = malloc(sizeof *names * ((size_t)s->net.n_sites + 1));
  if (!names) return no_memory();
  for (uint32_t k = 0; k < s->net.n_sites; k++) names[k] = s->net.site[k].name;
  lp_status status =
      lp_fail(LP_ERR_ARG, "intervene: arm %s has no site '%s'%s", s->run->arm[s->arm].name, wanted,
              lp_did_you_mean_or(wanted, names, s->net.n_sites).text);
  free(names);
  return status;
}

static lp_status make_room(subject *s) {
  const size_t n = s->images, units = units_of(s), sites = s->net.n_sites;
  const size_t next = s->next < sites ? s->net.site[s->next].units : 0;
  s->index = malloc(sizeof *s->index * (n + 1));
  s->labels = malloc(sizeof *s->labels * (n + 1));
  s->before = malloc(sizeof *s->before * (n + 1));
  s->after = malloc(sizeof *s->after * (n + 1));
  s->maps = calloc(sites + 1, sizeof *s->maps);
  s->site_before = malloc(sizeof *s->site_before * (n * units + 1));
  s->next_before = malloc(sizeof *s->next_before * (n * next + 1));
  s->t = malloc(sizeof *s->t * (s->classes * units + 1));
  s->mean = calloc(units + 1, sizeof *s->mean);
  s->sd = calloc(units + 1, sizeof *s->sd);
  s->gain = malloc(sizeof *s->gain * (units + 1));
  s->offset = malloc(sizeof *s->offset * (units + 1));
  bool ok = s->index && s->labels && s->before && s->after && s->maps && s->site_before &&
            s->next_before && s->t && s->mean && s->sd && s->gain && s->offset;
  for (uint32_t k = 0; ok && k < sites; k++) {
    const lp_site *site = &s->net.site[k];
    ok = (s->maps[k] = malloc(sizeof **s->maps * n * site->steps * site->units)) != NULL;
  }
  return ok ? LP_OK : no_memory();
}

/* The network as it is: decisions, maps, selectivity, mean and sd of the site's units. */
static lp_status observe_first(subject *s) {
  const uint32_t units = units_of(s);
  lp_dataset_selection(s->data, s->images, s->index);
  lp_status status =
      lp_decisions(s->net.trainer, s->data, s->index, s->images, s->maps, s->labels, s->before);
  if (status != LP_OK) return status;
  for (uint32_t i = 0; i < s->images; i++) {
    memcpy(s->site_before + (size_t)i * units, last_map(s, s->site, s->maps[s->site], i),
           sizeof *s->site_before * units);
    if (s->next < s->net.n_sites)
      memcpy(s->next_before + (size_t)i * s->net.site[s->next].units,
             last_map(s, s->next, s->maps[s->next], i),
             sizeof *s->next_before * s->net.site[s->next].units);
  }
  for (uint32_t u = 0; u < units; u++) {
    for (uint32_t i = 0; i < s->images; i++)
      s->mean[u] += s->site_before[(size_t)i * units + u] / (double)s->images;
    for (uint32_t i = 0; i < s->images; i++) {
      const double gap = s->site_before[(size_t)i * units + u] - s->mean[u];
      s->sd[u] += gap * gap / s->images;
    }
    s->sd[u] = sqrt(s->sd[u]);
  }
  leave_alone(s);
  lp_responses x = lp_responses_f32(s->site_before, s->images, units);
  return lp_selectivity_of(&x, s->labels, s->classes, &(lp_selectivity){.t = s->t});
}

static lp_status do_all(subject *s) {
  lp_status status = LP_OK;
  const uint32_t step = (s->classes + LP_INTERVENE_TARGETS - 1) / LP_INTERVENE_TARGETS;
  for (uint32_t c = 0; c < s->classes && status == LP_OK; c += step) {
    for (uint32_t p = 0; p < s->spec->n_shares; p++)
      for (int kind = 0; kind < N_LESIONS && status == LP_OK; kind++)
        status = lesion(s, kind, c, s->spec->share[p]);
    if (status == LP_OK) status = stimulate(s, c);
  }
  if (status == LP_OK) status = noise_on_weights(s);
  return status == LP_OK ? noise_on_pixels(s) : status;
}

static lp_status intervene(subject *s, bool *any) {
  const lp_run_arm *arm = &s->run->arm[s->arm];
  lp_status status = lp_probe_open(s->run, s->arm, s->seed, s->spec->backend, true, &s->net);
  *any = status == LP_OK && s->net.trainer;
  if (!*any) return status;
  const char *data = s->spec->data ? s->spec->data : lp_model_data(s->net.model);
  if (!data)
    status = lp_fail(LP_ERR_ARG, "intervene: the models do not say what they were trained on");
  if (status == LP_OK) status = find_site(s);
  if (status == LP_OK) status = lp_model_open_data(s->net.model, data, LP_SPLIT_TEST, &s->data);
  if (status == LP_OK)
    status = lp_run_places(arm, &arm->site[lp_run_site_index(s->run, s->net.site[s->site].name)],
                           s->run->seed[s->seed], &s->places);
  if (status == LP_OK) {
    const uint32_t count = lp_dataset_get_info(s->data)->count;
    s->images = s->spec->images < count ? s->spec->images : count;
    s->classes = s->run->n_classes;
    status = make_room(s);
  }
  if (status == LP_OK) status = observe_first(s);
  return status == LP_OK ? do_all(s) : status;
}

/* ---- the folder --------------------------------------------------------------------------------
 */

static lp_status check_spec(lp_intervene_spec *s) {
  static const double share[] = {0.1}, noise[] = {0.25, 0.5, 0.75, 1};
  if (!s->share) s->share = share, s->n_shares = 1;
  if (!s->noise) s->noise = noise, s->n_noise = 4;
  if (!(s->strength > 0)) s->strength = 3;
  if (!(s->width > 0)) s->width = 1;
  if (!s->images) s->images = 1000;
  if (!s->seed) s->seed = 1;
  for (uint32_t k = 0; k < s->n_shares; k++)
    if (!(s->share[k] > 0 && s->share[k] <= 1))
      return lp_fail(LP_ERR_ARG, "intervene: a share of %g units; it is above 0, up to 1",
                     s->share[k]);
  for (uint32_t k = 0; k < s->n_noise; k++)
    if (!(s->noise[k] > 0 && s->noise[k] < 1e6))
      return lp_fail(LP_ERR_ARG, "intervene: noise of %g standard deviations; it is above 0",
                     s->noise[k]);
  return LP_OK;
}

static lp_status each_network(const lp_run_folder *r, const lp_intervene_spec *spec, FILE *f,
                              lp_probe_fn progress, void *user) {
  const uint32_t all = r->n_arms * r->n_seeds;
  uint32_t n = 0;
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < all && status == LP_OK; i++) {
    subject s = {.run = r, .spec = spec, .arm = i / r->n_seeds, .seed = i % r->n_seeds, .out = f};
    bool any;
    status = intervene(&s, &any);
    close_subject(&s);
    n += any;
    if (status == LP_OK && any && progress &&
        !progress(user, r->arm[s.arm].name, r->seed[s.seed], i + 1, all))
      status = lp_fail(LP_ERR_INTERRUPTED, "intervene: interrupted; nothing was written");
  }
  if (status == LP_OK && !n)
    status = lp_fail(LP_ERR_NOT_FOUND, "%s has no complete network with a model file", r->dir);
  return status;
}

lp_status lp_probe_intervene(const char *dir, const lp_intervene_spec *spec, lp_probe_fn progress,
                             void *user) {
  LP_POINT_NUMBERS;
  lp_intervene_spec own = *spec;
  lp_run_folder *r = NULL;
  lp_status status = check_spec(&own);
  if (status == LP_OK) status = lp_run_folder_open(dir, &r);
  if (status != LP_OK) return status;
  char *text = NULL, *path = lp_path_join(dir, LP_RUN_INTERVENTIONS);
  size_t size = 0;
  FILE *f = path ? open_memstream(&text, &size) : NULL;
  if (!f) status = no_memory();
  if (f)
    fputs("arm,seed,site,kind,how,target,amount,class,images,accuracy_before,accuracy,"
          "target_before,target_share,changed,next_site_change\n",
          f);
  if (status == LP_OK) status = each_network(r, &own, f, progress, user);
  if (f && fclose(f) != 0 && status == LP_OK) status = no_memory();
  if (status == LP_OK) status = lp_write_file(path, text, size);
  free(text);
  free(path);
  lp_run_folder_close(r);
  return status;
}
