/* Every penalty against its formula in double precision, and its gradient against central
 * differences of that formula, on sheets of odd sides. LOCALITY_TEST_DEVICES names the device. */
#include <locality/exec.h>
#include <locality/graph.h>
#include <locality/registry.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

enum { MOST = 15 * 60 };

static const char *device(void) {
  const char *name = getenv("LOCALITY_TEST_DEVICES");
  return name ? name : "cpu";
}

static void ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s", lp_error_message());
}

/* ---- formulas ------------------------------------------------------------------------------ */

/* What a formula works on: units on a sheet of rows x cols, and x of (n, width): weights, or the
 * responses of units (width) to images (n). */
typedef struct problem {
  uint32_t rows, cols, n, width;
  bool torus;
} problem;

static double distance(const problem *p, uint32_t i, uint32_t j) {
  double r = fabs((double)(i / p->cols) - (double)(j / p->cols));
  double c = fabs((double)(i % p->cols) - (double)(j % p->cols));
  if (p->torus) r = fmin(r, p->rows - r), c = fmin(c, p->cols - c);
  return hypot(r, c);
}

static double wiring(const problem *p, const double *w) {
  const uint32_t each = p->n / (p->rows * p->cols); /* blocks of a GRU */
  double sum = 0;
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < p->width; j++)
      sum += fabs(w[i * p->width + j]) * (2 * distance(p, i % (p->n / each), j) + 3);
  return sum;
}

static double jacobs_jordan(const problem *p, const double *w) {
  double sum = 0;
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < p->width; j++) {
      const double q = w[i * p->width + j] * w[i * p->width + j], d = distance(p, i, j);
      sum += d * d * q / (1 + q);
    }
  return sum / (p->n * p->width); /* reduce=mean */
}

static double sernn(const problem *p, const double *w) {
  const uint32_t n = p->width;
  double *m = calloc(4 * (size_t)n * n, sizeof *m), *term = m + n * n, *next = term + n * n;
  double *sum = next + n * n, cost = 0;
  for (uint32_t b = 0; b < p->n / n; b++, w += n * n) {
    for (uint32_t i = 0; i < n; i++)
      for (uint32_t j = 0; j < n; j++) {
        double si = 0, sj = 0;
        for (uint32_t k = 0; k < n; k++) si += fabs(w[i * n + k]), sj += fabs(w[j * n + k]);
        m[i * n + j] = fabs(w[i * n + j]) / sqrt(si * sj);
        term[i * n + j] = sum[i * n + j] = i == j;
      }
    for (int k = 1; k < 25; k++) { /* the series itself */
      for (uint32_t i = 0; i < n * n; i++) {
        next[i] = 0;
        for (uint32_t l = 0; l < n; l++) next[i] += term[i / n * n + l] * m[l * n + i % n] / k;
      }
      memcpy(term, next, n * n * sizeof *m);
      for (uint32_t i = 0; i < n * n; i++) sum[i] += term[i];
    }
    for (uint32_t i = 0; i < n * n; i++)
      cost += fabs(w[i]) * distance(p, i / n, i % n) * (i / n == i % n ? 0 : sum[i]);
  }
  free(m);
  return cost;
}

static double cosine(const double *a, const double *b, uint32_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (uint32_t i = 0; i < n; i++) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return ab / sqrt(aa * bb);
}

static double cosine_neighbour(const problem *p, const double *w) {
  double sum = 0, n = 0;
  for (uint32_t i = 0; i < p->rows * p->cols; i++)
    for (uint32_t j = 0; j < i; j++)
      if (distance(p, i, j) == 1) {
        sum += cosine(w + (size_t)i * p->width, w + (size_t)j * p->width, p->width);
        n++;
      }
  return (1 - sum / n) / 2;
}

/* Between the centres of places, ends held: the value of a map of n places at place `at` + 1/2. */
static double between(const double *map, uint32_t n, uint32_t step, double at) {
  at = fmin(fmax(at - 0.5, 0), n - 1.0);
  const uint32_t k = (uint32_t)at, next = k + 1 < n ? k + 1 : k;
  return map[k * step] * (1 - (at - k)) + map[next * step] * (at - k);
}

