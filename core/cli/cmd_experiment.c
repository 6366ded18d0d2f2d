/* locality experiment: arms x seeds into a run folder, analysed and reported. */
#include "../base/text.h"
#include "cli.h"

#include <locality/analysis.h>
#include <locality/report.h>
#include <locality/run.h>

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const cli_flag flags[] = {
    {"out", 'o', "DIR", "run folder [runs/PRESET-DATE-TIME]"},
    {"resume", 0, "DIR",
     "go on with a run that was interrupted, or with more --seeds or arms than it had"},
    {"add-arms", 0, "LIST", "with --resume: arms that the run gets besides, as --arms has them"},
    {"dry-run", 'n', NULL, "print arms, memory and an estimate of the time, and stop"},
    {"tune", 't', NULL, "measure kernels that were not measured on this device before"},
    {"no-report", 0, NULL, "train only; `locality analyze` and `report` do the rest"},
};

/* ---- stopping ------------------------------------------------------------------------------ */

static lp_experiment *volatile running;

/* The handler is gone after the first signal, so that a second one kills. */
static void on_signal(int number) {
  (void)number;
  if (running) lp_experiment_stop(running);
}

static void catch_signals(lp_experiment *x) {
  running = x;
  struct sigaction act = {.sa_handler = x ? on_signal : SIG_DFL,
                          .sa_flags = SA_RESTART | (int)SA_RESETHAND};
  sigemptyset(&act.sa_mask);
  sigaction(SIGINT, &act, NULL);
  sigaction(SIGTERM, &act, NULL);
}

/* ---- progress ------------------------------------------------------------------------------ */

typedef struct cli_watch {
  cli_progress bar;
  double images; /* of an epoch */
} cli_watch;

static void on_progress(void *user, const lp_experiment_progress *p) {
  cli_watch *w = user;
  char label[200];
  double speed = p->fresh > 0 && p->elapsed > 0 ? p->fresh / p->elapsed : NAN; /* epochs/s */
  if (p->event == LP_EVENT_END && strcmp(p->status, "complete") != 0) {
    cli_progress_say(&w->bar, "%s seed %llu: %s: %s", p->arm, (unsigned long long)p->seed,
                     p->status, p->message);
    return;
  }
  if (p->event == LP_EVENT_EPOCH && p->epoch == p->epochs) {
    cli_progress_say(&w->bar, "%s seed %llu: test accuracy %s %%, loss %s", p->arm,
                     (unsigned long long)p->seed, lp_fixed(p->accuracy, 2).text,
                     lp_fixed(p->loss, 4).text);
    return;
  }
  snprintf(label, sizeof label, "%s seed %llu, epoch %u/%u", p->arm, (unsigned long long)p->seed,
           p->epoch, p->epochs);
  cli_progress_show(&w->bar, p->done / p->total, label, speed * w->images,
                    (p->total - p->done) / speed);
}

/* ---- dry run ------------------------------------------------------------------------------- */

static uint64_t total_bytes(const lp_train_memory *m) {
  return m->persistent + m->transient + m->images + m->copies;
}

static json_t *dry_run_arm(const lp_arm *arm) {
  const lp_train_memory *m = &arm->memory;
  return json_pack("{s:s, s:s, s:s*, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "name", arm->name,
                   "layer", arm->layer, "set", arm->set, "parameters", (json_int_t)arm->parameters,
                   "persistent_bytes", (json_int_t)m->persistent, "transient_bytes",
                   (json_int_t)m->transient, "image_bytes", (json_int_t)m->images, "copy_bytes",
                   (json_int_t)m->copies, "total_bytes", (json_int_t)total_bytes(m), "largest",
                   arm->plan.largest);
}

/* Of the column of arms, whose names are long in a sweep. */
static int name_width(const lp_experiment_info *i) {
  size_t most = 20;
  for (uint32_t k = 0; k < i->n_arms; k++)
    if (strlen(i->arms[k].name) > most) most = strlen(i->arms[k].name);
  return (int)most;
}

