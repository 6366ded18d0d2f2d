/* locality compare: run folders side by side. */
#include "cli.h"

#include "../base/text.h"

#include <locality/analysis.h>
#include <locality/io.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *key) {
  const char *s = json_string_value(json_object_get(o, key));
  return s ? s : "";
}

static double number_of(const json_t *o, const char *key) {
  const json_t *v = json_object_get(o, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

/* ---- CSV ----------------------------------------------------------------------------------- */

static void csv_text(FILE *f, const char *s) {
  if (!strpbrk(s, ",\"\n\r")) {
    fputs(s, f);
    return;
  }
  fputc('"', f);
  for (; *s; s++) fprintf(f, *s == '"' ? "\"\"" : "%c", *s);
  fputc('"', f);
}

static void write_csv(FILE *f, const json_t *all) {
  static const char *const number[] = {"mean", "sd", "reference_mean", "reference_sd"},
                           *const of_difference[] = {"mean", "low", "high", "t", "df"},
                           *const p[] = {"p", "q"};
  size_t i;
  const json_t *c;
  fputs("arm,reference,site,measure,fraction,analysis,n,reference_n,mean,sd,reference_mean,"
        "reference_sd,difference,low,high,t,df,p,q,verdict,reason\n",
        f);
  json_array_foreach(json_object_get(all, "comparisons"), i, c) {
    static const char *const text[] = {"arm", "reference", "site", "measure"};
    for (int k = 0; k < 4; k++) csv_text(f, text_of(c, text[k])), fputc(',', f);
    fprintf(f, "%d,%s,%.0f,%.0f", json_is_true(json_object_get(c, "fraction")),
            text_of(c, "analysis"), number_of(c, "n"), number_of(c, "reference_n"));
    double v[11];
    int n = 0;
    for (int k = 0; k < 4; k++) v[n++] = number_of(c, number[k]);
    for (int k = 0; k < 5; k++)
      v[n++] = number_of(json_object_get(c, "difference"), of_difference[k]);
    for (int k = 0; k < 2; k++) v[n++] = number_of(c, p[k]);
    for (int k = 0; k < n; k++) fprintf(f, ",%s", isnan(v[k]) ? "" : lp_exact(v[k]).text);
    fprintf(f, ",%s,", text_of(c, "verdict"));
    csv_text(f, text_of(c, "reason"));
    fputc('\n', f);
  }
}

/* ---- a table ------------------------------------------------------------------------------- */

/* Is the comparison one that --only names? */
static bool is_shown(const json_t *c, const char *const *only, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(only[i], text_of(c, "measure")) == 0 || strcmp(only[i], "all") == 0) return true;
  return false;
}

static void say_runs(const json_t *all) {
  size_t i;
  const json_t *r, *w;
  json_array_foreach(json_object_get(all, "runs"), i, r) {
    printf("%s: %s%s%.0f arms, %.0f seeds; ", text_of(r, "name"), text_of(r, "title"),
           *text_of(r, "title") ? ", " : "", number_of(r, "arms"), number_of(r, "seeds"));
    const bool paired = json_is_true(json_object_get(r, "paired"));
    printf("%s by seed: %s\n", paired ? "paired" : "not paired", text_of(r, "why"));
  }
  json_array_foreach(json_object_get(all, "warnings"), i, w)
      printf("note: %s\n", json_string_value(w));
}

static void print_row(const json_t *c, int width) {
  const json_t *d = json_object_get(c, "difference");
  const double low = number_of(d, "low"), high = number_of(d, "high");
  char mean[96], difference[144], n[24];
  int decimals =
      lp_decimals(fmax(fabs(number_of(c, "mean")), fabs(number_of(c, "reference_mean"))));
  snprintf(mean, sizeof mean, "%s (%s)", lp_fixed(number_of(c, "mean"), decimals).text,
           lp_fixed(number_of(c, "sd"), decimals).text);
  snprintf(difference, sizeof difference, "%s [%s, %s]",
           lp_fixed(number_of(d, "mean"), decimals).text, lp_fixed(low, decimals).text,
           lp_fixed(high, decimals).text);
  if (strcmp(text_of(c, "analysis"), "paired") == 0)
    snprintf(n, sizeof n, "%.0f pairs", number_of(c, "n"));
  else
    snprintf(n, sizeof n, "%.0f, %.0f", number_of(c, "n"), number_of(c, "reference_n"));
  printf("  %-*s %18s %9s  %-28s %8s %8s  %s%s\n", width, text_of(c, "arm"), mean, n, difference,
         lp_p_text(number_of(c, "p")).text, lp_p_text(number_of(c, "q")).text,
         text_of(c, "verdict"),
         json_is_true(json_object_get(c, "fraction")) ? " (of uniform)" : "");
}

static void print_table(const json_t *all, const char *const *only, uint32_t n_only) {
  const json_t *list = json_object_get(all, "comparisons"), *c;
  size_t i;
  uint32_t left_out = 0;
  int width = 3;
  const char *measure = "", *site = "";
  say_runs(all);
  json_array_foreach(list, i,
                     c) if (is_shown(c, only, n_only) && (int)strlen(text_of(c, "arm")) > width)
      width = (int)strlen(text_of(c, "arm"));
  printf("\nagainst %s:\n%s  %-*s %18s %9s  %-28s %8s %8s  %s%s\n", text_of(all, "reference"),
         cli_bold(stdout), width, "arm", "mean (sd)", "n", "difference [95 %]", "p", "q", "verdict",
         cli_plain(stdout));
  json_array_foreach(list, i, c) {
    if (!is_shown(c, only, n_only)) {
      left_out++;
      continue;
    }
    if (strcmp(measure, text_of(c, "measure")) != 0 || strcmp(site, text_of(c, "site")) != 0) {
      measure = text_of(c, "measure");
      site = text_of(c, "site");
      printf("%s%s%s: %s\n", measure, *site ? " at " : "", site,
             lp_fixed(number_of(c, "reference_mean"), lp_decimals(number_of(c, "reference_mean")))
                 .text);
    }
    print_row(c, width);
  }
  printf("None of these tests was planned; q is the false discovery rate over all of them.\n");
  if (left_out) printf("%u more comparisons: --only all, --csv or --json.\n", left_out);
}

/* ---- the command --------------------------------------------------------------------------- */

enum { MOST_NAMES = 64 };

/* Names of --only, or the plan's measures and accuracy; cut up in `text`. The exit code. */
static int choose(const json_t *all, char *text, const char **only, uint32_t *n) {
  const json_t *list = json_object_get(all, "comparisons"), *c;
  size_t i;
  *n = 0;
  if (!text) {
    json_array_foreach(json_object_get(all, "primary"), i, c) if (*n < MOST_NAMES - 1)
        only[(*n)++] = json_string_value(c);
    only[(*n)++] = "accuracy";
    return CLI_OK;
  }
  for (char *name; (name = lp_next_token(&text));) {
    bool is = strcmp(name, "all") == 0;
    const char *known[MOST_NAMES];
    uint32_t n_known = 0;
    json_array_foreach(list, i, c) {
      const char *measure = text_of(c, "measure");
      bool listed = false;
      for (uint32_t k = 0; k < n_known; k++) listed |= strcmp(known[k], measure) == 0;
      if (!listed && n_known < MOST_NAMES) known[n_known++] = measure;
      is |= strcmp(measure, name) == 0;
    }
    if (!is)
      return cli_usage("only: no measure of these folders is named '%s'%s", name,
                       lp_did_you_mean_or(name, known, n_known).text);
    if (*n == MOST_NAMES) return cli_usage("only: too many measures");
    only[(*n)++] = name;
  }
  return CLI_OK;
}

static bool ends_with(const char *path, const char *ending) {
  const size_t n = strlen(path), k = strlen(ending);
  return n > k && strcmp(path + n - k, ending) == 0;
}

static int write_out(const char *path, const json_t *all) {
  char *text = NULL;
  size_t n = 0;
  if (ends_with(path, ".json")) {
    text = lp_json_text(all, JSON_INDENT(2));
    n = text ? strlen(text) : 0;
  } else {
    FILE *f = open_memstream(&text, &n);
    if (f) write_csv(f, all);
    if (f && fclose(f) != 0) n = 0;
  }
  if (!n) {
    free(text);
    return cli_fail_with("%s: out of memory", path);
  }
  lp_status s = lp_write_file(path, text, n);
  free(text);
  return s == LP_OK ? CLI_OK : cli_fail();
}

static int print(const cli_args *a, const json_t *all, char *names) {
  const char *only[MOST_NAMES];
  uint32_t n;
  int code = choose(all, names, only, &n);
  if (code != CLI_OK) return code;
  if (cli_get(a, "out")) {
    code = write_out(cli_get(a, "out"), all);
    if (code != CLI_OK) return code;
  }
  if (a->json) return cli_print_json(json_incref((json_t *)(uintptr_t)all));
  if (cli_get(a, "csv"))
    write_csv(stdout, all);
  else
    print_table(all, only, n);
  return CLI_OK;
}

static int run(cli_args *a) {
  const char *out = cli_get(a, "out"), *only = cli_get(a, "only");
  if (a->json && cli_get(a, "csv")) return cli_usage("--json or --csv, not both");
  if (out && !ends_with(out, ".csv") && !ends_with(out, ".json"))
    return cli_usage("--out %s: its name ends in .csv or .json", out);
  int code = cli_check_outputs(&out, 1);
  if (code != CLI_OK) return code;
  json_t *all;
  if (lp_compare_runs(a->operand, a->n_operands, cli_get(a, "reference"), &all) != LP_OK)
    return cli_fail();
  char *names = only ? strdup(only) : NULL;
  code = only && !names ? cli_fail_with("out of memory") : print(a, all, names);
  free(names);
  json_decref(all);
  return code;
}

static const cli_flag flags[] = {
    {"reference", 0, "DIR/ARM", "arm that all others are compared with [the first folder's]"},
    {"only", 0, "LIST", "measures of the table, or all [the plan's, and accuracy]"},
    {"csv", 0, NULL, "every comparison on standard output, a line each"},
    {"out", 'o', "FILE", "the same into a file: .csv or .json"},
};

const cli_command cli_cmd_compare = {
    .name = "compare",
    .operands = "DIR DIR...",
    .summary = "run folders side by side",
    .about =
        "Compares every arm of analysed run folders, imports or not, with one of them over "
        "networks.\n"
        "Across folders networks are pairs by seed only where a seed means the same in both: same\n"
        "training images, model, batch size and version of the program; else Welch's test is "
        "taken.\n"
        "V is a fraction of what units in any order give where sheets differ.",
    .examples = "  locality compare runs/mnist runs/mnist-rmsprop\n"
                "  locality compare runs/a runs/b --reference b/control --only all --out ab.csv",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 2,
    .max_operands = CLI_MAX_OPERANDS,
    .run = run,
};