/* A map of rows x cols in which each place of `to` stands for `scale` places, an axis each. */
static void resize(const double *from, uint32_t rows, uint32_t cols, double *to, uint32_t r,
                   uint32_t c, double scale_r, double scale_c) {
  double half[64];
  for (uint32_t i = 0; i < r; i++) {
    for (uint32_t x = 0; x < cols; x++)
      half[x] = between(from + x, rows, cols, (i + 0.5) * scale_r);
    for (uint32_t j = 0; j < c; j++) to[i * c + j] = between(half, cols, 1, (j + 0.5) * scale_c);
  }
}

static double laplacian_pyramid(const problem *p, const double *w) { /* factor=1.5 */
  /* An axis of one place is none. */
  const double fr = p->rows > 1 ? 1.5 : 1, fc = p->cols > 1 ? 1.5 : 1;
  const uint32_t units = p->rows * p->cols, r = (uint32_t)(p->rows / fr),
                 c = (uint32_t)(p->cols / fc);
  double *blurred = calloc(MOST, sizeof *blurred), map[64] = {0}, small[64], back[64], sum = 0;
  for (uint32_t k = 0; k < p->width; k++) {
    for (uint32_t i = 0; i < units; i++) map[i] = w[i * p->width + k];
    resize(map, p->rows, p->cols, small, r, c, fr, fc);
    resize(small, r, c, back, p->rows, p->cols, (double)r / p->rows, (double)c / p->cols);
    for (uint32_t i = 0; i < units; i++) blurred[i * p->width + k] = back[i];
  }
  for (uint32_t i = 0; i < units; i++)
    sum += cosine(w + (size_t)i * p->width, blurred + (size_t)i * p->width, p->width);
  free(blurred);
  return 1 - sum / units;
}

/* Of order 2, for P = 1 / (1 + d); filters of p->width / units elements. */
static double ridge(const problem *p, const double *w) {
  const uint32_t units = p->rows * p->cols, each = p->width / units;
  double sum = 0;
  for (uint32_t i = 0; i < p->n; i++)
    for (uint32_t j = 0; j < p->width; j++) {
      const double v = w[i * p->width + j] * (1 + distance(p, i % units, j / each));
      sum += v * v / 2;
    }
  return sum;
}

static double correlation(const double *a, const double *b, uint32_t n, uint32_t step) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  for (uint32_t i = 0; i < n; i++) ma += a[i * step] / n, mb += b[i * step] / n;
  for (uint32_t i = 0; i < n; i++) {
    const double x = a[i * step] - ma, y = b[i * step] - mb;
    ab += x * y, aa += x * x, bb += y * y;
  }
  return ab / sqrt(aa * bb);
}

/* Of the window of r x c units whose first is (row, col). */
static double aligned(const problem *p, const double *x, uint32_t row, uint32_t col, uint32_t r,
                      uint32_t c) {
  double near[MOST], alike[MOST];
  uint32_t n = 0;
  for (uint32_t i = 0; i < r * c; i++)
    for (uint32_t j = 0; j < i; j++) {
      const uint32_t a = (row + i / c) * p->cols + col + i % c;
      const uint32_t b = (row + j / c) * p->cols + col + j % c;
      near[n] = 1 / (1 + distance(p, a, b));
      alike[n++] = correlation(x + a, x + b, p->n, p->width);
    }
  return correlation(near, alike, n, 1);
}

static double tdann(const problem *p, const double *x) {
  return (1 - aligned(p, x, 0, 0, p->rows, p->cols)) / 2;
}

/* window=3,samples=2, seed 9, step 0: the places that splitmix64 draws. */
static double tdann_windows(const problem *p, const double *x) {
  const uint32_t rows = p->rows < 3 ? p->rows : 3;
  uint64_t state = 9, mixed = 0;
  double sum = 0;
  for (int i = 0; i < 2; i++) {
    uint32_t at[2];
    for (int a = i ? 0 : -1; a < 2; a++) { /* the seed is mixed first */
      uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
      z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
      z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
      mixed = z ^ z >> 31;
      if (a < 0)
        state = mixed;
      else
        at[a] = (uint32_t)(mixed % (a ? p->cols - 2 : p->rows - rows + 1));
    }
    sum += (1 - aligned(p, x, at[0], at[1], rows, 3)) / 2;
  }
  return sum / 2;
}

