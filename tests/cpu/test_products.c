/* Matrix products and convolutions of the plain-C backend against plain loops in double precision,
 * for every variant that this CPU can run and every precision, by teams of several sizes, which
 * must give the same bits. */
#include "job.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a product sees: the numbers as they are, or rounded to 8 significant bits. Caller frees. */
static float *seen(bool rounded, const float *x, lp_desc d) {
  int64_t n = lp_numel(&d);
  float *out = malloc(sizeof *out * (size_t)n);
  assert_non_null(out);
  for (int64_t i = 0; i < n; i++) {
    int exponent;
    double m = frexp((double)x[i], &exponent);
    out[i] = rounded ? (float)ldexp(rint(ldexp(m, 8)), exponent - 8) : x[i];
  }
  return out;
}

/* ---- matrix products ----------------------------------------------------------------------- */

/* Edges of every register tile, of the blocks and beyond. */
static const int sizes[][3] = {
    /* batch, out, in */
    {1, 1, 1},     {2, 3, 5},     {7, 13, 17},   {14, 32, 16}, {15, 33, 31},   {29, 47, 255},
    {64, 49, 320}, {33, 65, 257}, {70, 15, 513}, {5, 600, 40}, {130, 290, 70}, {3, 2, 1030},
};

static void product(const flavour *f, uint32_t op, const int *size) {
  int64_t n = size[0], o = size[1], i = size[2];
  job j = make_job(f, op, 3, op == LP_OP_LINEAR_DW ? 2 : 1);
  lp_desc x = lp_f32(n, i), y = lp_f32(n, o), w = lp_f32(o, i), b = lp_f32(o);
  lp_desc out = op == LP_OP_LINEAR ? y : op == LP_OP_LINEAR_DX ? x : w;
  const float *dy = tensor(&j, 0, op == LP_OP_LINEAR ? x : y, 1), *bias = NULL;
  (void)tensor(&j, 1, op == LP_OP_LINEAR_DW ? x : w, 2);
  float *p = seen(f->bf16, dy, j.arg[0].desc), *q = seen(f->bf16, j.arg[1].p, j.arg[1].desc);
  if (op == LP_OP_LINEAR) bias = tensor(&j, 2, b, 3);
  float *got = tensor(&j, 3, out, 4), *db = NULL;
  if (op == LP_OP_LINEAR_DW) db = tensor(&j, 4, b, 5);
  int64_t count = lp_numel(&out);
  double *want = calloc((size_t)count, sizeof *want), *want_db = calloc((size_t)o, sizeof *want_db);
  for (int64_t r = 0; r < n; r++)
    for (int64_t s = 0; s < o; s++) {
      if (op == LP_OP_LINEAR) want[r * o + s] = bias[s];
      if (op == LP_OP_LINEAR_DW) want_db[s] += dy[r * o + s];
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
      fail_msg("%s op %u %dx%dx%d: error %g", f->name, op, size[0], size[1], size[2], error);
    if (db) assert_true(error_of(db, want_db, o) < 3e-6);
    if (team == 1) memcpy(first, got, sizeof(float) * (size_t)count);
    assert_memory_equal(first, got, sizeof(float) * (size_t)count);
  }
  free(first);
  free(p);
  free(q);
  free(want);
  free(want_db);
  free_job(&j);
}

static void products(const flavour *f) {
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    product(f, LP_OP_LINEAR, sizes[s]);
    product(f, LP_OP_LINEAR_DX, sizes[s]);
    product(f, LP_OP_LINEAR_DW, sizes[s]);
  }
}

static void test_products(void **state) {
  (void)state;
  each_flavour(true, products);
}

/* Variants with a fused multiply-add sum in one order: the same bits, whatever their vectors, and
 * whether bf16 is emulated or not. AMX has an order of its own. */
static float *first_bits[2];

