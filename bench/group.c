/* What the rows of a group give together, once they have samples: summaries, ratios, their lines.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(void **array, uint32_t *cap, uint32_t n, size_t size) {
  if (n < *cap) return true;
  uint32_t want = *cap ? 2 * *cap : 64;
  void *p = realloc(*array, want * size);
  if (!p) return false;
  *array = p;
  *cap = want;
  return true;
}

bench_row *bench_add(bench_results *r, const char *name, const char *backend) {
  if (!grow((void **)&r->row, &r->cap, r->n, sizeof *r->row)) return NULL;
  bench_row *row = &r->row[r->n++];
  *row = (bench_row){
      .device_seconds = NAN, .fraction = NAN, .gflops = NAN, .gbps = NAN, .others = NAN};
  row->limits = (bench_limits){NAN, NAN, NAN, NAN, NAN, "peak"};
  snprintf(row->name, sizeof row->name, "%s", name);
  snprintf(row->backend, sizeof row->backend, "%s", backend);
  return row;
}

static void finish_row(bench_results *r, bench_row *row) {
  row->seconds = bench_summarise(&row->samples);
  double t = row->seconds.median;
  if (!(t > 0)) return;
  row->gflops = row->flops / t * 1e-9;
  row->gbps = row->bytes / t * 1e-9;
  if (row->flops > 0 && row->bytes > 0) {
    double attainable = fmin(row->limits.gflops, row->limits.gbps * row->flops / row->bytes);
    row->fraction = row->gflops / attainable;
  }
  if (row->seconds.q3 - row->seconds.q1 > 0.15 * t) r->noisy = true;
  if (row->others > bench_busy_share) r->busy = true;
}

/* Adds the ratio, or replaces that of the passes until now. */
static const bench_ratio_row *put_ratio(bench_results *r, const bench_row *a, const bench_row *b,
                                        bool by_name) {
  const char *name = by_name ? b->backend : a->name;
  const char *of = by_name ? a->name : a->backend, *to = by_name ? b->name : b->backend;
  bench_ratio_row *q = NULL;
  for (uint32_t i = 0; !q && i < r->n_ratios; i++) {
    bench_ratio_row *k = &r->ratio[i];
    if (!strcmp(k->name, name) && !strcmp(k->a, of) && !strcmp(k->b, to)) q = k;
  }
  if (!q) {
    if (!grow((void **)&r->ratio, &r->cap_ratios, r->n_ratios, sizeof *r->ratio)) return NULL;
    q = &r->ratio[r->n_ratios++];
    snprintf(q->name, sizeof q->name, "%s", name);
    snprintf(q->a, sizeof q->a, "%s", of);
    snprintf(q->b, sizeof q->b, "%s", to);
  }
  q->ratio = bench_ratio(&a->samples, &b->samples);
  return q;
}

/* The first timed row of the group that a row is compared with; NULL for that row itself. */
static const bench_row *base_of(const bench_results *r, uint32_t first, const bench_row *row,
                                bool by_name) {
  for (uint32_t i = first; &r->row[i] != row && row->samples.n; i++) {
    const bench_row *b = &r->row[i];
    bool same = by_name ? strcmp(b->backend, row->backend) == 0 : strcmp(b->name, row->name) == 0;
    if (same && b->state == ROW_OK && b->samples.n && row->state == ROW_OK) return b;
  }
  return NULL;
}

/* The rows of an earlier pass that rows first.. repeat; first when there are none. */
static uint32_t repeated(const bench_results *r, uint32_t first) {
  for (uint32_t at = 0; at + (r->n - first) <= first; at++) {
    uint32_t k = 0;
    while (first + k < r->n && !strcmp(r->row[at + k].name, r->row[first + k].name) &&
           !strcmp(r->row[at + k].backend, r->row[first + k].backend))
      k++;
    if (first + k == r->n) return at;
  }
  return first;
}

/* Moves what rows first.. have measured to the rows that they repeat, from `at`. */
static void join(bench_results *r, uint32_t first, uint32_t at) {
  for (uint32_t i = first; i < r->n; i++) {
    bench_row *row = &r->row[at + i - first], *pass = &r->row[i];
    if (row->state == ROW_OK && pass->state != ROW_OK) {
      row->state = pass->state;
      memcpy(row->note, pass->note, sizeof row->note);
    }
    row->others = fmax(row->others, pass->others);
    if (!bench_samples_join(&row->samples, &pass->samples)) r->interrupted = true;
    free(pass->samples.x);
  }
  r->n = first;
}

void bench_conclude(bench_results *r, uint32_t first, bool by_name) {
  uint32_t count = r->n - first, at = r->pass > 1 ? repeated(r, first) : first;
  bool last = r->pass >= r->passes || bench_stop;
  if (at != first) join(r, first, at);
  for (uint32_t i = at; i < at + count; i++) {
    bench_row *row = &r->row[i];
    if (row->state == ROW_OK) finish_row(r, row);
    if (last) bench_print_row(row);
    row->printed = last;
    const bench_row *base = base_of(r, at, row, by_name);
    const bench_ratio_row *q = base ? put_ratio(r, row, base, by_name) : NULL;
    if (last && q) bench_print_ratio(q);
  }
}

void bench_results_free(bench_results *r) {
  for (uint32_t i = 0; i < r->n; i++) {
    if (r->row[i].close) r->row[i].close(r->row[i].self);
    free(r->row[i].samples.x);
  }
  free(r->row);
  free(r->ratio);
  memset(r, 0, sizeof *r);
}