/* ---- cases --------------------------------------------------------------------------------- */

static const struct {
  const char *spec;
  double (*formula)(const problem *p, const double *x);
  problem p;
  uint32_t filter; /* elements a row and column of the weight share, in `width` */
  bool responses;  /* x is the layer's output */
} cases[] = {
    {"wiring_l1:k=2,l0=3", wiring, {3, 5, 15, 15, false}, 1, false},
    {"wiring_l1:k=2,l0=3", wiring, {3, 5, 45, 15, false}, 1, false},
    {"jacobs_jordan:reduce=mean", jacobs_jordan, {3, 5, 15, 15, false}, 1, false},
    {"jacobs_jordan:reduce=mean,topology=torus", jacobs_jordan, {4, 3, 12, 12, true}, 1, false},
    {"sernn", sernn, {3, 3, 9, 9, false}, 1, false},
    {"sernn", sernn, {2, 3, 18, 6, false}, 1, false},
    {"cosine_neighbour", cosine_neighbour, {3, 5, 15, 7, false}, 1, false},
    {"cosine_neighbour", cosine_neighbour, {3, 5, 15, 18, false}, 9, false},
    {"cosine_neighbour:topology=torus", cosine_neighbour, {4, 3, 12, 5, true}, 1, false},
    {"cosine_neighbour:topology=torus", cosine_neighbour, {2, 5, 10, 5, true}, 1, false},
    {"laplacian_pyramid:factor=1.5", laplacian_pyramid, {3, 5, 15, 7, false}, 1, false},
    {"laplacian_pyramid:factor=1.5", laplacian_pyramid, {7, 6, 42, 18, false}, 9, false},
    {"laplacian_pyramid:factor=1.5", laplacian_pyramid, {9, 1, 9, 4, false}, 1, false},
    {"laplacian_pyramid:factor=1.5", laplacian_pyramid, {1, 9, 9, 4, false}, 1, false},
    {"prior_decay", ridge, {3, 5, 15, 15, false}, 1, false},
    {"prior_decay:topology=torus", ridge, {4, 3, 24, 12, true}, 1, false},
    {"prior_decay", ridge, {2, 3, 6, 54, false}, 9, false},
    {"tdann", tdann, {3, 5, 6, 15, false}, 1, true},
    {"tdann:topology=torus", tdann, {4, 3, 7, 12, true}, 1, true},
    {"tdann:window=3,samples=2", tdann_windows, {4, 5, 6, 20, false}, 1, true},
    {"tdann:window=3,samples=2,topology=torus", tdann_windows, {4, 5, 6, 20, true}, 1, true},
    {"tdann:window=3,samples=2", tdann_windows, {7, 4, 5, 28, false}, 1, true},
    {"tdann:window=3,samples=2", tdann_windows, {5, 5, 6, 25, false}, 1, true},
    {"tdann:window=3,samples=2", tdann_windows, {1, 9, 6, 9, false}, 1, true},
};

