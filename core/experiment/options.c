/* The table of options, shared by the command line, experiment files and the manifest. */
#include "experiment_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/registry.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT(field) offsetof(lp_options, field)
#define BOTH      (LP_USE_EXPERIMENT | LP_USE_TRAIN)
#define ARM       (BOTH | LP_USE_ARM)

/* Defaults are the published settings of the MNIST experiment (Sax 2017), with the optimiser that
 * reproduces its accuracy. Order of enum choices: lp_optimizer, lp_decay after auto, lp_schedule.
 */
static const lp_option table[] = {
    {"title", LP_OPTION_TEXT, "", 0, 0, NULL, "title of the experiment in its report",
     LP_USE_EXPERIMENT, AT(title)},
    {"model", LP_OPTION_TEXT, "lenet", 0, 0, NULL, "network to train", BOTH, AT(model)},
    {"data", LP_OPTION_TEXT, "mnist", 0, 0, NULL,
     "data set: a known name, idx:DIR or imagefolder:DIR", BOTH, AT(data)},
    {"crop_area", LP_OPTION_REAL, "0.08", 0.01, 1, NULL,
     "least part of an image file that a random crop shows, where the data do not say", BOTH,
     AT(crop_area)},
    {"arms", LP_OPTION_LIST, "control,linear", 0, 0, NULL,
     "what is compared: control, a wiring cost, or NAME=(LAYER SPEC)", LP_USE_EXPERIMENT, AT(arms)},
    {"reference", LP_OPTION_TEXT, "", 0, 0, NULL,
     "arm the others are compared with; default: the plain one, else the first", LP_USE_EXPERIMENT,
     AT(reference)},
    {"site", LP_OPTION_TEXT, "", 0, 0, NULL,
     "site whose measures of space are primary; default: behind the last layer with a prior",
     LP_USE_EXPERIMENT, AT(site)},
    {"layer", LP_OPTION_TEXT, "locality:cost=linear", 0, 0, NULL, "layer under study: a layer spec",
     LP_USE_TRAIN, AT(layer)},
    {"sheet", LP_OPTION_TEXT, "", 0, 0, NULL,
     "rows x columns of the layer under study, as 7x7; default: the model's", BOTH, AT(sheet)},
    {"set", LP_OPTION_LIST, "", 0, 0, NULL,
     "changes to the network: KEY=VALUE, a knob, a layer or LAYER.PARAMETER (locality network)",
     BOTH, AT(set)},
    {"sweep", LP_OPTION_LIST, "", 0, 0, NULL,
     "arms are crossed with a grid: KEY=VALUE,VALUE,...; KEY is what an arm may change",
     LP_USE_EXPERIMENT | LP_USE_GRID | LP_USE_GROW, AT(sweep)},
    {"seeds", LP_OPTION_INT, "1", 1, 10000, NULL, "networks per arm, with seeds counting up",
     LP_USE_EXPERIMENT | LP_USE_GROW, AT(seeds)},
    {"seed", LP_OPTION_INT, "1", 0, 4294967295.0, NULL, "the (first) seed", BOTH, AT(seed)},
    {"epochs", LP_OPTION_INT, "10", 1, 100000, NULL, "passes over the training data", BOTH,
     AT(epochs)},
    {"batch", LP_OPTION_INT, "64", 2, 65536, NULL, "images of one optimiser step", ARM, AT(batch)},
    {"accumulate", LP_OPTION_INT, "1", 1, 1024, NULL,
     "passes that a batch is cut into, to save memory; batch norm sees one pass", ARM,
     AT(accumulate)},
    {"optimizer", LP_OPTION_ENUM, "sgd", 0, 0, "sgd|rmsprop|adam|adamw", "update rule", ARM,
     AT(optimizer)},
    {"lr", LP_OPTION_REAL, "0.01", 0, 1e6, NULL, "learning rate", ARM, AT(lr)},
    {"momentum", LP_OPTION_REAL, "0.5", 0, 1, NULL, "momentum of sgd and rmsprop", ARM,
     AT(momentum)},
    {"alpha", LP_OPTION_REAL, "0.99", 0, 1, NULL, "smoothing of squared gradients (rmsprop)", ARM,
     AT(alpha)},
    {"beta1", LP_OPTION_REAL, "0.9", 0, 1, NULL, "smoothing of gradients (adam, adamw)", ARM,
     AT(beta1)},
    {"beta2", LP_OPTION_REAL, "0.999", 0, 1, NULL, "smoothing of squared gradients (adam, adamw)",
     ARM, AT(beta2)},
    {"eps", LP_OPTION_REAL, "1e-8", 0, 1, NULL, "added to the divisor (rmsprop, adam, adamw)", ARM,
     AT(eps)},
    {"decay", LP_OPTION_REAL, "0.01", 0, 1e6, NULL, "weight decay", ARM, AT(decay)},
    {"decay_kind", LP_OPTION_ENUM, "auto", 0, 0, "auto|l2|l1|decoupled",
     "what decays: w^2, |w|, or w itself apart from the gradient; auto: decoupled for adamw, else "
     "l2",
     ARM, AT(decay_kind)},
    {"decay_bias", LP_OPTION_BOOL, "true", 0, 0, NULL, "decay biases too", ARM, AT(decay_bias)},
    {"decay_norm", LP_OPTION_BOOL, "true", 0, 0, NULL, "decay batch norm's parameters too", ARM,
     AT(decay_norm)},
    {"schedule", LP_OPTION_ENUM, "constant", 0, 0, "constant|step|cosine",
     "learning rate over epochs", ARM, AT(schedule)},
    {"step_epochs", LP_OPTION_INT, "30", 1, 100000, NULL, "epochs between changes (step schedule)",
     ARM, AT(step_epochs)},
    {"gamma", LP_OPTION_REAL, "0.1", 0, 1, NULL, "factor of a change (step schedule)", ARM,
     AT(gamma)},
    {"dropout", LP_OPTION_REAL, "-1", -1, 0.99, NULL, "drop probability of units; -1: the model's",
     BOTH, AT(dropout)},
    {"dropout2d", LP_OPTION_REAL, "-1", -1, 0.99, NULL,
     "drop probability of channels; -1: the model's", BOTH, AT(dropout2d)},
    {"images", LP_OPTION_INT, "1000", 1, 1000000, NULL,
     "test images whose activations are kept and analysed: the first, or, where these do not show "
     "every class in its share (sorted files), evenly chosen ones",
     LP_USE_EXPERIMENT, AT(images)},
    {"primary", LP_OPTION_LIST, "variance,accuracy", 0, 0, NULL,
     "measures whose tests decide; every other one is exploratory", LP_USE_EXPERIMENT, AT(primary)},
    {"significance", LP_OPTION_REAL, "0.05", 1e-12, 0.49, NULL,
     "error rate of all primary tests together", LP_USE_EXPERIMENT, AT(significance)},
    {"margin", LP_OPTION_LIST, "", 0, 0, NULL,
     "differences below which arms count as equal: MEASURE=X in its unit, or X for every primary "
     "one",
     LP_USE_EXPERIMENT, AT(margin)},
    {"backend", LP_OPTION_TEXT, "auto", 0, 0, NULL,
     "where to compute: auto, cpu, cpu:threads=2, opencl:0, ...", BOTH, AT(device)},
    {"precision", LP_OPTION_ENUM, "f32", 0, 0, "f32|bf16",
     "operands of products; sums, weights and everything else stay f32", BOTH, AT(precision)},
    {"jobs", LP_OPTION_INT, "1", 1, 1024, NULL, "networks trained side by side",
     LP_USE_EXPERIMENT | LP_USE_PER_CALL, AT(jobs)},
    {"checkpoint_seconds", LP_OPTION_REAL, "10", 0, 1e6, NULL,
     "seconds between checkpoints inside an epoch", LP_USE_EXPERIMENT | LP_USE_PER_CALL,
     AT(checkpoint_seconds)},
};
enum { N_OPTIONS = sizeof table / sizeof *table };
_Static_assert(N_OPTIONS <= 64, "lp_options.given has one bit an option");

