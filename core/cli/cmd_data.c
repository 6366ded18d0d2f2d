/* locality data: the data sets there are, and fetching them. */
#include "cli.h"

#include <string.h>

static const cli_flag flags[] = {
    {"from", 0, "DIR|URL", "where the files are [the usual source]"},
};

static int list(const cli_args *a) {
  json_t *all = json_array();
  const char *spec, *summary;
  for (uint32_t i = 0; (spec = lp_dataset_spec(i, &summary)); i++) {
    json_array_append_new(all, json_pack("{s:s, s:s}", "spec", spec, "summary", summary));
    if (!a->json) printf("%-16s %s\n", spec, summary);
  }
  if (a->json) return cli_print_json(json_pack("{s:o}", "data", all));
  json_decref(all);
  return CLI_OK;
}

static int fetch(const cli_args *a) {
  const char *name = a->operand[1];
  if (lp_dataset_fetch(name, cli_get(a, "from")) != LP_OK) return cli_fail();
  lp_dataset *d;
  if (lp_dataset_open(name, LP_SPLIT_TRAIN, &d) != LP_OK) return cli_fail();
  const lp_dataset_info *info = lp_dataset_get_info(d);
  int code = CLI_OK;
  if (a->json)
    code = cli_print_json(json_pack("{s:s, s:s}", "name", info->name, "source", info->source));
  else
    printf("%s\n", info->source);
  lp_dataset_close(d);
  return code;
}

static int run(cli_args *a) {
  const char *what = a->operand[0];
  if (strcmp(what, "list") == 0 && a->n_operands == 1) return list(a);
  if (strcmp(what, "fetch") == 0 && a->n_operands == 2) return fetch(a);
  if (strcmp(what, "fetch") == 0) return cli_usage("data fetch: the name of a data set is missing");
  return cli_usage("data: '%s' is neither list nor fetch NAME", what);
}

const cli_command cli_cmd_data = {
    .name = "data",
    .operands = "list | fetch NAME [--from DIR|URL]",
    .summary = "list data sets, fetch one",
    .about =
        "Lists the kinds of data sets, or puts a known one into the cache, checked by SHA-256.",
    .examples = "  locality data list\n"
                "  locality data fetch mnist\n"
                "  locality data fetch mnist --from ~/Downloads/mnist",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 2,
    .run = run,
};
