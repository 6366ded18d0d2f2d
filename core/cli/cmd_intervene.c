/* locality intervene: lesions, stimulation and noise in the networks of a run folder. */
#include "../base/text.h"
#include "cli.h"

#include <locality/probe.h>
#include <locality/run.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    {"site", 0, "NAME", "where units are silenced and driven [the run's headline]"},
    {"share", 's', "X,..", "of the site's units that a lesion takes [0.1]"},
    {"to", 0, "WHAT", "what a lesion leaves: zero, or each unit's mean [zero]"},
    {"strength", 0, "X", "of stimulation, in standard deviations of the units [3]"},
    {"width", 0, "X", "of the Gaussian of stimulation, in unit spacings [1]"},
    {"noise", 'n', "X,..", "standard deviations of noise on weights and pixels [0.25,0.5,0.75,1]"},
    {"images", 0, "N", "test images that are shown [1000]"},
    {"seed", 0, "N", "of lesions at random and of noise [1]"},
    {"data", 'd', "DATA", "data set [the one the networks were trained on]"},
    {"backend", 0, "DEVICE", "where to compute [auto]"},
};

enum { MOST = 32 };

/* Numbers between commas; *n of them. */
static int numbers(const cli_args *a, const char *flag, double *out, uint32_t *n) {
  const char *text = cli_get(a, flag);
  for (const char *at = text; at && *at;) {
    char *end;
    const double x = strtod(at, &end);
    if (end == at || !isfinite(x) || (*end && *end != ','))
      return cli_usage("--%s: '%s' is not a list of numbers, as in 0.1,0.2", flag, text);
    if (*n == MOST) return cli_usage("--%s: more than %d numbers", flag, MOST);
    out[(*n)++] = x;
    at = *end ? end + 1 : end;
  }
  return CLI_OK;
}

/* One number above 0; *out stays where the flag is not given. */
static int number(const cli_args *a, const char *flag, double *out) {
  double all[MOST];
  uint32_t n = 0;
  const int code = numbers(a, flag, all, &n);
  if (code != CLI_OK || !n) return code;
  if (n > 1 || !(all[0] > 0)) return cli_usage("--%s: one number above 0 is needed", flag);
  *out = all[0];
  return CLI_OK;
}

static int whole(const cli_args *a, const char *flag, uint64_t *out) {
  const char *text = cli_get(a, flag);
  if (!text || lp_whole(text, 1, UINT32_MAX, out)) return CLI_OK;
  return cli_usage("--%s: '%s' is no whole number above 0", flag, text);
}

static int run(cli_args *a) {
  double share[MOST], noise[MOST];
  uint64_t images = 0, seed = 0;
  const char *to = cli_get(a, "to");
  lp_intervene_spec spec = {.site = cli_get(a, "site"),
                            .data = cli_get(a, "data"),
                            .backend = cli_get(a, "backend"),
                            .mean = to && strcmp(to, "mean") == 0};
  if (to && !spec.mean && strcmp(to, "zero") != 0)
    return cli_usage("--to: '%s' is neither zero nor mean", to);
  int code = numbers(a, "share", share, &spec.n_shares);
  if (code == CLI_OK) code = numbers(a, "noise", noise, &spec.n_noise);
  if (code == CLI_OK) code = number(a, "strength", &spec.strength);
  if (code == CLI_OK) code = number(a, "width", &spec.width);
  if (code == CLI_OK) code = whole(a, "images", &images);
  if (code == CLI_OK) code = whole(a, "seed", &seed);
  if (code == CLI_OK) code = cli_check_analysis(a->operand[0]);
  if (code != CLI_OK) return code;
  if (spec.n_shares) spec.share = share;
  if (spec.n_noise) spec.noise = noise;
  spec.images = (uint32_t)images;
  spec.seed = seed;
  cli_catch_signals();
  if (lp_probe_intervene(a->operand[0], &spec, cli_network_done, a) != LP_OK) return cli_fail();
  if (a->json)
    return cli_print_json(
        json_pack("{s:s, s:s}", "folder", a->operand[0], "table", LP_RUN_INTERVENTIONS));
  printf("%s/" LP_RUN_INTERVENTIONS "\n", a->operand[0]);
  return CLI_OK;
}

const cli_command cli_cmd_intervene = {
    .name = "intervene",
    .operands = "DIR",
    .summary = "lesions, stimulation and noise in the networks of a run folder",
    .about =
        "Silences units of a site (nearest to a place, most selective for a class, at random),\n"
        "drives them about a place, and puts noise on weights and pixels; writes what the\n"
        "networks decide before and after, class by class, to interventions.csv.",
    .examples = "  locality intervene runs/quick\n"
                "  locality intervene runs/quick --site lp_out --share 0.05,0.1,0.2 --to mean",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
