/* Timing the rows of a group in turn until their medians are known well enough. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile int bench_stop;

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

/* Warms up and finds how many runs make a sample that the clock resolves. A backend may try ways of
 * running at first, as cpu tries one thread: these runs are no samples. */
static void warm_up(const bench_options *o, bench_row *row, bool turns) {
  enum { TRIALS = 12 };
  const double most_trials = 0.7; /* seconds */
  const double least = fmax(turns ? 0.01 : 1e-3, 1000 * bench_resolution());
  const double until = bench_now() + o->warm_up, tried = bench_now() + most_trials;
  double once = 0;
  uint32_t runs = 0;
  row->times = 1;
  do {
    once = sample(row, 1);
    if (once < 0) return;
    runs += row->times;
    if (once * row->times < least && row->times < 1u << 20) row->times *= 2;
  } while ((bench_now() < until || once * row->times < least / 2 ||
            (runs < TRIALS && bench_now() < tried)) &&
           !bench_stop);
}

static bool precise(const bench_options *o, const bench_row *row) {
  if (row->samples.n < 7) return false;
  bench_summary s = bench_summarise(&row->samples);
  return s.high - s.low <= o->precision * s.median;
}

static void progress(const bench_row *row, uint32_t round) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r\033[K%s %s, round %u", row->name, row->backend, round);
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
  double until = bench_now() + o->max_time / (o->pass ? o->passes : 1) * n;
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
  for (uint32_t i = first; i < r->n; i++) {
    bench_row *row = &r->row[i];
    row->others = others;
    if (row->close) row->close(row->self);
    row->close = NULL;
  }
  if (bench_stop) r->interrupted = true;
  for (uint32_t i = first; i < r->n && o->pass <= 1; i++)
    if (r->row[i].samples.n) r->row[i].limits = *bench_limits_of(r->row[i].backend, o->quick);
  if (o->pass)
    bench_pass_send(r, first, by_name);
  else
    bench_conclude(r, first, by_name);
}
