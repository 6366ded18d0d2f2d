/* The golden runner can fail: copies of the reference files, spoilt, cut short or with unknown
 * names, must be found out. Arguments: the runner and the folder of reference files. */
#include <locality/io.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *runner, *reference;
static char folder[] = "golden-runner-XXXXXX";

/* Runs the runner on `folder`; returns its exit status, its output in text. */
static int run(char *text, size_t cap) {
  char command[1024];
  snprintf(command, sizeof command, "'%s' --backend cpu '%s' 2>&1", runner, folder);
  FILE *f = popen(command, "r");
  assert_non_null(f);
  size_t n = fread(text, 1, cap - 1, f);
  text[n] = '\0';
  while (fgetc(f) != EOF) {
  }
  int status = pclose(f);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void path_in(char *out, size_t cap, const char *dir, const char *name) {
  snprintf(out, cap, "%s/%s", dir, name);
}

static void read_reference(const char *name, void **data, size_t *n) {
  char path[512];
  path_in(path, sizeof path, reference, name);
  assert_int_equal(lp_read_file(path, data, n), LP_OK);
}

static void write_copy(const char *name, const void *data, size_t n) {
  char path[512];
  path_in(path, sizeof path, folder, name);
  assert_int_equal(lp_write_file(path, data, n), LP_OK);
}

static void remove_copy(const char *name) {
  char path[512];
  path_in(path, sizeof path, folder, name);
  assert_int_equal(unlink(path), 0);
}

static void right_files_pass(void **state) {
  (void)state;
  char text[65536];
  void *data;
  size_t n;
  read_reference("ops.safetensors", &data, &n);
  write_copy("ops.safetensors", data, n);
  assert_int_equal(run(text, sizeof text), 0);
  assert_non_null(strstr(text, " 0 failed, 0 skipped"));
  remove_copy("ops.safetensors");
  free(data);
}

/* One element of one tensor off by a thousandth of its size: that case fails, by name. */
static void spoilt_tensor_fails(void **state) {
  (void)state;
  static const struct {
    const char *file, *key, *line;
  } spoil[] = {
      {"ops.safetensors", "conv_k3p1/grad1", "failed ops/conv_k3p1 (grad1)"},
      {"ops.safetensors", "batchnorm_train/out", "failed ops/batchnorm_train (out)"},
      {"lp_layer.safetensors", "b9_3x4_to_5x8/dW", "failed lp_layer/b9_3x4_to_5x8 (dW)"},
      {"priors.safetensors", "distance/torus_7x7/l1", "failed priors/distance/torus_7x7/l1"},
      {"priors.safetensors", "prior/grid_3x5/dog/none", "failed priors/prior/grid_3x5/dog/none"},
      {"optimisers.safetensors", "adam", "failed optimisers/adam"},
      {"statistics.safetensors", "welch", "failed statistics/welch"},
      {"statistics.safetensors", "moran/B", "failed statistics/moran/B"},
      {"lenet_control.safetensors", "step0/grad/conv1.weight",
       "failed lenet_control/step0/grad/conv1.weight"},
      {"lenet_lp_linear.safetensors", "sgd/losses", "failed lenet_lp_linear/sgd/losses"},
  };
  for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
    char path[512];
    static char text[1 << 18];
    void *data;
    size_t n;
    read_reference(spoil[i].file, &data, &n);
    path_in(path, sizeof path, reference, spoil[i].file);
    lp_safetensors *f;
    assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
    const lp_tensor_view *t = lp_safetensors_find(f, spoil[i].key);
    assert_non_null(t);
    /* The tensor's bytes stand somewhere in the file: the largest element is changed there. */
    size_t bytes = lp_nbytes(&t->desc);
    uint8_t *at = memmem(data, n, t->data, bytes);
    assert_non_null(at);
    size_t best = 0;
    for (size_t k = 0; k < (size_t)lp_numel(&t->desc); k++) {
      double v = t->desc.dtype == LP_F64 ? ((const double *)t->data)[k]
                                         : (double)((const float *)t->data)[k];
      double b = t->desc.dtype == LP_F64 ? ((const double *)t->data)[best]
                                         : (double)((const float *)t->data)[best];
      if (v * v > b * b) best = k;
    }
    if (t->desc.dtype == LP_F64) {
      double v = ((const double *)t->data)[best] * 1.001;
      memcpy(at + best * sizeof v, &v, sizeof v);
    } else {
      float v = ((const float *)t->data)[best] * 1.001f;
      memcpy(at + best * sizeof v, &v, sizeof v);
    }
    lp_safetensors_free(f);
    write_copy(spoil[i].file, data, n);
    assert_int_equal(run(text, sizeof text), 1);
    if (!strstr(text, spoil[i].line)) fail_msg("no \"%s\" in: %s", spoil[i].line, text);
    assert_non_null(strstr(text, " 1 failed,"));
    remove_copy(spoil[i].file);
    free(data);
  }
}

