/* locality data: the data sets there are, fetching them, and unpacking ILSVRC2012. */
#include "cli.h"

#include <locality/io.h>

#include <math.h>
#include <string.h>

static const cli_flag flags[] = {
    {"from", 0, "DIR|URL", "fetch: where the files are [the usual source]"},
    {"train", 0, "FILE", "prepare: ILSVRC2012_img_train.tar"},
    {"val", 0, "FILE", "prepare: ILSVRC2012_img_val.tar"},
    {"ground-truth", 0, "FILE", "prepare: a line for each validation image, its synset or number"},
    {"synsets", 0, "FILE", "prepare: the synsets that those numbers count, a line each"},
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
  int code = cli_check_cache();
  if (code != CLI_OK) return code;
  if (lp_dataset_fetch(name, cli_get(a, "from")) != LP_OK) return cli_fail();
  lp_dataset *d;
  if (lp_dataset_open(name, LP_SPLIT_TRAIN, &d) != LP_OK) return cli_fail();
  const lp_dataset_info *info = lp_dataset_get_info(d);
  if (a->json)
    code = cli_print_json(json_pack("{s:s, s:s}", "name", info->name, "source", info->source));
  else
    printf("%s\n", info->source);
  lp_dataset_close(d);
  return code;
}

static bool on_unpacked(void *user, const char *what, uint64_t done, uint64_t total) {
  bool training = strcmp(what, "train") == 0;
  char label[80];
  snprintf(label, sizeof label, "%s %llu of %llu",
           training ? "training: class" : "validation: image", (unsigned long long)done,
           (unsigned long long)total);
  cli_progress_show(user, (double)done / (double)total, label, NAN, NAN);
  return !cli_stopped();
}

static int prepare(const cli_args *a) {
  const char *dir = a->operand[1];
  lp_ilsvrc from = {cli_get(a, "train"), cli_get(a, "val"), cli_get(a, "ground-truth"),
                    cli_get(a, "synsets")};
  if (!from.train && !from.val)
    return cli_usage("data prepare: neither --train nor --val names an archive");
  if (from.val && !from.ground_truth)
    return cli_usage("data prepare: --val needs --ground-truth FILE");
  if (lp_check_folder(dir) != LP_OK) return cli_fail();
  cli_progress bar;
  cli_progress_init(&bar, a->quiet);
  cli_catch_signals();
  lp_status status = lp_dataset_prepare_ilsvrc(&from, dir, on_unpacked, &bar);
  cli_progress_end(&bar);
  if (status != LP_OK) return cli_fail();
  char data[4200];
  snprintf(data, sizeof data, "imagefolder:%s", dir);
  if (a->json) return cli_print_json(json_pack("{s:s, s:s}", "directory", dir, "data", data));
  printf("use it with --data %s\n", data);
  return CLI_OK;
}

static int run(cli_args *a) {
  const char *what = a->operand[0];
  if (strcmp(what, "list") == 0 && a->n_operands == 1) return list(a);
  if (strcmp(what, "fetch") == 0 && a->n_operands == 2) return fetch(a);
  if (strcmp(what, "fetch") == 0) return cli_usage("data fetch: the name of a data set is missing");
  if (strcmp(what, "prepare") == 0 && a->n_operands == 2) return prepare(a);
  if (strcmp(what, "prepare") == 0) return cli_usage("data prepare: the folder to make is missing");
  return cli_usage("data: '%s' is neither list, fetch NAME nor prepare DIR", what);
}

const cli_command cli_cmd_data = {
    .name = "data",
    .operands = "list | fetch NAME [--from DIR|URL] | prepare DIR --train FILE ...",
    .summary = "list data sets, fetch one, unpack ImageNet",
    .about =
        "Lists the kinds of data sets, or puts a known one into the cache, checked by SHA-256.\n"
        "prepare makes DIR/train and DIR/val, a folder a class, from the archives of ILSVRC2012 "
        "as\n"
        "published. What is there is left alone, so that a run that was stopped goes on.",
    .examples = "  locality data list\n"
                "  locality data fetch mnist\n"
                "  locality data fetch mnist --from ~/Downloads/mnist\n"
                "  locality data prepare imagenet --train ILSVRC2012_img_train.tar \\\n"
                "    --val ILSVRC2012_img_val.tar --ground-truth ground_truth.txt "
                "--synsets synsets.txt",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 2,
    .run = run,
};