static void same_bits(const flavour *f) {
  lp_desc x = lp_f32(29, 601), w = lp_f32(47, 601), y = lp_f32(29, 47);
  if (f->kernels->name[0] == 'p' || strstr(f->name, "amx")) return;
  job j = make_job(f, LP_OP_LINEAR, 2, 1);
  (void)tensor(&j, 0, x, 1);
  (void)tensor(&j, 1, w, 2);
  float *got = tensor(&j, 2, y, 3);
  run_job(&j, 2);
  size_t bytes = lp_nbytes(&y);
  if (first_bits[f->bf16]) {
    if (memcmp(first_bits[f->bf16], got, bytes)) fail_msg("%s: other bits", f->name);
  } else {
    first_bits[f->bf16] = malloc(bytes);
    assert_non_null(first_bits[f->bf16]);
    memcpy(first_bits[f->bf16], got, bytes);
  }
  free_job(&j);
}

static void test_same_bits(void **state) {
  (void)state;
  each_flavour(true, same_bits);
  if (first_bits[0]) assert_memory_not_equal(first_bits[0], first_bits[1], 29 * 47 * sizeof(float));
  free(first_bits[0]);
  free(first_bits[1]);
}

/* Rounding itself: x y = x * 1, where every result is a rounded operand. */
static void rounding(const flavour *f) {
  static const float in[] = {1,
                             1 + 0x1p-8f,
                             1 + 0x1.8p-8f,
                             1 + 0x1p-7f,
                             1 + 0x1.8p-7f,
                             -3.14159265f,
                             0x1.fffffep127f,
                             INFINITY,
                             NAN,
                             0x1p-140f,
                             -0.0f,
                             0x1.01p-100f};
  static const float out[] = {1,        1,        1 + 0x1p-7f, 1 + 0x1p-7f, 1 + 0x1p-6f, -3.140625f,
                              INFINITY, INFINITY, NAN,         0,           0,           0x1p-100f};
  enum { N = sizeof in / sizeof *in };
  if (!f->bf16) return;
  job j = make_job(f, LP_OP_LINEAR, 2, 1);
  float *x = tensor(&j, 0, lp_f32(N, 1), 1), *w = tensor(&j, 1, lp_f32(1, 1), 2);
  float *y = tensor(&j, 2, lp_f32(N, 1), 3);
  memcpy(x, in, sizeof in);
  w[0] = 1;
  run_job(&j, 1);
  for (int i = 0; i < N; i++)
    if (!(y[i] == out[i] || (isnan(y[i]) && isnan(out[i]))))
      fail_msg("%s: %a became %a, should be %a", f->name, (double)in[i], (double)y[i],
               (double)out[i]);
  free_job(&j);
}

static void test_rounding(void **state) {
  (void)state;
  each_flavour(true, rounding);
}

/* ---- convolution --------------------------------------------------------------------------- */

typedef struct shape {
  int n, c, h, w, o, k, stride, pad;
} shape;

static const shape direct[] = {
    {3, 1, 28, 28, 10, 5, 1, 0}, {5, 10, 12, 12, 20, 5, 1, 0}, {2, 3, 23, 19, 16, 11, 4, 2},
    {2, 16, 9, 9, 33, 5, 1, 2},  {3, 20, 7, 7, 48, 3, 1, 1},   {17, 2, 5, 6, 3, 3, 2, 1},
    {1, 1, 1, 1, 1, 1, 1, 0},    {2, 3, 8, 40, 5, 3, 1, 2},    {2, 2, 9, 9, 4, 4, 3, 0},
};
/* By Winograd's method in f32, where the flavour gains by it: odd edges, several strips of a wide
 * image, several chunks of a batch. */
static const shape winograd[] = {
    {3, 37, 11, 13, 45, 3, 1, 1},
    {2, 33, 11, 13, 47, 5, 1, 2},
    {1, 32, 9, 1249, 32, 3, 1, 1},
    {9, 32, 27, 27, 33, 5, 1, 2},
};

