/* plot: a roofline through gnuplot. report: one HTML page over result files, with its own SVG. */
#include "bench.h"

#include <locality/io.h>

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static json_t *load(const char *path) {
  json_error_t e;
  json_t *j = json_load_file(path, 0, &e);
  if (!j) fprintf(stderr, "lp-bench: %s: line %d: %s\n", path, e.line, e.text);
  return j;
}

static double median(const json_t *o) {
  return bench_number(json_object_get(o, "seconds"), "median");
}

/* ---- plot ------------------------------------------------------------------------------------ */

/* gnuplot strings are quoted singly: a quote inside is doubled. */
static void put_quoted(FILE *f, const char *s) {
  fputc('\'', f);
  for (; *s; s++) fprintf(f, *s == '\'' ? "''" : "%c", *s);
  fputc('\'', f);
}

/* Points of one backend, as gnuplot data; returns their number and the backend's limits. */
static int put_points(FILE *f, const json_t *file, const char *backend, double limit[2]) {
  int n = 0;
  size_t i;
  json_t *o;
  json_array_foreach(json_object_get(file, "results"), i, o) {
    double x = bench_number(o, "intensity"), y = bench_number(o, "gflops");
    if (strcmp(bench_text(o, "backend"), backend) != 0 || !(x > 0) || !(y > 0)) continue;
    if (f) fprintf(f, "%.6g %.6g\n", x, y);
    limit[0] = bench_number(o, "limit_gflops");
    limit[1] = bench_number(o, "limit_gbps");
    n++;
  }
  return n;
}

/* Distinct backends of a file. */
static uint32_t backends_of(const json_t *file, const char *name[BENCH_MAX_BACKENDS]) {
  uint32_t n = 0;
  size_t i;
  json_t *o;
  json_array_foreach(json_object_get(file, "results"), i, o) {
    bool known = false;
    for (uint32_t k = 0; k < n; k++) known |= strcmp(name[k], bench_text(o, "backend")) == 0;
    if (!known && n < BENCH_MAX_BACKENDS) name[n++] = bench_text(o, "backend");
  }
  return n;
}

int bench_plot(const bench_options *o, char **file, int n) {
  const char *out = o->out ? o->out : "roofline.svg", *end = strrchr(out, '.');
  json_t *j = load(file[0]);
  if (!j || n != 1) {
    if (j) fprintf(stderr, "lp-bench: plot takes one file\n");
    json_decref(j);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN); /* gnuplot may be missing, or stop at an error */
  FILE *f = popen("command -v gnuplot >/dev/null || exit 127; exec gnuplot 2>&1", "w");
  const char *name[BENCH_MAX_BACKENDS];
  uint32_t backends = backends_of(j, name);
  if (!f) {
    json_decref(j);
    return 1;
  }
  fprintf(f, "set terminal %s size 900,600\nset output ",
          end && strcmp(end, ".png") == 0 ? "pngcairo" : "svg");
  put_quoted(f, out);
  fprintf(f, "\nset logscale xy\nset xlabel 'floating-point operations a byte'\n"
             "set ylabel 'GFLOP/s'\nset key outside right\nset grid\n");
  fprintf(f, "min(a,b) = a < b ? a : b\nplot [0.05:5000] ");
  double limit[BENCH_MAX_BACKENDS][2];
  bool any = false;
  for (uint32_t b = 0; b < backends; b++) {
    if (!put_points(NULL, j, name[b], limit[b])) continue;
    if (any) fputs(", ", f);
    any = true;
    fputs("'-' with points pt 7 ps 0.6 title ", f);
    put_quoted(f, name[b]);
    if (isfinite(limit[b][0]) && isfinite(limit[b][1]))
      fprintf(f, ", min(%g, %g*x) with lines dt 2 notitle", limit[b][0], limit[b][1]);
  }
  fputs("\n", f);
  for (uint32_t b = 0; b < backends; b++)
    if (put_points(f, j, name[b], limit[b])) fputs("e\n", f);
  int status = pclose(f);
  json_decref(j);
  if (!any)
    fprintf(stderr, "lp-bench: %s has no timed result\n", file[0]);
  else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    fprintf(stderr, "lp-bench: plot needs gnuplot, which is not installed; report does not\n");
  else if (status != 0)
    fprintf(stderr, "lp-bench: gnuplot failed\n");
  else
    printf("%s\n", out);
  return any && status == 0 ? 0 : 1;
}

/* ---- report ---------------------------------------------------------------------------------- */

static void put_escaped(FILE *f, const char *s) {
  for (; *s; s++) {
    if (*s == '<')
      fputs("&lt;", f);
    else if (*s == '>')
      fputs("&gt;", f);
    else if (*s == '&')
      fputs("&amp;", f);
    else if (*s == '"')
      fputs("&quot;", f);
    else
      fputc(*s, f);
  }
}