const lp_option *lp_option_get(uint32_t i) {
  return i < N_OPTIONS ? &table[i] : NULL;
}

static bool same_name(const char *a, const char *b) {
  for (; *a && *b; a++, b++)
    if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_'))) return false;
  return *a == *b;
}

const lp_option *lp_option_find(const char *name, uint32_t use) {
  const char *names[N_OPTIONS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < N_OPTIONS; i++) {
    if (!(table[i].use & use)) continue;
    if (same_name(name, table[i].name)) return &table[i];
    names[n++] = table[i].name;
  }
  const char *near = lp_nearest(name, names, n);
  lp_fail(LP_ERR_NOT_FOUND,
          near ? "unknown option '%s'; did you mean '%s'?" : "unknown option '%s'", name, near);
  return NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

static void *field(const lp_options *o, const lp_option *option) {
  return (char *)(uintptr_t)o + option->offset;
}

static bool is_text(const lp_option *option) {
  return option->type == LP_OPTION_TEXT || option->type == LP_OPTION_LIST;
}

static lp_status set_number(lp_options *o, const lp_option *option, const char *text) {
  bool whole = option->type == LP_OPTION_INT;
  char *end = NULL;
  errno = 0;
  double v = strtod(text, &end);
  if (!*text || *end || isnan(v) || (whole && v != floor(v)))
    return lp_fail(LP_ERR_ARG, "%s: '%s' is not a%s number", option->name, text,
                   whole ? " whole" : "");
  if (v < option->min || v > option->max)
    return lp_fail(LP_ERR_ARG, "%s: %s is out of range, which is %.15g to %.15g", option->name,
                   text, option->min, option->max);
  if (whole)
    *(int64_t *)field(o, option) = (int64_t)v;
  else
    *(double *)field(o, option) = v + 0.0; /* -0 is 0, and says so */
  return LP_OK;
}

static lp_status set_bool(lp_options *o, const lp_option *option, const char *text) {
  static const char *const word[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (int64_t i = 0; i < 8; i++)
    if (strcasecmp(text, word[i]) == 0) {
      *(int64_t *)field(o, option) = i % 2;
      return LP_OK;
    }
  return lp_fail(LP_ERR_ARG, "%s: '%s' is neither true nor false", option->name, text);
}

/* Choice k of "a|b|c", as a range of characters; NULL past the last. */
static const char *choice(const char *choices, int64_t k, size_t *len) {
  while (k-- > 0) {
    choices = strchr(choices, '|');
    if (!choices) return NULL;
    choices++;
  }
  *len = strcspn(choices, "|");
  return choices;
}

static lp_status set_enum(lp_options *o, const lp_option *option, const char *text) {
  size_t len;
  const char *c;
  for (int64_t k = 0; (c = choice(option->choices, k, &len)); k++)
    if (strlen(text) == len && strncasecmp(c, text, len) == 0) {
      *(int64_t *)field(o, option) = k;
      return LP_OK;
    }
  return lp_fail(LP_ERR_ARG, "%s: '%s' is not one of %s", option->name, text, option->choices);
}

lp_status lp_options_assign(lp_options *o, const lp_option *option, const char *text) {
  LP_POINT_NUMBERS;
  switch ((lp_option_type)option->type) {
  case LP_OPTION_INT:
  case LP_OPTION_REAL:
    return set_number(o, option, text);
  case LP_OPTION_BOOL:
    return set_bool(o, option, text);
  case LP_OPTION_ENUM:
    return set_enum(o, option, text);
  case LP_OPTION_TEXT:
  case LP_OPTION_LIST:
    break;
  }
  char *copy = strdup(text), **at = field(o, option);
  if (!copy) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", option->name);
  free(*at);
  *at = copy;
  return LP_OK;
}

lp_status lp_options_set(lp_options *o, const lp_option *option, const char *text) {
  lp_status status = lp_options_assign(o, option, text);
  if (status == LP_OK) o->given |= UINT64_C(1) << (option - table);
  return status;
}

lp_status lp_options_text(const lp_options *o, const lp_option *option, char *out, size_t cap) {
  LP_POINT_NUMBERS;
  const void *at = field(o, option);
  int n = 0;
  size_t len = 0;
  switch ((lp_option_type)option->type) {
  case LP_OPTION_INT:
    n = snprintf(out, cap, "%lld", (long long)*(const int64_t *)at);
    break;
  case LP_OPTION_REAL: /* the shortest of these that reads back the same */
    for (int digits = 6; digits <= 17; digits++) {
      n = snprintf(out, cap, "%.*g", digits, *(const double *)at);
      if (strtod(out, NULL) == *(const double *)at) break;
    }
    break;
  case LP_OPTION_BOOL:
    n = snprintf(out, cap, "%s", *(const int64_t *)at ? "true" : "false");
    break;
  case LP_OPTION_ENUM: {
    const char *c = choice(option->choices, *(const int64_t *)at, &len);
    n = snprintf(out, cap, "%.*s", c ? (int)len : 0, c ? c : "");
    break;
  }
  case LP_OPTION_TEXT:
  case LP_OPTION_LIST:
    n = snprintf(out, cap, "%s", *(char *const *)at);
    break;
  }
  return n >= 0 && (size_t)n < cap ? LP_OK
                                   : lp_fail(LP_ERR_ARG, "%s: its value is too long", option->name);
}

lp_status lp_options_init(lp_options *o) {
  LP_POINT_NUMBERS;
  memset(o, 0, sizeof *o);
  for (uint32_t i = 0; i < N_OPTIONS; i++) {
    lp_status status = lp_options_assign(o, &table[i], table[i].value);
    if (status == LP_OK) continue;
    lp_options_free(o);
    return status;
  }
  return LP_OK;
}

void lp_options_free(lp_options *o) {
  for (uint32_t i = 0; i < N_OPTIONS; i++)
    if (is_text(&table[i])) free(*(char **)field(o, &table[i]));
  free(o->published);
  memset(o, 0, sizeof *o);
}

/* ---- from options to a training ------------------------------------------------------------ */

enum { MOST_ROWS = 999999 };

static lp_status parse_sheet(const char *text, uint32_t sheet[2]) {
  sheet[0] = sheet[1] = 0;
  if (!*text) return LP_OK;
  const char *p = text;
  uint64_t rows, columns;
  if (lp_digits(&p, MOST_ROWS, &rows) && *p++ == 'x' && rows &&
      lp_whole(p, 1, MOST_ROWS, &columns)) {
    sheet[0] = (uint32_t)rows, sheet[1] = (uint32_t)columns;
    return LP_OK;
  }
  return lp_fail(LP_ERR_ARG, "sheet: '%s' is not ROWSxCOLUMNS, as in 7x7", text);
}

lp_status lp_options_open_data(const lp_options *o, lp_dataset *out[2]) {
  LP_POINT_NUMBERS;
  lp_image_defaults usual = {.crop_area = o->crop_area};
  out[0] = out[1] = NULL;
  lp_status status = lp_net_input(o->model, &usual.size, &usual.resize);
  return status == LP_OK ? lp_dataset_open_both(o->data, &usual, out) : status;
}

static bool is_given(const lp_options *o, const char *name) {
  uint32_t i = 0;
  while (strcmp(table[i].name, name) != 0) i++;
  return o->given >> i & 1;
}

/* Takes out layer, sheet and dropouts where they were not given (a preset's are not) and the
 * network has no place for them. */
static lp_status drop_knobs(const lp_options *o, lp_net_spec *net) {
  lp_netspec *n;
  lp_status status = lp_netspec_load(o->model, &n);
  if (status != LP_OK) return status;
  if (!is_given(o, "layer") && !lp_netspec_knob(n, "layer")) net->layer = NULL;
  if (!is_given(o, "sheet") && !lp_netspec_knob(n, "sheet")) net->sheet[0] = net->sheet[1] = 0;
  if (!is_given(o, "dropout") && !lp_netspec_knob(n, "dropout")) net->dropout = -1;
  if (!is_given(o, "dropout2d") && !lp_netspec_knob(n, "dropout2d")) net->dropout2d = -1;
  lp_netspec_free(n);
  return LP_OK;
}

lp_status lp_options_train_spec(const lp_options *o, const lp_dataset_info *data,
                                lp_train_spec *out) {
  LP_POINT_NUMBERS;
  memset(out, 0, sizeof *out);
  out->net = (lp_net_spec){.model = o->model,
                           .layer = o->layer,
                           .set = o->set,
                           .classes = data->classes,
                           .in_channels = data->channels,
                           .in_h = data->height,
                           .in_w = data->width,
                           .pixels = {.channels = data->channels, .scale = 1.0f / 255.0f},
                           .dropout = (float)o->dropout,
                           .dropout2d = (float)o->dropout2d};
  memcpy(out->net.pixels.mean, data->mean, sizeof data->mean);
  memcpy(out->net.pixels.sd, data->sd, sizeof data->sd);
  lp_optim_spec usual = lp_optim_defaults((lp_optimizer)o->optimizer);
  out->optim = (lp_optim_spec){.kind = (lp_optimizer)o->optimizer,
                               .decay_kind =
                                   o->decay_kind ? (lp_decay)(o->decay_kind - 1) : usual.decay_kind,
                               .momentum = (float)o->momentum,
                               .alpha = (float)o->alpha,
                               .beta1 = (float)o->beta1,
                               .beta2 = (float)o->beta2,
                               .eps = (float)o->eps,
                               .decay = (float)o->decay,
                               .decay_bias = o->decay_bias != 0,
                               .decay_norm = o->decay_norm != 0};
  out->device = o->device;
  out->precision = o->precision ? "bf16" : NULL;
  out->seed = (uint64_t)o->seed;
  out->epochs = (uint32_t)o->epochs;
  out->batch = (uint32_t)o->batch;
  out->accumulate = (uint32_t)o->accumulate;
  out->lr = o->lr;
  out->schedule = (lp_schedule)o->schedule;
  out->step_epochs = (uint32_t)o->step_epochs;
  out->gamma = o->gamma;
  lp_status status = lp_check_keys(o->set);
  if (status != LP_OK) return lp_fail_in(status, "set");
  status = parse_sheet(o->sheet, out->net.sheet);
  return status == LP_OK ? drop_knobs(o, &out->net) : status;
}
