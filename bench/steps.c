/* steps: where the time of a training step goes, step by step of its plan, beside what the device's
 * limits allow and, where there is one, a prediction (gpu_model.py). */
#include "bench.h"

#include <locality/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that the limits allow at best (the roofline); NaN where they are not known. */
static double least_seconds(const lp_profile_row *row, const bench_limits *l) {
  return 1e-9 * fmax(row->flops / l->gflops, row->bytes / l->gbps);
}

/* Predicted milliseconds of the network's steps, in their order; NULL without a file, or where it
 * has none of this network, or of another plan. */
static const json_t *predicted(const json_t *file, const char *network, uint32_t n) {
  const json_t *ms = json_object_get(json_object_get(file, "steps"), network);
  if (!ms) return NULL;
  if (json_array_size(ms) == n) return ms;
  fprintf(stderr, "lp-bench: predicted: %s has %zu steps there, %u here: not shown\n", network,
          json_array_size(ms), n);
  return NULL;
}

static void print_number(const char *format, double x, int width) {
  if (isfinite(x))
    printf(format, x);
  else
    printf("%*s ", width, "-");
}

static json_t *show_step(const lp_profile_row *row, const bench_limits *l, double expected) {
  const double least = least_seconds(row, l);
  printf("%-44.44s %10.1f ", row->label, 1e6 * row->seconds);
  print_number("%9.1f ", 1e-9 * row->flops / row->seconds, 9);
  print_number("%8.2f ", 1e-9 * row->bytes / row->seconds, 8);
  print_number("%10.1f ", 1e6 * least, 10);
  print_number("%5.0f%% ", 100 * least / row->seconds, 6);
  print_number("%10.1f ", 1e6 * expected, 10);
  print_number("%8.2f", row->seconds / expected, 8);
  printf("\n");
  return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "step", row->label, "launches",
                   (int)row->launches, "seconds", bench_real(row->seconds), "flops",
                   bench_real(row->flops), "bytes", bench_real(row->bytes), "least_seconds",
                   bench_real(least), "predicted_seconds", bench_real(expected));
}

/* One network on one device; false when it cannot be run. */
static bool show(const bench_options *o, const bench_network *net, const char *backend,
                 const json_t *prediction, json_t *all) {
  lp_profile_row row[BENCH_MAX_STEPS];
  uint32_t n = 0;
  double whole = NAN, sum = 0, least = 0, expected = 0;
  char name[160], device[128];
  snprintf(name, sizeof name, "%s %s %u", net->model, net->layer, net->batch);
  if (!bench_profile_network(net, backend, o->quick ? 3 : 15, row, &n, &whole, device)) {
    fprintf(stderr, "lp-bench: %s on %s: %s\n", name, backend, lp_error_message());
    return false;
  }
  const bench_limits *l = bench_limits_of(backend, o->quick);
  const json_t *ms = predicted(prediction, name, n);
  json_t *steps = json_array();
  printf("\n%s on %s: %s\nat most %.4g GFLOP/s (%s), %.4g GB/s\n", name, backend, device, l->gflops,
         l->gflops_of, l->gbps);
  printf("%-44s %10s %9s %8s %10s %6s %10s %8s\n", "step", "us", "GFLOP/s", "GB/s", "at best us",
         "share", "predicted", "times");
  for (uint32_t i = 0; i < n; i++) {
    const json_t *value = ms ? json_array_get(ms, i) : NULL;
    const double seconds = json_is_number(value) ? 1e-3 * json_number_value(value) : NAN;
    json_array_append_new(steps, show_step(&row[i], l, seconds));
    sum += row[i].seconds;
    least += least_seconds(&row[i], l);
    expected += seconds;
  }
  printf("all steps, timed one by one: %.3f ms; at best %.3f ms", 1e3 * sum, 1e3 * least);
  if (isfinite(expected)) printf("; predicted %.3f ms", 1e3 * expected);
  printf("; a step as training runs it: %.3f ms\n", 1e3 * whole);
  fflush(stdout);
  json_array_append_new(
      all,
      json_pack("{s:s, s:s, s:s, s:{s:o, s:s, s:o, s:o}, s:o, s:o, s:o, s:o}", "network", name,
                "backend", backend, "device", device, "limits", "gflops", bench_real(l->gflops),
                "gflops_of", l->gflops_of, "gbps", bench_real(l->gbps), "launch_seconds",
                bench_real(l->launch_seconds), "seconds", bench_real(whole), "least_seconds",
                bench_real(least), "predicted_seconds", bench_real(expected), "steps", steps));
  return true;
}

static bool write_steps(const bench_options *o, json_t *environment, json_t *all) {
  json_t *root =
      json_pack("{s:i, s:o, s:o}", "schema", 1, "environment", environment, "networks", all);
  char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
  lp_status s = text ? lp_write_file(o->json, text, strlen(text))
                     : lp_fail(LP_ERR_MEMORY, "steps: out of memory");
  free(text);
  json_decref(root);
  if (s != LP_OK) fprintf(stderr, "lp-bench: %s\n", lp_error_message());
  return s == LP_OK;
}

int bench_steps(const bench_options *o, char **model, int n) {
  static char *usual[] = {"lenet"};
  uint32_t batch = 0;
  json_error_t error;
  if (n == 0) model = usual, n = 1;
  for (int i = 0; i < n; i++)
    if (!bench_has_model(model[i], &batch)) {
      fprintf(stderr, "lp-bench: steps: there is no network %s\n", model[i]);
      return 2;
    }
  json_t *prediction = o->predicted ? json_load_file(o->predicted, 0, &error) : NULL;
  if (o->predicted && !prediction) {
    fprintf(stderr, "lp-bench: --predicted %s: %s\n", o->predicted, error.text);
    return 2;
  }
  json_t *all = json_array();
  bool ok = true;
  for (int i = 0; i < n; i++) {
    bench_network net = {.model = model[i], .layer = o->layer ? o->layer : "locality:cost=linear"};
    bench_has_model(model[i], &net.batch);
    if (o->batch) net.batch = o->batch;
    for (uint32_t b = 0; b < o->n_backends && !bench_stop; b++)
      ok = show(o, &net, o->backend[b], prediction, all) && ok;
  }
  const bench_results none = {.interrupted = bench_stop != 0};
  if (o->json)
    ok = write_steps(o, bench_environment(&none), all) && ok;
  else
    json_decref(all);
  json_decref(prediction);
  return ok ? 0 : 1;
}
