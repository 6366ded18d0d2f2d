/* Kernels of the plain-C backend against plain loops in double precision, for every instruction set
 * that this CPU can run, and for teams of several sizes, which must give the same bits. */
#include "isa.h"
#include "team.h"

#include <Random123/philox.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TEAM = 5, MAX_ARGS = 12 };

/* ---- calling a kernel ---------------------------------------------------------------------- */

typedef struct job {
  const cpu_kernels *kernels;
  cpu_arg arg[MAX_ARGS]; /* operands, then results */
  cpu_call call;
  cpu_env env;
} job;

typedef struct member {
  const job *job;
  cpu_worker worker;
} member;

static void *work(void *p) {
  member *m = p;
  m->job->kernels->op[m->job->call.op].run(&m->job->call, &m->worker);
  cpu_barrier(&m->worker);
  return NULL;
}

static void run_job(job *j, int count) {
  static char *scratch[MAX_TEAM];
  static cpu_ticket tickets[MAX_TEAM];
  cpu_team team = {.ticket = tickets, .spin = 100};
  member members[MAX_TEAM];
  pthread_t thread[MAX_TEAM];
  cpu_kernel k = j->kernels->op[j->call.op];
  j->call.env = &j->env;
  j->call.in = j->arg;
  j->call.out = j->arg + j->call.n_in;
  j->call.post_inner = lp_inner(&j->call.out[0].desc);
  size_t bytes = k.workspace ? k.workspace(&j->call) : 0;
  j->call.ws = aligned_alloc(CPU_ALIGN, (bytes + 2 * CPU_ALIGN) / CPU_ALIGN * CPU_ALIGN);
  for (int i = 0; i < count; i++) {
    if (!scratch[i]) scratch[i] = aligned_alloc(4096, CPU_SCRATCH);
    members[i] = (member){j, {&team, i, count, i, scratch[i]}};
    assert_int_equal(pthread_create(&thread[i], NULL, work, &members[i]), 0);
  }
  for (int i = 0; i < count; i++) pthread_join(thread[i], NULL);
  free(j->call.ws);
}

/* Tensors have the slack that the device's buffers have. */
static float *tensor(job *j, uint32_t i, lp_desc d, uint32_t seed) {
  size_t n = (size_t)lp_numel(&d);
  float *p = malloc(sizeof(float) * (n + 64));
  assert_non_null(p);
  for (size_t k = 0; k < n + 64; k++) {
    seed = seed * 1664525u + 1013904223u;
    p[k] = (float)(seed >> 8) * 0x1p-23f - 1;
  }
  j->arg[i] = (cpu_arg){p, true, d};
  return p;
}

static void free_job(job *j) {
  for (uint32_t i = 0; i < MAX_ARGS; i++) free(j->arg[i].p);
}

static job make_job(const cpu_kernels *k, uint32_t op, uint32_t n_in, uint32_t n_out) {
  job j = {.kernels = k, .call = {.op = op, .n_in = n_in, .n_out = n_out}};
  return j;
}

static double error_of(const float *got, const double *want, int64_t n) {
  double worst = 0, size = 1e-30;
  for (int64_t i = 0; i < n; i++) {
    worst = fmax(worst, fabs((double)got[i] - want[i]));
    size = fmax(size, fabs(want[i]));
  }
  return worst / size;
}

/* Runs f once for every instruction set. */
static void each_isa(void (*f)(const cpu_kernels *)) {
  bool usable;
  const cpu_kernels *k;
  for (unsigned i = 0; (k = cpu_kernels_get(i, &usable)); i++)
    if (usable)
      f(k);
    else
      print_message("skipped %s: not on this CPU\n", k->name);
}

/* ---- matrix products ----------------------------------------------------------------------- */