static void print_sizes(const lp_experiment_info *i) {
  const int wide = name_width(i);
  uint64_t most = 0;
  printf("%-*s %12s %10s %10s %10s %10s %10s\n", wide, "arm", "parameters", "persistent",
         "transient", "images", "copies", "memory");
  for (uint32_t k = 0; k < i->n_arms; k++) {
    const lp_train_memory *m = &i->arms[k].memory;
    const uint64_t bytes[] = {m->persistent, m->transient, m->images, m->copies, total_bytes(m)};
    printf("%-*s %12llu", wide, i->arms[k].name, (unsigned long long)i->arms[k].parameters);
    for (int b = 0; b < 5; b++) {
      char text[24];
      cli_format_bytes(bytes[b], text);
      printf(" %10s", text);
    }
    printf("  %s\n", lp_arm_what(i->arms[k].layer, i->arms[k].set));
    most = bytes[4] > most ? bytes[4] : most;
  }
  char memory[24];
  cli_format_bytes(most * i->jobs, memory);
  printf("\nmemory: %s at most (copies: images and checkpoints on this machine)\n", memory);
  printf("largest value: %s\n", i->arms[0].plan.largest);
}

/* How many of the jobs make the work faster: cores are shared, and so is any other device. */
static uint32_t useful_jobs(const lp_experiment_info *i) {
  if (i->jobs < 2 || i->device->type != LP_DEVICE_CPU) return 1;
  const char *asked = strstr(i->device_spec, "threads=");
  long threads = asked ? strtol(asked + strlen("threads="), NULL, 10) : (long)i->device->units;
  cpu_set_t set;
  uint32_t cores = i->device->units;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = (uint32_t)CPU_COUNT(&set);
  uint32_t room = threads > 0 ? cores / (uint32_t)threads : cores;
  return room < 1 ? 1 : room < i->jobs ? room : i->jobs;
}

/* Seconds of the report: 14 figures took gnuplot 1.6 s of processor time (AMD EPYC). */
#define REPORT_SECONDS 3.0

static int dry_run(const cli_args *a, lp_experiment *x) {
  const lp_experiment_info *i = lp_experiment_get_info(x);
  lp_estimate e;
  uint32_t useful = useful_jobs(i);
  if (lp_experiment_estimate(x, 1.0, &e) != LP_OK) return cli_fail();
  const bool report = !cli_get(a, "no-report");
  const double networks = (double)i->n_arms * i->n_seeds,
               epochs = lp_setting_real(i->settings, "epochs");
  /* each is tested after every epoch, and has activations before and after its training */
  const double share = fmin(lp_setting_real(i->settings, "images") / i->test->count, 1);
  const double training = networks * (epochs * (e.epoch + e.test) + 2 * share * e.test) / useful;
  const double after = report ? e.analysis + REPORT_SECONDS : 0, total = training + after;
  if (a->json) {
    json_t *arms = json_array();
    for (uint32_t k = 0; k < i->n_arms; k++) json_array_append_new(arms, dry_run_arm(&i->arms[k]));
    return cli_print_json(
        json_pack("{s:o, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "arms", arms, "device",
                  i->device->name, "seeds", (int)i->n_seeds, "jobs", (int)i->jobs, "jobs_counted",
                  (int)useful, "seconds_per_epoch", e.epoch, "seconds_per_test", e.test,
                  "training_seconds", training, "analysis_seconds", after, "seconds", total));
  }
  printf("%s on %s: %u training and %u test images\n", lp_setting_text(i->settings, "model"),
         i->train->name, i->train->count, i->test->count);
  printf("device %s (%s)\n\n", i->device_spec, i->device->name);
  print_sizes(i);
  char text[3][24];
  cli_format_seconds(training, text[0]);
  cli_format_seconds(after, text[1]);
  cli_format_seconds(total, text[2]);
  printf("%u arms x %u seeds x %lld epochs, %u side by side: about %.3g s an epoch and %.3g s a "
         "test; training %s, analysis and report %s, in all %s\n",
         i->n_arms, i->n_seeds, (long long)lp_setting_int(i->settings, "epochs"), i->jobs, e.epoch,
         e.test, text[0], report ? text[1] : "left out", text[2]);
  if (useful < i->jobs)
    printf("the estimate counts %u of %u jobs: %s\n", useful, i->jobs,
           i->device->type == LP_DEVICE_CPU ? "more than the cores can run are not faster"
                                            : "side by side they share one device");
  return CLI_OK;
}

