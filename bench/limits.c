/* What a device can do at most: multiply-adds of the host's cores and of OpenCL devices by loops of
 * our own, of other devices by products; memory bandwidth by a loop, or by adding long vectors;
 * launches and copies through the device's interface. */
#include "bench.h"
#include "opencl.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef float lanes __attribute__((vector_size(64)));
enum { CHAINS = 12, LANES = 16, MAX_THREADS = 256 };

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define EVERY_ISA __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define EVERY_ISA
#endif

/* n rounds of CHAINS independent multiply-adds on vectors. */
EVERY_ISA static float multiply_adds(long n) {
  lanes x[CHAINS], a, b;
  for (int k = 0; k < LANES; k++) a[k] = 0.999f, b[k] = 1e-3f;
  for (int k = 0; k < CHAINS; k++) x[k] = a * (float)k;
  for (long i = 0; i < n; i++)
    for (int k = 0; k < CHAINS; k++) x[k] = x[k] * a + b;
  float sum = 0;
  for (int k = 0; k < CHAINS; k++) sum += x[k][0];
  return sum;
}

typedef struct part {
  pthread_t thread;
  pthread_barrier_t *start;
  float *a, *b, *c;
  size_t n;
  long rounds;
  double seconds;
  float kept;
} part;

static void *fma_part(void *arg) {
  part *p = arg;
  pthread_barrier_wait(p->start);
  double t = bench_now();
  p->kept = multiply_adds(p->rounds);
  p->seconds = bench_now() - t;
  return NULL;
}

static void *triad_part(void *arg) {
  part *p = arg;
  pthread_barrier_wait(p->start);
  double t = bench_now();
  for (size_t i = 0; i < p->n; i++) p->a[i] = p->b[i] + 0.5f * p->c[i];
  p->seconds = bench_now() - t;
  return NULL;
}

/* Longest time of the threads' parts. */
static double together(part *p, uint32_t threads, void *(*fn)(void *)) {
  static pthread_barrier_t start;
  if (pthread_barrier_init(&start, NULL, threads) != 0) return NAN;
  uint32_t made = 0;
  for (; made < threads; made++) {
    p[made].start = &start;
    if (pthread_create(&p[made].thread, NULL, fn, &p[made]) != 0) break;
  }
  if (made < threads) return NAN; /* the others wait for ever: give the measurement up */
  double longest = 0;
  for (uint32_t i = 0; i < threads; i++) {
    pthread_join(p[i].thread, NULL);
    longest = fmax(longest, p[i].seconds);
  }
  pthread_barrier_destroy(&start);
  return longest;
}

static void host_limits(uint32_t threads, bool quick, bench_limits *out) {
  static part p[MAX_THREADS];
  if (threads < 1 || threads > MAX_THREADS) threads = 1;
  memset(p, 0, sizeof p);
  int repeats = quick ? 3 : 9;
  for (uint32_t i = 0; i < threads; i++) p[i].rounds = 400000;
  for (int k = 0; k < repeats; k++) {
    double t = together(p, threads, fma_part);
    double gflops = 2e-9 * LANES * CHAINS * 400000.0 * threads / t;
    out->gflops = k ? fmax(out->gflops, gflops) : gflops;
  }
  size_t each = ((size_t)16 << 20) / threads, n = each * threads;
  float *x = malloc(3 * n * sizeof *x);
  for (size_t i = 0; x && i < 3 * n; i++) x[i] = 1.0f;
  for (uint32_t i = 0; i < threads; i++) {
    p[i].a = x + i * each, p[i].b = p[i].a + n, p[i].c = p[i].b + n;
    p[i].n = each;
  }
  for (int k = 0; x && k < repeats; k++) {
    double gbps = 1e-9 * 3 * (double)n * sizeof(float) / together(p, threads, triad_part);
    out->gbps = k ? fmax(out->gbps, gbps) : gbps;
  }
  free(x);
}

/* Seconds of the quickest of some runs of y = x + x with n elements on the device. */
static double add_seconds(lp_session *s, int64_t n, int repeats) {
  lp_graph *g = NULL;
  lp_plan *plan = NULL;
  lp_buffer *bound = NULL;
  double best = NAN;
  lp_desc d = lp_f32(1, n);
  lp_status status = lp_graph_new("limit", &g);
  if (status == LP_OK) {
    lp_val x = lp_input(g, "x", &d), y = lp_apply(g, LP_OP_ADD, NULL, (lp_val[]){x, x}, 2);
    status = lp_plan_create(s, g, &y, 1, NULL, &plan);
  }
  if (status == LP_OK) status = lp_session_buffer(s, lp_nbytes(&d), &bound);
  lp_run run = {.bound = &bound, .n_bound = 1};
  for (int i = 0; status == LP_OK && i < repeats; i++) {
    double t = bench_now();
    status = lp_plan_run(plan, &run);
    if (status == LP_OK) status = lp_session_sync(s);
    t = bench_now() - t;
    if (status == LP_OK && i) best = isnan(best) ? t : fmin(best, t);
  }
  lp_plan_free(plan);
  if (bound) lp_session_buffer_free(s, bound);
  lp_graph_free(g);
  return best;
}

