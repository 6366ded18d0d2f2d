/* curves.c: data of the learning curves. */
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
  lp_csv_text(f, run->arms[e->arm].name);
  fprintf(f, ",%s,%u,", seed, e->epoch);
  lp_csv_num(f, e->train_loss);
  fputc(',', f);
  lp_csv_num(f, e->loss);
  fputc(',', f);
  lp_csv_num(f, e->accuracy);
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

lp_status lp_curves_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)of, (void)arg;
  if (run->n_epochs == 0) return lp_fail(LP_ERR_NOT_FOUND, "no epoch has finished");
  report_epoch *e = malloc(run->n_epochs * sizeof *e);
  bool *mean = calloc(run->n_arms, sizeof *mean);
  if (!e || !mean) {
    free(e);
    free(mean);
    return lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  memcpy(e, run->epochs, run->n_epochs * sizeof *e);
  qsort(e, run->n_epochs, sizeof *e, by_epoch);
  fputs("# arm number,arm,seed,epoch,training loss,test loss,test accuracy (percent)\n", out->csv);
  uint32_t n_run = 0, last = 0;
  range loss = {INFINITY, -INFINITY};
  for (uint32_t i = 0; i < run->n_epochs; i++) {
    if (i == 0 || e[i].arm != e[i - 1].arm || e[i].seed != e[i - 1].seed) {
      if (n_run++) fputs("\n\n", out->csv);
    }
    curve_line(out->csv, run, &e[i], lp_report_seed(run->seeds[e[i].seed]).s);
    if (e[i].epoch > last) last = e[i].epoch;
    widen(&loss, e[i].train_loss);
    widen(&loss, e[i].loss);
  }
  for (uint32_t a = 0; a < run->n_arms; a++) mean[a] = mean_curve(out->csv, run, e, a, last) > 0;
  free(e);
  lp_gp_arms(out->var, run);
  fprintf(out->var, "n_run = %u # blocks of single networks, then those of means:\n", n_run);
  lp_gp_numbers(out->var, "mean", mean, run->n_arms);
  free(mean);
  fprintf(out->var, "epochs = %u\nlog_loss = %d # losses span more than two decades\n", last,
          loss.low > 0 && loss.high > 100 * loss.low);
  lp_report_html(
      out->caption,
      "Training loss (mean over the steps of an epoch, with dropout), test loss and test accuracy "
      "after each epoch. Thin lines: single networks (%u of them); thick lines with points: mean "
      "over the networks of an arm. A line ends where a network ended.",
      n_run);
  return LP_OK;
}