/* The value and gradient that the penalty gives on the device. */
static void run(uint32_t k, const float *x, float *value, float *grad) {
  const problem *p = &cases[k].p;
  const uint32_t units = p->rows * p->cols, columns = p->width / cases[k].filter;
  const lp_layer_request req = {
      .struct_size = sizeof req,
      .n_in = columns,
      .n_out = units,
      .extent_in = {columns == units ? p->rows : 0, columns == units ? p->cols : 0},
      .extent_out = {p->rows, p->cols},
      .path = "l.penalty",
      .mode = LP_TRAIN,
      .seed = 9};
  lp_spec spec;
  lp_session *s;
  lp_graph *g;
  lp_plan *plan;
  ok(lp_session_open(device(), 1, &s));
  ok(lp_graph_new("penalty", &g));
  ok(lp_spec_parse(LP_KIND_PENALTY, cases[k].spec, &spec));
  const lp_desc d =
      cases[k].filter == 1 ? lp_f32(p->n, p->width) : lp_f32(p->n, columns, 3, cases[k].filter / 3);
  const lp_init init = {LP_INIT_DATA, 0, x};
  const lp_val v = lp_graph_param(g, "x", &d, &init);
  const lp_penalty *row = spec.entry->descriptor;
  lp_val target[2];
  ok(row->build(row->self, spec.args + LP_PENALTY_PARAMS, g, &req,
                cases[k].responses ? LP_NO_VAL : v, cases[k].responses ? v : LP_NO_VAL, target));
  ok(lp_grad(g, target[0], &v, 1, &target[1]));
  ok(lp_plan_create(s, g, target, 2, NULL, &plan));
  ok(lp_plan_run(plan, &(lp_run){0}));
  ok(lp_plan_read(plan, 0, value, sizeof *value));
  ok(lp_plan_read(plan, 1, grad, (size_t)lp_numel(&d) * sizeof *grad));
  lp_plan_free(plan);
  lp_graph_free(g);
  lp_spec_free(&spec);
  lp_session_close(s);
}

static void values_and_gradients(void **state) {
  (void)state;
  for (uint32_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const problem *p = &cases[k].p;
    const uint32_t n = p->n * p->width;
    float x[MOST], grad[MOST], value;
    double v[MOST], largest = 0, error = 0;
    for (uint32_t i = 0; i < n; i++) /* no two alike, none near the kink of |w| at 0 */
      v[i] = x[i] = (float)((0.2 + 0.8 * fabs(sin(1.7 * i + 0.3 * k))) * (i % 3 ? 1 : -1));
    run(k, x, &value, grad);
    for (uint32_t i = 0; i < n; i++) {
      const double h = 1e-6, old = v[i];
      v[i] = old + h;
      const double up = cases[k].formula(p, v);
      v[i] = old - h;
      const double slope = (up - cases[k].formula(p, v)) / (2 * h);
      v[i] = old;
      largest = fmax(largest, fabs(slope));
      error = fmax(error, fabs(slope - (double)grad[i]));
    }
    const double expected = cases[k].formula(p, v);
    printf("%s %ux%u: value %.1e gradient %.1e\n", cases[k].spec, p->rows, p->cols,
           fabs((double)value - expected) / fabs(expected), error / largest);
    assert_float_equal(value, expected, 1e-5 * fmax(1, fabs(expected)));
    assert_true(largest > 0 && error < 2e-5 * largest);
  }
}