static void put_number(FILE *f, double x, const char *fmt) {
  fputs("<td class=n>", f);
  if (isfinite(x)) fprintf(f, fmt, x);
  fputs("</td>", f);
}

static const char *const colour[] = {"#1f5fa8", "#c4571a", "#3a8f4b", "#8a4fa3", "#777"};
enum { COLOURS = sizeof colour / sizeof *colour };

/* A roofline: both axes logarithmic, points with their case as a tooltip. */
static void put_roofline(FILE *f, const json_t *file) {
  enum { W = 760, H = 380, LEFT = 60, BOTTOM = 40, TOP = 10 };
  const double x0 = -1.3, x1 = 3.7, y0 = -2, y1 = 3.5; /* decades shown */
  const char *name[BENCH_MAX_BACKENDS];
  uint32_t backends = backends_of(file, name);
#define X(v) (LEFT + (fmin(fmax(log10(v), x0), x1) - x0) / (x1 - x0) * (W - LEFT - 10))
#define Y(v) (H - BOTTOM - (fmin(fmax(log10(v), y0), y1) - y0) / (y1 - y0) * (H - BOTTOM - TOP))
  fprintf(f, "<svg viewBox='0 0 %d %d' role=img aria-label=roofline>", W, H);
  for (int d = -1; d <= 3; d++)
    fprintf(f,
            "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' class=grid /><text x='%.1f' y='%d' "
            "text-anchor=middle>%g</text>",
            X(pow(10, d)), X(pow(10, d)), TOP, H - BOTTOM, X(pow(10, d)), H - BOTTOM + 16,
            pow(10, d));
  for (int d = -2; d <= 3; d++)
    fprintf(f,
            "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' class=grid /><text x='%d' y='%.1f' "
            "text-anchor=end>%g</text>",
            LEFT, W - 10, Y(pow(10, d)), Y(pow(10, d)), LEFT - 6, Y(pow(10, d)) + 4, pow(10, d));
  fprintf(f,
          "<text x='%d' y='%d' text-anchor=middle>operations a byte</text><text x='14' y='%d' "
          "transform='rotate(-90 14 %d)' text-anchor=middle>GFLOP/s</text>",
          (W + LEFT) / 2, H - 6, H / 2, H / 2);
  for (uint32_t b = 0; b < backends; b++) {
    const char *c = colour[b % COLOURS];
    double limit[2] = {NAN, NAN};
    if (!put_points(NULL, file, name[b], limit)) continue;
    if (limit[0] > 0 && limit[1] > 0) {
      double ridge = limit[0] / limit[1], left = pow(10, x0), right = pow(10, x1);
      fprintf(f, "<polyline points='%.1f,%.1f %.1f,%.1f %.1f,%.1f' fill=none stroke='%s' />",
              X(left), Y(limit[1] * left), X(ridge), Y(limit[0]), X(right), Y(limit[0]), c);
    }
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(file, "results"), i, o) {
      double x = bench_number(o, "intensity"), y = bench_number(o, "gflops");
      if (strcmp(bench_text(o, "backend"), name[b]) != 0 || !(x > 0) || !(y > 0)) continue;
      fprintf(f, "<circle cx='%.1f' cy='%.1f' r='3.5' fill='%s' fill-opacity='.75'><title>", X(x),
              Y(y), c);
      put_escaped(f, bench_text(o, "case"));
      fprintf(f, ": %.3g GFLOP/s</title></circle>", y);
    }
    fprintf(f, "<text x='%d' y='%u' fill='%s'>", LEFT + 10, TOP + 16 + 16 * b, c);
    put_escaped(f, name[b]);
    fputs("</text>", f);
  }
  fputs("</svg>", f);
#undef X
#undef Y
}

static void put_environment(FILE *f, const json_t *env) {
  static const char *const key[] = {"cpu", "system", "compiler", "flags", "commit", "date"};
  fputs("<table class=env>", f);
  for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
    fprintf(f, "<tr><th>%s</th><td>", key[i]);
    put_escaped(f, bench_text(env, key[i]));
    fputs("</td></tr>", f);
  }
  size_t i;
  json_t *d;
  json_array_foreach(json_object_get(env, "devices"), i, d) {
    fputs("<tr><th>", f);
    put_escaped(f, bench_text(d, "id"));
    fputs("</th><td>", f);
    put_escaped(f, bench_text(d, "name"));
    fputs(" ", f);
    put_escaped(f, bench_text(d, "driver"));
    fputs("</td></tr>", f);
  }
  fputs("</table>", f);
  if (json_is_true(json_object_get(env, "noisy")))
    fputs("<p class=warn>The machine was noisy: trust ratios more than times.</p>", f);
  if (json_is_true(json_object_get(env, "incomplete")))
    fputs("<p class=warn>Interrupted: these results are incomplete.</p>", f);
}