/* ---- results ------------------------------------------------------------------------------- */

static double number_at(const json_t *object, const char *key) {
  const json_t *v = json_object_get(object, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

static double mean_epoch_seconds(const json_t *arm) {
  double sum = 0;
  size_t n = 0, i, k;
  json_t *run, *seconds;
  json_array_foreach(json_object_get(arm, "runs"), i, run) {
    json_array_foreach(json_object_get(run, "seconds_per_epoch"), k, seconds) {
      sum += json_number_value(seconds);
      n++;
    }
  }
  return n ? sum / (double)n : NAN;
}

/* "98.07 +- 0.12", without what is not known. */
static void format_moments(const json_t *m, int digits, char out[84]) {
  double mean = number_at(m, "mean"), sd = number_at(m, "sd");
  if (!isfinite(mean))
    snprintf(out, 84, "-");
  else if (!isfinite(sd))
    snprintf(out, 84, "%s", lp_fixed(mean, digits).text);
  else
    snprintf(out, 84, "%s +- %s", lp_fixed(mean, digits).text, lp_fixed(sd, digits).text);
}

static void print_arms(const lp_experiment_info *info, const json_t *summary) {
  const int wide = name_width(info);
  printf("%s%-*s %8s %18s %18s %18s %10s%s\n", cli_bold(stdout), wide, "arm", "networks",
         "accuracy %", "top-5 %", "loss", "s/epoch", cli_plain(stdout));
  for (uint32_t k = 0; k < info->n_arms; k++) {
    const json_t *arm = json_object_get(json_object_get(summary, "arms"), info->arms[k].name);
    const json_t *accuracy = json_object_get(arm, "accuracy");
    char percent[84], top5[84], loss[84], seconds[sizeof(lp_number)] = "-";
    format_moments(accuracy, 2, percent);
    format_moments(json_object_get(arm, "top5"), 2, top5);
    format_moments(json_object_get(arm, "loss"), 4, loss);
    double epoch = mean_epoch_seconds(arm);
    if (isfinite(epoch)) snprintf(seconds, sizeof seconds, "%s", lp_fixed(epoch, 2).text);
    printf("%-*s %8.0f %18s %18s %18s %10s\n", wide, info->arms[k].name, number_at(accuracy, "n"),
           percent, top5, loss, seconds);
  }
}

/* A line a primary comparison, with the reference or of a contrast. */
static void print_verdicts(const json_t *summary) {
  static const char *const lists[] = {"comparisons", "contrasts"};
  size_t i, lines = 0;
  json_t *c;
  for (int k = 0; k < 2; k++) json_array_foreach(json_object_get(summary, lists[k]), i, c) {
      const char *text = json_string_value(json_object_get(c, "text"));
      if (!json_is_true(json_object_get(c, "primary")) || !text) continue;
      if (!lines++) putchar('\n');
      printf("%s\n", text);
    }
}

static int print_results(const cli_args *a, const lp_experiment_info *info) {
  char *page = lp_path_join(info->dir, LP_RUN_REPORT);
  json_t *summary;
  int code = CLI_OK;
  if (lp_run_json(info->dir, LP_RUN_SUMMARY, &summary) != LP_OK) {
    code = cli_fail();
  } else if (a->json) {
    json_object_set_new(summary, "directory", json_string(info->dir));
    json_object_set_new(summary, "report", json_string(page ? page : ""));
    code = cli_print_json(json_incref(summary));
  } else {
    size_t i;
    json_t *sentence;
    print_arms(info, summary);
    putchar('\n');
    json_array_foreach(json_object_get(summary, "answer"), i, sentence)
        printf("%s\n", json_string_value(sentence));
    print_verdicts(summary);
    printf("\n%s\n", page ? page : info->dir);
  }
  json_decref(summary);
  free(page);
  return code;
}

/* ---- the command --------------------------------------------------------------------------- */

/* Makes runs/PRESET-YYYYMMDD-HHMMSS, with a number where that is taken: who makes the folder has
 * it, whoever begins in the same second. */
static lp_status default_folder(const char *preset, char *out, size_t cap) {
  char stamp[32], base[200];
  time_t t = time(NULL);
  struct tm local;
  strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&t, &local));
  const char *slash = strrchr(preset, '/'), *name = slash ? slash + 1 : preset;
  size_t n = strcspn(name, ".");
  snprintf(base, sizeof base, "runs/%.*s-%s", (int)(n < 100 ? n : 100), name, stamp);
  lp_status status = lp_make_dirs("runs");
  if (status != LP_OK) return status;
  snprintf(out, cap, "%s", base);
  for (int k = 2; mkdir(out, 0777) != 0; k++) {
    if (errno != EEXIST) return lp_fail(LP_ERR_IO, "cannot create %s: %s", out, strerror(errno));
    snprintf(out, cap, "%s-%d", base, k);
  }
  return LP_OK;
}