/* As published: means over weights and over biases, each of which costs l0. */
static void biases(void **state) {
  (void)state;
  enum { N = 6, IN = 3 };
  float w[N * IN], bias[N], value, grad[2][N * IN];
  for (int i = 0; i < N * IN; i++) w[i] = (float)(0.1 * (i + 1) * (i % 2 ? 1 : -1));
  for (int i = 0; i < N; i++) bias[i] = (float)(0.3 * (i + 1) * (i % 3 ? -1 : 1));
  lp_layer_request req = {.struct_size = sizeof req,
                          .n_in = IN,
                          .n_out = N,
                          .extent_in = {1, 3},
                          .extent_out = {2, 3},
                          .path = "l.penalty",
                          .mode = LP_TRAIN};
  lp_spec spec;
  lp_session *s;
  lp_graph *g;
  lp_plan *plan;
  ok(lp_session_open(device(), 1, &s));
  ok(lp_graph_new("penalty", &g));
  ok(lp_spec_parse(LP_KIND_PENALTY, "wiring_l1:k=2,l0=0.5,reduce=mean,bias=1", &spec));
  const lp_desc dw = lp_f32(N, IN), db = lp_f32(N);
  const lp_init iw = {LP_INIT_DATA, 0, w}, ib = {LP_INIT_DATA, 0, bias};
  const lp_val v[] = {lp_graph_param(g, "w", &dw, &iw), lp_graph_param(g, "b", &db, &ib)};
  const lp_penalty *row = spec.entry->descriptor;
  lp_val target[3];
  assert_int_not_equal(
      row->build(row->self, spec.args + LP_PENALTY_PARAMS, g, &req, v[0], LP_NO_VAL, target),
      LP_OK);
  assert_non_null(strstr(lp_error_message(), "the layer has no bias"));
  req.bias = v[1];
  ok(row->build(row->self, spec.args + LP_PENALTY_PARAMS, g, &req, v[0], LP_NO_VAL, target));
  ok(lp_grad(g, target[0], v, 2, target + 1));
  ok(lp_plan_create(s, g, target, 3, NULL, &plan));
  ok(lp_plan_run(plan, &(lp_run){0}));
  ok(lp_plan_read(plan, 0, &value, sizeof value));
  ok(lp_plan_read(plan, 1, grad[0], sizeof w));
  ok(lp_plan_read(plan, 2, grad[1], sizeof bias));
  double want = 0;
  for (int i = 0; i < N; i++) {
    want += 0.5 * fabs((double)bias[i]) / N;
    assert_float_equal(grad[1][i], (bias[i] > 0 ? 0.5 : -0.5) / N, 1e-6);
    for (int j = 0; j < IN; j++) { /* the row of the input covers the sheet: at 0.5 of its height */
      const double cost = 2 * hypot(i / 3 - 0.5, i % 3 - j) + 0.5;
      want += fabs((double)w[i * IN + j]) * cost / (N * IN);
      assert_float_equal(grad[0][i * IN + j], (w[i * IN + j] > 0 ? cost : -cost) / (N * IN), 1e-6);
    }
  }
  assert_float_equal(value, want, 1e-5);
  lp_plan_free(plan);
  lp_graph_free(g);
  lp_spec_free(&spec);
  lp_session_close(s);
}

/* What is refused, in words. */
static void refused(void **state) {
  (void)state;
  static const struct {
    const char *spec, *says;
    bool weight, sheet;
    uint32_t rows, cols;
  } bad[] = {
      {"jacobs_jordan", "no weights", false, true, 15, 15},
      {"sernn", "no weights", false, true, 15, 15},
      {"sernn", "units of one sheet", true, true, 15, 7},
      {"sernn:reduce=median", "reduce=median", true, true, 15, 15},
      {"cosine_neighbour:topology=ring", "topology=ring", true, true, 15, 7},
      {"cosine_neighbour", "no sheet", true, false, 15, 7},
      {"laplacian_pyramid", "no sheet", true, false, 15, 7},
      {"laplacian_pyramid:factor=4", "cannot be shrunk", true, true, 15, 7},
      {"prior_decay:cost=(disk:r=1)", "P is 0 from unit", true, true, 15, 15},
      {"prior_decay:cost=(gaussian:sigma=0.4)", "leave single precision", true, true, 15, 15},
  };
  for (uint32_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    lp_layer_request req = {.struct_size = sizeof req,
                            .n_in = bad[k].cols,
                            .n_out = bad[k].rows,
                            .extent_out = {bad[k].sheet ? 3 : 0, bad[k].sheet ? 5 : 0},
                            .path = "l.penalty",
                            .mode = LP_TRAIN};
    lp_spec spec;
    lp_graph *g;
    ok(lp_graph_new("penalty", &g));
    ok(lp_spec_parse(LP_KIND_PENALTY, bad[k].spec, &spec));
    const lp_desc d = lp_f32(bad[k].rows, bad[k].cols);
    const lp_init init = {LP_INIT_CONST, 1, NULL};
    const lp_val w = bad[k].weight ? lp_graph_param(g, "w", &d, &init) : LP_NO_VAL;
    const lp_penalty *row = spec.entry->descriptor;
    lp_val value;
    assert_int_not_equal(
        row->build(row->self, spec.args + LP_PENALTY_PARAMS, g, &req, w, LP_NO_VAL, &value), LP_OK);
    if (!strstr(lp_error_message(), bad[k].says))
      fail_msg("%s says: %s", bad[k].spec, lp_error_message());
    lp_graph_free(g);
    lp_spec_free(&spec);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_gradients),
      cmocka_unit_test(biases),
      cmocka_unit_test(refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
