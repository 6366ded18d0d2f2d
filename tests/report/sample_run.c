/* sample_run.c: see sample_run.h. */
#include "sample_run.h"

#include <locality/io.h>
#include <locality/rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *layer;
  double accuracy, variance;
} arms[] = {
    {"control", "plain", 98.08, 8.107},
    {"linear", "locality:cost=linear,topology=grid,metric=l2,normalize=none", 98.07, 8.122},
    {"torus", "locality:cost=linear,topology=torus", 97.9, 8.21},
    {"permuted", "locality:cost=(permuted:base=linear)", 98.0, 8.05},
    {"dog", "locality:cost=dog", 97.5, 8.3},
#define EXPONENTIAL(lambda)                                                                        \
  {                                                                                                \
    "exponential-lambda=" lambda "-normalize=fan_in",                                              \
        "locality:cost=(exponential:lambda=" lambda "),normalize=fan_in", 97.6, 8.2                \
  }
    EXPONENTIAL("0.1"),
    EXPONENTIAL("0.2"),
    EXPONENTIAL("0.3"),
    EXPONENTIAL("0.4"),
    EXPONENTIAL("0.5"),
};
enum { DIVERGING = 2 };

static void check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "sample run: %s: %s\n", what, lp_error_message());
  exit(1);
}

static uint32_t arm_count(const sample_run *s) {
  return s->many_arms ? 10 : s->more_arms ? 5 : s->diverging ? 3 : 2;
}

static FILE *create(const char *dir, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "w");
  check(f != NULL, path);
  return f;
}

static double normal(lp_rng *r) {
  double u = lp_rng_double(r), v = lp_rng_double(r);
  return sqrt(-2 * log(u + 1e-300)) * cos(6.283185307179586 * v);
}

static bool ends_early(const sample_run *s, uint32_t arm) {
  return s->diverging && arm == DIVERGING;
}

/* ---- the files ------------------------------------------------------------------------------ */

static void class_name(const sample_run *s, uint32_t c, char out[64]) {
  if (s->class_name)
    snprintf(out, 64, "%.40s%u", s->class_name, c);
  else
    snprintf(out, 64, "%u", c);
}

static void manifest(const char *dir, const sample_run *s) {
  FILE *f = create(dir, "manifest.json");
  fprintf(
      f,
      "{\"schema\": 1, \"program\": \"locality\", \"version\": \"0.1.0\", \"created\": "
      "\"2026-01-01T00:00:00Z\",\n \"command\": [\"locality\", \"experiment\", \"mnist\"], "
      "\"title\": \"%s\", \"preset\": \"mnist\",\n \"options\": {\"seeds\": %u, \"epochs\": %u, "
      "\"lr\": 0.01, \"momentum\": 0.5, \"weight-decay\": 0.01, \"optimiser\": \"sgd\"},\n"
      " \"arms\": [",
      s->title, s->seeds, s->epochs);
  for (uint32_t a = 0; a < arm_count(s); a++)
    fprintf(f, "%s{\"name\": \"%s\", \"layer\": \"%s\"}", a ? ", " : "", arms[a].name,
            arms[a].layer);
  fprintf(f, "],\n \"reference\": \"control\", \"seeds\": [");
  for (uint32_t i = 1; i <= s->seeds; i++) fprintf(f, "%s%u", i > 1 ? ", " : "", i);
  fprintf(f,
          "], \"epochs\": %u, \"batch\": 64, \"model\": \"lenet\", \"sheet\": [%u, %u],\n"
          " \"classes\": [",
          s->epochs, s->rows, s->cols);
  for (uint32_t c = 0; c < s->classes; c++) {
    char name[64];
    class_name(s, c, name);
    fprintf(f, "%s\"%s\"", c ? ", " : "", name);
  }
  fprintf(f, "], \"precision\": \"f32\",\n"
             " \"data\": {\"name\": \"mnist\", \"source\": \"data/mnist\", \"train\": 60000, "
             "\"test\": 10000, \"files\": [{\"file\": \"train-images-idx3-ubyte.gz\", \"sha256\": "
             "\"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609\"}]},\n"
             " \"cpu\": \"Sample CPU\", \"device\": {\"id\": \"cpu\", \"name\": \"Sample CPU, 2 "
             "threads\", \"driver\": \"\"}, \"jobs\": 1,\n"
             " \"modules\": [{\"file\": \"cost-linear.so\", \"name\": \"cost-linear\", "
             "\"version\": \"0.1.0\"}]}\n");
  fclose(f);
}

