/* Help, exit codes, misspelt words; manual and completion against the help. */
#include "cli_test.h"

#include <jansson.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const commands[] = {"experiment", "train",   "eval",   "prior", "plugins",
                                       "devices",    "analyze", "report", "data",  "tune",
                                       "models",     "network", "power",  "prune", "place"};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void test_help(void **state) {
  (void)state;
  assert_int_equal(test_run("--help"), 0);
  for (int i = 0; i < N_COMMANDS; i++) assert_non_null(strstr(test_out, commands[i]));
  for (int i = 0; i < N_COMMANDS; i++) {
    assert_int_equal(test_run("%s --help", commands[i]), 0);
    assert_non_null(strstr(test_out, "usage: locality "));
    assert_non_null(strstr(test_out, "examples:\n  locality "));
    char *with_flag = strdup(test_out);
    assert_int_equal(test_run("help %s", commands[i]), 0);
    assert_string_equal(test_out, with_flag);
    free(with_flag);
  }
  assert_int_equal(test_run("--version"), 0);
  assert_int_equal(strncmp(test_out, "locality ", 9), 0);
  assert_true(isdigit((unsigned char)test_out[9]));
}

static void test_usage_errors(void **state) {
  (void)state;
  const struct {
    const char *args, *error;
  } bad[] = {
      {"experment", "did you mean 'experiment'?"},
      {"zzz", "no command is named 'zzz'"},
      {"help zzz", "no command is named 'zzz'"},
      {"experiment", "missing argument"},
      {"experiment mnist --epocs 3", "did you mean --epochs?"},
      {"experiment mnist --epochs=-3", "--epochs: -3 is out of range"},
      {"experiment mnist --epochs -3", "--epochs: -3 is out of range"},
      {"experiment mnist --epochs 2.5", "--epochs: '2.5' is not a whole number"},
      {"experiment mnist --epochs", "--epochs needs a value"},
      {"experiment mnist --lr fast", "--lr: 'fast' is not a number"},
      {"experiment mnist --lr nan", "--lr: 'nan' is not a number"},
      {"experiment mnist --lr inf", "--lr: inf is out of range"},
      {"experiment mnist --optimizer sdg", "--optimizer: 'sdg' is not one of sgd|rmsprop"},
      {"experiment mnist --decay-bias maybe", "--decay-bias: 'maybe' is neither"},
      {"experiment mnist --significance 0.5", "--significance: 0.5 is out of range"},
      {"experiment mnist --significance 0", "--significance: 0 is out of range"},
      {"experiment mnist --dry-run=1", "--dry-run takes no value"},
      {"experiment mnist other", "too many arguments, from 'other' on"},
      {"experiment mnist --layer plain", "unknown option --layer"},
      {"experiment mnist --out a --resume b", "exclude each other"},
      {"experiment mnist -x", "unknown option -x"},
      {"power", "--effect (to find), --n (networks an arm), or both are needed"},
      {"power --n 2.5", "--n: '2.5' is not a whole number"},
      {"power --n 1", "--n: '1' is not a number from 2"},
      {"power --effect 1 --sd 0", "--sd: '0' is not a number from"},
      {"power --effect nan", "--effect: 'nan' is not a number from"},
      {"train --epochs 1", "--out FILE is missing"},
      {"train --arms control --out a.safetensors", "unknown option --arms"},
      {"eval", "eval: missing argument"},
      {"prior --sheet 7x", "--sheet: '7x' is not ROWSxCOLUMNS"},
      {"prior --sheet 3x3 --unit 3,0", "--unit: '3,0' is not a unit"},
      {"prior --out p.gif", "must end in .png, .svg or .npy"},
      {"analyze", "analyze: missing argument"},
      {"data", "data: missing argument"},
      {"data fetch", "name of a data set is missing"},
      {"data lost", "neither list, fetch NAME nor prepare DIR"},
      {"data prepare", "the folder to make is missing"},
      {"data prepare new", "neither --train nor --val"},
      {"data prepare new --val v.tar", "needs --ground-truth"},
      {"devices cpu", "'cpu' is for --self-test only"},
      {"tune --seconds soon", "'soon' is not a number above 0"},
      {"experiment --resume d --tune", "--tune and --resume exclude each other"},
  };
  int before = test_count_files();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int code = test_run("%s", bad[i].args);
    if (code != 2) print_error("locality %s: exit code %d\n", bad[i].args, code);
    assert_int_equal(code, 2);
    test_one_error(bad[i].error);
    assert_string_equal(test_out, "");
  }
  assert_int_equal(test_count_files(), before);
  assert_int_equal(test_run("%s", ""), 2);
  assert_non_null(strstr(test_err, "usage: locality COMMAND"));
}

