/* lp_analyze_run: folders whose files are malformed are refused with file and line. */
#include "folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_refused(lp_status want, const char *part) {
  lp_status s = lp_analyze_run(dir);
  if (s != want || !strstr(lp_error_message(), part))
    fail_msg("want \"%s\" with \"%s\", got \"%s\": %s", lp_status_name(want), part,
             lp_status_name(s), s == LP_OK ? "" : lp_error_message());
  char *path = lp_path_join(dir, "summary.json");
  assert_int_not_equal(access(path, F_OK), 0); /* nothing is left behind */
  free(path);
}

static void broken_manifest(void **state) {
  (void)state;
  assert_refused(LP_ERR_IO, "manifest.json");
  write_text("manifest.json", "{\"schema\": 1,\n \"title\": }");
  assert_refused(LP_ERR_FORMAT, "manifest.json:2");
  write_text("manifest.json", "[1]");
  assert_refused(LP_ERR_FORMAT, "manifest.json");
  write_text("manifest.json", "{\"schema\": 3}");
  assert_refused(LP_ERR_FORMAT, "schema");
  write_manifest("mnist", "[]", two_arms);
  assert_refused(LP_ERR_FORMAT, "seeds");
  write_manifest("mnist", "[1, 1]", two_arms);
  assert_refused(LP_ERR_FORMAT, "seed 1 is there twice");
  write_manifest("mnist", "[1, \"x\"]", two_arms);
  assert_refused(LP_ERR_FORMAT, "seeds");
  write_manifest("mnist", "[1]", "{\"name\": \"linear\", \"layer\": \"plain\"}");
  assert_refused(LP_ERR_FORMAT, "reference \"control\"");
  write_manifest("mnist", "[1]", "{\"name\": \"../x\", \"layer\": \"plain\"}");
  assert_refused(LP_ERR_FORMAT, "arm 1");
  write_manifest("mnist", "[1]", "{\"name\": \"control\"}");
  assert_refused(LP_ERR_FORMAT, "layer");
}

static void broken_metrics(void **state) {
  (void)state;
  static const struct {
    const char *lines, *part;
  } broken[] = {
      {"{\"event\": \"later\"}\n{\"event\": \n{}\n", "metrics.jsonl:3: not an object"},
      {"{\"event\": \"train\"}\n", "\"arm\""},
      {"{\"event\": \"train\", \"arm\": \"x\", \"seed\": 1}\n", "arm \"x\", seed 1"},
      {"{\"event\": \"train\", \"arm\": \"linear\", \"seed\": 8}\n", "seed 8"},
      {"{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": 1}\n", "\"epoch\""},
      {"{\"event\": \"epoch\", \"arm\": \"linear\", \"seed\": 1, \"epoch\": 1, \"accuracy\": 1,"
       " \"loss\": \"low\", \"seconds\": 1}\n",
       "metrics.jsonl:1: \"loss\""},
      {"{\"event\": \"end\", \"arm\": \"linear\", \"seed\": 1}\n", "status"},
  };
  write_manifest("mnist", "[1]", two_arms);
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    write_text("metrics.jsonl", broken[i].lines);
    assert_refused(LP_ERR_FORMAT, broken[i].part);
  }
}

static void write_tensors(const char *arm, lp_desc in, lp_desc out, lp_desc labels, int32_t label) {
  static const float zero[N * (UNITS + 1)];
  int32_t all[N];
  for (int m = 0; m < N; m++) all[m] = label;
  char name[128];
  snprintf(name, sizeof name, "%s/activations/%s-seed1.safetensors", dir, arm);
  const lp_tensor_view tensors[] = {
      {"lp_in", in, zero}, {"lp_out", out, zero}, {"labels", labels, all}};
  assert_ok(lp_safetensors_write(name, tensors, 3, NULL, NULL, 0));
}

static void broken_activations(void **state) {
  (void)state;
  const char *part = "activations/linear-seed1.safetensors";
  lp_desc good = lp_f32(N, UNITS), labels = LP_DESC(LP_I32, N);
  write_manifest("mnist", "[1]", two_arms);
  write_activations("control", 1, N, 0);
  write_tensors("linear", good, lp_f32(N, UNITS + 1), labels, 0);
  assert_refused(LP_ERR_FORMAT, part);
  write_activations("linear", 1, N - 1, 0); /* fewer images than the other network */
  assert_refused(LP_ERR_FORMAT, part);
  write_activations("linear", 1, N, 1); /* other images */
  assert_refused(LP_ERR_FORMAT, "labels are not those");
  write_activations("linear", 1, N, 0);
  write_tensors("control", good, good, labels, 3);
  assert_refused(LP_ERR_FORMAT, "label 3 of image 0");
  write_tensors("control", good, good, lp_f32(N), 0);
  assert_refused(LP_ERR_FORMAT, "control-seed1.safetensors: needs \"labels\"");
  write_tensors("control", lp_f32(N * UNITS), good, labels, 0);
  assert_refused(LP_ERR_FORMAT, "control-seed1.safetensors: needs \"lp_in\"");
  write_text("activations/control-seed1.safetensors", "not tensors");
  assert_refused(LP_ERR_FORMAT, "control-seed1.safetensors");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(broken_manifest),
      FOLDER_TEST(broken_metrics),
      FOLDER_TEST(broken_activations),
  };
  return cmocka_run_group_tests_name("broken", tests, NULL, NULL);
}
