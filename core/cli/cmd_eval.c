/* locality eval: accuracy and loss of a model file. */
#include "../base/text.h"
#include "cli.h"

#include <locality/registry.h>

#include <string.h>

static const cli_flag flags[] = {
    {"data", 'd', "DATA", "data set [the one it was trained on]"},
    {"split", 0, "SPLIT", "test or train [test]"},
    {"backend", 0, "DEVICE", "where to compute [auto]"},
    CLI_SPARSE,
};

static int evaluate(const cli_args *a, const lp_model *m, const lp_settings *s, double share,
                    lp_dataset *data) {
  const char *path = a->operand[0];
  const lp_dataset_info *info = lp_dataset_get_info(data);
  lp_train_spec spec = {.net = *lp_model_spec(m), .settings = s, .sparse_share = share};
  spec.n_masks = lp_model_masks(m, &spec.masks);
  lp_trainer *t = NULL;
  lp_epoch_result r;
  lp_status status = lp_trainer_new(&spec, NULL, &t);
  if (status == LP_OK) status = lp_model_apply(m, t);
  const lp_dataset *const read = data;
  if (status == LP_OK) status = lp_evaluate(t, data, &r);
  if (status == LP_OK) status = lp_dataset_note_broken(data);
  int code = CLI_OK;
  if (status == LP_OK && a->json)
    code = cli_print_json(json_pack(
        "{s:s, s:s, s:s, s:i, s:f, s:f, s:o, s:f, s:o, s:o}", "model", path, "layer",
        spec.net.layer ? spec.net.layer : "", "data", info->name, "images", (int)info->count,
        "accuracy", r.accuracy, "top5", r.top5, "loss", lp_json_number(r.loss), "seconds",
        r.seconds, "warnings", cli_notes(&read, 1, true), "notes", cli_notes(&read, 1, false)));
  else if (status == LP_OK)
    printf("%s%s%s on %u images of %s\naccuracy %s %%, top-5 %s %%, loss %s\n", spec.net.model,
           spec.net.layer ? " with layer " : "", spec.net.layer ? spec.net.layer : "", info->count,
           info->name, lp_fixed(r.accuracy, 2).text, lp_fixed(r.top5, 2).text,
           lp_fixed(r.loss, 4).text);
  lp_trainer_free(t);
  return status == LP_OK ? code : cli_fail();
}

static int run(cli_args *a) {
  const char *split = cli_get(a, "split"), *wanted = cli_get(a, "data");
  bool train = split && strcmp(split, "train") == 0;
  if (split && !train && strcmp(split, "test") != 0)
    return cli_usage("--split: '%s' is neither test nor train", split);
  double share;
  const int bad = cli_read_share(a, &share);
  if (bad != CLI_OK) return bad;
  lp_model *m = NULL;
  lp_settings *s = NULL;
  lp_dataset *data = NULL;
  lp_status status = lp_registry_load();
  if (status == LP_OK) status = lp_settings_new(&s);
  const char *device = cli_get(a, "backend");
  if (status == LP_OK && device) status = lp_settings_set(s, "backend", device);
  if (status == LP_OK) status = lp_model_load(a->operand[0], &m);
  if (status != LP_OK) {
    lp_settings_free(s);
    return cli_fail();
  }
  const char *name = wanted ? wanted : lp_model_data(m);
  int code;
  if (!name)
    code = cli_fail_with("%s does not say what it was trained on; give --data", a->operand[0]);
  else if (lp_model_open_data(m, name, train ? LP_SPLIT_TRAIN : LP_SPLIT_TEST, &data) != LP_OK)
    code = cli_fail();
  else {
    cli_say_notes(a, (const lp_dataset *const *)&data, 1);
    code = evaluate(a, m, s, share, data);
  }
  if (data) lp_dataset_close(data);
  lp_model_free(m);
  lp_settings_free(s);
  return code;
}

const cli_command cli_cmd_eval = {
    .name = "eval",
    .operands = "MODEL.safetensors [options]",
    .summary = "accuracy and loss of a model file",
    .about =
        "Evaluates a network that `locality train` or an experiment wrote. Classes are matched by\n"
        "their names; one that the network was not trained on is an error.",
    .examples = "  locality eval sqrt.safetensors\n"
                "  locality eval runs/quick/models/linear-seed1.safetensors --data fashion-mnist",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
