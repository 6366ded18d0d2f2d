/* locality analyze, locality report: what follows training, on a run folder. */
#include "activations.h"
#include "analyze.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <locality/report.h>
#include <locality/run.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const cli_flag analyze_flags[] = {
    {"reference", 0, "ARM", "of a folder: arm that the others are compared with [the folder's]"},
    {"contrasts", 0, "LIST", "of a folder: more comparisons, NAME=ARM:ARM, all exploratory"},
    {"measures", 0, "LIST", "of a folder: usual, all, none, or as in moran,tgi [the folder's]"},
    {"superclasses", 0, "FILE", "of a folder: lines class,superclass [the folder's]"},
    {"from", 0, "FILE", "a run folder in one .tar or .tar.gz, which is unpacked first"},
    {"out", 'o', "DIR", "with --from: the folder that it becomes"},
    {"labels", 0, "FILE", "of a file: class of each image, any whole numbers"},
    {"sheet", 0, "RxC", "of a file: rows and columns of the units, row-major"},
    {"torus", 0, NULL, "of a file: the sheet's axes wrap around"},
    {"positions", 0, "FILE", "of a file: a row a unit of 1 to 3 coordinates, instead of a sheet"},
    {"weights", 0, "FILE", "of a file: weights between the units, a row a receiving unit"},
    {"prior", 0, "FILE", "of a file: the prior that multiplies these weights"},
    {"only", 0, "LIST",
     "of a file: measures, as in moran,patches:threshold=3 [all that can be had]"},
    {"csv", 0, NULL, "of a file: a line a measure and class on standard output"},
};
enum { FOLDER_FLAGS = 6 }; /* the first of them are for run folders */

static const cli_flag report_flags[] = {
    {"figures", 0, "LIST", "figures for a journal too: svg, pdf, png, or several"},
    {"width", 0, "WIDTH",
     "how wide those are: single (89mm), double (183mm) or 60mm to 400mm [double]"},
    {"from", 0, "FILE", "a run folder in one .tar or .tar.gz, which is unpacked first"},
    {"out", 'o', "DIR", "with --from: the folder that it becomes"},
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

/* What only one of the two takes must not be passed over. */
static int check_flags(const cli_args *a, bool file) {
  for (uint32_t i = 0; i < sizeof analyze_flags / sizeof *analyze_flags; i++)
    if (a->flag[i] && (i < FOLDER_FLAGS) == file)
      return cli_usage("--%s is for %s; %s is %s", analyze_flags[i].name,
                       file ? "run folders" : "files of activations", a->operand[0],
                       file ? "a file" : "no file");
  return CLI_OK;
}

/* The run folder to work on: the operand, or what a tar becomes. The exit code. */
static int find_folder(cli_args *a) {
  const char *from = cli_get(a, "from"), *out = cli_get(a, "out");
  if (!from != !out)
    return cli_usage("--from FILE and --out DIR go together: the tar, and the folder it becomes");
  if (!from && !a->n_operands)
    return cli_usage("%s: missing argument; usage: locality %s %s", a->command->name,
                     a->command->name, a->command->operands);
  if (!from) return CLI_OK;
  if (a->n_operands)
    return cli_usage("--from unpacks into --out %s; what is %s for?", out, a->operand[0]);
  a->operand[0] = out;
  return lp_run_unpack(from, out) == LP_OK ? CLI_OK : cli_fail();
}

static int run_analyze(cli_args *a) {
  struct stat st;
  int found = find_folder(a);
  if (found != CLI_OK) return found;
  bool file =
      (stat(a->operand[0], &st) == 0 && !S_ISDIR(st.st_mode)) || cli_names_array(a->operand[0]);
  int wrong = check_flags(a, file);
  if (wrong != CLI_OK) return wrong;
  if (file) return cli_analyze_file(a);
  int code = cli_check_analysis(a->operand[0]);
  if (code != CLI_OK) return code;
  const lp_analysis_options options = {.reference = cli_get(a, "reference"),
                                       .measures = cli_get(a, "measures"),
                                       .contrasts = cli_get(a, "contrasts"),
                                       .superclasses = cli_get(a, "superclasses")};
  if (lp_analyze_run_with(a->operand[0], &options) != LP_OK) return cli_fail();
  if (!a->json) return say_file(a, "summary", "summary.json");
  char *path = lp_path_join(a->operand[0], "summary.json");
  json_t *summary = path ? json_load_file(path, 0, NULL) : NULL;
  free(path);
  if (!summary) return cli_fail_with("%s/summary.json: cannot be read", a->operand[0]);
  return cli_print_json(summary);
}

/* A tar need not hold what can be made of the rest. */
static lp_status analyze_unless_there(const char *dir) {
  char *path = lp_path_join(dir, LP_RUN_SUMMARY);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  const bool there = access(path, F_OK) == 0;
  free(path);
  return there ? LP_OK : lp_analyze_run(dir);
}

static int run_report(cli_args *a) {
  int code = find_folder(a);
  if (code == CLI_OK) code = cli_check_report(a->operand[0]);
  if (code != CLI_OK) return code;
  if (cli_get(a, "from") && analyze_unless_there(a->operand[0]) != LP_OK) return cli_fail();
  const lp_report_options options = {.figures = cli_get(a, "figures"),
                                     .width = cli_get(a, "width")};
  if (lp_report_write_with(a->operand[0], &options) != LP_OK) return cli_fail();
  return say_file(a, "report", "report.html");
}

const cli_command cli_cmd_analyze = {
    .name = "analyze",
    .operands = "DIR|FILE|--from TAR --out DIR",
    .summary = "statistics of a run folder, or of anyone's activations",
    .about =
        "Of a run folder: reads metrics and activations and writes its summary.json. What an\n"
        "unfinished run has so far is analysed.\n\n"
        "Of a file of activations (images x units: .npy, .npz, .safetensors, .csv; FILE:NAME for\n"
        "one of several arrays): prints the measures that `locality plugins` lists.",
    .examples = "  locality analyze runs/quick\n  locality analyze runs/quick --json\n"
                "  locality analyze acts.npy --labels labels.npy --sheet 64x64 --only moran,tgi\n"
                "  locality analyze acts.npz:conv5 --positions xy.csv --csv > measures.csv\n"
                "  locality analyze runs/quick --reference linear && locality report runs/quick",
    .flags = analyze_flags,
    .n_flags = sizeof analyze_flags / sizeof *analyze_flags,
    .max_operands = 1,
    .run = run_analyze,
};

const cli_command cli_cmd_report = {
    .name = "report",
    .operands = "DIR|--from TAR --out DIR",
    .summary = "figures and report.html of a run folder",
    .about =
        "Draws the figures of an analysed run folder (with gnuplot) and writes report.html.\n\n"
        "A run folder may come as one tar, with activations or without: of it the figures are\n"
        "drawn anew, and what is not analysed is analysed first.",
    .examples = "  locality report runs/quick\n"
                "  locality report runs/quick --figures pdf,png --width single\n"
                "  tar czf quick.tar.gz -C runs quick\n"
                "  locality report --from quick.tar.gz --out elsewhere/quick",
    .flags = report_flags,
    .n_flags = sizeof report_flags / sizeof *report_flags,
    .max_operands = 1,
    .run = run_report,
};