/* GFLOP/s of the quickest of some plain products n x n x n on the device; NaN when none can run. */
static double product_gflops(lp_session *s, int64_t n, int repeats) {
  lp_graph *g = NULL;
  lp_plan *plan = NULL;
  lp_buffer *bound[2] = {NULL, NULL};
  double best = NAN;
  lp_op_params p = {0};
  lp_desc d = lp_f32(n, n);
  lp_status status = lp_graph_new("product", &g);
  if (status == LP_OK) {
    lp_val in[LP_LINEAR_INPUTS] = {lp_input(g, "x", &d), lp_input(g, "w", &d)};
    lp_val y = lp_apply(g, LP_OP_LINEAR, &p, in, LP_LINEAR_INPUTS);
    status = lp_plan_create(s, g, &y, 1, NULL, &plan);
  }
  for (int i = 0; i < 2 && status == LP_OK; i++)
    status = lp_session_buffer(s, lp_nbytes(&d), &bound[i]);
  lp_run run = {.bound = bound, .n_bound = 2};
  for (int i = 0; status == LP_OK && i < repeats; i++) {
    double t = bench_now();
    status = lp_plan_run(plan, &run);
    if (status == LP_OK) status = lp_session_sync(s);
    double gflops = 2e-9 * (double)n * (double)n * (double)n / (bench_now() - t);
    if (status == LP_OK && i) best = isnan(best) ? gflops : fmax(best, gflops);
  }
  lp_plan_free(plan);
  for (int i = 0; i < 2; i++)
    if (bound[i]) lp_session_buffer_free(s, bound[i]);
  lp_graph_free(g);
  return best;
}

static void device_limits(lp_session *s, const char *backend, bool quick, bench_limits *out) {
  int repeats = quick ? 6 : 30;
  out->launch_seconds = add_seconds(s, 1, 10 * repeats);
  if (isnan(out->gbps)) { /* no loop of our own for this device: its own addition of vectors */
    /* So long that caches of GPUs, tens of MB, do not count. */
    const bool large = lp_session_device(s)->memory >= UINT64_C(4) << 30;
    int64_t n = (int64_t)1 << (large ? 26 : 24);
    out->gbps = 2e-9 * sizeof(float) * (double)n / add_seconds(s, n, repeats);
  }
  if (isnan(out->gflops)) out->gflops = bench_cl_peak(backend, quick);
  if (isnan(out->gflops)) {
    static const int64_t sizes[] = {1024, 2048, 4096};
    out->gflops_of = "best product";
    for (int i = 0; i < (quick ? 2 : 3); i++)
      out->gflops = fmax(out->gflops, product_gflops(s, sizes[i], repeats)); /* fmax skips NaN */
  }
  size_t bytes = (size_t)32 << 20;
  float *x = calloc(1, bytes);
  lp_buffer *b = NULL;
  lp_device *dev = lp_session_handle(s);
  const lp_device_ops *ops = lp_device_table(dev);
  if (x && lp_session_buffer(s, bytes, &b) == LP_OK)
    for (int i = 0; i < repeats; i++) {
      double t = bench_now();
      if (lp_session_upload(s, b, x, bytes, NULL) != LP_OK) break;
      double up = 1e-9 * (double)bytes / (bench_now() - t);
      t = bench_now();
      if (ops->buf_read(dev, b, 0, x, bytes, NULL) != LP_OK) break;
      double down = 1e-9 * (double)bytes / (bench_now() - t);
      out->to_device_gbps = i > 1 ? fmax(out->to_device_gbps, up) : up;
      out->from_device_gbps = i > 1 ? fmax(out->from_device_gbps, down) : down;
    }
  if (b) lp_session_buffer_free(s, b);
  free(x);
}

const bench_limits *bench_limits_of(const char *backend, bool quick) {
  static struct {
    char name[64];
    bench_limits limits;
  } known[BENCH_MAX_BACKENDS * 2];
  static uint32_t n;
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(known[i].name, backend) == 0) return &known[i].limits;
  lp_session *s = NULL;
  bool open = lp_session_open(backend, 1, &s) == LP_OK;
  /* A peer is no device: it runs on the OpenCL device or on all of the host's cores. */
  if (!open && strncmp(backend, "clblast", 7) == 0) return bench_limits_of("opencl", quick);
  if (!open && strcmp(backend, "cpu") != 0) return bench_limits_of("cpu", quick);
  if (n == sizeof known / sizeof *known) n--;
  bench_limits *l = &known[n].limits;
  snprintf(known[n++].name, sizeof known[0].name, "%s", backend);
  *l = (bench_limits){NAN, NAN, NAN, NAN, NAN, "peak"};
  if (!open) return l;
  const lp_device_info *info = lp_session_device(s);
  if (info->type == LP_DEVICE_CPU || info->type == LP_DEVICE_CL_CPU)
    host_limits(info->units, quick, l);
  device_limits(s, backend, quick, l);
  lp_session_close(s);
  return l;
}
