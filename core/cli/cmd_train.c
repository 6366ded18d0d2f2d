/* locality train: one network into a model file. */
#include "../base/text.h"
#include "cli.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    {"out", 'o', "FILE", "model file to write (safetensors)"},
    {"profile", 'p', "FILE",
     "then time some steps one by one: a table, and a Chrome trace in FILE"},
    {"tune", 't', NULL, "measure kernels that were not measured on this device before"},
};

typedef struct cli_training {
  cli_progress bar;
  uint32_t epochs, images;
  lp_trainer *trainer;
  cli_counted counted; /* between the first and the last step of the latest epoch */
} cli_training;

static bool on_progress(void *user, const lp_progress *p) {
  cli_training *t = user;
  if (p->n_loss || !p->steps) return !cli_stopped();
  t->counted.of_epoch = p->steps;
  if (p->step == 1) cli_count(t->trainer, &t->counted.before);
  if (p->step > 1 && p->step + 1 == p->steps) {
    cli_count(t->trainer, &t->counted.after);
    t->counted.steps = p->step - 1;
  }
  double in_epoch = (double)p->step / p->steps, done = (p->epoch - 1 + in_epoch) / t->epochs;
  double rate = p->seconds > 0 && p->step ? in_epoch * t->images / p->seconds : NAN;
  char label[64];
  snprintf(label, sizeof label, "epoch %u/%u", p->epoch, t->epochs);
  cli_progress_show(&t->bar, done, label, rate, (1 - done) * t->epochs * t->images / rate);
  return !cli_stopped();
}

/* What is to be written must be possible before an hour is spent, not after. */
static int check_outputs(const cli_args *a, const lp_settings *s) {
  const char *path[] = {cli_get(a, "out"), cli_get(a, "profile")};
  int code = cli_check_outputs(path, 2);
  if (code != CLI_OK) return code;
  /* Texts of the results: a JSON object and the model's metadata hold UTF-8 only. */
  const char *text[] = {path[0], path[1], lp_setting_text(s, "data"), lp_setting_text(s, "model"),
                        lp_setting_text(s, "layer")};
  for (int i = 0; i < 5; i++) {
    json_t *held = text[i] ? json_string(text[i]) : json_null();
    if (!held) return cli_fail_with("'%s' is not UTF-8 text, so no result can name it", text[i]);
    json_decref(held);
  }
  return CLI_OK;
}

static int train_epochs(const cli_args *a, lp_trainer *t, uint32_t most,
                        lp_dataset *const data[2]) {
  const lp_dataset *train = data[0], *test = data[1];
  cli_training watch = {.epochs = most, .images = lp_dataset_get_info(train)->count, .trainer = t};
  cli_progress_init(&watch.bar, a->quiet);
  lp_epoch_result learnt = {0}, tested = {0};
  json_t *epochs = json_array();
  lp_status status = LP_OK;
  for (uint32_t e = 0; e < most && status == LP_OK; e++) {
    status = lp_train_epoch(t, on_progress, &watch, &learnt);
    watch.counted.seconds = learnt.seconds;
    watch.counted.waited = learnt.waited;
    if (status == LP_OK) status = lp_evaluate(t, test, &tested);
    if (status != LP_OK) break;
    cli_progress_say(
        &watch.bar, "epoch %u/%u: training loss %s, test accuracy %s %%, loss %s (%s s)",
        learnt.epoch, most, lp_fixed(learnt.loss, 4).text, lp_fixed(tested.accuracy, 2).text,
        lp_fixed(tested.loss, 4).text, lp_fixed(learnt.seconds, 2).text);
    json_array_append_new(epochs,
                          json_pack("{s:i, s:f, s:f, s:o, s:f}", "epoch", (int)learnt.epoch,
                                    "train_loss", learnt.loss, "accuracy", tested.accuracy, "loss",
                                    lp_json_number(tested.loss), "seconds", learnt.seconds));
  }
  cli_progress_end(&watch.bar);
  if (status == LP_OK) status = lp_model_save(t, cli_get(a, "out"));
  for (int i = 0; status == LP_OK && i < 2; i++) status = lp_dataset_note_broken(data[i]);
  const lp_dataset *const both[2] = {train, test};
  int code = CLI_OK;
  if (status == LP_OK && a->json)
    code = cli_print_json(json_pack("{s:s, s:f, s:o, s:O, s:o, s:o}", "model", cli_get(a, "out"),
                                    "accuracy", tested.accuracy, "loss",
                                    lp_json_number(tested.loss), "epochs", epochs, "warnings",
                                    cli_notes(both, 2, true), "notes", cli_notes(both, 2, false)));
  else if (status == LP_OK)
    printf("test accuracy %s %%, loss %s\n%s\n", lp_fixed(tested.accuracy, 2).text,
           lp_fixed(tested.loss, 4).text, cli_get(a, "out"));
  json_decref(epochs);
  if (status == LP_OK && code == CLI_OK && cli_get(a, "profile"))
    code = cli_profile(t, &watch.counted, cli_get(a, "profile"));
  if (status == LP_ERR_INTERRUPTED) return cli_fail_with("interrupted; nothing was written");
  return status == LP_OK ? code : cli_fail();
}

