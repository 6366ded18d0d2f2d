/* Arms at matched accuracy: the strongest value of an arm's knob that costs no more accuracy than
 * was allowed. "$match" in an arm stands for the value; candidates are trained on a part of the
 * training images and judged on the rest, so that the test images know nothing of the choice. */
#include "experiment_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"
#include "../io/json.h"

#include <locality/io.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE "$match"

/* The option: "of=accuracy,within=0.5,over=(0.1,1,10),validation=10000". */
typedef struct rule {
  lp_axis *axis;
  uint32_t n_axes;
  double within;
  const lp_axis *over;
  uint32_t validation; /* images held out; 0: a sixth */
} rule;

typedef struct search {
  lp_experiment *x;
  const char *path; /* of match.json */
  rule rule;
  lp_dataset *data[2];
  json_t *tried; /* [{"arm", "value", "accuracy", "training"}] */
  double reference;
  lp_experiment_fn progress;
  void *user;
  const char *arm; /* being trained */
} search;

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "match: out of memory");
}

/* ---- the rule -------------------------------------------------------------------------------- */

static lp_status read_number(const lp_axis *a, double least, double most, double *out) {
  char *end = NULL;
  *out = a->n_values == 1 ? strtod(a->value[0], &end) : NAN;
  if (end && end != a->value[0] && !*end && *out >= least && *out <= most) return LP_OK;
  return lp_fail(LP_ERR_ARG, "match: %s: one number from %g to %g", a->key, least, most);
}

static lp_status read_key(rule *r, const lp_axis *a) {
  static const char *const names[] = {"of", "within", "over", "validation"};
  double n;
  lp_status status;
  size_t i = 0;
  while (i < 4 && strcmp(a->key, names[i]) != 0) i++;
  switch (i) {
  case 0:
    if (a->n_values == 1 && strcmp(a->value[0], "accuracy") == 0) return LP_OK;
    return lp_fail(LP_ERR_ARG, "match: of: only accuracy can be matched");
  case 1:
    return read_number(a, 0, 100, &r->within);
  case 2:
    r->over = a;
    return LP_OK;
  case 3:
    status = read_number(a, 1, 1e9, &n);
    r->validation = status == LP_OK ? (uint32_t)n : 0;
    return status;
  default:
    return lp_fail(LP_ERR_ARG, "match: unknown '%s'%s", a->key,
                   lp_did_you_mean_or(a->key, names, 4).text);
  }
}

static void free_rule(rule *r) {
  lp_sweep_free(r->axis, r->n_axes);
}

static lp_status read_rule(const lp_settings *s, rule *r) {
  *r = (rule){.within = 0.5};
  const char *text = lp_setting_text(s, "match");
  lp_status status = lp_sweep_parse(text, &r->axis, &r->n_axes);
  if (status != LP_OK) return lp_fail_in(status, "match");
  for (uint32_t i = 0; i < r->n_axes && status == LP_OK; i++) status = read_key(r, &r->axis[i]);
  if (status == LP_OK && !r->over)
    status =
        lp_fail(LP_ERR_ARG, "match: over: the values to try, from the weakest to the strongest, "
                            "are missing");
  if (status == LP_OK && *lp_setting_text(s, "sweep"))
    status = lp_fail(LP_ERR_ARG, "match: it cannot be had together with a sweep");
  return status;
}

/* Text with every "$match" replaced; malloc'ed, NULL out of memory. */
static char *filled(const char *text, const char *value) {
  char *out = NULL;
  size_t size;
  FILE *f = open_memstream(&out, &size);
  if (!f) return NULL;
  for (const char *at; (at = strstr(text, PLACE)); text = at + strlen(PLACE))
    fprintf(f, "%.*s%s", (int)(at - text), text, value);
  fputs(text, f);
  return fclose(f) == 0 ? out : NULL;
}

lp_status lp_match_arms(const lp_settings *s, char **arms) {
  const char *text = lp_setting_text(s, "arms");
  const bool wanted = strstr(text, PLACE) != NULL;
  rule r = {0};
  lp_status status = LP_OK;
  *arms = NULL;
  if (wanted && !*lp_setting_text(s, "match"))
    return lp_fail(LP_ERR_ARG, "arms: " PLACE " stands in one, and there is no `match:`");
  if (wanted) status = read_rule(s, &r);
  if (status == LP_OK && !(*arms = filled(text, wanted ? r.over->value[0] : "")))
    status = out_of_memory();
  free_rule(&r);
  return status;
}

bool lp_match_wanted(const lp_experiment *x) {
  return strstr(lp_setting_text(x->settings, "arms"), PLACE) != NULL;
}

