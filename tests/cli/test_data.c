/* What the program says about data: remarks to whoever runs it, warnings in results, classes by
 * name, names that are not UTF-8. */
#include "cli_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL " --model lenet --epochs 1 --batch 3 --backend cpu "

static void shell(const char *command) {
  int code = system(command);
  if (code != 0) print_error("%s\n", command);
  assert_int_equal(code, 0);
}

static int count(const char *text, const char *part) {
  int n = 0;
  for (const char *p = text; (p = strstr(p, part)); p++) n++;
  return n;
}

static json_t *output(void) {
  json_t *o = json_loads(test_out, 0, NULL);
  assert_non_null(o);
  return o;
}

static bool holds(const json_t *list, const char *part) {
  size_t i;
  json_t *one;
  assert_true(json_is_array(list));
  json_array_foreach(list, i, one) if (strstr(json_string_value(one), part)) return true;
  return false;
}

/* Pictures of two classes in names/, as the world names its folders; in plain/ without any remark;
 * in bad/ train images alone, of which three are no JPEG. */
static int make_pictures(void **state) {
  (void)state;
  assert_int_equal(test_run("prior --cost linear --sheet 9x9 --unit 0,0 --out corner.png"), 0);
  assert_int_equal(test_run("prior --cost linear --sheet 9x9 --unit 4,4 --out centre.png"), 0);
  assert_int_equal(test_run("prior --cost linear --sheet 9x9 --unit 4,0 --out edge.png"), 0);
  shell("for s in plain/train plain/val names/Training names/Testing bad; do "
        "for c in corner centre; do mkdir -p $s/$c; "
        "for i in 1 2 3 4; do cp $c.png $s/$c/$i.png; done; done; done; "
        "printf 'RIFF\\100\\0\\0\\0WEBPVP8 ' > bad/corner/5.jpg; "
        "printf 'GIF89a' > bad/corner/6.png; printf '<!DOCTYPE html>' > bad/corner/7.jpeg; "
        "touch names/Testing/corner/.hidden; "
        "for s in plain/val names/Testing; do for i in 1 2 3 4; do cp edge.png $s/centre/$i.png; "
        "done; done");
  assert_int_equal(
      test_run("train --data imagefolder:plain" SMALL "--seed 3 --out plain.safetensors"), 0);
  assert_null(strstr(test_err, "data: "));
  return 0;
}

static void test_remarks_are_shown(void **state) {
  (void)state;
  const char *split = "data: names: training images from Training/, test images from Testing/";
  const char *hidden = "names/Testing: 1 hidden files and files of the system left out";
  static const char *const command[] = {
      "train --data imagefolder:names" SMALL "--out names.safetensors",
      "eval names.safetensors --backend cpu",
      "tune --data imagefolder:names --model lenet --batch 3 --backend cpu --seconds 1",
      "experiment mnist --data imagefolder:names --arms control --batch 3 --backend cpu --dry-run",
  };
  for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
    for (int quiet = 0; quiet < 2; quiet++) {
      int code = test_run("%s%s", command[i], quiet ? " --quiet" : "");
      assert_int_equal(code, 0);
      if (count(test_err, split) != !quiet || count(test_err, hidden) != !quiet)
        fail_msg("%s: %s", command[i], test_err);
    }
  }
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(test_run("%s --json --quiet", command[i]), 0);
    json_t *o = output();
    assert_true(holds(json_object_get(o, "notes"), split + strlen("data: ")));
    assert_true(holds(json_object_get(o, "notes"), hidden));
    assert_int_equal(json_array_size(json_object_get(o, "warnings")), 0);
    json_decref(o);
  }
}

static void test_warnings_are_in_json(void **state) {
  (void)state;
  assert_int_equal(
      test_run("train --data imagefolder:bad" SMALL "--out bad.safetensors --json --quiet"), 0);
  assert_non_null(strstr(test_err, "corner/5.jpg is broken (WebP content under the name of"));
  assert_non_null(strstr(test_err, "corner/6.png is broken (GIF content under the name of"));
  assert_non_null(strstr(test_err, "corner/7.jpeg is broken (HTML content under the name of"));
  json_t *o = output();
  assert_true(holds(json_object_get(o, "warnings"), "3 of 11 images are broken"));
  json_decref(o);
  assert_int_equal(test_run("eval bad.safetensors --backend cpu --json --quiet"), 0);
  o = output();
  assert_true(holds(json_object_get(o, "warnings"), "3 of 11 images are broken"));
  json_decref(o);
}

static double accuracy(const char *data) {
  assert_int_equal(
      test_run("eval plain.safetensors --backend cpu --json --quiet --data imagefolder:%s", data),
      0);
  json_t *o = output();
  double a = json_number_value(json_object_get(o, "accuracy"));
  json_decref(o);
  return a;
}

