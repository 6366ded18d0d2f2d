/* The program: finds the subcommand in the table and runs it. */
#include "cli.h"

#include "../base/standard.h"
#include "../base/text.h"

#include <locality/registry.h>

#include <locale.h>
#include <string.h>

static const cli_command *const commands[] = {
    &cli_cmd_experiment, &cli_cmd_train,       &cli_cmd_eval,      &cli_cmd_prior,
    &cli_cmd_plugins,    &cli_cmd_devices,     &cli_cmd_analyze,   &cli_cmd_report,
    &cli_cmd_data,       &cli_cmd_tune,        &cli_cmd_models,    &cli_cmd_network,
    &cli_cmd_power,      &cli_cmd_import,      &cli_cmd_prune,     &cli_cmd_compare,
    &cli_cmd_place,      &cli_cmd_orientation, &cli_cmd_intervene,
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *out) {
  const char *b = cli_bold(out), *p = cli_plain(out);
  fprintf(out,
          "%slocality%s trains networks whose layers pay for their wiring, and compares them.\n\n"
          "%susage:%s locality COMMAND [options]\n\n%scommands:%s\n",
          b, p, b, p, b, p);
  for (int i = 0; i < N_COMMANDS; i++)
    fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
  fprintf(out,
          "\n%soptions:%s\n  --help       print this help; `locality COMMAND --help` has more\n"
          "  --version    print the version\n\n"
          "%sexample:%s\n  locality experiment mnist --arms control,linear --seeds 3\n",
          b, p, b, p);
}

static const cli_command *find(const char *name) {
  for (int i = 0; i < N_COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

static int unknown(const char *name) {
  const char *names[N_COMMANDS];
  for (int i = 0; i < N_COMMANDS; i++) names[i] = commands[i]->name;
  const lp_hint near = lp_did_you_mean(name, names, N_COMMANDS);
  return cli_usage("no command is named '%s'%s", name,
                   *near.text ? near.text : "; `locality --help` lists them");
}

/* What is no subcommand: help, version, nothing at all. */
static int answer(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : "";
  bool help = strcmp(word, "help") == 0;
  if (help && argc > 2) {
    const cli_command *c = find(argv[2]);
    if (!c) return unknown(argv[2]);
    cli_print_help(c);
    return CLI_OK;
  }
  if (help || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    print_usage(stdout);
    return CLI_OK;
  }
  if (strcmp(word, "--version") == 0) {
    printf("locality %s\n", LP_VERSION);
    return CLI_OK;
  }
  if (*word) return unknown(word);
  print_usage(stderr);
  return CLI_USAGE;
}

int main(int argc, char **argv) {
  lp_standard_open();
  setlocale(LC_CTYPE, "");
  const cli_command *c = argc > 1 ? find(argv[1]) : NULL;
  int code;
  if (!c) {
    code = answer(argc, argv);
  } else {
    cli_args a;
    bool done;
    code = cli_parse(c, argc - 2, argv + 2, &a, &done);
    a.words = (const char *const *)argv;
    a.n_words = (uint32_t)argc;
    if (!done) code = c->run(&a);
    lp_registry_shutdown();
  }
  if (!lp_standard_flush() && code == CLI_OK)
    code = cli_fail_with("cannot write to standard output");
  return code;
}