/* Calls fn for every --option of the help in test_out. */
static void each_option(const char *command, void (*fn)(const char *command, const char *name)) {
  char *help = strdup(test_out), *save = NULL;
  for (char *line = strtok_r(help, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char name[64];
    if (strncmp(line, "  ", 2) != 0 || strncmp(line + 6, "--", 2) != 0) continue;
    assert_int_equal(sscanf(line + 8, "%63[a-z0-9-]", name), 1);
    fn(command, name);
  }
  free(help);
}

static char *manual, *completion;
static int n_seen;

static void in_manual(const char *command, const char *name) {
  char text[80];
  snprintf(text, sizeof text, "Fl -%s", name);
  const char *at = strstr(manual, text);
  while (at && (isalnum((unsigned char)at[strlen(text)]) || at[strlen(text)] == '-'))
    at = strstr(at + 1, text);
  if (!at) print_error("locality.1 lacks --%s of %s\n", name, command);
  assert_non_null(at);
  n_seen++;
}

/* What the shell offers after `locality COMMAND --`. */
static char *offered;

static void in_completion(const char *command, const char *name) {
  char text[80];
  snprintf(text, sizeof text, "\n--%s\n", name);
  bool there = strstr(offered, text) != NULL;
  if (!there) print_error("locality.bash does not offer --%s of %s\n", name, command);
  assert_true(there);
  n_seen++;
}

static void test_manual(void **state) {
  (void)state;
  manual = test_read_source("core/cli/locality.1");
  n_seen = 0;
  for (int i = 0; i < N_COMMANDS; i++) {
    assert_int_equal(test_run("%s --help", commands[i]), 0);
    each_option(commands[i], in_manual);
    char text[40];
    snprintf(text, sizeof text, "Cm %s", commands[i]);
    assert_non_null(strstr(manual, text));
  }
  assert_true(n_seen > 60);
  free(manual);
}

/* The program as it is typed: blanks in its path are quoted. */
static const char *typed_program(void) {
  static char text[600];
  size_t n = 0;
  for (const char *c = test_program(); *c && n + 2 < sizeof text; c++) {
    if (*c == ' ') text[n++] = '\\';
    text[n++] = *c;
  }
  text[n] = '\0';
  return text;
}

/* Asks bash itself what it would complete, and counts what the help does not know. */
static void test_completion(void **state) {
  (void)state;
  if (system("command -v bash >/dev/null") != 0) skip();
  completion = test_read_source("core/cli/locality.bash");
  test_write("completion.bash", completion, strlen(completion));
  for (int i = 0; i < N_COMMANDS; i++) {
    char command[1024];
    snprintf(command, sizeof command,
             "bash -c '. ./completion.bash; COMP_WORDS=(\"%s\" %s --); COMP_CWORD=2; _locality; "
             "echo; printf \"%%s\\n\" \"${COMPREPLY[@]}\"' >offered.txt",
             typed_program(), commands[i]);
    assert_int_equal(system(command), 0);
    offered = test_read("offered.txt", NULL);
    n_seen = 0;
    assert_int_equal(test_run("%s --help", commands[i]), 0);
    each_option(commands[i], in_completion);
    int n_offered = 0;
    for (const char *c = strstr(offered, "\n--"); c; c = strstr(c + 1, "\n--")) n_offered++;
    assert_int_equal(n_offered, n_seen);
    free(offered);
  }
  static const char *const more[][2] = {{"\"\"", NULL}, /* commands */
                                        {"train --optimizer \"\"", "\nadamw\n"},
                                        {"train --decay-bias \"\"", "\nfalse\n"},
                                        {"experiment --primary \"\"", "\ngeary_c\n"},
                                        {"experiment mn", "\nmnist-size\n"},
                                        {"prior --metric \"\"", "\nlinf\n"},
                                        {"train --model \"\"", "\nlenet\n"}};
  for (size_t k = 0; k < sizeof more / sizeof *more; k++) {
    char command[1024];
    snprintf(command, sizeof command,
             "bash -c '. ./completion.bash; COMP_WORDS=(\"%s\" %s); "
             "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
             "_locality; echo; printf \"%%s\\n\" \"${COMPREPLY[@]}\"' >offered.txt",
             typed_program(), more[k][0]);
    assert_int_equal(system(command), 0);
    offered = test_read("offered.txt", NULL);
    for (int i = 0; !more[k][1] && i < N_COMMANDS; i++)
      assert_non_null(strstr(offered, commands[i]));
    if (more[k][1] && !strstr(offered, more[k][1])) fail_msg("%s: %s", more[k][0], offered);
    free(offered);
  }
  free(completion);
  remove("offered.txt");
  remove("completion.bash");
}

static void test_lists(void **state) {
  (void)state;
  json_error_t error;
  assert_int_equal(test_run("devices --json"), 0);
  json_t *root = json_loads(test_out, 0, &error), *item;
  assert_non_null(root);
  bool cpu = false;
  size_t i;
  json_array_foreach(json_object_get(root, "devices"), i, item) cpu =
      cpu || strcmp(json_string_value(json_object_get(item, "id")), "cpu") == 0;
  assert_true(cpu);
  json_decref(root);

  assert_int_equal(test_run("plugins"), 0);
  assert_non_null(strstr(test_out, "linear"));
  assert_int_equal(test_run("plugins power"), 0);
  assert_non_null(strstr(test_out, "exponent"));
  assert_int_equal(test_run("plugins power --json"), 0);
  root = json_loads(test_out, 0, &error);
  assert_non_null(root);
  item = json_array_get(json_object_get(root, "entries"), 0);
  assert_string_equal(json_string_value(json_object_get(item, "kind")), "cost");
  assert_int_equal(json_array_size(json_object_get(item, "params")), 3);
  json_decref(root);
  assert_int_equal(test_run("plugins powr"), 1);
  test_one_error("did you mean 'power'?");

  assert_int_equal(test_run("data list"), 0);
  assert_non_null(strstr(test_out, "mnist"));
}

/* 64 x 64, linear cost: the sums over inputs of the corner and of the middle unit are known. */
static void test_prior(void **state) {
  (void)state;
  const struct {
    const char *unit;
    double sum;
  } known[] = {{"0,0", 109.76587}, {"2080", 203.18427}, {"32,32", 203.18427}};
  json_error_t error;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    assert_int_equal(test_run("prior --sheet 64x64 --json --unit %s", known[i].unit), 0);
    json_t *root = json_loads(test_out, 0, &error);
    assert_non_null(root);
    double sum = json_number_value(json_object_get(root, "unit_sum"));
    assert_true(sum > known[i].sum - 1e-5 && sum < known[i].sum + 1e-5);
    json_decref(root);
  }
  assert_int_equal(test_run("prior --normalize fan_in --json"), 0);
  json_t *root = json_loads(test_out, 0, &error);
  double all = json_number_value(json_object_get(root, "sum"));
  assert_true(all > 49 * 49 - 1e-9 && all < 49 * 49 + 1e-9);
  json_decref(root);

  size_t n;
  assert_int_equal(test_run("prior --topology line --sheet 9 --out map.png"), 0);
  char *png = test_read("map.png", &n);
  assert_int_equal(memcmp(png, "\x89PNG\r\n\x1a\n", 8), 0);
  free(png);
  assert_int_equal(test_run("prior --sheet 3x4 --sheet-in 6x8 --cost dog --out map.svg"), 0);
  char *svg = test_read("map.svg", &n);
  int cells = 0;
  for (const char *c = svg; (c = strstr(c, "<rect")); c++) cells++;
  assert_int_equal(cells, 48);
  free(svg);
  assert_int_equal(test_run("prior --matrix --sheet 3x5 --out map.npy"), 0);
  char *npy = test_read("map.npy", &n);
  assert_int_equal(memcmp(npy, "\x93NUMPY", 6), 0);
  double corner;
  memcpy(&corner, npy + n - sizeof corner, sizeof corner);
  assert_true(corner == 1.0); /* the last unit to itself */
  assert_true(n > 15 * 15 * 8 && n <= 15 * 15 * 8 + 256);
  free(npy);
  remove("map.png");
  remove("map.svg");
  remove("map.npy");
  assert_int_equal(test_run("prior --cost power:p=2 -t torus --as-penalty --json"), 0);
  root = json_loads(test_out, 0, &error);
  assert_string_equal(json_string_value(json_object_get(root, "l2")),
                      "prior_decay:order=2,cost=(power:p=2),topology=(torus),metric=l2,"
                      "normalize=none");
  json_decref(root);
  assert_int_equal(test_run("prior --as-penalty"), 0);
  assert_non_null(strstr(test_out, "decay l1: prior_decay:order=1,cost=(linear)"));
  assert_int_equal(test_run("prior --cost gaussian:sigma=0.3 --as-penalty"), 1);
  test_one_error("between some units");
  assert_int_equal(test_run("prior --cost disk --as-penalty"), 1);
  test_one_error("P is 0 between some units");
  assert_int_equal(test_run("prior --cost lnear"), 1);
  test_one_error("linear");
  assert_int_equal(test_run("prior --matrix --sheet 64x64 --out big.svg"), 1);
  test_one_error("too many for SVG");
}

