/* Rows for op cases: the work of one plan on one device. */
#include "bench.h"

#include <locality/registry.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Above this the whole reference takes too long; sampled elements are checked instead. */
static const double whole_reference_flops = 5e8;

typedef struct work {
  case_program p;
  case_exec x;
  uint64_t iteration;
} work;

static bool run_work(void *self, uint32_t times) {
  work *w = self;
  lp_run run = w->p.run;
  run.bound = w->x.bound;
  run.n_bound = w->x.n_bound;
  for (uint32_t i = 0; i < times; i++) {
    run.iteration = w->iteration++;
    if (lp_plan_run(w->x.plan, &run) != LP_OK) return false;
  }
  return lp_session_sync(w->x.session) == LP_OK;
}

static void close_work(void *self) {
  work *w = self;
  if (w->x.session) case_close(&w->x);
  case_free(&w->p);
  free(w);
}

/* Seconds of one run by the device's clock, from one profiled run. */
static double device_seconds(work *w) {
  enum { MAX_STEPS = 64 };
  static lp_profile_row row[MAX_STEPS];
  lp_run run = w->p.run;
  run.bound = w->x.bound;
  run.n_bound = w->x.n_bound;
  run.profile = true;
  uint32_t n = 0;
  double sum = 0;
  if (lp_plan_run(w->x.plan, &run) != LP_OK || lp_session_sync(w->x.session) != LP_OK ||
      lp_plan_profile(w->x.plan, row, MAX_STEPS, &n) != LP_OK || n > MAX_STEPS)
    return NAN;
  for (uint32_t i = 0; i < n; i++) sum += row[i].seconds;
  return sum;
}

double bench_rounding(const lp_session *s) {
  /* bf16: 2^-9 of each operand at most, which even out in sums. */
  return strcmp(lp_device_precision(lp_session_handle(s)), "bf16") == 0 ? 0x1p-6 : 0;
}

/* Share of the tolerance that the largest error takes. */
static double check(const case_program *p, const case_result *result, double rounding, char *where,
                    size_t cap) {
  double share = 0;
  if (case_flops(p) > whole_reference_flops) {
    double e = bench_sampled_error(p, result);
    if (e >= 0) {
      snprintf(where, cap, "error %.2g in sampled elements of %s", e, result->item[0].name);
      return e / fmax(result->item[0].tolerance, rounding);
    }
  }
  ref_values truth;
  if (ref_load(p, &truth) != LP_OK) return INFINITY;
  ref_replay(p, &truth, p->runs);
  for (uint32_t i = 0; i < result->n; i++) {
    const case_item *item = &result->item[i];
    double e = case_error(item, truth.value[item->value]);
    double s = e == 0 ? 0 : e / fmax(fmax(item->tolerance, rounding), 1e-12);
    if (s > share) {
      share = s;
      snprintf(where, cap, "error %.2g in %s", e, item->name);
    }
  }
  ref_free(&truth);
  return share;
}

void bench_add_case(bench_results *r, const op_case *c, const char *name, const char *backend) {
  bench_row *row = bench_add(r, name, backend);
  work *w = calloc(1, sizeof *w);
  if (!row || !w) {
    free(w);
    return;
  }
  row->run = run_work;
  row->close = close_work;
  row->self = w;
  case_result result = {.n = 0};
  lp_status s = case_build(c, false, &w->p);
  if (s == LP_OK) s = case_open(&w->p, backend, &w->x);
  if (s == LP_OK) s = case_execute(&w->x, &result);
  if (s != LP_OK) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
    return;
  }
  char where[160] = "";
  if (check(&w->p, &result, bench_rounding(w->x.session), where, sizeof where) > 1) {
    row->state = ROW_WRONG;
    snprintf(row->note, sizeof row->note, "%.200s", where);
  }
  case_result_free(&result);
  lp_plan_info info;
  lp_plan_get_info(w->x.plan, &info);
  row->memory = info.transient_bytes + info.persistent_bytes;
  for (uint32_t i = 0; i < w->p.n_leaves; i++)
    if (w->p.leaf[i].role == ROLE_INPUT) row->memory += lp_nbytes(&w->p.leaf[i].desc);
  row->flops = case_flops(&w->p);
  row->bytes = case_bytes(&w->p);
  snprintf(row->device, sizeof row->device, "%s", lp_session_device(w->x.session)->name);
  if (row->state == ROW_OK) row->device_seconds = device_seconds(w);
}