/* Edges of every register tile, of the blocks and beyond. */
static const int sizes[][3] = {
    /* batch, out, in */
    {1, 1, 1},     {2, 3, 5},     {7, 13, 17},   {14, 32, 16}, {15, 33, 31},   {29, 47, 255},
    {64, 49, 320}, {33, 65, 257}, {70, 15, 513}, {5, 600, 40}, {130, 290, 70}, {3, 2, 1030},
};

static void product(const cpu_kernels *k, uint32_t op, const int *size) {
  int64_t n = size[0], o = size[1], i = size[2];
  job j = make_job(k, op, 3, op == LP_OP_LINEAR_DW ? 2 : 1);
  lp_desc x = lp_f32(n, i), y = lp_f32(n, o), w = lp_f32(o, i), b = lp_f32(o);
  lp_desc out = op == LP_OP_LINEAR ? y : op == LP_OP_LINEAR_DX ? x : w;
  const float *p = tensor(&j, 0, op == LP_OP_LINEAR ? x : y, 1);
  const float *q = tensor(&j, 1, op == LP_OP_LINEAR_DW ? x : w, 2), *bias = NULL;
  if (op == LP_OP_LINEAR) bias = tensor(&j, 2, b, 3);
  float *got = tensor(&j, 3, out, 4), *db = NULL;
  if (op == LP_OP_LINEAR_DW) db = tensor(&j, 4, b, 5);
  int64_t count = lp_numel(&out);
  double *want = calloc((size_t)count, sizeof *want), *want_db = calloc((size_t)o, sizeof *want_db);
  for (int64_t r = 0; r < n; r++)
    for (int64_t s = 0; s < o; s++) {
      if (op == LP_OP_LINEAR) want[r * o + s] = bias[s];
      if (op == LP_OP_LINEAR_DW) want_db[s] += p[r * o + s];
      for (int64_t t = 0; t < i; t++) {
        if (op == LP_OP_LINEAR)
          want[r * o + s] += (double)p[r * i + t] * q[s * i + t];
        else if (op == LP_OP_LINEAR_DX)
          want[r * i + t] += (double)p[r * o + s] * q[s * i + t];
        else
          want[s * i + t] += (double)p[r * o + s] * q[r * i + t];
      }
    }
  float *first = malloc(sizeof(float) * (size_t)count);
  for (int team = 1; team <= MAX_TEAM; team += 2) {
    memset(got, 0xff, sizeof(float) * (size_t)count); /* NaN: what is not written shows */
    run_job(&j, team);
    double error = error_of(got, want, count);
    if (!(error < 3e-6))
      fail_msg("%s op %u %dx%dx%d: error %g", k->name, op, size[0], size[1], size[2], error);
    if (db) assert_true(error_of(db, want_db, o) < 3e-6);
    if (team == 1) memcpy(first, got, sizeof(float) * (size_t)count);
    assert_memory_equal(first, got, sizeof(float) * (size_t)count);
  }
  free(first);
  free(want);
  free(want_db);
  free_job(&j);
}

static void products(const cpu_kernels *k) {
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    product(k, LP_OP_LINEAR, sizes[s]);
    product(k, LP_OP_LINEAR_DX, sizes[s]);
    product(k, LP_OP_LINEAR_DW, sizes[s]);
  }
}

static void test_products(void **state) {
  (void)state;
  each_isa(products);
}

/* ---- convolution --------------------------------------------------------------------------- */

static const struct {
  int n, c, h, w, o, k, stride, pad;
} convs[] = {
    {3, 1, 28, 28, 10, 5, 1, 0}, {5, 10, 12, 12, 20, 5, 1, 0}, {2, 3, 23, 19, 16, 11, 4, 2},
    {2, 16, 9, 9, 33, 5, 1, 2},  {3, 20, 7, 7, 48, 3, 1, 1},   {17, 2, 5, 6, 3, 3, 2, 1},
    {1, 1, 1, 1, 1, 1, 1, 0},    {2, 3, 8, 40, 5, 3, 1, 2},    {2, 2, 9, 9, 4, 4, 3, 0},
};

