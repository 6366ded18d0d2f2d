/* locality analyze, locality report: what follows training, on a run folder. */
#include "cli.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <locality/report.h>

#include <stdlib.h>

static const cli_flag analyze_flags[] = {
    {"reference", 0, "ARM", "arm that the others are compared with [the folder's]"},
};

/* Prints where the result is, or with --json an object that says so. */
static int say_file(const cli_args *a, const char *key, const char *file) {
  char *path = lp_path_join(a->operand[0], file);
  if (!path) return cli_fail_with("out of memory");
  int code = CLI_OK;
  if (a->json)
    code = cli_print_json(json_pack("{s:s}", key, path));
  else
    printf("%s\n", path);
  free(path);
  return code;
}

static int run_analyze(cli_args *a) {
  int code = cli_check_analysis(a->operand[0]);
  if (code != CLI_OK) return code;
  if (lp_analyze_run_against(a->operand[0], cli_get(a, "reference")) != LP_OK) return cli_fail();
  if (!a->json) return say_file(a, "summary", "summary.json");
  char *path = lp_path_join(a->operand[0], "summary.json");
  json_t *summary = path ? json_load_file(path, 0, NULL) : NULL;
  free(path);
  if (!summary) return cli_fail_with("%s/summary.json: cannot be read", a->operand[0]);
  return cli_print_json(summary);
}

static int run_report(cli_args *a) {
  int code = cli_check_report(a->operand[0]);
  if (code != CLI_OK) return code;
  if (lp_report_write(a->operand[0]) != LP_OK) return cli_fail();
  return say_file(a, "report", "report.html");
}

const cli_command cli_cmd_analyze = {
    .name = "analyze",
    .operands = "DIR",
    .summary = "statistics of a run folder",
    .about = "Reads metrics and activations of a run folder and writes its summary.json. What an\n"
             "unfinished run has so far is analysed.",
    .examples = "  locality analyze runs/quick\n  locality analyze runs/quick --json\n"
                "  locality analyze runs/quick --reference linear && locality report runs/quick",
    .flags = analyze_flags,
    .n_flags = sizeof analyze_flags / sizeof *analyze_flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_analyze,
};

const cli_command cli_cmd_report = {
    .name = "report",
    .operands = "DIR",
    .summary = "figures and report.html of a run folder",
    .about = "Draws the figures of an analysed run folder (with gnuplot) and writes report.html.",
    .examples = "  locality report runs/quick",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_report,
};
