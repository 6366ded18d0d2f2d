/* Bad inputs: one line that names the file or option, exit code 1, nothing left behind. */
#include "cli_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAIN_IMAGES "data/train-images-idx3-ubyte"
#define TRAIN_LABELS "data/train-labels-idx1-ubyte"

static int make_data(void **state) {
  (void)state;
  test_make_images("data", 64, 32);
  return 0;
}

/* The command fails as it should and changes nothing. */
static void refuse(const char *args, const char *error) {
  int before = test_count_files();
  int code = test_run("%s", args);
  if (code != 1) print_error("locality %s: exit code %d\n", args, code);
  assert_int_equal(code, 1);
  test_one_error(error);
  assert_string_equal(test_out, "");
  if (test_count_files() != before) print_error("locality %s left files behind\n", args);
  assert_int_equal(test_count_files(), before);
}

#define EXPERIMENT "experiment mnist --data idx:data --backend cpu --epochs 1 --out new "

/* Replaces n bytes at `at` (or cuts the file there when bytes is NULL), runs, and mends it. */
static void with_damage(const char *path, size_t at, const char *bytes, size_t n,
                        const char *error) {
  size_t size;
  char *good = test_read(path, &size);
  char *bad = malloc(size);
  assert_non_null(bad);
  memcpy(bad, good, size);
  if (bytes) memcpy(bad + at, bytes, n);
  test_write(path, bad, bytes ? size : at);
  refuse(EXPERIMENT, error);
  test_write(path, good, size);
  free(good);
  free(bad);
}

static void test_data(void **state) {
  (void)state;
  with_damage(TRAIN_IMAGES, 5000, NULL, 0, "train-images-idx3-ubyte");
  with_damage(TRAIN_IMAGES, 0, "\0\0\x08\x01", 4, "train-images-idx3-ubyte");
  with_damage(TRAIN_LABELS, 0, "\0\0\x08\x03", 4, "train-labels-idx1-ubyte");
  with_damage(TRAIN_LABELS, 20, "\x0a", 1, "train-labels-idx1-ubyte");
  with_damage(TRAIN_LABELS, 40, NULL, 0, "train-labels-idx1-ubyte");
  refuse("experiment mnist --backend cpu --data idx:nowhere --out new", "nowhere");
  refuse("experiment mnist --backend cpu --data mnits --out new", "mnist");
  refuse("train --data idx:nowhere --out new.safetensors", "nowhere");
  refuse("data fetch mnits", "mnist");
  refuse("data fetch mnist --from nowhere", "nowhere");
}