/* How often an element is in the picture that this makes. */
static int drawn(const char *args, const char *element, const char *holds) {
  assert_int_equal(test_run("prior %s --out map.svg", args), 0);
  char *svg = test_read("map.svg", NULL);
  int n = 0;
  for (const char *c = svg; (c = strstr(c, element)); c++) n++;
  if (!strstr(svg, holds)) fail_msg("prior %s: the picture lacks %s", args, holds);
  free(svg);
  return n;
}

/* Units off the plane are drawn where they stand. */
static void test_prior_places(void **state) {
  (void)state;
  char places[30 * 12] = "";
  assert_int_equal(drawn("-t grid3d -s 5x5x4 -u 2,2,1", "<rect", ">layer 0<"), 100);
  assert_int_equal(drawn("-t grid3d -s 5x5x4 -u 2,2,1", "<text", "<title>unit 49: 1</title>"), 4);
  assert_int_equal(drawn("-t hex -s 30", "<polygon", "<title>unit 29: "), 30);
  for (int i = 0; i < 30; i++) snprintf(places + strlen(places), 12, "%d,%d\n", i * i % 31, i);
  test_write("places.csv", places, strlen(places));
  assert_int_equal(drawn("-t points:file=places.csv -s 30", "<circle", "<title>unit 29: "), 30);
  assert_int_equal(test_run("prior -t points:file=places.csv -s 29"), 1);
  test_one_error("30 places for 29 units");

  /* A ball: the unit itself in the middle of the first half, all others inside one of the two. */
  assert_int_equal(drawn("-t sphere -s 40 -u 7", "<circle", ">around unit 7<"), 42);
  char *svg = test_read("map.svg", NULL);
  double x, y, r, half[2][3];
  int n = 0;
  for (const char *c = svg; (c = strstr(c, "<circle ")); c++, n++) {
    assert_int_equal(sscanf(c, "<circle cx=\"%lf\" cy=\"%lf\" r=\"%lf\"", &x, &y, &r), 3);
    if (n < 2) {
      half[n][0] = x, half[n][1] = y, half[n][2] = r;
      continue;
    }
    const int k = x < (half[0][0] + half[1][0]) / 2 ? 0 : 1;
    assert_true(hypot(x - half[k][0], y - half[k][1]) <= half[k][2] + 0.02);
  }
  assert_true(fabs(x - half[0][0]) < 0.02 && fabs(y - half[0][1]) < 0.02); /* on top: P is 1 */
  free(svg);
  assert_int_equal(test_run("prior -t sphere --sheet 40 --out map.png"), 0);
  remove("map.svg");
  remove("map.png");
  remove("places.csv");
}