/* ---- what was tried ---------------------------------------------------------------------------
 */

/* Equal texts are equal trainings: SHA-256 of the arm, the settings, the data and the device. */
static lp_status training_of(const search *s, const lp_arm_training *a, const char *item,
                             char hex[65]) {
  char *bits = lp_settings_bits(a->settings), *text = NULL;
  const lp_dataset_info *d = s->x->info.train;
  const int n = bits ? asprintf(&text, "%s|%s|%s|%s|%s|%" PRIu32 "|%s", item,
                                lp_setting_text(s->x->settings, "set"), bits, d->name,
                                d->n_files ? d->sha256[0] : "",
                                lp_dataset_get_info(s->data[1])->count, s->x->kernels)
                     : -1;
  lp_status status = n < 0 ? out_of_memory() : lp_sha256(text, (size_t)n, hex);
  free(bits);
  if (n >= 0) free(text);
  return status;
}

static const json_t *find(const search *s, const char *training) {
  size_t i;
  const json_t *one;
  json_array_foreach(s->tried, i, one) {
    const char *text = json_string_value(json_object_get(one, "training"));
    if (text && strcmp(text, training) == 0) return one;
  }
  return NULL;
}

static lp_status keep(const search *s) {
  json_t *root = json_pack("{s:O}", "tried", s->tried);
  char *text = root ? lp_json_text(root, JSON_INDENT(2)) : NULL;
  lp_status status = text ? lp_write_file(s->path, text, strlen(text)) : out_of_memory();
  free(text);
  json_decref(root);
  return status;
}

/* ---- one candidate ----------------------------------------------------------------------------
 */

static bool on_progress(void *user, const lp_progress *p) {
  const search *s = user;
  const lp_settings *set = s->x->settings;
  if (s->progress && !p->n_loss) {
    const lp_experiment_progress step = {.event = LP_EVENT_STEP,
                                         .arm = s->arm,
                                         .seed = (uint64_t)lp_setting_int(set, "seed"),
                                         .epoch = p->epoch,
                                         .epochs = (uint32_t)lp_setting_int(set, "epochs"),
                                         .total = 1};
    s->progress(s->user, &step);
  }
  return !atomic_load(&s->x->stop);
}

/* A loss that is not finite is an accuracy of 0. */
static lp_status train(search *s, const lp_arm_training *a, double *accuracy) {
  lp_trainer *t = NULL;
  lp_epoch_result r = {0};
  const int64_t epochs = lp_setting_int(s->x->settings, "epochs");
  lp_status status = lp_trainer_new(&a->spec, s->data[0], &t);
  for (int64_t e = 0; e < epochs && status == LP_OK; e++)
    status = lp_train_epoch(t, on_progress, s, &r);
  if (status == LP_OK) status = lp_evaluate(t, s->data[1], &r);
  lp_trainer_free(t);
  *accuracy = status == LP_OK ? r.accuracy : 0;
  return status == LP_ERR_NONFINITE ? LP_OK : status;
}

/* Validation accuracy of the arm that an item of `arms` means. */
static lp_status try_item(search *s, const char *item, const char *value, double *accuracy) {
  lp_arm *arm = NULL;
  uint32_t n = 0;
  lp_arm_training a = {0};
  char training[65];
  lp_status status = lp_arms_parse(item, &arm, &n);
  if (status == LP_OK) status = lp_arm_training_open(s->x, arm, &a);
  if (status == LP_OK) status = training_of(s, &a, item, training);
  const json_t *before = status == LP_OK ? find(s, training) : NULL;
  s->arm = arm && n ? arm->name : "";
  if (before) {
    *accuracy = json_number_value(json_object_get(before, "accuracy"));
  } else if (status == LP_OK) {
    status = train(s, &a, accuracy);
    if (status == LP_OK)
      json_array_append_new(s->tried,
                            json_pack("{s:s, s:s, s:f, s:s}", "arm", arm->name, "value", value,
                                      "accuracy", *accuracy, "training", training));
    if (status == LP_OK) status = keep(s);
  }
  lp_arm_training_close(&a);
  lp_arms_free(arm, n);
  return status;
}

/* ---- the search -------------------------------------------------------------------------------
 */

/* Accuracy is taken to fall with the strength: the interval between a value that serves and one
 * that does not is halved. *best: n_values where not even the weakest serves. */