static void metrics(const char *dir, const sample_run *s) {
  FILE *f = create(dir, "metrics.jsonl");
  lp_rng r = lp_rng_make(1, "sample/metrics");
  for (uint32_t seed = 1; seed <= s->seeds; seed++) {
    for (uint32_t a = 0; a < arm_count(s); a++) {
      bool early = ends_early(s, a), last = a + 1 == arm_count(s) && seed == s->seeds;
      uint32_t epochs = early ? 2 : last && s->unfinished ? s->epochs / 2 : s->epochs;
      for (uint32_t e = 1; e <= epochs; e++) {
        double fade = exp(-0.5 * e), noise = 0.004 * normal(&r);
        double loss = 0.11 + 0.02 * a + 0.5 * fade + noise;
        fprintf(f,
                "{\"event\": \"train\", \"arm\": \"%s\", \"seed\": %u, \"epoch\": %u, \"step\": "
                "%u, \"loss\": 0.5, \"lr\": 0.01}\n",
                arms[a].name, seed, e, 938 * e);
        fprintf(
            f,
            "{\"event\": \"epoch\", \"arm\": \"%s\", \"seed\": %u, \"epoch\": %u, \"steps\": "
            "%u, \"train_loss\": %.17g, \"train_accuracy\": 81.0, \"loss\": %.17g, \"accuracy\": "
            "%.3f, \"top5\": 99.8, \"lr\": 0.01, \"seconds\": %.3f}\n",
            arms[a].name, seed, e, 938 * e, 0.35 + 0.9 * fade + noise, loss,
            arms[a].accuracy - 6 * fade + 10 * noise, 1.2 + 5 * fabs(noise));
      }
      if (early)
        fprintf(f,
                "{\"event\": \"end\", \"arm\": \"%s\", \"seed\": %u, \"status\": \"nonfinite\", "
                "\"epoch\": 3, \"step\": 2203, \"lr\": 0.1, \"message\": \"\"}\n",
                arms[a].name, seed);
      else if (!(last && s->unfinished))
        fprintf(f,
                "{\"event\": \"end\", \"arm\": \"%s\", \"seed\": %u, \"status\": \"complete\"}\n",
                arms[a].name, seed);
    }
  }
  fprintf(f, "{\"event\": \"epoch\", \"arm\": \"contr"); /* a line cut short by a crash */
  fclose(f);
}

static void site_json(FILE *f, const char *name, double variance) {
  fprintf(
      f,
      "\"%s\": {\"variance\": %.4f, \"variance_n\": 998, \"variance_undefined\": 2, "
      "\"moran_i\": 0.11, \"geary_c\": 0.91, \"participation_ratio\": 11.2, "
      "\"centroid_offset\": null, \"chance\": {\"variance\": 8.1667}, \"null\": {\"sd\": 0.47}}",
      name, variance);
}

static void summary_arms(FILE *f, const sample_run *s, lp_rng *r) {
  fprintf(f, "\"arms\": {");
  for (uint32_t a = 0; a < arm_count(s); a++) {
    bool early = ends_early(s, a);
    const char *fmt =
        "%s\n  \"%s\": {\"layer\": \"%s\", \"networks\": {\"planned\": %u, \"ended\": %u, "
        "\"collapsed\": 0, \"nonfinite\": %u, \"failed\": 0, \"lost\": %u, "
        "\"fisher_p\": %s}, \"accuracy\": {\"mean\": %s, \"sd\": %s, "
        "\"n\": %u}, \"top5\": {\"mean\": 87.5, \"sd\": null, \"n\": 1}, \"loss\": "
        "{\"mean\": %s, \"sd\": %s, \"n\": %u},\n   \"runs\": [";
    char mean[32];
    snprintf(mean, sizeof mean, "%.3f", arms[a].accuracy);
    fprintf(f, fmt, a ? "," : "", arms[a].name, arms[a].layer, s->seeds, s->seeds,
            early ? s->seeds : 0, early ? s->seeds : 0, a ? early ? "0.1" : "1" : "null",
            early ? "null" : mean, early ? "null" : "0.11", early ? 0 : s->seeds,
            early ? "null" : "0.1104", early ? "null" : "0.0042", early ? 0 : s->seeds);
    for (uint32_t seed = 1; seed <= s->seeds; seed++) {
      fprintf(f, "%s{\"seed\": %u, \"status\": \"%s\", ", seed > 1 ? ", " : "", seed,
              early ? "nonfinite" : "complete");
      if (early) {
        fprintf(f, "\"accuracy\": null, \"loss\": null, \"seconds_per_epoch\": [], \"sites\": {}}");
        continue;
      }
      fprintf(f, "\"accuracy\": %.2f, \"loss\": 0.11, \"seconds_per_epoch\": [1.2], \"sites\": {",
              arms[a].accuracy);
      double scale = s->rows * s->cols / 49.0;
      site_json(f, "lp_in", scale * (arms[a].variance - 0.1 + 0.15 * normal(r)));
      fprintf(f, ", ");
      site_json(f, "lp_out", scale * (arms[a].variance + 0.15 * normal(r)));
      fprintf(f, "}}");
    }
    fprintf(f, "]}");
  }
  fprintf(f, "},\n");
}

