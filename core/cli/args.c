/* Command-line arguments and help, both from the tables: a subcommand's flags, those that all have,
 * and the options of experiments. */
#include "cli.h"

#include "../base/text.h"

#include <locality/analysis.h>
#include <locality/io.h>

#include <stdlib.h>
#include <string.h>

static const cli_flag common[] = {
    {"json", 0, NULL, "print results as JSON on standard output"},
    {"quiet", 'q', NULL, "no progress, results and errors only"},
    {"help", 'h', NULL, "print this help"},
};
enum { JSON_FLAG, QUIET_FLAG, HELP_FLAG, N_COMMON };

/* ---- help ---------------------------------------------------------------------------------- */

static void dashed(const char *name, char out[40]) {
  snprintf(out, 40, "%s", name);
  for (char *c = out; *c; c++)
    if (*c == '_') *c = '-';
}

static void help_line(const char *left, const char *meaning) {
  if (strlen(left) <= 26)
    printf("  %-26s  %s\n", left, meaning);
  else
    printf("  %s\n  %-26s  %s\n", left, "", meaning);
}

static void flag_help(const cli_flag *f) {
  char left[64];
  snprintf(left, sizeof left, "%s%c%s --%s%s%s", f->letter ? "-" : " ", f->letter ? f->letter : ' ',
           f->letter ? "," : " ", f->name, f->value ? " " : "", f->value ? f->value : "");
  help_line(left, f->meaning);
}

static void option_help(const lp_option *o) {
  static const char *const stands[] = {"N", "X", "BOOL", NULL, "TEXT", "LIST"};
  char name[40], left[64], meaning[320], range[64] = "";
  dashed(o->name, name);
  snprintf(left, sizeof left, "    --%s %s", name,
           o->type == LP_OPTION_ENUM ? o->choices : stands[o->type]);
  if (o->max > o->min) snprintf(range, sizeof range, ", %.15g to %.15g", o->min, o->max);
  snprintf(meaning, sizeof meaning, *o->value ? "%s [%s%s]" : "%s", o->meaning, o->value, range);
  help_line(left, meaning);
}

/* With their titles; what cannot be read is not there for the help. */
static void print_presets(void) {
  char **names = NULL;
  uint32_t n = 0;
  if (lp_preset_names(&names, &n) != LP_OK) return;
  printf("\n%spresets:%s\n", cli_bold(stdout), cli_plain(stdout));
  for (uint32_t i = 0; i < n; i++) {
    lp_settings *s = NULL;
    if (lp_settings_new(&s) == LP_OK && lp_settings_load(s, names[i]) == LP_OK)
      help_line(names[i], lp_setting_text(s, "title"));
    lp_settings_free(s);
  }
  lp_names_free(names, n);
}

static void print_measures(void) {
  const char *name;
  printf("\n%smeasures:%s\n ", cli_bold(stdout), cli_plain(stdout));
  for (uint32_t i = 0; (name = lp_primary_measure(i)); i++) printf(" %s", name);
  printf("\n");
}

void cli_print_help(const cli_command *c) {
  const char *b = cli_bold(stdout), *p = cli_plain(stdout);
  printf("%susage:%s locality %s %s\n\n%s\n\n%soptions:%s\n", b, p, c->name, c->operands, c->about,
         b, p);
  for (uint32_t i = 0; i < c->n_flags; i++) flag_help(&c->flags[i]);
  for (uint32_t i = 0; i < N_COMMON; i++) flag_help(&common[i]);
  if (c->use)
    printf("\n%s%s%s\n", b,
           c->use & LP_USE_EXPERIMENT ? "settings, over those of the preset or file [default]:"
                                      : "settings [default]:",
           p);
  const lp_option *o;
  for (uint32_t i = 0; (o = lp_option_get(i)); i++)
    if (o->use & c->use) option_help(o);
  if (c->use & LP_USE_EXPERIMENT) print_measures();
  if (c->use & LP_USE_EXPERIMENT) print_presets();
  printf("\n%sexamples:%s\n%s\n", b, p, c->examples);
}

/* ---- parsing ------------------------------------------------------------------------------- */

