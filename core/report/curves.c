/* curves.c: data of the learning curves and of the strip plot of variances. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- learning curves ------------------------------------------------------------------------ */

typedef struct range {
  double low, high;
} range;

static void widen(range *r, double x) {
  if (!isfinite(x)) return;
  r->low = fmin(r->low, x);
  r->high = fmax(r->high, x);
}

static int by_epoch(const void *a, const void *b) {
  const report_epoch *x = a, *y = b;
  if (x->arm != y->arm) return x->arm < y->arm ? -1 : 1;
  if (x->seed != y->seed) return x->seed < y->seed ? -1 : 1;
  return (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

static void curve_line(FILE *f, const report_run *run, const report_epoch *e, const char *seed) {
  fprintf(f, "%u,", e->arm + 1);
  csv_text(f, run->arms[e->arm].name);
  fprintf(f, ",%s,%u,", seed, e->epoch);
  csv_num(f, e->train_loss);
  fputc(',', f);
  csv_num(f, e->loss);
  fputc(',', f);
  csv_num(f, e->accuracy);
  fputc('\n', f);
}

/* Mean over the seeds that reached an epoch; a value that is not finite in one of them is left
 * out, as the curve of that seed ends there. */
static uint32_t mean_curve(FILE *f, const report_run *run, const report_epoch *e, uint32_t arm,
                           uint32_t last) {
  uint32_t written = 0;
  for (uint32_t epoch = 0; epoch <= last; epoch++) {
    double sum[3] = {0}, n[3] = {0};
    for (uint32_t i = 0; i < run->n_epochs; i++) {
      if (e[i].arm != arm || e[i].epoch != epoch) continue;
      const double v[3] = {e[i].train_loss, e[i].loss, e[i].accuracy};
      for (int k = 0; k < 3; k++)
        if (isfinite(v[k])) sum[k] += v[k], n[k]++;
    }
    if (n[0] + n[1] + n[2] == 0) continue;
    report_epoch m = {.arm = arm,
                      .epoch = epoch,
                      .train_loss = sum[0] / n[0],
                      .loss = sum[1] / n[1],
                      .accuracy = sum[2] / n[2]};
    if (!written++) fputs(ftell(f) > 0 ? "\n\n" : "", f);
    curve_line(f, run, &m, "mean");
  }
  return written;
}

lp_status curves_write(const report_run *run, int arg, figure_out *out) {
  (void)arg;
  if (run->n_epochs == 0) return lp_fail(LP_ERR_NOT_FOUND, "no epoch has finished");
  report_epoch *e = malloc(run->n_epochs * sizeof *e);
  if (!e) return lp_fail(LP_ERR_MEMORY, "out of memory");
  memcpy(e, run->epochs, run->n_epochs * sizeof *e);
  qsort(e, run->n_epochs, sizeof *e, by_epoch);
  fputs("# arm number,arm,seed,epoch,training loss,test loss,test accuracy (percent)\n", out->csv);
  uint32_t n_run = 0, n_mean = 0, last = 0;
  range loss = {INFINITY, -INFINITY};
  for (uint32_t i = 0; i < run->n_epochs; i++) {
    if (i == 0 || e[i].arm != e[i - 1].arm || e[i].seed != e[i - 1].seed) {
      if (n_run++) fputs("\n\n", out->csv);
    }
    curve_line(out->csv, run, &e[i], num((double)run->seeds[e[i].seed], 0).s);
    if (e[i].epoch > last) last = e[i].epoch;
    widen(&loss, e[i].train_loss);
    widen(&loss, e[i].loss);
  }
  for (uint32_t a = 0; a < run->n_arms; a++) n_mean += mean_curve(out->csv, run, e, a, last) > 0;
  free(e);
  gp_arms(out->var, run);
  fprintf(out->var, "n_run = %u  # blocks of single networks\nn_mean = %u # blocks of means\n",
          n_run, n_mean);
  fprintf(out->var, "epochs = %u\nlog_loss = %d # losses span more than two decades\n", last,
          loss.low > 0 && loss.high > 100 * loss.low);
  html(out->caption,
       "Training loss (mean over the steps of an epoch, with dropout), test loss and test accuracy "
       "after each epoch. Thin lines: single networks (%u of them); thick lines with points: mean "
       "over the networks of an arm. A line ends where a network ended.",
       n_run);
  return LP_OK;
}

/* ---- strip plot ----------------------------------------------------------------------------- */

/* Where an arm stands at a site: the sites side by side, a gap between them. */
static double place(const report_run *run, int site, uint32_t arm) {
  return site * (run->n_arms + 0.6) + arm;
}

static void strip_line(FILE *f, const report_run *run, int site, uint32_t arm, const char *what,
                       double x, double y, double extra) {
  fprintf(f, "%s,%u,", report_site_name[site], arm + 1);
  csv_text(f, arm < run->n_arms ? run->arms[arm].name : "");
  fprintf(f, ",%s,%.4g,", what, x);
  csv_num(f, y);
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
        strip_line(out->csv, run, s, a, num((double)seed[i], 0).s, place(run, s, a) + spread, v[i],
                   NAN);
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
        strip_line(out->csv, run, s, a, "mean", place(run, s, a), mean,
                   n > 1 ? sqrt(sq / (n - 1)) : 0);
    }
  }
}

/* Lines across an arm's strip: what its networks show untrained. Returns how many. */
static uint32_t strip_nulls(const report_run *run, figure_out *out) {
  const json_t *untrained = jobj(jobj(run->summary, "null"), "untrained");
  uint32_t n = 0;
  for (int s = 0; s < REPORT_SITES; s++) {
    for (uint32_t a = 0; a < run->n_arms; a++) {
      double b = jnum(jobj(jobj(untrained, run->arms[a].name), report_site_name[s]), "mean");
      if (isnan(b)) continue;
      strip_line(out->csv, run, s, a, "untrained", place(run, s, a), b, 0.42);
      n++;
    }
  }
  if (!n) strip_line(out->csv, run, 0, 0, "untrained", 0, NAN, NAN);
  return n;
}

static uint32_t strip_published(const report_run *run, figure_out *out) {
  uint32_t n = 0, lp = report_lp_arm(run), control = report_arm_index(run, run->reference);
  size_t i;
  json_t *p;
  json_array_foreach(jobj(jobj(run->summary, "published"), "variance"), i, p) {
    for (int s = 0; s < REPORT_SITES; s++) {
      if (strcmp(jstr(p, "site"), report_site_name[s]) != 0) continue;
      if (lp < run->n_arms && !isnan(jnum(p, "lp"))) {
        strip_line(out->csv, run, s, lp, "published", place(run, s, lp) + 0.3, jnum(p, "lp"), NAN);
        n++;
      }
      if (control < run->n_arms && !isnan(jnum(p, "control"))) {
        strip_line(out->csv, run, s, control, "published", place(run, s, control) + 0.3,
                   jnum(p, "control"), NAN);
        n++;
      }
    }
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
    fputs("# site,arm number,arm,seed or kind,x,variance,sd or half width\n", out->csv);
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
  fprintf(out->var, "site_pitch = n_arm + 0.6\nn_untrained = %u\nn_published = %u\n",
          untrained_lines, published);
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
