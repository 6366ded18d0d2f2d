/* locality orientation: gratings shown to the networks of a run folder. */
#include "../base/text.h"
#include "cli.h"

#include <locality/analysis.h>
#include <locality/probe.h>

#include <stdio.h>
#include <string.h>

static const cli_flag flags[] = {
    {"gratings", 'g', "OxFxP", "orientations x spatial frequencies x phases [8x8x5]"},
    {"backend", 0, "DEVICE", "where to compute [auto]"},
};

static int run(cli_args *a) {
  const char *gratings = cli_get(a, "gratings"), *at = gratings;
  lp_orientation_spec spec = {.backend = cli_get(a, "backend")};
  uint32_t *const number[] = {&spec.orientations, &spec.frequencies, &spec.phases};
  for (int k = 0; gratings && k < 3; k++) {
    uint64_t value;
    if (!lp_digits(&at, 1000, &value) || !value || *at != (k < 2 ? 'x' : '\0'))
      return cli_usage("--gratings: '%s' is not ORIENTATIONSxFREQUENCIESxPHASES, as in 8x8x5",
                       gratings);
    *number[k] = (uint32_t)value;
    at++;
  }
  int code = cli_check_analysis(a->operand[0]);
  if (code != CLI_OK) return code;
  cli_catch_signals();
  if (lp_probe_orientation(a->operand[0], &spec, cli_network_done, a) != LP_OK ||
      lp_analyze_run(a->operand[0]) != LP_OK)
    return cli_fail();
  if (a->json) return cli_print_json(json_pack("{s:s}", "folder", a->operand[0]));
  printf("%s\n", a->operand[0]);
  return CLI_OK;
}

const cli_command cli_cmd_orientation = {
    .name = "orientation",
    .operands = "DIR",
    .summary = "orientation tuning of the networks of a run folder",
    .about =
        "Shows gratings, drawn at the networks' input size, to every trained network of a run\n"
        "folder, keeps what the units of each site answer, and analyses the folder again:\n"
        "circular_variance, orientation_entropy and pinwheel_density are measures then, and the\n"
        "report draws maps of the preferred orientations with their pinwheels.",
    .examples = "  locality orientation runs/quick && locality report runs/quick\n"
                "  locality orientation runs/quick --gratings 16x4x8",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