/* Index of the flag called `name` (n characters) among own and common ones; -1 none. */
static int flag_index(const cli_command *c, const char *name, size_t n) {
  for (uint32_t i = 0; i < c->n_flags + N_COMMON; i++) {
    const cli_flag *f = i < c->n_flags ? &c->flags[i] : &common[i - c->n_flags];
    if (strlen(f->name) == n && strncmp(f->name, name, n) == 0) return (int)i;
  }
  return -1;
}

static int letter_index(const cli_command *c, char letter) {
  for (uint32_t i = 0; i < c->n_flags + N_COMMON; i++) {
    const cli_flag *f = i < c->n_flags ? &c->flags[i] : &common[i - c->n_flags];
    if (f->letter == letter) return (int)i;
  }
  return -1;
}

static int unknown(const cli_command *c, const char *word) {
  static char dashes[CLI_MAX_SET][40];
  const char *names[CLI_MAX_SET + CLI_MAX_FLAGS];
  uint32_t n = 0, n_dashes = 0;
  const lp_option *o;
  for (uint32_t i = 0; (o = lp_option_get(i)); i++) {
    if (!(o->use & c->use)) continue;
    dashed(o->name, dashes[n_dashes]);
    names[n++] = dashes[n_dashes++];
  }
  for (uint32_t i = 0; i < c->n_flags; i++) names[n++] = c->flags[i].name;
  for (uint32_t i = 0; i < N_COMMON; i++) names[n++] = common[i].name;
  const char *near = word[1] == '-' ? lp_nearest(word + 2, names, n) : NULL;
  if (near) return cli_usage("unknown option %s; did you mean --%s?", word, near);
  return cli_usage("unknown option %s; `locality %s --help` lists them", word, c->name);
}

/* The table's option called `name`; quiet, unlike lp_option_find. */
static const lp_option *table_option(const cli_command *c, const char *name) {
  const lp_option *o;
  char text[40];
  for (uint32_t i = 0; (o = lp_option_get(i)); i++) {
    dashed(o->name, text);
    if ((o->use & c->use) && (strcmp(text, name) == 0 || strcmp(o->name, name) == 0)) return o;
  }
  return NULL;
}

/* One option at argv[*i]; takes its value, which may be the next word. 0, or an exit code. */
static int parse_option(cli_args *a, int argc, char **argv, int *i) {
  const cli_command *c = a->command;
  const char *word = argv[*i], *equals = strchr(word, '=');
  bool is_long = word[1] == '-';
  char name[40];
  size_t n = is_long ? (equals ? (size_t)(equals - word) : strlen(word)) - 2 : 0;
  if (n >= sizeof name) return unknown(c, word);
  snprintf(name, sizeof name, "%.*s", (int)n, word + 2);
  int index = is_long ? flag_index(c, name, n) : word[2] ? -1 : letter_index(c, word[1]);
  const lp_option *option = is_long && index < 0 ? table_option(c, name) : NULL;
  if (index < 0 && !option) {
    char shown[48];
    snprintf(shown, sizeof shown, "%.*s", (int)(is_long ? n + 2 : strlen(word)), word);
    return unknown(c, shown);
  }

  const cli_flag *flag = index < 0                      ? NULL
                         : (uint32_t)index < c->n_flags ? &c->flags[index]
                                                        : &common[(uint32_t)index - c->n_flags];
  bool wants = option || flag->value;
  const char *value = is_long && equals ? equals + 1 : NULL;
  if (!wants && value) return cli_usage("--%s takes no value", name);
  if (wants && !value) {
    if (*i + 1 >= argc) return cli_usage("%s needs a value", word);
    value = argv[++*i];
  }
  if (flag) {
    a->flag[index] = value ? value : "";
    if (!value) return CLI_OK;
    if (a->n_given == CLI_MAX_SET) return cli_usage("too many options");
    a->given[a->n_given].flag = (uint32_t)index;
    a->given[a->n_given++].text = value;
    return CLI_OK;
  }
  if (a->n_set == CLI_MAX_SET) return cli_usage("too many options");
  a->set[a->n_set].option = option;
  a->set[a->n_set++].text = value;
  return CLI_OK;
}

