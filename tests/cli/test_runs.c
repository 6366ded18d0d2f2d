/* Whole experiments on a small data set: what they leave, and that jobs, threads, kills and
 * interrupts change nothing. */
#include "cli_test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const arms[] = {"control", "linear"};

/* Small batches make many steps, so that a signal finds the middle of an epoch. */
#define SETTINGS                                                                                   \
  "--data idx:data --seeds 2 --epochs 2 --batch 4 --images 48 --checkpoint-seconds 0 --quiet "     \
  "--backend cpu "
#define TRAIN_ONLY "experiment mnist " SETTINGS "--no-report "

static int make_reference(void **state) {
  (void)state;
  test_make_images("data", 256, 64);
  return test_run(TRAIN_ONLY "--out reference");
}

/* Lines without times, sorted: side by side, runs write in any order. */
static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *metrics_of(const char *dir) {
  char path[256];
  snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
  char *text = test_read(path, NULL), *save = NULL, *line[256], *all = NULL;
  size_t n = 0, size = 0;
  for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
    json_t *j = json_loads(l, 0, NULL);
    assert_non_null(j);
    json_object_del(j, "seconds");
    assert_true(n < 256);
    line[n++] = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(j);
  }
  qsort(line, n, sizeof *line, by_text);
  FILE *out = open_memstream(&all, &size);
  for (size_t i = 0; i < n; i++) {
    fprintf(out, "%s\n", line[i]);
    free(line[i]);
  }
  fclose(out);
  free(text);
  return all;
}

static void same_results(const char *a, const char *b) {
  static const char *const folder[] = {"models", "activations"};
  char x[256], y[256];
  for (int f = 0; f < 2; f++)
    for (int arm = 0; arm < 2; arm++)
      for (int seed = 1; seed <= 2; seed++) {
        snprintf(x, sizeof x, "%s/%s/%s-seed%d.safetensors", a, folder[f], arms[arm], seed);
        snprintf(y, sizeof y, "%s/%s/%s-seed%d.safetensors", b, folder[f], arms[arm], seed);
        test_same_file(x, y);
      }
  char *m = metrics_of(a), *n = metrics_of(b);
  assert_string_equal(m, n);
  free(m);
  free(n);
}

static void test_folder(void **state) {
  (void)state;
  json_error_t error;
  json_t *m = json_load_file("reference/manifest.json", 0, &error);
  assert_non_null(m);
  assert_int_equal(json_array_size(json_object_get(m, "arms")), 2);
  assert_int_equal(json_array_size(json_object_get(m, "seeds")), 2);
  assert_string_equal(json_string_value(json_object_get(m, "reference")), "control");
  json_t *sites = json_loads("[{\"name\": \"lp_in\", \"layer\": \"fc1\", \"sheet\": [7, 7]}, "
                             "{\"name\": \"lp_out\", \"layer\": \"lp\", \"sheet\": [7, 7]}]",
                             0, &error);
  assert_true(json_equal(json_object_get(m, "sites"), sites));
  json_decref(sites);
  assert_string_equal(json_string_value(json_object_get(m, "headline")), "lp_out");
  const json_t *entries = json_object_get(m, "arms");
  const json_t *priors = json_object_get(json_array_get(entries, 1), "priors");
  assert_int_equal(json_array_size(json_object_get(json_array_get(entries, 0), "priors")), 0);
  assert_int_equal(json_array_size(priors), 1);
  json_t *prior = json_loads("{\"layer\": \"lp\", \"from\": \"fc1\", \"topology\": \"grid\", "
                             "\"cost\": \"linear\", \"metric\": \"l2\", \"normalize\": \"none\", "
                             "\"units\": {\"out\": 49, \"in\": 49}, "
                             "\"extents\": {\"out\": [7, 7], \"in\": [7, 7]}}",
                             0, &error);
  assert_true(json_equal(json_array_get(priors, 0), prior));
  json_decref(prior);
  json_t *options = json_object_get(m, "options");
  assert_int_equal(json_integer_value(json_object_get(options, "batch")), 4);
  assert_true(json_number_value(json_object_get(options, "lr")) == 0.01);
  json_t *data = json_object_get(m, "data");
  assert_int_equal(json_integer_value(json_object_get(data, "train")), 256);
  assert_int_equal(json_array_size(json_object_get(data, "files")), 4);
  json_t *file = json_array_get(json_object_get(data, "files"), 0);
  assert_int_equal(strlen(json_string_value(json_object_get(file, "sha256"))), 64);
  assert_true(json_array_size(json_object_get(m, "modules")) > 3);
  json_decref(m);

  char *metrics = metrics_of("reference");
  int epochs = 0, ends = 0;
  for (const char *c = metrics; (c = strstr(c, "\"event\":\"epoch\"")); c++) epochs++;
  for (const char *c = metrics; (c = strstr(c, "\"status\":\"complete\"")); c++) ends++;
  assert_int_equal(epochs, 8);
  assert_int_equal(ends, 4);
  free(metrics);
  assert_int_equal(rmdir("reference/checkpoints"), 0); /* none is left */
  assert_int_equal(mkdir("reference/checkpoints", 0777), 0);
}