static int train_and_report(const cli_args *a, lp_experiment *x, const char *dir) {
  const lp_experiment_info *info = lp_experiment_get_info(x);
  cli_watch watch = {.images = info->train->count};
  lp_experiment_outcome outcome;
  cli_progress_init(&watch.bar, a->quiet);
  catch_signals(x);
  lp_status status = lp_experiment_run(x, dir, a->words, a->n_words, on_progress, &watch, &outcome);
  catch_signals(NULL);
  cli_progress_end(&watch.bar);
  if (status == LP_ERR_INTERRUPTED && !info->dir)
    return cli_fail_with(
        "interrupted while arms were matched; the same command with --out %s goes on", dir);
  if (status == LP_ERR_INTERRUPTED)
    return cli_fail_with("interrupted; go on with: locality experiment --resume %s", info->dir);
  if (status != LP_OK) return cli_fail();
  if (!cli_get(a, "no-report")) {
    if (lp_analyze_run(info->dir) != LP_OK || lp_report_write(info->dir) != LP_OK)
      return cli_fail();
    int code = print_results(a, info);
    if (code != CLI_OK) return code;
  } else if (!a->json) {
    printf("%s\n", info->dir);
  }
  uint32_t bad = outcome.nonfinite + outcome.failed;
  if (bad)
    return cli_fail_with("%u of %u networks did not complete: %u with a loss that is not finite, "
                         "%u failed; see %s/metrics.jsonl",
                         bad, bad + outcome.complete, outcome.nonfinite, outcome.failed, info->dir);
  return CLI_OK;
}

/* Before data are read and arms planned. A new folder's files are its own. */
static int check_outputs(const cli_args *a, const char *out, const char *resume) {
  if (!resume)
    return (out ? lp_run_folder_check(out) : lp_check_folder("runs")) == LP_OK ? CLI_OK
                                                                               : cli_fail();
  int code = cli_check_analysis(resume);
  return code == CLI_OK && !cli_get(a, "no-report") ? cli_check_report(resume) : code;
}