static void test_options(void **state) {
  (void)state;
  refuse("experiment mnsit", "did you mean 'mnist'?");
  refuse(EXPERIMENT "--arms control,lnear", "did you mean 'linear'?");
  refuse(EXPERIMENT "--arms control,power:p=100", "p=100");
  refuse(EXPERIMENT "--arms control,power:q=2", "parameter 'q'");
  refuse(EXPERIMENT "--arms control,control", "two are named 'control'");
  refuse(EXPERIMENT "--arms '(power:p=2'", "parentheses do not match");
  refuse(EXPERIMENT "--arms control,", "an item is empty");
  refuse(EXPERIMENT "--arms a=locality:cst=linear", "cst");
  refuse(EXPERIMENT "--arms a=locality:cost=lnear", "arm a: ");
  refuse(EXPERIMENT "--arms 'a=(lr=1,lr=2)'", "arm a: lr is given twice");
  refuse(EXPERIMENT "--arms 'a=(lp.cost=sqrt,fc2.bias=1, lp.cost =linear)'", "lp.cost is given");
  refuse(EXPERIMENT "--set 'fc1=locality,fc1=plain'", "set: fc1 is given twice");
  refuse("train --data idx:data --set 'fc1=locality,fc1=plain' --out new.safetensors",
         "set: fc1 is given twice");
  refuse("network lenet --set lp.cost=sqrt,lp.cost=linear", "lp.cost is given twice");
  refuse(EXPERIMENT "--arms 'my arm=(lr=1)'", "arms: 'my arm' cannot name files");
  refuse(EXPERIMENT "--arms 'a/b=linear'", "arms: 'a/b' cannot name files");
  refuse("train --data idx:data --sheet 7x18446744073709551623 --out new.safetensors",
         "sheet: '7x18446744073709551623'");
  refuse("experiment mnist --data idx:data,classes=18446744073709551626 --out new", "classes=1844");
  refuse(EXPERIMENT "--backend 'cpu:threads=-18446744073709551615'", "threads=-1844");
  refuse(EXPERIMENT "--reference foo", "no arm is named 'foo'");
  refuse(EXPERIMENT "--primary varience", "did you mean 'variance'?");
  refuse(EXPERIMENT "--primary accuracy,accuracy", "accuracy is there twice");
  refuse(EXPERIMENT "--primary=", "at least one measure");
  refuse(EXPERIMENT "--measures moran,tgy", "did you mean 'tgi'");
  refuse(EXPERIMENT "--contrasts x=linear", "it is NAME=ARM:ARM");
  refuse(EXPERIMENT "--contrasts x=linear:sqr", "there is no arm 'sqr'");
  refuse(EXPERIMENT "--contrasts x=linear:control,x=control:linear", "x is there twice");
  refuse(EXPERIMENT "--superclasses nowhere.csv", "nowhere.csv");
  refuse(EXPERIMENT "--margin acuracy=1", "did you mean 'accuracy'?");
  refuse(EXPERIMENT "--margin loss=1", "loss is not primary");
  refuse(EXPERIMENT "--margin accuracy=-1", "'-1' is not a number above 0");
  refuse(EXPERIMENT "--margin accuracy=wide", "'wide' is not a number above 0");
  refuse(EXPERIMENT "--margin accuracy=1,accuracy=2", "accuracy has one already");
  refuse(EXPERIMENT "--margin accuracy=1,2", "give it alone");
  refuse(EXPERIMENT "--backend cpuu", "cpuu");
  refuse(EXPERIMENT "--backend cpu:thread=1", "thread");
  refuse("experiment mnist --data idx:data --out new --backend null --precision bf16", "f32 only");
  refuse(EXPERIMENT "--model lnet", "did you mean 'lenet'?");
  refuse(EXPERIMENT "--sheet 7x", "sheet: '7x'");
  refuse("train --data idx:data --layer locality:cst=linear --out new.safetensors", "cst");
  refuse("train --data idx:data --out nowhere/new.safetensors", "nowhere/new.safetensors");
}

/* What cannot be written is refused before the data are read: they are named `nowhere`, and the
 * message is about the output. */
static void test_outputs(void **state) {
  (void)state;
  static const char *const command[] = {
      "train --data idx:nowhere --out %s",
      "train --data idx:nowhere --out good.safetensors --profile %s",
      "prior --cost nosuch --out %s.png",
      "prior --cost nosuch --matrix --out %s.npy",
      "experiment mnist --data idx:nowhere --out %s/new",
      "data prepare %s/new --train nowhere.tar",
  };
  assert_int_equal(mkdir("folder", 0777), 0);
  assert_int_equal(mkdir("folder.png", 0777), 0);
  assert_int_equal(mkdir("folder.npy", 0777), 0);
  for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
    char args[200];
    snprintf(args, sizeof args, command[i], TRAIN_LABELS "/x"); /* a file where a folder belongs */
    refuse(args, TRAIN_LABELS "/x");
    assert_null(strstr(test_err, "nowhere"));
    if (i > 3) continue; /* these make their parents */
    snprintf(args, sizeof args, command[i], "missing/x");
    refuse(args, "missing/x");
    assert_null(strstr(test_err, "nowhere"));
    snprintf(args, sizeof args, command[i], "folder");
    refuse(args, "it is a folder");
  }
  assert_int_equal(system("rmdir folder folder.png folder.npy"), 0);

  /* In a run folder, and without one that is named. */
  const char *make = "mkdir -p ran/summary.json ran/report.html && touch ran/figures runs && "
                     "echo {} > ran/manifest.json";
  assert_int_equal(system(make), 0);
  refuse("analyze ran", "cannot write ran/summary.json: it is a folder");
  refuse("experiment --resume ran", "cannot write ran/summary.json: it is a folder");
  refuse("report ran", "cannot write ran/report.html: it is a folder");
  assert_int_equal(system("rmdir ran/report.html"), 0);
  refuse("report ran", "ran/figures is not a folder");
  refuse("experiment mnist --data idx:nowhere", "cannot write into runs: runs is not a folder");
  assert_int_equal(system("rm -r ran runs"), 0);

  /* The cache, for what is measured or fetched. */
  char *cache = strdup(getenv("LOCALITY_CACHE"));
  setenv("LOCALITY_CACHE", TRAIN_LABELS, 1);
  refuse("tune --data idx:nowhere", "no usable cache folder");
  refuse("data fetch mnist --from nowhere", "no usable cache folder");
  setenv("LOCALITY_CACHE", cache, 1);
  free(cache);
  refuse("train --data idx:data --backend cpu --tune --out new.safetensors", "nothing to tune");
}