/* What every comparison has, as lp_analyze_run writes it. */
static void inference(FILE *f, const sample_run *s, const char *arm, const char *site,
                      const char *measure, bool primary, const double value[4], double difference) {
  double low = difference - 0.4, high = difference + 0.4;
  fprintf(
      f,
      "{\"arm\": \"%s\", \"reference\": \"control\", \"site\": %s%s%s, \"measure\": \"%s\", "
      "\"primary\": %s, \"text\": \"\", \"analysis\": \"paired\", \"n\": %u, \"reference_n\": %u, "
      "\"mean\": %.4f, \"sd\": %.4f, \"reference_mean\": %.4f, \"reference_sd\": %.4f, "
      "\"difference\": {\"mean\": %.4f, \"low\": %.4f, \"high\": %.4f, \"alpha\": 0.025, "
      "\"error\": 0.08, \"t\": 0.152, \"df\": %u}, \"p\": %s, \"q\": 0.61, \"verdict\": \"%s\", "
      "\"reason\": \"the interval %s 0\", \"margin\": null, \"detectable\": 0.51, "
      "\"n_needed\": 29, \"chance\": {\"value\": 8.1667}",
      arm, site ? "\"" : "", site ? site : "null", site ? "\"" : "", measure,
      primary ? "true" : "false", s->seeds, s->seeds, value[0], value[1], value[2], value[3],
      difference, low, high, s->seeds - 1, low > 0 ? "0.0008" : "0.883",
      low > 0 ? "different" : "inconclusive", low > 0 ? "excludes" : "holds");
}

static void comparison(FILE *f, const sample_run *s, uint32_t a, const char *site, lp_rng *r) {
  const double value[4] = {arms[a].variance, 0.208, 8.107, 0.124};
  inference(f, s, arms[a].name, site, "variance", strcmp(site, "lp_out") == 0, value,
            arms[a].variance - 8.107 + 0.0003); /* more digits than the page shows */
  fprintf(f, ",\n   \"per_image\": [");
  for (uint32_t seed = 1; seed <= s->seeds; seed++)
    fprintf(f,
            "%s{\"seed\": %u, \"n\": 998, \"mean_difference\": %.4f, \"t\": %.3f, \"df\": 997, "
            "\"p\": %.3g}",
            seed > 1 ? ", " : "", seed, seed % 2 ? 0.21 : -0.02, seed % 2 ? 6.49 : -1.9,
            seed % 2 ? 1.35e-10 : 0.0577);
  fprintf(f, "],\n   \"leave_one_class_out\": [");
  for (uint32_t seed = 1; seed <= s->seeds; seed++) {
    for (uint32_t c = 0; c < s->classes; c++) {
      char name[64];
      class_name(s, c, name);
      double t = (seed % 2 ? 5.8 : -1.6) + 0.6 * normal(r);
      fprintf(f, "%s{\"class\": \"%s\", \"seed\": %u, \"t\": %.3f, \"p\": %.4g}",
              seed > 1 || c ? ", " : "", name, seed, t, erfc(fabs(t) / sqrt(2)));
    }
  }
  fprintf(f, "]}");
}

