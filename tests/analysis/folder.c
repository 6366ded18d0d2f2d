/* Run folders with made-up networks. */
#include "folder.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

char dir[64];

int make_folder(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/test-analysis-XXXXXX");
  char path[128];
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/activations", dir);
  return lp_make_dirs(path) == LP_OK ? 0 : -1;
}

int remove_folder(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}

void write_text(const char *name, const char *text) {
  char *path = lp_path_join(dir, name);
  assert_ok(lp_write_file(path, text, strlen(text)));
  free(path);
}

const char *more_of_manifest = "";

void write_manifest(const char *preset, const char *seeds, const char *arms) {
  char text[2048];
  snprintf(text, sizeof text,
           "{\"schema\": 1, \"title\": \"A test\", \"preset\": \"%s\",\n \"arms\": [%s],\n"
           " \"reference\": \"control\", \"seeds\": %s, \"epochs\": 2, \"sheet\": [%d, %d],\n"
           " \"classes\": [\"a\", \"b\", \"c\"], \"data\": {\"name\": \"mnist\"}%s}\n",
           preset, arms, seeds, ROWS, COLS, more_of_manifest);
  write_text("manifest.json", text);
}

const char *const two_arms =
    "{\"name\": \"control\", \"layer\": \"plain\"},"
    "{\"name\": \"linear\", \"layer\": \"locality:cost=linear,topology=grid\"}";

double seed_effect;

void fill(const char *arm, int seed, float *lp_in, float *lp_out) {
  lp_rng r = lp_rng_make((uint64_t)seed, arm);
  double shrink = strcmp(arm, "linear") == 0 ? 0.2 : 1;
  shrink *= 1 - seed_effect * (seed - 1);
  for (int i = 0; i < N * UNITS; i++) {
    int column = i % UNITS % COLS;
    double edge = column == 0 || column == COLS - 1 ? shrink : 1;
    lp_in[i] = (float)lp_rng_double(&r);
    lp_out[i] = (float)(edge * fmax(0, lp_rng_double(&r) - 0.3));
    if (i / UNITS == 3) lp_out[i] = 0;
  }
}

void write_activations(const char *arm, int seed, int n_images, int first_label) {
  float lp_in[N * UNITS], lp_out[N * UNITS];
  int32_t labels[N];
  fill(arm, seed, lp_in, lp_out);
  for (int m = 0; m < N; m++) labels[m] = (m + first_label) % CLASSES;
  char name[128];
  snprintf(name, sizeof name, "%s/activations/%s-seed%d.safetensors", dir, arm, seed);
  const lp_tensor_view tensors[] = {{"lp_in", lp_f32(n_images, UNITS), lp_in},
                                    {"lp_out", lp_f32(n_images, UNITS), lp_out},
                                    {"labels", LP_DESC(LP_I32, n_images), labels}};
  assert_ok(lp_safetensors_write(name, tensors, 3, NULL, NULL, 0));
}

double accuracy_of(const char *arm, int seed) {
  return (strcmp(arm, "linear") == 0 ? 97.25 : 98) + 0.125 * (seed * seed % 5);
}

void complete_lines(FILE *f, const char *arm, int seed) {
  fprintf(f,
          "{\"event\": \"train\", \"arm\": \"%s\", \"seed\": %d, \"epoch\": 1, \"step\": 100,"
          " \"loss\": 0.5, \"lr\": 0.01}\n",
          arm, seed);
  for (int e = 1; e <= 2; e++)
    fprintf(f,
            "{\"event\": \"epoch\", \"arm\": \"%s\", \"seed\": %d, \"epoch\": %d, \"steps\": 9,"
            " \"loss\": %.17g, \"accuracy\": %.17g, \"top5\": 100, \"seconds\": %d.5}\n",
            arm, seed, e, 0.5 / e, accuracy_of(arm, seed) - 2 + e, e);
  fprintf(f, "{\"event\": \"end\", \"arm\": \"%s\", \"seed\": %d, \"status\": \"complete\"}\n", arm,
          seed);
}

void write_whole_run(const char *preset) {
  static const char *const arm[] = {"control", "linear"};
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  for (int i = 0; i < 2; i++) {
    for (int seed = 1; seed <= SEEDS; seed++) {
      complete_lines(f, arm[i], seed);
      write_activations(arm[i], seed, N, 0);
    }
  }
  fclose(f);
  write_manifest(preset, "[1, 2, 3]", two_arms);
  write_text("metrics.jsonl", text);
  free(text);
}
