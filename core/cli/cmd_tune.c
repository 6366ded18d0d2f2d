/* locality tune: lets a device measure its kernels for a network before it is trained. */
#include "cli.h"

#include <locality/registry.h>

#include <math.h>
#include <stdlib.h>

static const cli_flag flags[] = {
    {"seconds", 's', "X", "most time to spend [60]"},
};

/* Plans for training and for evaluation: the backend measures while it plans. */
static lp_status plan(const cli_args *a, const lp_settings *settings) {
  lp_dataset *data[2] = {NULL, NULL};
  lp_trainer *t = NULL;
  lp_train_spec spec = {.settings = settings};
  lp_epoch_result unused;
  lp_status s = lp_train_open_data(settings, data);
  if (s == LP_OK) cli_say_notes(a, (const lp_dataset *const *)data, 2);
  if (s == LP_OK) s = lp_train_net(settings, lp_dataset_get_info(data[0]), &spec.net);
  if (s == LP_OK) s = lp_trainer_new(&spec, data[0], &t);
  if (s == LP_OK) s = lp_evaluate(t, data[1], &unused);
  lp_trainer_free(t);
  for (int i = 0; i < 2; i++)
    if (data[i]) lp_dataset_close(data[i]);
  return s;
}

static int tune(const cli_args *a, lp_settings *s) {
  const char *text = cli_get(a, "seconds");
  char *end = NULL, parameter[48];
  double seconds = text ? strtod(text, &end) : 60;
  if (text && (end == text || *end || !(seconds > 0) || !isfinite(seconds)))
    return cli_usage("tune: --seconds: '%s' is not a number above 0", text);
  int code = cli_check_cache();
  if (code != CLI_OK) return code;
  if (lp_registry_load() != LP_OK) return cli_fail();
  snprintf(parameter, sizeof parameter, "tune=%g", seconds);
  char *device = lp_device_with(lp_setting_text(s, "backend"), parameter);
  if (!device) return cli_fail_with("out of memory");
  if (!a->quiet) lp_log_set_level(LP_LOG_INFO); /* the backend tells what it measures */
  lp_status status = lp_settings_set(s, "backend", device);
  free(device);
  if (status == LP_OK) status = plan(a, s);
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
        "their numbers, and keeps the winners in a readable file in the cache folder. Runs on\n"
        "that device with that driver use them from then on; sums may be rounded otherwise.",
    .examples = "  locality tune --backend opencl\n"
                "  locality tune --backend opencl:NVIDIA --model alexnet64 "
                "--data imagefolder:pictures --batch 128 --seconds 300",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .use = LP_USE_TRAIN,
    .run = run,
};
