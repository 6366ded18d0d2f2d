/* locality power: how many networks an experiment needs, before it is run. */
#include "cli.h"

#include <locality/analysis.h>

#include <math.h>
#include <stdlib.h>

enum { EFFECT, SD, N, ALPHA, TESTS, POWER, N_NUMBERS };
static const struct {
  const char *flag, *otherwise;
  double least, most;
  bool whole;
} numbers[N_NUMBERS] = {
    [EFFECT] = {"effect", NULL, 1e-300, 1e300, false},
    [SD] = {"sd", NULL, 1e-300, 1e300, false},
    [N] = {"n", NULL, 2, 1e6, true},
    [ALPHA] = {"alpha", "0.05", 1e-12, 0.5, false},
    [TESTS] = {"tests", "1", 1, 1e6, true},
    [POWER] = {"power", "0.8", 0.01, 0.999999, false},
};

/* Each number, NaN where it is neither given nor has a default. The exit code. */
static int read_numbers(const cli_args *a, double out[N_NUMBERS]) {
  for (int i = 0; i < N_NUMBERS; i++) {
    const char *text = cli_get(a, numbers[i].flag);
    if (!text) text = numbers[i].otherwise;
    out[i] = NAN;
    if (!text) continue;
    char *end;
    out[i] = strtod(text, &end);
    if (end == text || *end || !(out[i] >= numbers[i].least && out[i] <= numbers[i].most))
      return cli_usage("--%s: '%s' is not a number from %g to %g", numbers[i].flag, text,
                       numbers[i].least, numbers[i].most);
    if (numbers[i].whole && out[i] != floor(out[i]))
      return cli_usage("--%s: '%s' is not a whole number", numbers[i].flag, text);
  }
  if (isnan(out[EFFECT]) && isnan(out[N]))
    return cli_usage("--effect (to find), --n (networks an arm), or both are needed");
  return CLI_OK;
}

static double power_of(double dz, double n, double alpha) {
  return lp_t_power(dz * sqrt(n), n - 1, alpha);
}

/* Of the number of pairs n, and of that which `dz` needs. */
static void print(const double *x, double alpha, double dz, double detectable, double power,
                  double needed) {
  const double sd = isnan(x[SD]) ? 1 : x[SD];
  const char *unit = isnan(x[SD]) ? " sd of paired differences" : "";
  if (x[TESTS] > 1) printf("%g tests share %g: each is done at %.4g\n", x[TESTS], x[ALPHA], alpha);
  if (!isnan(x[N]))
    printf("%g networks an arm, paired by seed: with power %g they find differences from %.4g%s\n",
           x[N], x[POWER], detectable * sd, unit);
  if (!isnan(power))
    printf("a difference of %g%s (d_z %.4g): found by %g networks an arm with power %.4g\n",
           x[EFFECT], unit, dz, x[N], power);
  if (isnan(dz)) return;
  if (isnan(needed))
    printf("a difference of %g%s (d_z %.4g) needs more than a million networks an arm\n", x[EFFECT],
           unit, dz);
  else
    printf("a difference of %g%s (d_z %.4g) needs %g networks an arm for power %g, which they find "
           "with %.4g\n",
           x[EFFECT], unit, dz, needed, x[POWER], power_of(dz, needed, alpha));
}

static int run(cli_args *a) {
  double x[N_NUMBERS];
  const int code = read_numbers(a, x);
  if (code != CLI_OK) return code;
  const double alpha = x[ALPHA] / x[TESTS], sd = isnan(x[SD]) ? 1 : x[SD];
  const double dz = x[EFFECT] / sd; /* NaN without an effect */
  const double detectable =
      isnan(x[N]) ? NAN : lp_t_detectable(x[POWER], x[N] - 1, alpha) / sqrt(x[N]);
  const double power = isnan(x[N]) || isnan(dz) ? NAN : power_of(dz, x[N], alpha);
  const double needed = isnan(dz) ? NAN : lp_pairs_needed(dz, x[POWER], alpha);
  if (a->json)
    return cli_print_json(json_pack(
        "{s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o}", "effect", lp_json_number(x[EFFECT]), "sd",
        lp_json_number(x[SD]), "dz", lp_json_number(dz), "n", lp_json_number(x[N]), "alpha", alpha,
        "wanted_power", x[POWER], "detectable", lp_json_number(detectable * sd), "power",
        lp_json_number(power), "n_needed", lp_json_number(needed)));
  print(x, alpha, dz, detectable, power, needed);
  return CLI_OK;
}

static const cli_flag flags[] = {
    {"effect", 0, "X", "difference between an arm and the reference that must not be missed"},
    {"sd", 0, "X", "sd over seeds of their paired differences; without it, --effect counts in it"},
    {"n", 'n', "N", "networks an arm, that is seeds"},
    {"alpha", 0, "X", "error rate of all primary tests together [0.05]"},
    {"tests", 0, "N", "primary tests that share it: measures x arms but the reference [1]"},
    {"power", 0, "X", "wanted chance that the difference is found [0.8]"},
};

const cli_command cli_cmd_power = {
    .name = "power",
    .operands = "",
    .summary = "how many networks an experiment needs",
    .about =
        "Power of the paired t test over networks, which decides of an experiment's primary\n"
        "measures: what N networks an arm can find, and how many a difference needs. The sd is\n"
        "that of the differences between two arms' networks of one seed: of an earlier run,\n"
        "comparisons.csv has it as difference / dz.",
    .examples = "  locality power --effect 0.3 --sd 0.25\n"
                "  locality power --n 5 --tests 6\n"
                "  locality power --effect 0.3 --sd 0.25 --n 10 --json",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .run = run,
};
