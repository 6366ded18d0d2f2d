/* A program that uses the library and has set a locale of its own: host FOLDER LOCALE DEVICE runs a
 * small experiment in FOLDER and reads its model back. Data are made in FOLDER/data when missing.
 */
#include <langinfo.h>
#include <locale.h>
#include <locality/analysis.h>
#include <locality/experiment.h>
#include <locality/registry.h>
#include <locality/report.h>
#include <locality/rng.h>
#include <locality/run.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(const char *what) {
  fprintf(stderr, "host: %s: %s\n", what, lp_error_message());
  exit(1);
}

static void set(lp_settings *s, const char *name, const char *value) {
  if (lp_settings_give(s, name, value) != LP_OK) stop(name);
}

static void write_split(const char *folder, const char *prefix, uint32_t n) {
  char path[300];
  uint8_t *images = calloc(16 + (size_t)n * 784, 1), *labels = calloc(8 + (size_t)n, 1);
  const uint8_t image_head[] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)n, 0, 0, 0, 28, 0, 0, 0, 28};
  const uint8_t label_head[] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)n};
  memcpy(images, image_head, 16);
  memcpy(labels, label_head, 8);
  lp_rng r = lp_rng_make(7, prefix);
  for (size_t i = 0; i < (size_t)n * 784; i++) images[16 + i] = (uint8_t)lp_rng_below(&r, 256);
  for (uint32_t i = 0; i < n; i++) labels[8 + i] = (uint8_t)(i % 10);
  snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, prefix);
  if (lp_write_file(path, images, 16 + (size_t)n * 784) != LP_OK) stop(path);
  snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, prefix);
  if (lp_write_file(path, labels, 8 + n) != LP_OK) stop(path);
  free(images);
  free(labels);
}

/* What a reader of text finds must be what was written, in this locale as in any. */
static void check_texts(void) {
  lp_spec spec;
  if (lp_spec_parse(LP_KIND_COST, "power:p=1.5", &spec) != LP_OK) stop("power:p=1.5");
  if (strcmp(spec.text, "power:s=1,p=1.5,cut=0") != 0) stop(spec.text);
  lp_spec_free(&spec);
  if (lp_spec_parse(LP_KIND_COST, "power:p=1,5", &spec) == LP_OK) stop("power:p=1,5 was taken");
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  if (*argv[2] && (!setlocale(LC_ALL, argv[2]) || strcmp(nl_langinfo(RADIXCHAR), ",") != 0)) {
    fprintf(stderr, "host: no locale %s\n", argv[2]);
    return 77;
  }
  char data[300], dir[300], path[400], spec[320];
  snprintf(data, sizeof data, "%s/data", argv[1]);
  snprintf(dir, sizeof dir, "%s/run", argv[1]);
  snprintf(spec, sizeof spec, "idx:%s", data);
  if (lp_make_dirs(data) != LP_OK) stop(data);
  write_split(data, "train", 100);
  write_split(data, "t10k", 40);

  lp_settings *s = NULL;
  lp_experiment *x;
  lp_experiment_outcome outcome;
  if (lp_registry_load() != LP_OK || lp_settings_new(&s) != LP_OK) stop("start");
  check_texts();
  snprintf(path, sizeof path, "%s/x.yaml", argv[1]);
  const char *yaml = "lr: 0.0125\nmomentum: 0.25\ndropout: 0.375\n";
  if (lp_write_file(path, yaml, strlen(yaml)) != LP_OK || lp_settings_load(s, path) != LP_OK)
    stop(path);
  set(s, "data", spec);
  set(s, "backend", argv[3]);
  set(s, "arms", "control,steep=(locality:cost=(power:p=2.5))");
  set(s, "jobs", "2");
  set(s, "epochs", "1");
  set(s, "batch", "20");
  if (lp_experiment_new(s, "x.yaml", &x) != LP_OK) stop("new");
  if (lp_experiment_run(x, dir, NULL, 0, NULL, NULL, &outcome) != LP_OK) stop("run");
  if (outcome.complete != 2 * lp_experiment_get_info(x)->n_seeds) stop("networks");
  lp_experiment_free(x);
  lp_settings_free(s);

  /* Read again: a folder that goes on, and a model. */
  if (lp_experiment_resume(dir, NULL, NULL, NULL, &x) != LP_OK) stop("resume");
  if (lp_experiment_run(x, NULL, NULL, 0, NULL, NULL, &outcome) != LP_OK) stop("run on");
  if (lp_setting_real(lp_experiment_get_info(x)->settings, "lr") != 0.0125) stop("another rate");
  lp_experiment_free(x);
  if (lp_analyze_run(dir) != LP_OK || lp_report_write(dir) != LP_OK) stop("report");
  lp_model *m;
  snprintf(path, sizeof path, "%s/models/steep-seed1.safetensors", dir);
  if (lp_model_load(path, &m) != LP_OK) stop(path);
  if (lp_model_spec(m)->pixels.scale != 1.0f / 255.0f) stop("another scale of pixels");
  lp_model_free(m);

  /* And the caller's locale is as it was. */
  char text[16];
  snprintf(text, sizeof text, "%.1f", 0.5);
  if (strcmp(text, *argv[2] ? "0,5" : "0.5") != 0) return fprintf(stderr, "host: locale\n"), 1;
  lp_registry_shutdown();
  return 0;
}
