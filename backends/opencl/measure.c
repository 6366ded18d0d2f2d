/* Measuring the candidates of a product: the step alone, on made-up operands of the right shapes.
 * Each is compared with the reference kernel at the first and the last elements of the result. */
#include "product.h"
#include "tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct bench {
  lp_device *dev;
  lp_plan_view plan;
  lp_step step;
  lp_slot slot[LP_LINEAR_INPUTS + 3];
  uint32_t operand[LP_LINEAR_INPUTS + 2];
  lp_buffer *buffer[LP_LINEAR_INPUTS + 3]; /* of slot i */
  uint32_t n_in, n_out;
  float *expected, *got; /* the first output */
  size_t n;
} bench;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void release(bench *b) {
  for (size_t i = 0; i < sizeof b->buffer / sizeof *b->buffer; i++)
    ocl_buf_free(b->dev, b->buffer[i]);
  free(b->expected);
  free(b->got);
}

/* Offsets that stay inside the table and rise by one inside runs; small numbers elsewhere. */
static lp_status fill(bench *b, uint32_t i, const product *p) {
  const lp_desc *d = &b->slot[i].desc;
  int64_t n = lp_numel(d), run = p->step->params.linear.run;
  union {
    float f;
    int32_t i;
  } *data = calloc((size_t)n, sizeof *data);
  if (!data) return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", b->dev->info.id);
  if (run < 1) run = 1;
  int64_t entries = p->table ? lp_numel(&p->table->desc) : run + 1;
  uint32_t noise = 12345 + i;
  for (int64_t k = 0; k < n; k++) {
    noise = noise * 1664525 + 1013904223;
    if (d->dtype != LP_I32)
      data[k].f = (float)(noise >> 8) * 0x1p-24f - 0.25f;
    else if (i == LP_PRIOR_OFF_IN)
      data[k].i = (int32_t)(k % run);
    else
      data[k].i = (int32_t)(k % (entries - run + 1 > 0 ? entries - run + 1 : 1));
  }
  lp_status s = ocl_buf_write(b->dev, b->buffer[i], 0, data, (size_t)n * 4, NULL);
  free(data);
  return s;
}

static lp_status prepare(bench *b, const lp_plan_view *plan, const lp_step *step,
                         const product *p) {
  b->step = *step;
  b->step.in_first = b->step.post_count = 0;
  b->step.out_first = step->in_count;
  b->step.workspace = LP_NO_SLOT;
  uint32_t total = step->in_count + step->out_count;
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < total && s == LP_OK; i++) {
    bool in = i < step->in_count;
    const lp_slot *from =
        in ? lp_step_in(plan, step, i) : lp_step_out(plan, step, i - step->in_count);
    b->operand[i] = from ? i : LP_NO_SLOT;
    if (!from) continue;
    b->slot[i] = (lp_slot){.kind = LP_SLOT_PERSISTENT, .buffer = i, .desc = from->desc};
    s = ocl_buf_alloc(b->dev, lp_nbytes(&from->desc), &b->buffer[i]);
    if (s == LP_OK && in) s = fill(b, i, p);
  }
  b->n_in = step->in_count;
  b->n = lp_nbytes(&p->y->desc);
  b->expected = malloc(b->n + 1);
  b->got = malloc(b->n + 1);
  if (s == LP_OK && (!b->expected || !b->got))
    s = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", b->dev->info.id);
  b->plan = (lp_plan_view){.struct_size = sizeof b->plan,
                           .name = "tune",
                           .slots = b->slot,
                           .n_slots = total + 1,
                           .slot_stride = sizeof *b->slot,
                           .steps = &b->step,
                           .n_steps = 1,
                           .step_stride = sizeof b->step,
                           .posts = NULL,
                           .post_stride = sizeof(lp_post),
                           .operands = b->operand,
                           .n_operands = total,
                           .buffers = b->buffer,
                           .n_buffers = total + 1};
  return s;
}

static lp_status compile(bench *b, const engine *g, lp_program **out) {
  uint32_t w = b->n_in + b->step.out_count;
  product p;
  product_of(&b->plan, &b->step, &p);
  size_t bytes = g->workspace ? g->workspace(b->dev, &p, g) : 0;
  ocl_buf_free(b->dev, b->buffer[w]);
  b->buffer[w] = NULL;
  b->step.workspace = LP_NO_SLOT;
  lp_status s = bytes ? ocl_buf_alloc(b->dev, bytes, &b->buffer[w]) : LP_OK;
  if (s != LP_OK) return s;
  if (bytes) {
    b->slot[w] =
        (lp_slot){.kind = LP_SLOT_TRANSIENT, .buffer = w, .desc = LP_DESC(LP_U8, (int64_t)bytes)};
    b->step.workspace = w;
  }
  b->dev->forced = g->name;
  s = ocl_compile(b->dev, &b->plan, out);
  b->dev->forced = NULL;
  return s;
}