static void convolution(const flavour *f, uint32_t op, const shape *z, bool by_winograd) {
  int n = z->n, c = z->c, h = z->h, w = z->w, o = z->o, k = z->k, stride = z->stride, pad = z->pad;
  int oh = (h + 2 * pad - k) / stride + 1, ow = (w + 2 * pad - k) / stride + 1;
  lp_desc x = lp_f32(n, c, h, w), y = lp_f32(n, o, oh, ow), weight = lp_f32(o, c, k, k);
  lp_desc b = lp_f32(o);
  job j = make_job(f, op, 3, op == LP_OP_CONV2D_DW ? 2 : 1);
  j.call.params.conv = (lp_conv_params){.stride = (uint32_t)stride,
                                        .pad = (uint32_t)pad,
                                        .in_h = (uint32_t)h,
                                        .in_w = (uint32_t)w,
                                        .kernel = (uint32_t)k};
  lp_desc out = op == LP_OP_CONV2D ? y : op == LP_OP_CONV2D_DX ? x : weight;
  (void)tensor(&j, 0, op == LP_OP_CONV2D ? x : y, 1);
  (void)tensor(&j, 1, op == LP_OP_CONV2D_DW ? x : weight, 2);
  j.call.winograd = by_winograd && f->product->winograd;
  bool rounded = f->bf16 && !j.call.winograd;
  float *p = seen(rounded, j.arg[0].p, j.arg[0].desc),
        *q = seen(rounded, j.arg[1].p, j.arg[1].desc);
  const float *bias = NULL;
  if (op == LP_OP_CONV2D) bias = tensor(&j, 2, b, 3);
  float *got = tensor(&j, 3, out, 4), *db = NULL;
  if (op == LP_OP_CONV2D_DW) db = tensor(&j, 4, b, 5);
  int64_t count = lp_numel(&out);
  double *want = calloc((size_t)count, sizeof *want), *want_db = calloc((size_t)o, sizeof *want_db);
  for (int i = 0; i < n * o; i++)
    for (int64_t at = (int64_t)i * oh * ow; at < (int64_t)(i + 1) * oh * ow; at++) {
      if (op == LP_OP_CONV2D) want[at] = bias[i % o];
      if (op == LP_OP_CONV2D_DW) want_db[i % o] += p[at];
    }
  for (int64_t i = 0; i < (int64_t)n * o * c * k * k * oh; i++) { /* rows of outputs at each tap */
    int yy = (int)(i % oh), kx = (int)(i / oh % k), ky = (int)(i / oh / k % k);
    int ch = (int)(i / oh / k / k % c), m = (int)(i / oh / k / k / c % o);
    int s = (int)(i / oh / k / k / c / o), iy = yy * stride + ky - pad;
    if (iy < 0 || iy >= h) continue;
    int64_t row_y = ((s * o + m) * oh + yy) * (int64_t)ow;
    int64_t row_x = ((s * c + ch) * h + iy) * (int64_t)w + kx - pad;
    int64_t at_w = ((m * c + ch) * k + ky) * k + kx;
    for (int xx = 0; xx < ow; xx++) {
      int64_t at_x = row_x + xx * stride;
      if (xx * stride + kx < pad || xx * stride + kx - pad >= w) continue;
      if (op == LP_OP_CONV2D)
        want[row_y + xx] += (double)p[at_x] * q[at_w];
      else if (op == LP_OP_CONV2D_DX)
        want[at_x] += (double)p[row_y + xx] * q[at_w];
      else
        want[at_w] += (double)p[row_y + xx] * q[at_x];
    }
  }
  float *first = malloc(sizeof(float) * (size_t)count);
  for (int team = 1; team <= MAX_TEAM; team += 2) {
    memset(got, 0xff, sizeof(float) * (size_t)count);
    run_job(&j, team);
    double error = error_of(got, want, count);
    if (!(error < (j.call.winograd ? 5e-6 : 3e-6)))
      fail_msg("%s op %u conv %dx%d of %dx%d: error %g", f->name, op, k, k, h, w, error);
    if (db) assert_true(error_of(db, want_db, o) < 3e-6);
    if (team == 1) memcpy(first, got, sizeof(float) * (size_t)count);
    assert_memory_equal(first, got, sizeof(float) * (size_t)count);
  }
  free(first);
  free(p);
  free(q);
  free(want);
  free(want_db);
  free_job(&j);
}

static void convolutions(const flavour *f) {
  static const uint32_t ops[] = {LP_OP_CONV2D, LP_OP_CONV2D_DX, LP_OP_CONV2D_DW};
  for (int k = 0; k < 3; k++) {
    for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
      convolution(f, ops[k], &direct[i], false);
    for (size_t i = 0; i < sizeof winograd / sizeof *winograd; i++)
      convolution(f, ops[k], &winograd[i], true);
  }
}

static void test_convolutions(void **state) {
  (void)state;
  each_flavour(true, convolutions);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_products),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_rounding),
      cmocka_unit_test(test_convolutions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
