/* strip.c: data of the strip plot: the spatial variance of every network. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where an arm stands: a row each, from 1 downwards. */
static double place(uint32_t arm) {
  return arm + 1;
}

static void strip_line(FILE *f, const report_run *run, int site, uint32_t arm, const char *what,
                       double row, double variance, double extra) {
  fprintf(f, "%s,%u,", report_site_name[site], arm + 1);
  csv_text(f, arm < run->n_arms ? run->arms[arm].name : "");
  fprintf(f, ",%s,%.4g,", what, row);
  csv_num(f, variance);
  fputc(',', f);
  csv_num(f, extra);
  fputc('\n', f);
}

/* Variances of the networks of an arm at a site; returns how many there are. */
static uint32_t values(const report_run *run, int site, uint32_t arm, double *v, uint64_t *seed) {
  const json_t *a = jobj(jobj(run->summary, "arms"), run->arms[arm].name);
  uint32_t n = 0;
  size_t i;
  json_t *r;
  json_array_foreach(jobj(a, "runs"), i, r) {
    double x = jnum(jobj(jobj(r, "sites"), report_site_name[site]), "variance");
    if (isnan(x) || n == run->n_seeds) continue;
    seed[n] = (uint64_t)jnum(r, "seed");
    v[n++] = x;
  }
  return n;
}

static uint32_t strip_networks(const report_run *run, figure_out *out, double *v, uint64_t *seed) {
  uint32_t total = 0;
  for (int s = 0; s < REPORT_SITES; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      uint32_t n = values(run, s, a, v, seed);
      for (uint32_t i = 0; i < n; i++) {
        double spread = n > 1 ? 0.36 * ((double)i / (n - 1) - 0.5) : 0;
        strip_line(out->csv, run, s, a, num((double)seed[i], 0).s, place(a) + spread, v[i], NAN);
      }
      total += n;
    }
  }
  return total;
}

static void strip_means(const report_run *run, figure_out *out, double *v, uint64_t *seed) {
  for (int s = 0; s < REPORT_SITES; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      uint32_t n = values(run, s, a, v, seed);
      double mean = 0, sq = 0;
      for (uint32_t i = 0; i < n; i++) mean += v[i] / n;
      for (uint32_t i = 0; i < n; i++) sq += (v[i] - mean) * (v[i] - mean);
      if (n)
        strip_line(out->csv, run, s, a, "mean", place(a), mean, n > 1 ? sqrt(sq / (n - 1)) : 0);
    }
  }
}

/* Lines across an arm's row: what its networks show untrained. Returns how many. */
static uint32_t strip_nulls(const report_run *run, figure_out *out) {
  const json_t *untrained = jobj(jobj(run->summary, "null"), "untrained");
  uint32_t n = 0;
  for (int s = 0; s < REPORT_SITES; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      double b = jnum(jobj(jobj(untrained, run->arms[a].name), report_site_name[s]), "mean");
      if (isnan(b)) continue;
      strip_line(out->csv, run, s, a, "untrained", place(a), b, 0.42);
      n++;
    }
  }
  if (!n) strip_line(out->csv, run, 0, 0, "untrained", 0, NAN, NAN);
  return n;
}

/* A value stands beside the arm that it was published for. */
static uint32_t strip_published(const report_run *run, figure_out *out) {
  const json_t *known = jobj(jobj(run->summary, "published"), "arms");
  uint32_t n = 0;
  for (int s = 0; s < REPORT_SITES; s++)
    for (uint32_t a = 0; a < run->n_arms; a++) {
      double v = jnum(jobj(jobj(known, run->arms[a].name), "variance"), report_site_name[s]);
      if (isnan(v)) continue;
      strip_line(out->csv, run, s, a, "published", place(a) + 0.3, v, NAN);
      n++;
    }
  if (!n) strip_line(out->csv, run, 0, 0, "published", 0, NAN, NAN);
  return n;
}

lp_status strip_write(const report_run *run, int arg, figure_out *out) {
  (void)arg;
  double *v = malloc(run->n_seeds * sizeof *v);
  uint64_t *seed = malloc(run->n_seeds * sizeof *seed);
  uint32_t total = 0, untrained_lines = 0, published = 0;
  double uniform = jnum(jobj(run->summary, "null"), "uniform");
  if (v && seed) {
    fputs("# site,arm number,arm,seed or kind,row,variance,sd or half width\n", out->csv);
    total = strip_networks(run, out, v, seed);
    fputs("\n\n", out->csv);
    strip_means(run, out, v, seed);
    fputs("\n\n", out->csv);
    untrained_lines = strip_nulls(run, out);
    fputs("\n\n", out->csv);
    published = strip_published(run, out);
  }
  bool memory = v && seed;
  free(v);
  free(seed);
  if (!memory) return lp_fail(LP_ERR_MEMORY, "out of memory");
  if (!total)
    return lp_fail(LP_ERR_NOT_FOUND,
                   run->analysed ? "no network has a variance yet" : "summary.json is missing");
  gp_arms(out->var, run);
  fprintf(out->var, "n_site = %d\n", REPORT_SITES);
  gp_array(out->var, "site", report_site_name, REPORT_SITES, 14);
  fprintf(out->var, "n_untrained = %u\nn_published = %u\n", untrained_lines, published);
  fprintf(out->var, "uniform = %s\n", isnan(uniform) ? "NaN" : num(uniform, 6).s);
  html(out->caption,
       "One point a network (%u in all, each the mean over its test images), in squared unit "
       "spacings. Bars: mean \xc2\xb1 sd over the networks of an arm. ",
       total);
  if (!isnan(uniform)) html(out->caption, "Dashed line: uniform activation. ");
  if (untrained_lines)
    html(out->caption, "Dotted lines: the mean of the same networks before any training. ");
  if (published) html(out->caption, "Open diamonds: the published values.");
  return LP_OK;
}
