/* What the subcommands of the program share: arguments, messages, progress. */
#ifndef LOCALITY_CLI_H
#define LOCALITY_CLI_H

#include "../io/json.h"

#include <locality/experiment.h>

#include <stdio.h>

/* Exit codes. */
enum { CLI_OK = 0, CLI_FAILURE = 1, CLI_USAGE = 2 };

enum { CLI_MAX_FLAGS = 16, CLI_MAX_SET = 64, CLI_MAX_OPERANDS = 32 };

/* An option of one subcommand, beside those of the table in settings.h. */
typedef struct cli_flag {
  const char *name;            /* without the dashes */
  char letter;                 /* 0: none */
  const char *value, *meaning; /* value: what stands for its argument in the help, NULL: none */
} cli_flag;

typedef struct cli_args cli_args;

typedef struct cli_command {
  const char *name, *operands, *summary;
  const char *about;    /* paragraph of the help */
  const char *examples; /* lines of the help */
  const cli_flag *flags;
  uint32_t n_flags;
  uint32_t use; /* LP_USE_*: which options of settings.h it takes; 0 none */
  uint32_t min_operands, max_operands;
  int (*run)(cli_args *a);
} cli_command;

struct cli_args {
  const cli_command *command;
  const char *operand[CLI_MAX_OPERANDS];
  uint32_t n_operands;
  const char *flag[CLI_MAX_FLAGS]; /* as given, "" for one without a value; NULL: not given */
  struct {
    const lp_option *option;
    const char *text;
  } set[CLI_MAX_SET];
  uint32_t n_set;
  struct { /* flags with a value, each time that one was given */
    uint32_t flag;
    const char *text;
  } given[CLI_MAX_SET];
  uint32_t n_given;
  bool quiet, json;
  const char *const *words; /* the whole command line, for the manifest */
  uint32_t n_words;
};

/* args.c */
/* Parses what follows the subcommand. *done: help was printed, or an error; then the exit code. */
int cli_parse(const cli_command *c, int argc, char **argv, cli_args *a, bool *done);
const char *cli_get(const cli_args *a, const char *flag); /* the last; NULL when not given */
/* The i-th value of a flag that may be given several times; NULL past the last. */
const char *cli_get_nth(const cli_args *a, const char *flag, uint32_t i);
/* Puts the options that were given into s. */
int cli_apply_options(const cli_args *a, lp_settings *s);
/* lp_train_spec.sparse_share as the flag CLI_SPARSE says. The exit code. */
int cli_read_share(const cli_args *a, double *share);
#define CLI_SPARSE                                                                                 \
  {                                                                                                \
    "sparse", 0, "SHARE",                                                                          \
        "pruned layers of which at most that share is left are computed by it alone; 0: none [by " \
        "device]"                                                                                  \
  }
void cli_print_help(const cli_command *c);

/* message.c */
int cli_fail(void);                                      /* prints the library's error; 1 */
int cli_fail_with(const char *fmt, ...) LP_PRINTF(1, 2); /* one line; 1 */
int cli_usage(const char *fmt, ...) LP_PRINTF(1, 2);     /* one line; 2 */
const char *cli_bold(FILE *out); /* escape codes, "" where they do not belong */
const char *cli_plain(FILE *out);
int cli_print_json(json_t *root); /* on standard output; releases root; exit code */
/* What "auto" stands for and why, on standard error, unless quiet. */
void cli_say_auto(const cli_args *a, const char *asked, const lp_device_info *chosen);
/* The settings' device with "tune" where --tune is given. The exit code. */
int cli_apply_tune(const cli_args *a, lp_settings *s);
void cli_format_bytes(uint64_t bytes, char out[24]);   /* "151 MB" */
void cli_format_seconds(double seconds, char out[24]); /* "1:02:03" */

/* outputs.c: whether what a command is to write can be written, before minutes of work are spent on
 * it. Exit codes; the message is printed. */
int cli_check_outputs(const char *const *path, uint32_t n); /* files; NULL: not asked for */
/* What `analyze` (summary.json) and `report` (report.html, figures/) write into a run folder. */
int cli_check_analysis(const char *dir);
int cli_check_report(const char *dir);
/* Can the cache folder keep what is measured or fetched? */
int cli_check_cache(void);

/* The remarks about data sets, a line each on standard error, unless quiet; warnings were logged.
 */
void cli_say_notes(const cli_args *a, const lp_dataset *const *d, uint32_t n);
void cli_say_note(const cli_args *a, const lp_data_note *note);
/* Texts of the notes that are warnings, or of the remarks. */
json_t *cli_notes(const lp_dataset *const *d, uint32_t n, bool warnings);

/* progress.c: a bar on a terminal, a line now and then elsewhere; on standard error. */
typedef struct cli_progress {
  bool quiet, bar, drawn;
  double last; /* time of the last line or bar */
} cli_progress;
void cli_progress_init(cli_progress *p, bool quiet);
/* label: "linear seed 2, epoch 3/10"; rate: images a second, left: seconds; NaN unknown. */
void cli_progress_show(cli_progress *p, double fraction, const char *label, double rate,
                       double left);
/* A line that stays, over the bar. */
void cli_progress_say(cli_progress *p, const char *fmt, ...) LP_PRINTF(2, 3);
void cli_progress_end(cli_progress *p);
/* A line a network, for commands that go over those of a run folder; user: the cli_args. False once
 * the user has stopped. */
bool cli_network_done(void *user, const char *arm, uint64_t seed, uint32_t done, uint32_t all);

/* stop.c: after cli_catch_signals, Ctrl-C or SIGTERM is noted; a second one kills. */
void cli_catch_signals(void);
bool cli_stopped(void);

/* profile.c: trains some further steps, timed one by one; prints where the time of a step goes and
 * writes a Chrome trace to path. The exit code. */
typedef struct cli_counted { /* what the device counted over some untimed steps */
  lp_device_counters before, after;
  uint32_t steps, of_epoch; /* counted; all of the latest epoch */
  double seconds, waited;   /* of the latest epoch; waited: for images */
} cli_counted;
void cli_count(lp_trainer *t, lp_device_counters *out);
int cli_profile(lp_trainer *t, const cli_counted *counted, const char *path);

/* selftest.c: tests a device against plain C and prints a report. The exit code. */
int cli_selftest(const cli_args *a, const char *device);

/* cmd_*.c */
extern const cli_command cli_cmd_experiment, cli_cmd_train, cli_cmd_eval, cli_cmd_prior,
    cli_cmd_plugins, cli_cmd_devices, cli_cmd_analyze, cli_cmd_report, cli_cmd_data, cli_cmd_tune,
    cli_cmd_models, cli_cmd_network, cli_cmd_power, cli_cmd_import, cli_cmd_prune, cli_cmd_compare,
    cli_cmd_place, cli_cmd_orientation, cli_cmd_intervene;

#endif