/* A layer whose width is not that of its sheet, by name and before training. */
static void test_widths(void **state) {
  (void)state;
#define NETWORK(first, second)                                                                     \
  "input: {size: 28}\nlayers:\n  - flatten\n  - fc1: " first "\n  - relu: {record: lp_in}\n"       \
  "  - lp: " second "\n  - relu: {record: lp_out}\n  - linear:units=$classes\n"
  static const struct {
    const char *text, *arms, *error;
  } row[] = {
      {NETWORK("{layer: 'linear:units=10', sheet: 3x3}", "{layer: plain, sheet: 3x3}"), "a=()",
       "fc1: sheet 3x3 holds 9 units, the layer has 10"},
      {NETWORK("{layer: plain, sheet: 3x3}", "{layer: 'linear:units=8', sheet: 3x3}"), "a=()",
       "lp: sheet 3x3 holds 9 units, the layer has 8"},
      {NETWORK("{layer: plain, sheet: 3x3}", "{layer: plain, sheet: 3x3}"),
       "a=(),b=(lp=(linear:units=8))", "lp: sheet 3x3 holds 9 units, the layer has 8"},
      {NETWORK("{layer: plain, sheet: 3x3}", "{layer: plain, sheet: 3x3}"),
       "a=(),b=(relu2=(linear:units=8),linear1=(linear:units=9))", "linear1"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char args[600];
    test_write("net.yaml", row[i].text, strlen(row[i].text));
    snprintf(args, sizeof args, EXPERIMENT "--model ./net.yaml --arms '%s'", row[i].arms);
    refuse(args, row[i].error);
    if (i > 1) continue;
    refuse(
        "train --data idx:data --backend cpu --epochs 1 --model ./net.yaml --out new.safetensors",
        row[i].error);
  }
  remove("net.yaml");
}

static void test_folders(void **state) {
  (void)state;
  refuse("experiment mnist --data idx:data --out data", "data is not empty");
  refuse("experiment mnist --data idx:data --out " TRAIN_LABELS, "cannot use " TRAIN_LABELS);
  refuse("experiment mnist --data idx:data --out " TRAIN_LABELS "/x", TRAIN_LABELS);
  refuse("experiment mnist --data idx:data --backend cpu --epochs 1 --out /proc/locality",
         "/proc/locality");
  if (geteuid() != 0) {
    assert_int_equal(mkdir("locked", 0555), 0);
    refuse("experiment mnist --data idx:data --backend cpu --epochs 1 --out locked/new",
           "locked/new");
    assert_int_equal(rmdir("locked"), 0);
  }
  refuse("experiment --resume nowhere", "nowhere is not a run folder");
  refuse("experiment --resume data", "data is not a run folder");
  refuse("analyze nowhere", "nowhere");
  refuse("analyze nowhere --reference linear", "nowhere");
  refuse("report nowhere", "nowhere");
  refuse("eval nowhere.safetensors", "nowhere.safetensors");
  refuse("eval " TRAIN_LABELS, TRAIN_LABELS);
}

static void test_yaml(void **state) {
  (void)state;
  const struct {
    const char *text, *error;
  } bad[] = {
      {"data: idx:data\nepochs: 2\nepohs: 3\n", "bad.yaml:3: unknown option 'epohs'; did you mean"},
      {"data: idx:data\n\nepochs: two\n", "bad.yaml:3: epochs: 'two' is not a whole number"},
      {"epochs: -1\n", "bad.yaml:1: epochs: -1 is out of range"},
      {"epochs: 1\nlr: 0.1\nepochs: 2\n", "bad.yaml:3: epochs: given twice"},
      {"epochs: 1\n---\nepochs: 2\n", "bad.yaml:3: a second document"},
      {"---\nepochs: 1\n...\n---\nlr: 2\n", "bad.yaml:5: a second document"},
      {"epochs: 1\n...\nepochs: 2\n", "bad.yaml:3: after the end"},
      {"epochs: [1, 2]\n", "bad.yaml:1: epochs: not a single value"},
      {"optimizer: sdg\n", "bad.yaml:1: optimizer: 'sdg' is not one of"},
      {"layer: plain\n", "bad.yaml:1: unknown option 'layer'"},
      {"arms:\n  a: plain\n  b: [1]\n", "bad.yaml:3: arms: not NAME: SPEC or NAME: {KEY: VALUE}"},
      {"published:\n  arms: [{layer: plain, acuracy: 9}]\n",
       "bad.yaml:2: published: unknown field 'acuracy'; did you mean 'accuracy'?"},
      {"published:\n  arms: [{accuracy: 9}]\n", "published: an entry has no 'layer'"},
      {"published:\n  arms: [{layer: plain, loss: low}]\n", "published: loss: not a number"},
      {"published: {what: a, what: b}\n", "bad.yaml:1: published: a field is there twice"},
      {"data: idx:data\npublished:\n  arms: [{layer: 'locality:cst=linear'}]\n", "published: "},
      {"margin:\n  accuracy: [1]\n", "bad.yaml:2: margin: not NAME: SPEC"},
      {"arms:\n  a: plain\n  b:\n", "bad.yaml:3: arms: b has no value"},
      {"arms:\n  a: plain\n  b: {fc9: plain}\n", "bad.yaml:3: arm b: network lenet has no layer"},
      {"arms:\n  a: plain\n  b: {lr: fast}\n", "bad.yaml:3: arm b: lr: 'fast' is not a number"},
      {"seed: 2\narms: [control, linaer]\n", "bad.yaml:2: arms: no wiring cost or layer is named"},
      {"seed: 2\nsweep:\n  decya: [0, 1]\n", "bad.yaml:3: sweep: nothing is named 'decya'"},
      {"sweep:\n  lr: [0.1, fast]\n", "bad.yaml:1: sweep: arm control+lr=fast: lr: 'fast' is not"},
      {"arms:\n  a: plain\n  \"b,c\": plain\n", "bad.yaml:3: arms: 'b,c' cannot be a name"},
      {"arms:\n  'power:p=2': plain\n", "bad.yaml:2: arms: 'power:p=2' cannot be a name"},
      {"data: idx:data\narms:\n  a:\n    lr: 1\n    lr: 2\n", "arm a: lr is given twice"},
      {"epochs: 1\ntitle: \"a\\0b\"\n", "bad.yaml:2: a text holds a NUL"},
      {"data: idx:data\narms: control\nsite: lp_uot\n",
       "the networks of arm control record no site 'lp_uot'; did you mean 'lp_out'?"},
      {"data: idx:data\narms: control\nset: 'layer=(locality:cost=sqrt)'\n",
       "layer that arms choose"},
      {"data: idx:data\narms: control\nset: 'lp=locality'\n", "layer that arms choose"},
      {"lr: 0.1\nepochs: [1\n", "bad.yaml:3: "},
      {"- lr\n", "bad.yaml:1: not a list of 'field: value'"},
      {"", "bad.yaml: empty"},
      {"a: \xff\xff\n", "bad.yaml: not YAML text"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    test_write("bad.yaml", bad[i].text, strlen(bad[i].text));
    refuse("experiment bad.yaml --out new", bad[i].error);
  }
  remove("bad.yaml");
  refuse("experiment bad.yaml --out new", "bad.yaml");
}

/* The archives of ILSVRC2012 in small: a class each of one file, and two validation files. */
static void test_prepare(void **state) {
  (void)state;
  const char *make = "mkdir published && cd published && echo 2 > truth && echo 1 >> truth && "
                     "echo n02 > synsets && echo n01 >> synsets && "
                     "for k in n01 n02; do echo image $k > $k.JPEG; tar cf $k.tar $k.JPEG; done && "
                     "tar cf train.tar n01.tar n02.tar && "
                     "echo first > 1.JPEG && echo second > 2.JPEG && tar cf val.tar 1.JPEG 2.JPEG";
  assert_int_equal(system(make), 0);
  const char *command = "data prepare unpacked --train published/train.tar --val published/val.tar "
                        "--ground-truth published/truth --synsets published/synsets";
  assert_int_equal(test_run("%s", command), 0);
  assert_non_null(strstr(test_out, "imagefolder:unpacked"));
  static const struct {
    const char *file, *text;
  } row[] = {{"unpacked/train/n01/n01.JPEG", "image n01\n"},
             {"unpacked/train/n02/n02.JPEG", "image n02\n"},
             {"unpacked/val/n01/1.JPEG", "first\n"},
             {"unpacked/val/n02/2.JPEG", "second\n"}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char *text = test_read(row[i].file, NULL);
    assert_string_equal(text, row[i].text);
    free(text);
  }
  assert_int_equal(test_run("%s", command), 0); /* again: nothing to do */
  refuse("data prepare other --train published/n01.tar", "expected SYNSET.tar");
  refuse("data prepare other --train nowhere.tar", "nowhere.tar");
  assert_int_equal(system("rm -r published unpacked"), 0);
}

/* A file with every way to write arms is understood, and the command line goes over it. */
static void test_good_yaml(void **state) {
  (void)state;
  const char *text = "title: Mine\n"
                     "data: idx:data\n"
                     "arms:\n"
                     "  control: plain\n"
                     "  fan_in: locality:cost=linear,normalize=fan_in\n"
                     "  cubed: (power:p=3,s=2)\n"
                     "epochs: 7\n"
                     "backend: cpu\n"
                     "decay_bias: no\n";
  test_write("good.yaml", text, strlen(text));
  assert_int_equal(test_run("experiment good.yaml --epochs 1 --seeds 2 --dry-run --json"), 0);
  json_t *root = json_loads(test_out, 0, NULL), *arms = json_object_get(root, "arms");
  assert_int_equal(json_array_size(arms), 3);
  const char *name[] = {"control", "fan_in", "cubed"};
  for (size_t i = 0; i < 3; i++)
    assert_string_equal(json_string_value(json_object_get(json_array_get(arms, i), "name")),
                        name[i]);
  json_t *control = json_array_get(arms, 0);
  json_int_t persistent = json_integer_value(json_object_get(control, "persistent_bytes"));
  json_int_t parameters = json_integer_value(json_object_get(control, "parameters"));
  assert_true(persistent >= 8 * parameters); /* and as much momentum, in f32 */
  json_int_t memory = json_integer_value(json_object_get(control, "total_bytes"));
  assert_true(memory >= 2 * persistent); /* and a checkpoint */
  const char *cubed = json_string_value(json_object_get(json_array_get(arms, 2), "layer"));
  assert_non_null(strstr(cubed, "cost=(power:p=3,s=2)"));
  assert_int_equal(json_integer_value(json_object_get(root, "seeds")), 2);
  json_decref(root);

  const char *list = "data: idx:data\nbackend: cpu\narms: [control, 'power:p=3,s=2', linear]\n";
  test_write("good.yaml", list, strlen(list));
  assert_int_equal(test_run("experiment good.yaml --dry-run --json"), 0);
  root = json_loads(test_out, 0, NULL);
  arms = json_object_get(root, "arms");
  assert_int_equal(json_array_size(arms), 3);
  assert_string_equal(json_string_value(json_object_get(json_array_get(arms, 1), "name")),
                      "power-p=3-s=2");
  json_decref(root);

  /* More jobs than cores are not counted as faster. */
  assert_int_equal(test_run("experiment good.yaml --seeds 700 --jobs 1024 --dry-run --json"), 0);
  root = json_loads(test_out, 0, NULL);
  json_int_t counted = json_integer_value(json_object_get(root, "jobs_counted"));
  assert_true(json_integer_value(json_object_get(root, "jobs")) > sysconf(_SC_NPROCESSORS_ONLN));
  assert_true(counted >= 1 && counted <= sysconf(_SC_NPROCESSORS_ONLN));
  json_decref(root);
  remove("good.yaml");

  /* The estimate holds tests, analysis and report; without these, training alone. */
  for (int with = 0; with < 2; with++) {
    assert_int_equal(
        test_run("experiment mnist --data idx:data --arms control --seeds 2 --epochs 3 "
                 "--backend cpu --batch 16 --dry-run --json %s",
                 with ? "" : "--no-report"),
        0);
    root = json_loads(test_out, 0, NULL);
#define SECONDS(key) json_number_value(json_object_get(root, key))
    double training = SECONDS("training_seconds"), after = SECONDS("analysis_seconds");
    assert_true(SECONDS("seconds_per_epoch") > 0 && SECONDS("seconds_per_test") > 0);
    assert_true(training >
                0.999 * 2 * 3 * (SECONDS("seconds_per_epoch") + SECONDS("seconds_per_test")));
    assert_true(with ? after > 3 : after == 0); /* 3: of the report */
    assert_true(fabs(SECONDS("seconds") - training - after) < 1e-6);
    json_decref(root);
  }
  assert_int_equal(access("runs", F_OK), -1); /* a dry run writes nothing */
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data),      cmocka_unit_test(test_options),
      cmocka_unit_test(test_folders),   cmocka_unit_test(test_yaml),
      cmocka_unit_test(test_good_yaml), cmocka_unit_test(test_prepare),
      cmocka_unit_test(test_outputs),   cmocka_unit_test(test_widths),
  };
  int failed = cmocka_run_group_tests(tests, make_data, NULL);
  test_end();
  return failed;
}
