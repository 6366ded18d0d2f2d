/* Where the time of a training step goes: a table, and a trace for chrome://tracing or Perfetto. */
#include "cli.h"

#include "../io/json.h"

#include <locality/backend.h>
#include <locality/io.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILE_STEPS = 200 };

void cli_count(lp_trainer *t, lp_device_counters *out) {
  memset(out, 0, sizeof *out);
  out->struct_size = sizeof *out;
  lp_device *dev = lp_session_handle(lp_trainer_session(t));
  if (lp_device_table(dev)->counters) lp_device_table(dev)->counters(dev, out);
}

static bool enough(void *user, const lp_progress *p) {
  (void)user;
  return p->step < PROFILE_STEPS && p->seconds < 30;
}

static void print_rows(const lp_profile_row *row, uint32_t n, double total) {
  printf("\n%-52s %10s %6s %8s %8s\n", "step", "us", "%", "GFLOP/s", "GB/s");
  for (uint32_t i = 0; i < n; i++)
    printf("%-52.52s %10.1f %6.1f %8.1f %8.1f\n", row[i].label, 1e6 * row[i].seconds,
           100 * row[i].seconds / total, 1e-9 * row[i].flops / row[i].seconds,
           1e-9 * row[i].bytes / row[i].seconds);
  printf("%-52s %10.1f\n", "all steps, timed one by one", 1e6 * total);
}

static void print_counts(const cli_counted *c) {
  printf(
      "an epoch: %.3f s, of which %.3f s (%.1f %%) went into waiting for images and copying them\n",
      c->seconds, c->waited, 100 * c->waited / c->seconds);
  if (c->of_epoch)
    printf("a step inside an epoch took %.1f us of wall time, waiting included\n",
           1e6 * c->seconds / c->of_epoch);
  const lp_device_counters *a = &c->before, *b = &c->after;
  if (!c->steps || b->launches == a->launches) return;
  double steps = c->steps;
  printf(
      "a step inside an epoch: %.2f launches, %.3f blocking calls (%.2f waits with work queued), "
      "%.0f bytes to the device, %.1f bytes back\n",
      (double)(b->launches - a->launches) / steps,
      (double)(b->blocking_calls - a->blocking_calls) / steps,
      (double)(b->waits - a->waits) / steps,
      (double)(b->bytes_to_device - a->bytes_to_device) / steps,
      (double)(b->bytes_from_device - a->bytes_from_device) / steps);
}

/* Trace events of one mean step, one after the other. */
static int write_trace(const char *path, const lp_profile_row *row, uint32_t n) {
  json_t *events = json_array();
  double start = 0;
  for (uint32_t i = 0; i < n; i++) {
    double us = 1e6 * row[i].seconds;
    json_array_append_new(
        events, json_pack("{s:s, s:s, s:f, s:f, s:i, s:i, s:{s:f, s:f, s:i}}", "name", row[i].label,
                          "ph", "X", "ts", start, "dur", us, "pid", 1, "tid", 1, "args", "flops",
                          row[i].flops, "bytes", row[i].bytes, "launches", (int)row[i].launches));
    start += us;
  }
  json_t *root = json_pack("{s:o, s:s}", "traceEvents", events, "displayTimeUnit", "ms");
  char *text = root ? lp_json_text(root, JSON_INDENT(1)) : NULL;
  json_decref(root);
  if (!text) return cli_fail_with("%s: out of memory", path);
  lp_status status = lp_write_file(path, text, strlen(text));
  free(text);
  return status == LP_OK ? CLI_OK : cli_fail();
}

int cli_profile(lp_trainer *t, const cli_counted *counted, const char *path) {
  lp_epoch_result unused;
  lp_trainer_set_profile(t, true);
  lp_status status = lp_train_epoch(t, enough, NULL, &unused);
  if (status != LP_OK && status != LP_ERR_INTERRUPTED) return cli_fail();
  uint32_t n = 0;
  if (lp_trainer_profile(t, NULL, 0, &n) != LP_OK) return cli_fail();
  lp_profile_row *row = calloc(n + 1, sizeof *row);
  if (!row || lp_trainer_profile(t, row, n, &n) != LP_OK) {
    free(row);
    return cli_fail();
  }
  double total = 0;
  for (uint32_t i = 0; i < n; i++) total += isfinite(row[i].seconds) ? row[i].seconds : 0;
  print_rows(row, n, total);
  print_counts(counted);
  int code = write_trace(path, row, n);
  if (code == CLI_OK) printf("%s\n", path);
  free(row);
  return code;
}