static void put_results(FILE *f, const json_t *file) {
  fputs("<table><tr><th>case<th>backend<th>median ms<th>interval<th>device ms<th>GFLOP/s<th>GB/s"
        "<th>of the limit<th>MB</tr>",
        f);
  size_t i;
  json_t *o;
  json_array_foreach(json_object_get(file, "results"), i, o) {
    const json_t *s = json_object_get(o, "seconds");
    double m = median(o), fraction = bench_number(o, "fraction_of_limit");
    fputs("<tr><td>", f);
    put_escaped(f, bench_text(o, "case"));
    fputs("</td><td>", f);
    put_escaped(f, bench_text(o, "backend"));
    fputs("</td>", f);
    if (!s) {
      fprintf(f, "<td colspan=7 class=%s>",
              strcmp(bench_text(o, "status"), "WRONG") == 0 ? "wrong" : "none");
      put_escaped(f, bench_text(o, "status"));
      fputs(" ", f);
      put_escaped(f, bench_text(o, "note"));
      fputs("</td></tr>\n", f);
      continue;
    }
    put_number(f, m * 1e3, "%.4g");
    fprintf(f, "<td class=n>%.4g to %.4g</td>", bench_number(s, "low") * 1e3,
            bench_number(s, "high") * 1e3);
    put_number(f, bench_number(o, "device_seconds") * 1e3, "%.4g");
    put_number(f, bench_number(o, "gflops"), "%.4g");
    put_number(f, bench_number(o, "gbps"), "%.3g");
    if (isfinite(fraction))
      fprintf(f, "<td><span class=bar style='width:%.0fpx'></span> %.0f %%</td>",
              60 * fmin(fraction, 1.5), 100 * fraction);
    else
      fputs("<td></td>", f);
    put_number(f, bench_number(o, "bytes") * 1e-6, "%.4g");
    fputs("</tr>\n", f);
  }
  fputs("</table>", f);
  json_t *ratios = json_object_get(file, "ratios");
  if (!json_array_size(ratios)) return;
  fputs("<h3>Ratios from the same minutes</h3><table><tr><th>case<th>a<th>b<th>time of a over "
        "b<th>95 % interval</tr>",
        f);
  json_array_foreach(ratios, i, o) {
    static const char *const key[] = {"case", "a", "b"};
    fputs("<tr>", f);
    for (int k = 0; k < 3; k++) {
      fputs("<td>", f);
      put_escaped(f, bench_text(o, key[k]));
      fputs("</td>", f);
    }
    put_number(f, bench_number(o, "ratio"), "%.3f");
    fprintf(f, "<td class=n>%.3f to %.3f</td></tr>\n", bench_number(o, "low"),
            bench_number(o, "high"));
  }
  fputs("</table>", f);
}

static const char style[] =
    "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;"
    "color:#222}table{border-collapse:collapse;margin:1em 0;font-size:13px}th{text-align:left;"
    "border-bottom:2px solid #999;padding:3px 10px 3px 0}td{border-bottom:1px solid #ddd;padding:"
    "2px 10px 2px 0}.n{text-align:right;font-variant-numeric:tabular-nums}.env th{border:0;color:"
    "#666;font-weight:normal}.env td{border:0}.bar{display:inline-block;height:9px;background:"
    "#1f5fa8}.warn{background:#fdf3d7;padding:.5em}.wrong{color:#b00020;font-weight:bold}.none{"
    "color:#777}svg{width:100%;max-width:760px;font-size:11px}.grid{stroke:#e4e4e4}";

int bench_report(const bench_options *o, char **file, int n) {
  const char *out = o->out ? o->out : "bench.html";
  char *page = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&page, &size);
  if (!f) return 1;
  fprintf(
      f,
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content='width=device-width'><title>lp-bench</title><style>%s</style><h1>lp-bench</h1>"
      "<p>Median of each case with its 95 %% bootstrap interval; every timed case was checked "
      "against the reference first. Lines in the pictures are the device's measured limits.</p>",
      style);
  int status = 0;
  for (int i = 0; i < n; i++) {
    json_t *j = load(file[i]);
    if (!j) {
      status = 1;
      continue;
    }
    fputs("<h2>", f);
    put_escaped(f, file[i]);
    fputs("</h2>", f);
    put_environment(f, json_object_get(j, "environment"));
    put_roofline(f, j);
    put_results(f, j);
    json_decref(j);
  }
  fputs("</html>\n", f);
  fclose(f);
  if (lp_write_file(out, page, size) != LP_OK) {
    fprintf(stderr, "lp-bench: %s\n", lp_error_message());
    status = 1;
  } else {
    printf("%s\n", out);
  }
  free(page);
  return status;
}