/* JSON is UTF-8, and results name files: known before any work is done. */
static int check_json_words(const cli_command *c, int argc, char **argv) {
  for (int i = 0; i < argc; i++) {
    json_t *text = json_string(argv[i]);
    json_decref(text);
    if (!text)
      return cli_usage("%s: '%s' is not UTF-8 text, which --json could not print", c->name,
                       argv[i]);
  }
  return CLI_OK;
}

int cli_parse(const cli_command *c, int argc, char **argv, cli_args *a, bool *done) {
  *a = (cli_args){.command = c};
  *done = true;
  bool only_operands = false;
  int code = CLI_OK;
  for (int i = 0; i < argc && code == CLI_OK; i++) {
    if (!only_operands && strcmp(argv[i], "--") == 0)
      only_operands = true;
    else if (!only_operands && argv[i][0] == '-' && argv[i][1])
      code = parse_option(a, argc, argv, &i);
    else if (a->n_operands == c->max_operands)
      code = cli_usage("%s: too many arguments, from '%s' on", c->name, argv[i]);
    else
      a->operand[a->n_operands++] = argv[i];
    if (a->flag[c->n_flags + HELP_FLAG]) {
      cli_print_help(c);
      return CLI_OK;
    }
  }
  if (code != CLI_OK) return code;
  if (a->n_operands < c->min_operands)
    return cli_usage("%s: missing argument; usage: locality %s %s", c->name, c->name, c->operands);
  a->json = a->flag[c->n_flags + JSON_FLAG] != NULL;
  a->quiet = a->flag[c->n_flags + QUIET_FLAG] != NULL;
  code = a->json ? check_json_words(c, argc, argv) : CLI_OK;
  *done = code != CLI_OK;
  return code;
}

const char *cli_get(const cli_args *a, const char *flag) {
  int i = flag_index(a->command, flag, strlen(flag));
  return i < 0 ? NULL : a->flag[i];
}

const char *cli_get_nth(const cli_args *a, const char *flag, uint32_t i) {
  int index = flag_index(a->command, flag, strlen(flag));
  for (uint32_t k = 0; k < a->n_given; k++)
    if ((int)a->given[k].flag == index && i-- == 0) return a->given[k].text;
  return NULL;
}

/* The value of option i: the last one given, but of a grid all that were given so far. */
static char *value_of(const cli_args *a, uint32_t i) {
  char *all = NULL;
  for (uint32_t k = 0; a->set[i].option->use & LP_USE_GRID && k < i; k++) {
    if (a->set[k].option != a->set[i].option) continue;
    char *longer;
    int n = asprintf(&longer, "%s%s%s", all ? all : "", all ? "," : "", a->set[k].text);
    free(all);
    all = n < 0 ? NULL : longer;
  }
  if (!all) return strdup(a->set[i].text);
  char *whole;
  int n = asprintf(&whole, "%s,%s", all, a->set[i].text);
  free(all);
  return n < 0 ? NULL : whole;
}

int cli_read_share(const cli_args *a, double *share) {
  const char *text = cli_get(a, "sparse");
  char *end = NULL;
  *share = text ? strtod(text, &end) : 0;
  if (!text) return CLI_OK;
  if (end == text || *end || !(*share >= 0 && *share <= 1))
    return cli_usage("--sparse: '%s' is not a share between 0 and 1, such as 0.1", text);
  if (*share == 0) *share = -1; /* lp_train_spec.sparse_share: none */
  return CLI_OK;
}

int cli_apply_options(const cli_args *a, lp_settings *s) {
  for (uint32_t i = 0; i < a->n_set; i++) {
    const lp_option *option = a->set[i].option;
    char name[40], *value = value_of(a, i);
    dashed(option->name, name);
    lp_status status = value ? lp_settings_give(s, option->name, value) : LP_ERR_MEMORY;
    free(value);
    if (status == LP_ERR_MEMORY) return cli_fail_with("out of memory");
    /* The message begins with the option's name. */
    if (status != LP_OK)
      return cli_usage("--%s%s", name, lp_error_message() + strlen(option->name));
  }
  return CLI_OK;
}