static lp_status run_once(bench *b, lp_program *prog) {
  const double scalars[LP_SCALAR_COUNT] = {0};
  const lp_run_args args = {
      .struct_size = sizeof args, .scalars = scalars, .n_scalars = LP_SCALAR_COUNT};
  lp_status s = ocl_run(b->dev, prog, &args, NULL);
  return s == LP_OK ? ocl_sync(b->dev) : s;
}

/* The reference computes the first and the last columns only; the rest stays NaN. */
static lp_status reference(bench *b, const engine *naive, const product *p) {
  lp_program *prog = NULL;
  lp_status s = compile(b, naive, &prog);
  if (s != LP_OK) return s;
  uint32_t y = b->n_in;
  s = ocl_buf_fill(b->dev, b->buffer[y], 0, 0xff, b->n);
  int64_t columns = 20000000 / (p->k * p->m) + 1;
  if (columns > p->n) columns = p->n;
  ocl_launch *l = &prog->launch[0];
  size_t line = l->global / (size_t)p->n; /* work-items of a column */
  l->global = line * (size_t)columns;
  for (int end = 0; end < 2 && s == LP_OK; end++) {
    l->offset = end ? line * (size_t)(p->n - columns) : 0;
    s = run_once(b, prog);
  }
  ocl_program_free(b->dev, prog);
  return s == LP_OK ? ocl_buf_read(b->dev, b->buffer[y], 0, b->expected, b->n, NULL) : s;
}

/* Allowed beside 2e-5: what one chain of k additions in f32 may lose, which the reference avoids.
 */
static bool agrees(bench *b, int64_t k) {
  double largest = 0, worst = 0;
  for (size_t i = 0; i < b->n / sizeof(float); i++) {
    if (isnan(b->expected[i])) continue;
    largest = fmax(largest, fabs((double)b->expected[i]));
    double d = fabs((double)b->expected[i] - (double)b->got[i]);
    worst = d > worst || isnan(d) ? d : worst;
  }
  return worst <= fmax(2e-5, 0x1p-23 * sqrt((double)k)) * largest;
}

/* Seconds of a run, the best of a few; NaN for a candidate that cannot be used. */
static double measure(bench *b, const engine *g, const product *p) {
  lp_program *prog = NULL;
  lp_status s = compile(b, g, &prog);
  if (s == LP_OK) s = ocl_buf_fill(b->dev, b->buffer[b->n_in], 0, 0xff, b->n);
  if (s == LP_OK) s = run_once(b, prog);
  if (s == LP_OK) s = ocl_buf_read(b->dev, b->buffer[b->n_in], 0, b->got, b->n, NULL);
  double best = NAN, begun = now();
  if (s == LP_OK && !agrees(b, p->k)) {
    ocl_host->log(LP_LOG_WARNING, "%s: %s gives wrong numbers on this driver and is not used",
                  b->dev->info.id, g->name);
  } else if (s == LP_OK) {
    for (int i = 0; i < 10 && s == LP_OK && (i < 2 || now() - begun < 0.2); i++) {
      double start = now();
      s = run_once(b, prog);
      best = fmin(best, now() - start);
    }
  }
  if (s != LP_OK) {
    best = NAN;
    ocl_host->log(LP_LOG_WARNING, "%s: %s is left out of the choice for this product: %s",
                  b->dev->info.id, g->name, ocl_host->error_message());
  }
  ocl_program_free(b->dev, prog);
  return best;
}

void ocl_tune(lp_device *dev, const lp_plan_view *plan, const lp_step *step) {
  product p;
  char key[128];
  product_of(plan, step, &p);
  product_key(&p, key, sizeof key);
  if (dev->tune_seconds <= 0 || ocl_tuning_find(dev, key) || p.m * p.n * p.k == 0) return;
  double start = now(), best = INFINITY;
  uint32_t n;
  const engine *list = product_engines(&n), *winner = NULL;
  bench b = {.dev = dev};
  lp_status s = prepare(&b, plan, step, &p);
  product own;
  if (s == LP_OK) {
    product_of(&b.plan, &b.step, &own);
    s = reference(&b, &list[n - 1], &own);
  }
  for (uint32_t i = 0; i + 1 < n && s == LP_OK; i++) {
    if (now() - start > dev->tune_seconds || !product_usable(dev, &own, &list[i])) continue;
    double seconds = measure(&b, &list[i], &own);
    if (!isnan(seconds))
      ocl_host->log(LP_LOG_INFO, "%s: %s: %s %.3f ms", dev->info.id, key, list[i].name,
                    seconds * 1e3);
    if (seconds < best) best = seconds, winner = &list[i];
    if (ocl_check(dev) != LP_OK) break; /* a candidate took the device with it */
  }
  release(&b);
  dev->tune_seconds -= now() - start;
  if (winner) ocl_tuning_keep(dev, key, winner->name, best);
  if (dev->tune_seconds <= 0)
    ocl_host->log(LP_LOG_INFO, "%s: the time for tuning is used up", dev->info.id);
}