static double power_says(const char *args, const char *key) {
  json_error_t error;
  assert_int_equal(test_run("power %s --json", args), 0);
  json_t *o = json_loads(test_out, 0, &error);
  assert_non_null(o);
  const double x = json_number_value(json_object_get(o, key));
  json_decref(o);
  return x;
}

/* The least differences found by 3, 5, 10 and 20 pairs with power .8, in sd, as tables of the
 * noncentral t distribution have them; and the number needed is the first that suffices. */
static void test_power(void **state) {
  (void)state;
  static const struct {
    const char *args;
    double dz;
  } row[] = {{"--n 3", 3.26}, {"--n 5", 1.68}, {"--n 10", 1.00}, {"--n 20", 0.66}};
  for (int i = 0; i < 4; i++)
    assert_float_equal(power_says(row[i].args, "detectable"), row[i].dz, 0.006);
  assert_float_equal(power_says("--n 5 --sd 2", "detectable"), 3.364, 0.006);
  const double n = power_says("--effect 0.3 --sd 0.25 --tests 3", "n_needed");
  char args[80];
  snprintf(args, sizeof args, "--effect 0.3 --sd 0.25 --tests 3 --n %g", n);
  assert_true(power_says(args, "power") >= 0.8);
  snprintf(args, sizeof args, "--effect 0.3 --sd 0.25 --tests 3 --n %g", n - 1);
  assert_true(power_says(args, "power") < 0.8);
  assert_float_equal(power_says("--effect 0.3 --sd 0.25 --tests 3", "alpha"), 0.05 / 3, 1e-6);
  assert_int_equal(test_run("power --effect 1e-5"), 0);
  assert_non_null(strstr(test_out, "more than a million"));
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_help),         cmocka_unit_test(test_usage_errors),
      cmocka_unit_test(test_manual),       cmocka_unit_test(test_completion),
      cmocka_unit_test(test_lists),        cmocka_unit_test(test_prior),
      cmocka_unit_test(test_prior_places), cmocka_unit_test(test_power),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  test_end();
  return failed;
}
