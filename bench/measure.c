/* Timing the rows of a group in turn until their medians are known well enough. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile int bench_stop;

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
  snprintf(row->name, sizeof row->name, "%s", name);
  snprintf(row->backend, sizeof row->backend, "%s", backend);
  return row;
}

/* LP_BENCH_SLOW=TEXT:FACTOR makes rows whose "case backend" contains TEXT slower by that factor: a
 * planted change, to test `compare` with. */
static double planted_factor(const bench_row *row) {
  const char *plan = getenv("LP_BENCH_SLOW"), *colon = plan ? strrchr(plan, ':') : NULL;
  if (!colon || colon == plan) return 1;
  char text[128], label[192];
  snprintf(text, sizeof text, "%.*s", (int)(colon - plan), plan);
  snprintf(label, sizeof label, "%s %s", row->name, row->backend);
  double factor = strtod(colon + 1, NULL);
  return strstr(label, text) && factor > 1 ? factor : 1;
}

/* Idle threads of OpenMP and BLAS libraries spin in the hope of more work, for some 100 ms as
 * measured for PyTorch, and those that slept may start on one core. So rows that take turns with
 * another library wait until that is over, and then run unmeasured for a moment. */
static void settle(bench_row *row) {
  const struct timespec spin = {.tv_nsec = 120000000};
  nanosleep(&spin, NULL);
  const double over = bench_now() + 0.04;
  do {
    if (!row->run(row->self, 1)) return; /* the sample that follows fails as well, and says so */
  } while (bench_now() < over && !bench_stop);
}

/* One sample: seconds of one run; negative when it failed. */
static double sample(bench_row *row, double factor) {
  double start = bench_now();
  if (!row->run(row->self, row->times)) {
    if (bench_stop) return -1; /* interrupted: what was measured before stays */
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
    return -1;
  }
  if (row->took) return *row->took * factor / row->times;
  double end = bench_now(), until = start + (end - start) * factor;
  while (factor > 1 && (end = bench_now()) < until) {
  }
  return (end - start) / row->times;
}

/* Warms up and finds how many runs make a sample that the clock resolves. */
static void warm_up(const bench_options *o, bench_row *row, bool turns) {
  const double least = fmax(turns ? 0.01 : 1e-3, 1000 * bench_resolution());
  double until = bench_now() + o->warm_up, once = 0;
  row->times = 1;
  do {
    once = sample(row, 1);
    if (once < 0) return;
    if (once * row->times < least && row->times < 1u << 20) row->times *= 2;
  } while ((bench_now() < until || once * row->times < least / 2) && !bench_stop);
}

static bool precise(const bench_options *o, const bench_row *row) {
  if (row->samples.n < 7) return false;
  bench_summary s = bench_summarise(&row->samples);
  return s.high - s.low <= o->precision * s.median;
}

static void finish_row(bench_results *r, bench_row *row, bool quick) {
  row->seconds = bench_summarise(&row->samples);
  double t = row->seconds.median;
  if (!(t > 0)) return;
  row->gflops = row->flops / t * 1e-9;
  row->gbps = row->bytes / t * 1e-9;
  if (row->flops > 0 && row->bytes > 0) {
    const bench_limits *l = bench_limits_of(row->backend, quick);
    double attainable = fmin(l->gflops, l->gbps * row->flops / row->bytes);
    row->fraction = row->gflops / attainable;
  }
  if (row->seconds.q3 - row->seconds.q1 > 0.15 * t) r->noisy = true;
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

static void progress(const bench_row *row, uint32_t round) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r\033[K%s %s, round %u", row->name, row->backend, round);
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

/* Of the processes that do the work of rows. */
static double scripts_cpu(const bench_results *r, uint32_t first) {
  double sum = 0;
  for (uint32_t i = first; i < r->n; i++)
    if (r->row[i].pid) sum += bench_cpu_of(r->row[i].pid);
  return sum;
}

void bench_measure(const bench_options *o, bench_results *r, uint32_t first, bool by_name) {
  uint32_t n = 0;
  bool turns = false; /* with threads of another library */
  for (uint32_t i = first; i < r->n; i++) turns |= r->row[i].state == ROW_OK && r->row[i].peer;
  for (uint32_t i = first; i < r->n; i++) {
    bench_row *row = &r->row[i];
    if (row->state == ROW_OK && !bench_stop) warm_up(o, row, turns);
    n += row->state == ROW_OK;
  }
  double ours = scripts_cpu(r, first);
  bench_cpu start = bench_cpu_now();
  double until = bench_now() + o->max_time / fmax(1, r->passes) * n;
  bool done = n == 0;
  for (uint32_t round = 0; !done && !bench_stop; round++) {
    done = true;
    for (uint32_t i = first; i < r->n && !bench_stop; i++) {
      bench_row *row = &r->row[i];
      if (row->state != ROW_OK) continue;
      progress(row, round);
      if (turns) settle(row);
      double t = bench_stop ? -1 : sample(row, planted_factor(row));
      if (t >= 0) bench_samples_add(&row->samples, t);
    }
    /* The bootstrap is dear beside a short sample: asked every few rounds. */
    bool ask = round < 16 || round % 8 == 0;
    for (uint32_t i = first; i < r->n; i++)
      if (r->row[i].state == ROW_OK && (!ask || !precise(o, &r->row[i]))) done = false;
    if (bench_now() > until && round >= 2) done = true;
  }
  if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
  double others = bench_others(start, scripts_cpu(r, first) - ours);
  if (others > bench_busy_share) r->busy = true;
  for (uint32_t i = first; i < r->n; i++) {
    bench_row *row = &r->row[i];
    row->others = others;
    if (row->close) row->close(row->self);
    row->close = NULL;
  }
  uint32_t count = r->n - first, at = r->pass ? repeated(r, first) : first;
  if (at != first) join(r, first, at);
  bool print = r->pass + 1 >= r->passes || bench_stop;
  for (uint32_t i = at; i < at + count; i++) {
    bench_row *row = &r->row[i];
    if (row->state == ROW_OK) finish_row(r, row, o->quick);
    if (print) bench_print_row(row);
    row->printed = print;
    const bench_row *base = base_of(r, at, row, by_name);
    const bench_ratio_row *q = base ? put_ratio(r, row, base, by_name) : NULL;
    if (print && q) bench_print_ratio(q);
  }
  if (bench_stop) r->interrupted = true;
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
