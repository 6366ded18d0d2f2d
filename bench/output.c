/* Results as aligned text, JSON, CSV and Markdown. */
#include "bench.h"

#include "commit.h"

#include "../core/base/text.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* ---- text ------------------------------------------------------------------------------------ */

static const char *text_of_seconds(double s, char out[24]) {
  if (!(s >= 0))
    snprintf(out, 24, "-");
  else if (s < 1e-3)
    snprintf(out, 24, "%.2f us", s * 1e6);
  else if (s < 1)
    snprintf(out, 24, "%.3f ms", s * 1e3);
  else
    snprintf(out, 24, "%.3f s", s);
  return out;
}

static const char *text_of_number(double x, const char *fmt, char out[24]) {
  if (isfinite(x) && x > 0)
    snprintf(out, 24, fmt, x);
  else
    snprintf(out, 24, "-");
  return out;
}

void bench_print_head(void) {
  printf("%-36s %-18s %12s %7s %12s %8s %9s %8s %6s %9s\n", "case", "backend", "median", "+-",
         "device", "launches", "GFLOP/s", "GB/s", "limit", "memory");
}

void bench_print_row(const bench_row *row) {
  char t[24], d[24], n[24], f[24], b[24], l[24], m[24];
  if (row->state == ROW_WRONG) {
    printf("%-36s %-18s WRONG: %s\n", row->name, row->backend, row->note);
  } else if (row->state == ROW_UNAVAILABLE) {
    printf("%-36s %-18s unavailable: %s\n", row->name, row->backend, row->note);
  } else if (row->samples.n == 0) {
    printf("%-36s %-18s not measured\n", row->name, row->backend);
  } else {
    const bench_summary *s = &row->seconds;
    printf("%-36s %-18s %12s %6.1f%% %12s %8s %9s %8s %6s %9s\n", row->name, row->backend,
           text_of_seconds(s->median, t), 50 * (s->high - s->low) / s->median,
           text_of_seconds(row->device_seconds, d), text_of_number(row->launches, "%.0f", n),
           text_of_number(row->gflops, "%.1f", f), text_of_number(row->gbps, "%.2f", b),
           text_of_number(100 * row->fraction, "%.0f%%", l),
           text_of_number((double)row->memory * 1e-6, "%.1f MB", m));
  }
  fflush(stdout);
}

void bench_print_ratio(const bench_ratio_row *q) {
  printf("%-36s   %s / %s: %.3f [%.3f, %.3f]\n", "", q->a, q->b, q->ratio.median, q->ratio.low,
         q->ratio.high);
  fflush(stdout);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void cpu_name(char out[128]) {
  snprintf(out, 128, "unknown");
  FILE *f = fopen("/proc/cpuinfo", "r");
  char line[256];
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "model name : %127[^\n]", out) == 1) break;
  if (f) fclose(f);
}

json_t *bench_environment(const bench_results *r) {
  char cpu[128], date[32];
  struct utsname host;
  time_t now = time(NULL);
  struct tm utc;
  cpu_name(cpu);
  if (uname(&host) != 0) memset(&host, 0, sizeof host);
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  json_t *devices = json_array();
  lp_device_info info[32];
  uint32_t n = 0;
  if (lp_devices(info, 32, &n) == LP_OK)
    for (uint32_t i = 0; i < n && i < 32; i++)
      json_array_append_new(devices, json_pack("{s:s, s:s, s:s, s:i}", "id", info[i].id, "name",
                                               info[i].name, "driver", info[i].driver, "units",
                                               (int)info[i].units));
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:b}", "cpu", cpu, "system",
                   host.release, "compiler", __VERSION__, "flags", LP_BENCH_FLAGS, "commit",
                   LP_BENCH_COMMIT, "date", date, "devices", devices, "clock_seconds",
                   bench_real(bench_resolution()), "noisy", (int)r->noisy, "busy", (int)r->busy,
                   "incomplete", (int)r->interrupted);
}

static json_t *summary(const bench_summary *s) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i}", "median", bench_real(s->median), "q1",
                   bench_real(s->q1), "q3", bench_real(s->q3), "low", bench_real(s->low), "high",
                   bench_real(s->high), "n", (int)s->n);
}

static json_t *result(const bench_row *row) {
  static const char *const state[] = {"ok", "WRONG", "unavailable"};
  json_t *o =
      json_pack("{s:s, s:s, s:s}", "case", row->name, "backend", row->backend, "status",
                row->state == ROW_OK && !row->samples.n ? "not measured" : state[row->state]);
  if (row->note[0]) json_object_set_new(o, "note", json_string(row->note));
  if (row->kernels[0]) json_object_set_new(o, "kernels", json_string(row->kernels));
  if (row->held[0]) json_object_set_new(o, "warning", json_string(row->held));
  json_object_set_new(o, "gflops", bench_real(row->gflops));
  json_object_set_new(o, "gbps", bench_real(row->gbps));
  if (row->state != ROW_OK || !row->samples.n) return o;
  const bench_limits *l = &row->limits;
  json_t *seconds = summary(&row->seconds), *passes = json_array();
  for (uint32_t k = 0; k <= row->samples.passes; k++)
    json_array_append_new(passes, bench_real(bench_pass_median(&row->samples, k)));
  json_object_set_new(seconds, "passes", passes);
  json_object_set_new(o, "seconds", seconds);
  json_object_set_new(o, "others", bench_real(row->others));
  json_object_set_new(o, "device_seconds", bench_real(row->device_seconds));
  if (row->launches) json_object_set_new(o, "launches", json_integer(row->launches));
  json_object_set_new(o, "fraction_of_limit", bench_real(row->fraction));
  json_object_set_new(o, "intensity", bench_real(row->flops / row->bytes));
  json_object_set_new(o, "limit_gflops", bench_real(l->gflops));
  json_object_set_new(o, "limit_gflops_of", json_string(l->gflops_of));
  json_object_set_new(o, "limit_gbps", bench_real(l->gbps));
  json_object_set_new(o, "bytes", json_integer((json_int_t)row->memory));
  if (row->items > 0)
    json_object_set_new(o, "items_per_second", bench_real(row->items / row->seconds.median));
  return o;
}