static void test_repeats(void **state) {
  (void)state;
  assert_int_equal(test_run(TRAIN_ONLY "--out again --backend cpu:threads=1"), 0);
  same_results("reference", "again");
  assert_int_equal(test_run(TRAIN_ONLY "--out side --jobs 2"), 0);
  same_results("reference", "side");
  assert_int_equal(test_run(TRAIN_ONLY "--out both --jobs 3 --backend cpu:threads=2"), 0);
  same_results("reference", "both");
}

/* Mean test loss of all epochs of all runs. */
static double mean_loss(const char *dir) {
  char *all = metrics_of(dir), *save = NULL;
  double sum = 0;
  int n = 0;
  for (char *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
    json_t *j = json_loads(l, 0, NULL), *loss = json_object_get(j, "loss");
    if (json_object_get(j, "accuracy")) {
      sum += json_number_value(loss);
      n++;
    }
    json_decref(j);
  }
  free(all);
  assert_int_equal(n, 8);
  return sum / n;
}

/* bf16 trains like f32, is named, and repeats to the bit. */
static void test_precision(void **state) {
  (void)state;
  assert_int_equal(test_run(TRAIN_ONLY "--out half --precision bf16 --backend cpu:threads=1"), 0);
  assert_int_equal(test_run(TRAIN_ONLY "--out auto --precision bf16 --backend cpu:threads=2"), 0);
  same_results("half", "auto");
  json_t *m = json_load_file("half/manifest.json", 0, NULL);
  assert_string_equal(json_string_value(json_object_get(m, "precision")), "bf16");
  assert_non_null(
      strstr(json_string_value(json_object_get(json_object_get(m, "device"), "name")), ", bf16"));
  json_decref(m);
  double f32 = mean_loss("reference"), bf16 = mean_loss("half");
  assert_true(bf16 != f32);
  if (!(fabs(bf16 - f32) < 0.02 * f32)) fail_msg("loss %g in bf16, %g in f32", bf16, f32);
  assert_int_equal(test_run("experiment --resume half --precision f32"), 1);
  test_one_error("precision");
}

/* The time that the whole takes is not known beforehand: kills come at random times. */
static void test_kill(void **state) {
  (void)state;
  srand((unsigned)getpid());
  pid_t pid = test_start(TRAIN_ONLY "--out killed");
  int code = 0, kills = 0;
  for (int i = 0; i < 12; i++) {
    if (i == 0) test_wait_for("killed/metrics.jsonl", ""); /* the first surely finds it at work */
    test_sleep((i ? 0.3 : 0.05) * rand() / RAND_MAX);
    kill(pid, SIGKILL);
    code = test_wait(pid);
    if (code == 128 + SIGKILL) kills++;
    if (code == 0) break;
    assert_int_equal(code, 128 + SIGKILL);
    /* Before the folder is there, it is not there at all. */
    const char *jobs = i % 2 ? "--jobs 2" : "";
    pid = access("killed", F_OK) == 0
              ? test_start("experiment --resume killed --quiet --no-report %s", jobs)
              : test_start(TRAIN_ONLY "--out killed");
  }
  if (code != 0) code = test_wait(pid);
  if (code != 0) print_error("%s\n", test_err);
  assert_int_equal(code, 0);
  assert_true(kills > 0);
  same_results("reference", "killed");
}