static lp_status bisect(search *s, const char *item, uint32_t *best, double *accuracy) {
  const lp_axis *over = s->rule.over;
  uint32_t low = 0, high = over->n_values; /* below low all serve, from high on none does */
  *accuracy = NAN;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    char *text = filled(item, over->value[middle]);
    double got;
    lp_status status = text ? try_item(s, text, over->value[middle], &got) : out_of_memory();
    free(text);
    if (status != LP_OK) return status;
    if (got >= s->reference - s->rule.within) {
      low = middle + 1;
      *accuracy = got;
    } else {
      high = middle;
    }
  }
  *best = low ? low - 1 : over->n_values;
  return LP_OK;
}

/* Items of `arms` with their values; chosen: {"ARM": {"value", "accuracy", "within"}}. */
static lp_status choose(search *s, char *items, FILE *arms, json_t *chosen) {
  const lp_axis *over = s->rule.over;
  lp_status status = LP_OK;
  uint32_t i = 0;
  for (char *item; status == LP_OK && (item = lp_next_token(&items)); i++) {
    if (!strstr(item, PLACE)) {
      fprintf(arms, "%s%s", i ? "," : "", item);
      continue;
    }
    uint32_t best;
    double accuracy;
    status = bisect(s, item, &best, &accuracy);
    if (status != LP_OK) break;
    const bool serves = best < over->n_values;
    const char *value = over->value[serves ? best : 0];
    if (!serves)
      lp_log(LP_LOG_WARNING,
             "match: arm %s: not even %s costs less than %g points of accuracy; it is taken",
             s->x->arms[i].name, value, s->rule.within);
    char *text = filled(item, value);
    if (!text) return out_of_memory();
    fprintf(arms, "%s%s", i ? "," : "", text);
    free(text);
    json_object_set_new(chosen, s->x->arms[i].name,
                        json_pack("{s:s, s:o, s:b}", "value", value, "accuracy",
                                  lp_json_number(accuracy), "within", serves));
  }
  return status;
}

static lp_status open_search(search *s) {
  lp_status status = read_rule(s->x->settings, &s->rule);
  const uint32_t all = s->x->info.train->count;
  if (status == LP_OK)
    status = lp_dataset_hold_out(s->x->train, s->rule.validation ? s->rule.validation : all / 6,
                                 s->data);
  json_t *before = status == LP_OK ? json_load_file(s->path, 0, NULL) : NULL;
  s->tried = json_is_array(json_object_get(before, "tried"))
                 ? json_incref(json_object_get(before, "tried"))
                 : json_array();
  json_decref(before);
  return status;
}

static void close_search(search *s) {
  for (int i = 0; i < 2; i++)
    if (s->data[i]) lp_dataset_close(s->data[i]);
  json_decref(s->tried);
  free_rule(&s->rule);
}

/* The reference arm's item, which has no value to be found. */
static lp_status try_reference(search *s) {
  const char *text = lp_setting_text(s->x->settings, "arms");
  char *items = strdup(text), *rest = items, *item = NULL;
  if (!items) return out_of_memory();
  for (uint32_t i = 0; (item = lp_next_token(&rest)); i++)
    if (s->x->arms[i].name == s->x->info.reference) break;
  lp_status status =
      item && strstr(item, PLACE)
          ? lp_fail(LP_ERR_ARG, "match: %s, which the others are matched to, holds " PLACE,
                    s->x->info.reference)
          : try_item(s, item ? item : "control", "", &s->reference);
  free(items);
  return status;
}

lp_status lp_match_search(lp_experiment *x, const char *path, lp_experiment_fn progress, void *user,
                          char **arms, json_t **record) {
  LP_POINT_NUMBERS;
  search s = {.x = x, .path = path, .progress = progress, .user = user};
  size_t size;
  char *items = strdup(lp_setting_text(x->settings, "arms"));
  json_t *chosen = json_object();
  *arms = NULL;
  FILE *f = open_memstream(arms, &size);
  lp_status status = f && items && chosen ? open_search(&s) : out_of_memory();
  if (status == LP_OK) status = try_reference(&s);
  if (status == LP_OK) status = choose(&s, items, f, chosen);
  if (f && fclose(f) != 0 && status == LP_OK) status = out_of_memory();
  if (status == LP_OK)
    *record = json_pack(
        "{s:s, s:f, s:f, s:I, s:I, s:O, s:O}", "of", "accuracy", "within", s.rule.within,
        "reference", s.reference, "validation", (json_int_t)lp_dataset_get_info(s.data[1])->count,
        "seed", (json_int_t)lp_setting_int(x->settings, "seed"), "arms", chosen, "tried", s.tried);
  if (status == LP_OK && !*record) status = out_of_memory();
  json_decref(chosen);
  free(items);
  close_search(&s);
  return status;
}