static bool write_json(const bench_options *o, const bench_results *r) {
  json_t *results = json_array(), *ratios = json_array();
  for (uint32_t i = 0; i < r->n; i++) json_array_append_new(results, result(&r->row[i]));
  for (uint32_t i = 0; i < r->n_ratios; i++) {
    const bench_ratio_row *q = &r->ratio[i];
    json_array_append_new(ratios,
                          json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "case", q->name, "a", q->a,
                                    "b", q->b, "ratio", bench_real(q->ratio.median), "low",
                                    bench_real(q->ratio.low), "high", bench_real(q->ratio.high)));
  }
  json_t *all = json_pack("{s:i, s:o, s:o, s:o}", "schema", 1, "environment", bench_environment(r),
                          "results", results, "ratios", ratios);
  char *text = json_dumps(all, JSON_INDENT(1));
  lp_status s = text ? lp_write_file(o->json, text, strlen(text))
                     : lp_fail(LP_ERR_MEMORY, "results: out of memory");
  free(text);
  json_decref(all);
  return s == LP_OK;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Rounded for a reader, or as it reads back. */
static void number(FILE *f, const char *bar, const char *format, double x, bool rounded) {
  fputs(bar, f);
  if (rounded)
    fprintf(f, format, x);
  else
    fputs(lp_exact(x).text, f);
}

/* One table for both forms: a separator, and what stands before and after a line. */
static bool write_table(const char *path, const bench_results *r, bool markdown) {
  static const char *const head[] = {"case", "backend", "status", "median s", "q1 s",  "q3 s",
                                     "n",    "GFLOP/s", "GB/s",   "limit",    "bytes", "launches"};
  enum { COLUMNS = sizeof head / sizeof *head };
  const char *edge = markdown ? "|" : "", *bar = markdown ? " | " : ",";
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return lp_fail(LP_ERR_MEMORY, "table: out of memory"), false;
  for (int i = 0; i < COLUMNS; i++) fprintf(f, "%s%s", i ? bar : edge, head[i]);
  fprintf(f, "%s\n", edge);
  for (int i = 0; markdown && i <= COLUMNS; i++) fputs(i == COLUMNS ? "|\n" : "|---", f);
  for (uint32_t i = 0; i < r->n; i++) {
    const bench_row *w = &r->row[i];
    const bench_summary *s = &w->seconds;
    bool ok = w->state == ROW_OK && w->samples.n;
    fprintf(f, "%s%s%s%s%s%s", edge, w->name, bar, w->backend, bar,
            ok                      ? "ok"
            : w->state == ROW_WRONG ? "WRONG"
                                    : "unavailable");
    if (ok) {
      number(f, bar, "%.6g", s->median, markdown);
      number(f, bar, "%.6g", s->q1, markdown);
      number(f, bar, "%.6g", s->q3, markdown);
      fprintf(f, "%s%u", bar, s->n);
      number(f, bar, "%.4g", w->gflops, markdown);
      number(f, bar, "%.4g", w->gbps, markdown);
      number(f, bar, "%.3f", w->fraction, markdown);
      fprintf(f, "%s%llu%s%u", bar, (unsigned long long)w->memory, bar, w->launches);
    } else {
      for (int k = 3; k < COLUMNS; k++) fputs(bar, f);
    }
    fprintf(f, "%s\n", edge);
  }
  fclose(f);
  lp_status st = lp_write_file(path, text, n);
  free(text);
  return st == LP_OK;
}

/* What each peer ran, once. */
static void print_peers(const bench_results *r) {
  for (uint32_t i = 0; i < r->n; i++) {
    const bench_row *row = &r->row[i];
    bool said = !row->kernels[0];
    for (uint32_t k = 0; k < i && !said; k++)
      said = strcmp(r->row[k].backend, row->backend) == 0 &&
             strcmp(r->row[k].kernels, row->kernels) == 0;
    if (said) continue;
    printf("%s runs %s\n", row->backend, row->kernels);
    if (row->held[0]) printf("warning: %s: %s; ratios to it flatter\n", row->backend, row->held);
  }
}

bool bench_check_outputs(const bench_options *o) {
  const char *path[] = {o->json, o->csv, o->markdown, o->out};
  for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
    if (!path[i] || lp_check_writable(path[i]) == LP_OK) continue;
    fprintf(stderr, "lp-bench: %s\n", lp_error_message());
    return false;
  }
  return true;
}

bool bench_write(const bench_options *o, const bench_results *r) {
  print_peers(r);
  if (r->noisy)
    printf("warning: samples of one case spread by more than 15 %%: the machine is noisy or "
           "throttled; trust ratios, and repeat\n");
  if (r->busy)
    printf(
        "warning: other processes had more than %.0f %% of the machine meanwhile; `compare` draws "
        "no conclusion from such rows\n",
        100 * bench_busy_share);
  if (bench_resolution() > 1e-6) printf("warning: the clock is coarse\n");
  if (r->interrupted) printf("incomplete: interrupted; what was measured so far is kept\n");
  bool ok = true;
  if (o->json) ok = write_json(o, r) && ok;
  if (o->csv) ok = write_table(o->csv, r, false) && ok;
  if (o->markdown) ok = write_table(o->markdown, r, true) && ok;
  if (!ok) fprintf(stderr, "lp-bench: %s\n", lp_error_message());
  return ok;
}