static void test_interrupt(void **state) {
  (void)state;
  const int signals[] = {SIGINT, SIGTERM};
  for (int i = 0; i < 2; i++) {
    char dir[32], path[64];
    snprintf(dir, sizeof dir, "stopped%d", i);
    snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
    pid_t pid = test_start(TRAIN_ONLY "--jobs %d --out %s", i + 1, dir);
    test_wait_for(path, "\"event\":\"epoch\"");
    kill(pid, signals[i]);
    assert_int_equal(test_wait(pid), 1);
    test_one_error("go on with: locality experiment --resume stopped");
    char *metrics = test_read(path, NULL);
    assert_non_null(strstr(metrics, "\"status\":\"interrupted\""));
    free(metrics);

    /* Half-written last lines, as a full disk leaves them, are dropped. */
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    fputs("{\"event\":\"epo", f);
    fclose(f);
    assert_int_equal(test_run("experiment mnist --resume %s --quiet --no-report", dir), 0);
    same_results("reference", dir);
  }
}

static void test_resume_refused(void **state) {
  (void)state;
  assert_int_equal(test_run("experiment --resume reference --epochs 5"), 1);
  test_one_error("epochs: reference was begun with epochs '2', not '5'");
  assert_int_equal(test_run("experiment --resume reference --arms control"), 1);
  test_one_error("arms: reference was begun with");
  assert_int_equal(test_run("experiment mnist-rmsprop --resume reference"), 1);
  test_one_error("reference was begun as 'mnist', not as 'mnist-rmsprop'");
  /* Equal ones are welcome, and so are those that change no result. */
  assert_int_equal(test_run("experiment mnist --resume reference --epochs 2 --arms control,linear "
                            "--jobs 2 --no-report --quiet"),
                   0);
  /* Other images than those it began with. */
  size_t n;
  char *good = test_read("data/train-images-idx3-ubyte", &n), *bad = malloc(n);
  assert_non_null(bad);
  memcpy(bad, good, n);
  bad[n - 1] = (char)(bad[n - 1] + 1);
  test_write("data/train-images-idx3-ubyte", bad, n);
  assert_int_equal(test_run("experiment --resume reference --no-report"), 1);
  test_one_error("train-images-idx3-ubyte is no longer the file it was");
  test_write("data/train-images-idx3-ubyte", good, n);
  free(good);
  free(bad);
}

