/* locality tune: lets a device measure its kernels for a network before it is trained. */
#include "cli.h"

#include <locality/registry.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const cli_flag flags[] = {
    {"seconds", 's', "X", "most time to spend [60]"},
};

/* Rows, columns and batch of the layer for which it is measured when its weights alone are faster:
 * the largest fully connected one, where that is not too small to tell. */
typedef struct layer {
  uint32_t n_out, n_in, batch;
} layer;
enum { LEAST_SIDE = 1024 };

static void find_layer(lp_trainer *t, layer *out) {
  const lp_session *s = lp_trainer_session(t);
  const char *name;
  lp_var_kind kind;
  lp_desc d;
  *out = (layer){LEAST_SIDE, LEAST_SIDE, out->batch};
  for (uint32_t i = 0; lp_session_var(s, i, &name, &kind, &d) == LP_OK; i++)
    if (kind == LP_VAR_PARAM && lp_session_role(s, i) == LP_ROLE_WEIGHT && d.ndim == 2 &&
        lp_numel(&d) > (int64_t)out->n_out * out->n_in) {
      out->n_out = (uint32_t)d.dim[0];
      out->n_in = (uint32_t)d.dim[1];
    }
}

/* Plans for training and for evaluation: the backend measures while it plans. */
static lp_status plan(const cli_args *a, const lp_settings *settings, layer *largest) {
  lp_dataset *data[2] = {NULL, NULL};
  lp_trainer *t = NULL;
  lp_train_spec spec = {.settings = settings};
  lp_epoch_result unused;
  lp_status s = lp_train_open_data(settings, data);
  if (s == LP_OK) cli_say_notes(a, (const lp_dataset *const *)data, 2);
  if (s == LP_OK) s = lp_train_net(settings, lp_dataset_get_info(data[0]), &spec.net);
  if (s == LP_OK) s = lp_trainer_new(&spec, data[0], &t);
  if (s == LP_OK) s = lp_evaluate(t, data[1], &unused);
  if (s == LP_OK) find_layer(t, largest);
  lp_trainer_free(t);
  for (int i = 0; i < 2; i++)
    if (data[i]) lp_dataset_close(data[i]);
  return s;
}

/* The settings' device with a time to measure its kernels in, where it has some to choose from. */
static lp_status let_measure(lp_settings *s, double seconds) {
  char parameter[48];
  lp_session *session = NULL;
  snprintf(parameter, sizeof parameter, "tune=%g", seconds);
  char *device = lp_device_with(lp_setting_text(s, "backend"), parameter);
  if (!device) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status status = lp_session_open(device, 1, &session);
  lp_session_close(session);
  if (status == LP_OK)
    status = lp_settings_set(s, "backend", device);
  else if (status == LP_ERR_UNSUPPORTED) {
    lp_log(LP_LOG_INFO, "%s", lp_error_message());
    status = LP_OK;
  }
  free(device);
  return status;
}

/* Up to which share of its weights a pruned layer is computed by them alone. */
static lp_status measure_share(const lp_settings *s, const layer *l, double seconds) {
  double share;
  char *device = lp_train_device(s);
  if (!device) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status status = lp_sparse_tune(device, l->n_out, l->n_in, l->batch, seconds, &share);
  if (status == LP_OK)
    lp_log(LP_LOG_INFO, "%s: pruned layers are computed by what is kept alone up to %.3g %%",
           device, 100 * share);
  free(device);
  return status;
}

static int tune(const cli_args *a, lp_settings *s) {
  const char *text = cli_get(a, "seconds");
  char *end = NULL;
  double seconds = text ? strtod(text, &end) : 60;
  if (text && (end == text || *end || !(seconds > 0) || !isfinite(seconds)))
    return cli_usage("tune: --seconds: '%s' is not a number above 0", text);
  int code = cli_check_cache();
  if (code != CLI_OK) return code;
  if (lp_registry_load() != LP_OK) return cli_fail();
  if (!a->quiet) lp_log_set_level(LP_LOG_INFO); /* the backend tells what it measures */
  layer largest = {.batch = (uint32_t)lp_setting_int(s, "batch")};
  lp_status status = let_measure(s, seconds);
  if (status == LP_OK) status = plan(a, s, &largest);
  if (status == LP_OK) status = measure_share(s, &largest, seconds / 4);
  return status == LP_OK ? CLI_OK : cli_fail();
}

static int run(cli_args *a) {
  lp_settings *s;
  if (lp_settings_new(&s) != LP_OK) return cli_fail();
  int code = cli_apply_options(a, s);
  if (code == CLI_OK) code = tune(a, s);
  lp_settings_free(s);
  return code;
}

const cli_command cli_cmd_tune = {
    .name = "tune",
    .operands = "[options]",
    .summary = "measure which kernels are fastest on a device",
    .about =
        "Times the candidates for every product and convolution of a network on a device, checks\n"
        "their numbers, and keeps the winners in a readable file in the cache folder; then up to\n"
        "which share of its weights a pruned layer is faster by these alone. Runs on that device\n"
        "with that driver use them from then on; sums may be rounded otherwise.",
    .examples = "  locality tune --backend opencl\n"
                "  locality tune --backend opencl:NVIDIA --model alexnet64 "
                "--data imagefolder:pictures --batch 128 --seconds 300",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .use = LP_USE_TRAIN,
    .run = run,
};