/* Which arms an axis of the sweep passes over: their cells are fewer than the grid has. */
static void say_uncrossed(const cli_args *a, const lp_experiment_info *info) {
  for (uint32_t k = 0; k < info->n_arms && !a->quiet; k++) {
    const lp_arm *arm = &info->arms[k];
    char keys[400] = "";
    if (!arm->cell || (k && strcmp(info->arms[k - 1].base, arm->base) == 0)) continue;
    for (uint32_t i = 0; i < info->n_axes; i++)
      if (arm->cell[i] < 0)
        lp_text_add(keys, sizeof keys, "%s%s", *keys ? ", " : "", info->axes[i].key);
    if (*keys)
      fprintf(stderr,
              "sweep: %s is not crossed with %s: it sets that itself, or has no such thing\n",
              arm->base, keys);
  }
}

static int with_settings(const cli_args *a, lp_settings *s) {
  const char *resume = cli_get(a, "resume"), *out = cli_get(a, "out");
  const char *preset = a->n_operands ? a->operand[0] : NULL;
  char folder[4096] = "";
  if (resume && out) return cli_usage("--out and --resume exclude each other");
  if (resume && cli_get(a, "tune"))
    return cli_usage("--tune and --resume exclude each other: the kernels must stay the same");
  if (!resume && cli_get(a, "add-arms"))
    return cli_usage("--add-arms belongs to --resume; a new run has its arms from --arms");
  if (!resume && !preset)
    return cli_usage("experiment: missing argument; usage: locality experiment PRESET|FILE.yaml");
  if (!resume && lp_settings_load(s, preset) != LP_OK) return cli_fail();
  int code = cli_apply_options(a, s);
  if (code == CLI_OK) code = cli_apply_tune(a, s);
  if (code != CLI_OK) return code;
  if (!cli_get(a, "dry-run")) code = check_outputs(a, out, resume);
  if (code != CLI_OK) return code;

  lp_experiment *x;
  lp_status status = resume ? lp_experiment_resume(resume, s, preset, cli_get(a, "add-arms"), &x)
                            : lp_experiment_new(s, preset, &x);
  if (status != LP_OK) return cli_fail();
  const lp_experiment_info *info = lp_experiment_get_info(x);
  cli_say_auto(a, lp_setting_text(info->settings, "backend"), info->device);
  const lp_data_note *note;
  for (uint32_t i = 0; (note = lp_experiment_note(x, i)); i++) cli_say_note(a, note);
  say_uncrossed(a, info);
  if (resume && preset && !a->quiet)
    fprintf(stderr, "%s goes on with the options in its manifest; %s is not read again\n", resume,
            preset);
  bool named = resume || out;
  if (cli_get(a, "dry-run"))
    code = dry_run(a, x);
  else if (!named && default_folder(preset, folder, sizeof folder) != LP_OK)
    code = cli_fail();
  else
    code = train_and_report(a, x, named ? out : folder);
  if (code != CLI_OK && !named && !cli_get(a, "dry-run")) rmdir(folder); /* if nothing came of it */
  lp_experiment_free(x);
  return code;
}

static int run(cli_args *a) {
  lp_settings *s;
  if (lp_settings_new(&s) != LP_OK) return cli_fail();
  int code = with_settings(a, s);
  lp_settings_free(s);
  return code;
}

const cli_command cli_cmd_experiment = {
    .name = "experiment",
    .operands = "PRESET|FILE.yaml [options]",
    .summary = "train arms x seeds, analyse them, write a report",
    .about =
        "Trains one network per arm and seed, compares the arms, and writes a run folder with\n"
        "weights, measurements, statistics, figures and report.html. Ctrl-C stops in good\n"
        "order; --resume goes on, with the same result to the bit.",
    .examples = "  locality experiment mnist --arms control,linear --seeds 3\n"
                "  locality experiment mnist --arms 'control,power:p=3,"
                "fan_in=(locality:cost=linear,normalize=fan_in)'\n"
                "  locality experiment fashion-mnist --epochs 2 --out runs/quick --jobs 2\n"
                "  locality experiment mnist --sweep lp.cost=linear,sqrt --sweep decay=0,0.001\n"
                "  locality experiment --resume runs/quick --seeds 10 --add-arms sqrt",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .use = LP_USE_EXPERIMENT,
    .max_operands = 1,
    .run = run,
};