/* An arm that diverges ends, with its step; the other goes on. */
static void test_nonfinite(void **state) {
  (void)state;
  const char *text = "data: idx:data\narms: {tame: plain, wild: 'locality:cost=(dog:A=1000)'}\n"
                     "epochs: 1\nbatch: 32\nlr: 1e5\nmomentum: 0\nimages: 16\nbackend: cpu\n";
  test_write("wild.yaml", text, strlen(text));
  assert_int_equal(test_run("experiment wild.yaml --quiet --no-report --out wild"), 1);
  test_one_error("loss that is not finite");
  char *metrics = test_read("wild/metrics.jsonl", NULL), *save = NULL;
  int nonfinite = 0, ends = 0;
  for (char *l = strtok_r(metrics, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
    json_t *j = json_loads(l, 0, NULL);
    const char *status = json_string_value(json_object_get(j, "status"));
    ends += status != NULL;
    if (status && strcmp(status, "nonfinite") == 0) {
      nonfinite++;
      assert_true(json_integer_value(json_object_get(j, "step")) >= 1);
      assert_true(json_number_value(json_object_get(j, "lr")) == 1e5);
    }
    json_decref(j);
  }
  assert_int_equal(ends, 2); /* the second arm was tried after the first */
  assert_true(nonfinite >= 1);
  free(metrics);
  /* It ends so every time: nothing is left to do. */
  assert_int_equal(test_run("experiment --resume wild --quiet --no-report"), 1);
  metrics = test_read("wild/metrics.jsonl", NULL);
  ends = 0;
  for (const char *c = metrics; (c = strstr(c, "\"event\":\"end\"")); c++) ends++;
  assert_int_equal(ends, 2);
  free(metrics);
}

/* What was published goes with the settings that it was published for, and with the layer. */
static void test_published(void **state) {
  (void)state;
  const char *text = "data: idx:data\nbackend: cpu\nepochs: 1\nimages: 16\n"
                     "arms: {wired: 'locality:cost=linear', none: plain}\n"
                     "published:\n  source: A paper\n  arms:\n"
                     "    - {layer: plain, accuracy: 91.5}\n"
                     "    - {layer: 'locality:cost=linear', accuracy: 92, variance: {lp_out: 7}}\n";
  test_write("known.yaml", text, strlen(text));
  assert_int_equal(test_run("experiment known.yaml --quiet --out known"), 0);
  json_t *s = json_load_file("known/summary.json", 0, NULL);
  const json_t *of = json_object_get(json_object_get(s, "published"), "arms");
  assert_true(json_number_value(json_object_get(json_object_get(of, "none"), "accuracy")) == 91.5);
  assert_true(json_number_value(json_object_get(json_object_get(of, "wired"), "accuracy")) == 92);
  json_decref(s);
  char *page = test_read("known/report.html", NULL);
  assert_non_null(strstr(page, "as reported in A paper"));
  free(page);
  assert_int_equal(test_run("analyze known --reference wired --json"), 0);
  s = json_loads(test_out, 0, NULL);
  assert_string_equal(json_string_value(json_object_get(s, "reference")), "wired");
  json_decref(s);
  assert_int_equal(test_run("report known"), 0);
  page = test_read("known/report.html", NULL);
  assert_non_null(strstr(page, "wired (reference)"));
  assert_non_null(strstr(page, "91.5"));
  free(page);
  assert_int_equal(test_run("analyze known --reference wire"), 1);
  test_one_error("did you mean 'wired'?");
  assert_int_equal(test_run("experiment known.yaml --sheet 5x5 --quiet --no-report --out other"),
                   0);
  s = json_load_file("other/manifest.json", 0, NULL);
  assert_null(json_object_get(s, "published"));
  json_decref(s);
}

/* What the plan says before the run is what the analysis does after it. */
static void test_plan(void **state) {
  (void)state;
  const char *text = "data: idx:data\nbackend: cpu\nepochs: 1\nimages: 16\nseeds: 2\n"
                     "primary: [loss, moran_i]\nsignificance: 0.01\n"
                     "margin: {moran_i: 0.05}\narms: [control, linear, sqrt]\n";
  test_write("planned.yaml", text, strlen(text));
  assert_int_equal(test_run("experiment planned.yaml --quiet --out planned"), 0);
  json_t *m = json_load_file("planned/manifest.json", 0, NULL);
  const json_t *plan = json_object_get(m, "plan");
  assert_true(json_number_value(json_object_get(plan, "alpha")) == 0.01);
  assert_int_equal(json_integer_value(json_object_get(plan, "tests")), 4);
  assert_int_equal(json_array_size(json_object_get(plan, "seeds")), 2);
  const json_t *primary = json_object_get(plan, "primary"),
               *margin = json_object_get(plan, "margin");
  assert_string_equal(json_string_value(json_array_get(primary, 0)), "loss");
  assert_string_equal(json_string_value(json_array_get(primary, 1)), "moran_i");
  assert_int_equal(json_object_size(margin), 1);
  assert_true(json_number_value(json_object_get(margin, "moran_i")) == 0.05);
  json_t *s = json_load_file("planned/summary.json", 0, NULL);
  plan = json_object_get(s, "plan");
  assert_true(json_number_value(json_object_get(plan, "alpha_each")) == 0.0025);
  assert_int_equal(json_array_size(json_object_get(plan, "primary")), 2);
  size_t i, found = 0;
  json_t *c;
  json_array_foreach(json_object_get(s, "comparisons"), i, c) {
    if (!json_is_true(json_object_get(c, "primary"))) continue;
    const char *measure = json_string_value(json_object_get(c, "measure"));
    assert_true(strcmp(measure, "loss") == 0 || strcmp(measure, "moran_i") == 0);
    assert_true(json_is_null(json_object_get(c, "margin")) == (strcmp(measure, "loss") == 0));
    found++;
  }
  assert_int_equal(found, 4);
  json_decref(s);
  json_decref(m);

  /* One number stands for every primary measure; a folder older than plans has the usual one. */
  assert_int_equal(test_run("experiment planned.yaml --margin 0.5 --no-report --quiet --out older"),
                   0);
  m = json_load_file("older/manifest.json", 0, NULL);
  plan = json_object_get(m, "plan");
  assert_int_equal(json_object_size(json_object_get(plan, "margin")), 2);
  json_object_del(m, "plan");
  static const char *const option[] = {"primary", "significance", "margin"};
  for (i = 0; i < 3; i++)
    assert_int_equal(json_object_del(json_object_get(m, "options"), option[i]), 0);
  assert_int_equal(json_dump_file(m, "older/manifest.json", 0), 0);
  json_decref(m);
  assert_int_equal(test_run("experiment --resume older --quiet"), 0);
  s = json_load_file("older/summary.json", 0, NULL);
  plan = json_object_get(s, "plan");
  assert_true(json_number_value(json_object_get(plan, "alpha")) == 0.05);
  assert_string_equal(json_string_value(json_array_get(json_object_get(plan, "primary"), 0)),
                      "variance");
  json_decref(s);
  assert_int_equal(test_run("experiment --resume older --margin 0.4"), 1);
  test_one_error("margin: older was begun with margin");
}

static void test_report(void **state) {
  (void)state;
  assert_int_equal(
      test_run("experiment mnist --data idx:data --backend cpu --epochs 1 --images 32 --out full"),
      0);
  static const char *const file[] = {"full/manifest.json",
                                     "full/metrics.jsonl",
                                     "full/summary.json",
                                     "full/report.html",
                                     "full/models/linear-seed1.safetensors",
                                     "full/activations/control-seed1.safetensors"};
  for (size_t i = 0; i < sizeof file / sizeof *file; i++)
    assert_int_equal(access(file[i], R_OK), 0);
  size_t n = strlen(test_out);
  const char *last = "\nfull/report.html\n";
  assert_true(n > strlen(last) && strcmp(test_out + n - strlen(last), last) == 0);

  assert_int_equal(test_run("experiment --resume full --json --quiet"), 0);
  json_t *summary = json_loads(test_out, 0, NULL);
  assert_non_null(summary);
  assert_int_equal(json_array_size(json_object_get(summary, "answer")), 3);
  assert_string_equal(json_string_value(json_object_get(summary, "report")), "full/report.html");
  double accuracy = json_number_value(json_object_get(
      json_object_get(json_object_get(json_object_get(summary, "arms"), "linear"), "accuracy"),
      "mean"));
  json_decref(summary);

  /* The network alone gives what the experiment said. */
  assert_int_equal(
      test_run("eval full/models/linear-seed1.safetensors --backend cpu --data idx:data --json"),
      0);
  json_t *r = json_loads(test_out, 0, NULL);
  assert_non_null(r);
  assert_true(json_number_value(json_object_get(r, "accuracy")) == accuracy);
  json_decref(r);
  assert_int_equal(test_run("analyze full"), 0);
  assert_int_equal(test_run("report full"), 0);
  assert_string_equal(test_out, "full/report.html\n");
}

/* `train` with an arm's settings makes that arm's network. */
static void test_train(void **state) {
  (void)state;
  assert_int_equal(
      test_run("train --data idx:data --epochs 2 --batch 4 --seed 2 --sheet 7x7 "
               "--backend cpu --layer locality:cost=linear --out one.safetensors --json --quiet"),
      0);
  json_t *r = json_loads(test_out, 0, NULL);
  assert_int_equal(json_array_size(json_object_get(r, "epochs")), 2);
  json_decref(r);
  test_same_file("one.safetensors", "reference/models/linear-seed2.safetensors");
}

/* A profile: rows and trace add up, and an epoch waits for images during a part of itself. */
static void test_profile(void **state) {
  (void)state;
  assert_int_equal(test_run("train --data idx:data --epochs 1 --batch 4 --sheet 7x7 --backend cpu "
                            "--out p.safetensors --profile p.json --quiet"),
                   0);
  const char *line = strstr(test_out, "all steps, timed one by one"),
             *epoch = strstr(test_out, "an epoch: ");
  double total = 0, sum = 0, seconds = 0, waited = 0;
  assert_true(line && sscanf(line, "all steps, timed one by one %lf", &total) == 1);
  assert_true(epoch && sscanf(epoch, "an epoch: %lf s, of which %lf s", &seconds, &waited) == 2);
  const char *wall = strstr(test_out, "a step inside an epoch took ");
  double step = 0;
  assert_true(wall && sscanf(wall, "a step inside an epoch took %lf us", &step) == 1);
  assert_true(step > 0 && step < 1e6 * seconds + 1e3);
  assert_true(seconds > 0 && waited >= 0 && waited < seconds);
  json_t *trace = json_load_file("p.json", 0, NULL), *event;
  size_t i;
  json_array_foreach(json_object_get(trace, "traceEvents"), i, event) {
    sum += json_number_value(json_object_get(event, "dur"));
  }
  json_decref(trace);
  assert_true(i > 20 && fabs(sum - total) < 0.1);
}

/* Image files get the size of the network; those that are broken are counted. */
static void test_image_files(void **state) {
  (void)state;
  assert_int_equal(test_run("prior --cost linear --sheet 9x9 --unit 0,0 --out corner.png"), 0);
  assert_int_equal(test_run("prior --cost linear --sheet 9x9 --unit 4,4 --out centre.png"), 0);
  assert_int_equal(system("for s in train val; do mkdir -p files/$s/corner files/$s/centre; "
                          "for i in 1 2 3 4; do for c in corner centre; do "
                          "cp $c.png files/$s/$c/$i.png; done; done; done; "
                          "echo text > files/train/corner/5.jpg"),
                   0);
  assert_int_equal(test_run("train --model lenet --data imagefolder:files --epochs 1 --batch 3 "
                            "--backend cpu --out files.safetensors --json --quiet"),
                   0);
  assert_non_null(strstr(test_err, "corner/5.jpg is broken (neither JPEG nor PNG)"));
  assert_non_null(strstr(test_err, "files/train: 1 of 9 images are broken"));
  assert_null(strstr(test_err, "test images")); /* a remark */
  json_t *r = json_loads(test_out, 0, NULL);
  double accuracy = json_number_value(json_object_get(r, "accuracy"));
  json_decref(r);
  assert_int_equal(test_run("eval files.safetensors --backend cpu --json"), 0);
  r = json_loads(test_out, 0, NULL);
  assert_int_equal(json_integer_value(json_object_get(r, "images")), 8);
  assert_true(json_number_value(json_object_get(r, "accuracy")) == accuracy);
  json_decref(r);
  assert_int_equal(test_run("train --model lenet --data imagefolder:files,strict --epochs 1 "
                            "--batch 3 --backend cpu --out strict.safetensors --quiet"),
                   1);
  test_one_error("image train/corner/5.jpg: neither JPEG nor PNG");
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_folder),      cmocka_unit_test(test_repeats),
      cmocka_unit_test(test_precision),   cmocka_unit_test(test_kill),
      cmocka_unit_test(test_interrupt),   cmocka_unit_test(test_resume_refused),
      cmocka_unit_test(test_nonfinite),   cmocka_unit_test(test_published),
      cmocka_unit_test(test_plan),        cmocka_unit_test(test_report),
      cmocka_unit_test(test_train),       cmocka_unit_test(test_profile),
      cmocka_unit_test(test_image_files),
  };
  int failed = cmocka_run_group_tests(tests, make_reference, NULL);
  test_end();
  return failed;
}