static void convolution(const cpu_kernels *k, uint32_t op, size_t which) {
  int n = convs[which].n, c = convs[which].c, h = convs[which].h, w = convs[which].w;
  int o = convs[which].o, f = convs[which].k, stride = convs[which].stride, pad = convs[which].pad;
  int oh = (h + 2 * pad - f) / stride + 1, ow = (w + 2 * pad - f) / stride + 1;
  lp_desc x = lp_f32(n, c, h, w), y = lp_f32(n, o, oh, ow), weight = lp_f32(o, c, f, f);
  lp_desc b = lp_f32(o);
  job j = make_job(k, op, 3, op == LP_OP_CONV2D_DW ? 2 : 1);
  j.call.params.conv = (lp_conv_params){.stride = (uint32_t)stride,
                                        .pad = (uint32_t)pad,
                                        .in_h = (uint32_t)h,
                                        .in_w = (uint32_t)w,
                                        .kernel = (uint32_t)f};
  lp_desc out = op == LP_OP_CONV2D ? y : op == LP_OP_CONV2D_DX ? x : weight;
  const float *p = tensor(&j, 0, op == LP_OP_CONV2D ? x : y, 1);
  const float *q = tensor(&j, 1, op == LP_OP_CONV2D_DW ? x : weight, 2), *bias = NULL;
  if (op == LP_OP_CONV2D) bias = tensor(&j, 2, b, 3);
  float *got = tensor(&j, 3, out, 4), *db = NULL;
  if (op == LP_OP_CONV2D_DW) db = tensor(&j, 4, b, 5);
  int64_t count = lp_numel(&out);
  double *want = calloc((size_t)count, sizeof *want), *want_db = calloc((size_t)o, sizeof *want_db);
  for (int s = 0; s < n; s++)
    for (int m = 0; m < o; m++)
      for (int yy = 0; yy < oh; yy++)
        for (int xx = 0; xx < ow; xx++) {
          int64_t at_y = ((s * o + m) * oh + yy) * ow + xx;
          if (op == LP_OP_CONV2D) want[at_y] += bias[m];
          if (op == LP_OP_CONV2D_DW) want_db[m] += p[at_y];
          for (int t = 0; t < c * f * f; t++) {
            int iy = yy * stride + t / f % f - pad, ix = xx * stride + t % f - pad;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            int64_t at_x = ((s * c + t / (f * f)) * h + iy) * w + ix, at_w = m * c * f * f + t;
            if (op == LP_OP_CONV2D)
              want[at_y] += (double)p[at_x] * q[at_w];
            else if (op == LP_OP_CONV2D_DX)
              want[at_x] += (double)p[at_y] * q[at_w];
            else
              want[at_w] += (double)p[at_y] * q[at_x];
          }
        }
  float *first = malloc(sizeof(float) * (size_t)count);
  for (int team = 1; team <= MAX_TEAM; team += 2) {
    memset(got, 0xff, sizeof(float) * (size_t)count);
    run_job(&j, team);
    double error = error_of(got, want, count);
    if (!(error < 3e-6)) fail_msg("%s op %u conv %zu: error %g", k->name, op, which, error);
    if (db) assert_true(error_of(db, want_db, o) < 3e-6);
    if (team == 1) memcpy(first, got, sizeof(float) * (size_t)count);
    assert_memory_equal(first, got, sizeof(float) * (size_t)count);
  }
  free(first);
  free(want);
  free(want_db);
  free_job(&j);
}

static void convolutions(const cpu_kernels *k) {
  for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
    convolution(k, LP_OP_CONV2D, i);
    convolution(k, LP_OP_CONV2D_DX, i);
    convolution(k, LP_OP_CONV2D_DW, i);
  }
}

static void test_convolutions(void **state) {
  (void)state;
  each_isa(convolutions);
}