static void cut_file_fails(void **state) {
  (void)state;
  char text[65536];
  void *data;
  size_t n;
  read_reference("optimisers.safetensors", &data, &n);
  for (size_t part = 1; part < 4; part++) {
    write_copy("optimisers.safetensors", data, part == 1 ? 5 : n * part / 4);
    assert_int_equal(run(text, sizeof text), 1);
    assert_non_null(strstr(text, "failed optimisers: "));
  }
  remove_copy("optimisers.safetensors");
  free(data);
}

static void unknown_names_are_skipped(void **state) {
  (void)state;
  char text[65536], path[512];
  static const float x[4] = {1, 1, 1, 1};
  static const double d[4] = {0, 1, 1, 0};
  const lp_tensor_view t[] = {
      {"prior/line_2/telepathy/none", LP_DESC(LP_F64, 2, 2), d},
      {"prior/moebius_2/linear/none", LP_DESC(LP_F64, 2, 2), d},
      {"distance/line_2/l2", LP_DESC(LP_F64, 2, 2), d},
      {"prior/line_2/linear", LP_DESC(LP_F64, 2, 2), d},
      {"swish/in0", lp_f32(4), x},
      {"swish/out", lp_f32(4), x},
      {"relu/in0", lp_f32(4), x},
      {"relu/out", lp_f32(4), x},
      {"relu/colour", lp_f32(4), x},
      {"stray", lp_f32(4), x},
      {"p0", lp_f32(4), x},
      {"grads", lp_f32(1, 4), x},
      {"lion_m0.9", lp_f32(1, 4), x},
      {"sgd_m0.5_wd0.3", lp_f32(1, 4), x},
  };
  path_in(path, sizeof path, folder, "mixed.safetensors");
  assert_int_equal(lp_safetensors_write(path, t, sizeof t / sizeof *t, NULL, NULL, 0), LP_OK);
  assert_int_equal(run(text, sizeof text), 0);
  static const char *const line[] = {
      "skipped mixed/prior/line_2/telepathy/none (no cost telepathy in this build)",
      "skipped mixed/prior/moebius_2/linear/none (no topology moebius in this build)",
      "passed mixed/distance/line_2/l2",
      "skipped mixed/prior/line_2/linear (the key matches no scheme)",
      "skipped mixed/swish (no op",
      "passed mixed/relu",
      "skipped mixed/relu/colour (the key matches no scheme)",
      "skipped mixed/stray (",
      "skipped mixed/lion_m0.9 (no optimiser",
      "skipped mixed/sgd_m0.5_wd0.3 (the scheme gives no learning rate",
      "2 passed, 0 failed, 8 skipped",
  };
  for (size_t i = 0; i < sizeof line / sizeof *line; i++)
    if (!strstr(text, line[i])) fail_msg("no \"%s\" in: %s", line[i], text);
  assert_int_equal(unlink(path), 0);
}

static void lenet_of_unknown_cost_is_skipped(void **state) {
  (void)state;
  char text[65536];
  void *data;
  size_t n;
  read_reference("lenet_lp_linear.safetensors", &data, &n);
  write_copy("lenet_lp_telepathy.safetensors", data, n);
  assert_int_equal(run(text, sizeof text), 0);
  assert_non_null(strstr(text, "skipped lenet_lp_telepathy (no cost telepathy in this build)"));
  assert_non_null(strstr(text, "0 passed, 0 failed, 1 skipped"));
  remove_copy("lenet_lp_telepathy.safetensors");
  free(data);
}

static void nothing_to_check(void **state) {
  (void)state;
  char text[4096];
  assert_int_equal(run(text, sizeof text), 2);
}

int main(int argc, char **argv) {
  if (argc != 3 || !mkdtemp(folder)) return 2;
  runner = argv[1];
  reference = argv[2];
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_to_check),
      cmocka_unit_test(right_files_pass),
      cmocka_unit_test(spoilt_tensor_fails),
      cmocka_unit_test(cut_file_fails),
      cmocka_unit_test(unknown_names_are_skipped),
      cmocka_unit_test(lenet_of_unknown_cost_is_skipped),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  rmdir(folder);
  return failed;
}