static void summary(const char *dir, const sample_run *s) {
  FILE *f = create(dir, "summary.json");
  lp_rng r = lp_rng_make(2, "sample/summary");
  fprintf(f, "{\"schema\": 1, \"title\": \"%s\", \"reference\": \"control\",\n ", s->title);
  summary_arms(f, s, &r);
  fprintf(f, " \"comparisons\": [");
  bool first = true;
  for (uint32_t a = 1; a < arm_count(s); a++) {
    if (ends_early(s, a)) continue;
    for (int site = 0; site < 2; site++) {
      if (!first) fprintf(f, ",\n  ");
      first = false;
      comparison(f, s, a, site ? "lp_out" : "lp_in", &r);
    }
  }
  const double accuracy[4] = {98.07, 0.11, 98.08, 0.09};
  fprintf(f, ",\n  ");
  inference(f, s, "linear", NULL, "accuracy", true, accuracy, 0.61);
  fprintf(f, "}");
  fprintf(
      f,
      "],\n \"plan\": {\"alpha\": 0.05, \"tests\": 2, \"alpha_each\": 0.025, \"power\": 0.8, "
      "\"site\": \"lp_out\", \"primary\": [\"variance\", \"accuracy\"]},\n"
      " \"control_pairs\": {\"pairs\": 15, \"significant\": {\"lp_in\": 7, \"lp_out\": 6}, "
      "\"alpha\": 0.001},\n"
      " \"null\": {\"uniform\": %.4f, \"uniform_of_arm\": {\"control\": 8.1667}, "
      "\"untrained\": {\"linear\": {\"lp_out\": {\"mean\": %.4f, \"sd\": 0.01, \"n\": 3}}}},\n"
      " \"published\": {\"source\": \"Sax (2017)\", \"arms\": {\"control\": {\"accuracy\": 98.1, "
      "\"loss\": "
      "0.101, \"variance\": {\"lp_out\": %.3f}}, \"linear\": {\"accuracy\": 97.9, \"loss\": 0.122, "
      "\"variance\": {\"lp_out\": %.3f}}}, \"tests\": [{\"arm\": \"linear\", \"reference\": "
      "\"control\", \"site\": \"lp_out\", \"t\": -6.49, \"p\": 1.35e-10}]},\n"
      " \"answer\": [\"Accuracy with the locality prior (98.07 %%) is not distinguishable from "
      "the control (98.08 %%; n = 3, Welch p = .91).\", \"Spatial variance over trained "
      "networks does not differ either: 8.12 \\u00b1 0.21 against 8.11 \\u00b1 0.12 at "
      "lp_out.\", \"The published per-image test also calls 6 of 15 pairs of control networks "
      "different at p < .001, so it cannot carry the claim.\"]}\n",
      (s->rows * s->rows - 1) / 6.0 / (1 - 1.0 / (s->rows * s->cols)),
      7.55 * s->rows * s->cols / 49.0, 8.667 * s->rows * s->cols / 49.0,
      8.458 * s->rows * s->cols / 49.0);
  fclose(f);
}

/* Activity in a blob whose place depends on the class, plus noise, cut at zero. */
static void activations(const char *dir, const sample_run *s) {
  uint32_t units = s->rows * s->cols;
  float *x = malloc((size_t)s->images * units * sizeof *x);
  int32_t *label = malloc(s->images * sizeof *label);
  check(x && label, "memory");
  for (uint32_t a = 0; a < arm_count(s); a++) {
    if (ends_early(s, a)) continue;
    for (uint32_t seed = 1; seed <= (s->images * units > 100000 ? 1 : s->seeds); seed++) {
      lp_rng r = lp_rng_make(seed * 10 + a, "sample/activations");
      for (uint32_t i = 0; i < s->images; i++) {
        label[i] = (int32_t)(i % s->classes);
        double cy = (0.5 + 0.4 * sin(label[i] * 2.1 + a)) * s->rows;
        double cx = (0.5 + 0.4 * cos(label[i] * 1.3)) * s->cols;
        double width = a ? 0.15 * s->cols : 0.3 * s->cols;
        for (uint32_t u = 0; u < units; u++) {
          double dy = u / s->cols - cy, dx = u % s->cols - cx;
          double v = 2 * exp(-(dy * dy + dx * dx) / (2 * width * width)) + lp_rng_double(&r) - 0.3;
          x[(size_t)i * units + u] = v > 0 ? (float)v : 0;
        }
      }
      lp_tensor_view t[3] = {{"lp_in", lp_f32(s->images, units), x},
                             {"lp_out", lp_f32(s->images, units), x},
                             {"labels", LP_DESC(LP_I32, s->images), label}};
      char path[4096];
      snprintf(path, sizeof path, "%s/activations/%s-seed%u.safetensors", dir, arms[a].name, seed);
      check(lp_safetensors_write(path, t, 3, NULL, NULL, 0) == LP_OK, path);
    }
  }
  free(label);
  free(x);
}

void sample_run_make(const char *dir, const sample_run *s) {
  char path[4096];
  snprintf(path, sizeof path, "%s/activations", dir);
  check(lp_make_dirs(s->no_activations ? dir : path) == LP_OK, path);
  manifest(dir, s);
  metrics(dir, s);
  if (!s->no_summary) summary(dir, s);
  if (!s->no_activations) activations(dir, s);
}