/* ---- dropout ------------------------------------------------------------------------------- */

static void dropout(const cpu_kernels *k) {
  static const int groups[] = {1, 3, 16};
  enum { N = 5, INNER = 333 };
  const float p = 0.3f;
  for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
    job j = make_job(k, LP_OP_DROPOUT, 1, 1);
    j.call.params.dropout = (lp_dropout_params){p, 0xabcdef01u, (uint32_t)groups[g]};
    j.env = (cpu_env){.seed = 0x123456789abcdef0u, .iteration = 77, .sample_offset = 1000};
    const float *x = tensor(&j, 0, lp_f32(N, INNER), 1);
    float *y = tensor(&j, 1, lp_f32(N, INNER), 2);
    run_job(&j, 2);
    philox4x32_key_t key = {{0x9abcdef0u, 0x12345678u}};
    for (uint32_t n = 0; n < N; n++)
      for (uint32_t e = 0; e < INNER; e++) {
        uint32_t m = e / (uint32_t)groups[g];
        philox4x32_ctr_t c = {{m / 4, 1000 + n, 77, 0xabcdef01u}};
        double u = (philox4x32(c, key).v[m % 4] >> 8) * 0x1p-24;
        float want = u >= (double)p ? x[n * INNER + e] * (1.0f / (1.0f - p)) : 0;
        assert_true(y[n * INNER + e] == want);
      }
    free_job(&j);
  }
}

static void test_dropout(void **state) {
  (void)state;
  each_isa(dropout);
}

/* ---- pooling ------------------------------------------------------------------------------- */

static void pooling(const cpu_kernels *k) {
  static const int shapes[][4] = {{24, 24, 2, 2}, {8, 8, 2, 2}, {7, 9, 2, 2},   {13, 13, 3, 2},
                                  {5, 40, 3, 1},  {9, 9, 2, 3}, {15, 15, 15, 1}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    int h = shapes[s][0], w = shapes[s][1], f = shapes[s][2], stride = shapes[s][3];
    int oh = (h - f) / stride + 1, ow = (w - f) / stride + 1, planes = 6;
    job j = make_job(k, LP_OP_MAXPOOL2D, 1, 2);
    j.call.params.pool = (lp_pool_params){(uint32_t)f, (uint32_t)stride, (uint32_t)h, (uint32_t)w};
    float *x = tensor(&j, 0, lp_f32(2, 3, h, w), 1), *y = tensor(&j, 1, lp_f32(2, 3, oh, ow), 2);
    (void)tensor(&j, 2, LP_DESC(LP_U8, 2, 3, oh, ow), 3);
    const uint8_t *which = j.arg[2].p;
    for (int i = 0; i < planes * h * w; i++) x[i] = (float)(int)(x[i] * 3); /* many ties */
    x[h * w / 2] = NAN;
    run_job(&j, 2);
    for (int p = 0; p < planes; p++)
      for (int o = 0; o < oh * ow; o++) {
        const float *corner = x + p * h * w + o / ow * stride * w + o % ow * stride;
        bool nan = false;
        int best = 0;
        for (int t = 0; t < f * f; t++) {
          float v = corner[t / f * w + t % f];
          nan |= v != v;
          if (v > corner[best / f * w + best % f]) best = t;
        }
        int64_t at = (int64_t)p * oh * ow + o;
        float chosen = corner[which[at] / f * w + which[at] % f];
        if (nan) {
          assert_true(y[at] != y[at] && chosen != chosen);
        } else {
          assert_true(y[at] == corner[best / f * w + best % f]);
          assert_int_equal(which[at], best);
        }
      }
    free_job(&j);
  }
}

static void test_pooling(void **state) {
  (void)state;
  each_isa(pooling);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_products),
      cmocka_unit_test(test_convolutions),
      cmocka_unit_test(test_dropout),
      cmocka_unit_test(test_pooling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