static int train(const cli_args *a, const lp_settings *s) {
  lp_dataset *data[2] = {NULL, NULL};
  lp_trainer *t = NULL;
  lp_train_spec spec = {.settings = s};
  lp_status status = lp_registry_load();
  if (status == LP_OK) status = lp_train_open_data(s, data);
  if (status == LP_OK) cli_say_notes(a, (const lp_dataset *const *)data, 2);
  if (status == LP_OK) status = lp_train_net(s, lp_dataset_get_info(data[0]), &spec.net);
  if (status == LP_OK) status = lp_trainer_new(&spec, data[0], &t);
  const lp_penalty_value *p;
  const uint32_t n = status == LP_OK ? lp_trainer_penalties(t, &p) : 0;
  for (uint32_t i = 0; i < n && status == LP_OK; i++)
    status = lp_penalty_check(p[i].layer, p[i].penalty, (uint32_t)lp_setting_int(s, "epochs"));
  if (status == LP_OK)
    cli_say_auto(a, lp_setting_text(s, "backend"), lp_session_device(lp_trainer_session(t)));
  int code = status == LP_OK ? train_epochs(a, t, (uint32_t)lp_setting_int(s, "epochs"), data)
                             : cli_fail();
  lp_trainer_free(t);
  for (int i = 0; i < 2; i++)
    if (data[i]) lp_dataset_close(data[i]);
  return code;
}

static int run(cli_args *a) {
  if (!cli_get(a, "out")) return cli_usage("train: --out FILE is missing");
  lp_settings *s;
  if (lp_settings_new(&s) != LP_OK) return cli_fail();
  cli_catch_signals();
  int code = cli_apply_options(a, s);
  if (code == CLI_OK) code = check_outputs(a, s);
  if (code == CLI_OK) code = cli_apply_tune(a, s);
  if (code == CLI_OK) code = train(a, s);
  lp_settings_free(s);
  return code;
}

const cli_command cli_cmd_train = {
    .name = "train",
    .operands = "--out FILE [options]",
    .summary = "train one network into a model file",
    .about = "Trains one network and writes its weights, with what is needed to build it again.\n"
             "Defaults are the published settings of the MNIST experiment.",
    .examples =
        "  locality train --layer locality:cost=sqrt --epochs 3 --out sqrt.safetensors\n"
        "  locality train --layer plain --data fashion-mnist --seed 7 -o plain.safetensors\n"
        "  locality train --data idx:my-images --optimizer adam --lr 0.001 --decay 0 "
        "-o mine.safetensors",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .use = LP_USE_TRAIN,
    .run = run,
};
