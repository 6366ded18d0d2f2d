/* Dropout and pooling of the plain-C backend against plain loops in double precision, for every
 * variant that this CPU can run. */
#include "job.h"

#include <Random123/philox.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- dropout ------------------------------------------------------------------------------- */

static void dropout(const flavour *f) {
  static const int groups[] = {1, 3, 16};
  enum { N = 5, INNER = 333 };
  const float p = 0.3f;
  for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
    job j = make_job(f, LP_OP_DROPOUT, 1, 1);
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
  each_flavour(false, dropout);
}

/* ---- pooling ------------------------------------------------------------------------------- */

static void pooling(const flavour *which_one) {
  static const int shapes[][4] = {{24, 24, 2, 2},  {8, 8, 2, 2}, {7, 9, 2, 2},    {13, 13, 3, 2},
                                  {5, 40, 3, 1},   {9, 9, 2, 3}, {15, 15, 15, 1}, {12, 41, 3, 2},
                                  {5, 4101, 3, 2}, {8, 19, 2, 2}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    int h = shapes[s][0], w = shapes[s][1], f = shapes[s][2], stride = shapes[s][3];
    int oh = (h - f) / stride + 1, ow = (w - f) / stride + 1, planes = 6;
    job j = make_job(which_one, LP_OP_MAXPOOL2D, 1, 2);
    j.call.params.pool = (lp_pool_params){
        .k = (uint32_t)f, .stride = (uint32_t)stride, .in_h = (uint32_t)h, .in_w = (uint32_t)w};
    float *x = tensor(&j, 0, lp_f32(2, 3, h, w), 1), *y = tensor(&j, 1, lp_f32(2, 3, oh, ow), 2);
    (void)tensor(&j, 2, LP_DESC(LP_U8, 2, 3, oh, ow), 3);
    const uint8_t *which = j.arg[2].p;
    for (int i = 0; i < planes * h * w; i++) x[i] = (float)(int)(x[i] * 3); /* many ties */
    for (int i = 0; i < planes * h * w; i += 9) x[i] = NAN; /* several in a window */
    run_job(&j, 2);
    for (int p = 0; p < planes; p++)
      for (int o = 0; o < oh * ow; o++) {
        const float *corner = x + p * h * w + o / ow * stride * w + o % ow * stride;
        int best = 0;
        for (int t = 1; t < f * f; t++) {
          float v = corner[t / f * w + t % f], most = corner[best / f * w + best % f];
          if (v > most || (isnan(v) && !isnan(most))) best = t;
        }
        int64_t at = (int64_t)p * oh * ow + o;
        assert_memory_equal(&y[at], &corner[best / f * w + best % f], sizeof(float));
        assert_int_equal(which[at], best);
      }
    free_job(&j);
  }
}

static void test_pooling(void **state) {
  (void)state;
  each_flavour(false, pooling);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dropout),
      cmocka_unit_test(test_pooling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