static void test_classes_go_by_name(void **state) {
  (void)state;
  shell("mkdir -p one two && cp -r plain/val/centre one/ && cp -r plain/val/corner two/ && "
        "cp -r plain/val more && mkdir more/aaa && cp -r plain renamed && cp -r plain case && "
        "for s in train val; do mv renamed/$s/corner renamed/$s/edge; "
        "mv case/$s/corner case/$s/Corner; done");
  double all = accuracy("plain/val"), centre = accuracy("one"), corner = accuracy("two");
  assert_true(centre + corner == 2 * all); /* by position a corner would be judged as a centre */
  assert_true(accuracy("more") == all);    /* a class without images shifts the numbers */
  assert_int_equal(test_run("eval plain.safetensors --backend cpu --data imagefolder:renamed"), 1);
  test_one_error(
      "1 class that the network was not trained on: 'edge'; it knows 'centre', 'corner'");
  assert_string_equal(test_out, "");
  assert_int_equal(test_run("eval plain.safetensors --backend cpu --data imagefolder:case"), 1);
  test_one_error("'Corner'; it knows 'corner'");
}

static void test_names_that_are_not_utf8(void **state) {
  (void)state;
  shell("cp -r plain \"$(printf 'caf\\351')\" && cp -r plain latin && "
        "mv latin/train/corner \"$(printf 'latin/train/c\\364te')\" && "
        "mv latin/val/corner \"$(printf 'latin/val/c\\364te')\"");
  assert_int_equal(test_run("eval plain.safetensors --json --data imagefolder:caf\xe9"), 2);
  test_one_error("is not UTF-8 text, which --json could not print");
  assert_int_equal(test_run("eval plain.safetensors --data imagefolder:caf\xe9"), 1);
  test_one_error("the name is not UTF-8");
  assert_int_equal(test_run("eval plain.safetensors --json --data imagefolder:latin"), 1);
  test_one_error("class 'c\\xf4te' is not UTF-8");
  assert_int_equal(
      test_run("train --data imagefolder:latin" SMALL "--json --out latin.safetensors"), 1);
  test_one_error("class 'c\\xf4te' is not UTF-8");
  assert_string_equal(test_out, "");
}

#define EXPERIMENT "experiment mnist --arms control --epochs 1 --batch 3 --backend cpu --quiet "

static json_t *warnings_of(const char *file, const char *object, const char *key) {
  json_t *root = json_load_file(file, 0, NULL);
  assert_non_null(root);
  json_t *list = json_object_get(object ? json_object_get(root, object) : root, key);
  assert_true(json_is_array(list));
  json_incref(list);
  json_decref(root);
  return list;
}

static void test_report_tells(void **state) {
  (void)state;
  static const char *const says[] = {"3 of 11 images are broken"};
  assert_int_equal(test_run(EXPERIMENT "--data imagefolder:bad --out told"), 0);
  char *page = test_read("told/report.html", NULL);
  const char *box = strstr(page, "What to know about the data");
  assert_non_null(box);
  json_t *manifest = warnings_of("told/manifest.json", "data", "warnings");
  json_t *summary = warnings_of("told/summary.json", NULL, "data_warnings");
  assert_true(json_equal(manifest, summary));
  assert_true(holds(summary, says[0]));
  const char *end = strstr(box, "</section>"), *line = strstr(box, says[0]);
  assert_true(line && end && line < end);
  free(page);
  json_decref(manifest);
  json_decref(summary);
  assert_int_equal(test_run(EXPERIMENT "--data imagefolder:plain --out untold"), 0);
  page = test_read("untold/report.html", NULL);
  assert_null(strstr(page, "What to know about the data"));
  free(page);
}

/* A run that goes on counts anew; the larger count stands, once. */
static void test_counts_are_replaced(void **state) {
  (void)state;
  static const struct {
    const char *before, *after;
  } row[] = {{"1", "3"}, {"3", "3"}, {"10", "10"}};
  shell("cp -r told again");
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char command[400], line[80];
    snprintf(command, sizeof command,
             "sed -i 's/[0-9]* of 11 images/%s of 11 images/' again/manifest.json && "
             ": > again/metrics.jsonl && rm again/models/* again/activations/*",
             row[i].before);
    shell(command);
    assert_int_equal(test_run("experiment --resume again --quiet"), 0);
    snprintf(line, sizeof line, ": %s of 11 images are broken", row[i].after);
    char *text = test_read("again/manifest.json", NULL);
    if (count(text, line) != 1 || count(text, "of 11 images") != 1)
      fail_msg("%s: %s", row[i].before, text);
    free(text);
  }
}

int main(int argc, char **argv) {
  test_begin(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_remarks_are_shown),  cmocka_unit_test(test_warnings_are_in_json),
      cmocka_unit_test(test_classes_go_by_name), cmocka_unit_test(test_names_that_are_not_utf8),
      cmocka_unit_test(test_report_tells),       cmocka_unit_test(test_counts_are_replaced),
  };
  int failed = cmocka_run_group_tests(tests, make_pictures, NULL);
  test_end();
  return failed;
}
